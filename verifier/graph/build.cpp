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
  Builder(RawModel& model, const OnnxOptions& options) : model_(model), options_(options) {}

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
    const std::vector<std::size_t> order = node_order(model_, options_.output);
    input(graph, names, order);
    graph.nodes.reserve(order.size());
    for (const std::size_t place : order) add_node(graph, model_.nodes[place], names);
    output(graph, names);
    every_node_matters(graph);
    return graph;
  }

 private:
  void input(Graph& graph, std::map<std::string, ValueId>& names, const std::vector<std::size_t>& order) {
    std::set<std::string> seen;
    std::set<std::string> read;  // by the nodes that are kept
    for (const std::size_t place : order) read.insert(model_.nodes[place].inputs.begin(), model_.nodes[place].inputs.end());
    const ValueInfo* data = nullptr;
    for (const ValueInfo& info : model_.inputs) {
      if (!seen.insert(info.name).second) refuse_model("two inputs have the name '" + printable(info.name) + "'");
      const auto found = names.find(info.name);
      if (found == names.end()) {
        if (options_.output && read.count(info.name) == 0) continue;
        if (data != nullptr) refuse_model("it has several inputs ('" + printable(data->name) + "', '" + printable(info.name) + "')");
        data = &info;
        continue;
      }
      if (model_.ir_version >= 4) graph.fixed_inputs.push_back(info.name);
      const Value& value = graph.values[found->second];
      bool same = info.tensor && info.type == value.type && (!info.has_shape || info.shape.size() == value.shape.size());
      for (std::size_t k = 0; same && info.has_shape && k < info.shape.size(); ++k)
        same = !info.shape[k].known || info.shape[k].value == value.shape[k];
      if (!same) refuse_model("the input '" + printable(info.name) + "' contradicts the initialiser of that name");
    }
    if (!graph.fixed_inputs.empty() && !options_.fixed_inputs)
      refuse_model("the initialiser '" + printable(graph.fixed_inputs[0]) + "' can be overridden, because it is also an input");
    if (data == nullptr) refuse_model("it has no input");
    if (!data->tensor || !is_floating(data->type) || !data->has_shape) refuse_model("its input is not a floating-point tensor with a shape");
    Value& value = graph.values[0];
    value.kind = Value::Kind::input;
    value.name = data->name;
    value.type = data->type;
    input_shape(graph, data->shape, value.shape);
    names.emplace(data->name, 0);
  }

  /// The first of several dimensions counts inputs and is 1 where it is symbolic; every other symbolic one needs a size.
  void input_shape(Graph& graph, const std::vector<Dimension>& declared, Shape& shape) const {
    const std::optional<Shape>& wanted = options_.input_shape;
    if (wanted && wanted->size() != declared.size())
      reject("the model's input has " + std::to_string(declared.size()) + " dimensions, not " + std::to_string(wanted->size()));
    std::uint64_t elements = 1;
    std::map<std::string, std::uint64_t> sizes;
    for (std::size_t k = 0; k < declared.size(); ++k) {
      const std::string which = "dimension " + std::to_string(k) + " '" + printable(declared[k].name) + "' of ";
      std::uint64_t d = declared[k].value;
      if (!declared[k].known) {
        const bool batch = k == 0 && declared.size() > 1;
        if (!batch && !wanted) refuse_model(which + "its input is symbolic, and no size is given for it");
        d = batch ? 1 : (*wanted)[k];
        graph.symbolic.push_back(k);
        graph.symbols.push_back(declared[k].name);
        if (!batch) graph.given.push_back(k);
        if (!declared[k].name.empty() && sizes.emplace(declared[k].name, d).first->second != d)
          reject(which + "the model's input has not the size of another one of that name");
      }
      if (wanted && (d != (*wanted)[k] || d == 0)) reject(which + "the model's input is " + std::to_string(d) + ", not " + std::to_string((*wanted)[k]));
      if (d == 0 || d > kElements || (elements *= d) > kElements) refuse_model("its input is empty or has more than 2^28 elements");
      shape.push_back(d);
    }
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
      const ValueId id = names.at(name);
      if (graph.values[id].unusable) refuse_model(what + "reads the mask of a Dropout or the indices of a TopK");
      if (element_count(graph.values[id].shape) == 0 && (node.op != Op::resize || node.inputs.empty())) refuse_model(what + "reads a tensor without entries");
      node.inputs.push_back(id);
    }
    fill_attributes(graph, node, std::move(raw.attributes), raw.outputs.size(), what);
    graph.nodes.push_back(std::move(node));
    infer(graph, index, raw.outputs);
    const Node& added = graph.nodes[index];
    for (std::size_t k = 0; k < raw.outputs.size(); ++k) {
      if (added.outputs[k] != kAbsent) names.emplace(raw.outputs[k], added.outputs[k]);
    }
  }

  void output(Graph& graph, const std::map<std::string, ValueId>& names) const {
    if (model_.outputs.size() != 1 && !options_.output)
      refuse_model("it has " + std::to_string(model_.outputs.size()) + " outputs, and none of them is chosen");
    std::size_t chosen = 0;
    if (options_.output) graph.other_outputs.emplace();
    for (std::size_t k = 0; options_.output && k < model_.outputs.size(); ++k)
      if (model_.outputs[k].name == *options_.output)
        chosen = k;
      else
        graph.other_outputs->push_back(model_.outputs[k].name);
    const ValueInfo& info = model_.outputs[chosen];
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
  const OnnxOptions& options_;
};

}  // namespace

Graph graph_of(RawModel& model, const OnnxOptions& options) { return Builder(model, options).build(); }

}  // namespace lipverify
