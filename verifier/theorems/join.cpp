// See join.hpp.
//
// f_k is P_k-Lipschitz on the graph's input, each as often as the node reads it (what the certificate lists does not matter).
// Sum and difference: ||f_1 +- f_2|| differences <= P_1 + P_2. Concat: squares add up. Max, Min: |max_k a_k - max_k b_k| <= max_k |a_k - b_k|, whose
// square is at most the sum of squares.
//
// Disjoint slices. Input k of the Concat is g_k(S_k T) where S_k is a selection of entries of the tensor T, the entries of different k are different,
// and g_k goes through blocks with one input each. P_k = (product of the bounds of those blocks, the selection's own included) * P(T), so
// ||g_k(S_k t) - g_k(S_k t')|| <= P_k / P(T) * ||t - t'|| on the entries of S_k (a selection that repeats entries has a bound that counts that), and the
// squares add up to at most max_k P_k^2 / P(T)^2 * ||t - t'||^2. (P(T) = 0: T is constant, and all is 0.)
//
// Cost: the number of blocks; for slices the entries of T.
#include "verifier/theorems/join.hpp"

#include <algorithm>
#include <set>

#include "verifier/base/bytes.hpp"
#include "verifier/base/failure.hpp"
#include "verifier/graph/parameters.hpp"

namespace lipverify {

namespace {

/// The entries of T that a block of Slice and Gather nodes, or an output of a split, selects.
std::vector<std::uint32_t> selected(const Graph& graph, const Block& block, ValueId output) {
  std::vector<std::uint32_t> current(element_count(graph.values[block.input()].shape));
  for (std::size_t i = 0; i < current.size(); ++i) current[i] = static_cast<std::uint32_t>(i);
  ValueId at = block.input();
  for (const std::size_t i : block.nodes()) {
    const Node& node = graph.nodes[i];
    const bool split = block.claim->op == "split" && node.op == Op::split;
    if (!split && !(block.claim->op == "linear" && (node.op == Op::slice || node.op == Op::gather)))
      reject(name_of(*block.claim) + " is not a selection by Slice or Gather nodes, nor a split");
    if (data_inputs(graph, i) != std::vector<ValueId>{at} || node.inputs[0] != at) reject("the nodes of " + name_of(*block.claim) + " are not a chain");
    const ValueId next = split ? output : node.outputs[0];
    const auto place = static_cast<std::size_t>(std::find(node.outputs.begin(), node.outputs.end(), next) - node.outputs.begin());
    if (place == node.outputs.size()) reject(name_of(*block.claim) + " does not put out what is read from it");
    std::vector<std::uint32_t> taken;
    for (const Source& source : sources_of(graph, i, place)) {
      if (source.input != 0) reject(graph.label(i) + " puts out something else than entries of its data");
      taken.push_back(current.at(source.index));
    }
    current = std::move(taken);
    at = next;
  }
  if (at != output) reject(name_of(*block.claim) + " does not end with what is read from it");
  return current;
}

Rational disjoint_slices(const Graph& graph, const Block& join, const std::vector<Block>& blocks, const std::map<ValueId, Rational>& bounds) {
  std::map<ValueId, const Block*> makers;
  for (const Block& block : blocks)
    for (const ValueId id : block.outputs) makers[id] = &block;
  const std::string& name = join.claim->tensor;
  ValueId tensor = kAbsent;
  if (name.empty()) tensor = 0;
  for (const auto& [id, block] : makers)
    if (!name.empty() && graph.values[id].name == name) tensor = id;
  if (tensor == kAbsent) reject("its evidence names the tensor '" + printable(name) + "', which no block before it puts out");

  std::vector<bool> taken(element_count(graph.values[tensor].shape), false);
  Rational largest = 0;
  for (const ValueId input : data_inputs(graph, join.nodes()[0])) {
    ValueId current = input;
    for (;;) {
      const auto maker = makers.find(current);
      if (current == tensor || maker == makers.end()) reject("an input of the Concat is not reached from '" + printable(name) + "' through a selection");
      const Block& block = *maker->second;
      if (is_join(block.claim->op) || block.inputs.size() != 1) reject("on the way from '" + printable(name) + "' to the Concat stands the join " + name_of(*block.claim));
      if (block.input() != tensor) {
        current = block.input();
        continue;
      }
      const std::vector<std::uint32_t> entries = selected(graph, block, current);
      const std::set<std::uint32_t> different(entries.begin(), entries.end());
      for (const std::uint32_t e : different) {
        if (taken.at(e)) reject("the slices of '" + printable(name) + "' overlap: entry " + std::to_string(e) + " is in two of them");
        taken[e] = true;
      }
      break;
    }
    largest = std::max(largest, bounds.at(input));
  }
  return largest;
}

}  // namespace

JoinBound join_bound(const Graph& graph, const Block& block, const std::vector<Block>& blocks, const std::map<ValueId, Rational>& bounds) {
  const std::string& theorem = block.claim->theorem;
  JoinBound out;
  if (theorem == "disjoint-slices") {
    out.value = disjoint_slices(graph, block, blocks, bounds);
    return out;
  }
  out.squared = theorem == "root-sum-squares";
  if (!out.squared && theorem != "sum") reject("this version of the checker does not know the theorem " + theorem);
  for (const ValueId id : data_inputs(graph, block.nodes()[0])) {
    const Rational& p = bounds.at(id);
    out.value += out.squared ? p * p : p;
  }
  return out;
}

}  // namespace lipverify
