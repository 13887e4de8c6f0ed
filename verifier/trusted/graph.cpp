// See graph.hpp: exact values of tensors, and the rules of formats/onnx.md section 5.
#include "verifier/trusted/graph.hpp"

#include <algorithm>
#include <cstring>

#include "verifier/trusted/bytes.hpp"
#include "verifier/trusted/failure.hpp"

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
      {"Add", Op::add},         {"Sub", Op::sub},         {"Mul", Op::mul},         {"Div", Op::div},   {"Gemm", Op::gemm},
      {"MatMul", Op::matmul},   {"Relu", Op::relu},       {"LeakyRelu", Op::leaky_relu}, {"Abs", Op::abs},   {"Sigmoid", Op::sigmoid},
      {"Tanh", Op::tanh},       {"Flatten", Op::flatten}, {"Reshape", Op::reshape}, {"Identity", Op::identity}, {"Dropout", Op::dropout},
      {"Cast", Op::cast},       {"Constant", Op::constant}};
  const auto found = table.find(name);
  if (found == table.end()) return false;
  op = found->second;
  return true;
}

namespace {

constexpr std::size_t kRank = 16;
constexpr std::uint64_t kElements = std::uint64_t{1} << 28;

/// The rules for one node; `fail` names it.
class Inference {
 public:
  Inference(const Graph& graph, std::size_t node) : graph_(graph), node_(graph.nodes[node]), index_(node) {}

  [[noreturn]] void fail(const std::string& reason) const {
    unreadable("the model's node " + std::to_string(index_) + " (" + printable(node_.type) + "): " + reason);
  }

  [[nodiscard]] const Value& in(std::size_t i) const {
    if (i >= node_.inputs.size() || node_.inputs[i] == kAbsent) fail("input " + std::to_string(i) + " is missing");
    return graph_.values[node_.inputs[i]];
  }
  [[nodiscard]] std::int64_t integer(const char* name) const { return node_.attributes.at(name).integer; }

  void count_inputs(std::size_t least, std::size_t most) const {
    if (node_.inputs.size() < least || node_.inputs.size() > most) fail("it has " + std::to_string(node_.inputs.size()) + " inputs");
    for (std::size_t i = 0; i < least; ++i) (void)in(i);
  }

  void same_floating_type() const {
    for (const ValueId id : node_.inputs)
      if (id != kAbsent && (!is_floating(graph_.values[id].type) || graph_.values[id].type != in(0).type))
        fail("its inputs are not of one floating-point type");
  }

  [[nodiscard]] Shape broadcast(const Shape& a, const Shape& b) const {
    Shape out(std::max(a.size(), b.size()));
    for (std::size_t k = 0; k < out.size(); ++k) {
      const std::uint64_t x = k < a.size() ? a[a.size() - 1 - k] : 1;
      const std::uint64_t y = k < b.size() ? b[b.size() - 1 - k] : 1;
      if (x != y && x != 1 && y != 1) fail("shapes " + text_of(a) + " and " + text_of(b) + " do not broadcast");
      out[out.size() - 1 - k] = std::max(x, y);
    }
    return out;
  }

  [[nodiscard]] Shape matmul() const {
    Shape a = in(0).shape;
    Shape b = in(1).shape;
    if (a.empty() || b.empty()) fail("MatMul of a scalar");
    const bool row = a.size() == 1;
    const bool column = b.size() == 1;
    if (row) a.insert(a.begin(), 1);
    if (column) b.push_back(1);
    if (a.back() != b[b.size() - 2]) fail("inner dimensions " + std::to_string(a.back()) + " and " + std::to_string(b[b.size() - 2]) + " differ");
    Shape out = broadcast(Shape(a.begin(), a.end() - 2), Shape(b.begin(), b.end() - 2));
    if (!row) out.push_back(a[a.size() - 2]);
    if (!column) out.push_back(b.back());
    return out;
  }

  [[nodiscard]] Shape gemm() const {
    const Shape& a = in(0).shape;
    const Shape& b = in(1).shape;
    const std::int64_t ta = integer("transA");
    const std::int64_t tb = integer("transB");
    if (a.size() != 2 || b.size() != 2) fail("A and B must have rank 2");
    if (ta < 0 || ta > 1 || tb < 0 || tb > 1) fail("transA and transB must be 0 or 1");
    const Shape out = {a[ta == 1 ? 1 : 0], b[tb == 1 ? 0 : 1]};
    if (a[ta == 1 ? 0 : 1] != b[tb == 1 ? 1 : 0]) fail("inner dimensions differ");
    if (node_.inputs.size() == 3) {
      const Shape& c = in(2).shape;
      if (c.size() > 2 || broadcast(out, c) != out) fail("C does not broadcast to the result");
    }
    return out;
  }

  [[nodiscard]] Shape flatten() const {
    const Shape& x = in(0).shape;
    const auto rank = static_cast<std::int64_t>(x.size());
    std::int64_t axis = integer("axis");
    if (axis > rank || axis < (graph_.opset >= 11 ? -rank : 0)) fail("axis " + std::to_string(axis) + " is out of range");
    if (axis < 0) axis += rank;
    return {element_count(Shape(x.begin(), x.begin() + axis)), element_count(Shape(x.begin() + axis, x.end()))};
  }

  [[nodiscard]] Shape reshape() const {
    const Shape& x = in(0).shape;
    const Value& target = in(1);
    if (target.known == nullptr || target.type != kInt64 || target.shape.size() != 1) fail("the new shape must be a known INT64 vector");
    std::int64_t keep = 0;
    if (const auto found = node_.attributes.find("allowzero"); found != node_.attributes.end()) keep = found->second.integer;
    if (keep < 0 || keep > 1) fail("allowzero must be 0 or 1");
    if (target.shape[0] > kRank) fail("more than 16 dimensions");
    Shape out;
    std::size_t open = kRank;
    std::uint64_t rest = 1;
    for (std::size_t k = 0; k < target.shape[0]; ++k) {
      std::int64_t d = target.known->integer(k);
      if (d == 0) {
        if (keep == 1 || k >= x.size()) fail("a dimension 0 that copies nothing");
        d = static_cast<std::int64_t>(x[k]);
      }
      if (d < -1 || (d == -1 && open != kRank)) fail("bad dimensions in the new shape");
      if (d == -1) {
        open = k;
        out.push_back(1);
      } else {
        out.push_back(static_cast<std::uint64_t>(d));
        if (static_cast<std::uint64_t>(d) > kElements || (rest *= static_cast<std::uint64_t>(d)) > kElements) fail("too many elements");
      }
    }
    const std::uint64_t n = element_count(x);
    if (open != kRank) {
      if (n % rest != 0) fail("the number of elements changes");
      out[open] = n / rest;
    } else if (rest != n) {
      fail("the number of elements changes");
    }
    return out;
  }

  void dropout() const {
    if (!is_floating(in(0).type)) fail("its input is not floating-point");
    if (node_.inputs.size() >= 2 && node_.inputs[1] != kAbsent) {
      const Value& ratio = in(1);
      if (!ratio.constant || !is_floating(ratio.type) || element_count(ratio.shape) != 1) fail("ratio must be one floating-point constant");
    }
    if (node_.inputs.size() >= 3 && node_.inputs[2] != kAbsent) {
      const Value& mode = in(2);
      if (mode.known == nullptr || mode.type != kBool || element_count(mode.shape) != 1 || mode.known->integer(0) != 0)
        fail("training_mode must be known and false");
    }
  }

  [[nodiscard]] std::uint32_t cast() const {
    const std::int64_t to = integer("to");
    const std::uint32_t from = in(0).type;
    const bool half = from == kFloat16 || from == kBfloat16;
    if (to == static_cast<std::int64_t>(from) || (half && (to == kFloat32 || to == kFloat64)) || (from == kFloat32 && to == kFloat64))
      return static_cast<std::uint32_t>(to);
    fail("Cast to type " + std::to_string(to) + " can round; only the same or a wider floating-point type is read");
  }

 private:
  const Graph& graph_;
  const Node& node_;
  std::size_t index_;
};

}  // namespace

void infer(Graph& graph, std::size_t index, const std::vector<std::string>& output_names) {
  Node& node = graph.nodes[index];
  const Inference rules(graph, index);
  std::vector<Value> results(1);
  results.reserve(2);  // `out` stays valid when Dropout's mask is added
  Value& out = results[0];
  if (node.op != Op::constant) {
    if (node.inputs.empty()) rules.fail("it has no inputs");
    out.type = rules.in(0).type;
    out.shape = rules.in(0).shape;
  }
  switch (node.op) {
    case Op::add:
    case Op::sub:
    case Op::mul:
    case Op::div:
      rules.count_inputs(2, 2);
      rules.same_floating_type();
      out.shape = rules.broadcast(rules.in(0).shape, rules.in(1).shape);
      break;
    case Op::matmul:
      rules.count_inputs(2, 2);
      rules.same_floating_type();
      out.shape = rules.matmul();
      break;
    case Op::gemm:
      rules.count_inputs(graph.opset < 11 ? 3 : 2, 3);
      rules.same_floating_type();
      out.shape = rules.gemm();
      break;
    case Op::relu:
    case Op::leaky_relu:
    case Op::abs:
    case Op::sigmoid:
    case Op::tanh:
      rules.count_inputs(1, 1);
      rules.same_floating_type();
      break;
    case Op::flatten:
      rules.count_inputs(1, 1);
      out.shape = rules.flatten();
      break;
    case Op::reshape:
      rules.count_inputs(2, 2);
      out.shape = rules.reshape();
      break;
    case Op::identity:
      rules.count_inputs(1, 1);
      out.known = rules.in(0).known;
      break;
    case Op::cast:
      rules.count_inputs(1, 1);
      out.type = rules.cast();
      if (out.type == rules.in(0).type) out.known = rules.in(0).known;
      break;
    case Op::dropout:
      rules.count_inputs(1, graph.opset < 12 ? 1 : 3);
      rules.dropout();
      if (output_names.size() == 2) {
        Value mask;
        mask.type = graph.opset >= 10 ? std::uint32_t{kBool} : out.type;
        mask.shape = out.shape;
        results.push_back(mask);
      }
      break;
    case Op::constant: {
      if (!node.inputs.empty()) rules.fail("a Constant has no inputs");
      const Tensor& tensor = node.attributes.at("value").tensor;
      out.type = tensor.type;
      out.shape = tensor.shape;
      out.known = &tensor;
      break;
    }
  }
  if (output_names.empty() || output_names.size() > (node.op == Op::dropout ? 2 : 1) || output_names[0].empty())
    rules.fail("its number of named outputs is not that of the operator");
  if (out.shape.size() > kRank) rules.fail("more than 16 dimensions");
  std::uint64_t elements = 1;
  for (const std::uint64_t d : out.shape)
    if (d == 0 || d > kElements || (elements *= d) > kElements) rules.fail("the result is empty or has more than 2^28 elements");
  bool constant = true;
  for (const ValueId id : node.inputs) constant = constant && (id == kAbsent || graph.values[id].constant);
  for (std::size_t k = 0; k < output_names.size(); ++k) {
    if (output_names[k].empty()) {
      node.outputs.push_back(kAbsent);
      continue;
    }
    Value value = results[k];
    value.kind = Value::Kind::node_output;
    value.name = output_names[k];
    value.constant = constant;
    value.producer = index;
    node.outputs.push_back(graph.values.size());
    graph.values.push_back(std::move(value));
  }
}

}  // namespace lipverify
