// See linear_steps.hpp.

#include "certify/local/linear_steps.hpp"

#include <cblas.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include "formats/encoding/error.hpp"

namespace lipcert::local {
namespace {

struct Factor {
  const double* entries = nullptr;
  std::size_t leading = 0;
  bool transposed = false;
};

/// out (m x n) = beta out + a b, with a m x k and b k x n after transposition; row-major.
void multiply(std::size_t m, std::size_t n, std::size_t k, Factor a, Factor b, double beta, double* out, std::size_t leading) {
  if (m == 0 || n == 0 || k == 0) {
    for (std::size_t i = 0; beta == 0 && i < m; ++i) {
      std::fill(out + i * leading, out + i * leading + n, 0.0);
    }
    return;
  }
  if (m == 1 && !a.transposed) {  // one vector: a product of matrices would copy the weights first
    cblas_dgemv(CblasRowMajor, b.transposed ? CblasNoTrans : CblasTrans, static_cast<int>(b.transposed ? n : k),
                static_cast<int>(b.transposed ? k : n), 1.0, b.entries, static_cast<int>(b.leading), a.entries, 1, beta, out, 1);
    return;
  }
  cblas_dgemm(CblasRowMajor, a.transposed ? CblasTrans : CblasNoTrans, b.transposed ? CblasTrans : CblasNoTrans, static_cast<int>(m),
              static_cast<int>(n), static_cast<int>(k), 1.0, a.entries, static_cast<int>(a.leading), b.entries, static_cast<int>(b.leading),
              beta, out, static_cast<int>(leading));
}

void gather_columns(const ConvolutionMap& c, const double* data, std::vector<double>& columns) {
  columns.resize(c.inputs * c.taps * c.output_positions);
  double* to = columns.data();
  for (std::size_t i = 0; i < c.inputs; ++i) {
    const double* const channel = data + i * c.input_positions;
    for (const std::int32_t from : c.source) {
      *to++ = from < 0 ? 0.0 : channel[from];
    }
  }
}

void scatter_columns(const ConvolutionMap& c, const std::vector<double>& columns, double* data) {
  const double* from = columns.data();
  for (std::size_t i = 0; i < c.inputs; ++i) {
    double* const channel = data + i * c.input_positions;
    for (const std::int32_t to : c.source) {
      if (to >= 0) {
        channel[to] += *from;
      }
      ++from;
    }
  }
}

const double* kernel_of_group(const ConvolutionMap& c, std::size_t group) {
  return &c.kernel.centre[group * c.outputs * c.kernel.columns];
}

void convolve(const ConvolutionMap& c, std::size_t batch, const double* in, double* out, Scratch& scratch) {
  for (std::size_t k = 0; k < batch * c.groups; ++k) {
    gather_columns(c, in + k * c.inputs * c.input_positions, scratch.columns);
    multiply(c.outputs, c.output_positions, c.kernel.columns, {kernel_of_group(c, k % c.groups), c.kernel.columns},
             {scratch.columns.data(), c.output_positions}, 0, out + k * c.outputs * c.output_positions, c.output_positions);
  }
}

void add_convolution_adjoint(const ConvolutionMap& c, std::size_t batch, const double* from, double* to, Scratch& scratch) {
  scratch.columns.resize(c.kernel.columns * c.output_positions);
  for (std::size_t k = 0; k < batch * c.groups; ++k) {
    multiply(c.kernel.columns, c.output_positions, c.outputs, {kernel_of_group(c, k % c.groups), c.kernel.columns, true},
             {from + k * c.outputs * c.output_positions, c.output_positions}, 0, scratch.columns.data(), c.output_positions);
    scatter_columns(c, scratch.columns, to + k * c.inputs * c.input_positions);
  }
}

double norm(const double* row, std::size_t n) {
  double sum = 0;
  for (std::size_t i = 0; i < n; ++i) {
    sum += row[i] * row[i];
  }
  return std::sqrt(sum);
}

/// Entry o of the result of a convolution: channel and position.
std::pair<std::size_t, std::size_t> place(const ConvolutionMap& c, std::size_t o) {
  return {o / c.output_positions, o % c.output_positions};
}

/// ||row a - row b|| of the kernel over the taps that meet the data at this position; b may be null.
double kernel_norm(const ConvolutionMap& c, const double* a, const double* b, std::size_t position) {
  double sum = 0;
  for (std::size_t i = 0; i < c.inputs; ++i) {
    for (std::size_t t = 0; t < c.taps; ++t) {
      if (c.source[t * c.output_positions + position] >= 0) {
        const double w = a[i * c.taps + t] - (b == nullptr ? 0.0 : b[i * c.taps + t]);
        sum += w * w;
      }
    }
  }
  return std::sqrt(sum);
}

}  // namespace

LinearStep::LinearStep(const StepGraph& graph, const Step& step) : step_(step) {
  for (const std::size_t input : step.inputs) {
    sizes_.push_back(graph.size_of(input));
  }
}

void LinearStep::apply(std::size_t batch, const std::vector<const double*>& in, double* out, Scratch& scratch) const {
  const std::size_t m = step_.output_size;
  const EnclosedMatrix& a = step_.matrix;
  switch (step_.kind) {
    case Step::Kind::isometry:
      for (std::size_t i = 0; i < batch * m; ++i) {
        out[i] = step_.sign * in[0][i];
      }
      return;
    case Step::Kind::diagonal:
      for (std::size_t i = 0; i < batch * m; ++i) {
        out[i] = step_.factors[step_.factors.size() == 1 ? 0 : i % m].centre * in[0][i];
      }
      return;
    case Step::Kind::right:
      multiply(batch * step_.copies, a.rows, a.columns, {in[0], a.columns}, {a.centre.data(), a.columns, true}, 0, out, a.rows);
      return;
    case Step::Kind::left:
      for (std::size_t b = 0; b < batch; ++b) {
        multiply(a.rows, step_.copies, a.columns, {a.centre.data(), a.columns}, {in[0] + b * sizes_[0], step_.copies}, 0, out + b * m,
                 step_.copies);
      }
      return;
    case Step::Kind::move:
      for (std::size_t b = 0; b < batch; ++b) {
        for (std::size_t i = 0; i < m; ++i) {
          const EntryAt& from = step_.source[i];
          out[b * m + i] = from.input == Step::no_input ? 0.0 : in[from.input][b * sizes_[from.input] + from.index];
        }
      }
      return;
    case Step::Kind::sum:
      std::fill(out, out + batch * m, 0.0);
      for (std::size_t k = 0; k < sizes_.size(); ++k) {
        for (std::size_t b = 0; b < batch; ++b) {
          for (std::size_t i = 0; i < m; ++i) {
            out[b * m + i] += step_.signs[k] * in[k][b * sizes_[k] + (step_.maps[k].empty() ? i : step_.maps[k][i])];
          }
        }
      }
      return;
    case Step::Kind::sparse:
      apply_sparse(batch, in, out);
      return;
    case Step::Kind::convolution:
      convolve(step_.convolution, batch, in[0], out, scratch);
      return;
    default:
      throw Error(ExitCode::internal, "A step that is not affine was taken for one; please report this.");
  }
}

void LinearStep::apply_adjoint(std::size_t batch, const double* c, const std::vector<double*>& in, Scratch& scratch) const {
  const std::size_t m = step_.output_size;
  const EnclosedMatrix& a = step_.matrix;
  switch (step_.kind) {
    case Step::Kind::isometry:
      for (std::size_t i = 0; i < batch * m; ++i) {
        in[0][i] += step_.sign * c[i];
      }
      return;
    case Step::Kind::diagonal:
      for (std::size_t i = 0; i < batch * m; ++i) {
        in[0][i] += step_.factors[step_.factors.size() == 1 ? 0 : i % m].centre * c[i];
      }
      return;
    case Step::Kind::right:
      multiply(batch * step_.copies, a.columns, a.rows, {c, a.rows}, {a.centre.data(), a.columns}, 1, in[0], a.columns);
      return;
    case Step::Kind::left:
      for (std::size_t b = 0; b < batch; ++b) {
        multiply(a.columns, step_.copies, a.rows, {a.centre.data(), a.columns, true}, {c + b * m, step_.copies}, 1, in[0] + b * sizes_[0],
                 step_.copies);
      }
      return;
    case Step::Kind::move:
      for (std::size_t b = 0; b < batch; ++b) {
        for (std::size_t i = 0; i < m; ++i) {
          const EntryAt& from = step_.source[i];
          if (from.input != Step::no_input) {
            in[from.input][b * sizes_[from.input] + from.index] += c[b * m + i];
          }
        }
      }
      return;
    case Step::Kind::sum:
      for (std::size_t k = 0; k < sizes_.size(); ++k) {
        for (std::size_t b = 0; b < batch; ++b) {
          for (std::size_t i = 0; i < m; ++i) {
            in[k][b * sizes_[k] + (step_.maps[k].empty() ? i : step_.maps[k][i])] += step_.signs[k] * c[b * m + i];
          }
        }
      }
      return;
    case Step::Kind::sparse:
      add_sparse_adjoint(batch, c, in);
      return;
    case Step::Kind::convolution:
      add_convolution_adjoint(step_.convolution, batch, c, in[0], scratch);
      return;
    default:
      throw Error(ExitCode::internal, "A step that is not affine was taken for one; please report this.");
  }
}

void LinearStep::apply_sparse(std::size_t batch, const std::vector<const double*>& in, double* out) const {
  const SparseMatrix& w = step_.weights;
  for (std::size_t b = 0; b < batch; ++b) {
    for (std::size_t i = 0; i < w.rows; ++i) {
      double sum = 0;
      for (std::size_t k = w.start[i]; k < w.start[i + 1]; ++k) {
        const std::size_t j = w.column[k];
        sum += w.centre[k] * (j < sizes_[0] ? in[0][b * sizes_[0] + j] : in[1][b * sizes_[1] + j - sizes_[0]]);
      }
      out[b * w.rows + i] = sum;
    }
  }
}

void LinearStep::add_sparse_adjoint(std::size_t batch, const double* c, const std::vector<double*>& in) const {
  const SparseMatrix& w = step_.weights;
  for (std::size_t b = 0; b < batch; ++b) {
    for (std::size_t i = 0; i < w.rows; ++i) {
      const double ci = c[b * w.rows + i];
      for (std::size_t k = w.start[i]; k < w.start[i + 1]; ++k) {
        const std::size_t j = w.column[k];
        (j < sizes_[0] ? in[0][b * sizes_[0] + j] : in[1][b * sizes_[1] + j - sizes_[0]]) += w.centre[k] * ci;
      }
    }
  }
}

std::vector<double> row_norms(const Step& step) {
  std::vector<double> norms;
  if (step.dense()) {
    std::vector<double> rows(step.matrix.rows);
    for (std::size_t i = 0; i < rows.size(); ++i) {
      rows[i] = norm(&step.matrix.centre[i * step.matrix.columns], step.matrix.columns);
    }
    for (std::size_t o = 0; o < step.output_size; ++o) {
      norms.push_back(rows[step.kind == Step::Kind::right ? o % rows.size() : o / step.copies]);
    }
  } else if (step.kind == Step::Kind::convolution) {
    const ConvolutionMap& c = step.convolution;
    for (std::size_t o = 0; o < step.output_size; ++o) {
      const auto [channel, position] = place(c, o);
      norms.push_back(kernel_norm(c, &c.kernel.centre[channel * c.kernel.columns], nullptr, position));
    }
  } else if (step.kind == Step::Kind::sparse) {
    const SparseMatrix& w = step.weights;
    for (std::size_t o = 0; o < step.output_size; ++o) {
      norms.push_back(norm(w.centre.data() + w.start[o], w.start[o + 1] - w.start[o]));
    }
  }
  return norms;
}

double row_distance(const Step& step, std::size_t a, std::size_t b) {
  const double infinite = std::numeric_limits<double>::infinity();
  if (step.dense()) {
    const bool right = step.kind == Step::Kind::right;
    const std::size_t n = step.matrix.columns;
    const std::size_t of_one = right ? step.matrix.rows : step.copies;  // entries that lie together
    if (right ? a / of_one != b / of_one : a % of_one != b % of_one) {
      return infinite;
    }
    const double* const first = &step.matrix.centre[(right ? a % of_one : a / of_one) * n];
    const double* const second = &step.matrix.centre[(right ? b % of_one : b / of_one) * n];
    double sum = 0;
    for (std::size_t i = 0; i < n; ++i) {
      sum += (first[i] - second[i]) * (first[i] - second[i]);
    }
    return std::sqrt(sum);
  }
  if (step.kind == Step::Kind::convolution) {
    const ConvolutionMap& c = step.convolution;
    const auto [first, position] = place(c, a);
    const auto [second, other] = place(c, b);
    if (position != other || first / c.outputs != second / c.outputs) {
      return infinite;
    }
    return kernel_norm(c, &c.kernel.centre[first * c.kernel.columns], &c.kernel.centre[second * c.kernel.columns], position);
  }
  return infinite;
}

}  // namespace lipcert::local
