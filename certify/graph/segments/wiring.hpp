// The steps of a network with who reads what: what every way to put steps together asks.
#pragma once

#include <cstddef>
#include <set>
#include <string>
#include <vector>

#include "certify/graph/steps.hpp"
#include "formats/network/network.hpp"

namespace lipcert {

struct Wiring {
  /// Keeps references to both.
  Wiring(const Network& network, const StepGraph& graph);

  const Network& network;
  const StepGraph& graph;
  std::vector<std::vector<std::size_t>> readers;  // steps, by value

  [[nodiscard]] Operator operator_of(std::size_t step) const { return network.nodes[graph.steps[step].node].op; }
  [[nodiscard]] const Shape& shape_of(std::size_t value) const {
    return network.values[value == 0 ? network.input : graph.steps[value - 1].value].shape;
  }
  /// "" for the graph's input.
  [[nodiscard]] std::string name_of(std::size_t value) const {
    return value == 0 ? std::string() : network.values[graph.steps[value - 1].value].name;
  }

  /// The refusal of a step, in the name of its node.
  [[nodiscard]] Refusal refusal(std::size_t step, const std::string& reason) const;

  /// Adds the other outputs, up to step `last`, of every Split that has one inside; then says whether only what `last` writes is read
  /// outside.
  [[nodiscard]] bool closes(std::set<std::size_t>& inside, std::size_t last) const;
};

}  // namespace lipcert
