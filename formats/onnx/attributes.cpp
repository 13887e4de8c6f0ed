// Attributes of ONNX nodes, read along the rows of formats/network/operators.cpp: an attribute without a row is refused, and what is left
// out is filled in, as far as it depends on nothing else (formats/SPEC.md, section 7).
#include "formats/onnx/attributes.hpp"

#include <bit>
#include <cmath>
#include <utility>
#include <variant>

#include "formats/network/operators.hpp"
#include "onnx.pb.h"

namespace lipcert {

namespace {

const char* kind_name(AttributeKind kind) {
  switch (kind) {
    case AttributeKind::real:
      return "a number";
    case AttributeKind::integer:
      return "an integer";
    case AttributeKind::text:
      return "a text";
    case AttributeKind::tensor:
      return "a tensor";
    case AttributeKind::reals:
      return "a list of numbers";
    case AttributeKind::integers:
      return "a list of integers";
  }
  return "of another kind";
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
  switch (static_cast<AttributeKind>(attribute.type())) {
    case AttributeKind::tensor: {
      bool typed = false;
      tensors.read(attribute.t(), label, tensor, typed);
      break;
    }
    case AttributeKind::real:
      tensor.type = ElementType::float32;
      put(tensor, bits_of(finite(attribute.f(), attribute.name())));
      break;
    case AttributeKind::reals:
      tensor.type = ElementType::float32;
      tensor.shape = {static_cast<std::uint64_t>(attribute.floats_size())};
      for (const float value : attribute.floats()) put(tensor, bits_of(finite(value, attribute.name())));
      break;
    case AttributeKind::integer:
      tensor.type = ElementType::int64;
      put(tensor, static_cast<std::uint64_t>(attribute.i()));
      break;
    default:
      tensor.type = ElementType::int64;
      tensor.shape = {static_cast<std::uint64_t>(attribute.ints_size())};
      for (const std::int64_t value : attribute.ints()) put(tensor, static_cast<std::uint64_t>(value));
      break;
  }
  if (!bounded_count(tensor.shape)) throw Unsupported{"Its constant has more than 2^28 entries, which is more than this reader takes."};
  return tensor;
}

Attribute value_of(const onnx::AttributeProto& attribute, AttributeKind kind, TensorReader& tensors, const std::string& label) {
  if (kind == AttributeKind::real) return finite(attribute.f(), attribute.name());
  if (kind == AttributeKind::integer) return static_cast<std::int64_t>(attribute.i());
  if (kind == AttributeKind::text) return attribute.s();
  if (kind == AttributeKind::tensor || kind == AttributeKind::reals) return constant_value(attribute, tensors, label);
  return std::vector<std::int64_t>(attribute.ints().begin(), attribute.ints().end());
}

}  // namespace

Attributes read_attributes(const onnx::NodeProto& node, Operator op, std::uint64_t opset, TensorReader& tensors, const std::string& label) {
  const OperatorRow& row = row_of(op);
  Attributes attributes;
  for (const onnx::AttributeProto& attribute : node.attribute()) {
    const AttributeRow* rule = row.attribute(attribute.name(), opset);
    if (rule == nullptr)
      throw Unsupported{"The attribute '" + attribute.name() + "' is not one that " + name_of(op) + " has in opset " +
                        std::to_string(opset) + " and that lipcert reads."};
    if (static_cast<AttributeKind>(attribute.type()) != rule->kind)
      throw Unsupported{"The attribute '" + attribute.name() + "' is not " + kind_name(rule->kind) + ", as ONNX wants it."};
    if (op == Operator::constant) {
      if (!attributes.empty()) throw Unsupported{"It gives its constant twice, as '" + attribute.name() + "' and otherwise."};
      attributes.emplace("value", constant_value(attribute, tensors, label));
      continue;
    }
    Attribute value = value_of(attribute, rule->kind, tensors, label);
    if (!std::holds_alternative<NotWritten>(rule->otherwise)) attributes.emplace(rule->name, std::move(value));
  }
  for (const AttributeRow& rule : row.attributes) {
    if (rule.name == nullptr || !rule.in(opset) || attributes.count(rule.name) != 0) continue;
    if (std::holds_alternative<Required>(rule.otherwise))
      throw Unsupported{std::string("It lacks the attribute '") + rule.name + "', which " + name_of(op) + " must have in opset " +
                        std::to_string(opset) + "."};
    if (const auto* real = std::get_if<float>(&rule.otherwise)) attributes.emplace(rule.name, *real);
    if (const auto* integer = std::get_if<std::int64_t>(&rule.otherwise)) attributes.emplace(rule.name, *integer);
    if (const auto* text = std::get_if<const char*>(&rule.otherwise)) attributes.emplace(rule.name, std::string(*text));
  }
  if (op == Operator::constant && attributes.empty()) throw Unsupported{"It has no constant (attribute 'value')."};
  if (op == Operator::constant_of_shape) {
    Tensor nothing;
    nothing.shape = {1};
    put(nothing, 0);
    attributes.emplace("value", std::move(nothing));
  }
  // All axes of length 1, says one reader; none, says another.
  if (op == Operator::squeeze && attributes.count("axes") != 0 && std::get<Integers>(attributes.at("axes")).empty())
    throw Unsupported{"Its attribute 'axes' is an empty list; readers disagree on what that removes: leave it out, or name the axes."};
  return attributes;
}

void check_content(const onnx::AttributeProto& attribute, TensorReader& tensors, const std::string& label) {
  const std::int32_t kind = attribute.type();
  if (kind < 1 || kind > 7 || kind == 5)  // 5 is a graph; the kinds of AttributeKind are the others
    throw Unsupported{"The attribute '" + attribute.name() + "' is of a kind that no operator has that lipcert reads."};
  static_cast<void>(finite(attribute.f(), attribute.name()));
  for (const float value : attribute.floats()) static_cast<void>(finite(value, attribute.name()));
  if (kind != static_cast<std::int32_t>(AttributeKind::tensor)) return;
  Tensor tensor;
  bool typed = false;
  tensors.read(attribute.t(), label, tensor, typed);
}

}  // namespace lipcert
