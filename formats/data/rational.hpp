// Exact fractions (GMP): what a decimal of a data file, a pixel or a scale on the command line means before anything is rounded.
#pragma once

#include <gmp.h>

#include <cstdint>
#include <string>

namespace lipcert {

class Rational {
 public:
  Rational();  // zero
  explicit Rational(std::int64_t value);
  Rational(const Rational& other);
  Rational(Rational&& other) noexcept;
  Rational& operator=(const Rational& other);
  Rational& operator=(Rational&& other) noexcept;
  ~Rational();

  /// The double itself, which must be finite.
  [[nodiscard]] static Rational exact(double value);
  /// A decimal as CSV files hold it (formats/SPEC.md, section 8); false when the text is not one, or is out of bounds.
  [[nodiscard]] static bool read_decimal(const std::string& text, Rational& value);
  /// A decimal or a fraction `n/d` with positive d, without spaces. Throws `Error` (usage); `what` names the source of the text.
  [[nodiscard]] static Rational parse(const std::string& text, const std::string& what);

  friend Rational operator+(const Rational& a, const Rational& b);
  friend Rational operator-(const Rational& a, const Rational& b);
  friend Rational operator*(const Rational& a, const Rational& b);
  /// Throws `Error` (internal) when b is zero.
  friend Rational operator/(const Rational& a, const Rational& b);
  friend bool operator==(const Rational& a, const Rational& b) { return mpq_equal(a.value_, b.value_) != 0; }
  friend bool operator<(const Rational& a, const Rational& b) { return mpq_cmp(a.value_, b.value_) < 0; }
  [[nodiscard]] int sign() const { return mpq_sgn(value_); }

  /// "numerator/denominator" in lowest terms, decimal integers.
  [[nodiscard]] std::string text() const;

  /// The largest double at or below, the smallest at or above; infinities where none is finite.
  [[nodiscard]] double rounded_down() const;
  [[nodiscard]] double rounded_up() const;

 private:
  mpq_t value_;
};

Rational operator+(const Rational& a, const Rational& b);
Rational operator-(const Rational& a, const Rational& b);
Rational operator*(const Rational& a, const Rational& b);
Rational operator/(const Rational& a, const Rational& b);

/// The canonical spelling of a decimal or fraction in a certificate: no plus sign, no needless zeros in front, a digit on both sides of the
/// point, small `e`. Same value as the text; throws like `Rational::parse`.
[[nodiscard]] std::string canonical_number(const std::string& text, const std::string& what);

}  // namespace lipcert
