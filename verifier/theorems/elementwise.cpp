// See elementwise.hpp.
//
// The block maps entry by entry, x_i -> g(x_i) (PRelu, Max, Min: g_i), without enlarging the tensor, so its constant is the largest |g'|: an upper
// bound by the mean value theorem entry by entry, and attained along one entry where the supremum of |g'| is approached. The largest slope of each
// activation stands in its row, with the proof (verifier/graph/activations.cpp). Max and Min with constants: piecewise linear, with slopes 0 and 1.
// Several nodes: gated_product.
#include "verifier/theorems/elementwise.hpp"

#include "verifier/base/failure.hpp"
#include "verifier/theorems/gated_product.hpp"

namespace lipverify {

Constant largest_slope(const Graph& graph, Evaluator& evaluator, const Block& block) {
  if (block.nodes().size() > 1) return gated_product_slope(graph, evaluator, block);
  const std::size_t index = block.nodes()[0];
  const Node& node = graph.nodes[index];
  if (element_count(graph.values[block.output()].shape) != element_count(graph.values[block.input()].shape))
    reject(graph.label(index) + " enlarges the tensor by broadcasting");
  if (node.op == Op::max || node.op == Op::min) return {Rational(1), Rational(1)};
  if (node.inputs[0] != block.input()) reject(graph.label(index) + " does not have its data in front");
  if (!is_activation(node.op)) reject(graph.label(index) + " is not an activation that this version of the checker knows");
  return activation_of(node.op).slope(graph, evaluator, node);
}

}  // namespace lipverify
