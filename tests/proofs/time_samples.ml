(* How long samples take in the extracted checker, without the proof of the bounds: reads a problem with several points and prints the
   processor time of the preparation (weights as packed integers, once for all points) and of each point: its evaluation, and the claims
   about it with the claimed bounds. The fastest of three runs counts, since the machine may be shared. For measuring only: nothing is
   proved here. *)

open Core

let read name =
  let channel = open_in_bin name in
  Fun.protect ~finally:(fun () -> close_in channel) (fun () -> really_input_string channel (in_channel_length channel))

(* The claims that hold with the claimed bounds, and the seconds that this took. *)
let evaluate problem =
  let body_bound = constant_of problem.body problem.body_evidence in
  let whole_bound = times body_bound (constant_of problem.last problem.last_evidence) in
  let started = Sys.time () in
  let row_products, denominator = last_rows problem in
  let bounds = { body_bound; whole_bound; row_products; denominator } in
  let ys = values problem in
  match output_size (whole problem) problem.input_size with
  | None -> failwith "the network is ill-shaped"
  | Some m ->
      let holding = List.filter (claim_check bounds m ys) problem.claims in
      (List.length holding, Sys.time () -. started)

let fastest problem = List.fold_left (fun best () -> min best (evaluate problem)) (evaluate problem) [ (); () ]

let () =
  let problem = Reader.problem (read Sys.argv.(1)) in
  let points = List.length problem.points in
  if points < 2 then failwith "at least two points are needed";
  let _, preparation = fastest { problem with points = [ List.hd problem.points ]; claims = [] } in
  let holding, all = fastest problem in
  Printf.printf "%d points, %d claims of %d hold with the claimed bounds\npreparation %.0f ms, each point %.2f ms\n" points holding
    (List.length problem.claims) (1000. *. preparation)
    (1000. *. Float.max 0. (all -. preparation) /. float_of_int (points - 1))
