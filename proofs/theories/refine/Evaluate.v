(* The exact integer evaluation is [eval] at points with rational coordinates. *)
From Coq Require Import ZArith Lia.
From mathcomp Require Import all_ssreflect all_algebra.
From mathcomp Require Import zify ssrZ ring.
From Lipcert Require Import exec.Dyadic exec.Gram exec.Network exec.Sample Spec.
From Lipcert Require Import theory.Layers refine.Packing refine.Numbers refine.Norm refine.Lipschitz.
Set Implicit Arguments.
Unset Strict Implicit.
Unset Printing Implicit Defensive.
Import Order.TTheory GRing.Theory Num.Theory.
Local Open Scope ring_scope.

Section Evaluate.
Variable R : rcfType.
Notation zr := (@zr R).
Notation tp := (@two_power R).
Notation dr := (@dr R).
Notation vector := (@vector R).
Notation nz := (nth Z0).
Notation nl := (nth [::]).
Implicit Types (p : point) (x : seq R) (c : seq Z).

Definition good p : Prop := 0 < zr (divisor p).

(* What one coordinate stands for. *)
Definition unit p : R := tp (power p) / zr (divisor p).

Lemma unit_gt0 p : good p -> 0 < unit p.
Proof. by move=> g; rewrite divr_gt0 ?tp_gt0. Qed.

Lemma vectorE p : vector p = [seq zr a * unit p | a <- coordinates p].
Proof. by apply: eq_map => a; rewrite /unit mulrA. Qed.

Lemma size_vector p : size (vector p) = size (coordinates p).
Proof. exact: size_map. Qed.

(* ---- exact grids ---- *)

Lemma lowest_le e (xs : seq dyadic) : Z.le (lowest e xs) e /\ forall x, List.In x xs -> Z.le (lowest e xs) (exponent x).
Proof.
elim: xs e => [|x xs IH] e /=; first by split=> //; lia.
have [h1 h2] := IH (Z.min e (exponent x)); split; first by lia.
by move=> y [<-|/h2 //]; lia.
Qed.

Lemma common_scaleP (rows : seq (seq dyadic)) : Z.le 0 (common_scale rows) /\
  forall row x, List.In row rows -> List.In x row -> zr (grid (common_scale rows) x) = dr x * tp (common_scale rows).
Proof.
rewrite /common_scale; set e := List.fold_right _ _ _.
have [h0 h] : Z.le e 0 /\ forall row x, List.In row rows -> List.In x row -> Z.le e (exponent x).
  rewrite /e; elim: rows {e} => [|r rows [IH1 IH2]] /=; first by split=> //; lia.
  have [l1 l2] := lowest_le (List.fold_right (fun row e => lowest e row) Z0 rows) r.
  split; first by lia.
  by move=> row x [<-|hr] hx; [exact: l2 | have := IH2 _ _ hr hx; lia].
split; first by lia.
move=> row x hr hx; have := h _ _ hr hx => hx'.
rewrite /grid zr_shiftl; last by lia.
by rewrite /Spec.dr -mulrA -tpD.
Qed.

(* ---- sums of points ---- *)

Lemma liftP k d p a : Z.le k (power p) -> 0 < zr d -> good p ->
  zr (Z.shiftl (Z.mul a d) (Z.sub (power p) k)) * (tp k / zr (Z.mul (divisor p) d)) = zr a * unit p.
Proof.
move=> kp d0 g; rewrite zr_shiftl; last by lia.
rewrite /unit !zrM -Z.add_opp_r tpD tpN invfM.
rewrite -[RHS]mulr1 -[1](mulfV (lt0r_neq0 d0)) -[X in _ = X * _]mulr1 -[X in _ = _ * X * _](mulfV (tp_neq0 R k)).
by ring.
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
rewrite vectorE /constant /unit /= zr1 divr1 -map_comp.
have [s0 H] := common_scaleP [:: b].
have {}H : forall a, List.In a b -> zr (grid (common_scale [:: b]) a) = dr a * tp (common_scale [:: b]).
  by move=> a ha; apply: H ha; left.
elim: {1 3 4}b H => //= a c IH H; congr (_ :: _); last by apply: IH => d hd; apply: H; right.
by rewrite H ?tpN ?mulfK ?tp_neq0 //; left.
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
move=> g; split=> //; rewrite !vectorE /leaky /= -!map_comp; apply: eq_map => a /=.
have u0 := unit_gt0 g; set k := Z.min _ _.
have uE : unit p = tp k * tp (Z.opp k) * unit p by rewrite tpN mulfV ?mul1r ?tp_neq0.
have -> : unit {| coordinates := [seq if Z.leb 0 c then Z.shiftl c (Z.opp k) else Z.shiftl (Z.mul (mantissa s) c) (Z.sub (exponent s) k) | c <- coordinates p];
                  power := Z.add (power p) k; divisor := divisor p |} = tp k * unit p.
  by rewrite /unit /= tpD; ring.
rewrite pmulr_lge0 // -[X in X <= _]zr0 zr_leE; case: ifP => _.
  rewrite zr_shiftl; last by rewrite /k; lia.
  by rewrite {1}uE; ring.
rewrite zr_shiftl; last by rewrite /k; lia.
rewrite zrM -Z.add_opp_r tpD /Spec.dr {1}uE; ring.
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
have split : size (x :: xs) = (n + k * n)%N by rewrite e mulSn.
have tE (T : Type) m (s : seq T) : List.firstn m s = take m s by elim: m s => [|m IHm] [|y s] //=; rewrite IHm.
have dE (T : Type) m (s : seq T) : List.skipn m s = drop m s by elim: m s => [|m IHm] [|y s] //=; rewrite IHm.
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

Lemma take_firstn (T : Type) m (s : seq T) : List.firstn m s = take m s.
Proof. by elim: m s => [|m IH] [|y s] //=; rewrite IH. Qed.
Lemma drop_skipn (T : Type) m (s : seq T) : List.skipn m s = drop m s.
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
rewrite -{1}[dr a](mulfK (tp_neq0 R s)); ring.
Qed.

Lemma dense_scaled q W b p : good p -> 0 < zr q -> size b = size W ->
  let s := common_scale W in
  let y := Point [seq dot row (coordinates p) | row <- [seq [seq grid s a | a <- r] | r <- W]]
                 (Z.sub (power p) s) (Z.mul (divisor p) q) in
  good (add_points y (constant b)) /\
  [seq inner t.1 (vector p) / zr q + dr t.2 | t <- zip W b] = vector (add_points y (constant b)).
Proof.
move=> g q0 sb s y; have [gc vc] := constantP b.
have gy : good y by rewrite /good /= zrM mulr_gt0.
have [ga ->] := add_pointsP gy gc; split=> //.
rewrite vc [vector y]vectorE /y /= -!map_comp vectorE.
have [_ H] := common_scaleP W; rewrite -/s in H.
have -> : unit (Point [seq dot row (coordinates p) | row <- [seq [seq grid s a | a <- r] | r <- W]]
                 (Z.sub (power p) s) (Z.mul (divisor p) q)) = unit p / tp s / zr q.
  by rewrite /unit /= zrM invfM -Z.add_opp_r tpD tpN; ring.
elim: W b sb H {s y gy ga gc vc} => [|w W IH] [|a b] //= [sb] H.
Abort.
End Evaluate.
