#include "formats/data/rational.hpp"

#include <mpfr.h>

#include <algorithm>

#include "formats/encoding/error.hpp"

namespace lipcert {

namespace {

constexpr std::size_t longest_text = 1100;  // exact decimals of all doubles have at most 1077 characters
constexpr long largest_exponent = 400;

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

/// The parts of `[+-][digits][.digits][e[+-]digits]`, with at least one digit before the exponent.
struct DecimalParts {
  bool negative = false;
  std::string whole;
  std::string fraction;
  long exponent = 0;
};

bool split_decimal(const std::string& text, DecimalParts& parts) {
  if (text.size() > longest_text) return false;
  std::size_t i = 0;
  if (i < text.size() && (text[i] == '+' || text[i] == '-')) parts.negative = text[i++] == '-';
  while (i < text.size() && is_digit(text[i])) parts.whole += text[i++];
  if (i < text.size() && text[i] == '.') {
    ++i;
    while (i < text.size() && is_digit(text[i])) parts.fraction += text[i++];
  }
  if (parts.whole.empty() && parts.fraction.empty()) return false;
  if (i < text.size() && (text[i] == 'e' || text[i] == 'E')) {
    ++i;
    bool negative = false;
    if (i < text.size() && (text[i] == '+' || text[i] == '-')) negative = text[i++] == '-';
    const std::size_t start = i;
    while (i < text.size() && is_digit(text[i])) {
      parts.exponent = std::min(parts.exponent * 10 + (text[i++] - '0'), largest_exponent + 1);
    }
    if (i == start || parts.exponent > largest_exponent) return false;
    if (negative) parts.exponent = -parts.exponent;
  }
  return i == text.size();
}

Error not_a_number(const std::string& text, const std::string& what) {
  return {ExitCode::usage, what + ": '" + text.substr(0, 60) + "' is no decimal and no fraction; write something like 0.5 or 1/255."};
}

bool split_fraction(const std::string& text, std::string& numerator, std::string& denominator) {
  const std::size_t slash = text.find('/');
  if (slash == std::string::npos || text.size() > longest_text) return false;
  numerator = text.substr(0, slash);
  denominator = text.substr(slash + 1);
  const std::size_t start = !numerator.empty() && (numerator[0] == '-' || numerator[0] == '+') ? 1 : 0;
  return numerator.size() > start && !denominator.empty() &&
         std::all_of(numerator.begin() + static_cast<std::ptrdiff_t>(start), numerator.end(), is_digit) &&
         std::all_of(denominator.begin(), denominator.end(), is_digit) && denominator.find_first_not_of('0') != std::string::npos;
}

std::string without_leading_zeros(const std::string& digits) {
  const std::size_t first = digits.find_first_not_of('0');
  return first == std::string::npos ? "0" : digits.substr(first);
}

double rounded(mpq_srcptr value, mpfr_rnd_t direction) {
  // MPFR's exponent range is far wider than a double's, so that the 53 bits are right; mpfr_get_d then rounds subnormals and overflow in
  // the same direction, and two roundings in one direction are one.
  mpfr_t number;
  mpfr_init2(number, 53);
  mpfr_set_q(number, value, direction);
  const double result = mpfr_get_d(number, direction);
  mpfr_clear(number);
  return result;
}

}  // namespace

Rational::Rational() {
  mpq_init(value_);
}
Rational::Rational(std::int64_t value) {
  static_assert(sizeof(long) == sizeof(std::int64_t));
  mpq_init(value_);
  mpq_set_si(value_, value, 1);
}
Rational::Rational(const Rational& other) {
  mpq_init(value_);
  mpq_set(value_, other.value_);
}
Rational::Rational(Rational&& other) noexcept {
  mpq_init(value_);
  mpq_swap(value_, other.value_);
}
Rational& Rational::operator=(const Rational& other) {
  mpq_set(value_, other.value_);
  return *this;
}
Rational& Rational::operator=(Rational&& other) noexcept {
  mpq_swap(value_, other.value_);
  return *this;
}
Rational::~Rational() {
  mpq_clear(value_);
}

Rational Rational::exact(double value) {
  Rational result;
  mpq_set_d(result.value_, value);
  return result;
}

bool Rational::read_decimal(const std::string& text, Rational& value) {
  DecimalParts parts;
  if (!split_decimal(text, parts)) return false;
  const std::string digits = parts.whole + parts.fraction;
  const long exponent = parts.exponent - static_cast<long>(parts.fraction.size());
  if (mpz_set_str(mpq_numref(value.value_), digits.c_str(), 10) != 0) return false;
  mpz_set_ui(mpq_denref(value.value_), 1);
  if (exponent > 0) {
    mpz_ui_pow_ui(mpq_denref(value.value_), 10, static_cast<unsigned long>(exponent));
    mpz_mul(mpq_numref(value.value_), mpq_numref(value.value_), mpq_denref(value.value_));
    mpz_set_ui(mpq_denref(value.value_), 1);
  } else if (exponent < 0) {
    mpz_ui_pow_ui(mpq_denref(value.value_), 10, static_cast<unsigned long>(-exponent));
    mpq_canonicalize(value.value_);
  }
  if (parts.negative) mpq_neg(value.value_, value.value_);
  return true;
}

Rational Rational::parse(const std::string& text, const std::string& what) {
  Rational result;
  std::string numerator;
  std::string denominator;
  if (split_fraction(text, numerator, denominator)) {
    if (numerator[0] == '+') numerator.erase(0, 1);
    if (mpz_set_str(mpq_numref(result.value_), numerator.c_str(), 10) != 0 ||
        mpz_set_str(mpq_denref(result.value_), denominator.c_str(), 10) != 0)
      throw not_a_number(text, what);
    mpq_canonicalize(result.value_);
  } else if (!read_decimal(text, result)) {
    throw not_a_number(text, what);
  }
  return result;
}

Rational operator+(const Rational& a, const Rational& b) {
  Rational result;
  mpq_add(result.value_, a.value_, b.value_);
  return result;
}
Rational operator-(const Rational& a, const Rational& b) {
  Rational result;
  mpq_sub(result.value_, a.value_, b.value_);
  return result;
}
Rational operator*(const Rational& a, const Rational& b) {
  Rational result;
  mpq_mul(result.value_, a.value_, b.value_);
  return result;
}
Rational operator/(const Rational& a, const Rational& b) {
  if (b.sign() == 0) throw Error(ExitCode::internal, "A fraction was divided by zero.");
  Rational result;
  mpq_div(result.value_, a.value_, b.value_);
  return result;
}

std::string Rational::text() const {
  const auto decimal = [](mpz_srcptr z) {
    std::string digits(mpz_sizeinbase(z, 10) + 2, '\0');
    mpz_get_str(digits.data(), 10, z);
    digits.resize(digits.find('\0'));
    return digits;
  };
  return decimal(mpq_numref(value_)) + "/" + decimal(mpq_denref(value_));
}

double Rational::rounded_down() const {
  return rounded(value_, MPFR_RNDD);
}
double Rational::rounded_up() const {
  return rounded(value_, MPFR_RNDU);
}

std::string canonical_number(const std::string& text, const std::string& what) {
  const Rational value = Rational::parse(text, what);
  const std::string sign = value.sign() < 0 ? "-" : "";
  std::string numerator;
  std::string denominator;
  if (split_fraction(text, numerator, denominator)) {
    if (numerator[0] == '+' || numerator[0] == '-') numerator.erase(0, 1);
    return sign + without_leading_zeros(numerator) + "/" + without_leading_zeros(denominator);
  }
  DecimalParts parts;
  if (!split_decimal(text, parts)) throw not_a_number(text, what);
  std::string result = sign + without_leading_zeros(parts.whole);
  if (!parts.fraction.empty()) result += "." + parts.fraction;
  if (parts.exponent != 0) result += "e" + std::to_string(parts.exponent);
  return result;
}

}  // namespace lipcert
