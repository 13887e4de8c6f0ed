(* Integers, dyadic numbers and rationals of the checker as elements of a real closed field. *)
From Coq Require Import ZArith Lia.
From mathcomp Require Import all_ssreflect all_algebra.
From mathcomp Require Import zify ssrZ ring.
From Lipcert Require Import exec.Dyadic exec.Network exec.Sample Spec.
Set Implicit Arguments.
Unset Strict Implicit.
Unset Printing Implicit Defensive.
Import Order.TTheory GRing.Theory Num.Theory.
Local Open Scope ring_scope.

Section Numbers.
Variable R : rcfType.
Notation zr := (@zr R).
Notation tp := (@two_power R).
Notation dr := (@dr R).
Notation qr := (@qr R).

(* ---- integers ---- *)

Lemma zr0 : zr Z0 = 0. Proof. by []. Qed.
Lemma zr1 : zr (Zpos xH) = 1. Proof. by []. Qed.
Lemma zrD a b : zr (Z.add a b) = zr a + zr b.
Proof. by rewrite /Spec.zr -[Z.add a b]/(a + b) rmorphD rmorphD. Qed.
Lemma zrN a : zr (Z.opp a) = - zr a.
Proof. by rewrite /Spec.zr -[Z.opp a]/(- a) rmorphN rmorphN. Qed.
Lemma zrB a b : zr (Z.sub a b) = zr a - zr b.
Proof. by rewrite -Z.add_opp_r zrD zrN. Qed.
Lemma zrM a b : zr (Z.mul a b) = zr a * zr b.
Proof. by rewrite /Spec.zr -[Z.mul a b]/(a * b) rmorphM rmorphM. Qed.
Lemma zr_leE a b : (zr a <= zr b) = Z.leb a b.
Proof. by rewrite /Spec.zr ler_int; apply/idP/idP => h; lia. Qed.
Lemma zr_ltE a b : (zr a < zr b) = Z.ltb a b.
Proof. by rewrite /Spec.zr ltr_int; apply/idP/idP => h; lia. Qed.
Lemma zr_le a b : Z.leb a b -> zr a <= zr b. Proof. by rewrite zr_leE. Qed.
Lemma zr_lt a b : Z.ltb a b -> zr a < zr b. Proof. by rewrite zr_ltE. Qed.
Lemma zr_abs a : zr (Z.abs a) = `|zr a|.
Proof.
case: (Z.leb_spec 0 a) => h.
  by rewrite Z.abs_eq // ger0_norm // -zr0 zr_le //; apply/Z.leb_le.
rewrite Z.abs_neq; last by lia.
by rewrite zrN ler0_norm // -zr0 zr_le //; lia.
Qed.
Lemma zr_nat n : zr (Z.of_nat n) = n%:R.
Proof. by elim: n => // n IH; rewrite Nat2Z.inj_succ -Z.add_1_l zrD IH mulrS. Qed.
Lemma zr_max a b : zr (Z.max a b) = Num.max (zr a) (zr b).
Proof.
case: (Z.leb_spec a b) => h.
  by rewrite Z.max_r // (max_idPr _) //; apply: zr_le; apply/Z.leb_le.
by rewrite Z.max_l ?(max_idPl _) //; [apply: zr_le; lia | lia].
Qed.
Lemma zr_min a b : zr (Z.min a b) = Num.min (zr a) (zr b).
Proof.
case: (Z.leb_spec a b) => h.
  by rewrite Z.min_l // (min_idPl _) //; apply: zr_le; apply/Z.leb_le.
by rewrite Z.min_r ?(min_idPr _) //; [apply: zr_le; lia | lia].
Qed.

(* ---- powers of two ---- *)

Lemma two_powerE e : tp e = 2%:R ^ (int_of_Z e).
Proof.
case: e => [|p|p] //=.
by rewrite NegzE -exprnN prednK //; lia.
Qed.

Lemma tp0 : tp Z0 = 1. Proof. by []. Qed.
Lemma tp_gt0 e : 0 < tp e.
Proof. by rewrite two_powerE exprz_gt0 // ltr0n. Qed.
Lemma tp_neq0 e : tp e != 0. Proof. by rewrite gt_eqF // tp_gt0. Qed.
Lemma tp_ge0 e : 0 <= tp e. Proof. by rewrite ltW // tp_gt0. Qed.
Lemma tpD a b : tp (Z.add a b) = tp a * tp b.
Proof. by rewrite !two_powerE -[Z.add a b]/(a + b) rmorphD expfzDr // pnatr_eq0. Qed.
Lemma tpN a : tp (Z.opp a) = (tp a)^-1.
Proof.
apply: (mulIf (tp_neq0 a)); rewrite mulVf ?tp_neq0 // -tpD.
by rewrite Z.add_opp_diag_l.
Qed.

Lemma zr_pow2 k : Z.leb 0 k -> zr (Z.pow 2 k) = tp k.
Proof.
move=> k0; rewrite -[k]Z2Nat.id; last by lia.
elim: (Z.to_nat k) => [|n IH] //.
rewrite Nat2Z.inj_succ Z.pow_succ_r; last by lia.
by rewrite zrM IH -Z.add_1_l tpD.
Qed.

Lemma zr_shiftl a k : Z.leb 0 k -> zr (Z.shiftl a k) = zr a * tp k.
Proof. by move=> k0; rewrite Z.shiftl_mul_pow2 ?zrM ?zr_pow2 //; lia. Qed.

Lemma le_scaledP a b s : le_scaled a b s -> zr a <= zr b * tp s.
Proof.
rewrite /le_scaled; case: (Z.leb_spec 0 s) => h /zr_le.
  by rewrite zr_shiftl //; lia.
rewrite zr_shiftl ?tpN; last by lia.
by rewrite ler_pdivr_mulr ?tp_gt0.
Qed.

Lemma lt_scaledP a b s : lt_scaled a b s -> zr a < zr b * tp s.
Proof.
rewrite /lt_scaled; case: (Z.leb_spec 0 s) => h /zr_lt.
  by rewrite zr_shiftl //; lia.
rewrite zr_shiftl ?tpN; last by lia.
by rewrite ltr_pdivr_mulr ?tp_gt0.
Qed.

(* ---- the grid ---- *)

(* A right shift rounds down. *)
Lemma zr_shiftr_bounds a k : Z.leb 0 k ->
  0 <= zr a / tp k - zr (Z.shiftl a (Z.opp k)) <= 1.
Proof.
move=> k0; have -> : Z.shiftl a (Z.opp k) = Z.div a (Z.pow 2 k).
  by rewrite -Z.shiftr_opp_r Z.opp_involutive Z.shiftr_div_pow2 //; lia.
have p0 : Z.lt 0 (Z.pow 2 k) by apply: Z.pow_pos_nonneg => //; exact/Z.leb_le.
have D := Z.div_mod a (Z.pow 2 k) (Z.neq_sym _ _ (Z.lt_neq _ _ p0)).
have M := Z.mod_pos_bound a (Z.pow 2 k) p0.
have E : zr a = zr (Z.div a (Z.pow 2 k)) * tp k + zr (Z.modulo a (Z.pow 2 k)).
  by rewrite -(zr_pow2 k0) -zrM -zrD; congr zr; rewrite Z.mul_comm.
rewrite E mulrDl mulfK ?tp_neq0 // addrAC subrr add0r.
rewrite divr_ge0 ?tp_ge0 ?ler_pdivr_mulr ?tp_gt0 ?mul1r -?(zr_pow2 k0) ?zr_leE; try lia.
by rewrite -zr0 zr_leE; lia.
Qed.

Lemma grid_bounds s x : 0 <= dr x * tp s - zr (grid s x) <= 1.
Proof.
rewrite /Spec.dr /grid -mulrA -tpD; set k := Z.add _ _.
case: (Z.leb_spec 0 k) => h.
  by rewrite zr_shiftl ?subrr ?lexx ?ler01 //; lia.
have k0 : Z.leb 0 (Z.opp k) by lia.
by have := zr_shiftr_bounds (mantissa x) k0; rewrite Z.opp_involutive tpN invrK.
Qed.

Lemma on_gridP s x : on_grid s x -> zr (grid s x) = dr x * tp s.
Proof.
rewrite /on_grid /Spec.dr /grid -mulrA -tpD; cbv zeta; set k := Z.add (exponent x) s.
case: (Z.leb_spec 0 k) => h; first by move=> _; rewrite zr_shiftl //; exact/Z.leb_le.
move=> /= /Z.eqb_spec E; rewrite -{2}E (@zr_shiftl _ (Z.opp k)); last by clear E; lia.
by rewrite tpN -mulrA mulVf ?mulr1 ?tp_neq0.
Qed.

(* ---- rationals ---- *)

Lemma zr_neq0 a : Z.ltb 0 a -> zr a != 0.
Proof. by move=> h; rewrite gt_eqF // -zr0 zr_lt. Qed.

Lemma zr_gt0 a : Z.ltb 0 a -> 0 < zr a.
Proof. by move=> h; rewrite -zr0 zr_lt. Qed.

Lemma zr_ge0 a : Z.leb 0 a -> 0 <= zr a.
Proof. by move=> h; rewrite -zr0 zr_le. Qed.

Definition proper (u : rational) : Prop := 0 < zr (den u).

Lemma nonnegativeP u : nonnegative u -> proper u /\ 0 <= qr u.
Proof.
case/andP=> /zr_ge0 n0 /zr_gt0 d0; split=> //.
by rewrite divr_ge0 // ltW.
Qed.

Lemma proper_times u v : proper u -> proper v -> proper (times u v).
Proof. by rewrite /proper zrM; exact: mulr_gt0. Qed.
Lemma proper_plus u v : proper u -> proper v -> proper (plus u v).
Proof. by rewrite /proper zrM; exact: mulr_gt0. Qed.

Lemma qr_times u v : qr (times u v) = qr u * qr v.
Proof. by rewrite /Spec.qr !zrM invfM mulrACA. Qed.

Lemma qr_plus u v : proper u -> proper v -> qr (plus u v) = qr u + qr v.
Proof.
rewrite /proper => pu pv; rewrite /Spec.qr zrD !zrM.
by rewrite addf_div // gt_eqF.
Qed.

Lemma proper_minus u v : proper u -> proper v -> proper (minus u v).
Proof. by rewrite /proper zrM; exact: mulr_gt0. Qed.

Lemma qr_minus u v : proper u -> proper v -> qr (minus u v) = qr u - qr v.
Proof.
rewrite /proper => pu pv; rewrite /Spec.qr zrB !zrM -[X in _ = _ + X]mulNr.
by rewrite addf_div ?mulNr // gt_eqF.
Qed.

Lemma less_thanP u v : proper u -> proper v -> less_than u v -> qr u < qr v.
Proof.
move=> pu pv /zr_lt; rewrite !zrM => h.
by rewrite /Spec.qr ltr_pdivr_mulr // mulrAC ltr_pdivl_mulr.
Qed.

Lemma scaledP a e d : 0 < zr d -> proper (scaled a e d) /\ qr (scaled a e d) = zr a * tp e / zr d.
Proof.
rewrite /proper /scaled /Spec.qr => d0; case: (Z.leb_spec 0 e) => h /=.
  by rewrite zr_shiftl //; lia.
rewrite zr_shiftl; last by lia.
split; first by rewrite mulr_gt0 ?tp_gt0.
by rewrite tpN invfM invrK mulrCA mulrC mulrAC.
Qed.

Lemma at_mostP u v : proper u -> proper v -> at_most u v -> qr u <= qr v.
Proof.
move=> pu pv /zr_le; rewrite !zrM => h.
by rewrite /Spec.qr ler_pdivr_mulr // mulrAC ler_pdivl_mulr.
Qed.

Lemma magnitudeP x : proper (magnitude x) /\ qr (magnitude x) = `|dr x|.
Proof.
rewrite /proper /magnitude /Spec.qr /Spec.dr normrM [`|tp _|]ger0_norm ?tp_ge0 // -zr_abs.
case: (Z.leb_spec 0 (exponent x)) => h /=.
  by rewrite divr1 zr_shiftl ?ltr01 //; lia.
rewrite zr_shiftl; last by lia.
by rewrite mul1r tpN invrK invr_gt0 tp_gt0.
Qed.

End Numbers.
