// Blocks followed entry by entry, exactly: which combination of the block's inputs each entry of its output is. From this come the explicit
// matrices of linear and convolution blocks, and the sorts and poolings in whatever nodes an export writes them. Written from the ONNX
// definitions and formats/SPEC.md (section 5); shares no code with the generator or lipverify. Not trusted, like the rest of the front.
//
// Cost: one rational operation for each term of an entry; blocks with more than `most_terms` terms are not covered.
#pragma once

#include <boost/multiprecision/cpp_int.hpp>
#include <cstddef>
#include <cstdint>
#include <map>
#include <utility>
#include <vector>

#include "formats/network/network.hpp"

namespace lipcert::proofs {

using Number = boost::multiprecision::cpp_rational;

/// An entry of the block's input that a node reads, or (with `padding`) the constant that Pad puts in.
struct Source {
  std::size_t input = 0;
  std::uint32_t index = 0;
  bool padding = false;
};

/// sum of terms (index of an input entry, ascending; factor) + constant
struct Form {
  std::vector<std::pair<std::uint32_t, Number>> terms;
  Number constant;
};

/// +-x_i, or relu(+-x_i) (one member), or the (rank + 1)-th smallest of a set of at least two input entries (ascending).
struct Ordered {
  std::vector<std::uint32_t> set;
  std::uint32_t rank = 0;
  bool negative = false;
  bool part = false;  // relu(+-x_i)
};

class EntryReader {
 public:
  explicit EntryReader(const Network& network) : network_(network) {}

  /// Every entry of `output` in terms of the entries of `input`, through these nodes (ascending). Throws `NotCovered`; `Error` (rejected)
  /// for a node that is not linear.
  [[nodiscard]] std::vector<Form> forms(const std::vector<std::size_t>& nodes, ValueId input, ValueId output) const;

  /// The same for nodes that move, negate and sort entries.
  [[nodiscard]] std::vector<Ordered> orders(const std::vector<std::size_t>& nodes, ValueId input, ValueId output) const;

  /// For each entry of the result of a MaxPool, GlobalMaxPool, ReduceMax or ReduceMin node the entries over which it is the maximum
  /// (minimum).
  [[nodiscard]] std::vector<std::vector<std::uint32_t>> windows(const Node& node) const;

  /// Where each entry of a node's output comes from, for nodes that only move entries; false for other nodes.
  [[nodiscard]] bool moves(const Node& node, std::size_t output, std::vector<Source>& sources) const;

  /// The exact entries of a constant: as it stands in the file, or what rational operations make of such.
  [[nodiscard]] const std::vector<Number>& numbers(ValueId id) const;

 private:
  [[nodiscard]] const Value& value(ValueId id) const { return network_.values.at(id); }
  [[nodiscard]] const Shape& shape(ValueId id) const { return value(id).shape; }
  [[nodiscard]] bool data(ValueId id) const { return id != no_value && !value(id).constant; }
  [[nodiscard]] std::vector<std::int64_t> integers(ValueId id) const;
  [[nodiscard]] std::vector<std::int64_t> list(const Node& node, const char* attribute, std::size_t input) const;
  [[nodiscard]] std::vector<bool> reduced_axes(const Node& node) const;
  [[nodiscard]] std::vector<std::vector<std::uint32_t>> reduction_sets(const Node& node) const;
  [[nodiscard]] std::vector<Number> computed(ValueId id) const;

  // One linear node, from the forms of what it reads: any, and by family.
  using Forms = std::map<ValueId, std::vector<Form>>;
  [[nodiscard]] static const std::vector<Form>& form(const Forms& forms, ValueId id);
  [[nodiscard]] std::vector<Form> linear(const Node& node, const Forms& forms) const;
  [[nodiscard]] std::vector<Form> negated(const Node& node, const Forms& forms) const;
  [[nodiscard]] std::vector<Form> sums(const Node& node, const Forms& forms) const;
  [[nodiscard]] std::vector<Form> multiples(const Node& node, const Forms& forms) const;
  [[nodiscard]] std::vector<Form> products(const Node& node, const Forms& forms) const;
  [[nodiscard]] std::vector<Form> convolution(const Node& node, const Forms& forms) const;
  [[nodiscard]] std::vector<Form> transposed_convolution(const Node& node, const Forms& forms) const;
  [[nodiscard]] std::vector<Form> averages(const Node& node, const Forms& forms) const;
  [[nodiscard]] std::vector<Form> reduced(const Node& node, const Forms& forms) const;

  const Network& network_;
  mutable std::map<ValueId, std::vector<Number>> numbers_;
};

}  // namespace lipcert::proofs
