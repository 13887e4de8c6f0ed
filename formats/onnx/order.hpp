// In which order the nodes of a graph are read, and which of them; for formats/onnx/*.cpp only.
#pragma once

#include <string>
#include <unordered_set>
#include <vector>

namespace lipcert::onnx {
class GraphProto;
class NodeProto;
}  // namespace lipcert::onnx

namespace lipcert {

/// Name for messages: the node's, else that of its first output, else its place in the file.
[[nodiscard]] std::string label_of(const onnx::NodeProto& node, int place);

/// Places in the file, in the order of formats/onnx.md, section 4: repeatedly the first node of the file whose inputs are defined. Throws
/// `Error` (input) when a name is defined twice, one that is read or put out is defined nowhere, or nodes read each other in a circle.
/// `file` names the file in messages. Cost: linear in names, with a logarithm for nodes out of order.
[[nodiscard]] std::vector<int> node_order(const onnx::GraphProto& graph, const std::string& file);

/// The names from which the output of that name can be reached, itself among them. `order` is that of `node_order`.
[[nodiscard]] std::unordered_set<std::string> names_before(const onnx::GraphProto& graph, const std::vector<int>& order,
                                                           const std::string& output);

}  // namespace lipcert
