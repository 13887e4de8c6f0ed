// The linear nodes of formats/SPEC.md, section 5, entry by entry: entry r of a node's output is the sum of factor * (entry of a data input), plus
// constants that no norm sees. Factors are exact dyadics, or a dyadic with a bound on its distance (1/9, scale/sqrt(var + epsilon)).
#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include "verifier/graph/evaluate.hpp"

namespace lipverify {

/// |true factor - centre| <= error; exact when error.mantissa is 0.
struct Coefficient {
  Dyadic centre;
  Dyadic error;
};

/// A coefficient that encloses an interval: centre of at most 62 bits.
[[nodiscard]] Coefficient coefficient_of(const Interval& x);
[[nodiscard]] Interval interval_of(const Coefficient& x);

/// The exponent of a dyadic; one that is out of range: Failure (rejected).
[[nodiscard]] std::int32_t exponent_of(std::int64_t e);

struct Term {
  std::uint32_t slot = 0;   // data input: LinearNode::data[slot]
  std::uint32_t index = 0;  // flat index in it
  Coefficient factor;
};

/// The linear part of one output of a node.
struct LinearNode {
  std::vector<ValueId> data;  // its data inputs, each as often as the node reads it
  std::uint64_t rows = 0;     // entries of the output
  bool offset = false;        // adds a constant that may be nonzero
  std::function<void(std::uint64_t row, std::vector<Term>& terms)> row;  // appends the terms of a row
};

/// Output number `output` of a linear node; a node that is not linear in its data: Failure (rejected).
[[nodiscard]] LinearNode linear_node(const Graph& graph, Evaluator& evaluator, std::size_t node, std::size_t output);

/// scale / sqrt(var + epsilon) for every channel of a BatchNormalization.
[[nodiscard]] IntervalTensor batch_factors(const Graph& graph, Evaluator& evaluator, std::size_t node);

}  // namespace lipverify
