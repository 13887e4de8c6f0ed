(* Exact dyadic numbers, decoded from the bits of IEEE 754 binary32 and binary64.
   Standard library only: this file is extracted. *)
From Coq Require Import ZArith List Bool.
Import ListNotations.
Local Open Scope Z_scope.

(* mantissa * 2^exponent *)
Record dyadic : Type := Dyadic { mantissa : Z; exponent : Z }.

(* An interchange format: [fraction] bits of fraction, and the constants that follow from the format's two widths. *)
Record float_format : Type := FloatFormat {
  fraction : Z;          (* width of the fraction field *)
  hidden_bit : Z;        (* 2^fraction *)
  special_exponent : Z;  (* the biased exponent of infinities and NaN *)
  sign_position : Z;     (* width of everything below the sign bit *)
  lowest_exponent : Z    (* the exponent of subnormal numbers *)
}.

Definition binary32 : float_format := FloatFormat 23 8388608 255 31 (-149).
Definition binary64 : float_format := FloatFormat 52 4503599627370496 2047 63 (-1074).

(* The exact value of a bit pattern; None for infinities, NaN, and integers that are no bit pattern of the format. *)
Definition decode (f : float_format) (bits : Z) : option dyadic :=
  let sign := Z.shiftr bits (sign_position f) in
  let magnitude := bits - Z.shiftl sign (sign_position f) in
  let biased := Z.shiftr magnitude (fraction f) in
  let low := magnitude - Z.shiftl biased (fraction f) in
  if (Z.eqb sign 0 || Z.eqb sign 1) && Z.ltb biased (special_exponent f) then
    let unsigned := if Z.eqb biased 0 then low else low + hidden_bit f in
    let exponent := if Z.eqb biased 0 then lowest_exponent f else lowest_exponent f + biased - 1 in
    Some (Dyadic (if Z.eqb sign 0 then unsigned else - unsigned) exponent)
  else None.

Definition decode32 : Z -> option dyadic := decode binary32.
Definition decode64 : Z -> option dyadic := decode binary64.

(* floor (x * 2^s): the grid point below x on the grid of step 2^-s. *)
Definition grid (s : Z) (x : dyadic) : Z := Z.shiftl (mantissa x) (exponent x + s).

(* Does x lie on the grid of step 2^-s? *)
Definition on_grid (s : Z) (x : dyadic) : bool :=
  let k := exponent x + s in
  (0 <=? k) || (Z.shiftl (grid s x) (- k) =? mantissa x).

(* a <= b * 2^s, for s of either sign *)
Definition le_scaled (a b s : Z) : bool :=
  if 0 <=? s then a <=? Z.shiftl b s else Z.shiftl a (- s) <=? b.

Definition lt_scaled (a b s : Z) : bool :=
  if 0 <=? s then a <? Z.shiftl b s else Z.shiftl a (- s) <? b.

(* The smallest exponent in a list, at most [e]. *)
Fixpoint lowest (e : Z) (xs : list dyadic) : Z :=
  match xs with
  | [] => e
  | x :: xs' => lowest (Z.min e (exponent x)) xs'
  end.

(* Rows of dyadic numbers as rows of integers, with their common scale s >= 0: entry = integer * 2^-s, exactly. *)
Definition common_scale (rows : list (list dyadic)) : Z := - fold_right (fun row e => lowest e row) 0 rows.
