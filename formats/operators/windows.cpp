// Operators that slide a window over the spatial axes: Conv, ConvTranspose and the pools (formats/onnx.md, section 5). Their windows and
// the shapes of their results.
//
// Written from the ONNX operator specification; where its versions or its runtimes disagree, formats/onnx.md says what is refused. Lengths
// are at most 2^28, and pads, strides, dilations and kernels below 2^31, so that no expression here leaves 64 bits.
#include <algorithm>

#include "formats/operators/rules.hpp"

namespace lipcert {

namespace {

constexpr std::int64_t window_cap = (std::int64_t{1} << 31U) - 1;

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
// `least`: how far beyond the end of the data the last window of an automatic padding must reach at least.
void resolve_window(WindowAxis& axis, AutoPad mode, bool ceil_mode, std::int64_t least) {
  if ((mode == AutoPad::same_upper || mode == AutoPad::same_lower) && axis.dilation != 1)
    throw Unsupported{
        "Runtimes disagree on automatic padding (auto_pad SAME) with dilations, or refuse it (ONNX Runtime); write its 'pads' out."};
  const auto n = static_cast<std::int64_t>(axis.input);
  const auto s = static_cast<std::int64_t>(axis.stride);
  const std::int64_t extent = static_cast<std::int64_t>(axis.dilation) * (static_cast<std::int64_t>(axis.kernel) - 1) + 1;
  if (mode == AutoPad::same_upper || mode == AutoPad::same_lower) {
    const std::int64_t length = (n + s - 1) / s;
    const std::int64_t beyond = (length - 1) * s + extent - n;  // the end of the last window, where the first begins with the data
    if (beyond < least)
      throw Unsupported{
          "Runtimes disagree on automatic padding (auto_pad SAME) whose windows leave out the end of the data, or refuse it (ONNX "
          "Runtime); "
          "write its 'pads' out."};
    const std::int64_t total = std::max<std::int64_t>(beyond, 0);
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
  if (axis.begin >= static_cast<std::int64_t>(axis.kernel) || axis.end >= static_cast<std::int64_t>(axis.kernel))
    throw Unsupported{
        "Its padding is as long as its kernel, so that a window would hold no data, or runtimes refuse it (ONNX Runtime); pad by less."};
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
  const bool same = mode == AutoPad::same_upper || mode == AutoPad::same_lower;
  const bool told = has_attribute(node, "output_shape");  // the length of the result is given, and the padding follows from it
  if (told && (padded || mode == AutoPad::valid))
    throw Unsupported{"It has both 'output_shape' and padding; readers disagree on which holds: keep one of them."};
  const Integers lengths = told ? window_list(node, "output_shape", d, 1) : Integers();
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
      if (output_padding[k] >= strides[k])
        throw Unsupported{"Its output_padding " + std::to_string(output_padding[k]) + " is not smaller than its stride " +
                          std::to_string(strides[k]) + ", which runtimes refuse (ONNX Runtime)."};
      const std::int64_t extent = dilations[k] * (kernel[k] - 1) + 1;
      if (extent > window_cap + 1)
        throw Unsupported{"Its kernel reaches over more than 2^31 positions, which is more than this reader takes."};
      const std::int64_t all = strides[k] * (static_cast<std::int64_t>(axis.input) - 1) + output_padding[k] + extent;
      if (told || same) {
        const std::int64_t total = all - (told ? lengths[k] : strides[k] * static_cast<std::int64_t>(axis.input));
        if (total < 0 || total % 2 != 0 || output_padding[k] != 0)
          throw Unsupported{"The padding that its 'output_shape' or 'auto_pad' leaves to the runtime is " + std::to_string(total) +
                            " along spatial axis " + std::to_string(k) + (output_padding[k] != 0 ? ", beside an output_padding" : "") +
                            "; runtimes agree where it is even and not negative: write its 'pads' out."};
        axis.begin = axis.end = total / 2;
      }
      const std::int64_t length = all - axis.begin - axis.end;
      if (length < 1) throw Unsupported{"Its pads leave nothing of the result along spatial axis " + std::to_string(k) + "."};
      axis.output = static_cast<std::uint64_t>(length);
    } else {
      resolve_window(axis, mode, false, -1);
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
  if (node.op == Operator::lp_pool && integer_of(node, "p") != 2)
    throw Unsupported{"It takes the norm of order " + std::to_string(integer_of(node, "p")) +
                      " of its windows; only the Euclidean norm (p = 2) is bounded."};
  const Integers pads = window_list(node, "pads", 2 * d, 0);
  const bool ceil_mode = has_attribute(node, "ceil_mode") && flag_of(node, "ceil_mode");
  if (node.op == Operator::max_pool) static_cast<void>(flag_of(node, "storage_order"));
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
    resolve_window(axis, mode, ceil_mode, 0);
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
  if (node.has(2) && node.operands[2].shape != Shape{channels})
    throw Unsupported{"Its bias of shape " + text_of(node.operands[2].shape) + " is not a vector of length " + std::to_string(channels) +
                      "."};
  return window_shape(node, channels);
}

}  // namespace

WindowParameters window_parameters(const NodeView& node) {
  switch (node.op) {
    case Operator::conv:
    case Operator::conv_transpose:
      return convolution_parameters(node);
    case Operator::max_pool:
    case Operator::average_pool:
    case Operator::lp_pool:
      return pool_parameters(node);
    case Operator::global_max_pool:
    case Operator::global_average_pool:
      return global_pool_parameters(node);
    default:  // every other operator: asked by mistake
      defect(std::string("The windows of a node of ") + name_of(node.op) + " were asked for.");
  }
}

void fill_in_window(Attributes& attributes, const NodeView& node) {
  const Shape& shape = node.operands[0].shape;
  const std::size_t spatial = shape.size() > 2 ? shape.size() - 2 : 0;
  if (node.op == Operator::conv || node.op == Operator::conv_transpose) {
    Integers kernel;
    for (std::size_t k = 2; k < node.operands[1].shape.size(); ++k) kernel.push_back(static_cast<std::int64_t>(node.operands[1].shape[k]));
    fill_in(attributes, node, "kernel_shape", kernel);
    fill_in(attributes, node, "output_padding", Integers(spatial, 0));
  }
  fill_in(attributes, node, "dilations", Integers(spatial, 1));
  fill_in(attributes, node, "pads", Integers(2 * spatial, 0));
  fill_in(attributes, node, "strides", Integers(spatial, 1));
}

std::vector<Result> infer_window(const NodeView& node) {
  const Operand& data = node.operands[0];
  if (node.op == Operator::conv || node.op == Operator::conv_transpose) return {{data.type, convolution_shape(node)}};
  require_floating(node.operands, 1);
  static_cast<void>(window_parameters(node));  // the rank is right from here on
  return {{data.type, window_shape(node, data.shape[1])}};
}

}  // namespace lipcert
