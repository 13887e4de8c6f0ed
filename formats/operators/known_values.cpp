// What is known whatever the graph's input (formats/onnx.md, section 5): the results of Shape, ConstantOfShape, Range and Constant, and the
// integers and booleans that the graph computes from shapes and constants, exactly. Exports with a symbolic batch dimension compute the
// shapes of their Reshape nodes in this way.
#include <algorithm>
#include <bit>
#include <limits>
#include <utility>

#include "formats/operators/inference.hpp"
#include "formats/operators/rules.hpp"

namespace lipcert {

namespace {

Tensor empty_tensor(const Result& result) {
  Tensor tensor;
  tensor.type = result.type;
  tensor.shape = result.shape;
  tensor.bits.reserve(static_cast<std::size_t>(element_count(result.shape)) * byte_size(result.type));
  return tensor;
}

Tensor moved(const NodeView& node, const Result& result, std::size_t output) {
  Tensor tensor = empty_tensor(result);
  const std::size_t width = byte_size(result.type);
  for (const EntrySource& source : entry_sources(node, output)) {
    const unsigned char* bits = node.operands[source.input].known->bits.data() + std::size_t{source.index} * width;
    tensor.bits.insert(tensor.bits.end(), bits, bits + width);
  }
  return tensor;
}

Tensor shape_of(const NodeView& node, const Result& result) {
  Tensor tensor = empty_tensor(result);
  const Shape& shape = node.operands[0].shape;
  std::int64_t start = 0;
  const auto rank = static_cast<std::int64_t>(shape.size());
  if (node.opset >= 15) {
    start = integer_of(node, "start");
    start = std::clamp<std::int64_t>(start < 0 ? start + rank : start, 0, rank);
  }
  for (std::uint64_t k = 0; k < result.shape[0]; ++k) put(tensor, shape[static_cast<std::size_t>(start) + static_cast<std::size_t>(k)]);
  return tensor;
}

std::int64_t combined(Operator op, std::int64_t a, std::int64_t b, ElementType type) {
  std::int64_t value = 0;
  bool outside = false;
  switch (op) {
    case Operator::add:
      outside = __builtin_add_overflow(a, b, &value);
      break;
    case Operator::sub:
      outside = __builtin_sub_overflow(a, b, &value);
      break;
    case Operator::mul:
      outside = __builtin_mul_overflow(a, b, &value);
      break;
    default:  // Div
      if (b == 0) throw Unsupported{"It divides an integer by 0."};
      outside = b == -1 && a == std::numeric_limits<std::int64_t>::min();
      if (!outside) value = a / b;
  }
  if (type == ElementType::int32)
    outside = outside || value < std::numeric_limits<std::int32_t>::min() || value > std::numeric_limits<std::int32_t>::max();
  if (outside) throw Unsupported{std::string("Its result does not fit into ") + name_of(type) + ", where runtimes would wrap around."};
  return value;
}

// entry(places) for every entry of the result, the places being those of the operands' entries that meet in it (numpy broadcasting; `infer`
// has checked that the shapes fit).
template <class Entry>
Tensor broadcast_each(const NodeView& node, const Result& result, Entry entry) {
  Tensor tensor = empty_tensor(result);
  const std::size_t rank = result.shape.size();
  const std::size_t sides = node.operands.size();
  std::vector<std::vector<std::uint64_t>> strides(sides);
  for (std::size_t side = 0; side < sides; ++side) {
    const Shape& shape = node.operands[side].shape;
    strides[side].assign(rank, 0);
    std::uint64_t stride = 1;
    for (std::size_t k = shape.size(); k-- > 0;) {
      if (shape[k] != 1) strides[side][k + rank - shape.size()] = stride;
      stride *= shape[k];
    }
  }
  const std::uint64_t count = element_count(result.shape);
  std::vector<std::uint64_t> places(sides);
  for (std::uint64_t i = 0; i < count; ++i) {
    std::fill(places.begin(), places.end(), 0);
    std::uint64_t rest = i;
    for (std::size_t k = rank; k-- > 0;) {
      for (std::size_t side = 0; side < sides; ++side) places[side] += rest % result.shape[k] * strides[side][k];
      rest /= result.shape[k];
    }
    put(tensor, static_cast<std::uint64_t>(entry(places)));
  }
  return tensor;
}

bool holds(Operator op, std::int64_t a, std::int64_t b) {
  switch (op) {
    case Operator::equal:
      return a == b;
    case Operator::less:
      return a < b;
    case Operator::greater:
      return a > b;
    case Operator::less_or_equal:
      return a <= b;
    case Operator::greater_or_equal:
      return a >= b;
    case Operator::logical_not:
      return a == 0;
    case Operator::logical_and:
      return a != 0 && b != 0;
    default:  // Or
      return a != 0 || b != 0;
  }
}

Tensor combined(const NodeView& node, const Result& result) {
  const std::vector<Operand>& operands = node.operands;
  return broadcast_each(node, result, [&](const std::vector<std::uint64_t>& places) -> std::int64_t {
    const auto at = [&](std::size_t side) { return operands[side].known->integer(places[side]); };
    if (node.op == Operator::where) return at(at(0) != 0 ? 1 : 2);
    if (row_of(node.op).family == Family::condition) return holds(node.op, at(0), operands.size() > 1 ? at(1) : 0) ? 1 : 0;
    return combined(node.op, at(0), at(1), result.type);
  });
}

struct Progression {
  std::int64_t start = 0;
  std::int64_t step = 0;
  std::uint64_t count = 0;
};
Progression progression(const NodeView& node) {
  std::int64_t ends[3] = {0, 0, 0};
  for (std::size_t k = 0; k < 3; ++k) {
    const Operand& operand = node.operands[k];
    const bool whole = operand.type == ElementType::int64 || operand.type == ElementType::int32;
    if (!whole || operand.type != node.operands[0].type || operand.known == nullptr || !operand.shape.empty())
      throw Unsupported{
          "Its start, limit and step are not INT64 or INT32 scalars of one type that follow from constants and shapes; write its numbers "
          "out as a weight."};
    ends[k] = operand.known->integer(0);
  }
  const auto [start, limit, step] = ends;
  if (step == 0) throw Unsupported{"Its step is 0."};
  const bool up = step > 0;
  if (up ? start >= limit : start <= limit) throw Unsupported{"Its result is empty; tensors without entries are not read."};
  // Distances as unsigned numbers: they may leave the range of the signed ones.
  const std::uint64_t length = up ? static_cast<std::uint64_t>(limit) - static_cast<std::uint64_t>(start)
                                  : static_cast<std::uint64_t>(start) - static_cast<std::uint64_t>(limit);
  const std::uint64_t stride = up ? static_cast<std::uint64_t>(step) : std::uint64_t{0} - static_cast<std::uint64_t>(step);
  return {start, step, (length - 1) / stride + 1};
}

Tensor counted(const NodeView& node, const Result& result) {
  Tensor tensor = empty_tensor(result);
  const Progression numbers = progression(node);
  for (std::uint64_t k = 0; k < numbers.count; ++k)
    put(tensor, static_cast<std::uint64_t>(numbers.start) +
                    k * static_cast<std::uint64_t>(numbers.step));  // inside the type: between start and limit
  return tensor;
}

// The bits of an integer in a floating type, if it is exact there.
std::optional<std::uint64_t> exact_bits(std::int64_t value, ElementType type) {
  struct Format {
    int precision, exponent_bits;
  };
  const Format format = type == ElementType::float16    ? Format{11, 5}
                        : type == ElementType::bfloat16 ? Format{8, 8}
                        : type == ElementType::float32  ? Format{24, 8}
                                                        : Format{53, 11};
  if (value == 0) return 0;
  const std::uint64_t magnitude = value < 0 ? ~static_cast<std::uint64_t>(value) + 1 : static_cast<std::uint64_t>(value);
  const auto top = static_cast<int>(std::bit_width(magnitude)) - 1;
  const int bias = (1 << (format.exponent_bits - 1)) - 1;
  if (top - std::countr_zero(magnitude) >= format.precision || top > bias) return std::nullopt;
  const int shift = format.precision - 1 - top;
  const std::uint64_t significand = shift >= 0 ? magnitude << shift : magnitude >> -shift;
  const std::uint64_t fraction = significand & ((std::uint64_t{1} << (format.precision - 1)) - 1);
  const auto exponent = static_cast<std::uint64_t>(top + bias);
  const std::uint64_t sign = value < 0 ? 1 : 0;
  return fraction | exponent << (format.precision - 1) | sign << (format.precision - 1 + format.exponent_bits);
}

Tensor converted(const Tensor& source, const Result& result) {
  Tensor tensor = empty_tensor(result);
  const std::uint64_t count = source.size();
  for (std::uint64_t k = 0; k < count; ++k) {
    const std::int64_t value = source.integer(k);
    if (is_floating(result.type)) {
      const std::optional<std::uint64_t> bits = exact_bits(value, result.type);
      if (!bits)
        throw Unsupported{"It casts " + std::to_string(value) + " to " + name_of(result.type) + ", where this number would be rounded."};
      put(tensor, *bits);
    } else {
      if (result.type == ElementType::int32 &&
          (value < std::numeric_limits<std::int32_t>::min() || value > std::numeric_limits<std::int32_t>::max()))
        throw Unsupported{"It casts " + std::to_string(value) + " to INT32, into which it does not fit."};
      put(tensor, static_cast<std::uint64_t>(value));
    }
  }
  return tensor;
}

std::uint64_t shape_entries(const NodeView& node) {
  const auto rank = static_cast<std::int64_t>(node.operands[0].shape.size());
  std::int64_t start = 0;
  std::int64_t end = rank;
  if (node.opset >= 15) {
    start = integer_of(node, "start");
    end = integer_of(node, "end");
    start = std::clamp<std::int64_t>(start < 0 ? start + rank : start, 0, rank);
    end = std::clamp<std::int64_t>(end < 0 ? end + rank : end, 0, rank);
  }
  if (end <= start)
    throw Unsupported{"It asks for no dimension of an operand of shape " + text_of(node.operands[0].shape) +
                      "; empty tensors are not read."};
  return static_cast<std::uint64_t>(end - start);
}

Result filled(const NodeView& node) {
  const Operand& wanted = node.operands[0];
  const Tensor& value = std::get<Tensor>(node.attributes.at("value"));
  if (value.size() != 1) throw Unsupported{"Its value is not one number."};
  if (wanted.type != ElementType::int64 || wanted.shape.size() != 1 || wanted.known == nullptr)
    throw Unsupported{"Its shape is not a list of INT64 numbers that follow from constants and shapes."};
  Result result = {value.type, {}};
  if (wanted.shape[0] > rank_cap) throw Unsupported{"Its result would have more than 16 dimensions, which is more than this reader takes."};
  for (std::uint64_t k = 0; k < wanted.shape[0]; ++k) {
    const std::int64_t entry = wanted.known->integer(k);
    if (entry < 1) throw Unsupported{"Its result has the dimension " + std::to_string(entry) + "."};
    result.shape.push_back(static_cast<std::uint64_t>(entry));
  }
  return result;
}

}  // namespace

void fill_in_constant(Attributes& attributes, const NodeView& node) {
  if (node.op == Operator::shape && row_of(node.op).attribute("end", node.opset) != nullptr)
    attributes.emplace("end", static_cast<std::int64_t>(node.operands[0].shape.size()));
}

std::vector<Result> infer_constant(const NodeView& node) {
  if (node.op == Operator::shape) return {{ElementType::int64, {shape_entries(node)}}};
  if (node.op == Operator::constant_of_shape) return {filled(node)};
  if (node.op == Operator::range) return {{node.operands[0].type, {progression(node).count}}};
  const Tensor& value = std::get<Tensor>(node.attributes.at("value"));
  return {{value.type, value.shape}};
}

bool is_computed(const NodeView& node, const Result& result) {
  switch (node.op) {
    case Operator::constant_of_shape:
    case Operator::range:
      return true;
    case Operator::cast:
      return node.operands[0].known != nullptr && !is_floating(node.operands[0].type) && result.type != node.operands[0].type;
    case Operator::equal:
    case Operator::less:
    case Operator::greater:
    case Operator::less_or_equal:
    case Operator::greater_or_equal:
    case Operator::logical_not:
    case Operator::logical_and:
    case Operator::logical_or:
    case Operator::where:  // known when all that it reads are known integers and booleans
      return std::all_of(node.operands.begin(), node.operands.end(),
                         [](const Operand& operand) { return operand.known != nullptr && !is_floating(operand.type); });
    case Operator::add:
    case Operator::sub:
    case Operator::mul:
    case Operator::div:
    case Operator::concat:
    case Operator::expand:
    case Operator::flatten:
    case Operator::gather:
    case Operator::reshape:
    case Operator::slice:
    case Operator::split:
    case Operator::squeeze:
    case Operator::transpose:
    case Operator::unsqueeze:
      return !is_floating(node.operands[0].type);
    default:  // Shape has at most 16 entries; the others compute nothing
      return false;
  }
}

std::vector<Tensor> compute_known(const NodeView& node, const std::vector<Result>& results) {
  if (node.operands.empty()) return {};
  const bool integers = !is_floating(node.operands[0].type);
  std::vector<Tensor> known;
  switch (node.op) {
    case Operator::shape:
      known.push_back(shape_of(node, results[0]));
      break;
    case Operator::constant_of_shape: {
      const Tensor& value = std::get<Tensor>(node.attributes.at("value"));
      Tensor tensor = empty_tensor(results[0]);
      const std::uint64_t count = element_count(results[0].shape);
      for (std::uint64_t k = 0; k < count; ++k) tensor.bits.insert(tensor.bits.end(), value.bits.begin(), value.bits.end());
      known.push_back(std::move(tensor));
      break;
    }
    case Operator::range:
      known.push_back(counted(node, results[0]));
      break;
    case Operator::cast:
      if (is_computed(node, results[0])) known.push_back(converted(*node.operands[0].known, results[0]));
      break;
    case Operator::equal:
    case Operator::less:
    case Operator::greater:
    case Operator::less_or_equal:
    case Operator::greater_or_equal:
    case Operator::logical_not:
    case Operator::logical_and:
    case Operator::logical_or:
    case Operator::where:
      if (is_computed(node, results[0])) known.push_back(combined(node, results[0]));
      break;
    case Operator::add:
    case Operator::sub:
    case Operator::mul:
    case Operator::div:
      if (integers) known.push_back(combined(node, results[0]));
      break;
    case Operator::concat:
    case Operator::expand:
    case Operator::flatten:
    case Operator::gather:
    case Operator::reshape:
    case Operator::slice:
    case Operator::split:
    case Operator::squeeze:
    case Operator::transpose:
    case Operator::unsqueeze:
      if (integers)
        for (std::size_t k = 0; k < results.size(); ++k) known.push_back(moved(node, results[k], k));
      break;
    default:  // not one of the operators that formats/onnx.md names: nothing is computed
      break;
  }
  return known;
}

}  // namespace lipcert
