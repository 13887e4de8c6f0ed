// What is asked of the checker, and what it answers: plain data, in the standard library's types only.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "verifier/base/budget.hpp"
#include "verifier/base/failure.hpp"

namespace lipverify {

/// A certificate, a model or a key: a file that is read once when its turn comes, or bytes that the caller holds (nothing is read then).
struct Document {
  std::string name;  // path; of bytes in memory: a name for messages. Files that lie "beside" it are looked for in its folder
  std::optional<std::string> bytes;

  Document() = default;
  Document(std::string path) : name(std::move(path)) {}  // NOLINT(google-explicit-constructor): a path is a document
  Document(const char* path) : name(path) {}             // NOLINT(google-explicit-constructor)
  Document(std::string name_, std::string bytes_) : name(std::move(name_)), bytes(std::move(bytes_)) {}
};

/// The files that a claim about samples needs. Data are streamed from their file, however large it is.
struct SampleFiles {
  std::optional<std::string> data;  // file or folder; a claim about samples needs it, or `leave_out`
  std::optional<std::string> labels;
  std::optional<std::string> records;  // default: the file that the claim names, beside the certificate
  std::optional<std::string> evidence;  // of local radii; default as above
  std::optional<std::uint64_t> audit;  // recheck this many samples, drawn from the seed; default: all
  std::uint64_t seed = 0;
  bool leave_out = false;  // recheck no sample, only digest, Merkle root and counts of the records: accepted in part
  std::function<void(std::uint64_t done, std::uint64_t all)> progress;  // may be empty
};

struct Request {
  Document certificate;
  std::vector<Document> models;      // the one whose digest the certificate names is used
  Document public_key;               // PEM
  bool allow_external_data = false;  // read weights from plain files beside the model
  std::optional<std::string> time;   // YYYY-MM-DDThh:mm:ssZ (UTC), instead of the clock
  SampleFiles samples;
  Budget budget;                     // a check that would cost more ends before it begins: Outcome::internal
  unsigned threads = 0;                                                // 0: all cores, at most 1024; the verdict does not depend on it
  std::function<void(std::size_t done, std::size_t blocks)> progress;  // may be empty
};

/// One comparison, with both sides as text.
struct Check {
  std::string id;       // e.g. "block-upper"
  std::string subject;  // block id, claim id, file
  std::string claimed;
  std::string recomputed;
  bool passed = false;
};

struct BlockReport {
  std::string id, op, theorem;
  std::string upper, lower;  // decimals, rounded to the safe side
  std::size_t nodes = 0;
};

/// A sample that an audit drew: its record and the sibling hashes from the leaf to the Merkle root, all in hexadecimal.
struct AuditedRecord {
  std::uint64_t position = 0;
  std::string record;
  std::vector<std::string> path;
};

struct SampleSummary {
  bool claimed = false;
  enum class Depth { records, audit, all } depth = Depth::records;  // records: counts, digest and Merkle root only
  std::string formula;
  std::uint64_t total = 0, correct = 0, undecided = 0, rechecked = 0;  // numbers of samples
  std::string theorem;                                                 // "margin-over-lipschitz", "layer-dual"
  std::uint64_t local = 0;                                             // records whose radius follows by layer-dual
  std::string range_low, range_high;                                   // of scaled pixels, as claimed; empty: all inputs
  std::uint64_t wider = 0;                                             // of those rechecked: needed a second, wider evaluation
  bool labelled = false;
  std::string eps_unit;  // "graph input", or "scaled pixel" (v * scale, before mean and std)
  std::string data_sha256, labels_sha256;  // of the data file or folder, and of a label file of its own (else empty)
  std::string scale;                       // exact, n/d, as the next ones
  std::vector<std::string> means, stds;    // one for all channels, or one for each
  std::optional<std::uint64_t> label_column;  // of rows that hold their labels, from 0
  std::uint64_t first = 0;                    // of the selected samples, in the data
  struct Eps {
    std::string eps;  // as claimed
    std::uint64_t certified = 0, certified_correct = 0;
  };
  std::vector<Eps> counts;
  std::uint64_t seed = 0;  // audit
  std::vector<AuditedRecord> audited;
};

/// Which function of the model the claims are about: what the checker read, once it agrees with the certificate.
struct FunctionSummary {
  bool known = false;
  std::string input;
  std::vector<std::uint64_t> input_shape;
  std::vector<std::uint64_t> symbolic;  // positions of symbolic dimensions; the first of several is taken as 1
  std::vector<std::string> symbols;     // their names in the file, which may be empty
  std::vector<std::uint64_t> given;     // positions of those whose size is the issuer's choice
  std::vector<std::string> fixed_inputs;
  std::string output;
  std::vector<std::uint64_t> output_shape;
  std::vector<std::string> other_outputs;
  bool output_chosen = false;  // by the issuer: nodes that do not lead to it are left out
};

/// Everything below `checks` is what was claimed, as far as the statement could be read: proved only when the outcome is accepted, or accepted
/// in part and `claims_not_rechecked` does not name the claim; and not even then where `not_checked` says so.
struct Report {
  Outcome outcome = Outcome::internal;
  std::string error;  // one sentence; empty when accepted, wholly or in part
  std::vector<std::string> claims_not_rechecked;  // ids of claims that were not, or not wholly, recomputed; empty when accepted
  std::vector<Check> checks;
  std::vector<std::string> warnings;
  // Fingerprint as ssh-keygen prints it (SHA256:...), digests in lower-case hexadecimal.
  std::string key_fingerprint, key_algorithm, payload_sha256, model_sha256, model_path, graph_digest;
  bool has_statement = false;
  FunctionSummary function;
  std::string global_upper, global_lower, global_formula;  // decimals, rounded to the safe side; L is per unit of the graph's input
  std::uint64_t pair_classes = 0;
  std::string pair_formula, pair_largest;
  std::string global_upper_exact, pair_largest_exact;  // n/d, as the next ones; empty: not claimed
  std::vector<std::string> pair_upper_exact;           // L_ij, i < j, in the order of SPEC.md section 4
  SampleSummary samples;
  std::vector<BlockReport> blocks;
  std::vector<std::string> not_covered, assumptions, not_checked;
  std::string issuer, issued_at, not_after, tool, checked_at;  // times as in `Request::time`; empty: none
  std::string predicate_type, arithmetic, tool_version;
  std::vector<std::string> requirement_ids;  // that the certificate serves, in the signer's word
  bool by_clock = true;                                        // `checked_at` is the clock's time, not the caller's
};

/// True for a time written YYYY-MM-DDThh:mm:ssZ that exists in the calendar. Such texts compare in time as they compare as texts.
[[nodiscard]] bool is_time(const std::string& text);

/// The clock's time, written so; a clock that shows none: Failure (internal).
[[nodiscard]] std::string clock_time();

/// The same time of the next day; the last second of the year 9999 where that would come after it.
[[nodiscard]] std::string one_day_later(const std::string& time);

}  // namespace lipverify
