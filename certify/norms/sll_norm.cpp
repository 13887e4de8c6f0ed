// See sll_norm.hpp.

#include "certify/norms/sll_norm.hpp"

#include <cblas.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "certify/norms/band_norm.hpp"
#include "certify/numbers/enclosed.hpp"
#include "certify/norms/gram_evidence.hpp"
#include "certify/numbers/lapack.hpp"

namespace lipcert {
namespace {

constexpr double infinity = std::numeric_limits<double>::infinity();

/// What the grids of B = A' D depend on.
struct Sizes {
  std::size_t order = 0;  // m
  std::size_t inner = 0;  // n
  double entries = 0;     // of B, not zero
  double most = 0;        // max d, radius included
  double radius = 0;      // Frobenius norm of those of D
  double row = 0;         // longest row of A
  double largest = 0;     // |B| entrywise
  double longest = 0;     // column of B
  double frobenius = 0;   // of B
};

/// |Bh| <= 2^51, the columns of Bh below 2^60 in length, 2^(2 sA) (2 d + delta) at most 2^120, Rh below 2^51.
void choose_sll_grids(SllEvidence& out, const Sizes& s, double delta) {
  const int diagonal = ceiling_exponent(2 * s.most + delta);
  const int half = diagonal >= 0 ? (diagonal + 1) / 2 : -(-diagonal / 2);  // rounded up
  out.sA = std::min({51 - ceiling_exponent(s.largest), 60 - ceiling_exponent(s.longest), 60 - half});
  out.sR = std::min(out.sA, 50 - half);
}

/// What the least eigenvalue of M + delta I should have left over, so that a checker's own factorisation succeeds: four times what the
/// rounding of its factor and of B to the grids, and a radius of D like the one here, may cost (verifier/theorems/sll.cpp keeps the first as its
/// reserve), and as much for the roundings of M here. A guess.
double room(const Sizes& s, double delta) {
  SllEvidence grids;
  choose_sll_grids(grids, s, delta);
  const double m = static_cast<double>(s.order);
  const double diagonal = 2 * s.most + delta;
  const double cut = std::ldexp(std::sqrt(s.entries), -grids.sA);
  const double reserve = std::ldexp(std::sqrt(diagonal) * m * std::sqrt(m), -grids.sR) + diagonal * m * 0x1p-50 + 2 * s.frobenius * (cut + s.radius * s.row) + 2 * s.radius;
  return 4 * reserve + (m + static_cast<double>(s.inner)) * 0x1p-52 * (diagonal + s.longest * s.longest);
}

/// The upper triangle of M, column-major.
std::vector<double> residual_matrix(const SparseMatrix& b, const std::vector<double>& d) {
  const std::size_t m = b.rows;
  std::vector<double> out(m * m, 0.0);
  if (2 * static_cast<double>(b.centre.size()) > static_cast<double>(m) * static_cast<double>(b.columns)) {
    std::vector<double> dense(m * b.columns, 0.0);
    for (std::size_t k = 0; k < m; ++k) {
      for (std::size_t e = b.start[k]; e < b.start[k + 1]; ++e) {
        dense[k * b.columns + b.column[e]] = b.centre[e];
      }
    }
    const auto order = static_cast<blasint>(m);
    const auto inner = static_cast<blasint>(b.columns);
    cblas_dsyrk(CblasColMajor, CblasUpper, CblasTrans, order, inner, -1, dense.data(), inner, 0, out.data(), order);
  } else {
    const SparseMatrix by_column = transposed(b);
    for (std::size_t j = 0; j < by_column.rows; ++j) {
      for (std::size_t l = by_column.start[j]; l < by_column.start[j + 1]; ++l) {
        for (std::size_t k = by_column.start[j]; k <= l; ++k) {
          out[by_column.column[l] * m + by_column.column[k]] -= by_column.centre[k] * by_column.centre[l];
        }
      }
    }
  }
  for (std::size_t k = 0; k < m; ++k) {
    out[k * m + k] += 2 * d[k];
  }
  return out;
}

/// A floating-point Cholesky factorisation of M + shift I runs to its end.
bool factorises(const std::vector<double>& matrix, std::size_t m, double shift, std::vector<double>& work) {
  work = matrix;
  for (std::size_t k = 0; k < m; ++k) {
    work[k * m + k] += shift;
  }
  const int order = static_cast<int>(m);
  int info = 0;
  dpotrf_("U", &order, work.data(), &order, &info);
  return info == 0;
}

/// Nearly the smallest e for which M + e I is positive definite with room, at most `most`. A guess.
double search(const SparseMatrix& b, const std::vector<double>& d, const Sizes& sizes, double most) {
  const std::size_t m = sizes.order;
  const std::vector<double> matrix = residual_matrix(b, d);
  std::vector<double> work;
  if (factorises(matrix, m, -room(sizes, 0), work)) {
    return 0;
  }
  const auto enough = [&](double e) { return factorises(matrix, m, e - room(sizes, e), work); };
  double low = 0;
  double high = 2 * room(sizes, 0);
  while (high < most && !enough(high)) {
    low = high;
    high *= 16;
  }
  high = std::min(high, most);
  while (low > 0 && high > 1.1 * low) {
    const double middle = std::sqrt(low) * std::sqrt(high);
    (enough(middle) ? high : low) = middle;
  }
  return high;
}

/// M + this I is positive semidefinite, whatever e >= 0 is: see sll_norm.hpp.
Upper proved_delta(const SparseMatrix& a, const std::vector<double>& d, const std::vector<double>& radius, double most, double e, WorkerPool& pool,
                   std::uint64_t seed) {
  SparseMatrix c = a;
  c.radius.assign(c.centre.size(), 0.0);
  for (std::size_t k = 0; k < a.rows; ++k) {
    const double greatest = high_end({d[k], radius[k]});
    const double least = low_end({d[k], radius[k]});
    const Upper high = Upper::exact(greatest) / sqrt(Lower::exact(greatest).scaled(1) + Lower::exact(e));
    const Lower low = Lower::exact(least) / sqrt(Upper::exact(least).scaled(1) + Upper::exact(e));
    if (!high.finite()) {
      return high;
    }
    const Ball factor = hull(low.value(), high.value());
    for (std::size_t at = a.start[k]; at < a.start[k + 1]; ++at) {
      const Ball entry = multiply(factor, {a.centre[at], 0});
      c.centre[at] = entry.centre;
      c.radius[at] = entry.radius;
    }
  }
  if (first_unbounded(c.centre, c.radius) != c.centre.size()) {
    return Upper::exact(infinity);
  }
  const Upper norm = Upper::exact(bound_sparse(c, pool, seed).upper);
  const Upper squared = norm * norm;
  const Upper excess = squared.value() <= 1 ? Upper() : minus(squared, Lower::exact(1));
  return Upper::exact(e) + excess * (Upper::exact(most).scaled(1) + Upper::exact(e));
}

/// Evidence of explicit-gram-psd for a matrix whose norm follows more easily (one entry in each row, or in each column).
void explicit_evidence(LinearBound& bound, const SparseMatrix& a, double largest) {
  const Upper proved = Upper::exact(bound.upper);
  const Upper slack = slack_of_order(1);
  choose_grids(bound.gram, proved.value(), proved.value(), largest);
  const Upper grid = grid_residual(a.centre, bound.gram.sA);
  const Upper claimed = (proved + grid + grid) * (Upper::exact(1) + slack);
  bound.upper = claimed.value();
  if (claimed.finite()) {
    bound.gram.C2 = reduced_square(claimed.value(), grid.value(), bound.gram.sA, slack.value());
  }
}

}  // namespace

double sll_flops(const SparseMatrix& a) {
  const double m = static_cast<double>(a.rows);
  return m * m * static_cast<double>(a.columns) + 4 * m * m * m + 2 * sparse_flops(a);
}

SllBound bound_sll(const SparseMatrix& a, const std::vector<double>& d, const std::vector<double>& radius, WorkerPool& pool, std::uint64_t seed) {
  SllBound result;
  result.upper = infinity;
  double largest = 0;
  for (const double x : a.centre) {
    largest = std::max(largest, std::fabs(x));
  }
  LinearBound norm = bound_sparse(a, pool, seed);
  if (norm.theorem == "diagonal-gram") {
    explicit_evidence(norm, a, largest);
  }
  if (!std::isfinite(norm.upper)) {
    return result;
  }
  SparseMatrix b = a;  // row k: column k of B
  Sizes sizes;
  sizes.order = a.rows;
  sizes.inner = a.columns;
  sizes.entries = static_cast<double>(a.centre.size());
  for (std::size_t k = 0; k < a.rows; ++k) {
    double squares = 0;
    double row = 0;
    for (std::size_t e = a.start[k]; e < a.start[k + 1]; ++e) {
      row = std::hypot(row, a.centre[e]);
      b.centre[e] *= d[k];
      sizes.largest = std::max(sizes.largest, std::fabs(b.centre[e]));
      squares += b.centre[e] * b.centre[e];
    }
    sizes.most = std::max(sizes.most, high_end({d[k], radius[k]}));
    sizes.radius = std::hypot(sizes.radius, radius[k]);
    sizes.row = std::max(sizes.row, row);
    sizes.longest = std::max(sizes.longest, std::sqrt(squares));
    sizes.frobenius = std::hypot(sizes.frobenius, std::sqrt(squares));
  }
  const Upper length = Upper::exact(sizes.most) * Upper::exact(norm.upper);  // of B
  const Upper enough = length * length + Upper::exact(room(sizes, (length * length).value()));
  if (!enough.finite() || !(sizes.largest > 0x1p-500)) {
    return result;
  }
  const double e = search(b, d, sizes, enough.value());
  const Upper delta = min(proved_delta(a, d, radius, sizes.most, e, pool, seed), enough);
  result.sll.delta = delta.value();
  choose_sll_grids(result.sll, sizes, delta.value());
  result.gram = std::move(norm.gram);
  const Upper factor = Upper::exact(norm.upper);
  result.upper = sqrt(Upper::exact(1) + delta * factor * factor).value();
  return result;
}

}  // namespace lipcert
