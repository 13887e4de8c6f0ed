(* How long the evaluation of samples takes in the extracted checker, without the proof of the bounds: reads a problem, evaluates its points
   and checks the claims about them with the claimed bounds, and prints the processor time of one point in milliseconds. Packing the
   weights, which is done once for all points, is included. For measuring only: nothing is proved here. *)

open Core

let read name =
  let channel = open_in_bin name in
  Fun.protect ~finally:(fun () -> close_in channel) (fun () -> really_input_string channel (in_channel_length channel))

let () =
  let problem = Reader.problem (read Sys.argv.(1)) in
  let started = Sys.time () in
  let ys = values problem in
  let evaluated = Sys.time () in
  let body_bound = constant_of problem.body problem.body_evidence in
  let whole_bound = times body_bound (constant_of problem.last problem.last_evidence) in
  let row_products, denominator = last_rows problem in
  let bounds = { body_bound; whole_bound; row_products; denominator } in
  match output_size (whole problem) problem.input_size with
  | None -> prerr_endline "the network is ill-shaped"; exit 1
  | Some m ->
      let proved = List.length (List.filter (claim_check bounds m ys) problem.claims) in
      let points = List.length ys in
      if points = 0 then exit 1;
      Printf.printf "%d points, %d claims of %d hold with the claimed bounds, evaluation %.3f ms, all %.3f ms each\n" points proved
        (List.length problem.claims)
        (1000. *. (evaluated -. started) /. float_of_int points)
        (1000. *. (Sys.time () -. started) /. float_of_int points)
