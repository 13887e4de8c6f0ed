// Random matrices, and layers and networks in float64 for comparison with difference quotients.
#pragma once

#include <string>

#include "examples/trainer/network.hpp"
#include "examples/trainer/random.hpp"

namespace trainer_test {

using namespace liptrain;

inline Matrix<double> random_matrix(Index rows, Index columns, Random& random) {
  Matrix<double> m(rows, columns);
  for (Index i = 0; i < m.size(); ++i) {
    m.data()[i] = random.normal();
  }
  return m;
}

inline WeightOptions weights(Mode mode, int bjorck = 15) {
  WeightOptions options;
  options.mode = mode;
  options.bjorck = bjorck;
  options.power_iterations = 400;  // the derivative of sigma is exact only at a converged singular vector
  return options;
}

inline Shape image(Index channels, Index rows, Index columns) {
  return {channels, rows, columns, true};
}

}  // namespace trainer_test
