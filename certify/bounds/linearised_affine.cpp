// Affine steps of linearised.hpp: each with its linear part and the transpose of it.

#include <cblas.h>

#include <utility>

#include "certify/bounds/linearised.hpp"
#include "certify/numbers/tiles.hpp"

namespace lipcert {

void Linearised::add_bias(const Step& step, std::vector<double>& x) const {
  for (std::size_t p = 0; p < points_ && !step.bias.empty(); ++p) {
    for (std::size_t i = 0; i < step.output_size; ++i) {
      x[p * step.output_size + i] += step.bias[i].centre;
    }
  }
}

/// An isometry or a diagonal matrix, its own transpose.
void Linearised::entrywise(const Step& step, std::vector<double>& x) const {
  if (step.kind == Step::Kind::diagonal) {
    for (std::size_t p = 0; p < points_; ++p) {
      for (std::size_t i = 0; i < step.input_size; ++i) {
        x[p * step.input_size + i] *= step.factors[step.factors.size() == 1 ? 0 : i].centre;
      }
    }
  } else if (step.sign < 0) {
    for (double& entry : x) {
      entry = -entry;
    }
  }
}

// Dense steps.

void Linearised::multiply(const Step& step, const std::vector<double>& x, std::vector<double>& y) const {
  const int rows = blas_int(step.matrix.rows);
  const int columns = blas_int(step.matrix.columns);
  const int copies = blas_int(step.copies);
  if (step.kind == Step::Kind::right) {
    cblas_dgemm(CblasRowMajor, CblasNoTrans, CblasTrans, blas_int(points_ * step.copies), rows, columns, 1, x.data(), columns,
                step.matrix.centre.data(), columns, 0, y.data(), rows);
  } else {
    for (std::size_t p = 0; p < points_; ++p) {
      cblas_dgemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, rows, copies, columns, 1, step.matrix.centre.data(), columns,
                  &x[p * step.input_size], copies, 0, &y[p * step.output_size], copies);
    }
  }
}

void Linearised::multiply_transposed(const Step& step, const std::vector<double>& y, std::vector<double>& x) const {
  const int rows = blas_int(step.matrix.rows);
  const int columns = blas_int(step.matrix.columns);
  const int copies = blas_int(step.copies);
  if (step.kind == Step::Kind::right) {
    cblas_dgemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, blas_int(points_ * step.copies), columns, rows, 1, y.data(), rows,
                step.matrix.centre.data(), columns, 0, x.data(), columns);
  } else {
    for (std::size_t p = 0; p < points_; ++p) {
      cblas_dgemm(CblasRowMajor, CblasTrans, CblasNoTrans, columns, copies, rows, 1, step.matrix.centre.data(), columns,
                  &y[p * step.output_size], copies, 0, &x[p * step.input_size], copies);
    }
  }
}

// A convolution is a matrix product with the patches of one image and group.

void Linearised::convolve(const Step& step, const std::vector<double>& x, std::vector<double>& y) const {
  const ConvolutionMap& c = step.convolution;
  std::vector<double> patches(c.kernel.columns * c.output_positions);
  for (std::size_t p = 0; p < points_; ++p) {
    for (std::size_t g = 0; g < c.groups; ++g) {
      for (std::size_t i = 0; i < c.inputs; ++i) {
        const double* const channel = &x[p * step.input_size + (g * c.inputs + i) * c.input_positions];
        double* const to = &patches[i * c.source.size()];
        for (std::size_t k = 0; k < c.source.size(); ++k) {
          to[k] = c.source[k] < 0 ? 0 : channel[c.source[k]];
        }
      }
      cblas_dgemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, blas_int(c.outputs), blas_int(c.output_positions), blas_int(c.kernel.columns),
                  1, &c.kernel.centre[g * c.outputs * c.kernel.columns], blas_int(c.kernel.columns), patches.data(),
                  blas_int(c.output_positions), 0, &y[p * step.output_size + g * c.outputs * c.output_positions],
                  blas_int(c.output_positions));
    }
  }
}

void Linearised::convolve_transposed(const Step& step, const std::vector<double>& y, std::vector<double>& x) const {
  const ConvolutionMap& c = step.convolution;
  std::vector<double> patches(c.kernel.columns * c.output_positions);
  for (std::size_t p = 0; p < points_; ++p) {
    for (std::size_t g = 0; g < c.groups; ++g) {
      cblas_dgemm(CblasRowMajor, CblasTrans, CblasNoTrans, blas_int(c.kernel.columns), blas_int(c.output_positions), blas_int(c.outputs), 1,
                  &c.kernel.centre[g * c.outputs * c.kernel.columns], blas_int(c.kernel.columns),
                  &y[p * step.output_size + g * c.outputs * c.output_positions], blas_int(c.output_positions), 0, patches.data(),
                  blas_int(c.output_positions));
      for (std::size_t i = 0; i < c.inputs; ++i) {
        double* const channel = &x[p * step.input_size + (g * c.inputs + i) * c.input_positions];
        const double* const from = &patches[i * c.source.size()];
        for (std::size_t k = 0; k < c.source.size(); ++k) {
          if (c.source[k] >= 0) {
            channel[c.source[k]] += from[k];
          }
        }
      }
    }
  }
}

void Linearised::apply_sparse(const Step& step, const Inputs& in, std::vector<double>& y) const {
  const SparseMatrix& a = step.weights;
  const std::size_t second_size = step.input_size - step.first_size;
  for (std::size_t p = 0; p < points_; ++p) {
    for (std::size_t o = 0; o < a.rows; ++o) {
      double sum = 0;
      for (std::size_t k = a.start[o]; k < a.start[o + 1]; ++k) {
        const std::size_t j = a.column[k];
        sum += a.centre[k] * (j < step.first_size ? (*in[0])[p * step.first_size + j] : (*in[1])[p * second_size + j - step.first_size]);
      }
      y[p * step.output_size + o] = sum;
    }
  }
}

void Linearised::apply_sparse_transposed(const Step& step, const std::vector<double>& y, Adjoints& adjoints) const {
  const SparseMatrix& a = step.weights;
  const std::size_t second_size = step.input_size - step.first_size;
  for (std::size_t p = 0; p < points_; ++p) {
    for (std::size_t o = 0; o < a.rows; ++o) {
      for (std::size_t k = a.start[o]; k < a.start[o + 1]; ++k) {
        const std::size_t j = a.column[k];
        const double part = a.centre[k] * y[p * step.output_size + o];
        if (j < step.first_size) {
          adjoints[step.inputs[0]][p * step.first_size + j] += part;
        } else {
          adjoints[step.inputs[1]][p * second_size + j - step.first_size] += part;
        }
      }
    }
  }
}

void Linearised::move(const Step& step, const Inputs& in, std::vector<double>& y) const {
  for (std::size_t p = 0; p < points_; ++p) {
    for (std::size_t i = 0; i < step.output_size; ++i) {
      const EntryAt& from = step.source[i];
      if (from.input != Step::no_input) {
        y[p * step.output_size + i] = (*in[from.input])[p * size_of(step.inputs[from.input]) + from.index];
      }
    }
  }
}

void Linearised::move_transposed(const Step& step, const std::vector<double>& y, Adjoints& adjoints) const {
  for (std::size_t p = 0; p < points_; ++p) {
    for (std::size_t i = 0; i < step.output_size; ++i) {
      const EntryAt& from = step.source[i];
      if (from.input != Step::no_input) {
        const std::size_t value = step.inputs[from.input];
        adjoints[value][p * size_of(value) + from.index] += y[p * step.output_size + i];
      }
    }
  }
}

void Linearised::sum(const Step& step, const Inputs& in, std::vector<double>& y) const {
  for (std::size_t k = 0; k < in.size(); ++k) {
    const std::size_t n = size_of(step.inputs[k]);
    for (std::size_t i = 0; i < y.size(); ++i) {
      y[i] += step.signs[k] *
              (*in[k])[i / step.output_size * n + (step.maps[k].empty() ? i % step.output_size : step.maps[k][i % step.output_size])];
    }
  }
}

void Linearised::sum_transposed(const Step& step, const std::vector<double>& y, Adjoints& adjoints) const {
  for (std::size_t k = 0; k < step.inputs.size(); ++k) {
    std::vector<double>& to = adjoints[step.inputs[k]];
    const std::size_t n = size_of(step.inputs[k]);
    for (std::size_t i = 0; i < y.size(); ++i) {
      to[i / step.output_size * n + (step.maps[k].empty() ? i % step.output_size : step.maps[k][i % step.output_size])] +=
          step.signs[k] * y[i];
    }
  }
}

std::vector<double> Linearised::linear(const Step& step, Inputs& in) const {
  if (step.kind == Step::Kind::isometry || step.kind == Step::Kind::diagonal) {
    entrywise(step, *in[0]);
    return std::move(*in[0]);
  }
  std::vector<double> y(points_ * step.output_size);
  switch (step.kind) {
    case Step::Kind::move:
      move(step, in, y);
      break;
    case Step::Kind::sum:
      sum(step, in, y);
      break;
    case Step::Kind::sparse:
      apply_sparse(step, in, y);
      break;
    case Step::Kind::convolution:
      convolve(step, *in[0], y);
      break;
    default:
      multiply(step, *in[0], y);
      break;
  }
  return y;
}

void Linearised::spread_linear(const Step& step, std::vector<double> y, Adjoints& adjoints) const {
  std::vector<double>& first = adjoints[step.inputs[0]];
  switch (step.kind) {
    case Step::Kind::isometry:
    case Step::Kind::diagonal:
      entrywise(step, y);
      accumulate(first, std::move(y));
      return;
    case Step::Kind::right:
    case Step::Kind::left: {
      std::vector<double> x(points_ * step.input_size);
      multiply_transposed(step, y, x);
      accumulate(first, std::move(x));
      return;
    }
    default:
      break;
  }
  make_room(step, adjoints);
  switch (step.kind) {
    case Step::Kind::move:
      move_transposed(step, y, adjoints);
      break;
    case Step::Kind::sum:
      sum_transposed(step, y, adjoints);
      break;
    case Step::Kind::sparse:
      apply_sparse_transposed(step, y, adjoints);
      break;
    default:
      convolve_transposed(step, y, first);
      break;
  }
}

}  // namespace lipcert
