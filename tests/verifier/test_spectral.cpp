// Theorem dense-gram-psd: the bound is never below the norm, whatever the hint and the evidence, and tight when they are good.
#include <doctest/doctest.h>

#include <cmath>
#include <limits>
#include <random>

#include "tests/verifier/support.hpp"
#include "verifier/hint/cholesky.hpp"
#include "verifier/base/failure.hpp"
#include "verifier/theorems/spectral.hpp"

using namespace lipverify;

namespace {

Dyadic dyadic(double value) {
  int exponent = 0;
  const double mantissa = std::frexp(value, &exponent);
  return value == 0 ? Dyadic{} : Dyadic{static_cast<std::int64_t>(std::ldexp(mantissa, 53)), exponent - 53};
}

template <typename Entry>
EnclosedMatrix matrix(std::size_t rows, std::size_t columns, const Entry& entry) {
  EnclosedMatrix out{rows, columns, {}, Rational(0)};
  for (std::size_t i = 0; i < rows; ++i)
    for (std::size_t j = 0; j < columns; ++j) out.centre.push_back(dyadic(entry(i, j)));
  return out;
}

/// The largest ||A v||^2 / ||v||^2 over a few integer vectors, exactly: an independent lower bound of the squared norm.
Rational squared_lower_bound(const EnclosedMatrix& a) {
  std::mt19937 random(9);
  Rational best = 0;
  std::vector<double> v(a.columns);
  for (double& x : v) x = static_cast<double>(random() % 2001) - 1000;
  double scale = 0;
  for (const Dyadic& entry : a.centre) scale = std::max(scale, std::fabs(std::ldexp(static_cast<double>(entry.mantissa), entry.exponent)));
  int top = 0;
  std::frexp(scale, &top);
  for (int step = 0; step < 60; ++step) {  // power iteration in floating point, evaluated exactly at the end
    std::vector<double> w(a.rows, 0);
    std::vector<double> next(a.columns, 0);
    const auto at = [&](std::size_t i, std::size_t j) {
      const Dyadic& e = a.centre[i * a.columns + j];
      return std::ldexp(static_cast<double>(e.mantissa), e.exponent - top);
    };
    for (std::size_t i = 0; i < a.rows; ++i)
      for (std::size_t j = 0; j < a.columns; ++j) w[i] += at(i, j) * v[j];
    for (std::size_t i = 0; i < a.rows; ++i)
      for (std::size_t j = 0; j < a.columns; ++j) next[j] += at(i, j) * w[i];
    double largest = 0;
    for (const double x : next) largest = std::max(largest, std::fabs(x));
    if (largest == 0) break;
    for (std::size_t j = 0; j < a.columns; ++j) v[j] = std::nearbyint(next[j] / largest * 1e9);
  }
  Rational norm = 0;
  for (const double x : v) norm += square(rational_of(dyadic(x)));
  if (norm == 0) return best;
  for (std::size_t i = 0; i < a.rows; ++i) {
    Rational sum = 0;
    for (std::size_t j = 0; j < a.columns; ++j)
      if (a.centre[i * a.columns + j].mantissa != 0) sum += rational_of(a.centre[i * a.columns + j]) * rational_of(dyadic(v[j]));
    best += sum * sum;
  }
  return best / norm;
}

Rational bound_of(const EnclosedMatrix& a, const GramEvidence& evidence) { return gram_psd_bound(a, evidence, cholesky_hint, Engine()); }

double ratio(const Rational& x, const Rational& y) { return verifier_test::double_above(x / y); }

}  // namespace

TEST_CASE("known norms: bound >= truth, and tight") {
  std::mt19937_64 random(4);
  std::normal_distribution<double> normal;
  const auto sign = [](std::size_t i, std::size_t j) { return __builtin_popcountll(i & j) % 2 == 0 ? 1.0 : -1.0; };
  std::vector<double> u(30);
  std::vector<double> v(20);
  double uu = 0;
  double vv = 0;
  for (double& x : u) {
    x = std::nearbyint(normal(random) * 100);
    uu += x * x;
  }
  for (double& x : v) {
    x = std::nearbyint(normal(random) * 100);
    vv += x * x;
  }
  struct Known {
    const char* name;
    EnclosedMatrix a;
    Rational squared;
  };
  const double tiny = std::numeric_limits<double>::denorm_min();
  const double huge = std::numeric_limits<double>::max();
  const std::vector<Known> all = {
      {"identity 64", matrix(64, 64, [](auto i, auto j) { return i == j ? 1.0 : 0.0; }), 1},
      {"diag(10, 1)", matrix(2, 2, [](auto i, auto j) { return i != j ? 0.0 : i == 0 ? 10.0 : 1.0; }), 100},
      {"diag(100, 99)", matrix(2, 2, [](auto i, auto j) { return i != j ? 0.0 : i == 0 ? 100.0 : 99.0; }), 10000},
      {"permutation", matrix(50, 50, [](auto i, auto j) { return (i * 7) % 50 == j ? 1.0 : 0.0; }), 1},
      {"Hadamard 64", matrix(64, 64, sign), 64},
      {"all ones 20 x 30", matrix(20, 30, [](auto, auto) { return 1.0; }), 600},
      {"all ones 130 x 3", matrix(130, 3, [](auto, auto) { return 1.0; }), 390},
      {"rank one", matrix(30, 20, [&](auto i, auto j) { return u[i] * v[j]; }), Rational(static_cast<std::int64_t>(uu)) * static_cast<std::int64_t>(vv)},
      {"1 x 1, 1e-13", matrix(1, 1, [](auto, auto) { return 1e-13; }), square(rational_of(dyadic(1e-13)))},
      {"1 x 1, 1e-20", matrix(1, 1, [](auto, auto) { return 1e-20; }), square(rational_of(dyadic(1e-20)))},
      {"1 x 1, 1e10", matrix(1, 1, [](auto, auto) { return 1e10; }), square(rational_of(dyadic(1e10)))},
      {"smallest subnormal", matrix(3, 3, [&](auto i, auto j) { return i == 1 && j == 2 ? tiny : 0.0; }), square(rational_of(dyadic(tiny)))},
      {"largest number", matrix(2, 2, [&](auto i, auto j) { return i == j ? huge : 0.0; }), square(rational_of(dyadic(huge)))},
      {"2^-500 identity", matrix(5, 5, [](auto i, auto j) { return i == j ? 0x1p-500 : 0.0; }), scaled(Integer(1), -1000)},
      {"shear [[1,1],[0,1]]", matrix(2, 2, [](auto i, auto j) { return i > j ? 0.0 : 1.0; }), Rational(0)},  // ((1 + sqrt 5) / 2)^2 = (3 + sqrt 5) / 2
  };
  for (const Known& known : all) {
    CAPTURE(known.name);
    const Rational truth = known.squared != 0 ? known.squared : Rational((3 + sqrt_below(Rational(5))) / 2);
    const Rational bound = bound_of(known.a, verifier_test::gram_evidence(known.a));
    CHECK(bound * bound >= truth);
    CHECK(ratio(bound * bound, truth) <= 1 + 1e-12);
  }
}

TEST_CASE("random and adversarial matrices: bound >= an exact lower bound, within the gap") {
  std::mt19937_64 random(5);
  std::normal_distribution<double> normal;
  const auto gaussian = [&](auto, auto) { return static_cast<double>(static_cast<float>(normal(random))); };
  const auto wide = [&](auto i, auto j) { return std::ldexp(normal(random), static_cast<int>((i * 31 + j * 17) % 200) - 100); };
  const auto graded = [&](auto, auto j) { return normal(random) * std::pow(10, -0.4 * static_cast<double>(j)); };
  const auto spiked = [&](auto i, auto j) { return i == j ? 1.0 : std::ldexp(normal(random), -27); };
  for (const auto& [rows, columns] : std::vector<std::pair<std::size_t, std::size_t>>{{1, 40}, {40, 1}, {10, 100}, {100, 10}, {33, 33}, {65, 64}, {128, 128}})
    for (int kind = 0; kind < 4; ++kind) {
      const EnclosedMatrix a = kind == 0   ? matrix(rows, columns, gaussian)
                               : kind == 1 ? matrix(rows, columns, wide)
                               : kind == 2 ? matrix(rows, columns, graded)
                                           : matrix(rows, columns, spiked);
      CAPTURE(rows);
      CAPTURE(columns);
      CAPTURE(kind);
      const GramEvidence evidence = verifier_test::gram_evidence(a);
      const Rational bound = bound_of(a, evidence);
      CHECK(bound * bound >= squared_lower_bound(a));
      // The evidence's C2 exceeds the squared norm by 2^-42 relatively; what the theorem adds must fit in the format's slack.
      const double n = static_cast<double>(std::min(rows, columns));
      const Rational c = sqrt_above(scaled(evidence.C2, -2 * evidence.sA));
      CHECK(ratio(bound, c) <= 1 + 0x1p-52 * n * n + 0x1p-38);
      // The other side, the transposed matrix, other grids: still bounds.
      GramEvidence other = evidence;
      other.at_a = !other.at_a;
      const Rational second = bound_of(a, other);
      CHECK(second * second >= squared_lower_bound(a));
      other = evidence;
      other.sR -= 20;
      CHECK(square(bound_of(a, other)) >= squared_lower_bound(a));
    }
}

TEST_CASE("a hint can only make the check fail") {
  std::mt19937_64 random(6);
  std::normal_distribution<double> normal;
  const EnclosedMatrix a = matrix(20, 12, [&](auto, auto) { return normal(random); });
  const GramEvidence evidence = verifier_test::gram_evidence(a);
  const Rational squared = squared_lower_bound(a);
  for (int kind = 0; kind < 6; ++kind)
    for (const int fraction : {100, 90, 50, 10, 0}) {  // C2 too small: the charge must make up for it
      GramEvidence wrong = evidence;
      wrong.C2 = wrong.C2 * fraction / 100;
      const FactorHint hint = [&](const SymmetricSum& m, unsigned drop, unsigned threads) {
        std::vector<std::int64_t> r = cholesky_hint(m, drop, threads);
        r.resize(m.order() * m.order());
        for (std::size_t i = 0; i < r.size(); ++i) {
          const auto noise = static_cast<std::int64_t>(random() % (std::uint64_t{1} << 49)) - (std::int64_t{1} << 48);
          if (kind == 1) r[i] = 0;
          if (kind == 2) r[i] = noise;
          if (kind == 3) r[i] += noise >> 20;
          if (kind == 4) r[i] = -r[i];
          if (kind == 5) r[i] /= 2;
        }
        return r;
      };
      try {
        const Rational bound = gram_psd_bound(a, wrong, hint, Engine());
        CHECK(bound * bound >= squared);
      } catch (const Failure& failure) {
        CHECK(failure.outcome() == Outcome::rejected);
      }
    }
  const FactorHint huge = [](const SymmetricSum& m, unsigned, unsigned) { return std::vector<std::int64_t>(m.order() * m.order(), kEntryLimit - 1); };
  CHECK(square(gram_psd_bound(a, evidence, huge, Engine())) >= squared);
  const FactorHint beyond = [](const SymmetricSum& m, unsigned, unsigned) { return std::vector<std::int64_t>(m.order() * m.order(), kEntryLimit); };
  CHECK_THROWS_AS((void)gram_psd_bound(a, evidence, beyond, Engine()), Failure);
  const FactorHint lowest = [](const SymmetricSum& m, unsigned, unsigned) { return std::vector<std::int64_t>(m.order() * m.order(), INT64_MIN); };
  CHECK_THROWS_AS((void)gram_psd_bound(a, evidence, lowest, Engine()), Failure);
  const FactorHint short_one = [](const SymmetricSum&, unsigned, unsigned) { return std::vector<std::int64_t>(3, 1); };
  CHECK_THROWS_AS((void)gram_psd_bound(a, evidence, short_one, Engine()), Failure);
  const FactorHint none = [](const SymmetricSum&, unsigned, unsigned) { return std::vector<std::int64_t>(); };
  CHECK_THROWS_AS((void)gram_psd_bound(a, evidence, none, Engine()), Failure);
}

TEST_CASE("unusable evidence is rejected, never computed with") {
  const EnclosedMatrix a = matrix(3, 3, [](auto i, auto j) { return i == j ? 1.5 : 0.25; });
  const GramEvidence good = verifier_test::gram_evidence(a);
  CHECK_NOTHROW((void)bound_of(a, good));
  const auto with = [&](auto change) {
    GramEvidence e = good;
    change(e);
    return e;
  };
  for (const GramEvidence& bad :
       {with([](auto& e) { e.C2 = -1; }), with([](auto& e) { e.C2 = Integer(1) << 122; }), with([](auto& e) { e.sR = e.sA + 1; }),
        with([](auto& e) { e.sA = 9000; }), with([](auto& e) { e.sA = -9000; }), with([](auto& e) { e.sR = e.sA - 62; }), with([](auto& e) { e.sA += 2; })})
    CHECK_THROWS_AS((void)bound_of(a, bad), Failure);
  // A grid so coarse that the matrix rounds to zero: the residual is charged.
  const Rational coarse = bound_of(a, with([](auto& e) {
                                     e.sA = -10;
                                     e.sR = -10;
                                     e.C2 = 1;
                                   }));
  CHECK(coarse >= 2);
}

TEST_CASE("a radius is charged in full") {
  EnclosedMatrix a = matrix(4, 4, [](auto i, auto j) { return i == j ? 1.0 : 0.0; });
  const GramEvidence evidence = verifier_test::gram_evidence(a);
  const Rational exact = bound_of(a, evidence);
  a.radius = Rational(1, 3);
  CHECK(bound_of(a, evidence) == exact + Rational(1, 3));
}

TEST_CASE("rounding to the grid: ties to even, residual rounded up") {
  GridMatrix grid;
  REQUIRE(round_to_grid({{1, -1}, {3, -1}, {-1, -1}, {-3, -1}, {5, 0}, {1, -40}, {-1, -2000}, {0, 0}}, 0, grid));
  CHECK(grid.entries == std::vector<std::int64_t>{0, 2, 0, -2, 5, 0, 0, 0});
  CHECK(square(grid.residual) >= 1);  // four times 1/2
  CHECK(grid.residual <= 1 + scaled(Integer(1), -20));
  REQUIRE(round_to_grid({{3, -2}, {-3, -2}, {(std::int64_t{1} << 62) + 1, -62}}, 0, grid));
  CHECK(grid.entries == std::vector<std::int64_t>{1, -1, 1});
  CHECK_FALSE(round_to_grid({{1, 52}}, 0, grid));
  CHECK_FALSE(round_to_grid({{1, 2000}}, 0, grid));
  CHECK_FALSE(round_to_grid({{(std::int64_t{1} << 53) - 1, -1}}, 0, grid));  // rounds to 2^52
  CHECK(round_to_grid({{(std::int64_t{1} << 52) - 1, 0}}, 0, grid));
  std::mt19937_64 random(7);
  for (int k = 0; k < 2000; ++k) {
    const Dyadic value{static_cast<std::int64_t>(random() >> 1) * (k % 2 == 0 ? 1 : -1), static_cast<std::int32_t>(random() % 90) - 100};
    const int scale = static_cast<int>(random() % 60);
    if (!round_to_grid({value}, scale, grid)) continue;
    const Rational error = rational_of(value) - scaled(Integer(grid.entries[0]), -scale);
    const Rational distance = error < 0 ? Rational(-error) : error;
    REQUIRE(distance <= grid.residual);
    REQUIRE(distance <= scaled(Integer(1), -scale - 1));
    REQUIRE(grid.residual <= distance + scaled(Integer(1), -scale - 29));
  }
}

TEST_CASE("products of enclosed matrices contain the exact product") {
  std::mt19937_64 random(8);
  std::normal_distribution<double> normal;
  for (int kind = 0; kind < 2; ++kind) {
    const auto entry = [&](auto i, auto j) { return kind == 0 ? normal(random) : std::ldexp(normal(random), static_cast<int>((i + 3 * j) % 120) - 60); };
    const EnclosedMatrix b = matrix(7, 9, entry);
    const EnclosedMatrix a = matrix(9, 5, entry);
    const EnclosedMatrix c = product(b, a, Engine());
    SquareSum distance;
    Rational size = 0;
    Rational error = 0;
    for (std::size_t i = 0; i < 7; ++i)
      for (std::size_t j = 0; j < 5; ++j) {
        Rational exact = 0;
        for (std::size_t k = 0; k < 9; ++k) exact += rational_of(b.centre[i * 9 + k]) * rational_of(a.centre[k * 5 + j]);
        error += square(exact - rational_of(c.centre[i * 5 + j]));
        size += square(exact);
      }
    CHECK(error <= square(c.radius));
    CHECK(ratio(square(c.radius), square(frobenius_above(b)) * square(frobenius_above(a))) <= 1e-28);
  }
}

TEST_CASE("square sums are upper bounds, over any range of exponents") {
  std::mt19937_64 random(10);
  SquareSum sum;
  Rational exact = 0;
  for (int k = 0; k < 400; ++k) {
    const auto mantissa = static_cast<std::int64_t>(random() >> (random() % 60));
    const int exponent = static_cast<int>(random() % 5000) - 2500;
    if (mantissa == 0) continue;
    sum.add(Integer(mantissa), exponent);
    exact += square(scaled(Integer(mantissa), exponent));
    REQUIRE(square(sum.root()) >= exact);
  }
  CHECK(square(sum.root()) <= exact * (1 + scaled(Integer(1), -80)));
  SquareSum other;
  other.add(Rational(1, 3));
  other.add(Rational(0));
  CHECK(square(other.root()) >= Rational(1, 9));
  CHECK(square(other.root()) <= Rational(1, 9) * (1 + scaled(Integer(1), -80)));
}

TEST_CASE("the hint is the same for every kernel and number of threads") {
  std::mt19937_64 random(11);
  std::normal_distribution<double> normal;
  const EnclosedMatrix a = matrix(150, 140, [&](auto, auto) { return normal(random); });
  GramEvidence evidence = verifier_test::gram_evidence(a);
  std::vector<std::vector<std::int64_t>> factors;
  for (const Kernel kernel : {Kernel::portable, Kernel::avx2, Kernel::avx512})
    for (const unsigned threads : {1U, 4U}) {
      if (!available(kernel)) continue;
      const FactorHint hint = [&](const SymmetricSum& m, unsigned drop, unsigned) {
        factors.push_back(cholesky_hint_with(kernel, m, drop, threads));
        return factors.back();
      };
      CHECK(gram_psd_bound(a, evidence, hint, {kernel, threads}) == bound_of(a, evidence));
    }
  for (const auto& factor : factors) CHECK(factor == factors[0]);
}
