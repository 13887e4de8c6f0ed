// See interval.hpp.
#include "verifier/base/interval.hpp"

#include <algorithm>

#include "verifier/base/failure.hpp"

namespace lipverify {

namespace mp = boost::multiprecision;

std::int64_t bit_length(const Wide& x) { return x == 0 ? 0 : static_cast<std::int64_t>(mp::msb(x < 0 ? Wide(-x) : x)) + 1; }

namespace {

constexpr std::int64_t kBits = 160;
constexpr std::int64_t kWindow = 256;
constexpr std::int64_t kFarthest = std::int64_t{1} << 24;  // of exponents: no sum of two of them, and no shift between them, leaves 64 bits

std::int64_t longest(const Interval& x) { return std::max(bit_length(x.low), bit_length(x.high)); }

/// x / 2^shift rounded to the integer below or above; exact for shift <= 0.
Wide shifted(const Wide& x, std::int64_t shift, bool up) {
  if (x == 0) return x;
  const bool negative = x < 0;
  const Wide magnitude = negative ? Wide(-x) : x;
  if (shift <= 0) {
    const Wide longer = magnitude << static_cast<std::size_t>(-shift);
    return negative ? Wide(-longer) : longer;
  }
  if (shift > bit_length(magnitude)) return up == negative ? Wide(0) : Wide(negative ? -1 : 1);
  Wide cut = magnitude >> static_cast<std::size_t>(shift);
  const bool inexact = static_cast<std::int64_t>(mp::lsb(magnitude)) < shift;
  if (inexact && up != negative) cut += 1;  // away from zero
  return negative ? Wide(-cut) : cut;
}

}  // namespace

Interval::Interval(Wide l, Wide h, std::int64_t e) : low(std::move(l)), high(std::move(h)), exponent(e) {
  if (is_zero()) {
    exponent = 0;
    return;
  }
  const std::int64_t excess = longest(*this) - kBits;
  if (excess > 0) {
    low = shifted(low, excess, false);
    high = shifted(high, excess, true);
    exponent += excess;
  }
  if (low == high) {  // one spelling for exact numbers: an odd mantissa
    const auto zeros = static_cast<std::int64_t>(mp::lsb(low < 0 ? Wide(-low) : low));
    low = shifted(low, zeros, false);
    high = low;
    exponent += zeros;
  }
  // Repeated squares of a constant double the exponent at each node: unchecked, 64 nodes would bring 2^(2^64) back to 1.
  if (exponent < -kFarthest || exponent > kFarthest) reject("a number that the network computes is out of range (beyond 2^16777216 or its inverse)");
}

static Rational end_of(const Wide& mantissa, std::int64_t exponent) { return scaled(Integer(mantissa), exponent); }

Rational lower_end(const Interval& x) { return end_of(x.low, x.exponent); }
Rational upper_end(const Interval& x) { return end_of(x.high, x.exponent); }

Interval negated(const Interval& x) { return {-x.high, -x.low, x.exponent}; }

Interval absolute(const Interval& x) {
  if (x.low >= 0) return x;
  if (x.high <= 0) return negated(x);
  return {Wide(0), std::max(Wide(-x.low), x.high), x.exponent};
}

namespace {

/// Both on one exponent, not further apart than the window.
void align(const Interval& x, const Interval& y, Wide& xl, Wide& xh, Wide& yl, Wide& yh, std::int64_t& exponent) {
  const Interval& a = x.is_zero() ? y : x;  // a zero has no size of its own
  const Interval& b = y.is_zero() ? x : y;
  const std::int64_t top = std::max(a.exponent + longest(a), b.exponent + longest(b));
  exponent = std::max(std::min(a.exponent, b.exponent), top - kWindow);
  xl = shifted(x.low, exponent - x.exponent, false);
  xh = shifted(x.high, exponent - x.exponent, true);
  yl = shifted(y.low, exponent - y.exponent, false);
  yh = shifted(y.high, exponent - y.exponent, true);
}

}  // namespace

Interval hull(const Interval& x, const Interval& y) {
  Wide xl, xh, yl, yh;
  std::int64_t exponent = 0;
  align(x, y, xl, xh, yl, yh, exponent);
  return {std::min(xl, yl), std::max(xh, yh), exponent};
}

Interval operator+(const Interval& x, const Interval& y) {
  Wide xl, xh, yl, yh;
  std::int64_t exponent = 0;
  align(x, y, xl, xh, yl, yh, exponent);
  return {xl + yl, xh + yh, exponent};
}

namespace {

void product_ends(const Interval& x, const Interval& y, Wide& low, Wide& high) {
  if (x.exact() && y.exact()) {
    low = x.low * y.low;
    high = low;
  } else if (x.low >= 0 && y.low >= 0) {
    low = x.low * y.low;
    high = x.high * y.high;
  } else {
    const Wide a = x.low * y.low;
    const Wide b = x.low * y.high;
    const Wide c = x.high * y.low;
    const Wide d = x.high * y.high;
    low = std::min(std::min(a, b), std::min(c, d));
    high = std::max(std::max(a, b), std::max(c, d));
  }
}

}  // namespace

Interval operator*(const Interval& x, const Interval& y) {
  Wide low, high;
  product_ends(x, y, low, high);
  return {low, high, x.exponent + y.exponent};
}

Interval quotient(const Interval& x, const Interval& y) {
  if (y.has_zero()) exhausted("division by an interval that contains 0: a fault of the checker");
  if (y.high < 0) return quotient(negated(x), negated(y));
  if (x.is_zero()) return x;
  // (x 2^shift) / y with at least kBits + 2 bits, floor and ceiling by the remainder's sign.
  const std::int64_t shift = std::max<std::int64_t>(0, kBits + 2 + longest(y) - 1);
  const auto divide = [&](const Wide& n, const Wide& d, bool up) {
    const Wide scaled_n = shifted(n, -shift, false);
    Wide q = scaled_n / d;  // towards zero, d > 0
    if (q * d != scaled_n) {
      if (up && n > 0) q += 1;
      if (!up && n < 0) q -= 1;
    }
    return q;
  };
  const Wide low = divide(x.low, x.low >= 0 ? y.high : y.low, false);
  const Wide high = divide(x.high, x.high >= 0 ? y.low : y.high, true);
  return {low, high, x.exponent - y.exponent - shift};
}

// ---------------------------------------------------------------------------------------------------------------- exponential function
// exp(-t) for an exact t >= 0: with k + 1 = ceiling of t / ln 2, exp(-t) = 2^-(k+1) exp(y), y = (k + 1) ln 2 - t in [0, 2 ln 2). exp(y) is summed from
// exp(y / 2^8), whose Taylor remainder after the last term is below twice that term, and squared eight times. Everything on the grid
// 2^-kFine, floor below and ceiling above. ln 2 = 2 atanh(1/3) = sum 2 / ((2 i + 1) 3^(2 i + 1)).

namespace {

constexpr unsigned kFine = 224;

struct Fixed {  // [low, high] * 2^-kFine, nonnegative
  Integer low, high;
};

Integer ceil_shift(const Integer& x, unsigned shift) { return x == 0 ? Integer(0) : Integer(((x - 1) >> shift) + 1); }

const Fixed& log_two() {
  static const Fixed value = [] {
    constexpr unsigned extra = 32;
    Integer power = (Integer(2) << (kFine + extra)) / 3;  // 2 / 3^(2 i + 1), rounded down
    Integer sum = 0;
    for (unsigned i = 0; power != 0; ++i, power /= 9) sum += power / (2 * i + 1);
    // Each of less than 100 terms lost less than 3 units (its power less than 1.2, its quotient less than 1); what follows the last is below 2.
    return Fixed{sum >> extra, ((sum + 1000) >> extra) + 1};
  }();
  return value;
}

/// Enclosure of exp(y) for y in [y.low, y.high] 2^-kFine, 0 <= y < 2.
Fixed exponential(const Fixed& y) {
  constexpr unsigned halvings = 8;
  const Integer one = Integer(1) << kFine;
  const Integer a = y.low >> halvings;
  const Integer b = ceil_shift(y.high, halvings);
  Fixed sum{one, one};
  Integer term_low = one;
  Integer term_high = one;
  for (unsigned i = 1; i < 60; ++i) {
    term_low = (term_low * a >> kFine) / i;
    term_high = ceil_shift(term_high * b, kFine);
    term_high = (term_high + (i - 1)) / i;
    sum.low += term_low;
    sum.high += term_high;
  }
  sum.high += 2 * term_high;
  for (unsigned i = 0; i < halvings; ++i) {
    sum.low = sum.low * sum.low >> kFine;
    sum.high = ceil_shift(sum.high * sum.high, kFine);
  }
  return sum;
}

}  // namespace

Interval exp_minus(const Wide& mantissa, std::int64_t exponent) {
  if (mantissa == 0) return Interval(Dyadic{1, 0});
  const std::int64_t top = exponent + bit_length(mantissa);  // t < 2^top
  if (top > 11) return {Wide(0), Wide(1), -2900};  // t >= 2^11, so exp(-t) < 2^-2954
  const Integer m = Integer(mantissa);
  const std::int64_t shift = exponent + static_cast<std::int64_t>(kFine);
  const auto up = static_cast<std::size_t>(shift > 0 ? shift : 0);
  const auto down = static_cast<unsigned>(shift < 0 ? std::min<std::int64_t>(-shift, 4096) : 0);
  const Fixed t{m << up >> down, ceil_shift(m << up, down)};
  const Fixed& ln2 = log_two();
  const Integer k = t.high / ln2.low + 1;  // k ln 2 >= t
  const Fixed y{Integer(k * ln2.low - t.high), Integer(k * ln2.high - t.low)};
  const Fixed value = exponential({y.low < 0 ? Integer(0) : y.low, y.high});
  const Interval result(Wide(value.low), Wide(value.high), -static_cast<std::int64_t>(kFine) - static_cast<std::int64_t>(k));
  if (upper_end(result) <= 1) return result;
  return {result.low, Wide(1) << static_cast<std::size_t>(-result.exponent), result.exponent};
}

namespace {

const Interval& one() {
  static const Interval value(Dyadic{1, 0});
  return value;
}

/// exp(-|x|) over the end of smaller, and of larger, magnitude of x.
struct Decay {
  Interval near, far;
};

Decay decay(const Interval& x) {
  const Interval size = absolute(x);
  return {exp_minus(size.low, size.exponent), exp_minus(size.high, size.exponent)};
}

Interval sigmoid_at(const Wide& mantissa, std::int64_t exponent) {
  if (mantissa == 0) return Interval(Dyadic{1, -1});
  const bool negative = mantissa < 0;
  const Interval e = exp_minus(negative ? Wide(-mantissa) : mantissa, exponent);
  // e / (1 + e) grows and 1 / (1 + e) falls with e: quotient's rounding is outward, and the dependency costs only the width of e.
  return negative ? quotient(e, one() + e) : quotient(one(), one() + e);
}

Interval tangent_at(const Wide& mantissa, std::int64_t exponent) {
  if (mantissa == 0) return {};
  const bool negative = mantissa < 0;
  const Interval e = exp_minus(negative ? Wide(-mantissa) : mantissa, exponent);
  const Interval square = e * e;
  const Interval value = quotient(one() + negated(square), one() + square);
  return negative ? negated(value) : value;
}

}  // namespace

Interval sigmoid(const Interval& x) {
  const Interval low = sigmoid_at(x.low, x.exponent);
  return x.exact() ? low : hull(low, sigmoid_at(x.high, x.exponent));
}

Interval hyperbolic_tangent(const Interval& x) {
  const Interval low = tangent_at(x.low, x.exponent);
  return x.exact() ? low : hull(low, tangent_at(x.high, x.exponent));
}

Interval sigmoid_slope(const Interval& x) {  // e / (1 + e)^2, e = exp(-|x|): falls with |x|
  const Decay e = decay(x);
  const auto slope = [](const Interval& v) { return quotient(v, (one() + v) * (one() + v)); };
  return hull(slope(e.far), slope(e.near));
}

Interval hyperbolic_tangent_slope(const Interval& x) {  // 4 e^2 / (1 + e^2)^2
  const Decay e = decay(x);
  const auto slope = [](const Interval& v) {
    const Interval square = v * v;
    return quotient(Interval(Dyadic{4, 0}) * square, (one() + square) * (one() + square));
  };
  return hull(slope(e.far), slope(e.near));
}

// ------------------------------------------------------------------------------------------------------------------------- dot products

void DotProduct::announce(const Interval& x, const Interval& y) {
  if (!x.is_zero() && !y.is_zero()) announce_term(x.exponent + y.exponent, longest(x) + longest(y));
}

void DotProduct::announce(const Dyadic& w, const Interval& x) {
  if (w.mantissa == 0 || x.is_zero()) return;
  announce_term(w.exponent + x.exponent, 64 + longest(x));
}

void DotProduct::announce_term(std::int64_t fine, std::int64_t bits) {
  const std::int64_t top = fine + bits;
  fine_ = any_ ? std::min(fine_, fine) : fine;
  top_ = any_ ? std::max(top_, top) : top;
  any_ = true;
}

void DotProduct::add(const Interval& x, const Interval& y) {
  if (x.is_zero() || y.is_zero()) return;
  Wide low, high;
  product_ends(x, y, low, high);
  add_term(low, high, x.exponent + y.exponent);
}

void DotProduct::add(const Dyadic& w, const Interval& x) {
  if (w.mantissa == 0 || x.is_zero()) return;
  if (x.exact()) {
    const Wide term = x.low * w.mantissa;
    add_term(term, term, w.exponent + x.exponent);
  } else if (w.mantissa > 0) {
    add_term(x.low * w.mantissa, x.high * w.mantissa, w.exponent + x.exponent);
  } else {
    add_term(x.high * w.mantissa, x.low * w.mantissa, w.exponent + x.exponent);
  }
}

void DotProduct::add_term(const Wide& low, const Wide& high, std::int64_t exponent) {
  const std::int64_t grid = std::max(fine_, top_ - kWindow);
  const std::int64_t shift = grid - exponent;
  if (low == high && shift <= 0) {
    const Wide term = shifted(low, shift, false);
    low_ += term;
    high_ += term;
  } else {
    low_ += shifted(low, shift, false);
    high_ += shifted(high, shift, true);
  }
}

Interval DotProduct::result() const { return {low_, high_, std::max(fine_, top_ - kWindow)}; }

}  // namespace lipverify
