// Payload -> certificate file: DSSE envelope in a Sigstore bundle (formats/SPEC.md, section 1).
#pragma once

#include <string>
#include <string_view>

#include "certify/certificate/keys.hpp"

namespace lipcert {

inline constexpr std::string_view payload_type = "application/vnd.in-toto+json";

/// DSSE's pre-authentication encoding, the bytes that are signed: "DSSEv1 <length of type> <type> <length of payload> <payload>".
[[nodiscard]] std::string pre_authentication_encoding(std::string_view payload);

/// The bytes of a certificate file around `payload`, signed with `key`.
[[nodiscard]] std::string sign_bundle(std::string_view payload, const SigningKey& key);

}  // namespace lipcert
