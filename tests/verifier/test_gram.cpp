// The integer kernel against arbitrary precision, over ranges that would overflow a careless one; all microkernels and thread counts agree.
#include <doctest/doctest.h>

#include <random>

#include "verifier/base/failure.hpp"
#include "verifier/base/gram.hpp"

using namespace lipverify;

namespace {

constexpr std::int64_t kMax = kEntryLimit - 1;

struct Matrix {
  std::size_t inner, columns;
  std::vector<std::int64_t> data;
  [[nodiscard]] IntegerView view() const { return {data.data(), inner, columns, columns, 1, false}; }
};

Matrix fill(std::size_t inner, std::size_t columns, unsigned kind, unsigned seed) {
  Matrix m{inner, columns, std::vector<std::int64_t>(inner * columns)};
  std::mt19937_64 random(seed);
  constexpr std::int64_t half = std::int64_t{1} << 25;
  constexpr std::int64_t edges[] = {half, half - 1, -half, -half - 1, half + 1, 3 * half, -3 * half, 2 * half, kMax, -kMax, kMax - half, 1, -1, 0};
  for (std::size_t i = 0; i < m.data.size(); ++i) {
    std::int64_t& x = m.data[i];
    switch (kind) {
      case 0: x = static_cast<std::int64_t>(random() % (2 * static_cast<std::uint64_t>(kMax) + 1)) - kMax; break;
      case 1: x = kMax; break;
      case 2: x = -kMax; break;
      case 3: x = i % 2 == 0 ? kMax : -kMax; break;
      case 4: x = (static_cast<std::int64_t>(random() % (1U << 27)) - (1 << 26)) * (2 * half) ; break;  // one slice only
      case 5: x = edges[random() % 14]; break;
      case 6: x = static_cast<std::int64_t>(random() % 7) - 3; break;
      default: x = random() % 5 == 0 ? kMax - static_cast<std::int64_t>(random() % 3) : 0;
    }
    if (x > kMax) x = kMax - kMax % (2 * half);
    if (x < -kMax) x = -(kMax - kMax % (2 * half));
  }
  return m;
}

Integer naive(const IntegerView& x, std::size_t i, const IntegerView& y, std::size_t j) {
  Integer sum = 0;
  for (std::size_t k = 0; k < x.inner; ++k) {
    if ((x.upper_triangular && k > i) || (y.upper_triangular && k > j)) continue;
    sum += Integer(x.data[k * x.inner_stride + i * x.column_stride]) * y.data[k * y.inner_stride + j * y.column_stride];
  }
  return sum;
}

void check_gram(const IntegerView& view, unsigned shift) {
  REQUIRE(gram_fits(view, shift));
  std::vector<SymmetricSum> results;
  for (const Kernel kernel : {Kernel::portable, Kernel::avx2, Kernel::avx512})
    for (const unsigned threads : {1U, 3U}) {
      if (!available(kernel)) continue;
      SymmetricSum sum(view.columns);
      for (std::size_t i = 0; i < view.columns; ++i) sum.at(i, i) = 12345;
      subtract_gram(sum, view, shift, {kernel, threads});
      results.push_back(std::move(sum));
    }
  std::mt19937 random(5);
  for (std::size_t i = 0; i < view.columns; ++i)
    for (std::size_t j = i; j < view.columns; ++j) {
      for (const SymmetricSum& other : results) REQUIRE(other.at(i, j) == results[0].at(i, j));
      if (view.columns > 20 && random() % 16 != 0 && i != j) continue;
      const Integer expected = (i == j ? Integer(12345) : Integer(0)) - naive(view, i, view, j) * (Integer(1) << shift);
      REQUIRE(integer_of(results[0].at(i, j)) == expected);
    }
}

}  // namespace

TEST_CASE("gram: all slices, extremes, odd sizes") {
  for (const std::size_t inner : {1U, 2U, 63U, 64U, 255U, 256U, 257U, 511U, 512U, 513U, 1025U})
    for (const std::size_t columns : {1U, 7U, 8U, 9U, 65U})
      for (unsigned kind = 0; kind < 8; ++kind) {
        if (inner * columns > 20000 && kind > 3) continue;
        CAPTURE(inner);
        CAPTURE(columns);
        CAPTURE(kind);
        check_gram(fill(inner, columns, kind, static_cast<unsigned>(inner + columns)).view(), 0);
      }
}

TEST_CASE("gram: several tiles, transposed views, triangular factors, shifts") {
  const Matrix m = fill(130, 150, 0, 3);
  check_gram(m.view(), 0);
  const IntegerView transposed{m.data.data(), 150, 130, 1, 150, false};
  check_gram(transposed, 0);
  Matrix r = fill(140, 140, 5, 4);
  IntegerView triangular = r.view();
  triangular.upper_triangular = true;
  check_gram(triangular, 0);
  for (std::int64_t& x : r.data) x >>= 30;
  check_gram(triangular, 60);
  Matrix large = fill(700, 70, 1, 6);  // 700 (2^52 - 1)^2 < 2^114
  check_gram(large.view(), 8);
}

TEST_CASE("gram: long columns of the largest entries, at the very limit") {
  // 2^18 (2^52 - 1)^2 is below 2^122, 2^18 + 1 of them are not.
  const std::size_t longest = std::size_t{1} << 18;
  const Matrix m = fill(longest, 2, 3, 1);  // columns are constant: +max and -max
  REQUIRE(gram_fits(m.view(), 0));
  CHECK_FALSE(gram_fits(m.view(), 1));
  SymmetricSum sum(2);
  subtract_gram(sum, m.view(), 0, Engine());
  const Integer square = Integer(kMax) * kMax * longest;
  CHECK(integer_of(sum.at(0, 0)) == -square);
  CHECK(integer_of(sum.at(0, 1)) == square);
  CHECK_FALSE(gram_fits(fill(longest + 1, 1, 1, 1).view(), 0));
  const std::int64_t too_big[] = {kEntryLimit};
  CHECK_FALSE(gram_fits({too_big, 1, 1, 1, 1, false}, 0));
  const std::int64_t too_small[] = {-kEntryLimit};
  CHECK_FALSE(gram_fits({too_small, 1, 1, 1, 1, false}, 0));
  const std::int64_t lowest[] = {INT64_MIN};
  CHECK_FALSE(gram_fits({lowest, 1, 1, 1, 1, false}, 0));
  const std::int64_t one[] = {1};
  CHECK(gram_fits({one, 1, 1, 1, 1, false}, 121));
  CHECK_FALSE(gram_fits({one, 1, 1, 1, 1, false}, 122));
  CHECK_FALSE(gram_fits({one, 1, 1, 1, 1, false}, 4000000000U));
}

TEST_CASE("multiply: X'Y against arbitrary precision") {
  for (unsigned kind = 0; kind < 8; ++kind) {
    const Matrix x = fill(600, 70, kind, kind);
    const Matrix y = fill(600, 9, (kind + 3) % 8, kind + 100);
    std::vector<std::vector<Int128>> results;
    for (const Kernel kernel : {Kernel::portable, Kernel::avx2, Kernel::avx512})
      if (available(kernel)) results.push_back(multiply(x.view(), y.view(), {kernel, 2}));
    for (const auto& other : results) REQUIRE(other == results[0]);
    for (std::size_t i = 0; i < 70; ++i)
      for (std::size_t j = 0; j < 9; ++j) REQUIRE(integer_of(results[0][i * 9 + j]) == naive(x.view(), i, y.view(), j));
  }
}

TEST_CASE("sizes are checked before memory is taken") {
  CHECK_THROWS_AS(SymmetricSum(std::size_t{1} << 40), Failure);
  CHECK_THROWS_AS(SymmetricSum(65000), Failure);
}
