// The parts of evaluate.cpp: one function for each family of steps. Each takes the states of the values that a step reads to that of the
// value that it writes.
#pragma once

#include <cmath>
#include <cstddef>
#include <utility>
#include <vector>

#include "certify/graph/steps.hpp"
#include "certify/numbers/enclosed.hpp"

namespace lipcert::enclosures {

/// One vector on its way through the graph. `magnitude` bounds (up to rounding) the sum of the magnitudes of the terms that made an entry.
struct State {
  std::vector<double> centre;
  std::vector<double> radius;
  std::vector<double> magnitude;

  explicit State(std::vector<double> x) : centre(std::move(x)), radius(centre.size(), 0.0), magnitude(centre.size()) {
    for (std::size_t i = 0; i < centre.size(); ++i) {
      magnitude[i] = std::fabs(centre[i]);
    }
  }
  explicit State(std::size_t n) : centre(n), radius(n), magnitude(n) {}

  void set(std::size_t i, Ball ball) {
    centre[i] = ball.centre;
    radius[i] = ball.radius;
  }
  [[nodiscard]] Ball at(std::size_t i) const { return {centre[i], radius[i]}; }
};

/// The values that a step reads.
using Inputs = std::vector<const State*>;

/// The step's linear part, with the bias unless `derivative`. `reusable` may be null, or the first input, which may then be overwritten.
[[nodiscard]] State affine(const Step& step, State* reusable, const Inputs& inputs, bool derivative);

// Value, and with `t` the derivative into `along`, which has the result's size.

/// Order statistics. The (r + 1)-th smallest number lies between the (r + 1)-th smallest lower and upper ends; its derivative is that of an
/// entry that may be it.
[[nodiscard]] State ordered(const Step& step, const Inputs& z, const Inputs* t, State* along, bool& clear);
/// p_i = e_i / sum e_j, e_j = exp(x_j - m) for any number m; along t: p_i (t_i - sum p_j t_j).
[[nodiscard]] State soft(const Step& step, const State& z, const State* t, State* along);
/// y = sqrt(sum a x^2); along t: sum a x t / y, at x = 0: sqrt(sum a t^2), which bounds it everywhere (Cauchy and Schwarz).
[[nodiscard]] State root_of_squares(const Step& step, const State& z, const State* t, State* along, bool& clear);

}  // namespace lipcert::enclosures
