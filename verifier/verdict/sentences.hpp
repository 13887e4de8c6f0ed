// What a certificate says beside its claims (formats/SPEC.md, section 3): what they do not cover and what they take for granted. The lists follow from
// the claims; the checker compares them with a certificate's, so that none can be left out or softened.
#pragma once

#include <string>
#include <vector>

namespace lipverify {

struct Assumption {
  std::string id, text, discharged_by;
  bool operator==(const Assumption&) const = default;
};

/// `samples`: whether there is a claim about samples. `sizes`: whether the issuer gave sizes of symbolic dimensions.
[[nodiscard]] std::vector<std::string> sentences_not_covered(bool samples, bool sizes);
[[nodiscard]] std::vector<Assumption> sentences_assumed();

}  // namespace lipverify
