// The blocks of a certificate: that each one's constant lies between its two ends. (That they are a partition: verifier/verdict/partition.hpp.)
#pragma once

#include <map>
#include <string>
#include <vector>

#include "verifier/theorems/join.hpp"
#include "verifier/theorems/linear.hpp"
#include "verifier/verdict/partition.hpp"
#include "verifier/verdict/report.hpp"
#include "verifier/verdict/statement.hpp"

namespace lipverify {

/// What the check of a block needs besides the block.
struct BlockContext {
  const Graph& graph;
  Evaluator& evaluator;
  const Hints& hints;
  const Engine& engine;
  const std::vector<Block>& before;              // blocks that have been checked
  const std::map<ValueId, Rational>& bounds;     // P of SPEC.md section 4: the graph's input, and what those blocks put out
};

/// Checks both ends of a block; appends one Check for each. Returns the linear part (isometry, scale and dense blocks;
/// of a linear block that writes the graph's output its matrix, where that has at most 1024 rows and 2^24 entries).
LinearPart check_block(const BlockContext& context, const Block& block, std::vector<Check>& checks);

/// For the rows a_i of a matrix: ||a_i - a_j|| <= sqrt((inner_ii + inner_jj - 2 inner_ij) * 2^exponent) + radius.
struct RowDistances {
  std::size_t rows = 0;
  std::int64_t exponent = 0;
  std::vector<Integer> inner;  // rows x rows, exact
  Rational radius = 0;         // 0 when the matrix is known exactly
};
[[nodiscard]] RowDistances row_distances(const EnclosedMatrix& a, const Engine& engine);

}  // namespace lipverify
