// The parameters of a node, resolved from attributes, known inputs and shapes by the rules of formats/onnx.md, section 5: windows with their
// padding, axes, and, for nodes that only move entries, where each entry comes from.
//
// Called while a graph is read these functions apply the rules (Failure (input) when the node breaks one); on a graph that was read they
// cannot fail.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "verifier/graph/graph.hpp"

namespace lipverify {

/// One spatial axis: tap j of output i meets position stride i + dilation j - begin of the data (Conv, pools); in a ConvTranspose input i
/// meets position stride i + dilation j - begin of the result.
struct WindowAxis {
  std::uint64_t input = 1, output = 1;  // lengths of the data and of the result
  std::uint64_t kernel = 1, stride = 1, dilation = 1;
  std::int64_t begin = 0, end = 0;  // padding, auto_pad resolved
};

struct Window {
  std::vector<WindowAxis> axes;
  std::uint64_t groups = 1;
  bool count_include_pad = false;
};

/// Conv, ConvTranspose, MaxPool, AveragePool, GlobalAveragePool, GlobalMaxPool.
[[nodiscard]] Window window_of(const Graph& graph, std::size_t node);

/// Reduce*, Squeeze, Unsqueeze (axes of the result): sorted. Softmax, TopK, Concat, Split, Gather: one axis.
[[nodiscard]] std::vector<std::uint64_t> axes_of(const Graph& graph, std::size_t node);

/// What a Slice takes of each axis of its data: entries begin, begin + step, ..., `length` of them.
struct SliceAxis {
  std::int64_t begin = 0, step = 1;
  std::uint64_t length = 0;
};
[[nodiscard]] std::vector<SliceAxis> slice_of(const Graph& graph, std::size_t node);

/// Pad: entries added before and behind, for each axis of the data.
struct PadAxis {
  std::uint64_t begin = 0, end = 0;
};
[[nodiscard]] std::vector<PadAxis> pads_of(const Graph& graph, std::size_t node);

/// Split: lengths along its axis, one for each of `outputs` outputs.
[[nodiscard]] std::vector<std::uint64_t> parts_of(const Graph& graph, std::size_t node, std::size_t outputs);

/// TopK: how many entries.
[[nodiscard]] std::uint64_t top_of(const Graph& graph, std::size_t node);

/// Where an entry of a node that moves entries comes from: the node's input (position in Node::inputs) and the flat index in it.
struct Source {
  std::uint32_t input = 0;
  std::uint32_t index = 0;
};
inline constexpr std::uint32_t kPadding = 0xFFFFFFFF;  // Source::input of an entry whose value is Pad's constant

/// Identity, Dropout, Cast, Flatten, Reshape, Squeeze, Unsqueeze, Transpose, Concat, Split, Slice, Gather, Pad, DepthToSpace, SpaceToDepth, Expand.
[[nodiscard]] bool moves_entries(Op op);

/// For every entry of that output of such a node, row-major. The output's shape must be known to the graph.
[[nodiscard]] std::vector<Source> sources_of(const Graph& graph, std::size_t node, std::size_t output);

/// Integers of a known INT64 or INT32 tensor.
[[nodiscard]] std::vector<std::int64_t> integers_of(const Tensor& tensor);

/// Ends reading: "the model's node 3 (Conv): reason".
[[noreturn]] void refuse_node(const Graph& graph, std::size_t node, const std::string& reason);

}  // namespace lipverify
