// See plain_function.hpp.

#include "certify/attack/plain_function.hpp"

#include <cmath>
#include <type_traits>
#include <utility>

namespace lipcert::attack {

bool PlainFunction::knows(Operator op) {
  switch (op) {
    case Operator::neg:
    case Operator::exp:
    case Operator::log:
    case Operator::pow:
    case Operator::sqrt:
    case Operator::reciprocal:
    case Operator::sign:
      return true;
    default:
      return plain_activation(op) != nullptr;
  }
}

PlainFunction::PlainFunction(Operator op, Curve curve, std::vector<double> slopes, double exponent)
    : op_(op), activation_(plain_activation(op)), curve_(curve), slopes_(std::move(slopes)), exponent_(exponent) {}

template <class Real>
Tangent<Real> PlainFunction::tangent(std::size_t i, Real x) const {
  const auto at = [&](const Curve& curve) {
    if constexpr (std::is_same_v<Real, double>)
      return activation_->at(curve, x);
    else
      return activation_->extended(curve, x);
  };
  if (slopes_.empty()) return at(curve_);
  Curve curve = curve_;
  curve.slope = slopes_[i];
  return at(curve);
}

template <class Real>
Real PlainFunction::value(std::size_t i, Real x) const {
  switch (op_) {
    case Operator::neg:
      return -x;
    case Operator::exp:
      return std::exp(x);
    case Operator::log:
      return std::log(x);
    case Operator::pow:
      return std::pow(x, static_cast<Real>(exponent_));
    case Operator::sqrt:
      return std::sqrt(x);
    case Operator::reciprocal:
      return 1 / x;
    case Operator::sign:
      return static_cast<Real>(x > 0 ? 1 : x < 0 ? -1 : 0);
    default:
      return tangent(i, x).value;
  }
}
template double PlainFunction::value(std::size_t, double) const;
template long double PlainFunction::value(std::size_t, long double) const;

double PlainFunction::slope(std::size_t i, double x, double y) const {
  switch (op_) {
    case Operator::neg:
      return -1;
    case Operator::exp:
      return y;
    case Operator::log:
      return 1 / x;
    case Operator::pow:
      return x == 0 && exponent_ < 1 ? 0 : exponent_ * std::pow(x, exponent_ - 1);
    case Operator::sqrt:
      return y > 0 ? 0.5 / y : 0;
    case Operator::reciprocal:
      return -y * y;
    case Operator::sign:
      return 0;
    default:
      return tangent(i, x).slope;
  }
}

}  // namespace lipcert::attack
