// Every outward operation against exact rationals, on numbers that arithmetic finds hard; the probe of the floating-point environment.
#include <doctest/doctest.h>

#if defined(__SSE2__)
#include <xmmintrin.h>
#endif

#include <limits>
#include <thread>

#include "certify/numbers/parallel.hpp"
#include "certify/numbers/rounding.hpp"
#include "formats/encoding/error.hpp"
#include "tests/certify/exact.hpp"

using namespace lipcert;
using exact::rational;
using exact::Rational;

namespace {

constexpr double infinity = std::numeric_limits<double>::infinity();

/// value >= truth, and no more than two neighbours above it.
void check_above(Upper value, const Rational& truth) {
  if (!value.finite()) {
    CHECK(truth > rational(std::numeric_limits<double>::max() / 2));
    return;
  }
  CHECK(rational(value.value()) >= truth);
  const double below = next_down(next_down(value.value()));
  CHECK((value.value() == 0 || rational(below) <= truth));
}

void check_below(Lower value, const Rational& truth) {
  CHECK(rational(value.value()) <= truth);
  const double above = next_up(next_up(value.value()));
  CHECK((above == infinity || rational(above) >= truth));
}

}  // namespace

TEST_CASE("rounding: neighbours of doubles") {
  CHECK(next_up(0) == 0x1p-1074);
  CHECK(next_up(-0.0) == 0x1p-1074);
  CHECK(next_up(1) == 1 + 0x1p-52);
  CHECK(next_up(std::numeric_limits<double>::max()) == infinity);
  CHECK(next_up(infinity) == infinity);
  CHECK(next_up(std::nan("")) == infinity);
  CHECK(next_down(1) == 1 - 0x1p-53);
  CHECK(next_down(0) == 0);
  CHECK(next_down(0x1p-1074) == 0);
  CHECK(next_down(infinity) == std::numeric_limits<double>::max());
  CHECK(next_down(std::nan("")) == 0);
}

TEST_CASE("rounding: sums, products, quotients, roots and scalings lie on their side of the truth") {
  exact::Hard hard(7);
  for (int i = 0; i < 20000; ++i) {
    const double x = std::fabs(hard());
    const double y = std::fabs(hard());
    const Rational a = rational(x);
    const Rational b = rational(y);
    check_above(Upper::exact(x) + Upper::exact(y), a + b);
    check_below(Lower::exact(x) + Lower::exact(y), a + b);
    check_above(Upper::exact(x) * Upper::exact(y), a * b);
    check_below(Lower::exact(x) * Lower::exact(y), a * b);
    if (y != 0) {
      check_above(Upper::exact(x) / Lower::exact(y), a / b);
      check_below(Lower::exact(x) / Upper::exact(y), a / b);
    }
    if (a >= b) {
      check_above(minus(Upper::exact(x), Lower::exact(y)), a - b);
      check_below(minus(Lower::exact(x), Upper::exact(y)), a - b);
    } else {
      CHECK(minus(Lower::exact(x), Upper::exact(y)).value() == 0);
    }
    const Upper root_above = sqrt(Upper::exact(x));
    const Lower root_below = sqrt(Lower::exact(x));
    CHECK(rational(root_above.value()) * rational(root_above.value()) >= a);
    CHECK(rational(root_below.value()) * rational(root_below.value()) <= a);
    CHECK(root_above.value() <= next_up(next_up(root_below.value())));
    const int e = static_cast<int>(hard.engine()() % 2200) - 1100;
    const Rational power = rational(std::ldexp(1.0, std::max(-1000, std::min(1000, e))));
    if (std::abs(e) <= 1000) {
      check_above(Upper::exact(x).scaled(e), a * power);
      if (rational(std::numeric_limits<double>::max()) > a * power) {
        check_below(Lower::exact(x).scaled(e), a * power);
      }
    }
  }
}

TEST_CASE("rounding: exact results stay exact") {
  CHECK((Upper::exact(1) * Upper::exact(3)).value() == 3);
  CHECK((Upper::exact(0.5) + Upper::exact(0.25)).value() == 0.75);
  CHECK((Upper::exact(6) / Lower::exact(3)).value() == 2);
  CHECK(sqrt(Upper::exact(2.25)).value() == 1.5);
  CHECK(sqrt(Lower::exact(2.25)).value() == 1.5);
  CHECK((Upper::exact(0) * Upper::exact(infinity)).value() == 0);
}

TEST_CASE("rounding: NaN and infinity never become small numbers") {
  CHECK(!Upper::exact(std::nan("")).finite());
  CHECK(Lower::exact(std::nan("")).value() == 0);
  CHECK(!(Upper::exact(1e308) * Upper::exact(1e308)).finite());
  CHECK(!(Upper::exact(1e308) + Upper::exact(1e308)).finite());
  CHECK(!(Upper::exact(1) / Lower::exact(0)).finite());
  CHECK((Lower::exact(1) / Upper::exact(infinity)).value() == 0);
  CHECK((Lower::exact(1) / Upper::exact(0)).value() == 0);
  CHECK(!minus(Upper::exact(infinity), Lower::exact(1)).finite());
  CHECK(minus(Lower::exact(1), Upper::exact(infinity)).value() == 0);
  CHECK(!sqrt(Upper::exact(infinity)).finite());
  CHECK(!max(Upper::exact(1), Upper::exact(std::nan(""))).finite());
  const std::vector<double> with_nan{1, std::nan(""), 2};
  CHECK(!sum_of_squares(with_nan.data(), with_nan.size()).finite());
  CHECK(!sum_of_magnitudes(with_nan.data(), with_nan.size()).finite());
  CHECK(!norm_above(with_nan.data(), with_nan.size()).finite());
  CHECK(norm_below(with_nan.data(), with_nan.size()).value() == 0);
}

TEST_CASE("rounding: gamma is above k u / (1 - k u)") {
  for (const std::uint64_t k : {1ULL, 2ULL, 3ULL, 1000ULL, 4100ULL, 1ULL << 20, (1ULL << 40) + 1}) {
    const Rational ku = rational(static_cast<double>(k)) * rational(0x1p-53);
    check_above(gamma(k), ku / (1 - ku));
  }
}

TEST_CASE("rounding: bulk sums enclose") {
  exact::Hard hard(11);
  for (std::size_t n = 0; n < 60; ++n) {
    std::vector<double> x(n);
    Rational squares = 0;
    Rational magnitudes = 0;
    for (double& v : x) {
      do {
        v = hard();
      } while (std::fabs(v) > 1e150);
      squares += rational(v) * rational(v);
      magnitudes += exact::abs(rational(v));
    }
    CHECK(rational(sum_of_squares(x.data(), n).value()) >= squares);
    for (const int e : {0, -900, 850}) {  // x has entries up to 1e150
      std::vector<double> y = x;
      Rational sum = 0;
      for (double& v : y) {
        v = std::ldexp(v, e > 0 && std::fabs(v) > 1e40 ? 0 : e);
        sum += rational(v) * rational(v);
      }
      const Rational above = rational(norm_above(y.data(), n).value());
      const Rational below = rational(norm_below(y.data(), n).value());
      CHECK(above * above >= sum);
      CHECK(below * below <= sum);
      CHECK(above <= below * rational(1 + 1e-13) + rational(0x1p-1070));
    }
    CHECK(rational(sum_of_magnitudes(x.data(), n).value()) >= magnitudes);
    CHECK(rational(sum_of_magnitudes(x.data(), n).value()) <= magnitudes * rational(1 + 1e-13));
  }
  const std::vector<double> tiny(100, 1e-200);  // every square underflows
  CHECK(sum_of_squares(tiny.data(), tiny.size()).value() > 0);
}

#if defined(__SSE2__)
TEST_CASE("rounding: another rounding mode, FTZ and DAZ are noticed, in every thread") {
  require_sound_floating_point();
  const unsigned usual = _mm_getcsr();
  for (const unsigned bits : {0x8000U, 0x0040U, 0x8040U, 0x2000U, 0x4000U, 0x6000U}) {
    bool noticed = false;
    bool pool_noticed = false;
    // In a thread of its own, so that the test program itself stays sound; the pool's threads inherit the control word.
    std::thread([&] {
      _mm_setcsr(usual | bits);
      try {
        require_sound_floating_point();
      } catch (const Error& error) {
        noticed = error.code() == ExitCode::internal;
      }
      try {
        WorkerPool pool(2);
      } catch (const Error&) {
        pool_noticed = true;
      }
    }).join();
    CHECK(noticed);
    CHECK(pool_noticed);
  }
}
#endif

TEST_CASE("parallel: every task runs once, exceptions come back, the pool survives them") {
  WorkerPool pool(4);
  CHECK(pool.threads() == 4);
  for (int round = 0; round < 200; ++round) {
    std::vector<int> hits(static_cast<std::size_t>(round), 0);
    pool.for_each(hits.size(), [&](std::size_t i) { ++hits[i]; });
    for (const int h : hits) {
      CHECK(h == 1);
    }
  }
  CHECK_THROWS_AS(pool.for_each(50,
                                [](std::size_t i) {
                                  if (i == 7) {
                                    throw input_error("seven");
                                  }
                                }),
                  Error);
  std::vector<int> hits(100, 0);
  pool.for_each(100, [&](std::size_t i) { ++hits[i]; });
  CHECK(std::count(hits.begin(), hits.end(), 1) == 100);
}
