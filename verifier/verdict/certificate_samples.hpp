// The claim about samples as part of a certificate: which bounds it rests on, which files it needs, and what a report says about how deep
// it was checked.
#pragma once

#include <string>
#include <vector>

#include "verifier/samples/network_at_samples.hpp"
#include "verifier/verdict/blocks.hpp"
#include "verifier/verdict/report.hpp"

namespace lipverify {

/// The blocks with the bounds that the statement claims of them.
[[nodiscard]] std::vector<VerifiedBlock> claimed_blocks(const Statement& statement);

/// Checks the claim as deep as the files allow and appends its comparisons to `checks`. All blocks and the other claims of the statement
/// must have been verified before.
[[nodiscard]] SampleSummary check_sample_claim(const Graph& graph, const Statement& statement, const SampleFiles& files,
                                               const std::string& certificate, unsigned threads, std::vector<Check>& checks);

}  // namespace lipverify
