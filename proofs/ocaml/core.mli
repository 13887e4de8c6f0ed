(* Extracted from proofs/theories/exec by proofs/extract/Extract.v. Do not
   edit. *)


val negb : bool -> bool

type nat =
| O
| S of nat

val snd : ('a1 * 'a2) -> 'a2

val length : 'a1 list -> nat

val app : 'a1 list -> 'a1 list -> 'a1 list

type comparison =
| Eq
| Lt
| Gt

val compOpp : comparison -> comparison

val add : nat -> nat -> nat

module Nat :
 sig
  val sub : nat -> nat -> nat

  val eqb : nat -> nat -> bool

  val leb : nat -> nat -> bool

  val ltb : nat -> nat -> bool

  val even : nat -> bool

  val divmod : nat -> nat -> nat -> nat -> nat * nat

  val modulo : nat -> nat -> nat

  val div2 : nat -> nat
 end

module Pos :
 sig
  val succ : Zar.t -> Zar.t

  val add : Zar.t -> Zar.t -> Zar.t

  val add_carry : Zar.t -> Zar.t -> Zar.t

  val pred_double : Zar.t -> Zar.t

  val mul : Zar.t -> Zar.t -> Zar.t

  val iter : ('a1 -> 'a1) -> 'a1 -> Zar.t -> 'a1

  val div2 : Zar.t -> Zar.t

  val div2_up : Zar.t -> Zar.t

  val compare_cont : comparison -> Zar.t -> Zar.t -> comparison

  val compare : Zar.t -> Zar.t -> comparison

  val eqb : Zar.t -> Zar.t -> bool
 end

module Z :
 sig
  val double : Zar.t -> Zar.t

  val succ_double : Zar.t -> Zar.t

  val pred_double : Zar.t -> Zar.t

  val pos_sub : Zar.t -> Zar.t -> Zar.t

  val compare : Zar.t -> Zar.t -> comparison

  val div2 : Zar.t -> Zar.t
 end

val nth : nat -> 'a1 list -> 'a1 -> 'a1

val nth_error : 'a1 list -> nat -> 'a1 option

val concat : 'a1 list list -> 'a1 list

val map : ('a1 -> 'a2) -> 'a1 list -> 'a2 list

val fold_left : ('a1 -> 'a2 -> 'a1) -> 'a2 list -> 'a1 -> 'a1

val fold_right : ('a2 -> 'a1 -> 'a1) -> 'a1 -> 'a2 list -> 'a1

val existsb : ('a1 -> bool) -> 'a1 list -> bool

val forallb : ('a1 -> bool) -> 'a1 list -> bool

val firstn : nat -> 'a1 list -> 'a1 list

val skipn : nat -> 'a1 list -> 'a1 list

val seq : nat -> nat -> nat list

type dyadic = { mantissa : Zar.t; exponent : Zar.t }

type float_format = { fraction : Zar.t; hidden_bit : Zar.t;
                      special_exponent : Zar.t; sign_position : Zar.t;
                      lowest_exponent : Zar.t }

val binary32 : float_format

val binary64 : float_format

val decode : float_format -> Zar.t -> dyadic option

val decode32 : Zar.t -> dyadic option

val decode64 : Zar.t -> dyadic option

val grid : Zar.t -> dyadic -> Zar.t

val on_grid : Zar.t -> dyadic -> bool

val le_scaled : Zar.t -> Zar.t -> Zar.t -> bool

val lowest : Zar.t -> dyadic list -> Zar.t

val common_scale : dyadic list list -> Zar.t

val dot_acc : Zar.t -> Zar.t list -> Zar.t list -> Zar.t

val dot : Zar.t list -> Zar.t list -> Zar.t

val zlength_acc : Zar.t -> 'a1 list -> Zar.t

val zlength : 'a1 list -> Zar.t

val push_row : Zar.t -> Zar.t list -> Zar.t list -> Zar.t list

val pack_rows : Zar.t -> Zar.t list list -> Zar.t list

val slots_small : Zar.t -> Zar.t -> nat -> Zar.t -> Zar.t -> Zar.t -> bool

val slots : nat -> nat

val zslots : nat -> Zar.t

val own_small :
  Zar.t -> Zar.t -> nat -> Zar.t -> Zar.t list -> Zar.t -> Zar.t list list ->
  bool

val others_small :
  Zar.t -> Zar.t -> nat -> Zar.t -> Zar.t list -> Zar.t list list list -> bool

val blocks_small :
  Zar.t -> Zar.t -> nat -> Zar.t -> Zar.t list list list -> bool

val chunks_fuel : 'a2 list -> nat -> 'a1 list -> 'a1 list list

val chunks : nat -> 'a1 list -> 'a1 list list

val digits : Zar.t -> nat -> Zar.t -> Zar.t -> Zar.t list

val sum_abs : Zar.t -> Zar.t list -> Zar.t

val max_abs : Zar.t -> Zar.t list -> Zar.t

val slot_width_for : nat -> Zar.t -> Zar.t -> Zar.t

val product_depth : nat

val zip_with : ('a1 -> 'a2 -> 'a3) -> 'a1 list -> 'a2 list -> 'a3 list

val block_product :
  Zar.t -> Zar.t list list -> Zar.t list -> (Zar.t list * bool) -> Zar.t list

val products : Zar.t list list -> Zar.t list list -> Zar.t list list

val gram_check : Zar.t -> Zar.t -> Zar.t -> nat -> Zar.t list list -> bool

val push_column : Zar.t list -> Zar.t list list -> Zar.t list list

val transpose : Zar.t list list -> Zar.t list list

val append_rows : Zar.t list list -> Zar.t list list -> Zar.t list list

val norm_check :
  Zar.t -> Zar.t -> Zar.t -> nat -> Zar.t list list -> Zar.t list list -> bool

type rational = { num : Zar.t; den : Zar.t }

val nonnegative : rational -> bool

val times : rational -> rational -> rational

val plus : rational -> rational -> rational

val minus : rational -> rational -> rational

val at_most : rational -> rational -> bool

val less_than : rational -> rational -> bool

type network =
| Identity
| Dense of Zar.t * dyadic list list * dyadic list
| Diagonal of Zar.t * dyadic list * dyadic list
| Relu
| LeakyRelu of dyadic
| Abs
| Sigmoid
| Tanh
| GroupSort of nat
| FullSort
| MaxMinHalves
| MaxPool of nat list list
| Compose of network * network
| Residual of dyadic * network
| Concat of network * network

val every_length : nat -> 'a1 list list -> bool

val is_nil : 'a1 list -> bool

val guard : bool -> nat -> nat option

val output_size : network -> nat -> nat option

type gram_hint = { transposed : bool; scale : Zar.t; spread : Zar.t;
                   grid_norm : Zar.t; off_diagonal : Zar.t;
                   slot_width : Zar.t; depth : nat; factor : Zar.t list list }

type evidence =
| Claim of rational
| DenseClaim of rational * gram_hint
| Folded of rational * gram_hint
| Both of evidence * evidence
| Inner of evidence
| Join of rational * evidence * evidence

val count_off_grid : Zar.t -> Zar.t -> dyadic list -> Zar.t

val off_grid_count : Zar.t -> dyadic list list -> Zar.t

val dense_check : Zar.t -> dyadic list list -> rational -> gram_hint -> bool

val magnitude : dyadic -> rational

val zero : rational

val one : rational

val bump : nat -> Zar.t list -> Zar.t list

val occurrences : nat list -> Zar.t list

val leaf_check : network -> rational -> bool

type linear = { rows : Zar.t list list; row_scale : Zar.t; row_divisor : Zar.t }

val diagonal_rows : Zar.t list -> Zar.t list list

val multiply : Zar.t list list -> Zar.t list list -> Zar.t list list

val has_entries : Zar.t list list -> bool

val after : network -> linear -> linear option

val linear_map : network -> linear option

val folded_check : network -> rational -> gram_hint -> bool

val join_check : rational -> rational -> rational -> bool

val lipschitz : network -> evidence -> rational option

val constant_of : network -> evidence -> rational

type point = { coordinates : Zar.t list; power : Zar.t; divisor : Zar.t }

val lift : Zar.t -> Zar.t -> point -> Zar.t list

val add_points : point -> point -> point

val append_points : point -> point -> point

val constant : dyadic list -> point

val times_dyadic : dyadic -> point -> point

val leaky : dyadic -> point -> point

val insert :
  ('a1 -> 'a1 -> 'a1) -> ('a1 -> 'a1 -> 'a1) -> 'a1 -> 'a1 list -> 'a1 list

val insertion_sort :
  ('a1 -> 'a1 -> 'a1) -> ('a1 -> 'a1 -> 'a1) -> 'a1 list -> 'a1 list

val sort_groups :
  ('a1 -> 'a1 -> 'a1) -> ('a1 -> 'a1 -> 'a1) -> nat -> 'a1 list -> 'a1 list

val maxmin_halves :
  ('a1 -> 'a1 -> 'a1) -> ('a1 -> 'a1 -> 'a1) -> 'a1 list -> 'a1 list

val window_max : ('a1 -> 'a1 -> 'a1) -> 'a1 -> 'a1 list -> nat list -> 'a1

val on_coordinates : (Zar.t list -> Zar.t list) -> point -> point

val rescale : Zar.t -> Zar.t -> point -> Zar.t list -> point

val multiply_entries : Zar.t -> Zar.t -> Zar.t list -> point -> point

val rational_values : network -> bool

val forward : network -> point list -> point list

type enclosed = { centre : point; error : rational }

val excess : nat -> Zar.t -> Zar.t -> Zar.t -> Zar.t

val root_above : nat -> Zar.t -> Zar.t -> Zar.t

val scaled : Zar.t -> Zar.t -> Zar.t -> rational

val rounded : Zar.t -> point -> rational -> enclosed

val enclose_layer :
  Zar.t -> network -> evidence -> enclosed list -> enclosed list

val enclose : Zar.t -> network -> evidence -> enclosed list -> enclosed list

type claim =
| GlobalLipschitz of rational
| PairLipschitz of nat * nat * rational
| RobustClass of nat * nat * rational
| RobustSign of nat * bool * rational

type problem = { input_size : nat; body : network; last : network;
                 body_evidence : evidence; last_evidence : evidence;
                 precision : Zar.t; points : point list; claims : claim list }

val whole : problem -> network

type bounds = { body_bound : rational; whole_bound : rational;
                row_products : Zar.t list list; denominator : Zar.t }

val about_pairs : claim -> bool

val last_rows : problem -> Zar.t list list * Zar.t

val prove_bounds : problem -> bounds option

val square : rational -> rational

val pair_by_root2 : bounds -> rational

val pair_by_rows : bounds -> nat -> nat -> rational

val margin : enclosed -> rational -> Zar.t -> rational

val margin_exceeds : rational -> rational -> rational -> bool

val beats : bounds -> rational -> enclosed -> nat -> nat -> bool

val has_sign : bounds -> rational -> enclosed -> bool -> bool

val claim_check : bounds -> nat -> enclosed list -> claim -> bool

val point_ok : nat -> point -> bool

val values : problem -> enclosed list

val verdicts : problem -> bool list
