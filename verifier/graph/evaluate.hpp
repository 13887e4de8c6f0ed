// The operators in exact real arithmetic, on enclosures: expressions of constants, the network at a point, and one-sided directional derivatives.
#pragma once

#include <map>
#include <memory>
#include <vector>

#include "verifier/base/gram.hpp"
#include "verifier/base/interval.hpp"
#include "verifier/graph/graph.hpp"

namespace lipverify {

using IntervalTensor = std::vector<Interval>;  // row-major

/// A vector of integers times a power of two (formats/SPEC.md, section 2).
struct IntegerVector {
  std::int64_t exponent = 0;
  std::vector<std::int32_t> mantissas;
};

[[nodiscard]] IntervalTensor intervals_of(const IntegerVector& vector);
[[nodiscard]] Rational squared_norm(const IntegerVector& vector);

/// At most the squared Euclidean norm of every vector in the enclosure.
[[nodiscard]] Rational squared_norm_below(const IntervalTensor& vector);

/// A tensor of real numbers: exact bits of the file, or enclosures.
struct Operand {
  const Tensor* raw = nullptr;
  std::shared_ptr<const Tensor> held;  // owner of `raw` when that is not the graph: moved weights
  std::shared_ptr<const IntervalTensor> computed;
  Shape shape;

  [[nodiscard]] std::uint64_t size() const { return element_count(shape); }
  [[nodiscard]] Interval at(std::uint64_t i) const { return raw != nullptr ? Interval(raw->real(i)) : (*computed)[i]; }
};

[[nodiscard]] Operand operand_of(IntervalTensor values, const Shape& shape);

/// Index of the entry of an operand of shape `from` that meets entry `i` of a tensor of shape `to` under numpy broadcasting.
class Broadcast {
 public:
  Broadcast(const Shape& from, const Shape& to);
  [[nodiscard]] std::uint64_t index(std::uint64_t i) const;

 private:
  Shape to_;
  std::vector<std::uint64_t> stride_;  // 0 along broadcast dimensions
  bool plain_ = false;
};

/// Nodes that compute y = sqrt(sum_i a_i x_i^2), a_i >= 0, of the tensor `input`: that they do has been verified (theorems/pooling.hpp).
struct Pooling {
  std::vector<std::size_t> nodes;
  ValueId input = 0;
};

class Evaluator {
 public:
  Evaluator(const Graph& graph, const Engine& engine) : graph_(graph), engine_(engine) {}

  /// The constant value `id`, which is a weight or an expression of weights. Division by an interval with 0: Failure (rejected).
  [[nodiscard]] const Operand& constant(ValueId id);

  /// The inputs of a node that depend on the graph's input, as often as it reads them; none for a Shape, whose result is constant.
  [[nodiscard]] std::vector<ValueId> data_inputs(std::size_t node) const { return lipverify::data_inputs(graph_, node); }
  /// The single input of a node that is not constant; kAbsent when there is none or several.
  [[nodiscard]] ValueId data_input(std::size_t node) const;

  /// What `node`, with one input of data, makes of data `x`: its first output. `linear`: its linear part only (additive constants left out);
  /// refused for nodes that are not linear.
  [[nodiscard]] Operand apply(std::size_t node, const Operand& x, bool linear);

  /// The first output of the last of these nodes, a small graph that reads the tensor `input` (at `x`), constants and itself.
  [[nodiscard]] Operand apply_block(const std::vector<std::size_t>& nodes, ValueId input, const Operand& x, bool linear);

  /// The network's output at a point. Computes every constant on the way; from then on it may be called from several threads at once.
  [[nodiscard]] Operand output_at(const Operand& x);

  /// f'(x; v), the one-sided directional derivative of the whole network: x, v of the input's size. Poolings are differentiated as what they are; node
  /// by node the root at 0 and the sign of a number near 0 would have no derivative.
  [[nodiscard]] IntervalTensor directional_derivative(const IntegerVector& x, const IntegerVector& v, const std::vector<Pooling>& poolings = {});

 private:
  struct Dual {
    Operand value, derivative;
  };
  using Duals = std::map<ValueId, Dual>;
  enum class Mode { value, linear, derivative };
  void step(std::size_t node, Mode mode, Duals& duals);
  void run(Mode mode, Duals& duals, const std::vector<Pooling>& poolings = {});
  [[nodiscard]] IntervalTensor weighted(const Pooling& pooling, IntervalTensor terms);
  [[nodiscard]] Dual pooled(const Pooling& pooling, const Dual& x);

  const Graph& graph_;
  Engine engine_;
  std::map<ValueId, Operand> constants_;
  std::uint64_t entries_ = 0;  // of computed constants
};

}  // namespace lipverify
