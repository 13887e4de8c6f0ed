// From the messages of a model to its graph (see raw_model.hpp).
#include <set>

#include "verifier/base/bytes.hpp"
#include "verifier/graph/attributes.hpp"
#include "verifier/graph/raw_model.hpp"
#include "verifier/graph/wire.hpp"

namespace lipverify {

namespace {

constexpr std::uint64_t kElements = std::uint64_t{1} << 28;

class Builder {
 public:
  explicit Builder(RawModel& model) : model_(model) {}

  Graph build() {
    Graph graph;
    graph.opset = static_cast<std::uint64_t>(model_.opset);
    std::map<std::string, ValueId> names;
    for (NamedTensor& item : model_.initialisers) graph.initialisers.push_back(std::move(item.tensor));
    graph.values.resize(1 + graph.initialisers.size());
    for (std::size_t i = 0; i < graph.initialisers.size(); ++i) {
      const std::string& name = model_.initialisers[i].name;
      if (name.empty() || !names.emplace(name, i + 1).second) refuse_model("an initialiser has no name or the name of another one: '" + printable(name) + "'");
      Value& value = graph.values[i + 1];
      value.kind = Value::Kind::initialiser;
      value.name = name;
      value.type = graph.initialisers[i].type;
      value.shape = graph.initialisers[i].shape;
      value.constant = true;
      value.known = &graph.initialisers[i];
    }
    input(graph, names);
    graph.nodes.reserve(model_.nodes.size());
    for (RawNode& raw : model_.nodes) add_node(graph, raw, names);
    output(graph, names);
    every_node_matters(graph);
    return graph;
  }

 private:
  void input(Graph& graph, std::map<std::string, ValueId>& names) {
    std::set<std::string> seen;
    const ValueInfo* data = nullptr;
    for (const ValueInfo& info : model_.inputs) {
      if (!seen.insert(info.name).second) refuse_model("two inputs have the name '" + printable(info.name) + "'");
      const auto found = names.find(info.name);
      if (found == names.end()) {
        if (data != nullptr) refuse_model("it has several inputs ('" + printable(data->name) + "', '" + printable(info.name) + "')");
        data = &info;
        continue;
      }
      if (model_.ir_version >= 4) refuse_model("the initialiser '" + printable(info.name) + "' can be overridden, because it is also an input");
      const Value& value = graph.values[found->second];
      bool same = info.tensor && info.type == value.type && (!info.has_shape || info.shape.size() == value.shape.size());
      for (std::size_t k = 0; same && info.has_shape && k < info.shape.size(); ++k)
        same = !info.shape[k].known || info.shape[k].value == value.shape[k];
      if (!same) refuse_model("the input '" + printable(info.name) + "' contradicts the initialiser of that name");
    }
    if (data == nullptr) refuse_model("it has no input");
    if (!data->tensor || !is_floating(data->type) || !data->has_shape) refuse_model("its input is not a floating-point tensor with a shape");
    Value& value = graph.values[0];
    value.kind = Value::Kind::input;
    value.name = data->name;
    value.type = data->type;
    std::uint64_t elements = 1;
    for (std::size_t k = 0; k < data->shape.size(); ++k) {
      const std::uint64_t d = data->shape[k].known ? data->shape[k].value : 1;
      if (d == 0 || d > kElements || (elements *= d) > kElements) refuse_model("its input is empty or has more than 2^28 elements");
      value.shape.push_back(d);
      if (!data->shape[k].known) graph.symbolic.push_back(k);
    }
    names.emplace(data->name, 0);
  }

  void add_node(Graph& graph, RawNode& raw, std::map<std::string, ValueId>& names) {
    const std::size_t index = graph.nodes.size();
    const std::string what = "node " + std::to_string(index) + " (" + printable(raw.op) + ") ";
    Node node;
    node.type = raw.op;
    if ((!raw.domain.empty() && raw.domain != "ai.onnx") || !raw.overload.empty()) refuse_model(what + "is not of the default operator domain");
    if (!find_operator(raw.op, node.op)) refuse_model(what + "is of an operator that is not supported");
    while (!raw.inputs.empty() && raw.inputs.back().empty()) raw.inputs.pop_back();
    while (!raw.outputs.empty() && raw.outputs.back().empty()) raw.outputs.pop_back();
    for (const std::string& name : raw.inputs) {
      if (name.empty()) {
        node.inputs.push_back(kAbsent);
        continue;
      }
      const auto found = names.find(name);
      if (found == names.end()) refuse_model(what + "reads '" + printable(name) + "', which is not defined before it");
      if (graph.values[found->second].unusable) refuse_model(what + "reads the mask of a Dropout or the indices of a TopK");
      if (element_count(graph.values[found->second].shape) == 0 && (node.op != Op::resize || node.inputs.empty())) refuse_model(what + "reads a tensor without entries");
      node.inputs.push_back(found->second);
    }
    fill_attributes(graph, node, std::move(raw.attributes), raw.outputs.size(), what);
    graph.nodes.push_back(std::move(node));
    infer(graph, index, raw.outputs);
    const Node& added = graph.nodes[index];
    for (std::size_t k = 0; k < raw.outputs.size(); ++k) {
      if (added.outputs[k] == kAbsent) continue;
      if (!names.emplace(raw.outputs[k], added.outputs[k]).second) refuse_model(what + "writes '" + printable(raw.outputs[k]) + "', which is already there");
    }
  }

  void output(Graph& graph, const std::map<std::string, ValueId>& names) const {
    if (model_.outputs.size() != 1) refuse_model("it has " + std::to_string(model_.outputs.size()) + " outputs, not one");
    const ValueInfo& info = model_.outputs[0];
    const auto found = names.find(info.name);
    if (found == names.end() || graph.values[found->second].kind != Value::Kind::node_output || graph.values[found->second].unusable)
      refuse_model("its output '" + printable(info.name) + "' is not computed by a node");
    const Value& value = graph.values[found->second];
    if (value.constant) refuse_model("its output does not depend on its input");
    bool same = info.tensor && info.type == value.type && (!info.has_shape || info.shape.size() == value.shape.size());
    for (std::size_t k = 0; same && info.has_shape && k < info.shape.size(); ++k)
      same = !info.shape[k].known || info.shape[k].value == value.shape[k];
    if (!same) refuse_model("the declared type or shape of its output is not the one that follows from the graph (" + text_of(value.shape) + ")");
    graph.output = found->second;
  }

  static void every_node_matters(const Graph& graph) {
    std::vector<bool> needed(graph.nodes.size(), false);
    needed[graph.values[graph.output].producer] = true;
    for (std::size_t i = graph.nodes.size(); i-- > 0;) {
      if (!needed[i] || graph.nodes[i].op == Op::shape) continue;  // a Shape reads no data
      for (const ValueId id : graph.nodes[i].inputs)
        if (id != kAbsent && graph.values[id].kind == Value::Kind::node_output) needed[graph.values[id].producer] = true;
    }
    for (std::size_t i = 0; i < graph.nodes.size(); ++i)
      if (!needed[i] && !graph.values[graph.nodes[i].outputs[0]].constant) refuse_model(graph.label(i) + " has no influence on the output");
  }

  RawModel& model_;
};

}  // namespace

Graph graph_of(RawModel& model) { return Builder(model).build(); }

}  // namespace lipverify
