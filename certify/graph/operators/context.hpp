// What the families of operators ask of a network while its nodes become steps.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <vector>

#include "certify/graph/constants.hpp"
#include "certify/graph/steps.hpp"
#include "certify/numbers/enclosed.hpp"
#include "certify/numbers/parallel.hpp"
#include "formats/network/network.hpp"

namespace lipcert {

struct StepContext {
  /// Keeps references to both.
  StepContext(const Network& of, WorkerPool& pool) : network(of), constants(of, pool) {}

  const Network& network;
  Constants constants;
  std::map<ValueId, std::size_t> numbers;         // which value of the graph of steps a tensor has become
  std::vector<std::vector<std::size_t>> readers;  // nodes, by tensor; Shape reads no entry

  void count_readers();

  [[nodiscard]] bool constant(ValueId id) const { return network.values[id].constant; }
  /// The node does not depend on the entries of the graph's input.
  [[nodiscard]] bool is_constant(const Node& node) const;
  /// A constant of one entry that is exactly x.
  [[nodiscard]] bool is_number(ValueId id, double x);
  [[nodiscard]] std::uint64_t size(ValueId id) const { return element_count(network.values[id].shape); }
  [[nodiscard]] const Shape& shape_of(ValueId id) const { return network.values[id].shape; }
  /// The number of a tensor; 0 where it has none (yet).
  [[nodiscard]] std::size_t number_of(ValueId id) const;
  /// Which inputs of a node are data.
  [[nodiscard]] std::vector<std::size_t> data_inputs(const Node& node) const;
  /// A constant broadcast to this shape; one number when it has one.
  [[nodiscard]] std::vector<Ball> entries_of(ValueId id, const Shape& shape);
};

/// Largest order of a Gram matrix that is formed: two of them take 4 GiB. Most entries of a matrix or kernel: what the checker takes, too.
inline constexpr std::size_t largest_order = 16384;
inline constexpr std::size_t most_weights = std::size_t{1} << 27;
/// Most terms of a map that is kept term by term.
inline constexpr std::size_t most_terms = std::size_t{1} << 26;
/// Most entries that a rearrangement or a sum lists, whatever the size of the file that asks for it.
inline constexpr std::size_t most_listed = std::size_t{1} << 24;

/// Refuses a step with more terms than that.
void check_terms(const StepContext& context, const Step& step, double terms);

/// Refuses a step that moves or sums more entries than most_listed: 40 bytes each are listed, whatever the file's size. Call it before the list is made.
void check_listed(const StepContext& context, const Step& step, double entries);

}  // namespace lipcert
