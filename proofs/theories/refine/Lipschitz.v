(* The shape test makes evaluation succeed; the evidence test bounds distances. *)
From Coq Require Import ZArith Lia.
From mathcomp Require Import all_ssreflect all_algebra.
From mathcomp Require Import zify ssrZ ring.
From Lipcert Require Import exec.Dyadic exec.Gram exec.Network exec.Sample Spec.
From Lipcert Require Import theory.Psd theory.Layers refine.Packing refine.Numbers refine.Norm refine.Linear.
Set Implicit Arguments.
Unset Strict Implicit.
Unset Printing Implicit Defensive.
Import Order.TTheory GRing.Theory Num.Theory.
Local Open Scope ring_scope.

(* ---- the standard library's tests as MathComp's ---- *)

Lemma nat_eqbE a b : Nat.eqb a b = (a == b).
Proof. by elim: a b => [|a IH] [|b] //=; rewrite IH eqSS. Qed.

Lemma nat_ltbE a b : Nat.ltb a b = (a < b)%N.
Proof. by apply/idP/idP => [/PeanoNat.Nat.ltb_lt/ssrnat.ltP|/ssrnat.ltP/PeanoNat.Nat.ltb_lt]. Qed.

Lemma nat_evenE n : Nat.even n = ~~ odd n.
Proof.
suff [] : Nat.even n = ~~ odd n /\ Nat.even n.+1 = ~~ odd n.+1 by [].
by elim: n => [|n [IH1 IH2]] //; split=> //=; rewrite IH1 /= negbK.
Qed.

Lemma nat_div2E n : Nat.div2 n = n./2.
Proof.
suff [] : Nat.div2 n = n./2 /\ Nat.div2 n.+1 = n.+1./2 by [].
by elim: n => [|n [IH1 IH2]] //; split=> //=; rewrite IH1.
Qed.

Lemma nat_moduloP g n : (0 < g)%N -> Nat.modulo n g = 0%N -> (g %| n)%N.
Proof.
move=> g0 /(Nat.mod_divide n g) h; have g1 : g <> 0%N by case: (g) g0.
by have [k ->] := h g1; exact: dvdn_mull.
Qed.

Lemma every_lengthE (A : Type) n (rows : seq (seq A)) : every_length n rows = all (fun r => size r == n) rows.
Proof. by elim: rows => //= r rows IH; rewrite -IH -nat_eqbE. Qed.

Lemma window_okE n windows :
  List.forallb (fun w => negb (is_nil w) && List.forallb (fun i => Nat.ltb i n) w) windows =
  all (fun w => (w != [::]) && all (fun i => (i < n)%N) w) windows.
Proof.
elim: windows => //= w ws ->.
have -> : List.forallb (fun i => Nat.ltb i n) w = all (fun i => (i < n)%N) w.
  by elim: (w) => //= i v ->; rewrite nat_ltbE.
by case: w.
Qed.

Section Lipschitz.
Variable R : rcfType.
Variable T : squashing R.
Notation zr := (@zr R).
Notation tp := (@two_power R).
Notation dr := (@dr R).
Notation qr := (@qr R).
Notation eval := (@eval R T).
Notation nz := (nth Z0).
Notation nl := (nth [::]).
Implicit Types (x y : seq R) (net : network).

Lemma guardP ok n m : guard ok n = Some m -> ok /\ m = n.
Proof. by rewrite /guard; case: ok => // -[]. Qed.

(* ---- shapes ---- *)

Lemma size_groups_sorted k x : (k %| size x)%N ->
  size (flatten [seq decreasing g | g <- groups k x]) = size x.
Proof. by move=> d; rewrite (@size_flatten_decreasing _ (size x %/ k) k) // divnK. Qed.

Theorem output_size_sound net n m x : output_size net n = Some m -> size x = n ->
  exists2 y, eval net x = Some y & size y = m.
Proof.
elim: net n m x => [|q W b|q d b||s||||g|||ws|f IHf g IHg|a g IHg|f IHf g IHg] n m x /=.
- by move=> [<-] <-; exists x.
- move=> /guardP[/andP[/andP[q0 W_ok] /PeanoNat.Nat.eqb_eq b_ok] ->] sx.
  have {}b_ok : size b = size W by exact: b_ok.
  rewrite every_lengthE -sx in W_ok; rewrite W_ok b_ok eqxx zr_gt0 //=.
  by eexists; [reflexivity | rewrite size_map size_zip b_ok minnn].
- move=> /guardP[/andP[/andP[q0 /PeanoNat.Nat.eqb_eq sd] /PeanoNat.Nat.eqb_eq sb] ->] sx.
  have {}sd : size d = n by exact: sd.
  have {}sb : size b = n by exact: sb.
  rewrite sd sb sx eqxx zr_gt0 //=.
  by eexists; [reflexivity | rewrite size_map !size_zip sd sb sx !minnn].
- by move=> [<-] <-; eexists; [reflexivity | rewrite size_map].
- by move=> [<-] <-; eexists; [reflexivity | rewrite size_map].
- by move=> [<-] <-; eexists; [reflexivity | rewrite size_map].
- by move=> [<-] <-; eexists; [reflexivity | rewrite size_map].
- by move=> [<-] <-; eexists; [reflexivity | rewrite size_map].
- move=> /guardP[/andP[g0 /PeanoNat.Nat.eqb_eq gn] ->] sx.
  have {}g0 : (0 < g)%N by case: (g) g0.
  have dv := nat_moduloP g0 gn; rewrite -sx in dv *; rewrite g0 dv /=.
  by eexists; [reflexivity | exact: size_groups_sorted].
- by move=> [<-] <-; eexists; [reflexivity | exact: size_decreasing].
- move=> /guardP[]; rewrite nat_evenE => ev -> sx; rewrite -sx in ev *; rewrite ev /=.
  eexists; first reflexivity.
  rewrite size_cat !size_map size_zip size_take size_drop.
  have := odd_double_half (size x); rewrite (negbTE ev) add0n => e.
  by case: ltnP => h; rewrite -{1 3}e -addnn ?addnK; lia.
- move=> /guardP[]; rewrite window_okE => ok -> sx; rewrite sx ok /=.
  by eexists; [reflexivity | rewrite size_map].
- case E: (output_size f n) => [k|] // Eg sx.
  by have [y Ey sy] := IHf _ _ _ E sx; rewrite Ey; exact: IHg Eg sy.
- case E: (output_size g n) => [k|] // /guardP[/PeanoNat.Nat.eqb_eq ek ->] sx.
  have [y -> sy] := IHg _ _ _ E sx; rewrite sy ek sx eqxx /=.
  by eexists; [reflexivity | rewrite size_map size_zip sy ek sx minnn].
- case Ef: (output_size f n) => [k|] //; case Eg: (output_size g n) => [l|] // [<-] sx.
  have [y -> sy] := IHf _ _ _ Ef sx; have [z -> sz] := IHg _ _ _ Eg sx.
  by eexists; [reflexivity | rewrite size_cat sy sz].
Qed.

(* ---- Lipschitz constants ---- *)

Definition lipschitz_by (L : R) net := forall x y u v, size x = size y -> eval net x = Some u -> eval net y = Some v ->
  size u = size v /\ distance2 u v <= L ^+ 2 * distance2 x y.

Lemma dense_distance q W b x y : size b = size W -> size x = size y ->
  all (fun row => size row == size x) W ->
  distance2 [seq inner p.1 x / zr q + dr p.2 | p <- zip W b] [seq inner p.1 y / zr q + dr p.2 | p <- zip W b] =
  sqn (mulv (weights R (size W) (size x) W) (fun j => nth 0 x j - nth 0 y j)) / zr q ^+ 2.
Proof.
move=> sb sxy; set n := size x => W_ok.
transitivity ((\sum_(w <- W) (inner w x - inner w y) ^+ 2) / zr q ^+ 2).
  elim: W b sb {W_ok} => [|w W IH] [|c b] //= => [_|[] /IH E].
    by rewrite distance2_nil big_nil mul0r.
  rewrite distance2_cons E big_cons mulrDl; congr (_ + _).
  by rewrite opprD addrACA subrr addr0 -mulrBl exprMn exprVn.
congr (_ / _); rewrite (big_nth [::]) big_mkord; apply: eq_bigr => i _; congr (_ ^+ 2).
have sw : size (nl W i) = n by apply/eqP; exact: (all_nthP [::] W_ok).
rewrite (@inner_sum R n) // (@inner_sum R n) -?sxy // /mulv -sumrB.
by apply: eq_bigr => j _; rewrite mxE mulrBr.
Qed.

Lemma dense_sound q W b (w : rational) h : dense_check q W w h -> nonnegative w -> lipschitz_by (qr w) (Dense q W b).
Proof.
move=> ck u0 x y fx fy sxy /= /guardedP[/andP[/andP[W_ok /eqP sb] _] ->] /guardedP[_ ->].
split; first by rewrite !size_map.
have szW i : (i < size W)%N -> size (nl W i) = size x.
  by move=> lt; apply/eqP; exact: (all_nthP [::] W_ok).
have [q0 H] := dense_check_sound R ck u0 (erefl (size W)) szW.
rewrite dense_distance // ler_pdivr_mulr ?exprn_gt0 //.
by apply: le_trans (H _) _; rewrite -(@distance2E _ (size x)) // exprMn mulrAC.
Qed.

Lemma diagonal_distance (L q : R) d b x y : 0 <= L -> 0 < q -> (forall a, List.In a d -> `|dr a| <= L * q) ->
  distance2 [seq dr p.1.1 * p.2 / q + dr p.1.2 | p <- zip (zip d b) x] [seq dr p.1.1 * p.2 / q + dr p.1.2 | p <- zip (zip d b) y]
  <= L ^+ 2 * distance2 x y.
Proof.
move=> L0 q0; elim: d b x y => [|a d IH] [|c b] [|e x] [|f y] H; rewrite /= ?distance2_nil ?distance2_nilr ?mulr_ge0 ?sqr_ge0 ?distance2_ge0 //.
rewrite !distance2_cons mulrDr ler_add //; last by apply: IH => z hz; apply: H; right.
rewrite opprD addrACA subrr addr0 -mulrBl -mulrBr mulrAC -exprMn; apply: sqr_le_norm.
rewrite (normrM (dr a / q)) (normrM L) (ger0_norm L0) ler_wpmul2r // normrM normfV (gtr0_norm q0) ler_pdivr_mulr //.
by apply: H; left.
Qed.

(* The counters count. *)
Lemma nth_bump i j c : nz (bump i c) j = Z.add (nz c j) (if j == i then Zpos xH else Z0).
Proof.
elim: i j c => [|i IH] [|j] [|a c] //=; rewrite ?nth_nil ?eqSS ?IH ?nth_nil ?Z.add_0_r //.
Qed.

Lemma nth_occurrences s i : nz (occurrences s) i = Z.of_nat (count_mem i s).
Proof.
elim: s => [|k s IH] /=; first by rewrite nth_nil.
rewrite -/(occurrences s) nth_bump IH eq_sym Nat2Z.inj_add Z.add_comm; by case: (_ == _).
Qed.

Lemma windows_sound (u : rational) windows : nonnegative u -> leaf_check (MaxPool windows) u ->
  lipschitz_by (qr u) (MaxPool windows).
Proof.
move=> u0 /= ck x y fx fy sxy /guardedP[ok ->] /guardedP[_ ->].
split; first by rewrite !size_map.
have [pu q0] := nonnegativeP R u0.
apply: windows_distance => // i.
have -> : flatten windows = List.concat windows by elim: (windows) => //= w ws ->.
rewrite -zr_nat -nth_occurrences; case: (ltnP i (size (occurrences (List.concat windows)))) => [lt|ge]; last first.
  by rewrite nth_default // zr0 sqr_ge0.
have H : forall c, List.In c (occurrences (List.concat windows)) -> Z.leb (Z.mul c (Z.mul (den u) (den u))) (Z.mul (num u) (num u)).
  by apply/List.forallb_forall.
have /H /(zr_le R) : List.In (nz (occurrences (List.concat windows)) i) (occurrences (List.concat windows)).
  by rewrite -nthE; apply: List.nth_In; apply/ssrnat.ltP.
by rewrite !zrM -!expr2 /Spec.qr exprMn exprVn ler_pdivl_mulr ?exprn_gt0.
Qed.

Lemma slope_sound (L : R) (f : R -> R) net : slope_at_most L f -> (forall x, eval net x = Some [seq f a | a <- x]) ->
  lipschitz_by L net.
Proof.
move=> H E x y u v sxy; rewrite !E => -[<-] [<-]; rewrite !size_map; split=> //.
exact: map_distance.
Qed.

(* Maps that do not enlarge distances obey any constant that is at least one. *)
Lemma nonexpansive_sound (L : R) net : 1 <= L ->
  (forall x y u v, size x = size y -> eval net x = Some u -> eval net y = Some v ->
     size u = size v /\ distance2 u v <= distance2 x y) ->
  lipschitz_by L net.
Proof.
move=> L1 H x y u v sxy Eu Ev; have [s d] := H x y u v sxy Eu Ev; split=> //.
apply: le_trans d _; rewrite ler_pemull ?distance2_ge0 // expr_ge1 //; exact: le_trans ler01 L1.
Qed.

Lemma leaf_sound net (u : rational) : nonnegative u -> leaf_check net u -> lipschitz_by (qr u) net.
Proof.
move=> u0; have [pu q0] := nonnegativeP R u0.
have at_least_one : at_most one u -> 1 <= qr u.
  by move=> h; have := at_mostP (_ : proper R one) pu h; rewrite /Spec.qr divr1; apply; rewrite /proper ltr01.
case: net => [|q W b|q d b||s||||g|||ws|f g|a g|f g] //=.
- move/at_least_one=> L1; apply: nonexpansive_sound => // x y _ _ sxy [<-] [<-]; split=> //.
- move=> /andP[/(zr_gt0 R) qp ck] x y _ _ sxy /guardedP[_ ->] /guardedP[_ ->]; split.
    by rewrite !size_map !size_zip sxy.
  apply: diagonal_distance => // a ha; have [pm <-] := magnitudeP R a.
  have p1 : proper R (Rational q (Zpos xH)) by rewrite /proper ltr01.
  have := at_mostP pm (proper_times pu p1) (proj1 (List.forallb_forall _ _) ck a ha).
  by rewrite qr_times {3}/Spec.qr /= divr1.
- by move/at_least_one=> L1; apply: (slope_sound (slope_relu L1)).
- case/andP=> /at_least_one L1 /at_mostP h; have [pm E] := magnitudeP R s.
  by apply: (slope_sound (slope_leaky L1 _)) => //; rewrite -E; exact: h.
- by move/at_least_one=> L1; apply: (slope_sound (slope_abs L1)).
- move/at_mostP => h; apply: (slope_sound (slope_sigmoid T _)) => //.
  by have := h R (zr_gt0 R (isT : Z.ltb Z0 4)) pu; rewrite {1}/Spec.qr /= mul1r.
- by move/at_least_one=> L1; apply: (slope_sound (slope_tanh T L1)).
- move/at_least_one=> L1; apply: nonexpansive_sound => // x y _ _ sxy /guardedP[/andP[g0 gx] ->] /guardedP[/andP[_ gy] ->].
  rewrite !size_groups_sorted //; split=> //; rewrite /groups -sxy.
  by apply: groups_distance; rewrite divnK // sxy.
- move/at_least_one=> L1; apply: nonexpansive_sound => // x y _ _ sxy [<-] [<-].
  by rewrite !size_decreasing; split=> //; exact: decreasing_distance.
- move/at_least_one=> L1; apply: nonexpansive_sound => // x y _ _ sxy /guardedP[ev ->] /guardedP[_ ->].
  set k := (size x)./2; have ek : size x = (k + k)%N.
    by have := odd_double_half (size x); rewrite (negbTE ev) add0n -addnn.
  have st z : size z = size x -> size (take k z) = k by move=> sz; rewrite size_takel // sz ek leq_addr.
  have sd z : size z = size x -> size (drop k z) = k by move=> sz; rewrite size_drop sz ek addnK.
  rewrite -sxy -/k; split; first by rewrite !size_cat !size_map !size_zip !st // !sd.
  rewrite -[X in _ <= distance2 X _](cat_take_drop k) -[X in _ <= distance2 _ X](cat_take_drop k).
  by apply: maxmin_pairs; rewrite ?st ?sd.
- by move=> ck; exact: windows_sound.
Qed.

Lemma distance2_residual (c L : R) (x y fx fy : seq R) : 0 <= L -> size x = size y -> size fx = size x -> size fy = size y ->
  distance2 fx fy <= L ^+ 2 * distance2 x y ->
  distance2 [seq c * p.1 + p.2 | p <- zip x fx] [seq c * p.1 + p.2 | p <- zip y fy] <= (`|c| + L) ^+ 2 * distance2 x y.
Proof.
move=> L0 sxy sx sy; set n := size x.
have nz_map z fz (i : 'I_n) : size z = n -> size fz = n -> nth 0 [seq c * p.1 + p.2 | p <- zip z fz] i = c * nth 0 z i + nth 0 fz i.
  by move=> sz sf; rewrite (nth_map (0, 0)) ?size_zip ?sz ?sf ?minnn // nth_zip // sz sf.
have sy' : size y = n by [].
rewrite !(@distance2E _ n) ?size_map ?size_zip ?sx ?sy ?sy' ?minnn //.
set X := sqn (fun j : 'I_n => nth 0 x j - nth 0 y j) => H.
have -> : sqn (fun j : 'I_n => nth 0 [seq c * p.1 + p.2 | p <- zip x fx] j - nth 0 [seq c * p.1 + p.2 | p <- zip y fy] j) =
          sqn (fun j : 'I_n => c * (nth 0 x j - nth 0 y j) + (nth 0 fx j - nth 0 fy j)).
  apply: eq_bigr => j _; congr (_ ^+ 2).
  by rewrite (nz_map x fx) ?sx // (nz_map y fy) ?sy // mulrBr opprD addrACA.
apply: sqn_add => //; first exact: sqn_ge0.
rewrite real_normK ?num_real // /X /sqn mulr_sumr; apply: ler_sum => j _.
by rewrite exprMn.
Qed.

Theorem lipschitz_sound net ev (u : rational) : lipschitz net ev = Some u -> [/\ proper R u, 0 <= qr u & lipschitz_by (qr u) net].
Proof.
have leaf n w v : (if nonnegative w && leaf_check n w then Some w else None) = Some v ->
    [/\ proper R v, 0 <= qr v & lipschitz_by (qr v) n].
  case: ifP => // /andP[w0 ck] [<-]; have [pw qw] := nonnegativeP R w0.
  by split=> //; exact: leaf_sound.
have folded n w h v : (if nonnegative w && folded_check n w h then Some w else None) = Some v ->
    [/\ proper R v, 0 <= qr v & lipschitz_by (qr v) n].
  case: ifP => // /andP[w0 ck] [<-]; have [pw qw] := nonnegativeP R w0.
  by split=> //; exact: folded_norm ck w0.
elim: net ev u => [|q W b|q d b||s||||g|||ws|f IHf g IHg|a g IHg|f IHf g IHg] [w|w h|w h|ef eg|eg|w ef eg] u; try exact: leaf; try exact: folded; rewrite /= ?andbF //.
- case: ifP => // /andP[w0 ck] [<-]; have [pw qw] := nonnegativeP R w0.
  by split=> //; exact: dense_sound ck w0.

- case Ef: (lipschitz f ef) => [v|] //; case Eg: (lipschitz g eg) => [v'|] // [<-].
  have [pv qv Hf] := IHf _ _ Ef; have [pv' qv' Hg] := IHg _ _ Eg.
  split; [exact: proper_times | by rewrite qr_times mulr_ge0 |].
  move=> x y z t sxy /=; case Ex: (eval f x) => [fx|] //=; case Ey: (eval f y) => [fy|] //= Ez Et.
  have [s1 d1] := Hf _ _ _ _ sxy Ex Ey; have [s2 d2] := Hg _ _ _ _ s1 Ez Et; split=> //.
  rewrite qr_times; move: (qr v) (qr v') d1 d2 => c c' d1 d2.
  by apply: le_trans d2 _; rewrite mulrC exprMn mulrAC -mulrA [X in _ <= X]mulrA ler_wpmul2r ?sqr_ge0.
- case Eg: (lipschitz g eg) => [v|] // [<-]; have [pv qv Hg] := IHg _ _ Eg.
  have [pm em] := magnitudeP R a.
  split; [exact: proper_plus | by rewrite qr_plus // em addr_ge0 |].
  move=> x y z t sxy /=; case Ex: (eval g x) => [gx|] //; case Ey: (eval g y) => [gy|] //.
  move=> /guardedP[/eqP s1 ->] /guardedP[/eqP s2 ->]; have [s3 d3] := Hg _ _ _ _ sxy Ex Ey.
  split; first by rewrite !size_map !size_zip s1 s2 sxy.
  by rewrite qr_plus // em; exact: distance2_residual.

- case Ef: (lipschitz f ef) => [v|] //; case Eg: (lipschitz g eg) => [v'|] //.
  case: ifP => // /andP[w0 jk] [<-]; have [pw qw] := nonnegativeP R w0.
  have [pv qv Hf] := IHf _ _ Ef; have [pv' qv' Hg] := IHg _ _ Eg.
  split=> // x y z t sxy /=.
  case Ex: (eval f x) => [fx|] //; case Gx: (eval g x) => [gx|] //; case Ey: (eval f y) => [fy|] //; case Gy: (eval g y) => [gy|] //.
  move=> [<-] [<-]; have [s1 d1] := Hf _ _ _ _ sxy Ex Ey; have [s2 d2] := Hg _ _ _ _ sxy Gx Gy.
  split; first by rewrite !size_cat s1 s2.
  rewrite distance2_cat //; apply: le_trans (ler_add d1 d2) _; rewrite -mulrDl ler_wpmul2r ?distance2_ge0 //.
  have pp : proper R (plus (times v v) (times v' v')) by apply: proper_plus; exact: proper_times.
  have := at_mostP pp (proper_times pw pw) jk.
  by rewrite qr_plus ?qr_times -?expr2 //; exact: proper_times.
Qed.

(* The constant, without the tests that have been made. *)
Lemma constant_ofP net ev (u : rational) : lipschitz net ev = Some u -> constant_of net ev = u.
Proof.
have leaf (b : bool) (w v : rational) : (if b then Some w else None) = Some v -> w = v by case: b => // -[].
elim: net ev u => [|q W b|q d b||s||||g|||ws|f IHf g IHg|a g IHg|f IHf g IHg] [w|w h|w h|ef eg|eg|w ef eg] u;
  try exact: leaf; rewrite /= ?andbF //.
- case Ef: (lipschitz f ef) => [v|] //; case Eg: (lipschitz g eg) => [v'|] // [<-].
  by rewrite (IHf _ _ Ef) (IHg _ _ Eg).
- by case Eg: (lipschitz g eg) => [v|] // [<-]; rewrite (IHg _ _ Eg).
- by case: (lipschitz f ef) => [v|] //; case: (lipschitz g eg) => [v'|] // /leaf.
Qed.

End Lipschitz.
