// Theorem `sll-psd` (formats/SPEC.md, section 5): residual blocks x - A' diag(d) relu(A x + b), 1-Lipschitz up to the rounding of their weights.
#pragma once

#include "verifier/theorems/block.hpp"
#include "verifier/theorems/hints.hpp"

namespace lipverify {

/// The square of a number that is at least the block's constant: 1 + delta ||A||^2. Failure (rejected) when the nodes are not such a block, or
/// M + delta I was not found to be positive semidefinite.
[[nodiscard]] Rational sll_bound(const Graph& graph, Evaluator& evaluator, const Block& block, const Hints& hints, const Engine& engine);

}  // namespace lipverify
