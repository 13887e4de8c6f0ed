// The matrix of a step of kind `sparse`, written row by row.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "certify/graph/steps.hpp"

namespace lipcert {

class SparseRows {
 public:
  /// Rows of the step's output, columns of its inputs one after the other. The step keeps the matrix.
  explicit SparseRows(Step& step) : weights_(step.weights) {
    step.kind = Step::Kind::sparse;
    weights_.rows = step.output_size;
    weights_.columns = step.input_size;
    weights_.start.assign(1, 0);
  }

  void term(std::size_t column, Ball weight) {
    weights_.column.push_back(static_cast<std::uint32_t>(column));
    weights_.centre.push_back(weight.centre);
    weights_.radius.push_back(weight.radius);
  }
  void end_row() { weights_.start.push_back(weights_.column.size()); }

  /// After the last row.
  void finish() {
    if (std::all_of(weights_.radius.begin(), weights_.radius.end(), [](double r) { return r == 0; })) {
      weights_.radius.clear();
    }
  }

 private:
  SparseMatrix& weights_;
};

}  // namespace lipcert
