// The parts of the ONNX reader, for the .cpp files of formats/onnx/ only: tensors, attributes, parameters, operators, known values, and the
// exception that becomes a refusal.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "formats/operators/entry_map.hpp"
#include "formats/network/network.hpp"
#include "formats/onnx/reader.hpp"
#include "formats/operators/parameters.hpp"

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
inline constexpr std::uint64_t known_cap = std::uint64_t{1} << 20U;        // elements of a known value that is computed
inline constexpr std::uint64_t known_total_cap = std::uint64_t{1} << 24U;  // of all of them together
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

/// Appends one entry of the tensor's type, given by its bits.
void put(Tensor& tensor, std::uint64_t word);

using Attributes = std::map<std::string, Attribute>;

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

/// A node while it is read, and afterwards when its parameters are asked for.
struct NodeView {
  Operator op;
  std::uint64_t opset;
  const Attributes& attributes;
  const std::vector<Operand>& operands;
  std::size_t outputs;  // how many

  [[nodiscard]] bool has(std::size_t input) const { return input < operands.size() && operands[input].present; }
};

/// The operator of that name, if formats/onnx.md has it; `exists` says whether the opset has it too.
[[nodiscard]] std::optional<Operator> find_operator(const std::string& op_type);
[[nodiscard]] bool exists(Operator op, std::uint64_t opset);

/// The attributes of a node with those defaults of its version filled in that depend on nothing else (formats/SPEC.md, section 7). Throws
/// `Unsupported`.
[[nodiscard]] Attributes read_attributes(const onnx::NodeProto& node, Operator op, std::uint64_t opset, TensorReader& tensors,
                                         const std::string& label);

/// Throws `Unsupported` when the number of operands or outputs is not one that the operator has.
void check_arity(Operator op, std::uint64_t opset, const std::vector<Operand>& operands, std::size_t outputs);

/// The defaults that depend on the operands' shapes: axes, pads, strides, permutations, equal parts. After `check_arity`.
void fill_in_from_shapes(Attributes& attributes, Operator op, std::uint64_t opset, const std::vector<Operand>& operands,
                         std::size_t outputs);

// The functions of formats/operators/parameters.hpp for a node that may still be refused: they throw `Unsupported`.
[[nodiscard]] WindowParameters window_parameters(const NodeView& node);
[[nodiscard]] std::vector<std::uint64_t> axes_of(const NodeView& node);
[[nodiscard]] std::vector<SliceAxis> slice_axes(const NodeView& node);
[[nodiscard]] std::vector<PadAxis> pad_axes(const NodeView& node);
[[nodiscard]] std::vector<std::uint64_t> split_lengths(const NodeView& node);

[[nodiscard]] std::int64_t integer_of(const NodeView& node, const char* attribute);
[[nodiscard]] const std::string& text_attribute(const NodeView& node, const char* attribute);
/// An attribute that is 0 or 1.
[[nodiscard]] bool flag_of(const NodeView& node, const char* attribute);

/// A network's node seen as the reader saw it. The operands must outlive the view.
[[nodiscard]] std::vector<Operand> operands_of(const Network& network, std::size_t node);

/// `entry_sources` for a node that may not be part of a network yet. The parameters have been checked.
[[nodiscard]] std::vector<EntrySource> entry_sources(const NodeView& node, std::size_t output);

/// Checks operands and attributes against the operator's version and infers the results. Throws `Unsupported`.
[[nodiscard]] std::vector<Result> infer(const NodeView& node);

/// The contents of the outputs, in the cases where formats/onnx.md section 5 calls them known because they are computed; otherwise nothing.
/// After `infer`. Throws `Unsupported`, among others when a number does not fit into its type.
[[nodiscard]] std::vector<Tensor> compute_known(const NodeView& node, const std::vector<Result>& results);

}  // namespace lipcert
