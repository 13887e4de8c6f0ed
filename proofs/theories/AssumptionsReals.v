(* What speaks about Coq's real numbers rests on their axioms, and on nothing else: the agreement of the decoder with Flocq, and the
   slopes of the sigmoid and of the hyperbolic tangent.
   The build compares this output with AssumptionsReals.golden. *)
From Lipcert Require Import refine.FlocqAgreement refine.RealFunctions.
Print Assumptions decode32_agrees.
Print Assumptions decode64_agrees.
Print Assumptions sigmoid_slope.
Print Assumptions tanh_slope.
