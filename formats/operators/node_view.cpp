// What the rules of single operators have in common (formats/operators/node_view.hpp).
#include "formats/operators/node_view.hpp"

#include "formats/encoding/error.hpp"
#include "formats/network/operators.hpp"

namespace lipcert {

void defect(const std::string& sentence) {
  throw Error(ExitCode::internal, sentence);
}

bool has_attribute(const NodeView& node, const char* attribute) {
  return node.attributes.count(attribute) != 0;
}

std::int64_t integer_of(const NodeView& node, const char* attribute) {
  return std::get<std::int64_t>(node.attributes.at(attribute));
}

const std::string& text_attribute(const NodeView& node, const char* attribute) {
  return std::get<std::string>(node.attributes.at(attribute));
}

const Integers& integers_attribute(const NodeView& node, const char* attribute) {
  const auto found = node.attributes.find(attribute);
  if (found == node.attributes.end() || !std::holds_alternative<Integers>(found->second))
    defect(std::string("A node of ") + name_of(node.op) + " has no attribute " + attribute + " of integers.");
  return std::get<Integers>(found->second);
}

bool flag_of(const NodeView& node, const char* attribute) {
  const std::int64_t value = integer_of(node, attribute);
  if (value != 0 && value != 1)
    throw Unsupported{std::string("Its attribute '") + attribute + "' is " + std::to_string(value) + " where 0 or 1 is meant."};
  return value == 1;
}

void fill_in(Attributes& attributes, const NodeView& node, const char* attribute, const Integers& list) {
  if (row_of(node.op).attribute(attribute, node.opset) != nullptr) attributes.emplace(attribute, list);
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

void require_single_constant(const Operand& operand, bool right_type, const char* what) {
  if (!operand.constant || !right_type || element_count(operand.shape) != 1)
    throw Unsupported{std::string("Its ") + what + " is not one constant number of the type that ONNX wants there."};
}

Integers known_list(const NodeView& node, std::size_t input, const char* what, bool allow_int32) {
  const Operand& operand = node.operands[input];
  const bool typed = operand.type == ElementType::int64 || (allow_int32 && operand.type == ElementType::int32);
  if (!typed || operand.shape.size() != 1) throw Unsupported{std::string("Its ") + what + " is not a list of integers, as ONNX wants it."};
  if (operand.known == nullptr)
    throw Unsupported{std::string("Its ") + what +
                      " cannot be computed from constants and shapes alone; export the model for a fixed input shape."};
  Integers list(static_cast<std::size_t>(operand.shape[0]));
  for (std::size_t k = 0; k < list.size(); ++k) list[k] = operand.known->integer(k);
  return list;
}

std::optional<std::uint64_t> bounded_count(const Shape& shape) {
  std::uint64_t count = 1;
  for (const std::uint64_t dimension : shape) {
    if (dimension > element_cap) return std::nullopt;
    count *= dimension;  // both factors are at most 2^28
    if (count > element_cap) return std::nullopt;
  }
  return count;
}

std::string text_of(const Shape& shape) {
  if (shape.empty()) return "scalar";
  std::string text;
  for (const std::uint64_t dimension : shape) text += (text.empty() ? "" : "x") + std::to_string(dimension);
  return text;
}

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

std::uint64_t resolve_axis(std::int64_t axis, std::size_t rank, bool allow_negative, const Shape& shape) {
  const auto r = static_cast<std::int64_t>(rank);
  if (axis >= r || axis < (allow_negative ? -r : 0))
    throw Unsupported{"Its axis " + std::to_string(axis) + " lies outside the dimensions of an operand of shape " + text_of(shape) + "."};
  return static_cast<std::uint64_t>(axis < 0 ? axis + r : axis);
}

std::vector<std::uint64_t> resolve_axes(const Integers& axes, std::size_t rank, bool allow_negative, const Shape& shape) {
  std::vector<std::uint64_t> result;
  std::vector<bool> seen(rank, false);
  for (const std::int64_t axis : axes) {
    const std::uint64_t k = resolve_axis(axis, rank, allow_negative, shape);
    if (seen[static_cast<std::size_t>(k)]) throw Unsupported{"Its axis " + std::to_string(axis) + " is named twice."};
    seen[static_cast<std::size_t>(k)] = true;
    result.push_back(k);
  }
  return result;
}

std::vector<std::uint64_t> all_axes(std::size_t rank) {
  std::vector<std::uint64_t> axes(rank);
  for (std::size_t k = 0; k < rank; ++k) axes[k] = k;
  return axes;
}

Integers counting(std::size_t count) {
  Integers list(count);
  for (std::size_t k = 0; k < count; ++k) list[k] = static_cast<std::int64_t>(k);
  return list;
}

void put(Tensor& tensor, std::uint64_t word) {
  for (std::size_t k = 0; k < byte_size(tensor.type); ++k) tensor.bits.push_back(static_cast<unsigned char>(word >> (8 * k)));
}

}  // namespace lipcert
