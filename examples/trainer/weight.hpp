// Weight matrices that stay at norm 1: from the free matrix V that the optimiser moves to the matrix W that the network uses, and the
// gradient back.
//
//   spectral   V divided by an estimate of its spectral norm (power iteration, warm start), then Bjorck's iteration
//              W <- 1.5 W - 0.5 W W' W towards the nearest matrix with orthonormal rows or columns (Bjorck and Bowie 1971; Anil, Lucas and
//              Grosse 2019). Without iterations W is at most 1-Lipschitz, with the largest singular value 1.
//   frobenius  V / ||V||_F: cheap, at most 1-Lipschitz.
//   unit-rows  every row divided by its norm: every output is 1-Lipschitz alone; all together up to sqrt(rows). For a last layer.
//
// Two ways to keep the constraint. `project` moves V itself back after each step of the optimiser (two iterations of Bjorck's suffice from
// so near) and takes W = V: fast, for classifiers. `differentiate` computes W from V in each step and sends the gradient back through all
// iterations: slower, closer to the optimum, for Wasserstein distances. Cost of one iteration: two products of the size of V V' V.
#pragma once

#include <vector>

#include "examples/trainer/matrix.hpp"
#include "examples/trainer/random.hpp"

namespace liptrain {

enum class Constraint { spectral, frobenius, unit_rows };
enum class Mode { project, differentiate };

struct WeightOptions {
  Constraint constraint = Constraint::spectral;
  Mode mode = Mode::project;
  int bjorck = 15;           // iterations; 0: spectral norm only
  int power_iterations = 3;  // per step
};

/// Bjorck's iteration, in place. Rows or columns, whichever are fewer, become orthonormal. A matrix outside of the region of convergence
/// is scaled into it first.
template <class S>
void bjorck(Matrix<S>& w, int iterations);

template <class S>
class Weight {
 public:
  Weight() = default;
  explicit Weight(const WeightOptions& options) : options_(options) {}

  /// A random matrix on the constraint, and a start for the power iteration.
  void start(Matrix<S>& free, Column<S>& left, Index rows, Index columns, Random& random) const;
  /// W from V. `left` is the singular vector that the power iteration keeps from step to step.
  void compute(const Matrix<S>& free, Column<S>& left);
  /// The gradient with respect to W is replaced by the one with respect to V.
  void pull_back(const Matrix<S>& free, Matrix<S>& gradient) const;
  /// Back to the constraint after a step; `thorough` at the end of an epoch.
  void project(Matrix<S>& free, Column<S>& left, bool thorough) const;

  [[nodiscard]] const Matrix<S>& value() const { return value_; }
  void set_value(const Matrix<S>& value) { value_ = value; }
  [[nodiscard]] const WeightOptions& options() const { return options_; }

 private:
  void norm(const Matrix<S>& free, Column<S>& left);

  WeightOptions options_;
  Matrix<S> value_;
  Column<S> left_, right_;  // of V, as of the last compute()
  S sigma_ = 1;
  std::vector<Matrix<S>> steps_;  // arguments of Bjorck's iterations
};

extern template class Weight<float>;
extern template class Weight<double>;

}  // namespace liptrain
