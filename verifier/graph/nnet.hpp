// The checker's own reader of .nnet files (rules: formats/nnet.md): text that was read and hashed comes in, the Graph that it stands for, or
// Failure (input).
#pragma once

#include <string>

#include "verifier/graph/graph.hpp"

namespace lipverify {

[[nodiscard]] Graph read_nnet(const std::string& text);

/// The bits of the binary64 number nearest to a rational, ties to even; those of infinity beyond the range.
[[nodiscard]] std::uint64_t nearest_binary64(const Rational& value);

}  // namespace lipverify
