// The envelope: a Sigstore bundle 0.3 in public-key mode with a DSSE envelope (formats/SPEC.md, section 1). Nothing of the payload is parsed
// before its signature has been verified.
#pragma once

#include <string>
#include <vector>

#include "verifier/envelope/signature.hpp"

namespace lipverify {

inline constexpr const char* kStatementType = "application/vnd.in-toto+json";  // payload type of a certificate

struct Envelope {
  std::string payload;       // the bytes that were signed
  std::string payload_type;  // signed with them
  std::string signature;     // raw bytes
  std::string key_id, hint;  // which key the bundle names; empty: not said
  std::vector<std::string> warnings;
};

/// Takes a bundle apart whose payload has this type. Anything that is not as specified: Failure (rejected).
[[nodiscard]] Envelope open_envelope(const std::string& bundle, const std::string& payload_type = kStatementType);

/// The bytes that DSSE signs (pre-authentication encoding).
[[nodiscard]] std::string pre_authentication_encoding(const std::string& payload, const std::string& payload_type = kStatementType);

/// Rejects unless the envelope's signature is the key's.
void check_signature(Envelope& envelope, const PublicKey& key);

}  // namespace lipverify
