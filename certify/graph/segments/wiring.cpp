// See wiring.hpp.

#include "certify/graph/segments/wiring.hpp"

#include <algorithm>

#include "certify/graph/constants.hpp"

namespace lipcert {

Wiring::Wiring(const Network& of, const StepGraph& steps) : network(of), graph(steps), readers(steps.steps.size() + 1) {
  for (std::size_t s = 0; s < graph.steps.size(); ++s) {
    for (const std::size_t input : graph.steps[s].inputs) {
      if (readers[input].empty() || readers[input].back() != s) {
        readers[input].push_back(s);
      }
    }
  }
}

Refusal Wiring::refusal(std::size_t step, const std::string& reason) const {
  return refuse(network, graph.steps[step].node, reason).refusal;
}

bool Wiring::closes(std::set<std::size_t>& inside, std::size_t last) const {
  std::set<std::size_t> nodes;
  for (const std::size_t s : inside) {
    nodes.insert(graph.steps[s].node);
  }
  for (std::size_t s = 0; s <= last; ++s) {
    if (nodes.count(graph.steps[s].node) != 0) {
      inside.insert(s);
    }
  }
  return std::all_of(inside.begin(), inside.end(), [&](std::size_t s) {
    const auto within = [&](std::size_t reader) { return inside.count(reader) != 0; };
    return s == last || (s + 1 != graph.output && std::all_of(readers[s + 1].begin(), readers[s + 1].end(), within));
  });
}

}  // namespace lipcert
