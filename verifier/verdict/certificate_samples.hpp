// The claim about samples as part of a certificate: which bounds it rests on, which files it needs, and what a report says about how deep
// it was checked.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "verifier/samples/merkle.hpp"
#include "verifier/verdict/blocks.hpp"

namespace lipverify {

struct SampleFiles {
  std::optional<std::string> data;  // without it no sample is rechecked
  std::optional<std::string> labels;
  std::optional<std::string> records;  // default: the file that the claim names, beside the certificate
  std::optional<std::uint64_t> audit;  // recheck this many samples, drawn from the seed; default: all
  std::uint64_t seed = 0;
  std::function<void(std::uint64_t done, std::uint64_t all)> progress;  // may be empty
};

struct SampleSummary {
  bool claimed = false;
  enum class Depth { records, audit, all } depth = Depth::records;  // records: counts, digest and Merkle root only
  std::string formula;
  std::uint64_t total = 0, correct = 0, undecided = 0, rechecked = 0, wider = 0;
  bool labelled = false;
  struct Eps {
    std::string eps;
    std::uint64_t certified = 0, certified_correct = 0;
  };
  std::vector<Eps> counts;
  std::uint64_t seed = 0;  // audit
  std::vector<InclusionProof> proofs;
  std::vector<std::string> proof_leaves;
};

/// Checks the claim as deep as the files allow and appends its comparisons to `checks`. All blocks and the other claims of the statement
/// must have been verified before.
[[nodiscard]] SampleSummary check_sample_claim(const Graph& graph, const Statement& statement, const SampleFiles& files,
                                               const std::string& certificate, unsigned threads, std::vector<Check>& checks);

}  // namespace lipverify
