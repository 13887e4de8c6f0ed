// Text of numbers: hexadecimal floats round-trip in one spelling, decimals are outward and within one unit of their last digit.
#include <doctest/doctest.h>
#include <mpfr.h>

#include <bit>
#include <cmath>
#include <cstdio>
#include <limits>
#include <random>
#include <string>
#include <vector>

#include "formats/encoding/error.hpp"
#include "formats/encoding/hex_float.hpp"

using namespace lipcert;

namespace {

// Sign of (decimal text) - value, by MPFR at a precision where the text of at most 40 characters is compared without doubt: the text is
// read with both directed roundings at 2000 bits, and the two must agree on the sign unless they are equal to the value.
int compare(const std::string& text, double value) {
  mpfr_t low, high;
  mpfr_init2(low, 4000);
  mpfr_init2(high, 4000);
  REQUIRE(mpfr_set_str(low, text.c_str(), 10, MPFR_RNDD) == 0);
  REQUIRE(mpfr_set_str(high, text.c_str(), 10, MPFR_RNDU) == 0);
  const int below = mpfr_cmp_d(low, value);
  const int above = mpfr_cmp_d(high, value);
  mpfr_clear(low);
  mpfr_clear(high);
  REQUIRE(below == above);
  return below > 0 ? 1 : (below < 0 ? -1 : 0);
}

// |text - value| / |value|, rounded up from 4000 bits.
double relative_distance(const std::string& text, double value) {
  if (value == 0) return text == "0" ? 0 : 1;
  mpfr_t difference;
  mpfr_init2(difference, 4000);
  mpfr_set_str(difference, text.c_str(), 10, MPFR_RNDN);
  mpfr_sub_d(difference, difference, value, MPFR_RNDN);
  mpfr_div_d(difference, difference, value, MPFR_RNDN);
  const double distance = std::abs(mpfr_get_d(difference, MPFR_RNDA));
  mpfr_clear(difference);
  return distance;
}

std::vector<double> samples() {
  std::vector<double> values = {0.0,
                                -0.0,
                                1.0,
                                -1.0,
                                0.5,
                                2.0,
                                0.1,
                                -0.1,
                                1.0 / 3,
                                1e-300,
                                1e300,
                                1e17,
                                1e16,
                                123456789012345678.0,
                                0.001,
                                0.0001,
                                0.00001,
                                4.9e-324,
                                -4.9e-324,
                                std::numeric_limits<double>::max(),
                                std::numeric_limits<double>::lowest(),
                                std::numeric_limits<double>::min(),
                                std::nextafter(std::numeric_limits<double>::min(), 0.0),
                                125.248190648,
                                9.5,
                                99999999999999999.0};
  std::mt19937_64 random(7);
  for (int k = 0; k < 20000; ++k) {
    const auto value = std::bit_cast<double>(random());
    if (std::isfinite(value)) values.push_back(value);
  }
  for (int k = 0; k < 2000; ++k) values.push_back(std::ldexp(static_cast<double>(random() >> 11U), -53));
  return values;
}

}  // namespace

TEST_CASE("hex floats: known spellings") {
  CHECK(hex_float(1.0) == "0x1p+0");
  CHECK(hex_float(-3.0) == "-0x1.8p+1");
  CHECK(hex_float(0.0) == "0x0p+0");
  CHECK(hex_float(-0.0) == "0x0p+0");
  CHECK(hex_float(0.1) == "0x1.999999999999ap-4");
  CHECK(hex_float(3.141592653589793) == "0x1.921fb54442d18p+1");
  CHECK(hex_float(4.9406564584124654e-324) == "0x0.0000000000001p-1022");
  CHECK(hex_float(std::numeric_limits<double>::min() / 2) == "0x0.8p-1022");
  CHECK(hex_float(std::numeric_limits<double>::max()) == "0x1.fffffffffffffp+1023");
}

TEST_CASE("hex floats: the C library reads back the same bits, and so do we") {
  for (const double value : samples()) {
    const std::string text = hex_float(value);
    const double expected = value == 0 ? 0.0 : value;  // both zeros are written alike
    double scanned = 0;
    REQUIRE(std::sscanf(text.c_str(), "%la", &scanned) == 1);
    CHECK(std::bit_cast<std::uint64_t>(scanned) == std::bit_cast<std::uint64_t>(expected));
    CHECK(std::bit_cast<std::uint64_t>(parse_hex_float(text)) == std::bit_cast<std::uint64_t>(expected));
    if (value != 0) {
      char printed[64];
      std::snprintf(printed, sizeof printed, "%a", value);
      CHECK(text == printed);
    }
  }
}

TEST_CASE("hex floats: every other spelling is refused") {
  for (const char* text : {"",
                           "-",
                           "0x",
                           "1",
                           "1.0",
                           "0x1",
                           "0x1p",
                           "0x1p+",
                           "0x1p0",
                           "0x1p-0",
                           "0x1p+00",
                           "0x1p+01",
                           "0x1.p+0",
                           "0x1.80p+0",
                           "0x1.0p+0",
                           "0x1.8P+0",
                           "0X1p+0",
                           "0x1.Ap+0",
                           " 0x1p+0",
                           "0x1p+0 ",
                           "+0x1p+0",
                           "0x2p+0",
                           "0x0p+1",
                           "-0x0p+0",
                           "0x0.8p-1021",
                           "0x0.8p+0",
                           "0x0p-1022",
                           "0x0.80p-1022",
                           "0x1p+1024",
                           "0x1p-1023",
                           "0x1.00000000000001p+0",
                           "0x1.fffffffffffff8p+0",
                           "nan",
                           "inf",
                           "-inf",
                           "0x1p+99999999999",
                           "0x1.8p+1\n",
                           "0x1.8.8p+1",
                           "--0x1p+0"}) {
    INFO(text);
    CHECK_THROWS_AS(static_cast<void>(parse_hex_float(text)), Error);
  }
  CHECK_THROWS_AS(static_cast<void>(parse_hex_float(std::string("0x1p+0\0", 7))), Error);
}

TEST_CASE("decimals: known values") {
  CHECK(decimal_up(0.0) == "0");
  CHECK(decimal_down(-0.0) == "0");
  CHECK(decimal_up(1.0) == "1");
  CHECK(decimal_down(1.0) == "1");
  CHECK(decimal_up(-0.5) == "-0.5");
  CHECK(decimal_up(1e17) == "1e+17");
  CHECK(decimal_up(1e16) == "10000000000000000");
  CHECK(decimal_up(0.1) == "0.10000000000000001");
  CHECK(decimal_down(0.1) == "0.1");
  CHECK(decimal_up(-0.1) == "-0.1");
  CHECK(decimal_down(-0.1) == "-0.10000000000000001");
  CHECK(decimal_up(1e-5) == "1.0000000000000001e-5");
  CHECK(decimal_up(0.0001) == "0.00010000000000000001");
  CHECK(decimal_up(std::ldexp(1.0, -1074)) == "4.9406564584124655e-324");
  CHECK(decimal_down(std::ldexp(1.0, -1074)) == "4.9406564584124654e-324");
}

TEST_CASE("decimals: outward, short and tight") {
  for (const double value : samples()) {
    const std::string up = decimal_up(value);
    const std::string down = decimal_down(value);
    CHECK(up.size() <= 40);
    CHECK(down.size() <= 40);
    CHECK(compare(up, value) >= 0);
    CHECK(compare(down, value) <= 0);
    CHECK(relative_distance(up, value) < 1e-16);  // one unit of the 17th digit is at most 10^-16 of the number
    CHECK(relative_distance(down, value) < 1e-16);
    CHECK((compare(up, value) > 0) == (compare(down, value) < 0));
  }
}

TEST_CASE("what is not finite is never written") {
  for (const double value : {std::numeric_limits<double>::infinity(), -std::numeric_limits<double>::infinity(), std::nan("")}) {
    CHECK_THROWS_AS(static_cast<void>(hex_float(value)), Error);
    CHECK_THROWS_AS(static_cast<void>(decimal_up(value)), Error);
    CHECK_THROWS_AS(static_cast<void>(decimal_down(value)), Error);
  }
}
