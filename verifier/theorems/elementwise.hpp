// Theorem `elementwise-slope` (formats/SPEC.md, section 5): the largest absolute slope of an activation.
#pragma once

#include "verifier/verdict/partition.hpp"

namespace lipverify {

/// The largest absolute slope lies between these numbers; they are equal where it is known exactly.
struct Constant {
  Rational lower = 0, upper = 0;
};

/// Requires the block to hold one activation, or x * Sigmoid(x) (check_partition).
[[nodiscard]] Constant largest_slope(const Graph& graph, Evaluator& evaluator, const Block& block);

}  // namespace lipverify
