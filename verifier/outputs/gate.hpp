// One run of the gate: the judgements on all certificates, and what every output says about them. Plain data in, text out; what is written
// here is not read again by any check.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "verifier/policy/judgement.hpp"

namespace lipverify {

struct Gate {
  std::string policy_name;    // the policy's file, as the caller named it; empty: one trusted key and no policy
  std::string policy_sha256;  // of its bytes; empty where they cannot be read
  std::string checked_at;     // YYYY-MM-DDThh:mm:ssZ, when the run began or as --time says
  std::vector<Judgement> judgements;
  std::vector<std::uint64_t> milliseconds;  // of each judgement
};

/// The outcome of a run: that of its worst judgement, where 4 (internal) is worse than 3 (input), 2 (usage), 1 (rejected), 5 (in part), 0
/// (accepted). Of no judgement at all: internal, because a gate that saw nothing has accepted nothing.
[[nodiscard]] Outcome worst(const std::vector<Judgement>& judgements);

/// "3 accepted, 1 rejected", without what there is none of.
[[nodiscard]] std::string summary(const std::vector<Judgement>& judgements);

/// Something that a reader must act upon. Nothing is found of a certificate that is accepted.
struct Finding {
  std::string rule;  // stable: "check-<id of a check>", "policy-<id of a requirement>", or how the check ended: "rejected", "input", ...
  bool warning = false;     // accepted in part; everything else is an error
  std::string message;      // one sentence or two, with what to do
  std::string certificate;  // as the caller named it
  std::string place;        // JSON pointer in the policy, or the subject of the check; tells findings of one rule apart
};
[[nodiscard]] std::vector<Finding> findings(const Judgement& judgement);

/// What a rule is about, in a sentence.
[[nodiscard]] std::string rule_description(const std::string& rule);

/// A file's path as a report names it: as given where that lies below the current folder, else its last component.
[[nodiscard]] std::string relative_path(const std::string& path);

/// The same as a relative URI, percent-encoded.
[[nodiscard]] std::string relative_uri(const std::string& path);

/// One line for each certificate with the demands that it does not meet, then the summary. `verbose`: every demand, and the report of each
/// check.
[[nodiscard]] std::string gate_text(const Gate& gate, bool verbose);

[[nodiscard]] std::string gate_json(const Gate& gate);          // formats/verdict.schema.json
[[nodiscard]] std::string gate_junit(const Gate& gate);         // Ant's JUnit dialect, as Jenkins, GitLab and GitHub read it
[[nodiscard]] std::string gate_sarif(const Gate& gate);         // SARIF 2.1.0
[[nodiscard]] std::string gate_markdown(const Gate& gate);      // a step summary
[[nodiscard]] std::string gate_annotations(const Gate& gate);   // workflow commands of GitHub Actions
[[nodiscard]] std::string gate_code_quality(const Gate& gate);  // GitLab's code quality report

}  // namespace lipverify
