// See numbers.hpp.
#include "verifier/base/numbers.hpp"

#include <bit>

#include "verifier/base/bytes.hpp"
#include "verifier/base/failure.hpp"

namespace lipverify {

namespace mp = boost::multiprecision;

UInt128 magnitude(Int128 value) { return value < 0 ? -static_cast<UInt128>(value) : static_cast<UInt128>(value); }

int bit_length(UInt128 value) {
  const auto high = static_cast<std::uint64_t>(value >> 64);
  return static_cast<int>(high != 0 ? 64 + std::bit_width(high) : std::bit_width(static_cast<std::uint64_t>(value)));
}

Integer integer_of(Int128 value) {
  const UInt128 size = magnitude(value);
  Integer result = static_cast<std::uint64_t>(size >> 64);
  result <<= 64;
  result += static_cast<std::uint64_t>(size);
  return value < 0 ? Integer(-result) : result;
}

Rational scaled(const Integer& mantissa, std::int64_t exponent) {
  if (exponent >= 0) return Rational(mantissa << static_cast<std::size_t>(exponent));
  return Rational(mantissa, Integer(1) << static_cast<std::size_t>(-exponent));
}

Rational rational_of(const Dyadic& value) { return scaled(Integer(value.mantissa), value.exponent); }

Rational square(const Rational& value) { return value * value; }

Integer sqrt_floor(const Integer& value) {
  if (value < 0) exhausted("square root of a negative number: a fault of the checker");
  const Integer root = mp::sqrt(value);
  if (root * root > value || (root + 1) * (root + 1) <= value) exhausted("integer square root failed: a fault of the library");
  return root;
}

Integer sqrt_ceiling(const Integer& value) {
  const Integer root = sqrt_floor(value);
  return root * root == value ? root : Integer(root + 1);
}

namespace {

/// Even shift k with value * 2^k of at least 256 bits, so that the integer square root has a relative error below 2^-100.
std::int64_t root_shift(const Rational& value) {
  const auto bits = static_cast<std::int64_t>(mp::msb(mp::numerator(value))) - static_cast<std::int64_t>(mp::msb(mp::denominator(value)));
  const std::int64_t shift = 256 - bits;
  return shift + (shift & 1);
}

/// floor(value * 2^shift)
Integer shifted_floor(const Rational& value, std::int64_t shift) {
  Integer n = mp::numerator(value);
  Integer d = mp::denominator(value);
  if (shift >= 0)
    n <<= static_cast<std::size_t>(shift);
  else
    d <<= static_cast<std::size_t>(-shift);
  Integer quotient = n / d;  // towards zero
  if (n < 0 && quotient * d != n) quotient -= 1;
  return quotient;
}

}  // namespace

Rational sqrt_above(const Rational& value) {
  if (value == 0) return Rational(0);
  const std::int64_t shift = root_shift(value);
  return scaled(sqrt_ceiling(-shifted_floor(-value, shift)), -shift / 2);
}

Rational sqrt_below(const Rational& value) {
  if (value == 0) return Rational(0);
  const std::int64_t shift = root_shift(value);
  return scaled(sqrt_floor(shifted_floor(value, shift)), -shift / 2);
}

namespace {

bool is_digit(char c) { return c >= '0' && c <= '9'; }

/// Number of decimal digits at the front of `text`.
std::size_t leading_digits(std::string_view text) {
  std::size_t n = 0;
  while (n < text.size() && is_digit(text[n])) ++n;
  return n;
}

Integer integer_of_digits(std::string_view digits) {
  const std::size_t first = digits.find_first_not_of('0');  // the library would read a leading zero as octal
  return first == std::string_view::npos ? Integer(0) : Integer(std::string(digits.substr(first)));
}

[[noreturn]] void malformed(std::string_view text, const std::string& kind, const std::string& place) {
  reject(place + ": '" + printable(text) + "' is not " + kind);
}

/// [+-]digits without leading zeros, of magnitude at most `limit`; advances past it.
std::int64_t small_exponent(std::string_view text, bool sign_needed, std::int64_t limit, bool& ok) {
  const bool sign = !text.empty() && (text[0] == '+' || text[0] == '-');
  const std::string_view digits = text.substr(sign ? 1 : 0);
  ok = (sign || !sign_needed) && !digits.empty() && digits.size() <= 5 && leading_digits(digits) == digits.size() &&
       (digits.size() == 1 || digits[0] != '0');
  if (!ok) return 0;
  std::int64_t value = 0;
  for (const char c : digits) value = 10 * value + (c - '0');
  ok = value <= limit && !(sign && text[0] == '-' && value == 0 && sign_needed);
  return sign && text[0] == '-' ? -value : value;
}

}  // namespace

Integer parse_integer(std::string_view text, std::size_t digits, const std::string& place) {
  const bool negative = !text.empty() && text[0] == '-';
  const std::string_view body = text.substr(negative ? 1 : 0);
  if (body.empty() || body.size() > digits || leading_digits(body) != body.size() || (body[0] == '0' && (body.size() > 1 || negative)))
    malformed(text, "a decimal integer without leading zeros of at most " + std::to_string(digits) + " digits", place);
  const Integer value = integer_of_digits(body);
  return negative ? Integer(-value) : value;
}

Rational parse_exact(std::string_view text, const std::string& place) {
  static const std::string kind = "the exact form of a rigorous number (canonical hexadecimal float of a finite binary64, or a fraction)";
  const bool negative = !text.empty() && text[0] == '-';
  std::string_view body = text.substr(negative ? 1 : 0);
  const std::size_t slash = body.find('/');
  if (slash != std::string_view::npos) {
    const Integer numerator = parse_integer(body.substr(0, slash), 1000, place);
    const Integer denominator = parse_integer(body.substr(slash + 1), 1000, place);
    if (numerator < 0 || denominator <= 0 || (negative && numerator == 0)) malformed(text, kind, place);
    return Rational(negative ? Integer(-numerator) : numerator, denominator);
  }
  if (body == "0x0p+0" && !negative) return Rational(0);
  if (body.size() < 5 || body.substr(0, 2) != "0x" || (body[2] != '0' && body[2] != '1')) malformed(text, kind, place);
  const bool subnormal = body[2] == '0';
  const std::size_t p = body.find('p');
  if (p == std::string_view::npos) malformed(text, kind, place);
  const std::string_view fraction = body.substr(3, p - 3);  // empty, or '.' and 1 to 13 digits, the last one not zero
  bool ok = fraction.empty() ? !subnormal : fraction[0] == '.' && fraction.size() >= 2 && fraction.size() <= 14 && fraction.back() != '0';
  std::int64_t mantissa = subnormal ? 0 : 1;
  for (std::size_t i = 1; ok && i < fraction.size(); ++i) {
    const char c = fraction[i];
    ok = is_digit(c) || (c >= 'a' && c <= 'f');
    mantissa = 16 * mantissa + (is_digit(c) ? c - '0' : c - 'a' + 10);
  }
  bool exponent_ok = false;
  const std::int64_t exponent = small_exponent(body.substr(p + 1), true, 1023, exponent_ok);
  if (!ok || !exponent_ok || exponent < -1022 || (subnormal && exponent != -1022)) malformed(text, kind, place);
  const std::int64_t digits = fraction.empty() ? 0 : static_cast<std::int64_t>(fraction.size()) - 1;
  return scaled(Integer(negative ? -mantissa : mantissa), exponent - 4 * digits);
}

Rational parse_decimal(std::string_view text, const std::string& place) {
  static const std::string kind = "a decimal number of at most 40 characters";
  const bool negative = !text.empty() && text[0] == '-';
  std::string_view rest = text.substr(negative ? 1 : 0);
  const std::size_t whole = leading_digits(rest);
  if (text.size() > 40 || whole == 0) malformed(text, kind, place);
  std::string digits(rest.substr(0, whole));
  rest.remove_prefix(whole);
  std::int64_t exponent = 0;
  if (!rest.empty() && rest[0] == '.') {
    const std::size_t part = leading_digits(rest.substr(1));
    if (part == 0) malformed(text, kind, place);
    digits += rest.substr(1, part);
    exponent = -static_cast<std::int64_t>(part);
    rest.remove_prefix(1 + part);
  }
  if (!rest.empty()) {
    bool ok = false;
    const std::int64_t power = rest[0] == 'e' ? small_exponent(rest.substr(1), false, 5000, ok) : 0;
    if (!ok) malformed(text, kind, place);
    exponent += power;
  }
  Integer value = integer_of_digits(digits);
  if (negative) value = -value;
  const Integer power = mp::pow(Integer(10), static_cast<unsigned>(exponent < 0 ? -exponent : exponent));
  return exponent < 0 ? Rational(value, power) : Rational(Integer(value * power));
}

std::string decimal_text(const Rational& value, Toward direction) {
  if (value == 0) return "0";
  const bool negative = value < 0;
  const Rational magnitude = negative ? Rational(-value) : value;
  const bool away = (direction == Toward::above) != negative;  // round the magnitude up
  // Decimal exponent from the binary one (log10 2 = 0.30103 to five places), then corrected.
  const auto bits =
      static_cast<std::int64_t>(mp::msb(mp::numerator(magnitude))) - static_cast<std::int64_t>(mp::msb(mp::denominator(magnitude)));
  std::int64_t exponent = bits * 30103 / 100000;
  const auto power = [](std::int64_t e) {
    const Integer p = mp::pow(Integer(10), static_cast<unsigned>(e < 0 ? -e : e));
    return e < 0 ? Rational(Integer(1), p) : Rational(p);
  };
  while (power(exponent) > magnitude) --exponent;
  while (power(exponent + 1) <= magnitude) ++exponent;
  constexpr std::int64_t places = 19;
  const Rational shifted = magnitude * power(places - 1 - exponent);
  Integer digits = mp::numerator(shifted) / mp::denominator(shifted);
  if (away && digits * mp::denominator(shifted) != mp::numerator(shifted)) digits += 1;
  std::string text = digits.str();
  exponent += static_cast<std::int64_t>(text.size()) - places;  // a carry adds a digit
  text.resize(static_cast<std::size_t>(places), '0');
  std::string out;
  if (exponent >= 0 && exponent < places) {
    out = text.substr(0, static_cast<std::size_t>(exponent) + 1) + "." + text.substr(static_cast<std::size_t>(exponent) + 1);
  } else if (exponent < 0 && exponent >= -5) {
    out = "0." + std::string(static_cast<std::size_t>(-exponent - 1), '0') + text;
  } else {
    out = text.substr(0, 1) + "." + text.substr(1);
  }
  while (out.back() == '0') out.pop_back();
  if (out.back() == '.') out.pop_back();
  if (exponent < -5 || exponent >= places) out += "e" + std::to_string(exponent);
  return (negative ? "-" : "") + out;
}

}  // namespace lipverify
