// The numbers of a bound around one sample: what is known from above, and a sum from below. Every rounding goes to the safe side.
#pragma once

#include <cstdint>
#include <vector>

#include "verifier/samples/fixed_numbers.hpp"

namespace lipverify::local {

/// At least a number >= 0: mantissa * 2^exponent, mantissa < 2^60.
class Above {
 public:
  Above() = default;
  Above(const Integer& mantissa, std::int64_t exponent);
  explicit Above(const Rational& x);
  explicit Above(const UpperBound& x) : Above(x.mantissa, x.exponent) {}
  [[nodiscard]] bool zero() const { return mantissa_ == 0; }
  [[nodiscard]] std::int64_t mantissa() const { return mantissa_; }
  [[nodiscard]] std::int64_t exponent() const { return exponent_; }
  /// ceil(number / 2^unit); at least 2^limit: Unavailable.
  [[nodiscard]] Int128 units(std::int64_t unit, int limit) const;
  [[nodiscard]] bool below(const Above& other) const;  // this bound is the smaller one
  friend Above operator+(const Above& a, const Above& b);
  friend Above operator*(const Above& a, const Above& b);

 private:
  std::int64_t mantissa_ = 0;
  std::int64_t exponent_ = 0;
};
[[nodiscard]] Above root(const Above& x);
[[nodiscard]] inline Above least(const Above& a, const Above& b) { return b.below(a) ? b : a; }
/// At least the root of the sum of squares of integers times 2^exponent.
[[nodiscard]] Above length(const std::vector<std::int64_t>& x, std::int64_t exponent);

/// A number from below: an exact sum of what is added.
class Total {
 public:
  void add(const Integer& x, std::int64_t exponent);
  void subtract(const Above& x) { add(-Integer(x.mantissa()), x.exponent()); }
  [[nodiscard]] bool positive() const { return sum_ > 0; }
  [[nodiscard]] Rational value() const { return scaled(sum_, exponent_); }

 private:
  Integer sum_ = 0;
  std::int64_t exponent_ = 0;
};

/// A multiplier lambda = m 2^e >= 0, m < 2^16.
struct Multiplier {
  std::int64_t m = 0;
  std::int64_t e = 0;
};
/// About length / (divisor * radius): any number will do.
[[nodiscard]] Multiplier quotient_near(const Above& length, std::uint64_t divisor, const Above& radius);

/// floor(x 2^shift); magnitudes above 2^`cap` are cut there, which must be safe for the caller when x is large and positive; a negative one:
/// Unavailable.
[[nodiscard]] Int128 floor_shift(Int128 x, std::int64_t shift, int cap);

}  // namespace lipverify::local
