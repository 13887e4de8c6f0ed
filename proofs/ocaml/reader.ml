(* The reader of plain problem files (proofs/FORMAT.md): words and decimal integers between white space.
   It turns words into the extracted checker's types and decides nothing; what it cannot read it refuses in one sentence. *)

module Big = Z   (* Core has a module Z of its own *)
open Core

exception Refused of string

let refuse at fmt = Printf.ksprintf (fun why -> raise (Refused (Printf.sprintf "byte %d: %s" at why))) fmt

type source = { text : string; mutable position : int }

(* Caps keep a hostile file from exhausting the stack or the memory before anything is checked. *)
let largest_side = 65536
let largest_entries = 1 lsl 26
let deepest_network = 2000
let longest_integer = 20000

(* ---- words ---- *)

let is_space c = c = ' ' || c = '\n' || c = '\t' || c = '\r'

let rec skip_space s =
  if s.position < String.length s.text && is_space (String.unsafe_get s.text s.position) then begin
    s.position <- s.position + 1;
    skip_space s
  end

(* Start and end of the next word. *)
let next_word s =
  skip_space s;
  let first = s.position in
  if first >= String.length s.text then refuse first "the file ends where a word is expected";
  let last = ref first in
  while !last < String.length s.text && not (is_space (String.unsafe_get s.text !last)) do incr last done;
  s.position <- !last;
  (first, !last)

let word s =
  let first, last = next_word s in
  if last - first > 40 then refuse first "a word of %d characters is too long" (last - first);
  String.sub s.text first (last - first)

let expect s what =
  let at = s.position in
  let found = word s in
  if found <> what then refuse at "expected '%s', found '%s'" what (String.escaped found)

(* ---- integers ---- *)

let digits_only s first last =
  let ok = ref (first < last) in
  for i = first to last - 1 do
    match String.unsafe_get s.text i with '0' .. '9' -> () | _ -> ok := false
  done;
  !ok

(* Short integers are read without Zarith; both ways refuse anything but an optional sign and digits. *)
let integer s =
  let first, last = next_word s in
  let negative = s.text.[first] = '-' in
  let start = if negative then first + 1 else first in
  if last - start > longest_integer then refuse first "an integer of %d digits is too long" (last - start);
  if not (digits_only s start last) then
    refuse first "expected an integer, found '%s'" (String.escaped (String.sub s.text first (min 40 (last - first))));
  if last - start <= 18 then begin
    let value = ref 0 in
    for i = start to last - 1 do
      value := 10 * !value + (Char.code (String.unsafe_get s.text i) - Char.code '0')
    done;
    Big.of_int (if negative then - !value else !value)
  end
  else Big.of_string (String.sub s.text first (last - first))

let bounded s what low high =
  let at = s.position in
  let value = integer s in
  if Big.lt value (Big.of_int low) || Big.gt value (Big.of_int high) then
    refuse at "%s must be between %d and %d, not %s" what low high (Big.to_string value);
  Big.to_int value

let side s what = bounded s what 0 largest_side

(* Exponents, scales and widths: beyond this no weight, bound or slot is sensible, and shifts would exhaust the memory. *)
let exponent s = Big.of_int (bounded s "an exponent" (-100000) 100000)

(* Unary numbers share their tails, so that a table of indices costs no more than the largest of them. *)
let naturals = ref [| O |]

let natural n =
  let known = Array.length !naturals in
  if n >= known then begin
    let table = Array.make (2 * n + 1) O in
    Array.blit !naturals 0 table 0 known;
    for i = known to 2 * n do table.(i) <- S table.(i - 1) done;
    naturals := table
  end;
  !naturals.(n)

let list n read =
  let rec go n acc = if n = 0 then List.rev acc else go (n - 1) (read () :: acc) in
  go n []

(* ---- numbers ---- *)

let rational s =
  let num = integer s in
  let den = integer s in
  { num; den }

let decoded s name decode =
  let at = s.position in
  match decode (integer s) with
  | Some x -> x
  | None -> refuse at "not the bits of a finite %s number" name

let dyadic s = function
  | "f32" -> decoded s "binary32" decode32
  | "f64" -> decoded s "binary64" decode64
  | "dyadic" ->
      let mantissa = integer s in
      let exponent = exponent s in
      { mantissa; exponent }
  | other -> refuse s.position "expected f32, f64 or dyadic, found '%s'" (String.escaped other)

let scalar s = let encoding = word s in dyadic s encoding

let vector s =
  match word s with
  | "zeros" ->
      let n = side s "a size" in
      list n (fun () -> { mantissa = Zar.zero; exponent = Zar.zero })
  | encoding ->
      let n = side s "a size" in
      list n (fun () -> dyadic s encoding)

(* ---- networks ---- *)

let rec network depth s =
  if depth > deepest_network then refuse s.position "layers are nested more than %d deep" deepest_network;
  let at = s.position in
  match word s with
  | "identity" -> Identity
  | "dense" ->
      let divisor = integer s in
      let rows = side s "the number of rows" in
      let columns = side s "the number of columns" in
      if rows * columns > largest_entries then refuse at "a matrix of %d x %d is too large" rows columns;
      let encoding = word s in
      let weights = list rows (fun () -> list columns (fun () -> dyadic s encoding)) in
      expect s "bias";
      Dense (divisor, weights, vector s)
  | "diagonal" ->
      let divisor = integer s in
      let factors = vector s in
      expect s "bias";
      Diagonal (divisor, factors, vector s)
  | "relu" -> Relu
  | "leaky-relu" -> LeakyRelu (scalar s)
  | "abs" -> Abs
  | "sigmoid" -> Sigmoid
  | "tanh" -> Tanh
  | "group-sort" -> GroupSort (natural (side s "the group size"))
  | "full-sort" -> FullSort
  | "max-min-halves" -> MaxMinHalves
  | "max-pool" ->
      let windows = side s "the number of windows" in
      MaxPool (list windows (fun () ->
        let n = side s "the size of a window" in
        list n (fun () -> natural (side s "an index"))))
  | "compose" ->
      let f = network (depth + 1) s in
      let g = network (depth + 1) s in
      Compose (f, g)
  | "residual" ->
      let a = scalar s in
      Residual (a, network (depth + 1) s)
  | "concat" ->
      let f = network (depth + 1) s in
      let g = network (depth + 1) s in
      Concat (f, g)
  | other -> refuse at "unknown layer '%s'" (String.escaped other)

(* ---- evidence ---- *)

let gram_hint s =
  let transposed = bounded s "the orientation" 0 1 = 1 in
  let scale = exponent s in
  let spread = integer s in
  let grid_norm = integer s in
  let off_diagonal = integer s in
  let slot_width = exponent s in
  let depth = natural (bounded s "the depth of packing" 0 12) in
  let rows = side s "the number of rows" in
  let factor = list rows (fun () ->
    let n = side s "the length of a row" in
    list n (fun () -> integer s)) in
  { transposed; scale; spread; grid_norm; off_diagonal; slot_width; depth; factor }

let rec evidence depth s =
  if depth > deepest_network then refuse s.position "evidence is nested more than %d deep" deepest_network;
  let at = s.position in
  match word s with
  | "claim" -> Claim (rational s)
  | "dense" ->
      let bound = rational s in
      DenseClaim (bound, gram_hint s)
  | "folded" ->
      let bound = rational s in
      Folded (bound, gram_hint s)
  | "both" ->
      let f = evidence (depth + 1) s in
      let g = evidence (depth + 1) s in
      Both (f, g)
  | "inner" -> Inner (evidence (depth + 1) s)
  | "join" ->
      let bound = rational s in
      let f = evidence (depth + 1) s in
      let g = evidence (depth + 1) s in
      Join (bound, f, g)
  | other -> refuse at "unknown evidence '%s'" (String.escaped other)

(* ---- points and claims ---- *)

let point s =
  expect s "point";
  let power = exponent s in
  let divisor = integer s in
  let n = side s "the number of coordinates" in
  let coordinates = list n (fun () -> integer s) in
  { coordinates; power; divisor }

let index s = natural (side s "an index")

let claim s =
  let at = s.position in
  match word s with
  | "global-lipschitz" -> GlobalLipschitz (rational s)
  | "pair-lipschitz" ->
      let i = index s in
      let j = index s in
      PairLipschitz (i, j, rational s)
  | "robust-class" ->
      let x = index s in
      let i = index s in
      RobustClass (x, i, rational s)
  | "robust-positive" ->
      let x = index s in
      RobustSign (x, true, rational s)
  | "robust-negative" ->
      let x = index s in
      RobustSign (x, false, rational s)
  | other -> refuse at "unknown claim '%s'" (String.escaped other)

let largest_count = 1 lsl 20

let problem text =
  let s = { text; position = 0 } in
  expect s "lipcert-problem";
  expect s "1";
  expect s "input";
  let input_size = natural (side s "the input size") in
  expect s "body";
  let body = network 0 s in
  expect s "last";
  let last = network 0 s in
  expect s "body-evidence";
  let body_evidence = evidence 0 s in
  expect s "last-evidence";
  let last_evidence = evidence 0 s in
  expect s "precision";
  let precision = Big.of_int (bounded s "the precision" 1 100000) in
  expect s "points";
  let points = list (side s "the number of points") (fun () -> point s) in
  expect s "claims";
  let claims = list (bounded s "the number of claims" 1 largest_count) (fun () -> claim s) in
  expect s "end";
  skip_space s;
  if s.position < String.length text then refuse s.position "there is text after 'end'";
  { input_size; body; last; body_evidence; last_evidence; precision; points; claims }
