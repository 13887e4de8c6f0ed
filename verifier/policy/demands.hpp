// The demands of a policy beside what a check has found: comparisons of exact rationals and of names, and nothing else.
#pragma once

#include <string>
#include <vector>

#include "verifier/policy/judgement.hpp"
#include "verifier/policy/policy.hpp"

namespace lipverify {

/// True when the check behind this report has ended well, wholly or with samples left out as asked.
[[nodiscard]] bool holds(const Report& report);

/// Every demand about what the certificate says (all but issuers, threshold and revocation), in the order of formats/policy.md. Of a report
/// that does not hold nothing is proved, and no demand is met.
[[nodiscard]] std::vector<Requirement> demands(const Policy& policy, const Report& report);

/// Seconds from one time to another, both YYYY-MM-DDThh:mm:ssZ; negative when `to` is earlier.
[[nodiscard]] std::int64_t seconds_between(const std::string& from, const std::string& to);

/// The words that `explain` and a judgement share.
[[nodiscard]] std::string wanted_text(const LipschitzDemand& demand);
[[nodiscard]] std::string wanted_text(const AccuracyDemand& demand);
[[nodiscard]] std::string wanted_recheck(const Policy& policy);
[[nodiscard]] std::string list_of(const std::vector<std::string>& texts);  // "a, b", printable
[[nodiscard]] std::string shape_of(const std::vector<std::uint64_t>& shape);

}  // namespace lipverify
