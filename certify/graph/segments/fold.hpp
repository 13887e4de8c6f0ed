// The matrix of a segment: what the steps multiply out to, and what another program's own rounding of the same products may cost.
#pragma once

#include <cstddef>
#include <optional>
#include <vector>

#include "certify/graph/segments/segment.hpp"
#include "certify/graph/steps.hpp"
#include "certify/numbers/enclosed.hpp"
#include "certify/numbers/parallel.hpp"
#include "certify/numbers/rounding.hpp"
#include "certify/numbers/sparse_matrix.hpp"

namespace lipcert {

/// The linear part of a dense segment: its norm is that of the matrix.
struct FoldedMatrix {
  EnclosedMatrix matrix;
  Upper reserve;                 // what another program's own rounding of the same products may cost, in Frobenius norm
  std::size_t linear_parts = 0;  // steps with a linear part other than the identity
};
[[nodiscard]] FoldedMatrix fold(const StepGraph& graph, const Segment& segment, WorkerPool& pool);

/// The factors of a scale segment, entry by entry (one number when all are one-number factors).
[[nodiscard]] std::vector<Ball> fold_factors(const StepGraph& graph, const Segment& segment);

/// The explicit matrix of a linear segment, and the reserve as above.
struct FoldedSparse {
  SparseMatrix matrix;
  Upper reserve;
};
[[nodiscard]] FoldedSparse fold_linear(const StepGraph& graph, const Segment& segment);

/// The same with every entry, for the rows of a last layer; nothing when it has more than `most_entries`.
[[nodiscard]] std::optional<FoldedMatrix> written_out(const FoldedSparse& folded, std::size_t most_entries);

}  // namespace lipcert
