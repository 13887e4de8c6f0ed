// AveragePool, GlobalAveragePool, ReduceMean and ReduceSum, and the terms of all steps whose weights are kept entry by entry.
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
    const bool first = w.column[k] < step.first_size;
    term(std::size_t{first ? 0U : 1U}, std::size_t{w.column[k]} - (first ? 0 : step.first_size), Ball{w.centre[k], w.radius_at(k)});
  }
}

}  // namespace lipcert
