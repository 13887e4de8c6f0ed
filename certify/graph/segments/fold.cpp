// See fold.hpp.

#include "certify/graph/segments/fold.hpp"

#include <algorithm>
#include <cmath>
#include <optional>
#include <utility>

#include "certify/graph/linear_map.hpp"

namespace lipcert {
namespace {

/// d <- d * factors, where either may be one number for all entries.
void combine(std::vector<Ball>& d, const std::vector<Ball>& factors) {
  if (d.size() < factors.size()) {
    d.resize(factors.size(), d.at(0));
  }
  for (std::size_t i = 0; i < d.size(); ++i) {
    d[i] = multiply(d[i], factors[factors.size() == 1 ? 0 : i]);
  }
}

/// One row of the factors, as many as the matrix has on that side.
std::vector<Ball> one_period(const std::vector<Ball>& factors, std::size_t length) {
  if (factors.size() == 1) {
    return std::vector<Ball>(length, factors[0]);
  }
  return {factors.begin(), factors.begin() + static_cast<std::ptrdiff_t>(length)};
}

Upper frobenius(const EnclosedMatrix& m) {
  return norm_above(m.centre.data(), m.centre.size()) + norm_above(m.radius.data(), m.radius.size());
}

Upper largest_entry(const EnclosedMatrix& m) {
  double largest = 0;
  for (const double x : m.centre) {
    largest = std::max(largest, std::fabs(x));
  }
  return Upper::exact(largest);
}

Upper largest_factor(const std::vector<Ball>& factors) {
  Upper largest;
  for (const Ball& d : factors) {
    largest = max(largest, Upper::exact(d.centre) + Upper::exact(d.radius));
  }
  return largest;
}

}  // namespace

FoldedMatrix fold(const StepGraph& graph, const Segment& segment, WorkerPool& pool) {
  FoldedMatrix folded;
  std::optional<EnclosedMatrix> matrix;
  std::vector<Ball> before{{1, 0}};  // factors on the input side
  bool scaled_before = false;
  for (const std::size_t i : segment.steps) {
    const Step& step = graph.steps[i];
    folded.linear_parts += step.linear_part() ? 1U : 0U;
    if (step.kind == Step::Kind::diagonal) {
      if (!matrix) {
        combine(before, step.factors);
        scaled_before = true;
      } else {
        const std::size_t rows = matrix->rows;
        matrix = scaled_rows(std::move(*matrix), one_period(step.factors, rows));
        folded.reserve = folded.reserve * largest_factor(step.factors);
      }
    } else if (step.dense() && !matrix) {
      matrix = scaled_before ? scaled_columns(step.matrix, one_period(before, step.matrix.columns)) : step.matrix;
    } else if (step.dense()) {
      // A program that rounds both operands to 51 bits below their largest entries before it multiplies errs by at most this much.
      const Upper left =
          largest_entry(step.matrix) * sqrt(Upper::exact(static_cast<double>(step.matrix.centre.size()))) * frobenius(*matrix);
      const Upper right = largest_entry(*matrix) * sqrt(Upper::exact(static_cast<double>(matrix->centre.size()))) * frobenius(step.matrix);
      folded.reserve = folded.reserve * frobenius(step.matrix) + (left + right).scaled(-51);
      matrix = product(step.matrix, *matrix, pool);
    }
    if (matrix && !matrix->exact()) {
      folded.reserve = folded.reserve + frobenius(*matrix).scaled(-51);  // one more rounding of every entry
    }
  }
  folded.matrix = std::move(matrix.value());
  return folded;
}

std::vector<Ball> fold_factors(const StepGraph& graph, const Segment& segment) {
  std::vector<Ball> factors{{1, 0}};
  for (const std::size_t i : segment.steps) {
    if (graph.steps[i].kind == Step::Kind::diagonal) {
      combine(factors, graph.steps[i].factors);
    }
  }
  return factors;
}

FoldedSparse fold_linear(const StepGraph& graph, const Segment& segment) {
  FoldedSparse folded;
  folded.matrix = matrix_of(graph, segment.steps, segment.inputs.at(0));
  if (!folded.matrix.radius.empty()) {
    // A checker encloses every entry on a grid of its own, once for each step; what cancels in the end it has rounded before.
    const Upper along = magnitude_of(graph, segment.steps, segment.inputs.at(0)).scaled(-56);
    folded.reserve = (frobenius_above(folded.matrix).scaled(-46) + along) * Upper::exact(static_cast<double>(segment.steps.size()));
  }
  return folded;
}

std::optional<FoldedMatrix> written_out(const FoldedSparse& folded, std::size_t most_entries) {
  const SparseMatrix& a = folded.matrix;
  if (a.rows > most_entries / std::max<std::size_t>(1, a.columns)) {
    return std::nullopt;
  }
  FoldedMatrix out;
  out.matrix = dense(a);
  out.reserve = folded.reserve;
  out.linear_parts = 1;  // an exact matrix is exact for a checker, too: it multiplies and adds entry by entry
  return out;
}

}  // namespace lipcert
