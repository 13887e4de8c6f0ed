// The blocks of a certificate: that they are a partition of the graph, and that each one's constant lies between its two ends.
#pragma once

#include <string>
#include <vector>

#include "verifier/trusted/linear.hpp"
#include "verifier/trusted/statement.hpp"

namespace lipverify {

/// One comparison, with both sides as text.
struct Check {
  std::string id;       // e.g. "block-upper"
  std::string subject;  // block id, claim id, file
  std::string claimed;
  std::string recomputed;
  bool passed = false;
};

/// Rejects unless every node lies in exactly one block or in `constantNodes`, the constant nodes are those that do not depend on the input,
/// each block is a chain of nodes that its operator allows, blocks stand in topological order, and the last one ends the graph.
void check_partition(const Graph& graph, Evaluator& evaluator, const Statement& statement);

/// Checks both ends of a block; appends one Check for each. Returns the linear part (dense and scale blocks).
LinearPart check_block(const Graph& graph, Evaluator& evaluator, const BlockClaim& block, const FactorHint& hint, const Engine& engine,
                       std::vector<Check>& checks);

/// For the rows a_i of a matrix: ||a_i - a_j|| <= sqrt((inner_ii + inner_jj - 2 inner_ij) * 2^exponent) + radius.
struct RowDistances {
  std::size_t rows = 0;
  std::int64_t exponent = 0;
  std::vector<Integer> inner;  // rows x rows, exact
  Rational radius = 0;         // 0 when the matrix is known exactly
};
[[nodiscard]] RowDistances row_distances(const EnclosedMatrix& a, const Engine& engine);

}  // namespace lipverify
