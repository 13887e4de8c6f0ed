// Integer intervals: inclusion of exact rationals for the four operations, of 700-bit MPFR values for the transcendental functions; and how wide
// the enclosures are, because a wide one could refuse a true claim.
#include <doctest/doctest.h>
#include <mpfr.h>

#include <random>

#include "verifier/base/failure.hpp"
#include "verifier/base/interval.hpp"

using namespace lipverify;

namespace {

std::mt19937_64 generator(12);

Interval random_interval(int kind) {
  const int exponent = static_cast<int>(generator() % 400) - 200;
  const auto low = static_cast<std::int64_t>(generator() >> (generator() % 63)) * (generator() % 2 == 0 ? 1 : -1);
  if (kind == 0) return Interval(Wide(low), Wide(low), exponent);
  const Wide width = Wide(generator() >> (generator() % 64));
  return Interval(Wide(low), Wide(low) + width, exponent);
}

/// A point of an interval: an end, or something between.
Rational point_of(const Interval& x) {
  const Rational a = lower_end(x);
  const Rational b = upper_end(x);
  return a + (b - a) * Rational(static_cast<int>(generator() % 5), 4);
}

bool inside(const Rational& value, const Interval& x) { return lower_end(x) <= value && value <= upper_end(x); }

using Function = int (*)(mpfr_t, const mpfr_t);

int mpfr_sigmoid(mpfr_t out, const mpfr_t x) {
  mpfr_neg(out, x, MPFR_RNDN);
  mpfr_exp(out, out, MPFR_RNDN);
  mpfr_add_ui(out, out, 1, MPFR_RNDN);
  return mpfr_ui_div(out, 1, out, MPFR_RNDN);
}
int mpfr_sigmoid_slope(mpfr_t out, const mpfr_t x) {  // 1 / (2 + 2 cosh x)
  mpfr_cosh(out, x, MPFR_RNDN);
  mpfr_mul_ui(out, out, 2, MPFR_RNDN);
  mpfr_add_ui(out, out, 2, MPFR_RNDN);
  return mpfr_ui_div(out, 1, out, MPFR_RNDN);
}
int mpfr_tanh_(mpfr_t out, const mpfr_t x) { return mpfr_tanh(out, x, MPFR_RNDN); }
int mpfr_tanh_slope(mpfr_t out, const mpfr_t x) {  // 1 / cosh^2
  mpfr_cosh(out, x, MPFR_RNDN);
  mpfr_sqr(out, out, MPFR_RNDN);
  return mpfr_ui_div(out, 1, out, MPFR_RNDN);
}

/// f(x) to 700 bits, as a rational with its error bound 2^-690 |f(x)| to either side.
std::pair<Rational, Rational> reference(Function f, const Rational& x) {
  mpfr_t in;
  mpfr_t out;
  mpfr_init2(in, 900);  // the points of these tests have at most 300 bits
  mpfr_init2(out, 700);
  mpz_t numerator;
  mpz_init_set_str(numerator, boost::multiprecision::numerator(x).str().c_str(), 10);
  mpfr_set_z(in, numerator, MPFR_RNDN);
  mpz_set_str(numerator, boost::multiprecision::denominator(x).str().c_str(), 10);
  mpfr_div_z(in, in, numerator, MPFR_RNDN);
  f(out, in);
  const mpfr_exp_t exponent = mpfr_get_z_2exp(numerator, out);
  char* digits = mpz_get_str(nullptr, 10, numerator);
  const Rational value = scaled(Integer(std::string(digits)), exponent);
  free(digits);
  mpz_clear(numerator);
  mpfr_clear(in);
  mpfr_clear(out);
  const Rational error = (value < 0 ? Rational(-value) : value) * scaled(Integer(1), -690);
  return {value - error, value + error};
}

void check_function(const char* name, Interval (*enclosure)(const Interval&), Function f, const std::vector<Rational>& turning_points) {
  CAPTURE(name);
  for (int k = 0; k < 1500; ++k) {
    Interval x;
    if (k % 3 == 0) {
      const auto m = static_cast<std::int64_t>(generator() >> (generator() % 60)) * (generator() % 2 == 0 ? 1 : -1);
      const int size = m == 0 ? 0 : static_cast<int>(std::bit_width(static_cast<std::uint64_t>(m < 0 ? -m : m)));
      x = Interval(Dyadic{m, static_cast<std::int32_t>(generator() % 90) - 80 - size});  // |x| below 2^10
    } else if (k % 3 == 1) {
      const auto m = static_cast<std::int64_t>(generator() % 64000) - 32000;
      x = Interval(Wide(m), Wide(m) + Wide(generator() % 5000), -10);
    } else {
      const auto m = static_cast<std::int64_t>(generator() % 4000) - 2000;
      x = Interval(Dyadic{m, static_cast<std::int32_t>(generator() % 8) - 4});
    }
    const Interval y = enclosure(x);
    for (const Rational& point : {lower_end(x), upper_end(x), point_of(x)}) {
      const auto [low, high] = reference(f, point);
      REQUIRE(lower_end(y) <= high);
      REQUIRE(upper_end(y) >= low);
    }
    for (const Rational& turn : turning_points)
      if (inside(turn, x)) REQUIRE(inside((reference(f, turn).first + reference(f, turn).second) / 2, y));
    if (x.exact()) {
      const auto [low, high] = reference(f, lower_end(x));
      const Rational size = high < 0 ? Rational(-low) : high;
      REQUIRE(upper_end(y) - lower_end(y) <= std::max(size, scaled(Integer(1), -20)) * scaled(Integer(1), -130));
    }
  }
}

}  // namespace

TEST_CASE("sums, products and quotients contain the exact result") {
  for (int k = 0; k < 4000; ++k) {
    const Interval x = random_interval(k % 2);
    const Interval y = random_interval(k / 2 % 2);
    const Rational p = point_of(x);
    const Rational q = point_of(y);
    REQUIRE(inside(p + q, x + y));
    REQUIRE(inside(p * q, x * y));
    REQUIRE(inside(-p, negated(x)));
    REQUIRE(inside(p < 0 ? Rational(-p) : p, absolute(x)));
    REQUIRE(inside(p, hull(x, y)));
    REQUIRE(inside(q, hull(x, y)));
    if (!y.has_zero()) REQUIRE(inside(p / q, quotient(x, y)));
    if (x.exact() && y.exact()) {  // 63 bits each: products are exact, quotients have 160 bits
      REQUIRE((x * y).exact());
      if (!y.is_zero()) {
        const Interval z = quotient(x, y);
        const Rational size = p / q < 0 ? Rational(-p / q) : Rational(p / q);
        REQUIRE(upper_end(z) - lower_end(z) <= size * scaled(Integer(1), -155));
      }
    }
  }
  const Interval third = quotient(Interval(Dyadic{1, 0}), Interval(Dyadic{3, 0}));
  CHECK(lower_end(third) < Rational(1, 3));
  CHECK(upper_end(third) > Rational(1, 3));
  CHECK((Interval(Dyadic{1, 900}) + Interval(Dyadic{1, -900})).low > 0);
  CHECK_FALSE((Interval(Dyadic{1, 900}) + Interval(Dyadic{1, -900})).exact());
  CHECK((Interval() + Interval(Dyadic{1, -1074})) == Interval(Dyadic{1, -1074}));  // a zero takes no precision
}

TEST_CASE("a number whose exponent would wrap is refused") {
  // 2^(2^k) squared again and again: 64 bits of exponent would come back to 0 after 64 squares.
  for (const int first : {1, -1}) {
    Interval x(Wide(1), Wide(1), first);
    int squares = 0;
    CHECK_THROWS_AS(
        [&] {
          for (; squares < 70; ++squares) x = x * x;
        }(),
        Failure);
    CHECK(squares == 24);
  }
  const Interval far(Wide(3), Wide(3), std::int64_t{1} << 24);
  CHECK_THROWS_AS((void)(far * far), Failure);
  CHECK_THROWS_AS((void)quotient(Interval(Wide(1), Wide(1), -(std::int64_t{1} << 24)), far), Failure);
  CHECK(quotient(far, far) == Interval(Wide(1), Wide(1), 0));
}

TEST_CASE("dot products contain the exact sum, and are exact when short") {
  for (int k = 0; k < 300; ++k) {
    DotProduct sum;
    Rational exact = 0;
    std::vector<Interval> xs, ys;
    std::vector<Dyadic> ws;
    const std::size_t n = generator() % 20;
    for (std::size_t i = 0; i < n; ++i) {
      xs.push_back(random_interval(k % 2));
      ws.push_back({static_cast<std::int64_t>(generator() >> 11) * (generator() % 2 == 0 ? 1 : -1), static_cast<std::int32_t>(generator() % 100) - 50});
      ys.push_back(Interval(ws.back()));
    }
    for (std::size_t i = 0; i < n; ++i) k % 3 == 0 ? sum.announce(ws[i], xs[i]) : sum.announce(ys[i], xs[i]);
    for (std::size_t i = 0; i < n; ++i) {
      k % 3 == 0 ? sum.add(ws[i], xs[i]) : sum.add(ys[i], xs[i]);
      exact += point_of(xs[i]) * rational_of(ws[i]);
    }
    REQUIRE(inside(exact, sum.result()));
  }
  DotProduct small;
  const Interval a(Dyadic{3, -7});
  small.announce(a, a);
  small.add(a, a);
  CHECK(small.result().exact());
  CHECK(lower_end(small.result()) == Rational(9, 16384));
}

TEST_CASE("sigmoid, tanh and their slopes against MPFR") {
  check_function("sigmoid", sigmoid, mpfr_sigmoid, {});
  check_function("tanh", hyperbolic_tangent, mpfr_tanh_, {});
  check_function("sigmoid slope", sigmoid_slope, mpfr_sigmoid_slope, {Rational(0)});
  check_function("tanh slope", hyperbolic_tangent_slope, mpfr_tanh_slope, {Rational(0)});
  // Exactly known values, and the far ends.
  CHECK(sigmoid(Interval()) == Interval(Dyadic{1, -1}));
  CHECK(hyperbolic_tangent(Interval()).is_zero());
  CHECK(sigmoid_slope(Interval()) == Interval(Dyadic{1, -2}));
  CHECK(hyperbolic_tangent_slope(Interval()) == Interval(Dyadic{1, 0}));
  for (const int e : {12, 40, 1000}) {
    const Interval far(Dyadic{1, e});
    CHECK(upper_end(sigmoid(far)) == 1);
    CHECK(lower_end(sigmoid(far)) >= 1 - scaled(Integer(1), -100));
    CHECK(lower_end(sigmoid(negated(far))) == 0);
    CHECK(upper_end(sigmoid_slope(far)) <= scaled(Integer(1), -1000));
    CHECK(lower_end(hyperbolic_tangent(negated(far))) >= -1);
    CHECK(lower_end(sigmoid_slope(far)) >= 0);
  }
  const Interval around(Wide(-1), Wide(3), 0);
  CHECK(upper_end(sigmoid_slope(around)) == Rational(1, 4));
  CHECK(upper_end(hyperbolic_tangent_slope(around)) == 1);
}
