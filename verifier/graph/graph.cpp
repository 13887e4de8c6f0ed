// See graph.hpp: exact values of tensors, and what a node adds to the graph.
#include "verifier/graph/graph.hpp"

#include "verifier/graph/parameters.hpp"
#include "verifier/graph/shapes.hpp"
#include "verifier/base/bytes.hpp"

namespace lipverify {

std::uint64_t element_count(const Shape& shape) {
  std::uint64_t n = 1;
  for (const std::uint64_t d : shape) n *= d;
  return n;
}

std::string text_of(const Shape& shape) {
  std::string text;
  for (const std::uint64_t d : shape) text += (text.empty() ? "" : " x ") + std::to_string(d);
  return text;
}

bool is_floating(std::uint32_t type) { return type == kFloat32 || type == kFloat64 || type == kFloat16 || type == kBfloat16; }

std::uint64_t byte_size(std::uint32_t type) {
  switch (type) {
    case kFloat64:
    case kInt64: return 8;
    case kFloat32:
    case kInt32: return 4;
    case kFloat16:
    case kBfloat16: return 2;
    case kBool: return 1;
    default: return 0;
  }
}

namespace {

struct Format {
  int fraction_bits;
  int exponent_bits;
};

Format format_of(std::uint32_t type) {
  switch (type) {
    case kFloat64: return {52, 11};
    case kFloat16: return {10, 5};
    case kBfloat16: return {7, 8};
    default: return {23, 8};
  }
}

/// IEEE 754 interchange format: (-1)^s 2^(max(e,1) - bias - fraction_bits) (fraction + 2^fraction_bits [e > 0]).
Dyadic dyadic_of(std::uint64_t bits, const Format& f) {
  const std::uint64_t fraction = bits & ((std::uint64_t{1} << f.fraction_bits) - 1);
  const std::uint64_t e = bits >> f.fraction_bits & ((std::uint64_t{1} << f.exponent_bits) - 1);
  const bool negative = (bits >> (f.fraction_bits + f.exponent_bits) & 1) != 0;
  const int bias = (1 << (f.exponent_bits - 1)) - 1;
  const auto magnitude = static_cast<std::int64_t>(e == 0 ? fraction : fraction | std::uint64_t{1} << f.fraction_bits);
  const int exponent = static_cast<int>(e == 0 ? 1 : e) - bias - f.fraction_bits;
  return {negative ? -magnitude : magnitude, magnitude == 0 ? 0 : exponent};
}

std::uint64_t element(const Tensor& tensor, std::uint64_t i) {
  const std::uint64_t size = byte_size(tensor.type);
  std::uint64_t word = 0;
  for (std::uint64_t k = size; k-- > 0;) word = word << 8 | static_cast<unsigned char>(tensor.bits[i * size + k]);
  return word;
}

}  // namespace

Dyadic Tensor::real(std::uint64_t i) const { return dyadic_of(element(*this, i), format_of(type)); }

std::int64_t Tensor::integer(std::uint64_t i) const {
  const std::uint64_t word = element(*this, i);
  return type == kInt32 ? static_cast<std::int32_t>(static_cast<std::uint32_t>(word)) : static_cast<std::int64_t>(word);
}

Dyadic dyadic_of_binary32(std::uint32_t bits) { return dyadic_of(bits, format_of(kFloat32)); }

bool is_finite(std::uint32_t type, std::uint64_t bits) {
  const Format f = format_of(type);
  const std::uint64_t ones = (std::uint64_t{1} << f.exponent_bits) - 1;
  return (bits >> f.fraction_bits & ones) != ones;
}

std::string Graph::label(std::size_t node) const {
  const Node& n = nodes[node];
  const std::string out = n.outputs.empty() || n.outputs[0] == kAbsent ? "" : " -> " + printable(values[n.outputs[0]].name);
  return "node " + std::to_string(node) + " (" + printable(n.type) + out + ")";
}

bool find_operator(const std::string& name, Op& op) {
  static const std::map<std::string, Op> table = {
      {"Abs", Op::abs}, {"Add", Op::add}, {"AveragePool", Op::average_pool}, {"BatchNormalization", Op::batch_normalization},
      {"Cast", Op::cast}, {"Clip", Op::clip}, {"Concat", Op::concat}, {"Constant", Op::constant}, {"ConstantOfShape", Op::constant_of_shape},
      {"Conv", Op::conv}, {"ConvTranspose", Op::conv_transpose}, {"DepthToSpace", Op::depth_to_space}, {"Div", Op::div},
      {"Dropout", Op::dropout}, {"Elu", Op::elu}, {"Flatten", Op::flatten}, {"Gather", Op::gather}, {"Gelu", Op::gelu}, {"Gemm", Op::gemm},
      {"GlobalAveragePool", Op::global_average_pool}, {"GlobalMaxPool", Op::global_max_pool}, {"HardSigmoid", Op::hard_sigmoid},
      {"HardSwish", Op::hard_swish}, {"Identity", Op::identity}, {"LeakyRelu", Op::leaky_relu}, {"MatMul", Op::matmul}, {"Max", Op::max},
      {"MaxPool", Op::max_pool}, {"Min", Op::min}, {"Mish", Op::mish}, {"Mul", Op::mul}, {"Neg", Op::neg}, {"PRelu", Op::prelu},
      {"Pad", Op::pad}, {"Pow", Op::pow}, {"Reciprocal", Op::reciprocal}, {"ReduceL2", Op::reduce_l2}, {"ReduceMax", Op::reduce_max},
      {"ReduceMean", Op::reduce_mean}, {"ReduceMin", Op::reduce_min}, {"ReduceSum", Op::reduce_sum}, {"Relu", Op::relu},
      {"Reshape", Op::reshape}, {"Selu", Op::selu}, {"Shape", Op::shape}, {"Sigmoid", Op::sigmoid}, {"Sign", Op::sign},
      {"Slice", Op::slice}, {"Softmax", Op::softmax}, {"Softplus", Op::softplus}, {"SpaceToDepth", Op::space_to_depth}, {"Split", Op::split},
      {"Sqrt", Op::sqrt}, {"Squeeze", Op::squeeze}, {"Sub", Op::sub}, {"Tanh", Op::tanh}, {"TopK", Op::top_k},
      {"Transpose", Op::transpose}, {"Unsqueeze", Op::unsqueeze}};
  const auto found = table.find(name);
  if (found == table.end()) return false;
  op = found->second;
  return true;
}

void infer(Graph& graph, std::size_t index, const std::vector<std::string>& output_names) {
  std::vector<Value> results = outputs_of(graph, index, output_names);
  if (output_names.empty() || output_names.size() > results.size() || output_names[0].empty())
    refuse_node(graph, index, "its number of named outputs is not that of the operator");
  Node& node = graph.nodes[index];
  for (std::size_t k = 0; k < output_names.size(); ++k) {
    if (output_names[k].empty()) {
      node.outputs.push_back(kAbsent);
      continue;
    }
    Value& value = results[k];
    value.kind = Value::Kind::node_output;
    value.name = output_names[k];
    value.producer = index;
    node.outputs.push_back(graph.values.size());
    graph.values.push_back(std::move(value));
  }
  compute_known(graph, index);
}

}  // namespace lipverify
