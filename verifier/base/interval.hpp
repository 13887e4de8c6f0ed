// Interval arithmetic on integers: every real number is enclosed by [low, high] * 2^exponent with integers of at most 160 bits, rounded outward.
// A number that needs fewer bits stays exact (low == high). Exponents stay within 2^24: a number further out is Failure (rejected).
#pragma once

#include <boost/multiprecision/cpp_int.hpp>
#include <cstdint>

#include "verifier/base/numbers.hpp"

namespace lipverify {

/// Fixed width, without allocation; an overflow would throw (checked), never wrap. The arithmetic below stays under 600 bits.
using Wide = boost::multiprecision::number<
    boost::multiprecision::cpp_int_backend<640, 640, boost::multiprecision::signed_magnitude, boost::multiprecision::checked, void>,
    boost::multiprecision::et_off>;

struct Interval {
  Wide low = 0;
  Wide high = 0;
  std::int64_t exponent = 0;

  Interval() = default;
  Interval(Wide l, Wide h, std::int64_t e);  // normalises; l <= h
  explicit Interval(const Dyadic& value) : Interval(Wide(value.mantissa), Wide(value.mantissa), value.exponent) {}

  [[nodiscard]] bool exact() const { return low == high; }
  [[nodiscard]] bool is_zero() const { return low == 0 && high == 0; }
  [[nodiscard]] bool has_zero() const { return low <= 0 && high >= 0; }
  friend bool operator==(const Interval& a, const Interval& b) {
    return a.low == b.low && a.high == b.high && (a.exponent == b.exponent || a.is_zero());
  }
};

/// Binary digits of |x|.
[[nodiscard]] std::int64_t bit_length(const Wide& x);

[[nodiscard]] Rational lower_end(const Interval& x);
[[nodiscard]] Rational upper_end(const Interval& x);

[[nodiscard]] Interval negated(const Interval& x);
[[nodiscard]] Interval absolute(const Interval& x);
[[nodiscard]] Interval hull(const Interval& x, const Interval& y);
[[nodiscard]] Interval operator+(const Interval& x, const Interval& y);
[[nodiscard]] Interval operator*(const Interval& x, const Interval& y);
[[nodiscard]] Interval quotient(const Interval& x, const Interval& y);  // y does not contain 0

/// exp(-t), t = mantissa 2^exponent >= 0; at most 1.
[[nodiscard]] Interval exp_minus(const Wide& mantissa, std::int64_t exponent);
[[nodiscard]] Interval sigmoid(const Interval& x);
[[nodiscard]] Interval sigmoid_slope(const Interval& x);
[[nodiscard]] Interval hyperbolic_tangent(const Interval& x);
[[nodiscard]] Interval hyperbolic_tangent_slope(const Interval& x);

/// Sum of products, term by term. All terms are put on one grid, not finer than 2^-256 of the largest, and then added exactly.
class DotProduct {
 public:
  /// First pass over all terms: finds the grid.
  void announce(const Interval& x, const Interval& y);
  void announce(const Dyadic& w, const Interval& x);
  /// Second pass over the same terms.
  void add(const Interval& x, const Interval& y);
  void add(const Dyadic& w, const Interval& x);
  [[nodiscard]] Interval result() const;

 private:
  void announce_term(std::int64_t fine, std::int64_t bits);
  void add_term(const Wide& low, const Wide& high, std::int64_t exponent);
  bool any_ = false;
  std::int64_t top_ = 0;   // every |term| < 2^top
  std::int64_t fine_ = 0;  // smallest exponent of a term
  Wide low_ = 0;
  Wide high_ = 0;
};

}  // namespace lipverify
