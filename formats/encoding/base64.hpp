// Base64 (RFC 4648) as the certificate wants it (formats/SPEC.md, section 1): written in the standard alphabet with padding, read strictly.
#pragma once

#include <string>

namespace lipcert {

[[nodiscard]] std::string base64_encode(const std::string& bytes);

/// Standard or URL-safe alphabet, not both; padding required; no whitespace; the unused bits of the last group are zero. Throws `Error`
/// (input) otherwise.
[[nodiscard]] std::string base64_decode(const std::string& text);

}  // namespace lipcert
