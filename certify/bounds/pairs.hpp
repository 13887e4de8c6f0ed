// Lipschitz constants of the differences of two outputs (theorems pair-row-difference and pair-sqrt2 of formats/SPEC.md).
#pragma once

#include <cstdint>
#include <vector>

#include "certify/graph/segments/fold.hpp"
#include "certify/numbers/rounding.hpp"

namespace lipcert {

/// Bounds of f_i - f_j for all i < j, row by row, when f = A g + b with a matrix A (one row per output) and g `before`-Lipschitz:
/// ||a_i - a_j|| * before, and never more than sqrt(2) * global, which holds because |y_i - y_j| <= sqrt(2) ||y||.
/// `norm` is the claimed bound of ||A||. The claims leave room for a checker: 2^-38 relative where the rows are exactly the network's own
/// numbers (so that equal rows give exactly zero), 2^-38 * norm otherwise.
[[nodiscard]] std::vector<double> pair_bounds_by_rows(const FoldedMatrix& last, Upper norm, Upper before, Upper global, WorkerPool& pool);

/// sqrt(2) * global for each of the C (C - 1) / 2 pairs.
[[nodiscard]] std::vector<double> pair_bounds_by_global(std::uint64_t classes, Upper global);

}  // namespace lipcert
