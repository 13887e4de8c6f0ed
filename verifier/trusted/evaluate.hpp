// The operators in exact real arithmetic, on enclosures: expressions of constants, the network at a point, and one-sided directional derivatives.
#pragma once

#include <map>
#include <memory>
#include <vector>

#include "verifier/trusted/gram.hpp"
#include "verifier/trusted/graph.hpp"
#include "verifier/trusted/interval.hpp"

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

class Evaluator {
 public:
  Evaluator(const Graph& graph, const Engine& engine) : graph_(graph), engine_(engine) {}

  /// The constant value `id`, which is a weight or an expression of weights. Division by an interval with 0: Failure (rejected).
  [[nodiscard]] const Operand& constant(ValueId id);

  /// The single input of a node that is not constant; kAbsent when there is none or several.
  [[nodiscard]] ValueId data_input(std::size_t node) const;

  /// What `node` makes of data `x`. `linear`: its linear part only (additive constants left out); refused for activations.
  [[nodiscard]] Operand apply(std::size_t node, const Operand& x, bool linear);

  /// f'(x; v), the one-sided directional derivative of the whole network: x, v of the input's size.
  [[nodiscard]] IntervalTensor directional_derivative(const IntegerVector& x, const IntegerVector& v);

 private:
  [[nodiscard]] Operand compute(const Node& node, const std::vector<const Operand*>& in, const Shape& shape, bool linear, std::size_t data);
  [[nodiscard]] Operand matmul(const Operand& a, const Operand& b, const Shape& shape) const;
  [[nodiscard]] Operand gemm(const Node& node, const std::vector<const Operand*>& in, const Shape& shape, bool linear) const;

  const Graph& graph_;
  Engine engine_;
  std::map<ValueId, Operand> constants_;
  std::uint64_t entries_ = 0;  // of computed constants
};

}  // namespace lipverify
