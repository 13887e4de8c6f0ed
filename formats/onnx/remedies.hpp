// What to do about an operator that is not read.
#pragma once

#include <string>

namespace lipcert {

/// Why the operator of that ONNX name has no place in a certificate and what to export instead: the end of a sentence, after a colon. Empty
/// where nothing but "not supported" is known.
[[nodiscard]] std::string remedy_for(const std::string& operator_name);

}  // namespace lipcert
