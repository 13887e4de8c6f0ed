(* From the bounds of the layers to the claims: pairs of outputs, and radii around points. *)
From Coq Require Import ZArith Lia.
From mathcomp Require Import all_ssreflect all_algebra.
From mathcomp Require Import zify ssrZ ring.
From Lipcert Require Import exec.Dyadic exec.Gram exec.Network exec.Sample exec.Claims Spec.
From Lipcert Require Import theory.Psd theory.Layers refine.Packing refine.Numbers refine.Norm refine.Linear refine.Lipschitz.
From Lipcert Require Import refine.Evaluate refine.Rounding.
Set Implicit Arguments.
Unset Strict Implicit.
Unset Printing Implicit Defensive.
Import Order.TTheory GRing.Theory Num.Theory.
Local Open Scope ring_scope.

Section ClaimProofs.
Variable R : rcfType.
Variable T : squashing R.
Notation zr := (@zr R).
Notation tp := (@two_power R).
Notation dr := (@dr R).
Notation qr := (@qr R).
Notation vector := (@vector R).
Notation eval := (@eval R T).
Notation lipschitz_by := (@lipschitz_by R T).
Notation unit := (@unit R).
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

Lemma pair_rows (L : R) f A g i j : lipschitz_by L f -> sound_linear R A -> linear_by T A g ->
  (i < size (rows A))%N -> (j < size (rows A))%N ->
  let v := nl (rows A) i in let w := nl (rows A) j in
  pair_bound (zr (Z.add (Z.sub (dot v v) (Z.mul 2 (dot v w))) (dot w w)) / (zr (row_divisor A) * tp (row_scale A)) ^+ 2 * L ^+ 2)
             (Compose f g) i j.
Proof.
move=> H [q0 s0] HA im jm v w; have t0 := tp_gt0 R (row_scale A); set s := row_scale A in t0 *; set q := row_divisor A in q0 *.
have qt0 : 0 < zr q * tp s by rewrite mulr_gt0.
split.
  rewrite mulr_ge0 ?sqr_ge0 // divr_ge0 ?sqr_ge0 //.
  rewrite (@zr_row_distance _ _ (maxn (size v) (size w))) ?leq_maxl ?leq_maxr //.
  by apply: sumr_ge0 => k _; rewrite sqr_ge0.
move=> x y fx fy e /=.
case Ex: (eval f x) => [u|] //=; case Ey: (eval f y) => [u'|] //= Gx Gy.
have [su du] := H _ _ _ _ e Ex Ey; have [_ _ szA HD] := HA _ _ _ _ su Gx Gy; set n := size u in szA HD.
have -> : nth 0 fx i - nth 0 fx j - (nth 0 fy i - nth 0 fy j) = (nth 0 fx i - nth 0 fy i) - (nth 0 fx j - nth 0 fy j) by ring.
rewrite !HD // -mulrBl -sumrB -/v -/w -/s -/q.
have -> : \sum_(k < n) (zr (nz v k) * (nth 0 u k - nth 0 u' k) - zr (nz w k) * (nth 0 u k - nth 0 u' k)) =
          \sum_(k < n) (zr (nz v k) - zr (nz w k)) * (nth 0 u k - nth 0 u' k) by apply: eq_bigr => k _; rewrite mulrBl.
rewrite (@zr_row_distance _ _ n) ?szA // [tp s * _]mulrC exprMn exprVn -[X in _ <= X]mulrA [X in _ <= X]mulrAC.
apply: ler_wpmul2r; first by rewrite invr_ge0 sqr_ge0.
apply: le_trans (cauchy _ _) _; apply: ler_wpmul2l; first by apply: sumr_ge0 => k _; rewrite sqr_ge0.
by apply: le_trans du; rewrite (@distance2E _ n).
Qed.

(* ---- the bounds of a problem ---- *)

Theorem prove_bounds_sound p b : prove_bounds p = Some b ->
  [/\ proper R (whole_bound b), 0 <= qr (whole_bound b), lipschitz_by (qr (whole_bound b)) (whole p) &
  forall i j, proper R (pair_by_rows b i j) /\ pair_bound (qr (pair_by_rows b i j)) (whole p) i j].
Proof.
rewrite /prove_bounds; case Eu: (lipschitz _ _) => [u|] //; case Ev: (lipschitz _ _) => [v|] //.
have [pu u0 Hu] := lipschitz_sound T Eu; have [pv v0 Hv] := lipschitz_sound T Ev.
have Ew : lipschitz (whole p) (Both (body_evidence p) (last_evidence p)) = Some (times u v) by rewrite /= Eu Ev.
have [pw w0 Hw] := lipschitz_sound T Ew.
case El: (last_rows p) => [rs q] [<-] /=; split=> // i j.
have root2 : proper R (pair_by_root2 (Bounds u (times u v) rs q)) /\
    pair_bound (qr (pair_by_root2 (Bounds u (times u v) rs q))) (whole p) i j.
  split; first by do 2?[apply: proper_times => //]; rewrite /proper ltr01.
  have -> : qr (pair_by_root2 (Bounds u (times u v) rs q)) = 2%:R * qr (times u v) ^+ 2.
    by rewrite /pair_by_root2 /square !qr_times expr2 /Spec.qr /= divr1.
  exact: pair_root2.
rewrite /pair_by_rows /=.
case Ei: (List.nth_error rs i) => [a|] //; case Ej: (List.nth_error rs j) => [c|] //.
move: El; rewrite /last_rows; case: ifP => _; last by case=> E1 _; move: Ei; rewrite -E1; case: (i).
case EA: (linear_map (last p)) => [A|]; last by case=> E1 _; move: Ei; rewrite -E1; case: (i).
rewrite products_sound => -[Ers Eq]; have [sA HA] := linear_map_sound T EA; have [q0 s0] := sA.
have qE : zr q = zr (row_divisor A) * tp (row_scale A) by rewrite -Eq zr_shiftl //; lia.
have qp : 0 < zr q by rewrite qE mulr_gt0 ?tp_gt0.
have row k e : List.nth_error rs k = Some e -> (k < size (rows A))%N /\ e = [seq dot r (nl (rows A) k) | r <- rows A].
  rewrite -Ers; have := List.nth_error_map (fun c => [seq dot r c | r <- rows A]) k (rows A).
  rewrite -[List.map _ _]/([seq [seq dot r c | r <- rows A] | c <- rows A]) => ->.
  case E: (List.nth_error (rows A) k) => [c'|] //= [<-].
  have lt : (k < size (rows A))%N by apply/ssrnat.ltP; apply/List.nth_error_Some; rewrite E.
  by split=> //; have := List.nth_error_nth _ _ [::] E; rewrite nthE => ->.
have [im Ea] := row _ _ Ei; have [jm Ec] := row _ _ Ej.
split; first by apply: proper_times; [rewrite /proper /= zrM mulr_gt0 | exact: proper_times].
have := pair_rows Hu sA HA im jm; rewrite /= -qE => H.
have -> : qr (times (Rational (Z.add (Z.sub (List.nth i a Z0) (Z.mul 2 (List.nth j a Z0))) (List.nth j c Z0)) (Z.mul q q)) (square u)) =
   zr (Z.add (Z.sub (List.nth i a Z0) (Z.mul 2 (List.nth j a Z0))) (List.nth j c Z0)) / zr q ^+ 2 * qr u ^+ 2.
  by rewrite /square !qr_times expr2 {1}/Spec.qr /= zrM expr2.
by move: H; rewrite !nthE Ea Ec !(nth_map [::]) // (dot_comm (nl (rows A) j) (nl (rows A) i)).
Qed.

(* ---- radii ---- *)

Lemma margin_exceedsP bound r m : margin_exceeds bound r m -> proper R bound -> proper R r -> proper R m ->
  0 < qr m /\ qr bound * qr r ^+ 2 < qr m ^+ 2.
Proof.
move=> /andP[/(zr_gt0 R) m0 lt] pb pr pm; split; first by rewrite divr_gt0.
have := less_thanP (proper_times pb (proper_times pr pr)) (proper_times pm pm) lt.
by rewrite !qr_times -!expr2.
Qed.

(* Coordinates of an enclosed vector. *)
Lemma marginP n x (y : enclosed) e c : within n x y -> proper R e ->
  proper R (margin y e c) /\ qr (margin y e c) = zr c * unit (centre y) - qr e.
Proof.
move=> [[g _] _ _ _ _] pe; have [ps vs] := scaledP c (power (centre y)) g.
by split; [exact: proper_minus | rewrite qr_minus // vs mulrA].
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

Lemma nth_vector (y : point) i : nth 0 (vector y) i = zr (nz (coordinates y) i) * unit y.
Proof.
rewrite vectorE; case: (ltnP i (size (coordinates y))) => h; first by rewrite (nth_map Z0).
by rewrite !nth_default ?size_map // zr0 mul0r.
Qed.

Lemma entry_error n x (y : enclosed) i : within n x y -> `|nth 0 (vector (centre y)) i - nth 0 x i| <= qr (error y).
Proof.
move=> [[g sc] pe e0 sx d]; have sv : size (vector (centre y)) = size x by rewrite size_vector sc.
rewrite -ler_sqr ?nnegrE // real_normK ?num_real //; apply: le_trans d.
case: (ltnP i (size x)) => h; last by rewrite !nth_default ?sv // subrr expr0n distance2_ge0.
rewrite (@distance2E _ (size x)) ?sv // /sqn (bigD1 (Ordinal h)) //= ler_addl.
by apply: sumr_ge0 => k _; rewrite sqr_ge0.
Qed.

Lemma beats_sound p b r n x fx (y : enclosed) i j : prove_bounds p = Some b -> proper R r -> 0 <= qr r ->
  eval (whole p) x = Some fx -> within n fx y -> beats b r y i j -> j != i ->
  forall z fz, size z = size x -> eval (whole p) z = Some fz -> distance x z <= qr r ->
  nth 0 fz j < nth 0 fz i.
Proof.
move=> Eb pr r0 Ex wy bt ne z fz sz Ez dz.
have [pw w0 Hw Hrows] := prove_bounds_sound Eb; have [pij Hij] := Hrows i j.
have dz2 := within_radius r0 dz; have [[gy sy] pe e0 sx d] := wy.
move: bt; rewrite /beats nat_eqbE eq_sym (negbTE ne); set e := times _ (error y).
have pe2 : proper R e by apply: proper_times => //; rewrite /proper ltr01.
have e2 : qr e = qr (error y) + qr (error y) by rewrite qr_times {1}/Spec.qr divr1 mulr_natl mulr2n.
set c := Z.sub _ _; have [pm vm] := marginP c wy pe2.
have close : qr (margin y e c) <= nth 0 fx i - nth 0 fx j.
  have := entry_error i wy; have := entry_error j wy; rewrite vm e2 /c zrB mulrBl !nthE -!nth_vector.
  move: (nth 0 _ i) (nth 0 _ j) (nth 0 fx i) (nth 0 fx j) (qr (error y)) => a a' f f' t.
  rewrite !ler_norml => /andP[h1 _] /andP[_ h2]; rewrite -subr_ge0.
  have -> : f - f' - (a - a' - (t + t)) = (t - (a - f)) + (a' - f' - - t) by ring.
  by apply: addr_ge0; rewrite subr_ge0.
have decide (K : rational) : proper R K -> pair_bound (qr K) (whole p) i j -> margin_exceeds K r (margin y e c) ->
    nth 0 fz j < nth 0 fz i.
  move=> pK [K0 HK] /margin_exceedsP /(_ pK pr pm)[c0 h].
  have h1 := HK _ _ _ _ (esym sz) Ex Ez; rewrite -subr_gt0; apply: (keeps_sign K0 _ h1 dz2 _).
    exact: lt_le_trans c0 close.
  by apply: lt_le_trans h _; apply: ler_expn2r => //; rewrite nnegrE ltW //; exact: lt_le_trans c0 close.
case/orP; first exact: decide.
apply: decide; first by do 2?[apply: proper_times => //]; rewrite /proper ltr01.
have -> : qr (pair_by_root2 b) = 2%:R * qr (whole_bound b) ^+ 2.
  by rewrite /pair_by_root2 /square !qr_times expr2 /Spec.qr /= divr1.
exact: pair_root2.
Qed.

Lemma sign_sound p b r n x fx (y : enclosed) positive : prove_bounds p = Some b -> proper R r -> 0 <= qr r ->
  eval (whole p) x = Some fx -> within n fx y -> has_sign b r y positive ->
  forall z fz, size z = size x -> eval (whole p) z = Some fz -> distance x z <= qr r ->
  if positive then 0 < nth 0 fz 0 else nth 0 fz 0 < 0.
Proof.
move=> Eb pr r0 Ex wy; rewrite /has_sign nthE; set c := nz _ _ => ck z fz sz Ez dz.
have [pw w0 Hw _] := prove_bounds_sound Eb; have dz2 := within_radius r0 dz; have [_ pe _ _ _] := wy.
have pK : proper R (square (whole_bound b)) by exact: proper_times.
have [pm vm] := marginP (if positive then c else Z.opp c) wy pe; have [m0 lt] := margin_exceedsP ck pK pr pm.
have [s d] := Hw _ _ _ _ (esym sz) Ex Ez.
have entry : (nth 0 fx 0 - nth 0 fz 0) ^+ 2 <= qr (square (whole_bound b)) * distance2 x z.
  rewrite qr_times -expr2; apply: le_trans d; case: (posnP (size fx)) => h.
    by rewrite !nth_default ?h -?s ?h // subrr expr0n distance2_ge0.
  rewrite (@distance2E _ (size fx)) // /sqn (bigD1 (Ordinal h)) //= ler_addl.
  by apply: sumr_ge0 => q _; rewrite sqr_ge0.
have K0 : 0 <= qr (square (whole_bound b)) by rewrite qr_times mulr_ge0.
have err := entry_error 0 wy; rewrite nth_vector -/c in err.
case: positive vm lt m0 {ck pm} => vm lt m0.
  have close : qr (margin y (error y) c) <= nth 0 fx 0.
    by rewrite vm; move: err; rewrite ler_norml => /andP[_]; rewrite ler_subl_addr addrC -ler_subl_addr.
  apply: (keeps_sign K0 (lt_le_trans m0 close) entry dz2); apply: lt_le_trans lt _.
  by apply: ler_expn2r => //; rewrite nnegrE ltW //; exact: lt_le_trans m0 close.
have close : qr (margin y (error y) (Z.opp c)) <= - nth 0 fx 0.
  rewrite vm zrN mulNr; move: err; rewrite ler_norml => /andP[h _].
  rewrite -subr_ge0; move: h; rewrite -subr_ge0; move: (zr c * _) (nth 0 fx 0) (qr _) => d' f e.
  by have -> : d' - f - - e = - f - (- d' - e) by ring.
rewrite -oppr_gt0; apply: (keeps_sign K0 (lt_le_trans m0 close) (d := distance2 x z) _ dz2).
  by rewrite -opprD sqrrN.
apply: lt_le_trans lt _.
by apply: ler_expn2r => //; rewrite nnegrE ltW //; exact: lt_le_trans m0 close.
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

Definition evaluated p n m (ys : seq enclosed) : Prop := forall k (y : enclosed), List.nth_error ys k = Some y ->
  exists2 s : point, List.nth_error (points p) k = Some s & size (coordinates s) = n /\ encloses T (whole p) m (vector s) y.

Theorem claim_check_sound p b m ys c : prove_bounds p = Some b -> output_size (whole p) (input_size p) = Some m ->
  evaluated p (input_size p) m ys -> claim_check b m ys c = true -> holds T p (input_size p) m c.
Proof.
move=> Eb Em Hys; have [pw w0 Hw Hrows] := prove_bounds_sound Eb.
have proper2 : proper R (pair_by_root2 b) by do 2?[apply: proper_times => //]; rewrite /proper ltr01.
have root2E : qr (pair_by_root2 b) = 2%:R * qr (whole_bound b) ^+ 2.
  by rewrite /pair_by_root2 /square !qr_times expr2 /Spec.qr /= divr1.
case: c => [u|i j u|k i r|k positive r] /=.
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
- case Ey: (List.nth_error ys k) => [y|] //; have [s Es [ss [fs Ev wy]]] := Hys _ _ Ey.
  move=> /andP[/andP[/(nonnegativeP R)[pr r0]]]; rewrite nat_ltbE => im /List.forallb_forall bt.
  exists s => //; split=> // z fz sz Ez dz j jm ne.
  have sz' : size z = size (vector s) by rewrite size_vector ss.
  apply: (beats_sound Eb pr r0 Ev wy _ ne sz' Ez dz); apply: bt.
  apply/List.in_seq; split; first exact/ssrnat.leP.
  exact/ssrnat.ltP.
- case Ey: (List.nth_error ys k) => [y|] //; have [s Es [ss [fs Ev wy]]] := Hys _ _ Ey.
  move=> /andP[/andP[/(nonnegativeP R)[pr r0]]]; rewrite nat_eqbE => /eqP m1 ck.
  exists s => //; split=> // z fz sz Ez dz.
  by apply: (sign_sound Eb pr r0 Ev wy ck _ Ez dz); rewrite size_vector ss.
Qed.

Lemma nth_error_Forall2 (A B : Type) (P : A -> B -> Prop) ps qs k q : List.Forall2 P ps qs ->
  List.nth_error qs k = Some q -> exists2 p, List.nth_error ps k = Some p & P p q.
Proof.
move=> H; elim: H k => [|a b {}ps {}qs Hab _ IH] [|k] //=; last exact: IH.
by case=> <-; exists a.
Qed.

(* ---- the values at the points ---- *)

Theorem values_sound p b m : prove_bounds p = Some b -> output_size (whole p) (input_size p) = Some m ->
  List.forallb (point_ok (input_size p)) (points p) -> evaluated p (input_size p) m (values p).
Proof.
rewrite /prove_bounds; case Eu: (lipschitz _ _) => [u|] //; case Ev: (lipschitz _ _) => [v|] // _ Em ok.
have Ew : lipschitz (whole p) (Both (body_evidence p) (last_evidence p)) = Some (times u v) by rewrite /= Eu Ev.
rewrite /values => k y; case: ifP => [rv|_]; last by case: (k).
have sizes s : List.In s (points p) -> good R s /\ size (coordinates s) = input_size p.
  move=> hs; have := proj1 (List.forallb_forall _ _) ok s hs.
  by rewrite /point_ok => /andP[/(zr_gt0 R) g]; rewrite nat_eqbE => /eqP.
have start : List.Forall2 (within (R := R) (input_size p)) [seq vector s | s <- points p] [seq Enclosed s zero | s <- points p].
  elim: (points p) sizes => [|s ps IH] sizes /=; constructor; last by apply: IH => t ht; apply: sizes; right.
  have [g sz] := sizes s (or_introl (erefl s)); split=> //=; rewrite ?size_vector //.
  - by rewrite /proper /= zr1 ltr01.
  - by rewrite /Spec.qr mul0r.
  by rewrite /Spec.qr mul0r expr0n /= /distance2 big1_seq // => t /andP[_ ht]; elim: (vector s) ht => //= e ve IHe;
    rewrite inE => /orP[/eqP -> /=|/IHe //]; rewrite subrr expr0n.
have := enclose_sound T (precision p) Ew rv Em start => H.
rewrite -[enclose _ (last p) _ _]/(enclose (precision p) (whole p) (Both (body_evidence p) (last_evidence p)) _) => Ey.
have [x Ex ey] := nth_error_Forall2 H Ey.
have [s Es Hs] : exists2 s, List.nth_error (points p) k = Some s & x = vector s.
  move: Ex; have := List.nth_error_map (@Spec.vector R) k (points p).
  rewrite -[List.map _ _]/([seq vector s | s <- points p]) => ->.
  by case: (List.nth_error (points p) k) => [s|] //= [<-]; exists s.
exists s => //; rewrite -Hs; split=> //; have [_] := sizes s (List.nth_error_In _ _ Es); exact.
Qed.

End ClaimProofs.
