// The policy of a gate (formats/policy.md): who may sign, what a certificate has to claim, how deep it is rechecked. It comes from whoever
// runs the gate, never from the artefact under test.
//
// Numbers are decimals or fractions as text and become exact rationals: nothing in this room is rounded. Whatever is not as
// formats/policy.md fixes it is refused when the policy is read, with file, JSON pointer and remedy; a demand that could not be understood
// is never left out.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "verifier/base/numbers.hpp"
#include "verifier/envelope/signature.hpp"
#include "verifier/verdict/report.hpp"

namespace lipverify {

/// One key that the policy trusts. Several may belong to one issuer (equal names), which counts once.
struct PolicyIssuer {
  std::string name, pointer;  // pointer: of this entry, e.g. "/issuers/0"
  std::string pem;
  PublicKey key;
  // Times YYYY-MM-DDThh:mm:ssZ; absent: no limit.
  std::optional<std::string> not_before, not_after;  // the key counts when both the time of the check and issuedAt lie between them
  std::optional<std::string> revoked_at;             // the key counts for nothing, unless `earlier_counts` and issuedAt lies before
  bool earlier_counts = false;
};

/// A number of the policy with the text that it was written as.
struct PolicyNumber {
  Rational value = 0;
  std::string text;
};

struct LipschitzDemand {
  enum class About { whole, pairs, pair } about = About::whole;  // L; the largest L_ij; one L_ij
  std::uint64_t i = 0, j = 0;                                    // pair: i < j
  PolicyNumber max;
};

struct AccuracyDemand {
  PolicyNumber epsilon;
  std::string unit;                   // "graph input" or "scaled pixel", as in SampleSummary::eps_unit
  PolicyNumber min;                   // of certified and correct samples, divided by all selected ones
  std::optional<PolicyNumber> scale;  // of the data; always there with scaled pixels
  std::vector<PolicyNumber> mean, std;          // of the channels; empty: 0 and 1, values times scale as they are
  std::optional<std::string> dataset_sha256, labels_sha256;
  std::optional<std::uint64_t> label_column;    // from 0, of rows that hold their labels; absent: the last one
  std::uint64_t first = 0;                      // of the selected samples
  std::uint64_t min_samples = 0;  // 0: not demanded
  std::optional<std::pair<PolicyNumber, PolicyNumber>> input_range;  // a claim about inputs in this range suffices; absent: it must be about all
};

/// What a revocation list says, or the policy itself.
struct Revoked {
  std::vector<std::string> keys;          // fingerprints, SHA256:...
  std::vector<std::string> certificates;  // SHA-256 of payloads
};

struct RevocationList {
  std::string name, pointer;                                       // path as the policy gives it
  std::string signer, fingerprint;                                 // the revocation issuer that signed it
  std::optional<std::string> signer_not_before, signer_not_after;  // the list counts while the time of the check lies between them
  std::string issued_at, not_after;                                // at a later time the list is stale, and no certificate passes
  Revoked revoked;
};

struct InputDemand {
  std::optional<std::string> name;
  std::vector<std::uint64_t> shape;
};

struct Policy {
  enum class Recheck { all, audit, none };

  std::string name;    // the file, as the caller named it
  std::string sha256;  // of its bytes
  std::string description;
  std::vector<PolicyIssuer> issuers;
  std::uint64_t threshold = 1;                     // different issuers that must have signed
  bool states_threshold = false;                   // else the default
  std::vector<std::string> predicate_types;        // empty: not demanded
  std::optional<std::vector<std::string>> models;  // SHA-256; absent: "given", whatever model file the caller gives
  std::optional<std::uint64_t> maximum_age_days;
  std::optional<std::string> minimum_tool_version;
  Recheck recheck = Recheck::all;
  std::uint64_t audit = 0;  // samples, with Recheck::audit
  std::vector<std::string> arithmetic = {"real"};
  std::optional<InputDemand> input;             // absent: any, but for sizes that the issuer chose
  std::optional<std::string> output;            // the one that the issuer may have chosen of several; absent: none
  std::vector<std::string> fixed_inputs;        // inputs that the issuer may have fixed to the values in the file
  std::vector<LipschitzDemand> lipschitz;
  std::vector<AccuracyDemand> certified_accuracy;
  std::vector<std::string> requirements;  // ids
  Revoked revoked;
  std::optional<RevocationList> list;
};

/// Reads a policy and the files that it names, which lie in its folder or below it. Anything out of order: Failure (input) with one
/// sentence.
[[nodiscard]] Policy read_policy(const Document& document);

/// The whole policy in words: every demand with its JSON pointer, and every default said out loud. Lines end with a newline; names in it
/// are printable.
[[nodiscard]] std::string explain(const Policy& policy);

/// A policy in JSON that the certificate of this report just meets, signed with the key in `public_key`; to be edited by whoever runs the
/// gate. `report` must be accepted: Failure (usage) with one sentence otherwise.
[[nodiscard]] std::string policy_from(const Report& report, const Document& public_key);

}  // namespace lipverify
