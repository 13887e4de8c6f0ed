// A real number between two MPFR numbers, for the scalars of a proof: products of norms, slopes, claimed figures.
//
// Every operation rounds the lower end down and the upper end up by calling mpfr_* with the direction (Boost's operators on MPFR round to
// nearest, so they are not used). 192 bits, so that a product of a hundred doubles loses nothing that a double would show. MPFR's exponents
// have 62 bits: nothing here overflows or underflows.
#pragma once

#include <mpfr.h>

namespace lipcert {

/// Owner of one mpfr_t.
class MpfrNumber {
 public:
  MpfrNumber();
  MpfrNumber(const MpfrNumber& other);
  MpfrNumber(MpfrNumber&& other) noexcept;
  MpfrNumber& operator=(const MpfrNumber& other);
  MpfrNumber& operator=(MpfrNumber&& other) noexcept;
  ~MpfrNumber();
  [[nodiscard]] mpfr_ptr get() { return value_; }
  [[nodiscard]] mpfr_srcptr get() const { return value_; }

 private:
  mpfr_t value_;
};

class Interval {
 public:
  /// Zero.
  Interval() = default;
  /// The double itself; it must be finite (throws `Error` (internal) otherwise).
  [[nodiscard]] static Interval exact(double value);
  /// [lower, upper], both finite, lower <= upper.
  [[nodiscard]] static Interval between(double lower, double upper);

  /// Ends as doubles, rounded outward.
  [[nodiscard]] double lower() const;
  [[nodiscard]] double upper() const;
  [[nodiscard]] bool contains_zero() const;

  friend Interval operator+(const Interval& a, const Interval& b);
  friend Interval operator-(const Interval& a, const Interval& b);
  friend Interval operator*(const Interval& a, const Interval& b);
  /// b must not contain zero (throws `Error` (internal) otherwise).
  friend Interval operator/(const Interval& a, const Interval& b);
  /// a >= 0 (a negative part of the interval is cut off: the number is known to be nonnegative).
  friend Interval sqrt(const Interval& a);
  /// 1 / (1 + e^-x), increasing.
  friend Interval sigmoid(const Interval& x);
  /// Its derivative 1 / (2 cosh(x/2))^2, which depends on |x| and decreases with it.
  friend Interval sigmoid_slope(const Interval& x);
  friend Interval tanh(const Interval& x);
  /// Its derivative 1 / cosh(x)^2.
  friend Interval tanh_slope(const Interval& x);
  friend Interval exp(const Interval& x);
  /// x > 0 (throws `Error` (internal) otherwise).
  friend Interval log(const Interval& x);
  /// log(1 + e^x), increasing.
  friend Interval softplus(const Interval& x);
  friend Interval erf(const Interval& x);
  /// Within [-1, 1]. At most the interval's half width (in which sin and cos move by at most as much) is added on either side of the midpoint's value.
  friend Interval sin(const Interval& x);
  friend Interval cos(const Interval& x);
  friend Interval square(const Interval& x);
  friend Interval pi();

 private:
  MpfrNumber lower_;
  MpfrNumber upper_;
};

Interval operator+(const Interval& a, const Interval& b);
Interval operator-(const Interval& a, const Interval& b);
Interval operator*(const Interval& a, const Interval& b);
Interval operator/(const Interval& a, const Interval& b);
Interval sqrt(const Interval& a);
Interval sigmoid(const Interval& x);
Interval sigmoid_slope(const Interval& x);
Interval tanh(const Interval& x);
Interval tanh_slope(const Interval& x);
Interval exp(const Interval& x);
Interval log(const Interval& x);
Interval softplus(const Interval& x);
Interval erf(const Interval& x);
Interval sin(const Interval& x);
Interval cos(const Interval& x);
Interval square(const Interval& x);
[[nodiscard]] Interval pi();

}  // namespace lipcert
