// AveragePool, GlobalAveragePool, ReduceMean and ReduceSum: weights that are kept entry by entry.
#pragma once

#include <cstddef>

#include "certify/graph/operators/context.hpp"

namespace lipcert {

void average_step(StepContext& context, Step& step, const Node& node);

/// The terms of entry `output` (linear_map.hpp).
template <class Term>
void average_terms(const Step& step, std::size_t output, const Term& term) {
  const SparseMatrix& w = step.weights;
  for (std::size_t k = w.start[output]; k < w.start[output + 1]; ++k) {
    term(std::size_t{0}, std::size_t{w.column[k]}, Ball{w.centre[k], w.radius_at(k)});
  }
}

}  // namespace lipcert
