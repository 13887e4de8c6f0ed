// Constants of an ONNX file, for formats/onnx/*.cpp only.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "formats/network/network.hpp"
#include "formats/onnx/options.hpp"

namespace lipcert::onnx {
class TensorProto;
}  // namespace lipcert::onnx

namespace lipcert {

/// A tensor from its message. A type that is not read, a dimension 0, too many elements and numbers that are not finite are `Unsupported`;
/// a contradiction inside the message is an `Error`.
class TensorReader {
 public:
  explicit TensorReader(const OnnxOptions& options) : options_(options) {}

  /// Sets `tensor` to type and shape first, then to the bits: when `Unsupported` is thrown, `typed` tells whether type and shape are right.
  void read(const onnx::TensorProto& message, const std::string& name, Tensor& tensor, bool& typed);

  /// The external files used so far, sorted by name.
  [[nodiscard]] std::vector<ExternalFile> files() const;

 private:
  struct External {
    std::string bytes;
    std::string sha256;
  };
  [[nodiscard]] std::string external_bytes(const onnx::TensorProto& message, const std::string& name, std::uint64_t size);

  const OnnxOptions& options_;
  std::map<std::string, External> external_;
  std::uint64_t external_total_ = 0;
};

}  // namespace lipcert
