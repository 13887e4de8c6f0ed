// See entry_layers.hpp.
#include "proofs/front/entry_layers.hpp"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <map>
#include <string>
#include <utility>

#include "proofs/front/members.hpp"
#include "proofs/front/problem_text.hpp"

namespace lipcert::proofs {

namespace {

/// All of a tensor of this size, in its order; the first entries alone are a selection.
bool all_in_order(const std::vector<std::uint32_t>& entries, std::size_t size) {
  for (std::size_t i = 0; i < entries.size(); ++i) {
    if (entries[i] != i) {
      return false;
    }
  }
  return entries.size() == size;
}

void require_small_divisor(const Integer& divisor) {
  if (msb(divisor) > 800) {
    throw NotCovered("a linear map whose entries have no small common divisor");
  }
}

/// `columns` 0: the forms' factors as a diagonal.
std::vector<Layer> matrix(const std::vector<Form>& forms, std::size_t columns) {
  const bool diagonal_only = columns == 0;
  if (!diagonal_only) {
    require_small(forms.size(), columns);
  }
  // Everything times this is dyadic.
  Integer divisor = 1;
  bool dyadic_bias = true;
  bool biased = false;
  const auto odd_part = [](const Number& x) { return Integer(denominator(x) >> lsb(denominator(x))); };
  for (const Form& f : forms) {
    for (const auto& [index, weight] : f.terms) {
      divisor = lcm(divisor, odd_part(weight));
      require_small_divisor(divisor);
    }
    dyadic_bias = dyadic_bias && odd_part(f.constant) == 1;
    biased = biased || f.constant != 0;
  }
  for (const Form& f : forms) {
    if (!dyadic_bias) {
      divisor = lcm(divisor, odd_part(f.constant));
      require_small_divisor(divisor);
    }
  }
  Layer layer;
  layer.kind = diagonal_only ? Layer::Kind::diagonal : Layer::Kind::dense;
  layer.rows = forms.size();
  layer.columns = columns;
  // A bias with thirds, say, is divided together with the matrix, in a layer of its own.
  layer.divisor = dyadic_bias ? divisor : Integer(1);
  std::vector<std::pair<std::size_t, Number>> placed;
  for (std::size_t i = 0; i < forms.size(); ++i) {
    for (const auto& [index, weight] : forms[i].terms) {
      placed.emplace_back(diagonal_only ? i : i * columns + index, weight * divisor);
    }
  }
  const std::size_t size = diagonal_only ? forms.size() : forms.size() * columns;
  layer.matrix = {forms.size(), columns, std::vector<double>(size, 0.0)};
  for (const auto& [at, weight] : placed) {
    double& entry = layer.matrix.entries[at];
    entry = approximate({numerator(weight), denominator(weight)});
    if (!std::isfinite(entry)) {
      throw NotCovered("a linear map whose entries are beyond the doubles");
    }
    const Fraction back = exact(entry);
    if (back.num * denominator(weight) != numerator(weight) * back.den) {
      layer.entries = Entries::rounded;
    }
  }
  layer.exact_weights = layer.entries == Entries::exact ? "f64 " : "dyadic ";
  if (diagonal_only) {
    layer.exact_weights += std::to_string(size) + ' ';
  }
  const char* nothing = layer.entries == Entries::exact ? "0 " : "0 0 ";
  std::size_t next = 0;
  for (const auto& [at, weight] : placed) {
    for (; next < at; ++next) {
      layer.exact_weights += nothing;
    }
    if (layer.entries == Entries::exact) {
      std::uint64_t word = 0;
      std::memcpy(&word, &layer.matrix.entries[at], sizeof word);
      append(layer.exact_weights, word);
    } else {
      layer.exact_weights += dyadic(numerator(weight), denominator(weight)) + ' ';
    }
    ++next;
  }
  for (; next < size; ++next) {
    layer.exact_weights += nothing;
  }
  if (biased) {
    layer.exact_bias = "dyadic " + std::to_string(forms.size());
    for (const Form& f : forms) {
      const Number b = dyadic_bias ? f.constant : f.constant * divisor;
      layer.exact_bias += ' ' + dyadic(numerator(b), denominator(b));
    }
  }
  std::vector<Layer> layers;
  layers.push_back(std::move(layer));
  if (!dyadic_bias) {
    layers.push_back(diagonal(ones(forms.size(), false), std::nullopt, Fraction{1, divisor}));
    layers.back().divisor = divisor;
  }
  return layers;
}

/// relu(x) and relu(-x) are the larger and minus the smaller of x and 0.
std::vector<Layer> parts(const std::vector<Ordered>& entries, std::size_t inputs) {
  std::vector<Form> with_zeros(2 * inputs);
  for (std::size_t i = 0; i < inputs; ++i) {
    with_zeros[2 * i].terms.emplace_back(static_cast<std::uint32_t>(i), 1);
  }
  std::vector<std::uint32_t> ranks;
  Bits signs{Encoding::f32, {}};
  for (const Ordered& entry : entries) {
    if (!entry.part) {
      throw NotCovered("a block that puts out positive parts of entries besides other ones");
    }
    ranks.push_back(2 * entry.set.front() + (entry.negative ? 1 : 0));
    signs.words.push_back(entry.negative ? 0xbf800000U : 0x3f800000U);
  }
  std::vector<Layer> layers = matrix(with_zeros, inputs);
  layers.front().known = Fraction{1, 1};
  layers.push_back(plain("group-sort 2", {1, 1}));
  layers.push_back(selection(ranks));
  if (!layers.back().known) {
    throw rejected("a block puts out an entry's positive part twice.");
  }
  layers.push_back(diagonal(std::move(signs), std::nullopt, Fraction{1, 1}));
  return layers;
}

}  // namespace

Layer selection(const std::vector<std::uint32_t>& entries) {
  std::vector<std::uint32_t> ascending = entries;
  std::sort(ascending.begin(), ascending.end());
  Layer layer;
  layer.word = pool_word + std::to_string(entries.size());
  for (const std::uint32_t i : entries) {
    layer.word += " 1 " + std::to_string(i);
  }
  if (std::adjacent_find(ascending.begin(), ascending.end()) == ascending.end()) {
    layer.known = Fraction{1, 1};
  }
  return layer;
}

Layer selection(const std::vector<Source>& sources) {
  std::vector<std::uint32_t> entries;
  for (const Source& s : sources) {
    entries.push_back(s.index);
  }
  return selection(entries);
}

std::vector<Layer> sorted(const std::vector<Ordered>& entries, std::size_t inputs) {
  if (std::any_of(entries.begin(), entries.end(), [](const Ordered& e) { return e.part; })) {
    return parts(entries, inputs);
  }
  std::map<std::vector<std::uint32_t>, std::uint32_t> position;
  std::vector<std::uint32_t> gathered;
  std::vector<std::uint32_t> ranks;
  Bits signs{Encoding::f32, {}};
  const auto group = static_cast<std::uint32_t>(entries.front().set.size());
  for (const Ordered& entry : entries) {
    if (entry.set.size() != group) {
      throw NotCovered("a sort of groups of several sizes");
    }
    const auto [at, fresh] = position.emplace(entry.set, static_cast<std::uint32_t>(position.size()));
    if (fresh) {
      gathered.insert(gathered.end(), entry.set.begin(), entry.set.end());
    }
    ranks.push_back(at->second * group + (group - 1 - entry.rank));
    signs.words.push_back(entry.negative ? 0xbf800000U : 0x3f800000U);
  }
  std::vector<Layer> layers;
  if (!all_in_order(gathered, inputs)) {
    layers.push_back(selection(gathered));
  }
  if (group > 1) {
    layers.push_back(plain("group-sort " + std::to_string(group), {1, 1}));
  }
  if (!all_in_order(ranks, gathered.size())) {
    layers.push_back(selection(ranks));
  }
  if (std::any_of(entries.begin(), entries.end(), [](const Ordered& e) { return e.negative; })) {
    layers.push_back(diagonal(std::move(signs), std::nullopt, Fraction{1, 1}));
  }
  if (std::any_of(layers.begin(), layers.end(), [](const Layer& l) { return !l.known; })) {
    throw rejected("a sort's groups overlap, or it puts out an entry twice.");
  }
  return layers;
}

std::vector<Layer> affine(const std::vector<Form>& forms, std::size_t inputs) {
  if (std::all_of(forms.begin(), forms.end(), [](const Form& f) { return f.terms.size() == 1; })) {
    std::vector<std::uint32_t> entries;
    for (const Form& f : forms) {
      entries.push_back(f.terms.front().first);
    }
    Layer select = selection(entries);
    const bool plainly =
        std::all_of(forms.begin(), forms.end(), [](const Form& f) { return f.terms.front().second == 1 && f.constant == 0; });
    if (plainly) {
      return {std::move(select)};
    }
    if (select.known) {
      std::vector<Layer> layers = matrix(forms, 0);
      layers.insert(layers.begin(), std::move(select));
      return layers;
    }
  }
  return matrix(forms, inputs);
}

void require_small(std::size_t rows, std::size_t columns) {
  constexpr std::size_t most_entries = std::size_t{1} << 22U;
  constexpr std::size_t most_order = 1024;
  if (rows > most_entries / columns || std::min(rows, columns) > most_order) {
    throw NotCovered("a linear map of " + std::to_string(columns) + " entries to " + std::to_string(rows) +
                     ", too large to be written out as a matrix");
  }
}

}  // namespace lipcert::proofs
