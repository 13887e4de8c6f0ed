// The spectral norm of an explicit matrix, enclosed from both sides, with the evidence from which an integer checker recomputes the bound.
//
// Upper end: Lemma P. For symmetric M and ANY R, the least eigenvalue of M is at least min_i (E_ii - sum_{j != i} |E_ij|), E = M - R'R, because
// R'R is positive semidefinite. With M = c^2 I - A'A and R a floating-point Cholesky factor this bounds ||A||^2 by c^2 plus a residual; all
// rounding errors of the Gram matrix and of the residual are bounded a priori (Higham; Jeannerod and Rump 2013), none is assumed of potrf.
// Lower end: ||A v|| / ||v|| for a vector v of 24-bit integers near the top singular vector.
// Cost for m x n, n <= m: n^2 m + 2 n^3 / 3 flops and at most 120 products with the Gram matrix; 3 arrays of the size of the larger of A and
// A'A. A float64 SVD (values only) takes longer and is not a bound.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "certify/norms/evidence.hpp"
#include "certify/numbers/enclosed.hpp"
#include "certify/numbers/integer_vector.hpp"
#include "certify/numbers/parallel.hpp"
#include "certify/numbers/rounding.hpp"

namespace lipcert {

/// The slack between what the generator proves and what it claims, relative: 2^-52 n^2 + 2^-38 with n = min(rows, columns) (SPEC.md section 5).
[[nodiscard]] Upper claim_slack(std::size_t rows, std::size_t columns);

struct NormBound {
  bool zero = false;      // every entry is exactly zero: upper = lower = 0, no evidence
  Upper proved;           // ||A|| <= proved
  double upper = 0;       // claimed: proved (plus what a grid costs) times (1 + slack); infinity when it is beyond the doubles
  double lower = 0;       // claimed: ||A|| >= lower
  GramEvidence gram;
  IntegerVector witness;  // of `columns` entries; empty when lower is 0
};

/// Bounds ||A||_2 of the matrix (every matrix between centre and radius). The entries must be finite. `seed` concerns only the start of the
/// search for c and v. The result does not depend on the pool's number of threads. `reserve` widens the claims of a matrix that is not exact, for a
/// checker that encloses it in its own way: at least the Frobenius norm of that checker's radius, beyond twice ours and a grid's.
[[nodiscard]] NormBound bound_norm(const EnclosedMatrix& a, WorkerPool& pool, std::uint64_t seed, Upper reserve = {});

/// The theorem by itself: ||A|| from above with this c^2 and ANY upper triangular factor R (column-major, order min(rows, columns)) of c^2 I - A'A,
/// or of c^2 I - AA' when A has more columns than rows. A bad factor gives a large bound, never a wrong one; infinity when an entry of R is not
/// finite.
[[nodiscard]] Upper bound_with_factor(const EnclosedMatrix& a, double c2, const std::vector<double>& factor, WorkerPool& pool);

/// ||A|| from above by Gram iteration with matrix products alone (Delattre et al. 2023, with every rounding charged): what `bound_norm` falls
/// back to when no Cholesky factorisation succeeds. Weak for near-orthogonal matrices. The entries must be finite.
[[nodiscard]] Upper gram_iteration_bound(const EnclosedMatrix& a, WorkerPool& pool, unsigned steps);

/// Flops that bounding a rows x columns matrix takes, for choosing between ways to bound (never a clock).
[[nodiscard]] double bounding_flops(std::size_t rows, std::size_t columns);

}  // namespace lipcert
