(* The agreement with Flocq speaks about Coq's real numbers, so it rests on their axioms, and on nothing else.
   The build compares this output with AssumptionsFlocq.golden. *)
From Lipcert Require Import refine.FlocqAgreement.
Print Assumptions decode32_agrees.
Print Assumptions decode64_agrees.
