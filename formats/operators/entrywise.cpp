// Entry by entry: sums, products and maxima of several tensors, activations, functions of weights, and BatchNormalization, which is an
// affine map of every entry (formats/onnx.md, section 5).
#include "formats/operators/rules.hpp"

namespace lipcert {

namespace {

Shape broadcast_all(const std::vector<Operand>& operands) {
  Shape result = operands[0].shape;
  for (std::size_t k = 1; k < operands.size(); ++k) {
    const std::optional<Shape> shape = broadcast(result, operands[k].shape);
    if (!shape)
      throw Unsupported{"Its operands of shapes " + text_of(result) + " and " + text_of(operands[k].shape) +
                        " do not broadcast to one shape."};
    result = *shape;
  }
  return result;
}

// Add, Sub, Mul, Div: real numbers, or integers that are known.
void check_arithmetic(const NodeView& node) {
  const Operand& a = node.operands[0];
  const Operand& b = node.operands[1];
  if (a.type != b.type || (a.type != ElementType::int64 && a.type != ElementType::int32)) {
    require_floating(node.operands, 2);
  } else if (a.known == nullptr || b.known == nullptr) {
    throw Unsupported{std::string("It computes with ") + name_of(a.type) +
                      " numbers that do not follow from constants and shapes alone; export the model for a fixed input shape."};
  }
}

void check_clip(const NodeView& node) {
  require_floating(node.operands, 3);
  for (std::size_t k = 1; k < node.operands.size(); ++k)
    if (node.has(k) && (!node.operands[k].constant || !node.operands[k].shape.empty()))
      throw Unsupported{"Its limits are not constant scalars."};
  if (node.opset < 11 && std::get<float>(node.attributes.at("min")) > std::get<float>(node.attributes.at("max")))
    throw Unsupported{"Its attribute 'min' is above 'max', which runtimes refuse before opset 11 (ONNX Runtime)."};
}

void check_prelu(const NodeView& node) {
  const std::vector<Operand>& operands = node.operands;
  require_floating(operands, 2);
  if (!operands[1].constant) throw Unsupported{"Its slope depends on the input; only constant slopes are read."};
  if (broadcast(operands[0].shape, operands[1].shape) != operands[0].shape)
    throw Unsupported{"Its slope of shape " + text_of(operands[1].shape) + " does not broadcast to data of shape " +
                      text_of(operands[0].shape) + "."};
}

}  // namespace

std::vector<Result> infer_broadcast(const NodeView& node) {
  if (node.op == Operator::max || node.op == Operator::min) {
    require_floating(node.operands, node.operands.size());
  } else {
    check_arithmetic(node);
  }
  return {{node.operands[0].type, broadcast_all(node.operands)}};
}

// What every activation has in common is all that most of them need; the others say here what else they need.
std::vector<Result> infer_activation(const NodeView& node) {
  switch (node.op) {
    case Operator::prelu:
      check_prelu(node);
      break;
    case Operator::clip:
      check_clip(node);
      break;
    case Operator::gelu:
      require_floating(node.operands, 1);
      if (const std::string& how = text_attribute(node, "approximate"); how != "none" && how != "tanh")
        throw Unsupported{"Its attribute 'approximate' is neither none nor tanh."};
      break;
    case Operator::celu:
      require_floating(node.operands, 1);
      if (!(std::get<float>(node.attributes.at("alpha")) > 0))
        throw Unsupported{"Its attribute 'alpha' is not above 0; then its slope exp(x / alpha) has no bound."};
      break;
    default:
      require_floating(node.operands, 1);
  }
  return {{node.operands[0].type, node.operands[0].shape}};
}

std::vector<Result> infer_function(const NodeView& node) {
  const std::vector<Operand>& operands = node.operands;
  require_floating(operands, 1);
  if (node.op == Operator::pow)
    require_single_constant(
        operands[1],
        (is_floating(operands[1].type) || operands[1].type == ElementType::int32 || operands[1].type == ElementType::int64) &&
            operands[1].shape.size() <= operands[0].shape.size(),
        "exponent");
  return {{operands[0].type, operands[0].shape}};
}

std::vector<Result> infer_normalisation(const NodeView& node) {
  require_floating(node.operands, 5);
  const Shape& data = node.operands[0].shape;
  if (data.size() < 2) throw Unsupported{"Its data of shape " + text_of(data) + " has no axis of channels."};
  for (std::size_t k = 1; k < 5; ++k)
    if (!node.operands[k].constant || node.operands[k].shape != Shape{data[1]})
      throw Unsupported{"Its scale, offset, mean and variance are not constant vectors of length " + std::to_string(data[1]) + "."};
  if (node.opset < 9 && !flag_of(node, "spatial"))
    throw Unsupported{"It normalises every entry on its own (spatial 0); export it with opset 9 or later."};
  if (node.opset >= 14 && flag_of(node, "training_mode"))
    throw Unsupported{
        "It was exported in training mode, where its result depends on the batch; call model.eval() before the export (Keras: "
        "training=False)."};
  return {{node.operands[0].type, data}};
}

}  // namespace lipcert
