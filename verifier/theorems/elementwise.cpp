// See elementwise.hpp.
//
// The block maps entry by entry, x_i -> g(x_i) (PRelu, Max, Min: g_i), without enlarging the tensor, so its constant is the largest |g'|: an upper
// bound by the mean value theorem entry by entry, and attained along one entry where the supremum of |g'| is approached. The largest slope of each
// activation stands in its row, with the proof (verifier/graph/activations.cpp). Max and Min with constants: piecewise linear, with slopes 0 and 1.
//
// SiLU, x s(x): g' = s + x s (1 - s), g'' = s (1 - s) (2 + x (1 - 2 s)), zero where x tanh(x/2) = 2, that is at x = +-x0, x0 = 2.39935728...
// (x tanh(x/2) increases for x > 0). g'(x) -> 1 and 0 at the ends and g'(-x) = 1 - g'(x), so sup |g'| = max(g'(x0), g'(x0) - 1) = g'(x0).
// There 2 s - 1 = tanh(x0/2) = 2/x0, s (1 - s) = (1 - 4/x0^2)/4, and g'(x0) = 1/2 + 1/x0 + x0 (1 - 4/x0^2)/4 = 1/2 + x0/4. From
// x tanh(x/2) - 2 < 0 at 2.3993 (tanh(1.19965) < 0.83356 < 2/2.3993 = 0.83358) and > 0 at 2.3994 (tanh(1.1997) > 0.83356 > 2/2.3994 = 0.83354):
// 1.099825 < g'(x0) < 1.09985; the fifth digit follows from x0 in (2.39932, 2.39936): 1.09983 < g'(x0) < 1.09984. tests/verifier_layers
// proves that too ("the constants of the table").
#include "verifier/theorems/elementwise.hpp"

#include "verifier/base/failure.hpp"

namespace lipverify {

Constant largest_slope(const Graph& graph, Evaluator& evaluator, const Block& block) {
  const std::size_t index = block.nodes()[0];
  const Node& node = graph.nodes[index];
  if (element_count(graph.values[block.output()].shape) != element_count(graph.values[block.input()].shape))
    reject(graph.label(index) + " enlarges the tensor by broadcasting");
  if (block.nodes().size() == 2) return {Rational(109983, 100000), Rational(109984, 100000)};  // SiLU
  if (node.op == Op::max || node.op == Op::min) return {Rational(1), Rational(1)};
  if (node.inputs[0] != block.input()) reject(graph.label(index) + " does not have its data in front");
  if (!is_activation(node.op)) reject(graph.label(index) + " is not an activation that this version of the checker knows");
  return activation_of(node.op).slope(graph, evaluator, node);
}

}  // namespace lipverify
