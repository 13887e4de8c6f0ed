// See functions.hpp.
#include "verifier/graph/functions.hpp"

#include <algorithm>

#include "verifier/base/failure.hpp"

namespace lipverify {

namespace mp = boost::multiprecision;

namespace {

constexpr unsigned kFine = 256;  // fractional bits of the fixed-point series below

const Interval& one() {
  static const Interval value(Dyadic{1, 0});
  return value;
}

Interval at(const Wide& mantissa, std::int64_t exponent) { return {mantissa, mantissa, exponent}; }
Interval low_end(const Interval& x) { return at(x.low, x.exponent); }
Interval high_end(const Interval& x) { return at(x.high, x.exponent); }

Integer floor_shift(const Integer& x, std::size_t shift) {  // x / 2^shift rounded down
  return x >= 0 ? Integer(x >> shift) : Integer(-(((-x - 1) >> shift) + 1));
}
Integer ceil_shift(const Integer& x, std::size_t shift) { return -floor_shift(-x, shift); }

/// [low, high] 2^exponent with integers of any size.
Interval interval_of(Integer low, Integer high, std::int64_t exponent) {
  const Integer size = std::max(mp::abs(low), mp::abs(high));
  if (size == 0) return {};
  const std::int64_t excess = static_cast<std::int64_t>(mp::msb(size)) - 300;
  if (excess > 0) {
    low = floor_shift(low, static_cast<std::size_t>(excess));
    high = ceil_shift(high, static_cast<std::size_t>(excess));
    exponent += excess;
  }
  return {Wide(low), Wide(high), exponent};
}

struct Fixed {  // [low, high] 2^-kFine, nonnegative
  Integer low, high;
};

/// x >= 0 below 2^300 on the grid.
Fixed fixed_of(const Interval& x) {
  const std::int64_t shift = x.exponent + static_cast<std::int64_t>(kFine);
  if (shift >= 0) return {Integer(x.low) << static_cast<std::size_t>(shift), Integer(x.high) << static_cast<std::size_t>(shift)};
  const auto down = static_cast<std::size_t>(std::min<std::int64_t>(-shift, 4096));  // the mantissas have at most 160 bits
  return {floor_shift(Integer(x.low), down), ceil_shift(Integer(x.high), down)};
}
Interval interval_of(const Fixed& x) { return interval_of(x.low, x.high, -static_cast<std::int64_t>(kFine)); }

/// pi = 16 atan(1/5) - 4 atan(1/239) (Machin). The series of atan(1/n) alternates with falling terms, so that the sum up to a term and the sum
/// up to the next one enclose it; every term is rounded down, which is one unit more for each.
const Interval& pi() {
  static const Interval value = [] {
    const std::size_t bits = 300;
    const auto arc = [&](std::int64_t n) {
      Integer power = (Integer(1) << bits) / n;
      Integer sum = 0;
      std::int64_t terms = 0;
      for (; power != 0; ++terms, power /= n * n) sum += (terms % 2 == 0 ? 1 : -1) * (power / (2 * terms + 1));
      // Each power is short of the true one by less than 2 units, each quotient by one more; the remainder is below one unit, plus 1 for the cut.
      return Fixed{sum - 4 * terms - 2, sum + 4 * terms + 2};
    };
    const Fixed a = arc(5);
    const Fixed b = arc(239);
    return interval_of(Integer(16 * a.low - 4 * b.high), Integer(16 * a.high - 4 * b.low), -static_cast<std::int64_t>(bits));
  }();
  return value;
}

template <typename Function>
Interval monotone(const Interval& x, const Function& function) {
  if (x.exact()) return function(x);
  return hull(function(low_end(x)), function(high_end(x)));
}

}  // namespace

int compare(const Wide& a, std::int64_t ea, const Wide& b, std::int64_t eb) {
  const int sa = a == 0 ? 0 : a < 0 ? -1 : 1;
  const int sb = b == 0 ? 0 : b < 0 ? -1 : 1;
  if (sa != sb) return sa < sb ? -1 : 1;
  if (sa == 0) return 0;
  const std::int64_t ta = ea + bit_length(a);
  const std::int64_t tb = eb + bit_length(b);
  if (ta != tb) return (ta < tb) == (sa > 0) ? -1 : 1;
  // The same leading bit: the exponents differ by less than the length of a mantissa.
  const Wide x = ea > eb ? Wide(a * (Wide(1) << static_cast<std::size_t>(ea - eb))) : a;
  const Wide y = eb > ea ? Wide(b * (Wide(1) << static_cast<std::size_t>(eb - ea))) : b;
  return x < y ? -1 : x == y ? 0 : 1;
}

namespace {

Interval between(const Wide& low, std::int64_t low_exponent, const Wide& high, std::int64_t high_exponent) {
  return low_exponent == high_exponent ? Interval(low, high, low_exponent) : hull(at(low, low_exponent), at(high, high_exponent));
}

}  // namespace

Interval maximum(const Interval& x, const Interval& y) {
  const Interval& low = compare(x.low, x.exponent, y.low, y.exponent) >= 0 ? x : y;
  const Interval& high = compare(x.high, x.exponent, y.high, y.exponent) >= 0 ? x : y;
  return between(low.low, low.exponent, high.high, high.exponent);
}

Interval minimum(const Interval& x, const Interval& y) { return negated(maximum(negated(x), negated(y))); }

bool meets(const Interval& x, const Interval& y) {
  return compare(x.low, x.exponent, y.high, y.exponent) <= 0 && compare(y.low, y.exponent, x.high, x.exponent) <= 0;
}

Interval not_positive(const Interval& x) { return {std::min(x.low, Wide(0)), std::min(x.high, Wide(0)), x.exponent}; }
Interval not_negative(const Interval& x) { return {std::max(x.low, Wide(0)), std::max(x.high, Wide(0)), x.exponent}; }

Interval integer(std::int64_t value) { return Interval(Dyadic{value, 0}); }
Interval fraction(std::int64_t numerator, std::int64_t denominator) { return quotient(integer(numerator), integer(denominator)); }

Interval squared(const Interval& x) {
  const Interval size = absolute(x);
  return size * size;
}

Interval square_root(const Interval& x) {
  if (x.low < 0) exhausted("the square root of a negative number: a fault of the checker");
  const auto root = [](const Interval& v) -> Interval {
    if (v.is_zero()) return {};
    std::int64_t shift = 330 - bit_length(v.low);
    if ((v.exponent - shift) % 2 != 0) ++shift;
    const Integer n = Integer(v.low) << static_cast<std::size_t>(shift);
    return interval_of(sqrt_floor(n), sqrt_ceiling(n), (v.exponent - shift) / 2);
  };
  return monotone(x, root);
}

Interval exponential_below(const Interval& x) {
  if (x.high > 0) exhausted("exp beyond its range: a fault of the checker");
  return monotone(x, [](const Interval& v) { return exp_minus(-v.low, v.exponent); });
}

namespace {

/// log(1 + u) = 2 atanh(w) = 2 sum w^(2 i + 1) / (2 i + 1), w = u / (2 + u) <= 1/3, for 0 <= u <= 1. What follows a term of power p is at most
/// p (1/9 + 1/81 + ...) < p.
Interval log_one_plus(const Interval& u) {
  if (u.is_zero()) return {};
  if (u.exponent + bit_length(u.high) < -130) {  // u - u^2 / 2 <= log(1 + u) <= u
    const Interval low = u + negated(squared(u) * fraction(1, 2));
    return hull(low, u);
  }
  const Fixed w = fixed_of(quotient(u, integer(2) + u));
  const Fixed square{w.low * w.low >> kFine, ceil_shift(w.high * w.high, kFine)};
  Fixed power = w;
  Fixed sum{0, 0};
  for (std::int64_t i = 0; i < 85; ++i) {  // 9^-85 < 2^-269
    sum.low += power.low / (2 * i + 1);
    sum.high += (power.high + 2 * i) / (2 * i + 1);
    power.low = power.low * square.low >> kFine;
    power.high = ceil_shift(power.high * square.high, kFine);
  }
  sum.high += 2 * power.high;
  return integer(2) * interval_of(sum);
}

}  // namespace

Interval exponential(const Interval& x) {
  return monotone(x, [](const Interval& v) { return v.low <= 0 ? exp_minus(-v.low, v.exponent) : quotient(one(), exp_minus(v.low, v.exponent)); });
}

/// log(m 2^k) = log(m) + k log(2), 1 <= m < 2.
Interval logarithm(const Interval& x) {
  if (x.low <= 0) exhausted("the logarithm of a number that is not positive: a fault of the checker");
  return monotone(x, [](const Interval& v) {
    const std::int64_t k = v.exponent + bit_length(v.low) - 1;
    const Interval rest = at(v.low, v.exponent - k) + integer(-1);
    return log_one_plus(rest) + integer(k) * log_one_plus(one());
  });
}

Interval softplus(const Interval& x) {
  return monotone(x, [](const Interval& v) {
    const Interval rest = monotone(exponential_below(negated(absolute(v))), [](const Interval& u) { return log_one_plus(u); });
    return v.low > 0 ? v + rest : rest;
  });
}

Interval normal_density(const Interval& x) {
  static const Interval factor = quotient(one(), square_root(integer(2) * pi()));
  return factor * exponential_below(negated(squared(x) * fraction(1, 2)));
}

/// For x > 0, Phi(x) = 1/2 + phi(x) S(x), S(x) = sum x^(2 n + 1) / (1 3 5 ... (2 n + 1)) (integrate by parts). All terms are positive; once the
/// ratio x^2 / (2 n + 3) of the next term is at most 1/2 it stays so, and what follows a term is at most that term. For x >= 32,
/// 1 - Phi(x) <= phi(x) / x < exp(-x^2 / 2).
static Interval distribution_at(const Interval& v) {
  if (v.is_zero()) return fraction(1, 2);
  const Interval size = absolute(v);
  Interval upper;  // 1 - Phi(|x|)
  if (size.exponent + bit_length(size.low) > 5) {
    upper = hull({}, exponential_below(negated(squared(size) * fraction(1, 2))));
  } else {
    const Fixed x = fixed_of(size);
    const Fixed square{x.low * x.low >> kFine, ceil_shift(x.high * x.high, kFine)};
    Fixed term = x;
    Fixed sum = x;
    for (std::int64_t n = 1; term.high > 1 || square.high > Integer(2 * n + 1) << (kFine - 1); ++n) {
      term.low = (term.low * square.low >> kFine) / (2 * n + 1);
      term.high = (ceil_shift(term.high * square.high, kFine) + 2 * n) / (2 * n + 1);
      sum.low += term.low;
      sum.high += term.high;
    }
    sum.high += term.high;
    upper = not_negative(fraction(1, 2) + negated(normal_density(size) * interval_of(sum)));
  }
  return v.low > 0 ? one() + negated(upper) : upper;
}

Interval normal_distribution(const Interval& x) { return monotone(x, distribution_at); }

namespace {

/// sin(r) = sum of the terms (-1)^n r^(2 n + 1) / (2 n + 1)!, cos(r) = sum of (-1)^n r^(2 n) / (2 n)!. For |r| <= 1 the terms alternate and fall,
/// so that what follows a term is at most the next one, which is at most that term: 1 / 44! < 2^-180.
Interval series(const Interval& r, bool odd) {
  const Interval square = squared(r);
  Interval term = odd ? r : one();
  Interval sum = term;
  for (std::int64_t n = odd ? 2 : 1; n < 45; n += 2) {
    term = negated(term * square * fraction(1, n * (n + 1)));
    sum = sum + term;
  }
  const Interval rest = absolute(term);
  return sum + hull(negated(rest), rest);
}

/// sin(x + quarter pi / 2), quarter = 0 or 1. At the midpoint m of x: with k the integer nearest to m 2 / pi, r = m - k pi / 2 is within
/// [-1, 1], and sin(m + quarter pi / 2) is sin r, cos r, -sin r or -cos r as k + quarter is 0, 1, 2, 3 modulo 4. Elsewhere in x the value is
/// within |x - m| of that, since |sin'| <= 1.
Interval wave(const Interval& x, unsigned quarter) {
  const Interval all = hull(integer(-1), integer(1));
  const Interval size = absolute(x);
  if (size.exponent + bit_length(size.high) > 64) return all;
  const Interval middle = at(x.low + x.high, x.exponent - 1);
  const Interval radius = at(x.high - x.low, x.exponent - 1);
  const Interval turns = middle * quotient(integer(2), pi()) + fraction(1, 2);
  const Integer k = turns.exponent >= 0 ? Integer(turns.low) << static_cast<std::size_t>(turns.exponent)
                                        : floor_shift(Integer(turns.low), static_cast<std::size_t>(std::min<std::int64_t>(-turns.exponent, 4096)));
  const Interval r = middle + negated(at(Wide(k), 0) * pi() * fraction(1, 2));
  const Interval distance = absolute(r);
  if (compare(distance.high, distance.exponent, 1, 0) > 0) return all;  // m is too large for the digits of pi that are known
  const auto phase = static_cast<unsigned>(Integer(((k % 4) + 4) % 4)) + quarter;
  Interval value = series(r, phase % 2 == 0);
  if (phase % 4 >= 2) value = negated(value);
  value = value + hull(negated(radius), radius);
  return minimum(maximum(value, integer(-1)), integer(1));
}

/// 2 sqrt(2 / pi) (x + 0.044715 x^3) and its derivative.
Interval tanh_argument(const Interval& x) {
  static const Interval factor = integer(2) * square_root(quotient(integer(2), pi()));
  static const Interval cubic = fraction(44715, 1000000);
  return factor * (x + cubic * (x * squared(x)));
}
Interval tanh_argument_slope(const Interval& x) {
  static const Interval factor = integer(2) * square_root(quotient(integer(2), pi()));
  static const Interval cubic = fraction(3 * 44715, 1000000);
  return factor * (one() + cubic * squared(x));
}

/// tanh(softplus(x)): with e = exp(x), ((1 + e)^2 - 1) / ((1 + e)^2 + 1); for x > 0 in terms of 1 / e.
Interval gate(const Interval& x) {
  return monotone(x, [](const Interval& v) {
    const Interval e = exponential_below(negated(absolute(v)));
    if (v.low > 0) return quotient(one() + integer(2) * e, one() + integer(2) * e + integer(2) * squared(e));
    const Interval top = squared(e) + integer(2) * e;
    return quotient(top, top + integer(2));
  });
}

}  // namespace

Interval sine(const Interval& x) { return wave(x, 0); }
Interval cosine(const Interval& x) { return wave(x, 1); }

Interval error_function(const Interval& x) {
  static const Interval root = square_root(integer(2));
  return integer(2) * normal_distribution(root * x) + integer(-1);
}
Interval error_function_slope(const Interval& x) {
  static const Interval factor = quotient(integer(2), square_root(pi()));
  return factor * exponential_below(negated(squared(x)));
}

Interval gelu(const Interval& x, bool by_tanh) { return x * (by_tanh ? sigmoid(tanh_argument(x)) : normal_distribution(x)); }

Interval gelu_slope(const Interval& x, bool by_tanh) {
  if (!by_tanh) return normal_distribution(x) + x * normal_density(x);
  const Interval u = tanh_argument(x);
  return sigmoid(u) + x * (sigmoid_slope(u) * tanh_argument_slope(x));
}

Interval mish(const Interval& x) { return x * gate(x); }

Interval mish_slope(const Interval& x) {  // tanh(s) + x (1 - tanh(s)^2) sigmoid(x), s = softplus(x)
  const Interval t = gate(x);
  return t + x * ((one() + negated(squared(t))) * sigmoid(x));
}

}  // namespace lipverify
