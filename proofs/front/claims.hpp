// The certificate's claims as claims of a plain problem.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "formats/encoding/json.hpp"
#include "formats/network/network.hpp"
#include "proofs/front/claimed_blocks.hpp"
#include "proofs/front/samples.hpp"

namespace lipcert::proofs {

struct Claims {
  std::string text;                      // points and claims of the problem
  std::vector<std::string> not_covered;  // of the claim about samples
  std::string samples;                   // which samples are proved, one line; empty: none
};

/// `last_has_rows`: the last block was written as matrices and factors, whose rows the proved checker takes for the pairs of outputs.
[[nodiscard]] Claims claims_of(const Network& network, const Json& predicate, const ClaimedBlocks& claimed, bool last_has_rows,
                               bool rational_values, const std::optional<SampleRequest>& samples);

}  // namespace lipcert::proofs
