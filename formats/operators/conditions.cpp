// What is done to constants alone, entry by entry: comparisons, logic, choices, and weights that are stored as small integers
// (formats/onnx.md, section 5). Integers and booleans that follow from known ones are computed in known_values.cpp.
#include <algorithm>

#include "formats/operators/rules.hpp"

namespace lipcert {

namespace {

void require_constants(const NodeView& node, const char* remedy) {
  for (const Operand& operand : node.operands)
    if (operand.present && !operand.constant)
      throw Unsupported{std::string("It depends on the model's input, where its result jumps; ") + remedy};
}

void require_known(const Operand& operand, bool right_type, const char* what) {
  if (!right_type) throw Unsupported{std::string("Its ") + what + " is of type " + name_of(operand.type) + ", which is not read here."};
  if (operand.known == nullptr)
    throw Unsupported{std::string("Its ") + what +
                      " does not follow from constants and shapes alone; export the model with constants folded."};
}

bool is_whole(ElementType type) {
  return type == ElementType::int64 || type == ElementType::int32;
}

/// Two operands of one type: real numbers, or others that are known.
void check_pair(const Operand& a, const Operand& b, bool booleans) {
  if (a.type != b.type)
    throw Unsupported{std::string("It takes a ") + name_of(a.type) + " and a " + name_of(b.type) +
                      " tensor; ONNX wants one element type here: insert a Cast."};
  if (is_floating(a.type)) return;
  for (const Operand* operand : {&a, &b})
    require_known(*operand, is_whole(a.type) || (booleans && a.type == ElementType::boolean), "operand");
}

void require_boolean(const Operand& operand) {
  if (operand.type != ElementType::boolean)
    throw Unsupported{std::string("Its operand is of type ") + name_of(operand.type) + ", not BOOL."};
}

Shape broadcast_all(const NodeView& node) {
  Shape shape = node.operands[0].shape;
  for (const Operand& operand : node.operands) {
    const std::optional<Shape> next = broadcast(shape, operand.shape);
    if (!next)
      throw Unsupported{"Its operands of shapes " + text_of(shape) + " and " + text_of(operand.shape) + " do not broadcast to one shape."};
    shape = *next;
  }
  return shape;
}

Result dequantised(const NodeView& node) {
  const Operand& x = node.operands[0];
  const Operand& scale = node.operands[1];
  if (!x.constant)
    throw Unsupported{
        "It computes with quantised data, whose rounding has jumps; certify the model before quantisation (in PyTorch: before "
        "torch.ao.quantization.convert)."};
  require_known(x, x.type == ElementType::int8 || x.type == ElementType::uint8 || x.type == ElementType::int32, "first input");
  if (!scale.constant || !is_floating(scale.type) || (node.opset < 19 && scale.type != ElementType::float32))
    throw Unsupported{"Its scale is not a constant of type FLOAT (from opset 19 on: of a floating-point type)."};
  if (element_count(scale.shape) != 1) {
    const bool vector = node.opset >= 13 && scale.shape.size() == 1;
    const std::uint64_t axis = vector ? resolve_axis(integer_of(node, "axis"), x.shape.size(), true, x.shape) : 0;
    if (!vector || scale.shape[0] != x.shape[static_cast<std::size_t>(axis)])
      throw Unsupported{"Its scale of shape " + text_of(scale.shape) +
                        " is neither one number nor, from opset 13 on, one for each place along its axis."};
  }
  if (node.has(2)) {
    require_known(node.operands[2], node.operands[2].type == x.type, "zero point");
    if (node.operands[2].shape != scale.shape) throw Unsupported{"Its zero point has another shape than its scale."};
  }
  return {scale.type, x.shape};
}

}  // namespace

std::vector<Result> infer_condition(const NodeView& node) {
  const std::vector<Operand>& operands = node.operands;
  switch (node.op) {
    case Operator::dequantize_linear:
      return {dequantised(node)};
    case Operator::where:
      require_constants(node, "write the layer without torch.where and masks, with relu, max, min or clamp.");
      require_boolean(operands[0]);
      check_pair(operands[1], operands[2], false);
      if (!is_floating(operands[1].type)) require_known(operands[0], true, "condition");
      return {{operands[1].type, broadcast_all(node)}};
    case Operator::logical_not:
    case Operator::logical_and:
    case Operator::logical_or:
      require_constants(node, "export the network without comparisons of data.");
      for (const Operand& operand : operands) require_boolean(operand);
      return {{ElementType::boolean, broadcast_all(node)}};
    default:
      require_constants(node,
                        "export the network without comparisons of data: relu, max, min and clamp do not need them, and MaxMin or "
                        "GroupSort stands in for Householder.");
      check_pair(operands[0], operands[1], node.op == Operator::equal);
      return {{ElementType::boolean, broadcast_all(node)}};
  }
}

}  // namespace lipcert
