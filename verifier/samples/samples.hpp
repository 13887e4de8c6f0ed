// The claim about samples (formats/SPEC.md, section 8), theorem `margin-over-lipschitz`: with lower f_c - upper f_j >= L_cj r for every j
// != c, no y within distance r of x has f_j(y) > f_c(y), because f_c - f_j is L_cj-Lipschitz and so stays above margin_j - L_cj ||y - x|| >
// 0 for ||y - x|| < r.
//
// Eps counted in scaled pixels (p = v * scale): x = (p - mean_c) / std_c moves by at most 1 / min_c |std_c| times as much as p, so that the
// decision stays for every p' within eps of p where r > eps / min_c |std_c|.
//
// Theorem `layer-dual` (section 9): a record may say that its radius follows from a bound for the ball around its sample instead, which the room
// local/ proves; and the claim may be about a stated range of inputs only.
//
// Three depths: the records alone (digest, Merkle root, every count), a random subset of samples with inclusion proofs, or all samples. A
// sample is checked against this checker's own enclosure of f at the exact input that its own reader finds in the data file. All
// comparisons are exact.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "verifier/base/json.hpp"
#include "verifier/base/numbers.hpp"
#include "verifier/samples/data.hpp"
#include "verifier/samples/records.hpp"
#include "verifier/samples/scaling.hpp"

namespace lipverify {

struct SampleClaim {
  DataFormat format = DataFormat::idx;
  std::vector<DataFile> files;
  std::uint64_t samples = 0;  // in the data file
  Arrangement arrangement;
  Rational scale = 1;
  std::vector<Rational> means, deviations;
  std::optional<std::uint64_t> label_column;
  std::uint64_t first = 0;  // selection; its count is counts.total
  bool labelled = false;
  bool scaled_pixels = false;  // the unit of eps_texts; else the graph's input
  std::vector<std::string> eps_texts;
  std::vector<Rational> eps;  // in units of the graph's input
  RecordCounts counts;
  std::string records_file, records_sha256, merkle_root;
  bool layer_dual = false;
  std::optional<DataFile> evidence;  // its role is the name of the file
  std::string evidence_root;
  std::optional<std::pair<Rational, Rational>> range;  // of scaled pixels
  std::string range_low, range_high;                   // as claimed
};

/// Takes the claim apart. Whatever is not as specified, contradicts itself or has an unknown member: Failure (rejected). `outputs`: entries
/// of the network's output.
[[nodiscard]] SampleClaim parse_sample_claim(const Json& claim, std::uint64_t outputs);

/// f_j lies in [lower[j], upper[j]] * 2^exponent.
struct EnclosedOutput {
  std::int64_t exponent = 0;
  std::vector<Integer> lower, upper;
};

/// What the rest of the certificate has proved: one output: `global`; else `pairs`, the upper triangle in the order of SPEC.md section 4.
struct LipschitzBounds {
  std::uint64_t outputs = 0;
  Rational global;
  std::vector<Rational> pairs;
};

/// A statement of one record that does not follow from the enclosure.
struct Mismatch {
  std::string what, claimed, recomputed;
};
class RadiusRule {
 public:
  explicit RadiusRule(const LipschitzBounds& bounds);
  /// Predicted class, margin and radius against the enclosure; nothing when all of them follow from it. An undecided record claims nothing. With `open`: the
  /// outputs against which the radius does not follow go there (one output: 0), and are no mismatch.
  [[nodiscard]] std::optional<Mismatch> check(const Record& record, const EnclosedOutput& output, std::vector<std::size_t>* open = nullptr) const;

 private:
  struct Quotient {
    Integer numerator, denominator;
  };
  [[nodiscard]] const Quotient& lipschitz(std::size_t i, std::size_t j) const;
  std::size_t outputs_;
  std::vector<Quotient> bounds_;
};

/// Different ascending positions below `count`, drawn from the seed by SHA-256; all of them when `wanted` >= `count`.
[[nodiscard]] std::vector<std::uint64_t> draw_positions(std::uint64_t seed, std::uint64_t wanted, std::uint64_t count);

struct SampleCheck {
  std::string id, subject, claimed, recomputed;
  bool passed = false;
};

struct SampleRequest {
  std::string records;              // path of the records file
  std::string evidence;             // path of the file of evidence, where the claim names one
  std::optional<std::string> data;  // path; without it no sample is rechecked
  std::optional<std::string> labels;
  std::optional<std::uint64_t> audit;  // number of samples; without it all are rechecked
  std::uint64_t seed = 0;
  unsigned threads = 1;
  std::function<void(std::uint64_t done, std::uint64_t all)> progress;
};

struct SampleReport {
  std::vector<SampleCheck> checks;     // in order; ends after the first sample that fails
  std::uint64_t rechecked = 0;         // samples whose record follows from this checker's own enclosure
  std::uint64_t local = 0;             // records whose radius follows by layer-dual, by their own word
  std::uint64_t wider = 0;             // of these: needed the second, wider evaluation
  std::vector<InclusionProof> proofs;  // audit: of the samples that were drawn
  std::vector<std::string> proof_leaves;
  [[nodiscard]] bool passed() const;
};

/// Encloses f at a sample. `wide`: as tight as this checker can, whatever it costs. Called from several threads at once.
using Evaluation = std::function<EnclosedOutput(const Sample& sample, const Scaling& scaling, bool wide)>;

/// What is local about a radius: proves that in the closed ball of radius `radius` around the sample (and in `range`, where there is one) output c exceeds each of
/// `rivals`, or says in one sentence why not. Called from several threads at once.
struct LocalClaim {
  const Sample& sample;
  const Scaling& scaling;
  const InputBox* range = nullptr;
  std::size_t predicted = 0;
  const std::vector<std::size_t>& rivals;
  Rational radius;
  std::string_view evidence;
};
using LocalProof = std::function<std::optional<std::string>(const LocalClaim& claim)>;

/// Checks the claim as deep as the request allows. `input`: shape of the network's input. Files that cannot be read: Failure (input).
[[nodiscard]] SampleReport check_samples(const SampleClaim& claim, const LipschitzBounds& bounds, const Shape& input,
                                         const Evaluation& evaluate, const LocalProof& local, const SampleRequest& request);

}  // namespace lipverify
