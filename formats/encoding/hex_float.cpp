// Exact text of doubles.
//
// The hexadecimal form is written from the bits, not by printf, so that it depends on neither the C library's taste nor the locale. The
// decimals come from MPFR's directed `mpfr_get_str`, which is correctly rounded: a double is loaded exactly (53 bits, and MPFR's exponent
// range contains that of subnormals), so the only rounding is the stated one.
#include "formats/encoding/hex_float.hpp"

#include <mpfr.h>

#include <bit>
#include <cmath>
#include <cstdint>
#include <memory>

#include "formats/encoding/error.hpp"

namespace lipcert {

namespace {

constexpr std::uint64_t fraction_mask = (std::uint64_t{1} << 52U) - 1;
constexpr int decimal_digits = 17;

void require_finite(double value) {
  if (!std::isfinite(value)) throw Error(ExitCode::internal, "A number that is not finite was to be written; no claim can hold one.");
}

Error not_canonical(const std::string& text) {
  return input_error("'" + text.substr(0, 60) +
                     "' is not a hexadecimal float in canonical form, such as 0x1.8p+1; write it as lipcert does.");
}

std::string decimal(double value, mpfr_rnd_t direction) {
  require_finite(value);
  if (value == 0) return "0";
  mpfr_t number;
  mpfr_init2(number, 53);
  mpfr_set_d(number, value, MPFR_RNDN);  // exact
  mpfr_exp_t point = 0;                  // value = 0.digits * 10^point
  const std::unique_ptr<char, void (*)(char*)> held(mpfr_get_str(nullptr, &point, 10, decimal_digits, number, direction), mpfr_free_str);
  mpfr_clear(number);
  if (!held) throw Error(ExitCode::internal, "MPFR could not write a number as a decimal.");
  std::string digits = held.get();
  std::string sign;
  if (digits.front() == '-') {
    sign = "-";
    digits.erase(0, 1);
  }
  digits.erase(digits.find_last_not_of('0') + 1);
  const auto count = static_cast<mpfr_exp_t>(digits.size());
  if (point > -4 && point <= 0) return sign + "0." + std::string(static_cast<std::size_t>(-point), '0') + digits;
  if (point > 0 && point <= decimal_digits) {
    if (count <= point) return sign + digits + std::string(static_cast<std::size_t>(point - count), '0');
    return sign + digits.substr(0, static_cast<std::size_t>(point)) + "." + digits.substr(static_cast<std::size_t>(point));
  }
  std::string text = sign + digits.substr(0, 1);
  if (count > 1) text += "." + digits.substr(1);
  const mpfr_exp_t exponent = point - 1;
  return text + "e" + (exponent < 0 ? "-" : "+") + std::to_string(exponent < 0 ? -exponent : exponent);
}

}  // namespace

std::string hex_float(double value) {
  require_finite(value);
  if (value == 0) return "0x0p+0";
  const auto bits = std::bit_cast<std::uint64_t>(value);
  const auto biased = static_cast<int>((bits >> 52U) & 0x7FFU);
  const bool subnormal = biased == 0;
  const int exponent = subnormal ? -1022 : biased - 1023;
  std::string mantissa;
  for (std::uint64_t rest = bits & fraction_mask; rest != 0; rest = (rest << 4U) & fraction_mask)
    mantissa.push_back("0123456789abcdef"[rest >> 48U]);
  std::string text = std::signbit(value) ? "-0x" : "0x";
  text += subnormal ? "0" : "1";
  if (!mantissa.empty()) text += "." + mantissa;
  return text + "p" + (exponent < 0 ? "-" : "+") + std::to_string(exponent < 0 ? -exponent : exponent);
}

double parse_hex_float(const std::string& text) {
  // The parser is the writer's inverse and nothing more: what it builds is written again and compared, so that no second spelling passes.
  std::size_t at = 0;
  const auto literal = [&](const char* expected) {
    const std::string word = expected;
    if (text.compare(at, word.size(), word) != 0) return false;
    at += word.size();
    return true;
  };
  if (text.size() > 32) throw not_canonical(text);
  const bool negative = literal("-");
  if (!literal("0x") || at >= text.size()) throw not_canonical(text);
  const char lead = text[at++];
  if (lead != '0' && lead != '1') throw not_canonical(text);
  std::uint64_t fraction = 0;
  if (literal(".")) {
    unsigned shift = 52;
    for (; at < text.size() && text[at] != 'p'; ++at) {
      const std::size_t digit = std::string("0123456789abcdef").find(text[at]);
      if (digit == std::string::npos || shift == 0) throw not_canonical(text);
      shift -= 4;
      fraction |= static_cast<std::uint64_t>(digit) << shift;
    }
  }
  if (!literal("p")) throw not_canonical(text);
  const bool below = literal("-");
  if (!below && !literal("+")) throw not_canonical(text);
  int exponent = 0;
  if (at >= text.size() || text.size() - at > 4) throw not_canonical(text);
  for (; at < text.size(); ++at) {
    if (text[at] < '0' || text[at] > '9') throw not_canonical(text);
    exponent = 10 * exponent + (text[at] - '0');
  }
  if (below) exponent = -exponent;
  std::uint64_t bits = fraction;
  if (lead == '1') {
    if (exponent < -1022 || exponent > 1023) throw not_canonical(text);
    bits |= static_cast<std::uint64_t>(exponent + 1023) << 52U;
  }
  if (negative) bits |= std::uint64_t{1} << 63U;
  const auto value = std::bit_cast<double>(bits);
  if (hex_float(value) != text) throw not_canonical(text);
  return value;
}

std::string decimal_up(double value) {
  return decimal(value, MPFR_RNDU);
}

std::string decimal_down(double value) {
  return decimal(value, MPFR_RNDD);
}

}  // namespace lipcert
