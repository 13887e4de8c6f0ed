// Matrix products of the attacker's network: Gemm and MatMul with one constant factor, convolutions. One GEMM per batch in double
// precision, plain loops in extended precision.

#include <cblas.h>

#include <memory>
#include <type_traits>
#include <utility>

#include "certify/attack/plain_compiler.hpp"
#include "formats/operators/parameters.hpp"

namespace lipcert::attack {
namespace {

struct Factor {
  std::vector<double> matrix;  // row-major
  std::size_t rows = 1;
  std::size_t inner = 0;
  std::size_t results = 0;
};

/// The constant matrix, inner x results, stands to the right of `rows` rows of data.
struct MultiplyRight : PlainStepOf<MultiplyRight>, Factor {
  explicit MultiplyRight(Factor f) : Factor(std::move(f)) {}

  template <class Real>
  void run(std::size_t batch, Slots<Real>& values) const {
    const std::vector<Real>& x = values[from];
    std::vector<Real>& y = values[to];
    if constexpr (std::is_same_v<Real, double>) {
      cblas_dgemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, static_cast<int>(batch * rows), static_cast<int>(results),
                  static_cast<int>(inner), 1.0, x.data(), static_cast<int>(inner), matrix.data(), static_cast<int>(results), 0.0, y.data(),
                  static_cast<int>(results));
    } else {
      for (std::size_t r = 0; r < batch * rows; ++r) {
        for (std::size_t j = 0; j < results; ++j) y[r * results + j] = 0;
        for (std::size_t l = 0; l < inner; ++l) {
          const Real v = x[r * inner + l];
          if (v == 0) continue;
          for (std::size_t j = 0; j < results; ++j) y[r * results + j] += v * static_cast<Real>(matrix[l * results + j]);
        }
      }
    }
  }

  void backward(std::size_t batch, const Slots<double>& /*values*/, Slots<double>& gradients) const override {
    const std::vector<double>& g = gradients[to];
    std::vector<double>& back = gradients[from];
    cblas_dgemm(CblasRowMajor, CblasNoTrans, CblasTrans, static_cast<int>(batch * rows), static_cast<int>(inner), static_cast<int>(results),
                1.0, g.data(), static_cast<int>(results), matrix.data(), static_cast<int>(results), 1.0, back.data(),
                static_cast<int>(inner));
  }
};

/// The constant matrix, results x inner, stands to the left of data with `rows` columns.
struct MultiplyLeft : PlainStepOf<MultiplyLeft>, Factor {
  explicit MultiplyLeft(Factor f) : Factor(std::move(f)) {}

  template <class Real>
  void run(std::size_t batch, Slots<Real>& values) const {
    const std::vector<Real>& x = values[from];
    std::vector<Real>& y = values[to];
    const std::size_t in = size_in();
    const std::size_t out = size_out();
    for (std::size_t b = 0; b < batch; ++b) {
      for (std::size_t i = 0; i < results; ++i) {
        for (std::size_t j = 0; j < rows; ++j) {
          Real sum = 0;
          for (std::size_t l = 0; l < inner; ++l) sum += static_cast<Real>(matrix[i * inner + l]) * x[b * in + l * rows + j];
          y[b * out + i * rows + j] = sum;
        }
      }
    }
  }

  void backward(std::size_t batch, const Slots<double>& /*values*/, Slots<double>& gradients) const override {
    const std::vector<double>& g = gradients[to];
    std::vector<double>& back = gradients[from];
    const std::size_t in = size_in();
    const std::size_t out = size_out();
    for (std::size_t b = 0; b < batch; ++b) {
      for (std::size_t i = 0; i < results; ++i) {
        for (std::size_t l = 0; l < inner; ++l) {
          for (std::size_t j = 0; j < rows; ++j) back[b * in + l * rows + j] += matrix[i * inner + l] * g[b * out + i * rows + j];
        }
      }
    }
  }
};

/// Conv and ConvTranspose in one form: a matrix product with the patches of one image and group. Rows of the matrix: channels of the
/// result; columns: (channel of the data in the group, tap).
struct Convolution : PlainStepOf<Convolution> {
  std::vector<double> matrix;
  std::vector<double> offset;      // empty, or by entry of the result
  std::vector<std::int64_t> taps;  // kernel tap x result position -> data position, or -1
  std::size_t groups = 1;
  std::size_t channels = 1;  // of the data, in a group
  std::size_t results = 1;   // channels of the result, in a group
  std::size_t inner = 0;     // channels times taps
  std::size_t positions_in = 1;
  std::size_t positions_out = 1;

  template <class Real>
  void run(std::size_t batch, Slots<Real>& values) const {
    const std::vector<Real>& x = values[from];
    std::vector<Real>& y = values[to];
    const std::size_t in = size_in();
    const std::size_t out = size_out();
    std::vector<Real> patches(inner * positions_out);
    for (std::size_t b = 0; b < batch; ++b) {
      for (std::size_t g = 0; g < groups; ++g) {
        for (std::size_t c = 0; c < channels; ++c) {
          const Real* const channel = &x[b * in + (g * channels + c) * positions_in];
          for (std::size_t k = 0; k < taps.size(); ++k) patches[c * taps.size() + k] = taps[k] < 0 ? Real{0} : channel[taps[k]];
        }
        const double* const kernel = &matrix[g * results * inner];
        Real* const result = &y[b * out + g * results * positions_out];
        if constexpr (std::is_same_v<Real, double>) {
          cblas_dgemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, static_cast<int>(results), static_cast<int>(positions_out),
                      static_cast<int>(inner), 1.0, kernel, static_cast<int>(inner), patches.data(), static_cast<int>(positions_out), 0.0,
                      result, static_cast<int>(positions_out));
        } else {
          for (std::size_t o = 0; o < results; ++o) {
            for (std::size_t p = 0; p < positions_out; ++p) {
              Real sum = 0;
              for (std::size_t k = 0; k < inner; ++k) sum += static_cast<Real>(kernel[o * inner + k]) * patches[k * positions_out + p];
              result[o * positions_out + p] = sum;
            }
          }
        }
      }
      for (std::size_t i = 0; i < offset.size(); ++i) y[b * out + i] += static_cast<Real>(offset[i]);
    }
  }

  void backward(std::size_t batch, const Slots<double>& /*values*/, Slots<double>& gradients) const override {
    const std::vector<double>& g = gradients[to];
    std::vector<double>& back = gradients[from];
    const std::size_t in = size_in();
    const std::size_t out = size_out();
    std::vector<double> patches(inner * positions_out);
    for (std::size_t b = 0; b < batch; ++b) {
      for (std::size_t group = 0; group < groups; ++group) {
        cblas_dgemm(CblasRowMajor, CblasTrans, CblasNoTrans, static_cast<int>(inner), static_cast<int>(positions_out),
                    static_cast<int>(results), 1.0, &matrix[group * results * inner], static_cast<int>(inner),
                    &g[b * out + group * results * positions_out], static_cast<int>(positions_out), 0.0, patches.data(),
                    static_cast<int>(positions_out));
        for (std::size_t c = 0; c < channels; ++c) {
          double* const channel = &back[b * in + (group * channels + c) * positions_in];
          for (std::size_t k = 0; k < taps.size(); ++k) {
            if (taps[k] >= 0) channel[taps[k]] += patches[c * taps.size() + k];
          }
        }
      }
    }
  }
};

}  // namespace

void PlainCompiler::transpose(std::size_t rows, std::size_t columns) {
  std::vector<std::uint32_t> map(rows * columns);
  for (std::size_t i = 0; i < rows; ++i)
    for (std::size_t j = 0; j < columns; ++j) map[j * rows + i] = static_cast<std::uint32_t>(i * columns + j);
  add_affine(last_, std::move(map), {}, rows * columns);
}

void PlainCompiler::compile_product(const Node& node) {
  const ValueId a = node.inputs.at(0);
  const ValueId b = node.inputs.at(1);
  if (is_data(a) == is_data(b)) throw not_covered();
  const bool gemm = node.op == Operator::gemm;
  const bool ta = gemm && node.integer_attribute("transA") != 0;
  const bool tb = gemm && node.integer_attribute("transB") != 0;
  const double alpha = gemm ? static_cast<double>(node.real_attribute("alpha")) : 1;
  const std::size_t size = element_count(value(node.outputs[0]).shape);
  Factor factor;
  if (is_data(a)) {
    MatrixShape left = left_shape(value(a).shape);
    MatrixShape right = right_shape(constant(b).shape);
    last_ = slots_[a];
    if (ta) {
      transpose(left.rows, left.columns);
      std::swap(left.rows, left.columns);
    }
    factor.matrix = constant(b).entries;
    if (tb) {
      factor.matrix = transposed(factor.matrix, right.rows, right.columns);
      std::swap(right.rows, right.columns);
    }
    factor.rows = left.rows;
    factor.inner = left.columns;
    factor.results = right.columns;
    if (right.rows != factor.inner) throw not_covered();
  } else {
    const Shape& constant_shape = constant(a).shape;
    MatrixShape left = constant_shape.size() == 1 ? MatrixShape{1, constant_shape[0]} : right_shape(constant_shape);
    MatrixShape right = right_shape(value(b).shape);
    last_ = slots_[b];
    if (tb) {
      transpose(right.rows, right.columns);
      std::swap(right.rows, right.columns);
    }
    factor.matrix = constant(a).entries;
    if (ta) {
      factor.matrix = transposed(factor.matrix, left.rows, left.columns);
      std::swap(left.rows, left.columns);
    }
    factor.rows = right.columns;
    factor.inner = right.rows;
    factor.results = left.rows;
    if (left.columns != factor.inner) throw not_covered();
  }
  for (double& entry : factor.matrix) entry *= alpha;
  if (factor.rows * factor.results != size) throw not_covered();
  std::unique_ptr<PlainStep> step;
  if (is_data(a))
    step = std::make_unique<MultiplyRight>(std::move(factor));
  else
    step = std::make_unique<MultiplyLeft>(std::move(factor));
  step->from = last_;
  add(std::move(step), size);
  if (gemm && node.inputs.size() > 2 && node.inputs[2] != no_value) {
    const Constant& c = constant(node.inputs[2]);
    const double beta = static_cast<double>(node.real_attribute("beta"));
    std::vector<double> bias;
    for (const std::uint32_t at : broadcast_map(c.shape, value(node.outputs[0]).shape)) bias.push_back(beta * c.entries[at]);
    add_affine(last_, {}, std::move(bias), size);
  }
}

void PlainCompiler::compile_convolution(const Node& node) {
  const WindowParameters w = window_parameters(network_, node_);
  const Constant& kernel = constant(node.inputs.at(1));
  const bool transposed_ = node.op == Operator::conv_transpose;
  auto step = std::make_unique<Convolution>();
  step->from = slots_.at(node.inputs[0]);
  step->groups = w.groups;
  const std::size_t channels_in = value(node.inputs[0]).shape.at(1);
  const std::size_t channels_out = value(node.outputs[0]).shape.at(1);
  step->channels = channels_in / w.groups;
  step->results = channels_out / w.groups;
  std::size_t taps = 1;
  for (const WindowAxis& axis : w.axes) {
    taps *= axis.kernel;
    step->positions_in *= axis.input;
    step->positions_out *= axis.output;
  }
  step->taps.assign(taps * step->positions_out, -1);
  for (std::size_t t = 0; t < taps; ++t) {
    for (std::size_t p = 0; p < (transposed_ ? step->positions_in : step->positions_out); ++p) {
      std::int64_t other = 0;
      std::int64_t stride = 1;
      std::size_t tap = t;
      std::size_t position = p;
      bool inside = true;
      for (std::size_t d = w.axes.size(); d-- > 0;) {
        const WindowAxis& axis = w.axes[d];
        const std::size_t walked = transposed_ ? axis.input : axis.output;
        const auto length = static_cast<std::int64_t>(transposed_ ? axis.output : axis.input);
        const std::int64_t at = static_cast<std::int64_t>(position % walked * axis.stride + tap % axis.kernel * axis.dilation) - axis.begin;
        inside = inside && at >= 0 && at < length;
        other += at * stride;
        stride *= length;
        position /= walked;
        tap /= axis.kernel;
      }
      if (!inside) continue;
      if (transposed_)
        step->taps[t * step->positions_out + static_cast<std::size_t>(other)] = static_cast<std::int64_t>(p);
      else
        step->taps[t * step->positions_out + p] = other;
    }
  }
  // Rows: channels of the result; columns: (channel of the data in the group, tap).
  step->inner = step->channels * taps;
  step->matrix.resize(channels_out * step->inner);
  for (std::size_t o = 0; o < channels_out; ++o)
    for (std::size_t c = 0; c < step->channels; ++c)
      for (std::size_t t = 0; t < taps; ++t)
        step->matrix[o * step->inner + c * taps + t] =
            kernel.entries[transposed_ ? ((o / step->results * step->channels + c) * step->results + o % step->results) * taps + t
                                       : (o * step->channels + c) * taps + t];
  if (node.inputs.size() > 2 && node.inputs[2] != no_value) {
    for (std::size_t o = 0; o < channels_out; ++o)
      step->offset.insert(step->offset.end(), step->positions_out, constant(node.inputs[2]).entries.at(o));
  }
  const std::size_t size = channels_out * step->positions_out;
  add(std::move(step), size);
}

}  // namespace lipcert::attack
