// Lemma P (dense_norm.hpp) for a Gram matrix B'B with few entries away from the diagonal: ordering, banded Cholesky factor, bound.
//
// The rows of B that meet the same columns form a group: B'B is the sum over the groups of small dense Gram matrices. Its columns are put
// into an order of small bandwidth (band_plan.hpp), the factor is kept in a skyline (skyline.hpp).
#pragma once

#include <cstdint>
#include <vector>

#include "certify/norms/band_plan.hpp"
#include "certify/numbers/parallel.hpp"
#include "certify/numbers/rounding.hpp"
#include "certify/numbers/sparse_matrix.hpp"

namespace lipcert {

struct BandBound {
  Upper squared;               // ||B||^2 <= squared, infinity when every factorisation failed
  std::vector<double> vector;  // near the top right singular vector of B
};

/// Bounds the norm of the centre of b, whose entries must be at most 1 in magnitude. The result does not depend on the number of threads.
[[nodiscard]] BandBound bound_band(const SparseMatrix& b, const BandPlan& plan, WorkerPool& pool, std::uint64_t seed);

/// The theorem by itself, for tests: ||B||^2 from above with this c^2 and ANY upper triangular factor (column-major, in the plan's order)
/// inside the skyline; entries outside it are not looked at.
[[nodiscard]] Upper bound_band_with_factor(const SparseMatrix& b, const BandPlan& plan, double c2, const std::vector<double>& factor,
                                           WorkerPool& pool);

}  // namespace lipcert
