#include "examples/trainer/weight.hpp"

#include <cmath>

namespace liptrain {
namespace {

/// One iteration for a matrix with no more rows than columns; `gram` and `cube` are scratch.
template <class S>
void bjorck_step(Matrix<S>& w, Matrix<S>& gram, Matrix<S>& cube) {
  gram.noalias() = w * w.transpose();
  cube.noalias() = gram * w;
  w = S(1.5) * w - S(0.5) * cube;
}

template <class S>
S largest_row_sum(const Matrix<S>& gram) {
  return gram.size() == 0 ? S(0) : gram.cwiseAbs().rowwise().sum().maxCoeff();
}

}  // namespace

template <class S>
void bjorck(Matrix<S>& w, int iterations) {
  const bool tall = w.rows() > w.cols();
  Matrix<S> wide = tall ? Matrix<S>(w.transpose()) : w;
  Matrix<S> gram(wide.rows(), wide.rows()), cube(wide.rows(), wide.cols());
  for (int i = 0; i < iterations; ++i) {
    if (i == 0) {
      // The iteration converges below sigma = sqrt(3); the row sums of V V' bound sigma^2.
      gram.noalias() = wide * wide.transpose();
      const S bound = largest_row_sum(gram);
      if (bound > S(2.5)) {
        wide /= std::sqrt(bound);
      }
    }
    bjorck_step(wide, gram, cube);
  }
  w = tall ? Matrix<S>(wide.transpose()) : wide;
}

template <class S>
void Weight<S>::start(Matrix<S>& free, Column<S>& left, Index rows, Index columns, Random& random) const {
  free.resize(rows, columns);
  for (Index i = 0; i < free.size(); ++i) {
    free.data()[i] = static_cast<S>(random.normal());
  }
  left.resize(rows);
  for (Index i = 0; i < rows; ++i) {
    left[i] = static_cast<S>(random.normal());
  }
  switch (options_.constraint) {
    case Constraint::spectral:
      free /= static_cast<S>(std::sqrt(static_cast<double>(rows)) + std::sqrt(static_cast<double>(columns)));
      bjorck(free, options_.bjorck == 0 ? 1 : 30);
      break;
    case Constraint::frobenius:
      free /= free.norm();
      break;
    case Constraint::unit_rows:
      free.rowwise().normalize();
      break;
  }
}

template <class S>
void Weight<S>::norm(const Matrix<S>& free, Column<S>& left) {
  left_ = left.normalized();
  for (int i = 0; i < options_.power_iterations; ++i) {
    right_ = (free.transpose() * left_).normalized();
    left_ = (free * right_).normalized();
  }
  sigma_ = left_.dot(free * right_);
  left = left_;
}

template <class S>
void Weight<S>::compute(const Matrix<S>& free, Column<S>& left) {
  if (options_.mode == Mode::project) {
    value_ = free;
    return;
  }
  switch (options_.constraint) {
    case Constraint::spectral: {
      norm(free, left);
      const bool tall = free.rows() > free.cols();
      Matrix<S> w = free / sigma_;
      if (tall) {
        w = Matrix<S>(w.transpose());
      }
      Matrix<S> gram(w.rows(), w.rows()), cube(w.rows(), w.cols());
      steps_.resize(static_cast<std::size_t>(options_.bjorck));
      for (auto& step : steps_) {
        step = w;
        bjorck_step(w, gram, cube);
      }
      value_ = tall ? Matrix<S>(w.transpose()) : w;
      break;
    }
    case Constraint::frobenius:
      sigma_ = free.norm();
      value_ = free / sigma_;
      break;
    case Constraint::unit_rows:
      value_ = free.rowwise().normalized();
      break;
  }
}

template <class S>
void Weight<S>::pull_back(const Matrix<S>& free, Matrix<S>& gradient) const {
  if (options_.mode == Mode::project) {
    return;
  }
  switch (options_.constraint) {
    case Constraint::spectral: {
      const bool tall = free.rows() > free.cols();
      Matrix<S> g = tall ? Matrix<S>(gradient.transpose()) : gradient;
      Matrix<S> gram, cross, result;
      for (auto step = steps_.rbegin(); step != steps_.rend(); ++step) {
        // d(Z Z' Z) pulled back: (Z Z') G + (G Z' + Z G') Z.
        const Matrix<S>& z = *step;
        gram.noalias() = z * z.transpose();
        cross.noalias() = g * z.transpose();
        cross += Matrix<S>(cross.transpose());
        result.noalias() = gram * g;
        result.noalias() += cross * z;
        g = S(1.5) * g - S(0.5) * result;
      }
      gradient = tall ? Matrix<S>(g.transpose()) : g;
      // V / sigma with d sigma = u' dV v.
      const S along = gradient.cwiseProduct(free).sum() / sigma_;
      gradient -= along * left_ * right_.transpose();
      gradient /= sigma_;
      break;
    }
    case Constraint::frobenius: {
      const S along = gradient.cwiseProduct(value_).sum();
      gradient = (gradient - along * value_) / sigma_;
      break;
    }
    case Constraint::unit_rows:
      for (Index i = 0; i < free.rows(); ++i) {
        const S along = gradient.row(i).dot(value_.row(i));
        gradient.row(i) = (gradient.row(i) - along * value_.row(i)) / free.row(i).norm();
      }
      break;
  }
}

template <class S>
void Weight<S>::project(Matrix<S>& free, Column<S>& left, bool thorough) const {
  if (options_.mode == Mode::differentiate) {
    return;
  }
  switch (options_.constraint) {
    case Constraint::spectral:
      if (options_.bjorck > 0) {
        bjorck(free, thorough ? options_.bjorck : 2);
      } else {
        Weight<S> scratch(options_);
        scratch.options_.power_iterations = thorough ? 100 : options_.power_iterations;
        scratch.norm(free, left);
        free /= std::max(S(1), scratch.sigma_);
      }
      break;
    case Constraint::frobenius:
      free /= std::max(S(1), free.norm());
      break;
    case Constraint::unit_rows:
      free.rowwise().normalize();
      break;
  }
}

template void bjorck(Matrix<float>& w, int iterations);
template void bjorck(Matrix<double>& w, int iterations);
template class Weight<float>;
template class Weight<double>;

}  // namespace liptrain
