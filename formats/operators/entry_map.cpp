// Where every entry of a moving node comes from (formats/operators/entry_map.hpp). All of them but Concat are products of maps of single
// axes: an entry of the result at (i_1, ..., i_r) is entry m_1(i_1) + ... + m_r(i_r) of the input, or padding when one of the m is. Linear
// in the result's size.
#include "formats/operators/entry_map.hpp"

#include <utility>

#include "formats/encoding/error.hpp"
#include "formats/operators/rules.hpp"

namespace lipcert {

namespace {

constexpr std::int64_t padding = -1;
using AxisMap = std::vector<std::int64_t>;  // offset in the flat input, or `padding`

std::vector<std::int64_t> strides_of(const Shape& shape) {
  std::vector<std::int64_t> strides(shape.size(), 1);
  for (std::size_t k = shape.size(); k-- > 1;) strides[k - 1] = strides[k] * static_cast<std::int64_t>(shape[k]);
  return strides;
}

std::vector<EntrySource> product(const std::vector<AxisMap>& axes) {
  std::vector<EntrySource> entries = {{0, 0}};
  for (const AxisMap& axis : axes) {
    std::vector<EntrySource> next;
    next.reserve(entries.size() * axis.size());
    for (const EntrySource& entry : entries)
      for (const std::int64_t offset : axis) {
        if (offset == padding || entry.input == no_source) {
          next.push_back({no_source, 0});
        } else {
          next.push_back({0, entry.index + static_cast<std::uint32_t>(offset)});
        }
      }
    entries = std::move(next);
  }
  return entries;
}

AxisMap steps(std::uint64_t count, std::int64_t start, std::int64_t step) {
  AxisMap map(static_cast<std::size_t>(count));
  for (std::size_t k = 0; k < map.size(); ++k) map[k] = start + static_cast<std::int64_t>(k) * step;
  return map;
}

// The entries of a tensor of this shape with its axes in another order.
std::vector<EntrySource> permuted(const Shape& shape, const std::vector<std::size_t>& order) {
  const std::vector<std::int64_t> strides = strides_of(shape);
  std::vector<AxisMap> axes;
  for (const std::size_t k : order) axes.push_back(steps(shape[k], 0, strides[k]));
  return product(axes);
}

std::vector<EntrySource> unmoved(std::uint64_t count) {
  std::vector<EntrySource> entries(static_cast<std::size_t>(count));
  for (std::size_t k = 0; k < entries.size(); ++k) entries[k].index = static_cast<std::uint32_t>(k);
  return entries;
}

std::vector<EntrySource> concatenated(const NodeView& node) {
  const auto axis = static_cast<std::size_t>(move_axes(node)[0]);
  std::uint64_t outer = 1;
  for (std::size_t k = 0; k < axis; ++k) outer *= node.operands[0].shape[k];
  std::vector<EntrySource> entries;
  for (std::uint64_t block = 0; block < outer; ++block)
    for (std::size_t input = 0; input < node.operands.size(); ++input) {
      const std::uint64_t length = element_count(node.operands[input].shape) / outer;
      for (std::uint64_t k = 0; k < length; ++k)
        entries.push_back({static_cast<std::uint32_t>(input), static_cast<std::uint32_t>(block * length + k)});
    }
  return entries;
}

std::vector<EntrySource> split_part(const NodeView& node, std::size_t output) {
  const Shape& shape = node.operands[0].shape;
  const auto axis = static_cast<std::size_t>(move_axes(node)[0]);
  const std::vector<std::uint64_t> lengths = split_lengths(node);
  const std::vector<std::int64_t> strides = strides_of(shape);
  std::uint64_t start = 0;
  for (std::size_t k = 0; k < output; ++k) start += lengths[k];
  std::vector<AxisMap> axes;
  for (std::size_t k = 0; k < shape.size(); ++k)
    axes.push_back(k == axis ? steps(lengths[output], static_cast<std::int64_t>(start) * strides[k], strides[k])
                             : steps(shape[k], 0, strides[k]));
  return product(axes);
}

std::vector<EntrySource> sliced(const NodeView& node) {
  const std::vector<SliceAxis> slices = slice_axes(node);
  const std::vector<std::int64_t> strides = strides_of(node.operands[0].shape);
  std::vector<AxisMap> axes;
  for (std::size_t k = 0; k < slices.size(); ++k)
    axes.push_back(steps(slices[k].length, slices[k].start * strides[k], slices[k].step * strides[k]));
  return product(axes);
}

std::vector<EntrySource> gathered(const NodeView& node) {
  const Shape& shape = node.operands[0].shape;
  const auto axis = static_cast<std::size_t>(move_axes(node)[0]);
  const std::vector<std::int64_t> strides = strides_of(shape);
  const Tensor& indices = *node.operands[1].known;
  const auto length = static_cast<std::int64_t>(shape[axis]);
  std::vector<AxisMap> axes;
  for (std::size_t k = 0; k < shape.size(); ++k) {
    if (k != axis) {
      axes.push_back(steps(shape[k], 0, strides[k]));
      continue;
    }
    AxisMap map(static_cast<std::size_t>(indices.size()));
    for (std::size_t i = 0; i < map.size(); ++i) {
      const std::int64_t index = indices.integer(i);
      map[i] = (index < 0 ? index + length : index) * strides[k];
    }
    axes.push_back(std::move(map));
  }
  return product(axes);
}

std::vector<EntrySource> padded(const NodeView& node) {
  const Shape& shape = node.operands[0].shape;
  const std::vector<PadAxis> pads = pad_axes(node);
  const std::vector<std::int64_t> strides = strides_of(shape);
  const std::string& mode = text_attribute(node, "mode");
  std::vector<AxisMap> axes;
  for (std::size_t k = 0; k < shape.size(); ++k) {
    const auto n = static_cast<std::int64_t>(shape[k]);
    const auto begin = static_cast<std::int64_t>(pads[k].begin);
    const auto end = static_cast<std::int64_t>(pads[k].end);
    AxisMap map;
    for (std::int64_t i = -begin; i < n + end; ++i) {
      std::int64_t position = i;
      if (i < 0 || i >= n) {
        if (mode == "constant") {
          map.push_back(padding);
          continue;
        }
        const bool before = i < 0;
        if (mode == "edge") position = before ? 0 : n - 1;
        if (mode == "reflect") position = before ? -i : 2 * (n - 1) - i;
        if (mode == "wrap") position = before ? i + n : i - n;
      }
      map.push_back(position * strides[k]);
    }
    axes.push_back(std::move(map));
  }
  return product(axes);
}

std::vector<EntrySource> depth_to_space(const NodeView& node) {
  const Shape& shape = node.operands[0].shape;
  const auto b = static_cast<std::uint64_t>(integer_of(node, "blocksize"));
  const std::uint64_t channels = shape[1] / (b * b);
  const bool by_columns = node.opset >= 11 && text_attribute(node, "mode") == "CRD";
  return by_columns ? permuted({shape[0], channels, b, b, shape[2], shape[3]}, {0, 1, 4, 2, 5, 3})
                    : permuted({shape[0], b, b, channels, shape[2], shape[3]}, {0, 3, 4, 1, 5, 2});
}

std::vector<EntrySource> space_to_depth(const NodeView& node) {
  const Shape& shape = node.operands[0].shape;
  const auto b = static_cast<std::uint64_t>(integer_of(node, "blocksize"));
  return permuted({shape[0], shape[1], shape[2] / b, b, shape[3] / b, b}, {0, 3, 5, 1, 2, 4});
}

std::vector<EntrySource> expanded(const NodeView& node) {
  const Shape& shape = node.operands[0].shape;
  const Shape result = expanded_shape(node);
  const std::vector<std::int64_t> strides = strides_of(shape);
  const std::size_t added = result.size() - shape.size();
  std::vector<AxisMap> axes;
  for (std::size_t k = 0; k < result.size(); ++k)
    axes.push_back(steps(result[k], 0, k < added || shape[k - added] == 1 ? 0 : strides[k - added]));
  return product(axes);
}

std::vector<EntrySource> transposed(const NodeView& node) {
  std::vector<std::size_t> order;
  for (const std::int64_t axis : std::get<std::vector<std::int64_t>>(node.attributes.at("perm")))
    order.push_back(static_cast<std::size_t>(axis));
  return permuted(node.operands[0].shape, order);
}

}  // namespace

bool moves_entries(Operator op) {
  return row_of(op).family == Family::move;
}

std::vector<EntrySource> entry_sources(const NodeView& node, std::size_t output) {
  if (output >= node.outputs || (output > 0 && node.op != Operator::split))
    throw Error(ExitCode::internal, std::string("The entries of output ") + std::to_string(output) + " of a node of " + name_of(node.op) +
                                        " were asked for, which has no such output that comes from its input.");
  switch (node.op) {
    case Operator::identity:
    case Operator::dropout:
    case Operator::cast:
    case Operator::flatten:
    case Operator::reshape:
    case Operator::squeeze:
    case Operator::unsqueeze:
      return unmoved(element_count(node.operands[0].shape));
    case Operator::transpose:
      return transposed(node);
    case Operator::concat:
      return concatenated(node);
    case Operator::split:
      return split_part(node, output);
    case Operator::slice:
      return sliced(node);
    case Operator::gather:
      return gathered(node);
    case Operator::pad:
      return padded(node);
    case Operator::expand:
      return expanded(node);
    case Operator::depth_to_space:
      return depth_to_space(node);
    case Operator::space_to_depth:
      return space_to_depth(node);
    default:  // every other operator: asked by mistake
      throw Error(ExitCode::internal,
                  std::string("The entry map of a node of ") + name_of(node.op) + " was asked for, which does not move entries.");
  }
}

}  // namespace lipcert
