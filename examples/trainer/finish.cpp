#include "examples/trainer/finish.hpp"

#include <Eigen/Eigenvalues>
#include <algorithm>
#include <cmath>
#include <complex>
#include <functional>
#include <limits>
#include <numbers>

#include "formats/encoding/error.hpp"

namespace liptrain {
namespace {

using Complex = std::complex<double>;
using ComplexMatrix = Eigen::MatrixXcd;

/// Bjorck's iteration until the Gram matrix is the identity up to rounding.
void polar_factor(Matrix<double>& w, const std::string& layer) {
  const Index n = std::min(w.rows(), w.cols());
  for (int i = 0; i < 60; ++i) {
    bjorck(w, 1);
    const Matrix<double> gram = w.rows() <= w.cols() ? Matrix<double>(w * w.transpose()) : Matrix<double>(w.transpose() * w);
    const double defect = (gram - Matrix<double>::Identity(n, n)).norm();
    if (!std::isfinite(defect)) {
      break;
    }
    if (defect < 1e-14 * static_cast<double>(n)) {
      return;
    }
  }
  throw lipcert::Error(lipcert::ExitCode::input,
                       "Layer '" + layer +
                           "' has no nearest orthogonal matrix (a singular value is zero or not a number): training has "
                           "diverged; lower the learning rate.");
}

/// ||W(z)|| for the stride's polyphase components: sup over the torus is the norm of the convolution on the whole plane.
class Symbol {
 public:
  Symbol(const Matrix<double>& kernel, Index input_channels, const ConvolutionOptions& shape)
      : kernel_(kernel), inputs_(input_channels), k_(shape.kernel), s_(shape.stride) {}

  /// Frequencies of the output grid, in radians.
  [[nodiscard]] double norm(double first, double second) const {
    const Index phases = s_ * s_;
    ComplexMatrix w = ComplexMatrix::Zero(kernel_.rows(), inputs_ * phases);
    for (Index a = 0; a < k_; ++a) {
      for (Index b = 0; b < k_; ++b) {
        const double angle = first * static_cast<double>(a / s_) + second * static_cast<double>(b / s_);
        const Complex z = std::polar(1.0, angle);
        const Index phase = (a % s_) * s_ + b % s_;
        for (Index c = 0; c < inputs_; ++c) {
          w.col(c * phases + phase) += z * kernel_.col((c * k_ + a) * k_ + b);
        }
      }
    }
    const ComplexMatrix gram = w.rows() <= w.cols() ? ComplexMatrix(w * w.adjoint()) : ComplexMatrix(w.adjoint() * w);
    const Eigen::SelfAdjointEigenSolver<ComplexMatrix> solver(gram, Eigen::EigenvaluesOnly);
    return std::sqrt(std::max(0.0, solver.eigenvalues().maxCoeff()));
  }

 private:
  const Matrix<double>& kernel_;
  Index inputs_, k_, s_;
};

/// Shrinks by a power of two's fraction until the stored matrix has norm at most 1 as measured.
void round_and_verify(const Matrix<double>& exact, double relative_change, const std::function<double(const Matrix<double>&)>& norm,
                      Matrix<float>& stored, FinishedLayer& line) {
  double shrink = 1 - 0x1p-24 * relative_change;
  for (int i = 0; i < 8; ++i, shrink -= 0x1p-24 * relative_change) {
    stored = (exact * shrink).cast<float>();
    line.after = norm(stored.cast<double>());
    // The measure's own error is far below 2^-40.
    if (line.after <= 1 - 0x1p-40) {
      return;
    }
  }
  throw lipcert::Error(lipcert::ExitCode::internal, "Layer '" + line.layer + "' has norm above 1 after rounding to float32.");
}

}  // namespace

double largest_singular_value(const Matrix<double>& w) {
  const Matrix<double> gram = w.rows() <= w.cols() ? Matrix<double>(w * w.transpose()) : Matrix<double>(w.transpose() * w);
  const Eigen::SelfAdjointEigenSolver<Eigen::MatrixXd> solver(gram, Eigen::EigenvaluesOnly);
  return std::sqrt(std::max(0.0, solver.eigenvalues().maxCoeff()));
}

double symbol_norm(const Matrix<double>& kernel, Index input_channels, const ConvolutionOptions& shape) {
  const Symbol symbol(kernel, input_channels, shape);
  // The symbol has degree at most k - 1 in each direction: 16 points per oscillation find every high hill; W(conj z) = conj W(z).
  const Index n = std::clamp<Index>(16 * shape.kernel, 32, 96);
  const double step = 2 * std::numbers::pi / static_cast<double>(n);
  struct Point {
    double value, first, second;
  };
  std::vector<Point> points;
  for (Index i = 0; i <= n / 2; ++i) {
    for (Index j = 0; j < n; ++j) {
      const double a = static_cast<double>(i) * step, b = static_cast<double>(j) * step;
      points.push_back({symbol.norm(a, b), a, b});
    }
  }
  const std::size_t keep = std::min<std::size_t>(points.size(), 8);
  std::partial_sort(points.begin(), points.begin() + static_cast<std::ptrdiff_t>(keep), points.end(),
                    [](const Point& a, const Point& b) { return a.value > b.value; });
  double best = 0;
  for (std::size_t k = 0; k < keep; ++k) {
    Point at = points[k];
    for (double h = step / 2; h > 1e-6; h /= 2) {
      for (bool moved = true; moved;) {
        moved = false;
        for (const auto& [da, db] : {std::pair{h, 0.0}, std::pair{-h, 0.0}, std::pair{0.0, h}, std::pair{0.0, -h}}) {
          const double value = symbol.norm(at.first + da, at.second + db);
          if (value > at.value * (1 + 1e-15)) {
            at = {value, at.first + da, at.second + db};
            moved = true;
          }
        }
      }
    }
    best = std::max(best, at.value);
  }
  return best;
}

void finish_dense(const Matrix<double>& w, const WeightOptions& options, bool may_scale, Matrix<float>& stored, FinishedLayer& line) {
  line.before = largest_singular_value(w);
  const double rank = static_cast<double>(std::min(w.rows(), w.cols()));
  Matrix<double> exact = w;
  if (options.constraint == Constraint::unit_rows) {
    exact.rowwise().normalize();
    exact *= 1 - 0x1p-24;
    stored = exact.cast<float>();
    for (Index i = 0; i < stored.rows(); ++i) {
      while (stored.row(i).cast<double>().norm() > 1 - 0x1p-40) {
        stored.row(i) *= 1 - 0x1p-23F;
      }
    }
    line.after = largest_singular_value(stored.cast<double>());
    line.joint = line.after <= 1;
    return;
  }
  if (options.constraint == Constraint::spectral && options.bjorck > 0) {
    polar_factor(exact, line.layer);
  } else {
    if (!(line.before > 0)) {
      throw lipcert::Error(lipcert::ExitCode::input,
                           "Layer '" + line.layer + "' is zero or not a number: training has diverged; lower the learning rate.");
    }
    if (may_scale || line.before > 1) {
      exact /= line.before;
      line.gain = may_scale ? 1 / line.before : 1;
    }
  }
  round_and_verify(exact, std::sqrt(rank), largest_singular_value, stored, line);
}

void finish_convolution(const Matrix<double>& w, const WeightOptions& options, double factor, Index input_channels,
                        const ConvolutionOptions& shape, bool may_scale, Matrix<float>& stored, FinishedLayer& line) {
  line.before = symbol_norm(w * factor, input_channels, shape);
  if (!(line.before > 0)) {
    throw lipcert::Error(lipcert::ExitCode::input,
                         "Layer '" + line.layer + "' is zero or not a number: training has diverged; lower the learning rate.");
  }
  Matrix<double> exact = w;
  if (options.constraint == Constraint::spectral && options.bjorck > 0) {
    polar_factor(exact, line.layer);
  }
  exact *= factor;
  const double norm = symbol_norm(exact, input_channels, shape);
  if (may_scale || norm > 1) {
    // 1e-9: what the refinement around the grid's best points may miss.
    exact /= norm * (1 + 1e-9);
    line.gain = may_scale ? 1 / norm : 1;
  }
  // An entry meets at most ceil(k/s)^2 positions: rounding changes the convolution by at most ceil(k/s) times 2^-24 times the Frobenius
  // norm.
  const double change = exact.norm() * static_cast<double>((shape.kernel + shape.stride - 1) / shape.stride);
  round_and_verify(
      exact, change, [&](const Matrix<double>& kernel) { return symbol_norm(kernel, input_channels, shape); }, stored, line);
}

std::pair<float, float> short_unit_vector(double v, double w) {
  for (double shrink = 1; shrink > 0.5; shrink -= 0x1p-26) {
    const auto a = static_cast<float>(v * shrink), b = static_cast<float>(w * shrink);
    // Squares of float32 are exact in float64, their sum is rounded once: stay a float64 ulp away from 1.
    const double squares = static_cast<double>(a) * static_cast<double>(a) + static_cast<double>(b) * static_cast<double>(b);
    if (squares <= 1 - 0x1p-52) {
      return {a, b};
    }
  }
  return {0.0F, 0.0F};
}

float complement(float a) {
  const double exact = 1 - static_cast<double>(a);  // exact for a >= 2^-29; below it rounds to at most 1 - 2^-53 or to 1
  auto b = static_cast<float>(exact);
  while (static_cast<double>(b) + static_cast<double>(a) > 1 || static_cast<double>(b) > exact) {
    b = std::nextafter(b, 0.0F);
  }
  if (a > 0 && b >= 1) {
    b = std::nextafter(1.0F, 0.0F);
  }
  return b;
}

}  // namespace liptrain
