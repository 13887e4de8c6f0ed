// A matrix that is known exactly or up to a radius, and its rounding to an integer grid.
#pragma once

#include <cstdint>
#include <vector>

#include "verifier/base/gram.hpp"
#include "verifier/base/numbers.hpp"

namespace lipverify {

/// An upper bound of a sum of squares of nonnegative numbers, kept as an integer times a power of two; additions round up.
class SquareSum {
 public:
  /// Adds (mantissa * 2^exponent)^2.
  void add(const Integer& mantissa, std::int64_t exponent);
  /// Adds value^2, value >= 0.
  void add(const Rational& value);
  [[nodiscard]] bool is_zero() const { return sum_ == 0; }
  [[nodiscard]] Rational root() const;  // at least the square root of the sum

 private:
  void add_squared(Integer value, std::int64_t exponent);
  Integer sum_ = 0;
  std::int64_t exponent_ = 0;
};

/// All matrices A with ||A - centre||_F <= radius; exact when the radius is 0. Row-major.
struct EnclosedMatrix {
  std::size_t rows = 0;
  std::size_t columns = 0;
  std::vector<Dyadic> centre;
  Rational radius = 0;
};

/// Integers g with |g| < 2^52 and ||centre - 2^-scale g||_F <= residual.
struct GridMatrix {
  std::vector<std::int64_t> entries;  // row-major, in the layout of the matrix
  Rational residual = 0;
};

/// Rounds to the grid of 2^-scale, to nearest, ties to even. False when an entry does not fit below 2^52.
[[nodiscard]] bool round_to_grid(const std::vector<Dyadic>& centre, int scale, GridMatrix& grid);

/// The largest scale with which every entry fits (0 for the zero matrix): the finest grid.
[[nodiscard]] int finest_scale(const std::vector<Dyadic>& centre);

/// At least the Frobenius norm of the centre.
[[nodiscard]] Rational frobenius_above(const EnclosedMatrix& matrix);

/// An enclosure of {B A}. Cost: one exact integer product.
[[nodiscard]] EnclosedMatrix product(const EnclosedMatrix& b, const EnclosedMatrix& a, const Engine& engine);

}  // namespace lipverify
