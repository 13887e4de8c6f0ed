// See partition.hpp. Here is the order in which it is decided what a step is a part of; segments/ has one file for each kind of part.

#include "certify/graph/partition.hpp"

#include <algorithm>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>

#include "certify/graph/linear_map.hpp"
#include "certify/graph/segments/chain.hpp"
#include "certify/graph/segments/describe.hpp"
#include "certify/graph/segments/rearrangement.hpp"
#include "certify/graph/segments/residual.hpp"
#include "certify/graph/segments/slices.hpp"
#include "certify/graph/segments/wiring.hpp"
#include "certify/norms/sparse_norm.hpp"

namespace lipcert {
namespace {

class Partitioner {
 public:
  Partitioner(const Network& network, const StepGraph& graph)
      : wiring_(network, graph), graph_(graph), segment_of_(graph.steps.size(), none) {}

  Segments run() {
    for (Rearrangement& sort : find_rearrangements(wiring_)) {
      Segment segment;
      segment.op = BlockOperator::sort;
      segment.inputs = {sort.input};
      segment.steps = std::move(sort.steps);
      put(std::move(segment));
    }
    for (std::size_t s = 0; s < graph_.steps.size(); ++s) {
      if (graph_.steps[s].kind == Step::Kind::sum && segment_of_[s] == none) {
        if (std::optional<Segment> segment = find_residual(
                wiring_, [&](std::size_t step) { return segment_of_[step] != none; }, s)) {
          put(std::move(*segment));
        }
      }
    }
    for (std::size_t s = 0; s < graph_.steps.size(); ++s) {
      if (segment_of_[s] == none && !graph_.steps[s].affine()) {
        curved(s);
      }
    }
    for (std::size_t s = 0; s < graph_.steps.size(); ++s) {
      if (segment_of_[s] == none && graph_.steps[s].inputs.size() > 1) {
        join_or_region(s);
      }
    }
    splits();
    for (std::size_t s = 0; s < graph_.steps.size(); ++s) {
      if (segment_of_[s] == none && unit_of_.count(s) == 0) {
        unit({s}, graph_.steps[s].inputs[0]);
      }
    }
    chains();
    if (!refusals_.empty()) {
      return {{}, std::move(refusals_)};
    }
    std::stable_sort(segments_.begin(), segments_.end(),
                     [](const Segment& a, const Segment& b) { return a.steps.back() < b.steps.back(); });
    for (std::size_t i = 0; i < segments_.size(); ++i) {
      for (const std::size_t s : segments_[i].steps) {
        segment_of_[s] = i;
      }
    }
    for (Segment& segment : segments_) {
      if (segment.op == BlockOperator::concat) {
        find_slices(wiring_, segments_, segment_of_, segment);
      }
    }
    return {std::move(segments_), {}};
  }

 private:
  static constexpr std::size_t none = static_cast<std::size_t>(-1);

  void refuse_step(std::size_t s, const std::string& reason) {
    refusals_.push_back(wiring_.refusal(s, reason));
    segment_of_[s] = none - 1;
  }

  void put(Segment segment) {
    for (const std::size_t s : segment.steps) {
      segment_of_[s] = segments_.size();
    }
    segments_.push_back(std::move(segment));
  }

  void put(BlockOperator op, std::size_t s) {
    Segment segment;
    segment.op = op;
    segment.steps = {s};
    segment.inputs = graph_.steps[s].inputs;
    put(std::move(segment));
  }

  void curved(std::size_t s) {
    const Step& step = graph_.steps[s];
    switch (step.kind) {
      case Step::Kind::activation:
        put(BlockOperator::activation, s);
        return;
      case Step::Kind::softmax:
        put(BlockOperator::softmax, s);
        return;
      case Step::Kind::pool_l2:
        put(BlockOperator::pool_l2, s);
        return;
      default:
        break;
    }
    const Operator op = wiring_.operator_of(s);
    if (op == Operator::top_k) {
      refuse_step(s, "chooses among entries some of which stand in it twice; export the network without such a repetition.");
    } else if (op == Operator::max || op == Operator::min) {
      const Node& node = wiring_.network.nodes[step.node];
      const bool same = std::all_of(node.inputs.begin(), node.inputs.end(), [&](ValueId id) {
        return !wiring_.network.values[id].constant && wiring_.network.values[id].shape == wiring_.network.values[node.outputs[0]].shape;
      });
      if (same && step.inputs.size() > 1) {
        put(BlockOperator::max_min, s);
      } else {
        refuse_step(s, "compares tensors of different shapes; repeat the smaller one in a node of its own.");
      }
    } else {
      put(BlockOperator::pool_max, s);
    }
  }

  /// The affine steps between one value and step `last`, if there is one such value, nothing else reads what is between, and the matrix is
  /// affordable.
  void join_or_region(std::size_t last) {
    std::set<std::size_t> inside{last};
    std::set<std::size_t> open(graph_.steps[last].inputs.begin(), graph_.steps[last].inputs.end());
    bool closed = true;
    while (open.size() > 1) {
      const std::size_t value = *open.rbegin();
      if (value == 0 || segment_of_[value - 1] != none || !graph_.steps[value - 1].affine()) {
        closed = false;
        break;
      }
      open.erase(value);
      // With a step come the steps of the unit that it is in, and the other outputs of its Split.
      std::vector<std::size_t> added{value - 1};
      if (const auto in = unit_of_.find(value - 1); in != unit_of_.end()) {
        added = units_[in->second].steps;
      }
      for (const std::size_t s : added) {
        inside.insert(s);
        open.erase(s + 1);
      }
      for (const std::size_t s : added) {
        for (const std::size_t input : graph_.steps[s].inputs) {
          if (input == 0 || inside.count(input - 1) == 0) {
            open.insert(input);
          }
        }
      }
    }
    closed = closed && wiring_.closes(inside, last);
    const std::vector<std::size_t> steps(inside.begin(), inside.end());
    const auto joins = [&] { return join_kind(last).has_value(); };
    if (closed && affordable(steps, *open.begin(), joins() ? 0x1p36 : 0x1p40)) {
      // Units that lie inside are no longer units of their own.
      for (const std::size_t s : steps) {
        if (const auto in = unit_of_.find(s); in != unit_of_.end()) {
          units_[in->second].steps.clear();
        }
      }
      unit(steps, *open.begin());
      return;
    }
    if (const std::optional<BlockOperator> op = join_kind(last)) {
      put(*op, last);
      return;
    }
    refuse_step(
        last,
        closed ? "is part of a linear map that is too large to be multiplied out; export the branches as one convolution or product."
               : "joins two branches in a way that is not bounded (other shapes, or constants between); write the joint as Add or Sub of "
                 "tensors of one shape, or as a Concat of data alone.");
  }

  [[nodiscard]] std::optional<BlockOperator> join_kind(std::size_t s) const {
    const Step& step = graph_.steps[s];
    if (step.kind == Step::Kind::sum) {
      const bool same = std::all_of(step.maps.begin(), step.maps.end(), [](const auto& map) { return map.empty(); });
      return same ? std::optional<BlockOperator>(BlockOperator::add) : std::nullopt;
    }
    const bool constants = std::any_of(step.source.begin(), step.source.end(), [](const EntryAt& e) { return e.input == Step::no_input; });
    return constants ? std::nullopt : std::optional<BlockOperator>(BlockOperator::concat);
  }

  [[nodiscard]] bool affordable(const std::vector<std::size_t>& steps, std::size_t from, double most_flops) {
    if (composition_cost(graph_, steps, from) > affordable_terms) {
      return false;
    }
    return sparse_flops(matrix_of(graph_, steps, from)) <= most_flops;
  }

  void unit(std::vector<std::size_t> steps, std::size_t input) {
    for (const std::size_t s : steps) {
      unit_of_[s] = units_.size();
    }
    units_.push_back({std::move(steps), input});
  }

  /// A Split none of whose outputs is in a block stands alone.
  void splits() {
    for (std::size_t s = 0; s < graph_.steps.size(); ++s) {
      if (segment_of_[s] != none || unit_of_.count(s) != 0 || wiring_.operator_of(s) != Operator::split) {
        continue;
      }
      Segment segment;
      segment.op = BlockOperator::split;
      segment.inputs = graph_.steps[s].inputs;
      for (std::size_t t = s; t < graph_.steps.size() && graph_.steps[t].node == graph_.steps[s].node; ++t) {
        segment.steps.push_back(t);
      }
      put(std::move(segment));
    }
  }

  [[nodiscard]] bool all_read_by(std::size_t value, const std::vector<std::size_t>& steps) const {
    return value != graph_.output && std::all_of(wiring_.readers[value].begin(), wiring_.readers[value].end(),
                                                 [&](std::size_t r) { return std::find(steps.begin(), steps.end(), r) != steps.end(); });
  }

  /// A selection of entries that something else beside it reads too: its block shows that the branches are slices, and stays one.
  [[nodiscard]] bool is_branch_slice(const Unit& unit) const {
    const auto slices = [&](std::size_t s) { return is_slice(wiring_, s); };
    return wiring_.readers[unit.input].size() > 1 && std::all_of(unit.steps.begin(), unit.steps.end(), slices);
  }

  void chains() {
    std::map<std::size_t, std::size_t> by_input;  // value -> the unit that alone reads it
    for (std::size_t u = 0; u < units_.size(); ++u) {
      if (!units_[u].steps.empty() && all_read_by(units_[u].input, units_[u].steps)) {
        by_input[units_[u].input] = u;
      }
    }
    std::vector<bool> follows(units_.size(), false);
    const auto next_of = [&](std::size_t u) {
      if (is_branch_slice(units_[u])) {
        return none;
      }
      const auto next = by_input.find(units_[u].steps.back() + 1);
      return next == by_input.end() ? none : next->second;
    };
    for (std::size_t u = 0; u < units_.size(); ++u) {
      if (!units_[u].steps.empty()) {
        if (const std::size_t next = next_of(u); next != none) {
          follows[next] = true;
        }
      }
    }
    for (std::size_t u = 0; u < units_.size(); ++u) {
      if (units_[u].steps.empty() || follows[u]) {
        continue;
      }
      std::vector<Unit> chain;
      for (std::size_t at = u; at != none; at = next_of(at)) {
        chain.push_back(units_[at]);
      }
      std::size_t input = chain.front().input;
      for (Segment& segment : cut_chain(wiring_, chain, refusals_)) {
        segment.inputs = {input};
        input = segment.steps.back() + 1;
        put(std::move(segment));
      }
    }
  }

  const Wiring wiring_;
  const StepGraph& graph_;
  std::vector<std::size_t> segment_of_;  // by step
  std::map<std::size_t, std::size_t> unit_of_;
  std::vector<Unit> units_;
  std::vector<Segment> segments_;
  std::vector<Refusal> refusals_;
};

}  // namespace

Segments cut(const Network& network, const StepGraph& graph) {
  return Partitioner(network, graph).run();
}

Partition partition(const Network& network) {
  WorkerPool pool(1);
  StepGraph graph = build_steps(network, pool);
  Partition result;
  result.constant_nodes = std::move(graph.constant_nodes);
  result.refusals = std::move(graph.refusals);
  if (result.refusals.empty()) {
    Segments segments = cut(network, graph);
    result.refusals = std::move(segments.refusals);
    if (result.refusals.empty()) {
      result.blocks = describe(network, graph, segments.segments);
    }
  }
  return result;
}

}  // namespace lipcert
