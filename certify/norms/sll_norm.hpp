// The Lipschitz constant of a residual block y = x - A' D relu(A x + b), D = diag(d), d > 0 (formats/SPEC.md section 5, `sll-psd`), from
// above, with the evidence from which an integer checker proves it again.
//
// Theorem (Araujo et al., ICLR 2023, theorem 3, with a slack delta). Let B = A' D and M = 2 D - B'B. Increments of relu are dphi_k = s_k
// dz_k with 0 <= s_k <= 1 and dz = A dx, so dz_k dphi_k >= dphi_k^2 and, as d > 0,
//     ||dy||^2 = ||dx||^2 - 2 dz' D dphi + ||B dphi||^2 <= ||dx||^2 - dphi' M dphi.
// Where M + delta I is positive semidefinite, ||dy||^2 <= ||dx||^2 + delta ||dphi||^2 <= (1 + delta ||A||^2) ||dx||^2.
//
// delta. With S = 2 D + e I and C = S^(-1/2) D A: CC' = S^(-1/2) B'B S^(-1/2), so ||C||^2 <= 1 + h gives B'B <= (1 + h) S, and M + e I = S
// - B'B
// >= -h S >= -h (2 max d + e) I: delta = e + h (2 max d + e) will do. ||C|| is bounded by Lemma P (sparse_norm.hpp), so nothing is assumed
// of the search for e, which asks a floating-point Cholesky factorisation. M + ||B||^2 I >= 2 D > 0, so delta never needs to exceed (max d
// ||A||)^2, and the bound is below that of the sum rule, 1 + max d ||A||^2: the theorem is the better one wherever it applies.
//
// D known up to a radius (computed in the graph, as by an exporter that keeps T = sum_j |A A'|_ij q_j / q_i): C is enclosed with both ends of d, which
// grow d / sqrt(2 d + e), so that h and delta hold for every D there.
//
// Why there is a delta: T of Araujo et al. makes M positive semidefinite in real arithmetic, singular where the rows of A have inner
// products of one sign; rounded to float32 it is off by about 2^-24, and delta says by how much.
// Cost for m x n: m^2 n + m^3 / 3 for each of about ten factorisations, two bounds of sparse_norm.hpp; 2 m^2 + m n doubles.
#pragma once

#include <cstdint>
#include <vector>

#include "certify/norms/evidence.hpp"
#include "certify/numbers/parallel.hpp"
#include "certify/norms/sparse_norm.hpp"

namespace lipcert {

/// What a block may measure, so that an explicit M fits (a checker takes no more).
inline constexpr std::size_t largest_sll_order = 8192;
inline constexpr double largest_sll_entries = 0x1p26;  // of A, zeros included
inline constexpr double largest_sll_terms = 0x1p24;    // entries of A that are not zero

struct SllBound {
  double upper = 0;   // claimed; infinity when it is beyond the doubles
  GramEvidence gram;  // of A
  SllEvidence sll;
};

/// Bounds the block for every D within `radius` of d, entry by entry. A (hidden x outer) is exact, finite and not zero, d - radius > 0. `seed` concerns
/// only the start of searches.
[[nodiscard]] SllBound bound_sll(const SparseMatrix& a, const std::vector<double>& d, const std::vector<double>& radius, WorkerPool& pool, std::uint64_t seed);

/// Flops that bounding takes.
[[nodiscard]] double sll_flops(const SparseMatrix& a);

}  // namespace lipcert
