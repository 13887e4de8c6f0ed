// Add, Sub, Mul and Div of data and a constant, BatchNormalization: steps that take every entry by itself, x -> +-x + bias and x -> d * x +
// bias. (Neg, and what changes only the shape, is such a step without further numbers.)
#pragma once

#include <cstddef>

#include "certify/graph/operators/context.hpp"

namespace lipcert {

void entrywise_step(StepContext& context, Step& step, const Node& node);
void normalization_step(StepContext& context, Step& step);

/// The terms of entry `output` (linear_map.hpp).
template <class Term>
void entrywise_terms(const Step& step, std::size_t output, const Term& term) {
  if (step.kind == Step::Kind::isometry) {
    term(std::size_t{0}, output, Ball{step.sign, 0});
  } else {
    term(std::size_t{0}, output, step.factors[step.factors.size() == 1 ? 0 : output]);
  }
}

}  // namespace lipcert
