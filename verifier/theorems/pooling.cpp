// See pooling.hpp.
//
// Maxima. y_o = max over the window S_o, so |y_o - y_o'| <= ||x - x'|| on S_o, and the sum of squares counts each entry as often as it lies in a
// window: ||y - y'||^2 <= c ||x - x'||^2 with c the largest count. Attained: where an entry with that count is larger than all others, all its
// windows follow it. Along one axis a tap j of window o meets position s o + dil j - begin; windows are products of axes, and so are the counts.
// Minima: -max(-x). Cost: output length times kernel length, for each axis.
//
// Euclidean norms. y_o = sqrt(sum_i a_oi x_i^2) with a >= 0 is a seminorm, so |y_o - y_o'|^2 <= sum_i a_oi (x_i - x_i')^2, and summed over o
// ||y - y'||^2 <= max_i (sum_o a_oi) ||x - x'||^2; attained from x' = 0 in the direction of the best i. The nodes are Pow 2 (or x * x), then linear
// nodes without negative entries and without constants, among them nodes that change no nonnegative number, then the square root. Column sums of
// a product of matrices are the all-ones row times it, so they are carried backwards through the nodes as enclosures; no matrix is formed.
// Cost: one multiplication for each term of each node. ReduceL2 and LpPool are the whole in one node, with a = 1 for the entries of each set: the sums
// are the numbers of sets that an entry lies in, one for ReduceL2, counted as for maxima for LpPool.
#include "verifier/theorems/pooling.hpp"

#include <algorithm>
#include <map>

#include "verifier/base/failure.hpp"
#include "verifier/graph/parameters.hpp"
#include "verifier/theorems/linear_map.hpp"

namespace lipverify {

Rational max_overlap(const Graph& graph, const Block& block) {
  const std::size_t index = block.nodes()[0];
  const Op op = graph.nodes[index].op;
  if (op == Op::reduce_l2 || op == Op::global_max_pool || op == Op::reduce_max || op == Op::reduce_min) return Rational(1);
  if (op != Op::max_pool && op != Op::lp_pool) reject(graph.label(index) + " is not a pooling");
  Integer most = 1;
  for (const WindowAxis& a : window_of(graph, index).axes) {
    std::vector<std::uint64_t> windows(a.input, 0);
    for (std::uint64_t o = 0; o < a.output; ++o)
      for (std::uint64_t j = 0; j < a.kernel; ++j) {
        const std::int64_t p = static_cast<std::int64_t>(a.stride * o + a.dilation * j) - a.begin;
        if (p >= 0 && p < static_cast<std::int64_t>(a.input)) ++windows[static_cast<std::size_t>(p)];
      }
    most *= *std::max_element(windows.begin(), windows.end());
  }
  return Rational(most);
}

namespace {

/// The exponent of a Pow: one constant of any type; true when it is numerator/2.
bool exponent_is(const Graph& graph, Evaluator& evaluator, const Node& node, std::int64_t halves) {
  if (node.inputs.size() != 2 || node.inputs[1] == kAbsent) return false;
  const Value& value = graph.values[node.inputs[1]];
  if (!value.constant || element_count(value.shape) != 1) return false;
  if (!is_floating(value.type)) return value.known != nullptr && halves % 2 == 0 && value.known->integer(0) == halves / 2;
  const Interval x = evaluator.constant(node.inputs[1]).at(0);
  return x.exact() && lower_end(x) == Rational(halves, 2);
}

}  // namespace

Constant window_sum(const Graph& graph, Evaluator& evaluator, const Block& block) {
  const std::vector<std::size_t>& nodes = block.nodes();
  if (const Op op = graph.nodes[nodes[0]].op; nodes.size() == 1 && (op == Op::reduce_l2 || op == Op::lp_pool)) {
    const Rational most = max_overlap(graph, block);
    return {most, most};
  }
  const auto fail = [&](std::size_t i, const std::string& reason) { reject(graph.label(i) + " does not belong in an L2 pooling: " + reason); };
  // The square in front.
  const std::size_t first = nodes.front();
  const std::vector<ValueId> read = data_inputs(graph, first);
  const bool squares = graph.nodes[first].op == Op::pow ? read == std::vector<ValueId>{block.input()} && graph.nodes[first].inputs[0] == block.input() && exponent_is(graph, evaluator, graph.nodes[first], 4)
                                                        : graph.nodes[first].op == Op::mul && read == std::vector<ValueId>{block.input(), block.input()};
  if (!squares) fail(first, "it does not square the block's input");
  // The root at the end.
  const std::size_t last = nodes.back();
  if (nodes.size() < 2 || (graph.nodes[last].op != Op::sqrt && !(graph.nodes[last].op == Op::pow && exponent_is(graph, evaluator, graph.nodes[last], 1))))
    fail(last, "it is not the square root at the end");

  // Between them: same[v] is the tensor whose numbers v has; sign[v] the one whose signs it has.
  std::map<ValueId, ValueId> same, sign;
  const ValueId start = graph.nodes[first].outputs[0];
  same[start] = start;
  std::vector<std::size_t> linear;
  for (std::size_t k = 1; k + 1 < nodes.size(); ++k) {
    const std::size_t i = nodes[k];
    const Node& node = graph.nodes[i];
    const std::vector<ValueId> data = data_inputs(graph, i);
    const auto nonnegative = [&](ValueId id) {
      const auto found = same.find(id);
      if (found == same.end()) fail(i, "it reads something that is not known to be nonnegative");
      return found->second;
    };
    if (node.op == Op::abs || node.op == Op::relu) {
      same[node.outputs[0]] = nonnegative(data.at(0));
    } else if (node.op == Op::sign) {
      sign[node.outputs[0]] = nonnegative(data.at(0));
    } else if (node.op == Op::mul && data.size() == 2) {
      const bool left = sign.count(data[0]) != 0;
      const auto s = sign.find(data[left ? 0 : 1]);
      if (s == sign.end() || nonnegative(data[left ? 1 : 0]) != s->second) fail(i, "a product of two tensors that is not Sign(t) * t");
      same[node.outputs[0]] = s->second;
    } else if (is_linear_op(node.op)) {
      for (const ValueId id : data) (void)nonnegative(id);
      for (std::size_t o = 0; o < node.outputs.size(); ++o)
        if (node.outputs[o] != kAbsent && !graph.values[node.outputs[o]].unusable) same[node.outputs[o]] = node.outputs[o];
      linear.push_back(i);
    } else {
      fail(i, "it is neither linear nor the identity on nonnegative numbers");
    }
  }
  const std::vector<ValueId> under = data_inputs(graph, last);
  if (under.size() != 1 || graph.nodes[last].inputs[0] != under[0] || same.count(under[0]) == 0) fail(last, "what stands under its root is not known to be nonnegative");

  // Backwards: sums[v] is the all-ones row times the matrix from v to what stands under the root. Values are identified with those of equal numbers.
  std::map<ValueId, IntervalTensor> sums;
  sums[same.at(under[0])].assign(element_count(graph.values[under[0]].shape), Interval(Dyadic{1, 0}));
  for (std::size_t k = linear.size(); k-- > 0;) {
    const std::size_t i = linear[k];
    for (std::size_t o = 0; o < graph.nodes[i].outputs.size(); ++o) {
      const ValueId made = graph.nodes[i].outputs[o];
      const auto found = made == kAbsent ? sums.end() : sums.find(made);
      if (found == sums.end()) continue;
      const IntervalTensor after = std::move(found->second);
      sums.erase(found);
      const LinearNode node = linear_node(graph, evaluator, i, o);
      if (node.offset) fail(i, "it adds a constant");
      std::vector<Term> terms;
      for (std::uint64_t r = 0; r < node.rows; ++r) {
        terms.clear();
        node.row(r, terms);
        for (const Term& term : terms) {
          const Interval factor = interval_of(term.factor);
          if (factor.low < 0) fail(i, "its matrix has a negative entry");
          const ValueId id = same.at(node.data[term.slot]);
          IntervalTensor& before = sums[id];
          if (before.empty()) before.assign(element_count(graph.values[id].shape), Interval());
          before[term.index] = before[term.index] + after[r] * factor;
        }
      }
    }
  }
  Constant out;
  const auto found = sums.find(start);
  if (found == sums.end()) return out;  // nothing of the input is left
  for (const Interval& x : found->second) {
    out.lower = std::max(out.lower, lower_end(x));
    out.upper = std::max(out.upper, upper_end(x));
  }
  return out;
}

}  // namespace lipverify
