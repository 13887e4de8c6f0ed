// The generator as a library: read a model, cut it into blocks, bound them, certify samples, attack them, make and sign a statement. The
// program `lipcert` uses nothing but this header.
//
//     const lipcert::Model model = lipcert::read_model("mnist.onnx");              // formats/onnx.md: what is read
//     const lipcert::Partition parts = lipcert::partition(model.network);          // blocks, or the reasons why there are none
//     const lipcert::Analysis bounds = lipcert::analyse(model.network, {});        // bounds.lower <= L <= bounds.upper, both proved
//
//     lipcert::CertifyJob job;                                                     // or all of it in one call
//     job.model = "mnist.onnx";
//     job.issuance.issued_at = lipcert::issue_time();
//     const lipcert::Certified made = lipcert::certify(job);
//     const std::string certificate = lipcert::sign_bundle(made.payload, lipcert::SigningKey::read("key.pem", std::nullopt));
//
// Shapes: tensors are flat and row-major; the first dimension may be symbolic and is taken as 1: a network is a function of one input. L is
// the Lipschitz constant of the graph's whole output with respect to its whole input, Euclidean norms, exact real arithmetic, so it is per
// unit of the graph's input tensor (after whatever scaling the caller does before it). `Analysis::pairs` holds one bound for each
// difference of outputs. Radii in records are in the same units; eps, and distances of flips, in the `Unit` beside them.
//
// Rigorous numbers are doubles that have been rounded outward: `upper` is never too small, `lower` never too large. Print them with
// `decimal_up` and `decimal_down`, which keep that.
//
// Whether the independent checker accepts what was made, a caller finds out with lipcert::lipverify (verifier/lipverify.hpp; examples/library does it) or
// with the program lipverify; the program lipcert does the latter by itself.
//
// Errors: every function may throw `Error`, whose text is one sentence for the user and whose code is the program's exit code, and
// std::bad_alloc. Nothing half-written is left behind: the records that `certify` wrote disappear with its result unless `publish` gives
// them and the certificate their names. Callbacks for progress may be empty. Results do not depend on the number of threads.
#pragma once

#include "certify/attack/attack_samples.hpp"
#include "certify/bounds/analysis.hpp"
#include "certify/certificate/build_info.hpp"
#include "certify/certificate/certify.hpp"
#include "certify/certificate/key_file.hpp"
#include "certify/certificate/keys.hpp"
#include "certify/certificate/shard.hpp"
#include "certify/certificate/sign.hpp"
#include "certify/certificate/statement.hpp"
#include "certify/graph/model.hpp"
#include "certify/renewal/differences.hpp"
#include "certify/renewal/evidence_file.hpp"
#include "certify/renewal/manifest.hpp"
#include "certify/renewal/models_found.hpp"
#include "certify/renewal/old_certificate.hpp"
#include "certify/renewal/reasons.hpp"
#include "certify/report/certificate_view.hpp"
#include "certify/report/compare.hpp"
#include "certify/report/facts.hpp"
#include "certify/report/plain_text.hpp"
#include "certify/report/report.hpp"
#include "certify/samples/sample_claim.hpp"
#include "certify/samples/samples.hpp"
#include "formats/data/data_set.hpp"
#include "formats/data/rational.hpp"
#include "formats/data/scaling.hpp"
#include "formats/encoding/budget.hpp"
#include "formats/encoding/error.hpp"
#include "formats/encoding/files.hpp"
#include "formats/encoding/hex_float.hpp"
#include "formats/encoding/json.hpp"
#include "formats/encoding/pending_file.hpp"
#include "formats/encoding/printable.hpp"
#include "formats/network/graph_digest.hpp"
#include "formats/network/network.hpp"
