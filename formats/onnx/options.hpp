// How an ONNX file is read.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace lipcert {

/// Which function of the file is meant, where the file leaves it open (formats/onnx.md, section 4).
struct FunctionChoice {
  std::optional<std::vector<std::uint64_t>> input_shape = {};  // of the graph's input, every dimension: sizes for those that are symbolic
  bool fixed_inputs = false;                                   // initialisers that are also graph inputs keep the values of the file
  std::optional<std::string> output = {};                      // its name: the graph is cut to what leads to it
};

struct OnnxOptions {
  std::string file = {};                // name of the model file, for messages only
  std::uint64_t size_cap = 2147483647;  // bytes; protobuf itself reads no more
  bool allow_external_data = false;     // weights in files beside the model
  std::string folder = {};              // the model's folder, where external data may lie; empty: none is read
  FunctionChoice function = {};
};

}  // namespace lipcert
