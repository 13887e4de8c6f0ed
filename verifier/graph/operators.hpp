// Every operator of formats/SPEC.md on enclosures: its value, its linear part, and its one-sided directional derivative.
#pragma once

#include <cstdint>
#include <vector>

#include "verifier/graph/evaluate.hpp"
#include "verifier/graph/parameters.hpp"

namespace lipverify {

/// Enclosures of a node's inputs; `nothing` for absent ones and for integers (whose values the graph knows).
struct NodeInputs {
  const Graph& graph;
  std::size_t index;
  std::vector<const Operand*> in;
  unsigned threads = 1;

  [[nodiscard]] const Node& node() const { return graph.nodes[index]; }
  [[nodiscard]] bool has(std::size_t i) const { return i < node().inputs.size() && node().inputs[i] != kAbsent; }
  /// Input i depends on the graph's input.
  [[nodiscard]] bool is_data(std::size_t i) const { return has(i) && !graph.values[node().inputs[i]].constant; }
};

/// What the node puts out. A division by 0, the root of a negative number and the like: Failure (rejected).
[[nodiscard]] Operand node_value(const NodeInputs& inputs, std::size_t output);

/// The linear part of a linear node (SPEC.md, section 5) in its data: additive constants are taken as 0. Failure (rejected) for others.
[[nodiscard]] Operand node_linear(const NodeInputs& inputs, std::size_t output);

/// The one-sided directional derivative of the node's output, from the values of its inputs and the derivatives of those that are data
/// (others: null). `value`: the enclosed output. Failure (rejected) where it cannot be enclosed.
[[nodiscard]] Operand node_derivative(const NodeInputs& inputs, const std::vector<const Operand*>& derivatives, const Operand& value,
                                      std::size_t output);

/// Identity, Dropout, Cast, Flatten, Reshape, Squeeze, Unsqueeze: the same entries in the same order.
[[nodiscard]] bool keeps_entries(Op op);

/// The linear operators of formats/SPEC.md, section 5, and whether the node is linear in its data.
[[nodiscard]] bool is_linear_op(Op op);
[[nodiscard]] bool is_linear(const NodeInputs& inputs);

/// For every output position of a window: pairs (flat index in the kernel, flat index in the data's spatial axes), padding left out.
/// `transposed`: as a ConvTranspose reads it.
struct Tap {
  std::uint32_t kernel = 0, data = 0;
};
[[nodiscard]] std::vector<std::vector<Tap>> taps_of(const Window& window, bool transposed);

/// An AveragePool's divisor at an output position with these taps.
[[nodiscard]] std::uint64_t average_divisor(const Window& window, std::size_t taps);

/// Reduce*: for every output entry the flat indices of the entries that it reduces; Softmax: of its vector.
[[nodiscard]] std::vector<std::vector<std::uint32_t>> groups_of(const Graph& graph, std::size_t node);

/// MaxPool, GlobalMaxPool, ReduceMax, ReduceMin, TopK: for every output entry the flat indices of the entries among which it is chosen.
[[nodiscard]] std::vector<std::vector<std::uint32_t>> candidates_of(const NodeInputs& inputs);

/// BatchNormalization: y = factor x + offset, channel by channel.
struct ChannelMap {
  IntervalTensor factor, offset;
};
[[nodiscard]] ChannelMap batch_normalization(const NodeInputs& inputs);

}  // namespace lipverify
