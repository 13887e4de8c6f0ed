// The linear part of a block: what the product of its entrywise factors and dense nodes is, as a diagonal or as I (x) A (x) I.
#pragma once

#include <optional>
#include <vector>

#include "verifier/base/matrix.hpp"
#include "verifier/graph/evaluate.hpp"

namespace lipverify {

/// The linear part of an affine block is x -> (I_left (x) A (x) I_right) x when there is a dense node, else x -> d * x entrywise (d absent:
/// +-1 everywhere). A factor -1 (Sub with the data on the right) is left out: no norm sees it.
struct LinearPart {
  std::optional<EnclosedMatrix> matrix;
  std::uint64_t left = 1;
  std::uint64_t right = 1;
  std::optional<IntervalTensor> diagonal;
};

/// The nodes of affine blocks (isometry, scale, dense).
[[nodiscard]] bool is_foldable(Op op);

/// Folds the nodes of an affine block in order (formats/SPEC.md, section 5). A node that is not affine with constants, a constant that
/// enlarges the tensor, or a fold that is not one of the allowed ones: Failure (rejected).
[[nodiscard]] LinearPart linear_part(const Graph& graph, Evaluator& evaluator, const std::vector<std::size_t>& nodes, const Engine& engine);

}  // namespace lipverify
