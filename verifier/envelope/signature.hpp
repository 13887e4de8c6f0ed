// The trusted public key and the signature under it: ECDSA P-256 with SHA-256 (DER), or pure Ed25519. The algorithm is the key's; the file
// under test has no say in it. OpenSSL 3 EVP does the group arithmetic; what it would let through (small-order Ed25519 keys, under which one
// forged signature verifies for many messages) is refused here.
#pragma once

#include <memory>
#include <string>
#include <string_view>

namespace lipverify {

class PublicKey {
 public:
  /// From the text of a PEM file with exactly one SPKI public key. Anything else: Failure (input).
  explicit PublicKey(const std::string& pem);

  /// `SHA256:` and the unpadded base64 of the SHA-256 of the key in SSH wire format (SPEC.md section 1, K).
  [[nodiscard]] const std::string& fingerprint() const { return fingerprint_; }
  [[nodiscard]] const std::string& hint() const { return hint_; }            // SHA-256 of the PEM text, lower-case hexadecimal (H)
  [[nodiscard]] const std::string& algorithm() const { return algorithm_; }  // "ecdsa-p256-sha256" or "ed25519"

  [[nodiscard]] bool verifies(std::string_view message, std::string_view signature) const;

 private:
  std::shared_ptr<void> key_;  // EVP_PKEY
  std::string algorithm_;
  std::string fingerprint_, hint_;
};

}  // namespace lipverify
