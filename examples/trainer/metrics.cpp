#include "examples/trainer/metrics.hpp"

#include <algorithm>
#include <limits>

#include "examples/trainer/loss.hpp"

namespace liptrain {

Matrix<float> outputs_of(const Network<float>& network, const Matrix<float>& samples, Workers& workers) {
  // Every group of pieces has one memory: taking a new one for each piece would cost more than the arithmetic.
  constexpr Index piece = 32, groups = 16;
  const Index pieces = (samples.rows() + piece - 1) / piece;
  Matrix<float> f(samples.rows(), network.out().channels);
  workers.run(static_cast<std::size_t>(std::min(groups, pieces)), [&](std::size_t group) {
    Memory<float> memory;
    network.chain().prepare(memory);
    Matrix<float> x;
    for (Index p = static_cast<Index>(group); p < pieces; p += groups) {
      x = samples.middleRows(p * piece, std::min(piece, samples.rows() - p * piece));
      f.middleRows(p * piece, x.rows()) = network.chain().forward(x, memory);
    }
  });
  return f;
}

double radius_of(const float* f, Index outputs, int label, const Matrix<double>& constants) {
  if (outputs == 1) {
    const double margin = (label == 1 ? 1 : -1) * static_cast<double>(f[0]);
    return std::max(0.0, margin / constants(0, 0));
  }
  double radius = std::numeric_limits<double>::infinity();
  for (Index j = 0; j < outputs; ++j) {
    if (j != label) {
      radius = std::min(radius, (static_cast<double>(f[label]) - static_cast<double>(f[j])) / constants(label, j));
    }
  }
  return std::max(0.0, radius);
}

Metrics measure(const Matrix<float>& f, const std::vector<int>& labels, const Matrix<double>& constants, const std::vector<double>& eps) {
  Metrics metrics;
  metrics.samples = f.rows();
  metrics.certified.assign(eps.size(), 0);
  for (Index n = 0; n < f.rows(); ++n) {
    const double radius = radius_of(f.row(n).data(), f.cols(), labels[static_cast<std::size_t>(n)], constants);
    metrics.accuracy += radius > 0 ? 1 : 0;
    metrics.mean_radius += radius;
    for (std::size_t k = 0; k < eps.size(); ++k) {
      metrics.certified[k] += radius > eps[k] ? 1 : 0;
    }
  }
  const auto count = static_cast<double>(f.rows());
  metrics.accuracy /= count;
  metrics.mean_radius /= count;
  for (double& share : metrics.certified) {
    share /= count;
  }
  Matrix<float> unused;
  const BatchCounts counts(labels.data(), f.rows(), std::max<Index>(2, f.cols()));
  LossOptions only;
  only.kind = LossKind::kr;
  (void)evaluate_loss(only, counts, f, labels.data(), unused, metrics.kr);
  return metrics;
}

EpsList::EpsList(const std::string& list) {
  std::string text;
  for (const char c : list + ",") {
    if (c != ',') {
      text += c;
    } else if (!text.empty()) {
      values.push_back(parse_scale(text));
      texts.push_back(text);
      text.clear();
    }
  }
}

}  // namespace liptrain
