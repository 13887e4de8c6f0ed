// Linear assignment against all permutations, and known distances.
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <vector>

#include "examples/trainer/transport.hpp"
#include "tests/trainer/support.hpp"

namespace trainer_test {
namespace {

TEST_CASE("assignment: no permutation is cheaper") {
  Random random(11);
  for (Index n = 1; n <= 7; ++n) {
    for (int trial = 0; trial < 10; ++trial) {
      const Matrix<double> cost = random_matrix(n, n, random);
      std::vector<Index> order(static_cast<std::size_t>(n));
      std::iota(order.begin(), order.end(), 0);
      double best = 1e300;
      do {
        double sum = 0;
        for (Index i = 0; i < n; ++i) {
          sum += cost(i, order[static_cast<std::size_t>(i)]);
        }
        best = std::min(best, sum);
      } while (std::next_permutation(order.begin(), order.end()));
      CHECK(least_assignment(cost) == doctest::Approx(best));
    }
  }
}

TEST_CASE("a shifted cloud is as far as the shift") {
  Random random(12);
  const Matrix<float> a = random_matrix(60, 3, random).cast<float>();
  Matrix<float> b = a.colwise().reverse();
  b.rowwise() += Matrix<float>::Constant(1, 3, 2).row(0);
  CHECK(exact_wasserstein(a, b) == doctest::Approx(2 * std::sqrt(3.0)).epsilon(1e-6));
  CHECK(exact_wasserstein(a, a) == doctest::Approx(0));
}

}  // namespace
}  // namespace trainer_test
