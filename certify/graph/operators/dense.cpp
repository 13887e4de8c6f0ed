// See dense.hpp.

#include "certify/graph/operators/dense.hpp"

#include <algorithm>
#include <string>
#include <utility>

namespace lipcert {
namespace {

void check_order(const StepContext& context, const Step& step) {
  if (std::min(step.matrix.rows, step.matrix.columns) > largest_order) {
    throw refuse(context.network, step.node,
                 "has a matrix whose smaller side exceeds " + std::to_string(largest_order) + "; split the layer into smaller ones.");
  }
  if (step.matrix.centre.size() > most_weights) {
    throw refuse(context.network, step.node,
                 "has a matrix with more than " + std::to_string(most_weights) + " entries; split the layer into smaller ones.");
  }
}

}  // namespace

void matmul_step(StepContext& context, Step& step, const Node& node) {
  const bool data_first = !context.constant(node.inputs.at(0));
  const ValueId data = node.inputs.at(data_first ? 0 : 1);
  EnclosedTensor weights = context.constants.value(node.inputs.at(data_first ? 1 : 0));
  const Shape& shape = context.network.values[data].shape;
  step.input_size = element_count(shape);
  const bool vector = weights.shape.size() == 1;
  EnclosedMatrix w = as_matrix(context.network, step.node, std::move(weights));
  if (data_first) {
    // x (.., k) times W (k x n): every row of x is multiplied by W'. A vector W is a column, whose transpose is the row that we have.
    step.kind = Step::Kind::right;
    step.matrix = vector ? std::move(w) : transposed(w);
    step.copies = step.input_size / step.matrix.columns;
  } else {
    // W (m x k) times x (k x q). A vector W is a row.
    step.kind = Step::Kind::left;
    for (std::size_t i = 0; i + 2 < shape.size(); ++i) {
      if (shape[i] != 1) {
        throw refuse(context.network, step.node,
                     "multiplies a stack of data matrices from the left; export the layer with the constant to the right of the data.");
      }
    }
    step.matrix = std::move(w);
    step.copies = shape.size() < 2 ? 1 : shape.back();
  }
  if (step.copies * step.matrix.columns != step.input_size || step.copies * step.matrix.rows != step.output_size) {
    throw refuse(context.network, step.node, "has operands whose shapes do not belong together; the file is damaged.");
  }
  check_order(context, step);
}

void gemm_step(StepContext& context, Step& step, const Node& node) {
  if (context.constant(node.inputs.at(0))) {
    throw refuse(context.network, step.node,
                 context.constant(node.inputs.at(1))
                     ? "takes the data as its addend; export the layer as Add."
                     : "takes the data as its second factor; export the layer with the data as the first one.");
  }
  if (node.integer_attribute("transA") != 0) {
    throw refuse(context.network, step.node, "transposes the data (transA = 1); export the layer with transA = 0.");
  }
  step.kind = Step::Kind::right;
  step.input_size = context.size(node.inputs[0]);
  EnclosedMatrix b = as_matrix(context.network, step.node, context.constants.value(node.inputs.at(1)));
  if (node.integer_attribute("transB") == 0) {
    b = transposed(b);
  }
  step.matrix = scaled(std::move(b), {node.real_attribute("alpha"), 0});
  step.copies = step.input_size / std::max<std::uint64_t>(1, step.matrix.columns);
  if (step.copies * step.matrix.columns != step.input_size || step.copies * step.matrix.rows != step.output_size) {
    throw refuse(context.network, step.node, "has operands whose shapes do not belong together; the file is damaged.");
  }
  if (node.inputs.size() > 2 && node.inputs[2] != no_value) {
    const EnclosedTensor c = context.constants.value(node.inputs[2]);
    const Ball beta{node.real_attribute("beta"), 0};
    for (const std::size_t i : broadcast_index(c.shape, context.network.values[node.outputs[0]].shape)) {
      step.bias.push_back(multiply({c.centre[i], c.radius_at(i)}, beta));
    }
  }
  check_order(context, step);
}

}  // namespace lipcert
