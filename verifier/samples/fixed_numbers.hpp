// The numbers of a network at a point (fixed_network.hpp): integers on a common power of two for each tensor, with a bound of the distance.
#pragma once

#include <cstdint>
#include <vector>

#include "verifier/graph/evaluate.hpp"

namespace lipverify {

/// Thrown where numbers leave the range of these integers, or a node is not of a form that is known here.
struct Unavailable {};

struct FixedTensor {
  static constexpr int kBits = 58;  // |centre_i| <= 2^(kBits - 1)
  std::vector<std::int64_t> centre;
  std::int64_t exponent = 0;
  Integer distance = 0;  // units 2^exponent
};

/// At least a number >= 0: mantissa * 2^exponent with 40 bits, rounded up.
struct UpperBound {
  UpperBound() = default;
  explicit UpperBound(const Rational& x);
  /// At least the number times distance * 2^from, in units 2^to.
  [[nodiscard]] Integer times(const Integer& distance, std::int64_t from, std::int64_t to) const;
  Integer mantissa = 0;
  std::int64_t exponent = 0;
};

inline constexpr std::int64_t kFar = 100000;  // exponents beyond this are not followed

/// ceil(x * 2^shift) for x >= 0.
[[nodiscard]] Integer ceil_scaled(const Integer& x, std::int64_t shift);
[[nodiscard]] Integer ceil_of(const Rational& x);  // x >= 0

struct Grid {
  std::vector<std::int64_t> mantissas;  // |m_i| <= 2^(bits - 1), units 2^exponent
  std::int64_t exponent = 0;
  std::vector<std::int64_t> errors;  // at least the distance of m_i to its number, in units
};
/// Enclosures on one grid.
[[nodiscard]] Grid to_grid(const IntervalTensor& values, int bits);

/// At least the root of `times` times the sum of squares.
[[nodiscard]] Integer root_of_squares(const std::vector<std::int64_t>& errors, std::size_t times);
/// In how many of the sets an entry lies, at most.
[[nodiscard]] std::size_t overlap(const std::vector<std::vector<std::uint32_t>>& sets);

[[nodiscard]] FixedTensor checked(FixedTensor x);
/// Sums, |sums_i| < 2^126 in units 2^unit, as a centre; adds what the rounding costs. `distance` is in units 2^unit.
[[nodiscard]] FixedTensor rounded(const std::vector<Int128>& sums, std::int64_t unit, const Integer& distance);

}  // namespace lipverify
