(* The decoding of binary32 and binary64 agrees with Flocq's formalisation of IEEE 754.
   This file uses Coq's real numbers and their axioms; nothing else in the proof does. *)
From Coq Require Import ZArith Reals Lia Bool.
From Flocq Require Import Core IEEE754.Binary IEEE754.Bits.
From Lipcert Require Import exec.Dyadic.
Local Open Scope Z_scope.

Definition real_value (x : dyadic) : R := F2R (Float radix2 (mantissa x) (exponent x)).

(* What the format's constants have to be, for fraction and exponent fields of mw and ew bits. *)
Record describes (f : float_format) (mw ew : Z) : Prop := Describes {
  fraction_is : fraction f = mw;
  hidden_is : hidden_bit f = 2 ^ mw;
  special_is : special_exponent f = 2 ^ ew - 1;
  sign_is : sign_position f = mw + ew;
  lowest_is : lowest_exponent f = SpecFloat.emin (mw + 1) (2 ^ (ew - 1))
}.

Section Agreement.
Variables (f : float_format) (mw ew : Z).
Hypotheses (Hf : describes f mw ew) (Hmw : 0 < mw) (Hew : 0 < ew).

(* The three fields, as the decoder sees them and as Flocq does. *)
Lemma fields bits : 0 <= bits < 2 ^ (mw + ew + 1) ->
  let sign := Z.shiftr bits (sign_position f) in
  let magnitude := bits - Z.shiftl sign (sign_position f) in
  let biased := Z.shiftr magnitude (fraction f) in
  let low := magnitude - Z.shiftl biased (fraction f) in
  split_bits mw ew bits = (negb (sign =? 0), low, biased) /\
  (sign = 0 \/ sign = 1) /\ 0 <= low < 2 ^ mw /\ 0 <= biased < 2 ^ ew.
Proof.
  destruct Hf as [Ff _ _ Fs _]. rewrite Ff, Fs. intros Hb.
  assert (Hm : 0 < 2 ^ mw) by (apply Z.pow_pos_nonneg; lia).
  assert (He : 0 < 2 ^ ew) by (apply Z.pow_pos_nonneg; lia).
  cbv zeta. rewrite !Z.shiftr_div_pow2, !Z.shiftl_mul_pow2, Z.pow_add_r by lia.
  rewrite Z.pow_add_r, Z.pow_add_r in Hb by lia. change (2 ^ 1) with 2 in Hb.
  set (a := 2 ^ mw) in *. set (c := 2 ^ ew) in *.
  set (sign := bits / (a * c)).
  pose proof (Z.div_mod bits (a * c) ltac:(nia)) as D1.
  pose proof (Z.mod_pos_bound bits (a * c) ltac:(nia)) as M1. fold sign in D1.
  set (magnitude := bits - sign * (a * c)).
  assert (Emag : magnitude = bits mod (a * c)) by (unfold magnitude; lia).
  pose proof (Z.div_mod magnitude a ltac:(lia)) as D2.
  pose proof (Z.mod_pos_bound magnitude a ltac:(lia)) as M2.
  set (biased := magnitude / a) in *.
  assert (Hsign : sign = 0 \/ sign = 1).
  { assert (0 <= sign) by (apply Z.div_pos; nia).
    assert (sign < 2) by (apply Z.div_lt_upper_bound; nia). lia. }
  assert (Hbiased : 0 <= biased < c).
  { split; [apply Z.div_pos; lia|]. apply Z.div_lt_upper_bound; lia. }
  assert (Elow : magnitude - biased * a = bits mod a).
  { apply Z.mod_unique_pos with (q := sign * c + biased); [lia|]. unfold magnitude in *. nia. }
  assert (Ebiased : biased = (bits / a) mod c).
  { assert (bits / a = sign * c + biased).
    { symmetry. apply Z.div_unique_pos with (r := magnitude - biased * a); [lia|]. unfold magnitude in *. nia. }
    rewrite H. rewrite Z.add_comm, Z.mod_add by lia. symmetry. now apply Z.mod_small. }
  split; [|split; [assumption|split; lia]].
  unfold split_bits. fold a c. rewrite <- Elow, <- Ebiased. f_equal. f_equal.
  destruct Hsign as [E|E]; rewrite E; cbn.
  - apply Z.leb_gt. unfold magnitude in *. nia.
  - apply Z.leb_le. unfold magnitude in *. nia.
Qed.

(* The decoder gives the value of what Flocq decodes, and refuses exactly what is not finite. *)
Theorem decode_agrees bits : 0 <= bits < 2 ^ (mw + ew + 1) ->
  match decode f bits with
  | Some x => is_finite_FF (binary_float_of_bits_aux mw ew bits) = true
              /\ FF2R radix2 (binary_float_of_bits_aux mw ew bits) = real_value x
  | None => is_finite_FF (binary_float_of_bits_aux mw ew bits) = false
  end.
Proof.
  intros Hb. destruct (fields bits Hb) as (Esplit & Hsign & Hlow & Hbiased). unfold decode.
  set (sign := Z.shiftr bits (sign_position f)) in *.
  set (magnitude := bits - Z.shiftl sign (sign_position f)) in *.
  set (biased := Z.shiftr magnitude (fraction f)) in *.
  set (low := magnitude - Z.shiftl biased (fraction f)) in *.
  unfold binary_float_of_bits_aux. rewrite Esplit.
  destruct Hf as [_ Fh Fx _ Fl]. rewrite Fh, Fx, Fl.
  assert (Es : (sign =? 0) || (sign =? 1) = true) by (destruct Hsign as [E|E]; rewrite E; reflexivity).
  rewrite Es. cbn [andb].
  assert (Hm : 0 < 2 ^ mw) by (apply Z.pow_pos_nonneg; lia).
  assert (He : 2 <= 2 ^ ew) by (replace 2 with (2 ^ 1) at 1 by reflexivity; apply Z.pow_le_mono_r; lia).
  unfold real_value, Zeq_bool. cbn [mantissa exponent].
  destruct (Z.eqb_spec biased 0) as [E0|N0].
  - (* zero and subnormal numbers *)
    rewrite E0. cbn [Z.compare]. rewrite (proj2 (Z.ltb_lt 0 (2 ^ ew - 1))) by lia. cbn [mantissa exponent].
    destruct low as [|px|px] eqn:El; [| |lia].
    + split; [reflexivity|]. cbn. symmetry. destruct Hsign as [E|E]; rewrite E; cbn; apply F2R_0.
    + split; [reflexivity|]. cbn [FF2R]. destruct Hsign as [E|E]; rewrite E; reflexivity.
  - replace (biased ?= 0) with Gt by (symmetry; apply Z.compare_gt_iff; lia).
    destruct (Z.ltb_spec biased (2 ^ ew - 1)) as [Hlt|Hge]; cbn [mantissa exponent].
    + replace (biased ?= 2 ^ ew - 1) with Lt by (symmetry; apply Z.compare_lt_iff; lia).
      destruct (low + 2 ^ mw) as [|px|px] eqn:El; [lia| |lia].
      split; [reflexivity|]. cbn [FF2R].
      replace (biased + SpecFloat.emin (mw + 1) (2 ^ (ew - 1)) - 1)
        with (SpecFloat.emin (mw + 1) (2 ^ (ew - 1)) + biased - 1) by lia.
      destruct Hsign as [E|E]; rewrite E; reflexivity.
    + replace (biased ?= 2 ^ ew - 1) with Eq by (symmetry; apply Z.compare_eq_iff; lia).
      destruct low; reflexivity.
Qed.
End Agreement.

Lemma binary32_described : describes binary32 23 8.
Proof. now constructor. Qed.

Lemma binary64_described : describes binary64 52 11.
Proof. now constructor. Qed.

Theorem decode32_agrees bits : 0 <= bits < 2 ^ 32 ->
  match decode32 bits with
  | Some x => is_finite 24 128 (b32_of_bits bits) = true /\ B2R 24 128 (b32_of_bits bits) = real_value x
  | None => is_finite 24 128 (b32_of_bits bits) = false
  end.
Proof.
  intros Hb. unfold b32_of_bits, binary_float_of_bits, decode32. rewrite B2R_FF2B, is_finite_FF2B.
  exact (decode_agrees binary32 23 8 binary32_described ltac:(lia) ltac:(lia) bits Hb).
Qed.

Theorem decode64_agrees bits : 0 <= bits < 2 ^ 64 ->
  match decode64 bits with
  | Some x => is_finite 53 1024 (b64_of_bits bits) = true /\ B2R 53 1024 (b64_of_bits bits) = real_value x
  | None => is_finite 53 1024 (b64_of_bits bits) = false
  end.
Proof.
  intros Hb. unfold b64_of_bits, binary_float_of_bits, decode64. rewrite B2R_FF2B, is_finite_FF2B.
  exact (decode_agrees binary64 52 11 binary64_described ltac:(lia) ltac:(lia) bits Hb).
Qed.
