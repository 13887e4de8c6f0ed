// The whole check, from files to verdict. Never throws: whatever happens is in the report.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "verifier/base/failure.hpp"
#include "verifier/verdict/blocks.hpp"
#include "verifier/verdict/certificate_samples.hpp"

namespace lipverify {

struct Request {
  std::string certificate;          // path
  std::vector<std::string> models;  // paths; the one whose digest the certificate names is used
  std::string public_key;           // path
  bool allow_external_data = false;
  std::optional<std::string> time;  // YYYY-MM-DDThh:mm:ssZ, instead of the clock
  SampleFiles samples;
  Engine engine;
  Hints hints;
  std::function<void(std::size_t done, std::size_t blocks)> progress;  // may be empty
};

struct BlockReport {
  std::string id, op, theorem, upper, lower;
  std::size_t nodes = 0;
};

struct Report {
  Outcome outcome = Outcome::internal;
  std::string error;  // one sentence; empty when accepted
  std::vector<Check> checks;
  std::vector<std::string> warnings;
  std::string key_fingerprint, key_algorithm, payload_sha256, model_sha256, model_path, graph_digest;
  // What was claimed, as far as the statement could be read. Proved only when the outcome is accepted.
  bool has_statement = false;
  std::string global_upper, global_lower, global_formula;
  std::uint64_t pair_classes = 0;
  std::string pair_formula, pair_largest;
  SampleSummary samples;
  std::vector<BlockReport> blocks;
  std::vector<std::string> not_covered, assumptions, not_checked;
  std::string issuer, issued_at, not_after, tool, checked_at;
};

[[nodiscard]] Report verify(const Request& request);

}  // namespace lipverify
