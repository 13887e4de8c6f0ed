// See rearrangement.hpp.
//
// Why such a map is 1-Lipschitz: sorting is (the sorted vectors of x and y are no further apart than x and y), x -> (relu(x), relu(-x)) is,
// leaving entries out is, and a direct sum of 1-Lipschitz maps on disjoint entries is.

#include "certify/graph/segments/rearrangement.hpp"

#include <algorithm>
#include <map>
#include <optional>
#include <set>
#include <utility>

namespace lipcert {
namespace {

struct Symbol {
  enum class Kind : std::uint8_t { plain, negated, relu, relu_of_negated, order };
  Kind kind = Kind::plain;
  std::uint32_t at = 0;    // entry of the input; order: number of the set
  std::uint32_t rank = 0;  // order
};

/// One candidate input, and what follows from it.
class Propagation {
 public:
  Propagation(const Network& network, const StepGraph& graph, std::size_t input, const std::vector<bool>& taken,
              const std::vector<std::vector<std::size_t>>& readers)
      : network_(network), graph_(graph), input_(input), taken_(taken), readers_(readers) {}

  std::optional<Rearrangement> find() {
    std::vector<Symbol> start(graph_.size_of(input_));
    for (std::size_t i = 0; i < start.size(); ++i) {
      start[i].at = static_cast<std::uint32_t>(i);
    }
    symbols_[input_] = std::move(start);
    std::set<std::size_t> next(readers_[input_].begin(), readers_[input_].end());
    while (!next.empty()) {
      const std::size_t s = *next.begin();
      next.erase(next.begin());
      if (taken_[s] || !follow(s)) {
        continue;
      }
      if (std::optional<Rearrangement> found = close(s)) {
        return found;
      }
      next.insert(readers_[s + 1].begin(), readers_[s + 1].end());
    }
    return std::nullopt;
  }

 private:
  /// The symbols of the step's output, if it has some.
  bool follow(std::size_t s) {
    const Step& step = graph_.steps[s];
    std::vector<const std::vector<Symbol>*> in;
    for (const std::size_t input : step.inputs) {
      const auto found = symbols_.find(input);
      if (found == symbols_.end()) {
        return false;
      }
      in.push_back(&found->second);
    }
    const auto nonzero = [](Ball b) { return b.centre != 0 || b.radius != 0; };
    if (std::any_of(step.bias.begin(), step.bias.end(), nonzero)) {
      return false;
    }
    std::vector<Symbol> out;
    out.reserve(step.output_size);
    const Operator op = network_.nodes[step.node].op;
    if (op == Operator::add || op == Operator::sub || op == Operator::pad) {
      return false;
    }
    switch (step.kind) {
      case Step::Kind::isometry:
        out = *in[0];
        for (Symbol& symbol : out) {
          if (step.sign < 0 && !negate(symbol)) {
            return false;
          }
        }
        break;
      case Step::Kind::move:
        for (const EntryAt& from : step.source) {
          if (from.input == Step::no_input) {
            return false;
          }
          out.push_back((*in[from.input])[from.index]);
        }
        break;
      case Step::Kind::activation:
        if (step.op != Operator::relu) {
          return false;
        }
        out = *in[0];
        for (Symbol& symbol : out) {
          if (symbol.kind != Symbol::Kind::plain && symbol.kind != Symbol::Kind::negated) {
            return false;
          }
          symbol.kind = symbol.kind == Symbol::Kind::plain ? Symbol::Kind::relu : Symbol::Kind::relu_of_negated;
        }
        break;
      case Step::Kind::order:
        if (!order(step, op, in, out)) {
          return false;
        }
        break;
      default:
        return false;
    }
    symbols_[s + 1] = std::move(out);
    return true;
  }

  static bool negate(Symbol& symbol) {
    if (symbol.kind != Symbol::Kind::plain && symbol.kind != Symbol::Kind::negated) {
      return false;
    }
    symbol.kind = symbol.kind == Symbol::Kind::plain ? Symbol::Kind::negated : Symbol::Kind::plain;
    return true;
  }

  bool order(const Step& step, Operator op, const std::vector<const std::vector<Symbol>*>& in, std::vector<Symbol>& out) {
    const bool pair = op == Operator::max || op == Operator::min;
    if (pair && (in.size() != 2 || in[0]->size() != step.output_size || in[1]->size() != step.output_size)) {
      return false;
    }
    if (!pair && op != Operator::reduce_max && op != Operator::reduce_min && op != Operator::top_k) {
      return false;
    }
    std::vector<std::uint32_t> numbers;  // of the step's sets
    for (std::size_t k = 0; k + 1 < step.set_start.size(); ++k) {
      std::vector<std::uint32_t> entries;
      for (std::size_t e = step.set_start[k]; e < step.set_start[k + 1]; ++e) {
        std::size_t at = step.set_entry[e];
        const std::size_t which = at < in[0]->size() ? 0 : 1;
        at -= which == 0 ? 0 : in[0]->size();
        const Symbol& symbol = (*in[which])[at];
        if (symbol.kind != Symbol::Kind::plain) {
          return false;
        }
        entries.push_back(symbol.at);
      }
      std::sort(entries.begin(), entries.end());
      if (entries.size() < 2 || std::adjacent_find(entries.begin(), entries.end()) != entries.end()) {
        return false;
      }
      const auto [number, added] = sets_.emplace(std::move(entries), static_cast<std::uint32_t>(sets_.size()));
      if (added) {
        entries_.push_back(&number->first);
      }
      numbers.push_back(number->second);
    }
    for (std::size_t o = 0; o < step.output_size; ++o) {
      out.push_back({Symbol::Kind::order, numbers[step.set[o]], step.rank[o]});
    }
    return true;
  }

  /// The steps between the input and this one, if they are a block.
  [[nodiscard]] std::optional<Rearrangement> close(std::size_t last) const {
    std::set<std::size_t> inside;
    std::vector<std::size_t> open{last};
    while (!open.empty()) {
      const std::size_t s = open.back();
      open.pop_back();
      if (!inside.insert(s).second) {
        continue;
      }
      for (const std::size_t input : graph_.steps[s].inputs) {
        if (input != input_) {
          open.push_back(input - 1);
        }
      }
    }
    std::size_t kinks = 0;
    bool sorts = false;
    for (const std::size_t s : inside) {
      kinks += graph_.steps[s].affine() ? 0U : 1U;
      sorts = sorts || network_.nodes[graph_.steps[s].node].op == Operator::top_k;
    }
    if (kinks < 2 && !sorts) {
      return std::nullopt;
    }
    // All outputs of a Split are in or out; one that nobody reads belongs to the others.
    std::set<std::size_t> nodes;
    for (const std::size_t s : inside) {
      nodes.insert(graph_.steps[s].node);
    }
    for (std::size_t s = 0; s <= last; ++s) {
      if (nodes.count(graph_.steps[s].node) != 0) {
        inside.insert(s);
      }
    }
    for (const std::size_t s : inside) {
      const auto outside = [&](std::size_t reader) { return inside.count(reader) == 0; };
      if (s != last && (s + 1 == graph_.output || std::any_of(readers_[s + 1].begin(), readers_[s + 1].end(), outside))) {
        return std::nullopt;
      }
    }
    if (!direct_sum(symbols_.at(last + 1))) {
      return std::nullopt;
    }
    return Rearrangement{input_, {inside.begin(), inside.end()}};
  }

  [[nodiscard]] bool direct_sum(const std::vector<Symbol>& out) const {
    const std::size_t n = graph_.size_of(input_);
    constexpr std::uint8_t whole = 1;
    constexpr std::uint8_t positive = 2;
    constexpr std::uint8_t negative = 4;
    constexpr std::uint8_t in_set = 8;
    std::vector<std::uint8_t> used(n, 0);
    std::set<std::pair<std::uint32_t, std::uint32_t>> statistics;
    std::vector<bool> set_used(sets_.size(), false);
    for (const Symbol& symbol : out) {
      if (symbol.kind == Symbol::Kind::order) {
        if (!statistics.emplace(symbol.at, symbol.rank).second) {
          return false;
        }
        if (!set_used[symbol.at]) {
          set_used[symbol.at] = true;
          for (const std::uint32_t i : *entries_[symbol.at]) {
            if (used[i] != 0) {
              return false;
            }
            used[i] = in_set;
          }
        }
        continue;
      }
      const std::uint8_t part = symbol.kind == Symbol::Kind::relu              ? positive
                                : symbol.kind == Symbol::Kind::relu_of_negated ? negative
                                                                               : whole;
      std::uint8_t& u = used[symbol.at];
      if ((u & (part | whole | in_set)) != 0 || (part == whole && u != 0)) {
        return false;
      }
      u = static_cast<std::uint8_t>(u | part);
    }
    return true;
  }

  const Network& network_;
  const StepGraph& graph_;
  std::size_t input_;
  const std::vector<bool>& taken_;
  const std::vector<std::vector<std::size_t>>& readers_;
  std::map<std::size_t, std::vector<Symbol>> symbols_;  // by value
  std::map<std::vector<std::uint32_t>, std::uint32_t> sets_;
  std::vector<const std::vector<std::uint32_t>*> entries_;  // by number of the set
};

}  // namespace

std::vector<Rearrangement> find_rearrangements(const Network& network, const StepGraph& graph) {
  std::vector<std::vector<std::size_t>> readers(graph.steps.size() + 1);
  bool any = false;
  for (std::size_t s = 0; s < graph.steps.size(); ++s) {
    for (const std::size_t input : graph.steps[s].inputs) {
      if (readers[input].empty() || readers[input].back() != s) {
        readers[input].push_back(s);
      }
    }
    any = any || graph.steps[s].kind == Step::Kind::order || graph.steps[s].op == Operator::relu;
  }
  std::vector<Rearrangement> found;
  std::vector<bool> taken(graph.steps.size(), false);
  for (std::size_t value = any ? graph.steps.size() : 0; value-- > 0;) {
    if (value > 0 && taken[value - 1] && readers[value].empty()) {
      continue;
    }
    if (std::optional<Rearrangement> here = Propagation(network, graph, value, taken, readers).find()) {
      for (const std::size_t s : here->steps) {
        taken[s] = true;
      }
      found.push_back(std::move(*here));
    }
  }
  return found;
}

}  // namespace lipcert
