// See elementwise.hpp.
//
// The block maps entry by entry, x_i -> g(x_i) (PRelu, Max, Min: g_i), without enlarging the tensor, so its constant is the largest |g'|: an upper
// bound by the mean value theorem entry by entry, and attained along one entry where the supremum of |g'| is approached.
//
// Proofs. Relu, LeakyRelu, PRelu, Abs, Clip, Max, Min: piecewise linear, the slopes are read off. Tanh: g' = 1 - tanh^2, 1 at 0. Sigmoid:
// g' = s (1 - s) <= 1/4, at s = 1/2. Softplus: g' = sigmoid, supremum 1. Elu: slope 1 for x > 0 and alpha e^x for x < 0, supremum |alpha|.
// Selu: gamma times Elu. HardSigmoid: max(0, min(1, alpha x + beta)), slope alpha or 0 (alpha = 0: constant; else some interval has it).
// HardSwish: x max(0, min(1, x/6 + 1/2)): on (-3, 3) the slope is x/3 + 1/2, between -1/2 and 3/2; 0 and 1 outside.
//
// SiLU, x s(x): g' = s + x s (1 - s), g'' = s (1 - s) (2 + x (1 - 2 s)), zero where x tanh(x/2) = 2, that is at x = +-x0, x0 = 2.39935728...
// (x tanh(x/2) increases for x > 0). g'(x) -> 1 and 0 at the ends and g'(-x) = 1 - g'(x), so sup |g'| = max(g'(x0), g'(x0) - 1) = g'(x0).
// There 2 s - 1 = tanh(x0/2) = 2/x0, s (1 - s) = (1 - 4/x0^2)/4, and g'(x0) = 1/2 + 1/x0 + x0 (1 - 4/x0^2)/4 = 1/2 + x0/4. From
// x tanh(x/2) - 2 < 0 at 2.3993 (tanh(1.19965) < 0.83356 < 2/2.3993 = 0.83358) and > 0 at 2.3994 (tanh(1.1997) > 0.83356 > 2/2.3994 = 0.83354):
// 1.099825 < g'(x0) < 1.09985; the fifth digit follows from x0 in (2.39932, 2.39936): 1.09983 < g'(x0) < 1.09984.
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
// These two have no closed form. tests/verifier_layers ("the constants of the table") proves them, and the two before, by subdivision with directed
// rounding: on a cover of [-16, 16] no enclosure of |g'| exceeds the upper number, and one point exceeds the lower one. Beyond, g' is within 2^-10
// of 0 or 1: |1 - t| <= 2 e^-2z at z >= 12, and x e^-|x| < 2^-18 for |x| > 16.
#include "verifier/theorems/elementwise.hpp"

#include <algorithm>

#include "verifier/graph/parameters.hpp"
#include "verifier/base/failure.hpp"

namespace lipverify {

namespace {

Rational magnitude(const Rational& x) { return x < 0 ? Rational(-x) : x; }
Rational attribute(const Node& node, const char* name) { return rational_of(dyadic_of_binary32(node.attributes.at(name).real)); }
Constant exactly(const Rational& x) { return {x, x}; }
Constant between(std::int64_t lower, std::int64_t upper) { return {Rational(lower, 100000), Rational(upper, 100000)}; }

/// max(1, |slope|) over the slopes of a PRelu.
Constant steepest(const Operand& slopes) {
  Constant out = exactly(Rational(1));
  for (std::uint64_t i = 0; i < slopes.size(); ++i) {
    const Interval size = absolute(slopes.at(i));
    out.lower = std::max(out.lower, lower_end(size));
    out.upper = std::max(out.upper, upper_end(size));
  }
  return out;
}

/// min(max(x, low), high): 1 when low < high, else constant.
Constant clipped(const Graph& graph, Evaluator& evaluator, const Node& node) {
  if (graph.opset < 11) return exactly(Rational(attribute(node, "min") < attribute(node, "max") ? 1 : 0));
  const auto limit = [&](std::size_t k) { return k < node.inputs.size() && node.inputs[k] != kAbsent; };
  if (!limit(1) || !limit(2)) return exactly(Rational(1));
  const Interval low = evaluator.constant(node.inputs[1]).at(0);
  const Interval high = evaluator.constant(node.inputs[2]).at(0);
  if (upper_end(low) < lower_end(high)) return exactly(Rational(1));
  if (lower_end(low) >= upper_end(high)) return exactly(Rational(0));
  return {Rational(0), Rational(1)};
}

}  // namespace

Constant largest_slope(const Graph& graph, Evaluator& evaluator, const Block& block) {
  const std::size_t index = block.nodes()[0];
  const Node& node = graph.nodes[index];
  if (element_count(graph.values[block.output()].shape) != element_count(graph.values[block.input()].shape))
    reject(graph.label(index) + " enlarges the tensor by broadcasting");
  if (block.nodes().size() == 2) return between(109983, 109984);  // SiLU
  if (node.inputs[0] != block.input() && node.op != Op::max && node.op != Op::min) reject(graph.label(index) + " does not have its data in front");
  switch (node.op) {
    case Op::relu:
    case Op::abs:
    case Op::tanh:
    case Op::softplus:
    case Op::max:
    case Op::min: return exactly(Rational(1));
    case Op::sigmoid: return exactly(Rational(1, 4));
    case Op::leaky_relu:
    case Op::elu: return exactly(std::max(Rational(1), magnitude(attribute(node, "alpha"))));
    case Op::prelu: return steepest(evaluator.constant(node.inputs[1]));
    case Op::selu: return exactly(magnitude(attribute(node, "gamma")) * std::max(Rational(1), magnitude(attribute(node, "alpha"))));
    case Op::hard_sigmoid: return exactly(magnitude(attribute(node, "alpha")));
    case Op::hard_swish: return exactly(Rational(3, 2));
    case Op::gelu: return node.attributes.at("approximate").text == "tanh" ? between(112899, 112900) : between(112890, 112891);
    case Op::mish: return between(108849, 108850);
    case Op::clip: return clipped(graph, evaluator, node);
    default: reject(graph.label(index) + " is not an activation that this version of the checker knows");
  }
}

}  // namespace lipverify
