// See activations.hpp. One struct for one activation, in the order of `Operator`, the table at the end.
//
// A struct says
//   op                the operator; name and attributes stand in formats/;
//   read              what the node says beside it (where it says something);
//   slopes            the range of the slopes, with its proof;
//   kink, limits or piece    the function for enclosures, in the form that kinks.hpp knows: two lines, a number that is cut off, or smooth
//                     pieces between `breaks` (none: smooth everywhere);
//   plain             value and slope in plain floating point (`Real`: double or long double);
//   curvature         the slope's derivative, where a difference quotient would be worse.
// A further column of the table is one more member of every struct, and one more line in `row`.

#include "certify/graph/activations.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <span>
#include <string>
#include <type_traits>
#include <utility>
#include <variant>

#include "certify/graph/activation_forms.hpp"
#include "certify/graph/kinks.hpp"
#include "formats/encoding/error.hpp"

namespace lipcert {
namespace {

using namespace activation_forms;

// What plain evaluations have in common.

template <class Real>
Real logistic(Real x) {
  return 1 / (1 + std::exp(-x));
}
/// log(1 + e^x); from some point on it rounds to x.
template <class Real>
Real plain_softplus(Real x) {
  return x > (std::is_same_v<Real, double> ? 30 : 40) ? x : std::log1p(std::exp(x));
}
template <class Real>
Tangent<Real> cut_off(Real x, Real low, Real high) {
  return {std::min(std::max(x, low), high), x > low && x < high ? Real{1} : Real{0}};
}

// The activations.

/// Slopes 0 and 1.
struct Relu : LinesAtZero<Relu> {
  static constexpr Operator op = Operator::relu;
  static SlopeRange slopes(const Step& /*step*/) { return {exactly(0), exactly(1)}; }
  static Ball kink(const Step& /*step*/, std::size_t /*i*/) { return {0, 0}; }
  template <class Real>
  static Tangent<Real> plain(const Curve& /*curve*/, Real t) {
    return {t > 0 ? t : 0, t > 0 ? Real{1} : Real{0}};
  }
};

/// Slopes alpha and 1.
struct LeakyRelu : LinesAtZero<LeakyRelu> {
  static constexpr Operator op = Operator::leaky_relu;
  static void read(const Node& node, const Activation::Constants& /*constants*/, Step& step) { step.alpha = node.real_attribute("alpha"); }
  static SlopeRange slopes(const Step& step) { return {exactly(std::min(1.0, step.alpha)), exactly(std::max(1.0, step.alpha))}; }
  static Ball kink(const Step& step, std::size_t /*i*/) { return {step.alpha, 0}; }
  template <class Real>
  static Tangent<Real> plain(const Curve& curve, Real t) {
    const Real slope = t < 0 ? static_cast<Real>(curve.alpha) : 1;
    return {t * slope, slope};
  }
};

/// A slope of its own for each entry, and 1.
struct PRelu : LinesAtZero<PRelu> {
  static constexpr Operator op = Operator::prelu;
  static void read(const Node& /*node*/, const Activation::Constants& constants, Step& step) { step.slopes = constants(1); }
  static SlopeRange slopes(const Step& step) {
    double least[] = {1, 1};
    double most[] = {1, 1};
    bool exact = true;
    for (const Ball& slope : step.slopes) {
      const double low = (Interval::exact(slope.centre) - Interval::exact(slope.radius)).lower();
      const double high = (Interval::exact(slope.centre) + Interval::exact(slope.radius)).upper();
      least[0] = std::min(least[0], low);
      least[1] = std::min(least[1], high);
      most[0] = std::max(most[0], low);
      most[1] = std::max(most[1], high);
      exact = exact && slope.radius == 0;
    }
    return {between(least[0], least[1]), between(most[0], most[1]), exact};
  }
  static Ball kink(const Step& step, std::size_t i) { return entry(step.slopes, i); }
  template <class Real>
  static Tangent<Real> plain(const Curve& curve, Real t) {
    const Real slope = t < 0 ? static_cast<Real>(curve.slope) : 1;
    return {t * slope, slope};
  }
};

/// Slopes -1 and 1.
struct Abs : LinesAtZero<Abs> {
  static constexpr Operator op = Operator::abs;
  static SlopeRange slopes(const Step& /*step*/) { return {exactly(-1), exactly(1)}; }
  static Ball kink(const Step& /*step*/, std::size_t /*i*/) { return {-1, 0}; }
  template <class Real>
  static Tangent<Real> plain(const Curve& /*curve*/, Real t) {
    return {std::fabs(t), t < 0 ? Real{-1} : Real{1}};
  }
};

/// s = 1 / (1 + e^-x): slope s (1 - s) in (0, 1/4], 1/4 at 0.
struct Sigmoid : Pieces<Sigmoid> {
  static constexpr Operator op = Operator::sigmoid;
  static SlopeRange slopes(const Step& /*step*/) { return {exactly(0), exactly(0.25)}; }
  static Enclosure piece(const Step& /*step*/, std::size_t /*k*/, const Interval& x) { return {sigmoid(x), sigmoid_slope(x)}; }
  template <class Real>
  static Tangent<Real> plain(const Curve& /*curve*/, Real t) {
    const Real y = logistic(t);
    return {y, y * (1 - y)};
  }
  static double curvature(const Curve& /*curve*/, double /*t*/, const Tangent<double>& here) { return here.slope * (1 - 2 * here.value); }
};

/// Slope 1 - tanh^2 in (0, 1], 1 at 0.
struct Tanh : Pieces<Tanh> {
  static constexpr Operator op = Operator::tanh;
  static SlopeRange slopes(const Step& /*step*/) { return {exactly(0), exactly(1)}; }
  static Enclosure piece(const Step& /*step*/, std::size_t /*k*/, const Interval& x) { return {tanh(x), tanh_slope(x)}; }
  template <class Real>
  static Tangent<Real> plain(const Curve& /*curve*/, Real t) {
    const Real y = std::tanh(t);
    return {y, 1 - y * y};
  }
  static double curvature(const Curve& /*curve*/, double /*t*/, const Tangent<double>& here) { return -2 * here.value * here.slope; }
};

/// gamma alpha (e^x - 1) to the left of 0, gamma x to the right: slopes gamma times (alpha e^x, between 0 and alpha, or 1).
template <bool scaled>
struct Exponential : Pieces<Exponential<scaled>> {
  static constexpr Operator op = scaled ? Operator::selu : Operator::elu;
  static constexpr std::array<double, 1> breaks{0};
  static double gamma(double gamma) { return scaled ? gamma : 1; }
  static void read(const Node& node, const Activation::Constants& /*constants*/, Step& step) {
    step.alpha = node.real_attribute("alpha");
    step.gamma = scaled ? node.real_attribute("gamma") : 0;
  }
  static SlopeRange slopes(const Step& step) {
    const double factor = gamma(step.gamma);
    const Interval one_end = Interval::exact(factor) * Interval::exact(std::min(0.0, step.alpha));
    const Interval other_end = Interval::exact(factor) * Interval::exact(std::max(1.0, step.alpha));
    return factor < 0 ? SlopeRange{other_end, one_end} : SlopeRange{one_end, other_end};
  }
  static Enclosure piece(const Step& step, std::size_t k, const Interval& x) {
    const Interval factor = Interval::exact(gamma(step.gamma));
    if (k == 1) {
      return {factor * x, factor};
    }
    const Interval left = factor * Interval::exact(step.alpha);
    return {left * (exp(x) - Interval::exact(1)), left * exp(x)};
  }
  template <class Real>
  static Tangent<Real> plain(const Curve& curve, Real t) {
    const auto factor = static_cast<Real>(gamma(curve.gamma));
    const auto alpha = static_cast<Real>(curve.alpha);
    return t > 0 ? Tangent<Real>{factor * t, factor} : Tangent<Real>{factor * alpha * std::expm1(t), factor * alpha * std::exp(t)};
  }
};
using Elu = Exponential<false>;
using Selu = Exponential<true>;

/// log(1 + e^x): the slope is the logistic function, in (0, 1).
struct Softplus : Pieces<Softplus> {
  static constexpr Operator op = Operator::softplus;
  static SlopeRange slopes(const Step& /*step*/) { return {exactly(0), exactly(1)}; }
  static Enclosure piece(const Step& /*step*/, std::size_t /*k*/, const Interval& x) { return {softplus(x), sigmoid(x)}; }
  template <class Real>
  static Tangent<Real> plain(const Curve& /*curve*/, Real t) {
    return {plain_softplus(t), logistic(t)};
  }
};

/// max(0, min(1, alpha x + beta)): slopes alpha and 0 (alpha = 0: a constant; otherwise an interval has the slope alpha).
struct HardSigmoid : NoNumbers, Differences<HardSigmoid> {
  static constexpr Operator op = Operator::hard_sigmoid;
  static constexpr Ball zero{0, 0};
  static constexpr Ball one{1, 0};
  static void read(const Node& node, const Activation::Constants& /*constants*/, Step& step) {
    step.alpha = node.real_attribute("alpha");
    step.gamma = node.real_attribute("beta");
  }
  static SlopeRange slopes(const Step& step) { return {exactly(std::min(0.0, step.alpha)), exactly(std::max(0.0, step.alpha))}; }
  static Ball line(const Step& step, Ball z) { return add(multiply(z, {step.alpha, 0}), {step.gamma, 0}); }
  static Ball value(const Step& step, std::size_t /*i*/, Ball z) { return clamp_value(line(step, z), &zero, &one); }
  static Ball along(const Step& step, std::size_t /*i*/, Ball z, double magnitude, Ball t, bool& clear) {
    return clamp_along(line(step, z), magnitude * std::fabs(step.alpha) + std::fabs(step.gamma), &zero, &one, multiply(t, {step.alpha, 0}),
                       clear);
  }
  template <class Real>
  static Tangent<Real> plain(const Curve& curve, Real t) {
    const auto alpha = static_cast<Real>(curve.alpha);
    const Tangent<Real> inner = cut_off(alpha * t + static_cast<Real>(curve.gamma), Real{0}, Real{1});
    return {inner.value, alpha * inner.slope};
  }
};

/// x max(0, min(1, x/6 + 1/2)): on (-3, 3) the slope is x/3 + 1/2, between -1/2 and 3/2; 0 and 1 outside.
struct HardSwish : Pieces<HardSwish> {
  static constexpr Operator op = Operator::hard_swish;
  static constexpr std::array<double, 2> breaks{-3, 3};
  static SlopeRange slopes(const Step& /*step*/) { return {exactly(-0.5), exactly(1.5)}; }
  static Enclosure piece(const Step& /*step*/, std::size_t k, const Interval& x) {
    if (k == 0) {
      return {Interval(), Interval()};
    }
    if (k == 2) {
      return {x, Interval::exact(1)};
    }
    const Interval six = Interval::exact(6);
    return {x * (x + Interval::exact(3)) / six, (x + x + Interval::exact(3)) / six};
  }
  template <class Real>
  static Tangent<Real> plain(const Curve& /*curve*/, Real t) {
    return t <= -3 ? Tangent<Real>{0, 0} : t >= 3 ? Tangent<Real>{t, 1} : Tangent<Real>{t * (t + 3) / 6, (2 * t + 3) / 6};
  }
};

/// x Phi(x), Phi and phi distribution and density of the normal law: slope g' = Phi + x phi, g'' = phi (2 - x^2), so that the extremes are
/// at
/// +-sqrt(2): g'(sqrt 2) = (1 + erf(1))/2 + e^-1/sqrt(pi) = 1.128904..., and g'(-x) = 1 - g'(x).
///
/// `tanh`: x (1 + tanh u)/2, u = sqrt(2/pi) (x + 0.044715 x^3): slope (1 + tanh u)/2 + x sech(u)^2 u'/2, largest 1.128993... at 1.4185...,
/// and g'(-x) = 1 - g'(x). No closed form: tests/certify/test_activations.cpp proves it by subdivision of [-16, 16]; beyond, g' is within
/// 1e-6 of 0 or 1.
struct Gelu : Pieces<Gelu> {
  static constexpr Operator op = Operator::gelu;
  static void read(const Node& node, const Activation::Constants& /*constants*/, Step& step) {
    step.tanh_form = std::get<std::string>(node.attributes.at("approximate")) == "tanh";
  }
  static SlopeRange slopes(const Step& step) {
    return step.tanh_form ? SlopeRange{decimals(-12900), decimals(112899)} : SlopeRange{decimals(-12891), decimals(112890)};
  }
  static Enclosure piece(const Step& step, std::size_t /*k*/, const Interval& x) {
    const Interval one = Interval::exact(1);
    const Interval half = Interval::exact(0.5);
    if (step.tanh_form) {
      const Interval c = Interval::exact(44715) / Interval::exact(1e6);  // a decimal
      const Interval root = sqrt(Interval::exact(2) / pi());
      const Interval u = root * x * (one + c * square(x));
      const Interval du = root * (one + Interval::exact(3) * c * square(x));
      const Interval share = half * (one + tanh(u));
      return {x * share, share + half * x * tanh_slope(u) * du};
    }
    const Interval root = sqrt(Interval::exact(2));
    const Interval share = half * (one + erf(x / root));
    const Interval density = exp(Interval() - half * square(x)) / sqrt(Interval::exact(2) * pi());
    return {x * share, share + x * density};
  }
  template <class Real>
  static Tangent<Real> plain(const Curve& curve, Real t) {
    const Real half{0.5};
    const Real two_pi = 2 * std::acos(Real{-1});
    if (curve.tanh_form) {
      const auto c = static_cast<Real>(0.044715);
      const Real root = std::sqrt(2 / std::acos(Real{-1}));
      const Real y = std::tanh(root * (t + c * t * t * t));
      return {half * t * (1 + y), half * (1 + y) + half * t * (1 - y * y) * root * (1 + 3 * c * t * t)};
    }
    const Real share = half * (1 + std::erf(t / std::sqrt(Real{2})));
    return {t * share, share + t * std::exp(-half * t * t) / std::sqrt(two_pi)};
  }
};

/// x tanh(softplus(x)): with y = tanh(softplus(x)) the slope is y + x (1 - y^2) s(x), largest 1.088498... at 1.4906..., least -0.112526...
/// at -2.2564... No closed form: tests/certify/test_activations.cpp proves it by subdivision of [-16, 16]; beyond, the slope is within 1e-5
/// of 0 or 1.
struct Mish : Pieces<Mish> {
  static constexpr Operator op = Operator::mish;
  static SlopeRange slopes(const Step& /*step*/) { return {decimals(-11253), decimals(108849)}; }
  static Enclosure piece(const Step& /*step*/, std::size_t /*k*/, const Interval& x) {
    const Interval soft = softplus(x);
    return {x * tanh(soft), tanh(soft) + x * tanh_slope(soft) * sigmoid(x)};
  }
  template <class Real>
  static Tangent<Real> plain(const Curve& /*curve*/, Real t) {
    const Real y = std::tanh(plain_softplus(t));
    return {t * y, y + t * (1 - y * y) * logistic(t)};
  }
};

/// min(max(x, low), high), also Max and Min with constants: slopes 0 and 1, where the limits leave something between them.
struct Clip : Differences<Clip> {
  static constexpr Operator op = Operator::clip;
  static void read(const Node& node, const Activation::Constants& constants, Step& step) {
    if (node.attributes.count("min") != 0) {
      step.low = {{node.real_attribute("min"), 0}};
      step.high = {{node.real_attribute("max"), 0}};
      return;
    }
    const auto limit = [&](std::size_t input) {
      return input < node.inputs.size() && node.inputs[input] != no_value ? constants(input) : std::vector<Ball>{};
    };
    step.low = limit(1);
    step.high = limit(2);
  }
  static SlopeRange slopes(const Step& step) {
    bool open = step.low.empty() || step.high.empty();
    bool surely = open;  // in spite of the radii of computed limits
    for (std::size_t i = 0; !surely && i < std::max(step.low.size(), step.high.size()); ++i) {
      open = open || low_end(entry(step.low, i)) < high_end(entry(step.high, i));
      surely = high_end(entry(step.low, i)) < low_end(entry(step.high, i));
    }
    return {exactly(0), between(surely ? 1 : 0, open ? 1 : 0)};
  }
  static const Ball* limit(const std::vector<Ball>& limits, std::size_t i) {
    return limits.empty() ? nullptr : &limits[limits.size() == 1 ? 0 : i];
  }
  static Ball value(const Step& step, std::size_t i, Ball z) { return clamp_value(z, limit(step.low, i), limit(step.high, i)); }
  static Ball along(const Step& step, std::size_t i, Ball z, double magnitude, Ball t, bool& clear) {
    return clamp_along(z, magnitude, limit(step.low, i), limit(step.high, i), t, clear);
  }
  template <class Real>
  static Tangent<Real> plain(const Curve& curve, Real t) {
    return cut_off(t, static_cast<Real>(curve.low), static_cast<Real>(curve.high));
  }
};

/// x / (1 + |x|): slope 1 / (1 + |x|)^2 in (0, 1], 1 at 0.
struct Softsign : Pieces<Softsign> {
  static constexpr Operator op = Operator::softsign;
  static constexpr std::array<double, 1> breaks{0};
  static SlopeRange slopes(const Step& /*step*/) { return {exactly(0), exactly(1)}; }
  static Enclosure piece(const Step& /*step*/, std::size_t k, const Interval& x) {
    const Interval one = Interval::exact(1);
    const Interval size = k == 0 ? one - x : one + x;
    // -1 + 1 / (1 - x) and 1 - 1 / (1 + x): x stands once, so that intervals stay tight.
    return {k == 0 ? one / size - one : one - one / size, one / square(size)};
  }
  template <class Real>
  static Tangent<Real> plain(const Curve& /*curve*/, Real t) {
    const Real size = 1 + std::fabs(t);
    return {t / size, 1 / (size * size)};
  }
};

/// alpha (e^(x / alpha) - 1) to the left of 0, x to the right, alpha > 0: slopes e^(x / alpha) in (0, 1], and 1.
struct Celu : Pieces<Celu> {
  static constexpr Operator op = Operator::celu;
  static constexpr std::array<double, 1> breaks{0};
  static void read(const Node& node, const Activation::Constants& /*constants*/, Step& step) { step.alpha = node.real_attribute("alpha"); }
  static SlopeRange slopes(const Step& /*step*/) { return {exactly(0), exactly(1)}; }
  static Enclosure piece(const Step& step, std::size_t k, const Interval& x) {
    if (k == 1) {
      return {x, Interval::exact(1)};
    }
    const Interval alpha = Interval::exact(step.alpha);
    const Interval power = exp(x / alpha);
    return {alpha * (power - Interval::exact(1)), power};
  }
  template <class Real>
  static Tangent<Real> plain(const Curve& curve, Real t) {
    const auto alpha = static_cast<Real>(curve.alpha);
    return t > 0 ? Tangent<Real>{t, 1} : Tangent<Real>{alpha * std::expm1(t / alpha), std::exp(t / alpha)};
  }
};

/// Slope cos: -1 to 1, 1 at 0.
struct Sin : Pieces<Sin> {
  static constexpr Operator op = Operator::sin;
  static SlopeRange slopes(const Step& /*step*/) { return {exactly(-1), exactly(1)}; }
  static Enclosure piece(const Step& /*step*/, std::size_t /*k*/, const Interval& x) { return {sin(x), cos(x)}; }
  template <class Real>
  static Tangent<Real> plain(const Curve& /*curve*/, Real t) {
    return {std::sin(t), std::cos(t)};
  }
  static double curvature(const Curve& /*curve*/, double /*t*/, const Tangent<double>& here) { return -here.value; }
};

/// Slope -sin: -1 to 1, 1 at -pi/2.
struct Cos : Pieces<Cos> {
  static constexpr Operator op = Operator::cos;
  static SlopeRange slopes(const Step& /*step*/) { return {exactly(-1), exactly(1)}; }
  static Enclosure piece(const Step& /*step*/, std::size_t /*k*/, const Interval& x) { return {cos(x), Interval() - sin(x)}; }
  template <class Real>
  static Tangent<Real> plain(const Curve& /*curve*/, Real t) {
    return {std::cos(t), -std::sin(t)};
  }
  static double curvature(const Curve& /*curve*/, double /*t*/, const Tangent<double>& here) { return -here.value; }
};

/// Slope 2/sqrt(pi) e^(-x^2): in (0, 2/sqrt(pi)], the end at 0: 1.12837916709551257...
struct Erf : Pieces<Erf> {
  static constexpr Operator op = Operator::erf;
  static SlopeRange slopes(const Step& /*step*/) {
    const Interval unit = Interval::exact(1e15);
    return {exactly(0), between((Interval::exact(1128379167095512) / unit).lower(), (Interval::exact(1128379167095513) / unit).upper())};
  }
  static Enclosure piece(const Step& /*step*/, std::size_t /*k*/, const Interval& x) {
    return {erf(x), Interval::exact(2) / sqrt(pi()) * exp(Interval() - square(x))};
  }
  template <class Real>
  static Tangent<Real> plain(const Curve& /*curve*/, Real t) {
    return {std::erf(t), 2 / std::sqrt(std::acos(Real{-1})) * std::exp(-t * t)};
  }
  static double curvature(const Curve& /*curve*/, double t, const Tangent<double>& here) { return -2 * t * here.slope; }
};

// The table.

template <class F>
constexpr Activation row() {
  return {F::op,    F::read,  F::slopes,
          F::value, F::along, {F::template plain<double>, F::template plain<long double>, F::curvature, F::two_lines}};
}

constexpr std::array table{row<Relu>(),      row<LeakyRelu>(), row<PRelu>(), row<Abs>(),      row<Sigmoid>(),
                           row<Tanh>(),      row<Elu>(),       row<Selu>(),  row<Softplus>(), row<HardSigmoid>(),
                           row<HardSwish>(), row<Gelu>(),      row<Mish>(),  row<Clip>(),     row<Softsign>(),
                           row<Celu>(),      row<Sin>(),       row<Cos>(),   row<Erf>()};

// The activations stand together in `Operator`.
constexpr Operator first = Operator::relu;
constexpr Operator last = Operator::erf;

constexpr bool every_activation_has_its_row() {
  for (std::size_t i = 0; i < table.size(); ++i) {
    if (static_cast<std::size_t>(table[i].op) != static_cast<std::size_t>(first) + i) {
      return false;
    }
  }
  return table.back().op == last;
}
static_assert(every_activation_has_its_row(), "one row for each activation of formats/network/network.hpp, in that order");

const Activation* find(Operator op) {
  return op < first || op > last ? nullptr : &table[static_cast<std::size_t>(op) - static_cast<std::size_t>(first)];
}

}  // namespace

Interval SlopeRange::largest_magnitude() const {
  const auto magnitude = [](const Interval& x) {
    const double low = std::fabs(x.lower());
    const double high = std::fabs(x.upper());
    return std::pair{x.contains_zero() ? 0 : std::min(low, high), std::max(low, high)};
  };
  const auto [lower, upper] = magnitude(least);
  const auto [other_lower, other_upper] = magnitude(most);
  return Interval::between(std::max(lower, other_lower), std::max(upper, other_upper));
}

const Activation& activation_of(Operator op) {
  const Activation* const activation = find(op);
  if (activation == nullptr) {
    throw Error(ExitCode::internal, std::string("Operator ") + name_of(op) + " was taken for an activation; please report this.");
  }
  return *activation;
}

const Activation& activation_of(const Step& step) {
  return step.gate ? gated_product() : activation_of(step.op);
}

std::span<const Activation> activations() {
  return table;
}

const PlainActivation* plain_activation(Operator op) {
  const Activation* const activation = find(op);
  return activation == nullptr ? nullptr : &activation->plain;
}

Curves::Curves(const Step& step) : step_(step), by_entry_(std::max({step.slopes.size(), step.low.size(), step.high.size()}) > 1) {
  curve_.alpha = step.alpha;
  curve_.gamma = step.gamma;
  curve_.gate = step.gate ? &*step.gate : nullptr;
  curve_.tanh_form = step.tanh_form;
  take(0);
}

void Curves::take(std::size_t i) {
  if (!step_.slopes.empty()) {
    curve_.slope = entry(step_.slopes, i).centre;
  }
  if (!step_.low.empty()) {
    curve_.low = entry(step_.low, i).centre;
  }
  if (!step_.high.empty()) {
    curve_.high = entry(step_.high, i).centre;
  }
}

}  // namespace lipcert
