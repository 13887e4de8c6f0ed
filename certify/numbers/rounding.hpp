// Numbers that are known from one side only, rounded outward without ever touching the rounding mode.
//
// A plain double is a guess; an `Upper` is a number at or above some nonnegative real quantity, a `Lower` one at or below it. The only ways
// in are `exact` (the double is the quantity itself) and operations that keep the direction, so that a guess cannot become a bound by
// accident. Every operation computes in round-to-nearest, recovers the sign of the rounding error exactly (Knuth's two-sum, Dekker; the
// residual of a product, quotient or square root is a double, see Muller et al., Handbook of Floating-Point Arithmetic, 2nd ed., sections
// 4.3 to 4.5, as long as nothing underflows) and steps to the neighbouring double only where the error has the wrong sign. Where underflow
// could spoil the residual it always steps: half an ulp is what round-to-nearest can lose, also among subnormals.
// fesetround is never used: compilers merge operations across it and other threads do not see it.
#pragma once

#include <bit>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>

namespace lipcert {

/// u, the largest relative error of one rounding to nearest in binary64.
inline constexpr double unit_roundoff = 0x1p-53;

/// Smallest double above x >= 0 (infinity stays); NaN becomes infinity.
[[nodiscard]] inline double next_up(double x) {
  if (!(x < std::numeric_limits<double>::infinity())) {
    return std::numeric_limits<double>::infinity();
  }
  return std::bit_cast<double>(std::bit_cast<std::uint64_t>(x + 0.0) + 1);  // + 0.0 turns -0 into +0
}

/// Largest double below x > 0; zero and NaN become zero, infinity becomes the largest double.
[[nodiscard]] inline double next_down(double x) {
  if (!(x > 0)) {
    return 0;
  }
  return std::bit_cast<double>(std::bit_cast<std::uint64_t>(x) - 1);
}

class Lower;

/// A double at or above a nonnegative real quantity; infinity says that nothing is known.
class Upper {
 public:
  constexpr Upper() = default;
  /// The quantity is |value| itself. NaN is no quantity: nothing is known of it, so infinity.
  [[nodiscard]] static Upper exact(double value);

  [[nodiscard]] double value() const { return value_; }
  [[nodiscard]] bool finite() const { return value_ < std::numeric_limits<double>::infinity(); }

  friend Upper operator+(Upper a, Upper b);
  friend Upper operator*(Upper a, Upper b);
  friend Upper operator/(Upper a, Lower b);
  friend Upper minus(Upper a, Lower b);
  friend Upper sqrt(Upper a);
  friend Upper max(Upper a, Upper b) { return Upper(a.value_ < b.value_ ? b.value_ : a.value_); }
  friend Upper min(Upper a, Upper b) { return Upper(b.value_ < a.value_ ? b.value_ : a.value_); }  // both bound the same quantity
  /// Times 2^e.
  [[nodiscard]] Upper scaled(int e) const;
  friend bool operator<(Upper a, Upper b) { return a.value_ < b.value_; }

 private:
  explicit constexpr Upper(double value) : value_(value) {}
  double value_ = 0;
};

/// A double at or below a nonnegative real quantity; zero says that nothing is known.
class Lower {
 public:
  constexpr Lower() = default;
  [[nodiscard]] static Lower exact(double value);  // of |value|; NaN becomes zero

  [[nodiscard]] double value() const { return value_; }

  friend Lower operator+(Lower a, Lower b);
  friend Lower operator*(Lower a, Lower b);
  friend Lower operator/(Lower a, Upper b);
  friend Lower minus(Lower a, Upper b);
  friend Lower sqrt(Lower a);
  friend Lower max(Lower a, Lower b) { return Lower(a.value_ < b.value_ ? b.value_ : a.value_); }  // both bound the same quantity
  [[nodiscard]] Lower scaled(int e) const;

 private:
  explicit constexpr Lower(double value) : value_(value) {}
  double value_ = 0;
};

Upper operator+(Upper a, Upper b);
Upper operator*(Upper a, Upper b);
/// Infinity when b is zero.
Upper operator/(Upper a, Lower b);
/// a - b for a quantity that is known to be nonnegative: at least zero.
Upper minus(Upper a, Lower b);
Upper sqrt(Upper a);
Lower operator+(Lower a, Lower b);
Lower operator*(Lower a, Lower b);
/// Zero when b is zero or infinite.
Lower operator/(Lower a, Upper b);
/// max(0, a - b).
Lower minus(Lower a, Upper b);
Lower sqrt(Lower a);

/// gamma_k = k u / (1 - k u), the constant of a sum of k rounded terms (Higham, Accuracy and Stability, lemma 3.1); k < 2^50.
[[nodiscard]] Upper gamma(std::uint64_t k);

/// Sum of squares and sum of absolute values of x[0], ..., x[n-1] from above; a NaN among them gives infinity.
[[nodiscard]] Upper sum_of_squares(const double* x, std::size_t n);
[[nodiscard]] Upper sum_of_magnitudes(const double* x, std::size_t n);
/// Euclidean norm of x[0], ..., x[n-1] from above and from below, for numbers of any size: scaled by a power of two before squaring.
[[nodiscard]] Upper norm_above(const double* x, std::size_t n);
[[nodiscard]] Lower norm_below(const double* x, std::size_t n);

/// Throws `Error` (internal) unless this thread rounds to nearest and computes with subnormal numbers, in plain code and inside BLAS. Every
/// thread that computes a bound calls this first: libraries built with -ffast-math switch subnormals off when they are loaded, and a matrix of
/// subnormal numbers would then have "norm 0".
void require_sound_floating_point();

}  // namespace lipcert
