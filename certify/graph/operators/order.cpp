// See order.hpp.

#include "certify/graph/operators/order.hpp"

#include <cstdint>
#include <utility>

#include "certify/graph/operators/windows.hpp"
#include "formats/operators/parameters.hpp"

namespace lipcert {
namespace {

/// Closes the set that was begun and makes its largest or smallest entry the next entry of the result.
void add_extreme(Step& step, bool largest) {
  const std::size_t length = step.set_entry.size() - step.set_start.back();
  step.set.push_back(static_cast<std::uint32_t>(step.set_start.size() - 1));
  step.rank.push_back(largest ? static_cast<std::uint32_t>(length - 1) : 0);
  step.set_start.push_back(step.set_entry.size());
}

}  // namespace

void extreme_step(StepContext& context, Step& step, const Node& node, const std::vector<std::size_t>& data) {
  if (data.size() != node.inputs.size()) {
    throw refuse(context.network, step.node,
                 "mixes two data tensors with constants; apply Max or Min to the constant in a node of its own.");
  }
  step.kind = Step::Kind::order;
  const Shape& shape = context.shape_of(step.value);
  std::vector<std::vector<std::size_t>> maps;
  std::vector<std::size_t> offsets;
  std::size_t offset = 0;
  for (const ValueId id : node.inputs) {
    maps.push_back(broadcast_index(context.shape_of(id), shape));
    offsets.push_back(offset);
    offset += context.size(id);
  }
  step.set_start.push_back(0);
  for (std::size_t i = 0; i < step.output_size; ++i) {
    for (std::size_t k = 0; k < maps.size(); ++k) {
      step.set_entry.push_back(static_cast<std::uint32_t>(offsets[k] + maps[k][i]));
    }
    add_extreme(step, node.op == Operator::max);
  }
}

void window_step(StepContext& context, Step& step, const Node& node) {
  step.kind = Step::Kind::order;
  step.set_start.push_back(0);
  const auto add = [&](const std::vector<std::uint32_t>& entries, std::size_t offset) {
    for (const std::uint32_t e : entries) {
      step.set_entry.push_back(static_cast<std::uint32_t>(offset) + e);
    }
    add_extreme(step, node.op != Operator::reduce_min);
  };
  if (node.op == Operator::reduce_max || node.op == Operator::reduce_min) {
    for (const std::vector<std::uint32_t>& entries : reduced_entries(context, step.node)) {
      add(entries, 0);
    }
    return;
  }
  const Windows windows = windows_of(context, step.node);
  const std::size_t channels = step.input_size / windows.input_positions;
  check_terms(context, step, windows.terms() * static_cast<double>(channels));
  for (std::size_t c = 0; c < channels; ++c) {
    for (const std::vector<std::uint32_t>& entries : windows.entries) {
      add(entries, c * windows.input_positions);
    }
  }
}

void top_k_step(StepContext& context, Step& step, const Node& node) {
  if (context.constant(node.inputs.at(0))) {
    throw refuse(context.network, step.node, "takes data as a parameter; export the layer with a constant in that place.");
  }
  step.kind = Step::Kind::order;
  const std::size_t axis = axes_of(context.network, step.node).at(0);
  const Shape& in = context.shape_of(node.inputs[0]);
  const Shape& out = context.shape_of(step.value);
  const bool largest = node.attributes.count("largest") == 0 || node.integer_attribute("largest") != 0;
  const auto sets = vectors_along(in, axis, false);
  const auto results = vectors_along(out, axis, false);
  step.set_start.push_back(0);
  step.set.resize(step.output_size);
  step.rank.resize(step.output_size);
  for (std::size_t s = 0; s < sets.size(); ++s) {
    step.set_entry.insert(step.set_entry.end(), sets[s].begin(), sets[s].end());
    step.set_start.push_back(step.set_entry.size());
    for (std::size_t k = 0; k < results[s].size(); ++k) {
      step.set[results[s][k]] = static_cast<std::uint32_t>(s);
      step.rank[results[s][k]] = static_cast<std::uint32_t>(largest ? sets[s].size() - 1 - k : k);
    }
  }
}

void softmax_step(StepContext& context, Step& step, const Node& node) {
  step.kind = Step::Kind::softmax;
  const std::size_t axis = axes_of(context.network, step.node).at(0);
  step.set_start.push_back(0);
  for (const auto& v : vectors_along(context.shape_of(node.inputs[0]), axis, context.network.opset < 13)) {
    step.set_entry.insert(step.set_entry.end(), v.begin(), v.end());
    step.set_start.push_back(step.set_entry.size());
  }
}

}  // namespace lipcert
