// Losses for 1-Lipschitz networks (Serrurier et al., CVPR 2021), with m = margin and s = +1 for the class of a sample, -1 for another.
//
//   KR             mean of f over the class - mean of f over the rest: maximised by a 1-Lipschitz f, it is the Wasserstein-1 distance
//                  (Kantorovich-Rubinstein). Several classes: the mean over classes.
//   hinge          mean of relu(m/2 - s f). Several classes: one against all, the true class's term times C - 1, mean over the C outputs
//   HKR            -KR + alpha hinge (hinge alone is alpha = infinity)
//   cross-entropy  CE(tau f, y) / tau with the temperature tau
//
// All are means over the batch; a piece of the batch gives its part of the sum, so that pieces are independent of one another.
#pragma once

#include <vector>

#include "examples/trainer/matrix.hpp"

namespace liptrain {

enum class LossKind { kr, hinge, hkr, cross_entropy };

struct LossOptions {
  LossKind kind = LossKind::hkr;
  double alpha = 10;
  double margin = 1;
  double temperature = 10;
};

/// Of a whole batch.
struct BatchCounts {
  Index samples = 0;
  std::vector<Index> of_class;

  BatchCounts(const int* labels, Index count, Index classes);
};

/// This piece's part of the loss; `gradient` with respect to f (one row per sample, one output for two classes, else one per class), and
/// the piece's part of the KR estimate.
template <class S>
double evaluate_loss(const LossOptions& options, const BatchCounts& counts, const Matrix<S>& f, const int* labels, Matrix<S>& gradient,
                     double& kr);

}  // namespace liptrain
