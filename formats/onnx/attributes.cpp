// Attributes of ONNX nodes, default domain, opsets 8 to 20: which an operator has in which opset, of which kind, and what holds when they
// are left out (formats/SPEC.md, section 7). Written from the operator specification ("Operator Changelog").
#include <bit>
#include <cmath>
#include <limits>
#include <utility>
#include <variant>

#include "formats/encoding/error.hpp"
#include "formats/operators/node_view.hpp"
#include "onnx.pb.h"

namespace lipcert {

namespace {

// AttributeProto.AttributeType
constexpr std::int32_t kind_float = 1;
constexpr std::int32_t kind_int = 2;
constexpr std::int32_t kind_string = 3;
constexpr std::int32_t kind_tensor = 4;
constexpr std::int32_t kind_floats = 6;
constexpr std::int32_t kind_ints = 7;

const char* kind_name(std::int32_t kind) {
  switch (kind) {
    case kind_float:
      return "a number";
    case kind_int:
      return "an integer";
    case kind_string:
      return "a text";
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

struct Required {};
struct FromShapes {};  // filled in later, by fill_in_from_shapes, or meaningless when it is absent
struct NotWritten {};  // read and left out of the digest
using Default = std::variant<Required, FromShapes, NotWritten, float, std::int64_t, const char*>;

struct AttributeRule {
  Operator op;
  const char* name;
  std::int32_t kind;
  Default otherwise;
  std::uint64_t since = 0;  // opsets in which the attribute exists
  std::uint64_t until = 20;
};

constexpr std::int64_t zero = 0;
constexpr std::int64_t one = 1;

// clang-format off
constexpr AttributeRule attribute_rules[] = {
    {Operator::gemm, "alpha", kind_float, 1.0F},
    {Operator::gemm, "beta", kind_float, 1.0F},
    {Operator::gemm, "transA", kind_int, zero},
    {Operator::gemm, "transB", kind_int, zero},
    {Operator::conv, "auto_pad", kind_string, "NOTSET"},
    {Operator::conv, "dilations", kind_ints, FromShapes{}},
    {Operator::conv, "group", kind_int, one},
    {Operator::conv, "kernel_shape", kind_ints, FromShapes{}},
    {Operator::conv, "pads", kind_ints, FromShapes{}},
    {Operator::conv, "strides", kind_ints, FromShapes{}},
    {Operator::conv_transpose, "auto_pad", kind_string, "NOTSET"},
    {Operator::conv_transpose, "dilations", kind_ints, FromShapes{}},
    {Operator::conv_transpose, "group", kind_int, one},
    {Operator::conv_transpose, "kernel_shape", kind_ints, FromShapes{}},
    {Operator::conv_transpose, "output_padding", kind_ints, FromShapes{}},
    {Operator::conv_transpose, "pads", kind_ints, FromShapes{}},
    {Operator::conv_transpose, "strides", kind_ints, FromShapes{}},
    {Operator::max_pool, "auto_pad", kind_string, "NOTSET"},
    {Operator::max_pool, "ceil_mode", kind_int, zero, 10},
    {Operator::max_pool, "dilations", kind_ints, FromShapes{}, 10},
    {Operator::max_pool, "kernel_shape", kind_ints, Required{}},
    {Operator::max_pool, "pads", kind_ints, FromShapes{}},
    {Operator::max_pool, "storage_order", kind_int, zero},
    {Operator::max_pool, "strides", kind_ints, FromShapes{}},
    {Operator::average_pool, "auto_pad", kind_string, "NOTSET"},
    {Operator::average_pool, "ceil_mode", kind_int, zero, 10},
    {Operator::average_pool, "count_include_pad", kind_int, zero},
    {Operator::average_pool, "dilations", kind_ints, FromShapes{}, 19},
    {Operator::average_pool, "kernel_shape", kind_ints, Required{}},
    {Operator::average_pool, "pads", kind_ints, FromShapes{}},
    {Operator::average_pool, "strides", kind_ints, FromShapes{}},
    {Operator::batch_normalization, "epsilon", kind_float, 1e-5F},
    {Operator::batch_normalization, "momentum", kind_float, 0.9F},
    {Operator::batch_normalization, "spatial", kind_int, one, 0, 8},
    {Operator::batch_normalization, "training_mode", kind_int, zero, 14},
    {Operator::leaky_relu, "alpha", kind_float, 0.01F},
    {Operator::elu, "alpha", kind_float, 1.0F},
    {Operator::selu, "alpha", kind_float, 1.67326319217681884765625F},
    {Operator::selu, "gamma", kind_float, 1.05070102214813232421875F},
    {Operator::hard_sigmoid, "alpha", kind_float, 0.2F},
    {Operator::hard_sigmoid, "beta", kind_float, 0.5F},
    {Operator::gelu, "approximate", kind_string, "none", 20},
    {Operator::clip, "max", kind_float, std::numeric_limits<float>::max(), 0, 10},
    {Operator::clip, "min", kind_float, std::numeric_limits<float>::lowest(), 0, 10},
    {Operator::softmax, "axis", kind_int, one, 0, 12},
    {Operator::softmax, "axis", kind_int, std::int64_t{-1}, 13},
    {Operator::flatten, "axis", kind_int, one},
    {Operator::reshape, "allowzero", kind_int, zero, 14},
    {Operator::transpose, "perm", kind_ints, FromShapes{}},
    {Operator::squeeze, "axes", kind_ints, FromShapes{}, 0, 12},
    {Operator::unsqueeze, "axes", kind_ints, Required{}, 0, 12},
    {Operator::concat, "axis", kind_int, Required{}},
    {Operator::split, "axis", kind_int, zero},
    {Operator::split, "num_outputs", kind_int, zero, 18},
    {Operator::split, "split", kind_ints, FromShapes{}, 0, 12},
    {Operator::slice, "axes", kind_ints, FromShapes{}, 0, 9},
    {Operator::slice, "ends", kind_ints, Required{}, 0, 9},
    {Operator::slice, "starts", kind_ints, Required{}, 0, 9},
    {Operator::gather, "axis", kind_int, zero},
    {Operator::pad, "mode", kind_string, "constant"},
    {Operator::pad, "pads", kind_ints, Required{}, 0, 10},
    {Operator::pad, "value", kind_float, 0.0F, 0, 10},
    {Operator::depth_to_space, "blocksize", kind_int, Required{}},
    {Operator::depth_to_space, "mode", kind_string, "DCR", 11},
    {Operator::space_to_depth, "blocksize", kind_int, Required{}},
    {Operator::reduce_mean, "axes", kind_ints, FromShapes{}, 0, 17},
    {Operator::reduce_mean, "keepdims", kind_int, one},
    {Operator::reduce_mean, "noop_with_empty_axes", kind_int, zero, 18},
    {Operator::reduce_max, "axes", kind_ints, FromShapes{}, 0, 17},
    {Operator::reduce_max, "keepdims", kind_int, one},
    {Operator::reduce_max, "noop_with_empty_axes", kind_int, zero, 18},
    {Operator::reduce_min, "axes", kind_ints, FromShapes{}, 0, 17},
    {Operator::reduce_min, "keepdims", kind_int, one},
    {Operator::reduce_min, "noop_with_empty_axes", kind_int, zero, 18},
    {Operator::reduce_l2, "axes", kind_ints, FromShapes{}, 0, 17},
    {Operator::reduce_l2, "keepdims", kind_int, one},
    {Operator::reduce_l2, "noop_with_empty_axes", kind_int, zero, 18},
    {Operator::reduce_sum, "axes", kind_ints, FromShapes{}, 0, 12},
    {Operator::reduce_sum, "keepdims", kind_int, one},
    {Operator::reduce_sum, "noop_with_empty_axes", kind_int, zero, 13},
    {Operator::top_k, "axis", kind_int, std::int64_t{-1}},
    {Operator::top_k, "k", kind_int, Required{}, 0, 9},
    {Operator::top_k, "largest", kind_int, one, 11},
    {Operator::top_k, "sorted", kind_int, one, 11},
    {Operator::shape, "end", kind_int, FromShapes{}, 15},
    {Operator::shape, "start", kind_int, zero, 15},
    {Operator::constant_of_shape, "value", kind_tensor, FromShapes{}},
    {Operator::cast, "saturate", kind_int, one, 19},
    {Operator::cast, "to", kind_int, Required{}},
    {Operator::dropout, "ratio", kind_float, 0.5F, 0, 11},
    {Operator::dropout, "seed", kind_int, NotWritten{}, 12},
    {Operator::constant, "value", kind_tensor, FromShapes{}},
    {Operator::constant, "value_float", kind_float, FromShapes{}, 12},
    {Operator::constant, "value_floats", kind_floats, FromShapes{}, 12},
    {Operator::constant, "value_int", kind_int, FromShapes{}, 12},
    {Operator::constant, "value_ints", kind_ints, FromShapes{}, 12},
};
// clang-format on

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

const AttributeRule* find_rule(Operator op, const std::string& name, std::uint64_t opset) {
  for (const AttributeRule& candidate : attribute_rules)
    if (candidate.op == op && name == candidate.name && opset >= candidate.since && opset <= candidate.until) return &candidate;
  return nullptr;
}

Attribute value_of(const onnx::AttributeProto& attribute, std::int32_t kind, TensorReader& tensors, const std::string& label) {
  if (kind == kind_float) return finite(attribute.f(), attribute.name());
  if (kind == kind_int) return static_cast<std::int64_t>(attribute.i());
  if (kind == kind_string) return attribute.s();
  if (kind == kind_tensor) return constant_value(attribute, tensors, label);
  return std::vector<std::int64_t>(attribute.ints().begin(), attribute.ints().end());
}

}  // namespace

void put(Tensor& tensor, std::uint64_t word) {
  for (std::size_t k = 0; k < byte_size(tensor.type); ++k) tensor.bits.push_back(static_cast<unsigned char>(word >> (8 * k)));
}

Attributes read_attributes(const onnx::NodeProto& node, Operator op, std::uint64_t opset, TensorReader& tensors, const std::string& label) {
  Attributes attributes;
  for (const onnx::AttributeProto& attribute : node.attribute()) {
    const AttributeRule* rule = find_rule(op, attribute.name(), opset);
    if (rule == nullptr)
      throw Unsupported{"The attribute '" + attribute.name() + "' is not one that " + name_of(op) + " has in opset " +
                        std::to_string(opset) + " and that lipcert reads."};
    if (attribute.type() != rule->kind)
      throw Unsupported{"The attribute '" + attribute.name() + "' is not " + kind_name(rule->kind) + ", as ONNX wants it."};
    if (op == Operator::constant) {
      if (!attributes.empty()) throw Unsupported{"It gives its constant twice, as '" + attribute.name() + "' and otherwise."};
      attributes.emplace("value", constant_value(attribute, tensors, label));
      continue;
    }
    Attribute value = value_of(attribute, rule->kind, tensors, label);
    if (!std::holds_alternative<NotWritten>(rule->otherwise)) attributes.emplace(rule->name, std::move(value));
  }
  for (const AttributeRule& rule : attribute_rules) {
    if (rule.op != op || opset < rule.since || opset > rule.until || attributes.count(rule.name) != 0) continue;
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
  if (op == Operator::squeeze && attributes.count("axes") != 0 && std::get<std::vector<std::int64_t>>(attributes.at("axes")).empty())
    throw Unsupported{"Its attribute 'axes' is an empty list; readers disagree on what that removes: leave it out, or name the axes."};
  return attributes;
}

void fill_in_from_shapes(Attributes& attributes, Operator op, std::uint64_t opset, const std::vector<Operand>& operands,
                         std::size_t outputs) {
  if (operands.empty()) return;
  using Integers = std::vector<std::int64_t>;
  const Shape& shape = operands[0].shape;
  const std::size_t spatial = shape.size() > 2 ? shape.size() - 2 : 0;
  const auto fill_in = [&](const char* name, const Integers& list) {
    if (find_rule(op, name, opset) != nullptr) attributes.emplace(name, list);
  };
  const auto counting = [](std::size_t count) {
    Integers list(count);
    for (std::size_t k = 0; k < count; ++k) list[k] = static_cast<std::int64_t>(k);
    return list;
  };
  switch (op) {
    case Operator::conv:
    case Operator::conv_transpose: {
      Integers kernel;
      for (std::size_t k = 2; k < operands[1].shape.size(); ++k) kernel.push_back(static_cast<std::int64_t>(operands[1].shape[k]));
      fill_in("kernel_shape", kernel);
      fill_in("output_padding", Integers(spatial, 0));
      [[fallthrough]];
    }
    case Operator::max_pool:
    case Operator::average_pool:
      fill_in("dilations", Integers(spatial, 1));
      fill_in("pads", Integers(2 * spatial, 0));
      fill_in("strides", Integers(spatial, 1));
      break;
    case Operator::transpose: {
      const Integers axes = counting(shape.size());
      fill_in("perm", Integers(axes.rbegin(), axes.rend()));
      break;
    }
    case Operator::squeeze: {
      Integers axes;
      for (std::size_t k = 0; k < shape.size(); ++k)
        if (shape[k] == 1) axes.push_back(static_cast<std::int64_t>(k));
      fill_in("axes", axes);
      break;
    }
    case Operator::reduce_mean:
    case Operator::reduce_sum:
    case Operator::reduce_max:
    case Operator::reduce_min:
    case Operator::reduce_l2:
      fill_in("axes", counting(shape.size()));
      break;
    case Operator::slice:
      if (attributes.count("starts") != 0) fill_in("axes", counting(std::get<Integers>(attributes.at("starts")).size()));
      break;
    case Operator::split: {
      // Unequal parts, or an axis that is not there, are refused later, when the lengths are asked for.
      std::int64_t axis = std::get<std::int64_t>(attributes.at("axis"));
      if (axis < 0) axis += static_cast<std::int64_t>(shape.size());
      if (axis < 0 || axis >= static_cast<std::int64_t>(shape.size())) break;
      const std::uint64_t length = shape[static_cast<std::size_t>(axis)];
      if (length % outputs == 0) fill_in("split", Integers(outputs, static_cast<std::int64_t>(length / outputs)));
      break;
    }
    case Operator::shape:
      if (find_rule(op, "end", opset) != nullptr) attributes.emplace("end", static_cast<std::int64_t>(shape.size()));
      break;
    default:  // nothing depends on shapes
      break;
  }
}

}  // namespace lipcert
