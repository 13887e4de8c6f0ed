#include "examples/trainer/loss.hpp"

#include <algorithm>
#include <cmath>

namespace liptrain {

BatchCounts::BatchCounts(const int* labels, Index count, Index classes) : samples(count), of_class(static_cast<std::size_t>(classes), 0) {
  for (Index i = 0; i < count; ++i) {
    ++of_class[static_cast<std::size_t>(labels[i])];
  }
}

template <class S>
double evaluate_loss(const LossOptions& options, const BatchCounts& counts, const Matrix<S>& f, const int* labels, Matrix<S>& gradient,
                     double& kr) {
  const Index outputs = f.cols();
  const bool binary = outputs == 1;
  const double batch = static_cast<double>(counts.samples), width = static_cast<double>(outputs);
  const bool wants_kr = options.kind == LossKind::kr || options.kind == LossKind::hkr;
  const bool wants_hinge = options.kind == LossKind::hinge || options.kind == LossKind::hkr;
  const double alpha = options.kind == LossKind::hinge ? 1 : options.alpha;
  gradient.setZero(f.rows(), f.cols());
  double sum = 0;
  for (Index i = 0; i < f.rows(); ++i) {
    for (Index c = 0; c < outputs; ++c) {
      const double value = static_cast<double>(f(i, c));
      const bool own = binary ? labels[i] == 1 : labels[i] == c;
      const Index of_class = counts.of_class[static_cast<std::size_t>(binary ? 1 : c)];
      // A class that the batch does not have, or has alone, has no difference of means.
      double weight = 0;
      if (of_class > 0 && of_class < counts.samples) {
        weight = (own ? 1 / static_cast<double>(of_class) : -1 / static_cast<double>(counts.samples - of_class)) / width;
      }
      kr += weight * value;
      double slope = 0;
      if (wants_kr) {
        sum -= weight * value;
        slope -= weight;
      }
      if (wants_hinge) {
        const double sign = own ? 1 : -1;
        const double gap = options.margin / 2 - sign * value;
        const double share = alpha * (own && !binary ? width - 1 : 1) / (batch * width);
        if (gap > 0) {
          sum += share * gap;
          slope -= share * sign;
        }
      }
      gradient(i, c) = static_cast<S>(slope);
    }
    if (options.kind == LossKind::cross_entropy) {
      const double tau = options.temperature;
      if (binary) {
        const double sign = labels[i] == 1 ? 1 : -1;
        const double t = -sign * tau * static_cast<double>(f(i, 0));
        sum += (std::max(t, 0.0) + std::log1p(std::exp(-std::abs(t)))) / (tau * batch);
        gradient(i, 0) = static_cast<S>(-sign / (1 + std::exp(-t)) / batch);
        continue;
      }
      const double top = static_cast<double>(f.row(i).maxCoeff());
      double total = 0;
      for (Index c = 0; c < outputs; ++c) {
        total += std::exp(tau * (static_cast<double>(f(i, c)) - top));
      }
      sum += (std::log(total) - tau * (static_cast<double>(f(i, labels[i])) - top)) / (tau * batch);
      for (Index c = 0; c < outputs; ++c) {
        const double p = std::exp(tau * (static_cast<double>(f(i, c)) - top)) / total;
        gradient(i, c) = static_cast<S>((p - (c == labels[i] ? 1 : 0)) / batch);
      }
    }
  }
  return sum;
}

template double evaluate_loss(const LossOptions&, const BatchCounts&, const Matrix<float>&, const int*, Matrix<float>&, double&);
template double evaluate_loss(const LossOptions&, const BatchCounts&, const Matrix<double>&, const int*, Matrix<double>&, double&);

}  // namespace liptrain
