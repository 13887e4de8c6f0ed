// Names of a graph, before anything is known about its operators (formats/onnx/order.hpp).
#include "formats/onnx/order.hpp"

#include <functional>
#include <queue>
#include <unordered_map>
#include <unordered_set>

#include "formats/encoding/error.hpp"
#include "onnx.pb.h"

namespace lipcert {

namespace {

constexpr int given = -1;  // defined by the graph itself: an input or an initialiser

/// Name -> the node that defines it, by its place.
std::unordered_map<std::string, int> definitions(const onnx::GraphProto& graph, const std::string& file) {
  std::unordered_map<std::string, int> result;
  for (const auto& tensor : graph.initializer()) result.emplace(tensor.name(), given);
  for (const auto& info : graph.input()) result.emplace(info.name(), given);
  for (int k = 0; k < graph.node_size(); ++k)
    for (const std::string& name : graph.node(k).output())
      if (!name.empty() && !result.emplace(name, k).second)
        throw input_error(file + ": the name '" + name + "' is defined twice, the second time by the node '" + label_of(graph.node(k), k) +
                          "'; the file is damaged.");
  return result;
}

}  // namespace

std::string label_of(const onnx::NodeProto& node, int place) {
  std::string label = node.name();
  for (int k = 0; k < node.output_size() && label.empty(); ++k) label = node.output(k);
  return label.empty() ? "node " + std::to_string(place) : label;
}

std::vector<int> node_order(const onnx::GraphProto& graph, const std::string& file) {
  const std::unordered_map<std::string, int> defined = definitions(graph, file);
  const auto nodes = static_cast<std::size_t>(graph.node_size());
  std::vector<std::size_t> waits(nodes, 0);      // for so many inputs
  std::vector<std::vector<int>> readers(nodes);  // as often as they read
  std::priority_queue<int, std::vector<int>, std::greater<>> ready;
  for (int k = 0; k < graph.node_size(); ++k) {
    for (const std::string& name : graph.node(k).input()) {
      if (name.empty()) continue;
      const auto found = defined.find(name);
      if (found == defined.end())
        throw input_error(file + ": the node '" + label_of(graph.node(k), k) + "' reads '" + name +
                          "', which nothing defines; the file is damaged: run the ONNX checker on the model.");
      if (found->second == given) continue;
      ++waits[static_cast<std::size_t>(k)];
      readers[static_cast<std::size_t>(found->second)].push_back(k);
    }
    if (waits[static_cast<std::size_t>(k)] == 0) ready.push(k);
  }
  std::unordered_set<std::string> outputs;
  for (const auto& info : graph.output()) {
    if (!outputs.insert(info.name()).second)
      throw input_error(file + ": two graph outputs have the name '" + info.name() + "'; the file is damaged.");
    if (defined.count(info.name()) == 0)
      throw input_error(file + ": nothing defines the graph's output '" + info.name() + "'; the file is damaged.");
  }
  std::vector<int> order;
  order.reserve(nodes);
  while (!ready.empty()) {
    order.push_back(ready.top());
    ready.pop();
    for (const int reader : readers[static_cast<std::size_t>(order.back())])
      if (--waits[static_cast<std::size_t>(reader)] == 0) ready.push(reader);
  }
  for (int k = 0; k < graph.node_size(); ++k)
    if (waits[static_cast<std::size_t>(k)] != 0)
      throw input_error(
          file + ": the node '" + label_of(graph.node(k), k) +
          "' waits for its own result: nodes read each other in a circle; the file is damaged: run the ONNX checker on the model.");
  return order;
}

std::unordered_set<std::string> names_before(const onnx::GraphProto& graph, const std::vector<int>& order, const std::string& output) {
  std::unordered_set<std::string> result = {output};
  for (std::size_t k = order.size(); k-- > 0;) {
    const onnx::NodeProto& node = graph.node(order[k]);
    bool leads = false;
    for (const std::string& name : node.output()) leads = leads || (!name.empty() && result.count(name) != 0);
    if (leads) result.insert(node.input().begin(), node.input().end());
  }
  return result;
}

}  // namespace lipcert
