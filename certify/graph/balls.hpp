// Balls as intervals, and what is known of their signs: shared by those who enclose functions that are not affine.
#pragma once

#include <algorithm>
#include <cmath>
#include <limits>

#include "certify/numbers/enclosed.hpp"
#include "certify/numbers/interval.hpp"

namespace lipcert {

[[nodiscard]] inline bool bounded(Ball b) {
  return std::isfinite(b.centre) && std::isfinite(b.radius);
}

[[nodiscard]] inline Ball unbounded() {
  return {0, HUGE_VAL};
}

/// b must be bounded.
[[nodiscard]] inline Interval interval(Ball b) {
  return Interval::between(low_end(b), high_end(b));
}

[[nodiscard]] inline Ball ball(const Interval& i) {
  const double low = i.lower();
  const double high = i.upper();
  return std::isfinite(low) && std::isfinite(high) ? hull(low, high) : unbounded();
}

/// Every number between the two balls.
[[nodiscard]] inline Ball hull_of(Ball a, Ball b) {
  if (!bounded(a) || !bounded(b)) {
    return unbounded();
  }
  return hull(std::min(low_end(a), low_end(b)), std::max(high_end(a), high_end(b)));
}

enum class Sign { negative, zero, positive, open };

[[nodiscard]] inline Sign sign_of(Ball z) {
  if (z.centre == 0 && z.radius == 0) {
    return Sign::zero;
  }
  if (z.centre > z.radius) {
    return Sign::positive;
  }
  return -z.centre > z.radius ? Sign::negative : Sign::open;
}

/// In place of a magnitude: z is a whole box, all of whose points are meant; its signs are what they are.
inline constexpr double whole_box = -std::numeric_limits<double>::infinity();

/// |z| is above the margin of what any other program of ordinary precision may see as zero.
[[nodiscard]] inline bool is_clear(Ball z, double magnitude) {
  if (magnitude == whole_box) {
    return true;
  }
  return std::fabs(z.centre) > 0x1p-30 * magnitude + 0x1p10 * z.radius;
}

}  // namespace lipcert
