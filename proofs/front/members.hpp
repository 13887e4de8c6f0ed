// What the front reads of a certificate, and the two ways in which it stops: the certificate is wrong, or there is no proof for it.
#pragma once

#include <cstdint>
#include <stdexcept>
#include <string>

#include "formats/encoding/error.hpp"
#include "formats/encoding/json.hpp"

namespace lipcert::proofs {

/// What this version has no proof for. Never an acceptance: exit code 3.
class NotCovered : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

inline Error rejected(const std::string& sentence) {
  return Error(ExitCode::rejected, sentence);
}

/// A member that must be there; a certificate without it does not have the structure of SPEC.md.
inline const Json& member(const Json& object, const char* key) {
  if (!object.is_object() || !object.contains(key)) {
    throw rejected(std::string("the certificate has no member '") + key + "' where one is required.");
  }
  return object.at(key);
}

inline std::string text(const Json& value, const char* what) {
  if (!value.is_string()) {
    throw rejected(std::string("the certificate's ") + what + " is not a string.");
  }
  return value.get<std::string>();
}

inline std::uint64_t natural(const Json& value, const char* what) {
  if (!value.is_number_unsigned() && !(value.is_number_integer() && value.get<std::int64_t>() >= 0)) {
    throw rejected(std::string("the certificate's ") + what + " is not a natural number.");
  }
  return value.get<std::uint64_t>();
}

}  // namespace lipcert::proofs
