// Operators of ONNX, default domain, opsets 8 to 20: their attributes and the shapes of their results (formats/onnx.md, section 5). Written
// from the operator specification ("Operator Changelog"); differences between versions that matter here are said where they are used.
#include <bit>
#include <cmath>

#include "formats/error.hpp"
#include "formats/onnx_parts.hpp"
#include "onnx.pb.h"

namespace lipcert {

namespace {

// AttributeProto.AttributeType
constexpr std::int32_t kind_float = 1;
constexpr std::int32_t kind_int = 2;
constexpr std::int32_t kind_tensor = 4;
constexpr std::int32_t kind_floats = 6;
constexpr std::int32_t kind_ints = 7;

const char* kind_name(std::int32_t kind) {
  switch (kind) {
    case kind_float:
      return "a number";
    case kind_int:
      return "an integer";
    case kind_tensor:
      return "a tensor";
    case kind_floats:
      return "a list of numbers";
    case kind_ints:
      return "a list of integers";
    default:
      return "of another kind";
  }
}

struct AttributeRule {
  Operator op;
  const char* name;
  std::int32_t kind;
  std::uint64_t since;  // opsets in which the attribute exists
  std::uint64_t until;
  bool written;  // part of the graph digest
};

constexpr std::uint64_t last_opset = 20;

constexpr AttributeRule attribute_rules[] = {
    {Operator::gemm, "alpha", kind_float, 0, last_opset, true},
    {Operator::gemm, "beta", kind_float, 0, last_opset, true},
    {Operator::gemm, "transA", kind_int, 0, last_opset, true},
    {Operator::gemm, "transB", kind_int, 0, last_opset, true},
    {Operator::leaky_relu, "alpha", kind_float, 0, last_opset, true},
    {Operator::flatten, "axis", kind_int, 0, last_opset, true},
    {Operator::reshape, "allowzero", kind_int, 14, last_opset, true},
    {Operator::cast, "to", kind_int, 0, last_opset, true},
    {Operator::dropout, "ratio", kind_float, 0, 11, true},
    {Operator::dropout, "seed", kind_int, 12, last_opset, false},
    {Operator::constant, "value", kind_tensor, 0, last_opset, true},
    {Operator::constant, "value_float", kind_float, 12, last_opset, true},
    {Operator::constant, "value_floats", kind_floats, 12, last_opset, true},
    {Operator::constant, "value_int", kind_int, 12, last_opset, true},
    {Operator::constant, "value_ints", kind_ints, 12, last_opset, true},
};

void put(Tensor& tensor, std::uint64_t word) {
  for (std::size_t k = 0; k < byte_size(tensor.type); ++k) tensor.bits.push_back(static_cast<unsigned char>(word >> (8 * k)));
}

float finite(float value, const std::string& name) {
  if (!std::isfinite(value))
    throw Unsupported{"The attribute '" + name + "' is not finite; no bound holds for such a node: train or export the model again."};
  return value;
}

std::uint32_t bits_of(float value) {
  return std::bit_cast<std::uint32_t>(value);
}

// Whichever spelling the value of a Constant node came in, it is one tensor (SPEC.md section 7).
Tensor constant_value(const onnx::AttributeProto& attribute, TensorReader& tensors, const std::string& label) {
  Tensor tensor;
  switch (attribute.type()) {
    case kind_tensor: {
      bool typed = false;
      tensors.read(attribute.t(), label, tensor, typed);
      break;
    }
    case kind_float:
      tensor.type = ElementType::float32;
      put(tensor, bits_of(finite(attribute.f(), attribute.name())));
      break;
    case kind_floats:
      tensor.type = ElementType::float32;
      tensor.shape = {static_cast<std::uint64_t>(attribute.floats_size())};
      for (const float value : attribute.floats()) put(tensor, bits_of(finite(value, attribute.name())));
      break;
    case kind_int:
      tensor.type = ElementType::int64;
      put(tensor, static_cast<std::uint64_t>(attribute.i()));
      break;
    default:
      tensor.type = ElementType::int64;
      tensor.shape = {static_cast<std::uint64_t>(attribute.ints_size())};
      for (const std::int64_t value : attribute.ints()) put(tensor, static_cast<std::uint64_t>(value));
      break;
  }
  const std::optional<std::uint64_t> count = bounded_count(tensor.shape);
  if (!count || *count == 0)
    throw Unsupported{"Its constant is empty or has more than 2^28 entries; tensors without entries are not read."};
  return tensor;
}

template <typename Value>
void fill_in(std::map<std::string, Attribute>& attributes, const char* name, Value value) {
  attributes.emplace(name, Attribute(value));
}

// ------------------------------------------------------------------------------------------------------------------ shapes

Shape checked(Shape shape) {
  if (shape.size() > rank_cap) throw Unsupported{"Its result would have more than 16 dimensions, which is more than this reader takes."};
  if (!bounded_count(shape))
    throw Unsupported{"Its result of shape " + text_of(shape) +
                      " would have more than 2^28 entries, which is more than this reader takes."};
  return shape;
}

// numpy broadcasting of two shapes; nothing when they do not fit.
std::optional<Shape> broadcast(const Shape& a, const Shape& b) {
  const std::size_t rank = a.size() > b.size() ? a.size() : b.size();
  Shape result(rank);
  for (std::size_t k = 0; k < rank; ++k) {
    const std::uint64_t left = k < a.size() ? a[a.size() - 1 - k] : 1;
    const std::uint64_t right = k < b.size() ? b[b.size() - 1 - k] : 1;
    if (left != right && left != 1 && right != 1) return std::nullopt;
    result[rank - 1 - k] = left == 1 ? right : left;
  }
  return result;
}

std::int64_t integer(const std::map<std::string, Attribute>& attributes, const char* name) {
  return std::get<std::int64_t>(attributes.at(name));
}

bool flag(const std::map<std::string, Attribute>& attributes, const char* name) {
  const std::int64_t value = integer(attributes, name);
  if (value != 0 && value != 1)
    throw Unsupported{std::string("Its attribute '") + name + "' is " + std::to_string(value) + " where 0 or 1 is meant."};
  return value == 1;
}

void require_floating(const std::vector<Operand>& operands, std::size_t count) {
  for (std::size_t k = 0; k < count && k < operands.size(); ++k) {
    if (!operands[k].present) continue;
    if (!is_floating(operands[k].type))
      throw Unsupported{std::string("It computes with ") + name_of(operands[k].type) +
                        " numbers; only floating-point arithmetic is supported, integers serve as shapes alone."};
    if (operands[k].type != operands[0].type)
      throw Unsupported{std::string("It mixes ") + name_of(operands[0].type) + " and " + name_of(operands[k].type) +
                        "; ONNX wants one element type here: insert a Cast."};
  }
}

Shape matmul_shape(const Shape& left, const Shape& right) {
  const auto mismatch = [&] {
    return Unsupported{"Its operands of shapes " + text_of(left) + " and " + text_of(right) + " cannot be multiplied as matrices."};
  };
  if (left.empty() || right.empty()) throw mismatch();
  Shape a = left;
  Shape b = right;
  if (left.size() == 1) a.insert(a.begin(), 1);
  if (right.size() == 1) b.push_back(1);
  if (a.back() != b[b.size() - 2]) throw mismatch();
  const std::optional<Shape> batch = broadcast(Shape(a.begin(), a.end() - 2), Shape(b.begin(), b.end() - 2));
  if (!batch) throw mismatch();
  Shape result = *batch;
  if (left.size() > 1) result.push_back(a[a.size() - 2]);
  if (right.size() > 1) result.push_back(b.back());
  return result;
}

Shape gemm_shape(const std::map<std::string, Attribute>& attributes, const std::vector<Operand>& operands) {
  const Shape& a = operands[0].shape;
  const Shape& b = operands[1].shape;
  const bool transpose_a = flag(attributes, "transA");
  const bool transpose_b = flag(attributes, "transB");
  if (a.size() != 2 || b.size() != 2)
    throw Unsupported{"Gemm multiplies matrices, but its operands have the shapes " + text_of(a) + " and " + text_of(b) +
                      "; insert a Flatten or Reshape."};
  if ((transpose_a ? a[0] : a[1]) != (transpose_b ? b[1] : b[0]))
    throw Unsupported{"Its operands of shapes " + text_of(a) + " and " + text_of(b) + " do not fit together (transA " +
                      std::to_string(transpose_a ? 1 : 0) + ", transB " + std::to_string(transpose_b ? 1 : 0) + ")."};
  const Shape result = {transpose_a ? a[1] : a[0], transpose_b ? b[0] : b[1]};
  if (operands.size() > 2 && operands[2].present && broadcast(operands[2].shape, result) != result)
    throw Unsupported{"Its third operand of shape " + text_of(operands[2].shape) + " cannot be added to a result of shape " +
                      text_of(result) + "."};
  return result;
}

Shape flatten_shape(const std::map<std::string, Attribute>& attributes, std::uint64_t opset, const Shape& shape) {
  const auto rank = static_cast<std::int64_t>(shape.size());
  std::int64_t axis = integer(attributes, "axis");
  if (axis > rank || axis < (opset >= 11 ? -rank : 0))
    throw Unsupported{"Its axis " + std::to_string(axis) + " lies outside the dimensions of an operand of shape " + text_of(shape) + "."};
  if (axis < 0) axis += rank;
  Shape result = {1, 1};
  for (std::int64_t k = 0; k < rank; ++k) result[k < axis ? 0 : 1] *= shape[static_cast<std::size_t>(k)];
  return result;
}

Shape reshape_shape(const std::map<std::string, Attribute>& attributes, std::uint64_t opset, const Operand& data, const Operand& wanted) {
  const bool allow_zero = opset >= 14 && flag(attributes, "allowzero");
  if (wanted.type != ElementType::int64 || wanted.shape.size() != 1)
    throw Unsupported{"Its shape is not a list of INT64 numbers, as ONNX wants it."};
  if (wanted.known == nullptr)
    throw Unsupported{wanted.constant
                          ? "Its shape is computed in the graph; export the model with constants folded, so that the shape is written out."
                          : "Its shape depends on the input; export the model for a fixed input shape."};
  const std::uint64_t length = wanted.shape[0];
  if (length > rank_cap) throw Unsupported{"Its result would have more than 16 dimensions, which is more than this reader takes."};
  const std::uint64_t total = element_count(data.shape);
  Shape result;
  std::optional<std::size_t> open;
  for (std::uint64_t k = 0; k < length; ++k) {
    const std::int64_t entry = wanted.known->integer(k);
    if (entry == -1) {
      if (open) throw Unsupported{"Its shape leaves two dimensions open (-1)."};
      open = result.size();
      result.push_back(1);
    } else if (entry == 0) {
      if (allow_zero) throw Unsupported{"Its shape has a dimension 0 (allowzero), so that the result would hold nothing."};
      if (k >= data.shape.size())
        throw Unsupported{"Its shape copies a dimension (0) that an operand of shape " + text_of(data.shape) + " does not have."};
      result.push_back(data.shape[static_cast<std::size_t>(k)]);
    } else if (entry < -1) {
      throw Unsupported{"Its shape has the dimension " + std::to_string(entry) + "."};
    } else {
      result.push_back(static_cast<std::uint64_t>(entry));
    }
  }
  const std::optional<std::uint64_t> given = bounded_count(result);
  if (given && open && total % *given == 0) result[*open] = total / *given;
  if (!given || bounded_count(result) != total)
    throw Unsupported{"It cannot bring " + std::to_string(total) + " entries (shape " + text_of(data.shape) +
                      ") into the shape that it names; with a symbolic batch dimension, 1 is assumed."};
  return result;
}

void check_dropout(const std::vector<Operand>& operands) {
  if (operands.size() > 1 && operands[1].present) {
    const Operand& ratio = operands[1];
    if (!ratio.constant || !is_floating(ratio.type) || element_count(ratio.shape) != 1)
      throw Unsupported{"Its ratio is not one constant number."};
  }
  if (operands.size() > 2 && operands[2].present) {
    const Operand& mode = operands[2];
    if (mode.known == nullptr || mode.type != ElementType::boolean || element_count(mode.shape) != 1)
      throw Unsupported{"Its training_mode is not a constant written out in the file; export the model for inference."};
    if (mode.known->integer(0) != 0) throw Unsupported{"It is in training mode, where it is random; export the model for inference."};
  }
}

bool widens(ElementType from, ElementType to) {
  const bool half = from == ElementType::float16 || from == ElementType::bfloat16;
  return (half && (to == ElementType::float32 || to == ElementType::float64)) ||
         (from == ElementType::float32 && to == ElementType::float64);
}

ElementType cast_type(const std::map<std::string, Attribute>& attributes, ElementType from) {
  const std::int64_t to = integer(attributes, "to");
  if (to == static_cast<std::int64_t>(from)) return from;
  for (const ElementType type : {ElementType::float32, ElementType::float64})
    if (to == static_cast<std::int64_t>(type) && widens(from, type)) return type;
  throw Unsupported{std::string("It casts ") + name_of(from) + " to ONNX element type " + std::to_string(to) +
                    "; only casts to the same type or to a wider floating-point type keep every number as it is."};
}

// Fewest and most inputs.
std::pair<std::size_t, std::size_t> arity(Operator op, std::uint64_t opset) {
  switch (op) {
    case Operator::constant:
      return {0, 0};
    case Operator::add:
    case Operator::sub:
    case Operator::mul:
    case Operator::div:
    case Operator::matmul:
    case Operator::reshape:
      return {2, 2};
    case Operator::gemm:
      return {opset >= 11 ? 2U : 3U, 3};
    default:
      return {1, 1};
    case Operator::dropout:
      return {1, opset >= 12 ? 3U : 1U};
    case Operator::relu:
    case Operator::leaky_relu:
    case Operator::abs:
    case Operator::sigmoid:
    case Operator::tanh:
    case Operator::flatten:
    case Operator::identity:
    case Operator::cast:
      break;
  }
  return {1, 1};
}

}  // namespace

std::optional<Operator> find_operator(const std::string& op_type) {
  for (const Operator op : {Operator::add, Operator::sub, Operator::mul, Operator::div, Operator::gemm, Operator::matmul, Operator::relu,
                            Operator::leaky_relu, Operator::abs, Operator::sigmoid, Operator::tanh, Operator::flatten, Operator::reshape,
                            Operator::identity, Operator::dropout, Operator::cast, Operator::constant})
    if (op_type == name_of(op)) return op;
  return std::nullopt;
}

std::map<std::string, Attribute> read_attributes(const onnx::NodeProto& node, Operator op, std::uint64_t opset, TensorReader& tensors,
                                                 const std::string& label) {
  std::map<std::string, Attribute> attributes;
  for (const onnx::AttributeProto& attribute : node.attribute()) {
    const AttributeRule* rule = nullptr;
    for (const AttributeRule& candidate : attribute_rules)
      if (candidate.op == op && attribute.name() == candidate.name && opset >= candidate.since && opset <= candidate.until)
        rule = &candidate;
    if (rule == nullptr)
      throw Unsupported{"The attribute '" + attribute.name() + "' is not one that " + name_of(op) + " has in opset " +
                        std::to_string(opset) + " and that lipcert reads."};
    if (attribute.type() != rule->kind)
      throw Unsupported{"The attribute '" + attribute.name() + "' is not " + kind_name(rule->kind) + ", as ONNX wants it."};
    if (op == Operator::constant) {
      if (!attributes.empty()) throw Unsupported{"It gives its constant twice, as '" + attribute.name() + "' and otherwise."};
      attributes.emplace("value", constant_value(attribute, tensors, label));
    } else if (rule->written) {
      if (rule->kind == kind_float) {
        attributes.emplace(rule->name, finite(attribute.f(), rule->name));
      } else {
        attributes.emplace(rule->name, static_cast<std::int64_t>(attribute.i()));
      }
    }
  }
  switch (op) {
    case Operator::gemm:
      fill_in(attributes, "alpha", 1.0F);
      fill_in(attributes, "beta", 1.0F);
      fill_in(attributes, "transA", std::int64_t{0});
      fill_in(attributes, "transB", std::int64_t{0});
      break;
    case Operator::leaky_relu:
      fill_in(attributes, "alpha", 0.01F);
      break;
    case Operator::flatten:
      fill_in(attributes, "axis", std::int64_t{1});
      break;
    case Operator::reshape:
      if (opset >= 14) fill_in(attributes, "allowzero", std::int64_t{0});
      break;
    case Operator::dropout:
      if (opset < 12) fill_in(attributes, "ratio", 0.5F);
      break;
    case Operator::cast:
      if (attributes.empty()) throw Unsupported{"It does not say what to cast to (attribute 'to')."};
      break;
    case Operator::constant:
      if (attributes.empty()) throw Unsupported{"It has no constant (attribute 'value')."};
      break;
    case Operator::add:
    case Operator::sub:
    case Operator::mul:
    case Operator::div:
    case Operator::matmul:
    case Operator::relu:
    case Operator::abs:
    case Operator::sigmoid:
    case Operator::tanh:
    case Operator::identity:
    default:
      break;
  }
  return attributes;
}

std::vector<Result> infer(Operator op, std::uint64_t opset, const std::map<std::string, Attribute>& attributes,
                          const std::vector<Operand>& operands, std::size_t outputs) {
  const auto [fewest, most] = arity(op, opset);
  bool complete = operands.size() >= fewest && operands.size() <= most;
  for (std::size_t k = 0; k < fewest && complete; ++k) complete = operands[k].present;
  if (!complete)
    throw Unsupported{std::string(name_of(op)) + " in opset " + std::to_string(opset) + " takes " + std::to_string(fewest) +
                      (most == fewest ? std::string() : " to " + std::to_string(most)) + " inputs, and this node has " +
                      std::to_string(operands.size()) + " or leaves one out."};
  const std::size_t most_outputs = op == Operator::dropout ? 2 : 1;
  if (outputs < 1 || outputs > most_outputs)
    throw Unsupported{std::string(name_of(op)) + " does not have " + std::to_string(outputs) + " outputs."};

  Result result;
  if (!operands.empty()) result = {operands[0].type, operands[0].shape};
  switch (op) {
    case Operator::add:
    case Operator::sub:
    case Operator::mul:
    case Operator::div: {
      require_floating(operands, 2);
      const std::optional<Shape> shape = broadcast(operands[0].shape, operands[1].shape);
      if (!shape)
        throw Unsupported{"Its operands of shapes " + text_of(operands[0].shape) + " and " + text_of(operands[1].shape) +
                          " do not broadcast to one shape."};
      result.shape = *shape;
      break;
    }
    case Operator::matmul:
      require_floating(operands, 2);
      result.shape = matmul_shape(operands[0].shape, operands[1].shape);
      break;
    case Operator::gemm:
      require_floating(operands, 3);
      result.shape = gemm_shape(attributes, operands);
      break;
    case Operator::relu:
    case Operator::leaky_relu:
    case Operator::abs:
    case Operator::sigmoid:
    case Operator::tanh:
      require_floating(operands, 1);
      break;
    case Operator::dropout:
      require_floating(operands, 1);
      check_dropout(operands);
      break;
    case Operator::flatten:
      result.shape = flatten_shape(attributes, opset, operands[0].shape);
      break;
    case Operator::reshape:
      result.shape = reshape_shape(attributes, opset, operands[0], operands[1]);
      break;
    case Operator::cast:
      result.type = cast_type(attributes, operands[0].type);
      break;
    case Operator::constant: {
      const Tensor& value = std::get<Tensor>(attributes.at("value"));
      result = {value.type, value.shape};
      break;
    }
    case Operator::identity:
      break;
    default:
      throw Unsupported{"It is not read by this version."};
  }
  result.shape = checked(std::move(result.shape));
  std::vector<Result> results = {result};
  // Dropout's mask: of the data's type until opset 9, BOOL afterwards.
  if (outputs == 2) results.push_back({opset >= 10 ? ElementType::boolean : result.type, result.shape});
  return results;
}

}  // namespace lipcert
