// Interval arithmetic: inclusion against exact rationals and against MPFR at ten times the precision, and tightness.
#include <doctest/doctest.h>
#include <mpfr.h>

#include <algorithm>
#include <limits>

#include "certify/numbers/interval.hpp"
#include "formats/encoding/error.hpp"
#include "tests/certify/exact.hpp"

using namespace lipcert;
using exact::rational;
using exact::Rational;

namespace {

Interval some_interval(exact::Hard& hard) {
  double a = hard();
  double b = hard();
  if (hard.engine()() % 2 == 0) {
    b = std::nextafter(a, std::numeric_limits<double>::max());
  }
  if (a > b) {
    std::swap(a, b);
  }
  return Interval::between(a, b);
}

/// A point of the interval, one of its ends or the middle.
double point_of(const Interval& x, exact::Hard& hard) {
  switch (hard.engine()() % 3) {
    case 0:
      return x.lower();
    case 1:
      return x.upper();
    default:
      return std::clamp(x.lower() / 2 + x.upper() / 2, x.lower(), x.upper());
  }
}

bool inside(const Interval& x, const Rational& truth) {
  const bool above = x.lower() == -std::numeric_limits<double>::infinity() || rational(x.lower()) <= truth;
  const bool below = x.upper() == std::numeric_limits<double>::infinity() || rational(x.upper()) >= truth;
  return above && below;
}

/// f at a point with 5000 bits, as a value between two neighbouring doubles.
template <class F>
bool encloses(const Interval& y, double x, F f) {
  mpfr_t t;
  mpfr_init2(t, 5000);
  f(t, x);
  const bool inside = mpfr_cmp_d(t, y.lower()) >= 0 && mpfr_cmp_d(t, y.upper()) <= 0;
  mpfr_clear(t);
  return inside;
}

void true_sigmoid(mpfr_ptr t, double x) {
  mpfr_set_d(t, -x, MPFR_RNDN);
  mpfr_exp(t, t, MPFR_RNDN);
  mpfr_add_ui(t, t, 1, MPFR_RNDN);
  mpfr_ui_div(t, 1, t, MPFR_RNDN);
}

void true_sigmoid_slope(mpfr_ptr t, double x) {
  // e^-|x| / (1 + e^-|x|)^2
  mpfr_t e;
  mpfr_init2(e, 5000);
  mpfr_set_d(e, -std::fabs(x), MPFR_RNDN);
  mpfr_exp(e, e, MPFR_RNDN);
  mpfr_add_ui(t, e, 1, MPFR_RNDN);
  mpfr_sqr(t, t, MPFR_RNDN);
  mpfr_div(t, e, t, MPFR_RNDN);
  mpfr_clear(e);
}

void true_tanh(mpfr_ptr t, double x) {
  mpfr_set_d(t, x, MPFR_RNDN);
  mpfr_tanh(t, t, MPFR_RNDN);
}

void true_tanh_slope(mpfr_ptr t, double x) {
  // 4 s (1 - s) at 2 x: the slope of tanh is four times that of the sigmoid at twice the argument
  true_sigmoid_slope(t, 2 * x);
  mpfr_mul_ui(t, t, 4, MPFR_RNDN);
}

}  // namespace

TEST_CASE("interval: operations enclose every result") {
  exact::Hard hard(3);
  for (int i = 0; i < 5000; ++i) {
    const Interval a = some_interval(hard);
    const Interval b = some_interval(hard);
    const double x = point_of(a, hard);
    const double y = point_of(b, hard);
    CHECK(inside(a + b, rational(x) + rational(y)));
    CHECK(inside(a - b, rational(x) - rational(y)));
    CHECK(inside(a * b, rational(x) * rational(y)));
    if (!b.contains_zero()) {
      CHECK(inside(a / b, rational(x) / rational(y)));
    } else {
      CHECK_THROWS_AS(static_cast<void>(a / b), Error);
    }
    if (a.upper() >= 0 && x >= 0) {
      const Interval root = sqrt(a);
      CHECK(rational(root.lower()) * rational(root.lower()) <= rational(x));
      CHECK(rational(root.upper()) * rational(root.upper()) >= rational(x));
    }
  }
}

TEST_CASE("interval: both ends of a product differ where the product is not a double") {
  // What fesetround intervals get wrong under -O3: both ends are the same number.
  std::mt19937_64 random(5);
  std::uniform_real_distribution<double> uniform(1, 2);
  int apart = 0;
  for (int i = 0; i < 10000; ++i) {
    const double x = uniform(random);
    const double y = uniform(random);
    const Interval p = Interval::exact(x) * Interval::exact(y);
    const Rational truth = rational(x) * rational(y);
    CHECK(inside(p, truth));
    CHECK(p.upper() <= std::nextafter(p.lower(), 10));
    const Interval q = Interval::exact(x) / Interval::exact(y);
    CHECK(inside(q, rational(x) / rational(y)));
    apart += p.lower() < p.upper() ? 1 : 0;
  }
  CHECK(apart > 9900);
}

TEST_CASE("interval: sigmoid, tanh and their slopes enclose and are tight") {
  exact::Hard hard(17);
  for (int i = 0; i < 3000; ++i) {
    Interval x = some_interval(hard);
    if (x.upper() > 700 || x.lower() < -700) {
      continue;
    }
    const double at = point_of(x, hard);
    CHECK(encloses(sigmoid(x), at, true_sigmoid));
    CHECK(encloses(sigmoid_slope(x), at, true_sigmoid_slope));
    CHECK(encloses(tanh(x), at, true_tanh));
    CHECK(encloses(tanh_slope(x), at, true_tanh_slope));
    x = Interval::exact(at);
    for (const Interval& y : {sigmoid(x), sigmoid_slope(x), tanh(x), tanh_slope(x)}) {
      CHECK(y.upper() <= std::nextafter(y.lower(), 2));
    }
  }
  CHECK(sigmoid_slope(Interval::exact(0)).upper() == 0.25);
  CHECK(tanh_slope(Interval::exact(0)).lower() == 1);
  CHECK(tanh_slope(Interval::between(-3, 5)).upper() == 1);
  // Far out nothing overflows and nothing becomes NaN.
  for (const double x : {-1e308, -1e6, -800.0, 800.0, 1e6, 1e308}) {
    const Interval s = sigmoid(Interval::exact(x));
    CHECK(s.lower() >= 0);
    CHECK(s.upper() <= 1);
    CHECK(s.lower() <= s.upper());
    const Interval d = tanh_slope(Interval::exact(x));
    CHECK(d.lower() >= 0);
    CHECK(d.upper() < 1e-300);
  }
}

TEST_CASE("interval: sin and cos enclose, also around their extremes and after many turns") {
  const auto true_sin = [](mpfr_ptr t, double x) {
    mpfr_set_d(t, x, MPFR_RNDN);
    mpfr_sin(t, t, MPFR_RNDN);
  };
  const auto true_cos = [](mpfr_ptr t, double x) {
    mpfr_set_d(t, x, MPFR_RNDN);
    mpfr_cos(t, t, MPFR_RNDN);
  };
  exact::Hard hard(29);
  for (int i = 0; i < 3000; ++i) {
    Interval x = some_interval(hard);
    const double at = point_of(x, hard);
    CHECK(encloses(sin(x), at, true_sin));
    CHECK(encloses(cos(x), at, true_cos));
    x = Interval::exact(at);
    for (const Interval& y : {sin(x), cos(x), sin(some_interval(hard))}) {
      CHECK(y.lower() >= -1);
      CHECK(y.upper() <= 1);
    }
    CHECK(sin(x).upper() <= std::nextafter(sin(x).lower(), 2));
    CHECK(cos(x).upper() <= std::nextafter(cos(x).lower(), 2));
  }
  CHECK(sin(Interval::exact(0)).lower() == 0);
  CHECK(sin(Interval::exact(0)).upper() == 0);
  CHECK(sin(Interval::between(1, 2)).upper() == 1);
  CHECK(cos(Interval::between(3, 4)).lower() == -1);
}

TEST_CASE("interval: log encloses and is tight") {
  const auto true_log = [](mpfr_ptr t, double x) {
    mpfr_set_d(t, x, MPFR_RNDN);
    mpfr_log(t, t, MPFR_RNDN);
  };
  exact::Hard hard(31);
  int positive = 0;
  for (int i = 0; i < 3000; ++i) {
    const Interval x = some_interval(hard);
    if (!(x.lower() > 0)) {
      CHECK_THROWS_AS(static_cast<void>(log(x)), Error);
      continue;
    }
    ++positive;
    const double at = point_of(x, hard);
    CHECK(encloses(log(x), at, true_log));
    const Interval y = log(Interval::exact(at));
    CHECK(y.upper() <= std::nextafter(y.lower(), HUGE_VAL));
  }
  CHECK(positive > 500);
}

TEST_CASE("interval: ends that are not finite or not ordered are refused") {
  CHECK_THROWS_AS(static_cast<void>(Interval::exact(std::nan(""))), Error);
  CHECK_THROWS_AS(static_cast<void>(Interval::exact(std::numeric_limits<double>::infinity())), Error);
  CHECK_THROWS_AS(static_cast<void>(Interval::between(2, 1)), Error);
  CHECK_THROWS_AS(static_cast<void>(sqrt(Interval::between(-2, -1))), Error);
}

TEST_CASE("interval: copies and moves") {
  Interval a = Interval::between(1, 2);
  Interval b = a;
  a = a + a;
  CHECK(b.lower() == 1);
  CHECK(a.upper() == 4);
  const Interval c = std::move(a);
  CHECK(c.upper() == 4);
  b = c;
  CHECK(b.lower() == 2);
}
