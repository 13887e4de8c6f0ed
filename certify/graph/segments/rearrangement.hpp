// Sub-graphs that only rearrange: the sorts of 1-Lipschitz networks in whatever nodes an export writes them (theorem `rearrangement` of
// formats/SPEC.md, section 5).
#pragma once

#include <cstddef>
#include <vector>

#include "certify/graph/segments/wiring.hpp"

namespace lipcert {

/// Steps with one input (a value) and one output, whose every entry, computed symbolically, is +-x_i, relu(+-x_i) or an order statistic of
/// entries, each used so that the map is a direct sum of sorts, of pairs relu(x), relu(-x), and of entries.
struct Rearrangement {
  std::size_t input = 0;
  std::vector<std::size_t> steps;  // ascending; the last one writes the output
};

/// The smallest such sub-graphs that hold at least two Max, Min, ReduceMax, ReduceMin or Relu, or a TopK; disjoint, in order of their input
/// from the last to the first.
[[nodiscard]] std::vector<Rearrangement> find_rearrangements(const Wiring& wiring);

}  // namespace lipcert
