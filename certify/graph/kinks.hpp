// Enclosures of functions of one variable that are given by pieces: two lines that meet at 0, limits that cut a number off, and pieces of
// smooth functions. The value is enclosed over all numbers of a ball. The derivative is one-sided; where the ball leaves open on which side
// of a kink another program sees the number, `clear` becomes false and the result is the hull over both sides. A function without a kink is
// one piece.
#pragma once

#include <cstddef>
#include <span>

#include "certify/graph/steps.hpp"
#include "certify/numbers/enclosed.hpp"
#include "certify/numbers/interval.hpp"

namespace lipcert {

/// Slopes to the left and to the right of 0.
struct TwoSlopes {
  Ball left{0, 0};
  Ball right{1, 0};
};

/// t -> left t for t < 0, right t for t >= 0: the value of such a function, and its derivative at 0 along t.
[[nodiscard]] Ball two_slopes(Ball t, const TwoSlopes& s);
/// The derivative along t of a function with a kink at z = 0.
[[nodiscard]] Ball kink_along(Ball z, double magnitude, Ball t, const TwoSlopes& s, bool& clear);

/// min(max(z, low), high); null: no limit.
[[nodiscard]] Ball clamp_value(Ball z, const Ball* low, const Ball* high);
[[nodiscard]] Ball clamp_along(Ball z, double magnitude, const Ball* low, const Ball* high, Ball t, bool& clear);

/// A function and its derivative on an interval on which it is smooth, both enclosed.
struct Enclosure {
  Interval value;
  Interval slope;
};
/// Piece k lies between breaks[k - 1] and breaks[k], where there are such; neighbours agree in value at the break between them.
using Piece = Enclosure (*)(const Step& step, std::size_t k, const Interval& x);

[[nodiscard]] Ball pieces_value(const Step& step, std::span<const double> breaks, Piece piece, Ball z);
[[nodiscard]] Ball pieces_along(const Step& step, std::span<const double> breaks, Piece piece, Ball z, double magnitude, Ball t,
                                bool& clear);

}  // namespace lipcert
