// Lemma P (dense_norm.hpp) for a Gram matrix B'B with few entries away from the diagonal: ordering, banded Cholesky factor, bound.
//
// The rows of B that meet the same columns form a group (all output channels at one position of a convolution): B'B is the sum over the groups of
// small dense Gram matrices, and the half bandwidth of an order of the columns is the largest spread of a group. Orders tried: as they come;
// position by position with the channels together, for every way to read the columns as channels x rows x positions; reverse Cuthill-McKee
// (Cuthill and McKee 1969). The order is no part of the evidence: neither the norm nor the bound depends on it.
//
// The factor is kept by block columns, each from its first tile that is not zero ("skyline"; the factor fills nothing outside: George and Liu
// 1981, section 4.1). Cost: sum of d_j^2 over the columns for the factor and as much for the residual, d_j the height of column j (at most w + 1).
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "certify/numbers/parallel.hpp"
#include "certify/numbers/rounding.hpp"
#include "certify/numbers/sparse_matrix.hpp"

namespace lipcert {

/// Rows that meet the same columns.
struct RowGroup {
  std::vector<std::uint32_t> rows;
  std::vector<std::uint32_t> columns;  // ascending
};

/// The Gram matrix B'B of B = A (at_a) or A', its order and its band.
struct BandPlan {
  bool at_a = true;
  std::size_t order = 0;                 // number of columns of B
  std::size_t longest_column = 0;        // entries in the fullest column of B: products in an entry of B'B
  std::vector<RowGroup> groups;
  std::vector<std::uint32_t> position;   // of each column
  std::size_t half_bandwidth = 0;
  double entries = 0;                    // within the skyline
  double flops = 0;                      // of Gram matrix, factor, residual and search
};

/// Plans B'B for B = `b`; `at_a` is only written down.
[[nodiscard]] BandPlan plan_band(const SparseMatrix& b, bool at_a);

struct BandBound {
  Upper squared;               // ||B||^2 <= squared, infinity when every factorisation failed
  std::vector<double> vector;  // near the top right singular vector of B
};

/// Bounds the norm of the centre of b, whose entries must be at most 1 in magnitude. The result does not depend on the number of threads.
[[nodiscard]] BandBound bound_band(const SparseMatrix& b, const BandPlan& plan, WorkerPool& pool, std::uint64_t seed);

/// The theorem by itself, for tests: ||B||^2 from above with this c^2 and ANY upper triangular factor (column-major, in the plan's order) inside the
/// skyline; entries outside it are not looked at.
[[nodiscard]] Upper bound_band_with_factor(const SparseMatrix& b, const BandPlan& plan, double c2, const std::vector<double>& factor, WorkerPool& pool);

}  // namespace lipcert
