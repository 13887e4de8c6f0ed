// Entries of values as symbols in the entries of one value: +-x_i, relu(+-x_i), or an order statistic of a set of entries.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <vector>

#include "certify/graph/steps.hpp"
#include "formats/network/network.hpp"

namespace lipcert {

struct Symbol {
  enum class Kind : std::uint8_t { plain, negated, relu, relu_of_negated, order };
  Kind kind = Kind::plain;
  std::uint32_t at = 0;    // entry of the input; order: number of the set
  std::uint32_t rank = 0;  // order
};

/// The values that follow from one input, as far as all their entries are symbols.
class Symbols {
 public:
  /// Keeps references to both.
  Symbols(const Network& network, const StepGraph& graph, std::size_t input);

  /// The symbols of what step s writes; false where it has none.
  [[nodiscard]] bool follow(std::size_t s);

  /// The entries of a value that was followed are a direct sum of sorts, of pairs relu(x), relu(-x), and of entries, on disjoint entries.
  [[nodiscard]] bool is_direct_sum(std::size_t value) const;

 private:
  bool order(const Step& step, Operator op, const std::vector<const std::vector<Symbol>*>& in, std::vector<Symbol>& out);

  const Network& network_;
  const StepGraph& graph_;
  std::size_t input_;
  std::map<std::size_t, std::vector<Symbol>> symbols_;  // by value
  std::map<std::vector<std::uint32_t>, std::uint32_t> sets_;
  std::vector<const std::vector<std::uint32_t>*> entries_;  // by number of the set
};

}  // namespace lipcert
