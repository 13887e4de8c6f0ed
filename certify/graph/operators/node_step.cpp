// See node_step.hpp.

#include "certify/graph/operators/node_step.hpp"

#include <algorithm>
#include <string>
#include <vector>

#include "certify/graph/operators/activation.hpp"
#include "certify/graph/operators/average.hpp"
#include "certify/graph/operators/convolution.hpp"
#include "certify/graph/operators/dense.hpp"
#include "certify/graph/operators/entrywise.hpp"
#include "certify/graph/operators/l2_pooling.hpp"
#include "certify/graph/operators/move.hpp"
#include "certify/graph/operators/order.hpp"
#include "certify/graph/operators/resampling.hpp"
#include "certify/graph/operators/sum.hpp"

namespace lipcert {
namespace {

const char* const no_product =
    "combines two tensors that both depend on the input in a way that is none of the known gated activations (x times Sigmoid, "
    "HardSigmoid, "
    "Clip, 1 + Erf, Tanh of Softplus; x over 1 + Abs), and has no global Lipschitz constant in general; certify a network without it.";

}  // namespace

Step step_of_node(StepContext& context, std::size_t index) {
  const Node& node = context.network.nodes[index];
  Step step;
  step.node = index;
  step.nodes = {index};
  step.value = node.outputs.at(0);
  step.output_size = context.size(step.value);
  const std::vector<std::size_t> data = context.data_inputs(node);
  for (const std::size_t d : data) {
    step.inputs.push_back(context.number_of(node.inputs[d]));
    step.first_size = step.inputs.size() == 1 ? context.size(node.inputs[d]) : step.first_size;
    step.input_size += context.size(node.inputs[d]);
  }
  if (!is_floating(context.network.values[step.value].type)) {
    throw refuse(context.network, index, "turns data into something that is not a tensor of real numbers; export the network without it.");
  }
  switch (node.op) {
    case Operator::add:
    case Operator::sub:
      if (data.size() > 1) {
        sum_step(context, step, node);
      } else {
        entrywise_step(context, step, node);
      }
      break;
    case Operator::mul:
    case Operator::div:
      if (data.size() > 1) {
        throw refuse(context.network, index, no_product);
      }
      entrywise_step(context, step, node);
      break;
    case Operator::matmul:
    case Operator::gemm:
      if (std::count_if(node.inputs.begin(), node.inputs.begin() + 2, [&](ValueId id) { return !context.constant(id); }) > 1) {
        throw refuse(context.network, index, no_product);
      }
      if (node.op == Operator::matmul) {
        matmul_step(context, step, node);
      } else {
        gemm_step(context, step, node);
      }
      break;
    case Operator::neg:
      step.sign = -1;
      break;
    case Operator::flatten:
    case Operator::reshape:
    case Operator::squeeze:
    case Operator::unsqueeze:
    case Operator::identity:
    case Operator::dropout:
    case Operator::cast:
      if (context.constant(node.inputs.at(0))) {
        throw refuse(context.network, index,
                     "turns data into something that is not a tensor of real numbers; export the network without it.");
      }
      break;
    case Operator::transpose:
    case Operator::concat:
    case Operator::split:
    case Operator::slice:
    case Operator::gather:
    case Operator::pad:
    case Operator::depth_to_space:
    case Operator::space_to_depth:
    case Operator::expand:
      move_step(context, step, 0);
      break;
    case Operator::conv:
    case Operator::conv_transpose:
      convolution_step(context, step, node);
      break;
    case Operator::average_pool:
    case Operator::global_average_pool:
    case Operator::reduce_mean:
    case Operator::reduce_sum:
      average_step(context, step, node);
      break;
    case Operator::resize:
    case Operator::upsample:
      resampling_step(context, step);
      break;
    case Operator::batch_normalization:
      normalization_step(context, step);
      break;
    case Operator::max:
    case Operator::min:
      if (data.size() == 1) {
        clamp_step(context, step, node, data[0]);
      } else {
        extreme_step(context, step, node, data);
      }
      break;
    case Operator::max_pool:
    case Operator::global_max_pool:
    case Operator::reduce_max:
    case Operator::reduce_min:
      window_step(context, step, node);
      break;
    case Operator::top_k:
      top_k_step(context, step, node);
      break;
    case Operator::softmax:
      softmax_step(context, step, node);
      break;
    case Operator::reduce_l2:
    case Operator::lp_pool:
      norm_step(context, step, node);
      break;
    case Operator::sign:
      throw refuse(context.network, index,
                   "jumps where its input changes sign; a network with a jump has no Lipschitz constant, so certify one without it.");
    case Operator::sqrt:
    case Operator::reciprocal:
    case Operator::pow:
      throw refuse(context.network, index,
                   "of data is bounded only inside an L2 pooling (squares, weights that are not negative, square root); export the layer "
                   "in that form.");
    case Operator::exp:
    case Operator::log:
      throw refuse(context.network, index,
                   "of data has no bounded slope; it is bounded on constants, and inside LogSoftmax, Softmax, Softplus and Elu: export the "
                   "layer in that form.");
    case Operator::constant:
    case Operator::shape:
    case Operator::constant_of_shape:
    case Operator::range:
    case Operator::equal:
    case Operator::less:
    case Operator::greater:
    case Operator::less_or_equal:
    case Operator::greater_or_equal:
    case Operator::logical_not:
    case Operator::logical_and:
    case Operator::logical_or:
    case Operator::where:
    case Operator::dequantize_linear:
      throw refuse(context.network, index, "is a constant that depends on the input; the file is damaged.");
    default:  // an activation: its row says what it is
      activation_step(context, step, node);
      break;
  }
  return step;
}

}  // namespace lipcert
