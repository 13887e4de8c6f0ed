(* The packed kernel tests what it says: [gram_check_sound].
   Standard library only. A list of inner products g_0, g_1, ... is seen by the kernel as the one integer
   sum_j 2^(w j) g_j; since every |g_j| < 2^(w-1), rounding splits it into the same slots again. *)
From Coq Require Import ZArith List Bool Lia.
From Lipcert Require Import exec.Dyadic exec.Gram.
Import ListNotations.
Local Open Scope Z_scope.

(* ---- inner products ---- *)

Lemma dot_acc_add acc u v : dot_acc acc u v = acc + dot u v.
Proof.
  unfold dot. revert acc v. induction u as [|a u IH]; intros acc [|b v]; simpl; try lia.
  rewrite (IH (acc + a * b)), (IH (a * b)). lia.
Qed.

Lemma dot_cons a b u v : dot (a :: u) (b :: v) = a * b + dot u v.
Proof. unfold dot at 1. simpl. now rewrite dot_acc_add. Qed.

Lemma dot_nil_r u : dot u [] = 0.
Proof. destruct u; reflexivity. Qed.

Lemma dot_comm u v : dot u v = dot v u.
Proof.
  revert v. induction u as [|a u IH]; intros [|b v]; auto.
  rewrite !dot_cons, IH. lia.
Qed.

Lemma dot_self_nonneg u : 0 <= dot u u.
Proof. induction u as [|a u IH]; [cbn; lia|]. rewrite dot_cons. pose proof (Z.square_nonneg a). lia. Qed.

(* 2 |u.v| <= u.u + v.v *)
Lemma dot_am_gm u v : 2 * Z.abs (dot u v) <= dot u u + dot v v.
Proof.
  assert (H : forall u v, - (dot u u + dot v v) <= 2 * dot u v <= dot u u + dot v v).
  { clear u v. induction u as [|a u IH]; intros [|b v].
    - now cbn.
    - pose proof (dot_self_nonneg (b :: v)). change (dot [] (b :: v)) with 0. change (dot [] []) with 0. lia.
    - pose proof (dot_self_nonneg (a :: u)). rewrite !dot_nil_r. lia.
    - rewrite !dot_cons. specialize (IH v).
      assert (0 <= a * a + 2 * (a * b) + b * b)
        by (replace (a * a + 2 * (a * b) + b * b) with ((a + b) * (a + b)) by ring; apply Z.square_nonneg).
      assert (0 <= a * a - 2 * (a * b) + b * b)
        by (replace (a * a - 2 * (a * b) + b * b) with ((a - b) * (a - b)) by ring; apply Z.square_nonneg).
      lia. }
  specialize (H u v). lia.
Qed.

Lemma dot_app u1 u2 v1 v2 : length u1 = length v1 -> dot (u1 ++ u2) (v1 ++ v2) = dot u1 v1 + dot u2 v2.
Proof.
  revert v1. induction u1 as [|a u1 IH]; intros [|b v1] E; try discriminate E.
  - now cbn [app dot dot_acc].
  - injection E as E. cbn [app]. rewrite !dot_cons, IH by assumption. lia.
Qed.

Lemma zlength_acc_add (A : Type) acc (xs : list A) : zlength_acc acc xs = acc + Z.of_nat (length xs).
Proof. revert acc. induction xs as [|x xs IH]; intros acc; cbn [zlength_acc length]; [lia|rewrite IH; lia]. Qed.

Lemma zlength_spec (A : Type) (xs : list A) : zlength xs = Z.of_nat (length xs).
Proof. unfold zlength. now rewrite zlength_acc_add. Qed.

(* ---- packed lists ---- *)

Fixpoint packed (w : Z) (gs : list Z) : Z :=
  match gs with
  | [] => 0
  | g :: gs' => g + 2 ^ w * packed w gs'
  end.

Lemma dot_shift w r columns : 0 <= w -> dot r (map (fun c => Z.shiftl c w) columns) = 2 ^ w * dot r columns.
Proof.
  intros Hw. revert columns. induction r as [|a r IH]; intros [|c columns]; cbn [map].
  - rewrite dot_nil_r. lia.
  - change (0 = 2 ^ w * 0). lia.
  - rewrite !dot_nil_r. lia.
  - rewrite !dot_cons, IH, Z.shiftl_mul_pow2 by assumption. lia.
Qed.

Lemma dot_push_row w r row columns : 0 <= w -> dot r (push_row w row columns) = dot r row + 2 ^ w * dot r columns.
Proof.
  intros Hw. revert r columns. induction row as [|a row IH]; intros r columns.
  - cbn [push_row]. rewrite dot_shift, dot_nil_r by assumption. lia.
  - destruct columns as [|c columns]; cbn [push_row].
    + rewrite dot_nil_r. lia.
    + destruct r as [|x r]; [change (0 = 0 + 2 ^ w * 0); lia|].
      rewrite !dot_cons, IH, Z.shiftl_mul_pow2 by assumption. lia.
Qed.

Lemma dot_pack_rows w r rows : 0 <= w -> dot r (pack_rows w rows) = packed w (map (dot r) rows).
Proof.
  intros Hw. induction rows as [|row rows IH]; [apply dot_nil_r|].
  cbn [pack_rows fold_right map packed]. fold (pack_rows w rows). now rewrite dot_push_row, IH.
Qed.

Lemma packed_app w a b : 0 <= w -> packed w (a ++ b) = packed w a + 2 ^ (w * Z.of_nat (length a)) * packed w b.
Proof.
  intros Hw. induction a as [|x a IH].
  - cbn [app packed length]. rewrite Z.mul_0_r. lia.
  - cbn [app packed length]. rewrite IH.
    replace (w * Z.of_nat (S (length a))) with (w + w * Z.of_nat (length a)) by lia.
    rewrite Z.pow_add_r by nia. lia.
Qed.

Definition fits (w : Z) (g : Z) : Prop := 2 * Z.abs g <= 2 ^ w - 2.

Lemma packed_bound w gs : 0 < w -> Forall (fits w) gs -> 2 * Z.abs (packed w gs) <= 2 ^ (w * Z.of_nat (length gs)) - 1.
Proof.
  intros Hw H. induction H as [|g gs Hg _ IH].
  - cbn [packed length]. rewrite Z.mul_0_r. cbn. lia.
  - cbn [packed length]. unfold fits in Hg.
    replace (w * Z.of_nat (S (length gs))) with (w + w * Z.of_nat (length gs)) by lia.
    rewrite Z.pow_add_r by nia.
    pose proof (Z.pow_pos_nonneg 2 w ltac:(lia) ltac:(lia)). nia.
Qed.

(* ---- splitting into slots ---- *)

Lemma slots_pos depth : (0 < slots depth)%nat.
Proof. induction depth; cbn [slots]; lia. Qed.

Lemma zslots_spec depth : zslots depth = Z.of_nat (slots depth).
Proof. induction depth as [|depth IH]; [reflexivity|]. cbn [zslots slots]. lia. Qed.

(* Rounding to the nearest multiple of 2^k separates the halves. *)
Lemma round_split k low high : 0 < k -> 2 * Z.abs low <= 2 ^ k - 1 ->
  Z.shiftr (low + 2 ^ k * high + Z.shiftl 1 (k - 1)) k = high.
Proof.
  intros Hk Hl. rewrite Z.shiftl_mul_pow2, Z.shiftr_div_pow2 by lia. rewrite Z.mul_1_l.
  assert (E : 2 ^ k = 2 * 2 ^ (k - 1)) by (rewrite <- Z.pow_succ_r by lia; f_equal; lia).
  symmetry. apply Z.div_unique_pos with (r := low + 2 ^ (k - 1)); lia.
Qed.

Lemma slots_small_sound w t depth : 0 < w -> 0 <= t -> forall gs skip,
  (length gs <= slots depth)%nat -> Forall (fits w) gs ->
  slots_small w t depth (zslots depth) skip (packed w gs) = true ->
  forall j, (j < length gs)%nat -> Z.of_nat j <> skip -> Z.abs (nth j gs 0) <= t.
Proof.
  intros Hw Ht. induction depth as [|depth IH]; intros gs skip Hlen Hfit H j Hj Hskip.
  - cbn [slots] in Hlen. destruct gs as [|g [|g' gs]]; cbn [length] in *; try lia.
    assert (j = 0%nat) by lia; subst j. cbn [slots_small packed] in H. cbn [nth].
    apply orb_prop in H. destruct H as [H|H].
    + apply Z.eqb_eq in H. lia.
    + apply Z.leb_le in H. replace (g + 2 ^ w * 0) with g in H by lia. assumption.
  - set (half := slots depth) in *.
    pose proof (slots_pos depth) as Hhalf. fold half in Hhalf.
    assert (Hz : Z.shiftr (zslots (S depth)) 1 = zslots depth).
    { rewrite Z.shiftr_div_pow2 by lia. change (2 ^ 1) with 2. cbn [zslots].
      replace (zslots depth + zslots depth) with (zslots depth * 2) by lia. now apply Z.div_mul. }
    assert (Hw2 : 2 <= 2 ^ w).
    { replace 2 with (2 ^ 1) at 1 by reflexivity. apply Z.pow_le_mono_r; lia. }
    (* pad with zeros, so that the low half is full *)
    set (k := w * zslots depth) in *.
    assert (Hk : 0 < k) by (unfold k; rewrite zslots_spec; fold half; nia).
    pose (low := firstn half gs). pose (high := skipn half gs).
    assert (Eboth : Forall (fits w) low /\ Forall (fits w) high)
      by (apply Forall_app; unfold low, high; now rewrite firstn_skipn).
    destruct Eboth as [Elow Ehigh].
    assert (Llow : (length low <= half)%nat) by (unfold low; rewrite firstn_length; lia).
    assert (Lhigh : (length high <= half)%nat).
    { unfold high. rewrite skipn_length. cbn [slots] in Hlen. fold half in Hlen. lia. }
    assert (Esum : packed w gs = packed w low + 2 ^ k * packed w high).
    { rewrite <- (firstn_skipn half gs) at 1. fold low high. rewrite packed_app by lia.
      destruct (Nat.le_gt_cases (length gs) half) as [Hs|Hs].
      - assert (high = []) as -> by (unfold high; now apply skipn_all2). cbn [packed]. lia.
      - assert (length low = half) as -> by (unfold low; rewrite firstn_length; lia).
        unfold k. now rewrite zslots_spec. }
    assert (Blow : 2 * Z.abs (packed w low) <= 2 ^ k - 1).
    { eapply Z.le_trans; [apply packed_bound; assumption|].
      assert (2 ^ (w * Z.of_nat (length low)) <= 2 ^ k); [|lia].
      apply Z.pow_le_mono_r; [lia|]. unfold k. rewrite zslots_spec. fold half. nia. }
    assert (Hnth : nth j gs 0 = if Nat.ltb j half then nth j low 0 else nth (j - half) high 0).
    { rewrite <- (firstn_skipn half gs) at 1. fold low high.
      destruct (Nat.ltb_spec j half) as [Hjh|Hjh].
      - apply app_nth1. unfold low. rewrite firstn_length. lia.
      - rewrite app_nth2; unfold low; rewrite firstn_length, Nat.min_l by lia; [reflexivity|lia]. }
    cbn [slots_small] in H. destruct (Z.eqb_spec (packed w gs) 0) as [E0|_].
    + (* all slots are zero *)
      assert (Hall : forall gs, Forall (fits w) gs -> packed w gs = 0 -> forall j, nth j gs 0 = 0).
      { clear - Hw Hw2. intros gs Hf. induction Hf as [|g gs Hg Hf IH]; intros E j; [now destruct j|].
        cbn [packed] in E. unfold fits in Hg.
        assert (packed w gs = 0) by nia.
        destruct j; cbn [nth]; [nia|now apply IH]. }
      rewrite Hall by assumption. cbn. assumption.
    + rewrite Hz in H. fold k in H.
      rewrite Esum, (round_split k _ _ Hk Blow) in H.
      replace (packed w low + 2 ^ k * packed w high - Z.shiftl (packed w high) k) with (packed w low) in H
        by (rewrite Z.shiftl_mul_pow2 by lia; lia).
      apply andb_prop in H. destruct H as [H1 H2]. rewrite Hnth.
      destruct (Nat.ltb_spec j half) as [Hjh|Hjh].
      * apply (IH low skip); try assumption.
        unfold low. rewrite firstn_length. lia.
      * apply (IH high (skip - zslots depth)); try assumption.
        -- unfold high. rewrite skipn_length. lia.
        -- rewrite zslots_spec. fold half. lia.
Qed.

(* ---- products with many vectors ---- *)

Lemma digits_exact w depth : 0 < w -> forall gs, length gs = slots depth -> Forall (fits w) gs ->
  digits w depth (zslots depth) (packed w gs) = gs.
Proof.
  intros Hw. induction depth as [|depth IH]; intros gs Hlen Hfit.
  - cbn [slots] in Hlen. destruct gs as [|g [|g' gs]]; try discriminate Hlen.
    cbn [digits packed]. f_equal. lia.
  - pose proof (slots_pos depth) as Hhalf.
    assert (Hz : Z.shiftr (zslots (S depth)) 1 = zslots depth).
    { rewrite Z.shiftr_div_pow2 by lia. change (2 ^ 1) with 2. cbn [zslots].
      replace (zslots depth + zslots depth) with (zslots depth * 2) by lia. now apply Z.div_mul. }
    cbn [slots] in Hlen. set (half := slots depth) in *.
    pose (low := firstn half gs). pose (high := skipn half gs).
    assert (Egs : gs = low ++ high) by (unfold low, high; symmetry; apply firstn_skipn).
    assert (Llow : length low = half) by (unfold low; rewrite firstn_length; lia).
    assert (Lhigh : length high = half) by (unfold high; rewrite skipn_length; lia).
    rewrite Egs in Hfit. apply Forall_app in Hfit. destruct Hfit as [Flow Fhigh].
    cbn [digits]. rewrite Hz. set (k := w * zslots depth).
    assert (Hk : 0 < k) by (unfold k; rewrite zslots_spec; fold half; nia).
    assert (Esum : packed w gs = packed w low + 2 ^ k * packed w high).
    { rewrite Egs, packed_app by lia. unfold k. now rewrite Llow, zslots_spec. }
    assert (Blow : 2 * Z.abs (packed w low) <= 2 ^ k - 1).
    { eapply Z.le_trans; [apply packed_bound; assumption|]. unfold k. rewrite Llow, zslots_spec. fold half. lia. }
    rewrite Esum, (round_split k _ _ Hk Blow), Z.shiftl_mul_pow2 by lia.
    replace (packed w low + 2 ^ k * packed w high - packed w high * 2 ^ k) with (packed w low) by lia.
    rewrite (IH low), (IH high) by assumption. now symmetry.
Qed.

Lemma packed_zeros w gs n : packed w (gs ++ repeat 0 n) = packed w gs.
Proof.
  induction gs as [|g gs IH]; cbn [app packed]; [|now rewrite IH].
  induction n as [|n IH]; cbn [repeat packed]; [reflexivity|]. rewrite IH. cbn [packed]. lia.
Qed.

Lemma digits_sound w depth gs : 0 < w -> (length gs <= slots depth)%nat -> Forall (fits w) gs ->
  firstn (length gs) (digits w depth (zslots depth) (packed w gs)) = gs.
Proof.
  intros Hw Hlen Hfit. rewrite <- (packed_zeros w gs (slots depth - length gs)), digits_exact; try assumption.
  - rewrite firstn_app, Nat.sub_diag, firstn_all. apply app_nil_r.
  - rewrite app_length, repeat_length. lia.
  - apply Forall_app. split; [assumption|]. apply Forall_forall. intros x Hx. apply repeat_spec in Hx. subst x.
    unfold fits. cbn. assert (2 ^ 1 <= 2 ^ w) by (apply Z.pow_le_mono_r; lia). cbn in *. lia.
Qed.

Lemma sum_abs_add acc xs : sum_abs acc xs = acc + sum_abs 0 xs.
Proof.
  revert acc. induction xs as [|x xs IH]; intros acc; cbn [sum_abs]; [lia|].
  rewrite (IH (acc + Z.abs x)), (IH (0 + Z.abs x)). lia.
Qed.

Lemma max_abs_spec acc xs : acc <= max_abs acc xs /\ forall x, In x xs -> Z.abs x <= max_abs acc xs.
Proof.
  revert acc. induction xs as [|y xs IH]; intros acc; cbn [max_abs]; [split; [lia|easy]|].
  destruct (IH (Z.max acc (Z.abs y))) as [H1 H2]. split; [lia|].
  intros x [<-|Hx]; [lia|now apply H2].
Qed.

Lemma max_abs_rows acc rows : acc <= fold_left max_abs rows acc /\
  forall row, In row rows -> forall x, In x row -> Z.abs x <= fold_left max_abs rows acc.
Proof.
  revert acc. induction rows as [|r rows IH]; intros acc; cbn [fold_left]; [split; [lia|easy]|].
  destruct (IH (max_abs acc r)) as [H1 H2]. destruct (max_abs_spec acc r) as [H3 H4]. split; [lia|].
  intros row [<-|Hrow] x Hx; [specialize (H4 x Hx); lia|now apply (H2 row)].
Qed.

Lemma dot_bound largest row c : 0 <= largest -> (forall x, In x row -> Z.abs x <= largest) ->
  Z.abs (dot row c) <= largest * sum_abs 0 c.
Proof.
  intros H0. revert c. induction row as [|x row IH]; intros c H.
  - change (dot [] c) with 0. cbn [Z.abs].
    assert (0 <= sum_abs 0 c); [|nia]. clear. induction c as [|y c IH]; [cbn; lia|]. cbn [sum_abs]. rewrite sum_abs_add. lia.
  - destruct c as [|y c]; [rewrite dot_nil_r; cbn; lia|].
    rewrite dot_cons. cbn [sum_abs]. rewrite sum_abs_add.
    pose proof (IH c (fun z Hz => H z (or_intror Hz))) as H1. pose proof (H x (or_introl eq_refl)) as H2.
    assert (Z.abs (x * y) <= largest * Z.abs y) by (rewrite Z.abs_mul; nia).
    pose proof (Z.abs_triangle (x * y) (dot row c)). lia.
Qed.

Lemma chunks_fuel_limit (A B : Type) (fuel : list B) size (xs : list A) :
  Forall (fun c => (length c <= size)%nat) (chunks_fuel fuel size xs).
Proof.
  revert xs. induction fuel as [|f fuel IH]; intros [|x xs]; cbn [chunks_fuel]; try constructor; auto.
  rewrite firstn_length. lia.
Qed.

Lemma concat_chunks_all (A B : Type) (fuel : list B) size (xs : list A) : (0 < size)%nat -> (length xs <= length fuel)%nat ->
  concat (chunks_fuel fuel size xs) = xs.
Proof.
  intros Hsize. revert xs. induction fuel as [|f fuel IH]; intros [|x xs] H; cbn [length] in *; try reflexivity; try lia.
  cbn [chunks_fuel concat]. rewrite IH; [apply firstn_skipn|].
  rewrite skipn_length. cbn [length]. lia.
Qed.

Lemma zip_with_map (A B C D : Type) (f : B -> C -> D) (g : A -> B) (h : A -> C) xs :
  zip_with f (map g xs) (map h xs) = map (fun x => f (g x) (h x)) xs.
Proof. induction xs as [|x xs IH]; cbn [map zip_with]; [reflexivity|]. now rewrite IH. Qed.

(* Packing changes nothing. *)
Theorem products_sound rows vectors : products rows vectors = map (fun c => map (fun row => dot row c) rows) vectors.
Proof.
  unfold products. set (largest := fold_left max_abs rows 0).
  set (w := slot_width_for _ _ _).
  destruct (max_abs_rows 0 rows) as [H0 Hrows]. fold largest in H0, Hrows.
  set (blocks := chunks (slots product_depth) rows).
  assert (Hshort : Forall (fun b => (length b <= slots product_depth)%nat) blocks) by apply chunks_fuel_limit.
  assert (Eblocks : concat blocks = rows) by (apply concat_chunks_all; [apply slots_pos|lia]).
  clearbody blocks largest w. subst rows.
  induction Hshort as [|block blocks Hlen _ IH]; [reflexivity|].
  cbn [fold_right concat]. rewrite IH by (intros row Hrow; apply Hrows; cbn [concat]; apply in_or_app; now right).
  rewrite zip_with_map. apply map_ext. intros c. rewrite map_app. f_equal.
  unfold block_product.
  destruct (Z.ltb_spec 0 w) as [Hw|]; [|reflexivity].
  destruct (Z.leb_spec (2 * (largest * sum_abs 0 c) + 2) (Z.shiftl 1 w)) as [Hfit|]; [cbn [andb]|reflexivity].
  rewrite Z.shiftl_mul_pow2, Z.mul_1_l in Hfit by lia.
  rewrite dot_pack_rows by lia.
  assert (E : map (dot c) block = map (fun row => dot row c) block) by (apply map_ext; intros; apply dot_comm).
  rewrite E. rewrite <- (map_length (fun row => dot row c) block) at 1. apply digits_sound; [assumption|now rewrite map_length|].
  apply Forall_forall. intros g Hg. apply in_map_iff in Hg. destruct Hg as (row & <- & Hrow).
  unfold fits. assert (Z.abs (dot row c) <= largest * sum_abs 0 c); [|lia].
  apply dot_bound; [assumption|]. apply Hrows. cbn [concat]. apply in_or_app. now left.
Qed.

(* ---- blocks ---- *)

Section Blocks.
Variables (w t d : Z) (depth : nat).
Hypotheses (Hw : 0 < w) (Ht : 0 <= t) (Hd : 2 * d + 2 <= 2 ^ w).

Definition short (row : list Z) : Prop := dot row row <= d.

Lemma dots_fit row rows : short row -> Forall short rows -> Forall (fits w) (map (dot row) rows).
Proof.
  intros Hr H. induction H as [|r rows Hrow _ IH]; cbn [map]; constructor; [|assumption].
  unfold fits, short in *. pose proof (dot_am_gm row r). lia.
Qed.

Lemma row_small row block skip : short row -> Forall short block -> (length block <= slots depth)%nat ->
  slots_small w t depth (zslots depth) skip (dot row (pack_rows w block)) = true ->
  forall j, (j < length block)%nat -> Z.of_nat j <> skip -> Z.abs (dot row (nth j block [])) <= t.
Proof.
  intros Hr Hb Hlen H j Hj Hskip.
  rewrite dot_pack_rows in H by lia.
  assert (E : nth j (map (dot row) block) 0 = dot row (nth j block [])).
  { rewrite <- (dot_nil_r row) at 1. apply map_nth. }
  rewrite <- E. eapply slots_small_sound; eauto.
  - now rewrite map_length.
  - now apply dots_fit.
  - now rewrite map_length.
Qed.

Lemma own_small_sound block rest i : Forall short block -> Forall short rest -> (length block <= slots depth)%nat ->
  own_small w t depth (zslots depth) (pack_rows w block) (Z.of_nat i) rest = true ->
  forall a j, (a < length rest)%nat -> (j < length block)%nat -> (j <> i + a)%nat ->
  Z.abs (dot (nth a rest []) (nth j block [])) <= t.
Proof.
  intros Hb Hr Hlen. revert i. induction Hr as [|row rest Hrow Hrest IH]; intros i H a j Ha Hj Hne; [cbn in Ha; lia|].
  cbn [own_small] in H. apply andb_prop in H. destruct H as [H1 H2].
  destruct a as [|a]; cbn [nth].
  - apply (row_small row block (Z.of_nat i)); try assumption. lia.
  - replace (Z.of_nat i + 1) with (Z.of_nat (S i)) in H2 by lia.
    apply (IH (S i)); try assumption; cbn [length] in Ha; lia.
Qed.

Lemma others_small_sound block later : Forall short block -> Forall short (concat later) -> (length block <= slots depth)%nat ->
  others_small w t depth (zslots depth) (pack_rows w block) later = true ->
  forall row j, In row (concat later) -> (j < length block)%nat -> Z.abs (dot row (nth j block [])) <= t.
Proof.
  intros Hb Hl Hlen H row j Hrow Hj.
  assert (Hs : short row) by (rewrite Forall_forall in Hl; now apply Hl).
  apply in_concat in Hrow. destruct Hrow as (b & Hin & Hrow).
  unfold others_small in H. rewrite forallb_forall in H. specialize (H b Hin).
  rewrite forallb_forall in H. specialize (H row Hrow).
  apply (row_small row block (-1)); try assumption. lia.
Qed.

Lemma blocks_small_sound blocks : Forall short (concat blocks) -> Forall (fun b => (length b <= slots depth)%nat) blocks ->
  blocks_small w t depth (zslots depth) blocks = true ->
  forall i j, (i < j)%nat -> (j < length (concat blocks))%nat ->
  Z.abs (dot (nth i (concat blocks) []) (nth j (concat blocks) [])) <= t.
Proof.
  intros Hs Hlen. revert Hs. induction Hlen as [|block later Hb Hlater IH]; intros Hs H i j Hij Hj; [cbn in Hj; lia|].
  cbn [concat] in *. apply Forall_app in Hs. destruct Hs as [Hs1 Hs2].
  cbn [blocks_small] in H. apply andb_prop in H. destruct H as [H H3]. apply andb_prop in H. destruct H as [H1 H2].
  rewrite app_length in Hj.
  destruct (Nat.lt_ge_cases j (length block)) as [Hjb|Hjb].
  - rewrite !app_nth1 by lia. apply (own_small_sound block block 0); try assumption; lia.
  - rewrite (app_nth2 block _ []) with (n := j) by lia.
    destruct (Nat.lt_ge_cases i (length block)) as [Hib|Hib].
    + rewrite app_nth1 by lia. rewrite dot_comm.
      apply (others_small_sound block later); try assumption. apply nth_In. lia.
    + rewrite app_nth2 by lia. apply IH; try assumption; lia.
Qed.
End Blocks.

Lemma concat_chunks (A : Type) size (xs : list A) : (0 < size)%nat -> concat (chunks size xs) = xs.
Proof. intros H. apply concat_chunks_all; auto. Qed.

(* ---- what the kernel tests ---- *)

Theorem gram_check_sound w t d depth rows : gram_check w t d depth rows = true ->
  0 <= t /\
  (forall i, (i < length rows)%nat ->
     Z.of_nat (length rows) * t + dot (nth i rows []) (nth i rows []) <= d) /\
  (forall i j, (i < length rows)%nat -> (j < length rows)%nat -> i <> j ->
     Z.abs (dot (nth i rows []) (nth j rows [])) <= t).
Proof.
  unfold gram_check. rewrite zlength_spec. intros H.
  repeat (apply andb_prop in H; destruct H as [H ?]).
  apply Z.leb_le in H. rename H into Ht.
  match goal with H : (0 <? w) = true |- _ => apply Z.ltb_lt in H; rename H into Hw end.
  match goal with H : (_ <=? Z.shiftl 1 w) = true |- _ => apply Z.leb_le in H; rename H into Hd end.
  rewrite Z.shiftl_mul_pow2, Z.mul_1_l in Hd by lia.
  match goal with H : forallb _ rows = true |- _ => rename H into Hdiag end.
  match goal with H : blocks_small _ _ _ _ _ = true |- _ => rename H into Hoff end.
  rewrite forallb_forall in Hdiag.
  assert (Hdiag' : forall c, In c rows -> Z.of_nat (length rows) * t + dot c c <= d).
  { intros c Hc. now apply Z.leb_le, Hdiag. }
  split; [assumption|]. split.
  - intros i Hi. apply Hdiag'. now apply nth_In.
  - assert (Hshort : Forall (short d) rows).
    { apply Forall_forall. intros c Hc. specialize (Hdiag' c Hc). unfold short. nia. }
    assert (Hlt : forall i j, (i < j)%nat -> (j < length rows)%nat -> Z.abs (dot (nth i rows []) (nth j rows [])) <= t).
    { pose proof (concat_chunks _ (slots depth) rows (slots_pos depth)) as E.
      intros i j Hij Hj. rewrite <- E. eapply blocks_small_sound; try rewrite E; eauto.
      apply chunks_fuel_limit. }
    intros i j Hi Hj Hne. destruct (Nat.lt_ge_cases i j) as [Hij|Hij].
    + now apply Hlt.
    + rewrite dot_comm. apply Hlt; lia.
Qed.
