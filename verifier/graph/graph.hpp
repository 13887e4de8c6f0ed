// The network as the checker knows it: typed operators, exact weights, inferred shapes. Written from formats/SPEC.md section 7 and
// formats/onnx.md, without a line of the generator's reader.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "verifier/base/numbers.hpp"

namespace lipverify {

using Shape = std::vector<std::uint64_t>;

/// Number of entries; the readers keep it at most 2^28.
[[nodiscard]] std::uint64_t element_count(const Shape& shape);
[[nodiscard]] std::string text_of(const Shape& shape);  // "1 x 784"

/// ONNX's TensorProto.DataType.
enum ElementType : std::uint32_t { kFloat32 = 1, kUint8 = 2, kInt8 = 3, kInt32 = 6, kInt64 = 7, kBool = 9, kFloat16 = 10, kFloat64 = 11, kBfloat16 = 16 };

[[nodiscard]] bool is_floating(std::uint32_t type);
/// Constants of such a type that are not known are enclosed: real numbers, and what comparing them says.
[[nodiscard]] bool is_enclosed(std::uint32_t type);
[[nodiscard]] std::uint64_t byte_size(std::uint32_t type);  // 0 for a type that is not read

struct Tensor {
  std::uint32_t type = kFloat32;
  Shape shape;
  std::string bits;  // little-endian elements

  [[nodiscard]] Dyadic real(std::uint64_t i) const;           // exact
  [[nodiscard]] std::int64_t integer(std::uint64_t i) const;  // types that are not floating
};

/// The exact value of IEEE bits; the readers have refused NaN and infinity.
[[nodiscard]] Dyadic dyadic_of_binary32(std::uint32_t bits);
[[nodiscard]] bool is_finite(std::uint32_t type, std::uint64_t bits);

struct Attribute {
  std::uint32_t kind = 0;  // AttributeProto.AttributeType: 1 float, 2 integer, 3 string, 4 tensor, 6 floats, 7 integers
  std::uint32_t real = 0;  // bits
  std::int64_t integer = 0;
  std::string text;
  Tensor tensor;
  std::vector<std::uint32_t> reals;
  std::vector<std::int64_t> integers;
};

/// In the order of the tables: operators/table.cpp, and from kFirstActivation on activations.cpp.
enum class Op {
  add, sub, mul, div, neg, batch_normalization, gemm, matmul, conv, conv_transpose, average_pool, global_average_pool,
  max, min, max_pool, global_max_pool, reduce_max, reduce_min, top_k, reduce_mean, reduce_sum, reduce_l2, lp_pool, softmax, resize, upsample,
  identity, dropout, cast, flatten, reshape, squeeze, unsqueeze, transpose, concat, split, slice, gather, pad, depth_to_space, space_to_depth, expand,
  sign, sqrt, reciprocal, pow, exp, log,
  equal, less, greater, less_or_equal, greater_or_equal, logical_not, logical_and, logical_or, where, dequantize_linear,
  shape, constant_of_shape, range, constant,
  relu, leaky_relu, prelu, abs, sigmoid, tanh, elu, selu, softplus, hard_sigmoid, hard_swish, gelu, mish, clip, softsign, celu, sin, cos, erf,
  end  // no operator
};
inline constexpr Op kFirstActivation = Op::relu;

using ValueId = std::size_t;
inline constexpr ValueId kAbsent = static_cast<ValueId>(-1);

struct Node {
  Op op = Op::identity;
  std::string type;  // ONNX's name of the operator
  std::vector<ValueId> inputs, outputs;
  std::map<std::string, Attribute> attributes;  // exactly those of SPEC.md section 7, defaults filled in
};

struct Value {
  enum class Kind { input, initialiser, node_output };
  Kind kind = Kind::node_output;
  std::string name;
  std::uint32_t type = kFloat32;
  Shape shape;
  bool constant = false;          // does not depend on the graph's input
  std::size_t producer = 0;       // node, for node outputs
  const Tensor* known = nullptr;  // the tensor itself: an initialiser, a Constant, or a known value that a node computes (formats/onnx.md)
  bool unusable = false;          // Dropout's mask, TopK's indices: nobody may read it
};

struct Graph {
  Graph() = default;
  Graph(Graph&&) = default;
  Graph(const Graph&) = delete;  // Value::known points into it
  Graph& operator=(const Graph&) = delete;
  Graph& operator=(Graph&&) = delete;

  std::uint64_t opset = 0;
  std::vector<Tensor> initialisers;     // file order; never resized after reading
  std::vector<Value> values;            // input, initialisers, node outputs in the order of the nodes
  std::vector<Node> nodes;              // in the order of formats/onnx.md, section 4; never resized after reading
  std::deque<Tensor> computed;          // known values that nodes compute: shapes, indices; Value::known points into it
  std::uint64_t computed_elements = 0;  // of all of them
  std::vector<std::uint64_t> symbolic;  // positions of symbolic input dimensions
  std::vector<std::string> symbols;     // their names in the file, "" for none
  std::vector<std::uint64_t> given;     // those whose size came from the options: all but a first one of several dimensions, which is 1
  std::vector<std::string> fixed_inputs;                  // initialisers that are inputs too (from IR version 4 on)
  std::optional<std::vector<std::string>> other_outputs;  // the output was chosen by name and the graph cut: the file's other outputs
  ValueId output = kAbsent;

  [[nodiscard]] const Value& input() const { return values[0]; }
  [[nodiscard]] std::string symbol_of(std::uint64_t dimension) const;  // name of a symbolic dimension
  [[nodiscard]] std::string label(std::size_t node) const;  // for messages: "node 3 (Gemm -> y)"
};

/// The data inputs of a node (those that depend on the graph's input) in its order, each as often as the node reads it; none for a Shape, whose
/// result is constant.
[[nodiscard]] std::vector<ValueId> data_inputs(const Graph& graph, std::size_t node);

/// The operator of this name, or false.
[[nodiscard]] bool find_operator(const std::string& name, Op& op);

/// Types and shapes of the outputs of a node from its inputs (formats/onnx.md, section 5), and its mark `constant`; appends one value for
/// every output name (an absent optional output has an empty name and gets none). Failure (input) when a rule refuses the node.
void infer(Graph& graph, std::size_t node, const std::vector<std::string>& output_names);

/// SHA-256 of the canonical byte string (SPEC.md, section 7), lower-case hex.
[[nodiscard]] std::string graph_digest(const Graph& graph);

}  // namespace lipverify
