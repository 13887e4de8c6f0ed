// What the theorem `layer-dual` (formats/SPEC.md, section 9) needs of a network and does not depend on the sample.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "verifier/local/amounts.hpp"
#include "verifier/samples/fixed_network.hpp"

namespace lipverify::local {

/// An entry of one of a step's data inputs.
struct Member {
  std::uint32_t slot = 0, index = 0;
};
inline constexpr std::uint32_t kNoEntry = 0xFFFFFFFF;

/// Order statistics: sets of members, one after the other, and what is put out of each.
struct Sets {
  std::vector<std::size_t> start;  // of the sets in `members`, and the end
  std::vector<Member> members;
  // Of sets of one or two, and of larger ones of which nothing else is put out: the entries of the results that are the largest and the smallest member.
  std::vector<std::uint32_t> largest, smallest;
  // A node with a larger set of which more is put out: entry i is number ranks[i] of set line[i], from the largest.
  bool sorted = false;
  std::vector<std::uint32_t> line, ranks;
  // Where the members come from, through steps that only move entries or add constants.
  std::vector<ValueId> tensors;      // of the origins, each once
  std::vector<ValueId> passed;       // on the way from them to the members
  std::vector<std::uint32_t> origin;  // of each member, in `tensors`
  std::uint64_t compared = 1;        // how often one origin is compared at most
  struct Difference {                // of a set of two whose members are entries of one product at the same place
    Above norm;
    ValueId product = 0, reads = 0;
  };
  std::vector<std::optional<Difference>> differences;  // for each set
};

struct Step {
  const FixedNetwork::Placed* placed = nullptr;
  StepForm form;
  Above stretch;
  std::optional<RowNorms> norms;
  std::optional<Sets> sets;
  bool done_with_first = false;           // order statistics that are taken together with an earlier node
  std::optional<ValueId> partner;         // the output of that later node: the other one of the largest and the smallest
};

struct Block {
  std::vector<Step> steps;
  std::optional<ValueId> input;  // none: a join
  Above constant;                // of the way from the graph's input to the output
  UpperBound bound;              // of this block
  std::vector<ValueId> outputs;
  bool ball = false;             // nothing is passed on through it
};

struct Plan {
  std::vector<Block> blocks;
};

/// The network must outlive the plan. Unavailable where a block cannot be evaluated by steps.
[[nodiscard]] Plan make_plan(const FixedNetwork& network, const std::vector<std::uint64_t>& sizes);

}  // namespace lipverify::local
