// Exact numbers: integers of any size, rationals, and the three spellings of a rigorous number in a certificate (formats/SPEC.md, section 2).
// All comparisons on which a verdict rests are made between these.
#pragma once

#include <boost/multiprecision/cpp_int.hpp>
#include <cstdint>
#include <string>
#include <string_view>

namespace lipverify {

using Integer = boost::multiprecision::number<boost::multiprecision::cpp_int_backend<>, boost::multiprecision::et_off>;
using Rational = boost::multiprecision::number<boost::multiprecision::rational_adaptor<boost::multiprecision::cpp_int_backend<>>,
                                               boost::multiprecision::et_off>;

__extension__ typedef __int128 Int128;
__extension__ typedef unsigned __int128 UInt128;

/// mantissa * 2^exponent, exactly.
struct Dyadic {
  std::int64_t mantissa = 0;
  std::int32_t exponent = 0;
};

[[nodiscard]] UInt128 magnitude(Int128 value);
[[nodiscard]] int bit_length(UInt128 value);
[[nodiscard]] Integer integer_of(Int128 value);
[[nodiscard]] Rational rational_of(const Dyadic& value);
[[nodiscard]] Rational scaled(const Integer& mantissa, std::int64_t exponent);  // mantissa * 2^exponent
[[nodiscard]] Rational square(const Rational& value);

/// Floor and ceiling of the square root of a nonnegative integer.
[[nodiscard]] Integer sqrt_floor(const Integer& value);
[[nodiscard]] Integer sqrt_ceiling(const Integer& value);
/// A number at least (at most) the square root of a nonnegative rational, within a factor 1 + 2^-100 (1 - 2^-100).
[[nodiscard]] Rational sqrt_above(const Rational& value);
[[nodiscard]] Rational sqrt_below(const Rational& value);

/// Decimal integer without leading zeros, with `-` in front when negative (`-0` is refused), at most `digits` digits.
[[nodiscard]] Integer parse_integer(std::string_view text, std::size_t digits, const std::string& place);

/// The exact form of a rigorous number: canonical hexadecimal float of a finite binary64, or a fraction n/d. Rejects anything else.
[[nodiscard]] Rational parse_exact(std::string_view text, const std::string& place);

/// The decimal beside it, taken exactly: [-]digits[.digits][e[+-]digits], at most 40 characters.
[[nodiscard]] Rational parse_decimal(std::string_view text, const std::string& place);

/// 19 significant decimal digits, rounded up or down: for people.
enum class Toward { above, below };
[[nodiscard]] std::string decimal_text(const Rational& value, Toward direction);

}  // namespace lipverify
