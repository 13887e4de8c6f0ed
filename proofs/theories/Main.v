(* The theorems that a user relies on. Together with Spec.v this file can be read alone.

   R is any real closed field (for instance the real numbers); the numbers of a problem are integers, so the same run of the
   checker speaks about all of them. T is any pair of functions of the slopes 1/4 and 1 in the places of Sigmoid and Tanh; that those of
   the real numbers are such functions is proved in refine/RealFunctions.v, with the axioms of Coq's real numbers. *)
From Coq Require Import ZArith Lia.
From mathcomp Require Import all_ssreflect all_algebra.
From mathcomp Require Import zify ssrZ ring.
From Lipcert Require Import exec.Dyadic exec.Gram exec.Network exec.Sample exec.Claims Spec.
From Lipcert Require Import refine.Numbers refine.Linear refine.Lipschitz refine.Evaluate refine.Rounding refine.ClaimProofs.
Set Implicit Arguments.
Unset Strict Implicit.
Unset Printing Implicit Defensive.
Import Order.TTheory GRing.Theory Num.Theory.
Local Open Scope ring_scope.

(* The shape test implies that the network computes a function between vectors of the right sizes. *)
Theorem well_formed (R : rcfType) (T : squashing R) (net : network) (n m : nat) :
  output_size net n = Some m -> computes T net n m.
Proof. by move=> E x; exact: output_size_sound E. Qed.

(* THE MAIN THEOREM: a claim with the answer "true" holds. *)
Theorem verdicts_sound (R : rcfType) (T : squashing R) (p : problem) (c : claim) :
  List.In (c, true) (List.combine (claims p) (verdicts p)) ->
  exists2 m, computes T (whole p) (input_size p) m & holds T p (input_size p) m c.
Proof.
have all_false (cs : seq claim) : ~ List.In (c, true) (List.combine cs (map (fun=> false) cs)).
  by elim: cs => //= d cs IH [|].
have in_combine f (cs : seq claim) : List.In (c, true) (List.combine cs (map f cs)) -> f c = true.
  by elim: cs => //= d cs IH [[<- ->]|].
rewrite /verdicts; case Em: (output_size _ _) => [m|]; last by move/all_false.
case Eb: (prove_bounds p) => [b|]; last by move/all_false.
case: ifP => [ok|_]; last by move/all_false.
move=> /in_combine ck; exists m; first exact: well_formed.
apply: (claim_check_sound Eb Em _ ck); exact: values_sound Eb Em ok.
Qed.

(* What the reader of weights relies on: the bit patterns of binary32 and binary64 decode to their exact values. That these are
   IEEE 754's values, as formalised by Flocq, is proved in refine/FlocqAgreement.v, with the axioms of Coq's real numbers. *)
