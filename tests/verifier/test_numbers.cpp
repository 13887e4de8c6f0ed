// Spellings of numbers, strict JSON, base64: what a parser must refuse, and exact comparisons.
#include <doctest/doctest.h>

#include <cmath>
#include <random>

#include "tests/verifier/support.hpp"
#include "verifier/base/bytes.hpp"
#include "verifier/base/failure.hpp"
#include "verifier/base/json.hpp"
#include "verifier/base/numbers.hpp"

using namespace lipverify;
using verifier_test::hex_float;

TEST_CASE("exact numbers: every binary64 round-trips, every other spelling is refused") {
  std::mt19937_64 random(1);
  for (int k = 0; k < 2000; ++k) {
    std::uint64_t bits = random();
    if (k < 50) bits &= 0x800FFFFFFFFFFFFFU;  // subnormals
    double value;
    std::memcpy(&value, &bits, sizeof value);
    if (!std::isfinite(value)) continue;
    const Rational parsed = parse_exact(hex_float(value), "x");
    int exponent = 0;
    const double mantissa = std::frexp(value, &exponent);
    CHECK(parsed == scaled(Integer(static_cast<std::int64_t>(std::ldexp(mantissa, 53))), exponent - 53));
    CHECK(verifier_test::double_above(parsed) == value);
    CHECK(verifier_test::double_below(parsed) == value);
  }
  CHECK(parse_exact("0x1p+0", "x") == 1);
  CHECK(parse_exact("-0x1.8p+1", "x") == -3);
  CHECK(parse_exact("0x0p+0", "x") == 0);
  CHECK(parse_exact("0x0.0000000000001p-1022", "x") == scaled(Integer(1), -1074));
  CHECK(parse_exact("0x1.fffffffffffffp+1023", "x") == scaled((Integer(1) << 53) - 1, 971));
  CHECK(parse_exact("22/7", "x") == Rational(22, 7));
  CHECK(parse_exact("-1/3", "x") == Rational(-1, 3));
  for (const char* bad :
       {"", "1", "1.0", "0x1", "0x1p0", "0x1p+00", "0x1p+01", "0x1.0p+0", "0x1.8p-0", "0x1.80p+0", "0X1p+0", "0x1P+0", "0x2p+0", "0x1.p+0", "0x0p-0",
        "-0x0p+0", "+0x1p+0", " 0x1p+0", "0x1p+0 ", "0x1p+1024", "0x1p-1023", "0x0.8p-1021", "0x0p+1", "0x0.0p-1022", "0x1.00000000000001p+0",
        "0x1.8Ap+0", "nan", "inf", "-inf", "NaN", "0x1p+99999999", "1/0", "0/0", "1/-3", "01/3", "1/03", "-0/1", "1/", "/3", "1/2/3", "1e400", "0x1.gp+0"})
    CHECK_THROWS_AS((void)parse_exact(bad, "x"), Failure);
}

TEST_CASE("decimals: exact value, and nothing else is a decimal") {
  CHECK(parse_decimal("0", "x") == 0);
  CHECK(parse_decimal("-0.125", "x") == Rational(-1, 8));
  CHECK(parse_decimal("1.5e3", "x") == 1500);
  CHECK(parse_decimal("1e-3", "x") == Rational(1, 1000));
  CHECK(parse_decimal("010", "x") == 10);  // decimal, never octal
  CHECK(parse_decimal("123456789012345678901234567890", "x") == Rational(Integer("123456789012345678901234567890")));
  CHECK(parse_decimal("1e400", "x") == Rational(boost::multiprecision::pow(Integer(10), 400)));
  for (const char* bad : {"", "-", ".5", "5.", "1e", "1e+", "1e99999", "1e123456", "+1", "1,5", "0x10", "nan", "inf", "1 ", " 1", "1e1.5", "--1",
                          "12345678901234567890123456789012345678901"})
    CHECK_THROWS_AS((void)parse_decimal(bad, "x"), Failure);
}

TEST_CASE("decimal_text is outward and short of 19 digits only when exact") {
  std::mt19937_64 random(2);
  for (int k = 0; k < 3000; ++k) {
    const int exponent = static_cast<int>(random() % 700) - 350;
    Rational value = scaled(Integer(random() | 1U), exponent) / Integer(random() | 1U);
    if (k % 2 == 1) value = -value;
    const std::string above = decimal_text(value, Toward::above);
    const std::string below = decimal_text(value, Toward::below);
    CHECK(above.size() <= 40);
    CHECK(parse_decimal(above, "x") >= value);
    CHECK(parse_decimal(below, "x") <= value);
    const Rational width = parse_decimal(above, "x") - parse_decimal(below, "x");
    const Rational size = value < 0 ? Rational(-value) : value;
    CHECK(width <= size / boost::multiprecision::pow(Integer(10), 17));
  }
  CHECK(decimal_text(Rational(1), Toward::above) == "1");
  CHECK(decimal_text(Rational(1, 4), Toward::below) == "0.25");
  CHECK(decimal_text(Rational(Integer(999999999) * 1000000000 * 100 + 99, Integer(1)), Toward::above) == "9.99999999000000001e19");
  CHECK(decimal_text(Rational(boost::multiprecision::pow(Integer(10), 20) - 1), Toward::above) == "1e20");  // the carry adds a digit
  CHECK(decimal_text(Rational(boost::multiprecision::pow(Integer(10), 20) - 1), Toward::below) == "9.999999999999999999e19");
  CHECK(decimal_text(Rational(-1, 3), Toward::above) == "-0.3333333333333333333");
  CHECK(decimal_text(Rational(-1, 3), Toward::below) == "-0.3333333333333333334");
}

TEST_CASE("square roots enclose") {
  std::mt19937_64 random(3);
  for (int k = 0; k < 500; ++k) {
    const Rational value = scaled(Integer(random()), static_cast<int>(random() % 2000) - 1000) / Integer(random() | 1U);
    const Rational above = sqrt_above(value);
    const Rational below = sqrt_below(value);
    CHECK(above * above >= value);
    CHECK(below * below <= value);
    CHECK(above <= below * (1 + scaled(Integer(1), -99)));
  }
  CHECK(sqrt_above(Rational(9, 4)) == Rational(3, 2));
  CHECK(sqrt_below(Rational(9, 4)) == Rational(3, 2));
  CHECK(sqrt_above(Rational(0)) == 0);
  CHECK(sqrt_ceiling(Integer(10)) == 4);
  CHECK(sqrt_floor(Integer(15)) == 3);
}

TEST_CASE("integers: canonical decimal only") {
  CHECK(parse_integer("0", 40, "x") == 0);
  CHECK(parse_integer("-12", 40, "x") == -12);
  for (const char* bad : {"", "-", "-0", "00", "01", "-01", "+1", "1.0", "1e3", " 1", "0x1", "12345678901234567890123456789012345678901"})
    CHECK_THROWS_AS((void)parse_integer(bad, 40, "x"), Failure);
}

TEST_CASE("base64: both alphabets, strictly") {
  const std::string bytes("\xFB\xEF\xBE\x00\x7F\xFF", 6);
  CHECK(base64_encode(bytes) == "++++AH//");
  CHECK(base64_decode("++++AH//", "x") == bytes);
  CHECK(base64_decode("----AH__", "x") == bytes);
  CHECK(base64_decode("", "x").empty());
  CHECK(base64_decode("QQ==", "x") == "A");
  CHECK(base64_decode("QUI=", "x") == "AB");
  for (std::size_t n = 0; n < 40; ++n) CHECK(base64_decode(base64_encode(std::string(n, '\xA5')), "x") == std::string(n, '\xA5'));
  for (const char* bad : {"Q", "QQ", "QQ=", "QQQ", "QR==", "QUJ=", "QQ== ", " QQ==", "QQ==\n", "Q Q=", "QQ==QQ==", "=QQQ", "Q=QQ", "QQ=A", "====", "+_==", "-/AA", "QQ*="})
    CHECK_THROWS_AS((void)base64_decode(bad, "x"), Failure);
}

TEST_CASE("JSON: duplicate keys, byte order mark, floats, depth and size are refused") {
  CHECK(Json::parse(R"({"a":[1,-2,null,true,"x"]})", "x").member("a", "x").array("x").size() == 5);
  CHECK(Json::parse("9007199254740991", "x").integer("x") == 9007199254740991);
  CHECK(Json::parse("-9007199254740991", "x").integer("x") == -9007199254740991);
  const std::string deep(100000, '[');
  const std::string deep64 = std::string(64, '[') + std::string(64, ']');
  CHECK_NOTHROW((void)Json::parse(deep64, "x"));
  for (const std::string& bad :
       {std::string(R"({"a":1,"a":2})"), std::string(R"({"b":{"a":1,"a":1}})"), std::string("\xEF\xBB\xBF{}"), std::string("1.0"), std::string("1e0"), std::string("1e400"),
        std::string("-1e400"), std::string("NaN"), std::string("Infinity"), std::string("9007199254740992"), std::string("-9007199254740992"),
        std::string("18446744073709551616"), std::string("01"), std::string("+1"), std::string("1 2"), std::string("{}x"), std::string(""), std::string("[1,]"),
        std::string("{\"a\":1,}"), std::string("{a:1}"), std::string("'a'"), std::string("\"\xFF\""), std::string("\"\xED\xA0\x80\""), std::string("\"\n\""), std::string("/**/1"),
        std::string("\"\\ud800\""), std::string("[") + deep64 + "]", deep, deep + std::string(100000, ']'), std::string("nul"), std::string("1\0", 2), std::string("{}\0x", 4)})
    CHECK_THROWS_AS((void)Json::parse(bad, "x"), Failure);
  // The same key in two spellings is the same key.
  CHECK_THROWS_AS((void)Json::parse("{\"a\":1,\"\\u0061\":2}", "x"), Failure);
}

TEST_CASE("UTF-8 and names") {
  CHECK(is_utf8("\xC3\xA4\xF0\x9F\x98\x80"));
  for (const char* bad : {"\x80", "\xC0\xAF", "\xC1\x81", "\xE0\x80\x80", "\xED\xA0\x80", "\xF0\x80\x80\x80", "\xF4\x90\x80\x80", "\xF5\x80\x80\x80", "\xC3", "\xE2\x82"})
    CHECK_FALSE(is_utf8(bad));
  CHECK(is_name("dense/kernel:0"));
  CHECK_FALSE(is_name("a\nb"));
  CHECK_FALSE(is_name("\xC2\x85"));
  CHECK_FALSE(is_name(std::string(4097, 'a')));
  CHECK(printable("a\x1B[2Jb\xFF") == "a?[2Jb?");
}

TEST_CASE("times") {
  for (const char* good : {"2025-01-01T00:00:00Z", "2024-02-29T23:59:59Z", "2000-02-29T00:00:00Z"}) CHECK(is_time(good));
  for (const char* bad : {"2025-02-29T00:00:00Z", "1900-02-29T00:00:00Z", "2025-13-01T00:00:00Z", "2025-00-01T00:00:00Z", "2025-01-32T00:00:00Z", "2025-01-01T24:00:00Z",
                          "2025-01-01T00:60:00Z", "2025-01-01T00:00:60Z", "2025-01-01 00:00:00Z", "2025-01-01T00:00:00", "2025-01-01T00:00:00+00:00", "", "9999"})
    CHECK_FALSE(is_time(bad));
}
