// See activation.hpp.

#include "certify/graph/operators/activation.hpp"

#include <algorithm>
#include <utility>
#include <vector>

#include "certify/graph/activations.hpp"

namespace lipcert {

void activation_step(StepContext& context, Step& step, const Node& node) {
  const Activation& row = activation_of(node.op);
  step.kind = Step::Kind::activation;
  step.op = node.op;
  if (context.constant(node.inputs.at(0))) {
    throw refuse(context.network, step.node, "takes data as a parameter; export the layer with a constant in that place.");
  }
  const std::vector<std::size_t> data = context.data_inputs(node);
  if (data.size() != 1) {
    throw refuse(context.network, step.node, "takes data as a parameter; export the layer with a constant in that place.");
  }
  row.read(node, [&](std::size_t input) { return context.entries_of(node.inputs.at(input), context.shape_of(step.value)); }, step);
}

void clamp_step(StepContext& context, Step& step, const Node& node, std::size_t data) {
  if (step.input_size != step.output_size) {
    throw refuse(context.network, step.node,
                 "repeats the data to the shape of a larger constant; this version needs a constant that fits into the data's shape.");
  }
  step.kind = Step::Kind::activation;
  step.op = Operator::clip;
  std::vector<Ball> limit;
  for (std::size_t i = 0; i < node.inputs.size(); ++i) {
    if (i == data) {
      continue;
    }
    std::vector<Ball> values = context.entries_of(node.inputs[i], context.shape_of(step.value));
    if (limit.empty()) {
      limit = std::move(values);
      continue;
    }
    if (limit.size() < values.size()) {
      limit.resize(values.size(), limit[0]);
    }
    for (std::size_t k = 0; k < limit.size(); ++k) {
      const Ball other = values[values.size() == 1 ? 0 : k];
      // The larger (smaller) of two numbers moves no further than the one that moves more.
      const bool first = node.op == Operator::max ? limit[k].centre >= other.centre : limit[k].centre <= other.centre;
      limit[k] = {first ? limit[k].centre : other.centre, std::max(limit[k].radius, other.radius)};
    }
  }
  (node.op == Operator::max ? step.low : step.high) = std::move(limit);
}

}  // namespace lipcert
