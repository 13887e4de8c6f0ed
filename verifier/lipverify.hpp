// The checker as a library: bytes in, verdict out. Everything that a program needs to ask for a verdict stands in this header; the program
// `lipverify` uses nothing else.
//
//     lipverify::Request request;
//     request.certificate = {"certificate", certificate_bytes};   // or a path: request.certificate = "mnist.lipcert.sigstore.json"
//     request.models = {{"model", model_bytes}};
//     request.public_key = {"key", pem};
//     const lipverify::Report report = lipverify::verify(request);
//     if (report.outcome == lipverify::Outcome::accepted) ...
//
// What accepted means: the signature is the key's; the model has the digest that the statement names; every block's theorem was recomputed
// in integers from the model's own bytes; every claim follows from the blocks (formats/SPEC.md, sections 3 to 8). Claims are about exact
// real arithmetic and Euclidean norms; a Lipschitz constant is per unit of the graph's input tensor, whose shape stands in the claim's
// formula. A claim about samples needs its data (`Request::samples`). Who asks by name to leave samples out (`leave_out`, or an `audit` of fewer
// than there are) gets `accepted_in_part` at best, and `Report::claims_not_rechecked` names the claims that were not wholly recomputed. What no
// checker can recompute stands in `Report::not_checked`.
//
// Errors: `verify` never throws. A file that cannot be read, a model that is not supported, a resource limit are outcomes of their own,
// with one sentence in `Report::error`; none of them is an acceptance. Names inside files are hostile: print them through `printable`.
#pragma once

#include "verifier/base/bytes.hpp"
#include "verifier/verdict/report.hpp"

namespace lipverify {

/// The whole check. Same request with `time` set, same files: same report, whatever the number of threads and the processor. Without `time`
/// the clock decides whether a certificate has expired.
[[nodiscard]] Report verify(const Request& request);

}  // namespace lipverify
