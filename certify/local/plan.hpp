// What the theorem layer-dual (formats/SPEC.md, section 9) needs of a network and does not depend on the sample: the rule of each node, the
// rows' norms, the sets of order statistics, and the constant of the way from the graph's input to the output of each block.
//
// Values are numbered as in graph/steps.hpp: 0 is the graph's input, k the result of step k - 1. Nodes stand in the order of the file.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "certify/bounds/analysis.hpp"
#include "certify/graph/steps.hpp"
#include "certify/local/linear_steps.hpp"
#include "formats/network/network.hpp"

namespace lipcert::local {

/// Entry `entry` of value `value`.
struct Place {
  std::size_t value = 0;
  std::size_t entry = 0;
  bool operator==(const Place&) const = default;
};

/// One result of an order node: the (rank + 1)-th smallest member of a set.
struct OrderResult {
  Place place;  // of what is written
  std::size_t set = 0;
  std::size_t rank = 0;
};

/// Order statistics of sets of entries; of a Max and a Min node that compare the same pairs, both, and the first node has them.
struct Sets {
  std::vector<std::size_t> start;      // of the sets in `members`, and the end
  std::vector<Place> members;          // entries of the node's inputs
  std::vector<Place> origins;          // the same, followed back through nodes that only move entries or add constants
  std::vector<OrderResult> results;    // ascending sets
  std::vector<std::size_t> tensors;    // values whose entries are compared: of the origins, each once
  std::vector<double> row_difference;  // for each set of two: ||row o - row m|| of the one product that made both, else infinity
  std::vector<std::size_t> made_from;  // for each set of two: the value that this product reads
  std::size_t most_compared = 1;       // how often one origin is compared at most
  bool extremes = true;                // of every set of more than two either the largest or the smallest member, and nothing else
  std::vector<std::size_t> values;     // that are written
};

struct PlanNode {
  enum class Rule {
    affine,
    entrywise,  // an activation
    order,
    ball,    // nothing is passed on
    nothing  // done with an earlier node
  };
  Rule rule = Rule::affine;
  const Step* step = nullptr;
  std::vector<std::size_t> inputs;  // values
  std::size_t output = 0;           // value
  std::vector<double> rows;         // norms of the rows, where the node has rows that are not moves or factors
  std::vector<double> moved;        // move: for each input, how often one entry is taken at most
  std::optional<LinearStep> linear;
  std::optional<Sets> sets;
};

struct Plan {
  std::vector<PlanNode> nodes;     // node k writes value k + 1
  std::vector<std::size_t> sizes;  // of the values
  std::vector<double> reach;       // of each value: a constant of the way from the graph's input to it; infinity inside a block
  std::vector<bool> known;         // rho of the value is known
  std::vector<bool> used;          // leads to the graph's output
  std::size_t output = 0;          // value
  double work = 0;                 // multiply-adds of one backward pass for one rival
};

/// The graph and its blocks must outlive the plan.
[[nodiscard]] Plan make_plan(const Network& network, const StepGraph& graph, const Analysis& analysis);

}  // namespace lipcert::local
