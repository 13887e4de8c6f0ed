// See slices.hpp.

#include "certify/graph/segments/slices.hpp"

#include <algorithm>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <utility>

#include "certify/graph/linear_map.hpp"

namespace lipcert {

bool is_slice(const Wiring& wiring, std::size_t step) {
  return wiring.operator_of(step) == Operator::slice || wiring.operator_of(step) == Operator::gather;
}

void find_slices(const Wiring& wiring, const std::vector<Segment>& segments, const std::vector<std::size_t>& segment_of, Segment& concat) {
  // For each input: the tensors that it may come from, and the entries.
  std::optional<std::map<std::size_t, std::vector<std::vector<std::uint32_t>>>> common;
  for (const std::size_t input : wiring.graph.steps[concat.steps[0]].inputs) {
    std::map<std::size_t, std::vector<std::uint32_t>> origins;
    for (std::size_t value = input; value != 0;) {
      const Segment& segment = segments[segment_of[value - 1]];
      if (segment.inputs.size() != 1) {
        break;
      }
      const auto slices = [&](std::size_t s) { return is_slice(wiring, s); };
      if (segment.op == BlockOperator::split) {
        origins[segment.inputs[0]] = matrix_of(wiring.graph, {value - 1}, segment.inputs[0]).column;
      } else if (segment.op == BlockOperator::linear && std::all_of(segment.steps.begin(), segment.steps.end(), slices)) {
        origins[segment.inputs[0]] = matrix_of(wiring.graph, segment.steps, segment.inputs[0]).column;
      }
      value = segment.inputs[0];
    }
    std::map<std::size_t, std::vector<std::vector<std::uint32_t>>> both;
    for (auto& [tensor, entries] : origins) {
      if (!common) {
        both[tensor] = {std::move(entries)};
      } else if (const auto found = common->find(tensor); found != common->end()) {
        both[tensor] = std::move(found->second);
        both[tensor].push_back(std::move(entries));
      }
    }
    common = std::move(both);
  }
  for (const auto& [tensor, selections] : *common) {
    std::vector<bool> used(wiring.graph.size_of(tensor), false);
    bool disjoint = true;
    for (const auto& selection : selections) {
      const std::set<std::uint32_t> entries(selection.begin(), selection.end());
      disjoint = disjoint && entries.size() == selection.size();
      for (const std::uint32_t e : entries) {
        disjoint = disjoint && !used[e];
        used[e] = true;
      }
    }
    if (disjoint) {
      concat.disjoint = true;
      concat.slices_of = wiring.name_of(tensor);
      return;
    }
  }
}

}  // namespace lipcert
