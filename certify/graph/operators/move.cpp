// See move.hpp.

#include "certify/graph/operators/move.hpp"

#include <cstdint>
#include <limits>
#include <map>
#include <vector>

#include "formats/operators/entry_map.hpp"

namespace lipcert {
namespace {

/// Pad's constant, where it is an input.
ValueId padding_input(const Node& node) {
  return node.op == Operator::pad && node.inputs.size() > 2 ? node.inputs[2] : no_value;
}

}  // namespace

void move_step(StepContext& context, Step& step, std::size_t o) {
  const Node& node = context.network.nodes[step.node];
  step.kind = Step::Kind::move;
  step.value = node.outputs.at(o);
  step.output_size = context.size(step.value);
  check_listed(context, step, static_cast<double>(step.output_size));
  const std::vector<EntrySource> sources = entry_sources(context.network, step.node, o);
  std::vector<std::uint32_t> number(node.inputs.size(), Step::no_input);  // among the data
  step.inputs.clear();
  step.input_size = 0;
  const bool many = node.op == Operator::concat;  // the other inputs of the other operators are parameters
  for (std::size_t i = 0; i < (many ? node.inputs.size() : 1); ++i) {
    if (!context.constant(node.inputs[i])) {
      number[i] = static_cast<std::uint32_t>(step.inputs.size());
      step.inputs.push_back(context.number_of(node.inputs[i]));
      step.input_size += context.size(node.inputs[i]);
    }
  }
  if (step.inputs.empty()) {
    throw refuse(context.network, step.node, "moves entries of a constant by data; export the network without it.");
  }
  step.source.resize(sources.size());
  std::map<std::size_t, EnclosedTensor> constants;
  for (std::size_t i = 0; i < sources.size(); ++i) {
    const EntrySource& from = sources[i];
    if (from.input != no_source && number.at(from.input) != Step::no_input) {
      step.source[i] = {number[from.input], from.index};
      continue;
    }
    step.source[i] = {Step::no_input, 0};
    Ball value{0, 0};
    if (from.input != no_source || padding_input(node) != no_value) {
      const std::size_t which = from.input == no_source ? std::numeric_limits<std::size_t>::max() : from.input;
      if (constants.count(which) == 0) {
        constants[which] = context.constants.value(from.input == no_source ? padding_input(node) : node.inputs[from.input]);
      }
      const EnclosedTensor& tensor = constants[which];
      const std::size_t at = from.input == no_source ? 0 : from.index;
      value = {tensor.centre.at(at), tensor.radius_at(at)};
    } else if (node.op == Operator::pad && node.attributes.count("value") != 0) {
      value = {static_cast<double>(node.real_attribute("value")), 0};
    }
    if (value.centre != 0 || value.radius != 0) {
      step.bias.resize(sources.size());
      step.bias[i] = value;
    }
  }
}

}  // namespace lipcert
