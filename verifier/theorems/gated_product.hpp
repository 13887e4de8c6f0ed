// Gated products (formats/SPEC.md, section 5, `elementwise-slope`): several nodes that compute x (a + b g(x)) entry by entry.
#pragma once

#include "verifier/graph/activations.hpp"
#include "verifier/theorems/block.hpp"

namespace lipverify {

/// Ends of the largest absolute slope. A block that is no gated product of the table: Failure (rejected).
[[nodiscard]] Constant gated_product_slope(const Graph& graph, Evaluator& evaluator, const Block& block);

}  // namespace lipverify
