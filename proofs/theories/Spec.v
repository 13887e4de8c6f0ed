(* What the theorems are about: the function that a network computes, in exact arithmetic, and Euclidean distance.
   Read this file and the statements in Main.v to know what is claimed; nothing else matters for the meaning.

   A shape that does not fit makes [eval] return None. Nothing is padded and nothing is cut. *)
From Coq Require Import ZArith.
From mathcomp Require Import all_ssreflect all_algebra.
From mathcomp Require Import zify ssrZ.
From Lipcert Require Import exec.Dyadic exec.Network exec.Sample exec.Claims.
Set Implicit Arguments.
Unset Strict Implicit.
Unset Printing Implicit Defensive.
Import Order.TTheory GRing.Theory Num.Theory.
Local Open Scope ring_scope.

(* The two functions that a real closed field does not define. All that the theorems need of them is how steep they are;
   that the functions of the real numbers are so is proved in refine/RealFunctions.v. *)
Record squashing (R : rcfType) : Type := Squashing {
  sigmoid : R -> R;
  tanh : R -> R;
  sigmoid_slope : forall a b, `|sigmoid a - sigmoid b| <= `|a - b| / 4%:R;
  tanh_slope : forall a b, `|tanh a - tanh b| <= `|a - b|
}.

Section Spec.
Variable R : rcfType.                       (* any real closed field: the real numbers, the real algebraic numbers, ... *)

(* ---- numbers ---- *)

Definition zr (z : Z) : R := (int_of_Z z)%:~R.

(* 2^e *)
Definition two_power (e : Z) : R :=
  match e with
  | Z0 => 1
  | Zpos p => 2%:R ^+ Pos.to_nat p
  | Zneg p => (2%:R ^+ Pos.to_nat p)^-1
  end.

Definition dr (x : dyadic) : R := zr (mantissa x) * two_power (exponent x).

Definition qr (u : rational) : R := zr (num u) / zr (den u).

(* ---- layers ---- *)

Variable T : squashing R.

(* The inner product of two vectors of the same length. *)
Definition inner (w : seq dyadic) (x : seq R) : R := \sum_(p <- zip w x) dr p.1 * p.2.

Definition decreasing (x : seq R) : seq R := sort (fun a b => b <= a) x.

(* Consecutive groups; used only when the group size divides the length. *)
Definition groups (size_of_group : nat) (x : seq R) : seq (seq R) :=
  reshape (nseq (size x %/ size_of_group) size_of_group) x.

(* The largest entry of a list that is not empty. *)
Definition maximum (x : seq R) : R := foldr Num.max (head 0 x) (behead x).

Definition guarded (ok : bool) (y : seq R) : option (seq R) := if ok then Some y else None.

Fixpoint eval (net : network) (x : seq R) {struct net} : option (seq R) :=
  match net with
  | Identity => Some x
  | Dense divisor W b =>
      guarded (all (fun row => size row == size x) W && (size b == size W) && (0 < zr divisor))
              [seq inner p.1 x / zr divisor + dr p.2 | p <- zip W b]
  | Diagonal divisor d b =>
      guarded ((size d == size x) && (size b == size x) && (0 < zr divisor))
              [seq dr p.1.1 * p.2 / zr divisor + dr p.1.2 | p <- zip (zip d b) x]
  | Relu => Some [seq Num.max 0 a | a <- x]
  | LeakyRelu slope => Some [seq if 0 <= a then a else dr slope * a | a <- x]
  | Abs => Some [seq `|a| | a <- x]
  | Sigmoid => Some [seq sigmoid T a | a <- x]
  | Tanh => Some [seq tanh T a | a <- x]
  | GroupSort group =>
      guarded ((0 < group)%N && (group %| size x)%N) (flatten [seq decreasing g | g <- groups group x])
  | FullSort => Some (decreasing x)
  | MaxMinHalves =>
      let pairs := zip (take (size x)./2 x) (drop (size x)./2 x) in
      guarded (~~ odd (size x)) ([seq Num.max p.1 p.2 | p <- pairs] ++ [seq Num.min p.1 p.2 | p <- pairs])
  | MaxPool windows =>
      guarded (all (fun w => (w != [::]) && all (fun i => (i < size x)%N) w) windows)
              [seq maximum [seq nth 0 x i | i <- w] | w <- windows]
  | Compose f g => obind (eval g) (eval f x)
  | Residual a g =>
      if eval g x is Some y then
        guarded (size y == size x) [seq dr a * p.1 + p.2 | p <- zip x y]
      else None
  | Concat f g =>
      match eval f x, eval g x with
      | Some y, Some z => Some (y ++ z)
      | _, _ => None
      end
  end.

(* ---- distance ---- *)

(* The Euclidean distance of two vectors of the same length. *)
Definition distance2 (x y : seq R) : R := \sum_(p <- zip x y) (p.1 - p.2) ^+ 2.
Definition distance (x y : seq R) : R := Num.sqrt (distance2 x y).

(* The vector that a point of a problem stands for. *)
Definition vector (p : point) : seq R :=
  [seq zr c * two_power (power p) / zr (divisor p) | c <- coordinates p].

End Spec.

(* ---- claims ---- *)

(* A network computes a function from vectors of n to vectors of m entries. *)
Definition computes (R : rcfType) (T : squashing R) (net : network) (n m : nat) : Prop :=
  forall x : seq R, size x = n -> exists2 y, eval T net x = Some y & size y = m.

(* What a claim says about the function f of the problem's network; [n] inputs, [m] outputs. *)
Definition holds (R : rcfType) (T : squashing R) (p : problem) (n m : nat) (c : claim) : Prop :=
  let f := eval T (whole p) in
  match c with
  | GlobalLipschitz u =>
      forall x y fx fy, size x = n -> size y = n -> f x = Some fx -> f y = Some fy ->
      distance fx fy <= qr R u * distance x y
  | PairLipschitz i j u =>
      [/\ (i < m)%N, (j < m)%N &
      forall x y fx fy, size x = n -> size y = n -> f x = Some fx -> f y = Some fy ->
      `|(nth 0 fx i - nth 0 fx j) - (nth 0 fy i - nth 0 fy j)| <= qr R u * distance x y]
  | RobustClass k i r =>
      exists2 s, List.nth_error (points p) k = Some s &
      [/\ (i < m)%N, 0 <= qr R r &
      forall y fy, size y = n -> f y = Some fy -> distance (vector R s) y <= qr R r ->
      forall j, (j < m)%N -> j != i -> nth 0 fy j < nth 0 fy i]
  | RobustSign k positive r =>
      exists2 s, List.nth_error (points p) k = Some s &
      [/\ m = 1%N, 0 <= qr R r &
      forall y fy, size y = n -> f y = Some fy -> distance (vector R s) y <= qr R r ->
      if positive then 0 < nth 0 fy 0 else nth 0 fy 0 < 0]
  end.
