(* Networks, evidence, and the checks of Lipschitz constants.
   Standard library only: this file is extracted. *)
From Coq Require Import ZArith List Bool.
From Lipcert Require Import exec.Dyadic exec.Gram.
Import ListNotations.
Local Open Scope Z_scope.

(* num / den; whoever uses it tests den > 0. *)
Record rational : Type := Rational { num : Z; den : Z }.

Definition nonnegative (u : rational) : bool := (0 <=? num u) && (0 <? den u).
Definition times (u v : rational) : rational := Rational (num u * num v) (den u * den v).
Definition plus (u v : rational) : rational := Rational (num u * den v + num v * den u) (den u * den v).
Definition minus (u v : rational) : rational := Rational (num u * den v - num v * den u) (den u * den v).
Definition at_most (u v : rational) : bool := num u * den v <=? num v * den u.
Definition less_than (u v : rational) : bool := num u * den v <? num v * den u.

(* Weights are exact dyadic numbers. What each layer computes is fixed by [eval] in Spec.v. *)
Inductive network : Type :=
| Identity
| Dense (divisor : Z) (W : list (list dyadic)) (b : list dyadic)   (* x |-> W x / divisor + b *)
| Diagonal (divisor : Z) (d b : list dyadic)                       (* x |-> d x / divisor + b, entry by entry *)
| Relu
| LeakyRelu (slope : dyadic)
| Abs
| Sigmoid                                       (* 1 / (1 + exp (-x)), entry by entry *)
| Tanh
| GroupSort (group : nat)                       (* decreasing order in each group of consecutive entries *)
| FullSort                                      (* decreasing order *)
| MaxMinHalves                                  (* maxima, then minima, of entry i and entry i + n/2 *)
| MaxPool (windows : list (list nat))           (* the maximum over each window of entries *)
| Compose (f g : network)                       (* x |-> g (f x) *)
| Residual (a : dyadic) (g : network)           (* x |-> a x + g x *)
| Concat (f g : network).                       (* x |-> (f x, g x) *)

(* ---- well-formedness: the output size on inputs of size n ---- *)

Definition every_length {A : Type} (n : nat) (rows : list (list A)) : bool :=
  forallb (fun r => Nat.eqb (length r) n) rows.

Definition is_nil {A : Type} (xs : list A) : bool := match xs with [] => true | _ => false end.

Definition guard (b : bool) (n : nat) : option nat := if b then Some n else None.

Fixpoint output_size (net : network) (n : nat) : option nat :=
  match net with
  | Identity | Relu | LeakyRelu _ | Abs | Sigmoid | Tanh | FullSort => Some n
  | Dense divisor W b => guard ((0 <? divisor) && every_length n W && Nat.eqb (length b) (length W)) (length W)
  | Diagonal divisor d b => guard ((0 <? divisor) && Nat.eqb (length d) n && Nat.eqb (length b) n) n
  | GroupSort group => guard (negb (Nat.eqb group 0) && Nat.eqb (Nat.modulo n group) 0) n
  | MaxMinHalves => guard (Nat.even n) n
  | MaxPool windows =>
      guard (forallb (fun w => negb (is_nil w) && forallb (fun i => Nat.ltb i n) w) windows) (length windows)
  | Compose f g => match output_size f n with Some m => output_size g m | None => None end
  | Residual _ g => match output_size g n with Some m => guard (Nat.eqb m n) n | None => None end
  | Concat f g =>
      match output_size f n, output_size g n with
      | Some m1, Some m2 => Some (m1 + m2)%nat
      | _, _ => None
      end
  end.

(* ---- Lipschitz constants ---- *)

(* Everything about a dense layer's norm that the untrusted front proposes. *)
Record gram_hint : Type := GramHint {
  transposed : bool;             (* use the columns, not the rows *)
  scale : Z;                     (* weights are rounded down to the grid of step 2^-scale ... *)
  spread : Z;                    (* ... and at most spread^2 of them are off the grid *)
  grid_norm : Z;                 (* bound of the norm of the rounded matrix, in grid steps *)
  off_diagonal : Z;              (* bound of the entries off the diagonal of what the factor leaves *)
  slot_width : Z;
  depth : nat;                   (* 2^depth rows are packed together *)
  factor : list (list Z)         (* the factor of Lemma P, on the same grid *)
}.

(* Shaped like the network: what each layer's bound is and why. *)
Inductive evidence : Type :=
| Claim (u : rational)                          (* layers whose constant is read off *)
| DenseClaim (u : rational) (h : gram_hint)
| Folded (u : rational) (h : gram_hint)         (* several linear layers: the norm of their product *)
| Both (f g : evidence)                         (* Compose: the product *)
| Inner (g : evidence)                          (* Residual: |a| + the bound of g *)
| Join (u : rational) (f g : evidence).         (* Concat: at least the root of the sum of squares *)

(* How many weights are not on the grid. Tail-recursive, since a layer may have millions of weights. *)
Fixpoint count_off_grid (s acc : Z) (row : list dyadic) : Z :=
  match row with
  | [] => acc
  | x :: row' => count_off_grid s (if on_grid s x then acc else acc + 1) row'
  end.

Definition off_grid_count (s : Z) (W : list (list dyadic)) : Z := fold_left (count_off_grid s) W 0.

(* ||W||_2 / divisor <= u: the rounded matrix has norm <= grid_norm steps, the rest has Frobenius norm <= spread steps. *)
Definition dense_check (divisor : Z) (W : list (list dyadic)) (u : rational) (h : gram_hint) : bool :=
  let s := scale h in
  let rounded := map (map (grid s)) W in
  let M := if transposed h then transpose rounded else rounded in
  (0 <? divisor) && (0 <=? spread h) && (0 <=? grid_norm h)
  && (off_grid_count s W <=? spread h * spread h)
  && le_scaled ((grid_norm h + spread h) * den u) (num u * divisor) s
  && norm_check (slot_width h) (off_diagonal h) (grid_norm h * grid_norm h) (depth h) (factor h) M.

(* |x| as a rational *)
Definition magnitude (x : dyadic) : rational :=
  if 0 <=? exponent x then Rational (Z.shiftl (Z.abs (mantissa x)) (exponent x)) 1
  else Rational (Z.abs (mantissa x)) (Z.shiftl 1 (- exponent x)).

Definition zero : rational := Rational 0 1.
Definition one : rational := Rational 1 1.

(* Counters: entry i says how often i was seen; missing entries are zero. *)
Fixpoint bump (i : nat) (counts : list Z) {struct i} : list Z :=
  match i, counts with
  | O, [] => [1]
  | O, c :: counts' => c + 1 :: counts'
  | S i', [] => 0 :: bump i' []
  | S i', c :: counts' => c :: bump i' counts'
  end.

Definition occurrences (indices : list nat) : list Z := fold_right bump [] indices.

Definition leaf_check (net : network) (u : rational) : bool :=
  match net with
  | Identity | Relu | Abs | Tanh | GroupSort _ | FullSort | MaxMinHalves => at_most one u
  | Sigmoid => at_most (Rational 1 4) u
  | LeakyRelu slope => at_most one u && at_most (magnitude slope) u
  | Diagonal divisor d _ => (0 <? divisor) && forallb (fun x => at_most (magnitude x) (times u (Rational divisor 1))) d
  | MaxPool windows =>
      forallb (fun c => c * (den u * den u) <=? num u * num u) (occurrences (concat windows))
  | _ => false
  end.

(* ---- several linear layers as one matrix ---- *)

(* x |-> rows x 2^-row_scale / row_divisor, but for constants *)
Record linear : Type := Linear { rows : list (list Z); row_scale : Z; row_divisor : Z }.

Fixpoint diagonal_rows (d : list Z) : list (list Z) :=
  match d with
  | [] => []
  | a :: d' => (a :: map (fun _ => 0) d') :: map (cons 0) (diagonal_rows d')
  end.

Definition multiply (A B : list (list Z)) : list (list Z) := transpose (products A (transpose B)).

Definition has_entries (M : list (list Z)) : bool := match M with (_ :: _) :: _ => true | _ => false end.

(* The matrix of x |-> net (A x). *)
Fixpoint after (net : network) (A : linear) {struct net} : option linear :=
  match net with
  | Identity => Some A
  | Dense divisor W _ =>
      let s := common_scale W in
      if (0 <? divisor) && has_entries (rows A) then
        Some (Linear (multiply (map (map (grid s)) W) (rows A)) (row_scale A + s) (row_divisor A * divisor))
      else None
  | Diagonal divisor d _ =>
      let s := common_scale [d] in
      if 0 <? divisor then
        Some (Linear (zip_with (fun a row => map (Z.mul a) row) (map (grid s) d) (rows A)) (row_scale A + s) (row_divisor A * divisor))
      else None
  | Compose f g => match after f A with Some B => after g B | None => None end
  | _ => None
  end.

Fixpoint linear_map (net : network) : option linear :=
  match net with
  | Dense divisor W _ =>
      let s := common_scale W in
      if 0 <? divisor then Some (Linear (map (map (grid s)) W) s divisor) else None
  | Diagonal divisor d _ =>
      let s := common_scale [d] in
      if 0 <? divisor then Some (Linear (diagonal_rows (map (grid s) d)) s divisor) else None
  | Compose f g => match linear_map f with Some A => after g A | None => None end
  | _ => None
  end.

Definition folded_check (net : network) (u : rational) (h : gram_hint) : bool :=
  match linear_map net with
  | Some A => dense_check (row_divisor A) (map (map (fun z => Dyadic z (- row_scale A))) (rows A)) u h
  | None => false
  end.

(* ---- whole networks ---- *)

Definition join_check (u v w : rational) : bool := at_most (plus (times u u) (times v v)) (times w w).

(* A Lipschitz constant of the network, from claimed ones that are tested. *)
Fixpoint lipschitz (net : network) (ev : evidence) {struct net} : option rational :=
  match net, ev with
  | Compose f g, Both ef eg =>
      match lipschitz f ef, lipschitz g eg with
      | Some u, Some v => Some (times u v)
      | _, _ => None
      end
  | Residual a g, Inner eg =>
      match lipschitz g eg with
      | Some u => Some (plus (magnitude a) u)
      | None => None
      end
  | Concat f g, Join w ef eg =>
      match lipschitz f ef, lipschitz g eg with
      | Some u, Some v => if nonnegative w && join_check u v w then Some w else None
      | _, _ => None
      end
  | Dense divisor W _, DenseClaim u h => if nonnegative u && dense_check divisor W u h then Some u else None
  | _, Folded u h => if nonnegative u && folded_check net u h then Some u else None
  | _, Claim u => if nonnegative u && leaf_check net u then Some u else None
  | _, _ => None
  end.

(* What [lipschitz] answers when it answers, without the tests. *)
Fixpoint constant_of (net : network) (ev : evidence) {struct net} : rational :=
  match net, ev with
  | Compose f g, Both ef eg => times (constant_of f ef) (constant_of g eg)
  | Residual a g, Inner eg => plus (magnitude a) (constant_of g eg)
  | _, Claim u => u
  | _, DenseClaim u _ => u
  | _, Folded u _ => u
  | _, Join u _ _ => u
  | _, _ => zero
  end.
