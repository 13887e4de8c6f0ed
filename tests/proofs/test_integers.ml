(* Every operation of ocaml/zar.ml against the same operation extracted from Coq's definitions, on corner cases and random integers. *)

module P = Plain

let rec positive_of n =
  if Z.equal n Z.one then P.XH
  else if Z.is_odd n then P.XI (positive_of (Z.shift_right n 1))
  else P.XO (positive_of (Z.shift_right n 1))

let rec of_positive = function
  | P.XH -> Z.one
  | P.XO p -> Z.mul (Z.of_int 2) (of_positive p)
  | P.XI p -> Z.succ (Z.mul (Z.of_int 2) (of_positive p))

let plain n =
  let s = Z.sign n in
  if s = 0 then P.Z0 else if s > 0 then P.Zpos (positive_of n) else P.Zneg (positive_of (Z.neg n))

let back = function P.Z0 -> Z.zero | P.Zpos p -> of_positive p | P.Zneg p -> Z.neg (of_positive p)

let tests = ref 0
let failures = ref 0

let report name arguments ok =
  incr tests;
  if not ok then begin
    incr failures;
    Printf.printf "%s differs at %s\n" name (String.concat ", " (List.map Z.to_string arguments))
  end

let integers name ours coqs x y = report name [ x; y ] (Z.equal (ours x y) (back (coqs (plain x) (plain y))))
let booleans name ours coqs x y = report name [ x; y ] (ours x y = coqs (plain x) (plain y))
let unary name ours coqs x = report name [ x ] (Z.equal (ours x) (back (coqs (plain x))))

(* Around the borders of machine words and of Zarith's short integers, and a few random ones of each size. *)
let samples =
  let around = List.concat_map (fun k ->
      let p = Z.shift_left Z.one k in
      List.concat_map (fun d -> [ Z.add p (Z.of_int d); Z.neg (Z.add p (Z.of_int d)) ]) [ -1; 0; 1 ])
      [ 0; 1; 2; 3; 5; 31; 32; 61; 62; 63; 64; 65; 127; 128 ] in
  let random bits =
    let chunk _ = Random.bits () in
    let x = List.fold_left (fun acc i -> Z.add (Z.shift_left acc 30) (Z.of_int (chunk i))) Z.zero [ 1; 2; 3; 4; 5; 6; 7 ] in
    let x = Z.shift_right x (max 0 (210 - bits)) in
    if Random.bool () then x else Z.neg x in
  around @ List.map random [ 4; 9; 20; 30; 45; 60; 62; 63; 64; 70; 100; 150; 200 ]

let counts = List.map Z.of_int [ -130; -64; -63; -33; -2; -1; 0; 1; 2; 31; 32; 62; 63; 64; 65; 130 ]

let shape x = Zar.positive_case (fun p -> ("xI", p)) (fun p -> ("xO", p)) (fun () -> ("xH", Z.zero)) x
let plain_shape x = P.positive_case (fun p -> ("xI", of_positive p)) (fun p -> ("xO", of_positive p)) (fun () -> ("xH", Z.zero)) x
let same (n, p) (m, q) = n = m && Z.equal p q

let () =
  Random.init 5;
  List.iter (fun x ->
    unary "opp" Zar.opp P.Z.opp x;
    unary "abs" Zar.abs P.Z.abs x;
    let ours = Zar.integer_case (fun () -> ("zero", Z.zero)) (fun p -> ("positive", p)) (fun p -> ("negative", p)) x in
    let coqs = P.integer_case (fun () -> ("zero", Z.zero)) (fun p -> ("positive", of_positive p))
        (fun p -> ("negative", of_positive p)) (plain x) in
    report "integer_case" [ x ] (same ours coqs);
    if Z.sign x > 0 then begin
      report "positive_case" [ x ] (same (shape x) (plain_shape (positive_of x)));
      report "double" [ x ] (Z.equal (Zar.double x) (of_positive (P.XO (positive_of x))));
      report "double_succ" [ x ] (Z.equal (Zar.double_succ x) (of_positive (P.XI (positive_of x))))
    end;
    List.iter (fun n ->
      integers "shiftl" Zar.shiftl P.Z.shiftl x n;
      integers "shiftr" Zar.shiftr P.Z.shiftr x n) counts;
    List.iter (fun y ->
      integers "add" Zar.add P.Z.add x y;
      integers "sub" Zar.sub P.Z.sub x y;
      integers "mul" Zar.mul P.Z.mul x y;
      integers "min" Zar.min P.Z.min x y;
      integers "max" Zar.max P.Z.max x y;
      booleans "leb" Zar.leb P.Z.leb x y;
      booleans "ltb" Zar.ltb P.Z.ltb x y;
      booleans "eqb" Zar.eqb P.Z.eqb x y) samples) samples;
  report "zero" [] (Z.equal Zar.zero (back P.Z0));
  report "one" [] (Z.equal Zar.one (of_positive P.XH));
  Printf.printf "%d comparisons, %d differences\n" !tests !failures;
  exit (if !failures = 0 && !tests > 50000 then 0 else 1)
