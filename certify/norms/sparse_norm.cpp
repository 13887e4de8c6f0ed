// See sparse_norm.hpp.

#include "certify/norms/sparse_norm.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "certify/norms/band_norm.hpp"
#include "certify/norms/dense_norm.hpp"
#include "certify/norms/gram_evidence.hpp"
#include "certify/numbers/integer_vector.hpp"
#include "formats/encoding/error.hpp"

namespace lipcert {
namespace {

constexpr double infinity = std::numeric_limits<double>::infinity();

/// Without entries that are exactly zero.
SparseMatrix without_zeros(const SparseMatrix& a) {
  SparseMatrix m;
  m.rows = a.rows;
  m.columns = a.columns;
  m.start.assign(1, 0);
  m.start.reserve(a.rows + 1);
  m.column.reserve(a.column.size());
  m.centre.reserve(a.column.size());
  const bool exact = std::all_of(a.radius.begin(), a.radius.end(), [](double r) { return r == 0; });
  for (std::size_t i = 0; i < a.rows; ++i) {
    for (std::size_t k = a.start[i]; k < a.start[i + 1]; ++k) {
      const double radius = exact ? 0 : a.radius[k];
      if (!std::isfinite(a.centre[k]) || !std::isfinite(radius)) {
        throw Error(ExitCode::internal, "A matrix with entries that are not finite reached the norm computation; please report this.");
      }
      if (a.centre[k] != 0 || radius != 0) {
        m.column.push_back(a.column[k]);
        m.centre.push_back(a.centre[k]);
        if (!exact) {
          m.radius.push_back(radius);
        }
      }
    }
    m.start.push_back(m.column.size());
  }
  return m;
}

bool one_entry_in_each_row(const SparseMatrix& a) {
  for (std::size_t i = 0; i < a.rows; ++i) {
    if (a.start[i + 1] - a.start[i] > 1) {
      return false;
    }
  }
  return true;
}

int largest_exponent(const SparseMatrix& a) {
  double largest = 0;
  for (const double x : a.centre) {
    largest = std::max(largest, std::fabs(x));
  }
  int e = 0;
  static_cast<void>(std::frexp(largest, &e));
  return e;
}

/// Times 2^-e. Exact, except that an entry 2^-1000 times smaller than the largest one may lose bits below 2^-1074: see `scale` in dense_norm.cpp.
SparseMatrix scaled(SparseMatrix a, int e) {
  for (double& x : a.centre) {
    x = std::ldexp(x, -e);
  }
  return a;
}

/// The columns of B have disjoint rows, so that B'B is diagonal: ||B|| is the length of the longest column. (B = A for AtA, A' for AAt.)
LinearBound diagonal_gram(const SparseMatrix& b, bool at_a, Upper radius, Upper reserve) {
  LinearBound result;
  result.theorem = "diagonal-gram";
  result.gram.at_a = at_a;
  const int e = largest_exponent(b);
  std::vector<Upper> above(b.columns);
  std::vector<Lower> below(b.columns);
  for (std::size_t k = 0; k < b.column.size(); ++k) {
    const Upper up = Upper::exact(b.centre[k]).scaled(-e);
    const Lower down = Lower::exact(b.centre[k]).scaled(-e);
    above[b.column[k]] = above[b.column[k]] + up * up;
    below[b.column[k]] = below[b.column[k]] + down * down;
  }
  Upper squared;
  std::size_t longest = 0;
  for (std::size_t j = 0; j < b.columns; ++j) {
    squared = max(squared, above[j]);
    if (below[longest].value() < below[j].value()) {
      longest = j;
    }
  }
  Upper upper = sqrt(squared).scaled(e);
  Lower lower = sqrt(below[longest]).scaled(e);
  if (!b.radius.empty()) {
    // As in `bound_norm`: our radius, and room for a checker that has a centre and a radius of its own.
    const Upper room = radius + radius + reserve;
    upper = (upper + radius + room) * (Upper::exact(1) + Upper::exact(0x1p-38));
    lower = minus(lower, radius + room) * Lower::exact(1 - 0x1p-38);
  }
  result.upper = upper.value();
  result.lower = lower.value();
  if (result.lower > 0) {
    result.gram_entry = longest;
  }
  return result;
}

/// ||A v|| / ||v|| from below for the centre of A, all of whose entries are at most 1 in magnitude.
Lower witness_ratio(const SparseMatrix& a, const IntegerVector& v, Upper radius) {
  std::vector<double> x(v.mantissas.begin(), v.mantissas.end());
  std::vector<double> sums(a.rows);
  std::vector<double> magnitudes(a.rows);
  std::size_t longest = 0;
  for (std::size_t i = 0; i < a.rows; ++i) {
    longest = std::max(longest, a.start[i + 1] - a.start[i]);
    for (std::size_t k = a.start[i]; k < a.start[i + 1]; ++k) {
      const double p = a.centre[k] * x[a.column[k]];
      sums[i] += p;
      magnitudes[i] += std::fabs(p);
    }
  }
  // At most `longest` products in each entry of A v: |fl(sum) - sum| <= gamma sum|terms|, and the computed sum of magnitudes is at most gamma below
  // the true one. 2^-900 covers underflow, here and in the scaling of the matrix.
  const Upper g = gamma(longest + 8);
  const Upper error = g * (Upper::exact(1) + g) * norm_above(magnitudes.data(), a.rows) + Upper::exact(0x1p-900);
  const Upper length = norm_above(x.data(), x.size());
  return minus(minus(norm_below(sums.data(), a.rows), error), radius * length) / length;
}

/// A x (transpose: A'x), plain arithmetic.
std::vector<double> times(const SparseMatrix& a, const std::vector<double>& x, bool transpose) {
  std::vector<double> y(transpose ? a.columns : a.rows, 0.0);
  for (std::size_t i = 0; i < a.rows; ++i) {
    for (std::size_t k = a.start[i]; k < a.start[i + 1]; ++k) {
      if (transpose) {
        y[a.column[k]] += a.centre[k] * x[i];
      } else {
        y[i] += a.centre[k] * x[a.column[k]];
      }
    }
  }
  return y;
}

/// Is a dense computation the better one? Where it takes fewer flops than the band, and the matrix fits.
bool dense_is_better(const SparseMatrix& a, double band_flops) {
  const double entries = static_cast<double>(a.rows) * static_cast<double>(a.columns);
  return entries <= 0x1p26 && bounding_flops(a.rows, a.columns) <= band_flops;
}

LinearBound bound_dense(const SparseMatrix& a, WorkerPool& pool, std::uint64_t seed, Upper reserve) {
  NormBound bound = bound_norm(dense(a), pool, seed, reserve);
  LinearBound result;
  result.theorem = "explicit-gram-psd";
  result.upper = bound.upper;
  result.lower = bound.lower;
  result.gram = bound.gram;
  result.witness = std::move(bound.witness);
  return result;
}

/// Plans of both sides; the cheaper one.
BandPlan better_plan(const SparseMatrix& a, const SparseMatrix& at) {
  BandPlan with_columns = plan_band(a, true);
  BandPlan with_rows = plan_band(at, false);
  return with_rows.flops < with_columns.flops ? std::move(with_rows) : std::move(with_columns);
}

}  // namespace

SparseCost sparse_cost(const SparseMatrix& matrix) {
  const SparseMatrix a = without_zeros(matrix);
  const SparseMatrix at = transposed(a);
  if (one_entry_in_each_row(a) || one_entry_in_each_row(at)) {
    return {2 * static_cast<double>(a.centre.size()), 0};
  }
  const BandPlan plan = better_plan(a, at);
  if (dense_is_better(a, plan.flops)) {
    const double n = static_cast<double>(std::min(a.rows, a.columns));
    return {bounding_flops(a.rows, a.columns), n * n};
  }
  return {plan.flops, plan.entries};
}

double sparse_flops(const SparseMatrix& a) { return sparse_cost(a).flops; }

LinearBound bound_sparse(const SparseMatrix& matrix, WorkerPool& pool, std::uint64_t seed, Upper reserve) {
  const SparseMatrix a = without_zeros(matrix);
  LinearBound result;
  if (a.centre.empty()) {
    result.theorem = "zero-operator";
    return result;
  }
  const SparseMatrix at = transposed(a);
  const Upper radius = norm_above(a.radius.data(), a.radius.size());
  if (one_entry_in_each_row(a)) {
    return diagonal_gram(a, true, radius, reserve);
  }
  if (one_entry_in_each_row(at)) {
    return diagonal_gram(at, false, radius, reserve);
  }
  const bool centre_is_zero = std::all_of(a.centre.begin(), a.centre.end(), [](double x) { return x == 0; });
  const BandPlan plan = better_plan(a, at);
  if (dense_is_better(a, plan.flops)) {
    return bound_dense(a, pool, seed, reserve);
  }
  result.theorem = "explicit-gram-psd";
  result.gram.at_a = plan.at_a;
  Upper proved;
  Upper longest_column;  // of B
  Lower lower;
  double largest = 0;
  if (!centre_is_zero) {
    const int e = largest_exponent(a);
    const SparseMatrix units = scaled(a, e);
    const SparseMatrix b = plan.at_a ? units : scaled(at, e);
    BandBound bound = bound_band(b, plan, pool, seed);
    // No factorisation succeeded (not seen): ||A||_F is a bound.
    proved = bound.squared.finite() ? sqrt(bound.squared).scaled(e) : norm_above(a.centre.data(), a.centre.size());
    // The right singular vector: for AA' the one found is the left one.
    IntegerVector witness = to_integers(plan.at_a ? bound.vector : times(units, bound.vector, true));
    witness.exponent = 0;  // only its direction matters
    if (!witness.mantissas.empty()) {
      lower = witness_ratio(units, witness, radius.scaled(-e)).scaled(e);
      result.witness = std::move(witness);
    }
    const SparseMatrix by_column = plan.at_a ? scaled(at, e) : units;
    for (std::size_t i = 0; i < by_column.rows; ++i) {
      longest_column = max(longest_column, sum_of_squares(by_column.centre.data() + by_column.start[i], by_column.start[i + 1] - by_column.start[i]));
    }
    longest_column = sqrt(longest_column).scaled(e);
    for (const double x : a.centre) {
      largest = std::max(largest, std::fabs(x));
    }
  }
  proved = proved + radius;
  const Upper slack = slack_of_order(std::min(plan.order, 2 * plan.half_bandwidth + 1));
  if (!proved.finite() || !longest_column.finite()) {
    result.upper = infinity;
    return result;
  }
  choose_grids(result.gram, proved.value(), longest_column.value(), largest);
  // What the checker adds for the grid: see `bound_norm`.
  const Upper half_units = sqrt(Upper::exact(static_cast<double>(a.centre.size())));
  const Upper grid = a.radius.empty() ? grid_residual(a.centre, result.gram.sA) : half_units.scaled(-result.gram.sA) + radius + radius + reserve;
  const Upper claimed = (proved + grid + grid) * (Upper::exact(1) + slack);
  result.upper = claimed.value();
  if (!claimed.finite()) {
    return result;
  }
  result.gram.C2 = reduced_square(claimed.value(), grid.value(), result.gram.sA, slack.value());
  result.lower = (minus(lower, grid + grid) * Lower::exact(1 - 0x1p-38)).value();
  if (!(result.lower > 0)) {
    result.lower = 0;
    result.witness = {};
  }
  return result;
}

}  // namespace lipcert
