// The row of activations.hpp for gated products f(x) = x (a + b g(x)), see gate.hpp.
//
// Where f is differentiable, f' = a + b h, h = (x g)' = g + x g'. With u = p x, h depends on p x alone, so that its range is that for p =
// 1:
//   sigmoid         h = s + x s (1 - s): SiLU's slope, 1 - S to S, S = 1.09983... (activations.cpp: Sigmoid's proof is that of its g'').
//                   g' = s (1 - s), h' = s (1 - s) (2 + x (1 - 2 s)), zero where x tanh(x/2) = 2, that is at +-x0, x0 = 2.39935...; there
//                   h = 1/2 +- x0/4, at the ends h -> 0, 1: the supremum is 1.099839..., and h(-x) = 1 - h(x);
//   tanh            tanh(x) = 2 sigmoid(2 x) - 1: h = 2 h_sigmoid(2 x) - 1;
//   erf             h = erf(x) + 2/sqrt(pi) x e^(-x^2), h' = 2/sqrt(pi) e^(-x^2) (2 - 2 x^2): odd, extreme at +-1, limits +-1:
//                   erf(1) + 2/(e sqrt(pi)) = 1.25780829...;
//   tanh_softplus   Mish's slope (activations.cpp);
//   clamp           h is low or high outside, and 2 (u + offset) - offset inside, where u + offset goes from low to high;
//   inverse         h = offset / (offset + linear |x|)^2, in (0, 1 / offset].
// With u = p x + q x^3, h depends on p x and k = q / p^3 alone. For k within 2^-17 of 0.0702381, tanh has |h| at most 1.25798 to 1.25800
// (tests: "the constants of the table"), and sigmoid(u) = (1 + tanh(u / 2)) / 2.

#include <algorithm>
#include <array>
#include <cmath>

#include "certify/graph/activation_forms.hpp"
#include "certify/graph/balls.hpp"
#include "formats/encoding/error.hpp"

namespace lipcert {
namespace {

using namespace activation_forms;

const Gate& gate_of(const Step& step) {
  return *step.gate;
}

Interval number(double x) {
  return Interval::exact(x);
}
bool has_cubic(const Gate& g) {
  return g.cubic.centre != 0 || g.cubic.radius != 0;
}

struct Range {
  Interval least;
  Interval most;
};

/// x -> c x + d; c may be negative.
Range mapped(const Range& r, const Interval& c, const Interval& d) {
  return {c * r.least + d, c * r.most + d};
}

/// The least (or most) of four numbers, enclosed.
Interval extreme(const std::array<Interval, 4>& x, bool most) {
  double low = x[0].lower();
  double high = x[0].upper();
  for (const Interval& i : x) {
    low = most ? std::max(low, i.lower()) : std::min(low, i.lower());
    high = most ? std::max(high, i.upper()) : std::min(high, i.upper());
  }
  return between(low, high);
}

/// The range of (x g)'.
Range turned_slopes(const Gate& g) {
  const Range silu{decimals(-9984), decimals(109983)};
  const Range gelu{decimals(-12900), decimals(112899)};  // by tanh: (1 + h) / 2
  switch (g.kind) {
    case Gate::Kind::sigmoid:
      return has_cubic(g) ? gelu : silu;
    case Gate::Kind::tanh:
      return mapped(has_cubic(g) ? gelu : silu, number(2), number(-1));
    case Gate::Kind::erf:
      return {decimals(-125781), decimals(125780)};
    case Gate::Kind::tanh_softplus:
      return {decimals(-11253), decimals(108849)};
    case Gate::Kind::clamp: {
      const Interval low = interval(g.low);
      const Interval high = interval(g.high);
      const Interval offset = interval(g.offset);
      const std::array<Interval, 4> ends{low, high, low + low - offset, high + high - offset};
      return {extreme(ends, false), extreme(ends, true)};
    }
    case Gate::Kind::inverse:
      return {Interval(), number(1) / interval(g.offset)};
    default:
      break;
  }
  throw Error(ExitCode::internal, "A gate that is none was bounded; please report this.");
}

/// A number and how it changes with x.
template <class Real>
struct Turned {
  Real value;  // g
  Real turn;   // x g'
};

Interval slope_of_erf(const Interval& u) {
  return number(2) / sqrt(pi()) * exp(Interval() - square(u));
}

/// The smooth gates.
Turned<Interval> smooth(const Gate& g, const Interval& x) {
  const Interval linear = interval(g.linear);
  const Interval cubic = interval(g.cubic) * square(x);
  const Interval u = x * (linear + cubic);
  const Interval r = x * (linear + number(3) * cubic);
  switch (g.kind) {
    case Gate::Kind::tanh:
      return {tanh(u), r * tanh_slope(u)};
    case Gate::Kind::erf:
      return {erf(u), r * slope_of_erf(u)};
    case Gate::Kind::tanh_softplus:
      return {tanh(softplus(u)), r * (tanh_slope(softplus(u)) * sigmoid(u))};
    default:
      return {sigmoid(u), r * sigmoid_slope(u)};
  }
}

// The others: made of lines.

bool has_kinks(const Gate& g) {
  return g.kind == Gate::Kind::clamp || g.kind == Gate::Kind::inverse;
}
Ball line(const Gate& g, Ball x) {
  return add(multiply(g.linear, x), g.offset);
}
Ball kinked(const Gate& g, Ball x) {
  return g.kind == Gate::Kind::clamp ? clamp_value(line(g, x), &g.low, &g.high) : divide({1, 0}, line(g, two_slopes(x, {{-1, 0}, {1, 0}})));
}

Ball gated_value(const Step& step, std::size_t /*i*/, Ball z) {
  const Gate& g = gate_of(step);
  if (!bounded(z)) {
    return unbounded();
  }
  if (!has_kinks(g)) {
    const Interval x = interval(z);
    return ball(x * (interval(g.a) + interval(g.b) * smooth(g, x).value));
  }
  return multiply(z, add(g.a, multiply(g.b, kinked(g, z))));
}

Ball gated_along(const Step& step, std::size_t /*i*/, Ball z, double magnitude, Ball t, bool& clear) {
  const Gate& g = gate_of(step);
  if (!bounded(z)) {
    clear = clear && !has_kinks(g);
    return unbounded();
  }
  if (!has_kinks(g)) {
    const Interval x = interval(z);
    const Turned<Interval> h = smooth(g, x);
    return multiply(ball(interval(g.a) + interval(g.b) * (h.value + h.turn)), t);
  }
  const Ball inner = kinked(g, z);
  if (g.kind == Gate::Kind::inverse) {  // offset / (offset + linear |x|)^2 on both sides of 0
    return multiply(add(g.a, multiply(g.b, multiply(g.offset, multiply(inner, inner)))), t);
  }
  const double size = magnitude * std::fabs(g.linear.centre) + std::fabs(g.offset.centre);
  const Ball along = clamp_along(line(g, z), size, &g.low, &g.high, multiply(g.linear, t), clear);
  return add(multiply(add(g.a, multiply(g.b, inner)), t), multiply(z, multiply(g.b, along)));
}

SlopeRange gated_slopes(const Step& step) {
  const Gate& g = gate_of(step);
  const Range h = mapped(turned_slopes(g), interval(g.b), interval(g.a));
  return g.b.centre < 0 ? SlopeRange{h.most, h.least} : SlopeRange{h.least, h.most};
}

/// For the curvature as a difference quotient.
struct Gated : Differences<Gated> {
  template <class Real>
  static Tangent<Real> plain(const Curve& curve, Real x) {
    const Gate& g = *curve.gate;
    const auto of = [](Ball b) { return static_cast<Real>(b.centre); };
    const Turned<Real> h = turned(g, x);
    return {x * (of(g.a) + of(g.b) * h.value), of(g.a) + of(g.b) * (h.value + h.turn)};
  }
  template <class Real>
  static Turned<Real> turned(const Gate& g, Real x) {
    const auto of = [](Ball b) { return static_cast<Real>(b.centre); };
    const Real cubic = has_cubic(g) ? of(g.cubic) * x * x : 0;
    const Real u = x * (of(g.linear) + cubic);
    const Real r = x * (of(g.linear) + 3 * cubic);
    switch (g.kind) {
      case Gate::Kind::tanh: {
        const Real y = std::tanh(u);
        return {y, r * (1 - y) * (1 + y)};
      }
      case Gate::Kind::erf:
        return {std::erf(u), r * 2 / std::sqrt(std::acos(Real{-1})) * std::exp(-u * u)};
      case Gate::Kind::tanh_softplus: {
        const Real y = std::tanh(u > 40 ? u : std::log1p(std::exp(u)));
        return {y, r * (1 - y * y) / (1 + std::exp(-u))};
      }
      case Gate::Kind::clamp: {
        const Real v = u + of(g.offset);
        const bool inside = v > of(g.low) && v < of(g.high);
        return {std::min(std::max(v, of(g.low)), of(g.high)), inside ? r : Real{0}};
      }
      case Gate::Kind::inverse: {
        const Real y = 1 / (of(g.offset) + of(g.linear) * std::fabs(x));
        return {y, -of(g.linear) * std::fabs(x) * y * y};
      }
      default: {
        const Real y = 1 / (1 + std::exp(-u));
        return {y, r * y * (1 - y)};
      }
    }
  }
};

}  // namespace

const Activation& gated_product() {
  static constexpr Activation row{Operator::mul, NoNumbers::read,
                                  gated_slopes,  gated_value,
                                  gated_along,   {Gated::plain<double>, Gated::plain<long double>, Gated::curvature, Gated::two_lines}};
  return row;
}

}  // namespace lipcert
