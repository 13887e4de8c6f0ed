// How an ONNX file is read.
#pragma once

#include <cstdint>
#include <string>

namespace lipcert {

struct OnnxOptions {
  std::string file = {};                // name of the model file, for messages only
  std::uint64_t size_cap = 2147483647;  // bytes; protobuf itself reads no more
  bool allow_external_data = false;     // weights in files beside the model
  std::string folder = {};              // the model's folder, where external data may lie; empty: none is read
};

}  // namespace lipcert
