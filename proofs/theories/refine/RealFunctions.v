(* The sigmoid and the hyperbolic tangent of the real numbers are as steep as the theorems assume: 1/4 and 1. By the mean value theorem,
   since with t = exp (-x) the derivative of the sigmoid is t / (1 + t)^2, and (1 - t)^2 >= 0; tanh x is 2 sigmoid (2 x) - 1.
   This file uses Coq's real numbers and their axioms. *)
From Coq Require Import Reals Lra.
Local Open Scope R_scope.

Definition sigmoid (x : R) : R := / (1 + exp (- x)).

Lemma denominator_pos x : 0 < 1 + exp (- x).
Proof. pose proof (exp_pos (- x)). lra. Qed.

Lemma sigmoid_derivative x : derivable_pt_lim sigmoid x (exp (- x) / (1 + exp (- x))²).
Proof.
  pose proof (denominator_pos x) as P.
  assert (D : derivable_pt_lim (fun y => 1 + exp (- y)) x (0 + exp (- x) * - 1)).
  { apply (derivable_pt_lim_plus (fun _ => 1) (fun y => exp (- y))); [apply derivable_pt_lim_const|].
    apply (derivable_pt_lim_comp (fun y => - y) exp); [|apply derivable_pt_lim_exp].
    apply (derivable_pt_lim_opp (fun y => y)). apply derivable_pt_lim_id. }
  pose proof (derivable_pt_lim_div (fun _ => 1) (fun y => 1 + exp (- y)) x 0 _ (derivable_pt_lim_const 1 x) D ltac:(lra)) as Q.
  replace (exp (- x) / (1 + exp (- x))²) with ((0 * (1 + exp (- x)) - (0 + exp (- x) * - 1) * 1) / (1 + exp (- x))²)
    by (unfold Rsqr; field; lra).
  intros eps He. destruct (Q eps He) as [d Hd]. exists d. intros h H0 Hh.
  specialize (Hd h H0 Hh). unfold div_fct in Hd. unfold sigmoid. unfold Rdiv in Hd at 2 3. now rewrite !Rmult_1_l in Hd.
Qed.

Lemma steepest t : 0 < t -> 0 <= t / (1 + t)² <= / 4.
Proof.
  intros Ht. assert (P : 0 < (1 + t)²) by (apply Rlt_0_sqr; lra). split.
  - apply Rmult_le_pos; [lra|]. now apply Rlt_le, Rinv_0_lt_compat.
  - apply (Rmult_le_reg_r (1 + t)²); [assumption|]. unfold Rdiv. rewrite Rmult_assoc, Rinv_l, Rmult_1_r by lra.
    pose proof (Rle_0_sqr (1 - t)). unfold Rsqr in *. lra.
Qed.

Theorem sigmoid_slope a b : Rabs (sigmoid a - sigmoid b) <= Rabs (a - b) / 4.
Proof.
  assert (H : forall a b, a < b -> Rabs (sigmoid b - sigmoid a) <= Rabs (b - a) / 4).
  { clear a b. intros a b Hab.
    destruct (MVT_cor2 sigmoid (fun x => exp (- x) / (1 + exp (- x))²) a b Hab) as (c & E & _).
    { intros c _. apply sigmoid_derivative. }
    rewrite E, Rabs_mult. pose proof (steepest (exp (- c)) (exp_pos _)) as S.
    rewrite (Rabs_right (_ / _)) by lra. pose proof (Rabs_pos (b - a)).
    apply (Rle_trans _ (/ 4 * Rabs (b - a))); [apply Rmult_le_compat_r; lra|lra]. }
  destruct (Rtotal_order a b) as [h|[->|h]].
  - rewrite Rabs_minus_sym, (Rabs_minus_sym a b). now apply H.
  - rewrite !Rminus_diag_eq, Rabs_R0 by reflexivity. lra.
  - now apply H.
Qed.

Lemma tanh_sigmoid x : tanh x = 2 * sigmoid (2 * x) - 1.
Proof.
  unfold tanh, sinh, cosh, sigmoid.
  replace (- (2 * x)) with (- x + - x) by lra. rewrite exp_plus.
  pose proof (exp_pos x) as P. pose proof (exp_pos (- x)) as Q.
  assert (E : exp x = / exp (- x)).
  { rewrite exp_Ropp, Rinv_inv. reflexivity. }
  rewrite E. set (t := exp (- x)) in *. assert (0 < 1 + t * t) by (pose proof (Rmult_lt_0_compat t t Q Q); lra).
  field. repeat split; lra.
Qed.

Theorem tanh_slope a b : Rabs (tanh a - tanh b) <= Rabs (a - b).
Proof.
  rewrite !tanh_sigmoid.
  replace (2 * sigmoid (2 * a) - 1 - (2 * sigmoid (2 * b) - 1)) with (2 * (sigmoid (2 * a) - sigmoid (2 * b))) by lra.
  pose proof (sigmoid_slope (2 * a) (2 * b)) as S. rewrite Rabs_mult, (Rabs_right 2) by lra.
  replace (2 * a - 2 * b) with (2 * (a - b)) in S by lra. rewrite Rabs_mult, (Rabs_right 2) in S by lra. lra.
Qed.
