// Exact values of tensors, sizes and names of the graph's parts.
#include <doctest/doctest.h>

#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>
#include <vector>

#include "formats/encoding/error.hpp"
#include "formats/network/network.hpp"

using namespace lipcert;

namespace {

Tensor of_words(ElementType type, const std::vector<std::uint64_t>& words) {
  Tensor tensor;
  tensor.type = type;
  tensor.shape = {words.size()};
  for (const std::uint64_t word : words)
    for (std::size_t k = 0; k < byte_size(type); ++k) tensor.bits.push_back(static_cast<unsigned char>(word >> (8 * k)));
  return tensor;
}

// The value of a small binary format by its definition, (-1)^s 2^(e - bias) (1 + f 2^-p): another formula than the one under test.
double by_definition(std::uint64_t word, int exponent_bits, int fraction_bits) {
  const int bias = (1 << (exponent_bits - 1)) - 1;
  const int exponent = static_cast<int>(word >> fraction_bits) & ((1 << exponent_bits) - 1);
  const auto fraction = static_cast<double>(word & ((1U << fraction_bits) - 1U));
  const double sign = (word >> (exponent_bits + fraction_bits)) != 0 ? -1 : 1;
  if (exponent == (1 << exponent_bits) - 1) return fraction == 0 ? sign * std::numeric_limits<double>::infinity() : std::nan("");
  if (exponent == 0) return sign * fraction * std::pow(2.0, 1 - bias - fraction_bits);
  return sign * (1 + fraction * std::pow(2.0, -fraction_bits)) * std::pow(2.0, exponent - bias);
}

}  // namespace

TEST_CASE("tensors: all 65536 half and bfloat16 numbers") {
  std::vector<std::uint64_t> words(65536);
  for (std::size_t k = 0; k < words.size(); ++k) words[k] = k;
  for (const auto& [type, exponent, fraction] : {std::tuple{ElementType::float16, 5, 10}, std::tuple{ElementType::bfloat16, 8, 7}}) {
    const Tensor tensor = of_words(type, words);
    for (std::uint64_t k = 0; k < words.size(); ++k) {
      const double expected = by_definition(k, exponent, fraction);
      const double value = tensor.real(k);
      const bool same =
          std::isnan(expected) ? std::isnan(value) : std::bit_cast<std::uint64_t>(expected) == std::bit_cast<std::uint64_t>(value);
      if (!same) FAIL("half-precision number ", k, " is read as ", value, " instead of ", expected);
    }
  }
}

TEST_CASE("tensors: float, double and integers") {
  const Tensor floats = of_words(ElementType::float32, {0x3F800000, 0x00000001, 0x80000000, 0x7F7FFFFF, 0xBE99999A});
  CHECK(floats.real(0) == 1.0);
  CHECK(floats.real(1) == std::ldexp(1.0, -149));
  CHECK(std::signbit(floats.real(2)));
  CHECK(floats.real(3) == static_cast<double>(std::numeric_limits<float>::max()));
  CHECK(floats.real(4) == static_cast<double>(-0.3F));
  const Tensor doubles = of_words(ElementType::float64, {std::bit_cast<std::uint64_t>(0.1), 1});
  CHECK(doubles.real(0) == 0.1);
  CHECK(doubles.real(1) == std::ldexp(1.0, -1074));
  CHECK(of_words(ElementType::int32, {0xFFFFFFFF}).integer(0) == -1);
  CHECK(of_words(ElementType::int32, {0x80000000}).integer(0) == -2147483648LL);
  CHECK(of_words(ElementType::int64, {0x8000000000000000}).integer(0) == std::numeric_limits<std::int64_t>::min());
  CHECK(of_words(ElementType::boolean, {1}).integer(0) == 1);
}

TEST_CASE("tensors: reading past the end or as another kind is a defect, not a number") {
  const Tensor floats = of_words(ElementType::float32, {0x3F800000});
  const Tensor integers = of_words(ElementType::int64, {7});
  CHECK_THROWS_AS(static_cast<void>(floats.real(1)), Error);
  CHECK_THROWS_AS(static_cast<void>(floats.integer(0)), Error);
  CHECK_THROWS_AS(static_cast<void>(integers.integer(1)), Error);
  CHECK_THROWS_AS(static_cast<void>(integers.real(0)), Error);
  CHECK_THROWS_AS(static_cast<void>(element_count({1ULL << 32U, 1ULL << 32U})), Error);
  CHECK(element_count({}) == 1);
  CHECK(element_count({3, 4, 5}) == 60);
}
