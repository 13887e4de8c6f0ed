// See claimed_blocks.hpp.
#include "proofs/front/claimed_blocks.hpp"

#include <algorithm>
#include <cstdint>
#include <optional>
#include <set>
#include <utility>

#include "formats/encoding/error.hpp"
#include "proofs/front/bounds.hpp"
#include "proofs/front/members.hpp"

namespace lipcert::proofs {

namespace {

/// Why this version has no proof for such a block, or nothing.
std::optional<std::string> why_not(const std::string& op, const std::string& theorem) {
  static const std::map<std::string, std::vector<std::string>> known = {
      {"isometry", {"isometry"}},
      {"scale", {"diagonal-max"}},
      {"dense", {"dense-gram-psd", "zero-operator"}},
      {"activation", {"elementwise-slope"}},
      {"linear", {"diagonal-gram", "explicit-gram-psd", "zero-operator"}},
      {"convolution", {"conv-frequency-grid", "conv-bernstein", "conv-reshape"}},
      {"sort", {"rearrangement"}},
      {"split", {"slices"}},
      {"pool-max", {"max-overlap"}},
      {"add", {"sum"}},
      {"concat", {"root-sum-squares"}},
      {"max-min", {"root-sum-squares"}},
  };
  const auto found = known.find(op);
  if (found == known.end() || std::count(found->second.begin(), found->second.end(), theorem) == 0) {
    return "blocks of operator '" + op + "' with theorem '" + theorem + "'";
  }
  return std::nullopt;
}

/// The blocks are a partition of the model's nodes and its graph, and the bounds of joins are what their inputs' bounds make them.
class BlockReader {
 public:
  BlockReader(const Network& network, const Json& predicate) : network_(network), predicate_(predicate) {}

  ClaimedBlocks read() && {
    std::vector<std::size_t> constant_nodes;
    std::set<std::size_t> free;
    for (std::size_t i = 0; i < network_.nodes.size(); ++i) {
      // A node whose results are known (a Shape, say) is no part of the function, whatever it reads.
      if (value(network_.nodes[i].outputs.at(0)).constant) {
        constant_nodes.push_back(i);
      } else {
        free.insert(i);
      }
    }
    if (member(predicate_, "blocks").size() > most_blocks) {
      throw NotCovered("more than " + std::to_string(most_blocks) + " blocks");
    }
    result_.bound[network_.input] = {1, 1};
    result_.dominator[network_.input] = network_.input;
    result_.depth[network_.input] = 0;
    std::map<std::string, ValueId> tensors = {{"", network_.input}};
    std::optional<std::string> uncovered;
    for (const Json& json : member(predicate_, "blocks")) {
      ClaimedBlock block;
      block.id = text(member(json, "id"), "block id");
      block.op = text(member(json, "operator"), "operator");
      const std::string theorem = text(member(member(json, "method"), "theorem"), "theorem");
      block.upper = upper_end(member(json, "upper"));
      for (const Json& index : member(json, "nodes")) {
        const std::uint64_t i = natural(index, "node index");
        if ((!block.nodes.empty() && i <= block.nodes.back()) || free.erase(i) == 0) {
          throw rejected("the blocks are no partition of the model's nodes, at block '" + block.id + "'.");
        }
        block.nodes.push_back(i);
      }
      if (block.nodes.empty()) {
        throw rejected("the block '" + block.id + "' has no nodes.");
      }
      for (const Json& name : member(json, "inputs")) {
        const auto found = tensors.find(text(name, "block input"));
        if (found == tensors.end() || std::count(block.inputs.begin(), block.inputs.end(), found->second) != 0) {
          throw rejected("the block '" + block.id + "' reads what no block before it puts out.");
        }
        block.inputs.push_back(found->second);
      }
      check_reads(block);
      const Node& last = network_.nodes[block.nodes.back()];
      block.outputs = block.op == "split" ? last.outputs : std::vector<ValueId>{last.outputs.at(0)};
      if (value(block.outputs.front()).name != block.id) {
        throw rejected("the block '" + block.id + "' is not named after its output.");
      }
      if (!uncovered) {
        uncovered = why_not(block.op, theorem);
      }
      place(block, theorem);
      for (const ValueId output : block.outputs) {
        tensors[value(output).name] = output;
        result_.maker[output] = result_.blocks.size();
      }
      result_.blocks.push_back(std::move(block));
    }
    if (!free.empty() || result_.bound.count(network_.output) == 0) {
      throw rejected("the blocks do not cover the model's nodes.");
    }
    std::vector<std::uint64_t> claimed_constant;
    for (const Json& index : member(predicate_, "constantNodes")) {
      claimed_constant.push_back(natural(index, "node index"));
    }
    if (!std::equal(claimed_constant.begin(), claimed_constant.end(), constant_nodes.begin(), constant_nodes.end())) {
      throw rejected("the certificate's constant nodes are not the model's.");
    }
    if (uncovered) {
      throw NotCovered(*uncovered);
    }
    for (ValueId id = 0; id < network_.values.size(); ++id) {
      const std::uint64_t most = result_.bound.count(id) != 0 ? largest_side : largest_inner;
      if (data(id) && element_count(value(id).shape) > most) {
        throw NotCovered("the tensor '" + value(id).name + "' of more than " + std::to_string(most) + " entries");
      }
    }
    return std::move(result_);
  }

 private:
  // What keeps a small file from exhausting memory here.
  static constexpr std::size_t most_blocks = 8192;
  static constexpr std::uint64_t largest_side = 65536;
  static constexpr std::uint64_t largest_inner = std::uint64_t{1} << 20U;

  [[nodiscard]] const Value& value(ValueId id) const { return network_.values.at(id); }
  [[nodiscard]] bool data(ValueId id) const { return id != no_value && !value(id).constant; }

  /// A block reads its inputs, every one of them, and what its own earlier nodes put out.
  void check_reads(const ClaimedBlock& block) const {
    std::set<ValueId> own;
    std::set<ValueId> read;
    for (const std::size_t i : block.nodes) {
      const Node& n = network_.nodes[i];
      for (const ValueId v : n.inputs) {
        if (n.op == Operator::shape || !data(v) || own.count(v) != 0) {
          continue;
        }
        if (std::count(block.inputs.begin(), block.inputs.end(), v) == 0) {
          throw rejected("the node '" + network_.label(i) + "' of the block '" + block.id +
                         "' reads a tensor that is not among the block's inputs.");
        }
        read.insert(v);
      }
      own.insert(n.outputs.begin(), n.outputs.end());
    }
    if (read.size() != block.inputs.size() || read.empty()) {
      throw rejected("the block '" + block.id + "' does not read its inputs.");
    }
    const bool chain = block.op == "isometry" || block.op == "scale" || block.op == "dense";
    for (std::size_t k = 0; chain && k < block.nodes.size(); ++k) {
      const ValueId current = k == 0 ? block.inputs.front() : network_.nodes[block.nodes[k - 1]].outputs.at(0);
      const std::vector<ValueId>& in = network_.nodes[block.nodes[k]].inputs;
      if (block.inputs.size() != 1 || std::count_if(in.begin(), in.end(), [&](ValueId v) { return data(v); }) != 1 ||
          std::count(in.begin(), in.end(), current) != 1) {
        throw rejected("the nodes of the block '" + block.id + "' are no chain.");
      }
    }
  }

  /// The bound and the dominator of what the block puts out.
  void place(const ClaimedBlock& block, const std::string& theorem) {
    const bool join = block.op == "add" || block.op == "concat" || block.op == "max-min";
    ValueId before = block.inputs.front();
    Fraction bound = block.upper;
    if (!join) {
      if (block.inputs.size() != 1) {
        throw rejected("the block '" + block.id + "' has more than one input.");
      }
      if ((block.op == "isometry" || block.op == "sort" || block.op == "split") && block.upper.num != block.upper.den) {
        throw rejected("the block '" + block.id + "' has another constant than 1.");
      }
      bound = reduced(result_.bound.at(before) * block.upper);
    } else {
      if (block.nodes.size() != 1) {
        throw rejected("the join '" + block.id + "' has more than one node.");
      }
      for (const ValueId input : block.inputs) {
        ValueId other = input;
        while (other != before) {
          ValueId& deeper = result_.depth.at(other) >= result_.depth.at(before) ? other : before;
          deeper = result_.dominator.at(deeper);
        }
      }
      Fraction sum{0, 1};
      for (const ValueId input : network_.nodes[block.nodes.front()].inputs) {
        if (!data(input)) {
          throw rejected("the join '" + block.id + "' reads a constant.");
        }
        sum = sum_of(sum, theorem == "sum" ? result_.bound.at(input) : result_.bound.at(input) * result_.bound.at(input));
      }
      if ((theorem == "sum" || theorem == "root-sum-squares") && !at_most(sum, theorem == "sum" ? bound : bound * bound)) {
        throw rejected("the bound of the join '" + block.id + "' is smaller than its inputs' bounds make it.");
      }
    }
    for (const ValueId output : block.outputs) {
      result_.bound[output] = bound;
      result_.dominator[output] = before;
      result_.depth[output] = result_.depth.at(before) + 1;
    }
  }

  const Network& network_;
  const Json& predicate_;
  ClaimedBlocks result_;
};

}  // namespace

ClaimedBlocks read_claimed_blocks(const Network& network, const Json& predicate) {
  return BlockReader(network, predicate).read();
}

Fraction upper_end(const Json& number) {
  return parse_upper(text(member(number, "exact"), "upper bound"), text(member(number, "decimal"), "upper bound's decimal"));
}

}  // namespace lipcert::proofs
