// See roots.hpp.
//
// Theorem. Let z be a complex number with |z^n - 1| = delta <= 1/2. Then |z - w| <= 2 delta / n for some n-th root of unity w.
// Proof. z = w (1 + eps)^(1/n) with |eps| = delta, the principal power, and some w. For n = 1 the claim is |eps| <= 2 delta. For n >= 2,
// |log(1 + eps)| <= 2 ln 2 delta < 1.387 delta for delta <= 1/2 (the series, and -ln(1 - x)/x grows), so x = log(1 + eps)/n has |x| < 0.347
// and |e^x - 1| <= |x| e^|x| < 1.387 * 1.415 delta / n < 2 delta / n.
//
// The table. With delta_a = |z_a^n - 1| and d_a = |z_a - z_1 z_(a-1)|, let zeta be a root within e_1 = 2 delta_1 / n of z_1. By induction
// |z_a - zeta^a| <= f_a = d_a + (1 + e_1) e_(a-1) + e_1, because z_a - zeta^a = (z_a - z_1 z_(a-1)) + z_1 (z_(a-1) - zeta^(a-1))
// + (z_1 - zeta) zeta^(a-1) and |z_1| <= 1 + e_1. By the theorem z_a is within 2 delta_a / n of some root; different roots are at least
// 2 sin(pi/n) >= 4/n apart, so if f_a + 2 delta_a / n < 4/n that root is zeta^a, and e_a = min(f_a, 2 delta_a / n). If |z_a - 1| > e_a for
// 0 < a < n, no zeta^a there is 1: zeta is primitive, and its powers are all the n-th roots of unity.
//
// Numbers are integers in units of 2^-160. A product is cut towards zero, an error of less than 1 unit in each part, hence below 2
// together; |x| <= |re| + |im|, and |x| >= max(|re|, |im|). Cost: n log2 n complex products of 200 bits.
#include "verifier/theorems/roots.hpp"

#include <algorithm>

#include "verifier/base/failure.hpp"

namespace lipverify {

namespace {

namespace mp = boost::multiprecision;

constexpr unsigned kBits = 160;
const Integer& one() {
  static const Integer value = Integer(1) << kBits;
  return value;
}

/// |value - (re + i im)| <= error, all in units of 2^-160.
struct Complex {
  Integer re = 0;
  Integer im = 0;
  Integer error = 0;
};

Integer ceiling_quotient(const Integer& a, const Integer& b) {
  return (a + b - 1) / b;
}  // a >= 0, b > 0

/// At least (at most) |re + i im|.
Integer size_above(const Complex& x) {
  return mp::abs(x.re) + mp::abs(x.im);
}
Integer size_below(const Complex& x) {
  return std::max(Integer(mp::abs(x.re)), Integer(mp::abs(x.im)));
}

Complex times(const Complex& x, const Complex& y) {
  Complex out;
  out.re = (x.re * y.re - x.im * y.im) / one();
  out.im = (x.re * y.im + x.im * y.re) / one();
  // |XY - xy| <= |X - x| |y| + |x| |Y - y| + |X - x| |Y - y|
  out.error = ceiling_quotient(x.error * size_above(y) + size_above(x) * y.error + x.error * y.error, one()) + 2;
  return out;
}

/// At least |z^n - 1|, or more than 1/2.
Integer distance_of_power(const Complex& z, std::uint64_t n) {
  const Integer far = 4 * one();
  Complex power = z;
  for (int bit = static_cast<int>(mp::msb(Integer(n))) - 1; bit >= 0; --bit) {
    power = times(power, power);
    if ((n >> bit) & 1U) power = times(power, z);
    if (size_above(power) > far) return far;
  }
  power.re -= one();
  return size_above(power) + power.error;
}

[[noreturn]] void faulty(std::uint64_t n, const std::string& why) {
  exhausted("the table of the " + std::to_string(n) + "-th roots of unity " + why + ": a fault of the checker's hint");
}

}  // namespace

RootTable verified_roots(std::uint64_t n, const RootHint& hint) {
  if (n == 0 || n > (std::uint64_t{1} << 20))
    exhausted("a grid of " + std::to_string(n) + " frequencies on one axis exceeds the limit of this checker");
  RootTable table;
  table.z = hint(n);
  if (table.z.size() != n) faulty(n, "has the wrong size");
  const auto complex_of = [&](std::uint64_t a) {
    constexpr std::int64_t limit = std::int64_t{1} << 61;
    const Root& root = table.z[a];
    if (root.re < -limit || root.re > limit || root.im < -limit || root.im > limit) faulty(n, "has an entry far outside the unit circle");
    return Complex{Integer(root.re) << (kBits - 60), Integer(root.im) << (kBits - 60), 0};
  };
  const Integer half = one() / 2;
  const Integer gap = 4 * one() / n;

  Complex previous = complex_of(0);
  Integer error = size_above({previous.re - one(), previous.im, 0});  // e_0
  Integer largest = error;
  if (n > 1) {
    const Complex first = complex_of(1);
    const Integer first_delta = distance_of_power(first, n);
    if (first_delta > half) faulty(n, "does not begin with such a root");
    const Integer first_error = ceiling_quotient(2 * first_delta, n);  // e_1
    for (std::uint64_t a = 1; a < n; ++a) {
      const Complex z = complex_of(a);
      const Complex next = times(first, previous);
      const Integer d = size_above({z.re - next.re, z.im - next.im, 0}) + next.error;
      error = d + error + ceiling_quotient(error * first_error, one()) + first_error;  // f_a
      const Integer delta = distance_of_power(z, n);
      const Integer nearest = ceiling_quotient(2 * delta, n);
      if (delta <= half && error + nearest < gap) error = std::min(error, nearest);
      if (size_below({z.re - one(), z.im, 0}) <= error) faulty(n, "belongs to no primitive root");
      largest = std::max(largest, error);
      previous = z;
    }
  }
  table.error = scaled(largest, -static_cast<std::int64_t>(kBits));
  return table;
}

}  // namespace lipverify
