// The checker's own ONNX reader (rules: formats/onnx.md). Bytes that were read and hashed come in, a Graph comes out, or Failure (input).
#pragma once

#include <string>
#include <vector>

#include "verifier/graph/graph.hpp"

namespace lipverify {

/// A file beside the model that holds weights; hashed from the bytes that were used.
struct ExternalFile {
  std::string name;
  std::uint64_t bytes = 0;
  std::string sha256;
};

struct OnnxOptions {
  bool allow_external_data = false;
  std::string folder = {};  // of the model, for external data
  // Which function is meant, where the file leaves it open, as a certificate says it: what contradicts the file is Failure (rejected).
  std::optional<Shape> input_shape = {};   // sizes for the input's symbolic dimensions
  bool fixed_inputs = false;               // initialisers that are also inputs keep the values of the file
  std::optional<std::string> output = {};  // the graph is cut to what leads to this output
};

[[nodiscard]] Graph read_onnx(const std::string& bytes, const OnnxOptions& options, std::vector<ExternalFile>& external);

}  // namespace lipverify
