(* What the theorems rest on. The build compares this output with Assumptions.golden. *)
From Lipcert Require Import Main refine.Lipschitz refine.Evaluate refine.Rounding refine.ClaimProofs refine.Linear refine.Norm refine.Packing.
From Lipcert Require Import theory.Psd theory.Convolution theory.Roots.
Print Assumptions verdicts_sound.
Print Assumptions well_formed.
Print Assumptions values_sound.
Print Assumptions lipschitz_sound.
Print Assumptions enclose_sound.
Print Assumptions forward_sound.
Print Assumptions folded_norm.
Print Assumptions linear_map_sound.
Print Assumptions dense_check_sound.
Print Assumptions norm_check_sound.
Print Assumptions gram_check_sound.
Print Assumptions products_sound.
Print Assumptions psd_factor.
Print Assumptions convolution_norm.
Print Assumptions table_of_roots.
Print Assumptions approximate_convolution_norm.
Print Assumptions real_embedding.
