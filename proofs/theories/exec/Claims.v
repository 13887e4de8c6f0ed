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
| RobustSign (x : nat) (r : rational).              (* the one output keeps its sign on the closed ball of radius r *)

Record problem : Type := Problem {
  input_size : nat;
  body : network;
  last : network;                (* the network is Compose body last; the last layer gives the bounds of pairs *)
  body_evidence : evidence;
  last_evidence : evidence;
  points : list point;
  claims : list claim
}.

Definition whole (p : problem) : network := Compose (body p) (last p).

(* Bounds of the body and of the whole, and what the pairs need of the last layer: integer rows and their denominator. *)
Record bounds : Type := Bounds { body_bound : rational; whole_bound : rational; rows : list (list Z); rows_divisor : Z }.

Definition last_rows (net : network) : list (list Z) * Z :=
  match net with
  | Dense divisor W _ => let s := common_scale W in (map (map (grid s)) W, Z.shiftl divisor s)
  | _ => ([], 1)
  end.

Definition prove_bounds (p : problem) : option bounds :=
  match lipschitz (body p) (body_evidence p), lipschitz (last p) (last_evidence p) with
  | Some u, Some v => let (rs, q) := last_rows (last p) in Some (Bounds u (times u v) rs q)
  | _, _ => None
  end.

Definition square (u : rational) : rational := times u u.

(* Squared bounds of f_i - f_j: sqrt 2 times the whole, or the difference of two rows times the body. *)
Definition pair_by_root2 (b : bounds) : rational := times (Rational 2 1) (square (whole_bound b)).

Definition pair_by_rows (b : bounds) (i j : nat) : rational :=
  match nth_error (rows b) i, nth_error (rows b) j with
  | Some u, Some v =>
      let q := rows_divisor b in
      times (Rational (dot u u - 2 * dot u v + dot v v) (q * q)) (square (body_bound b))
  | _, _ => pair_by_root2 b
  end.

(* bound * r^2 < (the coordinate c of a point)^2, with c > 0 *)
Definition margin_exceeds (bound r : rational) (x : point) (c : Z) : bool :=
  (0 <? c) && lt_scaled (num bound * (num r * num r) * (divisor x * divisor x)) (c * c * den bound * (den r * den r)) (2 * power x).

Definition beats (b : bounds) (r : rational) (x : point) (i j : nat) : bool :=
  let c := nth i (coordinates x) 0 - nth j (coordinates x) 0 in
  Nat.eqb i j || margin_exceeds (pair_by_rows b i j) r x c || margin_exceeds (pair_by_root2 b) r x c.

(* [m] outputs; [ys]: the values of the network at the points. *)
Definition claim_check (b : bounds) (m : nat) (ys : list point) (c : claim) : bool :=
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
  | RobustSign x r =>
      match nth_error ys x with
      | Some y => nonnegative r && Nat.eqb m 1 && margin_exceeds (square (whole_bound b)) r y (Z.abs (nth 0 (coordinates y) 0))
      | None => false
      end
  end.

Definition point_ok (n : nat) (p : point) : bool := (0 <? divisor p) && Nat.eqb (length (coordinates p)) n.

(* One answer for each claim: is it proved? *)
Definition verdicts (p : problem) : list bool :=
  match output_size (whole p) (input_size p), prove_bounds p with
  | Some m, Some b =>
      if forallb (point_ok (input_size p)) (points p) then
        let ys := forward (whole p) (points p) in
        map (claim_check b m ys) (claims p)
      else map (fun _ => false) (claims p)
  | _, _ => map (fun _ => false) (claims p)
  end.
