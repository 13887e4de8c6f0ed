(* A problem: a network, the evidence for its Lipschitz constants, and the claims to be decided.
   Standard library only: this file is extracted; [verdicts] is what the program runs. *)
From Coq Require Import ZArith List Bool.
From Lipcert Require Import exec.Dyadic exec.Gram exec.Network exec.Sample.
Import ListNotations.
Local Open Scope Z_scope.

Inductive claim : Type :=
| GlobalLipschitz (u : rational)                    (* f is u-Lipschitz *)
| PairLipschitz (i j : nat) (u : rational)          (* f_i - f_j is u-Lipschitz *)
| RobustClass (x : nat) (i : nat) (r : rational)    (* class i wins strictly on the closed ball of radius r around point x *)
| RobustSign (x : nat) (positive : bool) (r : rational).   (* the one output has this sign on the closed ball of radius r *)

Record problem : Type := Problem {
  input_size : nat;
  body : network;
  last : network;                (* the network is Compose body last; linear last layers give the bounds of pairs *)
  body_evidence : evidence;
  last_evidence : evidence;
  precision : Z;                 (* bits that are kept of the values at a point, from layer to layer *)
  points : list point;
  claims : list claim
}.

Definition whole (p : problem) : network := Compose (body p) (last p).

(* Bounds of the body and of the whole, and what the pairs need of the last layers: the inner products of the rows of their
   integer matrix, and its denominator. *)
Record bounds : Type := Bounds { body_bound : rational; whole_bound : rational; row_products : list (list Z); denominator : Z }.

(* Without claims that speak of two outputs, the inner products are not needed. *)
Definition about_pairs (c : claim) : bool :=
  match c with
  | PairLipschitz _ _ _ | RobustClass _ _ _ => true
  | _ => false
  end.

Definition last_rows (p : problem) : list (list Z) * Z :=
  if existsb about_pairs (claims p) then
    match linear_map (last p) with
    | Some A => (products (rows A) (rows A), Z.shiftl (row_divisor A) (row_scale A))
    | None => ([], 1)
    end
  else ([], 1).

Definition prove_bounds (p : problem) : option bounds :=
  match lipschitz (body p) (body_evidence p), lipschitz (last p) (last_evidence p) with
  | Some u, Some v => let (rs, q) := last_rows p in Some (Bounds u (times u v) rs q)
  | _, _ => None
  end.

Definition square (u : rational) : rational := times u u.

(* Squared bounds of f_i - f_j: sqrt 2 times the whole, or the difference of two rows times the body. *)
Definition pair_by_root2 (b : bounds) : rational := times (Rational 2 1) (square (whole_bound b)).

Definition pair_by_rows (b : bounds) (i j : nat) : rational :=
  match nth_error (row_products b) i, nth_error (row_products b) j with
  | Some u, Some v =>
      let q := denominator b in
      times (Rational (nth i u 0 - 2 * nth j u 0 + nth j v 0) (q * q)) (square (body_bound b))
  | _, _ => pair_by_root2 b
  end.

(* What is left of the coordinate c of a point when it may be wrong by [error]. *)
Definition margin (y : enclosed) (error : rational) (c : Z) : rational :=
  minus (scaled c (power (centre y)) (divisor (centre y))) error.

(* bound * r^2 < margin^2, with margin > 0 *)
Definition margin_exceeds (bound r m : rational) : bool :=
  (0 <? num m) && less_than (times bound (square r)) (square m).

(* The error of the difference of two coordinates is at most twice that of the vector. *)
Definition beats (b : bounds) (r : rational) (y : enclosed) (i j : nat) : bool :=
  if Nat.eqb i j then true else
  let c := coordinates (centre y) in
  let m := margin y (times (Rational 2 1) (error y)) (nth i c 0 - nth j c 0) in
  margin_exceeds (pair_by_rows b i j) r m || margin_exceeds (pair_by_root2 b) r m.

Definition has_sign (b : bounds) (r : rational) (y : enclosed) (positive : bool) : bool :=
  let c := nth 0 (coordinates (centre y)) 0 in
  margin_exceeds (square (whole_bound b)) r (margin y (error y) (if positive then c else - c)).

(* [m] outputs; [ys]: the values of the network at the points. *)
Definition claim_check (b : bounds) (m : nat) (ys : list enclosed) (c : claim) : bool :=
  match c with
  | GlobalLipschitz u => nonnegative u && at_most (whole_bound b) u
  | PairLipschitz i j u =>
      nonnegative u && Nat.ltb i m && Nat.ltb j m
      && (at_most (pair_by_rows b i j) (square u) || at_most (pair_by_root2 b) (square u))
  | RobustClass x i r =>
      match nth_error ys x with
      | Some y => nonnegative r && Nat.ltb i m && forallb (beats b r y i) (seq 0 m)
      | None => false
      end
  | RobustSign x positive r =>
      match nth_error ys x with
      | Some y => nonnegative r && Nat.eqb m 1 && has_sign b r y positive
      | None => false
      end
  end.

Definition point_ok (n : nat) (p : point) : bool := (0 <? divisor p) && Nat.eqb (length (coordinates p)) n.

Definition values (p : problem) : list enclosed :=
  if rational_values (whole p) then
    enclose (precision p) (last p) (last_evidence p)
      (enclose (precision p) (body p) (body_evidence p) (map (fun x => Enclosed x zero) (points p)))
  else [].

(* One answer for each claim: is it proved? *)
Definition verdicts (p : problem) : list bool :=
  match output_size (whole p) (input_size p), prove_bounds p with
  | Some m, Some b =>
      if forallb (point_ok (input_size p)) (points p) then
        let ys := values p in
        map (claim_check b m ys) (claims p)
      else map (fun _ => false) (claims p)
  | _, _ => map (fun _ => false) (claims p)
  end.
