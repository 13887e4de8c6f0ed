// See sparse.hpp.
//
// Theorem diagonal-gram. If no row of A has two nonzero entries, distinct columns of A are orthogonal, so that A'A = diag(||a_j||^2) and
// ||A||^2 = max_j ||a_j||^2; likewise AA' when no column has two. With A = centre + X, ||X||_F <= radius, ||A|| differs from ||centre|| by
// at most the radius. Everything is exact.
//
// Theorem explicit-gram-psd. That of verifier/theorems/spectral.cpp, for B with its columns in any order: a permutation of the columns
// permutes the rows and columns of E alike, so the row sums, V and the norm remain. Ah'Ah, Rh and with them E are zero outside the skyline
// (band.hpp), whose entries are computed exactly; a zero needs no computation and adds nothing to a row sum.
//
// Overflow, as there. C2 < 2^122; every column of Ah has sum of squares below 2^122, every column of Rh below 2^122 2^-t (both checked). So
// |E_ij| < 2^124 at every moment. Sums of |E_ij| are refused when they reach 2^126: they grow by less than 2^124.
//
// Cost for n columns and half bandwidth w: about n w^2 / 2 multiplications in three slices for Rh'Rh, the same in floating point for the
// hint, and half the sum over the rows of the squared number of entries for Ah'Ah.
#include "verifier/theorems/sparse.hpp"

#include <algorithm>

#include "verifier/base/failure.hpp"

namespace lipverify {

namespace {

void check_structure(const SparseMatrix& a) {
  bool ok = a.start.size() == a.rows + 1 && a.start.front() == 0 && a.start.back() == a.column.size() &&
            a.column.size() == a.centre.size() && a.columns <= 0xFFFFFFFFU && a.rows <= 0xFFFFFFFFU && a.radius >= 0;
  for (std::size_t i = 0; ok && i < a.rows; ++i) {
    ok = a.start[i] <= a.start[i + 1] && a.start[i + 1] <= a.column.size();
    for (std::size_t e = a.start[i]; ok && e < a.start[i + 1]; ++e)
      ok = a.column[e] < a.columns && (e == a.start[i] || a.column[e - 1] < a.column[e]);
  }
  if (!ok) exhausted("a sparse matrix whose entries are out of order: a fault of the checker");
}

/// The same matrix by rows of its transpose, `value` instead of the centre.
IntegerRows transposed(const SparseMatrix& a, const std::vector<std::int64_t>& value) {
  IntegerRows out;
  out.start.assign(a.columns + 1, 0);
  out.column.resize(value.size());
  out.value.resize(value.size());
  for (const std::uint32_t j : a.column) ++out.start[j + 1];
  for (std::size_t j = 0; j < a.columns; ++j) out.start[j + 1] += out.start[j];
  std::vector<std::size_t> next(out.start.begin(), out.start.end() - 1);
  for (std::size_t i = 0; i < a.rows; ++i)
    for (std::size_t e = a.start[i]; e < a.start[i + 1]; ++e) {
      const std::size_t place = next[a.column[e]]++;
      out.column[place] = static_cast<std::uint32_t>(i);
      out.value[place] = value[e];
    }
  return out;
}

/// Without zeros, and with the columns in the given order: order[k] becomes column k.
IntegerRows reordered(const IntegerRows& x, const std::vector<std::uint32_t>& order) {
  std::vector<std::uint32_t> position(order.size());
  for (std::size_t k = 0; k < order.size(); ++k) position[order[k]] = static_cast<std::uint32_t>(k);
  IntegerRows out;
  out.start.assign(1, 0);
  std::vector<std::pair<std::uint32_t, std::int64_t>> row;
  for (std::size_t i = 0; i + 1 < x.start.size(); ++i) {
    row.clear();
    for (std::size_t e = x.start[i]; e < x.start[i + 1]; ++e)
      if (x.value[e] != 0) row.emplace_back(position[x.column[e]], x.value[e]);
    std::sort(row.begin(), row.end());
    for (const auto& [column, value] : row) {
      out.column.push_back(column);
      out.value.push_back(value);
    }
    out.start.push_back(out.column.size());
  }
  return out;
}

bool is_order(const std::vector<std::uint32_t>& order, std::size_t n) {
  std::vector<bool> seen(n);
  if (order.size() != n) return false;
  for (const std::uint32_t j : order) {
    if (j >= n || seen[j]) return false;
    seen[j] = true;
  }
  return true;
}

}  // namespace

EnclosedMatrix written_out(const SparseMatrix& a) {
  check_structure(a);
  EnclosedMatrix out{a.rows, a.columns, std::vector<Dyadic>(a.rows * a.columns), a.radius};
  for (std::size_t i = 0; i < a.rows; ++i)
    for (std::size_t e = a.start[i]; e < a.start[i + 1]; ++e) out.centre[i * a.columns + a.column[e]] = a.centre[e];
  return out;
}

bool DiagonalGram::proves_upper(const Rational& upper) const {
  if (upper < 0) return false;
  if (radius == 0 && upper * upper >= largest) return true;
  return upper >= this->upper();
}

bool DiagonalGram::proves_lower(const Rational& lower, std::uint64_t index) const {
  if (index >= squares.size()) return false;
  const Rational needed = lower + radius;
  return needed <= 0 || needed * needed <= squares[index];
}

Rational DiagonalGram::upper() const {
  return sqrt_above(largest) + radius;
}

DiagonalGram diagonal_gram(const SparseMatrix& a, bool at_a) {
  check_structure(a);
  DiagonalGram out;
  out.radius = a.radius;
  out.squares.resize(at_a ? a.columns : a.rows);
  std::vector<bool> seen(a.columns);
  for (std::size_t i = 0; i < a.rows; ++i) {
    bool row_seen = false;
    for (std::size_t e = a.start[i]; e < a.start[i + 1]; ++e) {
      if (a.centre[e].mantissa == 0) continue;
      if (at_a ? row_seen : seen[a.column[e]])
        reject(at_a ? "row " + std::to_string(i) + " of the matrix has two nonzero entries: A'A is not known to be diagonal"
                    : "column " + std::to_string(a.column[e]) + " of the matrix has two nonzero entries: AA' is not known to be diagonal");
      row_seen = true;
      seen[a.column[e]] = true;
      out.squares[at_a ? a.column[e] : i] += square(rational_of(a.centre[e]));
    }
  }
  for (const Rational& value : out.squares) out.largest = std::max(out.largest, value);
  return out;
}

Rational explicit_gram_bound(const SparseMatrix& a, const GramEvidence& evidence, const Hints& hints, const Engine& engine) {
  check_structure(a);
  const unsigned drop = checked_drop(evidence);
  GridMatrix grid;
  if (!round_to_grid(a.centre, evidence.sA, grid))
    reject("an entry of the matrix does not fit in 52 bits on the grid 2^-sA of the evidence");
  const std::size_t n = evidence.at_a ? a.columns : a.rows;
  IntegerRows ah = evidence.at_a ? IntegerRows{a.start, a.column, std::move(grid.entries)} : transposed(a, grid.entries);
  if (!rows_fit(n, ah)) reject("the Gram matrix does not fit in 122 bits on the grid 2^-sA of the evidence");
  {
    const std::vector<std::uint32_t> order = hints.order(n, ah.start, ah.column);
    if (!is_order(order, n)) exhausted("the order of the columns is not a permutation: a fault of the checker's hint");
    ah = reordered(ah, order);
  }

  BandSum e(skyline_of(n, ah));
  const auto c2 = static_cast<Int128>(evidence.C2);
  for (std::size_t i = 0; i < n; ++i) e.at(i, i) = c2;
  subtract_rows(e, ah, engine);  // M = C2 I - Ah'Ah
  {
    const BandFactor r = hints.band(e, drop, engine.threads);
    if (r.empty())
      reject("no factor of C2 I - A'A was found; sqrt(C2) = " + decimal_text(scaled(sqrt_floor(evidence.C2), -evidence.sA), Toward::below) +
             " is too small for this matrix");
    if (r.size() != e.skyline().entries()) exhausted("the hint has the wrong size: a fault of the checker");
    if (!factor_fits(e.skyline(), r, 2 * drop))
      reject("the factor of C2 I - A'A does not fit in 122 bits on the grid 2^-sR of the evidence");
    subtract_factor(e, r, 2 * drop, engine);  // E
  }

  constexpr std::size_t tile = Skyline::kTile;
  const UInt128 limit = static_cast<UInt128>(1) << 126;
  std::vector<UInt128> radius(n);  // sum_{j != i} |E_ij|
  for (std::size_t J = 0; J < e.skyline().tiles(); ++J)
    for (std::size_t I = e.skyline().first(J); I <= J; ++I) {
      const Int128* entries = e.tile(I, J);
      for (std::size_t i = I * tile; i < std::min(n, (I + 1) * tile); ++i)
        for (std::size_t j = I == J ? i + 1 : J * tile; j < std::min(n, (J + 1) * tile); ++j) {
          const Int128 value = entries[(i - I * tile) * tile + (j - J * tile)];
          const auto magnitude = static_cast<UInt128>(value < 0 ? -value : value);
          radius[i] += magnitude;
          radius[j] += magnitude;
          if (radius[i] >= limit || radius[j] >= limit)
            reject("the residual of the factorisation is far too large: C2 does not fit this matrix");
        }
    }
  Int128 excess = 0;
  for (std::size_t i = 0; i < n; ++i) excess = std::max(excess, static_cast<Int128>(radius[i]) - e.at(i, i));  // below 2^126 + 2^124
  return root_on_grid(evidence.C2 + integer_of(excess), evidence.sA) + grid.residual + a.radius;
}

}  // namespace lipverify
