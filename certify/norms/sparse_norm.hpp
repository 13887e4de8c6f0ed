// The spectral norm of a sparse explicit matrix, enclosed from both sides (formats/SPEC.md section 5, linear blocks), with the evidence from
// which an integer checker recomputes the bound.
//
// Theorems: zero-operator; diagonal-gram, where A'A or AA' is diagonal and the norm is a column's or a row's; explicit-gram-psd, which is
// dense_norm.hpp's Lemma P for a banded Gram matrix: with w the half bandwidth of the order that is found (Cuthill and McKee 1969, reversed),
// the Cholesky factor has the same band, every inner product has at most w + 1 terms, and all constants shrink accordingly.
// Cost: 2 n w^2 flops for a Gram matrix of order n, and at most 120 products with A and A'. Where the band is nearly full the dense path is taken.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "certify/norms/evidence.hpp"
#include "certify/numbers/integer_vector.hpp"
#include "certify/numbers/parallel.hpp"
#include "certify/numbers/rounding.hpp"
#include "certify/numbers/sparse_matrix.hpp"

namespace lipcert {

/// Everything that a certificate says of a linear or a convolution block.
struct LinearBound {
  std::string theorem;      // zero-operator, diagonal-gram, explicit-gram-psd, conv-frequency-grid, conv-bernstein, conv-reshape
  double upper = 0;         // claimed (slack included): ||A|| <= upper; infinity when it is beyond the doubles
  double lower = 0;         // claimed: ||A|| >= lower
  GramEvidence gram;        // side is also that of diagonal-gram
  std::optional<std::uint64_t> gram_entry;  // diagonal-gram: the column (AtA) or row (AAt) that attains the lower end
  IntegerVector witness;    // of the block's input size; empty: lower is 0, or that of gram_entry
  std::vector<std::uint64_t> grid;          // conv-frequency-grid, conv-bernstein: N of each axis
  std::vector<std::uint64_t> shift;         // the same: 0 for z^N = 1, 1 for z^N = -1
  std::vector<std::string> axes;            // conv-*: zero, circular or copies
  std::vector<std::uint64_t> rows;          // conv-reshape: the axes whose taps are rows
};

/// Bounds ||A||_2 of every matrix between centre and radius. The entries must be finite. `seed` concerns only the start of searches. The result
/// does not depend on the pool's number of threads. `reserve` widens the claims of a matrix that is not exact, as in `bound_norm`.
[[nodiscard]] LinearBound bound_sparse(const SparseMatrix& a, WorkerPool& pool, std::uint64_t seed, Upper reserve = {});

/// What bounding takes, for choosing between ways to bound (never a clock): the order of the Gram matrix and its band are looked at.
struct SparseCost {
  double flops = 0;
  double entries = 0;  // that are kept of the Gram matrix and of its factor, each
};
[[nodiscard]] SparseCost sparse_cost(const SparseMatrix& a);
[[nodiscard]] double sparse_flops(const SparseMatrix& a);

}  // namespace lipcert
