(* Extraction of the checker to OCaml. Every line of the mapping is trusted; ocaml/zar.ml implements it over Zarith.
   Booleans, lists, pairs, options and unit become OCaml's own (ExtrOcamlBasic). Natural numbers stay unary. *)
From Coq Require Import ZArith Extraction ExtrOcamlBasic.
From Lipcert Require Import exec.Dyadic exec.Gram exec.Network exec.Sample exec.Claims.
Extraction Language OCaml.
Set Extraction File Comment "Extracted from proofs/theories/exec by proofs/extract/Extract.v. Do not edit.".

Extract Inductive positive => "Zar.t" [ "Zar.double_succ" "Zar.double" "Zar.one" ] "Zar.positive_case".
Extract Inductive Z => "Zar.t" [ "Zar.zero" "" "Zar.opp" ] "Zar.integer_case".
Extract Inlined Constant Z.add => "Zar.add".
Extract Inlined Constant Z.sub => "Zar.sub".
Extract Inlined Constant Z.mul => "Zar.mul".
Extract Inlined Constant Z.opp => "Zar.opp".
Extract Inlined Constant Z.abs => "Zar.abs".
Extract Inlined Constant Z.min => "Zar.min".
Extract Inlined Constant Z.max => "Zar.max".
Extract Inlined Constant Z.leb => "Zar.leb".
Extract Inlined Constant Z.ltb => "Zar.ltb".
Extract Inlined Constant Z.eqb => "Zar.eqb".
Extract Inlined Constant Z.shiftl => "Zar.shiftl".
Extract Inlined Constant Z.shiftr => "Zar.shiftr".

Extraction "core.ml" verdicts output_size prove_bounds decode32 decode64.
