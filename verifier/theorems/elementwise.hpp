// Theorem `elementwise-slope` (formats/SPEC.md, section 5): the largest absolute slope of an activation.
#pragma once

#include "verifier/graph/activations.hpp"
#include "verifier/theorems/block.hpp"

namespace lipverify {

/// Ends of it. Requires the block to hold one activation, or several nodes (check_partition).
[[nodiscard]] Constant largest_slope(const Graph& graph, Evaluator& evaluator, const Block& block);

}  // namespace lipverify
