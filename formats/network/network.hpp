// The network graph as read from a model file: typed operators and exact weights, before any folding.
//
// Shapes: tensors are row-major; a symbolic first (batch) dimension is taken as 1. Weights are kept as the bits of the file, so that nothing is
// rounded here; what they mean as real numbers is decided by whoever reads them with `Tensor::real`. Formats knows nothing about bounds.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <variant>
#include <vector>

namespace lipcert {

/// ONNX's own numbers for element types (TensorProto.DataType); no others are read.
enum class ElementType : std::uint32_t { float32 = 1, uint8 = 2, int8 = 3, int32 = 6, int64 = 7, boolean = 9, float16 = 10, float64 = 11, bfloat16 = 16 };

[[nodiscard]] std::size_t byte_size(ElementType type);
[[nodiscard]] bool is_floating(ElementType type);
[[nodiscard]] const char* name_of(ElementType type);

using Shape = std::vector<std::uint64_t>;

/// Number of entries of a tensor of this shape; the reader has checked that it is at most 2^28.
/// Throws `Error` when it does not fit into 64 bits.
[[nodiscard]] std::uint64_t element_count(const Shape& shape);

/// A constant with exact entries: the little-endian bits of the file.
struct Tensor {
  ElementType type = ElementType::float32;
  Shape shape;
  std::vector<unsigned char> bits;

  [[nodiscard]] std::uint64_t size() const { return element_count(shape); }
  /// Entry i of a floating tensor as a double: exact for every type that is read (the widest is float64).
  [[nodiscard]] double real(std::uint64_t i) const;
  /// Entry i of an integer or boolean tensor.
  [[nodiscard]] std::int64_t integer(std::uint64_t i) const;
};

/// Attribute with the kind numbers of ONNX (AttributeProto.AttributeType): 1 float, 2 int, 3 string, 4 tensor, 7 ints.
using Attribute = std::variant<float, std::int64_t, std::string, Tensor, std::vector<std::int64_t>>;

/// Operators that the graph can hold; each has its row in formats/network/operators.cpp. An operator outside this list is refused by the
/// reader.
// clang-format off
enum class Operator {
  add, sub, mul, div, gemm, matmul,           // affine when one operand is constant
  conv, conv_transpose, average_pool, global_average_pool, batch_normalization, reduce_mean, reduce_sum, resize, upsample,  // affine
  relu, leaky_relu, prelu, abs, sigmoid, tanh, elu, selu, softplus, hard_sigmoid, hard_swish, gelu, mish, clip, softsign, celu, sin, cos, erf,  // entrywise activations
  max, min, max_pool, global_max_pool, reduce_max, reduce_min, top_k, softmax,  // order statistics and vectors
  neg, sign, sqrt, reciprocal, pow, exp, log, reduce_l2, lp_pool,  // on constants, or Euclidean norms and what they are made of
  equal, less, greater, less_or_equal, greater_or_equal, logical_not, logical_and, logical_or, where, dequantize_linear,  // on constants
  flatten, reshape, squeeze, unsqueeze, identity, dropout, cast,  // the same numbers in another shape
  transpose, concat, split, slice, gather, pad, depth_to_space, space_to_depth, expand,  // entries moved, left out, or repeated
  shape, constant_of_shape, range,            // integers known from shapes
  constant                                    // a weight inside the node list; stays the last
};
// clang-format on

[[nodiscard]] const char* name_of(Operator op);  // ONNX's name

/// Index into Network::values; `no_value` stands for an absent optional input or output.
using ValueId = std::size_t;
inline constexpr ValueId no_value = static_cast<ValueId>(-1);

struct Node {
  Operator op = Operator::identity;
  std::string name;                             // as in the file; may be empty
  std::vector<ValueId> inputs;                  // trailing absent ones dropped
  std::vector<ValueId> outputs;                 // trailing absent ones dropped
  std::map<std::string, Attribute> attributes;  // defaults of the operator's version filled in, see SPEC.md section 7

  [[nodiscard]] float real_attribute(const std::string& key) const;
  [[nodiscard]] std::int64_t integer_attribute(const std::string& key) const;
};

struct Value {
  enum class Kind { input, initialiser, node_output };
  Kind kind = Kind::node_output;
  std::string name;
  ElementType type = ElementType::float32;
  Shape shape;
  bool constant = false;        // does not depend on the graph's input
  std::size_t producer = 0;     // node index, for node outputs
  std::size_t initialiser = 0;  // index into Network::initialisers, for initialisers
};

/// A part of the model that is not supported: certification is impossible, inspection still lists everything.
struct Refusal {
  std::string node;    // name of the node (or of its first output when it has no name), or of the tensor
  std::string op;      // ONNX operator name, may be empty
  std::string reason;  // one sentence with the remedy
};

/// A file with weights beside the model (ONNX external data).
struct ExternalFile {
  std::string name;  // plain file name in the model's folder
  std::uint64_t bytes = 0;
  std::string sha256;  // lower-case hex, of the bytes that were used
};

struct Network {
  std::uint64_t opset = 0;
  std::vector<Tensor> initialisers;  // file order
  std::vector<Value> values;         // input first, then initialisers, then node outputs in the order of the nodes
  std::vector<Node> nodes;           // in the order of formats/onnx.md, section 4: that of the file where it is topological
  ValueId input = 0;
  ValueId output = no_value;
  std::vector<std::uint64_t> symbolic;       // positions of symbolic dimensions of the input, ascending
  std::vector<std::string> symbols;          // their names in the file, empty for one without
  std::vector<std::uint64_t> given;          // those whose size the caller gave: all but a first one of several dimensions, which is 1
  std::vector<std::string> fixed_inputs;     // initialisers that are also graph inputs (from IR version 4 on), in the order of the inputs
  std::optional<std::vector<std::string>> other_outputs;  // the output was chosen by name and the graph cut: the file's other outputs
  std::vector<ExternalFile> external_files;  // sorted by name
  std::map<ValueId, Tensor> computed;        // known values that nodes compute from shapes and constants (formats/onnx.md, section 5)
  std::vector<Refusal> refusals;             // empty when everything is supported; otherwise nodes and values may be incomplete

  /// The exact content of a known value (formats/onnx.md, section 5): an initialiser, a Constant, what Identity and Cast to the same type pass on, or
  /// what `computed` holds; nullptr for every other value.
  [[nodiscard]] const Tensor* known(ValueId id) const;
  [[nodiscard]] std::string label(std::size_t node) const;  // name for messages: node name, or its output's
};

}  // namespace lipcert
