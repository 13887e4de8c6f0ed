(* Coq's own integer operations, extracted without any mapping to OCaml's or Zarith's integers: what ocaml/zar.ml is compared with. *)
From Coq Require Import ZArith Extraction ExtrOcamlBasic.
Extraction Language OCaml.

(* The case analyses that the mapping of the constructors replaces. *)
Definition positive_case {A : Type} (xi xo : positive -> A) (xh : unit -> A) (p : positive) : A :=
  match p with
  | xI q => xi q
  | xO q => xo q
  | xH => xh tt
  end.

Definition integer_case {A : Type} (z0 : unit -> A) (zpos zneg : positive -> A) (z : Z) : A :=
  match z with
  | Z0 => z0 tt
  | Zpos p => zpos p
  | Zneg p => zneg p
  end.

Extraction "plain.ml" Z.add Z.sub Z.mul Z.opp Z.abs Z.min Z.max Z.leb Z.ltb Z.eqb Z.shiftl Z.shiftr positive_case integer_case.
