// What a gate says about one certificate: the checker's report, and each demand of the policy beside what was found. Plain data, that
// `outputs/` writes and `program/` turns into an exit code; who judges without a policy has no requirements.
#pragma once

#include <string>
#include <vector>

#include "verifier/verdict/report.hpp"

namespace lipverify {

/// What is found for every demand on a certificate that was not accepted.
inline constexpr const char* kNothingProved = "nothing that is proved: the certificate was not accepted";

/// One demand of the policy, with both sides as text.
struct Requirement {
  std::string id;       // e.g. "lipschitz", "certifiedAccuracy", "maximumAge", "issuers": stable, a rule's name in SARIF
  std::string pointer;  // JSON pointer of the demand in the policy, e.g. "/lipschitz/0/max"
  std::string wanted;
  std::string found;  // "nothing" where the certificate does not claim it
  bool met = false;
  std::string remedy;  // one sentence: what to do; empty when met
};

/// An issuer of the policy whose key signed this payload.
struct Signer {
  std::string issuer;       // its name in the policy; empty without a policy
  std::string fingerprint;  // as ssh-keygen prints it
  std::string bundle;       // the file with the signature
};

struct Judgement {
  std::string certificate;  // as the caller named it; the first of several bundles over one payload
  Report report;            // of the check; what it proves does not depend on the policy
  std::vector<Signer> signers;
  std::vector<Requirement> requirements;  // all of them, met or not, in the order of the policy
  Outcome outcome = Outcome::internal;    // accepted only when the report is as deep as the policy wants and every requirement is met
  std::string error;                      // one sentence with what to do; empty when accepted, wholly or in part
};

}  // namespace lipverify
