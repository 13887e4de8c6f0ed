(* The finite grid of frequencies bounds a convolution: over a cyclic group (a torus of pixels), the norm of a convolution is at most
   the largest norm of its symbol at the characters of the group. Zero padding is a signal that is supported on a part of a larger torus,
   with only a part of the outputs kept; both only lower the norm. Over any algebraically closed field with conjugation.

   [convolution_norm] is about any finite abelian group with a complete set of characters; [cyclic_characters] gives them for Z/N from a
   primitive root of unity, and [product_characters] for products, so for pictures of any dimension. *)
From mathcomp Require Import all_ssreflect all_algebra.
Set Implicit Arguments.
Unset Strict Implicit.
Unset Printing Implicit Defensive.
Import Order.TTheory GRing.Theory Num.Theory.
Local Open Scope ring_scope.

Section Characters.
Variable C : numClosedFieldType.

(* Frequencies F and their characters on G: multiplicative, of absolute value one, orthogonal and as many as needed. *)
Record characters (G : finZmodType) (F : finType) (chi : F -> G -> C) : Prop := Characters {
  character_add : forall a x y, chi a (x + y) = chi a x * chi a y;
  character_norm : forall a x, `|chi a x| = 1;
  character_sum : forall x, \sum_a chi a x = if x == 0 then #|F|%:R else 0
}.

(* The powers of a primitive N-th root of unity are the characters of Z/N. *)
Theorem cyclic_characters N (z : C) : N.+2.-primitive_root z ->
  @characters [finZmodType of 'I_N.+2] [finType of 'I_N.+2] (fun a x => z ^+ (a * x)).
Proof.
move=> prim; have z1 := prim_expr_order prim; split.
- move=> a x y; rewrite -exprD -mulnDr /= [RHS](_ : _ = z ^+ (a * ((x + y) %% N.+2))) //.
  by rewrite -(expr_mod _ z1) -modnMmr expr_mod // -modnMmr modn_mod modnMmr expr_mod.
- move=> a x; apply/eqP; rewrite normrX -(@pexpr_eq1 _ _ N.+2) // ?exprn_ge0 //.
  by rewrite -exprM mulnC exprM -normrX z1 normr1 expr1n.
- move=> x; case: eqP => [->|/eqP nx].
    by rewrite (eq_bigr (fun=> 1)) ?sumr_const ?card_ord // => a _; rewrite /= muln0 expr0.
  have w1 : z ^+ x != 1.
    rewrite -(prim_order_dvd prim); apply: contra nx => /dvdnP[k e]; apply/eqP/val_inj => /=.
    by case: k e (ltn_ord x) => [|k] -> //; rewrite mulSn ltnNge leq_addr.
  have := subrX1 (z ^+ x) N.+2; rewrite -exprM mulnC exprM z1 expr1n subrr => /esym/eqP.
  rewrite mulf_eq0 subr_eq0 (negbTE w1) /= => /eqP e; rewrite -[RHS]e.
  by apply: eq_bigr => a _; rewrite -exprM mulnC.
Qed.

Theorem product_characters (G1 G2 : finZmodType) (F1 F2 : finType) (chi1 : F1 -> G1 -> C) (chi2 : F2 -> G2 -> C) :
  characters chi1 -> characters chi2 ->
  @characters [finZmodType of (G1 * G2)%type] [finType of (F1 * F2)%type] (fun a x => chi1 a.1 x.1 * chi2 a.2 x.2).
Proof.
move=> [add1 nrm1 sum1] [add2 nrm2 sum2]; split.
- by move=> a x y; rewrite /= add1 add2 mulrACA.
- by move=> a x; rewrite normrM nrm1 nrm2 mulr1.
- case=> x1 x2 /=; rewrite -(pair_bigA _ (fun a b => chi1 a x1 * chi2 b x2)) /=.
  rewrite (eq_bigr (fun a => chi1 a x1 * (if x2 == 0 then #|F2|%:R else 0))) => [|a _]; last by rewrite -mulr_sumr sum2.
  rewrite -mulr_suml sum1 -[(x1, x2) == 0]/((x1 == 0) && (x2 == 0)).
  by case: (x1 == 0); case: (x2 == 0); rewrite ?mul0r ?mulr0 //= card_prod natrM.
Qed.

Section Torus.
Variables (G : finZmodType) (F : finType) (chi : F -> G -> C).
Hypothesis chiP : characters chi.

Definition transform (x : G -> C) (a : F) : C := \sum_p x p * chi a p.

Lemma character0 a : chi a 0 = 1.
Proof.
have := character_add chiP a 0 0; rewrite addr0 => e.
have nz : chi a 0 != 0 by rewrite -normr_eq0 (character_norm chiP) oner_neq0.
by apply: (mulfI nz); rewrite -e mulr1.
Qed.

Lemma character_conj a x : (chi a x)^* = chi a (- x).
Proof.
have nz : chi a x != 0 by rewrite -normr_eq0 (character_norm chiP) oner_neq0.
apply: (mulfI nz); rewrite -normCK (character_norm chiP) expr1n -(character_add chiP) subrr.
by rewrite character0.
Qed.

(* Parseval's identity. *)
Lemma parseval x : \sum_a `|transform x a| ^+ 2 = #|F|%:R * \sum_p `|x p| ^+ 2.
Proof.
transitivity (\sum_p \sum_q x p * (x q)^* * \sum_a chi a (p - q)).
  under [RHS]eq_bigr => p _ do (under eq_bigr => q _ do rewrite mulr_sumr; rewrite exchange_big /=).
  rewrite [RHS]exchange_big /=; apply: eq_bigr => a _.
  rewrite normCK /transform rmorph_sum big_distrlr /=; apply: eq_bigr => p _; apply: eq_bigr => q _.
  by rewrite rmorphM /= character_conj (character_add chiP) mulrACA.
rewrite mulr_sumr; apply: eq_bigr => p _; rewrite (bigD1 p) //= subrr (character_sum chiP) eqxx.
rewrite [X in _ + X]big1 ?addr0; first by rewrite -normCK mulrC.
by move=> q ne; rewrite (character_sum chiP) subr_eq0 eq_sym (negbTE ne) mulr0.
Qed.

Variables (K L J : finType) (offset : J -> G) (W : L -> K -> J -> C).

(* Input channels K, output channels L, taps J. *)
Definition convolution (x : K -> G -> C) (o : L) (p : G) : C := \sum_k \sum_j W o k j * x k (p + offset j).

(* The symbol at a frequency: a matrix from input to output channels. *)
Definition symbol (a : F) (o : L) (k : K) : C := \sum_j W o k j * chi a (- offset j).

Lemma transform_convolution x o a : transform (convolution x o) a = \sum_k symbol a o k * transform (x k) a.
Proof.
rewrite /transform /convolution.
under eq_bigr => p _ do rewrite mulr_suml.
rewrite exchange_big /=; apply: eq_bigr => k _.
under eq_bigr => p _ do rewrite mulr_suml.
rewrite exchange_big /= /symbol mulr_suml; apply: eq_bigr => j _.
rewrite mulr_sumr [RHS](reindex_inj (addIr (offset j))) /=; apply: eq_bigr => p _.
rewrite (character_add chiP) -!mulrA; congr (_ * _); rewrite mulrCA; congr (_ * _).
by rewrite mulrCA -(character_add chiP) addrC subrr character0 mulr1.
Qed.

(* THE GRID THEOREM. [keep] is any set of output positions; x may vanish wherever it likes. *)
Theorem convolution_norm (c : C) (keep : pred G) :
  (0 < #|F|)%N ->
  (forall a (v : K -> C), \sum_o `|\sum_k symbol a o k * v k| ^+ 2 <= c * \sum_k `|v k| ^+ 2) ->
  forall x, \sum_o \sum_(p | keep p) `|convolution x o p| ^+ 2 <= c * \sum_k \sum_p `|x k p| ^+ 2.
Proof.
move=> F0 H x; apply: (@le_trans _ _ (\sum_o \sum_p `|convolution x o p| ^+ 2)).
  apply: ler_sum => o _; rewrite [X in _ <= X](bigID keep) /= ler_addl.
  by apply: sumr_ge0 => p _; rewrite exprn_ge0.
have n0 : 0 < #|F|%:R :> C by rewrite ltr0n.
rewrite -(ler_pmul2l n0) mulr_sumr [X in _ <= X]mulrCA mulr_sumr.
under eq_bigr => o _ do rewrite -parseval.
under [X in _ <= _ * X]eq_bigr => k _ do rewrite -parseval.
rewrite exchange_big /= [X in _ <= _ * X]exchange_big /= mulr_sumr; apply: ler_sum => a _.
apply: le_trans (H a (fun k => transform (x k) a)).
by under eq_bigr => o _ do rewrite transform_convolution.
Qed.

End Torus.
End Characters.
