// JSON under the rules of formats/SPEC.md, section 2: what nlohmann_json alone would let through is refused here.
#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>

namespace lipcert {

/// Keeps keys in the order of the document, as a certificate is written.
using Json = nlohmann::ordered_json;

struct JsonLimits {
  std::uint64_t size_cap = 268435456;  // bytes
  unsigned depth = 64;                 // nesting of arrays and objects
};

/// Strict reading. Refuses (`Error`, input): size above the cap, byte order mark, zero bytes, invalid UTF-8, duplicate keys, nesting above
/// the limit, any number that is not an integer written without fraction and exponent and of magnitude below 2^53, and anything after the
/// value. `what` names the document in the message.
[[nodiscard]] Json parse_json(const std::string& text, const std::string& what, const JsonLimits& limits = {});

/// The text of a certificate's payload: UTF-8, no insignificant whitespace. Throws `Error` (internal) when a value breaks the rules that
/// `parse_json` enforces (a float, an integer too large, invalid UTF-8).
[[nodiscard]] std::string write_json(const Json& value);

}  // namespace lipcert
