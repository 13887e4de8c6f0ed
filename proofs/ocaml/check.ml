(* The proved checker as a program: reads one problem, runs the extracted [verdicts], prints one line for each claim.
   Its answer means what [verdicts_sound] in proofs/theories/Main.v says. *)

module Big = Z   (* Core has a module Z of its own *)
open Core

let usage = "usage: lipproof-check [--quiet] PROBLEM\n\
  Checks a plain problem file (proofs/FORMAT.md; '-' is standard input) with the extracted checker.\n\
  Exit codes: 0 every claim proved, 1 a claim not proved, 2 usage, 3 unreadable, 4 internal error.\n"

let read_channel channel =
  let buffer = Buffer.create (1 lsl 20) in
  let chunk = Bytes.create 65536 in
  let rec go () =
    let n = input channel chunk 0 (Bytes.length chunk) in
    if n > 0 then begin
      Buffer.add_subbytes buffer chunk 0 n;
      go ()
    end in
  go ();
  Buffer.contents buffer

let read_file name =
  if name = "-" then begin
    set_binary_mode_in stdin true;
    read_channel stdin
  end
  else begin
    let channel = open_in_bin name in
    Fun.protect ~finally:(fun () -> close_in channel) (fun () -> read_channel channel)
  end

let rec int_of_natural = function O -> 0 | S n -> 1 + int_of_natural n

(* For people only: the exact numbers stand beside it. *)
let shown u =
  Printf.sprintf "%s/%s (about %.9g)" (Big.to_string u.num) (Big.to_string u.den)
    (Q.to_float (Q.make u.num u.den))

let sentence = function
  | GlobalLipschitz u -> Printf.sprintf "the network is L-Lipschitz, L = %s" (shown u)
  | PairLipschitz (i, j, u) ->
      Printf.sprintf "output %d minus output %d is L-Lipschitz, L = %s" (int_of_natural i) (int_of_natural j) (shown u)
  | RobustClass (x, i, r) ->
      Printf.sprintf "class %d is largest on the closed ball around point %d of radius %s" (int_of_natural i) (int_of_natural x) (shown r)
  | RobustSign (x, positive, r) ->
      Printf.sprintf "the output is %s on the closed ball around point %d of radius %s" (if positive then "positive" else "negative")
        (int_of_natural x) (shown r)

let run quiet name =
  let text = read_file name in
  Printf.printf "problem sha256 %s, %d bytes\n%!" (Sha256.hex text) (String.length text);
  let problem = Reader.problem text in
  let answers = verdicts problem in
  if List.length answers <> List.length problem.claims then failwith "as many answers as claims were expected";
  if not quiet then
    List.iter2 (fun c ok -> Printf.printf "%s: %s\n" (if ok then "proved" else "not proved") (sentence c))
      problem.claims answers;
  let proved = List.length (List.filter Fun.id answers) in
  let accepted = List.for_all Fun.id answers in
  Printf.printf "%d of %d claims proved\n" proved (List.length answers);
  print_endline (if accepted then "mathematics accepted" else "mathematics rejected");
  if accepted then 0 else 1

let () =
  let code =
    try
      match List.tl (Array.to_list Sys.argv) with
      | [ "--quiet"; name ] -> run true name
      | [ name ] when name <> "--quiet" && name <> "--help" -> run false name
      | _ -> prerr_string usage; 2
    with
    | Reader.Refused why -> Printf.eprintf "lipproof-check: the problem cannot be read: %s\n" why; 3
    | Sys_error why -> Printf.eprintf "lipproof-check: %s\n" why; 3
    | Stack_overflow -> prerr_endline "lipproof-check: the problem needs more stack than there is"; 4
    | Out_of_memory -> prerr_endline "lipproof-check: the problem needs more memory than there is"; 4
    | error -> Printf.eprintf "lipproof-check: internal error: %s\n" (Printexc.to_string error); 4 in
  exit code
