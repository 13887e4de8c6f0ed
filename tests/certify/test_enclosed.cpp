// Enclosed constants: inclusion against exact rationals, exactness where the arithmetic is exact, constant expressions node by node.
#include <doctest/doctest.h>

#include <limits>

#include "certify/graph/constants.hpp"
#include "certify/numbers/enclosed.hpp"
#include "tests/certify/exact.hpp"
#include "tests/certify/network_builder.hpp"

using namespace lipcert;
using exact::contains;
using exact::rational;
using exact::Rational;
using network_builder::Builder;
using network_builder::Random;

namespace {

/// A number inside the ball: an end, or the centre.
Rational point_of(Ball ball, std::mt19937_64& random) {
  const int where = static_cast<int>(random() % 3) - 1;
  return rational(ball.centre) + where * rational(ball.radius);
}

bool holds(Ball ball, const Rational& truth) { return !std::isfinite(ball.radius) || contains(ball.centre, ball.radius, truth); }

/// The rational is a double.
bool is_double(const Rational& x) { return rational(x.convert_to<double>()) == x; }

EnclosedMatrix random_matrix(Random& random, std::size_t rows, std::size_t columns, double spread, bool enclosed) {
  EnclosedMatrix m{rows, columns, {}, {}};
  for (std::size_t i = 0; i < rows * columns; ++i) {
    m.centre.push_back(random.normal() * std::pow(10, spread * (random.normal())));
    if (enclosed) {
      m.radius.push_back(std::fabs(random.normal()) * 1e-12);
    }
  }
  return m;
}

/// Entries (i, j) of the product of members of two enclosed matrices, exactly.
Rational entry(const EnclosedMatrix& a, const EnclosedMatrix& b, std::size_t i, std::size_t j, std::mt19937_64& random) {
  Rational sum = 0;
  for (std::size_t k = 0; k < a.columns; ++k) {
    const Ball x{a.centre[i * a.columns + k], a.exact() ? 0 : a.radius[i * a.columns + k]};
    const Ball y{b.centre[k * b.columns + j], b.exact() ? 0 : b.radius[k * b.columns + j]};
    sum += point_of(x, random) * point_of(y, random);
  }
  return sum;
}

void check_product(const EnclosedMatrix& a, const EnclosedMatrix& b, WorkerPool& pool, std::size_t samples) {
  const EnclosedMatrix c = product(a, b, pool);
  REQUIRE(c.rows == a.rows);
  REQUIRE(c.columns == b.columns);
  std::mt19937_64 random(a.rows * 1000 + b.columns);
  for (std::size_t s = 0; s < samples; ++s) {
    const std::size_t i = random() % c.rows;
    const std::size_t j = random() % c.columns;
    const Rational truth = entry(a, b, i, j, random);
    const std::size_t at = i * c.columns + j;
    CHECK(holds({c.centre[at], c.exact() ? 0 : c.radius[at]}, truth));
  }
}

}  // namespace

TEST_CASE("enclosed: operations on balls hold every result, and say exact only when they are") {
  exact::Hard hard(19);
  std::mt19937_64 random(4);
  std::size_t exact_products = 0;
  for (int i = 0; i < 30000; ++i) {
    const bool wide = i % 2 == 0;
    const Ball a{hard(), wide ? std::fabs(hard()) * 1e-10 : 0};
    const Ball b{hard(), wide && i % 4 == 0 ? std::fabs(hard()) * 1e-10 : 0};
    const Rational x = point_of(a, random);
    const Rational y = point_of(b, random);
    CHECK(holds(add(a, b), x + y));
    CHECK(holds(subtract(a, b), x - y));
    CHECK(holds(multiply(a, b), x * y));
    const Ball quotient = divide(a, b);
    if (y != 0) {
      CHECK(holds(quotient, x / y));
    }
    if (std::fabs(b.centre) <= b.radius) {
      CHECK(!std::isfinite(quotient.radius));
    }
    if (!wide) {
      const Ball p = multiply(a, b);
      if (std::isfinite(p.radius)) {
        CHECK((p.radius == 0) == is_double(x * y));
        exact_products += p.radius == 0 ? 1 : 0;
      }
      const Ball s = add(a, b);
      if (std::isfinite(s.radius)) {
        CHECK((s.radius == 0) == is_double(x + y));
      }
      if (b.centre != 0 && std::isfinite(quotient.radius)) {
        CHECK((quotient.radius == 0) == is_double(x / y));
      }
    }
  }
  CHECK(exact_products > 1000);
  // Overflow is said, not computed with.
  CHECK(!std::isfinite(multiply({1e300, 0}, {1e300, 0}).radius));
  CHECK(!std::isfinite(add({1.7e308, 0}, {1.7e308, 0}).radius));
  CHECK(!std::isfinite(divide({1e300, 0}, {1e-300, 0}).radius));
  CHECK(!std::isfinite(divide({1, 0}, {0, 0}).radius));
}

TEST_CASE("enclosed: numpy broadcasting") {
  CHECK(broadcast_index({3}, {2, 3}) == std::vector<std::size_t>{0, 1, 2, 0, 1, 2});
  CHECK(broadcast_index({2, 1}, {2, 3}) == std::vector<std::size_t>{0, 0, 0, 1, 1, 1});
  CHECK(broadcast_index({}, {2, 2}) == std::vector<std::size_t>{0, 0, 0, 0});
  CHECK(broadcast_index({2, 3}, {2, 3}) == std::vector<std::size_t>{0, 1, 2, 3, 4, 5});
  CHECK(broadcast_index({2, 1, 2}, {2, 2, 2}) == std::vector<std::size_t>{0, 1, 0, 1, 2, 3, 2, 3});
  CHECK(broadcast_index({1, 1, 2}, {2}) == std::vector<std::size_t>{0, 1});
}

TEST_CASE("enclosed: matrix products hold the exact product, small and large, plain and enclosed") {
  WorkerPool pool(2);
  Random random(8);
  for (const double spread : {0.0, 1.0, 5.0, 40.0}) {
    for (const bool enclosed : {false, true}) {
      check_product(random_matrix(random, 5, 7, spread, enclosed), random_matrix(random, 7, 4, spread, false), pool, 60);
      check_product(random_matrix(random, 1, 30, spread, false), random_matrix(random, 30, 1, spread, enclosed), pool, 5);
      // Beyond 2^20 multiplications: the split product.
      check_product(random_matrix(random, 120, 90, spread, enclosed), random_matrix(random, 90, 110, spread, false), pool, 60);
      check_product(random_matrix(random, 3, 2000, spread, false), random_matrix(random, 2000, 200, spread, enclosed), pool, 20);
    }
  }
  // Rows and columns at the ends of the range.
  EnclosedMatrix a = random_matrix(random, 110, 100, 0, false);
  EnclosedMatrix b = random_matrix(random, 100, 100, 0, false);
  for (std::size_t k = 0; k < 100; ++k) {
    a.centre[k] *= 1e-200;
    a.centre[100 + k] *= 1e-300;
    a.centre[200 + k] *= 1e290;
    a.centre[300 + k] *= 0x1p-1000;
    b.centre[k * 100] *= 1e-120;
    b.centre[k * 100 + 1] *= 1e-300;
  }
  const EnclosedMatrix c = product(a, b, pool);
  std::mt19937_64 engine(1);
  for (std::size_t i = 0; i < 5; ++i) {
    for (std::size_t j = 0; j < 4; ++j) {
      CHECK(holds({c.centre[i * 100 + j], c.radius[i * 100 + j]}, entry(a, b, i, j, engine)));
    }
  }
}

TEST_CASE("enclosed: products of few bits are exact, and the others nearly") {
  WorkerPool pool(2);
  Random random(9);
  for (const std::size_t n : {12U, 130U}) {  // small and large
    EnclosedMatrix a{n, n, {}, {}};
    EnclosedMatrix b{n, n, {}, {}};
    for (std::size_t i = 0; i < n * n; ++i) {
      a.centre.push_back(std::nearbyint(100 * random.normal()) / 64);
      b.centre.push_back(std::nearbyint(100 * random.normal()) / 16);
    }
    const EnclosedMatrix c = product(a, b, pool);
    CHECK(c.exact());
    std::mt19937_64 engine(2);
    CHECK(rational(c.centre[5]) == entry(a, b, 0, 5, engine));
    EnclosedMatrix f{n, n, random.singles(n * n), {}};
    EnclosedMatrix g{n, n, random.singles(n * n), {}};
    const EnclosedMatrix h = product(f, g, pool);
    REQUIRE(!h.exact());
    for (std::size_t i = 0; i < n * n; ++i) {
      // Little more than the last rounding: sums of n products of size 1 have size sqrt(n).
      CHECK(h.radius[i] <= 4e-15 * std::sqrt(static_cast<double>(n)));
    }
  }
}

TEST_CASE("enclosed: products do not depend on the number of threads") {
  Random random(10);
  const EnclosedMatrix a = random_matrix(random, 300, 280, 1, true);
  const EnclosedMatrix b = random_matrix(random, 280, 310, 1, false);
  WorkerPool one(1);
  WorkerPool four(4);
  const EnclosedMatrix c = product(a, b, one);
  const EnclosedMatrix d = product(a, b, four);
  CHECK(c.centre == d.centre);
  CHECK(c.radius == d.radius);
}

TEST_CASE("enclosed: scaling by numbers, rows and columns") {
  Random random(12);
  const EnclosedMatrix a = random_matrix(random, 4, 3, 1, false);
  const std::vector<Ball> d{{3, 0}, {1 / 3.0, 1e-17}, {0.25, 0}, {-7, 0.5}};
  const EnclosedMatrix rows = scaled_rows(a, d);
  const EnclosedMatrix columns = scaled_columns(a, {d.begin(), d.begin() + 3});
  std::mt19937_64 engine(3);
  for (std::size_t i = 0; i < 4; ++i) {
    for (std::size_t j = 0; j < 3; ++j) {
      const std::size_t k = i * 3 + j;
      CHECK(holds({rows.centre[k], rows.radius[k]}, rational(a.centre[k]) * point_of(d[i], engine)));
      CHECK(holds({columns.centre[k], columns.radius[k]}, rational(a.centre[k]) * point_of(d[j], engine)));
    }
  }
  CHECK(scaled(a, {1, 0}).centre == a.centre);
  CHECK(scaled(a, {-0.5, 0}).exact());
  CHECK(!scaled(a, {1 / 3.0, 0}).exact());
  const EnclosedMatrix t = transposed(a);
  CHECK(t.rows == 3);
  CHECK(t.centre[2 * 4 + 1] == a.centre[1 * 3 + 2]);
}

TEST_CASE("constants: expressions hold their exact values") {
  WorkerPool pool(1);
  Random random(14);
  for (int round = 0; round < 150; ++round) {
    Builder b({1, 2});
    std::vector<ValueId> pool_of_values;
    for (int i = 0; i < 4; ++i) {
      pool_of_values.push_back(b.weight({3, 3}, random.singles(9)));
    }
    pool_of_values.push_back(b.weight({3}, random.singles(3)));
    pool_of_values.push_back(b.weight({}, random.singles(1)));
    pool_of_values.push_back(b.constant(network_builder::tensor({3, 3}, random.singles(9))));
    for (int i = 0; i < 6; ++i) {
      const auto any = [&] { return pool_of_values[random.below(pool_of_values.size())]; };
      const auto square = [&] { return pool_of_values[random.below(4)]; };
      switch (random.below(11)) {
        case 0:
          pool_of_values.push_back(b.node(Operator::add, {any(), square()}));
          break;
        case 1:
          pool_of_values.push_back(b.node(Operator::sub, {any(), square()}));
          break;
        case 2:
          pool_of_values.push_back(b.node(Operator::mul, {any(), square()}));
          break;
        case 3:
          pool_of_values.push_back(b.node(Operator::div, {any(), square()}));  // by float32 numbers, none of them zero
          break;
        case 4:
          pool_of_values.push_back(b.node(Operator::matmul, {square(), square()}));
          break;
        case 5:
          pool_of_values.push_back(b.gemm({square(), square(), pool_of_values[4]}, random.below(2) == 0, 0.3F, -1.7F, random.below(2) == 0));
          break;
        case 6:
          pool_of_values.push_back(b.node(Operator::relu, {any()}));
          break;
        case 7:
          pool_of_values.push_back(b.node(Operator::leaky_relu, {any()}, {{"alpha", 0.01F}}));
          break;
        case 8:
          pool_of_values.push_back(b.node(Operator::abs, {any()}));
          break;
        case 9:
          pool_of_values.push_back(b.node(Operator::identity, {any()}));
          break;
        default:
          pool_of_values.push_back(b.cast(any(), ElementType::float64));
          break;
      }
    }
    const ValueId last = pool_of_values.back();
    const Network network = b.finish(last);
    Constants constants(network, pool);
    const EnclosedTensor value = constants.value(last);
    auto evaluate = network_builder::rational_evaluator(network);
    const auto truth = evaluate({0, 0}, {0, 0});
    REQUIRE(value.centre.size() == truth.size());
    for (std::size_t i = 0; i < truth.size(); ++i) {
      CHECK(contains(value.centre[i], value.radius_at(i), truth[i].value));
      CHECK(value.radius_at(i) <= 1e-9 * (1 + std::fabs(value.centre[i])));
    }
  }
}

TEST_CASE("constants: vectors in products, integers, casts") {
  WorkerPool pool(1);
  Builder b({1, 2});
  const ValueId m = b.weight({2, 3}, {1, 2, 3, 4, 5, 6});
  const ValueId row = b.weight({2}, {10, 1});
  const ValueId column = b.weight({3}, {1, 0, -1});
  const ValueId half = b.weight({2}, {0.5, 65504}, ElementType::float16);
  const ValueId brain = b.weight({2}, {0.5, -3}, ElementType::bfloat16);
  const ValueId whole = b.weight({2}, {7, -9}, ElementType::int64);
  const ValueId third = b.weight({1}, {1.0 / 3}, ElementType::float64);
  const ValueId left = b.node(Operator::matmul, {row, m});
  const ValueId right = b.node(Operator::matmul, {m, column});
  const ValueId both = b.node(Operator::matmul, {row, right});
  const ValueId wide = b.cast(half, ElementType::float64);
  const ValueId from_whole = b.cast(whole, ElementType::float32);
  const ValueId narrow = b.cast(third, ElementType::float32);
  const ValueId narrow_exact = b.cast(wide, ElementType::float32);
  const ValueId sum = b.node(Operator::add, {wide, b.cast(brain, ElementType::float64)});
  const Network network = b.finish(sum);
  Constants constants(network, pool);
  CHECK(constants.value(left).centre == std::vector<double>{14, 25, 36});
  CHECK(constants.value(left).exact());
  CHECK(constants.value(right).centre == std::vector<double>{-2, -2});
  CHECK(constants.value(both).centre == std::vector<double>{-22});
  CHECK(constants.value(wide).centre == std::vector<double>{0.5, 65504});
  CHECK(constants.value(from_whole).centre == std::vector<double>{7, -9});
  CHECK(constants.value(narrow_exact).centre == std::vector<double>{0.5, 65504});
  CHECK(constants.value(sum).centre == std::vector<double>{1, 65501});
  // 1/3 is no float32: a silent rounding, so refused.
  CHECK_THROWS_AS(static_cast<void>(constants.value(narrow)), Refused);
}

TEST_CASE("constants: what cannot be enclosed is refused with the node's name") {
  WorkerPool pool(1);
  const auto reason = [&](const std::function<ValueId(Builder&)>& build) {
    Builder b({1, 2});
    const ValueId id = build(b);
    const Network network = b.finish(id);
    Constants constants(network, pool);
    try {
      static_cast<void>(constants.value(id));
    } catch (const Refused& refused) {
      CHECK(!refused.refusal.node.empty());
      return refused.refusal.reason;
    }
    return std::string();
  };
  CHECK(reason([](Builder& b) { return b.node(Operator::log, {b.weight({2}, {1, -1})}); }).find("logarithm") != std::string::npos);
  CHECK(reason([](Builder& b) { return b.node(Operator::log, {b.weight({1}, {0})}); }).find("logarithm") != std::string::npos);
  CHECK(reason([](Builder& b) { return b.node(Operator::pow, {b.weight({1}, {2}), b.weight({}, {0.25})}); }).find("power") != std::string::npos);
  CHECK(reason([](Builder& b) { return b.node(Operator::pow, {b.weight({1}, {0}), b.weight({}, {-2})}); }).find("zero") != std::string::npos);
  CHECK(reason([](Builder& b) { return b.node(Operator::div, {b.weight({1}, {1}), b.weight({2}, {1, 0})}); }).find("zero") != std::string::npos);
  CHECK(reason([](Builder& b) {
          const ValueId big = b.weight({1}, {1e308}, ElementType::float64);
          return b.node(Operator::mul, {big, big});
        }).find("finite") != std::string::npos);
  CHECK(reason([](Builder& b) { return b.weight({1}, {std::nan("")}); }).find("NaN") != std::string::npos);
  CHECK(reason([](Builder& b) { return b.weight({1}, {std::numeric_limits<double>::infinity()}); }).find("infinite") != std::string::npos);
  CHECK(reason([](Builder& b) {
          const ValueId w = b.weight({2, 2, 2}, {1, 2, 3, 4, 5, 6, 7, 8});
          return b.node(Operator::matmul, {w, w});
        }).find("stack") != std::string::npos);
  CHECK(reason([](Builder& b) {
          return b.node(Operator::div, {b.weight({1}, {7}, ElementType::int64), b.weight({1}, {2}, ElementType::int64)});
        }).find("integer") != std::string::npos);
  CHECK(reason([](Builder& b) {
          // Two small weights that broadcast to 2^28 entries: refused before memory is taken.
          const ValueId row = b.weight({1, 1U << 14}, std::vector<double>(1U << 14, 1.0));
          const ValueId column = b.weight({1U << 14, 1}, std::vector<double>(1U << 14, 1.0));
          return b.node(Operator::add, {row, column});
        }).find("2^26") != std::string::npos);
}

TEST_CASE("constants: a long chain of nodes does not exhaust the stack") {
  WorkerPool pool(1);
  Builder b({1, 1});
  ValueId x = b.weight({1}, {1.5});
  for (int i = 0; i < 200000; ++i) {
    x = b.node(Operator::identity, {x});
  }
  const Network network = b.finish(x);
  Constants constants(network, pool);
  CHECK(constants.value(x).centre == std::vector<double>{1.5});
}
