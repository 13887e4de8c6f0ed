// From certificates and a policy to judgements. The mathematics is what `verify` (lipverify.hpp) rechecks; here it is decided whose
// signatures count and whether what was proved is what the policy wants.
//
// Outcomes: `accepted` when every claim was recomputed and every demand is met; `accepted_in_part` when every demand is met and the policy
// itself lets an audit, or no recheck of samples, suffice: exit code 5, never 0, because 0 means that every claim was recomputed. A demand
// that is not met is `rejected`. None of these functions throws.
#pragma once

#include <string>
#include <vector>

#include "verifier/lipverify.hpp"
#include "verifier/policy/judgement.hpp"
#include "verifier/policy/policy.hpp"

namespace lipverify {

/// Bundles over one payload: what a threshold of several signers is counted on.
struct BundleGroup {
  std::string payload_sha256;     // empty: the one bundle could not be opened, and judging it says why
  std::vector<Document> bundles;  // at least one, in the order of the caller
};

/// Groups bundles by the digest of their payload, in the order in which the payloads first appear. Nothing of a payload is parsed; what is
/// read here is read again by `judge`, which believes nothing of this.
[[nodiscard]] std::vector<BundleGroup> group_by_payload(const std::vector<Document>& bundles);

/// Judges one payload. `request`: models, samples, time and threads; its certificate and public key are ignored. Where the policy lets an
/// audit or no recheck suffice and the request asks for nothing else, as much is rechecked as the policy wants and no more; an audit
/// without a seed draws one.
[[nodiscard]] Judgement judge(const Policy& policy, const std::vector<Document>& bundles, const Request& request);

/// A run without a policy: one certificate, one trusted key.
[[nodiscard]] Judgement judge_with_key(const Request& request);

}  // namespace lipverify
