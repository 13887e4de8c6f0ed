// That the blocks of a certificate are a partition of the graph, and that each block's nodes are what its operator allows (formats/SPEC.md,
// section 5). Nothing here is about numbers; what a block's constant is, the theorems of its operator decide.
#pragma once

#include <string>
#include <vector>

#include "verifier/graph/evaluate.hpp"
#include "verifier/verdict/statement.hpp"

namespace lipverify {

/// A block, placed in the graph.
struct Block {
  const BlockClaim* claim = nullptr;
  std::vector<ValueId> inputs;   // the tensors that it reads, each once
  std::vector<ValueId> outputs;  // what may be read outside: one tensor, or those of a Split

  [[nodiscard]] const std::vector<std::size_t>& nodes() const { return claim->nodes; }
  [[nodiscard]] ValueId input() const { return inputs[0]; }
  [[nodiscard]] ValueId output() const { return outputs[0]; }
};

[[nodiscard]] std::string name_of(const BlockClaim& block);

/// add, concat and max-min join several tensors; all other operators read one.
[[nodiscard]] bool is_join(const std::string& op);

/// The data inputs of a node in its order, each as often as the node reads it.
[[nodiscard]] std::vector<ValueId> data_inputs(const Graph& graph, std::size_t node);

/// Rejects unless every node lies in exactly one block or in `constantNodes`, the constant nodes are those that do not depend on the input, every
/// block reads exactly the tensors that it names, all of them outputs of earlier blocks, nothing inside a block is read outside, the nodes are
/// those of the operator, and the last block computes the graph's output.
[[nodiscard]] std::vector<Block> check_partition(const Graph& graph, Evaluator& evaluator, const Statement& statement);

}  // namespace lipverify
