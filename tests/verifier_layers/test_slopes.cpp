// "The constants of the table": proofs by subdivision that the largest absolute slopes of SiLU, both Gelus and Mish, and of x times the gates of GELU, lie
// between the two numbers of formats/SPEC.md. Intervals of doubles; elementary functions by MPFR, which rounds correctly in the direction asked for; sums, products and quotients
// widened by one unit in the last place on both sides.
#include <doctest/doctest.h>
#include <mpfr.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>
#include <vector>

namespace {

struct Span {
  double low, high;
};

double down(double x) { return std::nextafter(x, -std::numeric_limits<double>::infinity()); }
double up(double x) { return std::nextafter(x, std::numeric_limits<double>::infinity()); }

Span operator+(Span a, Span b) { return {down(a.low + b.low), up(a.high + b.high)}; }
Span operator-(Span a, Span b) { return {down(a.low - b.high), up(a.high - b.low)}; }
Span operator*(Span a, Span b) {
  const double p[] = {a.low * b.low, a.low * b.high, a.high * b.low, a.high * b.high};
  return {down(*std::min_element(p, p + 4)), up(*std::max_element(p, p + 4))};
}
Span point(double x) { return {x, x}; }

using Function = int (*)(mpfr_t, const mpfr_t, mpfr_rnd_t);

double rounded(Function f, double x, mpfr_rnd_t direction) {
  mpfr_t a;
  mpfr_t b;
  mpfr_init2(a, 53);
  mpfr_init2(b, 53);
  mpfr_set_d(a, x, MPFR_RNDN);
  f(b, a, direction);
  const double out = mpfr_get_d(b, direction);
  mpfr_clear(a);
  mpfr_clear(b);
  return out;
}

/// Image of an interval under an increasing function.
Span increasing(Function f, Span x) { return {rounded(f, x.low, MPFR_RNDD), rounded(f, x.high, MPFR_RNDU)}; }

Span exponential(Span x) { return increasing(mpfr_exp, x); }
Span hyperbolic(Span x) { return increasing(mpfr_tanh, x); }
Span softplus(Span x) { return increasing(mpfr_log1p, exponential(x)); }
Span logistic(Span x) {  // 1 / (1 + e^-x), increasing
  const Span e = point(1) + exponential({-x.high, -x.low});
  return {down(1 / e.high), up(1 / e.low)};
}
Span square(Span x) {
  const double a = std::min(std::fabs(x.low), std::fabs(x.high));
  const double b = std::max(std::fabs(x.low), std::fabs(x.high));
  return {x.low <= 0 && x.high >= 0 ? 0 : down(a * a), up(b * b)};
}
const Span kRootTwo = {down(std::sqrt(2.0)), up(std::sqrt(2.0))};
const Span kPi = {3.14159265358979311, 3.14159265358979356};
const Span kNormal = {down(down(1 / std::sqrt(2 * kPi.high))), up(up(1 / std::sqrt(2 * kPi.low)))};     // 1/sqrt(2 pi)
const Span kGelu = {down(down(std::sqrt(2 / kPi.high))), up(up(std::sqrt(2 / kPi.low)))};               // sqrt(2/pi)

Span silu(Span x) {
  const Span s = logistic(x);
  return s + x * (s * (point(1) - s));
}
Span gelu(Span x) {
  const Span z = {down(x.low / (x.low < 0 ? kRootTwo.low : kRootTwo.high)), up(x.high / (x.high < 0 ? kRootTwo.high : kRootTwo.low))};
  const Span cumulative = point(0.5) * (point(1) + increasing(mpfr_erf, z));
  const Span half = point(-0.5) * square(x);
  return cumulative + x * (kNormal * exponential(half));
}
Span gelu_tanh(Span x) {
  const Span a = {down(0.044715), up(0.044715)};
  const Span t = hyperbolic(kGelu * (x + a * (x * square(x))));
  const Span inner = kGelu * (point(1) + point(3) * (a * square(x)));
  return point(0.5) * (point(1) + t) + point(0.5) * (x * ((point(1) - square(t)) * inner));
}
Span mish(Span x) {
  const Span t = hyperbolic(softplus(x));
  return t + x * ((point(1) - square(t)) * logistic(x));
}

Span erf_gate(Span x) {  // x erf(x)
  const Span two_over_root_pi = {down(down(2 / std::sqrt(kPi.high))), up(up(2 / std::sqrt(kPi.low)))};
  return increasing(mpfr_erf, x) + x * (two_over_root_pi * exponential(point(-1) * square(x)));
}
Span tanh_gate(Span x) {  // x tanh(x + k x^3), for every k that the checker takes for GELU's: piece by piece, because k occurs twice
  constexpr int pieces = 32;
  const double step = 0x1p-16 / pieces;
  Span out = {HUGE_VAL, -HUGE_VAL};
  for (int i = 0; i < pieces; ++i) {
    const double first = 0.0702381 - 0x1p-17 + i * step;
    const Span k = {down(first - 1e-16), up(first + step + 1e-16)};
    const Span t = hyperbolic(x * (point(1) + k * square(x)));
    const Span slope = t + x * ((point(1) + point(3) * (k * square(x))) * (point(1) - square(t)));
    out = {std::min(out.low, slope.low), std::max(out.high, slope.high)};
  }
  return out;
}

/// True when |slope| <= bound on [a, b], by subdivision.
bool bounded(const std::function<Span(Span)>& slope, double bound, double a, double b) {
  std::vector<Span> open = {{a, b}};
  while (!open.empty()) {
    const Span x = open.back();
    open.pop_back();
    const Span y = slope(x);
    if (y.high <= bound && y.low >= -bound) continue;
    if (x.high - x.low < 1e-11) return false;
    const double middle = x.low + (x.high - x.low) / 2;
    open.push_back({x.low, middle});
    open.push_back({middle, x.high});
  }
  return true;
}

}  // namespace

TEST_CASE("the constants of the table") {
  struct Row {
    const char* name;
    Span (*slope)(Span);
    int lower, upper;  // in units of 10^-5
    double best;       // where the slope is largest
    double left = 0;   // where the slope goes; to the right it goes to 1
  };
  for (const Row& row : {Row{"SiLU", silu, 109983, 109984, 2.399357}, Row{"Gelu", gelu, 112890, 112891, 1.414214}, Row{"Gelu tanh", gelu_tanh, 112899, 112900, 1.418508},
                         Row{"Mish", mish, 108849, 108850, 1.490568}, Row{"erf", erf_gate, 125780, 125781, 1, -1}, Row{"tanh", tanh_gate, 125798, 125800, 1.131802, -1}}) {
    CAPTURE(row.name);
    CHECK(bounded(row.slope, down(row.upper / 100000.0), -16, 16));
    CHECK(row.slope(point(row.best)).low >= up(row.lower / 100000.0));
    // Neither number could be one unit of the last digit sharper: the subdivision would notice.
    CHECK_FALSE(bounded(row.slope, (row.upper - 1) / 100000.0, row.best - 0.01, row.best + 0.01));
    // At the ends the slope is near 0 and 1, and stays there.
    CHECK(std::fabs(row.slope(point(-16)).low - row.left) < 1e-4);
    CHECK(std::fabs(row.slope(point(16)).high - 1) < 1e-4);
  }
}
