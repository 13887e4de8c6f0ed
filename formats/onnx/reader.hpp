// From the bytes of an ONNX file to a Network. Which files are read, and which are refused, stands in formats/onnx.md.
#pragma once

#include <string>

#include "formats/network/network.hpp"
#include "formats/onnx/options.hpp"

namespace lipcert {

/// Reads a model. A malformed or hostile file throws `Error` (exit code 3) with one sentence. What is well-formed but not supported goes
/// into `Network::refusals`, and reading goes on, so that all of it can be listed; nodes that are refused, or that read what a refused node
/// writes, are then missing from `Network::nodes`. Cost: linear in the file's size, about three copies of it in memory.
[[nodiscard]] Network read_onnx(const std::string& bytes, const OnnxOptions& options);

}  // namespace lipcert
