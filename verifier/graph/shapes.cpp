// What a node adds to a graph that is read: types and shapes of its outputs (formats/onnx.md, section 5).
#include "verifier/graph/operators/family.hpp"

namespace lipverify {

namespace {

/// One value for each output of the operator that `output_names` can be asked for, with type, shape, `constant`, `unusable` and what is known
/// without computing.
std::vector<Value> outputs_of(const Graph& graph, std::size_t index, const std::vector<std::string>& output_names) {
  const Node& node = graph.nodes[index];
  const NodeRules rules(graph, index);
  Value out;
  if (node.op != Op::constant && node.op != Op::constant_of_shape) out.type = rules.in(0).type;
  out.shape = shape_of_output(graph, index, out);
  if (moves_entries(node.op) && node.op != Op::cast)
    for (std::size_t i = 0; i < (node.op == Op::concat ? node.inputs.size() : 1); ++i)
      if (!is_floating(rules.in(i).type) && rules.in(i).known == nullptr) rules.fail("it moves integers or booleans that are not known");
  if ((node.op == Op::identity || node.op == Op::cast) && out.type == rules.in(0).type) out.known = rules.in(0).known;
  out.constant = true;
  for (const ValueId id : node.inputs) out.constant = out.constant && (id == kAbsent || graph.values[id].constant);
  if (node.op == Op::shape) out.constant = true;

  std::vector<Value> results;
  if (node.op == Op::split) {
    const std::uint64_t axis = axes_of(graph, index)[0];
    for (const std::uint64_t part : parts_of(graph, index, output_names.size())) {
      results.push_back(out);
      results.back().shape[axis] = part;
    }
    for (const std::string& name : output_names)
      if (name.empty()) rules.fail("one of its outputs has no name");
  } else {
    results.push_back(out);
  }
  if (node.op == Op::dropout || node.op == Op::top_k) {
    out.type = node.op == Op::top_k ? std::uint32_t{kInt64} : graph.opset >= 10 ? std::uint32_t{kBool} : out.type;
    out.known = nullptr;
    out.unusable = true;
    results.push_back(out);
  }
  for (const Value& value : results) {
    if (value.shape.size() > kRank) rules.fail("more than 16 dimensions");
    std::uint64_t elements = 1;
    for (const std::uint64_t d : value.shape)
      if ((d == 0 && node.op != Op::constant) || d > kElements || (elements *= d) > kElements) rules.fail("the result is empty or has more than 2^28 elements");
  }
  return results;
}

}  // namespace

void infer(Graph& graph, std::size_t index, const std::vector<std::string>& output_names) {
  std::vector<Value> results = outputs_of(graph, index, output_names);
  if (output_names.empty() || output_names.size() > results.size() || output_names[0].empty())
    refuse_node(graph, index, "its number of named outputs is not that of the operator");
  Node& node = graph.nodes[index];
  for (std::size_t k = 0; k < output_names.size(); ++k) {
    if (output_names[k].empty()) {
      node.outputs.push_back(kAbsent);
      continue;
    }
    Value& value = results[k];
    value.kind = Value::Kind::node_output;
    value.name = output_names[k];
    value.producer = index;
    node.outputs.push_back(graph.values.size());
    graph.values.push_back(std::move(value));
  }
  compute_known(graph, index);
}

}  // namespace lipverify
