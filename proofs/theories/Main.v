(* The theorems that a user relies on. Together with Spec.v this file can be read alone.

   R is any real closed field (for instance the real numbers); the numbers of a problem are integers, so the same run of the
   checker speaks about all of them. *)
From Coq Require Import ZArith Lia.
From mathcomp Require Import all_ssreflect all_algebra.
From mathcomp Require Import zify ssrZ ring.
From Lipcert Require Import exec.Dyadic exec.Gram exec.Network exec.Sample exec.Claims Spec.
From Lipcert Require Import refine.Numbers refine.Lipschitz refine.Evaluate refine.ClaimProofs.
Set Implicit Arguments.
Unset Strict Implicit.
Unset Printing Implicit Defensive.
Import Order.TTheory GRing.Theory Num.Theory.
Local Open Scope ring_scope.

(* The shape test implies that the network computes a function between vectors of the right sizes. *)
Theorem well_formed (R : rcfType) (net : network) (n m : nat) :
  output_size net n = Some m -> computes R net n m.
Proof. by move=> E x; exact: output_size_sound E. Qed.

(* THE MAIN THEOREM: a claim with the answer "true" holds. *)
Theorem verdicts_sound (R : rcfType) (p : problem) (c : claim) :
  List.In (c, true) (List.combine (claims p) (verdicts p)) ->
  exists2 m, computes R (whole p) (input_size p) m & holds R p (input_size p) m c.
Proof.
have all_false (cs : seq claim) : ~ List.In (c, true) (List.combine cs (map (fun=> false) cs)).
  by elim: cs => //= d cs IH [|].
have in_combine f (cs : seq claim) : List.In (c, true) (List.combine cs (map f cs)) -> f c = true.
  by elim: cs => //= d cs IH [[<- ->]|].
rewrite /verdicts; case Em: (output_size _ _) => [m|]; last by move/all_false.
case Eb: (prove_bounds p) => [b|]; last by move/all_false.
case: ifP => [ok|_]; last by move/all_false.
move=> /in_combine ck; exists m; first exact: well_formed.
apply: (claim_check_sound Eb Em _ ck) => k y Ey.
have {}ok s : List.In s (points p) -> good R s /\ size (coordinates s) = input_size p.
  move=> hs; have := proj1 (List.forallb_forall _ _) ok s hs.
  by rewrite /point_ok => /andP[/(zr_gt0 R) g]; rewrite nat_eqbE => /eqP.
have rd : List.Forall (ready R (whole p)) (points p).
  apply/List.Forall_forall => s /ok[g sz]; split=> //.
  by have [z -> _] := output_size_sound (x := vector R s) Em (etrans (size_vector R s) sz).
have [s Es V] := nth_error_Forall2 (forward_sound rd) Ey.
by exists s => //; split=> //; have [_ ->] := ok s (List.nth_error_In _ _ Es).
Qed.

(* What the reader of weights relies on: the bit patterns of binary32 and binary64 decode to their exact values. That these are
   IEEE 754's values, as formalised by Flocq, is proved in refine/FlocqAgreement.v, with the axioms of Coq's real numbers. *)
