// The forms of functions that the rows of activations.cpp are made of, and how a slope is written there. For that file alone.
#pragma once

#include <array>
#include <cmath>
#include <cstddef>
#include <vector>

#include "certify/graph/activations.hpp"
#include "certify/graph/kinks.hpp"

namespace lipcert::activation_forms {

/// An activation without numbers of its own.
struct NoNumbers {
  static void read(const Node& /*node*/, const Activation::Constants& /*constants*/, Step& /*step*/) {}
};

/// Two lines that meet at 0, the right one with slope 1: `kink` gives the slope to the left.
template <class F>
struct LinesAtZero : NoNumbers {
  static constexpr bool two_lines = true;
  static Ball value(const Step& step, std::size_t i, Ball z) { return two_slopes(z, {F::kink(step, i), {1, 0}}); }
  static Ball along(const Step& step, std::size_t i, Ball z, double magnitude, Ball t, bool& clear) {
    return kink_along(z, magnitude, t, {F::kink(step, i), {1, 0}}, clear);
  }
  static double curvature(const Curve& /*curve*/, double /*t*/, const Tangent<double>& /*here*/) { return 0; }
};

/// The slope's derivative as a difference quotient.
template <class F>
struct Differences {
  static constexpr bool two_lines = false;
  static double curvature(const Curve& curve, double t, const Tangent<double>& /*here*/) {
    const double h = 1e-4 * (1 + std::fabs(t));
    return (F::plain(curve, t + h).slope - F::plain(curve, t - h).slope) / (2 * h);
  }
};

/// Smooth functions between breaks: `piece` encloses each.
template <class F>
struct Pieces : NoNumbers, Differences<F> {
  static constexpr std::array<double, 0> breaks{};
  static Ball value(const Step& step, std::size_t /*i*/, Ball z) { return pieces_value(step, F::breaks, F::piece, z); }
  static Ball along(const Step& step, std::size_t /*i*/, Ball z, double magnitude, Ball t, bool& clear) {
    return pieces_along(step, F::breaks, F::piece, z, magnitude, t, clear);
  }
};

/// [lower, upper] for a slope that is known that well.
inline Interval between(double lower, double upper) {
  return Interval::between(lower, upper);
}
inline Interval exactly(double slope) {
  return Interval::exact(slope);
}
/// A number between n and n + 1 units of the fifth decimal.
inline Interval decimals(double n) {
  const Interval unit = Interval::exact(1e5);
  return between((Interval::exact(n) / unit).lower(), (Interval::exact(n + 1) / unit).upper());
}

inline Ball entry(const std::vector<Ball>& numbers, std::size_t i) {
  return numbers[numbers.size() == 1 ? 0 : i];
}

}  // namespace lipcert::activation_forms
