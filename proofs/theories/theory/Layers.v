(* Sorting, maxima and entrywise functions do not enlarge distances; over any real closed field, on lists. *)
From mathcomp Require Import all_ssreflect all_algebra.
From mathcomp Require Import ring.
From Lipcert Require Import exec.Sample Spec theory.Psd.
Set Implicit Arguments.
Unset Strict Implicit.
Unset Printing Implicit Defensive.
Import Order.TTheory GRing.Theory Num.Theory.
Local Open Scope ring_scope.

Section Layers.
Variable R : rcfType.
Implicit Types (a b c d : R) (x y : seq R).

(* ---- distances of lists ---- *)

Lemma distance2_nil y : distance2 [::] y = 0.
Proof. by case: y => [|b y]; rewrite /distance2 big_nil. Qed.

Lemma distance2_nilr x : distance2 x [::] = 0.
Proof. by case: x => [|a x]; rewrite /distance2 big_nil. Qed.

Lemma distance2_cons a x b y : distance2 (a :: x) (b :: y) = (a - b) ^+ 2 + distance2 x y.
Proof. by rewrite /distance2 big_cons. Qed.

Lemma distance2_ge0 x y : 0 <= distance2 x y.
Proof. by rewrite /distance2; apply: sumr_ge0 => p _; exact: sqr_ge0. Qed.

Lemma distance2_cat x1 x2 y1 y2 : size x1 = size y1 ->
  distance2 (x1 ++ x2) (y1 ++ y2) = distance2 x1 y1 + distance2 x2 y2.
Proof. by move=> e; rewrite /distance2 zip_cat // big_cat. Qed.

Lemma distance2E N x y : size x = size y -> (size x <= N)%N ->
  distance2 x y = sqn (fun j : 'I_N => nth 0 x j - nth 0 y j).
Proof.
rewrite /sqn; elim: x y N => [|a x IH] [|b y] N //=.
  by move=> _ _; rewrite distance2_nil big1 // => j _; rewrite !nth_nil subrr expr0n.
case=> e; case: N => // N; rewrite ltnS => le.
by rewrite distance2_cons big_ord_recl /= (IH y N).
Qed.

(* ---- entrywise functions ---- *)

Definition slope_at_most (L : R) (f : R -> R) := forall a b, (f a - f b) ^+ 2 <= L ^+ 2 * (a - b) ^+ 2.

Lemma map_distance L (f : R -> R) x y : slope_at_most L f ->
  distance2 (map f x) (map f y) <= L ^+ 2 * distance2 x y.
Proof.
move=> H; elim: x y => [|a x IH] [|b y] /=; rewrite ?distance2_nil ?distance2_nilr ?mulr0 //.
by rewrite !distance2_cons mulrDr ler_add.
Qed.

Lemma sqr_le_norm a b : `|a| <= `|b| -> a ^+ 2 <= b ^+ 2.
Proof. by move=> h; rewrite -(real_normK (num_real a)) -(real_normK (num_real b)) ler_sqr ?nnegrE. Qed.

Lemma slope_abs L : 1 <= L -> slope_at_most L (fun a => `|a|).
Proof.
move=> L1 a b; have L0 : 0 <= L by exact: le_trans ler01 L1.
apply: (@le_trans _ _ ((a - b) ^+ 2)); first by apply: sqr_le_norm; exact: ler_dist_dist.
by rewrite ler_pemull ?sqr_ge0 // expr_ge1.
Qed.

(* Two linear pieces of slopes at most L that meet at zero. *)
Lemma slope_leaky (s L : R) : 1 <= L -> `|s| <= L -> slope_at_most L (fun a => if 0 <= a then a else s * a).
Proof.
move=> L1 sL; have L0 : 0 <= L by exact: le_trans ler01 L1.
have main a b : b <= a -> ((if 0 <= a then a else s * a) - (if 0 <= b then b else s * b)) ^+ 2 <= L ^+ 2 * (a - b) ^+ 2.
  move=> ba; rewrite -exprMn; apply: sqr_le_norm; rewrite [X in _ <= X]normrM (ger0_norm L0).
  have ab0 : 0 <= a - b by rewrite subr_ge0.
  case: (leP 0 a) => a0; case: (leP 0 b) => b0.
  - by rewrite ler_pemull.
  - apply: le_trans (ler_norm_sub _ _) _; rewrite normrM (ger0_norm a0) (ltr0_norm b0).
    rewrite (ger0_norm ab0) mulrDr ler_add //; first by rewrite ler_pemull.
    by rewrite ler_wpmul2r // oppr_ge0 ltW.
  - by have := le_lt_trans (le_trans b0 ba) a0; rewrite ltxx.
  - by rewrite -mulrBr normrM ler_wpmul2r.
move=> a b; case: (leP b a) => [|/ltW] h; first exact: main.
by rewrite -sqrrN opprB -[(a - b) ^+ 2]sqrrN opprB; exact: main.
Qed.

Lemma slope_relu L : 1 <= L -> slope_at_most L (fun a => Num.max 0 a).
Proof.
move=> L1 a b; have := @slope_leaky 0 L L1 _ a b; rewrite normr0 !mul0r.
have E c : Num.max 0 c = if 0 <= c then c else 0 by case: (leP 0 c).
by rewrite !E; apply; exact: le_trans ler01 L1.
Qed.

Lemma slope_tanh (T : squashing R) L : 1 <= L -> slope_at_most L (tanh T).
Proof.
move=> L1 a b; have L0 : 0 <= L by exact: le_trans ler01 L1.
apply: (@le_trans _ _ ((a - b) ^+ 2)); first by apply: sqr_le_norm; exact: tanh_slope.
by rewrite ler_pemull ?sqr_ge0 // expr_ge1.
Qed.

Lemma slope_sigmoid (T : squashing R) L : 4%:R^-1 <= L -> slope_at_most L (sigmoid T).
Proof.
move=> L4 a b; have L0 : 0 <= L by apply: le_trans L4; rewrite invr_ge0 ler0n.
rewrite -exprMn; apply: sqr_le_norm; rewrite normrM (ger0_norm L0).
apply: le_trans (sigmoid_slope T a b) _; rewrite mulrC; exact: ler_wpmul2r.
Qed.

(* ---- a maximum and a minimum of two ---- *)

Lemma swap_ge a b c d : a <= b -> d <= c ->
  (b - c) ^+ 2 + (a - d) ^+ 2 <= (a - c) ^+ 2 + (b - d) ^+ 2.
Proof.
move=> ab dc; rewrite -subr_ge0.
have -> : (a - c) ^+ 2 + (b - d) ^+ 2 - ((b - c) ^+ 2 + (a - d) ^+ 2)
        = ((b - a) * (c - d)) *+ 2.
  by ring.
by rewrite mulrn_wge0 // mulr_ge0 // subr_ge0.
Qed.

Lemma maxmin_lip a b c d :
  (Num.max a b - Num.max c d) ^+ 2 + (Num.min a b - Num.min c d) ^+ 2
  <= (a - c) ^+ 2 + (b - d) ^+ 2.
Proof.
case: (leP a b) => hab; case: (leP c d) => hcd.
- by rewrite addrC.
- by apply: swap_ge => //; exact: ltW.
- by rewrite [X in _ <= X]addrC; apply: swap_ge => //; exact: ltW.
- by [].
Qed.

Lemma max_lip a b c d : (Num.max a b - Num.max c d) ^+ 2 <= (a - c) ^+ 2 + (b - d) ^+ 2.
Proof. by apply: le_trans (maxmin_lip a b c d); rewrite ler_addl sqr_ge0. Qed.

Lemma maxmin_pairs (l r l' r' : seq R) : size l = size r -> size l' = size r' -> size l = size l' ->
  distance2 ([seq Num.max p.1 p.2 | p <- zip l r] ++ [seq Num.min p.1 p.2 | p <- zip l r])
            ([seq Num.max p.1 p.2 | p <- zip l' r'] ++ [seq Num.min p.1 p.2 | p <- zip l' r'])
  <= distance2 (l ++ r) (l' ++ r').
Proof.
move=> e e' el; have er : size r = size r' by rewrite -e -e'.
rewrite !distance2_cat //; last by rewrite !size_map !size_zip -e -e' el.
elim: l r l' r' e e' el er => [|a l IH] [|b r] [|c l'] [|d r'] //=.
case=> e [e'] [el] [er]; rewrite !distance2_cons.
rewrite addrACA [X in _ <= X]addrACA.
by apply: ler_add; [exact: maxmin_lip | exact: IH].
Qed.

(* ---- sorting ---- *)

Notation ins := (insert Num.max Num.min).
Notation isort := (insertion_sort Num.max Num.min).
Notation ge := (fun a b : R => b <= a).

Lemma size_insert (T : Type) (mx mn : T -> T -> T) (a : T) s : size (insert mx mn a s) = (size s).+1.
Proof. by elim: s a => //= b s IH a; rewrite IH. Qed.

Lemma size_insertion_sort (T : Type) (mx mn : T -> T -> T) s : size (insertion_sort mx mn s) = size s.
Proof. by elim: s => //= a s IH; rewrite size_insert IH. Qed.

Lemma insert_distance a b x y : size x = size y ->
  distance2 (ins a x) (ins b y) <= (a - b) ^+ 2 + distance2 x y.
Proof.
elim: x y a b => [|c x IH] [|d y] a b //= => [_|[] e].
  by rewrite distance2_cons.
rewrite !distance2_cons; apply: le_trans (ler_add (lexx _) (IH _ _ _ e)) _.
by rewrite !addrA ler_add2r maxmin_lip.
Qed.

Lemma insertion_sort_distance x y : size x = size y -> distance2 (isort x) (isort y) <= distance2 x y.
Proof.
elim: x y => [|a x IH] [|b y] //= [] e.
rewrite distance2_cons; apply: le_trans (insert_distance _ _ _) _; first by rewrite !size_insertion_sort.
by rewrite ler_add2l IH.
Qed.

Lemma perm_insert a x : perm_eq (ins a x) (a :: x).
Proof.
elim: x a => [|b x IH] a //=.
apply: (@perm_trans _ (Num.max a b :: Num.min a b :: x)); first by rewrite perm_cons.
case: (leP a b) => _ //; apply/permP => p /=; by rewrite addnCA.
Qed.

Lemma perm_insertion_sort x : perm_eq (isort x) x.
Proof.
elim: x => //= a x IH; apply: perm_trans (perm_insert _ _) _.
by rewrite perm_cons.
Qed.

Lemma ge_trans : transitive ge. Proof. by move=> a b c h1 h2; exact: le_trans h2 h1. Qed.
Lemma ge_anti : antisymmetric ge. Proof. by move=> a b h; apply/eqP; rewrite eq_le andbC. Qed.
Lemma ge_total : total ge. Proof. by move=> a b; exact: le_total. Qed.

Lemma sorted_insert a x : sorted ge x -> sorted ge (ins a x).
Proof.
elim: x a => [|b x IH] a //=; rewrite !(path_sortedE ge_trans) => /andP[bx sx].
rewrite IH // andbT (perm_all _ (perm_insert _ _)) /= le_maxr.
have -> : Num.min a b <= a by rewrite le_minl lexx.
apply/allP => c /(allP bx) cb; by rewrite le_maxr cb orbT.
Qed.

Lemma sorted_insertion_sort x : sorted ge (isort x).
Proof. by elim: x => //= a x IH; exact: sorted_insert. Qed.

Lemma decreasingE x : decreasing x = isort x.
Proof.
apply: (sorted_eq ge_trans ge_anti); first exact: (sort_sorted ge_total).
  exact: sorted_insertion_sort.
by rewrite perm_sort perm_sym perm_insertion_sort.
Qed.

Lemma size_decreasing x : size (decreasing x) = size x.
Proof. exact: size_sort. Qed.

Lemma decreasing_distance x y : size x = size y -> distance2 (decreasing x) (decreasing y) <= distance2 x y.
Proof. by move=> e; rewrite !decreasingE; exact: insertion_sort_distance. Qed.

Lemma size_flatten_decreasing k n x : size x = (k * n)%N ->
  size (flatten [seq decreasing g | g <- reshape (nseq k n) x]) = size x.
Proof.
elim: k x => [|k IH] x sx /=; first by rewrite sx.
rewrite size_cat size_decreasing IH; first by rewrite -size_cat cat_take_drop.
by rewrite size_drop sx mulSn addKn.
Qed.

Lemma groups_distance k n x y : size x = (k * n)%N -> size y = (k * n)%N ->
  distance2 (flatten [seq decreasing g | g <- reshape (nseq k n) x])
            (flatten [seq decreasing g | g <- reshape (nseq k n) y]) <= distance2 x y.
Proof.
elim: k x y => [|k IH] x y sx sy; first by rewrite /= distance2_nil distance2_ge0.
have stk z : size z = (k.+1 * n)%N -> size (take n z) = n.
  by move=> sz; rewrite size_takel // sz mulSn leq_addr.
have sdr z : size z = (k.+1 * n)%N -> size (drop n z) = (k * n)%N.
  by move=> sz; rewrite size_drop sz mulSn addKn.
rewrite /= -[X in _ <= distance2 X _](cat_take_drop n) -[X in _ <= distance2 _ X](cat_take_drop n).
rewrite !distance2_cat ?size_decreasing ?stk //.
by rewrite ler_add ?IH ?sdr // decreasing_distance // !stk.
Qed.

(* ---- maxima over windows ---- *)

Lemma maximum_distance x y : size x = size y -> x != [::] -> (maximum x - maximum y) ^+ 2 <= distance2 x y.
Proof.
case: x y => [|a x] [|b y] //= [] e _; rewrite /maximum /= distance2_cons.
elim: x y e => [|c x IH] [|d y] //= => [_|[] e].
  by rewrite distance2_nil addr0.
rewrite distance2_cons addrCA; apply: le_trans (max_lip _ _ _ _) _.
by rewrite ler_add2l IH.
Qed.

(* Each entry is counted as often as it occurs among the indices. *)
Lemma sum_occurrences n (D : nat -> R) (s : seq nat) : all (fun i => (i < n)%N) s ->
  \sum_(i <- s) D i = \sum_(i < n) D i *+ count_mem (i : nat) s.
Proof.
elim: s => [|k s IH] /=; first by move=> _; rewrite big_nil big1.
case/andP=> kn /IH E; rewrite big_cons E (bigD1 (Ordinal kn)) //= [RHS](bigD1 (Ordinal kn)) //=.
rewrite eqxx mulrnDr addrA; congr (_ + _); apply: eq_bigr => i ne.
suff -> : (k == i) = false by []; apply/negbTE; apply: contra ne => /eqP e.
by apply/eqP; apply: val_inj.
Qed.

Lemma windows_distance (c : R) (windows : seq (seq nat)) x y : size x = size y ->
  all (fun w => (w != [::]) && all (fun i => (i < size x)%N) w) windows ->
  (forall i, (count_mem i (flatten windows))%:R <= c) ->
  distance2 [seq maximum [seq nth 0 x i | i <- w] | w <- windows]
            [seq maximum [seq nth 0 y i | i <- w] | w <- windows] <= c * distance2 x y.
Proof.
move=> e ok cnt; pose D i := (nth 0 x i - nth 0 y i) ^+ 2.
apply: (@le_trans _ _ (\sum_(i <- flatten windows) D i)).
  rewrite big_flatten; elim: windows ok {cnt} => [|w ws IH] /=; first by rewrite distance2_nil big_nil.
  case/andP=> /andP[w0 _] ok; rewrite distance2_cons big_cons ler_add ?IH //.
  apply: le_trans (maximum_distance _ _) _; rewrite ?size_map //; first by case: (w) w0.
  by rewrite /distance2 zip_map big_map.
rewrite (@sum_occurrences (size x)); last first.
  by elim: windows ok {cnt} => //= w ws IH /andP[/andP[_ h] /IH]; rewrite all_cat h.
rewrite (@distance2E (size x)) // /sqn mulr_sumr; apply: ler_sum => i _.
by rewrite -mulr_natl ler_wpmul2r ?sqr_ge0.
Qed.

End Layers.
