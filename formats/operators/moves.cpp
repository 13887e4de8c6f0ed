// Shapes of the nodes that move entries, and of what Shape and ConstantOfShape write (formats/onnx.md, section 5).
#include <algorithm>

#include "formats/operators/rules.hpp"

namespace lipcert {

Shape flatten_shape(const NodeView& node) {
  const Shape& shape = node.operands[0].shape;
  const auto rank = static_cast<std::int64_t>(shape.size());
  std::int64_t axis = integer_of(node, "axis");
  if (axis > rank || axis < (node.opset >= 11 ? -rank : 0))
    throw Unsupported{"Its axis " + std::to_string(axis) + " lies outside the dimensions of an operand of shape " + text_of(shape) + "."};
  if (axis < 0) axis += rank;
  Shape result = {1, 1};
  for (std::int64_t k = 0; k < rank; ++k) result[k < axis ? 0 : 1] *= shape[static_cast<std::size_t>(k)];
  return result;
}

Shape reshape_shape(const NodeView& node) {
  const Operand& data = node.operands[0];
  const Operand& wanted = node.operands[1];
  const bool allow_zero = node.opset >= 14 && flag_of(node, "allowzero");
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

void check_moved(const NodeView& node, std::size_t count) {
  for (std::size_t k = 0; k < count; ++k) {
    const Operand& operand = node.operands[k];
    if (is_floating(operand.type) || operand.known != nullptr) continue;
    throw Unsupported{std::string("It moves ") + name_of(operand.type) + " numbers that do not follow from constants and shapes alone."};
  }
}

Shape transposed_shape(const NodeView& node) {
  const Shape& shape = node.operands[0].shape;
  const auto& perm = std::get<std::vector<std::int64_t>>(node.attributes.at("perm"));
  std::vector<bool> seen(shape.size(), false);
  bool right = perm.size() == shape.size();
  Shape result;
  for (std::size_t k = 0; k < perm.size() && right; ++k) {
    right = perm[k] >= 0 && static_cast<std::uint64_t>(perm[k]) < shape.size() && !seen[static_cast<std::size_t>(perm[k])];
    if (!right) break;
    seen[static_cast<std::size_t>(perm[k])] = true;
    result.push_back(shape[static_cast<std::size_t>(perm[k])]);
  }
  if (!right) throw Unsupported{"Its attribute 'perm' is no permutation of the axes of an operand of shape " + text_of(shape) + "."};
  return result;
}

Shape squeezed_shape(const NodeView& node) {
  const std::vector<std::uint64_t> axes = axes_of(node);
  Shape result;
  for (std::size_t k = 0; k < node.operands[0].shape.size(); ++k)
    if (!std::binary_search(axes.begin(), axes.end(), k)) result.push_back(node.operands[0].shape[k]);
  return result;
}

Shape unsqueezed_shape(const NodeView& node) {
  Shape result = node.operands[0].shape;
  for (const std::uint64_t axis : axes_of(node)) result.insert(result.begin() + static_cast<std::ptrdiff_t>(axis), 1);
  return result;
}

Shape concatenated_shape(const NodeView& node) {
  Shape result = node.operands[0].shape;
  const auto axis = static_cast<std::size_t>(axes_of(node)[0]);
  for (std::size_t k = 1; k < node.operands.size(); ++k) {
    const Operand& operand = node.operands[k];
    if (operand.type != node.operands[0].type)
      throw Unsupported{std::string("It mixes ") + name_of(node.operands[0].type) + " and " + name_of(operand.type) +
                        "; ONNX wants one element type here: insert a Cast."};
    bool fits = operand.shape.size() == result.size();
    for (std::size_t i = 0; i < result.size() && fits; ++i) fits = i == axis || operand.shape[i] == result[i];
    if (!fits)
      throw Unsupported{"Its operands of shapes " + text_of(node.operands[0].shape) + " and " + text_of(operand.shape) +
                        " do not fit together along axis " + std::to_string(axis) + "."};
    result[axis] += operand.shape[axis];  // at most 1024 times 2^28
  }
  return result;
}

Shape gathered_shape(const NodeView& node) {
  const Shape& shape = node.operands[0].shape;
  const Operand& indices = node.operands[1];
  const auto axis = static_cast<std::size_t>(axes_of(node)[0]);
  if ((indices.type != ElementType::int64 && indices.type != ElementType::int32) || indices.known == nullptr)
    throw Unsupported{"Its indices are not integers that follow from constants and shapes."};
  const auto n = static_cast<std::int64_t>(shape[axis]);
  const std::uint64_t count = element_count(indices.shape);
  for (std::uint64_t k = 0; k < count; ++k) {
    const std::int64_t index = indices.known->integer(k);
    if (index >= n || index < (node.opset >= 11 ? -n : 0))
      throw Unsupported{"Its index " + std::to_string(index) + " lies outside an axis of length " + std::to_string(n) + "."};
  }
  Shape result(shape.begin(), shape.begin() + static_cast<std::ptrdiff_t>(axis));
  result.insert(result.end(), indices.shape.begin(), indices.shape.end());
  result.insert(result.end(), shape.begin() + static_cast<std::ptrdiff_t>(axis) + 1, shape.end());
  return result;
}

Shape padded_shape(const NodeView& node) {
  require_floating(node.operands, 1);
  const std::vector<PadAxis> pads = pad_axes(node);
  if (node.has(2)) require_single_constant(node.operands[2], node.operands[2].type == node.operands[0].type, "constant_value");
  Shape result = node.operands[0].shape;
  for (std::size_t k = 0; k < result.size(); ++k) result[k] += pads[k].begin + pads[k].end;
  return result;
}

Shape blocked_shape(const NodeView& node) {
  require_floating(node.operands, 1);
  const bool to_space = node.op == Operator::depth_to_space;
  const Shape& shape = node.operands[0].shape;
  if (shape.size() != 4) throw Unsupported{"Its data of shape " + text_of(shape) + " does not have four axes."};
  if (to_space && node.opset >= 11) {
    const std::string& mode = text_attribute(node, "mode");
    if (mode != "DCR" && mode != "CRD") throw Unsupported{"Its mode is neither DCR nor CRD."};
  }
  const std::int64_t block = integer_of(node, "blocksize");
  const auto b = static_cast<std::uint64_t>(block);
  const bool divides = block >= 1 && (to_space ? shape[1] % b == 0 && shape[1] / b % b == 0 : shape[2] % b == 0 && shape[3] % b == 0);
  if (!divides) throw Unsupported{"Its blocksize " + std::to_string(block) + " does not divide data of shape " + text_of(shape) + "."};
  if (to_space) return {shape[0], shape[1] / b / b, shape[2] * b, shape[3] * b};
  return {shape[0], shape[1] * b * b, shape[2] / b, shape[3] / b};
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

}  // namespace lipcert
