(* The integers of the extracted checker: Coq's Z becomes Zarith's Z.t, operation by operation.
   This file and the mapping in extract/Extract.v are part of the trusted base; tests/proofs compares every operation
   with the same operation extracted from Coq's own definitions. *)

type t = Z.t

let zero = Z.zero
let one = Z.one
let add = Z.add
let sub = Z.sub
let mul = Z.mul
let opp = Z.neg
let abs = Z.abs
let min = Z.min
let max = Z.max
let leb = Z.leq
let ltb = Z.lt
let eqb = Z.equal

(* Coq's shifts take counts of either sign. A count that is no machine integer raises Z.Overflow, which ends the run. *)
let shiftl x n =
  let n = Z.to_int n in
  if n >= 0 then Z.shift_left x n else Z.shift_right x (- n)

let shiftr x n = shiftl x (Z.neg n)

(* The constructors of Coq's positive, and its case analysis. *)
let double p = Z.shift_left p 1
let double_succ p = Z.succ (Z.shift_left p 1)

let positive_case if_double_succ if_double if_one p =
  if Z.equal p Z.one then if_one ()
  else if Z.is_odd p then if_double_succ (Z.shift_right p 1)
  else if_double (Z.shift_right p 1)

(* The case analysis of Coq's Z. *)
let integer_case if_zero if_positive if_negative x =
  let s = Z.sign x in
  if s = 0 then if_zero () else if s > 0 then if_positive x else if_negative (Z.neg x)
