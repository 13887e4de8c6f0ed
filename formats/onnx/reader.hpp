// From the bytes of an ONNX file to a Network. Which files are read, and which are refused, stands in formats/onnx.md.
#pragma once

#include <cstdint>
#include <string>

#include "formats/network/network.hpp"

namespace lipcert {

struct OnnxOptions {
  std::string file = {};                // name of the model file, for messages only
  std::uint64_t size_cap = 2147483647;  // bytes; protobuf itself reads no more
  bool allow_external_data = false;     // weights in files beside the model
  std::string folder = {};              // the model's folder, where external data may lie; empty: none is read
};

/// Reads a model. A malformed or hostile file throws `Error` (exit code 3) with one sentence. What is well-formed but not supported goes
/// into `Network::refusals`, and reading goes on, so that all of it can be listed; nodes that are refused, or that read what a refused node
/// writes, are then missing from `Network::nodes`. Cost: linear in the file's size, about three copies of it in memory.
[[nodiscard]] Network read_onnx(const std::string& bytes, const OnnxOptions& options);

}  // namespace lipcert
