#include <doctest/doctest.h>

#include <cmath>
#include <limits>
#include <random>

#include "formats/data/rational.hpp"
#include "formats/encoding/error.hpp"

using namespace lipcert;

namespace {

Rational decimal(const std::string& text) {
  Rational value;
  REQUIRE(Rational::read_decimal(text, value));
  return value;
}

}  // namespace

TEST_CASE("decimals are exact") {
  CHECK(decimal("0.5") == Rational(1) / Rational(2));
  CHECK(decimal("-12.50e-1") == Rational(-5) / Rational(4));
  CHECK(decimal("+.5E1") == Rational(5));
  CHECK(decimal("5.") == Rational(5));
  CHECK(decimal("0.1") == Rational(1) / Rational(10));
  CHECK_FALSE(decimal("0.1") == Rational::exact(0.1));
  CHECK(decimal("1e400") == decimal("10e399"));
  CHECK(decimal("0.1000000000000000055511151231257827021181583404541015625") == Rational::exact(0.1));
  Rational value;
  for (const char* text : {"", "+", ".", "e5", "1e", "1e+", "1e401", "0x1", "1,5", "1 ", " 1", "nan", "inf", "--1", "1.2.3", "1/2"}) {
    INFO(text);
    CHECK_FALSE(Rational::read_decimal(text, value));
  }
  CHECK_FALSE(Rational::read_decimal(std::string(1101, '1'), value));
}

TEST_CASE("fractions and their canonical spelling") {
  CHECK(Rational::parse("1/255", "x") * Rational(255) == Rational(1));
  CHECK(Rational::parse("-2/4", "x") == decimal("-0.5"));
  CHECK(canonical_number("+007/050", "x") == "7/50");
  CHECK(canonical_number("+.50E+03", "x") == "0.50e3");
  CHECK(canonical_number("-00.0", "x") == "0.0");
  CHECK(canonical_number("12.", "x") == "12");
  CHECK(canonical_number("1e-5", "x") == "1e-5");
  for (const char* text : {"1/0", "1/-2", "/2", "1/", "1.5/2", "a", "", "1//2", "1/2/3"}) {
    INFO(text);
    CHECK_THROWS_AS((void)Rational::parse(text, "x"), Error);
  }
}

TEST_CASE("rounding encloses, with neighbouring doubles") {
  std::mt19937_64 random(7);
  for (int k = 0; k < 2000; ++k) {
    const auto numerator = static_cast<std::int64_t>(random() >> (random() % 60)) / 2 - 5;
    const auto denominator = static_cast<std::int64_t>(random() >> (1 + random() % 60)) + 1;
    const Rational value = Rational(numerator) / Rational(denominator);
    const double low = value.rounded_down();
    const double high = value.rounded_up();
    REQUIRE_FALSE(value < Rational::exact(low));
    REQUIRE_FALSE(Rational::exact(high) < value);
    if (low == high)
      REQUIRE(Rational::exact(low) == value);
    else
      REQUIRE(std::nextafter(low, std::numeric_limits<double>::infinity()) == high);
  }
  // Subnormal and overflowing numbers: where two roundings in different directions would lose the truth.
  const Rational tiny = decimal("1e-320") + decimal("1e-360");
  CHECK(Rational::exact(tiny.rounded_down()) < tiny);
  CHECK(tiny < Rational::exact(tiny.rounded_up()));
  CHECK(decimal("1e-400").rounded_down() == 0);
  CHECK(decimal("1e-400").rounded_up() == std::numeric_limits<double>::denorm_min());
  CHECK(decimal("-1e-400").rounded_down() == -std::numeric_limits<double>::denorm_min());
  CHECK(decimal("1e400").rounded_down() == std::numeric_limits<double>::max());
  CHECK(decimal("1e400").rounded_up() == std::numeric_limits<double>::infinity());
}
