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

/// For the rows a_i of a matrix: ||a_i - a_j|| <= sqrt(squared(i, j)) + error(i, j). Each row has a grid of its own, however different their sizes are.
class RowDistances {
 public:
  RowDistances() = default;
  RowDistances(const EnclosedMatrix& a, const Engine& engine);
  /// `disjoint`: of two rows without common columns, as these two would be in different copies of the matrix.
  [[nodiscard]] Rational squared(std::size_t i, std::size_t j, bool disjoint = false) const;
  [[nodiscard]] Rational error(std::size_t i, std::size_t j) const { return rest_[i] + rest_[j] + radius_; }  // 0 when both rows are known exactly
  [[nodiscard]] std::size_t rows() const { return rest_.size(); }

 private:
  std::vector<std::int64_t> scale_;  // inner_ij is a multiple of 2^-(scale_i + scale_j)
  std::vector<Integer> inner_;       // rows x rows, exact
  std::vector<Rational> rest_;       // what the grids lose of each row
  Rational radius_ = 0;
};

}  // namespace lipverify
