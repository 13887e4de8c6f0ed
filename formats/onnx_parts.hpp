// The parts of the ONNX reader, for formats/onnx_*.cpp only: tensors, operators, and the exception that becomes a refusal.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "formats/network.hpp"
#include "formats/onnx_reader.hpp"

namespace lipcert::onnx {
class NodeProto;
class TensorProto;
}  // namespace lipcert::onnx

namespace lipcert {

/// Well-formed but not supported: the reader turns it into a `Refusal` and goes on.
struct Unsupported {
  std::string reason;  // one sentence with the remedy
};

inline constexpr std::uint64_t element_cap = std::uint64_t{1} << 28U;
inline constexpr std::size_t rank_cap = 16;

/// Number of elements if it is at most `element_cap`.
[[nodiscard]] std::optional<std::uint64_t> bounded_count(const Shape& shape);

/// "2x3", or "scalar".
[[nodiscard]] std::string text_of(const Shape& shape);

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

/// An operand of a node, as far as shape inference needs it.
struct Operand {
  bool present = false;
  ElementType type = ElementType::float32;
  Shape shape;
  bool constant = false;
  const Tensor* known = nullptr;  // its exact content, where formats/onnx.md section 5 calls it known
};

struct Result {
  ElementType type = ElementType::float32;
  Shape shape;
};

[[nodiscard]] std::optional<Operator> find_operator(const std::string& op_type);

/// The attributes of a node with the defaults of its version filled in (formats/SPEC.md, section 7). Throws `Unsupported`.
[[nodiscard]] std::map<std::string, Attribute> read_attributes(const onnx::NodeProto& node, Operator op, std::uint64_t opset,
                                                               TensorReader& tensors, const std::string& label);

/// Checks operands and attributes against the operator's version and infers `outputs` results. Throws `Unsupported`.
[[nodiscard]] std::vector<Result> infer(Operator op, std::uint64_t opset, const std::map<std::string, Attribute>& attributes,
                                        const std::vector<Operand>& operands, std::size_t outputs);

}  // namespace lipcert
