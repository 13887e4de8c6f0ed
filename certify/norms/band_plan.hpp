// The order in which the Gram matrix of a sparse matrix is factorised, and what that takes.
//
// The rows of B that meet the same columns form a group (all output channels at one position of a convolution): B'B is the sum over the
// groups of small dense Gram matrices, and the half bandwidth of an order of the columns is the largest spread of a group. Orders tried: as
// they come; position by position with the channels together, for every way to read the columns as channels x rows x positions; reverse
// Cuthill-McKee (Cuthill and McKee 1969). The order is no part of the evidence: neither the norm nor the bound depends on it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

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
  std::size_t order = 0;           // number of columns of B
  std::size_t longest_column = 0;  // entries in the fullest column of B: products in an entry of B'B
  std::vector<RowGroup> groups;
  std::vector<std::uint32_t> position;  // of each column
  std::size_t half_bandwidth = 0;
  double entries = 0;  // within the skyline
  double flops = 0;    // of Gram matrix, factor, residual and search
};

/// Heights of the skyline's columns, the diagonal not counted, where column j stands at place[j] of n.
[[nodiscard]] std::vector<std::uint32_t> heights(const std::vector<RowGroup>& groups, const std::vector<std::uint32_t>& place,
                                                 std::size_t n);

/// Plans B'B for B = `b`; `at_a` is only written down.
[[nodiscard]] BandPlan plan_band(const SparseMatrix& b, bool at_a);

}  // namespace lipcert
