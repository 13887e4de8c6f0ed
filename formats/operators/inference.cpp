// Operators of ONNX, default domain, opsets 8 to 20: their operands and the types and shapes of their results (formats/onnx.md, section 5).
// Written from the operator specification ("Operator Changelog"); differences between versions that matter here are said where they are
// used.
#include <algorithm>
#include <utility>

#include "formats/encoding/error.hpp"
#include "formats/operators/rules.hpp"

namespace lipcert {

namespace {

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

Shape gemm_shape(const NodeView& node) {
  const Shape& a = node.operands[0].shape;
  const Shape& b = node.operands[1].shape;
  const bool transpose_a = flag_of(node, "transA");
  const bool transpose_b = flag_of(node, "transB");
  if (a.size() != 2 || b.size() != 2)
    throw Unsupported{"Gemm multiplies matrices, but its operands have the shapes " + text_of(a) + " and " + text_of(b) +
                      "; insert a Flatten or Reshape."};
  if ((transpose_a ? a[0] : a[1]) != (transpose_b ? b[1] : b[0]))
    throw Unsupported{"Its operands of shapes " + text_of(a) + " and " + text_of(b) + " do not fit together (transA " +
                      std::to_string(transpose_a ? 1 : 0) + ", transB " + std::to_string(transpose_b ? 1 : 0) + ")."};
  const Shape result = {transpose_a ? a[1] : a[0], transpose_b ? b[0] : b[1]};
  if (node.has(2) && broadcast(node.operands[2].shape, result) != result)
    throw Unsupported{"Its third operand of shape " + text_of(node.operands[2].shape) + " cannot be added to a result of shape " +
                      text_of(result) + "."};
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

ElementType cast_type(const NodeView& node) {
  const Operand& data = node.operands[0];
  if (node.opset >= 19) static_cast<void>(flag_of(node, "saturate"));
  const std::int64_t to = integer_of(node, "to");
  if (to == static_cast<std::int64_t>(data.type)) return data.type;
  for (const ElementType type : {ElementType::float32, ElementType::float64, ElementType::float16, ElementType::bfloat16})
    if (to == static_cast<std::int64_t>(type))
      if (is_floating(data.type) ? data.constant || widens(data.type, type) : data.known != nullptr) return type;
  for (const ElementType type : {ElementType::int32, ElementType::int64})
    if (to == static_cast<std::int64_t>(type) && !is_floating(data.type) && data.known != nullptr) return type;
  throw Unsupported{std::string("It casts ") + name_of(data.type) + " to ONNX element type " + std::to_string(to) +
                    "; only casts to the same type, to a wider floating-point type, and of constants are read."};
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

std::vector<std::uint64_t> vector_of(std::uint64_t entries) {
  return {entries};
}

void check_batch_normalization(const NodeView& node) {
  require_floating(node.operands, 5);
  const Shape& data = node.operands[0].shape;
  if (data.size() < 2) throw Unsupported{"Its data of shape " + text_of(data) + " has no axis of channels."};
  for (std::size_t k = 1; k < 5; ++k)
    if (!node.operands[k].constant || node.operands[k].shape != vector_of(data[1]))
      throw Unsupported{"Its scale, offset, mean and variance are not constant vectors of length " + std::to_string(data[1]) + "."};
  if (node.opset < 9 && !flag_of(node, "spatial"))
    throw Unsupported{"It normalises every entry on its own (spatial 0); export it with opset 9 or later."};
  if (node.opset >= 14 && flag_of(node, "training_mode"))
    throw Unsupported{"It is in training mode, where its result depends on the batch; export the model for inference."};
}

Shape window_shape(const NodeView& node, std::uint64_t channels) {
  const WindowParameters window = window_parameters(node);
  Shape shape = {node.operands[0].shape[0], channels};
  for (const WindowAxis& axis : window.axes) shape.push_back(axis.output);
  return shape;
}

Shape convolution_shape(const NodeView& node) {
  require_floating(node.operands, 3);
  static_cast<void>(window_parameters(node));  // ranks and groups are right from here on
  const Shape& weight = node.operands[1].shape;
  const std::uint64_t channels = node.op == Operator::conv ? weight[0] : weight[1] * static_cast<std::uint64_t>(integer_of(node, "group"));
  if (node.has(2) && node.operands[2].shape != vector_of(channels))
    throw Unsupported{"Its bias of shape " + text_of(node.operands[2].shape) + " is not a vector of length " + std::to_string(channels) +
                      "."};
  return window_shape(node, channels);
}

Shape reduced_shape(const NodeView& node) {
  require_floating(node.operands, 1);
  const std::vector<std::uint64_t> axes = axes_of(node);
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

Shape top_k_shape(const NodeView& node) {
  require_floating(node.operands, 1);
  Shape shape = node.operands[0].shape;
  std::uint64_t& length = shape[static_cast<std::size_t>(axes_of(node)[0])];
  std::int64_t k = 0;
  if (node.opset < 10) {
    k = integer_of(node, "k");
  } else {
    const Operand& operand = node.operands[1];
    if (operand.type != ElementType::int64 || element_count(operand.shape) != 1 || operand.known == nullptr)
      throw Unsupported{"Its K is not one INT64 number that follows from constants and shapes."};
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

void check_clip(const NodeView& node) {
  require_floating(node.operands, 3);
  for (std::size_t k = 1; k < node.operands.size(); ++k)
    if (node.has(k) && (!node.operands[k].constant || !node.operands[k].shape.empty()))
      throw Unsupported{"Its limits are not constant scalars."};
}

// Whether `compute_known` will write the results out.
bool is_computed(const NodeView& node, const Result& result) {
  switch (node.op) {
    case Operator::constant_of_shape:
      return true;
    case Operator::cast:
      return !is_floating(node.operands[0].type) && result.type != node.operands[0].type;
    case Operator::add:
    case Operator::sub:
    case Operator::mul:
    case Operator::div:
    case Operator::concat:
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

// Fewest and most inputs.
std::pair<std::size_t, std::size_t> arity(Operator op, std::uint64_t opset) {
  const auto since = [&](std::uint64_t version, std::size_t then, std::size_t before) { return opset >= version ? then : before; };
  switch (op) {
    case Operator::constant:
      return {0, 0};
    case Operator::add:
    case Operator::sub:
    case Operator::mul:
    case Operator::div:
    case Operator::matmul:
    case Operator::prelu:
    case Operator::pow:
    case Operator::reshape:
    case Operator::gather:
      return {2, 2};
    case Operator::gemm:
      return {since(11, 2, 3), 3};
    case Operator::conv:
    case Operator::conv_transpose:
      return {2, 3};
    case Operator::batch_normalization:
      return {5, 5};
    case Operator::max:
    case Operator::min:
      return {1, 64};
    case Operator::concat:
      return {1, 1024};
    case Operator::reduce_mean:
    case Operator::reduce_max:
    case Operator::reduce_min:
    case Operator::reduce_l2:
      return {1, since(18, 2, 1)};
    case Operator::reduce_sum:
    case Operator::squeeze:
    case Operator::split:
      return {1, since(13, 2, 1)};
    case Operator::unsqueeze:
      return {since(13, 2, 1), since(13, 2, 1)};
    case Operator::top_k:
      return {since(10, 2, 1), since(10, 2, 1)};
    case Operator::slice:
      return {since(10, 3, 1), since(10, 5, 1)};
    case Operator::pad:
      return {since(11, 2, 1), opset >= 18 ? 4 : since(11, 3, 1)};
    case Operator::clip:
      return {1, since(11, 3, 1)};
    case Operator::dropout:
      return {1, since(12, 3, 1)};
    case Operator::average_pool:
    case Operator::global_average_pool:
    case Operator::max_pool:
    case Operator::global_max_pool:
    case Operator::relu:
    case Operator::leaky_relu:
    case Operator::abs:
    case Operator::sigmoid:
    case Operator::tanh:
    case Operator::elu:
    case Operator::selu:
    case Operator::softplus:
    case Operator::hard_sigmoid:
    case Operator::hard_swish:
    case Operator::gelu:
    case Operator::mish:
    case Operator::softmax:
    case Operator::neg:
    case Operator::sign:
    case Operator::sqrt:
    case Operator::reciprocal:
    case Operator::flatten:
    case Operator::identity:
    case Operator::cast:
    case Operator::transpose:
    case Operator::depth_to_space:
    case Operator::space_to_depth:
    case Operator::shape:
    case Operator::constant_of_shape:
      return {1, 1};
  }
  throw Error(ExitCode::internal, "An operator outside the list of formats/network/network.hpp was used.");
}

}  // namespace

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

std::optional<Operator> find_operator(const std::string& op_type) {
  for (int k = 0; k <= static_cast<int>(Operator::constant); ++k)  // the last of the list
    if (op_type == name_of(static_cast<Operator>(k))) return static_cast<Operator>(k);
  return std::nullopt;
}

bool exists(Operator op, std::uint64_t opset) {
  if (op == Operator::hard_swish) return opset >= 14;
  if (op == Operator::mish) return opset >= 18;
  if (op == Operator::gelu) return opset >= 20;
  return true;
}

void check_arity(Operator op, std::uint64_t opset, const std::vector<Operand>& operands, std::size_t outputs) {
  const auto [fewest, most] = arity(op, opset);
  const bool list = op == Operator::max || op == Operator::min || op == Operator::concat;  // none may be left out
  bool complete = operands.size() >= fewest && operands.size() <= most;
  for (std::size_t k = 0; k < (list ? operands.size() : fewest) && complete; ++k) complete = operands[k].present;
  if (!complete)
    throw Unsupported{std::string(name_of(op)) + " in opset " + std::to_string(opset) + " takes " + std::to_string(fewest) +
                      (most == fewest ? std::string() : " to " + std::to_string(most)) + " inputs, and this node has " +
                      std::to_string(operands.size()) + " or leaves one out."};
  const std::size_t most_outputs = op == Operator::split ? 1024 : op == Operator::dropout || op == Operator::top_k ? 2 : 1;
  if (outputs < 1 || outputs > most_outputs)
    throw Unsupported{std::string(name_of(op)) + " does not have " + std::to_string(outputs) + " outputs, or lipcert does not read them."};
}

std::vector<Result> infer(const NodeView& node) {
  const std::vector<Operand>& operands = node.operands;
  Result result;
  if (!operands.empty()) result = {operands[0].type, operands[0].shape};
  std::vector<Result> further;
  switch (node.op) {
    case Operator::add:
    case Operator::sub:
    case Operator::mul:
    case Operator::div:
      check_arithmetic(node);
      result.shape = broadcast_all(operands);
      break;
    case Operator::max:
    case Operator::min:
      require_floating(operands, operands.size());
      result.shape = broadcast_all(operands);
      break;
    case Operator::matmul:
      require_floating(operands, 2);
      result.shape = matmul_shape(operands[0].shape, operands[1].shape);
      break;
    case Operator::gemm:
      require_floating(operands, 3);
      result.shape = gemm_shape(node);
      break;
    case Operator::conv:
    case Operator::conv_transpose:
      result.shape = convolution_shape(node);
      break;
    case Operator::max_pool:
    case Operator::average_pool:
    case Operator::global_max_pool:
    case Operator::global_average_pool:
      require_floating(operands, 1);
      static_cast<void>(window_parameters(node));  // the rank is right from here on
      result.shape = window_shape(node, operands[0].shape[1]);
      break;
    case Operator::batch_normalization:
      check_batch_normalization(node);
      break;
    case Operator::reduce_mean:
    case Operator::reduce_sum:
    case Operator::reduce_max:
    case Operator::reduce_min:
    case Operator::reduce_l2:
      result.shape = reduced_shape(node);
      break;
    case Operator::relu:
    case Operator::leaky_relu:
    case Operator::abs:
    case Operator::sigmoid:
    case Operator::tanh:
    case Operator::elu:
    case Operator::selu:
    case Operator::softplus:
    case Operator::hard_sigmoid:
    case Operator::hard_swish:
    case Operator::mish:
    case Operator::neg:
    case Operator::sign:
    case Operator::sqrt:
    case Operator::reciprocal:
      require_floating(operands, 1);
      break;
    case Operator::gelu:
      require_floating(operands, 1);
      if (const std::string& how = text_attribute(node, "approximate"); how != "none" && how != "tanh")
        throw Unsupported{"Its attribute 'approximate' is neither none nor tanh."};
      break;
    case Operator::prelu:
      require_floating(operands, 2);
      if (!operands[1].constant) throw Unsupported{"Its slope depends on the input; only constant slopes are read."};
      if (broadcast(operands[0].shape, operands[1].shape) != operands[0].shape)
        throw Unsupported{"Its slope of shape " + text_of(operands[1].shape) + " does not broadcast to data of shape " +
                          text_of(operands[0].shape) + "."};
      break;
    case Operator::pow:
      require_floating(operands, 1);
      require_single_constant(operands[1], operands[1].type != ElementType::boolean && operands[1].shape.size() <= operands[0].shape.size(),
                              "exponent");
      break;
    case Operator::clip:
      check_clip(node);
      break;
    case Operator::softmax:
      require_floating(operands, 1);
      static_cast<void>(axes_of(node));
      break;
    case Operator::top_k:
      result.shape = top_k_shape(node);
      if (node.outputs == 2) further.push_back({ElementType::int64, result.shape});
      break;
    case Operator::dropout:
      require_floating(operands, 1);
      check_dropout(operands);
      // The mask: of the data's type until opset 9, BOOL afterwards.
      if (node.outputs == 2) further.push_back({node.opset >= 10 ? ElementType::boolean : result.type, result.shape});
      break;
    case Operator::identity:
      check_moved(node, 1);
      break;
    case Operator::flatten:
      check_moved(node, 1);
      result.shape = flatten_shape(node);
      break;
    case Operator::reshape:
      check_moved(node, 1);
      result.shape = reshape_shape(node);
      break;
    case Operator::transpose:
      check_moved(node, 1);
      result.shape = transposed_shape(node);
      break;
    case Operator::squeeze:
      check_moved(node, 1);
      result.shape = squeezed_shape(node);
      break;
    case Operator::unsqueeze:
      check_moved(node, 1);
      result.shape = unsqueezed_shape(node);
      break;
    case Operator::concat:
      check_moved(node, operands.size());
      result.shape = concatenated_shape(node);
      break;
    case Operator::split: {
      check_moved(node, 1);
      const std::vector<std::uint64_t> lengths = split_lengths(node);
      const auto axis = static_cast<std::size_t>(axes_of(node)[0]);
      for (std::size_t k = 0; k < lengths.size(); ++k) {
        result.shape[axis] = lengths[k];
        if (k > 0) further.push_back(result);
      }
      result.shape[axis] = lengths[0];
      break;
    }
    case Operator::slice: {
      check_moved(node, 1);
      const std::vector<SliceAxis> slices = slice_axes(node);
      for (std::size_t k = 0; k < slices.size(); ++k) result.shape[k] = slices[k].length;
      break;
    }
    case Operator::gather:
      check_moved(node, 1);
      result.shape = gathered_shape(node);
      break;
    case Operator::pad:
      result.shape = padded_shape(node);
      break;
    case Operator::depth_to_space:
    case Operator::space_to_depth:
      result.shape = blocked_shape(node);
      break;
    case Operator::cast:
      result.type = cast_type(node);
      break;
    case Operator::shape:
      result = {ElementType::int64, {shape_entries(node)}};
      break;
    case Operator::constant_of_shape:
      result = filled(node);
      break;
    case Operator::constant: {
      const Tensor& value = std::get<Tensor>(node.attributes.at("value"));
      result = {value.type, value.shape};
      break;
    }
  }
  result.shape = checked(std::move(result.shape));
  std::vector<Result> results = {std::move(result)};
  results.insert(results.end(), further.begin(), further.end());
  for (const Result& item : results)
    if (is_computed(node, item) && element_count(item.shape) > known_cap)
      throw Unsupported{"Its result of shape " + text_of(item.shape) +
                        " is computed from constants and has more than 2^20 entries; write it out as a weight."};
  return results;
}

}  // namespace lipcert
