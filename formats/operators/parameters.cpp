// What is asked about the nodes of a finished network (formats/operators/parameters.hpp, formats/operators/entry_map.hpp): the node is seen
// once more as the reader saw it, and the same rules answer.
#include "formats/operators/parameters.hpp"

#include "formats/network/operators.hpp"
#include "formats/operators/entry_map.hpp"
#include "formats/operators/rules.hpp"

namespace lipcert {

namespace {

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

WindowParameters window_parameters(const Network& network, std::size_t node) {
  return resolved(network, node, [](const NodeView& view) { return window_parameters(view); });
}
std::vector<ResampledAxis> resampled_axes(const Network& network, std::size_t node) {
  return resolved(network, node, [](const NodeView& view) { return resampled_axes(view); });
}
std::vector<std::uint64_t> axes_of(const Network& network, std::size_t node) {
  return resolved(network, node, [](const NodeView& view) {
    return row_of(view.op).family == Family::reduction ? reduction_axes(view) : move_axes(view);
  });
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
