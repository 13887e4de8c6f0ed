// See parameters.hpp. Every list is checked before its entries are used, and a number from the file is below 2^31 before it enters a product.
#include "verifier/graph/parameters.hpp"

#include <algorithm>
#include <numeric>

#include "verifier/base/bytes.hpp"
#include "verifier/base/failure.hpp"

namespace lipverify {

namespace {

constexpr std::int64_t kLarge = std::int64_t{1} << 31;
constexpr std::uint64_t kElements = std::uint64_t{1} << 28;

/// One node and what it reads.
class Reading {
 public:
  Reading(const Graph& graph, std::size_t index) : graph_(graph), node_(graph.nodes[index]), index_(index) {}

  [[noreturn]] void fail(const std::string& reason) const { refuse_node(graph_, index_, reason); }
  [[nodiscard]] bool has_input(std::size_t i) const { return i < node_.inputs.size() && node_.inputs[i] != kAbsent; }
  [[nodiscard]] const Value& in(std::size_t i) const {
    if (!has_input(i)) fail("input " + std::to_string(i) + " is missing");
    return graph_.values[node_.inputs[i]];
  }
  [[nodiscard]] const Attribute* find(const char* name) const {
    const auto found = node_.attributes.find(name);
    return found == node_.attributes.end() ? nullptr : &found->second;
  }
  [[nodiscard]] std::int64_t integer(const char* name, std::int64_t otherwise = 0) const {
    const Attribute* found = find(name);
    return found == nullptr ? otherwise : found->integer;
  }
  [[nodiscard]] bool flag(const char* name) const {
    const std::int64_t value = integer(name);
    if (value < 0 || value > 1) fail(std::string(name) + " must be 0 or 1");
    return value == 1;
  }

  /// A known vector of integers; INT32 only where it is allowed.
  [[nodiscard]] std::vector<std::int64_t> vector(std::size_t i, const char* what, bool narrow) const {
    const Value& value = in(i);
    if (value.known == nullptr || value.shape.size() != 1 || (value.type != kInt64 && !(narrow && value.type == kInt32)))
      fail(std::string(what) + " must be a known vector of integers");
    return integers_of(*value.known);
  }

  /// An axis of a tensor of this rank; `from_end`: it may be negative.
  [[nodiscard]] std::uint64_t axis(std::int64_t value, std::size_t rank, bool from_end) const {
    const auto r = static_cast<std::int64_t>(rank);
    if (value >= r || value < (from_end ? -r : 0)) fail("axis " + std::to_string(value) + " is out of range");
    return static_cast<std::uint64_t>(value < 0 ? value + r : value);
  }
  [[nodiscard]] std::vector<std::uint64_t> axes(const std::vector<std::int64_t>& values, std::size_t rank, bool from_end) const {
    std::vector<std::uint64_t> out;
    for (const std::int64_t value : values) {
      out.push_back(axis(value, rank, from_end));
      if (std::count(out.begin(), out.end(), out.back()) != 1) fail("axis " + std::to_string(value) + " is named twice");
    }
    return out;
  }

  /// Attribute with one entry per spatial axis (twice as many for pads), each from `least` to 2^31 - 1; `otherwise` where it is absent.
  [[nodiscard]] std::vector<std::uint64_t> per_axis(const char* name, std::size_t count, std::int64_t least, std::uint64_t otherwise) const {
    const Attribute* found = find(name);
    if (found == nullptr) return std::vector<std::uint64_t>(count, otherwise);
    if (found->integers.size() != count) fail(std::string(name) + " has " + std::to_string(found->integers.size()) + " entries, not " + std::to_string(count));
    std::vector<std::uint64_t> out;
    for (const std::int64_t value : found->integers) {
      if (value < least || value >= kLarge) fail(std::string(name) + " has the entry " + std::to_string(value));
      out.push_back(static_cast<std::uint64_t>(value));
    }
    return out;
  }

  [[nodiscard]] std::uint64_t opset() const { return graph_.opset; }
  [[nodiscard]] const Node& node() const { return node_; }
  [[nodiscard]] const Graph& graph() const { return graph_; }

 private:
  const Graph& graph_;
  const Node& node_;
  std::size_t index_;
};

// ----------------------------------------------------------------------------------------------------------------------------- windows

/// An output length: at least 1 and not beyond what a tensor may have.
std::uint64_t length_of(const Reading& at, std::int64_t value) {
  if (value < 1 || value > static_cast<std::int64_t>(kElements)) at.fail("an output length is " + std::to_string(value));
  return static_cast<std::uint64_t>(value);
}

/// auto_pad: NOTSET, VALID, SAME_UPPER or SAME_LOWER.
std::string padding_rule(const Reading& at) {
  const Attribute* found = at.find("auto_pad");
  const std::string rule = found == nullptr || found->text.empty() ? "NOTSET" : found->text;
  if (rule != "NOTSET" && rule != "VALID" && rule != "SAME_UPPER" && rule != "SAME_LOWER") at.fail("auto_pad '" + printable(rule) + "' is not known");
  return rule;
}

/// Every window of a pool must meet the data. Cost: the output length.
void every_window_meets(const Reading& at, const WindowAxis& a) {
  for (std::uint64_t i = 0; i < a.output; ++i) {
    const std::int64_t start = static_cast<std::int64_t>(a.stride * i) - a.begin;
    const auto step = static_cast<std::int64_t>(a.dilation);
    const std::int64_t first = start >= 0 ? 0 : (-start + step - 1) / step;  // first tap that is not before the data
    if (first >= static_cast<std::int64_t>(a.kernel) || start + first * step >= static_cast<std::int64_t>(a.input))
      at.fail("a window contains no element of the data");
  }
}

void pooling_rules(const Reading& at, WindowAxis& a, bool ceil_mode, bool same) {
  const auto extent = static_cast<std::int64_t>(a.dilation * (a.kernel - 1) + 1);
  const auto n = static_cast<std::int64_t>(a.input);
  const auto s = static_cast<std::int64_t>(a.stride);
  if (a.begin >= extent || a.end >= extent) at.fail("padding must be smaller than the window");
  if (!same) {
    const std::int64_t room = n + a.begin + a.end - extent;
    if (room < 0) at.fail("its window is larger than the padded data");
    a.output = length_of(at, (room + (ceil_mode ? s - 1 : 0)) / s + 1);
  }
  const std::int64_t last = static_cast<std::int64_t>(a.output - 1) * s;
  if (ceil_mode && last >= n + a.begin) at.fail("with ceil_mode 1 a window begins behind the data");
  if (ceil_mode && at.node().op == Op::average_pool && at.integer("count_include_pad") == 1 && last + extent > n + a.begin + a.end)
    at.fail("with ceil_mode 1 and count_include_pad 1 a window ends behind the padding");
  every_window_meets(at, a);
}

Window global_window(const Reading& at) {
  const Shape& shape = at.in(0).shape;
  if (shape.size() < 3) at.fail("its data must have at least 3 dimensions");
  Window out;
  for (std::size_t k = 2; k < shape.size(); ++k) out.axes.push_back({shape[k], 1, shape[k], 1, 1, 0, 0});
  return out;
}

}  // namespace

void refuse_node(const Graph& graph, std::size_t node, const std::string& reason) {
  unreadable("the model's node " + std::to_string(node) + " (" + printable(graph.nodes[node].type) + "): " + reason);
}

std::vector<std::int64_t> integers_of(const Tensor& tensor) {
  std::vector<std::int64_t> out(element_count(tensor.shape));
  for (std::size_t i = 0; i < out.size(); ++i) out[i] = tensor.integer(i);
  return out;
}

Window window_of(const Graph& graph, std::size_t index) {
  const Reading at(graph, index);
  const Op op = at.node().op;
  if (op == Op::global_average_pool || op == Op::global_max_pool) return global_window(at);
  const Shape& data = at.in(0).shape;
  if (data.size() < 3 || data.size() > 5) at.fail("its data must have 3 to 5 dimensions");
  const std::size_t spatial = data.size() - 2;
  const bool pool = op == Op::max_pool || op == Op::average_pool;
  Window out;
  out.axes.resize(spatial);
  out.count_include_pad = op == Op::average_pool && at.flag("count_include_pad");
  const std::vector<std::uint64_t> kernel = at.per_axis("kernel_shape", spatial, 1, 0);
  const std::vector<std::uint64_t> strides = at.per_axis("strides", spatial, 1, 1);
  const std::vector<std::uint64_t> dilations = at.per_axis("dilations", spatial, 1, 1);
  const std::vector<std::uint64_t> pads = at.per_axis("pads", 2 * spatial, 0, 0);
  const bool ceil_mode = pool && at.flag("ceil_mode");
  const std::string rule = padding_rule(at);
  const bool same = rule == "SAME_UPPER" || rule == "SAME_LOWER";
  const bool padded = std::any_of(pads.begin(), pads.end(), [](std::uint64_t p) { return p != 0; });
  if (rule != "NOTSET" && padded) at.fail("it has both auto_pad and pads");
  if ((rule != "NOTSET" && ceil_mode) || (same && op == Op::conv_transpose)) at.fail("auto_pad " + rule + " is not supported here");
  if (op == Op::max_pool) (void)at.flag("storage_order");
  if (out.count_include_pad)
    for (const std::uint64_t d : dilations)
      if (d != 1) at.fail("dilations with count_include_pad 1 are not supported");
  if (!pool) {
    const Shape& weight = at.in(1).shape;
    if (weight.size() != data.size()) at.fail("its weight does not have the rank of the data");
    const std::int64_t groups = at.integer("group");
    if (groups < 1 || groups > static_cast<std::int64_t>(kElements)) at.fail("group must be at least 1");
    out.groups = static_cast<std::uint64_t>(groups);
    if (data[1] % out.groups != 0 || weight[0] % out.groups != 0) at.fail("channels are not a multiple of group");
    if (op == Op::conv ? weight[1] != data[1] / out.groups : weight[0] != data[1]) at.fail("the channels of weight and data differ");
    for (std::size_t k = 0; k < spatial; ++k)
      if (weight[k + 2] != kernel[k]) at.fail("kernel_shape is not that of the weight");
  }
  for (std::size_t k = 0; k < spatial; ++k) {
    WindowAxis& a = out.axes[k];
    a = {data[k + 2], 1, kernel[k], strides[k], dilations[k], static_cast<std::int64_t>(pads[k]), static_cast<std::int64_t>(pads[spatial + k])};
    const auto n = static_cast<std::int64_t>(a.input);
    const auto s = static_cast<std::int64_t>(a.stride);
    const auto extent = static_cast<std::int64_t>(a.dilation * (a.kernel - 1) + 1);  // below 2^62
    if (op == Op::conv_transpose) {
      const std::uint64_t more = at.per_axis("output_padding", spatial, 0, 0)[k];
      if (more >= std::max(a.stride, a.dilation)) at.fail("output_padding must be below stride or dilation");
      if (extent > kLarge || s * (n - 1) > std::int64_t{1} << 60) at.fail("its result is too large");
      a.output = length_of(at, s * (n - 1) + static_cast<std::int64_t>(more) + extent - a.begin - a.end);
      continue;
    }
    if (same) {
      a.output = (a.input + a.stride - 1) / a.stride;
      const std::int64_t total = std::max<std::int64_t>(static_cast<std::int64_t>(a.output - 1) * s + extent - n, 0);
      a.begin = rule == "SAME_UPPER" ? total / 2 : total - total / 2;
      a.end = total - a.begin;
    } else if (!pool) {
      const std::int64_t room = n + a.begin + a.end - extent;
      if (room < 0) at.fail("its window is larger than the padded data");
      a.output = length_of(at, room / s + 1);
    }
    if (pool) pooling_rules(at, a, ceil_mode, same);
  }
  return out;
}

// -------------------------------------------------------------------------------------------------------------------------------- axes

std::vector<std::uint64_t> axes_of(const Graph& graph, std::size_t index) {
  const Reading at(graph, index);
  const Shape& shape = at.in(0).shape;
  const bool from_end = graph.opset >= 11;
  switch (at.node().op) {
    case Op::softmax: return {at.axis(at.integer("axis"), shape.size(), from_end)};
    case Op::top_k:
    case Op::concat:
    case Op::split:
    case Op::gather: return {at.axis(at.integer("axis"), shape.size(), true)};
    default: break;
  }
  const bool squeeze = at.node().op == Op::squeeze;
  const bool unsqueeze = at.node().op == Op::unsqueeze;
  std::vector<std::int64_t> named;
  if (const Attribute* attribute = at.find("axes"); attribute != nullptr) {
    named = attribute->integers;
  } else if (at.has_input(1)) {
    named = at.vector(1, "axes", false);
  } else if (unsqueeze) {
    at.fail("axes are missing");
  }
  std::vector<std::uint64_t> out;
  if (unsqueeze) {
    out = at.axes(named, shape.size() + named.size(), from_end);
  } else if (!named.empty()) {
    out = at.axes(named, shape.size(), from_end);
    for (const std::uint64_t k : out)
      if (squeeze && shape[k] != 1) at.fail("an axis that it drops does not have length 1");
  } else if (squeeze || !at.flag("noop_with_empty_axes")) {
    for (std::size_t k = 0; k < shape.size(); ++k)
      if (!squeeze || shape[k] == 1) out.push_back(k);
  } else if (at.node().op == Op::reduce_l2) {
    at.fail("noop_with_empty_axes without axes is not supported here");
  }
  std::sort(out.begin(), out.end());
  return out;
}

std::vector<SliceAxis> slice_of(const Graph& graph, std::size_t index) {
  const Reading at(graph, index);
  const Shape& shape = at.in(0).shape;
  std::vector<std::int64_t> starts, ends, axes, steps;
  if (graph.opset < 10) {
    starts = at.find("starts")->integers;
    ends = at.find("ends")->integers;
    axes = at.find("axes")->integers;
  } else {
    const std::uint32_t type = at.in(1).type;
    for (std::size_t i = 2; i < at.node().inputs.size(); ++i)
      if (at.has_input(i) && at.in(i).type != type) at.fail("its starts, ends, axes and steps are not of one type");
    starts = at.vector(1, "starts", true);
    ends = at.vector(2, "ends", true);
    if (at.has_input(3)) {
      axes = at.vector(3, "axes", true);
    } else {
      axes.resize(starts.size());
      std::iota(axes.begin(), axes.end(), std::int64_t{0});
    }
    if (at.has_input(4)) steps = at.vector(4, "steps", true);
  }
  if (steps.empty()) steps.assign(starts.size(), 1);
  if (ends.size() != starts.size() || axes.size() != starts.size() || steps.size() != starts.size()) at.fail("its lists differ in length");
  const std::vector<std::uint64_t> places = at.axes(axes, shape.size(), true);
  std::vector<SliceAxis> out(shape.size());
  for (std::size_t k = 0; k < shape.size(); ++k) out[k].length = shape[k];
  for (std::size_t i = 0; i < places.size(); ++i) {
    const Int128 n = static_cast<Int128>(shape[places[i]]);
    const Int128 step = steps[i];
    if (step == 0) at.fail("a step is 0");
    Int128 start = starts[i] < 0 ? starts[i] + n : Int128{starts[i]};
    Int128 end = ends[i] < 0 ? ends[i] + n : Int128{ends[i]};
    start = std::clamp<Int128>(start, 0, step > 0 ? n : n - 1);
    end = step > 0 ? std::clamp<Int128>(end, 0, n) : std::clamp<Int128>(end, -1, n - 1);
    const Int128 count = step > 0 ? (end - start + step - 1) / step : (start - end - step - 1) / -step;
    if (count < 1) at.fail("its result is empty");
    out[places[i]] = {static_cast<std::int64_t>(start), static_cast<std::int64_t>(count == 1 ? Int128{1} : step), static_cast<std::uint64_t>(count)};
  }
  return out;
}

std::vector<PadAxis> pads_of(const Graph& graph, std::size_t index) {
  const Reading at(graph, index);
  const Shape& shape = at.in(0).shape;
  const std::string& mode = at.find("mode")->text;
  const bool wrap = mode == "wrap" && graph.opset >= 19;
  if (mode != "constant" && mode != "reflect" && mode != "edge" && !wrap) at.fail("mode '" + printable(mode) + "' is not supported");
  const std::vector<std::int64_t> pads = graph.opset < 11 ? at.find("pads")->integers : at.vector(1, "pads", false);
  std::vector<std::uint64_t> axes(shape.size());
  std::iota(axes.begin(), axes.end(), std::uint64_t{0});
  if (graph.opset >= 18 && at.has_input(3)) axes = at.axes(at.vector(3, "axes", true), shape.size(), true);
  if (pads.size() != 2 * axes.size()) at.fail("pads has " + std::to_string(pads.size()) + " entries, not " + std::to_string(2 * axes.size()));
  std::vector<PadAxis> out(shape.size());
  for (std::size_t i = 0; i < axes.size(); ++i) {
    const std::uint64_t n = shape[axes[i]];
    for (const std::int64_t p : {pads[i], pads[axes.size() + i]}) {
      if (p < 0 || p > static_cast<std::int64_t>(kElements)) at.fail("a pad is negative or too large");
      const auto most = mode == "reflect" ? n - 1 : wrap ? n : kElements;
      if (static_cast<std::uint64_t>(p) > most) at.fail("a pad of mode " + mode + " is longer than the data");
    }
    out[axes[i]] = {static_cast<std::uint64_t>(pads[i]), static_cast<std::uint64_t>(pads[axes.size() + i])};
  }
  return out;
}

std::vector<std::uint64_t> parts_of(const Graph& graph, std::size_t index, std::size_t outputs) {
  const Reading at(graph, index);
  const std::uint64_t length = at.in(0).shape[axes_of(graph, index)[0]];
  std::vector<std::uint64_t> out;
  if (outputs == 0 || outputs > 1024) at.fail("a Split has 1 to 1024 outputs");
  const bool listed = graph.opset < 13 || at.has_input(1);
  if (graph.opset >= 18 && at.integer("num_outputs") != (listed ? 0 : static_cast<std::int64_t>(outputs)))
    at.fail("num_outputs is not the number of its outputs");
  if (listed) {
    const std::vector<std::int64_t> lengths = graph.opset < 13 ? at.find("split")->integers : at.vector(1, "split", false);
    if (lengths.size() != outputs) at.fail("it has " + std::to_string(lengths.size()) + " lengths and " + std::to_string(outputs) + " outputs");
    for (const std::int64_t part : lengths) {
      if (part < 1 || part > static_cast<std::int64_t>(length)) at.fail("a part has the length " + std::to_string(part));
      out.push_back(static_cast<std::uint64_t>(part));
    }
  } else if (graph.opset >= 18) {
    const std::uint64_t part = (length + outputs - 1) / outputs;
    if (part * (outputs - 1) >= length) at.fail("its last part is empty");
    out.assign(outputs, part);
    out.back() = length - part * (outputs - 1);
  } else {
    if (length % outputs != 0) at.fail("its axis cannot be divided into equal parts");
    out.assign(outputs, length / outputs);
  }
  if (std::accumulate(out.begin(), out.end(), std::uint64_t{0}) != length) at.fail("its parts do not add up to the length of the axis");
  return out;
}

std::uint64_t top_of(const Graph& graph, std::size_t index) {
  const Reading at(graph, index);
  const std::uint64_t length = at.in(0).shape[axes_of(graph, index)[0]];
  std::int64_t k = 0;
  if (graph.opset < 10) {
    k = at.integer("k");
  } else {
    const Value& value = at.in(1);
    if (value.known == nullptr || value.type != kInt64 || element_count(value.shape) != 1) at.fail("K must be one known INT64");
    k = value.known->integer(0);
  }
  if (k < 1 || k > static_cast<std::int64_t>(length)) at.fail("K is " + std::to_string(k));
  return static_cast<std::uint64_t>(k);
}

// ----------------------------------------------------------------------------------------------------------------------- moved entries

bool moves_entries(Op op) {
  switch (op) {
    case Op::identity:
    case Op::dropout:
    case Op::cast:
    case Op::flatten:
    case Op::reshape:
    case Op::squeeze:
    case Op::unsqueeze:
    case Op::transpose:
    case Op::concat:
    case Op::split:
    case Op::slice:
    case Op::gather:
    case Op::pad:
    case Op::depth_to_space:
    case Op::space_to_depth: return true;
    default: return false;
  }
}

namespace {

Shape strides_of(const Shape& shape) {
  Shape out(shape.size(), 1);
  for (std::size_t k = shape.size(); k-- > 1;) out[k - 1] = out[k] * shape[k];
  return out;
}

/// Walks over a shape in row-major order; place[k] is the position on axis k.
template <typename Visit>
void for_each_place(const Shape& shape, const Visit& visit) {
  Shape place(shape.size(), 0);
  const std::uint64_t count = element_count(shape);
  for (std::uint64_t e = 0; e < count; ++e) {
    visit(place);
    for (std::size_t k = shape.size(); k-- > 0;) {
      if (++place[k] < shape[k]) break;
      place[k] = 0;
    }
  }
}

/// Axis by axis: entry (i_0, i_1, ...) of the result is the data's entry sum of tables[k][i_k]; a table entry -1 is padding.
std::vector<Source> by_tables(const std::vector<std::vector<std::int64_t>>& tables) {
  Shape shape;
  for (const auto& table : tables) shape.push_back(table.size());
  std::vector<Source> out;
  out.reserve(element_count(shape));
  for_each_place(shape, [&](const Shape& place) {
    std::int64_t at = 0;
    bool padding = false;
    for (std::size_t k = 0; k < place.size(); ++k) {
      padding = padding || tables[k][place[k]] < 0;
      at += tables[k][place[k]];
    }
    out.push_back(padding ? Source{kPadding, 0} : Source{0, static_cast<std::uint32_t>(at)});
  });
  return out;
}

/// The data seen with the shape `parts`, its axes in the order `order`.
std::vector<Source> permuted(const Shape& parts, const std::vector<std::size_t>& order) {
  const Shape strides = strides_of(parts);
  std::vector<std::vector<std::int64_t>> tables;
  for (const std::size_t axis : order) {
    tables.emplace_back();
    for (std::uint64_t i = 0; i < parts[axis]; ++i) tables.back().push_back(static_cast<std::int64_t>(i * strides[axis]));
  }
  return by_tables(tables);
}

/// Position of the data that stands at position i of a padded axis; -1 for a constant.
std::int64_t padded_source(std::int64_t i, std::int64_t n, const std::string& mode) {
  if (i >= 0 && i < n) return i;
  if (mode == "constant") return -1;
  if (mode == "edge") return i < 0 ? 0 : n - 1;
  if (mode == "wrap") return i < 0 ? i + n : i - n;
  return i < 0 ? -i : 2 * (n - 1) - i;  // reflect
}

std::vector<Source> concatenated(const Graph& graph, std::size_t index) {
  const Node& node = graph.nodes[index];
  const std::uint64_t axis = axes_of(graph, index)[0];
  const Shape& out_shape = graph.values[node.outputs[0]].shape;
  const std::uint64_t inner = element_count(Shape(out_shape.begin() + static_cast<std::ptrdiff_t>(axis) + 1, out_shape.end()));
  const std::uint64_t outer = element_count(Shape(out_shape.begin(), out_shape.begin() + static_cast<std::ptrdiff_t>(axis)));
  std::vector<Source> out;
  for (std::uint64_t o = 0; o < outer; ++o)
    for (std::size_t k = 0; k < node.inputs.size(); ++k) {
      const std::uint64_t run = graph.values[node.inputs[k]].shape[axis] * inner;
      for (std::uint64_t i = 0; i < run; ++i) out.push_back({static_cast<std::uint32_t>(k), static_cast<std::uint32_t>(o * run + i)});
    }
  return out;
}

}  // namespace

std::vector<Source> sources_of(const Graph& graph, std::size_t index, std::size_t output) {
  const Reading at(graph, index);
  const Node& node = at.node();
  const Shape& shape = at.in(0).shape;
  const Shape strides = strides_of(shape);
  std::vector<std::vector<std::int64_t>> tables(shape.size());
  const auto table = [&](std::size_t axis, const auto& positions) {
    for (const std::int64_t p : positions) tables[axis].push_back(p < 0 ? -1 : p * static_cast<std::int64_t>(strides[axis]));
  };
  const auto range = [](std::int64_t begin, std::uint64_t length, std::int64_t step) {
    std::vector<std::int64_t> out;
    for (std::uint64_t i = 0; i < length; ++i) out.push_back(begin + static_cast<std::int64_t>(i) * step);
    return out;
  };
  switch (node.op) {
    case Op::transpose: {
      std::vector<std::size_t> order;
      for (const std::int64_t axis : node.attributes.at("perm").integers) order.push_back(static_cast<std::size_t>(axis));
      return permuted(shape, order);
    }
    case Op::concat: return concatenated(graph, index);
    case Op::split: {
      const std::vector<std::uint64_t> parts = parts_of(graph, index, node.outputs.size());
      const std::uint64_t axis = axes_of(graph, index)[0];
      std::uint64_t begin = 0;
      for (std::size_t k = 0; k < output; ++k) begin += parts[k];
      for (std::size_t k = 0; k < shape.size(); ++k)
        table(k, k == axis ? range(static_cast<std::int64_t>(begin), parts[output], 1) : range(0, shape[k], 1));
      return by_tables(tables);
    }
    case Op::slice: {
      const std::vector<SliceAxis> parts = slice_of(graph, index);
      for (std::size_t k = 0; k < shape.size(); ++k) table(k, range(parts[k].begin, parts[k].length, parts[k].step));
      return by_tables(tables);
    }
    case Op::gather: {
      const std::uint64_t axis = axes_of(graph, index)[0];
      std::vector<std::int64_t> positions = integers_of(*at.in(1).known);
      for (std::int64_t& p : positions) p += p < 0 ? static_cast<std::int64_t>(shape[axis]) : 0;
      for (std::size_t k = 0; k < shape.size(); ++k) table(k, k == axis ? positions : range(0, shape[k], 1));
      return by_tables(tables);
    }
    case Op::pad: {
      const std::vector<PadAxis> pads = pads_of(graph, index);
      const std::string& mode = node.attributes.at("mode").text;
      for (std::size_t k = 0; k < shape.size(); ++k) {
        const auto n = static_cast<std::int64_t>(shape[k]);
        std::vector<std::int64_t> positions;
        for (std::int64_t i = -static_cast<std::int64_t>(pads[k].begin); i < n + static_cast<std::int64_t>(pads[k].end); ++i)
          positions.push_back(padded_source(i, n, mode));
        table(k, positions);
      }
      return by_tables(tables);
    }
    case Op::depth_to_space: {
      const auto b = static_cast<std::uint64_t>(node.attributes.at("blocksize").integer);
      const bool columns_first = graph.opset >= 11 && node.attributes.at("mode").text == "CRD";
      const std::uint64_t c = shape[1] / (b * b);
      if (columns_first) return permuted({shape[0], c, b, b, shape[2], shape[3]}, {0, 1, 4, 2, 5, 3});
      return permuted({shape[0], b, b, c, shape[2], shape[3]}, {0, 3, 4, 1, 5, 2});
    }
    case Op::space_to_depth: {
      const auto b = static_cast<std::uint64_t>(node.attributes.at("blocksize").integer);
      return permuted({shape[0], shape[1], shape[2] / b, b, shape[3] / b, b}, {0, 3, 5, 1, 2, 4});
    }
    default: {
      std::vector<Source> out(element_count(shape));
      for (std::size_t i = 0; i < out.size(); ++i) out[i] = {0, static_cast<std::uint32_t>(i)};
      return out;
    }
  }
}

}  // namespace lipverify
