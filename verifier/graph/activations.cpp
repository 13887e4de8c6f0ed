// See activations.hpp. A new activation is one row, and the functions that the row names; tests/verifier/test_activations.cpp runs over every row.
//
// Kinks. A function with a kink at 0 and slopes n (left) and p (right of it) has the one-sided derivative p d for z > 0, n d for z < 0, and at z = 0 p d
// or n d by the sign of d; where an enclosure leaves the sign of z open it is one of p d and n d, so that their hull encloses it. Functions with
// other kinks are written with max and min: the derivative of max(a, b) is that of the larger one, and where both are equal the larger derivative.
//
// Largest slopes. Relu, LeakyRelu, PRelu, Abs, Clip: piecewise linear, the slopes are read off. Tanh: g' = 1 - tanh^2, 1 at 0. Sigmoid:
// g' = s (1 - s) <= 1/4, at s = 1/2. Softplus: g' = sigmoid, supremum 1. Elu: slope 1 for x > 0 and alpha e^x for x < 0, supremum |alpha|.
// Selu: gamma times Elu. HardSigmoid: max(0, min(1, alpha x + beta)), slope alpha or 0 (alpha = 0: constant; else some interval has it).
// HardSwish: x max(0, min(1, x/6 + 1/2)): on (-3, 3) the slope is x/3 + 1/2, between -1/2 and 3/2; 0 and 1 outside.
// Softsign: 1 / (1 + |x|)^2, 1 at 0.
// Celu: e^(x / alpha) for x < 0 and alpha > 0, 1 for x > 0.
// Sin: cos, 1 at 0.
// Cos: -sin, 1 at -pi / 2.
// Erf: 2 / sqrt(pi) e^(-x^2), largest at 0.
//
// Gelu, exact: g = x Phi(x), g' = Phi + x phi, g'' = phi (2 - x^2): the maximum is at sqrt(2), the minimum at -sqrt(2), with
// g'(-x) = 1 - g'(x). g'(sqrt 2) = Phi(sqrt 2) + sqrt(2) phi(sqrt 2) = (1 + erf(1))/2 + e^-1/sqrt(pi) = 0.92135039... + 0.20755374... =
// 1.12890413..., so 1.12890 < sup |g'| < 1.12891.
//
// Gelu, tanh: g = x (1 + tanh u)/2, u = c (x + a x^3), c = sqrt(2/pi), a = 0.044715, g' = (1 + t)/2 + x (1 - t^2) u'/2 with t = tanh u,
// u' = c (1 + 3 a x^2): 1.1289930... at x = 1.4185..., and g'(-x) = 1 - g'(x).
//
// Mish, x tanh(softplus(x)): with t = tanh(softplus(x)), g' = t + x (1 - t^2) s(x): 1.0884981... at x = 1.4905..., at least -0.12.
//
// The last two have no closed form. tests/verifier_layers ("the constants of the table") proves them, and the exact Gelu, by subdivision with directed
// rounding: on a cover of [-16, 16] no enclosure of |g'| exceeds the upper number, and one point exceeds the lower one. Beyond, g' is within 2^-10
// of 0 or 1: |1 - t| <= 2 e^-2z at z >= 12, and x e^-|x| < 2^-18 for |x| > 16.
#include "verifier/graph/activations.hpp"

#include <algorithm>

#include "verifier/graph/functions.hpp"
#include "verifier/graph/operators/family.hpp"

namespace lipverify {

Interval Place::real(const char* name) const { return Interval(dyadic_of_binary32(inputs.node().attributes.at(name).real)); }
const std::string& Place::text(const char* name) const { return inputs.node().attributes.at(name).text; }

namespace {

// ------------------------------------------------------------------------------------------------------------------------------- inputs

Rational attribute(const Node& node, const char* name) { return rational_of(dyadic_of_binary32(node.attributes.at(name).real)); }

void one_input(const NodeRules& at) { (void)at.unary(); }

void prelu_inputs(const NodeRules& at) {
  at.count_inputs(2, 2);
  at.same_floating_type();
  const Shape& x = at.in(0).shape;
  if (!at.in(1).constant || at.in(1).shape.size() > x.size() || at.broadcast(x, at.in(1).shape) != x)
    at.fail("its slope must be a constant that broadcasts to the data");
}

void clip_inputs(const NodeRules& at) {
  at.count_inputs(1, at.before(11) ? 1 : 3);
  at.floating();
  at.constant_scalar(1, true);
  at.constant_scalar(2, true);
  if (at.before(11) && attribute(at.node(), "min") > attribute(at.node(), "max")) at.fail("min is above max");
}

void gelu_inputs(const NodeRules& at) {
  (void)at.unary();
  const std::string& approximate = at.node().attributes.at("approximate").text;
  if (approximate != "none" && approximate != "tanh") at.fail("approximate must be none or tanh");
}

void celu_inputs(const NodeRules& at) {
  (void)at.unary();
  if (dyadic_of_binary32(at.node().attributes.at("alpha").real).mantissa <= 0) at.fail("alpha must be above 0");
}

// ------------------------------------------------------------------------------------------------------------------------ largest slopes

Rational magnitude(const Rational& x) { return x < 0 ? Rational(-x) : x; }
Constant exactly(const Rational& x) { return {x, x}; }

/// The number n / d.
template <std::int64_t n, std::int64_t d = 1>
Constant slope_is(const Graph&, Evaluator&, const Node&) {
  return exactly(Rational(n, d));
}

/// Between n / 100000 and (n + 1) / 100000.
template <std::int64_t n>
Constant slope_near(const Graph&, Evaluator&, const Node&) {
  return {Rational(n, 100000), Rational(n + 1, 100000)};
}

Constant leaky_slope(const Graph&, Evaluator&, const Node& node) { return exactly(std::max(Rational(1), magnitude(attribute(node, "alpha")))); }

Constant selu_slope(const Graph&, Evaluator&, const Node& node) {
  return exactly(magnitude(attribute(node, "gamma")) * std::max(Rational(1), magnitude(attribute(node, "alpha"))));
}

Constant hard_sigmoid_slope(const Graph&, Evaluator&, const Node& node) { return exactly(magnitude(attribute(node, "alpha"))); }

Constant gelu_largest(const Graph& graph, Evaluator& evaluator, const Node& node) {
  return (node.attributes.at("approximate").text == "tanh" ? slope_near<112899> : slope_near<112890>)(graph, evaluator, node);
}

/// max(1, |slope|) over the slopes of a PRelu.
Constant prelu_slope(const Graph&, Evaluator& evaluator, const Node& node) {
  const Operand& slopes = evaluator.constant(node.inputs[1]);
  Constant out = exactly(Rational(1));
  for (std::uint64_t i = 0; i < slopes.size(); ++i) {
    const Interval size = absolute(slopes.at(i));
    out.lower = std::max(out.lower, lower_end(size));
    out.upper = std::max(out.upper, upper_end(size));
  }
  out.computed = slopes.raw == nullptr;
  return out;
}

/// min(max(x, low), high): 1 when low < high, else constant.
Constant clip_slope(const Graph& graph, Evaluator& evaluator, const Node& node) {
  if (graph.opset < 11) return exactly(Rational(attribute(node, "min") < attribute(node, "max") ? 1 : 0));
  const auto limit = [&](std::size_t k) { return k < node.inputs.size() && node.inputs[k] != kAbsent; };
  if (!limit(1) || !limit(2)) return exactly(Rational(1));
  const Operand& below = evaluator.constant(node.inputs[1]);
  const Operand& above = evaluator.constant(node.inputs[2]);
  const Interval low = below.at(0), high = above.at(0);
  return {Rational(upper_end(low) < lower_end(high) ? 1 : 0), Rational(lower_end(low) < upper_end(high) ? 1 : 0), below.raw == nullptr || above.raw == nullptr};
}

// ------------------------------------------------------------------------------------------------------------------ values and derivatives

Interval kink(const Interval& left, const Interval& right, const Interval& z, const Interval& d) {
  if (z.low > 0) return right * d;
  if (z.high < 0) return left * d;
  if (!z.is_zero()) return hull(left * d, right * d);
  if (d.low >= 0) return right * d;
  if (d.high <= 0) return left * d;
  return hull(left * not_positive(d), right * not_negative(d));
}

/// Linear on both sides of 0, with slope 1 on the right.
Interval bent(const Interval& left, const Interval& z) {
  const Interval right = integer(1);
  if (z.low >= 0) return right * z;
  if (z.high <= 0) return left * z;
  return hull(left * not_positive(z), right * not_negative(z));
}
template <Interval (*left)(const Place&)>
Interval bent_value(const Place& at, const Interval& z) {
  return bent(left(at), z);
}
template <Interval (*left)(const Place&)>
Interval bent_derivative(const Place& at, const Interval& z, const Interval& d) {
  return kink(left(at), integer(1), z, d);
}
Interval nothing(const Place&) { return {}; }
Interval minus_one(const Place&) { return integer(-1); }
Interval alpha(const Place& at) { return at.real("alpha"); }
Interval parameter(const Place& at) { return at.parameter; }

/// A function of z alone; of two such functions g and g' the derivative is g'(z) d.
template <Interval (*g)(const Interval&)>
Interval value_of(const Place&, const Interval& z) {
  return g(z);
}
template <Interval (*slope)(const Interval&)>
Interval derivative_of(const Place&, const Interval& z, const Interval& d) {
  return slope(z) * d;
}

/// A number and its derivative.
struct Pair {
  Interval value, derivative;
};

Pair larger(const Pair& a, const Pair& b) {
  const Interval value = maximum(a.value, b.value);
  if (!meets(a.value, value)) return {value, b.derivative};
  if (!meets(b.value, value)) return {value, a.derivative};
  if (a.value.exact() && b.value.exact()) return {value, maximum(a.derivative, b.derivative)};  // equal: the direction decides
  return {value, hull(a.derivative, b.derivative)};
}

Pair negative(const Pair& a) { return {negated(a.value), negated(a.derivative)}; }
Pair smaller(const Pair& a, const Pair& b) { return negative(larger(negative(a), negative(b))); }

Pair clipped(Pair x, const Interval* low, const Interval* high) {
  if (low != nullptr) x = larger(x, {*low, {}});
  if (high != nullptr) x = smaller(x, {*high, {}});
  return x;
}

Pair clip(const Place& at, const Pair& x) {
  const NodeInputs& inputs = at.inputs;
  if (inputs.graph.opset < 11) {
    const Interval low = at.real("min");
    const Interval high = at.real("max");
    return clipped(x, &low, &high);
  }
  Interval low, high;
  if (inputs.has(1)) low = inputs.in[1]->at(0);
  if (inputs.has(2)) high = inputs.in[2]->at(0);
  return clipped(x, inputs.has(1) ? &low : nullptr, inputs.has(2) ? &high : nullptr);
}

Pair hard_sigmoid(const Place& at, const Pair& x) {
  const Interval alpha = at.real("alpha");
  const Interval zero;
  const Interval one = integer(1);
  return clipped({alpha * x.value + at.real("beta"), alpha * x.derivative}, &zero, &one);
}

/// A function that is written for a number and its derivative.
template <Pair (*g)(const Place&, const Pair&)>
Interval pair_value(const Place& at, const Interval& z) {
  return g(at, {z, {}}).value;
}
template <Pair (*g)(const Place&, const Pair&)>
Interval pair_derivative(const Place& at, const Interval& z, const Interval& d) {
  return g(at, {z, d}).derivative;
}

/// x max(0, min(1, x / 6 + 1 / 2)): 0 up to -3, x (x + 3) / 6 up to 3, then x.
Interval hard_swish_slope(const Interval& x) { return (integer(2) * x + integer(3)) * fraction(1, 6); }

Interval hard_swish(const Interval& x) {
  const Interval three = integer(3);
  const Interval zero;
  const Interval one = integer(1);
  if (compare(x.high, x.exponent, -three.low, 0) <= 0) return {};
  if (compare(x.low, x.exponent, three.low, 0) >= 0) return x;
  return x * clipped({x * fraction(1, 6) + fraction(1, 2), {}}, &zero, &one).value;
}

Interval hard_swish_derivative(const Place&, const Interval& x, const Interval& d) {
  const Interval three = integer(3);
  const Interval inside = maximum(minimum(x, three), negated(three));
  if (compare(x.high, x.exponent, three.low, 0) < 0) return kink({}, hard_swish_slope(inside), x + three, d);
  if (compare(x.low, x.exponent, -three.low, 0) > 0) return kink(hard_swish_slope(inside), integer(1), x + negated(three), d);
  return hull(hull({}, integer(1)), hard_swish_slope(inside)) * d;
}

/// Elu: alpha (exp(x) - 1) below 0, x above; Selu: gamma times that.
Interval elu(const Place& at, const Interval& x) {
  const Interval below = at.real("alpha") * (exponential_below(not_positive(x)) + integer(-1));
  if (x.low >= 0) return x;
  return x.high <= 0 ? below : hull(below, not_negative(x));
}
Interval elu_derivative(const Place& at, const Interval& x, const Interval& d) {
  return kink(at.real("alpha") * exponential_below(not_positive(x)), integer(1), x, d);
}
Interval selu(const Place& at, const Interval& x) { return at.real("gamma") * elu(at, x); }
Interval selu_derivative(const Place& at, const Interval& x, const Interval& d) { return at.real("gamma") * elu_derivative(at, x, d); }

Interval gelu_value(const Place& at, const Interval& x) { return gelu(x, at.text("approximate") == "tanh"); }
Interval gelu_derivative(const Place& at, const Interval& x, const Interval& d) { return gelu_slope(x, at.text("approximate") == "tanh") * d; }

/// x / (1 + |x|) = sign(x) (1 - 1 / (1 + |x|)): rising, with slope 1 / (1 + |x|)^2.
Interval softsign(const Interval& x) {
  const auto rest = [](const Interval& size) { return integer(1) + negated(quotient(integer(1), integer(1) + size)); };
  if (x.low >= 0) return rest(x);
  if (x.high <= 0) return negated(rest(negated(x)));
  return hull(negated(rest(negated(not_positive(x)))), rest(not_negative(x)));
}
Interval softsign_slope(const Interval& x) { return quotient(integer(1), squared(integer(1) + absolute(x))); }

/// alpha (exp(x / alpha) - 1) below 0, x above, alpha > 0.
Interval celu(const Place& at, const Interval& x) {
  const Interval alpha = at.real("alpha");
  const Interval below = alpha * (exponential_below(quotient(not_positive(x), alpha)) + integer(-1));
  if (x.low >= 0) return x;
  return x.high <= 0 ? below : hull(below, not_negative(x));
}
Interval celu_derivative(const Place& at, const Interval& x, const Interval& d) {
  return exponential_below(quotient(not_positive(x), at.real("alpha"))) * d;
}

Interval cosine_slope(const Interval& x) { return negated(sine(x)); }

/// 2 / sqrt(pi) = 1.12837916709551257...
Constant erf_largest(const Graph&, Evaluator&, const Node&) {
  const Rational unit(1000000000000000);
  return {Rational(1128379167095512) / unit, Rational(1128379167095513) / unit};
}

// --------------------------------------------------------------------------------------------------------------------------- the table

constexpr ActivationAttribute kAlpha{"alpha", 0x3F800000};  // 1

constexpr std::array kActivations = {
    Activation{Op::relu, "Relu", 1, {}, one_input, slope_is<1>, bent_value<nothing>, bent_derivative<nothing>},
    Activation{Op::leaky_relu, "LeakyRelu", 1, {{{"alpha", 0x3C23D70A}}} /* 0.01 */, one_input, leaky_slope, bent_value<alpha>, bent_derivative<alpha>},
    Activation{Op::prelu, "PRelu", 1, {}, prelu_inputs, prelu_slope, bent_value<parameter>, bent_derivative<parameter>, true},
    Activation{Op::abs, "Abs", 1, {}, one_input, slope_is<1>, bent_value<minus_one>, bent_derivative<minus_one>},
    Activation{Op::sigmoid, "Sigmoid", 1, {}, one_input, slope_is<1, 4>, value_of<sigmoid>, derivative_of<sigmoid_slope>},
    Activation{Op::tanh, "Tanh", 1, {}, one_input, slope_is<1>, value_of<hyperbolic_tangent>, derivative_of<hyperbolic_tangent_slope>},
    Activation{Op::elu, "Elu", 1, {{kAlpha}}, one_input, leaky_slope, elu, elu_derivative},
    Activation{Op::selu, "Selu", 1, {{{"alpha", 0x3FD62D7D}, {"gamma", 0x3F867D5F}}} /* 1.67326319217681884765625, 1.05070102214813232421875 */,
               one_input, selu_slope, selu, selu_derivative},
    Activation{Op::softplus, "Softplus", 1, {}, one_input, slope_is<1>, value_of<softplus>, derivative_of<sigmoid>},
    Activation{Op::hard_sigmoid, "HardSigmoid", 1, {{{"alpha", 0x3E4CCCCD}, {"beta", 0x3F000000}}} /* 0.2, 0.5 */, one_input, hard_sigmoid_slope,
               pair_value<hard_sigmoid>, pair_derivative<hard_sigmoid>},
    Activation{Op::hard_swish, "HardSwish", 14, {}, one_input, slope_is<3, 2>, value_of<hard_swish>, hard_swish_derivative},
    Activation{Op::gelu, "Gelu", 20, {{{"approximate", 0, "none"}}}, gelu_inputs, gelu_largest, gelu_value, gelu_derivative},
    Activation{Op::mish, "Mish", 18, {}, one_input, slope_near<108849>, value_of<mish>, derivative_of<mish_slope>},
    Activation{Op::clip, "Clip", 1, {{{"min", 0xFF7FFFFF, nullptr, 11}, {"max", 0x7F7FFFFF, nullptr, 11}}} /* the lowest and highest binary32 */,
               clip_inputs, clip_slope, pair_value<clip>, pair_derivative<clip>},
    Activation{Op::softsign, "Softsign", 1, {}, one_input, slope_is<1>, value_of<softsign>, derivative_of<softsign_slope>},
    Activation{Op::celu, "Celu", 12, {{kAlpha}}, celu_inputs, slope_is<1>, celu, celu_derivative},
    Activation{Op::sin, "Sin", 7, {}, one_input, slope_is<1>, value_of<sine>, derivative_of<cosine>},
    Activation{Op::cos, "Cos", 7, {}, one_input, slope_is<1>, value_of<cosine>, derivative_of<cosine_slope>},
    Activation{Op::erf, "Erf", 9, {}, one_input, erf_largest, value_of<error_function>, derivative_of<error_function_slope>},
};

constexpr bool complete() {
  for (std::size_t i = 0; i < kActivations.size(); ++i) {
    const Activation& a = kActivations[i];
    if (static_cast<std::size_t>(a.op) != static_cast<std::size_t>(kFirstActivation) + i || a.name == nullptr || a.since == 0) return false;
#ifndef __SANITIZE_ADDRESS__  // instrumented, g++ 12 does not take a function's address for a constant; the other presets look
    if (a.inputs == nullptr || a.slope == nullptr || a.value == nullptr || a.derivative == nullptr) return false;
#endif
  }
  return static_cast<std::size_t>(Op::end) == static_cast<std::size_t>(kFirstActivation) + kActivations.size();
}
static_assert(complete(), "an activation without a row, or a row with an empty column");

}  // namespace

std::span<const Activation> activations() { return kActivations; }

bool is_activation(Op op) { return op >= kFirstActivation && op < Op::end; }

const Activation& activation_of(Op op) { return kActivations.at(static_cast<std::size_t>(op) - static_cast<std::size_t>(kFirstActivation)); }

bool find_activation(const std::string& name, Op& op) {
  for (const Activation& a : kActivations)
    if (name == a.name) {
      op = a.op;
      return true;
    }
  return false;
}

Shape activation_shape(const NodeRules& at, Value&) {
  const Activation& a = activation_of(at.node().op);
  at.since(a.since);
  a.inputs(at);
  return at.in(0).shape;
}

Operand activation_value(const NodeInputs& inputs, std::size_t, const Shape& shape, bool) {
  const Activation& a = activation_of(inputs.node().op);
  check_size(element_count(shape));
  const Broadcast index(a.per_entry ? inputs.in[1]->shape : Shape(), shape);
  return entrywise(shape, inputs.threads, [&](std::size_t e) {
    return a.value({inputs, a.per_entry ? inputs.in[1]->at(index.index(e)) : Interval()}, inputs.in[0]->at(e));
  });
}

Operand activation_derivative(const NodeInputs& inputs, const std::vector<const Operand*>& derivatives, const Operand& value) {
  const Activation& a = activation_of(inputs.node().op);
  const Broadcast index(a.per_entry ? inputs.in[1]->shape : Shape(), value.shape);
  return entrywise(value.shape, inputs.threads, [&](std::size_t e) {
    return a.derivative({inputs, a.per_entry ? inputs.in[1]->at(index.index(e)) : Interval()}, inputs.in[0]->at(e), derivatives[0]->at(e));
  });
}

}  // namespace lipverify
