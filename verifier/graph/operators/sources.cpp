// Where the entries of a node that moves entries come from (see parameters.hpp).
#include <algorithm>
#include <numeric>

#include "verifier/base/bytes.hpp"
#include "verifier/graph/operators/family.hpp"

namespace lipverify {

std::vector<SliceAxis> slice_of(const Graph& graph, std::size_t index) {
  const NodeRules at(graph, index);
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
  const NodeRules at(graph, index);
  const Shape& shape = at.in(0).shape;
  const std::string& mode = at.find("mode")->text;
  const bool wrap = mode == "wrap" && graph.opset >= 19;
  if (mode != "constant" && mode != "reflect" && mode != "edge" && !wrap) at.fail("mode '" + printable(mode) + "' is not supported");
  const std::vector<std::int64_t> pads = graph.opset < 11 ? at.find("pads")->integers : at.vector(1, "pads", false);
  std::vector<std::uint64_t> axes(shape.size());
  std::iota(axes.begin(), axes.end(), std::uint64_t{0});
  if (graph.opset >= 18 && at.has_input(3)) axes = at.axes(at.vector(3, "axes", false), shape.size(), true);
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
  const NodeRules at(graph, index);
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
  const NodeRules at(graph, index);
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
    case Op::expand: {
      const Shape& to = graph.values[node.outputs[output]].shape;
      tables.assign(to.size(), {});
      for (std::size_t k = 0; k < to.size(); ++k) {
        const std::size_t missing = to.size() - shape.size();
        const bool repeated = k < missing || shape[k - missing] == 1;
        for (std::uint64_t i = 0; i < to[k]; ++i) tables[k].push_back(repeated ? 0 : static_cast<std::int64_t>(i * strides[k - missing]));
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
