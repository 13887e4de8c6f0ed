// `lipcert inspect`: what is in a model, how each part will be bounded, and what is refused and why. Computes no bound and needs no key.

#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "certify/commands/command.hpp"
#include "certify/commands/print.hpp"
#include "certify/commands/text.hpp"

namespace lipcert {
namespace {

/// Everything that both outputs show.
struct Inspection {
  Model model;
  Partition partition;
  std::string digest;  // empty when the graph is refused: it has no identity
};

std::uint64_t parameters_of(const Tensor& tensor) {
  return is_floating(tensor.type) ? tensor.size() : 0;
}

/// Numbers of the model that are weights: floating initialisers and Constant nodes.
std::uint64_t parameters_of(const Network& network) {
  std::uint64_t count = 0;
  for (const Tensor& tensor : network.initialisers) {
    count += parameters_of(tensor);
  }
  for (const Node& node : network.nodes) {
    if (const auto value = node.attributes.find("value"); value != node.attributes.end() && std::holds_alternative<Tensor>(value->second)) {
      count += parameters_of(std::get<Tensor>(value->second));
    }
  }
  return count;
}

/// Weights that a node reads directly. A tensor that two nodes share is counted at both.
std::uint64_t parameters_of(const Network& network, const Node& node) {
  std::uint64_t count = 0;
  for (const ValueId input : node.inputs) {
    if (input == no_value || !is_floating(network.values[input].type)) {
      continue;
    }
    const Value& value = network.values[input];
    const bool weight = value.kind == Value::Kind::initialiser ||
                        (value.kind == Value::Kind::node_output && network.nodes[value.producer].op == Operator::constant);
    count += weight ? element_count(value.shape) : 0;
  }
  return count;
}

const Value* output_of(const Network& network, const Node& node) {
  return node.outputs.empty() || node.outputs[0] == no_value ? nullptr : &network.values[node.outputs[0]];
}

/// Node index -> number of its block (from 1), 0 for a constant node; nodes that are refused are absent.
std::map<std::size_t, std::size_t> places(const Partition& partition) {
  std::map<std::size_t, std::size_t> out;
  for (std::size_t b = 0; b < partition.blocks.size(); ++b) {
    for (const std::size_t node : partition.blocks[b].nodes) {
      out[node] = b + 1;
    }
  }
  for (const std::size_t node : partition.constant_nodes) {
    out[node] = 0;
  }
  return out;
}

Json refusals_json(const std::vector<Refusal>& refusals) {
  Json out = Json::array();
  for (const Refusal& refusal : refusals) {
    out.push_back({{"node", refusal.node}, {"operator", refusal.op}, {"reason", refusal.reason}});
  }
  return out;
}

Json to_json(const Inspection& seen) {
  const Network& network = seen.model.network;
  Json out = {{"model", {{"file", seen.model.file.name}, {"bytes", seen.model.file.bytes}, {"sha256", seen.model.file.sha256}}},
              {"graphDigest", seen.digest.empty() ? Json(nullptr) : Json(seen.digest)},
              {"supported", seen.partition.refusals.empty()},
              {"refused", refusals_json(seen.partition.refusals)},
              {"opset", network.opset},
              {"input", nullptr},
              {"output", nullptr},
              {"parameters", parameters_of(network)}};
  if (network.input < network.values.size() && network.values[network.input].kind == Value::Kind::input) {
    out["input"] = input_json(network);
  }
  out["fixedInputs"] = network.fixed_inputs;
  if (network.output < network.values.size()) {
    out["output"] = output_json(network);
  }
  const auto place = places(seen.partition);
  out["nodes"] = Json::array();
  for (std::size_t i = 0; i < network.nodes.size(); ++i) {
    const Node& node = network.nodes[i];
    const Value* const output = output_of(network, node);
    Json entry = {{"index", i}, {"name", network.label(i)}, {"operator", name_of(node.op)}};
    entry["shape"] = output == nullptr ? Json(nullptr) : Json(output->shape);
    entry["parameters"] = parameters_of(network, node);
    const auto found = place.find(i);
    entry["block"] = found == place.end() || found->second == 0 ? Json(nullptr) : Json(seen.partition.blocks[found->second - 1].id);
    out["nodes"].push_back(entry);
  }
  out["blocks"] = Json::array();
  for (const Block& block : seen.partition.blocks) {
    Json entry = {{"id", block.id},         {"operator", name_of(block.op)}, {"method", block.theorem},        {"nodes", block.nodes},
                  {"inputs", block.inputs}, {"inputSize", block.input_size}, {"outputSize", block.output_size}};
    if (block.op == BlockOperator::dense) {
      entry["rows"] = block.rows;
      entry["columns"] = block.columns;
    }
    out["blocks"].push_back(entry);
  }
  out["constantNodes"] = seen.partition.constant_nodes;
  return out;
}

std::string node_range(const std::vector<std::size_t>& nodes) {
  std::string out;
  for (std::size_t i = 0; i < nodes.size();) {
    std::size_t last = i;
    while (last + 1 < nodes.size() && nodes[last + 1] == nodes[last] + 1) {
      ++last;
    }
    out += (out.empty() ? "" : ",") + std::to_string(nodes[i]) + (last > i ? "-" + std::to_string(nodes[last]) : "");
    i = last + 1;
  }
  return out;
}

/// Column width for texts, so that names of any length line up.
template <class List, class Text>
std::size_t width_of(const List& list, std::size_t least, Text text) {
  for (const auto& item : list) {
    least = std::max(least, text(item).size());
  }
  return least;
}

void print_text(const Inspection& seen) {
  const Network& network = seen.model.network;
  const ModelFile& file = seen.model.file;
  print("model       {} ({} bytes, opset {})\n", file.name, file.bytes, network.opset);
  if (network.input < network.values.size() && network.values[network.input].kind == Value::Kind::input) {
    print("input       {}\n", input_text(network));
  }
  if (!network.fixed_inputs.empty()) {
    print("fixed       {}\n", fixed_text(network));
  }
  if (network.output < network.values.size()) {
    print("output      {}\n", output_text(network));
  }
  print("sha256      {}\n", file.sha256);
  if (!seen.digest.empty()) {
    print("graph       {}\n", seen.digest);
  }
  for (const ExternalFile& external : network.external_files) {
    print("weights     {} ({} bytes, sha256 {})\n", external.name, external.bytes, external.sha256);
  }
  print("parameters  {}\n", parameters_of(network));

  std::vector<std::size_t> indices(network.nodes.size());
  for (std::size_t i = 0; i < indices.size(); ++i) {
    indices[i] = i;
  }
  const auto shape = [&](std::size_t i) {
    const Value* const output = output_of(network, network.nodes[i]);
    return output == nullptr ? std::string("?") : shape_text(output->shape);
  };
  const std::size_t operator_width = width_of(indices, 8, [&](std::size_t i) { return std::string(name_of(network.nodes[i].op)); });
  const std::size_t name_width = width_of(indices, 4, [&](std::size_t i) { return network.label(i); });
  const std::size_t shape_width = width_of(indices, 5, shape);
  const auto place = places(seen.partition);
  print("\n{:>5}  {:<{}}  {:<{}}  {:<{}}  {:>10}  block\n", "node", "operator", operator_width, "name", name_width, "shape", shape_width,
             "parameters");
  for (const std::size_t i : indices) {
    const auto found = place.find(i);
    const std::string block = found == place.end() ? "-" : found->second == 0 ? "constant" : std::to_string(found->second);
    print("{:>5}  {:<{}}  {:<{}}  {:<{}}  {:>10}  {}\n", i, name_of(network.nodes[i].op), operator_width, network.label(i), name_width, shape(i),
               shape_width, parameters_of(network, network.nodes[i]), block);
  }
  if (!seen.partition.blocks.empty()) {
    const auto nodes = [](const Block& b) { return node_range(b.nodes); };
    const std::size_t nodes_width = width_of(seen.partition.blocks, 5, nodes);
    print("\n{:>5}  {:<11}  {:<{}}  {:<17}  matrix or size\n", "block", "operator", "nodes", nodes_width, "bounded by");
    for (std::size_t b = 0; b < seen.partition.blocks.size(); ++b) {
      const Block& block = seen.partition.blocks[b];
      const std::string size = size_text(block);
      print("{:>5}  {:<11}  {:<{}}  {:<17}  {}\n", b + 1, name_of(block.op), nodes(block), nodes_width, block.theorem, size);
    }
  }
  print("\n");
  if (seen.partition.refusals.empty()) {
    print("supported: every node can be bounded; certify it with `lipcert certify`.\n");
    return;
  }
  print("not supported:\n");
  for (const Refusal& refusal : seen.partition.refusals) {
    print("  {}{}: {}\n", refusal.node, refusal.op.empty() ? "" : " (" + refusal.op + ")", refusal.reason);
  }
}

}  // namespace

int inspect_command(const InspectOptions& options) {
  check_utf8(options.model, "MODEL");
  Inspection seen;
  try {
    seen.model = read_model(options.model, options.allow_external_data, options.function.choice());
  } catch (const Error& error) {
    if (options.json) {  // a script that asked for an object gets one, whatever is wrong with the file
      Json refused = Json::array();
      refused.push_back({{"node", ""}, {"operator", ""}, {"reason", error.what()}});
      print_json_line({{"supported", false}, {"refused", refused}});
    }
    throw;
  }
  seen.partition = partition(seen.model.network);
  if (seen.partition.refusals.empty()) {
    seen.digest = graph_digest(seen.model.network);
  }
  if (options.json) {
    print_json_line(to_json(seen));
  } else {
    print_text(seen);
  }
  if (seen.partition.refusals.empty()) {
    return 0;
  }
  std::fflush(stdout);
  const std::size_t count = seen.partition.refusals.size();
  throw input_error(options.model + " is not supported: " + (count == 1 ? "one part is" : std::to_string(count) + " parts are") +
                    " refused, as listed on standard output.");
}

}  // namespace lipcert
