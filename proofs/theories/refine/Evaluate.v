(* The exact integer evaluation is [eval] at points with rational coordinates. *)
From Coq Require Import ZArith Lia.
From mathcomp Require Import all_ssreflect all_algebra.
From mathcomp Require Import zify ssrZ ring.
From Lipcert Require Import exec.Dyadic exec.Gram exec.Network exec.Sample Spec.
From Lipcert Require Import theory.Psd theory.Layers refine.Packing refine.Numbers refine.Norm refine.Linear refine.Lipschitz.
Set Implicit Arguments.
Unset Strict Implicit.
Unset Printing Implicit Defensive.
Import Order.TTheory GRing.Theory Num.Theory.
Local Open Scope ring_scope.

Section Evaluate.
Variable R : rcfType.
Variable T : squashing R.
Notation zr := (@zr R).
Notation tp := (@two_power R).
Notation dr := (@dr R).
Notation vector := (@vector R).
Notation eval := (@eval R T).
Notation nz := (nth Z0).
Notation nl := (nth [::]).
Implicit Types (p : point) (c : seq Z).

Definition good p : Prop := 0 < zr (divisor p).

(* What one coordinate stands for. *)
Definition unit p : R := tp (power p) / zr (divisor p).

Lemma unit_gt0 p : good p -> 0 < unit p.
Proof. by move=> g; rewrite divr_gt0 ?tp_gt0. Qed.

Lemma vectorE p : vector p = [seq zr a * unit p | a <- coordinates p].
Proof. by apply: eq_map => a; rewrite /unit mulrA. Qed.

Lemma size_vector p : size (vector p) = size (coordinates p).
Proof. exact: size_map. Qed.

(* ---- sums of points ---- *)

Lemma liftP k d p a : Z.le k (power p) -> 0 < zr d -> good p ->
  zr (Z.shiftl (Z.mul a d) (Z.sub (power p) k)) * (tp k / zr (Z.mul (divisor p) d)) = zr a * unit p.
Proof.
move=> kp d0 g; rewrite zr_shiftl; last by lia.
rewrite /unit !zrM -Z.add_opp_r tpD tpN invfM.
have g0 : zr (divisor p) != 0 by rewrite gt_eqF.
have d1 : zr d != 0 by rewrite gt_eqF.
have k0 := tp_neq0 R k; by field; rewrite g0 d1 k0.
Qed.

Lemma good_mul p q : good p -> good q -> 0 < zr (Z.mul (divisor p) (divisor q)).
Proof. by move=> gp gq; rewrite zrM mulr_gt0. Qed.

Lemma add_pointsP p q : good p -> good q ->
  good (add_points p q) /\ vector (add_points p q) = [seq t.1 + t.2 | t <- zip (vector p) (vector q)].
Proof.
move=> gp gq; split; first exact: good_mul.
rewrite !vectorE /add_points /unit /=; set k := Z.min _ _.
have kp : Z.le k (power p) by rewrite /k; lia.
have kq : Z.le k (power q) by rewrite /k; lia.
rewrite /lift; elim: (coordinates p) (coordinates q) => [|a x IH] [|b y] //=.
rewrite IH; congr (_ :: _).
by rewrite zrD mulrDl liftP // [Z.mul (divisor p) _]Z.mul_comm liftP.
Qed.

Lemma append_pointsP p q : good p -> good q ->
  good (append_points p q) /\ vector (append_points p q) = vector p ++ vector q.
Proof.
move=> gp gq; split; first exact: good_mul.
rewrite !vectorE /append_points /unit /=; set k := Z.min _ _.
have kp : Z.le k (power p) by rewrite /k; lia.
have kq : Z.le k (power q) by rewrite /k; lia.
rewrite map_cat /lift -!map_comp; congr (_ ++ _); apply: eq_map => a /=.
  exact: liftP.
by rewrite [Z.mul (divisor p) _]Z.mul_comm liftP.
Qed.

Lemma constantP b : good (constant b) /\ vector (constant b) = [seq dr a | a <- b].
Proof.
split; first by rewrite /good /= zr1 ltr01.
have uc : unit (constant b) = (tp (common_scale [:: b]))^-1.
  by rewrite /unit /constant; cbn [power divisor]; rewrite zr1 divr1 tpN.
have [_ H] := common_scaleP R [:: b].
have {}H : forall a, List.In a b -> zr (grid (common_scale [:: b]) a) = dr a * tp (common_scale [:: b]).
  by move=> a ha; apply: H ha; left.
rewrite vectorE uc /constant; cbn [coordinates]; rewrite -map_comp.
move: (common_scale [:: b]) H {uc} => s; elim: b => //= a c IH H; congr (_ :: _).
  by rewrite H ?mulfK ?tp_neq0 //; left.
by apply: IH => d hd; apply: H; right.
Qed.

Lemma times_dyadicP a p : good p -> good (times_dyadic a p) /\ vector (times_dyadic a p) = [seq dr a * t | t <- vector p].
Proof.
move=> g; split=> //; rewrite !vectorE -!map_comp; apply: eq_map => c /=.
by rewrite zrM /unit /= tpD /Spec.dr; ring.
Qed.

(* ---- entrywise functions ---- *)

Lemma on_coordinatesP (f : seq Z -> seq Z) (g : seq R -> seq R) p : good p ->
  (forall k c, 0 < k -> g [seq zr a * k | a <- c] = [seq zr a * k | a <- f c]) ->
  good (on_coordinates f p) /\ g (vector p) = vector (on_coordinates f p).
Proof. by move=> gp H; split=> //; rewrite !vectorE H //; exact: unit_gt0. Qed.

Lemma relu_scaled k c : 0 < k ->
  [seq Num.max 0 a | a <- [seq zr a * k | a <- c]] = [seq zr a * k | a <- [seq Z.max Z0 a | a <- c]].
Proof.
move=> k0; rewrite -!map_comp; apply: eq_map => a /=.
by rewrite zr_max maxr_pmull ?ltW // mul0r.
Qed.

Lemma abs_scaled k c : 0 < k ->
  [seq `|a| | a <- [seq zr a * k | a <- c]] = [seq zr a * k | a <- [seq Z.abs a | a <- c]].
Proof.
move=> k0; rewrite -!map_comp; apply: eq_map => a /=.
by rewrite normrM (gtr0_norm k0) zr_abs.
Qed.

Lemma leakyP s p : good p ->
  good (leaky s p) /\ [seq if 0 <= a then a else dr s * a | a <- vector p] = vector (leaky s p).
Proof.
move=> g; split=> //; have u0 := unit_gt0 g.
have ul : unit (leaky s p) = tp (Z.min 0 (exponent s)) * unit p by rewrite /unit /= tpD; ring.
rewrite !vectorE ul /leaky /= -!map_comp; apply: eq_map => a /=; set k := Z.min _ _.
have k0 := tp_neq0 R k; rewrite pmulr_lge0 // -[X in X <= _]zr0 zr_leE.
move: (unit p) u0 => w u0; case: ifP => _.
  rewrite zr_shiftl; last by rewrite /k; lia.
  by rewrite tpN; field.
rewrite zr_shiftl; last by rewrite /k; lia.
by rewrite zrM -Z.add_opp_r tpD tpN /Spec.dr; field.
Qed.

(* ---- sorting ---- *)

Lemma insert_scaled k a c : 0 < k ->
  insert Num.max Num.min (zr a * k) [seq zr b * k | b <- c] = [seq zr b * k | b <- insert Z.max Z.min a c].
Proof.
move=> k0; elim: c a => //= b c IH a.
by rewrite -IH zr_max zr_min maxr_pmull ?minr_pmull // ltW.
Qed.

Lemma decreasing_scaled k c : 0 < k ->
  decreasing [seq zr a * k | a <- c] = [seq zr a * k | a <- insertion_sort Z.max Z.min c].
Proof.
move=> k0; rewrite decreasingE; elim: c => //= a c ->.
exact: insert_scaled.
Qed.

Lemma chunks_fuel_reshape (A B : Type) (fuel : seq B) n (k : nat) (xs : seq A) : (0 < n)%N ->
  size xs = (k * n)%N -> (size xs <= size fuel)%N -> chunks_fuel fuel n xs = reshape (nseq k n) xs.
Proof.
move=> n0; elim: fuel k xs => [|f fuel IH] [|k] [|x xs] //= e le.
- by case: (n) n0 e.
- by case: (n) n0 e.
have split : size (x :: xs) = (n + k * n)%N by rewrite /= e mulSn.
have tE (C : Type) m (s : seq C) : List.firstn m s = take m s by elim: m s => [|m IHm] [|y s] //=; rewrite IHm.
have dE (C : Type) m (s : seq C) : List.skipn m s = drop m s by elim: m s => [|m IHm] [|y s] //=; rewrite IHm.
rewrite -tE -dE; congr (_ :: _); rewrite dE; apply: IH.
  by rewrite size_drop split addKn.
by rewrite size_drop; case: (n) n0 => // m _; rewrite subSS; apply: leq_trans (leq_subr _ _) _.
Qed.

Lemma groups_scaled g k c : (0 < g)%N -> (g %| size c)%N -> 0 < k ->
  flatten [seq decreasing x | x <- groups g [seq zr a * k | a <- c]] =
  [seq zr a * k | a <- sort_groups Z.max Z.min g c].
Proof.
move=> g0 gd k0; rewrite /sort_groups /chunks /groups size_map.
rewrite (chunks_fuel_reshape (k := size c %/ g)) ?divnK //.
move: (size c %/ g)%N => m; elim: m c {gd} => //= m IH c.
rewrite map_cat -map_take -map_drop decreasing_scaled //; congr (_ ++ _); exact: IH.
Qed.

Lemma take_firstn (B : Type) m (s : seq B) : List.firstn m s = take m s.
Proof. by elim: m s => [|m IH] [|y s] //=; rewrite IH. Qed.
Lemma drop_skipn (B : Type) m (s : seq B) : List.skipn m s = drop m s.
Proof. by elim: m s => [|m IH] [|y s] //=; rewrite IH. Qed.
Lemma zip_withE (A B C : Type) (f : A -> B -> C) xs ys : zip_with f xs ys = [seq f t.1 t.2 | t <- zip xs ys].
Proof. by elim: xs ys => [|x xs IH] [|y ys] //=; rewrite IH. Qed.

Lemma halves_scaled k c : 0 < k ->
  let x := [seq zr a * k | a <- c] in
  let pairs := zip (take (size x)./2 x) (drop (size x)./2 x) in
  [seq Num.max t.1 t.2 | t <- pairs] ++ [seq Num.min t.1 t.2 | t <- pairs] =
  [seq zr a * k | a <- maxmin_halves Z.max Z.min c].
Proof.
move=> k0 x pairs; rewrite /maxmin_halves nat_div2E take_firstn drop_skipn !zip_withE map_cat.
rewrite /pairs /x size_map -[length c]/(size c).
rewrite -map_take -map_drop; move: (take _ _) (drop _ _) => l r.
rewrite -!map_comp; congr (_ ++ _); elim: l r => [|a l IH] [|b r] //=; rewrite IH.
  by rewrite zr_max maxr_pmull // ltW.
by rewrite zr_min minr_pmull // ltW.
Qed.

(* ---- windows ---- *)

Lemma maximum_scaled k z s : 0 < k ->
  maximum [seq nth 0 [seq zr a * k | a <- z] i | i <- s] = zr (window_max Z.max Z0 z s) * k.
Proof.
move=> k0.
have nE i : nth 0 [seq zr a * k | a <- z] i = zr (List.nth i z Z0) * k.
  rewrite nthE; case: (ltnP i (size z)) => h; first by rewrite (nth_map Z0).
  by rewrite !nth_default ?size_map // zr0 mul0r.
rewrite /window_max /maximum; case: s => [|i s] /=; first by rewrite zr0 mul0r.
rewrite nE; elim: s => //= j s ->.
by rewrite nE zr_max maxr_pmull // ltW.
Qed.

Lemma windows_scaled k c windows : 0 < k ->
  [seq maximum [seq nth 0 [seq zr a * k | a <- c] i | i <- w] | w <- windows] =
  [seq zr a * k | a <- [seq window_max Z.max Z0 c w | w <- windows]].
Proof. by move=> k0; rewrite -map_comp; apply: eq_map => w; rewrite maximum_scaled. Qed.

(* ---- dense layers ---- *)

Lemma inner_scaled s k w c :
  (forall a, List.In a w -> zr (grid s a) = dr a * tp s) ->
  inner w [seq zr a * k | a <- c] = zr (dot [seq grid s a | a <- w] c) * k / tp s.
Proof.
rewrite /inner; elim: w c => [|a w IH] [|b c] H /=.
- by rewrite big_nil zr0 !mul0r.
- by rewrite big_nil zr0 !mul0r.
- by rewrite big_nil zr0 !mul0r.
rewrite big_cons dot_cons IH; last by move=> d hd; apply: H; right.
rewrite zrD zrM H /=; last by left.
have t0 := tp_neq0 R s; move: (dr a) => e.
by field.
Qed.

Lemma unit_apply_rows s q rows p : 0 < zr q -> unit (apply_rows s q rows p) = unit p / tp s / zr q.
Proof.
move=> q0; rewrite /unit /apply_rows /rescale; cbn [power divisor].
by rewrite zrM invfM -Z.add_opp_r tpD tpN -!mulrA; congr (_ * _); rewrite mulrCA.
Qed.

Lemma unit_multiply_entries s q f p : unit (multiply_entries s q f p) = unit p / tp s / zr q.
Proof.
rewrite /unit /multiply_entries; cbn [power divisor].
by rewrite zrM invfM -Z.add_opp_r tpD tpN -!mulrA; congr (_ * _); rewrite mulrCA.
Qed.

Lemma dense_scaled q W b p : good p -> 0 < zr q ->
  let y := apply_rows (common_scale W) q [seq [seq grid (common_scale W) a | a <- r] | r <- W] p in
  good (add_points y (constant b)) /\
  [seq inner t.1 (vector p) / zr q + dr t.2 | t <- zip W b] = vector (add_points y (constant b)).
Proof.
move=> g q0 y; have [gc vc] := constantP b.
have gy : good y by rewrite /good /= zrM mulr_gt0.
have [ga ->] := add_pointsP gy gc; split=> //.
rewrite vc [vector y]vectorE /y unit_apply_rows // [vector p]vectorE /apply_rows /rescale; cbn [coordinates].
have [_ H] := common_scaleP R W; move: (common_scale W) H {y gy ga vc gc} => s H.
elim: W b H => [|w W IH] [|a b] //= H; congr (_ :: _); last by apply: IH => r z hr; apply: H; right.
rewrite (inner_scaled (s := s)); last by move=> z hz; apply: (H w) => //; left.
by rewrite !mulrA.
Qed.

Lemma diagonal_scaled q d b p : good p -> 0 < zr q ->
  let y := multiply_entries (common_scale [:: d]) q [seq grid (common_scale [:: d]) a | a <- d] p in
  good (add_points y (constant b)) /\
  (size b = size d -> size d = size (vector p) ->
   [seq dr t.1.1 * t.2 / zr q + dr t.1.2 | t <- zip (zip d b) (vector p)] = vector (add_points y (constant b))).
Proof.
move=> g q0 y; have [gc vc] := constantP b.
have gy : good y by rewrite /good /= zrM mulr_gt0.
have [ga ->] := add_pointsP gy gc; split=> // sb sd.
rewrite vc [vector y]vectorE /y unit_multiply_entries [vector p]vectorE /multiply_entries; cbn [coordinates].
have [_ H] := common_scaleP R [:: d].
have {}H : forall a, List.In a d -> zr (grid (common_scale [:: d]) a) = dr a * tp (common_scale [:: d]).
  by move=> a ha; apply: (H d) => //; left.
move: (common_scale [:: d]) H sd {y gy ga gc vc} => s H; rewrite size_vector.
elim: d b (coordinates p) H sb => [|e d IH] [|a b] [|x c] //= H [sb] [sc]; congr (_ :: _).
  rewrite zrM H; last by left.
  have t0 := tp_neq0 R s; have q1 : zr q != 0 by rewrite gt_eqF.
  move: (dr e) (unit p) => v w; congr (_ + _).
  by field; rewrite t0 q1.
by apply: IH => // z hz; apply: H; right.
Qed.

(* ---- whole networks ---- *)

(* The network can be evaluated at p, and q is its value there. *)
Definition ready net p : Prop := good p /\ eval net (vector p) <> None.
Definition value net p q : Prop := good q /\ eval net (vector p) = Some (vector q).

Lemma forward_map net (f : point -> point) ps :
  (forall p y, good p -> eval net (vector p) = Some y -> good (f p) /\ y = vector (f p)) ->
  List.Forall (ready net) ps -> List.Forall2 (value net) ps (map f ps).
Proof.
move=> H; elim=> [|p {}ps [gp] E _ IH] /=; constructor=> //.
by case Ep: (eval net (vector p)) E => [y|] // _; have [gf e] := H p y gp Ep; split=> //; rewrite Ep e.
Qed.

Lemma forward_two (A : point -> point -> Prop) net2 net (h : point -> point -> point) ps qs rs :
  (forall p q r, A p q -> value net2 p r -> ready net p -> value net p (h q r)) ->
  List.Forall (ready net) ps -> List.Forall2 A ps qs -> List.Forall2 (value net2) ps rs ->
  List.Forall2 (value net) ps (zip_with h qs rs).
Proof.
move=> H Hp Hq; elim: Hq rs Hp => [|p q {}ps {}qs Apq _ IH] rs Hp Hr; inversion Hr; subst=> /=; first by constructor.
by inversion Hp; subst; constructor; [exact: H | exact: IH].
Qed.

Lemma value_ready f g ps qs : List.Forall (ready (Compose f g)) ps -> List.Forall2 (value f) ps qs -> List.Forall (ready g) qs.
Proof.
move=> Hp Hq; elim: Hq Hp => [|p q {}ps {}qs [gq Eq] _ IH] Hp; inversion Hp; subst; constructor; last exact: IH.
match goal with h : ready _ p |- _ => case: h => gp /=; rewrite Eq /= => Ep end.
by split.
Qed.

Lemma value_compose f g ps qs rs : List.Forall2 (value f) ps qs -> List.Forall2 (value g) qs rs ->
  List.Forall2 (value (Compose f g)) ps rs.
Proof.
move=> Hq; elim: Hq rs => [|p q {}ps {}qs [gq Eq] _ IH] rs Hr; inversion Hr; subst; constructor; last exact: IH.
match goal with h : value g q _ |- _ => case: h => gr Er end.
by split=> //=; rewrite Eq.
Qed.

Lemma ready_sub f net ps : (forall p, eval net (vector p) <> None -> eval f (vector p) <> None) ->
  List.Forall (ready net) ps -> List.Forall (ready f) ps.
Proof. by move=> H; apply: List.Forall_impl => p [gp Ep]; split=> //; exact: H. Qed.

Lemma eval_identity ps : List.Forall (ready Identity) ps -> List.Forall2 (value Identity) ps ps.
Proof. by elim=> [|p {}ps [gp _] _ IH]; constructor. Qed.

Theorem forward_sound net ps : rational_values net -> List.Forall (ready net) ps -> List.Forall2 (value net) ps (forward net ps).
Proof.
elim: net ps => [|q W b|q d b||s||||g|||ws|f IHf g IHg|a g IHg|f IHf g IHg] ps rv Hp; move: rv => /= rv //.
- exact: eval_identity.
- have -> : zip_with (fun p y => add_points (rescale (common_scale W) q p y) (constant b)) ps
        (products [seq [seq grid (common_scale W) a | a <- r] | r <- W] (List.map coordinates ps)) =
      map (fun p => add_points (apply_rows (common_scale W) q [seq [seq grid (common_scale W) a | a <- r] | r <- W] p) (constant b)) ps.
    rewrite products_sound; move: (common_scale W) => s; clear Hp; elim: ps => //= p ps ->.
    by [].
  apply: (forward_map _ Hp) => p y gp /guardedP[/andP[_ q0] ->]; exact: dense_scaled.
- apply: (forward_map _ Hp) => p y gp /guardedP[/andP[/andP[/eqP sd /eqP sb] q0] ->].
  by have [ga H] := diagonal_scaled d b gp q0; split=> //; apply: H => //; rewrite sb sd.
- by apply: (forward_map _ Hp) => p y gp [<-]; apply: on_coordinatesP => // k c; exact: relu_scaled.
- by apply: (forward_map _ Hp) => p y gp [<-]; exact: leakyP.
- by apply: (forward_map _ Hp) => p y gp [<-]; apply: on_coordinatesP => // k c; exact: abs_scaled.
- apply: (forward_map _ Hp) => p y gp /guardedP[/andP[g0 gd] ->]; split=> //; rewrite size_vector in gd.
  by rewrite !vectorE groups_scaled ?unit_gt0.
- by apply: (forward_map _ Hp) => p y gp [<-]; apply: on_coordinatesP => // k c; exact: decreasing_scaled.
- apply: (forward_map _ Hp) => p y gp /guardedP[_ ->]; split=> //.
  by rewrite !vectorE; exact: halves_scaled (unit_gt0 gp).
- apply: (forward_map _ Hp) => p y gp /guardedP[_ ->]; split=> //.
  by rewrite !vectorE; exact: windows_scaled (unit_gt0 gp).
- case/andP: rv => rf rg; have Hf : List.Forall (ready f) ps by apply: ready_sub Hp => p /=; case: (eval f _).
  have Vf := IHf _ rf Hf; apply: (value_compose Vf); apply: IHg => //; exact: value_ready Hp Vf.
- have Hg : List.Forall (ready g) ps by apply: ready_sub Hp => p /=; case: (eval g _).
  apply: (@forward_two (fun p q => good p /\ q = times_dyadic a p) g) (IHg _ rv Hg) => //.
    move=> p q r [gp ->] [gr Er] [_] /=; rewrite Er; case E: (guarded _ _) => [y|] // _.
    have [_ Ey] := guardedP E; have [gt vt] := times_dyadicP a gp; have [gs vs] := add_pointsP gt gr.
    split=> //=; rewrite Er E Ey vs vt; congr Some.
    by elim: (vector p) (vector r) => [|c x IH] [|e z] //=; rewrite IH.
  by clear Hg; elim: Hp => [|p {}ps [gp _] _ IH]; constructor.
- case/andP: rv => rf rg; have Hf : List.Forall (ready f) ps by apply: ready_sub Hp => p /=; case: (eval f _).
  have Hg : List.Forall (ready g) ps by apply: ready_sub Hp => p /=; case: (eval f _) => // y; case: (eval g _).
  apply: (@forward_two (value f) g) (IHf _ rf Hf) (IHg _ rg Hg) => // p q r [gq Eq] [gr Er] _.
  by have [ga va] := append_pointsP gq gr; split=> //=; rewrite Eq Er va.
Qed.

End Evaluate.
