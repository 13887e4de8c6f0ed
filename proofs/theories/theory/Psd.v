(* Lemma P and the spectral norm, over any real field: no computation here.
   If d I - B B' - L L' is diagonally dominant for some L, then ||B x||^2 <= d ||x||^2 and ||B' y||^2 <= d ||y||^2. *)
From mathcomp Require Import all_ssreflect all_algebra.
From mathcomp Require Import ring.
Set Implicit Arguments.
Unset Strict Implicit.
Unset Printing Implicit Defensive.
Import Order.TTheory GRing.Theory Num.Theory.
Local Open Scope ring_scope.

Section PSD.
Variable R : realFieldType.

(* ---- diagonal dominance implies positive semidefiniteness ---- *)
Definition qform n (E : 'M[R]_n) (x : 'I_n -> R) : R :=
  \sum_i \sum_j E i j * (x i * x j).

Definition psd n (E : 'M[R]_n) := forall x, 0 <= qform E x.

Lemma amgm (e a b : R) : - (`|e| * (a ^+ 2 + b ^+ 2)) <= (e * (a * b)) *+ 2.
Proof.
rewrite -mulrnAr ler_oppl; apply: le_trans (ler_norm _) _.
rewrite normrN normrM; apply: ler_wpmul2l => //.
rewrite ler_norml; apply/andP; split.
  by rewrite -subr_ge0 opprK addrC addrAC -sqrrD sqr_ge0.
rewrite -subr_ge0; have -> : a ^+ 2 + b ^+ 2 - a * b *+ 2 = (a - b) ^+ 2.
  by rewrite sqrrB addrAC.
exact: sqr_ge0.
Qed.

Theorem dd_psd n (E : 'M[R]_n) :
  (forall i j, E i j = E j i) ->
  (forall i, \sum_(j | j != i) `|E i j| <= E i i) ->
  psd E.
Proof.
move=> symE ddE x.
rewrite -(pmulrn_lge0 _ (ltn0Sn 1)) /qform -sumrMnl.
pose F i j := if j == i then (E i i * x i ^+ 2) *+ 2 else - (`|E i j| * (x i ^+ 2 + x j ^+ 2)).
apply: (@le_trans _ _ (\sum_i \sum_j F i j)); last first.
  apply: ler_sum => i _; rewrite -sumrMnl; apply: ler_sum => j _; rewrite /F.
  case: eqP => [->|_]; first by rewrite expr2.
  exact: amgm.
have FE : \sum_i \sum_j F i j =
  \sum_i (E i i * x i ^+ 2) *+ 2 - (\sum_i \sum_(j | j != i) `|E i j| * x i ^+ 2) *+ 2.
  rewrite mulr2n opprD addrA.
  have -> : \sum_i \sum_j F i j = \sum_i (E i i * x i ^+ 2) *+ 2
     - \sum_i \sum_(j | j != i) (`|E i j| * x i ^+ 2 + `|E i j| * x j ^+ 2).
    rewrite -sumrB; apply: eq_bigr => i _.
    rewrite (bigD1 i) //= {1}/F eqxx; congr (_ + _).
    rewrite -sumrN; apply: eq_bigr => j /negbTE ne; by rewrite /F ne mulrDr.
  rewrite -addrA -opprD; congr (_ - _).
  have -> : \sum_i \sum_(j | j != i) (`|E i j| * x i ^+ 2 + `|E i j| * x j ^+ 2) =
    \sum_i \sum_(j | j != i) `|E i j| * x i ^+ 2 +
    \sum_i \sum_(j | j != i) `|E i j| * x j ^+ 2.
    by rewrite -big_split; apply: eq_bigr => i _; rewrite -big_split.
  congr (_ + _).
  rewrite (exchange_big_dep xpredT) //=; apply: eq_bigr => j _.
  by apply: eq_big => [i|i _]; [rewrite eq_sym | rewrite symE].
rewrite FE -sumrMnl -sumrB; apply: sumr_ge0 => i _.
rewrite -mulrnBl pmulrn_lge0 // -mulr_suml -mulrBl.
by rewrite mulr_ge0 ?sqr_ge0 // subr_ge0.
Qed.


(* The uniform version that the checker uses. *)
Lemma dd_unif n (E : 'M[R]_n) (t : R) :
  (forall i j, E i j = E j i) ->
  (forall i j, j != i -> `|E i j| <= t) ->
  (forall i, t *+ n <= E i i) -> 0 <= t -> psd E.
Proof.
move=> sE oE dE t0; apply: dd_psd => // i; apply: le_trans (dE i).
apply: (@le_trans _ _ (\sum_(j | j != i) t)); first by apply: ler_sum => j; exact: oE.
rewrite -[X in _ <= _ *+ X]card_ord -sumr_const.
rewrite [X in _ <= X](bigID (fun j => j != i)) /= ler_addl.
by apply: sumr_ge0.
Qed.

(* ---- Gram matrices ---- *)
Lemma qformD n (E F : 'M[R]_n) x : qform (E + F) x = qform E x + qform F x.
Proof.
rewrite /qform -big_split; apply: eq_bigr => i _; rewrite -big_split.
by apply: eq_bigr => j _; rewrite mxE mulrDl.
Qed.

Lemma qform_gram m n (B : 'M[R]_(m, n)) y :
  qform (B *m B^T) y = \sum_k (\sum_i B i k * y i) ^+ 2.
Proof.
rewrite /qform.
have -> : \sum_k (\sum_i B i k * y i) ^+ 2
   = \sum_k \sum_i \sum_j (B i k * y i) * (B j k * y j).
  by apply: eq_bigr => k _; rewrite expr2 big_distrlr.
rewrite [RHS]exchange_big; apply: eq_bigr => i _; rewrite [RHS]exchange_big.
apply: eq_bigr => j _; rewrite mxE mulr_suml; apply: eq_bigr => k _.
by rewrite mxE mulrACA.
Qed.

Lemma psd_gram m n (B : 'M[R]_(m, n)) : psd (B *m B^T).
Proof. by move=> y; rewrite qform_gram sumr_ge0 // => k _; rewrite sqr_ge0. Qed.

(* Lemma P: the factor L is arbitrary. *)
Theorem psd_factor n p (M : 'M[R]_n) (L : 'M[R]_(n, p)) (t : R) :
  (forall i j, M i j = M j i) -> 0 <= t ->
  (forall i j, j != i -> `|(M - L *m L^T) i j| <= t) ->
  (forall i, t *+ n <= (M - L *m L^T) i i) -> psd M.
Proof.
move=> sM t0 oE dE x; rewrite -(subrK (L *m L^T) M) qformD addr_ge0 ?psd_gram //.
apply: dd_unif (oE) (dE) t0 x => i j; rewrite !mxE sM; congr (_ - _).
by apply: eq_bigr => k _; rewrite !mxE mulrC.
Qed.

(* ---- norms of vectors given as functions ---- *)

Definition sqn n (x : 'I_n -> R) : R := \sum_i x i ^+ 2.

Definition mulv m n (B : 'M[R]_(m, n)) (x : 'I_n -> R) : 'I_m -> R :=
  fun i => \sum_j B i j * x j.

Lemma sqn_ge0 n (x : 'I_n -> R) : 0 <= sqn x.
Proof. by apply: sumr_ge0 => i _; rewrite sqr_ge0. Qed.

Theorem norm_trmx m n (B : 'M[R]_(m, n)) (d : R) :
  psd (d%:M - B *m B^T) -> forall y, sqn (mulv B^T y) <= d * sqn y.
Proof.
move=> psdM y; rewrite -subr_ge0.
have := psdM y; rewrite qformD.
have -> : qform (- (B *m B^T)) y = - sqn (mulv B^T y).
  transitivity (- qform (B *m B^T) y).
    rewrite /qform -sumrN; apply: eq_bigr => i _; rewrite -sumrN.
    by apply: eq_bigr => j _; rewrite mxE mulNr.
  rewrite qform_gram /sqn /mulv; congr (- _); apply: eq_bigr => k _; congr (_ ^+ 2).
  by apply: eq_bigr => i _; rewrite mxE.
suff -> : qform (d%:M) y = d * sqn y by [].
rewrite /qform /sqn mulr_sumr; apply: eq_bigr => i _.
rewrite (bigD1 i) //= big1 ?addr0; first by rewrite mxE eqxx mulr1n expr2.
by move=> j /negbTE ne; rewrite mxE eq_sym ne mulr0n mul0r.
Qed.

Lemma cauchy n (a v : 'I_n -> R) :
  (\sum_k a k * v k) ^+ 2 <= (\sum_k a k ^+ 2) * (\sum_k v k ^+ 2).
Proof.
rewrite -subr_ge0 -(pmulrn_lge0 _ (ltn0Sn 1)).
have -> : ((\sum_k a k ^+ 2) * (\sum_k v k ^+ 2) - (\sum_k a k * v k) ^+ 2) *+ 2 =
   \sum_i \sum_j (a i * v j - a j * v i) ^+ 2.
  have e1 : (\sum_k a k ^+ 2) * (\sum_k v k ^+ 2) = \sum_i \sum_j a i ^+ 2 * v j ^+ 2.
    by rewrite big_distrlr.
  have e2 : (\sum_k a k ^+ 2) * (\sum_k v k ^+ 2) = \sum_i \sum_j a j ^+ 2 * v i ^+ 2.
    by rewrite e1 exchange_big.
  rewrite mulrnBl [in X in X - _]mulr2n {1}e1 e2 expr2 big_distrlr /=.
  rewrite -big_split -sumrMnl -sumrB /=; apply: eq_bigr => i _.
  rewrite -big_split -sumrMnl -sumrB /=; apply: eq_bigr => j _.
  by ring.
by apply: sumr_ge0 => i _; apply: sumr_ge0 => j _; rewrite sqr_ge0.
Qed.

(* ||B x||^4 = (x . B'B x)^2 <= ||x||^2 ||B'B x||^2 <= ||x||^2 d ||B x||^2 *)
Theorem norm_mx m n (B : 'M[R]_(m, n)) (d : R) : 0 <= d ->
  psd (d%:M - B *m B^T) -> forall x, sqn (mulv B x) <= d * sqn x.
Proof.
move=> d0 psdM x; pose y := mulv B x; pose z := mulv B^T y.
have zy : sqn z <= d * sqn y by exact: norm_trmx.
have SE : \sum_j x j * z j = sqn y.
  transitivity (\sum_i \sum_j y i * (B i j * x j)).
    rewrite exchange_big; apply: eq_bigr => j _; rewrite /z /mulv mulr_sumr.
    by apply: eq_bigr => i _; rewrite mxE mulrCA mulrA mulrC mulrA.
  by apply: eq_bigr => i _; rewrite expr2 {2}/y /mulv mulr_sumr.
have y0 := sqn_ge0 y; have x0 := sqn_ge0 x.
have C : sqn y * sqn y <= d * sqn x * sqn y.
  rewrite -expr2 -{1}SE; apply: le_trans (cauchy _ _) _.
  by rewrite -/(sqn x) -/(sqn z) [d * _]mulrC -mulrA; apply: ler_wpmul2l.
case: (ltgtP 0 (sqn y)) y0 => // [yp|e] _; first by rewrite -(ler_pmul2r yp).
by rewrite -/y -e mulr_ge0.
Qed.

(* ---- adding two maps ---- *)

Lemma sum_prod_le n (u v : 'I_n -> R) (a b X : R) : 0 <= a -> 0 <= b -> 0 <= X ->
  sqn u <= a ^+ 2 * X -> sqn v <= b ^+ 2 * X -> \sum_i u i * v i <= a * b * X.
Proof.
move=> a0 b0 X0 hu hv; have C := cauchy u v.
have abX : 0 <= a * b * X by rewrite !mulr_ge0.
apply: le_trans (ler_norm _) _; rewrite -(ler_pexpn2r (ltn0Sn 1)) ?nnegrE // real_normK ?num_real //.
apply: le_trans C _; rewrite -/(sqn u) -/(sqn v).
have -> : (a * b * X) ^+ 2 = (a ^+ 2 * X) * (b ^+ 2 * X) by ring.
by apply: ler_pmul => //; exact: sqn_ge0.
Qed.

(* Minkowski's inequality, in the squared form that needs no roots. *)
Theorem sqn_add n (u v : 'I_n -> R) (a b X : R) : 0 <= a -> 0 <= b -> 0 <= X ->
  sqn u <= a ^+ 2 * X -> sqn v <= b ^+ 2 * X -> sqn (fun i => u i + v i) <= (a + b) ^+ 2 * X.
Proof.
move=> a0 b0 X0 hu hv; have C := sum_prod_le a0 b0 X0 hu hv.
have -> : sqn (fun i => u i + v i) = sqn u + sqn v + (\sum_i u i * v i) *+ 2.
  rewrite /sqn -sumrMnl -!big_split; apply: eq_bigr => i _ /=; ring.
have -> : (a + b) ^+ 2 * X = a ^+ 2 * X + b ^+ 2 * X + (a * b * X) *+ 2 by ring.
by apply: ler_add; [exact: ler_add | exact: ler_wmuln2r].
Qed.

Lemma frobenius m n (L : 'M[R]_(m, n)) x : sqn (mulv L x) <= (\sum_i \sum_j L i j ^+ 2) * sqn x.
Proof. by rewrite /sqn mulr_suml; apply: ler_sum => i _; exact: cauchy. Qed.

(* A matrix that is bounded in norm plus one that is bounded in Frobenius norm. *)
Theorem split_norm m n (H L : 'M[R]_(m, n)) (h l : R) : 0 <= h -> 0 <= l ->
  (forall x, sqn (mulv H x) <= h ^+ 2 * sqn x) ->
  \sum_i \sum_j L i j ^+ 2 <= l ^+ 2 ->
  forall x, sqn (mulv (H + L) x) <= (h + l) ^+ 2 * sqn x.
Proof.
move=> h0 l0 hH hL x.
have -> : sqn (mulv (H + L) x) = sqn (fun i => mulv H x i + mulv L x i).
  apply: eq_bigr => i _; congr (_ ^+ 2); rewrite /mulv -big_split.
  by apply: eq_bigr => j _; rewrite mxE mulrDl.
apply: sqn_add => //; first exact: sqn_ge0.
by apply: le_trans (frobenius L x) _; rewrite ler_wpmul2r // sqn_ge0.
Qed.

End PSD.
