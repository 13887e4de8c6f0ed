// The parameters of a node, resolved: defaults, negative axes, auto_pad, and what stands in an attribute in one opset and in an input in
// another (formats/onnx.md, section 5). The reader checks with the same functions, so that what it accepted is what is computed with.
//
// Everything here is for nodes of a network without refusals; for any other node, and for an operator that has no such parameters, an
// `Error` of kind internal is thrown.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "formats/network/network.hpp"

namespace lipcert {

/// One spatial axis. `input` is the length of the data and `output` that of the result, for ConvTranspose as well; window i of a Conv or a
/// pool reads the positions i stride - begin + dilation j, 0 <= j < kernel.
struct WindowAxis {
  std::uint64_t input = 0, output = 0, kernel = 1, stride = 1, dilation = 1;
  std::int64_t begin = 0, end = 0;  // zero padding, auto_pad resolved
};

struct WindowParameters {
  std::vector<WindowAxis> axes;
  std::uint64_t groups = 1;
  bool count_include_pad = false;  // AveragePool divides by the whole kernel at the border too
};

/// Conv, ConvTranspose, MaxPool, AveragePool, LpPool, GlobalMaxPool, GlobalAveragePool.
[[nodiscard]] WindowParameters window_parameters(const Network& network, std::size_t node);

/// Resize, Upsample, one axis: entry i of the result is (1 - w) * (entry `first` of the data) + w * (entry first + 1), w = numerator /
/// denominator < 1, both below 2^53. Where w is 0 the second entry may not exist.
struct ResampledEntry {
  std::uint32_t first = 0;
  std::int64_t numerator = 0, denominator = 1;
};
struct ResampledAxis {
  std::uint64_t input = 0, output = 0;
  std::vector<ResampledEntry> entries;  // of the result; none: the axis stays as it is
};
[[nodiscard]] std::vector<ResampledAxis> resampled_axes(const Network& network, std::size_t node);

/// Reduce* and Squeeze: axes of the data, ascending; Unsqueeze: of the result. Concat, Split, Gather, TopK: the axis. Softmax: the axes of
/// one vector, which before opset 13 are all from the axis on.
[[nodiscard]] std::vector<std::uint64_t> axes_of(const Network& network, std::size_t node);

/// Slice, for every axis of the data: entry i of the result is entry start + step i.
struct SliceAxis {
  std::int64_t start = 0, step = 1;
  std::uint64_t length = 0;  // of the result
};
[[nodiscard]] std::vector<SliceAxis> slice_axes(const Network& network, std::size_t node);

/// Pad, for every axis of the data.
struct PadAxis {
  std::uint64_t begin = 0, end = 0;
};
[[nodiscard]] std::vector<PadAxis> pad_axes(const Network& network, std::size_t node);

/// Split: the lengths of the outputs along the axis.
[[nodiscard]] std::vector<std::uint64_t> split_lengths(const Network& network, std::size_t node);

}  // namespace lipcert
