// From a model and a certificate to a plain problem of the proved checker (proofs/FORMAT.md). Not trusted: whoever wants to be sure reads
// the problem file, whose digest the checker prints.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "formats/encoding/json.hpp"
#include "formats/network/network.hpp"
#include "proofs/front/samples.hpp"

namespace lipcert::proofs {

struct Conversion {
  std::string problem;
  std::vector<std::string> not_covered;  // parts of the certificate about which the verdict says nothing
  std::string samples;                   // which samples are proved, one line; empty: none
};

/// `predicate` is the certificate's predicate. Throws `NotCovered`; `Error` (rejected) for a certificate that does not fit the model.
/// Without `samples` the claim about samples is named as not covered.
[[nodiscard]] Conversion convert(const Network& network, const Json& predicate, const std::optional<SampleRequest>& samples);

}  // namespace lipcert::proofs
