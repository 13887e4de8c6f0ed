(* Chains of linear layers are one integer matrix over a denominator: [linear_map_sound]. So the norm of a folded block is that of the
   product of its matrices ([folded_norm]), and differences of outputs are bounded by differences of its rows. *)
From Coq Require Import ZArith Lia.
From mathcomp Require Import all_ssreflect all_algebra.
From mathcomp Require Import zify ssrZ ring.
From Lipcert Require Import exec.Dyadic exec.Gram exec.Network exec.Sample Spec.
From Lipcert Require Import theory.Psd theory.Layers refine.Packing refine.Numbers refine.Norm.
Set Implicit Arguments.
Unset Strict Implicit.
Unset Printing Implicit Defensive.
Import Order.TTheory GRing.Theory Num.Theory.
Local Open Scope ring_scope.

Section Linear.
Variable R : rcfType.
Variable T : squashing R.
Notation zr := (@zr R).
Notation tp := (@two_power R).
Notation dr := (@dr R).
Notation qr := (@qr R).
Notation eval := (@eval R T).
Notation nz := (nth Z0).
Notation nl := (nth [::]).
Implicit Types (x y : seq R) (net : network) (A : linear).

Lemma guardedP ok (y z : seq R) : guarded ok y = Some z -> ok /\ z = y.
Proof. by rewrite /guarded; case: ok => // -[]. Qed.

Lemma inner_sum N w x : size w = size x -> (size x <= N)%N ->
  inner w x = \sum_(j < N) nth 0 [seq dr a | a <- w] j * nth 0 x j.
Proof.
rewrite /inner; elim: w x N => [|a w IH] [|b x] N //=.
  by move=> _ _; rewrite big_nil big1 // => j _; rewrite !nth_nil mulr0.
case=> e; case: N => // N; rewrite ltnS => le.
by rewrite big_cons big_ord_recl /= (IH x N).
Qed.

(* ---- exact grids ---- *)

Lemma lowest_le e (xs : seq dyadic) : Z.le (lowest e xs) e /\ forall a, List.In a xs -> Z.le (lowest e xs) (exponent a).
Proof.
elim: xs e => [|a xs IH] e /=; first by split=> //; lia.
have [h1 h2] := IH (Z.min e (exponent a)); split; first by lia.
by move=> b [<-|/h2 hb]; lia.
Qed.

Lemma common_scaleP (M : seq (seq dyadic)) : Z.le 0 (common_scale M) /\
  forall row a, List.In row M -> List.In a row -> zr (grid (common_scale M) a) = dr a * tp (common_scale M).
Proof.
rewrite /common_scale; set e := List.fold_right _ _ _.
have [h0 h] : Z.le e 0 /\ forall row a, List.In row M -> List.In a row -> Z.le e (exponent a).
  rewrite /e; elim: M {e} => [|r M [IH1 IH2]] /=; first by split=> //; lia.
  have [l1 l2] := lowest_le (List.fold_right (fun row e => lowest e row) Z0 M) r.
  split; first by lia.
  by move=> row a [<-|hr] ha; [exact: l2 | have := IH2 _ _ hr ha; lia].
split; first by lia.
move=> row a hr ha; have := h _ _ hr ha => ha'.
rewrite /grid zr_shiftl; last by lia.
by rewrite /Spec.dr -mulrA -tpD.
Qed.

Lemma in_nth (B : Type) (x0 : B) s i : (i < size s)%N -> List.In (nth x0 s i) s.
Proof. by move=> h; rewrite -nthE; apply: List.nth_In; exact/ssrnat.ltP. Qed.

Lemma grid_entry W i j : (i < size W)%N ->
  zr (nz (nl [seq [seq grid (common_scale W) a | a <- r] | r <- W] i) j) = nth 0 [seq dr a | a <- nl W i] j * tp (common_scale W).
Proof.
move=> iW; have [_ H] := common_scaleP W; rewrite (nth_map [::]) //.
case: (ltnP j (size (nl W i))) => h; last first.
  by rewrite [in LHS]nth_default ?size_map // [in RHS]nth_default ?size_map // mul0r.
rewrite !(nth_map (Dyadic Z0 Z0)) // (H (nl W i)) //; exact: in_nth.
Qed.

Lemma dense_difference q W b x y i : size b = size W -> size x = size y -> all (fun row => size row == size x) W -> (i < size W)%N ->
  nth 0 [seq inner t.1 x / zr q + dr t.2 | t <- zip W b] i - nth 0 [seq inner t.1 y / zr q + dr t.2 | t <- zip W b] i =
  (\sum_(j < size x) nth 0 [seq dr a | a <- nl W i] j * (nth 0 x j - nth 0 y j)) / zr q.
Proof.
move=> sb sxy W_ok iW; have sw : size (nl W i) = size x by apply/eqP; exact: (all_nthP [::] W_ok).
rewrite !(nth_map ([::], Dyadic Z0 Z0)) ?size_zip ?sb ?minnn // nth_zip //=.
rewrite opprD addrACA subrr addr0 -mulrBl !(@inner_sum (size x)) -?sxy //; congr (_ / _).
by rewrite -sumrB; apply: eq_bigr => j _; rewrite mulrBr.
Qed.

Lemma diagonal_difference q d b x y i : size d = size x -> size b = size x -> size x = size y -> (i < size x)%N ->
  nth 0 [seq dr p.1.1 * p.2 / zr q + dr p.1.2 | p <- zip (zip d b) x] i -
  nth 0 [seq dr p.1.1 * p.2 / zr q + dr p.1.2 | p <- zip (zip d b) y] i =
  dr (nth (Dyadic Z0 Z0) d i) * (nth 0 x i - nth 0 y i) / zr q.
Proof.
move=> sd sb sxy ix; have sz : size (zip d b) = size x by rewrite size_zip sd sb minnn.
rewrite !(nth_map (Dyadic Z0 Z0, Dyadic Z0 Z0, 0)) ?size_zip ?sd ?sb -?sxy ?minnn //.
rewrite !nth_zip ?sz -?sxy ?sd ?sb //=.
by rewrite opprD addrACA subrr addr0 -mulrBl mulrBr.
Qed.

(* ---- the matrix of a chain ---- *)

Definition linear_by A net := forall x y u v, size x = size y -> eval net x = Some u -> eval net y = Some v ->
  [/\ size u = size (rows A), size v = size (rows A), forall i, (i < size (rows A))%N -> size (nl (rows A) i) = size x &
   forall i, (i < size (rows A))%N ->
     nth 0 u i - nth 0 v i =
     (\sum_(j < size x) zr (nz (nl (rows A) i) j) * (nth 0 x j - nth 0 y j)) / (tp (row_scale A) * zr (row_divisor A))].

Definition sound_linear A := 0 < zr (row_divisor A) /\ Z.le 0 (row_scale A).

Lemma linear_dense q W b : 0 < zr q ->
  linear_by (Linear [seq [seq grid (common_scale W) a | a <- r] | r <- W] (common_scale W) q) (Dense q W b).
Proof.
move=> q0 x y u v sxy /= /guardedP[/andP[/andP[W_ok /eqP sb] _] ->] /guardedP[_ ->].
rewrite !size_map size_zip sb minnn; split=> // i iW.
  by rewrite (nth_map [::]) // size_map; apply/eqP; exact: (all_nthP [::] W_ok).
rewrite dense_difference //.
have t0 := tp_neq0 R (common_scale W); have q1 : zr q != 0 by rewrite gt_eqF.
transitivity ((\sum_(j < size x) nth 0 [seq dr a | a <- nl W i] j * (nth 0 x j - nth 0 y j)) * tp (common_scale W) / (tp (common_scale W) * zr q)).
  by field; rewrite q1 t0.
congr (_ / _); rewrite mulr_suml; apply: eq_bigr => j _.
by rewrite grid_entry // mulrAC.
Qed.

Lemma diagonal_rowsP (d : seq Z) : size (diagonal_rows d) = size d /\
  forall i, (i < size d)%N -> size (nl (diagonal_rows d) i) = size d /\
    forall j, nz (nl (diagonal_rows d) i) j = if j == i then nz d i else Z0.
Proof.
elim: d => [|a d [IH1 IH2]] //=; rewrite size_map IH1; split=> // -[|i] /=.
  move=> _; rewrite size_map; split=> // -[|j] //=.
  by elim: d j {IH1 IH2} => [|c d IH] [|j] //=.
rewrite ltnS => h; rewrite (nth_map [::]) ?IH1 //=; have [-> H] := IH2 i h; split=> // -[|j] //=.
by rewrite eqSS.
Qed.

Lemma scale_rowsP (d : seq Z) (M : seq (seq Z)) : size d = size M -> size (zip_with (fun a row => [seq Z.mul a c | c <- row]) d M) = size M /\
  forall i, (i < size M)%N -> size (nl (zip_with (fun a row => [seq Z.mul a c | c <- row]) d M) i) = size (nl M i) /\
    forall j, nz (nl (zip_with (fun a row => [seq Z.mul a c | c <- row]) d M) i) j = Z.mul (nz d i) (nz (nl M i) j).
Proof.
elim: d M => [|a d IH] [|r M] //= [] /IH[-> H]; split=> // -[|i] /=; last by rewrite ltnS; exact: H.
move=> _; rewrite size_map; split=> // j; case: (ltnP j (size r)) => h; first by rewrite (nth_map Z0).
by rewrite !nth_default ?size_map //; lia.
Qed.

Lemma multiplyP k n (G M : seq (seq Z)) : (0 < k)%N -> (0 < n)%N -> size M = k -> (forall i, (i < k)%N -> size (nl M i) = n) ->
  (forall i, (i < size G)%N -> size (nl G i) = k) ->
  size (multiply G M) = size G /\ forall i, (i < size G)%N -> size (nl (multiply G M) i) = n /\
    forall j, (j < n)%N -> zr (nz (nl (multiply G M) i) j) = \sum_(l < k) zr (nz (nl G i) l) * zr (nz (nl M l) j).
Proof.
move=> k0 n0 sM szM szG; rewrite /multiply products_sound.
have k0' : (0 < size M)%N by rewrite sM.
have [sC HC] := @transposeP M n k0' (fun i h => szM i (eq_ind _ (fun s => (i < s)%N) h _ sM)).
set P := List.map _ _; have sP : size P = n by rewrite /P -[RHS]sC; exact: size_map.
have nP j : (j < n)%N -> nl P j = [seq dot row (nl (transpose M) j) | row <- G].
  by move=> h; rewrite /P (nth_map [::]) // sC.
have p0 : (0 < size P)%N by rewrite sP.
have szP j : (j < size P)%N -> size (nl P j) = size G by rewrite sP => h; rewrite nP // size_map.
have [sT HT] := transposeP p0 szP; split=> // i iG; have [-> H] := HT i iG; split=> // j jn.
rewrite H ?sP // nP // (nth_map [::]) // (@zr_dot R k) ?szG //.
apply: eq_bigr => l _; congr (_ * _); congr zr.
by have [_ ->] := HC j jn; rewrite // sM.
Qed.

Lemma after_sound net A f B : sound_linear A -> linear_by A f -> after net A = Some B -> sound_linear B /\ linear_by B (Compose f net).
Proof.
elim: net A f B => [|q W b|q d b||s||||g|||ws|g1 IH1 g2 IH2|a g IHg|g1 IH1 g2 IH2] A f B [dA sA] HA //=.
- move=> [<-]; split=> // x y u v sxy /=; case Ex: (eval f x) => [u'|] //= [<-]; case Ey: (eval f y) => [v'|] //= [<-].
  exact: HA.
- case: ifP => // /andP[/(zr_gt0 R) q0 he] [<-]; have [sW _] := common_scaleP W.
  split; first by split=> /=; [rewrite zrM mulr_gt0 | lia].
  move=> x y u v sxy /=; case Ex: (eval f x) => [u'|] //=; case Ey: (eval f y) => [v'|] //=.
  move=> /guardedP[/andP[/andP[W_ok /eqP sb] _] ->] /guardedP[_ ->].
  have [su sv szA HD] := HA _ _ _ _ sxy Ex Ey; set k := size (rows A) in su sv szA HD *.
  set G := List.map _ W; have sG : size G = size W by exact: size_map.
  have szW i : (i < size W)%N -> size (nl W i) = k by move=> h; rewrite -su; apply/eqP; exact: (all_nthP [::] W_ok).
  have szG i : (i < size G)%N -> size (nl G i) = k by rewrite sG => h; rewrite (nth_map [::]) // size_map szW.
  have k0 : (0 < k)%N by rewrite /k; case: (rows A) he.
  have n0 : (0 < size x)%N by rewrite -(szA 0%N) //; case: (rows A) he => [|[]].
  have [sP HP] := multiplyP k0 n0 (erefl k) szA szG; cbn [rows row_scale row_divisor].
  rewrite !size_map size_zip sb minnn sP sG; split=> // i iW; have [szi Hi] := HP i (eq_ind_r (fun s => (i < s)%N) iW sG) => //.
  have suv : size u' = size v' by rewrite su sv.
  rewrite dense_difference // su.
  have t0 := tp_neq0 R (common_scale W); have q1 : zr q != 0 by rewrite gt_eqF.
  have t1 := tp_neq0 R (row_scale A); have q2 : zr (row_divisor A) != 0 by rewrite gt_eqF.
  set S := \sum_(j < size x) _.
  have -> : S = (\sum_(l < k) nth 0 [seq dr a | a <- nl W i] l * (nth 0 u' l - nth 0 v' l)) * (tp (common_scale W) * (tp (row_scale A) * zr (row_divisor A))).
    rewrite /S; under eq_bigr => j _ do rewrite Hi // mulr_suml.
    rewrite exchange_big mulr_suml; apply: eq_bigr => l _; rewrite HD //.
    set D := \sum_(j < size x) _; have -> : \sum_(j < size x) zr (nz (nl G i) l) * zr (nz (nl (rows A) l) j) * (nth 0 x j - nth 0 y j) = zr (nz (nl G i) l) * D.
      by rewrite /D mulr_sumr; apply: eq_bigr => j _; rewrite mulrA.
    rewrite /G grid_entry //; move: (tp _) t0 (tp _) t1 (zr _) q2 (nth 0 _ l) => t t0 t' t1 r q2 w.
    by field; rewrite t1 q2.
  rewrite tpD zrM; move: (tp _) t0 (tp _) t1 (zr _) q2 (zr q) q1 (\sum_(l < k) _) => t t0 t' t1 r q2 r' q1 w.
  by field; rewrite t0 t1 q1 q2.
- case: ifP => // /(zr_gt0 R) q0 [<-]; have [sd0 Hd] := common_scaleP [:: d].
  split; first by split=> /=; [rewrite zrM mulr_gt0 | lia].
  move=> x y u v sxy /=; case Ex: (eval f x) => [u'|] //=; case Ey: (eval f y) => [v'|] //=.
  move=> /guardedP[/andP[/andP[/eqP sd /eqP sb] _] ->] /guardedP[_ ->].
  have [su sv szA HD] := HA _ _ _ _ sxy Ex Ey; set k := size (rows A) in su sv szA HD *.
  have sG : size [seq grid (common_scale [:: d]) a | a <- d] = size (rows A) by rewrite size_map sd.
  have [sP HP] := scale_rowsP sG; cbn [rows row_scale row_divisor]; rewrite sP.
  rewrite !size_map !size_zip sd sb su sv !minnn; split=> // i ik; have [szi Hi] := HP i ik; first by rewrite szi szA.
  rewrite diagonal_difference ?sd ?sb ?su ?sv //.
  rewrite (HD _ ik).
  have Hg : zr (nz [seq grid (common_scale [:: d]) a | a <- d] i) = dr (nth (Dyadic Z0 Z0) d i) * tp (common_scale [:: d]).
    rewrite (nth_map (Dyadic Z0 Z0)); last by rewrite sd su.
    by apply: (Hd d); [left | apply: in_nth; rewrite sd su].
  set D := \sum_(j < size x) _; set S := \sum_(j < size x) _.
  have -> : S = dr (nth (Dyadic Z0 Z0) d i) * tp (common_scale [:: d]) * D.
    by rewrite /S /D mulr_sumr; apply: eq_bigr => j _; rewrite Hi zrM Hg -!mulrA.
  have t0 := tp_neq0 R (common_scale [:: d]); have q1 : zr q != 0 by rewrite gt_eqF.
  have t1 := tp_neq0 R (row_scale A); have q2 : zr (row_divisor A) != 0 by rewrite gt_eqF.
  rewrite tpD zrM; move: (tp _) t0 (tp _) t1 (zr _) q2 (zr q) q1 D (dr _) => t t0 t' t1 r q2 r' q1 D w.
  by field; rewrite t0 t1 q1 q2.
- case E1: (after g1 A) => [A1|] // E2; have [s1 H1] := IH1 _ _ _ (conj dA sA) HA E1.
  have [s2 H2] := IH2 _ _ _ s1 H1 E2; split=> // x y u v sxy Ex Ey; apply: H2 => //.
    by move: Ex => /=; case: (eval f x).
  by move: Ey => /=; case: (eval f y).
Qed.

Theorem linear_map_sound net A : linear_map net = Some A -> sound_linear A /\ linear_by A net.
Proof.
elim: net A => [|q W b|q d b||s||||g|||ws|f IHf g IHg|a g IHg|f IHf g IHg] A //=.
- case: ifP => // /(zr_gt0 R) q0 [<-]; have [sW _] := common_scaleP W.
  by split=> //; exact: linear_dense.
- case: ifP => // /(zr_gt0 R) q0 [<-]; have [sd0 Hd] := common_scaleP [:: d].
  split=> // x y u v sxy /guardedP[/andP[/andP[/eqP sd /eqP sb] _] ->] /guardedP[_ ->].
  set G := List.map _ d; have sG : size G = size d by exact: size_map.
  have [sD HD] := diagonal_rowsP G; cbn [rows row_scale row_divisor].
  rewrite !size_map !size_zip sd sb -sxy !minnn sD sG sd; split=> // i ix.
    by have [|-> _] := HD i; rewrite sG sd.
  rewrite diagonal_difference // (bigD1 (Ordinal ix)) //= big1 => [|j ne]; last first.
    have [|_ ->] := HD i; first by rewrite sG sd.
    by rewrite -val_eqE /= in ne; rewrite (negbTE ne) zr0 mul0r.
  have [|_ ->] := HD i; first by rewrite sG sd.
  rewrite eqxx addr0 (nth_map (Dyadic Z0 Z0)) ?sd // (Hd d); [|by left|by apply: in_nth; rewrite sd].
  have t0 := tp_neq0 R (common_scale [:: d]); have q1 : zr q != 0 by rewrite gt_eqF.
  move: (tp _) t0 (zr q) q1 (dr _) (nth 0 x i - nth 0 y i) => t t0 r q1 w e.
  by field; rewrite t0 q1.
- case Ef: (linear_map f) => [A1|] // Eg; have [s1 H1] := IHf _ Ef.
  exact: after_sound s1 H1 Eg.
Qed.

(* ---- the norm of a folded block ---- *)

Theorem folded_norm net (w : rational) h : folded_check net w h -> nonnegative w ->
  forall x y u v, size x = size y -> eval net x = Some u -> eval net y = Some v ->
  size u = size v /\ distance2 u v <= qr w ^+ 2 * distance2 x y.
Proof.
rewrite /folded_check; case E: (linear_map net) => [A|] // ck w0 x y u v sxy Ex Ey.
have [[q0 s0] HA] := linear_map_sound E; have [su sv szA HD] := HA _ _ _ _ sxy Ex Ey.
set m := size (rows A) in su sv szA HD; set n := size x in szA HD.
set W := List.map _ (rows A) in ck; have sW : size W = m by exact: size_map.
have szW i : (i < m)%N -> size (nl W i) = n by move=> h'; rewrite (nth_map [::]) // size_map szA.
have [_ H] := dense_check_sound R ck w0 sW szW; split; first by rewrite su sv.
rewrite (@distance2E _ m) ?su ?sv // (@distance2E _ n) // -(ler_pmul2r (exprn_gt0 2 q0)).
rewrite mulrAC -exprMn; apply: le_trans (H _); rewrite le_eqVlt; apply/orP; left; apply/eqP.
rewrite /sqn mulr_suml; apply: eq_bigr => i _; rewrite -exprMn; congr (_ ^+ 2); rewrite HD //.
have q1 : zr (row_divisor A) != 0 by rewrite gt_eqF.
rewrite invfM mulrA mulfVK // /mulv mulr_suml; apply: eq_bigr => j _.
rewrite mxE (nth_map (Dyadic Z0 Z0)) ?szW // (nth_map [::]) // (nth_map Z0) ?szA //.
by rewrite /Spec.dr /= tpN mulrAC.
Qed.

End Linear.
