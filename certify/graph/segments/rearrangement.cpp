// See rearrangement.hpp.
//
// Why such a map is 1-Lipschitz: sorting is (the sorted vectors of x and y are no further apart than x and y), x -> (relu(x), relu(-x)) is,
// leaving entries out is, and a direct sum of 1-Lipschitz maps on disjoint entries is.

#include "certify/graph/segments/rearrangement.hpp"

#include <algorithm>
#include <optional>
#include <set>
#include <utility>

#include "certify/graph/segments/symbols.hpp"

namespace lipcert {
namespace {

/// What the search may cost, so that a chain of thousands of steps is not followed from each of them: entries of steps that are followed, and steps
/// that are looked at. Far more than any sort needs; beyond it none is found, which is safe.
struct Patience {
  double entries = 0x1p26;
  double looks = 0x1p22;
};

/// A single step that only passes on what it reads, and alone reads it: what sorts from here sorts from behind it too.
bool passes_on(const Wiring& wiring, std::size_t input) {
  return wiring.readers[input].size() == 1 && wiring.graph.steps[wiring.readers[input][0]].kind == Step::Kind::isometry;
}

/// The steps between the input and this one, if they are a block.
std::optional<Rearrangement> close(const Wiring& wiring, const Symbols& symbols, std::size_t input, std::size_t last, Patience& patience) {
  std::set<std::size_t> inside;
  std::vector<std::size_t> open{last};
  while (!open.empty()) {
    const std::size_t s = open.back();
    open.pop_back();
    if (!inside.insert(s).second) {
      continue;
    }
    for (const std::size_t read : wiring.graph.steps[s].inputs) {
      if (read != input) {
        open.push_back(read - 1);
      }
    }
  }
  patience.looks -= static_cast<double>(inside.size());
  std::size_t kinks = 0;
  bool sorts = false;
  for (const std::size_t s : inside) {
    kinks += wiring.graph.steps[s].affine() ? 0U : 1U;
    sorts = sorts || wiring.operator_of(s) == Operator::top_k;
  }
  if (kinks < 2 && !sorts) {
    return std::nullopt;
  }
  // All outputs of a Split are in or out; one that nobody reads belongs to the others.
  if (!wiring.closes(inside, last) || !symbols.is_direct_sum(last + 1)) {
    return std::nullopt;
  }
  return Rearrangement{input, {inside.begin(), inside.end()}};
}

/// The smallest one from this input, of steps that are not taken.
std::optional<Rearrangement> find_from(const Wiring& wiring, std::size_t input, const std::vector<bool>& taken, Patience& patience) {
  if (passes_on(wiring, input)) {
    return std::nullopt;
  }
  std::size_t kinks = 0;  // of what is followed: without any, nothing sorts
  Symbols symbols(wiring.network, wiring.graph, input);
  std::set<std::size_t> next(wiring.readers[input].begin(), wiring.readers[input].end());
  while (!next.empty()) {
    const std::size_t s = *next.begin();
    next.erase(next.begin());
    patience.entries -= static_cast<double>(wiring.graph.size_of(s + 1)) + 1;
    if (patience.entries < 0 || patience.looks < 0) {
      return std::nullopt;
    }
    if (taken[s] || !symbols.follow(s)) {
      continue;
    }
    kinks += wiring.graph.steps[s].affine() ? 0U : 1U;
    if (kinks > 0) {
      if (std::optional<Rearrangement> found = close(wiring, symbols, input, s, patience)) {
        return found;
      }
    }
    next.insert(wiring.readers[s + 1].begin(), wiring.readers[s + 1].end());
  }
  return std::nullopt;
}

}  // namespace

std::vector<Rearrangement> find_rearrangements(const Wiring& wiring) {
  const std::vector<Step>& steps = wiring.graph.steps;
  const bool any =
      std::any_of(steps.begin(), steps.end(), [](const Step& step) { return step.kind == Step::Kind::order || step.op == Operator::relu; });
  std::vector<Rearrangement> found;
  std::vector<bool> taken(steps.size(), false);
  Patience patience;
  for (std::size_t value = any ? steps.size() : 0; value-- > 0;) {
    if (value > 0 && taken[value - 1] && wiring.readers[value].empty()) {
      continue;
    }
    if (std::optional<Rearrangement> here = find_from(wiring, value, taken, patience)) {
      for (const std::size_t s : here->steps) {
        taken[s] = true;
      }
      found.push_back(std::move(*here));
    }
  }
  return found;
}

}  // namespace lipcert
