// The table of operators: one row for each, in the order of Op; the activations have a table of their own (activations.cpp).
#include <array>

#include "verifier/graph/activations.hpp"
#include "verifier/graph/operators/family.hpp"

namespace lipverify {

namespace {

struct Row {
  Op op;
  const char* name;
  ShapeRule* shape;
  ValueRule* value;            // null: its output is always known
  RowsRule* rows;              // null: not linear
  DerivativeRule* derivative;  // of data, where it is not linear in it; null: refused
};

constexpr std::array kRows = {
    Row{Op::add, "Add", arithmetic::shape, arithmetic::value, arithmetic::sums, nullptr},
    Row{Op::sub, "Sub", arithmetic::shape, arithmetic::value, arithmetic::sums, nullptr},
    Row{Op::mul, "Mul", arithmetic::shape, arithmetic::value, arithmetic::scales, arithmetic::product_derivative},
    Row{Op::div, "Div", arithmetic::shape, arithmetic::value, arithmetic::scales, arithmetic::quotient_derivative},
    Row{Op::neg, "Neg", arithmetic::shape_of_negation, arithmetic::value, arithmetic::negates, nullptr},
    Row{Op::batch_normalization, "BatchNormalization", arithmetic::shape_of_normalisation, arithmetic::normalised, arithmetic::normalises, nullptr},
    Row{Op::gemm, "Gemm", dense::shape_of_gemm, dense::gemm, dense::gemm_rows, nullptr},
    Row{Op::matmul, "MatMul", dense::shape_of_matmul, dense::matmul, dense::matmul_rows, nullptr},
    Row{Op::conv, "Conv", convolution::shape, convolution::value, convolution::convolves, nullptr},
    Row{Op::conv_transpose, "ConvTranspose", convolution::shape, convolution::value, convolution::convolves, nullptr},
    Row{Op::average_pool, "AveragePool", convolution::shape_of_pool, convolution::average, convolution::averages, nullptr},
    Row{Op::global_average_pool, "GlobalAveragePool", convolution::shape_of_pool, convolution::average, convolution::averages, nullptr},
    Row{Op::max, "Max", choices::shape_of_extremes, choices::extremes, nullptr, choices::extremes_derivative},
    Row{Op::min, "Min", choices::shape_of_extremes, choices::extremes, nullptr, choices::extremes_derivative},
    Row{Op::max_pool, "MaxPool", convolution::shape_of_pool, choices::largest, nullptr, choices::choice_derivative},
    Row{Op::global_max_pool, "GlobalMaxPool", convolution::shape_of_pool, choices::largest, nullptr, choices::choice_derivative},
    Row{Op::reduce_max, "ReduceMax", reductions::shape, choices::largest, nullptr, choices::choice_derivative},
    Row{Op::reduce_min, "ReduceMin", reductions::shape, choices::largest, nullptr, choices::choice_derivative},
    Row{Op::top_k, "TopK", choices::shape_of_top, choices::top, nullptr, choices::choice_derivative},
    Row{Op::reduce_mean, "ReduceMean", reductions::shape, reductions::sum, reductions::reduces, nullptr},
    Row{Op::reduce_sum, "ReduceSum", reductions::shape, reductions::sum, reductions::reduces, nullptr},
    Row{Op::reduce_l2, "ReduceL2", reductions::shape, reductions::norm, nullptr, reductions::norm_derivative},
    Row{Op::lp_pool, "LpPool", convolution::shape_of_pool, reductions::norm, nullptr, reductions::norm_derivative},
    Row{Op::softmax, "Softmax", reductions::shape_of_softmax, reductions::softmax, nullptr, reductions::softmax_derivative},
    Row{Op::resize, "Resize", resampling::shape, resampling::value, resampling::rows, nullptr},
    Row{Op::upsample, "Upsample", resampling::shape, resampling::value, resampling::rows, nullptr},
    Row{Op::identity, "Identity", moves::same_shape, moves::same_entries, moves::rows, nullptr},
    Row{Op::dropout, "Dropout", moves::shape_of_dropout, moves::same_entries, moves::rows, nullptr},
    Row{Op::cast, "Cast", moves::shape_of_cast, moves::same_entries, moves::rows, nullptr},
    Row{Op::flatten, "Flatten", moves::flattened, moves::same_entries, moves::rows, nullptr},
    Row{Op::reshape, "Reshape", moves::reshaped, moves::same_entries, moves::rows, nullptr},
    Row{Op::squeeze, "Squeeze", moves::squeezed, moves::same_entries, moves::rows, nullptr},
    Row{Op::unsqueeze, "Unsqueeze", moves::unsqueezed, moves::same_entries, moves::rows, nullptr},
    Row{Op::transpose, "Transpose", moves::transposed, moves::moved, moves::rows, nullptr},
    Row{Op::concat, "Concat", moves::concatenated, moves::moved, moves::rows, nullptr},
    Row{Op::split, "Split", moves::shape_of_split, moves::moved, moves::rows, nullptr},
    Row{Op::slice, "Slice", moves::sliced, moves::moved, moves::rows, nullptr},
    Row{Op::gather, "Gather", moves::gathered, moves::moved, moves::rows, nullptr},
    Row{Op::pad, "Pad", moves::padded, moves::moved, moves::rows, nullptr},
    Row{Op::depth_to_space, "DepthToSpace", moves::spread, moves::moved, moves::rows, nullptr},
    Row{Op::space_to_depth, "SpaceToDepth", moves::spread, moves::moved, moves::rows, nullptr},
    Row{Op::expand, "Expand", moves::expanded, moves::moved, moves::rows, nullptr},
    Row{Op::sign, "Sign", powers::shape, powers::value, nullptr, powers::derivative},
    Row{Op::sqrt, "Sqrt", powers::shape, powers::value, nullptr, powers::derivative},
    Row{Op::reciprocal, "Reciprocal", powers::shape, powers::value, nullptr, powers::derivative},
    Row{Op::pow, "Pow", powers::shape_of_power, powers::value, nullptr, powers::derivative},
    Row{Op::exp, "Exp", powers::shape, powers::value, nullptr, nullptr},
    Row{Op::log, "Log", powers::shape, powers::value, nullptr, nullptr},
    Row{Op::equal, "Equal", conditions::shape_of_comparison, conditions::value, nullptr, nullptr},
    Row{Op::less, "Less", conditions::shape_of_comparison, conditions::value, nullptr, nullptr},
    Row{Op::greater, "Greater", conditions::shape_of_comparison, conditions::value, nullptr, nullptr},
    Row{Op::less_or_equal, "LessOrEqual", conditions::shape_of_comparison, conditions::value, nullptr, nullptr},
    Row{Op::greater_or_equal, "GreaterOrEqual", conditions::shape_of_comparison, conditions::value, nullptr, nullptr},
    Row{Op::logical_not, "Not", conditions::shape_of_logic, conditions::value, nullptr, nullptr},
    Row{Op::logical_and, "And", conditions::shape_of_logic, conditions::value, nullptr, nullptr},
    Row{Op::logical_or, "Or", conditions::shape_of_logic, conditions::value, nullptr, nullptr},
    Row{Op::where, "Where", conditions::shape_of_choice, conditions::value, nullptr, nullptr},
    Row{Op::dequantize_linear, "DequantizeLinear", conditions::shape_of_dequantised, conditions::dequantised, nullptr, nullptr},
    Row{Op::shape, "Shape", known::shape_vector, nullptr, nullptr, nullptr},
    Row{Op::constant_of_shape, "ConstantOfShape", known::constant_shape, nullptr, nullptr, nullptr},
    Row{Op::range, "Range", known::counted, nullptr, nullptr, nullptr},
    Row{Op::constant, "Constant", known::constant, nullptr, nullptr, nullptr}
};

constexpr bool in_order() {
  for (std::size_t i = 0; i < kRows.size(); ++i) {
    if (kRows[i].op != static_cast<Op>(i)) return false;
#ifndef __SANITIZE_ADDRESS__  // instrumented, g++ 12 does not take a function's address for a constant; the other presets look
    if (kRows[i].shape == nullptr) return false;
#endif
  }
  return true;
}
static_assert(in_order() && kRows.size() == static_cast<std::size_t>(kFirstActivation), "an operator without a row");

/// The rules of an operator; those of an activation are the same for all of them.
const Row& row_of(Op op) {
  static constexpr Row activation{kFirstActivation, nullptr, activation_shape, activation_value, nullptr, activation_derivative};
  return op < kFirstActivation ? kRows.at(static_cast<std::size_t>(op)) : activation;
}

}  // namespace

bool find_operator(const std::string& name, Op& op) {
  for (const Row& row : kRows)
    if (name == row.name) {
      op = row.op;
      return true;
    }
  return find_activation(name, op);
}

bool is_linear_op(Op op) { return row_of(op).rows != nullptr; }

bool keeps_entries(Op op) { return row_of(op).value == moves::same_entries; }

bool moves_entries(Op op) { return row_of(op).rows == moves::rows; }

bool is_linear(const NodeInputs& inputs) {
  const Op op = inputs.node().op;
  if (!is_linear_op(op)) return false;
  if (op == Op::mul || op == Op::gemm || op == Op::matmul) return !(inputs.is_data(0) && inputs.is_data(1));
  return op != Op::div || !inputs.is_data(1);
}

Shape shape_of_output(const Graph& graph, std::size_t node, Value& out) { return row_of(graph.nodes[node].op).shape(NodeRules(graph, node), out); }

Operand node_value(const NodeInputs& inputs, std::size_t output) {
  ValueRule* const value = row_of(inputs.node().op).value;
  if (value == nullptr) exhausted("a node without a rule: a fault of the checker");
  return value(inputs, output, inputs.graph.values[inputs.node().outputs[output]].shape, false);
}

Operand node_linear(const NodeInputs& inputs, std::size_t output) {
  if (!is_linear(inputs)) reject(inputs.graph.label(inputs.index) + " is not linear in its data");
  return row_of(inputs.node().op).value(inputs, output, inputs.graph.values[inputs.node().outputs[output]].shape, true);
}

/// Every operator g here is locally Lipschitz where it is evaluated and has g'(z; d) = lim_{h -> 0+} (g(z + h d) - g(z)) / h, so that the chain rule
/// (f o g)'(x; v) = f'(g(x); g'(x; v)) holds.
Operand node_derivative(const NodeInputs& inputs, const std::vector<const Operand*>& derivatives, const Operand& value, std::size_t output) {
  if (is_linear(inputs)) {
    NodeInputs at = inputs;
    for (std::size_t k = 0; k < at.in.size(); ++k)
      if (inputs.is_data(k)) at.in[k] = derivatives[k];
    return node_linear(at, output);
  }
  DerivativeRule* const derivative = row_of(inputs.node().op).derivative;
  if (derivative == nullptr) reject(inputs.graph.label(inputs.index) + " is not a supported operation on data");
  return derivative(inputs, derivatives, value);
}

LinearNode linear_node(const Graph& graph, Evaluator& evaluator, std::size_t index, std::size_t output) {
  const Node& node = graph.nodes[index];
  LinearNode out;
  if (output >= node.outputs.size() || node.outputs[output] == kAbsent || (output > 0 && node.op != Op::split))
    reject(graph.label(index) + " has no output that a linear block could use in this place");
  const Shape& shape = graph.values[node.outputs[output]].shape;
  out.rows = element_count(shape);
  const Rows at(graph, evaluator, index, out);
  for (const ValueId id : out.data)
    if (element_count(graph.values[id].shape) > kElements) exhausted("a tensor has more entries than the readers let through: a fault of the checker");
  if (!is_linear_op(node.op)) reject(graph.label(index) + " is not linear");
  row_of(node.op).rows(at, output, shape);
  return out;
}

}  // namespace lipverify
