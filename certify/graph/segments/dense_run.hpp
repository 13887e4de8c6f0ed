// Dense steps folded as far as the flop model allows (formats/SPEC.md, section 5).
#pragma once

#include <cstddef>
#include <vector>

#include "certify/graph/segments/segment.hpp"
#include "certify/graph/steps.hpp"

namespace lipcert {

/// Cuts a run of isometries, diagonal and dense steps, each of which alone reads what the one before wrote. Entrywise factors always join a
/// neighbouring dense step. Two dense steps are multiplied out when the product takes no more flops than the bounds do, and bounding it
/// takes at most twice what bounding the two apart takes, or at most 2^37 flops; the sides of the product are at most 8192.
void cut_dense_run(const StepGraph& graph, const std::vector<std::size_t>& run, std::vector<Segment>& out);

}  // namespace lipcert
