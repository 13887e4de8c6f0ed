// See linear_map.hpp.

#include "certify/graph/linear_map.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>

#include "formats/encoding/error.hpp"

namespace lipcert {
namespace {

Ball entry(const EnclosedMatrix& m, std::size_t at) {
  return {m.centre[at], m.exact() ? 0 : m.radius[at]};
}
Ball entry(const SparseMatrix& m, std::size_t at) {
  return {m.centre[at], m.radius.empty() ? 0 : m.radius[at]};
}

template <class Term>
void terms_of(const Step& step, std::size_t output, Term term) {
  switch (step.kind) {
    case Step::Kind::isometry:
      term(std::size_t{0}, output, Ball{step.sign, 0});
      return;
    case Step::Kind::diagonal:
      term(std::size_t{0}, output, step.factors[step.factors.size() == 1 ? 0 : output]);
      return;
    case Step::Kind::right:
    case Step::Kind::left: {
      const EnclosedMatrix& m = step.matrix;
      const bool right = step.kind == Step::Kind::right;
      const std::size_t row = right ? output % m.rows : output / step.copies;
      const std::size_t copy = right ? output / m.rows : output % step.copies;
      for (std::size_t j = 0; j < m.columns; ++j) {
        term(std::size_t{0}, right ? copy * m.columns + j : j * step.copies + copy, entry(m, row * m.columns + j));
      }
      return;
    }
    case Step::Kind::move:
      if (step.source[output].input != Step::no_input) {
        term(std::size_t{step.source[output].input}, std::size_t{step.source[output].index}, Ball{1, 0});
      }
      return;
    case Step::Kind::sparse:
      for (std::size_t k = step.weights.start[output]; k < step.weights.start[output + 1]; ++k) {
        term(std::size_t{0}, std::size_t{step.weights.column[k]}, entry(step.weights, k));
      }
      return;
    case Step::Kind::convolution: {
      const ConvolutionMap& c = step.convolution;
      const std::size_t channel = output / c.output_positions;
      const std::size_t position = output % c.output_positions;
      const std::size_t first = channel / c.outputs * c.inputs;
      for (std::size_t i = 0; i < c.inputs; ++i) {
        for (std::size_t t = 0; t < c.taps; ++t) {
          const std::int32_t from = c.source[t * c.output_positions + position];
          if (from >= 0) {
            term(std::size_t{0}, (first + i) * c.input_positions + static_cast<std::size_t>(from),
                 entry(c.kernel, channel * c.kernel.columns + i * c.taps + t));
          }
        }
      }
      return;
    }
    case Step::Kind::sum:
      for (std::size_t k = 0; k < step.inputs.size(); ++k) {
        term(k, step.maps[k].empty() ? output : std::size_t{step.maps[k][output]}, Ball{step.signs[k], 0});
      }
      return;
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

SparseMatrix identity_matrix(std::size_t n) {
  SparseMatrix result;
  result.rows = result.columns = n;
  result.start.resize(n + 1);
  result.column.resize(n);
  result.centre.assign(n, 1.0);
  for (std::size_t i = 0; i < n; ++i) {
    result.start[i + 1] = i + 1;
    result.column[i] = static_cast<std::uint32_t>(i);
  }
  return result;
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
        const Ball term = one ? entry(m, k) : multiply(weight, entry(m, k));
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
