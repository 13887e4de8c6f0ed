// The order of the nodes of a graph, by their names alone (see raw_model.hpp).
#include <map>
#include <set>

#include "verifier/base/bytes.hpp"
#include "verifier/graph/raw_model.hpp"
#include "verifier/graph/wire.hpp"

namespace lipverify {

namespace {

constexpr std::size_t kNoNode = static_cast<std::size_t>(-1);  // an input or an initialiser

/// Which node defines a name.
std::map<std::string, std::size_t> definitions(const RawModel& model) {
  std::map<std::string, std::size_t> out;
  for (const NamedTensor& item : model.initialisers) out.emplace(item.name, kNoNode);
  for (const ValueInfo& info : model.inputs) out.emplace(info.name, kNoNode);
  for (std::size_t i = 0; i < model.nodes.size(); ++i)
    for (const std::string& name : model.nodes[i].outputs)
      if (!name.empty() && !out.emplace(name, i).second) refuse_model("the name '" + printable(name) + "' is defined twice");
  return out;
}

}  // namespace

std::vector<std::size_t> node_order(const RawModel& model, const std::optional<std::string>& output) {
  const std::map<std::string, std::size_t> defined = definitions(model);
  const auto node_of = [&](const std::string& name) {
    const auto found = defined.find(name);
    if (found == defined.end()) refuse_model("nothing defines '" + printable(name) + "', which is read or put out");
    return found->second;
  };
  std::vector<std::set<std::size_t>> waits(model.nodes.size());  // for these nodes
  std::vector<std::vector<std::size_t>> readers(model.nodes.size());
  std::set<std::size_t> ready;
  for (std::size_t i = 0; i < model.nodes.size(); ++i) {
    for (const std::string& name : model.nodes[i].inputs)
      if (const std::size_t from = name.empty() ? kNoNode : node_of(name); from != kNoNode && waits[i].insert(from).second) readers[from].push_back(i);
    if (waits[i].empty()) ready.insert(i);
  }
  std::vector<std::size_t> order;
  while (!ready.empty()) {
    const std::size_t first = *ready.begin();
    ready.erase(ready.begin());
    order.push_back(first);
    for (const std::size_t reader : readers[first]) {
      waits[reader].erase(first);
      if (waits[reader].empty()) ready.insert(reader);
    }
  }
  if (order.size() != model.nodes.size()) refuse_model("its nodes read each other in a circle");
  std::set<std::string> outputs;
  for (const ValueInfo& info : model.outputs) {
    (void)node_of(info.name);
    if (!outputs.insert(info.name).second) refuse_model("two outputs have the name '" + printable(info.name) + "'");
  }
  if (!output) return order;
  if (outputs.count(*output) == 0) reject("the model has no output '" + printable(*output) + "'");
  std::set<std::size_t> needed = {node_of(*output)};
  std::vector<std::size_t> kept;
  for (std::size_t k = order.size(); k-- > 0;) {
    if (needed.count(order[k]) == 0) continue;
    kept.push_back(order[k]);
    for (const std::string& name : model.nodes[order[k]].inputs)
      if (!name.empty()) needed.insert(node_of(name));
  }
  return {kept.rbegin(), kept.rend()};
}

}  // namespace lipverify
