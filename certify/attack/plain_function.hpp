// Functions of one number in the attacker's network, applied entry by entry: the activations, and those that only constants meet.
#pragma once

#include <cstddef>
#include <vector>

#include "certify/graph/curves.hpp"
#include "formats/network/network.hpp"

namespace lipcert::attack {

class PlainFunction {
 public:
  /// False for an operator that is no function of one number.
  [[nodiscard]] static bool knows(Operator op);
  /// `slopes`: of a PRelu, for each entry; `exponent`: of a Pow.
  PlainFunction(Operator op, Curve curve, std::vector<double> slopes, double exponent);

  template <class Real>
  [[nodiscard]] Real value(std::size_t i, Real x) const;
  /// The slope at x where the value is y; at a kink one of the two.
  [[nodiscard]] double slope(std::size_t i, double x, double y) const;

 private:
  template <class Real>
  [[nodiscard]] Tangent<Real> tangent(std::size_t i, Real x) const;

  Operator op_;
  const PlainActivation* activation_;  // null: one of those without a row
  Curve curve_;
  std::vector<double> slopes_;
  double exponent_;
};

}  // namespace lipcert::attack
