// Every derivative against difference quotients in float64: each layer by its inputs and parameters, in both modes, and each loss. A
// fourth-order quotient with h = 1e-4 has an error near 1e-12; the comparison allows 1e-6 of the largest entry.
#include <doctest/doctest.h>

#include <functional>

#include "examples/trainer/loss.hpp"
#include "tests/trainer/support.hpp"

namespace trainer_test {
namespace {

double quotient(double& place, const std::function<double()>& value) {
  const double h = 1e-4, at = place;
  const auto moved = [&](double by) {
    place = at + by;
    return value();
  };
  const double result = (8 * (moved(h) - moved(-h)) - (moved(2 * h) - moved(-2 * h))) / (12 * h);
  place = at;
  return result;
}

/// Compares at most `most` entries, spread over the matrix.
void compare(Matrix<double>& place, const Matrix<double>& gradient, const std::function<double()>& value, Index most = 40) {
  REQUIRE(place.rows() == gradient.rows());
  REQUIRE(place.cols() == gradient.cols());
  const double largest = std::max(1e-3, gradient.cwiseAbs().maxCoeff());
  const Index step = std::max<Index>(1, place.size() / most);
  for (Index i = 0; i < place.size(); i += step) {
    const double wanted = quotient(place.data()[i], value);
    CHECK(std::abs(gradient.data()[i] - wanted) <= 1e-6 * largest);
  }
}

/// The gradient of <weights, network(x)> by x and all parameters.
void check_network(const Shape& in, const std::string& text, const WeightOptions& options, std::uint64_t seed = 1) {
  CAPTURE(text);
  CAPTURE(static_cast<int>(options.mode));
  Network<double> network(in, text, options);
  network.start(seed);
  Random random(seed, 7);
  for (auto* parameter : network.parameters()) {
    // Away from the constraint and from symmetric starts.
    parameter->value += 0.1 * random_matrix(parameter->value.rows(), parameter->value.cols(), random);
  }
  Matrix<double> x = random_matrix(3, in.size(), random);
  const Matrix<double> weights = random_matrix(3, network.out().size(), random);
  Memory<double> memory;
  const auto value = [&] {
    network.compute();
    network.chain().prepare(memory);
    return network.chain().forward(x, memory).cwiseProduct(weights).sum();
  };
  (void)value();
  Matrix<double> gx;
  network.chain().backward(x, weights, &gx, memory);
  std::vector<Memory<double>> pieces(1);
  pieces[0] = memory;
  network.collect(pieces);
  std::vector<Matrix<double>> gradients;
  for (auto* parameter : network.parameters()) {
    gradients.push_back(parameter->gradient);
  }
  compare(x, gx, value);
  std::size_t k = 0;
  for (auto* parameter : network.parameters()) {
    compare(parameter->value, gradients[k++], value);
  }
}

TEST_CASE("gradients of dense layers") {
  for (const Mode mode : {Mode::project, Mode::differentiate}) {
    check_network(Shape{7}, "dense 5", weights(mode));
    check_network(Shape{4}, "dense 6", weights(mode));
    check_network(Shape{5}, "dense 5", weights(mode));
    check_network(Shape{5}, "dense 4", weights(mode, 0));
    check_network(Shape{5}, "dense 4", weights(mode, 3));
    check_network(Shape{5}, "dense 4 frobenius", weights(mode));
    check_network(Shape{5}, "dense 4 unit-rows", weights(mode));
  }
}

TEST_CASE("gradients of convolutions") {
  for (const Mode mode : {Mode::project, Mode::differentiate}) {
    check_network(image(2, 5, 6), "conv 4 3, flatten", weights(mode));
    check_network(image(2, 7, 5), "conv 3 3 stride 2, flatten", weights(mode));
    check_network(image(1, 6, 6), "conv 2 3 padding 0, flatten", weights(mode));
    check_network(image(2, 6, 7), "conv 3 5 stride 3 padding 1, flatten", weights(mode));
    check_network(image(3, 4, 4), "conv 2 1, flatten", weights(mode));
    check_network(image(2, 4, 4), "conv 3 2 stride 2 padding 0 frobenius, flatten", weights(mode));
  }
}

TEST_CASE("gradients of pooling") {
  const WeightOptions options = weights(Mode::project);
  check_network(image(2, 4, 6), "avgpool 2, flatten", options);
  check_network(image(2, 6, 3), "avgpool 3, flatten", options);
  check_network(image(2, 3, 5), "global-avgpool, flatten", options);
  check_network(image(2, 4, 6), "l2pool 2, flatten", options);
  check_network(image(2, 4, 6), "downsample 2, flatten", options);
}

TEST_CASE("gradients of activations") {
  const WeightOptions options = weights(Mode::project);
  for (const char* const name : {"groupsort2", "maxmin", "fullsort", "householder", "relu"}) {
    check_network(Shape{6}, name, options);
    check_network(image(4, 3, 2), std::string(name) + ", flatten", options);
  }
}

TEST_CASE("gradients of residual blocks and whole networks") {
  for (const Mode mode : {Mode::project, Mode::differentiate}) {
    check_network(Shape{4}, "residual(dense 6, groupsort2, dense 4), dense 2", weights(mode));
    check_network(image(2, 4, 4), "residual(conv 2 3, groupsort2, residual(conv 2 1)), avgpool 2, flatten, dense 3", weights(mode));
    check_network(image(1, 8, 8),
                  "conv 4 3, groupsort2, avgpool 2, conv 6 3, householder, l2pool 2, flatten, dense 8, fullsort, dense 5, maxmin, dense 3",
                  weights(mode));
  }
}

TEST_CASE("gradients of losses") {
  Random random(3);
  const std::vector<int> several = {0, 2, 1, 2, 2, 0}, binary = {0, 1, 1, 0, 1, 1};
  for (const LossKind kind : {LossKind::kr, LossKind::hinge, LossKind::hkr, LossKind::cross_entropy}) {
    for (const Index outputs : {1, 3}) {
      CAPTURE(static_cast<int>(kind));
      CAPTURE(outputs);
      LossOptions options;
      options.kind = kind;
      options.alpha = 3.5;
      options.margin = 1.7;
      options.temperature = 2.5;
      const std::vector<int>& labels = outputs == 1 ? binary : several;
      const BatchCounts counts(labels.data(), 6, outputs == 1 ? 2 : 3);
      Matrix<double> f = random_matrix(6, outputs, random), gradient, unused;
      double kr = 0;
      (void)evaluate_loss(options, counts, f, labels.data(), gradient, kr);
      compare(f, gradient, [&] {
        double ignored = 0;
        return evaluate_loss(options, counts, f, labels.data(), unused, ignored);
      });
    }
  }
}

}  // namespace
}  // namespace trainer_test
