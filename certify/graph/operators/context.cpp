// See context.hpp.

#include "certify/graph/operators/context.hpp"

#include <algorithm>

namespace lipcert {

void StepContext::count_readers() {
  readers.assign(network.values.size(), {});
  for (std::size_t i = 0; i < network.nodes.size(); ++i) {
    if (network.nodes[i].op == Operator::shape) {
      continue;
    }
    for (const ValueId id : network.nodes[i].inputs) {
      if (id != no_value) {
        readers[id].push_back(i);
      }
    }
  }
}

bool StepContext::is_constant(const Node& node) const {
  return node.op == Operator::shape ||
         std::all_of(node.inputs.begin(), node.inputs.end(), [this](ValueId id) { return id == no_value || constant(id); });
}

bool StepContext::is_number(ValueId id, double x) {
  if (!constant(id) || size(id) != 1) {
    return false;
  }
  const EnclosedTensor t = constants.value(id);
  return t.exact() && t.centre[0] == x;
}

std::size_t StepContext::number_of(ValueId id) const {
  const auto found = numbers.find(id);
  return found == numbers.end() ? 0 : found->second;
}

std::vector<std::size_t> StepContext::data_inputs(const Node& node) const {
  std::vector<std::size_t> data;
  for (std::size_t i = 0; i < node.inputs.size(); ++i) {
    if (node.inputs[i] != no_value && !constant(node.inputs[i])) {
      data.push_back(i);
    }
  }
  return data;
}

std::vector<Ball> StepContext::entries_of(ValueId id, const Shape& shape) {
  const EnclosedTensor tensor = constants.value(id);
  if (tensor.centre.size() == 1) {
    return {{tensor.centre[0], tensor.radius_at(0)}};
  }
  std::vector<Ball> values;
  for (const std::size_t i : broadcast_index(tensor.shape, shape)) {
    values.push_back({tensor.centre[i], tensor.radius_at(i)});
  }
  return values;
}

void check_terms(const StepContext& context, const Step& step, double terms) {
  if (terms > static_cast<double>(most_terms)) {
    throw refuse(context.network, step.node,
                 "has more than 2^26 terms, which this version cannot hold; split the layer into smaller ones.");
  }
}

void check_listed(const StepContext& context, const Step& step, double entries) {
  if (entries > static_cast<double>(most_listed)) {
    throw refuse(context.network, step.node,
                 "has more than 2^24 entries that are listed one by one, which this version cannot hold; split the layer into smaller ones.");
  }
}

}  // namespace lipcert
