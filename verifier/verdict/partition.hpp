// That the blocks of a certificate are a partition of the graph, and that each block's nodes are what its operator allows (formats/SPEC.md,
// section 5). Nothing here is about numbers; what a block's constant is, the theorems of its operator decide.
#pragma once

#include <vector>

#include "verifier/verdict/statement.hpp"

namespace lipverify {

/// Rejects unless every node lies in exactly one block or in `constantNodes`, the constant nodes are those that do not depend on the input, every
/// block reads exactly the tensors that it names, all of them outputs of earlier blocks, nothing inside a block is read outside, the nodes are
/// those of the operator, and the last block computes the graph's output.
[[nodiscard]] std::vector<Block> check_partition(const Graph& graph, Evaluator& evaluator, const Statement& statement);

}  // namespace lipverify
