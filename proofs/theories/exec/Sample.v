(* Evaluation of a network at points with rational coordinates: exactly, and rounded between the layers with a proved error.
   Standard library only: this file is extracted. *)
From Coq Require Import ZArith List Bool.
From Lipcert Require Import exec.Dyadic exec.Gram exec.Network.
Import ListNotations.
Local Open Scope Z_scope.

(* Coordinate i is coordinates_i * 2^power / divisor. *)
Record point : Type := Point { coordinates : list Z; power : Z; divisor : Z }.

(* Bring to the smaller power [k], with the coordinates multiplied by [scaling]. *)
Definition lift (k scaling : Z) (p : point) : list Z :=
  map (fun c => Z.shiftl (c * scaling) (power p - k)) (coordinates p).

Definition add_points (p q : point) : point :=
  let k := Z.min (power p) (power q) in
  Point (zip_with Z.add (lift k (divisor q) p) (lift k (divisor p) q)) k (divisor p * divisor q).

Definition append_points (p q : point) : point :=
  let k := Z.min (power p) (power q) in
  Point (lift k (divisor q) p ++ lift k (divisor p) q) k (divisor p * divisor q).

(* A constant vector *)
Definition constant (b : list dyadic) : point :=
  let s := common_scale [b] in
  Point (map (grid s) b) (- s) 1.

Definition times_dyadic (a : dyadic) (p : point) : point :=
  Point (map (Z.mul (mantissa a)) (coordinates p)) (power p + exponent a) (divisor p).

Definition leaky (slope : dyadic) (p : point) : point :=
  let k := Z.min 0 (exponent slope) in
  Point (map (fun c => if 0 <=? c then Z.shiftl c (- k) else Z.shiftl (mantissa slope * c) (exponent slope - k)) (coordinates p))
        (power p + k) (divisor p).

(* Insertion into a decreasing list; [max] and [min] order the type. *)
Fixpoint insert {A : Type} (max min : A -> A -> A) (x : A) (xs : list A) {struct xs} : list A :=
  match xs with
  | [] => [x]
  | y :: xs' => max x y :: insert max min (min x y) xs'
  end.

Definition insertion_sort {A : Type} (max min : A -> A -> A) (xs : list A) : list A := fold_right (insert max min) [] xs.

Definition sort_groups {A : Type} (max min : A -> A -> A) (group : nat) (xs : list A) : list A :=
  concat (map (insertion_sort max min) (chunks group xs)).

Definition maxmin_halves {A : Type} (max min : A -> A -> A) (xs : list A) : list A :=
  let half := Nat.div2 (length xs) in
  let left := firstn half xs in
  let right := skipn half xs in
  zip_with max left right ++ zip_with min left right.

(* The maximum of the entries with the given indices. *)
Definition window_max {A : Type} (max : A -> A -> A) (zero : A) (xs : list A) (window : list nat) : A :=
  match map (fun i => nth i xs zero) window with
  | [] => zero
  | y :: ys => fold_right max y ys
  end.

Definition on_coordinates (f : list Z -> list Z) (p : point) : point := Point (f (coordinates p)) (power p) (divisor p).

(* A point whose coordinates were multiplied by integer rows of scale 2^-s, over a divisor. *)
Definition rescale (s q : Z) (p : point) (multiplied : list Z) : point := Point multiplied (power p - s) (divisor p * q).

Definition apply_rows (s q : Z) (rows : list (list Z)) (p : point) : point :=
  rescale s q p (map (fun row => dot row (coordinates p)) rows).

Definition multiply_entries (s q : Z) (factors : list Z) (p : point) : point :=
  Point (zip_with Z.mul factors (coordinates p)) (power p - s) (divisor p * q).

(* Values at rational points are rational. *)
Fixpoint rational_values (net : network) : bool :=
  match net with
  | Sigmoid | Tanh => false
  | Compose f g | Concat f g => rational_values f && rational_values g
  | Residual _ g => rational_values g
  | _ => true
  end.

(* All points at once, so that each layer's integer rows are made once. *)
Fixpoint forward (net : network) (ps : list point) {struct net} : list point :=
  match net with
  | Identity => ps
  | Dense q W b =>
      let s := common_scale W in
      let rows := map (map (grid s)) W in
      let shift := constant b in
      zip_with (fun p y => add_points (rescale s q p y) shift) ps (products rows (map coordinates ps))
  | Diagonal q d b =>
      let s := common_scale [d] in
      let factors := map (grid s) d in
      let shift := constant b in
      map (fun p => add_points (multiply_entries s q factors p) shift) ps
  | Relu => map (on_coordinates (map (Z.max 0))) ps
  | LeakyRelu slope => map (leaky slope) ps
  | Abs => map (on_coordinates (map Z.abs)) ps
  | Sigmoid | Tanh => ps                        (* excluded by [rational_values] *)
  | GroupSort group => map (on_coordinates (sort_groups Z.max Z.min group)) ps
  | FullSort => map (on_coordinates (insertion_sort Z.max Z.min)) ps
  | MaxMinHalves => map (on_coordinates (maxmin_halves Z.max Z.min)) ps
  | MaxPool windows => map (on_coordinates (fun c => map (window_max Z.max 0 c) windows)) ps
  | Compose f g => forward g (forward f ps)
  | Residual a g => zip_with add_points (map (times_dyadic a) ps) (forward g ps)
  | Concat f g => zip_with append_points (forward f ps) (forward g ps)
  end.

(* ---- rounding ---- *)

(* The exact vector lies within Euclidean distance [error] of [centre]. *)
Record enclosed : Type := Enclosed { centre : point; error : rational }.

(* How many low bits, in steps of 4, make a number of size [largest] longer than [precision] bits. *)
Fixpoint excess (fuel : nat) (precision largest k : Z) : Z :=
  match fuel with
  | O => k
  | S fuel' => if largest <=? Z.shiftl 1 (precision + k) then k else excess fuel' precision largest (k + 4)
  end.

(* A number whose square is at least n, by doubling. *)
Fixpoint root_above (fuel : nat) (n r : Z) : Z :=
  match fuel with
  | O => n
  | S fuel' => if n <=? r * r then r else root_above fuel' n (r + r)
  end.

(* a * 2^e / d *)
Definition scaled (a e d : Z) : rational :=
  if 0 <=? e then Rational (Z.shiftl a e) d else Rational a (Z.shiftl d (- e)).

(* To the nearest multiple of 2^k steps: each coordinate moves by at most 2^(k-1) steps. *)
Definition rounded (precision : Z) (p : point) (e : rational) : enclosed :=
  let k := excess (slots 10) precision (max_abs 0 (coordinates p)) 0 in
  if k <=? 0 then Enclosed p e else
  let half := Z.shiftl 1 (k - 1) in
  Enclosed (Point (map (fun c => Z.shiftr (c + half) k) (coordinates p)) (power p + k) (divisor p))
           (plus e (scaled (root_above (slots 5) (zlength (coordinates p)) 1) (power p + k - 1) (divisor p))).

(* An error is enlarged by at most a layer's Lipschitz constant; after each layer its value is rounded. *)
Definition enclose_layer (precision : Z) (net : network) (ev : evidence) (qs : list enclosed) : list enclosed :=
  let u := constant_of net ev in
  zip_with (fun q y => rounded precision y (times u (error q))) qs (forward net (map centre qs)).

Fixpoint enclose (precision : Z) (net : network) (ev : evidence) (qs : list enclosed) {struct net} : list enclosed :=
  match net, ev with
  | Compose f g, Both ef eg => enclose precision g eg (enclose precision f ef qs)
  | _, _ => enclose_layer precision net ev qs
  end.
