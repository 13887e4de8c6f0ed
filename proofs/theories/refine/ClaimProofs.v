(* From the bounds of the layers to the claims: pairs of outputs, and radii around points. *)
From Coq Require Import ZArith Lia.
From mathcomp Require Import all_ssreflect all_algebra.
From mathcomp Require Import zify ssrZ ring.
From Lipcert Require Import exec.Dyadic exec.Gram exec.Network exec.Sample exec.Claims Spec.
From Lipcert Require Import theory.Psd theory.Layers refine.Packing refine.Numbers refine.Norm refine.Lipschitz refine.Evaluate.
Set Implicit Arguments.
Unset Strict Implicit.
Unset Printing Implicit Defensive.
Import Order.TTheory GRing.Theory Num.Theory.
Local Open Scope ring_scope.

Section ClaimProofs.
Variable R : rcfType.
Notation zr := (@zr R).
Notation tp := (@two_power R).
Notation dr := (@dr R).
Notation qr := (@qr R).
Notation vector := (@vector R).
Notation nz := (nth Z0).
Notation nl := (nth [::]).
Implicit Types (x y : seq R) (p : problem).

(* ---- two outputs ---- *)

Lemma two_entries i j x y : size x = size y -> i != j ->
  (nth 0 x i - nth 0 y i) ^+ 2 + (nth 0 x j - nth 0 y j) ^+ 2 <= distance2 x y.
Proof.
move=> e ne; pose N := maxn (size x) (maxn i.+1 j.+1).
have iN : (i < N)%N by rewrite /N !leq_max ltnSn !orbT.
have jN : (j < N)%N by rewrite /N !leq_max ltnSn !orbT.
rewrite (@distance2E _ N) ?leq_maxl // /sqn (bigD1 (Ordinal iN)) //= (bigD1 (Ordinal jN)) /=; last first.
  by rewrite -val_eqE /= eq_sym.
by rewrite addrA ler_addl sumr_ge0 // => k _; rewrite sqr_ge0.
Qed.

Definition pair_bound (K : R) net i j := 0 <= K /\ forall x y fx fy, size x = size y ->
  eval net x = Some fx -> eval net y = Some fy ->
  ((nth 0 fx i - nth 0 fx j) - (nth 0 fy i - nth 0 fy j)) ^+ 2 <= K * distance2 x y.

Lemma pair_root2 (L : R) net i j : lipschitz_by L net -> pair_bound (2%:R * L ^+ 2) net i j.
Proof.
move=> H; split; first by rewrite mulr_ge0 ?ler0n ?sqr_ge0.
move=> x y fx fy e Ex Ey; have [s d] := H _ _ _ _ e Ex Ey.
case: (eqVneq i j) => [->|ne].
  rewrite !subrr expr0n /= mulr_ge0 ?distance2_ge0 //.
  by apply: mulr_ge0; [exact: ler0n | exact: sqr_ge0].
rewrite -mulrA; apply: le_trans (_ : 2%:R * distance2 fx fy <= _); last by rewrite ler_pmul2l ?ltr0n.
apply: le_trans (_ : 2%:R * ((nth 0 fx i - nth 0 fy i) ^+ 2 + (nth 0 fx j - nth 0 fy j) ^+ 2) <= _); last first.
  by rewrite ler_pmul2l ?ltr0n // two_entries.
rewrite -subr_ge0; set a := nth 0 fx i; set b := nth 0 fx j; set c := nth 0 fy i; set d' := nth 0 fy j.
have -> : 2%:R * ((a - c) ^+ 2 + (b - d') ^+ 2) - (a - b - (c - d')) ^+ 2 = (a - c + (b - d')) ^+ 2 by ring.
exact: sqr_ge0.
Qed.

(* The squared distance of two integer rows. *)
Lemma zr_row_distance (v w : seq Z) N : (size v <= N)%N -> (size w <= N)%N ->
  zr (Z.add (Z.sub (dot v v) (Z.mul 2 (dot v w))) (dot w w)) = \sum_(k < N) (zr (nz v k) - zr (nz w k)) ^+ 2.
Proof.
move=> sv sw; rewrite zrD zrB zrM !(@zr_dot R N) //.
rewrite mulr_sumr -sumrB -big_split; apply: eq_bigr => k _ /=.
have -> : zr (Zpos 2) = 2%:R by [].
by ring.
Qed.

Lemma pair_rows (L : R) f q W b i j (v w : seq Z) : lipschitz_by L f -> 0 < zr q ->
  let s := common_scale W in
  let integer_rows := [seq [seq grid s a | a <- row] | row <- W] in
  List.nth_error integer_rows i = Some v -> List.nth_error integer_rows j = Some w ->
  pair_bound (zr (Z.add (Z.sub (dot v v) (Z.mul 2 (dot v w))) (dot w w)) / (zr q * tp s) ^+ 2 * L ^+ 2)
             (Compose f (Dense q W b)) i j.
Proof.
move=> H q0 s integer_rows Ei Ej; have [_ scaled] := common_scaleP R W; rewrite -/s in scaled.
have nth_errorE (T : Type) (x0 : T) (l : seq T) k a : List.nth_error l k = Some a -> (k < size l)%N /\ nth x0 l k = a.
  by elim: l k => [|z l IH] [|k] //=; [case=> -> | move/IH].
have [li vi] := nth_errorE _ [::] _ _ _ Ei; have [lj wj] := nth_errorE _ [::] _ _ _ Ej.
rewrite size_map in li lj.
have rowE k n : (k < size W)%N -> nz (nl integer_rows k) n = nz [seq grid s a | a <- nl W k] n.
  by move=> lt; rewrite /integer_rows (nth_map [::]).
have in_W k : (k < size W)%N -> List.In (nl W k) W by move=> lt; rewrite -nthE; apply: List.nth_In; exact/ssrnat.ltP.
have entry k n : (k < size W)%N -> zr (nz (nl integer_rows k) n) = nth 0 [seq dr a | a <- nl W k] n * tp s.
  move=> lt; rewrite rowE //; case: (ltnP n (size (nl W k))) => h.
    rewrite !(nth_map (Dyadic Z0 Z0)) // (scaled (nl W k)) //; first exact: in_W.
    by rewrite -nthE; apply: List.nth_In; exact/ssrnat.ltP.
  by move: (nl W k) h => row h; rewrite !nth_default ?size_map // zr0 mul0r.
have t0 := tp_gt0 R s; have qt0 : 0 < zr q * tp s by rewrite mulr_gt0.
split.
  rewrite mulr_ge0 ?sqr_ge0 // divr_ge0 ?sqr_ge0 //.
  rewrite (@zr_row_distance _ _ (maxn (size v) (size w))) ?leq_maxl ?leq_maxr //.
  by apply: sumr_ge0 => k _; rewrite sqr_ge0.
move=> x y fx fy e /=.
case Ex: (eval f x) => [u|] //=; case Ey: (eval f y) => [u'|] //=.
move=> /guardedP[/andP[/andP[W_ok /eqP sb] _] ->] /guardedP[_ ->].
have [su du] := H _ _ _ _ e Ex Ey; set n := size u.
have sW k : (k < size W)%N -> size (nl W k) = n by move=> lt; apply/eqP; exact: (all_nthP [::] W_ok).
have out k z : (k < size W)%N -> nth 0 [seq inner t.1 z / zr q + dr t.2 | t <- zip W b] k =
    inner (nl W k) z / zr q + dr (nth (Dyadic Z0 Z0) b k).
  by move=> lt; rewrite (nth_map ([::], Dyadic Z0 Z0)) ?size_zip ?sb ?minnn // nth_zip.
rewrite !out //.
rewrite !(@inner_sum R n) ?sW -?su //.
set D := \sum_(k < n) (nth 0 [seq dr a | a <- nl W i] k - nth 0 [seq dr a | a <- nl W j] k) * (nth 0 u k - nth 0 u' k).
set A1 := \sum_(k < n) _; set A2 := \sum_(k < n) _; set A3 := \sum_(k < n) _; set A4 := \sum_(k < n) _.
have ED : D = A1 - A2 - (A3 - A4).
  by rewrite /D /A1 /A2 /A3 /A4 -!sumrB; apply: eq_bigr => k _; ring.
set c := dr (nth _ b i); set c' := dr (nth _ b j).
have -> : A1 / zr q + c - (A2 / zr q + c') - (A3 / zr q + c - (A4 / zr q + c')) = D / zr q by rewrite ED; ring.
clear ED A1 A2 A3 A4.
rewrite (@zr_row_distance _ _ n); last 2 first.
- by rewrite -vi /integer_rows (nth_map [::]) // size_map sW.
- by rewrite -wj /integer_rows (nth_map [::]) // size_map sW.
have -> : \sum_(k < n) (zr (nz v k) - zr (nz w k)) ^+ 2 =
    (\sum_(k < n) (nth 0 [seq dr a | a <- nl W i] k - nth 0 [seq dr a | a <- nl W j] k) ^+ 2) * tp s ^+ 2.
  by rewrite mulr_suml; apply: eq_bigr => k _; rewrite -vi -wj !entry // -mulrBl exprMn.
set S := \sum_(k < n) _ ^+ 2.
have S0 : 0 <= S by apply: sumr_ge0 => k _; rewrite sqr_ge0.
have C : D ^+ 2 <= S * distance2 u u' by rewrite (@distance2E _ n) //; exact: cauchy.
have -> : S * tp s ^+ 2 / (zr q * tp s) ^+ 2 * L ^+ 2 * distance2 x y = S * (L ^+ 2 * distance2 x y) / zr q ^+ 2.
  have q1 : zr q != 0 by rewrite gt_eqF.
  have t1 := tp_neq0 R s; move: (tp s) t1 (zr q) q1 (distance2 x y) => t t1 r r1 d.
  by field; rewrite t1 r1.
rewrite exprMn exprVn; apply: ler_wpmul2r; first by rewrite invr_ge0 sqr_ge0.
by apply: le_trans C _; apply: ler_wpmul2l.
Qed.

(* ---- the bounds of a problem ---- *)

Theorem prove_bounds_sound p b : prove_bounds p = Some b ->
  [/\ proper R (whole_bound b), 0 <= qr (whole_bound b), lipschitz_by (qr (whole_bound b)) (whole p) &
  forall i j, proper R (pair_by_rows b i j) /\ pair_bound (qr (pair_by_rows b i j)) (whole p) i j].
Proof.
rewrite /prove_bounds; case Eu: (lipschitz _ _) => [u|] //; case Ev: (lipschitz _ _) => [v|] //.
have [pu u0 Hu] := lipschitz_sound R Eu; have [pv v0 Hv] := lipschitz_sound R Ev.
have Ew : lipschitz (whole p) (Both (body_evidence p) (last_evidence p)) = Some (times u v) by rewrite /= Eu Ev.
have [pw w0 Hw] := lipschitz_sound R Ew.
case El: (last_rows (last p)) => [rs q] [<-] /=; split=> // i j.
have root2 : proper R (pair_by_root2 (Bounds u (times u v) rs q)) /\
    pair_bound (qr (pair_by_root2 (Bounds u (times u v) rs q))) (whole p) i j.
  split; first by do 2?[apply: proper_times => //]; rewrite /proper ltr01.
  have -> : qr (pair_by_root2 (Bounds u (times u v) rs q)) = 2%:R * qr (times u v) ^+ 2.
    by rewrite /pair_by_root2 /square !qr_times expr2 /Spec.qr /= divr1.
  exact: pair_root2.
rewrite /pair_by_rows /=.
case Ei: (List.nth_error rs i) => [a|] //; case Ej: (List.nth_error rs j) => [c|] //.
move: El Ev Hw root2 Ei Ej; rewrite /whole.
case: (last p) => [|d W b'|? ? ?||?||?|||?|? ?|? ?|? ?] /=;
  try by move=> [<- _] _ _ _; case: (i).
move=> [<- <-] Ev _ _ Ei Ej.
have d0 : 0 < zr d.
  move: Ev; case: (last_evidence p) => [w|w h|||] //=; first by rewrite andbF.
  by case: ifP => // /andP[_ /andP[/andP[/andP[/andP[/andP[/(zr_gt0 R)]]]]]].
have qE : zr (Z.shiftl d (common_scale W)) = zr d * tp (common_scale W).
  by rewrite zr_shiftl //; have [h _] := common_scaleP R W; lia.
have qp : 0 < zr (Z.shiftl d (common_scale W)) by rewrite qE mulr_gt0 ?tp_gt0.
split; first by apply: proper_times; [rewrite /proper /= zrM mulr_gt0 | exact: proper_times].
have := pair_rows b' Hu d0 Ei Ej; set s := zr (Z.add _ _).
suff -> : qr (times (Rational (Z.add (Z.sub (dot a a) (Z.mul 2 (dot a c))) (dot c c))
   (Z.mul (Z.shiftl d (common_scale W)) (Z.shiftl d (common_scale W)))) (square u)) =
   s / (zr d * tp (common_scale W)) ^+ 2 * qr u ^+ 2 by [].
by rewrite /square !qr_times expr2 {1}/Spec.qr /= zrM qE expr2.
Qed.

(* ---- radii ---- *)

Lemma margin_exceedsP bound r (y : point) c : margin_exceeds bound r y c -> proper R bound -> proper R r -> good R y ->
  0 < zr c /\ qr bound * qr r ^+ 2 < (zr c * unit R y) ^+ 2.
Proof.
move=> /andP[/(zr_gt0 R) c0 /(lt_scaledP R)] lt pb pr gy; split=> //; move: lt; rewrite !zrM.
have -> : tp (Z.mul 2 (power y)) = tp (power y) ^+ 2.
  by rewrite -Z.add_diag tpD expr2.
rewrite /proper in pb pr; rewrite /good in gy.
rewrite /unit /Spec.qr; move: (tp _) (zr (num bound)) (zr (den bound)) pb (zr (num r)) (zr (den r)) pr (zr (divisor y)) gy (zr c) {c0}.
move=> t bn bd bd0 rn rd rd0 d d0 c'; have bd1 : bd != 0 by rewrite gt_eqF.
have rd1 : rd != 0 by rewrite gt_eqF.
have d1 : d != 0 by rewrite gt_eqF.
have -> : bn / bd * (rn / rd) ^+ 2 = bn * (rn * rn) * (d * d) / (bd * (rd * rd) * (d * d)).
  by field; rewrite ?bd1 ?rd1 ?d1.
have -> : (c' * (t / d)) ^+ 2 = c' * c' * bd * (rd * rd) * t ^+ 2 / (bd * (rd * rd) * (d * d)).
  by field; rewrite ?bd1 ?rd1 ?d1.
by rewrite ltr_pmul2r // invr_gt0 !mulr_gt0.
Qed.

Lemma within_radius (r : R) x y : 0 <= r -> distance x y <= r -> distance2 x y <= r ^+ 2.
Proof.
move=> r0; rewrite /distance => h; rewrite -[X in X <= _]sqr_sqrtr ?distance2_ge0 //.
by rewrite ler_expn2r ?nnegrE ?sqrtr_ge0.
Qed.

(* A margin at one point that the Lipschitz bound cannot eat up within the radius. *)
Lemma keeps_sign (K r a b d : R) : 0 <= K -> 0 < a -> (a - b) ^+ 2 <= K * d -> d <= r ^+ 2 -> K * r ^+ 2 < a ^+ 2 -> 0 < b.
Proof.
move=> K0 a0 h1 h2 h3.
have lt : (a - b) ^+ 2 < a ^+ 2 by apply: le_lt_trans h1 _; apply: le_lt_trans h3; exact: ler_wpmul2l.
have : `|a - b| < `|a|.
  by rewrite -(ltr_sqr (normr_ge0 _) (normr_ge0 _)) !real_normK ?num_real.
by rewrite (gtr0_norm a0) ltr_distl ltr_addr => /andP[].
Qed.

Lemma nth_vector (y : point) i : nth 0 (vector y) i = zr (nz (coordinates y) i) * unit R y.
Proof.
rewrite vectorE; case: (ltnP i (size (coordinates y))) => h; first by rewrite (nth_map Z0).
by rewrite !nth_default ?size_map // zr0 mul0r.
Qed.

Lemma beats_sound p b r (s y : point) i j : prove_bounds p = Some b -> proper R r -> 0 <= qr r ->
  good R y -> eval (whole p) (vector s) = Some (vector y) -> beats b r y i j -> j != i ->
  forall z fz, size z = size (vector s) -> eval (whole p) z = Some fz -> distance (vector s) z <= qr r ->
  nth 0 fz j < nth 0 fz i.
Proof.
move=> Eb pr r0 gy Ey bt ne z fz sz Ez dz.
have [pw w0 Hw Hrows] := prove_bounds_sound Eb; have [pij Hij] := Hrows i j.
have dz2 := within_radius r0 dz.
have uy := unit_gt0 gy.
have decide (K : rational) : proper R K -> pair_bound (qr K) (whole p) i j ->
    margin_exceeds K r y (Z.sub (List.nth i (coordinates y) Z0) (List.nth j (coordinates y) Z0)) ->
    nth 0 fz j < nth 0 fz i.
  move=> pK [K0 HK] /margin_exceedsP /(_ pK pr gy)[c0 h].
  have := HK _ _ _ _ (esym sz) Ey Ez; rewrite !nth_vector -mulrBl -zrB -!nthE => h1.
  rewrite -subr_gt0; apply: (keeps_sign K0 _ h1 dz2 h).
  by rewrite mulr_gt0.
move: bt; rewrite /beats nat_eqbE eq_sym (negbTE ne) /= => /orP[]; first exact: decide.
apply: decide; first by do 2?[apply: proper_times => //]; rewrite /proper ltr01.
have -> : qr (pair_by_root2 b) = 2%:R * qr (whole_bound b) ^+ 2.
  by rewrite /pair_by_root2 /square !qr_times expr2 /Spec.qr /= divr1.
exact: pair_root2.
Qed.

(* ---- every kind of claim ---- *)

Lemma distance_le (L : R) x y fx fy : 0 <= L -> distance2 fx fy <= L ^+ 2 * distance2 x y -> distance fx fy <= L * distance x y.
Proof.
move=> L0 h; rewrite /distance -[X in _ <= X * _]ger0_norm // -sqrtr_sqr -sqrtrM ?sqr_ge0 //.
exact: ler_wsqrtr.
Qed.

Lemma abs_le (K L a d : R) : 0 <= L -> 0 <= K -> K <= L ^+ 2 -> 0 <= d -> a ^+ 2 <= K * d -> `|a| <= L * Num.sqrt d.
Proof.
move=> L0 K0 KL d0 h.
rewrite -sqrtr_sqr -[X in _ <= X * _]ger0_norm // -sqrtr_sqr -sqrtrM ?sqr_ge0 //.
by apply: ler_wsqrtr; apply: le_trans h _; exact: ler_wpmul2r.
Qed.

Definition evaluated p n (ys : seq point) : Prop := forall k (y : point), List.nth_error ys k = Some y ->
  exists2 s : point, List.nth_error (points p) k = Some s & [/\ value R (whole p) s y & size (coordinates s) = n].

Theorem claim_check_sound p b m ys c : prove_bounds p = Some b -> output_size (whole p) (input_size p) = Some m ->
  evaluated p (input_size p) ys -> claim_check b m ys c = true -> holds R p (input_size p) m c.
Proof.
move=> Eb Em Hys; have [pw w0 Hw Hrows] := prove_bounds_sound Eb.
have proper2 : proper R (pair_by_root2 b) by do 2?[apply: proper_times => //]; rewrite /proper ltr01.
have root2E : qr (pair_by_root2 b) = 2%:R * qr (whole_bound b) ^+ 2.
  by rewrite /pair_by_root2 /square !qr_times expr2 /Spec.qr /= divr1.
case: c => [u|i j u|k i r|k r] /=.
- move=> /andP[/(nonnegativeP R)[pu u0] /(at_mostP pw pu) le] x y fx fy sx sy Ex Ey.
  have [_ d] := Hw _ _ _ _ (etrans sx (esym sy)) Ex Ey; apply: distance_le => //.
  apply: le_trans d _; apply: ler_wpmul2r; first exact: distance2_ge0.
  by rewrite ler_expn2r ?nnegrE.
- move=> /andP[/andP[/andP[/(nonnegativeP R)[pu u0]]]]; rewrite !nat_ltbE => im jm ck; split=> //.
  move=> x y fx fy sx sy Ex Ey; have e := etrans sx (esym sy).
  have pu2 : proper R (square u) by exact: proper_times.
  have u2 : qr (square u) = qr u ^+ 2 by rewrite qr_times expr2.
  have decide K : proper R K -> pair_bound (qr K) (whole p) i j -> at_most K (square u) ->
      `|(nth 0 fx i - nth 0 fx j) - (nth 0 fy i - nth 0 fy j)| <= qr u * distance x y.
    move=> pK [K0 HK] /(at_mostP pK pu2); rewrite u2 => KL.
    by apply: (abs_le u0 K0 KL (distance2_ge0 _ _)); exact: HK.
  have [pij Hij] := Hrows i j; move: ck => /orP[]; first exact: decide.
  by apply: decide => //; rewrite root2E; exact: pair_root2.
- case Ey: (List.nth_error ys k) => [y|] //; have [s Es [[gy Ev] ss]] := Hys _ _ Ey.
  move=> /andP[/andP[/(nonnegativeP R)[pr r0]]]; rewrite nat_ltbE => im /List.forallb_forall bt.
  exists s => //; split=> // z fz sz Ez dz j jm ne.
  have sz' : size z = size (vector s) by rewrite size_vector ss.
  apply: (beats_sound Eb pr r0 gy Ev _ ne sz' Ez dz); apply: bt.
  apply/List.in_seq; split; first exact/ssrnat.leP.
  exact/ssrnat.ltP.
- case Ey: (List.nth_error ys k) => [y|] //; have [s Es [[gy Ev] ss]] := Hys _ _ Ey.
  move=> /andP[/andP[/(nonnegativeP R)[pr r0]]]; rewrite nat_eqbE => /eqP m1 ck.
  exists s => //; split=> // fs z fz Efs sz Ez dz.
  have [->] : Some fs = Some (vector y) := etrans (esym Efs) Ev.
  have sz' : size z = size (vector s) by rewrite size_vector ss.
  have pK : proper R (square (whole_bound b)) by exact: proper_times.
  have [c0 lt] := margin_exceedsP ck pK pr gy.
  rewrite zr_abs nthE in c0 lt.
  rewrite nth_vector; set a := zr (nz (coordinates y) 0) in c0 lt *.
  have u0 := unit_gt0 gy; have aN0 : a != 0 by rewrite -normr_gt0.
  split; first by rewrite mulf_neq0 // gt_eqF.
  have [sy d] := Hw _ _ _ _ (esym sz') Ev Ez.
  have szy : (0 < size (vector y))%N.
    by rewrite size_vector ltnNge leqn0; apply: contra aN0 => /eqP/size0nil e; rewrite /a e /= zr0.
  have entry : (nth 0 (vector y) 0 - nth 0 fz 0) ^+ 2 <= qr (whole_bound b) ^+ 2 * distance2 (vector s) z.
    apply: le_trans d; rewrite (@distance2E _ (size (vector y))) // /sqn (bigD1 (Ordinal szy)) //= ler_addl.
    by apply: sumr_ge0 => q _; rewrite sqr_ge0.
  have dz2 := within_radius r0 dz.
  move: lt entry; rewrite nth_vector -/a qr_times -expr2; move: (nth 0 fz 0) (unit R y) u0 => f w u0 lt entry.
  case: (ltrgt0P a) aN0 c0 lt => // a0 _ _ lt.
    rewrite !gtr0_sg ?mulr_gt0 //; apply: (keeps_sign _ _ entry dz2 lt); rewrite ?sqr_ge0 ?mulr_gt0 //.
  rewrite [RHS]ltr0_sg ?pmulr_llt0 //; apply: ltr0_sg; rewrite -oppr_gt0.
  apply: (keeps_sign (K := qr (whole_bound b) ^+ 2) (a := - (a * w)) _ _ _ dz2); rewrite ?sqr_ge0 //.
  + by rewrite oppr_gt0 pmulr_llt0.
  + by rewrite -opprD sqrrN; exact: entry.
  + by move: lt; rewrite mulNr sqrrN.
Qed.

Lemma nth_error_Forall2 (A B : Type) (P : A -> B -> Prop) ps qs k q : List.Forall2 P ps qs ->
  List.nth_error qs k = Some q -> exists2 p, List.nth_error ps k = Some p & P p q.
Proof.
move=> H; elim: H k => [|a b {}ps {}qs Hab _ IH] [|k] //=; last exact: IH.
by case=> <-; exists a.
Qed.

End ClaimProofs.
