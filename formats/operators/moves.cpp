// Operators that move entries: what they leave out, repeat or fill in, their axes and the shapes of their results (formats/onnx.md, section
// 5). Where every entry comes from stands in formats/operators/entry_map.cpp.
//
// Written from the ONNX operator specification; where its versions or its runtimes disagree, formats/onnx.md says what is refused.
#include <algorithm>

#include "formats/operators/rules.hpp"

namespace lipcert {

namespace {

constexpr std::int64_t length_cap = std::int64_t{1} << 28U;

// Integers are moved only where they are known.
void check_moved(const NodeView& node, std::size_t count) {
  for (std::size_t k = 0; k < count; ++k) {
    const Operand& operand = node.operands[k];
    if (is_floating(operand.type) || operand.known != nullptr) continue;
    throw Unsupported{std::string("It moves ") + name_of(operand.type) + " numbers that do not follow from constants and shapes alone."};
  }
}

std::vector<std::uint64_t> squeezed_axes(const NodeView& node) {
  const Shape& shape = node.operands[0].shape;
  const bool attribute = has_attribute(node, "axes");
  std::vector<std::uint64_t> axes;
  if (!attribute && !node.has(1)) {
    for (std::size_t k = 0; k < shape.size(); ++k)
      if (shape[k] == 1) axes.push_back(k);
    return axes;
  }
  const Integers given = attribute ? integers_attribute(node, "axes") : known_list(node, 1, "list of axes", false);
  axes = resolve_axes(given, shape.size(), node.opset >= 11, shape);
  for (const std::uint64_t axis : axes)
    if (shape[static_cast<std::size_t>(axis)] != 1)
      throw Unsupported{"It removes axis " + std::to_string(axis) + " of an operand of shape " + text_of(shape) +
                        ", which is not of length 1."};
  std::sort(axes.begin(), axes.end());
  return axes;
}

std::vector<std::uint64_t> unsqueezed_axes(const NodeView& node) {
  const Integers given = has_attribute(node, "axes") ? integers_attribute(node, "axes") : known_list(node, 1, "list of axes", false);
  const Shape& shape = node.operands[0].shape;
  if (given.size() > rank_cap) throw Unsupported{"Its result would have more than 16 dimensions, which is more than this reader takes."};
  std::vector<std::uint64_t> axes = resolve_axes(given, shape.size() + given.size(), node.opset >= 11, shape);
  std::sort(axes.begin(), axes.end());
  return axes;
}

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
  const std::vector<std::uint64_t> axes = move_axes(node);
  Shape result;
  for (std::size_t k = 0; k < node.operands[0].shape.size(); ++k)
    if (!std::binary_search(axes.begin(), axes.end(), k)) result.push_back(node.operands[0].shape[k]);
  return result;
}

Shape unsqueezed_shape(const NodeView& node) {
  Shape result = node.operands[0].shape;
  for (const std::uint64_t axis : move_axes(node)) result.insert(result.begin() + static_cast<std::ptrdiff_t>(axis), 1);
  return result;
}

Shape concatenated_shape(const NodeView& node) {
  Shape result = node.operands[0].shape;
  const auto axis = static_cast<std::size_t>(move_axes(node)[0]);
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
  const auto axis = static_cast<std::size_t>(move_axes(node)[0]);
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

// DepthToSpace, SpaceToDepth
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
    if (mode.known->integer(0) != 0)
      throw Unsupported{
          "It was exported in training mode, where it is random; call model.eval() before the export (Keras: training=False)."};
  }
}

bool widens(ElementType from, ElementType to) {
  const bool half = from == ElementType::float16 || from == ElementType::bfloat16;
  return (half && (to == ElementType::float32 || to == ElementType::float64)) ||
         (from == ElementType::float32 && to == ElementType::float64);
}

ElementType cast_type(const NodeView& node) {
  const Operand& data = node.operands[0];
  if (node.opset >= 19) static_cast<void>(flag_of(node, "saturate"));
  const std::int64_t to = integer_of(node, "to");
  if (to == static_cast<std::int64_t>(data.type)) return data.type;
  const bool truth = data.type == ElementType::boolean && data.constant;
  for (const ElementType type : {ElementType::float32, ElementType::float64, ElementType::float16, ElementType::bfloat16})
    if (to == static_cast<std::int64_t>(type))
      if (is_floating(data.type) ? data.constant || widens(data.type, type) : data.known != nullptr || truth) return type;
  for (const ElementType type : {ElementType::int32, ElementType::int64})
    if (to == static_cast<std::int64_t>(type) && !is_floating(data.type) && data.known != nullptr) return type;
  throw Unsupported{
      std::string("It casts ") + name_of(data.type) + " to ONNX element type " + std::to_string(to) +
      "; only casts to the same type, to a wider floating-point type, and of constants are read: export the model in float32, "
      "without half() or autocast."};
}

}  // namespace

std::vector<std::uint64_t> move_axes(const NodeView& node) {
  const Shape& shape = node.operands.at(0).shape;
  switch (node.op) {
    case Operator::squeeze:
      return squeezed_axes(node);
    case Operator::unsqueeze:
      return unsqueezed_axes(node);
    case Operator::concat:
    case Operator::split:
    case Operator::gather:
      return {resolve_axis(integer_of(node, "axis"), shape.size(), true, shape)};
    default:  // every other operator: asked by mistake
      defect(std::string("The axes of a node of ") + name_of(node.op) + " were asked for.");
  }
}

std::vector<SliceAxis> slice_axes(const NodeView& node) {
  if (node.op != Operator::slice) defect(std::string("The slices of a node of ") + name_of(node.op) + " were asked for.");
  const Shape& shape = node.operands[0].shape;
  const bool attribute = has_attribute(node, "starts");
  const Integers starts = attribute ? integers_attribute(node, "starts") : known_list(node, 1, "list of starts", true);
  const Integers ends = attribute ? integers_attribute(node, "ends") : known_list(node, 2, "list of ends", true);
  Integers named;
  if (attribute) {
    named = integers_attribute(node, "axes");
  } else if (node.has(3)) {
    named = known_list(node, 3, "list of axes", true);
  } else {
    for (std::size_t k = 0; k < starts.size() && k <= shape.size(); ++k) named.push_back(static_cast<std::int64_t>(k));
  }
  const Integers steps = !attribute && node.has(4) ? known_list(node, 4, "list of steps", true) : Integers(starts.size(), 1);
  for (std::size_t k = 2; k < node.operands.size(); ++k)
    if (node.has(k) && node.operands[k].type != node.operands[1].type)
      throw Unsupported{"Its starts, ends, axes and steps are not of one type; ONNX wants all of them INT64, or all INT32."};
  const std::vector<std::uint64_t> axes = resolve_axes(named, shape.size(), true, shape);
  if (ends.size() != starts.size() || axes.size() != starts.size() || steps.size() != starts.size())
    throw Unsupported{"Its starts, ends, axes and steps are not lists of one length."};
  std::vector<SliceAxis> result;
  for (const std::uint64_t length : shape) result.push_back({0, 1, length});
  for (std::size_t k = 0; k < axes.size(); ++k) {
    SliceAxis& axis = result[static_cast<std::size_t>(axes[k])];
    const auto n = static_cast<std::int64_t>(axis.length);
    if (steps[k] == 0) throw Unsupported{"One of its steps is 0."};
    // A longer step than the axis takes one entry, as this one does.
    const std::int64_t step = std::clamp<std::int64_t>(steps[k], -length_cap, length_cap);
    const std::int64_t least = step > 0 ? 0 : -1;
    const std::int64_t start = std::clamp<std::int64_t>(starts[k] < 0 ? starts[k] + n : starts[k], 0, step > 0 ? n : n - 1);
    const std::int64_t end = std::clamp<std::int64_t>(ends[k] < 0 ? ends[k] + n : ends[k], least, step > 0 ? n : n - 1);
    const std::int64_t count = step > 0 ? (end - start + step - 1) / step : (start - end - step - 1) / -step;
    if (count < 1)
      throw Unsupported{"It leaves nothing of axis " + std::to_string(axes[k]) + " of an operand of shape " + text_of(shape) + "."};
    axis = {start, step, static_cast<std::uint64_t>(count)};
  }
  return result;
}

std::vector<PadAxis> pad_axes(const NodeView& node) {
  if (node.op != Operator::pad) defect(std::string("The pads of a node of ") + name_of(node.op) + " were asked for.");
  const Shape& shape = node.operands[0].shape;
  const Integers pads = has_attribute(node, "pads") ? integers_attribute(node, "pads") : known_list(node, 1, "list of pads", false);
  const std::vector<std::uint64_t> axes =
      node.has(3) ? resolve_axes(known_list(node, 3, "list of axes", false), shape.size(), true, shape) : all_axes(shape.size());
  if (pads.size() != 2 * axes.size())
    throw Unsupported{"Its list of pads has " + std::to_string(pads.size()) + " entries where " + std::to_string(2 * axes.size()) +
                      " are meant."};
  const std::string& mode = text_attribute(node, "mode");
  const bool reflect = mode == "reflect";
  const bool wrap = mode == "wrap" && node.opset >= 19;
  if (!reflect && !wrap && mode != "constant" && mode != "edge")
    throw Unsupported{"Its mode is none of constant, reflect, edge and, from opset 19 on, wrap."};
  std::vector<PadAxis> result(shape.size());
  for (std::size_t k = 0; k < axes.size(); ++k) {
    const auto n = static_cast<std::int64_t>(shape[static_cast<std::size_t>(axes[k])]);
    for (const std::int64_t entry : {pads[k], pads[axes.size() + k]}) {
      if (entry < 0) throw Unsupported{"It cuts entries off (a negative pad); use a Slice for that."};
      if ((reflect && entry > n - 1) || (wrap && entry > n))
        throw Unsupported{"Its pad of " + std::to_string(entry) + " is longer than what " + mode + " takes from an axis of length " +
                          std::to_string(n) + "."};
      if (entry > length_cap) throw Unsupported{"Its result would have more than 2^28 entries, which is more than this reader takes."};
    }
    result[static_cast<std::size_t>(axes[k])] = {static_cast<std::uint64_t>(pads[k]), static_cast<std::uint64_t>(pads[axes.size() + k])};
  }
  return result;
}

Shape expanded_shape(const NodeView& node) {
  const Integers wanted = known_list(node, 1, "shape", false);
  Shape shape;
  for (const std::int64_t entry : wanted) {
    if (entry < 1 || entry > length_cap) throw Unsupported{"Its shape has the dimension " + std::to_string(entry) + "."};
    shape.push_back(static_cast<std::uint64_t>(entry));
  }
  const std::optional<Shape> result = broadcast(node.operands[0].shape, shape);
  if (!result)
    throw Unsupported{"It cannot repeat data of shape " + text_of(node.operands[0].shape) + " to the shape " + text_of(shape) + "."};
  return *result;
}

std::vector<std::uint64_t> split_lengths(const NodeView& node) {
  const std::uint64_t axis = move_axes(node)[0];
  const std::uint64_t length = node.operands[0].shape[static_cast<std::size_t>(axis)];
  const auto parts = static_cast<std::uint64_t>(node.outputs);
  const bool attribute = has_attribute(node, "split");
  const bool numbered = has_attribute(node, "num_outputs");
  std::vector<std::uint64_t> result;
  if (attribute || node.has(1)) {
    if (numbered && integer_of(node, "num_outputs") != 0)
      throw Unsupported{"It gives both the lengths of its parts and their number (num_outputs); keep one of them."};
    const Integers given = attribute ? integers_attribute(node, "split") : known_list(node, 1, "list of lengths", false);
    std::uint64_t sum = 0;
    for (const std::int64_t entry : given) {
      if (entry < 1 || static_cast<std::uint64_t>(entry) > length) {
        sum = 0;
        break;
      }
      sum += static_cast<std::uint64_t>(entry);
      result.push_back(static_cast<std::uint64_t>(entry));
    }
    if (given.size() != node.outputs || sum != length)
      throw Unsupported{"The lengths of its parts are not " + std::to_string(parts) + " positive numbers with the sum " +
                        std::to_string(length) + "."};
    return result;
  }
  if (numbered && integer_of(node, "num_outputs") != static_cast<std::int64_t>(parts))
    throw Unsupported{"Its attribute 'num_outputs' is " + std::to_string(integer_of(node, "num_outputs")) + ", but it has " +
                      std::to_string(parts) + " outputs."};
  const std::uint64_t part = numbered ? (length + parts - 1) / parts : length / parts;
  const std::uint64_t rest = part * (parts - 1);
  if (part == 0 || rest >= length || (!numbered && length % parts != 0))
    throw Unsupported{"It cannot split an axis of length " + std::to_string(length) + " into " + std::to_string(parts) +
                      " equal parts; name their lengths."};
  result.assign(node.outputs, part);
  result.back() = length - rest;
  return result;
}

void fill_in_move(Attributes& attributes, const NodeView& node) {
  const Shape& shape = node.operands[0].shape;
  switch (node.op) {
    case Operator::transpose: {
      const Integers axes = counting(shape.size());
      fill_in(attributes, node, "perm", Integers(axes.rbegin(), axes.rend()));
      break;
    }
    case Operator::squeeze: {
      Integers axes;
      for (std::size_t k = 0; k < shape.size(); ++k)
        if (shape[k] == 1) axes.push_back(static_cast<std::int64_t>(k));
      fill_in(attributes, node, "axes", axes);
      break;
    }
    case Operator::slice:
      if (attributes.count("starts") != 0) fill_in(attributes, node, "axes", counting(std::get<Integers>(attributes.at("starts")).size()));
      break;
    case Operator::split: {
      // Unequal parts, or an axis that is not there, are refused later, when the lengths are asked for.
      std::int64_t axis = std::get<std::int64_t>(attributes.at("axis"));
      if (axis < 0) axis += static_cast<std::int64_t>(shape.size());
      if (axis < 0 || axis >= static_cast<std::int64_t>(shape.size())) break;
      const std::uint64_t length = shape[static_cast<std::size_t>(axis)];
      if (length % node.outputs == 0)
        fill_in(attributes, node, "split", Integers(node.outputs, static_cast<std::int64_t>(length / node.outputs)));
      break;
    }
    default:  // nothing depends on shapes
      break;
  }
}

std::vector<Result> infer_move(const NodeView& node) {
  const Operand& data = node.operands[0];
  const auto shaped = [&](Shape (*shape)(const NodeView&), std::size_t moved) -> std::vector<Result> {
    check_moved(node, moved);
    return {{data.type, shape(node)}};
  };
  switch (node.op) {
    case Operator::identity:
      check_moved(node, 1);
      return {{data.type, data.shape}};
    case Operator::dropout: {
      require_floating(node.operands, 1);
      check_dropout(node.operands);
      std::vector<Result> results = {{data.type, data.shape}};
      // The mask: of the data's type until opset 9, BOOL afterwards.
      if (node.outputs == 2) results.push_back({node.opset >= 10 ? ElementType::boolean : data.type, data.shape});
      return results;
    }
    case Operator::cast:
      return {{cast_type(node), data.shape}};
    case Operator::flatten:
      return shaped(flatten_shape, 1);
    case Operator::reshape:
      return shaped(reshape_shape, 1);
    case Operator::squeeze:
      return shaped(squeezed_shape, 1);
    case Operator::unsqueeze:
      return shaped(unsqueezed_shape, 1);
    case Operator::transpose:
      return shaped(transposed_shape, 1);
    case Operator::concat:
      return shaped(concatenated_shape, node.operands.size());
    case Operator::gather:
      return shaped(gathered_shape, 1);
    case Operator::expand:
      return shaped(expanded_shape, 1);
    case Operator::slice: {
      check_moved(node, 1);
      Result result;
      result.type = data.type;
      for (const SliceAxis& axis : slice_axes(node)) result.shape.push_back(axis.length);
      return {result};
    }
    case Operator::split: {
      check_moved(node, 1);
      const std::vector<std::uint64_t> lengths = split_lengths(node);
      const auto axis = static_cast<std::size_t>(move_axes(node)[0]);
      std::vector<Result> results(lengths.size(), {data.type, data.shape});
      for (std::size_t k = 0; k < lengths.size(); ++k) results[k].shape[axis] = lengths[k];
      return results;
    }
    case Operator::pad:
      return {{data.type, padded_shape(node)}};
    case Operator::depth_to_space:
    case Operator::space_to_depth:
      return {{data.type, blocked_shape(node)}};
    default:
      defect(std::string("A node of ") + name_of(node.op) + " was taken for one that moves entries.");
  }
}

}  // namespace lipcert
