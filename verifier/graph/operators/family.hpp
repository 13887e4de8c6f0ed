// What the families of operators share, and what each family gives to the table (table.cpp): for every operator the rule for its shape, its value
// on enclosures, its rows where it is linear, and its one-sided derivative where it is not.
#pragma once

#include <algorithm>
#include <memory>
#include <string>
#include <vector>

#include "verifier/base/failure.hpp"
#include "verifier/base/parallel.hpp"
#include "verifier/graph/linear_node.hpp"
#include "verifier/graph/operators.hpp"

namespace lipverify {

inline constexpr std::size_t kRank = 16;
inline constexpr std::uint64_t kElements = std::uint64_t{1} << 28;  // of a tensor

// ------------------------------------------------------------------------------------------- a node while its graph is read (formats/onnx.md, section 5)

/// One node and what it reads; `fail` ends reading with the node's name. Every list is checked before its entries are used, and a number from the
/// file is below 2^31 before it enters a product.
class NodeRules {
 public:
  NodeRules(const Graph& graph, std::size_t node) : graph_(graph), node_(graph.nodes[node]), index_(node) {}

  [[nodiscard]] const Graph& graph() const { return graph_; }
  [[nodiscard]] const Node& node() const { return node_; }
  [[nodiscard]] std::size_t index() const { return index_; }
  [[nodiscard]] bool before(std::uint64_t opset) const { return graph_.opset < opset; }
  [[noreturn]] void fail(const std::string& reason) const { refuse_node(graph_, index_, reason); }

  [[nodiscard]] bool has_input(std::size_t i) const { return i < node_.inputs.size() && node_.inputs[i] != kAbsent; }
  [[nodiscard]] const Value& in(std::size_t i) const {
    if (!has_input(i)) fail("input " + std::to_string(i) + " is missing");
    return graph_.values[node_.inputs[i]];
  }
  [[nodiscard]] const Attribute* find(const char* name) const {
    const auto found = node_.attributes.find(name);
    return found == node_.attributes.end() ? nullptr : &found->second;
  }
  [[nodiscard]] std::int64_t integer(const char* name, std::int64_t otherwise = 0) const {
    const Attribute* found = find(name);
    return found == nullptr ? otherwise : found->integer;
  }
  [[nodiscard]] bool flag(const char* name) const {
    const std::int64_t value = integer(name);
    if (value < 0 || value > 1) fail(std::string(name) + " must be 0 or 1");
    return value == 1;
  }

  void since(std::uint64_t opset) const {
    if (before(opset)) fail("the operator does not exist in this version of the operator set");
  }
  void count_inputs(std::size_t least, std::size_t most) const {
    if (node_.inputs.size() < least || node_.inputs.size() > most) fail("it has " + std::to_string(node_.inputs.size()) + " inputs");
    for (std::size_t i = 0; i < least; ++i) (void)in(i);
  }
  void floating() const {
    if (!is_floating(in(0).type)) fail("its input is not floating-point");
  }
  void same_floating_type() const {
    for (const ValueId id : node_.inputs)
      if (id != kAbsent && (!is_floating(graph_.values[id].type) || graph_.values[id].type != in(0).type))
        fail("its inputs are not of one floating-point type");
  }
  /// Input i is a constant of the data's type with one element (of rank 0).
  void constant_scalar(std::size_t i, bool rank_zero) const {
    if (!has_input(i)) return;
    const Value& value = in(i);
    if (!value.constant || value.type != in(0).type || element_count(value.shape) != 1 || (rank_zero && !value.shape.empty()))
      fail("input " + std::to_string(i) + " must be one constant of the type of the data");
  }
  /// One floating-point input; its shape.
  [[nodiscard]] const Shape& unary() const {
    count_inputs(1, 1);
    floating();
    return in(0).shape;
  }

  [[nodiscard]] Shape broadcast(const Shape& a, const Shape& b) const {
    Shape out(std::max(a.size(), b.size()));
    for (std::size_t k = 0; k < out.size(); ++k) {
      const std::uint64_t x = k < a.size() ? a[a.size() - 1 - k] : 1;
      const std::uint64_t y = k < b.size() ? b[b.size() - 1 - k] : 1;
      if (x != y && x != 1 && y != 1) fail("shapes " + text_of(a) + " and " + text_of(b) + " do not broadcast");
      out[out.size() - 1 - k] = std::max(x, y);
    }
    return out;
  }
  [[nodiscard]] Shape broadcast_all() const {
    Shape out = in(0).shape;
    for (std::size_t i = 1; i < node_.inputs.size(); ++i) out = broadcast(out, in(i).shape);
    return out;
  }

  /// A known vector of integers; INT32 only where it is allowed.
  [[nodiscard]] std::vector<std::int64_t> vector(std::size_t i, const char* what, bool narrow) const {
    const Value& value = in(i);
    if (value.known == nullptr || value.shape.size() != 1 || (value.type != kInt64 && !(narrow && value.type == kInt32)))
      fail(std::string(what) + " must be a known vector of integers");
    return integers_of(*value.known);
  }
  /// An axis of a tensor of this rank; `from_end`: it may be negative.
  [[nodiscard]] std::uint64_t axis(std::int64_t value, std::size_t rank, bool from_end) const {
    const auto r = static_cast<std::int64_t>(rank);
    if (value >= r || value < (from_end ? -r : 0)) fail("axis " + std::to_string(value) + " is out of range");
    return static_cast<std::uint64_t>(value < 0 ? value + r : value);
  }
  [[nodiscard]] std::vector<std::uint64_t> axes(const std::vector<std::int64_t>& values, std::size_t rank, bool from_end) const {
    std::vector<std::uint64_t> out;
    for (const std::int64_t value : values) {
      out.push_back(axis(value, rank, from_end));
      if (std::count(out.begin(), out.end(), out.back()) != 1) fail("axis " + std::to_string(value) + " is named twice");
    }
    return out;
  }
  /// Attribute with one entry per spatial axis (twice as many for pads), each from `least` to 2^31 - 1; `otherwise` where it is absent.
  [[nodiscard]] std::vector<std::uint64_t> per_axis(const char* name, std::size_t count, std::int64_t least, std::uint64_t otherwise) const {
    const Attribute* found = find(name);
    if (found == nullptr) return std::vector<std::uint64_t>(count, otherwise);
    if (found->integers.size() != count) fail(std::string(name) + " has " + std::to_string(found->integers.size()) + " entries, not " + std::to_string(count));
    std::vector<std::uint64_t> out;
    for (const std::int64_t value : found->integers) {
      if (value < least || value >= std::int64_t{1} << 31) fail(std::string(name) + " has the entry " + std::to_string(value));
      out.push_back(static_cast<std::uint64_t>(value));
    }
    return out;
  }

 private:
  const Graph& graph_;
  const Node& node_;
  std::size_t index_;
};

// ------------------------------------------------------------------------------------------------------------------- values on enclosures

/// Refuses tensors that are too large to be enclosed.
void check_size(std::uint64_t entries);

/// entry(e) for every entry of a tensor of this shape.
template <typename Entry>
[[nodiscard]] Operand entrywise(const Shape& shape, unsigned threads, const Entry& entry) {
  IntervalTensor out(element_count(shape));
  parallel_for(out.size(), out.size() < 64 ? 1 : threads, [&](std::size_t e) { out[e] = entry(e); });
  return operand_of(std::move(out), shape);
}

/// The tensor 1, as weights of a plain sum.
[[nodiscard]] const Operand& unit_weight();

/// For each output position of one axis of a window: pairs (tap, position of the data).
[[nodiscard]] std::vector<std::vector<Tap>> axis_taps(const WindowAxis& a, bool transposed);

/// The Euclidean norm of these entries.
[[nodiscard]] Interval norm_of(const Operand& x, const std::vector<std::uint32_t>& entries);

// ------------------------------------------------------------------------------------------------------------------- rows of linear nodes

/// A constant operand as factors, each multiplied by `times`.
class Factors {
 public:
  explicit Factors(const Operand& operand) : Factors(operand, Interval(Dyadic{1, 0})) {}
  Factors(const Operand& operand, const Interval& times);
  [[nodiscard]] Coefficient at(std::uint64_t i) const { return values_ ? (*values_)[i] : Coefficient{operand_->raw->real(i), {}}; }

 private:
  const Operand* operand_;
  std::shared_ptr<std::vector<Coefficient>> values_;
};

inline constexpr std::uint64_t kFactors = std::uint64_t{1} << 24;  // enclosed factors of one node

/// A linear node and its inputs, with the data inputs numbered in order; its family fills `out`.
struct Rows {
  const Graph& graph;
  Evaluator& evaluator;
  std::size_t index;
  const Node& node;
  LinearNode& out;
  std::vector<std::uint32_t> slot;  // for each input; kNone for constants and absent ones

  static constexpr std::uint32_t kNone = 0xFFFFFFFF;

  Rows(const Graph& g, Evaluator& e, std::size_t i, LinearNode& o);
  [[nodiscard]] bool data(std::size_t k) const { return k < slot.size() && slot[k] != kNone; }
  [[nodiscard]] bool given(std::size_t k) const { return k < node.inputs.size() && node.inputs[k] != kAbsent; }
  [[nodiscard]] const Shape& shape(std::size_t k) const { return graph.values[node.inputs[k]].shape; }
  [[nodiscard]] const Operand& constant(std::size_t k) const { return evaluator.constant(node.inputs[k]); }
  [[noreturn]] void refuse(const std::string& reason) const { reject(graph.label(index) + " " + reason); }
  /// Exactly input `k` is data.
  void only(std::size_t k) const;
};

inline const Coefficient kOne{{1, 0}, {}};
inline const Coefficient kMinusOne{{-1, 0}, {}};

/// 1/n.
[[nodiscard]] Coefficient share(std::uint64_t n);
[[nodiscard]] std::uint64_t product_from(const Shape& shape, std::size_t first);

// --------------------------------------------------------------------------------------------------------------------------- the families

/// Shape of a node's first output by the rule of its operator; sets the type where it is not that of the first input. Failure (input) when the
/// rule refuses the node.
[[nodiscard]] Shape shape_of_output(const Graph& graph, std::size_t node, Value& out);

/// Computes the node's outputs where they are known (all its inputs are, and its data are integers or booleans), after they were appended to
/// the graph.
void compute_known(Graph& graph, std::size_t node);

using Derivatives = std::vector<const Operand*>;  // of a node's inputs; null for constants

/// Shape of the first output; `out` has the type of the first input until a rule changes it.
using ShapeRule = Shape(const NodeRules& at, Value& out);
/// `shape`: of the output. `linear`: the linear part only.
using ValueRule = Operand(const NodeInputs& inputs, std::size_t output, const Shape& shape, bool linear);
using RowsRule = void(const Rows& at, std::size_t output, const Shape& shape);
/// `value`: the enclosed output.
using DerivativeRule = Operand(const NodeInputs& inputs, const Derivatives& derivatives, const Operand& value);

namespace arithmetic {  // Add, Sub, Mul, Div, Neg, BatchNormalization
ShapeRule shape, shape_of_negation, shape_of_normalisation;
ValueRule value, normalised;
RowsRule sums, scales, negates, normalises;
DerivativeRule product_derivative, quotient_derivative;
}  // namespace arithmetic

namespace dense {  // Gemm, MatMul
ShapeRule shape_of_gemm, shape_of_matmul;
ValueRule gemm, matmul;
RowsRule gemm_rows, matmul_rows;
}  // namespace dense

namespace convolution {  // Conv, ConvTranspose, AveragePool, GlobalAveragePool
ShapeRule shape, shape_of_pool;  // the second also of MaxPool, GlobalMaxPool, LpPool
ValueRule value, average;
RowsRule convolves, averages;
}  // namespace convolution

namespace choices {  // Max, Min, MaxPool, GlobalMaxPool, ReduceMax, ReduceMin, TopK
ShapeRule shape_of_extremes, shape_of_top;
ValueRule extremes, largest, top;
DerivativeRule extremes_derivative, choice_derivative;
}  // namespace choices

namespace reductions {  // ReduceMean, ReduceSum, ReduceL2, LpPool, Softmax
ShapeRule shape, shape_of_softmax;  // the first also of ReduceMax, ReduceMin
ValueRule sum, norm, softmax;
RowsRule reduces;
DerivativeRule norm_derivative, softmax_derivative;
}  // namespace reductions

namespace resampling {  // Resize, Upsample
ShapeRule shape;
ValueRule value;
RowsRule rows;
}  // namespace resampling

namespace moves {  // everything that moves_entries
ShapeRule same_shape, shape_of_dropout, shape_of_cast, flattened, reshaped, squeezed, unsqueezed, transposed, concatenated, shape_of_split, sliced, gathered, padded, spread, expanded;
ValueRule same_entries, moved;
RowsRule rows;
}  // namespace moves

namespace powers {  // Sign, Sqrt, Reciprocal, Pow, Exp, Log
ShapeRule shape, shape_of_power;
ValueRule value;
DerivativeRule derivative;
}  // namespace powers

namespace conditions {  // of constants: Equal, Less, Greater, LessOrEqual, GreaterOrEqual, Not, And, Or, Where, DequantizeLinear
ShapeRule shape_of_comparison, shape_of_logic, shape_of_choice, shape_of_dequantised;
ValueRule value, dequantised;
}  // namespace conditions

/// One of the comparisons and logical operators, of numbers that are known.
[[nodiscard]] bool holds(Op op, std::int64_t a, std::int64_t b);

namespace known {  // Shape, ConstantOfShape, Range, Constant
ShapeRule shape_vector, constant_shape, counted, constant;
}  // namespace known

}  // namespace lipverify
