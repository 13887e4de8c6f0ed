// See entrywise.hpp.

#include "certify/graph/operators/entrywise.hpp"

#include <cmath>
#include <utility>
#include <vector>

#include "certify/graph/operators/sparse_rows.hpp"
#include "formats/operators/parameters.hpp"

namespace lipcert {

void entrywise_step(StepContext& context, Step& step, const Node& node) {
  const bool data_first = !context.constant(node.inputs.at(0));
  const ValueId data = node.inputs.at(data_first ? 0 : 1);
  const ValueId other = node.inputs.at(data_first ? 1 : 0);
  step.input_size = context.size(data);
  const Shape& shape = context.network.values[node.outputs[0]].shape;
  if (node.op == Operator::div && !data_first) {
    throw refuse(context.network, step.node,
                 "divides by a tensor that depends on the input; such a quotient has no global Lipschitz constant.");
  }
  const EnclosedTensor constants = context.constants.value(other);
  const bool scales = node.op == Operator::mul || node.op == Operator::div;
  std::vector<Ball> values;
  if (scales && constants.centre.size() == 1) {
    values.push_back({constants.centre[0], constants.radius_at(0)});
  } else {
    for (const std::size_t i : broadcast_index(constants.shape, shape)) {
      values.push_back({constants.centre[i], constants.radius_at(i)});
    }
  }
  if (node.op == Operator::div) {
    for (Ball& value : values) {
      if (std::fabs(value.centre) <= value.radius) {
        throw refuse(context.network, step.node, "divides by a constant that is zero (or too close to zero to tell); repair the weights.");
      }
      value = divide({1, 0}, value);
    }
  }
  if (node.op == Operator::sub && data_first) {
    for (Ball& value : values) {
      value.centre = -value.centre;
    }
  }
  step.sign = node.op == Operator::sub && !data_first ? -1 : 1;
  if (step.input_size != step.output_size) {  // a larger constant: the data is repeated
    SparseRows rows(step);
    std::size_t o = 0;
    for (const std::size_t i : broadcast_index(context.shape_of(data), shape)) {
      rows.term(i, scales ? values[values.size() == 1 ? 0 : o] : Ball{step.sign, 0});
      rows.end_row();
      ++o;
    }
    rows.finish();
    step.sign = 1;
    step.bias = scales ? std::vector<Ball>{} : std::move(values);
    return;
  }
  if (scales) {
    step.kind = Step::Kind::diagonal;
    step.factors = std::move(values);
    return;
  }
  step.kind = Step::Kind::isometry;
  step.bias = std::move(values);
}

void normalization_step(StepContext& context, Step& step) {
  const ChannelFactors normal = normalization(context.constants, context.network, step.node);
  const Shape& shape = context.shape_of(step.value);
  const std::size_t channels = shape.at(1);
  std::size_t inner = 1;
  for (std::size_t a = 2; a < shape.size(); ++a) {
    inner *= shape[a];
  }
  step.kind = Step::Kind::diagonal;
  for (std::size_t i = 0; i < step.output_size; ++i) {
    const std::size_t c = i / inner % channels;
    step.factors.push_back(normal.factor[c]);
    step.bias.push_back(normal.offset[c]);
  }
}

}  // namespace lipcert
