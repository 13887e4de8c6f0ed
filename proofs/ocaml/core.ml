(* Extracted from proofs/theories/exec by proofs/extract/Extract.v. Do not
   edit. *)


(** val negb : bool -> bool **)

let negb = function
| true -> false
| false -> true

type nat =
| O
| S of nat

(** val snd : ('a1 * 'a2) -> 'a2 **)

let snd = function
| (_, y) -> y

(** val length : 'a1 list -> nat **)

let rec length = function
| [] -> O
| _ :: l' -> S (length l')

(** val app : 'a1 list -> 'a1 list -> 'a1 list **)

let rec app l m =
  match l with
  | [] -> m
  | a :: l1 -> a :: (app l1 m)

type comparison =
| Eq
| Lt
| Gt

(** val compOpp : comparison -> comparison **)

let compOpp = function
| Eq -> Eq
| Lt -> Gt
| Gt -> Lt

(** val add : nat -> nat -> nat **)

let rec add n m =
  match n with
  | O -> m
  | S p -> S (add p m)

module Nat =
 struct
  (** val sub : nat -> nat -> nat **)

  let rec sub n m =
    match n with
    | O -> n
    | S k -> (match m with
              | O -> n
              | S l -> sub k l)

  (** val eqb : nat -> nat -> bool **)

  let rec eqb n m =
    match n with
    | O -> (match m with
            | O -> true
            | S _ -> false)
    | S n' -> (match m with
               | O -> false
               | S m' -> eqb n' m')

  (** val leb : nat -> nat -> bool **)

  let rec leb n m =
    match n with
    | O -> true
    | S n' -> (match m with
               | O -> false
               | S m' -> leb n' m')

  (** val ltb : nat -> nat -> bool **)

  let ltb n m =
    leb (S n) m

  (** val even : nat -> bool **)

  let rec even = function
  | O -> true
  | S n0 -> (match n0 with
             | O -> false
             | S n' -> even n')

  (** val divmod : nat -> nat -> nat -> nat -> nat * nat **)

  let rec divmod x y q u =
    match x with
    | O -> (q, u)
    | S x' ->
      (match u with
       | O -> divmod x' y (S q) y
       | S u' -> divmod x' y q u')

  (** val modulo : nat -> nat -> nat **)

  let modulo x = function
  | O -> x
  | S y' -> sub y' (snd (divmod x y' O y'))

  (** val div2 : nat -> nat **)

  let rec div2 = function
  | O -> O
  | S n0 -> (match n0 with
             | O -> O
             | S n' -> S (div2 n'))
 end

module Pos =
 struct
  (** val succ : Zar.t -> Zar.t **)

  let rec succ x =
    Zar.positive_case
      (fun p -> Zar.double (succ p))
      (fun p -> Zar.double_succ p)
      (fun _ -> Zar.double Zar.one)
      x

  (** val add : Zar.t -> Zar.t -> Zar.t **)

  let rec add x y =
    Zar.positive_case
      (fun p ->
      Zar.positive_case
        (fun q -> Zar.double (add_carry p q))
        (fun q -> Zar.double_succ (add p q))
        (fun _ -> Zar.double (succ p))
        y)
      (fun p ->
      Zar.positive_case
        (fun q -> Zar.double_succ (add p q))
        (fun q -> Zar.double (add p q))
        (fun _ -> Zar.double_succ p)
        y)
      (fun _ ->
      Zar.positive_case
        (fun q -> Zar.double (succ q))
        (fun q -> Zar.double_succ q)
        (fun _ -> Zar.double Zar.one)
        y)
      x

  (** val add_carry : Zar.t -> Zar.t -> Zar.t **)

  and add_carry x y =
    Zar.positive_case
      (fun p ->
      Zar.positive_case
        (fun q -> Zar.double_succ (add_carry p q))
        (fun q -> Zar.double (add_carry p q))
        (fun _ -> Zar.double_succ (succ p))
        y)
      (fun p ->
      Zar.positive_case
        (fun q -> Zar.double (add_carry p q))
        (fun q -> Zar.double_succ (add p q))
        (fun _ -> Zar.double (succ p))
        y)
      (fun _ ->
      Zar.positive_case
        (fun q -> Zar.double_succ (succ q))
        (fun q -> Zar.double (succ q))
        (fun _ -> Zar.double_succ Zar.one)
        y)
      x

  (** val pred_double : Zar.t -> Zar.t **)

  let rec pred_double x =
    Zar.positive_case
      (fun p -> Zar.double_succ (Zar.double p))
      (fun p -> Zar.double_succ (pred_double p))
      (fun _ -> Zar.one)
      x

  (** val mul : Zar.t -> Zar.t -> Zar.t **)

  let rec mul x y =
    Zar.positive_case
      (fun p -> add y (Zar.double (mul p y)))
      (fun p -> Zar.double (mul p y))
      (fun _ -> y)
      x

  (** val iter : ('a1 -> 'a1) -> 'a1 -> Zar.t -> 'a1 **)

  let rec iter f x n =
    Zar.positive_case
      (fun n' -> f (iter f (iter f x n') n'))
      (fun n' -> iter f (iter f x n') n')
      (fun _ -> f x)
      n

  (** val div2 : Zar.t -> Zar.t **)

  let div2 p =
    Zar.positive_case
      (fun p0 -> p0)
      (fun p0 -> p0)
      (fun _ -> Zar.one)
      p

  (** val div2_up : Zar.t -> Zar.t **)

  let div2_up p =
    Zar.positive_case
      (fun p0 -> succ p0)
      (fun p0 -> p0)
      (fun _ -> Zar.one)
      p

  (** val compare_cont : comparison -> Zar.t -> Zar.t -> comparison **)

  let rec compare_cont r x y =
    Zar.positive_case
      (fun p ->
      Zar.positive_case
        (fun q -> compare_cont r p q)
        (fun q -> compare_cont Gt p q)
        (fun _ -> Gt)
        y)
      (fun p ->
      Zar.positive_case
        (fun q -> compare_cont Lt p q)
        (fun q -> compare_cont r p q)
        (fun _ -> Gt)
        y)
      (fun _ -> Zar.positive_case
                  (fun _ -> Lt)
                  (fun _ -> Lt)
                  (fun _ -> r)
                  y)
      x

  (** val compare : Zar.t -> Zar.t -> comparison **)

  let compare =
    compare_cont Eq

  (** val eqb : Zar.t -> Zar.t -> bool **)

  let rec eqb p q =
    Zar.positive_case
      (fun p0 ->
      Zar.positive_case
        (fun q0 -> eqb p0 q0)
        (fun _ -> false)
        (fun _ -> false)
        q)
      (fun p0 ->
      Zar.positive_case
        (fun _ -> false)
        (fun q0 -> eqb p0 q0)
        (fun _ -> false)
        q)
      (fun _ ->
      Zar.positive_case
        (fun _ -> false)
        (fun _ -> false)
        (fun _ -> true)
        q)
      p
 end

module Z =
 struct
  (** val double : Zar.t -> Zar.t **)

  let double x =
    Zar.integer_case
      (fun _ -> Zar.zero)
      (fun p -> (Zar.double p))
      (fun p -> Zar.opp (Zar.double p))
      x

  (** val succ_double : Zar.t -> Zar.t **)

  let succ_double x =
    Zar.integer_case
      (fun _ -> Zar.one)
      (fun p -> (Zar.double_succ p))
      (fun p -> Zar.opp (Pos.pred_double p))
      x

  (** val pred_double : Zar.t -> Zar.t **)

  let pred_double x =
    Zar.integer_case
      (fun _ -> Zar.opp Zar.one)
      (fun p -> (Pos.pred_double p))
      (fun p -> Zar.opp (Zar.double_succ p))
      x

  (** val pos_sub : Zar.t -> Zar.t -> Zar.t **)

  let rec pos_sub x y =
    Zar.positive_case
      (fun p ->
      Zar.positive_case
        (fun q -> double (pos_sub p q))
        (fun q -> succ_double (pos_sub p q))
        (fun _ -> (Zar.double p))
        y)
      (fun p ->
      Zar.positive_case
        (fun q -> pred_double (pos_sub p q))
        (fun q -> double (pos_sub p q))
        (fun _ -> (Pos.pred_double p))
        y)
      (fun _ ->
      Zar.positive_case
        (fun q -> Zar.opp (Zar.double q))
        (fun q -> Zar.opp (Pos.pred_double q))
        (fun _ -> Zar.zero)
        y)
      x

  (** val compare : Zar.t -> Zar.t -> comparison **)

  let compare x y =
    Zar.integer_case
      (fun _ ->
      Zar.integer_case
        (fun _ -> Eq)
        (fun _ -> Lt)
        (fun _ -> Gt)
        y)
      (fun x' ->
      Zar.integer_case
        (fun _ -> Gt)
        (fun y' -> Pos.compare x' y')
        (fun _ -> Gt)
        y)
      (fun x' ->
      Zar.integer_case
        (fun _ -> Lt)
        (fun _ -> Lt)
        (fun y' -> compOpp (Pos.compare x' y'))
        y)
      x

  (** val div2 : Zar.t -> Zar.t **)

  let div2 z0 =
    Zar.integer_case
      (fun _ -> Zar.zero)
      (fun p ->
      Zar.positive_case
        (fun _ -> (Pos.div2 p))
        (fun _ -> (Pos.div2 p))
        (fun _ -> Zar.zero)
        p)
      (fun p -> Zar.opp (Pos.div2_up p))
      z0
 end

(** val nth : nat -> 'a1 list -> 'a1 -> 'a1 **)

let rec nth n l default =
  match n with
  | O -> (match l with
          | [] -> default
          | x :: _ -> x)
  | S m -> (match l with
            | [] -> default
            | _ :: t -> nth m t default)

(** val nth_error : 'a1 list -> nat -> 'a1 option **)

let rec nth_error l = function
| O -> (match l with
        | [] -> None
        | x :: _ -> Some x)
| S n0 -> (match l with
           | [] -> None
           | _ :: l0 -> nth_error l0 n0)

(** val concat : 'a1 list list -> 'a1 list **)

let rec concat = function
| [] -> []
| x :: l0 -> app x (concat l0)

(** val map : ('a1 -> 'a2) -> 'a1 list -> 'a2 list **)

let rec map f = function
| [] -> []
| a :: t -> (f a) :: (map f t)

(** val fold_left : ('a1 -> 'a2 -> 'a1) -> 'a2 list -> 'a1 -> 'a1 **)

let rec fold_left f l a0 =
  match l with
  | [] -> a0
  | b :: t -> fold_left f t (f a0 b)

(** val fold_right : ('a2 -> 'a1 -> 'a1) -> 'a1 -> 'a2 list -> 'a1 **)

let rec fold_right f a0 = function
| [] -> a0
| b :: t -> f b (fold_right f a0 t)

(** val existsb : ('a1 -> bool) -> 'a1 list -> bool **)

let rec existsb f = function
| [] -> false
| a :: l0 -> (||) (f a) (existsb f l0)

(** val forallb : ('a1 -> bool) -> 'a1 list -> bool **)

let rec forallb f = function
| [] -> true
| a :: l0 -> (&&) (f a) (forallb f l0)

(** val firstn : nat -> 'a1 list -> 'a1 list **)

let rec firstn n l =
  match n with
  | O -> []
  | S n0 -> (match l with
             | [] -> []
             | a :: l0 -> a :: (firstn n0 l0))

(** val skipn : nat -> 'a1 list -> 'a1 list **)

let rec skipn n l =
  match n with
  | O -> l
  | S n0 -> (match l with
             | [] -> []
             | _ :: l0 -> skipn n0 l0)

(** val seq : nat -> nat -> nat list **)

let rec seq start = function
| O -> []
| S len0 -> start :: (seq (S start) len0)

type dyadic = { mantissa : Zar.t; exponent : Zar.t }

type float_format = { fraction : Zar.t; hidden_bit : Zar.t;
                      special_exponent : Zar.t; sign_position : Zar.t;
                      lowest_exponent : Zar.t }

(** val binary32 : float_format **)

let binary32 =
  { fraction = (Zar.double_succ (Zar.double_succ (Zar.double_succ (Zar.double
    Zar.one)))); hidden_bit = (Zar.double (Zar.double (Zar.double (Zar.double
    (Zar.double (Zar.double (Zar.double (Zar.double (Zar.double (Zar.double
    (Zar.double (Zar.double (Zar.double (Zar.double (Zar.double (Zar.double
    (Zar.double (Zar.double (Zar.double (Zar.double (Zar.double (Zar.double
    (Zar.double Zar.one))))))))))))))))))))))); special_exponent =
    (Zar.double_succ (Zar.double_succ (Zar.double_succ (Zar.double_succ
    (Zar.double_succ (Zar.double_succ (Zar.double_succ Zar.one)))))));
    sign_position = (Zar.double_succ (Zar.double_succ (Zar.double_succ
    (Zar.double_succ Zar.one)))); lowest_exponent = (Zar.opp (Zar.double_succ
    (Zar.double (Zar.double_succ (Zar.double (Zar.double_succ (Zar.double
    (Zar.double Zar.one)))))))) }

(** val binary64 : float_format **)

let binary64 =
  { fraction = (Zar.double (Zar.double (Zar.double_succ (Zar.double
    (Zar.double_succ Zar.one))))); hidden_bit = (Zar.double (Zar.double
    (Zar.double (Zar.double (Zar.double (Zar.double (Zar.double (Zar.double
    (Zar.double (Zar.double (Zar.double (Zar.double (Zar.double (Zar.double
    (Zar.double (Zar.double (Zar.double (Zar.double (Zar.double (Zar.double
    (Zar.double (Zar.double (Zar.double (Zar.double (Zar.double (Zar.double
    (Zar.double (Zar.double (Zar.double (Zar.double (Zar.double (Zar.double
    (Zar.double (Zar.double (Zar.double (Zar.double (Zar.double (Zar.double
    (Zar.double (Zar.double (Zar.double (Zar.double (Zar.double (Zar.double
    (Zar.double (Zar.double (Zar.double (Zar.double (Zar.double (Zar.double
    (Zar.double (Zar.double
    Zar.one))))))))))))))))))))))))))))))))))))))))))))))))))));
    special_exponent = (Zar.double_succ (Zar.double_succ (Zar.double_succ
    (Zar.double_succ (Zar.double_succ (Zar.double_succ (Zar.double_succ
    (Zar.double_succ (Zar.double_succ (Zar.double_succ Zar.one))))))))));
    sign_position = (Zar.double_succ (Zar.double_succ (Zar.double_succ
    (Zar.double_succ (Zar.double_succ Zar.one))))); lowest_exponent =
    (Zar.opp (Zar.double (Zar.double_succ (Zar.double (Zar.double
    (Zar.double_succ (Zar.double_succ (Zar.double (Zar.double (Zar.double
    (Zar.double Zar.one))))))))))) }

(** val decode : float_format -> Zar.t -> dyadic option **)

let decode f bits =
  let sign = Zar.shiftr bits f.sign_position in
  let magnitude0 = Zar.sub bits (Zar.shiftl sign f.sign_position) in
  let biased = Zar.shiftr magnitude0 f.fraction in
  let low = Zar.sub magnitude0 (Zar.shiftl biased f.fraction) in
  if (&&) ((||) (Zar.eqb sign Zar.zero) (Zar.eqb sign Zar.one))
       (Zar.ltb biased f.special_exponent)
  then let unsigned =
         if Zar.eqb biased Zar.zero then low else Zar.add low f.hidden_bit
       in
       let exponent0 =
         if Zar.eqb biased Zar.zero
         then f.lowest_exponent
         else Zar.sub (Zar.add f.lowest_exponent biased) Zar.one
       in
       Some { mantissa =
       (if Zar.eqb sign Zar.zero then unsigned else Zar.opp unsigned);
       exponent = exponent0 }
  else None

(** val decode32 : Zar.t -> dyadic option **)

let decode32 =
  decode binary32

(** val decode64 : Zar.t -> dyadic option **)

let decode64 =
  decode binary64

(** val grid : Zar.t -> dyadic -> Zar.t **)

let grid s x =
  Zar.shiftl x.mantissa (Zar.add x.exponent s)

(** val on_grid : Zar.t -> dyadic -> bool **)

let on_grid s x =
  let k = Zar.add x.exponent s in
  (||) (Zar.leb Zar.zero k)
    (Zar.eqb (Zar.shiftl (grid s x) (Zar.opp k)) x.mantissa)

(** val le_scaled : Zar.t -> Zar.t -> Zar.t -> bool **)

let le_scaled a b s =
  if Zar.leb Zar.zero s
  then Zar.leb a (Zar.shiftl b s)
  else Zar.leb (Zar.shiftl a (Zar.opp s)) b

(** val lowest : Zar.t -> dyadic list -> Zar.t **)

let rec lowest e = function
| [] -> e
| x :: xs' -> lowest (Zar.min e x.exponent) xs'

(** val common_scale : dyadic list list -> Zar.t **)

let common_scale rows0 =
  Zar.opp (fold_right (fun row e -> lowest e row) Zar.zero rows0)

(** val dot_acc : Zar.t -> Zar.t list -> Zar.t list -> Zar.t **)

let rec dot_acc acc u v =
  match u with
  | [] -> acc
  | a :: u' ->
    (match v with
     | [] -> acc
     | b :: v' -> dot_acc (Zar.add acc (Zar.mul a b)) u' v')

(** val dot : Zar.t list -> Zar.t list -> Zar.t **)

let dot u v =
  dot_acc Zar.zero u v

(** val zlength_acc : Zar.t -> 'a1 list -> Zar.t **)

let rec zlength_acc acc = function
| [] -> acc
| _ :: xs' -> zlength_acc (Zar.add acc Zar.one) xs'

(** val zlength : 'a1 list -> Zar.t **)

let zlength xs =
  zlength_acc Zar.zero xs

(** val push_row : Zar.t -> Zar.t list -> Zar.t list -> Zar.t list **)

let rec push_row w row columns =
  match row with
  | [] -> map (fun c -> Zar.shiftl c w) columns
  | r :: row' ->
    (match columns with
     | [] -> row
     | c :: columns' ->
       (Zar.add r (Zar.shiftl c w)) :: (push_row w row' columns'))

(** val pack_rows : Zar.t -> Zar.t list list -> Zar.t list **)

let pack_rows w rows0 =
  fold_right (push_row w) [] rows0

(** val slots_small :
    Zar.t -> Zar.t -> nat -> Zar.t -> Zar.t -> Zar.t -> bool **)

let rec slots_small w t depth0 h skip x =
  match depth0 with
  | O -> (||) (Zar.eqb skip Zar.zero) (Zar.leb (Zar.abs x) t)
  | S depth' ->
    if Zar.eqb x Zar.zero
    then true
    else let half = Zar.shiftr h Zar.one in
         let k = Zar.mul w half in
         let high =
           Zar.shiftr (Zar.add x (Zar.shiftl Zar.one (Zar.sub k Zar.one))) k
         in
         let low = Zar.sub x (Zar.shiftl high k) in
         (&&) (slots_small w t depth' half skip low)
           (slots_small w t depth' half (Zar.sub skip half) high)

(** val slots : nat -> nat **)

let rec slots = function
| O -> S O
| S depth' -> add (slots depth') (slots depth')

(** val zslots : nat -> Zar.t **)

let rec zslots = function
| O -> Zar.one
| S depth' -> Zar.add (zslots depth') (zslots depth')

(** val own_small :
    Zar.t -> Zar.t -> nat -> Zar.t -> Zar.t list -> Zar.t -> Zar.t list list
    -> bool **)

let rec own_small w t depth0 h columns i = function
| [] -> true
| row :: block' ->
  (&&) (slots_small w t depth0 h i (dot row columns))
    (own_small w t depth0 h columns (Zar.add i Zar.one) block')

(** val others_small :
    Zar.t -> Zar.t -> nat -> Zar.t -> Zar.t list -> Zar.t list list list ->
    bool **)

let others_small w t depth0 h columns blocks =
  forallb
    (forallb (fun row ->
      slots_small w t depth0 h (Zar.opp Zar.one) (dot row columns))) blocks

(** val blocks_small :
    Zar.t -> Zar.t -> nat -> Zar.t -> Zar.t list list list -> bool **)

let rec blocks_small w t depth0 h = function
| [] -> true
| block :: later ->
  let columns = pack_rows w block in
  (&&)
    ((&&) (own_small w t depth0 h columns Zar.zero block)
      (others_small w t depth0 h columns later))
    (blocks_small w t depth0 h later)

(** val chunks_fuel : 'a2 list -> nat -> 'a1 list -> 'a1 list list **)

let rec chunks_fuel fuel size xs =
  match fuel with
  | [] -> []
  | _ :: fuel' ->
    (match xs with
     | [] -> []
     | _ :: _ -> (firstn size xs) :: (chunks_fuel fuel' size (skipn size xs)))

(** val chunks : nat -> 'a1 list -> 'a1 list list **)

let chunks size xs =
  chunks_fuel xs size xs

(** val digits : Zar.t -> nat -> Zar.t -> Zar.t -> Zar.t list **)

let rec digits w depth0 h x =
  match depth0 with
  | O -> x :: []
  | S depth' ->
    let half = Zar.shiftr h Zar.one in
    let k = Zar.mul w half in
    let high =
      Zar.shiftr (Zar.add x (Zar.shiftl Zar.one (Zar.sub k Zar.one))) k
    in
    let low = Zar.sub x (Zar.shiftl high k) in
    app (digits w depth' half low) (digits w depth' half high)

(** val sum_abs : Zar.t -> Zar.t list -> Zar.t **)

let rec sum_abs acc = function
| [] -> acc
| x :: xs' -> sum_abs (Zar.add acc (Zar.abs x)) xs'

(** val max_abs : Zar.t -> Zar.t list -> Zar.t **)

let rec max_abs acc = function
| [] -> acc
| x :: xs' -> max_abs (Zar.max acc (Zar.abs x)) xs'

(** val slot_width_for : nat -> Zar.t -> Zar.t -> Zar.t **)

let rec slot_width_for fuel bound w =
  match fuel with
  | O -> w
  | S fuel' ->
    if Zar.leb
         (Zar.add (Zar.mul (Zar.double Zar.one) bound) (Zar.double Zar.one))
         (Zar.shiftl Zar.one w)
    then w
    else slot_width_for fuel' bound
           (Zar.add w (Zar.double (Zar.double (Zar.double Zar.one))))

(** val product_depth : nat **)

let product_depth =
  S (S (S (S (S O))))

(** val zip_with : ('a1 -> 'a2 -> 'a3) -> 'a1 list -> 'a2 list -> 'a3 list **)

let rec zip_with f xs ys =
  match xs with
  | [] -> []
  | x :: xs' ->
    (match ys with
     | [] -> []
     | y :: ys' -> (f x y) :: (zip_with f xs' ys'))

(** val block_product :
    Zar.t -> Zar.t list list -> Zar.t list -> (Zar.t list * bool) -> Zar.t
    list **)

let block_product w block columns = function
| (c, fits) ->
  if fits
  then firstn (length block)
         (digits w product_depth (zslots product_depth) (dot c columns))
  else map (fun row -> dot row c) block

(** val products : Zar.t list list -> Zar.t list list -> Zar.t list list **)

let products rows0 vectors =
  let largest = fold_left max_abs rows0 Zar.zero in
  let bound =
    fold_left (fun b c -> Zar.max b (Zar.mul largest (sum_abs Zar.zero c)))
      vectors Zar.zero
  in
  let w =
    slot_width_for (slots (S (S (S (S (S (S (S (S (S (S O))))))))))) bound
      (Zar.double (Zar.double (Zar.double Zar.one)))
  in
  let tested =
    map (fun c -> (c,
      ((&&) (Zar.ltb Zar.zero w)
        (Zar.leb
          (Zar.add
            (Zar.mul (Zar.double Zar.one)
              (Zar.mul largest (sum_abs Zar.zero c))) (Zar.double Zar.one))
          (Zar.shiftl Zar.one w))))) vectors
  in
  fold_right (fun block rest ->
    let columns = pack_rows w block in
    zip_with (fun c ys -> app (block_product w block columns c) ys) tested
      rest) (map (fun _ -> []) vectors) (chunks (slots product_depth) rows0)

(** val gram_check :
    Zar.t -> Zar.t -> Zar.t -> nat -> Zar.t list list -> bool **)

let gram_check w t d depth0 rows0 =
  let n = zlength rows0 in
  (&&)
    ((&&)
      ((&&) ((&&) (Zar.leb Zar.zero t) (Zar.ltb Zar.zero w))
        (Zar.leb
          (Zar.add (Zar.mul (Zar.double Zar.one) d) (Zar.double Zar.one))
          (Zar.shiftl Zar.one w)))
      (forallb (fun c -> Zar.leb (Zar.add (Zar.mul n t) (dot c c)) d) rows0))
    (blocks_small w t depth0 (zslots depth0) (chunks (slots depth0) rows0))

(** val push_column : Zar.t list -> Zar.t list list -> Zar.t list list **)

let rec push_column row columns =
  match row with
  | [] -> []
  | r :: row' ->
    (match columns with
     | [] -> (r :: []) :: (push_column row' [])
     | c :: columns' -> (r :: c) :: (push_column row' columns'))

(** val transpose : Zar.t list list -> Zar.t list list **)

let transpose rows0 =
  fold_right push_column [] rows0

(** val append_rows :
    Zar.t list list -> Zar.t list list -> Zar.t list list **)

let rec append_rows left right =
  match left with
  | [] -> []
  | l :: left' ->
    (match right with
     | [] -> []
     | r :: right' -> (app l r) :: (append_rows left' right'))

(** val norm_check :
    Zar.t -> Zar.t -> Zar.t -> nat -> Zar.t list list -> Zar.t list list ->
    bool **)

let norm_check w t d depth0 factor0 m =
  let rows0 = append_rows m factor0 in
  (&&) (Zar.eqb (zlength rows0) (zlength m)) (gram_check w t d depth0 rows0)

type rational = { num : Zar.t; den : Zar.t }

(** val nonnegative : rational -> bool **)

let nonnegative u =
  (&&) (Zar.leb Zar.zero u.num) (Zar.ltb Zar.zero u.den)

(** val times : rational -> rational -> rational **)

let times u v =
  { num = (Zar.mul u.num v.num); den = (Zar.mul u.den v.den) }

(** val plus : rational -> rational -> rational **)

let plus u v =
  { num = (Zar.add (Zar.mul u.num v.den) (Zar.mul v.num u.den)); den =
    (Zar.mul u.den v.den) }

(** val minus : rational -> rational -> rational **)

let minus u v =
  { num = (Zar.sub (Zar.mul u.num v.den) (Zar.mul v.num u.den)); den =
    (Zar.mul u.den v.den) }

(** val at_most : rational -> rational -> bool **)

let at_most u v =
  Zar.leb (Zar.mul u.num v.den) (Zar.mul v.num u.den)

(** val less_than : rational -> rational -> bool **)

let less_than u v =
  Zar.ltb (Zar.mul u.num v.den) (Zar.mul v.num u.den)

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

(** val every_length : nat -> 'a1 list list -> bool **)

let every_length n rows0 =
  forallb (fun r -> Nat.eqb (length r) n) rows0

(** val is_nil : 'a1 list -> bool **)

let is_nil = function
| [] -> true
| _ :: _ -> false

(** val guard : bool -> nat -> nat option **)

let guard b n =
  if b then Some n else None

(** val output_size : network -> nat -> nat option **)

let rec output_size net n =
  match net with
  | Dense (divisor0, w, b) ->
    guard
      ((&&) ((&&) (Zar.ltb Zar.zero divisor0) (every_length n w))
        (Nat.eqb (length b) (length w))) (length w)
  | Diagonal (divisor0, d, b) ->
    guard
      ((&&) ((&&) (Zar.ltb Zar.zero divisor0) (Nat.eqb (length d) n))
        (Nat.eqb (length b) n)) n
  | GroupSort group ->
    guard ((&&) (negb (Nat.eqb group O)) (Nat.eqb (Nat.modulo n group) O)) n
  | MaxMinHalves -> guard (Nat.even n) n
  | MaxPool windows ->
    guard
      (forallb (fun w ->
        (&&) (negb (is_nil w)) (forallb (fun i -> Nat.ltb i n) w)) windows)
      (length windows)
  | Compose (f, g) ->
    (match output_size f n with
     | Some m -> output_size g m
     | None -> None)
  | Residual (_, g) ->
    (match output_size g n with
     | Some m -> guard (Nat.eqb m n) n
     | None -> None)
  | Concat (f, g) ->
    (match output_size f n with
     | Some m1 ->
       (match output_size g n with
        | Some m2 -> Some (add m1 m2)
        | None -> None)
     | None -> None)
  | _ -> Some n

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

(** val count_off_grid : Zar.t -> Zar.t -> dyadic list -> Zar.t **)

let rec count_off_grid s acc = function
| [] -> acc
| x :: row' ->
  count_off_grid s (if on_grid s x then acc else Zar.add acc Zar.one) row'

(** val off_grid_count : Zar.t -> dyadic list list -> Zar.t **)

let off_grid_count s w =
  fold_left (count_off_grid s) w Zar.zero

(** val dense_check :
    Zar.t -> dyadic list list -> rational -> gram_hint -> bool **)

let dense_check divisor0 w u h =
  let s = h.scale in
  let rounded0 = map (map (grid s)) w in
  let m = if h.transposed then transpose rounded0 else rounded0 in
  (&&)
    ((&&)
      ((&&)
        ((&&) ((&&) (Zar.ltb Zar.zero divisor0) (Zar.leb Zar.zero h.spread))
          (Zar.leb Zar.zero h.grid_norm))
        (Zar.leb (off_grid_count s w) (Zar.mul h.spread h.spread)))
      (le_scaled (Zar.mul (Zar.add h.grid_norm h.spread) u.den)
        (Zar.mul u.num divisor0) s))
    (norm_check h.slot_width h.off_diagonal (Zar.mul h.grid_norm h.grid_norm)
      h.depth h.factor m)

(** val magnitude : dyadic -> rational **)

let magnitude x =
  if Zar.leb Zar.zero x.exponent
  then { num = (Zar.shiftl (Zar.abs x.mantissa) x.exponent); den = Zar.one }
  else { num = (Zar.abs x.mantissa); den =
         (Zar.shiftl Zar.one (Zar.opp x.exponent)) }

(** val zero : rational **)

let zero =
  { num = Zar.zero; den = Zar.one }

(** val one : rational **)

let one =
  { num = Zar.one; den = Zar.one }

(** val bump : nat -> Zar.t list -> Zar.t list **)

let rec bump i counts =
  match i with
  | O ->
    (match counts with
     | [] -> Zar.one :: []
     | c :: counts' -> (Zar.add c Zar.one) :: counts')
  | S i' ->
    (match counts with
     | [] -> Zar.zero :: (bump i' [])
     | c :: counts' -> c :: (bump i' counts'))

(** val occurrences : nat list -> Zar.t list **)

let occurrences indices =
  fold_right bump [] indices

(** val leaf_check : network -> rational -> bool **)

let leaf_check net u =
  match net with
  | Dense (_, _, _) -> false
  | Diagonal (divisor0, d, _) ->
    (&&) (Zar.ltb Zar.zero divisor0)
      (forallb (fun x ->
        at_most (magnitude x) (times u { num = divisor0; den = Zar.one })) d)
  | LeakyRelu slope -> (&&) (at_most one u) (at_most (magnitude slope) u)
  | Sigmoid ->
    at_most { num = Zar.one; den = (Zar.double (Zar.double Zar.one)) } u
  | MaxPool windows ->
    forallb (fun c ->
      Zar.leb (Zar.mul c (Zar.mul u.den u.den)) (Zar.mul u.num u.num))
      (occurrences (concat windows))
  | Compose (_, _) -> false
  | Residual (_, _) -> false
  | Concat (_, _) -> false
  | _ -> at_most one u

type linear = { rows : Zar.t list list; row_scale : Zar.t; row_divisor : Zar.t }

(** val diagonal_rows : Zar.t list -> Zar.t list list **)

let rec diagonal_rows = function
| [] -> []
| a :: d' ->
  (a :: (map (fun _ -> Zar.zero) d')) :: (map (fun x -> Zar.zero :: x)
                                           (diagonal_rows d'))

(** val multiply : Zar.t list list -> Zar.t list list -> Zar.t list list **)

let multiply a b =
  transpose (products a (transpose b))

(** val has_entries : Zar.t list list -> bool **)

let has_entries = function
| [] -> false
| l :: _ -> (match l with
             | [] -> false
             | _ :: _ -> true)

(** val after : network -> linear -> linear option **)

let rec after net a =
  match net with
  | Identity -> Some a
  | Dense (divisor0, w, _) ->
    let s = common_scale w in
    if (&&) (Zar.ltb Zar.zero divisor0) (has_entries a.rows)
    then Some { rows = (multiply (map (map (grid s)) w) a.rows); row_scale =
           (Zar.add a.row_scale s); row_divisor =
           (Zar.mul a.row_divisor divisor0) }
    else None
  | Diagonal (divisor0, d, _) ->
    let s = common_scale (d :: []) in
    if Zar.ltb Zar.zero divisor0
    then Some { rows =
           (zip_with (fun a0 row -> map (Zar.mul a0) row) (map (grid s) d)
             a.rows); row_scale = (Zar.add a.row_scale s); row_divisor =
           (Zar.mul a.row_divisor divisor0) }
    else None
  | Compose (f, g) ->
    (match after f a with
     | Some b -> after g b
     | None -> None)
  | _ -> None

(** val linear_map : network -> linear option **)

let rec linear_map = function
| Dense (divisor0, w, _) ->
  let s = common_scale w in
  if Zar.ltb Zar.zero divisor0
  then Some { rows = (map (map (grid s)) w); row_scale = s; row_divisor =
         divisor0 }
  else None
| Diagonal (divisor0, d, _) ->
  let s = common_scale (d :: []) in
  if Zar.ltb Zar.zero divisor0
  then Some { rows = (diagonal_rows (map (grid s) d)); row_scale = s;
         row_divisor = divisor0 }
  else None
| Compose (f, g) ->
  (match linear_map f with
   | Some a -> after g a
   | None -> None)
| _ -> None

(** val folded_check : network -> rational -> gram_hint -> bool **)

let folded_check net u h =
  match linear_map net with
  | Some a ->
    dense_check a.row_divisor
      (map
        (map (fun z0 -> { mantissa = z0; exponent = (Zar.opp a.row_scale) }))
        a.rows) u h
  | None -> false

(** val join_check : rational -> rational -> rational -> bool **)

let join_check u v w =
  at_most (plus (times u u) (times v v)) (times w w)

(** val lipschitz : network -> evidence -> rational option **)

let rec lipschitz net ev =
  match net with
  | Dense (divisor0, w, _) ->
    (match ev with
     | Claim u ->
       if (&&) (nonnegative u) (leaf_check net u) then Some u else None
     | DenseClaim (u, h) ->
       if (&&) (nonnegative u) (dense_check divisor0 w u h)
       then Some u
       else None
     | Folded (u, h) ->
       if (&&) (nonnegative u) (folded_check net u h) then Some u else None
     | _ -> None)
  | Compose (f, g) ->
    (match ev with
     | Claim u ->
       if (&&) (nonnegative u) (leaf_check net u) then Some u else None
     | Folded (u, h) ->
       if (&&) (nonnegative u) (folded_check net u h) then Some u else None
     | Both (ef, eg) ->
       (match lipschitz f ef with
        | Some u ->
          (match lipschitz g eg with
           | Some v -> Some (times u v)
           | None -> None)
        | None -> None)
     | _ -> None)
  | Residual (a, g) ->
    (match ev with
     | Claim u ->
       if (&&) (nonnegative u) (leaf_check net u) then Some u else None
     | Folded (u, h) ->
       if (&&) (nonnegative u) (folded_check net u h) then Some u else None
     | Inner eg ->
       (match lipschitz g eg with
        | Some u -> Some (plus (magnitude a) u)
        | None -> None)
     | _ -> None)
  | Concat (f, g) ->
    (match ev with
     | Claim u ->
       if (&&) (nonnegative u) (leaf_check net u) then Some u else None
     | Folded (u, h) ->
       if (&&) (nonnegative u) (folded_check net u h) then Some u else None
     | Join (w, ef, eg) ->
       (match lipschitz f ef with
        | Some u ->
          (match lipschitz g eg with
           | Some v ->
             if (&&) (nonnegative w) (join_check u v w) then Some w else None
           | None -> None)
        | None -> None)
     | _ -> None)
  | _ ->
    (match ev with
     | Claim u ->
       if (&&) (nonnegative u) (leaf_check net u) then Some u else None
     | Folded (u, h) ->
       if (&&) (nonnegative u) (folded_check net u h) then Some u else None
     | _ -> None)

(** val constant_of : network -> evidence -> rational **)

let rec constant_of net ev =
  match net with
  | Compose (f, g) ->
    (match ev with
     | Claim u -> u
     | DenseClaim (u, _) -> u
     | Folded (u, _) -> u
     | Both (ef, eg) -> times (constant_of f ef) (constant_of g eg)
     | Inner _ -> zero
     | Join (u, _, _) -> u)
  | Residual (a, g) ->
    (match ev with
     | Claim u -> u
     | DenseClaim (u, _) -> u
     | Folded (u, _) -> u
     | Both (_, _) -> zero
     | Inner eg -> plus (magnitude a) (constant_of g eg)
     | Join (u, _, _) -> u)
  | Concat (_, _) ->
    (match ev with
     | Claim u -> u
     | DenseClaim (u, _) -> u
     | Folded (u, _) -> u
     | Join (u, _, _) -> u
     | _ -> zero)
  | _ ->
    (match ev with
     | Claim u -> u
     | DenseClaim (u, _) -> u
     | Folded (u, _) -> u
     | Join (u, _, _) -> u
     | _ -> zero)

type point = { coordinates : Zar.t list; power : Zar.t; divisor : Zar.t }

(** val lift : Zar.t -> Zar.t -> point -> Zar.t list **)

let lift k scaling p =
  map (fun c -> Zar.shiftl (Zar.mul c scaling) (Zar.sub p.power k))
    p.coordinates

(** val add_points : point -> point -> point **)

let add_points p q =
  let k = Zar.min p.power q.power in
  { coordinates =
  (zip_with Zar.add (lift k q.divisor p) (lift k p.divisor q)); power = k;
  divisor = (Zar.mul p.divisor q.divisor) }

(** val append_points : point -> point -> point **)

let append_points p q =
  let k = Zar.min p.power q.power in
  { coordinates = (app (lift k q.divisor p) (lift k p.divisor q)); power = k;
  divisor = (Zar.mul p.divisor q.divisor) }

(** val constant : dyadic list -> point **)

let constant b =
  let s = common_scale (b :: []) in
  { coordinates = (map (grid s) b); power = (Zar.opp s); divisor = Zar.one }

(** val times_dyadic : dyadic -> point -> point **)

let times_dyadic a p =
  { coordinates = (map (Zar.mul a.mantissa) p.coordinates); power =
    (Zar.add p.power a.exponent); divisor = p.divisor }

(** val leaky : dyadic -> point -> point **)

let leaky slope p =
  let k = Zar.min Zar.zero slope.exponent in
  { coordinates =
  (map (fun c ->
    if Zar.leb Zar.zero c
    then Zar.shiftl c (Zar.opp k)
    else Zar.shiftl (Zar.mul slope.mantissa c) (Zar.sub slope.exponent k))
    p.coordinates); power = (Zar.add p.power k); divisor = p.divisor }

(** val insert :
    ('a1 -> 'a1 -> 'a1) -> ('a1 -> 'a1 -> 'a1) -> 'a1 -> 'a1 list -> 'a1 list **)

let rec insert max min x = function
| [] -> x :: []
| y :: xs' -> (max x y) :: (insert max min (min x y) xs')

(** val insertion_sort :
    ('a1 -> 'a1 -> 'a1) -> ('a1 -> 'a1 -> 'a1) -> 'a1 list -> 'a1 list **)

let insertion_sort max min xs =
  fold_right (insert max min) [] xs

(** val sort_groups :
    ('a1 -> 'a1 -> 'a1) -> ('a1 -> 'a1 -> 'a1) -> nat -> 'a1 list -> 'a1 list **)

let sort_groups max min group xs =
  concat (map (insertion_sort max min) (chunks group xs))

(** val maxmin_halves :
    ('a1 -> 'a1 -> 'a1) -> ('a1 -> 'a1 -> 'a1) -> 'a1 list -> 'a1 list **)

let maxmin_halves max min xs =
  let half = Nat.div2 (length xs) in
  let left = firstn half xs in
  let right = skipn half xs in
  app (zip_with max left right) (zip_with min left right)

(** val window_max :
    ('a1 -> 'a1 -> 'a1) -> 'a1 -> 'a1 list -> nat list -> 'a1 **)

let window_max max zero0 xs window =
  match map (fun i -> nth i xs zero0) window with
  | [] -> zero0
  | y :: ys -> fold_right max y ys

(** val on_coordinates : (Zar.t list -> Zar.t list) -> point -> point **)

let on_coordinates f p =
  { coordinates = (f p.coordinates); power = p.power; divisor = p.divisor }

(** val rescale : Zar.t -> Zar.t -> point -> Zar.t list -> point **)

let rescale s q p multiplied =
  { coordinates = multiplied; power = (Zar.sub p.power s); divisor =
    (Zar.mul p.divisor q) }

(** val multiply_entries : Zar.t -> Zar.t -> Zar.t list -> point -> point **)

let multiply_entries s q factors p =
  { coordinates = (zip_with Zar.mul factors p.coordinates); power =
    (Zar.sub p.power s); divisor = (Zar.mul p.divisor q) }

(** val rational_values : network -> bool **)

let rec rational_values = function
| Sigmoid -> false
| Tanh -> false
| Compose (f, g) -> (&&) (rational_values f) (rational_values g)
| Residual (_, g) -> rational_values g
| Concat (f, g) -> (&&) (rational_values f) (rational_values g)
| _ -> true

(** val forward : network -> point list -> point list **)

let rec forward net ps =
  match net with
  | Dense (q, w, b) ->
    let s = common_scale w in
    let rows0 = map (map (grid s)) w in
    let shift = constant b in
    zip_with (fun p y -> add_points (rescale s q p y) shift) ps
      (products rows0 (map (fun p -> p.coordinates) ps))
  | Diagonal (q, d, b) ->
    let s = common_scale (d :: []) in
    let factors = map (grid s) d in
    let shift = constant b in
    map (fun p -> add_points (multiply_entries s q factors p) shift) ps
  | Relu -> map (on_coordinates (map (Zar.max Zar.zero))) ps
  | LeakyRelu slope -> map (leaky slope) ps
  | Abs -> map (on_coordinates (map Zar.abs)) ps
  | GroupSort group ->
    map (on_coordinates (sort_groups Zar.max Zar.min group)) ps
  | FullSort -> map (on_coordinates (insertion_sort Zar.max Zar.min)) ps
  | MaxMinHalves -> map (on_coordinates (maxmin_halves Zar.max Zar.min)) ps
  | MaxPool windows ->
    map
      (on_coordinates (fun c -> map (window_max Zar.max Zar.zero c) windows))
      ps
  | Compose (f, g) -> forward g (forward f ps)
  | Residual (a, g) ->
    zip_with add_points (map (times_dyadic a) ps) (forward g ps)
  | Concat (f, g) -> zip_with append_points (forward f ps) (forward g ps)
  | _ -> ps

type enclosed = { centre : point; error : rational }

(** val excess : nat -> Zar.t -> Zar.t -> Zar.t -> Zar.t **)

let rec excess fuel precision0 largest k =
  match fuel with
  | O -> k
  | S fuel' ->
    if Zar.leb largest (Zar.shiftl Zar.one (Zar.add precision0 k))
    then k
    else excess fuel' precision0 largest
           (Zar.add k (Zar.double (Zar.double Zar.one)))

(** val root_above : nat -> Zar.t -> Zar.t -> Zar.t **)

let rec root_above fuel n r =
  match fuel with
  | O -> n
  | S fuel' ->
    if Zar.leb n (Zar.mul r r) then r else root_above fuel' n (Zar.add r r)

(** val scaled : Zar.t -> Zar.t -> Zar.t -> rational **)

let scaled a e d =
  if Zar.leb Zar.zero e
  then { num = (Zar.shiftl a e); den = d }
  else { num = a; den = (Zar.shiftl d (Zar.opp e)) }

(** val rounded : Zar.t -> point -> rational -> enclosed **)

let rounded precision0 p e =
  let k =
    excess (slots (S (S (S (S (S (S (S (S (S (S O))))))))))) precision0
      (max_abs Zar.zero p.coordinates) Zar.zero
  in
  if Zar.leb k Zar.zero
  then { centre = p; error = e }
  else let half = Zar.shiftl Zar.one (Zar.sub k Zar.one) in
       { centre = { coordinates =
       (map (fun c -> Zar.shiftr (Zar.add c half) k) p.coordinates); power =
       (Zar.add p.power k); divisor = p.divisor }; error =
       (plus e
         (scaled
           (root_above (slots (S (S (S (S (S O)))))) (zlength p.coordinates)
             Zar.one) (Zar.sub (Zar.add p.power k) Zar.one) p.divisor)) }

(** val enclose_layer :
    Zar.t -> network -> evidence -> enclosed list -> enclosed list **)

let enclose_layer precision0 net ev qs =
  let u = constant_of net ev in
  zip_with (fun q y -> rounded precision0 y (times u q.error)) qs
    (forward net (map (fun e -> e.centre) qs))

(** val enclose :
    Zar.t -> network -> evidence -> enclosed list -> enclosed list **)

let rec enclose precision0 net ev qs =
  match net with
  | Compose (f, g) ->
    (match ev with
     | Both (ef, eg) -> enclose precision0 g eg (enclose precision0 f ef qs)
     | _ -> enclose_layer precision0 net ev qs)
  | _ -> enclose_layer precision0 net ev qs

type claim =
| GlobalLipschitz of rational
| PairLipschitz of nat * nat * rational
| RobustClass of nat * nat * rational
| RobustSign of nat * bool * rational

type problem = { input_size : nat; body : network; last : network;
                 body_evidence : evidence; last_evidence : evidence;
                 precision : Zar.t; points : point list; claims : claim list }

(** val whole : problem -> network **)

let whole p =
  Compose (p.body, p.last)

type bounds = { body_bound : rational; whole_bound : rational;
                row_products : Zar.t list list; denominator : Zar.t }

(** val about_pairs : claim -> bool **)

let about_pairs = function
| GlobalLipschitz _ -> false
| RobustSign (_, _, _) -> false
| _ -> true

(** val last_rows : problem -> Zar.t list list * Zar.t **)

let last_rows p =
  if existsb about_pairs p.claims
  then (match linear_map p.last with
        | Some a ->
          ((products a.rows a.rows), (Zar.shiftl a.row_divisor a.row_scale))
        | None -> ([], Zar.one))
  else ([], Zar.one)

(** val prove_bounds : problem -> bounds option **)

let prove_bounds p =
  match lipschitz p.body p.body_evidence with
  | Some u ->
    (match lipschitz p.last p.last_evidence with
     | Some v ->
       let (rs, q) = last_rows p in
       Some { body_bound = u; whole_bound = (times u v); row_products = rs;
       denominator = q }
     | None -> None)
  | None -> None

(** val square : rational -> rational **)

let square u =
  times u u

(** val pair_by_root2 : bounds -> rational **)

let pair_by_root2 b =
  times { num = (Zar.double Zar.one); den = Zar.one } (square b.whole_bound)

(** val pair_by_rows : bounds -> nat -> nat -> rational **)

let pair_by_rows b i j =
  match nth_error b.row_products i with
  | Some u ->
    (match nth_error b.row_products j with
     | Some v ->
       let q = b.denominator in
       times { num =
         (Zar.add
           (Zar.sub (nth i u Zar.zero)
             (Zar.mul (Zar.double Zar.one) (nth j u Zar.zero)))
           (nth j v Zar.zero)); den = (Zar.mul q q) } (square b.body_bound)
     | None -> pair_by_root2 b)
  | None -> pair_by_root2 b

(** val margin : enclosed -> rational -> Zar.t -> rational **)

let margin y error0 c =
  minus (scaled c y.centre.power y.centre.divisor) error0

(** val margin_exceeds : rational -> rational -> rational -> bool **)

let margin_exceeds bound r m =
  (&&) (Zar.ltb Zar.zero m.num)
    (less_than (times bound (square r)) (square m))

(** val beats : bounds -> rational -> enclosed -> nat -> nat -> bool **)

let beats b r y i j =
  if Nat.eqb i j
  then true
  else let c = y.centre.coordinates in
       let m =
         margin y
           (times { num = (Zar.double Zar.one); den = Zar.one } y.error)
           (Zar.sub (nth i c Zar.zero) (nth j c Zar.zero))
       in
       (||) (margin_exceeds (pair_by_rows b i j) r m)
         (margin_exceeds (pair_by_root2 b) r m)

(** val has_sign : bounds -> rational -> enclosed -> bool -> bool **)

let has_sign b r y positive0 =
  let c = nth O y.centre.coordinates Zar.zero in
  margin_exceeds (square b.whole_bound) r
    (margin y y.error (if positive0 then c else Zar.opp c))

(** val claim_check : bounds -> nat -> enclosed list -> claim -> bool **)

let claim_check b m ys = function
| GlobalLipschitz u -> (&&) (nonnegative u) (at_most b.whole_bound u)
| PairLipschitz (i, j, u) ->
  (&&) ((&&) ((&&) (nonnegative u) (Nat.ltb i m)) (Nat.ltb j m))
    ((||) (at_most (pair_by_rows b i j) (square u))
      (at_most (pair_by_root2 b) (square u)))
| RobustClass (x, i, r) ->
  (match nth_error ys x with
   | Some y ->
     (&&) ((&&) (nonnegative r) (Nat.ltb i m))
       (forallb (beats b r y i) (seq O m))
   | None -> false)
| RobustSign (x, positive0, r) ->
  (match nth_error ys x with
   | Some y ->
     (&&) ((&&) (nonnegative r) (Nat.eqb m (S O))) (has_sign b r y positive0)
   | None -> false)

(** val point_ok : nat -> point -> bool **)

let point_ok n p =
  (&&) (Zar.ltb Zar.zero p.divisor) (Nat.eqb (length p.coordinates) n)

(** val values : problem -> enclosed list **)

let values p =
  if rational_values (whole p)
  then enclose p.precision p.last p.last_evidence
         (enclose p.precision p.body p.body_evidence
           (map (fun x -> { centre = x; error = zero }) p.points))
  else []

(** val verdicts : problem -> bool list **)

let verdicts p =
  match output_size (whole p) p.input_size with
  | Some m ->
    (match prove_bounds p with
     | Some b ->
       if forallb (point_ok p.input_size) p.points
       then let ys = values p in map (claim_check b m ys) p.claims
       else map (fun _ -> false) p.claims
     | None -> map (fun _ -> false) p.claims)
  | None -> map (fun _ -> false) p.claims
