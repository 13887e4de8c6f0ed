// SLSA Verification Summary Attestations (https://slsa.dev/verification_summary/v1): this checker's word, signed with a key of whoever runs
// it, that these models passed this policy. In the envelope of a certificate (a Sigstore bundle around an in-toto statement), so that every
// tool that checks the one checks the other. A summary proves nothing: it says who says so.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "verifier/lipverify.hpp"
#include "verifier/outputs/gate.hpp"

namespace lipverify {

/// The key that signs summaries: PKCS#8 PEM, ECDSA P-256 or Ed25519. `passphrase` opens an encrypted one. Anything else: Failure (input).
class VsaKey {
 public:
  VsaKey(const std::string& pem, const std::string& passphrase);
  [[nodiscard]] std::string sign(const std::string& message) const;
  [[nodiscard]] const std::string& public_pem() const { return public_pem_; }

 private:
  std::shared_ptr<void> key_;  // EVP_PKEY
  std::string public_pem_;
  bool hashes_itself_ = false;  // Ed25519
};

struct VsaSubject {
  std::string name, sha256;
};

/// The signed bundle. PASSED only when every judgement is accepted, or accepted in part where the policy asks for no more; the level says
/// which. Subjects: the models of the judgements, or of a run that did not pass `given`, the models that were handed in. Without any:
/// Failure (input).
[[nodiscard]] std::string vsa_bundle(const Gate& gate, const std::vector<VsaSubject>& given, const std::string& verifier_id,
                                     const VsaKey& key);

struct VsaRequest {
  Document vsa, public_key;
  std::vector<Document> models;    // each must be a subject; empty: not compared
  std::vector<Document> policies;  // at most one: the bytes that the summary must name; empty: not compared
  std::string time;                // of the check; empty: the time of the summary is not compared
  unsigned max_age_days = 0;       // before `time`; 0: however old
};

struct VsaReport {
  Outcome outcome = Outcome::internal;  // accepted: PASSED, under this key, for these files
  std::string error, fingerprint, payload_sha256, verifier, policy_uri, policy_sha256, time, result;
  std::vector<std::string> levels, subjects, not_checked;
};

/// Never throws.
[[nodiscard]] VsaReport check_vsa(const VsaRequest& request);
[[nodiscard]] std::string vsa_text(const VsaReport& report);
[[nodiscard]] std::string vsa_json(const VsaReport& report);

inline constexpr const char* kVsaLevelAll = "LIPCERT_RECOMPUTED";
inline constexpr const char* kVsaLevelPart = "LIPCERT_RECOMPUTED_IN_PART";

}  // namespace lipverify
