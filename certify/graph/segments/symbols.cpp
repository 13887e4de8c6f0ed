// See symbols.hpp.

#include "certify/graph/segments/symbols.hpp"

#include <algorithm>
#include <set>
#include <utility>

namespace lipcert {
namespace {

bool negate(Symbol& symbol) {
  if (symbol.kind != Symbol::Kind::plain && symbol.kind != Symbol::Kind::negated) {
    return false;
  }
  symbol.kind = symbol.kind == Symbol::Kind::plain ? Symbol::Kind::negated : Symbol::Kind::plain;
  return true;
}

}  // namespace

Symbols::Symbols(const Network& network, const StepGraph& graph, std::size_t input) : network_(network), graph_(graph), input_(input) {
  std::vector<Symbol> start(graph_.size_of(input_));
  for (std::size_t i = 0; i < start.size(); ++i) {
    start[i].at = static_cast<std::uint32_t>(i);
  }
  symbols_[input_] = std::move(start);
}

bool Symbols::follow(std::size_t s) {
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

bool Symbols::order(const Step& step, Operator op, const std::vector<const std::vector<Symbol>*>& in, std::vector<Symbol>& out) {
  const bool pair = op == Operator::max || op == Operator::min;
  if (pair && (in.size() != 2 || in[0]->size() != step.output_size || in[1]->size() != step.output_size)) {
    return false;
  }
  if (!pair && op != Operator::reduce_max && op != Operator::reduce_min && op != Operator::top_k) {
    return false;
  }
  std::vector<Symbol> symbols;  // of the step's sets: the entry itself, where there is one
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
    if (entries.size() == 1) {
      symbols.push_back({Symbol::Kind::plain, entries[0], 0});
      continue;
    }
    std::sort(entries.begin(), entries.end());
    if (entries.empty() || std::adjacent_find(entries.begin(), entries.end()) != entries.end()) {
      return false;
    }
    const auto [number, added] = sets_.emplace(std::move(entries), static_cast<std::uint32_t>(sets_.size()));
    if (added) {
      entries_.push_back(&number->first);
    }
    symbols.push_back({Symbol::Kind::order, number->second, 0});
  }
  for (std::size_t o = 0; o < step.output_size; ++o) {
    out.push_back(symbols[step.set[o]]);
    out.back().rank = step.rank[o];
  }
  return true;
}

bool Symbols::is_direct_sum(std::size_t value) const {
  const std::vector<Symbol>& out = symbols_.at(value);
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

}  // namespace lipcert
