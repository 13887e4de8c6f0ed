(* The integer test of a spectral norm, on MathComp matrices: [norm_check_sound] and, for a layer of dyadic weights that are
   rounded to a grid, [dense_check_sound]. *)
From Coq Require Import ZArith Lia.
From mathcomp Require Import all_ssreflect all_algebra.
From mathcomp Require Import zify ssrZ ring.
From Lipcert Require Import exec.Dyadic exec.Gram exec.Network exec.Sample Spec.
From Lipcert Require Import theory.Psd refine.Packing refine.Numbers.
Set Implicit Arguments.
Unset Strict Implicit.
Unset Printing Implicit Defensive.
Import Order.TTheory GRing.Theory Num.Theory.
Local Open Scope ring_scope.

Section Norm.
Variable R : rcfType.
Notation zr := (@zr R).
Notation tp := (@two_power R).
Notation dr := (@dr R).
Notation qr := (@qr R).
Notation nz := (nth Z0).
Notation nl := (nth [::]).
Implicit Types (u v : seq Z) (M L : seq (seq Z)) (W : seq (seq dyadic)).

Lemma nthE (T : Type) (x0 : T) s k : List.nth k s x0 = nth x0 s k.
Proof. by elim: s k => [|a s IH] [|k] //=. Qed.

(* ---- inner products ---- *)

Lemma zr_dot N u v : (size u <= N)%N ->
  zr (dot u v) = \sum_(j < N) zr (nz u j) * zr (nz v j).
Proof.
elim: u v N => [|a u IH] v N.
  move=> _; rewrite big1 // => j _; by rewrite nth_nil zr0 mul0r.
case: N => // N; rewrite ltnS => le; rewrite big_ord_recl /=.
case: v => [|b v] /=.
  rewrite dot_nil_r zr0 mulr0 add0r big1 // => j _; by rewrite ?nth_nil /= ?zr0 mulr0.
by rewrite dot_cons zrD zrM (IH v N le).
Qed.

Definition rows_matrix (m n : nat) M : 'M[R]_(m, n) := \matrix_(i, j) zr (nz (nl M i) j).

Definition width M := sumn (map size M).

Lemma width_row M i : (size (nl M i) <= width M)%N.
Proof.
elim: M i => [|b M IH] [|i] //=; first by rewrite leq_addr.
exact: leq_trans (IH i) (leq_addl _ _).
Qed.

Lemma gram_entry p N M (i j : 'I_p) : (size (nl M i) <= N)%N ->
  (rows_matrix p N M *m (rows_matrix p N M)^T) i j = zr (dot (nl M i) (nl M j)).
Proof. by move=> le; rewrite (zr_dot _ le) mxE; apply: eq_bigr => k _; rewrite !mxE. Qed.

Lemma nth_append_rows M L i : (i < size (append_rows M L))%N -> nl (append_rows M L) i = nl M i ++ nl L i.
Proof. by elim: M L i => [|r M IH] [|l L] [|i] //=; rewrite ltnS; exact: IH. Qed.

(* Lemma P as it is run. *)
Theorem norm_check_sound w t d depth L M q : norm_check w t d depth L M ->
  (forall i, (i < size M)%N -> size (nl M i) = q) ->
  psd ((zr d)%:M - rows_matrix (size M) q M *m (rows_matrix (size M) q M)^T).
Proof.
move=> /andP[]; rewrite !zlength_spec => /Z.eqb_spec/Nat2Z.inj sz ck szM.
have [t0 [diag off]] := gram_check_sound w t d depth _ ck.
have {}sz : size (append_rows M L) = size M by exact: sz.
set p := size M; set A := rows_matrix p q M.
have dots (i j : 'I_p) :
    dot (List.nth i (append_rows M L) [::]) (List.nth j (append_rows M L) [::]) =
    Z.add (dot (nl M i) (nl M j)) (dot (nl L i) (nl L j)).
  rewrite !nthE !nth_append_rows ?sz // dot_app //.
  by rewrite -[LHS]/(size _) -[RHS]/(size _) !szM.
have lt (i : 'I_p) : Peano.lt i (length (append_rows M L)).
  by apply/ssrnat.ltP; rewrite -[length _]/(size _) sz.
have entry (i j : 'I_p) : ((zr d)%:M - A *m A^T - rows_matrix p (width L) L *m (rows_matrix p (width L) L)^T) i j =
    zr d *+ (i == j) - zr (dot (List.nth i (append_rows M L) [::]) (List.nth j (append_rows M L) [::])).
  rewrite dots mxE [X in X + _]mxE [X in _ + X + _]mxE [X in _ + X]mxE !gram_entry ?szM ?width_row //.
  by rewrite mxE zrD opprD addrA.
apply: (@psd_factor _ _ (width L) _ (rows_matrix p (width L) L) (zr t)).
- move=> i j; rewrite !mxE eq_sym; congr (_ - _).
  by apply: eq_bigr => k _; rewrite !mxE mulrC.
- by apply: zr_ge0; apply/Z.leb_le.
- move=> i j ne; rewrite entry eq_sym (negbTE ne) sub0r normrN -zr_abs.
  apply: zr_le; apply/Z.leb_le; apply: off (lt i) (lt j) _.
  by move=> e; case/eqP: ne; apply: val_inj.
- move=> i; rewrite entry eqxx mulr1n ler_subr_addr -mulr_natl -zr_nat -zrM -zrD.
  apply: zr_le; apply/Z.leb_le; have := diag i (lt i).
  by rewrite -[length _]/(size _) sz.
Qed.

(* ---- transposition ---- *)

Lemma size_push_column r C : size (push_column r C) = size r.
Proof. by elim: r C => [|a r IH] [|c C] //=; rewrite IH. Qed.

Lemma nth_push_column r C i : (i < size r)%N -> nl (push_column r C) i = nz r i :: nl C i.
Proof.
elim: r C i => [|a r IH] [|c C] [|i] //=; rewrite ltnS => h; rewrite IH //.
by rewrite nth_nil.
Qed.

Lemma transposeP M q : (0 < size M)%N -> (forall i, (i < size M)%N -> size (nl M i) = q) ->
  size (transpose M) = q /\
  forall j, (j < q)%N -> size (nl (transpose M) j) = size M /\
    forall i, (i < size M)%N -> nz (nl (transpose M) j) i = nz (nl M i) j.
Proof.
elim: M => [|r M IH] // _ szM; have szr : size r = q by exact: (szM 0%N).
have szM' i : (i < size M)%N -> size (nl M i) = q by exact: (szM i.+1).
rewrite /transpose /= -/(transpose M) size_push_column; split=> // j jq.
rewrite nth_push_column ?szr //=.
case: M IH szM szM' => [|r' M] IH szM szM'; first by split=> [|[|i]] //=; rewrite nth_nil.
have [_ /(_ j jq)[s n]] := IH isT szM'.
by split=> [|[|i]] /=; [rewrite s | | rewrite ltnS => h; rewrite n].
Qed.

(* ---- dense layers ---- *)

Definition weights (m n : nat) W : 'M[R]_(m, n) := \matrix_(i, j) (nth 0 [seq dr x | x <- nl W i] j).

Definition grid_rows s W := [seq [seq grid s x | x <- row] | row <- W].

Definition off_grid s row j : nat := nth false [seq ~~ on_grid s x | x <- row] j.

Lemma off_grid_sum s W m n :
  (\sum_(i < m) \sum_(j < n) off_grid s (nl W i) j <= count (fun x => ~~ on_grid s x) (flatten W))%N.
Proof.
elim: W m n => [|row W IH] m n.
  rewrite big1 // => i _; rewrite big1 // => j _; by rewrite /off_grid nth_nil /= nth_nil.
case: m => [|m]; first by rewrite big_ord0.
rewrite big_ord_recl /= count_cat; apply: leq_add; last exact: IH.
clear; rewrite /off_grid /=; elim: row n => [|x row IHr] n.
  by rewrite big1 // => j _; rewrite nth_nil.
case: n => [|n]; first by rewrite big_ord0.
by rewrite big_ord_recl; apply: leq_add => //; exact: IHr.
Qed.

Lemma off_grid_countP s W : zr (off_grid_count s W) = (count (fun x => ~~ on_grid s x) (flatten W))%:R.
Proof.
have row_count acc row : zr (count_off_grid s acc row) = zr acc + (count (fun x => ~~ on_grid s x) row)%:R.
  elim: row acc => [|x row IH] acc /=; first by rewrite addr0.
  by rewrite IH natrD; case: (on_grid s x) => /=; rewrite ?add0r // zrD addrA.
rewrite /off_grid_count -[RHS]add0r -(zr0 R); elim: W Z0 => [|row W IH] acc /=; first by rewrite addr0.
by rewrite IH row_count count_cat natrD addrA.
Qed.

(* The matrix of rounded weights has the norm that was tested, whichever orientation was tested. *)
Lemma rounded_norm (by_columns : bool) w t g depth L (G : seq (seq Z)) m n :
  norm_check w t (Z.mul g g) depth L (if by_columns then transpose G else G) ->
  size G = m -> (forall i, (i < m)%N -> size (nl G i) = n) ->
  forall x, sqn (mulv (rows_matrix m n G) x) <= zr g ^+ 2 * sqn x.
Proof.
move=> ck sG szG x; have d0 : 0 <= zr g ^+ 2 by exact: sqr_ge0.
case: m sG szG => [|m] sG szG.
  by rewrite [X in X <= _]/sqn big_ord0 mulr_ge0 ?sqr_ge0 ?sqn_ge0.
rewrite expr2 -zrM in d0 *; case: by_columns ck => ck.
  have [] := @transposeP G n; rewrite ?sG // => sT nT.
  have := norm_check_sound ck (q := m.+1) (_ : forall i, _ -> _); rewrite sT.
  move=> /(_ (fun i lt => proj1 (nT i lt)))/norm_trmx/(_ x).
  congr (_ <= _); apply: eq_bigr => i _; congr (_ ^+ 2); apply: eq_bigr => j _; congr (_ * _).
  by rewrite !mxE (proj2 (nT j _)).
have := norm_check_sound ck (q := n); rewrite sG => /(_ szG) h.
exact: norm_mx.
Qed.

Theorem dense_check_sound q W (u : rational) h m n : dense_check q W u h -> nonnegative u -> size W = m ->
  (forall i, (i < m)%N -> size (nl W i) = n) ->
  0 < zr q /\ forall x, sqn (mulv (weights m n W) x) <= (qr u * zr q) ^+ 2 * sqn x.
Proof.
rewrite /dense_check => /andP[/andP[/andP[/andP[/andP[]]]]] q0 l0 h0 cnt scaled ck u0 sW szW.
set s := scale h in cnt scaled ck; have [pu u0'] := nonnegativeP R u0.
split; first exact: zr_gt0 q0.
set l := zr (spread h); set g := zr (grid_norm h).
have {}l0 : 0 <= l by exact: zr_ge0.
have {}h0 : 0 <= g by exact: zr_ge0.
have {}q0 : 0 < zr q by exact: zr_gt0.
pose A := weights m n W; pose G := rows_matrix m n (grid_rows s W); pose E := tp s *: A - G.
have normG : forall x, sqn (mulv G x) <= g ^+ 2 * sqn x.
  apply: rounded_norm ck _ _; first by rewrite size_map.
  by move=> i lt; rewrite (nth_map [::]) ?sW // size_map szW.
have normE : \sum_i \sum_j E i j ^+ 2 <= l ^+ 2.
  apply: (@le_trans _ _ (\sum_(i < m) \sum_(j < n) off_grid s (nl W i) j)%:R); last first.
    apply: (@le_trans _ _ (zr (off_grid_count s W))).
      by rewrite off_grid_countP ler_nat off_grid_sum.
    by rewrite expr2 -zrM; exact: zr_le.
  rewrite natr_sum; apply: ler_sum => i _; rewrite natr_sum; apply: ler_sum => j _.
  have szi : size (nl W i) = n by exact: szW.
  rewrite !mxE (nth_map [::]) ?sW //.
  rewrite (nth_map (Dyadic Z0 Z0)) ?szi // (nth_map (Dyadic Z0 Z0)) ?szi //.
  rewrite /off_grid (nth_map (Dyadic Z0 Z0)) ?szi // [tp s * _]mulrC.
  case: (boolP (on_grid s _)) => [/(on_gridP R) -> | _]; first by rewrite subrr expr0n.
  have /andP[e0 e1] := grid_bounds R s (nth (Dyadic Z0 Z0) (nl W i) j).
  by rewrite expr_le1.
move=> x; have := split_norm h0 l0 normG normE x.
have -> : G + E = tp s *: A by rewrite /E addrC subrK.
have -> : sqn (mulv (tp s *: A) x) = tp s ^+ 2 * sqn (mulv A x).
  rewrite /sqn mulr_sumr; apply: eq_bigr => i _; rewrite -exprMn; congr (_ ^+ 2).
  by rewrite /mulv mulr_sumr; apply: eq_bigr => j _; rewrite mxE mulrA.
move=> H; have s0 := tp_gt0 R s; rewrite -(ler_pmul2l (exprn_gt0 2 s0)).
have lhs0 : 0 <= g + l by exact: addr_ge0.
have rhs0 : 0 <= tp s * (qr u * zr q) by apply: mulr_ge0; [exact: ltW | apply: mulr_ge0 => //; exact: ltW].
apply: le_trans H _; rewrite mulrA ler_wpmul2r ?sqn_ge0 // -exprMn.
suff hs : g + l <= tp s * (qr u * zr q) by apply: ler_expn2r.
have := le_scaledP R scaled; rewrite !zrM zrD -/l -/g => hs.
have -> : tp s * (qr u * zr q) = zr (num u) * zr q * tp s / zr (den u) by rewrite /Spec.qr; ring.
by rewrite ler_pdivl_mulr.
Qed.

End Norm.
