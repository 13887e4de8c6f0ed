// See plan.hpp.

#include "certify/local/plan.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <string>
#include <utility>

namespace lipcert::local {
namespace {

constexpr double infinite = std::numeric_limits<double>::infinity();

/// P of every value that is a block's output (SPEC.md, section 4); infinity for the others.
std::vector<double> reach_of_values(const Network& network, const StepGraph& graph, const Analysis& analysis) {
  std::map<std::string, double> reach{{"", 1.0}};
  for (const Block& block : analysis.partition.blocks) {
    const double before = block.inputs.empty() ? 1.0 : reach.at(block.inputs[0]);
    const double after = is_join(block.op) ? block.upper : block.upper * before;
    reach[block.id] = after;
    if (block.op == BlockOperator::split) {
      for (const ValueId out : network.nodes[block.nodes[0]].outputs) {
        if (out != no_value) {
          reach[network.values[out].name] = after;
        }
      }
    }
  }
  std::vector<double> result(graph.steps.size() + 1, infinite);
  result[0] = 1;
  for (std::size_t s = 0; s < graph.steps.size(); ++s) {
    const auto found = reach.find(network.values[graph.steps[s].value].name);
    if (found != reach.end()) {
      result[s + 1] = found->second;
    }
  }
  return result;
}

/// Follows an entry back through nodes that only move entries or add constants, as long as what it comes from has a known rho.
Place origin(const StepGraph& graph, const std::vector<bool>& known, Place at) {
  while (at.value != 0) {
    const Step& step = graph.steps[at.value - 1];
    Place from;
    if (step.kind == Step::Kind::isometry && step.sign > 0) {
      from = {step.inputs[0], at.entry};
    } else if (step.kind == Step::Kind::move && step.source[at.entry].input != Step::no_input) {
      from = {step.inputs[step.source[at.entry].input], step.source[at.entry].index};
    } else {
      return at;
    }
    if (!known[from.value]) {
      return at;
    }
    at = from;
  }
  return at;
}

Sets make_sets(const StepGraph& graph, const std::vector<bool>& known, const PlanNode& node) {
  const Step& step = *node.step;
  Sets sets;
  sets.start = step.set_start;
  std::vector<std::size_t> begin{0};
  for (const std::size_t input : node.inputs) {
    begin.push_back(begin.back() + graph.size_of(input));
  }
  for (const std::uint32_t e : step.set_entry) {
    const auto input = static_cast<std::size_t>(std::upper_bound(begin.begin(), begin.end(), e) - begin.begin()) - 1;
    sets.members.push_back({node.inputs[input], e - begin[input]});
    sets.origins.push_back(origin(graph, known, sets.members.back()));
  }
  std::vector<unsigned> extremes(sets.start.size() - 1, 0);
  for (std::size_t i = 0; i < step.output_size; ++i) {
    const std::size_t set = step.set[i];
    const std::size_t length = sets.start[set + 1] - sets.start[set];
    sets.results.push_back({{node.output, i}, set, step.rank[i]});
    const bool extreme = step.rank[i] == 0 || step.rank[i] + 1 == length;
    sets.extremes = sets.extremes && (length <= 2 || (extreme && extremes[set]++ == 0));
  }
  std::map<std::pair<std::size_t, std::size_t>, std::size_t> compared;
  for (const Place& place : sets.origins) {
    sets.most_compared = std::max(sets.most_compared, ++compared[{place.value, place.entry}]);
    if (std::find(sets.tensors.begin(), sets.tensors.end(), place.value) == sets.tensors.end()) {
      sets.tensors.push_back(place.value);
    }
  }
  for (std::size_t s = 0; s + 1 < sets.start.size(); ++s) {
    double difference = infinite;
    std::size_t from = 0;
    if (sets.start[s + 1] - sets.start[s] == 2) {
      const Place& a = sets.origins[sets.start[s]];
      const Place& b = sets.origins[sets.start[s] + 1];
      if (a.value == b.value && a.value != 0 &&
          (graph.steps[a.value - 1].dense() || graph.steps[a.value - 1].kind == Step::Kind::convolution)) {
        difference = row_distance(graph.steps[a.value - 1], a.entry, b.entry);
        from = graph.steps[a.value - 1].inputs[0];
      }
    }
    sets.row_difference.push_back(known[from] ? difference : infinite);
    sets.made_from.push_back(from);
  }
  sets.values = {node.output};
  return sets;
}

/// A Max and a Min node that compare the same pairs of entries in the same order are taken together, as the first of them.
void join_pairs(Plan& plan) {
  for (std::size_t b = 0; b < plan.nodes.size(); ++b) {
    PlanNode& second = plan.nodes[b];
    if (second.rule != PlanNode::Rule::order || second.step->inputs.size() != 2) {
      continue;
    }
    for (std::size_t a = 0; a < b; ++a) {
      PlanNode& first = plan.nodes[a];
      if (first.rule != PlanNode::Rule::order || first.step->inputs.size() != 2 || first.sets->values.size() != 1 ||
          first.sets->members != second.sets->members || first.sets->start != second.sets->start ||
          first.sets->results[0].rank == second.sets->results[0].rank) {
        continue;
      }
      first.sets->values.push_back(second.output);
      first.sets->results.insert(first.sets->results.end(), second.sets->results.begin(), second.sets->results.end());
      std::stable_sort(first.sets->results.begin(), first.sets->results.end(),
                       [](const OrderResult& x, const OrderResult& y) { return x.set < y.set; });
      second.rule = PlanNode::Rule::nothing;
      break;
    }
  }
}

std::vector<double> times_moved(const StepGraph& graph, const Step& step) {
  std::vector<double> most;
  for (std::size_t k = 0; k < step.inputs.size(); ++k) {
    std::vector<double> times(graph.size_of(step.inputs[k]), 0.0);
    for (const EntryAt& from : step.source) {
      if (from.input == k) {
        ++times[from.index];
      }
    }
    most.push_back(times.empty() ? 0.0 : *std::max_element(times.begin(), times.end()));
  }
  return most;
}

double work_of(const Step& step) {
  if (step.dense()) {
    return static_cast<double>(step.matrix.centre.size()) * static_cast<double>(step.copies);
  }
  return step.kind == Step::Kind::convolution ? step.convolution.flops() / 2
                                              : static_cast<double>(step.input_size + step.weights.column.size());
}

}  // namespace

Plan make_plan(const Network& network, const StepGraph& graph, const Analysis& analysis) {
  Plan plan;
  plan.output = graph.output;
  plan.reach = reach_of_values(network, graph, analysis);
  plan.known.assign(graph.steps.size() + 1, true);
  plan.used.assign(graph.steps.size() + 1, false);
  plan.used[graph.output] = true;
  for (std::size_t s = graph.steps.size(); s-- > 0;) {
    for (const std::size_t input : graph.steps[s].inputs) {
      plan.used[input] = plan.used[input] || plan.used[s + 1];
    }
  }
  plan.sizes.push_back(graph.input_size);
  for (std::size_t s = 0; s < graph.steps.size(); ++s) {
    const Step& step = graph.steps[s];
    PlanNode node;
    node.step = &step;
    node.inputs = step.inputs;
    node.output = s + 1;
    const bool inputs_known = std::all_of(step.inputs.begin(), step.inputs.end(), [&](std::size_t v) { return plan.known[v]; });
    if (step.affine()) {
      node.linear.emplace(graph, step);
    }
    if (!inputs_known) {
      node.rule = PlanNode::Rule::ball;
    } else if (step.affine()) {
      node.rows = row_norms(step);
      if (step.kind == Step::Kind::move) {
        node.moved = times_moved(graph, step);
      }
    } else if (step.kind == Step::Kind::activation && !step.gate) {
      node.rule = PlanNode::Rule::entrywise;
    } else if (step.kind == Step::Kind::order) {
      node.rule = PlanNode::Rule::order;
      node.sets = make_sets(graph, plan.known, node);
    } else {
      node.rule = PlanNode::Rule::ball;
    }
    const bool own_rule = inputs_known && node.rule != PlanNode::Rule::ball;
    plan.known[s + 1] = std::isfinite(plan.reach[s + 1]) || own_rule;
    plan.work += work_of(step);
    plan.sizes.push_back(step.output_size);
    plan.nodes.push_back(std::move(node));
  }
  join_pairs(plan);
  return plan;
}

}  // namespace lipcert::local
