// From a model and a certificate to a plain problem of the proved checker (proofs/FORMAT.md). Not trusted: whoever wants to be sure reads
// the problem file, whose digest the checker prints.
#pragma once

#include <stdexcept>
#include <string>
#include <vector>

#include "formats/json.hpp"
#include "formats/network.hpp"

namespace lipcert::proofs {

/// What this version has no proof for. Never an acceptance: exit code 3.
class NotCovered : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

struct Conversion {
  std::string problem;
  std::vector<std::string> not_covered;  // parts of the certificate about which the verdict says nothing
};

/// `predicate` is the certificate's predicate. Throws `NotCovered`; `Error` (rejected) for a certificate that does not fit the model.
[[nodiscard]] Conversion convert(const Network& network, const Json& predicate);

}  // namespace lipcert::proofs
