// Functions of one number (see operator_rules.hpp).
//
// A function with a kink at 0 and slopes n (left) and p (right of it) has the one-sided derivative p d for z > 0, n d for z < 0, and at z = 0 p d
// or n d by the sign of d; where an enclosure leaves the sign of z open it is one of p d and n d, so that their hull encloses it. Functions with
// other kinks are written with max and min: the derivative of max(a, b) is that of the larger one, and where both are equal the larger derivative.
#include "verifier/graph/functions.hpp"
#include "verifier/graph/operators/family.hpp"
#include "verifier/base/failure.hpp"

namespace lipverify {

namespace {

Interval real(const Node& node, const char* name) { return Interval(dyadic_of_binary32(node.attributes.at(name).real)); }

Interval kink(const Interval& left, const Interval& right, const Interval& z, const Interval& d) {
  if (z.low > 0) return right * d;
  if (z.high < 0) return left * d;
  if (!z.is_zero()) return hull(left * d, right * d);
  if (d.low >= 0) return right * d;
  if (d.high <= 0) return left * d;
  return hull(left * not_positive(d), right * not_negative(d));
}

struct Slopes {
  Interval left, right;
};

/// Slopes of a function that is linear on both sides of 0; false for others.
bool piecewise(const Node& node, const Interval& slope, Slopes& slopes) {
  slopes.right = integer(1);
  switch (node.op) {
    case Op::relu: return true;
    case Op::abs: slopes.left = integer(-1); return true;
    case Op::leaky_relu: slopes.left = real(node, "alpha"); return true;
    case Op::prelu: slopes.left = slope; return true;
    default: return false;
  }
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

Pair clip(const NodeInputs& inputs, const Pair& x) {
  if (inputs.graph.opset < 11) {
    const Interval low = real(inputs.node(), "min");
    const Interval high = real(inputs.node(), "max");
    return clipped(x, &low, &high);
  }
  Interval low, high;
  if (inputs.has(1)) low = inputs.in[1]->at(0);
  if (inputs.has(2)) high = inputs.in[2]->at(0);
  return clipped(x, inputs.has(1) ? &low : nullptr, inputs.has(2) ? &high : nullptr);
}

Pair hard_sigmoid(const Node& node, const Pair& x) {
  const Interval alpha = real(node, "alpha");
  const Interval zero;
  const Interval one = integer(1);
  return clipped({alpha * x.value + real(node, "beta"), alpha * x.derivative}, &zero, &one);
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

Interval hard_swish_derivative(const Interval& x, const Interval& d) {
  const Interval three = integer(3);
  const Interval inside = maximum(minimum(x, three), negated(three));
  if (compare(x.high, x.exponent, three.low, 0) < 0) return kink({}, hard_swish_slope(inside), x + three, d);
  if (compare(x.low, x.exponent, -three.low, 0) > 0) return kink(hard_swish_slope(inside), integer(1), x + negated(three), d);
  return hull(hull({}, integer(1)), hard_swish_slope(inside)) * d;
}

/// Elu: alpha (exp(x) - 1) below 0, x above; Selu: gamma times that.
Interval elu(const Interval& alpha, const Interval& x) {
  const Interval below = alpha * (exponential_below(not_positive(x)) + integer(-1));
  if (x.low >= 0) return x;
  return x.high <= 0 ? below : hull(below, not_negative(x));
}
Interval elu_derivative(const Interval& alpha, const Interval& x, const Interval& d) {
  return kink(alpha * exponential_below(not_positive(x)), integer(1), x, d);
}

/// Twice the exponent of a Pow, which is a whole number of small size, or a refusal.
std::int64_t twice_exponent(const NodeInputs& inputs) {
  const Value& value = inputs.graph.values[inputs.node().inputs[1]];
  Interval e;
  if (is_floating(value.type))
    e = integer(2) * inputs.in[1]->at(0);
  else if (const std::int64_t n = value.known == nullptr ? 1000 : value.known->integer(0); n >= -1000 && n <= 1000)
    e = integer(2 * n);
  else
    e = integer(2000);
  if (!e.exact() || e.exponent < 0 || compare(absolute(e).low, e.exponent, Wide(64), 0) > 0)
    reject(inputs.graph.label(inputs.index) + " has an exponent that is not supported (whole numbers and halves up to 32)");
  return static_cast<std::int64_t>(e.low) * (std::int64_t{1} << e.exponent);  // below 64, checked above
}

Interval checked_root(const NodeInputs& inputs, const Interval& z) {
  if (z.low < 0) reject(inputs.graph.label(inputs.index) + " takes the root of a number that cannot be told from a negative one");
  return square_root(z);
}

Interval checked_inverse(const NodeInputs& inputs, const Interval& z) {
  if (z.has_zero()) reject(inputs.graph.label(inputs.index) + " divides by 0, or by a number that cannot be told from 0");
  return quotient(integer(1), z);
}

Interval whole_power(Interval x, std::int64_t n) {  // n >= 0
  if (n == 0) return integer(1);
  if (n % 2 == 0) return whole_power(squared(x), n / 2);
  return n == 1 ? x : x * whole_power(squared(x), n / 2);
}

Interval power(const NodeInputs& inputs, const Interval& z) {
  const std::int64_t twice = twice_exponent(inputs);
  const std::int64_t size = twice < 0 ? -twice : twice;
  const Interval out = size % 2 == 0 ? whole_power(z, size / 2) : whole_power(checked_root(inputs, z), size);
  return twice < 0 ? checked_inverse(inputs, out) : out;
}

Interval root_derivative(const NodeInputs& inputs, const Interval& z, const Interval& d) {
  if (z.low <= 0) {
    if (d.is_zero() && z.is_zero()) reject(inputs.graph.label(inputs.index) + " takes a root at 0, where its derivative is not known");
    reject(inputs.graph.label(inputs.index) + " takes a root at a number that cannot be told from 0; its derivative cannot be enclosed there");
  }
  return quotient(d, integer(2) * square_root(z));
}

Interval power_derivative(const NodeInputs& inputs, const Interval& z, const Interval& d) {
  const std::int64_t twice = twice_exponent(inputs);
  if (twice == 1) return root_derivative(inputs, z, d);
  if (twice < 0 || twice % 2 != 0) reject(inputs.graph.label(inputs.index) + " has an exponent whose derivative is not supported");
  if (twice == 0) return {};
  return integer(twice / 2) * whole_power(z, twice / 2 - 1) * d;
}

}  // namespace

Interval function_value(const NodeInputs& inputs, const Interval& z, const Interval& slope) {
  const Node& node = inputs.node();
  Slopes slopes;
  if (piecewise(node, slope, slopes)) {
    if (z.low >= 0) return slopes.right * z;
    if (z.high <= 0) return slopes.left * z;
    return hull(slopes.left * not_positive(z), slopes.right * not_negative(z));
  }
  switch (node.op) {
    case Op::sigmoid: return sigmoid(z);
    case Op::tanh: return hyperbolic_tangent(z);
    case Op::softplus: return softplus(z);
    case Op::gelu: return gelu(z, node.attributes.at("approximate").text == "tanh");
    case Op::mish: return mish(z);
    case Op::elu: return elu(real(node, "alpha"), z);
    case Op::selu: return real(node, "gamma") * elu(real(node, "alpha"), z);
    case Op::hard_sigmoid: return hard_sigmoid(node, {z, {}}).value;
    case Op::hard_swish: return hard_swish(z);
    case Op::clip: return clip(inputs, {z, {}}).value;
    case Op::sign:
      if (z.low > 0 || z.high < 0 || z.is_zero()) return integer(z.low > 0 ? 1 : z.high < 0 ? -1 : 0);
      return hull(integer(z.low < 0 ? -1 : 0), integer(z.high > 0 ? 1 : 0));
    case Op::sqrt: return checked_root(inputs, z);
    case Op::reciprocal: return checked_inverse(inputs, z);
    case Op::pow: return power(inputs, z);
    default: exhausted("a node without a rule: a fault of the checker");
  }
}

Interval function_derivative(const NodeInputs& inputs, const Interval& z, const Interval& slope, const Interval& d) {
  const Node& node = inputs.node();
  Slopes slopes;
  if (piecewise(node, slope, slopes)) return kink(slopes.left, slopes.right, z, d);
  switch (node.op) {
    case Op::sigmoid: return sigmoid_slope(z) * d;
    case Op::tanh: return hyperbolic_tangent_slope(z) * d;
    case Op::softplus: return sigmoid(z) * d;
    case Op::gelu: return gelu_slope(z, node.attributes.at("approximate").text == "tanh") * d;
    case Op::mish: return mish_slope(z) * d;
    case Op::elu: return elu_derivative(real(node, "alpha"), z, d);
    case Op::selu: return real(node, "gamma") * elu_derivative(real(node, "alpha"), z, d);
    case Op::hard_sigmoid: return hard_sigmoid(node, {z, d}).derivative;
    case Op::hard_swish: return hard_swish_derivative(z, d);
    case Op::clip: return clip(inputs, {z, d}).derivative;
    case Op::sign:
      if (z.has_zero()) reject(inputs.graph.label(inputs.index) + " is not continuous at a number that cannot be told from 0");
      return {};
    case Op::sqrt: return root_derivative(inputs, z, d);
    case Op::pow: return power_derivative(inputs, z, d);
    default: reject(inputs.graph.label(inputs.index) + " is not a supported operation on data");
  }
}

}  // namespace lipverify
