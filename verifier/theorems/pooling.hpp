// Theorems `max-overlap` and `window-sum` (formats/SPEC.md, section 5): pooling by maxima and by Euclidean norms.
#pragma once

#include "verifier/theorems/elementwise.hpp"

namespace lipverify {

/// The square of the constant of a MaxPool, GlobalMaxPool, ReduceMax or ReduceMin: the largest number of windows that one entry feeds.
[[nodiscard]] Rational max_overlap(const Graph& graph, const Block& block);

/// Ends of the square of the constant of an L2 pooling; Failure (rejected) when the nodes are not one.
[[nodiscard]] Constant window_sum(const Graph& graph, Evaluator& evaluator, const Block& block);

}  // namespace lipverify
