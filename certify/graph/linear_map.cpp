// See linear_map.hpp.

#include "certify/graph/linear_map.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>

#include "certify/graph/operators/average.hpp"
#include "certify/graph/operators/convolution.hpp"
#include "certify/graph/operators/dense.hpp"
#include "certify/graph/operators/entrywise.hpp"
#include "certify/graph/operators/move.hpp"
#include "certify/graph/operators/sum.hpp"
#include "formats/encoding/error.hpp"

namespace lipcert {
namespace {

/// Each rule stands with its family of operators.
template <class Term>
void terms_of(const Step& step, std::size_t output, const Term& term) {
  switch (step.kind) {
    case Step::Kind::isometry:
    case Step::Kind::diagonal:
      return entrywise_terms(step, output, term);
    case Step::Kind::right:
    case Step::Kind::left:
      return dense_terms(step, output, term);
    case Step::Kind::move:
      return move_terms(step, output, term);
    case Step::Kind::sparse:
      return average_terms(step, output, term);
    case Step::Kind::convolution:
      return convolution_terms(step, output, term);
    case Step::Kind::sum:
      return sum_terms(step, output, term);
    case Step::Kind::activation:
    case Step::Kind::order:
    case Step::Kind::softmax:
    case Step::Kind::pool_l2:
      break;
  }
  throw Error(ExitCode::internal, "A step that is not affine was asked for its matrix.");
}

}  // namespace

void for_each_term(const Step& step, std::size_t output, const std::function<void(std::size_t, std::size_t, Ball)>& term) {
  terms_of(step, output, term);
}

double count_terms(const Step& step) {
  const auto outputs = static_cast<double>(step.output_size);
  switch (step.kind) {
    case Step::Kind::right:
    case Step::Kind::left:
      return outputs * static_cast<double>(step.matrix.columns);
    case Step::Kind::sparse:
    case Step::Kind::pool_l2:
      return static_cast<double>(step.weights.column.size());
    case Step::Kind::convolution:
      return outputs * static_cast<double>(step.convolution.kernel.columns);
    case Step::Kind::sum:
      return 2 * outputs;
    default:
      return outputs;
  }
}

SparseMatrix compose(const Step& step, const std::vector<const SparseMatrix*>& inputs) {
  SparseMatrix result;
  result.rows = step.output_size;
  result.columns = inputs.at(0)->columns;
  result.start.reserve(result.rows + 1);
  result.start.push_back(0);
  std::vector<Ball> sum(result.columns);
  std::vector<bool> touched(result.columns);
  std::vector<std::uint32_t> columns;
  bool exact = true;
  for (std::size_t o = 0; o < result.rows; ++o) {
    columns.clear();
    terms_of(step, o, [&](std::size_t input, std::size_t index, Ball weight) {
      if (weight.centre == 0 && weight.radius == 0) {
        return;
      }
      const SparseMatrix& m = *inputs[input];
      const bool one = weight.centre == 1 && weight.radius == 0;
      for (std::size_t k = m.start[index]; k < m.start[index + 1]; ++k) {
        const std::uint32_t j = m.column[k];
        const Ball entry{m.centre[k], m.radius_at(k)};
        const Ball term = one ? entry : multiply(weight, entry);
        if (touched[j]) {
          sum[j] = add(sum[j], term);
        } else {
          touched[j] = true;
          sum[j] = term;
          columns.push_back(j);
        }
      }
    });
    std::sort(columns.begin(), columns.end());
    for (const std::uint32_t j : columns) {
      touched[j] = false;
      if (sum[j].centre == 0 && sum[j].radius == 0) {
        continue;
      }
      result.column.push_back(j);
      result.centre.push_back(sum[j].centre);
      result.radius.push_back(sum[j].radius);
      exact = exact && sum[j].radius == 0;
    }
    result.start.push_back(result.column.size());
  }
  if (exact) {
    result.radius.clear();
  }
  return result;
}

SparseMatrix matrix_of(const StepGraph& graph, const std::vector<std::size_t>& steps, std::size_t from) {
  std::map<std::size_t, SparseMatrix> values;
  std::map<std::size_t, std::size_t> uses;
  for (const std::size_t s : steps) {
    for (const std::size_t input : graph.steps[s].inputs) {
      ++uses[input];
    }
  }
  values[from] = identity_matrix(graph.size_of(from));
  for (const std::size_t s : steps) {
    std::vector<const SparseMatrix*> inputs;
    for (const std::size_t input : graph.steps[s].inputs) {
      inputs.push_back(&values.at(input));
    }
    SparseMatrix next = compose(graph.steps[s], inputs);
    for (const std::size_t input : graph.steps[s].inputs) {
      if (--uses[input] == 0) {
        values.erase(input);
      }
    }
    values[s + 1] = std::move(next);
  }
  return std::move(values.at(steps.back() + 1));
}

Upper magnitude_of(const StepGraph& graph, const std::vector<std::size_t>& steps, std::size_t from) {
  std::map<std::size_t, std::vector<Upper>> lengths;  // of the rows of a value's matrix: at most the sum of those that a row is made of
  lengths[from].assign(graph.size_of(from), Upper::exact(1));
  for (const std::size_t s : steps) {
    const Step& step = graph.steps[s];
    std::vector<Upper> out(step.output_size);
    for (std::size_t o = 0; o < out.size(); ++o) {
      terms_of(step, o, [&](std::size_t input, std::size_t index, Ball weight) {
        out[o] = out[o] + (Upper::exact(std::fabs(weight.centre)) + Upper::exact(weight.radius)) * lengths.at(step.inputs[input])[index];
      });
    }
    lengths[s + 1] = std::move(out);
  }
  Upper sum;
  for (const Upper& length : lengths.at(steps.back() + 1)) {
    sum = sum + length * length;
  }
  return sqrt(sum);
}

double composition_cost(const StepGraph& graph, const std::vector<std::size_t>& steps, std::size_t from) {
  // Entries of a value's matrix: at most its terms times the most entries of a row before it, and never more than a full matrix.
  constexpr double most_entries = 0x1p25;
  std::map<std::size_t, double> row_of;  // entries of a row
  const auto columns = static_cast<double>(graph.size_of(from));
  row_of[from] = 1;
  double cost = 0;
  for (const std::size_t s : steps) {
    const Step& step = graph.steps[s];
    double row = 0;
    for (const std::size_t input : step.inputs) {
      row = std::max(row, row_of.at(input));
    }
    const double terms = count_terms(step);
    cost += terms * row;
    const double out = std::min(columns, terms / static_cast<double>(std::max<std::uint64_t>(1, step.output_size)) * row);
    row_of[s + 1] = std::ceil(out);
    if (out * static_cast<double>(step.output_size) > most_entries) {
      return std::numeric_limits<double>::infinity();
    }
  }
  return cost;
}

Upper frobenius_above(const SparseMatrix& a) {
  return norm_above(a.centre.data(), a.centre.size()) + norm_above(a.radius.data(), a.radius.size());
}

}  // namespace lipcert
