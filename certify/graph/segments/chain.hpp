// Affine steps in a row, each of which alone reads what the one before wrote: convolutions with what they take up, dense runs, explicit
// matrices.
#pragma once

#include <cstddef>
#include <vector>

#include "certify/graph/segments/segment.hpp"
#include "certify/graph/segments/wiring.hpp"

namespace lipcert {

/// The segments of a chain, their inputs left open. What cannot be bounded is added to the refusals.
[[nodiscard]] std::vector<Segment> cut_chain(const Wiring& wiring, const std::vector<Unit>& chain, std::vector<Refusal>& refusals);

}  // namespace lipcert
