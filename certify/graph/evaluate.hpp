// Values and one-sided directional derivatives of a network at a point, enclosed.
//
// Every quantity is a double with a radius that bounds all rounding errors and all uncertainty of the constants: the true value of the real
// function lies inside. Cost: three multiply-adds per weight.
#pragma once

#include <cstddef>
#include <vector>

#include "certify/graph/steps.hpp"
#include "certify/numbers/enclosed.hpp"
#include "certify/numbers/rounding.hpp"
#include "formats/network/network.hpp"

namespace lipcert {

struct BallVector {
  std::vector<double> centre;
  std::vector<double> radius;
};

struct DirectionalDerivative {
  BallVector value;       // f(x)
  BallVector derivative;  // f'(x; v)
  /// Every pre-activation of an operator with a kink is exactly zero, or away from zero by more than 2^-30 of the magnitudes that were summed
  /// (and 2^10 times its radius): any other program that computes with a precision better than that sees the same sign. Where one is not, the
  /// derivative is the hull over both slopes.
  bool clear = true;
};

/// f(x) of a graph; x has input_size finite entries.
[[nodiscard]] BallVector evaluate(const StepGraph& graph, const std::vector<double>& x);

/// The one-sided derivative lim_{t -> 0+} (f(x + t v) - f(x)) / t. These networks have it, and it obeys the chain rule.
[[nodiscard]] DirectionalDerivative differentiate(const StepGraph& graph, const std::vector<double>& x, const std::vector<double>& v);

/// The same for a network; throws `Error` (input) when it is not a supported graph.
[[nodiscard]] BallVector evaluate(const Network& network, const std::vector<double>& x);

}  // namespace lipcert
