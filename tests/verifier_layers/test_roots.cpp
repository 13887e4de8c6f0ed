// Tables of roots of unity: verified ones are what they say, false ones are refused.
#include <doctest/doctest.h>

#include <complex>
#include <numbers>
#include <numeric>

#include "tests/verifier_layers/norms_support.hpp"
#include "verifier/theorems/roots.hpp"
#include "verifier/base/failure.hpp"

using namespace lipverify;

namespace {

bool refused(std::uint64_t n, const std::vector<Root>& table) {
  try {
    (void)verified_roots(n, [&](std::uint64_t) { return table; });
  } catch (const Failure&) {
    return true;
  }
  return false;
}

constexpr std::int64_t kOne = std::int64_t{1} << 60;

}  // namespace

TEST_CASE("the tables of the hint are precise") {
  for (std::uint64_t n = 1; n <= 300; ++n) {
    const RootTable table = verified_roots(n, hints().roots);
    CHECK(table.z.size() == n);
    CHECK(table.error <= scaled(Integer(1), -57));
    for (std::uint64_t a = 0; a < n; ++a) {
      const std::complex<long double> truth =
          std::polar(1.0L, 2 * std::numbers::pi_v<long double> * static_cast<long double>(a) / static_cast<long double>(n));
      const std::complex<long double> z(static_cast<long double>(table.z[a].re) / kOne, static_cast<long double>(table.z[a].im) / kOne);
      CHECK(static_cast<double>(std::abs(z - truth)) < 1e-17);
    }
  }
  CHECK(verified_roots(5000, hints().roots).error <= scaled(Integer(1), -57));
}

TEST_CASE("the error is at least the distance from the powers of the root") {
  // Tables with noise: when one is accepted, every entry lies within the error of the true power, up to the precision of long double.
  norms_test::Random random(1);
  int accepted = 0;
  for (int k = 0; k < 400; ++k) {
    const auto n = static_cast<std::uint64_t>(norms_test::pick(random, 1, 40));
    std::vector<Root> table = hints().roots(n);
    const std::int64_t noise = std::int64_t{1} << norms_test::pick(random, 10, 59);
    for (Root& z : table) {
      if (norms_test::pick(random, 0, 2) == 0) z.re += norms_test::pick(random, -noise, noise);
      if (norms_test::pick(random, 0, 2) == 0) z.im += norms_test::pick(random, -noise, noise);
    }
    RootTable verified;
    try {
      verified = verified_roots(n, [&](std::uint64_t) { return table; });
    } catch (const Failure&) {
      continue;
    }
    ++accepted;
    for (std::uint64_t a = 0; a < n; ++a) {
      const std::complex<long double> truth =
          std::polar(1.0L, 2 * std::numbers::pi_v<long double> * static_cast<long double>(a) / static_cast<long double>(n));
      const std::complex<long double> z(static_cast<long double>(table[a].re) / kOne, static_cast<long double>(table[a].im) / kOne);
      CHECK(static_cast<double>(std::abs(z - truth)) <= norms_test::as_double(verified.error) + 1e-17);
    }
  }
  CHECK(accepted > 100);
}

TEST_CASE("false tables are refused") {
  for (const std::uint64_t n : std::vector<std::uint64_t>{2, 3, 4, 6, 9, 12, 16, 30}) {
    CAPTURE(n);
    const std::vector<Root> good = hints().roots(n);
    CHECK(!refused(n, good));
    CHECK(refused(n, std::vector<Root>(n, Root{kOne, 0})));  // all ones pass every condition but the last
    CHECK(refused(n, std::vector<Root>(n, Root{0, 0})));
    CHECK(refused(n, std::vector<Root>(n, Root{INT64_MAX, INT64_MIN})));
    CHECK(refused(n, std::vector<Root>(good.begin(), good.end() - 1)));
    CHECK(refused(n + 1, good));
    for (std::uint64_t step = 2; step < n; ++step) {  // the powers of zeta^step: primitive only when step and n have no common divisor
      std::vector<Root> table(n);
      for (std::uint64_t a = 0; a < n; ++a) table[a] = good[step * a % n];
      CHECK(refused(n, table) == (std::gcd(step, n) != 1));
    }
    std::vector<Root> swapped = good;
    std::swap(swapped[0], swapped[n - 1]);
    CHECK(refused(n, swapped));
    std::vector<Root> other = hints().roots(n + 1);  // roots of another number
    other.resize(n);
    CHECK(refused(n, other));
  }
  CHECK(refused(0, {}));
  CHECK(refused((std::uint64_t{1} << 20) + 1, {}));
}
