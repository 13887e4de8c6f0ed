// Nodes that move, negate and compare entries (entries.hpp): sorts in whatever nodes an export writes them.
#include <algorithm>
#include <cstdint>
#include <string>
#include <utility>

#include "proofs/front/entries/entries.hpp"
#include "proofs/front/entries/tools.hpp"
#include "proofs/front/members.hpp"

namespace lipcert::proofs {

std::vector<Ordered> EntryReader::orders(const std::vector<std::size_t>& nodes, ValueId input, ValueId output) const {
  std::map<ValueId, std::vector<Ordered>> followed;
  std::vector<Ordered>& start = followed[input];
  start.resize(element_count(shape(input)));
  for (std::size_t i = 0; i < start.size(); ++i) {
    start[i].set = {static_cast<std::uint32_t>(i)};
  }
  const auto of = [&](ValueId id) -> const std::vector<Ordered>& {
    const auto found = followed.find(id);
    if (found == followed.end()) {
      throw rejected("a node of a sort reads what the block does not have.");
    }
    return found->second;
  };
  /// The order statistic of entries of the block's input.
  const auto statistic = [&](const std::vector<const Ordered*>& members, std::size_t rank) {
    Ordered result;
    for (const Ordered* m : members) {
      if (m->set.size() != 1 || m->negative || m->part) {
        throw NotCovered("a sort of what is sorted or negated already");
      }
      result.set.push_back(m->set.front());
    }
    std::sort(result.set.begin(), result.set.end());
    if (std::adjacent_find(result.set.begin(), result.set.end()) != result.set.end()) {
      throw NotCovered("a sort of an entry with itself");
    }
    result.rank = static_cast<std::uint32_t>(rank);
    return result;
  };
  for (const std::size_t index : nodes) {
    const Node& node = network_.nodes.at(index);
    std::vector<Ordered> result;
    switch (node.op) {
      case Operator::neg:
        result = of(node.inputs.at(0));
        for (Ordered& o : result) {
          if (o.set.size() != 1 || o.part) {
            throw NotCovered("a sort that is negated");
          }
          o.negative = !o.negative;
        }
        break;
      case Operator::max:
      case Operator::min: {
        if (node.inputs.size() != 2 || shape(node.inputs[0]) != shape(node.inputs[1])) {
          throw rejected("a Max or Min of a sort does not have two tensors of one shape.");
        }
        const std::vector<Ordered>& a = of(node.inputs[0]);
        const std::vector<Ordered>& b = of(node.inputs[1]);
        for (std::size_t i = 0; i < a.size(); ++i) {
          result.push_back(statistic({&a[i], &b.at(i)}, node.op == Operator::max ? 1 : 0));
        }
        break;
      }
      case Operator::reduce_max:
      case Operator::reduce_min: {
        const std::vector<Ordered>& a = of(node.inputs.at(0));
        for (const std::vector<std::uint32_t>& set : reduction_sets(node)) {
          std::vector<const Ordered*> members;
          for (const std::uint32_t i : set) {
            members.push_back(&a.at(i));
          }
          result.push_back(statistic(members, node.op == Operator::reduce_max ? members.size() - 1 : 0));
        }
        break;
      }
      case Operator::top_k: {
        const Shape& in = shape(node.inputs.at(0));
        const Shape& to = shape(node.outputs.at(0));
        const std::size_t axis = axis_of(node.integer_attribute("axis"), in.size());
        const bool largest = !has(node, "largest") || node.integer_attribute("largest") != 0;
        if (has(node, "sorted") && node.integer_attribute("sorted") == 0) {
          throw NotCovered("a TopK whose results are in no order");
        }
        const std::vector<Ordered>& a = of(node.inputs[0]);
        for_each_index(to, [&](const Index& at) {
          std::vector<const Ordered*> members;
          for (std::size_t k = 0; k < in[axis]; ++k) {
            Index source = at;
            source[axis] = static_cast<std::int64_t>(k);
            members.push_back(&a.at(static_cast<std::size_t>(flat(in, source))));
          }
          const auto place = static_cast<std::size_t>(at[axis]);
          result.push_back(members.size() == 1 ? *members.front() : statistic(members, largest ? members.size() - 1 - place : place));
        });
        break;
      }
      case Operator::relu:
        result = of(node.inputs.at(0));
        for (Ordered& o : result) {
          if (o.set.size() != 1 || o.part) {
            throw NotCovered("the positive part of what is sorted already");
          }
          o.part = true;
        }
        break;
      default: {
        for (std::size_t k = 0; k < node.outputs.size(); ++k) {
          std::vector<Source> sources;
          if (!moves(node, k, sources)) {
            if (k > 0) {
              continue;
            }
            throw rejected(std::string("a ") + name_of(node.op) + " node does not only move and compare entries.");
          }
          result.clear();
          for (const Source& s : sources) {
            if (s.padding || !data(node.inputs.at(s.input))) {
              throw rejected("a sort puts out constants.");
            }
            result.push_back(of(node.inputs[s.input]).at(s.index));
          }
          followed[node.outputs[k]] = result;
        }
        continue;
      }
    }
    followed[node.outputs.at(0)] = std::move(result);
  }
  return of(output);
}

}  // namespace lipcert::proofs
