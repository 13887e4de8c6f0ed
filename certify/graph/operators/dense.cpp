// See dense.hpp.

#include "certify/graph/operators/dense.hpp"

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "certify/graph/operators/sparse_rows.hpp"

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

/// beta C, constant, added to what the step has.
void add_bias(StepContext& context, Step& step, const Node& node) {
  const EnclosedTensor c = context.constants.value(node.inputs[2]);
  const Ball beta{node.real_attribute("beta"), 0};
  step.bias.resize(step.output_size);
  std::size_t o = 0;
  for (const std::size_t i : broadcast_index(c.shape, context.shape_of(step.value))) {
    step.bias[o] = add(step.bias[o], multiply({c.centre[i], c.radius_at(i)}, beta));
    ++o;
  }
}

/// alpha A B + beta C with data in A or in B, and perhaps in C: term by term.
void general_gemm(StepContext& context, Step& step, const Node& node) {
  const bool has_addend = node.inputs.size() > 2 && node.inputs[2] != no_value;
  const bool addend = has_addend && !context.constant(node.inputs[2]);
  const bool data_left = !context.constant(node.inputs[0]);
  const bool product_of_data = data_left || !context.constant(node.inputs[1]);
  const bool ta = node.integer_attribute("transA") != 0;
  const bool tb = node.integer_attribute("transB") != 0;
  const Shape& shape = context.shape_of(step.value);
  const Shape& a = context.shape_of(node.inputs[0]);
  const std::size_t inner = ta ? a[0] : a[1];
  const Ball alpha{node.real_attribute("alpha"), 0};
  check_terms(context, step, static_cast<double>(step.output_size) * static_cast<double>(product_of_data ? inner + 1 : 1));
  if (!product_of_data) {  // a constant, which no norm sees
    EnclosedMatrix left = as_matrix(context.network, step.node, context.constants.value(node.inputs[0]));
    EnclosedMatrix right = as_matrix(context.network, step.node, context.constants.value(node.inputs[1]));
    WorkerPool alone(1);
    const EnclosedMatrix constant = scaled(product(ta ? transposed(left) : left, tb ? transposed(right) : right, alone), alpha);
    for (std::size_t i = 0; i < constant.centre.size(); ++i) {
      step.bias.push_back({constant.centre[i], constant.radius_at(i)});
    }
  }
  const EnclosedTensor factors = product_of_data ? context.constants.value(node.inputs[data_left ? 1 : 0]) : EnclosedTensor{};
  const std::vector<std::size_t> in_addend =
      addend ? broadcast_index(context.shape_of(node.inputs[2]), shape) : std::vector<std::size_t>{};
  const std::size_t behind = product_of_data ? context.size(node.inputs[data_left ? 0 : 1]) : 0;  // where the addend begins
  SparseRows rows(step);
  for (std::size_t i = 0; i < shape[0]; ++i) {
    for (std::size_t j = 0; j < shape[1]; ++j) {
      for (std::size_t l = 0; product_of_data && l < inner; ++l) {
        const std::size_t in_a = ta ? l * shape[0] + i : i * inner + l;
        const std::size_t in_b = tb ? j * inner + l : l * shape[1] + j;
        const std::size_t at = data_left ? in_b : in_a;
        rows.term(data_left ? in_a : in_b, multiply({factors.centre[at], factors.radius_at(at)}, alpha));
      }
      if (addend) {
        rows.term(behind + in_addend[i * shape[1] + j], {node.real_attribute("beta"), 0});
      }
      rows.end_row();
    }
  }
  rows.finish();
  if (has_addend && !addend) {
    add_bias(context, step, node);
  }
}

/// A MatMul in which one side is a stack of matrices: term by term, so that the norm is that of the largest.
void stacked_matmul(StepContext& context, Step& step, const Node& node, bool data_first) {
  Shape a = context.shape_of(node.inputs[0]);
  Shape b = context.shape_of(node.inputs[1]);
  Shape out = context.shape_of(step.value);
  if (b.size() == 1) {
    b.push_back(1);
    out.push_back(1);
  }
  if (a.size() == 1) {
    a.insert(a.begin(), 1);
    out.insert(out.end() - 1, 1);
  }
  const std::size_t m = out[out.size() - 2];
  const std::size_t n = out.back();
  const std::size_t inner = a.back();
  const Shape stack(out.begin(), out.end() - 2);
  const std::vector<std::size_t> in_a = broadcast_index(Shape(a.begin(), a.end() - 2), stack);
  const std::vector<std::size_t> in_b = broadcast_index(Shape(b.begin(), b.end() - 2), stack);
  check_terms(context, step, static_cast<double>(step.output_size) * static_cast<double>(inner));
  const EnclosedTensor factors = context.constants.value(node.inputs[data_first ? 1 : 0]);
  SparseRows rows(step);
  for (std::size_t s = 0; s < in_a.size(); ++s) {
    for (std::size_t i = 0; i < m; ++i) {
      for (std::size_t j = 0; j < n; ++j) {
        for (std::size_t l = 0; l < inner; ++l) {
          const std::size_t left = (in_a[s] * m + i) * inner + l;
          const std::size_t right = (in_b[s] * inner + l) * n + j;
          const std::size_t at = data_first ? right : left;
          rows.term(data_first ? left : right, {factors.centre[at], factors.radius_at(at)});
        }
        rows.end_row();
      }
    }
  }
  rows.finish();
}

/// Matrices that lie beside each other in a tensor.
std::uint64_t matrices_in(const Shape& shape) {
  return shape.size() < 3 ? 1 : element_count(Shape(shape.begin(), shape.end() - 2));
}

}  // namespace

void matmul_step(StepContext& context, Step& step, const Node& node) {
  const bool data_first = !context.constant(node.inputs.at(0));
  const ValueId data = node.inputs.at(data_first ? 0 : 1);
  const Shape& shape = context.network.values[data].shape;
  if (matrices_in(context.shape_of(node.inputs[data_first ? 1 : 0])) > 1 || (!data_first && matrices_in(shape) > 1)) {
    stacked_matmul(context, step, node, data_first);
    return;
  }
  EnclosedTensor weights = context.constants.value(node.inputs.at(data_first ? 1 : 0));
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
    step.matrix = std::move(w);
    step.copies = shape.size() < 2 ? 1 : shape.back();
  }
  if (step.copies * step.matrix.columns != step.input_size || step.copies * step.matrix.rows != step.output_size) {
    throw refuse(context.network, step.node, "has operands whose shapes do not belong together; the file is damaged.");
  }
  check_order(context, step);
}

void gemm_step(StepContext& context, Step& step, const Node& node) {
  const bool addend = node.inputs.size() > 2 && node.inputs[2] != no_value;
  const bool transposed_data = node.integer_attribute("transA") != 0;
  const Shape& a = context.shape_of(node.inputs.at(0));
  if (context.data_inputs(node) != std::vector<std::size_t>{0} || (transposed_data && a[0] != 1 && a[1] != 1)) {
    general_gemm(context, step, node);
    return;
  }
  step.kind = Step::Kind::right;
  EnclosedMatrix b = as_matrix(context.network, step.node, context.constants.value(node.inputs.at(1)));
  if (node.integer_attribute("transB") == 0) {
    b = transposed(b);
  }
  step.matrix = scaled(std::move(b), {node.real_attribute("alpha"), 0});
  step.copies = step.input_size / std::max<std::uint64_t>(1, step.matrix.columns);
  if (step.copies * step.matrix.columns != step.input_size || step.copies * step.matrix.rows != step.output_size) {
    throw refuse(context.network, step.node, "has operands whose shapes do not belong together; the file is damaged.");
  }
  if (addend) {
    add_bias(context, step, node);
  }
  check_order(context, step);
}

}  // namespace lipcert
