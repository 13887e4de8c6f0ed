// Explicit matrices of affine steps and of graphs of them: every entry a double with a radius that holds all roundings.
#pragma once

#include <cstddef>
#include <functional>
#include <vector>

#include "certify/graph/steps.hpp"

namespace lipcert {

/// Calls `term(input, index, weight)` for every term of entry `output` of an affine step's linear part; an entry may occur more than once.
void for_each_term(const Step& step, std::size_t output, const std::function<void(std::size_t, std::size_t, Ball)>& term);

/// Terms of a step's linear part, all entries together.
[[nodiscard]] double count_terms(const Step& step);

/// The matrix of the step after these matrices, one for each of its inputs, all with the same columns. Cost: one multiply-add for each term
/// and entry of the row that it reads.
[[nodiscard]] SparseMatrix compose(const Step& step, const std::vector<const SparseMatrix*>& inputs);

/// The matrix from value `from` to what the last of these steps (ascending, all affine) writes; the steps read `from` and one another.
[[nodiscard]] SparseMatrix matrix_of(const StepGraph& graph, const std::vector<std::size_t>& steps, std::size_t from);

/// The Frobenius norm, from above, of the same product with every step's entries taken by their magnitudes: how large the matrices along the way are, even where
/// they cancel in the end. Cost: one multiply-add for each term.
[[nodiscard]] Upper magnitude_of(const StepGraph& graph, const std::vector<std::size_t>& steps, std::size_t from);

/// Multiply-adds that `matrix_of` takes at most; infinity beyond what fits in memory.
[[nodiscard]] double composition_cost(const StepGraph& graph, const std::vector<std::size_t>& steps, std::size_t from);

/// The Frobenius norm of centre and radius together, from above.
[[nodiscard]] Upper frobenius_above(const SparseMatrix& a);

}  // namespace lipcert
