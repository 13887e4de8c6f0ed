// Theorems `sum`, `root-sum-squares` and `disjoint-slices` (formats/SPEC.md, section 5): bounds of everything up to a join.
#pragma once

#include <map>

#include "verifier/theorems/block.hpp"

namespace lipverify {

/// A bound, as its square where the theorem gives squares.
struct JoinBound {
  Rational value = 0;
  bool squared = false;
  [[nodiscard]] bool proves(const Rational& upper) const { return squared ? upper * upper >= value : upper >= value; }
  [[nodiscard]] Rational above() const { return squared ? sqrt_above(value) : value; }
};

/// `P`: the bounds of the tensors up to the join. `blocks`: the blocks before it.
[[nodiscard]] JoinBound join_bound(const Graph& graph, const Block& block, const std::vector<Block>& blocks,
                                   const std::map<ValueId, Rational>& bounds);

}  // namespace lipverify
