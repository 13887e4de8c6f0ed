// See kinks.hpp.

#include "certify/graph/kinks.hpp"

#include <algorithm>
#include <cmath>
#include <optional>

#include "certify/graph/balls.hpp"

namespace lipcert {
namespace {

// The larger (smaller) of two numbers moves no further than the one of them that moves more.
Ball larger(Ball a, Ball b) {
  return {std::max(a.centre, b.centre), std::max(a.radius, b.radius)};
}
Ball smaller(Ball a, Ball b) {
  return {std::min(a.centre, b.centre), std::max(a.radius, b.radius)};
}

}  // namespace

Ball two_slopes(Ball t, const TwoSlopes& s) {
  switch (sign_of(t)) {
    case Sign::zero:
      return {0, 0};
    case Sign::positive:
      return multiply(t, s.right);
    case Sign::negative:
      return multiply(t, s.left);
    case Sign::open:
      break;
  }
  if (!bounded(t)) {
    return unbounded();
  }
  // The extreme values are at the ends or at 0.
  const Ball at_low = multiply({low_end(t), 0}, low_end(t) < 0 ? s.left : s.right);
  const Ball at_high = multiply({high_end(t), 0}, high_end(t) < 0 ? s.left : s.right);
  return hull_of(hull_of(at_low, at_high), {0, 0});
}

Ball kink_along(Ball z, double magnitude, Ball t, const TwoSlopes& s, bool& clear) {
  Sign sign = sign_of(z);
  if (sign != Sign::zero && !is_clear(z, magnitude)) {
    clear = false;
    sign = Sign::open;  // even where we see the sign: another program may not
  }
  switch (sign) {
    case Sign::zero:
      return two_slopes(t, s);
    case Sign::positive:
      return multiply(t, s.right);
    case Sign::negative:
      return multiply(t, s.left);
    case Sign::open:
      break;
  }
  // Whatever the sign, and at an exact zero whatever the direction, the result is t times a number between the slopes.
  return hull_of(multiply(t, s.left), multiply(t, s.right));
}

Ball clamp_value(Ball z, const Ball* low, const Ball* high) {
  if (low != nullptr) {
    z = larger(z, *low);
  }
  if (high != nullptr) {
    z = smaller(z, *high);
  }
  return z;
}

Ball clamp_along(Ball z, double magnitude, const Ball* low, const Ball* high, Ball t, bool& clear) {
  if (low != nullptr) {
    t = kink_along(subtract(z, *low), magnitude + std::fabs(low->centre), t, {{0, 0}, {1, 0}}, clear);
    z = larger(z, *low);
    magnitude = magnitude == whole_box ? whole_box : std::max(magnitude, std::fabs(low->centre));
  }
  if (high != nullptr) {
    t = kink_along(subtract(z, *high), magnitude + std::fabs(high->centre), t, {{1, 0}, {0, 0}}, clear);
  }
  return t;
}

Ball pieces_value(const Step& step, std::span<const double> breaks, Piece piece, Ball z) {
  if (!bounded(z)) {
    return unbounded();
  }
  std::optional<Ball> result;
  for (std::size_t k = 0; k <= breaks.size(); ++k) {
    const double low = k == 0 ? low_end(z) : std::max(low_end(z), breaks[k - 1]);
    const double high = k == breaks.size() ? high_end(z) : std::min(high_end(z), breaks[k]);
    if (low <= high) {
      const Ball here = ball(piece(step, k, Interval::between(low, high)).value);
      result = result ? hull_of(*result, here) : here;
    }
  }
  return result.value_or(unbounded());
}

Ball pieces_along(const Step& step, std::span<const double> breaks, Piece piece, Ball z, double magnitude, Ball t, bool& clear) {
  if (!bounded(z)) {
    clear = clear && breaks.empty();
    return unbounded();
  }
  // A break that another program may not tell apart from z counts as inside.
  double low = low_end(z);
  double high = high_end(z);
  for (std::size_t k = 0; k < breaks.size(); ++k) {
    const Ball distance = subtract(z, {breaks[k], 0});
    if (sign_of(distance) == Sign::zero) {
      const Interval here = Interval::exact(breaks[k]);
      return two_slopes(t, {ball(piece(step, k, here).slope), ball(piece(step, k + 1, here).slope)});
    }
    if (!is_clear(distance, magnitude + std::fabs(breaks[k]))) {
      clear = false;
      low = std::min(low, breaks[k]);
      high = std::max(high, breaks[k]);
    }
  }
  std::optional<Ball> slope;
  for (std::size_t k = 0; k <= breaks.size(); ++k) {
    const double from = k == 0 ? low : std::max(low, breaks[k - 1]);
    const double to = k == breaks.size() ? high : std::min(high, breaks[k]);
    if (from <= to) {
      const Ball here = ball(piece(step, k, Interval::between(from, to)).slope);
      slope = slope ? hull_of(*slope, here) : here;
    }
  }
  return multiply(slope.value_or(unbounded()), t);
}

}  // namespace lipcert
