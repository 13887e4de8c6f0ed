// Theorem `rearrangement` (formats/SPEC.md, section 5): sorting in groups, in every form that an export gives it.
#pragma once

#include "verifier/theorems/block.hpp"

namespace lipverify {

/// Evaluates the block symbolically, entry by entry; Failure (rejected) unless its output is a rearrangement, so that its constant is 1.
void check_rearrangement(const Graph& graph, const Block& block);

}  // namespace lipverify
