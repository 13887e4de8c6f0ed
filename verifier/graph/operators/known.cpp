// Known integers and booleans: what a graph computes of its shapes (formats/onnx.md, section 5). Shape, ConstantOfShape, Range and Constant stand here.
#include <algorithm>

#include "verifier/graph/operators/family.hpp"

namespace lipverify {

namespace {

constexpr std::uint64_t kKnown = std::uint64_t{1} << 20;  // entries of a known value that is computed
constexpr std::uint64_t kAllKnown = std::uint64_t{1} << 24;  // of all of them

std::pair<std::int64_t, std::int64_t> shape_range(const NodeRules& at) {
  const std::int64_t rank = std::ssize(at.in(0).shape);
  const auto clamped = [&](const char* name, std::int64_t otherwise) {
    const auto found = at.node().attributes.find(name);
    const std::int64_t value = found == at.node().attributes.end() ? otherwise : found->second.integer;
    return std::clamp<std::int64_t>(value < 0 ? value + rank : value, 0, rank);
  };
  return {clamped("start", 0), clamped("end", rank)};
}

}  // namespace

Shape known::shape_vector(const NodeRules& at, Value& out) {
  at.count_inputs(1, 1);
  out.type = kInt64;
  const auto [begin, end] = shape_range(at);
  if (end <= begin) at.fail("its result is empty");
  return {static_cast<std::uint64_t>(end - begin)};
}

Shape known::constant_shape(const NodeRules& at, Value& out) {
  at.since(9);
  at.count_inputs(1, 1);
  out.type = at.node().attributes.at("value").tensor.type;
  const Value& dims = at.in(0);
  if (dims.known == nullptr || dims.type != kInt64 || dims.shape.size() != 1 || dims.shape[0] > kRank) at.fail("its dimensions must be a known INT64 vector");
  if (element_count(at.node().attributes.at("value").tensor.shape) != 1) at.fail("value must have one element");
  Shape shape;
  std::uint64_t elements = 1;
  for (const std::int64_t d : integers_of(*dims.known)) {
    if (d < 1 || d > static_cast<std::int64_t>(kKnown) || (elements *= static_cast<std::uint64_t>(d)) > kKnown)
      at.fail("it has a dimension below 1, or more than 2^20 elements");
    shape.push_back(static_cast<std::uint64_t>(d));
  }
  return shape;
}

namespace {

/// Start, step and number of entries of a Range.
struct Progression {
  Int128 start = 0, step = 0, count = 0;
};
Progression progression(const NodeRules& at) {
  Int128 ends[3];
  for (std::size_t i = 0; i < 3; ++i) {
    const Value& value = at.in(i);
    if (value.known == nullptr || value.type != at.in(0).type || (value.type != kInt64 && value.type != kInt32) || !value.shape.empty())
      at.fail("start, limit and delta must be known scalars of one integer type");
    ends[i] = value.known->integer(0);
  }
  if (ends[2] == 0) at.fail("its delta is 0");
  const Int128 distance = ends[2] > 0 ? ends[1] - ends[0] : ends[0] - ends[1];
  const Int128 step = ends[2] > 0 ? ends[2] : -ends[2];
  const Int128 count = distance <= 0 ? Int128{0} : (distance + step - 1) / step;
  if (count < 1 || count > static_cast<Int128>(kKnown)) at.fail("its result is empty or has more than 2^20 entries");
  return {ends[0], ends[2], count};
}

}  // namespace

Shape known::counted(const NodeRules& at, Value&) {
  at.since(11);
  at.count_inputs(3, 3);
  return {static_cast<std::uint64_t>(progression(at).count)};
}

Shape known::constant(const NodeRules& at, Value& out) {
  const Tensor& tensor = at.node().attributes.at("value").tensor;
  if (!at.node().inputs.empty()) at.fail("a Constant has no inputs");
  out.type = tensor.type;
  out.known = &tensor;
  return tensor.shape;
}

namespace {

void append_word(std::string& bits, std::uint64_t word, std::uint64_t width) {
  for (std::uint64_t k = 0; k < width; ++k) bits.push_back(static_cast<char>(word >> (8 * k) & 0xFF));
}

/// IEEE bits of an integer; false when it is not exact in the format.
bool bits_of_integer(std::int64_t value, std::uint32_t type, std::uint64_t& word) {
  const int fraction = type == kFloat64 ? 52 : type == kFloat32 ? 23 : type == kFloat16 ? 10 : 7;
  const int exponent_bits = type == kFloat64 ? 11 : type == kFloat16 ? 5 : 8;
  const int bias = (1 << (exponent_bits - 1)) - 1;
  const std::uint64_t sign = value < 0 ? std::uint64_t{1} << (fraction + exponent_bits) : 0;
  std::uint64_t size = value < 0 ? ~static_cast<std::uint64_t>(value) + 1 : static_cast<std::uint64_t>(value);
  word = 0;
  if (size == 0) return true;
  int top = 63;
  while ((size >> top & 1) == 0) --top;
  if (top > bias) return false;
  if (top > fraction) {
    if ((size & ((std::uint64_t{1} << (top - fraction)) - 1)) != 0) return false;
    size >>= top - fraction;
  } else {
    size <<= fraction - top;
  }
  word = sign | static_cast<std::uint64_t>(top + bias) << fraction | (size & ((std::uint64_t{1} << fraction) - 1));
  return true;
}

bool fits(Int128 value, std::uint32_t type) {
  const Int128 half = Int128{1} << (type == kInt32 ? 31 : 63);
  return value >= -half && value < half;
}

/// Add, Sub, Mul, Div of known integers.
std::string computed(const Graph& graph, std::size_t index, const Value& out) {
  const Node& node = graph.nodes[index];
  const Tensor& a = *graph.values[node.inputs[0]].known;
  const Tensor& b = *graph.values[node.inputs[1]].known;
  const Broadcast at_a(a.shape, out.shape);
  const Broadcast at_b(b.shape, out.shape);
  std::string bits;
  for (std::uint64_t e = 0; e < element_count(out.shape); ++e) {
    const Int128 x = a.integer(at_a.index(e));
    const Int128 y = b.integer(at_b.index(e));
    if (node.op == Op::div && y == 0) refuse_node(graph, index, "it divides an integer by 0");
    const Int128 value = node.op == Op::add ? x + y : node.op == Op::sub ? x - y : node.op == Op::mul ? x * y : x / y;
    if (!fits(value, out.type)) refuse_node(graph, index, "an integer leaves the range of its type");
    append_word(bits, static_cast<std::uint64_t>(value), byte_size(out.type));
  }
  return bits;
}

/// Comparisons, logic and Where of known integers and booleans.
std::string decided(const Graph& graph, std::size_t index, const Value& out) {
  const Node& node = graph.nodes[index];
  std::vector<const Tensor*> in;
  std::vector<Broadcast> at;
  for (const ValueId id : node.inputs) {
    in.push_back(graph.values[id].known);
    at.emplace_back(in.back()->shape, out.shape);
  }
  std::string bits;
  for (std::uint64_t e = 0; e < element_count(out.shape); ++e) {
    const auto operand = [&](std::size_t k) { return in[k]->integer(at[k].index(e)); };
    const std::int64_t value = node.op == Op::where ? operand(operand(0) != 0 ? 1 : 2) : holds(node.op, operand(0), in.size() > 1 ? operand(1) : 0) ? 1 : 0;
    append_word(bits, static_cast<std::uint64_t>(value), byte_size(out.type));
  }
  return bits;
}

std::string converted(const Graph& graph, std::size_t index, const Value& out) {
  const Tensor& from = *graph.values[graph.nodes[index].inputs[0]].known;
  std::string bits;
  for (const std::int64_t value : integers_of(from)) {
    std::uint64_t word = static_cast<std::uint64_t>(value);
    const bool exact = is_floating(out.type) ? bits_of_integer(value, out.type, word) : fits(value, out.type);
    if (!exact) refuse_node(graph, index, "the value " + std::to_string(value) + " is not exact in the type that it is cast to");
    append_word(bits, word, byte_size(out.type));
  }
  return bits;
}

std::string moved(const Graph& graph, std::size_t index, std::size_t output, const Value& out) {
  const Node& node = graph.nodes[index];
  const std::uint64_t width = byte_size(out.type);
  std::string bits;
  for (const Source& source : sources_of(graph, index, output))
    bits.append(graph.values[node.inputs[source.input]].known->bits, source.index * width, width);
  return bits;
}

}  // namespace

void compute_known(Graph& graph, std::size_t index) {
  const Node& node = graph.nodes[index];
  for (std::size_t k = 0; k < node.outputs.size(); ++k) {
    if (node.outputs[k] == kAbsent) continue;
    Value& out = graph.values[node.outputs[k]];
    if (out.known != nullptr || out.unusable) continue;
    bool all_known = true;
    for (const ValueId id : node.inputs) all_known = all_known && (id == kAbsent || graph.values[id].known != nullptr);
    if (node.op != Op::shape && (!all_known || is_floating(graph.values[node.inputs[0]].type))) continue;
    if (node.op == Op::dequantize_linear || (node.op == Op::where && is_floating(out.type))) continue;  // numbers for norms, which are enclosed
    if (element_count(out.shape) > kKnown) refuse_node(graph, index, "it computes more than 2^20 integers");
    Tensor tensor{out.type, out.shape, {}};
    switch (node.op) {
      case Op::shape: {
        const auto [begin, end] = shape_range(NodeRules(graph, index));
        const Shape& shape = graph.values[node.inputs[0]].shape;
        for (std::int64_t i = begin; i < end; ++i) append_word(tensor.bits, shape[static_cast<std::size_t>(i)], 8);
        break;
      }
      case Op::constant_of_shape: {
        const std::string& value = node.attributes.at("value").tensor.bits;
        for (std::uint64_t i = element_count(out.shape); i-- > 0;) tensor.bits += value;
        break;
      }
      case Op::add:
      case Op::sub:
      case Op::mul:
      case Op::div: tensor.bits = computed(graph, index, out); break;
      case Op::cast: tensor.bits = converted(graph, index, out); break;
      case Op::range: {
        const Progression numbers = progression(NodeRules(graph, index));
        for (Int128 i = 0; i < numbers.count; ++i) append_word(tensor.bits, static_cast<std::uint64_t>(numbers.start + i * numbers.step), byte_size(out.type));
        break;
      }
      case Op::equal:
      case Op::less:
      case Op::greater:
      case Op::less_or_equal:
      case Op::greater_or_equal:
      case Op::logical_not:
      case Op::logical_and:
      case Op::logical_or:
      case Op::where: tensor.bits = decided(graph, index, out); break;
      default: tensor.bits = moved(graph, index, k, out);
    }
    graph.computed_elements += element_count(out.shape);
    if (graph.computed_elements > kAllKnown) refuse_node(graph, index, "the graph computes more than 2^24 integers");
    graph.computed.push_back(std::move(tensor));
    out.known = &graph.computed.back();
  }
}

}  // namespace lipverify
