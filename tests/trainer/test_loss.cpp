// Losses against their formulas on small numbers, and the sum over pieces of a batch.
#include <doctest/doctest.h>

#include <cmath>
#include <vector>

#include "examples/trainer/loss.hpp"
#include "examples/trainer/metrics.hpp"
#include "tests/trainer/support.hpp"

namespace trainer_test {
namespace {

double loss_of(LossKind kind, const Matrix<double>& f, const std::vector<int>& labels, double alpha = 2, double margin = 1) {
  LossOptions options;
  options.kind = kind;
  options.alpha = alpha;
  options.margin = margin;
  options.temperature = 3;
  Matrix<double> gradient;
  double kr = 0;
  const BatchCounts counts(labels.data(), f.rows(), std::max<Index>(2, f.cols()));
  return evaluate_loss(options, counts, f, labels.data(), gradient, kr);
}

TEST_CASE("two classes") {
  Matrix<double> f(3, 1);
  f << 0.2, -0.1, 0.9;
  const std::vector<int> labels = {1, 0, 1};
  const double kr = (0.2 + 0.9) / 2 + 0.1, hinge = (0.3 + 0.4 + 0) / 3;
  CHECK(loss_of(LossKind::kr, f, labels) == doctest::Approx(-kr));
  CHECK(loss_of(LossKind::hinge, f, labels) == doctest::Approx(hinge));
  CHECK(loss_of(LossKind::hkr, f, labels) == doctest::Approx(-kr + 2 * hinge));
  const double entropy = (std::log1p(std::exp(-0.6)) + std::log1p(std::exp(-0.3)) + std::log1p(std::exp(-2.7))) / 9;
  CHECK(loss_of(LossKind::cross_entropy, f, labels) == doctest::Approx(entropy));
}

TEST_CASE("three classes") {
  Matrix<double> f(2, 3);
  f << 0.6, -0.2, 0.1, 0.3, 0.4, -0.7;
  const std::vector<int> labels = {0, 1};
  // Class 2 has no sample in the batch: no difference of means.
  const double kr = ((0.6 - 0.3) + (0.4 + 0.2)) / 3;
  const double hinge = (2 * 0 + 0.3 + 0.6 + 0.8 + 2 * 0.1 + 0) / 6;
  CHECK(loss_of(LossKind::kr, f, labels) == doctest::Approx(-kr));
  CHECK(loss_of(LossKind::hinge, f, labels) == doctest::Approx(hinge));
  CHECK(loss_of(LossKind::hkr, f, labels) == doctest::Approx(-kr + 2 * hinge));
  const auto entropy = [&](Index i, Index c) { return std::log((3 * f.row(i).array()).exp().sum()) - 3 * f(i, c); };
  CHECK(loss_of(LossKind::cross_entropy, f, labels) == doctest::Approx((entropy(0, 0) + entropy(1, 1)) / 6));
}

TEST_CASE("a batch of one class has no difference of means, and its gradient is that of the hinge alone") {
  Random random(2);
  for (const Index outputs : {1, 3}) {
    const Matrix<double> f = random_matrix(4, outputs, random);
    const std::vector<int> labels(4, 1);
    LossOptions options;
    options.kind = LossKind::kr;
    const BatchCounts counts(labels.data(), 4, std::max<Index>(2, outputs));
    Matrix<double> gradient;
    double kr = 0;
    CHECK(evaluate_loss(options, counts, f, labels.data(), gradient, kr) == 0);
    CHECK(kr == 0);
    CHECK(gradient.cwiseAbs().maxCoeff() == 0);
  }
}

TEST_CASE("pieces of a batch add up") {
  Random random(1);
  const Matrix<double> f = random_matrix(7, 3, random);
  const std::vector<int> labels = {2, 0, 1, 1, 2, 0, 0};
  LossOptions options;
  const BatchCounts counts(labels.data(), 7, 3);
  Matrix<double> whole, first, second;
  double kr = 0, parts_kr = 0;
  const double loss = evaluate_loss(options, counts, f, labels.data(), whole, kr);
  const double a = evaluate_loss(options, counts, Matrix<double>(f.topRows(4)), labels.data(), first, parts_kr);
  const double b = evaluate_loss(options, counts, Matrix<double>(f.bottomRows(3)), labels.data() + 4, second, parts_kr);
  CHECK(a + b == doctest::Approx(loss));
  CHECK(parts_kr == doctest::Approx(kr));
  CHECK((whole.topRows(4) - first).norm() == 0);
  CHECK((whole.bottomRows(3) - second).norm() == 0);
}

TEST_CASE("metrics") {
  Matrix<float> f(4, 2);
  f << 1, 0, 0, 1, 0.5F, 0, 0, 0.5F;
  Matrix<double> constants = Matrix<double>::Constant(2, 2, 2);
  const Metrics m = measure(f, {0, 1, 1, 1}, constants, {0.25, 0.3});
  CHECK(m.accuracy == doctest::Approx(0.75));
  CHECK(m.mean_radius == doctest::Approx((0.5 + 0.5 + 0 + 0.25) / 4));
  CHECK(m.certified[0] == doctest::Approx(0.5));  // a radius of 0.25 is not above 0.25
  CHECK(m.certified[1] == doctest::Approx(0.5));
  Matrix<float> g(2, 1);
  g << 0.3F, 0.2F;
  const Metrics binary = measure(g, {1, 0}, Matrix<double>::Constant(1, 1, 1), {0.1});
  CHECK(binary.accuracy == doctest::Approx(0.5));
  CHECK(binary.mean_radius == doctest::Approx(0.15));
  CHECK(binary.kr == doctest::Approx(0.1));
}

TEST_CASE("the radius is the least over the other classes, each with its own constant") {
  Matrix<float> f(3, 3);
  f << 4, 1, 2, 1, 3, 0, 0, 2, 5;
  Matrix<double> constants(3, 3);
  constants << 0, 10, 4, 10, 0, 2, 4, 2, 0;
  // min(3/10, 2/4), min(2/10, 3/2), min(5/4, 3/2); the third with label 0 is wrong.
  const Metrics right = measure(f, {0, 1, 2}, constants, {0.25, 1});
  CHECK(right.accuracy == 1);
  CHECK(right.mean_radius == doctest::Approx((0.3 + 0.2 + 1.25) / 3));
  CHECK(right.certified[0] == doctest::Approx(2.0 / 3));
  CHECK(right.certified[1] == doctest::Approx(1.0 / 3));
  const Metrics wrong = measure(f, {0, 1, 0}, constants, {0.25, 1});
  CHECK(wrong.accuracy == doctest::Approx(2.0 / 3));
  CHECK(wrong.mean_radius == doctest::Approx((0.3 + 0.2) / 3));
  CHECK(wrong.certified[1] == 0);
  Matrix<float> g(2, 1);
  g << 3, -1;
  const Metrics binary = measure(g, {1, 0}, Matrix<double>::Constant(1, 1, 4), {0.5});
  CHECK(binary.mean_radius == doctest::Approx((0.75 + 0.25) / 2));
  CHECK(binary.certified[0] == doctest::Approx(0.5));
}

}  // namespace
}  // namespace trainer_test
