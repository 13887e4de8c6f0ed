// MatMul and Gemm with one constant factor: I (x) A where the constant stands to the right of the data, A (x) I where it stands to the
// left; products with stacks of matrices and other forms of Gemm term by term.
#pragma once

#include <cstddef>

#include "certify/graph/operators/context.hpp"

namespace lipcert {

void matmul_step(StepContext& context, Step& step, const Node& node);
void gemm_step(StepContext& context, Step& step, const Node& node);

/// The terms of entry `output` (linear_map.hpp).
template <class Term>
void dense_terms(const Step& step, std::size_t output, const Term& term) {
  const EnclosedMatrix& m = step.matrix;
  const bool right = step.kind == Step::Kind::right;
  const std::size_t row = right ? output % m.rows : output / step.copies;
  const std::size_t copy = right ? output / m.rows : output % step.copies;
  for (std::size_t j = 0; j < m.columns; ++j) {
    const std::size_t at = row * m.columns + j;
    term(std::size_t{0}, right ? copy * m.columns + j : j * step.copies + copy, Ball{m.centre[at], m.radius_at(at)});
  }
}

}  // namespace lipcert
