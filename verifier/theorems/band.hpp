// Symmetric integer matrices with a skyline: in every column the entries above the first one that matters are zero, in tiles of 64.
//
// Elimination makes no entry outside the skyline, so an upper triangular R with the same skyline is all that a factorisation needs, and R'R
// has it as well: (R'R)_ij = sum_k R_ki R_kj has no term with k <= i above the top of column j. Nothing is computed or stored outside.
//
// Cost of subtract_factor for order n and half bandwidth w: n w^2 / 2 multiplications, times three slices (verifier/base/gram.cpp).
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "verifier/base/gram.hpp"
#include "verifier/base/numbers.hpp"

namespace lipverify {

/// Tile column J holds the tiles first[J], ..., J: tiles of one column lie below each other, so that it is a row-major matrix with 64
/// columns.
class Skyline {
 public:
  static constexpr std::size_t kTile = 64;
  /// first[J] <= J for each of the ceil(order / 64) tile columns.
  Skyline(std::size_t order, std::vector<std::size_t> first);
  [[nodiscard]] std::size_t order() const { return order_; }
  [[nodiscard]] std::size_t tiles() const { return first_.size(); }
  [[nodiscard]] std::size_t first(std::size_t J) const { return first_[J]; }
  [[nodiscard]] std::size_t last(std::size_t I) const {
    return last_[I];
  }  // the last tile column that holds a tile of row I or of one above
  [[nodiscard]] std::size_t rows(std::size_t J) const { return (J + 1 - first_[J]) * kTile; }
  [[nodiscard]] std::size_t begin(std::size_t J) const { return begin_[J]; }  // of tile column J among all entries
  [[nodiscard]] std::size_t entries() const { return begin_.back(); }

 private:
  std::size_t order_;
  std::vector<std::size_t> first_, last_, begin_;
};

/// The upper triangle of a symmetric matrix within a skyline, 128-bit integers; zero at the start and beyond the order.
class BandSum {
 public:
  explicit BandSum(Skyline skyline);  // more memory than allowed: Failure (internal)
  [[nodiscard]] const Skyline& skyline() const { return skyline_; }
  [[nodiscard]] std::size_t order() const { return skyline_.order(); }
  [[nodiscard]] Int128* tile(std::size_t I, std::size_t J) { return sums_.data() + place(I, J); }
  [[nodiscard]] const Int128* tile(std::size_t I, std::size_t J) const { return sums_.data() + place(I, J); }
  /// Entry (i, j), i <= j, within the skyline.
  [[nodiscard]] Int128& at(std::size_t i, std::size_t j) {
    return tile(i / Skyline::kTile, j / Skyline::kTile)[i % Skyline::kTile * Skyline::kTile + j % Skyline::kTile];
  }
  [[nodiscard]] Int128 at(std::size_t i, std::size_t j) const {
    return tile(i / Skyline::kTile, j / Skyline::kTile)[i % Skyline::kTile * Skyline::kTile + j % Skyline::kTile];
  }

 private:
  [[nodiscard]] std::size_t place(std::size_t I, std::size_t J) const {
    return skyline_.begin(J) + (I - skyline_.first(J)) * Skyline::kTile * Skyline::kTile;
  }
  Skyline skyline_;
  std::vector<Int128> sums_;
};

/// An upper triangular integer matrix with the entries of a skyline, in the same places; what stands below the diagonal or beyond the order
/// is taken as zero.
using BandFactor = std::vector<std::int64_t>;

/// An integer matrix by rows: the entries of row i stand at start[i], ..., start[i + 1] - 1, columns ascending.
struct IntegerRows {
  std::vector<std::size_t> start;
  std::vector<std::uint32_t> column;
  std::vector<std::int64_t> value;
};

/// The smallest skyline that holds X'X (what stands in `column` counts, zero or not).
[[nodiscard]] Skyline skyline_of(std::size_t order, const IntegerRows& x);

/// True when every |entry| < 2^52 and every column has sum of squares below 2^122.
[[nodiscard]] bool rows_fit(std::size_t order, const IntegerRows& x);

/// sum -= X'X, exactly. Requires rows_fit(x), a skyline that holds X'X, and |sum| + 2^122 < 2^126 entrywise. Cost: half the sum over the
/// rows of the squared number of entries, or, where rows are dense, the tiles that they touch.
void subtract_rows(BandSum& sum, const IntegerRows& x, const Engine& engine);

/// True when every |entry| < 2^52 and every column has sum of squares * 2^shift < 2^122.
[[nodiscard]] bool factor_fits(const Skyline& skyline, const BandFactor& r, unsigned shift);

/// sum -= R'R * 2^shift, exactly. Requires factor_fits(r, shift) and |sum| + 2^122 < 2^126 entrywise.
void subtract_factor(BandSum& sum, const BandFactor& r, unsigned shift, const Engine& engine);

}  // namespace lipverify
