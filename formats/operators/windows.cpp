// The parameters of a node, resolved (formats/operators/parameters.hpp). Written from the ONNX operator specification; where its versions or its
// runtimes disagree, formats/onnx.md section 5 says what is refused. Lengths are at most 2^28, and pads, strides, dilations and kernels
// below 2^31, so that no expression here leaves 64 bits.
#include "formats/operators/parameters.hpp"

#include <algorithm>
#include <limits>

#include "formats/encoding/error.hpp"
#include "formats/operators/node_view.hpp"

namespace lipcert {

namespace {

[[noreturn]] void defect(const std::string& sentence) {
  throw Error(ExitCode::internal, sentence);
}

using Integers = std::vector<std::int64_t>;

const Integers& integers_attribute(const NodeView& node, const char* name) {
  const auto found = node.attributes.find(name);
  if (found == node.attributes.end() || !std::holds_alternative<Integers>(found->second))
    defect(std::string("A node of ") + name_of(node.op) + " has no attribute " + name + " of integers.");
  return std::get<Integers>(found->second);
}

bool has_attribute(const NodeView& node, const char* name) {
  return node.attributes.count(name) != 0;
}

// A list of integers that stands in an input.
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

std::uint64_t resolve_axis(std::int64_t axis, std::size_t rank, bool allow_negative, const Shape& shape) {
  const auto r = static_cast<std::int64_t>(rank);
  if (axis >= r || axis < (allow_negative ? -r : 0))
    throw Unsupported{"Its axis " + std::to_string(axis) + " lies outside the dimensions of an operand of shape " + text_of(shape) + "."};
  return static_cast<std::uint64_t>(axis < 0 ? axis + r : axis);
}

// Not sorted; no axis twice.
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

// ------------------------------------------------------------------------------------------------------------------ windows

constexpr std::int64_t window_cap = (std::int64_t{1} << 31U) - 1;
constexpr std::int64_t length_cap = std::int64_t{1} << 28U;

Integers window_list(const NodeView& node, const char* name, std::size_t count, std::int64_t least) {
  const Integers& list = integers_attribute(node, name);
  if (list.size() != count)
    throw Unsupported{std::string("Its attribute '") + name + "' has " + std::to_string(list.size()) + " entries where " +
                      std::to_string(count) + " are meant."};
  for (const std::int64_t entry : list)
    if (entry < least || entry > window_cap)
      throw Unsupported{std::string("Its attribute '") + name + "' has the entry " + std::to_string(entry) + "; entries from " +
                        std::to_string(least) + " to 2^31 - 1 are read."};
  return list;
}

enum class AutoPad { no, valid, same_upper, same_lower };

AutoPad auto_pad_of(const NodeView& node) {
  const std::string& text = text_attribute(node, "auto_pad");
  if (text.empty() || text == "NOTSET") return AutoPad::no;
  if (text == "VALID") return AutoPad::valid;
  if (text == "SAME_UPPER") return AutoPad::same_upper;
  if (text == "SAME_LOWER") return AutoPad::same_lower;
  throw Unsupported{"Its attribute 'auto_pad' is none of NOTSET, VALID, SAME_UPPER and SAME_LOWER."};
}

// The padding and the length of the result of one axis of a Conv or a pool, of which everything else is known.
void resolve_window(WindowAxis& axis, AutoPad mode, bool ceil_mode) {
  const auto n = static_cast<std::int64_t>(axis.input);
  const auto s = static_cast<std::int64_t>(axis.stride);
  const std::int64_t extent = static_cast<std::int64_t>(axis.dilation) * (static_cast<std::int64_t>(axis.kernel) - 1) + 1;
  if (mode == AutoPad::same_upper || mode == AutoPad::same_lower) {
    const std::int64_t length = (n + s - 1) / s;
    const std::int64_t total = std::max<std::int64_t>((length - 1) * s + extent - n, 0);
    axis.begin = mode == AutoPad::same_upper ? total / 2 : total - total / 2;
    axis.end = total - axis.begin;
    axis.output = static_cast<std::uint64_t>(length);
    return;
  }
  const std::int64_t room = n + axis.begin + axis.end - extent;
  if (room < 0)
    throw Unsupported{"Its kernel reaches over " + std::to_string(extent) + " positions of an axis that has " +
                      std::to_string(n + axis.begin + axis.end) + " of them with padding."};
  axis.output = static_cast<std::uint64_t>((ceil_mode ? (room + s - 1) / s : room / s) + 1);
}

// Whether window i reads an element of the data.
bool meets_data(const WindowAxis& axis, std::int64_t i) {
  const std::int64_t first = i * static_cast<std::int64_t>(axis.stride) - axis.begin;
  const auto n = static_cast<std::int64_t>(axis.input);
  if (first >= 0) return first < n;
  const auto dilation = static_cast<std::int64_t>(axis.dilation);
  const std::int64_t j = (-first + dilation - 1) / dilation;  // the first tap at or behind position 0
  return j < static_cast<std::int64_t>(axis.kernel) && first + dilation * j < n;
}

// What pools refuse because a window lies in the padding alone, or because runtimes disagree on it.
void check_pool(const NodeView& node, const WindowAxis& axis, bool ceil_mode, bool count_include_pad) {
  const auto s = static_cast<std::int64_t>(axis.stride);
  const auto n = static_cast<std::int64_t>(axis.input);
  const auto last = static_cast<std::int64_t>(axis.output) - 1;
  const std::int64_t extent = static_cast<std::int64_t>(axis.dilation) * (static_cast<std::int64_t>(axis.kernel) - 1) + 1;
  if (axis.begin >= extent || axis.end >= extent)
    throw Unsupported{"Its padding is as long as its kernel, so that a window would hold no data."};
  if (ceil_mode && last * s >= n + axis.begin)
    throw Unsupported{
        "With ceil_mode its last window begins behind the data, where runtimes disagree on whether it exists; use ceil_mode 0."};
  if (ceil_mode && count_include_pad && last * s + extent > n + axis.begin + axis.end)
    throw Unsupported{
        "With ceil_mode and count_include_pad its last window reaches beyond the padding, where runtimes disagree on what is "
        "averaged; use ceil_mode 0."};
  if (node.op == Operator::average_pool && count_include_pad && axis.dilation != 1)
    throw Unsupported{"Runtimes disagree on averages with dilations and count_include_pad; use count_include_pad 0."};
  const auto looks_at = [&](std::int64_t i) {
    if (!meets_data(axis, i)) throw Unsupported{"One of its windows holds no data, only padding."};
  };
  looks_at(0);
  looks_at(last);
  // Between these, a window that begins inside the data holds data, and so does one that begins before it with taps no farther apart than
  // the data is long. With wider dilations it depends on the remainder of the window's beginning, which repeats.
  if (axis.dilation <= axis.input) return;
  for (std::int64_t i = 1; i < last && i * s < axis.begin && i < static_cast<std::int64_t>(axis.dilation); ++i) looks_at(i);
}

WindowParameters convolution_parameters(const NodeView& node) {
  const bool transposed = node.op == Operator::conv_transpose;
  const Shape& data = node.operands[0].shape;
  const Shape& weight = node.operands[1].shape;
  if (data.size() < 3 || data.size() > 5)
    throw Unsupported{"Its data of shape " + text_of(data) + " does not have one, two or three spatial axes after batch and channels."};
  if (weight.size() != data.size())
    throw Unsupported{"Its weight of shape " + text_of(weight) + " does not have as many axes as its data of shape " + text_of(data) + "."};
  const std::size_t d = data.size() - 2;
  const std::int64_t group = integer_of(node, "group");
  // Channels of the data and, per group, of the other side of the weight.
  const bool fits = group >= 1 && data[1] % static_cast<std::uint64_t>(group) == 0 && weight[0] % static_cast<std::uint64_t>(group) == 0 &&
                    (transposed ? weight[0] == data[1] : weight[1] == data[1] / static_cast<std::uint64_t>(group));
  if (!fits)
    throw Unsupported{"Its weight of shape " + text_of(weight) + " does not fit data of shape " + text_of(data) + " in " +
                      std::to_string(group) + " groups."};
  const Integers kernel = window_list(node, "kernel_shape", d, 1);
  const Integers strides = window_list(node, "strides", d, 1);
  const Integers dilations = window_list(node, "dilations", d, 1);
  const Integers pads = window_list(node, "pads", 2 * d, 0);
  const AutoPad mode = auto_pad_of(node);
  const bool padded = std::any_of(pads.begin(), pads.end(), [](std::int64_t entry) { return entry != 0; });
  if (mode != AutoPad::no && padded)
    throw Unsupported{"It has both 'auto_pad' and 'pads'; readers disagree on which holds: keep one of them."};
  if (transposed && mode != AutoPad::no && mode != AutoPad::valid)
    throw Unsupported{"Runtimes disagree on the automatic padding of ConvTranspose; write its 'pads' out."};
  WindowParameters window;
  window.groups = static_cast<std::uint64_t>(group);
  const Integers output_padding = transposed ? window_list(node, "output_padding", d, 0) : Integers(d, 0);
  for (std::size_t k = 0; k < d; ++k) {
    if (static_cast<std::uint64_t>(kernel[k]) != weight[k + 2])
      throw Unsupported{"Its kernel_shape is not that of its weight of shape " + text_of(weight) + "."};
    WindowAxis axis;
    axis.input = data[k + 2];
    axis.kernel = static_cast<std::uint64_t>(kernel[k]);
    axis.stride = static_cast<std::uint64_t>(strides[k]);
    axis.dilation = static_cast<std::uint64_t>(dilations[k]);
    axis.begin = pads[k];
    axis.end = pads[d + k];
    if (transposed) {
      if (output_padding[k] >= std::max(strides[k], dilations[k]))
        throw Unsupported{"Its output_padding " + std::to_string(output_padding[k]) + " is not smaller than its stride or dilation."};
      const std::int64_t extent = dilations[k] * (kernel[k] - 1) + 1;
      if (extent > window_cap + 1)
        throw Unsupported{"Its kernel reaches over more than 2^31 positions, which is more than this reader takes."};
      const std::int64_t length =
          strides[k] * (static_cast<std::int64_t>(axis.input) - 1) + output_padding[k] + extent - axis.begin - axis.end;
      if (length < 1) throw Unsupported{"Its pads leave nothing of the result along spatial axis " + std::to_string(k) + "."};
      axis.output = static_cast<std::uint64_t>(length);
    } else {
      resolve_window(axis, mode, false);
    }
    window.axes.push_back(axis);
  }
  return window;
}

WindowParameters pool_parameters(const NodeView& node) {
  const Shape& data = node.operands[0].shape;
  if (data.size() < 3 || data.size() > 5)
    throw Unsupported{"Its data of shape " + text_of(data) + " does not have one, two or three spatial axes after batch and channels."};
  const std::size_t d = data.size() - 2;
  const bool average = node.op == Operator::average_pool;
  const Integers kernel = window_list(node, "kernel_shape", d, 1);
  const Integers strides = window_list(node, "strides", d, 1);
  const Integers dilations = has_attribute(node, "dilations") ? window_list(node, "dilations", d, 1) : Integers(d, 1);
  const Integers pads = window_list(node, "pads", 2 * d, 0);
  const bool ceil_mode = has_attribute(node, "ceil_mode") && flag_of(node, "ceil_mode");
  if (!average) static_cast<void>(flag_of(node, "storage_order"));
  const AutoPad mode = auto_pad_of(node);
  const bool padded = std::any_of(pads.begin(), pads.end(), [](std::int64_t entry) { return entry != 0; });
  if (mode != AutoPad::no && padded)
    throw Unsupported{"It has both 'auto_pad' and 'pads'; readers disagree on which holds: keep one of them."};
  if (mode != AutoPad::no && ceil_mode)
    throw Unsupported{"It has both 'auto_pad' and 'ceil_mode'; runtimes disagree on the length of its result: write its 'pads' out."};
  WindowParameters window;
  window.count_include_pad = average && flag_of(node, "count_include_pad");
  for (std::size_t k = 0; k < d; ++k) {
    WindowAxis axis;
    axis.input = data[k + 2];
    axis.kernel = static_cast<std::uint64_t>(kernel[k]);
    axis.stride = static_cast<std::uint64_t>(strides[k]);
    axis.dilation = static_cast<std::uint64_t>(dilations[k]);
    axis.begin = pads[k];
    axis.end = pads[d + k];
    resolve_window(axis, mode, ceil_mode);
    check_pool(node, axis, ceil_mode, window.count_include_pad);
    window.axes.push_back(axis);
  }
  return window;
}

WindowParameters global_pool_parameters(const NodeView& node) {
  const Shape& data = node.operands[0].shape;
  if (data.size() < 3) throw Unsupported{"Its data of shape " + text_of(data) + " has no spatial axes after batch and channels."};
  WindowParameters window;
  for (std::size_t k = 2; k < data.size(); ++k) {
    WindowAxis axis;
    axis.input = axis.kernel = data[k];
    axis.output = 1;
    window.axes.push_back(axis);
  }
  return window;
}

// The view of a node of a network, for as long as the object lives.
class NodeOf {
 public:
  NodeOf(const Network& network, std::size_t node)
      : operands_(operands_of(network, node)),
        view_{network.nodes[node].op, network.opset, network.nodes[node].attributes, operands_, network.nodes[node].outputs.size()} {}
  [[nodiscard]] const NodeView& view() const { return view_; }

 private:
  std::vector<Operand> operands_;
  NodeView view_;
};

template <typename Function>
auto resolved(const Network& network, std::size_t node, Function function) {
  const NodeOf item(network, node);
  try {
    return function(item.view());
  } catch (const Unsupported& unsupported) {
    defect("The parameters of the node '" + network.label(node) + "' were asked for although it is not supported: " + unsupported.reason);
  }
}

}  // namespace

std::int64_t integer_of(const NodeView& node, const char* attribute) {
  return std::get<std::int64_t>(node.attributes.at(attribute));
}

const std::string& text_attribute(const NodeView& node, const char* attribute) {
  return std::get<std::string>(node.attributes.at(attribute));
}

bool flag_of(const NodeView& node, const char* attribute) {
  const std::int64_t value = integer_of(node, attribute);
  if (value != 0 && value != 1)
    throw Unsupported{std::string("Its attribute '") + attribute + "' is " + std::to_string(value) + " where 0 or 1 is meant."};
  return value == 1;
}

std::vector<Operand> operands_of(const Network& network, std::size_t node) {
  if (node >= network.nodes.size()) defect("A node index beyond the end of the graph was used.");
  std::vector<Operand> operands;
  for (const ValueId id : network.nodes[node].inputs) {
    if (id == no_value) {
      operands.emplace_back();
      continue;
    }
    const Value& value = network.values.at(id);
    operands.push_back({true, value.type, value.shape, value.constant, network.known(id)});
  }
  return operands;
}

WindowParameters window_parameters(const NodeView& node) {
  switch (node.op) {
    case Operator::conv:
    case Operator::conv_transpose:
      return convolution_parameters(node);
    case Operator::max_pool:
    case Operator::average_pool:
      return pool_parameters(node);
    case Operator::global_max_pool:
    case Operator::global_average_pool:
      return global_pool_parameters(node);
    default:  // every other operator: asked by mistake
      defect(std::string("The windows of a node of ") + name_of(node.op) + " were asked for.");
  }
}

std::vector<std::uint64_t> axes_of(const NodeView& node) {
  const Shape& shape = node.operands.at(0).shape;
  switch (node.op) {
    case Operator::reduce_mean:
    case Operator::reduce_sum:
    case Operator::reduce_max:
    case Operator::reduce_min:
    case Operator::reduce_l2:
      return reduced_axes(node);
    case Operator::squeeze:
      return squeezed_axes(node);
    case Operator::unsqueeze:
      return unsqueezed_axes(node);
    case Operator::concat:
    case Operator::split:
    case Operator::top_k:
    case Operator::gather:
      return {resolve_axis(integer_of(node, "axis"), shape.size(), true, shape)};
    case Operator::softmax: {
      const std::uint64_t axis = resolve_axis(integer_of(node, "axis"), shape.size(), node.opset >= 11, shape);
      std::vector<std::uint64_t> axes = {axis};
      if (node.opset < 13)
        for (std::uint64_t k = axis + 1; k < shape.size(); ++k) axes.push_back(k);
      return axes;
    }
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
      node.has(3) ? resolve_axes(known_list(node, 3, "list of axes", true), shape.size(), true, shape) : all_axes(shape.size());
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

std::vector<std::uint64_t> split_lengths(const NodeView& node) {
  const std::uint64_t axis = axes_of(node)[0];
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

WindowParameters window_parameters(const Network& network, std::size_t node) {
  return resolved(network, node, [](const NodeView& view) { return window_parameters(view); });
}
std::vector<std::uint64_t> axes_of(const Network& network, std::size_t node) {
  return resolved(network, node, [](const NodeView& view) { return axes_of(view); });
}
std::vector<SliceAxis> slice_axes(const Network& network, std::size_t node) {
  return resolved(network, node, [](const NodeView& view) { return slice_axes(view); });
}
std::vector<PadAxis> pad_axes(const Network& network, std::size_t node) {
  return resolved(network, node, [](const NodeView& view) { return pad_axes(view); });
}
std::vector<std::uint64_t> split_lengths(const Network& network, std::size_t node) {
  return resolved(network, node, [](const NodeView& view) { return split_lengths(view); });
}

std::vector<EntrySource> entry_sources(const Network& network, std::size_t node, std::size_t output) {
  return resolved(network, node, [&](const NodeView& view) { return entry_sources(view, output); });
}

}  // namespace lipcert
