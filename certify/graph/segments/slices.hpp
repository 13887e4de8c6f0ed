// Theorem disjoint-slices: a Concat whose inputs come, each through blocks with one input, from disjoint slices of one tensor.
#pragma once

#include <cstddef>
#include <vector>

#include "certify/graph/segments/segment.hpp"
#include "certify/graph/segments/wiring.hpp"

namespace lipcert {

/// Writes down the tensor that the concat's inputs are disjoint slices of, if there is one. `segment_of` says, by step, in which of the
/// segments it is.
void find_slices(const Wiring& wiring, const std::vector<Segment>& segments, const std::vector<std::size_t>& segment_of, Segment& concat);

/// The step selects entries.
[[nodiscard]] bool is_slice(const Wiring& wiring, std::size_t step);

}  // namespace lipcert
