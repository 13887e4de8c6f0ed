// See l2_pooling.hpp.

#include "certify/graph/operators/l2_pooling.hpp"

#include <algorithm>
#include <optional>
#include <set>
#include <utility>
#include <vector>

#include "certify/graph/linear_map.hpp"
#include "certify/graph/operators/node_step.hpp"
#include "certify/graph/operators/sparse_rows.hpp"
#include "certify/graph/operators/windows.hpp"

namespace lipcert {
namespace {

/// The pooling that these nodes are, if nothing else reads what is between.
std::optional<L2Pooling> finish_pooling(const StepContext& context, const std::vector<std::size_t>& nodes, const std::set<ValueId>& inner,
                                        SparseMatrix matrix) {
  for (const ValueId id : inner) {
    for (const std::size_t reader : context.readers[id]) {
      if (std::find(nodes.begin(), nodes.end(), reader) == nodes.end()) {
        return std::nullopt;
      }
    }
    if (id == context.network.output) {
      return std::nullopt;
    }
  }
  // Every node between must be among them: nothing else reads an inner value, and they read nothing else that depends on the input.
  Step step;
  step.kind = Step::Kind::pool_l2;
  step.node = nodes.back();
  step.nodes = nodes;
  step.value = context.network.nodes[nodes.back()].outputs[0];
  step.input_size = matrix.columns;
  step.output_size = matrix.rows;
  step.weights = std::move(matrix);
  return L2Pooling{context.network.nodes[nodes.front()].inputs[0], std::move(step)};
}

/// The pooling that begins with the squares that node `first` writes, if there is one.
std::optional<L2Pooling> follow_pooling(StepContext& context, std::size_t first) {
  ValueId current = context.network.nodes[first].outputs[0];
  std::set<ValueId> same{current};  // what equals it
  std::set<ValueId> signs;          // its sign
  std::set<ValueId> inner{current};
  std::vector<std::size_t> nodes{first};
  bool passed = false;  // nodes after the linear ones were met
  SparseMatrix matrix = identity_matrix(context.size(current));
  for (std::size_t i = first + 1; i < context.network.nodes.size(); ++i) {
    const Node& node = context.network.nodes[i];
    if (context.is_constant(node) ||
        std::none_of(node.inputs.begin(), node.inputs.end(), [&](ValueId id) { return inner.count(id) != 0; })) {
      continue;
    }
    nodes.push_back(i);
    const ValueId out = node.outputs.at(0);
    const bool reads_current = same.count(node.inputs[0]) != 0;
    if ((node.op == Operator::sqrt && reads_current) ||
        (node.op == Operator::pow && reads_current && context.is_number(node.inputs.at(1), 0.5))) {
      return finish_pooling(context, nodes, inner, std::move(matrix));
    }
    inner.insert(out);
    if ((node.op == Operator::abs || node.op == Operator::relu) && reads_current) {
      same.insert(out);
      passed = true;
      continue;
    }
    if (node.op == Operator::sign && reads_current) {
      signs.insert(out);
      passed = true;
      continue;
    }
    if (node.op == Operator::mul && !context.constant(node.inputs[0]) && !context.constant(node.inputs[1])) {
      const bool product = (same.count(node.inputs[0]) != 0 && signs.count(node.inputs[1]) != 0) ||
                           (same.count(node.inputs[1]) != 0 && signs.count(node.inputs[0]) != 0);
      if (!product) {
        return std::nullopt;
      }
      same.insert(out);
      continue;
    }
    if (context.data_inputs(node).size() != 1 || same.count(node.inputs[context.data_inputs(node)[0]]) == 0) {
      return std::nullopt;
    }
    Step step = step_of_node(context, i);
    const bool offset = std::any_of(step.bias.begin(), step.bias.end(), [](Ball b) { return b.centre != 0 || b.radius != 0; });
    if (!step.affine() || offset || step.sign < 0 || (passed && node.op != Operator::mul)) {
      return std::nullopt;
    }
    if (passed && std::any_of(step.factors.begin(), step.factors.end(), [](Ball b) { return !(b.centre > b.radius); })) {
      return std::nullopt;
    }
    matrix = compose(step, {&matrix});
    if (std::any_of(matrix.centre.begin(), matrix.centre.end(), [](double x) { return x < 0; }) || matrix.column.size() > most_terms) {
      return std::nullopt;
    }
    same = {out};
    signs.clear();
  }
  return std::nullopt;
}

}  // namespace

void norm_step(StepContext& context, Step& step, const Node& node) {
  SparseRows rows(step);
  step.kind = Step::Kind::pool_l2;
  const auto add = [&](const std::vector<std::uint32_t>& entries, std::size_t offset) {
    for (const std::uint32_t e : entries) {
      rows.term(offset + e, {1, 0});
    }
    rows.end_row();
  };
  if (node.op == Operator::reduce_l2) {
    for (const std::vector<std::uint32_t>& entries : reduced_entries(context, step.node)) {
      add(entries, 0);
    }
  } else {
    const Windows windows = windows_of(context, step.node);
    const std::size_t channels = step.input_size / windows.input_positions;
    check_terms(context, step, windows.terms() * static_cast<double>(channels));
    for (std::size_t c = 0; c < channels; ++c) {
      for (const std::vector<std::uint32_t>& entries : windows.entries) {
        add(entries, c * windows.input_positions);
      }
    }
  }
  rows.finish();
}

std::map<std::size_t, L2Pooling> find_l2_poolings(StepContext& context) {
  std::map<std::size_t, L2Pooling> found;
  for (std::size_t i = 0; i < context.network.nodes.size(); ++i) {
    const Node& node = context.network.nodes[i];
    if (context.is_constant(node) || node.inputs.size() != 2) {
      continue;
    }
    try {
      const bool squares = (node.op == Operator::pow && !context.constant(node.inputs[0]) && context.is_number(node.inputs[1], 2)) ||
                           (node.op == Operator::mul && node.inputs[0] == node.inputs[1]);
      if (squares) {
        if (std::optional<L2Pooling> pooling = follow_pooling(context, i)) {
          found[pooling->step.node] = std::move(*pooling);
        }
      }
    } catch (const Refused&) {
      // No pooling that is understood: the node itself is refused, with its own reason.
    }
  }
  return found;
}

}  // namespace lipcert
