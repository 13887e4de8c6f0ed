(* The kernel: are all inner products of distinct rows of an integer matrix small, and all squared row lengths bounded?
   A row of inner products is computed as ONE product with packed columns: the numbers of a column stand in slots of w bits
   of one big integer, so that a multiplication by one entry serves the whole column.
   Standard library only: this file is extracted. *)
From Coq Require Import ZArith List Bool.
Import ListNotations.
Local Open Scope Z_scope.

(* ---- inner products ---- *)

(* Missing entries count as zero. *)
Fixpoint dot_acc (acc : Z) (u v : list Z) {struct u} : Z :=
  match u, v with
  | a :: u', b :: v' => dot_acc (acc + a * b) u' v'
  | _, _ => acc
  end.

Definition dot (u v : list Z) : Z := dot_acc 0 u v.

Fixpoint zlength_acc {A : Type} (acc : Z) (xs : list A) : Z :=
  match xs with
  | [] => acc
  | _ :: xs' => zlength_acc (acc + 1) xs'
  end.

Definition zlength {A : Type} (xs : list A) : Z := zlength_acc 0 xs.

(* ---- packed columns ---- *)

(* Put [row] into the lowest slots and move what is there up by w bits. *)
Fixpoint push_row (w : Z) (row columns : list Z) {struct row} : list Z :=
  match row, columns with
  | [], _ => map (fun c => Z.shiftl c w) columns
  | _, [] => row
  | r :: row', c :: columns' => r + Z.shiftl c w :: push_row w row' columns'
  end.

(* Entry k is the sum over i of 2^(w i) * (entry k of row i). *)
Definition pack_rows (w : Z) (rows : list (list Z)) : list Z := fold_right (push_row w) [] rows.

(* The numbers in the h = 2^depth slots of x all have absolute value <= t, except slot [skip].
   Slots hold signed numbers: the low half is the remainder of rounding to the nearest multiple. *)
Fixpoint slots_small (w t : Z) (depth : nat) (h skip x : Z) {struct depth} : bool :=
  match depth with
  | O => (skip =? 0) || (Z.abs x <=? t)
  | S depth' =>
      if x =? 0 then true else
      let half := Z.shiftr h 1 in
      let k := w * half in
      let high := Z.shiftr (x + Z.shiftl 1 (k - 1)) k in
      let low := x - Z.shiftl high k in
      slots_small w t depth' half skip low && slots_small w t depth' half (skip - half) high
  end.

(* 2^depth, in both forms *)
Fixpoint slots (depth : nat) : nat :=
  match depth with
  | O => 1
  | S depth' => slots depth' + slots depth'
  end.

Fixpoint zslots (depth : nat) : Z :=
  match depth with
  | O => 1
  | S depth' => zslots depth' + zslots depth'
  end.

(* Row number i of the block against every row that is packed in [columns], itself excepted. *)
Fixpoint own_small (w t : Z) (depth : nat) (h : Z) (columns : list Z) (i : Z) (block : list (list Z)) {struct block} : bool :=
  match block with
  | [] => true
  | row :: block' =>
      slots_small w t depth h i (dot row columns) && own_small w t depth h columns (i + 1) block'
  end.

(* No slot is numbered -1: every row of the blocks against every row that is packed in [columns]. *)
Definition others_small (w t : Z) (depth : nat) (h : Z) (columns : list Z) (blocks : list (list (list Z))) : bool :=
  forallb (forallb (fun row => slots_small w t depth h (-1) (dot row columns))) blocks.

(* Every block against itself and the later ones. *)
Fixpoint blocks_small (w t : Z) (depth : nat) (h : Z) (blocks : list (list (list Z))) {struct blocks} : bool :=
  match blocks with
  | [] => true
  | block :: later =>
      let columns := pack_rows w block in
      own_small w t depth h columns 0 block
      && others_small w t depth h columns later
      && blocks_small w t depth h later
  end.

(* ---- blocks ---- *)

(* Cut a list into pieces of [size] elements; the first argument bounds the number of pieces. *)
Fixpoint chunks_fuel {A B : Type} (fuel : list B) (size : nat) (xs : list A) {struct fuel} : list (list A) :=
  match fuel, xs with
  | _, [] => []
  | [], _ => []
  | _ :: fuel', _ => firstn size xs :: chunks_fuel fuel' size (skipn size xs)
  end.

Definition chunks {A : Type} (size : nat) (xs : list A) : list (list A) := chunks_fuel xs size xs.

(* ---- products with many vectors ---- *)

(* The numbers in the h = 2^depth slots of x. *)
Fixpoint digits (w : Z) (depth : nat) (h x : Z) {struct depth} : list Z :=
  match depth with
  | O => [x]
  | S depth' =>
      let half := Z.shiftr h 1 in
      let k := w * half in
      let high := Z.shiftr (x + Z.shiftl 1 (k - 1)) k in
      let low := x - Z.shiftl high k in
      digits w depth' half low ++ digits w depth' half high
  end.

Fixpoint sum_abs (acc : Z) (xs : list Z) : Z :=
  match xs with
  | [] => acc
  | x :: xs' => sum_abs (acc + Z.abs x) xs'
  end.

Fixpoint max_abs (acc : Z) (xs : list Z) : Z :=
  match xs with
  | [] => acc
  | x :: xs' => max_abs (Z.max acc (Z.abs x)) xs'
  end.

(* The first width, in steps of 8 bits, for which slots hold numbers up to [bound]; the caller tests it. *)
Fixpoint slot_width_for (fuel : nat) (bound w : Z) : Z :=
  match fuel with
  | O => w
  | S fuel' => if 2 * bound + 2 <=? Z.shiftl 1 w then w else slot_width_for fuel' bound (w + 8)
  end.

Definition product_depth : nat := 5.

Fixpoint zip_with {A B C : Type} (f : A -> B -> C) (xs : list A) (ys : list B) {struct xs} : list C :=
  match xs, ys with
  | x :: xs', y :: ys' => f x y :: zip_with f xs' ys'
  | _, _ => []
  end.

(* One block of rows times a vector: [columns] is the packed block; a vector that does not fit is done entry by entry. *)
Definition block_product (w : Z) (block : list (list Z)) (columns : list Z) (vector : list Z * bool) : list Z :=
  let (c, fits) := vector in
  if fits then firstn (length block) (digits w product_depth (zslots product_depth) (dot c columns))
  else map (fun row => dot row c) block.

(* All rows times each vector. A block is packed once and serves all vectors while it is in the processor's cache. *)
Definition products (rows vectors : list (list Z)) : list (list Z) :=
  let largest := fold_left max_abs rows 0 in
  let bound := fold_left (fun b c => Z.max b (largest * sum_abs 0 c)) vectors 0 in
  let w := slot_width_for (slots 10) bound 8 in
  let tested := map (fun c => (c, (0 <? w) && (2 * (largest * sum_abs 0 c) + 2 <=? Z.shiftl 1 w))) vectors in
  fold_right (fun block rest =>
      let columns := pack_rows w block in
      zip_with (fun c ys => block_product w block columns c ++ ys) tested rest)
    (map (fun _ => []) vectors) (chunks (slots product_depth) rows).

(* ---- the test ---- *)

(* For the rows c_1 .. c_n: n t + |c_i|^2 <= d, and |c_i . c_j| <= t for i <> j.
   [w] is the slot width, and 2^depth rows are packed at a time: neither changes what is tested. *)
Definition gram_check (w t d : Z) (depth : nat) (rows : list (list Z)) : bool :=
  let n := zlength rows in
  (0 <=? t) && (0 <? w) && (2 * d + 2 <=? Z.shiftl 1 w)
  && forallb (fun c => n * t + dot c c <=? d) rows
  && blocks_small w t depth (zslots depth) (chunks (slots depth) rows).

(* ---- the spectral norm of an integer matrix ---- *)

Fixpoint push_column (row : list Z) (columns : list (list Z)) {struct row} : list (list Z) :=
  match row, columns with
  | [], _ => []
  | r :: row', [] => [r] :: push_column row' []
  | r :: row', c :: columns' => (r :: c) :: push_column row' columns'
  end.

Definition transpose (rows : list (list Z)) : list (list Z) := fold_right push_column [] rows.

Fixpoint append_rows (left right : list (list Z)) : list (list Z) :=
  match left, right with
  | l :: left', r :: right' => (l ++ r) :: append_rows left' right'
  | _, _ => []
  end.

(* ||M||_2^2 <= d: with any matrix [factor], the matrix d I - M M' - factor factor' is diagonally dominant (Lemma P). *)
Definition norm_check (w t d : Z) (depth : nat) (factor M : list (list Z)) : bool :=
  let rows := append_rows M factor in
  (zlength rows =? zlength M) && gram_check w t d depth rows.
