// Operators that take whole axes together: reductions, TopK, Softmax (formats/onnx.md, section 5). Their axes and the shapes of their
// results.
#include <algorithm>

#include "formats/operators/rules.hpp"

namespace lipcert {

namespace {

std::vector<std::uint64_t> reduced_axes(const NodeView& node) {
  const Shape& shape = node.operands[0].shape;
  Integers given;
  if (has_attribute(node, "axes")) {
    given = integers_attribute(node, "axes");
  } else if (node.has(1)) {
    given = known_list(node, 1, "list of axes", false);
  }
  if (given.empty()) {
    const bool none = has_attribute(node, "noop_with_empty_axes") && flag_of(node, "noop_with_empty_axes");
    if (none && node.op == Operator::reduce_l2)
      throw Unsupported{
          "It reduces no axis (noop_with_empty_axes), where runtimes disagree on whether ReduceL2 gives the number or its size; "
          "name the axes, or leave the node out."};
    return none ? std::vector<std::uint64_t>{} : all_axes(shape.size());
  }
  std::vector<std::uint64_t> axes = resolve_axes(given, shape.size(), node.opset >= 11, shape);
  std::sort(axes.begin(), axes.end());
  return axes;
}

Shape reduced_shape(const NodeView& node) {
  require_floating(node.operands, 1);
  const std::vector<std::uint64_t> axes = reduced_axes(node);
  const bool keep = flag_of(node, "keepdims");
  if (node.attributes.count("noop_with_empty_axes") != 0) static_cast<void>(flag_of(node, "noop_with_empty_axes"));
  Shape shape;
  for (std::size_t k = 0; k < node.operands[0].shape.size(); ++k) {
    const bool reduced = std::binary_search(axes.begin(), axes.end(), k);
    if (!reduced) shape.push_back(node.operands[0].shape[k]);
    if (reduced && keep) shape.push_back(1);
  }
  return shape;
}

std::uint64_t axis_of(const NodeView& node, bool allow_negative) {
  const Shape& shape = node.operands[0].shape;
  return resolve_axis(integer_of(node, "axis"), shape.size(), allow_negative, shape);
}

Shape top_k_shape(const NodeView& node) {
  require_floating(node.operands, 1);
  Shape shape = node.operands[0].shape;
  std::uint64_t& length = shape[static_cast<std::size_t>(axis_of(node, true))];
  std::int64_t k = 0;
  if (node.opset < 10) {
    k = integer_of(node, "k");
  } else {
    const Operand& operand = node.operands[1];
    if (operand.type != ElementType::int64 || operand.shape != Shape{1} || operand.known == nullptr)
      throw Unsupported{"Its K is not one INT64 number (of shape [1], as ONNX wants it) that follows from constants and shapes."};
    k = operand.known->integer(0);
  }
  if (k < 1 || static_cast<std::uint64_t>(k) > length)
    throw Unsupported{"It takes " + std::to_string(k) + " entries of an axis of length " + std::to_string(length) + "."};
  if (node.opset >= 11) {
    static_cast<void>(flag_of(node, "largest"));
    if (!flag_of(node, "sorted")) throw Unsupported{"Without 'sorted' the order of its result is left open; set sorted to 1."};
  }
  length = static_cast<std::uint64_t>(k);
  return shape;
}

}  // namespace

std::vector<std::uint64_t> reduction_axes(const NodeView& node) {
  if (node.op == Operator::top_k) return {axis_of(node, true)};
  if (node.op != Operator::softmax) return reduced_axes(node);
  std::vector<std::uint64_t> axes = {axis_of(node, node.opset >= 11)};
  if (node.opset < 13)
    for (std::uint64_t k = axes[0] + 1; k < node.operands[0].shape.size(); ++k) axes.push_back(k);
  return axes;
}

void fill_in_reduction(Attributes& attributes, const NodeView& node) {
  fill_in(attributes, node, "axes", counting(node.operands[0].shape.size()));
}

std::vector<Result> infer_reduction(const NodeView& node) {
  const Operand& data = node.operands[0];
  if (node.op == Operator::top_k) {
    std::vector<Result> results = {{data.type, top_k_shape(node)}};
    if (node.outputs == 2) results.push_back({ElementType::int64, results[0].shape});
    return results;
  }
  if (node.op == Operator::softmax) {
    require_floating(node.operands, 1);
    static_cast<void>(reduction_axes(node));
    return {{data.type, data.shape}};
  }
  return {{data.type, reduced_shape(node)}};
}

}  // namespace lipcert
