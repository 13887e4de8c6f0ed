// A banded Cholesky factor by block columns, each from its first tile that is not zero ("skyline"; the factor fills nothing outside: George
// and Liu 1981, section 4.1), and what a proof needs of it. Floating-point arithmetic, rounded in ways that are bounded where the bound is
// used (band_norm.cpp).
//
// Cost: sum of d_j^2 over the columns for the factor and as much for the residual, d_j the height of column j.
#pragma once

#include <algorithm>
#include <cstddef>
#include <utility>
#include <vector>

#include "certify/numbers/parallel.hpp"
#include "certify/numbers/rounding.hpp"

namespace lipcert {

/// Side of the tiles: a function of the band alone, so that every rounding is the same for any number of threads.
[[nodiscard]] inline std::size_t band_tile(std::size_t half_bandwidth) {
  return half_bandwidth <= 48 ? 32 : (half_bandwidth <= 512 ? 64 : 128);
}

/// The upper triangle by block columns; block column J has the rows from block first(J) to J.
class Skyline {
 public:
  Skyline(std::size_t n, std::size_t tile, std::vector<std::size_t> first)
      : n_(n), tile_(tile), first_(std::move(first)), offset_(first_.size() + 1, 0) {
    for (std::size_t j = 0; j < first_.size(); ++j) {
      offset_[j + 1] = offset_[j] + height(j) * size(j);
    }
    for (std::size_t j = 0; j < first_.size(); ++j) {
      reach_ = std::max(reach_, j - first_[j]);
    }
    entries_.assign(offset_.back(), 0.0);
  }

  [[nodiscard]] std::size_t order() const { return n_; }
  [[nodiscard]] std::size_t blocks() const { return first_.size(); }
  [[nodiscard]] std::size_t first(std::size_t j) const { return first_[j]; }
  [[nodiscard]] std::size_t reach() const { return reach_; }  // most block rows above the diagonal
  [[nodiscard]] std::size_t begin(std::size_t block) const { return block * tile_; }
  [[nodiscard]] std::size_t size(std::size_t block) const { return std::min(tile_, n_ - begin(block)); }
  [[nodiscard]] std::size_t height(std::size_t j) const { return begin(j) + size(j) - begin(first_[j]); }
  [[nodiscard]] std::size_t tile_size() const { return tile_; }
  /// Tile (i, j), first(j) <= i <= j; column-major with leading dimension height(j).
  [[nodiscard]] double* tile(std::size_t i, std::size_t j) { return &entries_[offset_[j] + (i - first_[j]) * tile_]; }
  [[nodiscard]] const double* tile(std::size_t i, std::size_t j) const { return &entries_[offset_[j] + (i - first_[j]) * tile_]; }
  [[nodiscard]] double* column(std::size_t j) { return &entries_[offset_[j / tile_] + (j % tile_) * height(j / tile_)]; }
  [[nodiscard]] const double* column(std::size_t j) const { return &entries_[offset_[j / tile_] + (j % tile_) * height(j / tile_)]; }
  /// Row of the first entry of column j that is kept.
  [[nodiscard]] std::size_t top(std::size_t j) const { return begin(first_[j / tile_]); }
  [[nodiscard]] double diagonal(std::size_t j) const { return column(j)[j - top(j)]; }
  [[nodiscard]] Skyline same_shape() const { return Skyline(n_, tile_, first_); }
  [[nodiscard]] double flops() const {
    double sum = 0;
    for (std::size_t j = 0; j < blocks(); ++j) {
      const double h = static_cast<double>(height(j));
      sum += h * h * static_cast<double>(size(j));
    }
    return sum;
  }

 private:
  std::size_t n_;
  std::size_t tile_;
  std::vector<std::size_t> first_;
  std::vector<std::size_t> offset_;
  std::size_t reach_ = 0;
  std::vector<double> entries_;
};

/// R := upper Cholesky factor of M = fl(c2 I - G), of the same shape. Right-looking by tiles. False when a pivot is not positive.
[[nodiscard]] bool factor(const Skyline& g, double c2, Skyline& r, WorkerPool& pool);

/// ||fl(M - R'R)||_inf as computed, not yet inflated for its own summation. Infinity when an entry is not finite.
[[nodiscard]] double residual(const Skyline& g, double c2, const Skyline& r, WorkerPool& pool);

/// What the residual's error depends on.
struct FactorSize {
  Upper product;            // || |R|'|R| ||_2; infinity when an entry is not finite
  std::size_t longest = 0;  // terms in an entry of R'R that are not zero, at most
};

[[nodiscard]] FactorSize size_of(const Skyline& r);

/// y = (R'R)^-1 x, plain arithmetic.
void solve(const Skyline& r, const double* x, double* y);

}  // namespace lipcert
