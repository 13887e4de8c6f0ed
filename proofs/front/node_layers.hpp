// The layers of one node whose weights stand in the file: matrices, factors, shifts and activations.
#pragma once

#include <vector>

#include "formats/network/network.hpp"
#include "proofs/front/entries/entries.hpp"
#include "proofs/front/layers.hpp"

namespace lipcert::proofs {

class NodeLayers {
 public:
  NodeLayers(const Network& network, const EntryReader& entries) : network_(network), entries_(entries) {}

  /// Appends the node's layers to the block's. Throws `NotCovered` for a node without a proof, or whose weights the model computes.
  void append(const Node& node, std::vector<Layer>& layers);

  /// No node so far has made the values of the network irrational.
  [[nodiscard]] bool rational_values() const { return rational_values_; }

 private:
  [[nodiscard]] const Value& value(ValueId id) const { return network_.values.at(id); }
  [[nodiscard]] bool data(ValueId id) const { return id != no_value && !value(id).constant; }
  [[nodiscard]] std::size_t data_position(const Node& n) const { return data(n.inputs.at(0)) ? 0 : 1; }
  void add(const Node& n, std::vector<Layer>& layers) const;
  void scale(const Node& n, std::vector<Layer>& layers) const;
  void gemm(const Node& n, std::vector<Layer>& layers) const;
  void matmul(const Node& n, std::vector<Layer>& layers) const;

  const Network& network_;
  const EntryReader& entries_;
  bool rational_values_ = true;
};

}  // namespace lipcert::proofs
