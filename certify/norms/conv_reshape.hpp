// Theorem conv-reshape (Singla and Feizi, ICLR 2021): the norm of a convolution is at most the root of its number of taps (and of copies) times
// the norm of its kernel as a matrix, whichever of the taps' axes are rows.
#pragma once

#include <cstdint>
#include <vector>

#include "certify/norms/conv_norm.hpp"
#include "certify/norms/conv_parts.hpp"
#include "certify/numbers/parallel.hpp"
#include "certify/numbers/rounding.hpp"

namespace lipcert {

/// Writes the bound, its theorem and its evidence, with the reshape that seems best.
void bound_by_reshape(const Convolution& c, const std::vector<PlannedAxis>& axes, LinearBound& result, WorkerPool& pool, std::uint64_t seed,
                      Upper reserve);

[[nodiscard]] double reshape_flops(const Convolution& c);

}  // namespace lipcert
