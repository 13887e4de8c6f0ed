// Exact products of integer matrices: X'X and X'Y for entries of magnitude below 2^52, in 128-bit integers.
//
// Cost: three (one, when all entries are multiples of 2^26) 32-bit products X'X of half the size, about 6 multiply-adds per cycle with AVX2.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "verifier/base/kernel.hpp"
#include "verifier/base/numbers.hpp"

namespace lipverify {

struct Engine {
  Kernel kernel = best_kernel();
  unsigned threads = 1;  // results do not depend on it
  std::uint64_t work = std::uint64_t{256} << 30;  // multiplications that one theorem may ask for (Budget)
};

/// A view of an integer matrix: entry (k, j), k < inner, j < columns, stands at data[k * inner_stride + j * column_stride].
struct IntegerView {
  const std::int64_t* data = nullptr;
  std::size_t inner = 0;
  std::size_t columns = 0;
  std::size_t inner_stride = 0;
  std::size_t column_stride = 1;
  bool upper_triangular = false;  // entries with k > j are taken as zero, whatever stands there
};

inline constexpr std::int64_t kEntryLimit = std::int64_t{1} << 52;  // |entry| < 2^52

/// Upper triangle of a symmetric n x n matrix of 128-bit integers, in 64 x 64 tiles (zero beyond n).
class SymmetricSum {
 public:
  static constexpr std::size_t kTile = 64;
  explicit SymmetricSum(std::size_t order);  // zero; more memory than allowed: Failure (internal)
  [[nodiscard]] std::size_t order() const { return order_; }
  [[nodiscard]] std::size_t tiles() const { return tiles_; }
  /// Tile (I, J), I <= J, row-major.
  [[nodiscard]] Int128* tile(std::size_t I, std::size_t J) { return sums_.data() + kTile * kTile * (I * tiles_ - I * (I + 1) / 2 + J); }
  [[nodiscard]] const Int128* tile(std::size_t I, std::size_t J) const {
    return sums_.data() + kTile * kTile * (I * tiles_ - I * (I + 1) / 2 + J);
  }
  /// Entry (i, j), i <= j.
  [[nodiscard]] Int128& at(std::size_t i, std::size_t j) { return tile(i / kTile, j / kTile)[i % kTile * kTile + j % kTile]; }
  [[nodiscard]] Int128 at(std::size_t i, std::size_t j) const { return tile(i / kTile, j / kTile)[i % kTile * kTile + j % kTile]; }

 private:
  std::size_t order_;
  std::size_t tiles_;
  std::vector<Int128> sums_;
};

/// True when every |entry| < 2^52 and every column of X (of X over Y, two matrices with as many columns) has sum of squares * 2^shift < 2^122: then
/// subtract_product cannot overflow (gram.cpp).
[[nodiscard]] bool gram_fits(const IntegerView& x, unsigned shift);
[[nodiscard]] bool gram_fits(const IntegerView& x, const IntegerView& y, unsigned shift);

/// sum -= X'Y * 2^shift (+= where `add`) in the entries (i, j), i <= j, exactly. Requires gram_fits(x, y, shift), equal inner lengths, both upper
/// triangular or neither, sum.order() the number of columns of both, and |sum| + 2^122 < 2^126 entrywise.
void subtract_product(SymmetricSum& sum, const IntegerView& x, const IntegerView& y, unsigned shift, bool add, const Engine& engine);
inline void subtract_gram(SymmetricSum& sum, const IntegerView& x, unsigned shift, const Engine& engine) { subtract_product(sum, x, x, shift, false, engine); }

/// X'Y, row-major x.columns * y.columns, exactly. Requires gram_fits(x, 0), gram_fits(y, 0), equal inner lengths.
[[nodiscard]] std::vector<Int128> multiply(const IntegerView& x, const IntegerView& y, const Engine& engine);

}  // namespace lipverify
