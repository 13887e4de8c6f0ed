// Independent arithmetic for the tests of certify/: exact rationals, and real numbers with 600 bits.
#pragma once

#include <boost/multiprecision/gmp.hpp>
#include <boost/multiprecision/mpfr.hpp>
#include <cmath>
#include <cstddef>
#include <random>
#include <vector>

namespace exact {

using Integer = boost::multiprecision::mpz_int;
using Rational = boost::multiprecision::mpq_rational;
/// 600 bits, round to nearest: errors of 1e-180 in the tests, where what is compared differs by 1e-16 at least.
using Real = boost::multiprecision::number<boost::multiprecision::mpfr_float_backend<180, boost::multiprecision::allocate_stack>,
                                           boost::multiprecision::et_off>;

/// The double as a rational, exactly.
inline Rational rational(double x) {
  int e = 0;
  const double f = std::frexp(x, &e);
  const auto mantissa = static_cast<long long>(std::ldexp(f, 53));
  e -= 53;
  Integer n = mantissa;
  Integer d = 1;
  if (e >= 0) {
    n <<= static_cast<unsigned>(e);
  } else {
    d <<= static_cast<unsigned>(-e);
  }
  return Rational(n, d);
}

inline Rational abs(const Rational& x) { return x < 0 ? Rational(-x) : x; }

/// |true - centre| <= radius, exactly.
inline bool contains(double centre, double radius, const Rational& truth) { return abs(truth - rational(centre)) <= rational(radius); }

/// Doubles that arithmetic finds hard: ordinary, graded, huge, tiny, subnormal, zero, one, powers of two, neighbours of powers of two.
class Hard {
 public:
  explicit Hard(std::uint64_t seed) : engine_(seed) {}
  double operator()() {
    const int kind = static_cast<int>(engine_() % 12);
    const double sign = engine_() % 2 == 0 ? 1 : -1;
    const double u = 1 + static_cast<double>(engine_() >> 12) * 0x1p-52;
    switch (kind) {
      case 0:
        return 0;
      case 1:
        return sign;
      case 2:
        return sign * std::ldexp(1.0, static_cast<int>(engine_() % 200) - 100);
      case 3:
        return sign * std::nextafter(std::ldexp(1.0, static_cast<int>(engine_() % 20) - 10), engine_() % 2 == 0 ? 0 : 1e300);
      case 4:
        return sign * std::ldexp(u, static_cast<int>(engine_() % 1000) - 500);
      case 5:
        return sign * std::ldexp(u, -1060);  // subnormal
      case 6:
        return sign * std::ldexp(u, static_cast<int>(engine_() % 60) - 1022);
      case 7:
        return static_cast<double>(static_cast<float>(sign * u));
      default:
        return sign * std::ldexp(u, static_cast<int>(engine_() % 8) - 4);
    }
  }
  std::mt19937_64& engine() { return engine_; }

 private:
  std::mt19937_64 engine_;
};

}  // namespace exact
