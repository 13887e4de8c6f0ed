// Exact numbers of the front: what a certificate claims, as fractions, and weights, as dyadic numbers. The front is not trusted: whatever
// it gets wrong here, the proved checker sees other numbers or refuses.
#pragma once

#include <boost/multiprecision/cpp_int.hpp>
#include <string>

namespace lipcert::proofs {

using Integer = boost::multiprecision::cpp_int;

/// num / den with den > 0.
struct Fraction {
  Integer num = 0;
  Integer den = 1;
};

[[nodiscard]] inline Fraction operator*(const Fraction& a, const Fraction& b) {
  return {a.num * b.num, a.den * b.den};
}

/// b is not zero.
[[nodiscard]] inline Fraction operator/(const Fraction& a, const Fraction& b) {
  Fraction q{a.num * b.den, a.den * b.num};
  if (q.den < 0) {
    q.num = -q.num;
    q.den = -q.den;
  }
  return q;
}

/// A finite double, exactly.
[[nodiscard]] Fraction exact(double value);

/// A rigorous number's `exact` member (formats/SPEC.md, section 2): a hexadecimal float or a fraction. Throws `Error` (rejected).
[[nodiscard]] Fraction parse_rigorous(const std::string& text);

/// The same for an upper end together with its decimal, which people read: a decimal below the exact number is refused too.
[[nodiscard]] Fraction parse_upper(const std::string& text, const std::string& decimal);

/// floor(f * 2^s)
[[nodiscard]] Integer floor_scaled(const Fraction& f, int s);

/// Near f; for hints and for people.
[[nodiscard]] double approximate(const Fraction& f);

}  // namespace lipcert::proofs
