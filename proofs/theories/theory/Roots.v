(* Approximate roots of unity: what a checker without trigonometry has to test, and what it has to add to the bound of a convolution.

   A table z_0, z_1, ... of numbers (integer pairs over a power of two) is tested by |z_1^N - 1| <= delta <= 1/2, |z_0 - 1| <= d,
   |z_(a+1) - z_1 z_a| <= d, and |z_a - 1| > e_a for 0 < a < N, where e_0 = d and e_(a+1) = e_a (1 + 2 delta) + 2 delta + d. Then there is a
   primitive N-th root of unity zeta with |z_a - zeta^a| <= e_a ([table_of_roots]). The bound 2 delta of |z_1 - zeta| comes from the
   logarithmic derivative of z^N - 1. With roots that are wrong by at most eps, a convolution's norm grows by at most eps times the sum
   of its taps' Frobenius norms ([approximate_convolution_norm]). Over any algebraically closed field with conjugation. *)
From mathcomp Require Import all_ssreflect all_algebra.
From mathcomp Require Import ring.
From Lipcert Require Import theory.Convolution.
Set Implicit Arguments.
Unset Strict Implicit.
Unset Printing Implicit Defensive.
Import Order.TTheory GRing.Theory Num.Theory.
Local Open Scope ring_scope.

Section Roots.
Variable C : numClosedFieldType.
Implicit Types (z w : C) (rs : seq C).

(* ---- one root ---- *)

Lemma log_derivative rs z : z \notin rs ->
  (\prod_(w <- rs) ('X - w%:P))^`().[z] = \prod_(w <- rs) (z - w) * \sum_(w <- rs) (z - w)^-1.
Proof.
elim: rs => [|w rs IH]; first by rewrite !big_nil derivC hornerC mulr0.
rewrite inE negb_or => /andP[zw /IH E]; rewrite !big_cons derivM hornerD !hornerM E derivXsubC hornerC mul1r hornerXsubC.
have -> : (\prod_(j <- rs) ('X - j%:P)).[z] = \prod_(j <- rs) (z - j).
  by rewrite horner_prod; apply: eq_bigr => j _; rewrite hornerXsubC.
have d0 : z - w != 0 by rewrite subr_eq0.
by rewrite mulrDr mulrAC mulfV // mul1r mulrA.
Qed.

(* A number whose N-th power is near one is near an N-th root of unity. *)
Theorem near_root N z (delta : C) : (0 < N)%N -> `|z ^+ N - 1| <= delta -> delta <= 2%:R^-1 ->
  exists2 zeta, zeta ^+ N = 1 & `|z - zeta| <= 2%:R * delta.
Proof.
move=> N0 near half; have delta0 : 0 <= delta by exact: le_trans (normr_ge0 _) near.
have two0 : 0 < 2%:R :> C by rewrite ltr0n.
pose p : {poly C} := 'X^N - 1; have [rs] := closed_field_poly_normal p.
rewrite (monicP (monic_Xn_sub_1 C N0)) scale1r => Ep.
have pz w : p.[w] = w ^+ N - 1 by rewrite /p hornerD hornerN hornerXn hornerC.
have root_rs w : w \in rs -> w ^+ N = 1.
  by move=> h; apply/eqP; rewrite -subr_eq0 -pz Ep -[_ == 0]/(root _ w) root_prod_XsubC.
case: (boolP (z \in rs)) => [/root_rs h|nz]; first by exists z; rewrite // subrr normr0 mulr_ge0 // ltW.
have szrs : size rs = N.
  by apply: succn_inj; rewrite -(size_prod_XsubC _ id) -Ep /p size_Xn_sub_1.
have D : N%:R * z ^+ N.-1 = (z ^+ N - 1) * \sum_(w <- rs) (z - w)^-1.
  transitivity (p^`().[z]); first by rewrite /p derivB derivXn derivC subr0 hornerMn hornerXn mulr_natl.
  by rewrite -pz Ep log_derivative // horner_prod; congr (_ * _); apply: eq_bigr => w _; rewrite hornerXsubC.
(* |z|^(N-1) is at least 1/2 *)
have big : 2%:R^-1 <= `|z ^+ N.-1|.
  have zN : 2%:R^-1 <= `|z| ^+ N.
    rewrite -normrX; have := ler_sub_dist 1 (z ^+ N); rewrite normr1 distrC => h.
    rewrite -[X in _ <= X](subrK 1) -ler_subl_addr.
    have -> : 2%:R^-1 - 1 = - 2%:R^-1 :> C by field; rewrite ?pnatr_eq0.
    by rewrite ler_oppl opprB; apply: le_trans h _; exact: le_trans near half.
  rewrite normrX; case/orP: (real_leVge (normr_real z) (real1 C)) => h.
    by apply: le_trans zN _; rewrite -{1}(prednK N0) exprS ler_pimull // exprn_ge0.
  by apply: le_trans (exprn_ege1 _ h); rewrite invf_le1 ?ler1n.
(* some root is near, or else the sum would be too small *)
case: (boolP (has (fun w => `|z - w| <= 2%:R * delta) rs)) => [/hasP[w hw le]|/hasPn far]; first by exists w; rewrite ?root_rs.
have dz w : w \in rs -> 0 < `|z - w| by move=> h; rewrite normr_gt0 subr_eq0; apply: contra nz => /eqP->.
exfalso; case: (eqVneq delta 0) => [d0|d0].
  have e : z ^+ N - 1 = 0 by apply/eqP; rewrite -normr_eq0 eq_le normr_ge0 andbT -d0.
  by move: nz; rewrite -root_prod_XsubC -Ep /root pz e eqxx.
have d1 : 0 < delta by rewrite lt_neqAle eq_sym d0.
have far' w : w \in rs -> `|(z - w)^-1| < (2%:R * delta)^-1.
  move=> h; rewrite normfV ltf_pinv ?posrE ?dz // ?mulr_gt0 //.
  by have := far _ h; rewrite real_leNgt ?negbK ?normr_real // realE mulr_ge0 // ltW.
have S : `|\sum_(w <- rs) (z - w)^-1| < N%:R * (2%:R * delta)^-1.
  apply: le_lt_trans (ler_norm_sum _ _ _) _; rewrite -szrs mulr_natl.
  have : (0 < size rs)%N by rewrite szrs.
  have: {in rs, forall w, `|(z - w)^-1| < (2%:R * delta)^-1} by exact: far'.
  elim: rs {Ep root_rs nz szrs D far dz far'} => //= w rs IH H _; rewrite big_cons mulrS.
  case: rs IH H => [|w' rs] IH H; first by rewrite big_nil !addr0; apply: H; rewrite inE.
  apply: ltr_add; first by apply: H; rewrite inE eqxx.
  by apply: IH => // v hv; apply: H; rewrite inE hv orbT.
have := congr1 (fun x => `|x|) D; rewrite !normrM normr_nat => E.
have : N%:R * 2%:R^-1 <= `|z ^+ N - 1| * `|\sum_(w <- rs) (z - w)^-1|.
  by rewrite -E ler_wpmul2l ?ler0n.
have lt : `|z ^+ N - 1| * `|\sum_(w <- rs) (z - w)^-1| < N%:R * 2%:R^-1.
  apply: le_lt_trans (ler_wpmul2r (normr_ge0 _) near) _.
  have -> : N%:R * 2%:R^-1 = delta * (N%:R * (2%:R * delta)^-1) by rewrite invfM mulrCA [delta * _]mulrC -!mulrA mulVf // mulr1.
  by rewrite ltr_pmul2l.
by move=> h; have := le_lt_trans h lt; rewrite ltxx.
Qed.

(* ---- a table of roots ---- *)

Fixpoint table_error (delta d : C) a : C :=
  if a is a'.+1 then table_error delta d a' * (1 + 2%:R * delta) + 2%:R * delta + d else d.

Theorem table_of_roots N (z : nat -> C) (delta d : C) : (0 < N)%N ->
  `|z 1%N ^+ N - 1| <= delta -> delta <= 2%:R^-1 -> `|z 0%N - 1| <= d ->
  (forall a, (a.+1 < N)%N -> `|z a.+1 - z 1%N * z a| <= d) ->
  (forall a, (0 < a < N)%N -> table_error delta d a < `|z a - 1|) ->
  exists2 zeta, N.-primitive_root zeta & forall a, (a < N)%N -> `|z a - zeta ^+ a| <= table_error delta d a.
Proof.
move=> N0 near half z0 step away; have [zeta zN le] := near_root N0 near half.
have delta0 : 0 <= delta by exact: le_trans (normr_ge0 _) near.
have n1 : `|zeta| = 1 by apply/eqP; rewrite -(@pexpr_eq1 _ _ N) // -normrX zN normr1.
have z1 : `|z 1%N| <= 1 + 2%:R * delta.
  by have := ler_norm_add (z 1%N - zeta) zeta; rewrite subrK n1 => h; apply: le_trans h _; rewrite addrC ler_add2l.
have close a : (a < N)%N -> `|z a - zeta ^+ a| <= table_error delta d a.
  elim: a => [|a IH] aN; first by rewrite expr0.
  have {}IH := IH (ltnW aN); rewrite /= exprS.
  have -> : z a.+1 - zeta * zeta ^+ a = z 1%N * (z a - zeta ^+ a) + (z 1%N - zeta) * zeta ^+ a + (z a.+1 - z 1%N * z a) by ring.
  apply: le_trans (ler_norm_add _ _) _; apply: ler_add; last exact: step.
  apply: le_trans (ler_norm_add _ _) _; apply: ler_add.
    by rewrite normrM mulrC; apply: ler_pmul.
  by rewrite normrM normrX n1 expr1n mulr1.
exists zeta => //; have [m pm mN] := prim_order_exists N0 zN.
have m0 := prim_order_gt0 pm; have := dvdn_leq N0 mN; rewrite leq_eqVlt => /orP[/eqP <- //|lt].
have := away m; rewrite m0 lt => /(_ isT) far; have := close _ lt.
by rewrite (prim_expr_order pm) => h; have := lt_le_trans far h; rewrite ltxx.
Qed.

(* ---- sums of squares of complex vectors ---- *)

Lemma norm_cauchy (I : finType) (u v : I -> C) :
  (\sum_i `|u i| * `|v i|) ^+ 2 <= (\sum_i `|u i| ^+ 2) * (\sum_i `|v i| ^+ 2).
Proof.
rewrite -subr_ge0 -(pmulrn_lge0 _ (ltn0Sn 1)).
have -> : ((\sum_k `|u k| ^+ 2) * (\sum_k `|v k| ^+ 2) - (\sum_k `|u k| * `|v k|) ^+ 2) *+ 2 =
   \sum_i \sum_j (`|u i| * `|v j| - `|u j| * `|v i|) ^+ 2.
  have e1 : (\sum_k `|u k| ^+ 2) * (\sum_k `|v k| ^+ 2) = \sum_i \sum_j `|u i| ^+ 2 * `|v j| ^+ 2 by rewrite big_distrlr.
  have e2 : (\sum_k `|u k| ^+ 2) * (\sum_k `|v k| ^+ 2) = \sum_i \sum_j `|u j| ^+ 2 * `|v i| ^+ 2 by rewrite e1 exchange_big.
  rewrite mulrnBl [in X in X - _]mulr2n {1}e1 e2 expr2 big_distrlr /=.
  rewrite -big_split -sumrMnl -sumrB /=; apply: eq_bigr => i _.
  rewrite -big_split -sumrMnl -sumrB /=; apply: eq_bigr => j _.
  by ring.
apply: sumr_ge0 => i _; apply: sumr_ge0 => j _; rewrite -real_normK ?exprn_ge0 //.
by rewrite realB ?realM ?normr_real.
Qed.

Lemma norm_minkowski (I : finType) (u v : I -> C) (a b X : C) : 0 <= a -> 0 <= b -> 0 <= X ->
  \sum_i `|u i| ^+ 2 <= a ^+ 2 * X -> \sum_i `|v i| ^+ 2 <= b ^+ 2 * X -> \sum_i `|u i + v i| ^+ 2 <= (a + b) ^+ 2 * X.
Proof.
move=> a0 b0 X0 hu hv; have sum0 (w : I -> C) : 0 <= \sum_i `|w i| ^+ 2 by apply: sumr_ge0 => i _; rewrite exprn_ge0.
have uv0 : 0 <= \sum_i `|u i| * `|v i| by apply: sumr_ge0 => i _; rewrite mulr_ge0.
have uv : \sum_i `|u i| * `|v i| <= a * b * X.
  rewrite -(ler_pexpn2r (ltn0Sn 1)) ?nnegrE ?mulr_ge0 //; apply: le_trans (norm_cauchy _ _) _.
  have -> : (a * b * X) ^+ 2 = (a ^+ 2 * X) * (b ^+ 2 * X) by ring.
  by apply: ler_pmul.
apply: (@le_trans _ _ (\sum_i (`|u i| + `|v i|) ^+ 2)).
  by apply: ler_sum => i _; rewrite ler_expn2r ?nnegrE ?addr_ge0 // ler_norm_add.
have -> : \sum_i (`|u i| + `|v i|) ^+ 2 = \sum_i `|u i| ^+ 2 + \sum_i `|v i| ^+ 2 + (\sum_i `|u i| * `|v i|) *+ 2.
  by rewrite -sumrMnl -!big_split; apply: eq_bigr => i _ /=; ring.
have -> : (a + b) ^+ 2 * X = a ^+ 2 * X + b ^+ 2 * X + (a * b * X) *+ 2 by ring.
by apply: ler_add; [exact: ler_add | exact: ler_wmuln2r].
Qed.

Lemma norm_minkowski_sum (I J : finType) (u : J -> I -> C) (c : J -> C) (X : C) : 0 <= X -> (forall j, 0 <= c j) ->
  (forall j, \sum_i `|u j i| ^+ 2 <= c j ^+ 2 * X) -> \sum_i `|\sum_j u j i| ^+ 2 <= (\sum_j c j) ^+ 2 * X.
Proof.
move=> X0 c0 H; elim: (index_enum J) => [|j s IH].
  by rewrite big_nil expr0n mul0r big1 // => i _; rewrite big_nil normr0 expr0n.
rewrite big_cons; under eq_bigr => i _ do rewrite big_cons.
by apply: norm_minkowski => //; apply: sumr_ge0.
Qed.

(* ---- convolutions with approximate roots ---- *)

Section Approximate.
Variables (G : finZmodType) (F : finType) (chi : F -> G -> C) (K L J : finType) (offset : J -> G) (W : L -> K -> J -> C).
Hypothesis chiP : characters chi.

(* Numbers in the places of the characters, wrong by at most eps; the Frobenius norms of the taps. *)
Variables (near_chi : F -> J -> C) (eps : C) (frobenius : J -> C).
Hypothesis near_chiP : forall a j, `|chi a (- offset j) - near_chi a j| <= eps.
Hypothesis frobenius_ge0 : forall j, 0 <= frobenius j.
Hypothesis frobeniusP : forall j, \sum_o \sum_k `|W o k j| ^+ 2 <= frobenius j ^+ 2.

Definition near_symbol a o k : C := \sum_j W o k j * near_chi a j.

Theorem approximate_convolution_norm (s : C) (keep : pred G) : (0 < #|F|)%N -> 0 <= s -> 0 <= eps ->
  (forall a (v : K -> C), \sum_o `|\sum_k near_symbol a o k * v k| ^+ 2 <= s ^+ 2 * \sum_k `|v k| ^+ 2) ->
  forall x, \sum_o \sum_(p | keep p) `|convolution offset W x o p| ^+ 2 <=
            (s + eps * \sum_j frobenius j) ^+ 2 * \sum_k \sum_p `|x k p| ^+ 2.
Proof.
move=> F0 s0 eps0 H; apply: (convolution_norm chiP) => // a v; set X := \sum_k `|v k| ^+ 2.
have X0 : 0 <= X by apply: sumr_ge0 => k _; rewrite exprn_ge0.
pose e j := chi a (- offset j) - near_chi a j; pose u j o := e j * \sum_k W o k j * v k.
have split o : \sum_k symbol chi offset W a o k * v k = \sum_k near_symbol a o k * v k + \sum_j u j o.
  rewrite /u; under [X in _ = _ + X]eq_bigr => j _ do rewrite mulr_sumr.
  rewrite exchange_big -big_split; apply: eq_bigr => k _ /=; rewrite /symbol /near_symbol !mulr_suml -big_split.
  by apply: eq_bigr => j _ /=; rewrite /e; ring.
under eq_bigr => o _ do rewrite split.
apply: norm_minkowski => //; [by rewrite mulr_ge0 // sumr_ge0 | exact: H | ].
rewrite [eps * _]mulr_sumr; apply: norm_minkowski_sum => // j; first by rewrite mulr_ge0.
rewrite exprMn -mulrA /u; under eq_bigr => o _ do rewrite normrM exprMn.
rewrite -mulr_sumr; apply: ler_pmul; rewrite ?exprn_ge0 //.
- by apply: sumr_ge0 => o _; rewrite exprn_ge0.
- by apply: ler_expn2r; rewrite ?nnegrE //; exact: near_chiP.
apply: (@le_trans _ _ (\sum_o (\sum_k `|W o k j| ^+ 2) * X)); last by rewrite -mulr_suml ler_wpmul2r.
apply: ler_sum => o _; apply: le_trans (norm_cauchy _ _); rewrite ler_expn2r ?nnegrE //.
  by apply: sumr_ge0 => k _; rewrite mulr_ge0.
by apply: le_trans (ler_norm_sum _ _ _) _; apply: ler_sum => k _; rewrite normrM.
Qed.

End Approximate.

(* The norm of a complex matrix is that of its real embedding ((A, -B), (B, A)). *)
Theorem real_embedding (K L : finType) (A B : L -> K -> C) (c : C) :
  (forall o k, A o k \is Num.real) -> (forall o k, B o k \is Num.real) ->
  (forall x y : K -> C, (forall k, x k \is Num.real) -> (forall k, y k \is Num.real) ->
     \sum_o ((\sum_k (A o k * x k - B o k * y k)) ^+ 2 + (\sum_k (B o k * x k + A o k * y k)) ^+ 2) <= c * \sum_k (x k ^+ 2 + y k ^+ 2)) ->
  forall v : K -> C, \sum_o `|\sum_k (A o k + 'i * B o k) * v k| ^+ 2 <= c * \sum_k `|v k| ^+ 2.
Proof.
move=> Ar Br H v; have := H (fun k => 'Re (v k)) (fun k => 'Im (v k)) (fun k => Creal_Re _) (fun k => Creal_Im _).
under [X in _ -> _ <= c * X]eq_bigr => k _ do rewrite normC2_Re_Im.
congr (_ <= _); apply: eq_bigr => o _.
have -> : \sum_k (A o k + 'i * B o k) * v k =
    \sum_k (A o k * 'Re (v k) - B o k * 'Im (v k)) + 'i * \sum_k (B o k * 'Re (v k) + A o k * 'Im (v k)).
  rewrite mulr_sumr -big_split; apply: eq_bigr => k _ /=; rewrite {1}[v k]Crect.
  have i2 : 'i * 'i = -1 :> C by rewrite -expr2 sqrCi.
  transitivity (A o k * 'Re (v k) + ('i * 'i) * (B o k * 'Im (v k)) + 'i * (B o k * 'Re (v k) + A o k * 'Im (v k))); first by ring.
  by rewrite i2 mulN1r.
have re : \sum_k (A o k * 'Re (v k) - B o k * 'Im (v k)) \is Num.real.
  by apply: sum_real => k _; rewrite realB ?realM ?Creal_Re ?Creal_Im.
have im : \sum_k (B o k * 'Re (v k) + A o k * 'Im (v k)) \is Num.real.
  by apply: sum_real => k _; rewrite realD ?realM ?Creal_Re ?Creal_Im.
by rewrite normC2_rect.
Qed.

End Roots.
