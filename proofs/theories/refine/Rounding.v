(* Evaluation that is rounded from layer to layer stays within the error that it carries: [enclose_sound].
   A layer enlarges an error by at most its Lipschitz constant; rounding n coordinates by half a step each adds sqrt n half steps. *)
From Coq Require Import ZArith Lia.
From mathcomp Require Import all_ssreflect all_algebra.
From mathcomp Require Import zify ssrZ ring.
From Lipcert Require Import exec.Dyadic exec.Gram exec.Network exec.Sample Spec.
From Lipcert Require Import theory.Psd theory.Layers refine.Packing refine.Numbers refine.Norm refine.Linear refine.Lipschitz refine.Evaluate.
Set Implicit Arguments.
Unset Strict Implicit.
Unset Printing Implicit Defensive.
Import Order.TTheory GRing.Theory Num.Theory.
Local Open Scope ring_scope.

Section Rounding.
Variable R : rcfType.
Variable T : squashing R.
Notation zr := (@zr R).
Notation tp := (@two_power R).
Notation qr := (@qr R).
Notation vector := (@vector R).
Notation eval := (@eval R T).
Notation unit := (@unit R).
Implicit Types (p : point) (q : enclosed) (x : seq R).

Lemma triangle (a b c : seq R) (e1 e2 : R) : 0 <= e1 -> 0 <= e2 -> size a = size b -> size b = size c ->
  distance2 a b <= e1 ^+ 2 -> distance2 b c <= e2 ^+ 2 -> distance2 a c <= (e1 + e2) ^+ 2.
Proof.
move=> e10 e20 sab sbc; rewrite !(@distance2E _ (size a)) -?sbc -?sab // => h1 h2.
rewrite -[X in _ <= X]mulr1; apply: le_trans (_ : sqn (fun i : 'I_(size a) => (nth 0 a i - nth 0 b i) + (nth 0 b i - nth 0 c i)) <= _).
  by rewrite le_eqVlt; apply/orP; left; apply/eqP; apply: eq_bigr => i _; rewrite addrA subrK.
by apply: sqn_add; rewrite ?ler01 // mulr1.
Qed.

(* The vector x lies within the error of the centre; both have n entries. *)
Definition within n x q : Prop :=
  [/\ good R (centre q) /\ size (coordinates (centre q)) = n, proper R (error q), 0 <= qr (error q), size x = n &
      distance2 (vector (centre q)) x <= qr (error q) ^+ 2].

Lemma root_aboveP fuel n r : Z.le 0 n -> Z.le 0 r -> Z.le 0 (root_above fuel n r) /\ Z.le n (Z.mul (root_above fuel n r) (root_above fuel n r)).
Proof.
move=> n0; elim: fuel r => [|fuel IH] r r0 /=; first by nia.
by case: (Z.leb_spec n (Z.mul r r)) => h //; apply: IH; lia.
Qed.

(* Rounding to the nearest multiple of 2^k moves by at most 2^(k-1). *)
Lemma nearest c k : Z.lt 0 k ->
  (zr c - zr (Z.shiftr (Z.add c (Z.shiftl 1 (Z.sub k 1))) k) * tp k) ^+ 2 <= tp (Z.sub k 1) ^+ 2.
Proof.
move=> k0; have k0' : Z.leb 0 k by lia.
have half : tp k = tp (Z.sub k 1) + tp (Z.sub k 1).
  have {1}-> : k = Z.add 1 (Z.sub k 1) by lia.
  by rewrite tpD /= expr1 mulr_natl mulr2n.
have t0 := tp_gt0 R k; have t1 := tp_ge0 R (Z.sub k 1).
have := zr_shiftr_bounds R (Z.add c (Z.shiftl 1 (Z.sub k 1))) k0'.
rewrite -[Z.shiftl _ (Z.opp k)]/(Z.shiftr _ k); set s := zr (Z.shiftr _ k).
rewrite zrD zr_shiftl; last by lia.
rewrite zr1 mul1r subr_ge0 ler_subl_addr ler_pdivl_mulr // ler_pdivr_mulr // => /andP[h0 h1].
apply: sqr_le_norm; rewrite [X in _ <= X]ger0_norm // ler_norml; apply/andP; split.
  by rewrite ler_subr_addl ler_subl_addr.
rewrite ler_subl_addl -(ler_add2r (tp (Z.sub k 1))); apply: le_trans h1 _; rewrite half le_eqVlt; apply/orP; left; apply/eqP.
by ring.
Qed.

Lemma distance2_steps (step : R) (f : Z -> Z) (u : R) (v : R) (c : seq Z) :
  (forall a, (zr a * u - zr (f a) * v) ^+ 2 <= step ^+ 2) ->
  distance2 [seq zr a * v | a <- [seq f a | a <- c]] [seq zr a * u | a <- c] <= (size c)%:R * step ^+ 2.
Proof.
move=> H; elim: c => [|a c IH] /=; first by rewrite distance2_nil mul0r.
rewrite distance2_cons mulrS mulrDl mul1r ler_add // -sqrrN opprB; exact: H.
Qed.

Lemma rounded_sound n precision p e x : good R p -> size (coordinates p) = n -> proper R e -> 0 <= qr e -> size x = n ->
  distance2 (vector p) x <= qr e ^+ 2 -> within n x (rounded precision p e).
Proof.
move=> gp sp pe e0 sx d; rewrite /rounded; set k := excess _ _ _ _; case: (Z.leb_spec k 0) => k0; first by split.
set r := root_above _ _ _.
have n0 : Z.le 0 (zlength (coordinates p)) by rewrite zlength_spec; lia.
have [r0 rn] : Z.le 0 r /\ Z.le (zlength (coordinates p)) (Z.mul r r) by apply: root_aboveP.
have [ps vs] := scaledP r (Z.sub (Z.add (power p) k) 1) gp.
set c' := List.map _ (coordinates p); set p' := Point _ _ _.
have up : unit p' = tp k * unit p by rewrite /unit /Evaluate.unit /= tpD mulrAC mulrC mulrA mulrAC.
have u0 := unit_gt0 gp.
have step : qr (scaled r (Z.sub (Z.add (power p) k) 1) (divisor p)) = zr r * (tp (Z.sub k 1) * unit p).
  rewrite vs /Evaluate.unit.
  have -> : Z.sub (Z.add (power p) k) 1 = Z.add (Z.sub k 1) (power p) by lia.
  by rewrite tpD !mulrA.
have s0 : 0 <= zr r * (tp (Z.sub k 1) * unit p).
  by apply: mulr_ge0; [apply: zr_ge0; apply/Z.leb_le | apply: mulr_ge0; [exact: tp_ge0 | exact: ltW]].
have sv : size (vector p') = size (vector p) by rewrite !size_vector /= /c' size_map.
split=> //=.
- by split=> //; rewrite /c' size_map.
- exact: proper_plus.
- by rewrite qr_plus // step addr_ge0.
rewrite qr_plus // step addrC; apply: (triangle s0 e0 sv _ _ d); first by rewrite size_vector sp sx.
rewrite !vectorE up; apply: le_trans (distance2_steps (step := tp (Z.sub k 1) * unit p) _ _) _.
  move=> a; rewrite mulrA -mulrBl [X in X <= _]exprMn [X in _ <= X]exprMn.
  by apply: ler_wpmul2r; [exact: sqr_ge0 | exact: nearest].
rewrite [X in _ <= X]exprMn ler_wpmul2r ?sqr_ge0 // expr2 -zrM -zr_nat; apply: zr_le; apply/Z.leb_le.
by move: rn; rewrite zlength_spec.
Qed.

Lemma split_forall2 (A B C : Type) (P : A -> C -> Prop) (Q : C -> B -> Prop) xs qs :
  List.Forall2 (fun a b => exists2 c, P a c & Q c b) xs qs -> exists2 zs, List.Forall2 P xs zs & List.Forall2 Q zs qs.
Proof.
elim=> [|a b {}xs {}qs [c pc qc] _ [zs h1 h2]]; first by exists [::]; constructor.
by exists (c :: zs); constructor.
Qed.

Lemma join_forall2 (A B C : Type) (P : A -> C -> Prop) (Q : C -> B -> Prop) (S : A -> B -> Prop) xs zs qs :
  (forall a b c, P a c -> Q c b -> S a b) -> List.Forall2 P xs zs -> List.Forall2 Q zs qs -> List.Forall2 S xs qs.
Proof.
move=> H h; elim: h qs => [|a c {}xs {}zs p _ IH] qs h; inversion h; subst; constructor; last exact: IH.
exact: H p _.
Qed.

Definition encloses net m x q : Prop := exists2 z, eval net x = Some z & within m z q.

Lemma layer_sound precision net ev (u : rational) n m xs qs : lipschitz net ev = Some u -> rational_values net ->
  output_size net n = Some m -> List.Forall2 (within n) xs qs -> List.Forall2 (encloses net m) xs (enclose_layer precision net ev qs).
Proof.
move=> El rv Eo H; have [pu u0 Hu] := lipschitz_sound T El; rewrite /enclose_layer (constant_ofP El).
have rd : List.Forall (ready T net) [seq centre q | q <- qs].
  elim: H => [|x q {}xs {}qs [[g s] _ _ _ _] _ IH] /=; constructor=> //; split=> //.
  by have [z -> _] := output_size_sound T (x := vector (centre q)) Eo (etrans (size_vector R _) s).
have := forward_sound rv rd; move: (forward net _) => ys.
elim: H ys {rd} => [|x q {}xs {}qs [[g s] pe e0 sx d] _ IH] ys V; inversion V; subst=> /=; constructor; last exact: IH.
match goal with h : value _ _ _ _ |- _ => case: h => gy Ey end.
have [z Ez sz] := output_size_sound T Eo sx; exists z => //.
have sc : size (vector (centre q)) = size x by rewrite size_vector.
have [sy dy] := Hu _ _ _ _ sc Ey Ez.
apply: rounded_sound => //; first by rewrite -sz -sy size_vector.
- exact: proper_times.
- by rewrite qr_times mulr_ge0.
by rewrite qr_times exprMn; apply: le_trans dy _; rewrite ler_wpmul2l // sqr_ge0.
Qed.

Theorem enclose_sound precision net ev (u : rational) n m xs qs : lipschitz net ev = Some u -> rational_values net ->
  output_size net n = Some m -> List.Forall2 (within n) xs qs -> List.Forall2 (encloses net m) xs (enclose precision net ev qs).
Proof.
elim: net ev u n m xs qs => [|q W b|q d b||s||||g|||ws|f IHf g IHg|a g IHg|f IHf g IHg] ev u n m xs qs; try exact: layer_sound.
case: ev => [w|w h|w h|ef eg|eg|w ef eg]; try exact: layer_sound.
rewrite /=; case Ef: (lipschitz f ef) => [v|] //; case Eg: (lipschitz g eg) => [v'|] // _ /andP[rf rg].
case Eo: (output_size f n) => [k|] // Eo' H.
have [zs h1 h2] := split_forall2 (IHf _ _ _ _ _ _ Ef rf Eo H).
apply: join_forall2 h1 (IHg _ _ _ _ _ _ Eg rg Eo' h2) => x q z Ez [z' Ez' w].
by exists z' => //=; rewrite Ez.
Qed.

End Rounding.
