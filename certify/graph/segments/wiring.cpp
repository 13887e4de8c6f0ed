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
  // The steps of one node stand in a row.
  const std::vector<std::size_t> before(inside.begin(), inside.end());
  for (const std::size_t s : before) {
    const auto same = [&](std::size_t t) { return graph.steps[t].node == graph.steps[s].node; };
    for (std::size_t t = s; t > 0 && same(t - 1) && inside.insert(t - 1).second; --t) {
    }
    for (std::size_t t = s + 1; t <= last && same(t) && inside.insert(t).second; ++t) {
    }
  }
  return std::all_of(inside.begin(), inside.end(), [&](std::size_t s) {
    const auto within = [&](std::size_t reader) { return inside.count(reader) != 0; };
    return s == last || (s + 1 != graph.output && std::all_of(readers[s + 1].begin(), readers[s + 1].end(), within));
  });
}

}  // namespace lipcert
