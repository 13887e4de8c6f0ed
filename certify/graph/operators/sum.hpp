// Add and Sub of two tensors that both depend on the input: +-x +- y, each with its own broadcasting.
#pragma once

#include <cstddef>

#include "certify/graph/operators/context.hpp"

namespace lipcert {

void sum_step(StepContext& context, Step& step, const Node& node);

/// The terms of entry `output` (linear_map.hpp).
template <class Term>
void sum_terms(const Step& step, std::size_t output, const Term& term) {
  for (std::size_t k = 0; k < step.inputs.size(); ++k) {
    term(k, step.maps[k].empty() ? output : std::size_t{step.maps[k][output]}, Ball{step.signs[k], 0});
  }
}

}  // namespace lipcert
