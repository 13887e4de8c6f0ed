// The checker's own reader of .nnet files (rules: formats/nnet.md): text that was read and hashed comes in, the Graph that it stands for, or
// Failure (input).
#pragma once

#include <string>

#include "verifier/graph/graph.hpp"
#include "verifier/graph/onnx.hpp"

namespace lipverify {

/// Of the options those that say which function is meant; a .nnet file leaves none of it open.
[[nodiscard]] Graph read_nnet(const std::string& text, const OnnxOptions& options);

/// The bits of the binary64 number nearest to a rational, ties to even; those of infinity beyond the range.
[[nodiscard]] std::uint64_t nearest_binary64(const Rational& value);

}  // namespace lipverify
