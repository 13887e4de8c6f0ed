// Activations in plain floating point, for those who search: the search for a steep region, and the falsifier. Nothing here is a bound, and
// the enclosures (activations.hpp) use nothing of it.
#pragma once

#include <cmath>

#include "formats/network/network.hpp"

namespace lipcert {

struct Gate;

/// The numbers of an activation at one entry of its tensor.
struct Curve {
  double alpha = 0;             // LeakyRelu, Elu, Selu, HardSigmoid
  double gamma = 0;             // Selu; beta of HardSigmoid
  const Gate* gate = nullptr;   // a gated product
  bool tanh_form = false;       // Gelu
  double slope = 0;             // PRelu
  double low = -HUGE_VAL;       // Clip
  double high = HUGE_VAL;
};

/// At a kink the slope is one of the two.
template <class Real>
struct Tangent {
  Real value = 0;
  Real slope = 0;
};

struct PlainActivation {
  Tangent<double> (*at)(const Curve&, double) = nullptr;
  Tangent<long double> (*extended)(const Curve&, long double) = nullptr;
  /// The derivative of the slope at t, where `here` is the tangent; a jump of the slope is not seen.
  double (*curvature)(const Curve&, double t, const Tangent<double>& here) = nullptr;
  /// Linear on both sides of 0, with slope 1 to the right.
  bool two_slopes = false;
};

/// Null for an operator that is no entrywise activation.
[[nodiscard]] const PlainActivation* plain_activation(Operator op);

}  // namespace lipcert
