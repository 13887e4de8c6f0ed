// The attacker's own evaluation and gradients against exact values and differences; its flips against known distances.
#include <doctest/doctest.h>

#include <cmath>

#include "certify/attack/search.hpp"
#include "formats/encoding/error.hpp"
#include "tests/samples/support.hpp"

using namespace lipcert;
using namespace lipcert::attack;
using namespace sample_tests;

namespace {

Network read(const onnx_builder::Model& model) {
  OnnxOptions options;
  options.file = "test.onnx";
  Network net = read_onnx(model.bytes(), options);
  REQUIRE(net.refusals.empty());
  return net;
}

/// Gradients of all outputs at random points against central differences.
void check_gradients(const Network& net, std::uint64_t seed) {
  const PlainNetwork plain(net);
  std::mt19937_64 random(seed);
  std::normal_distribution<double> normal;
  constexpr std::size_t batch = 3;
  std::vector<double> x(batch * plain.inputs());
  for (double& v : x) v = normal(random);
  PlainNetwork::Tape tape;
  for (std::size_t k = 0; k < plain.outputs(); ++k) {
    std::vector<double> seeds(batch * plain.outputs(), 0.0);
    for (std::size_t b = 0; b < batch; ++b) seeds[b * plain.outputs() + k] = 1;
    plain.evaluate(x, batch, tape);
    const std::vector<double> gradient = plain.gradient(seeds, tape);
    for (std::size_t i = 0; i < x.size(); ++i) {
      constexpr double h = 1e-6;
      std::vector<double> above = x;
      std::vector<double> below = x;
      above[i] += h;
      below[i] -= h;
      const std::size_t at = i / plain.inputs() * plain.outputs() + k;
      const double high = plain.evaluate(above, batch, tape)[at];
      const double low = plain.evaluate(below, batch, tape)[at];
      CHECK(gradient[i] == doctest::Approx((high - low) / (2 * h)).epsilon(1e-5));
    }
  }
  // Extended precision agrees with double precision.
  const std::vector<double> f = plain.evaluate(x, batch, tape);
  for (std::size_t b = 0; b < batch; ++b) {
    const auto begin = x.begin() + static_cast<std::ptrdiff_t>(b * plain.inputs());
    const auto g = plain.evaluate_extended({begin, begin + static_cast<std::ptrdiff_t>(plain.inputs())});
    for (std::size_t k = 0; k < g.size(); ++k) CHECK(f[b * g.size() + k] == doctest::Approx(static_cast<double>(g[k])).epsilon(1e-12));
  }
}

}  // namespace

TEST_CASE("evaluation is that of the graph") {
  const Dense dense = random_dense({5, 9, 7, 3}, 3);
  const PlainNetwork plain(network(dense));
  CHECK(plain.inputs() == 5);
  CHECK(plain.outputs() == 3);
  PlainNetwork::Tape tape;
  const std::vector<double> x = {0.5, -1, 2, 0.25, -3};
  std::vector<Rational> exact_x;
  for (const double v : x) exact_x.push_back(Rational::exact(v));
  const auto f = plain.evaluate(x, 1, tape);
  const auto g = exact(dense, exact_x);
  for (std::size_t k = 0; k < 3; ++k) CHECK(f[k] == doctest::Approx(g[k].rounded_down()).epsilon(1e-12));
}

TEST_CASE("gradients, operator by operator") {
  namespace ob = onnx_builder;
  const auto values = [](std::size_t n, float from) {
    std::vector<float> v(n);
    for (std::size_t i = 0; i < n; ++i) v[i] = from + 0.37F * static_cast<float>(i % 7) - 0.11F * static_cast<float>(i % 3);
    return v;
  };
  check_gradients(network(random_dense({4, 6, 5, 3}, 9)), 1);
  for (const char* op : {"Relu", "LeakyRelu", "Abs", "Sigmoid", "Tanh"}) {
    INFO(op);
    ob::Model model;
    model.input("x", {1, 4})
        .output("y", {1, 3})
        .initialiser(ob::floats("W", {4, 3}, values(12, -0.8F)))
        .initialiser(ob::floats("s", {4}, values(4, -1.1F)));
    model.node("Mul", {"x", "s"}, {"a"}).node(op, {"a"}, {"h"}).node("MatMul", {"h", "W"}, {"y"});
    check_gradients(read(model), 2);
  }
  {
    // Sub both ways, Div, scaled Gemm with beta, transposed weights, reshapes, constants that are computed in the graph.
    ob::Model model;
    model.input("x", {1, 2, 3}).output("y", {1, 2});
    model.initialiser(ob::floats("c", {3}, {1, 2, 3}))
        .initialiser(ob::floats("d", {2, 3}, {2, -4, 0.5F, 1, 3, -2}))
        .initialiser(ob::floats("A", {2, 3}, values(6, -1)))
        .initialiser(ob::floats("B", {3, 6}, values(18, -0.7F)))
        .initialiser(ob::floats("e", {2}, {0.5F, -1}))
        .initialiser(ob::int64s("shape", {2}, {1, -1}));
    model.node("Sub", {"x", "c"}, {"a"})
        .node("Sub", {"c", "a"}, {"b"})
        .node("Div", {"b", "d"}, {"q"})
        .node("Tanh", {"q"}, {"t"})
        .node("Reshape", {"t", "shape"}, {"r"});
    model.node("MatMul", {"A", "B"}, {"W"});
    model.node("Gemm", {"r", "W", "e"}, {"y"}, {ob::attribute("transB", 1), ob::attribute("alpha", 0.5F), ob::attribute("beta", -2.0F)});
    check_gradients(read(model), 3);
  }
  {
    // A constant matrix on the left, and several rows.
    ob::Model model;
    model.input("x", {1, 3, 2}).output("y", {1, 2, 4});
    model.initialiser(ob::floats("A", {2, 3}, values(6, -1))).initialiser(ob::floats("B", {2, 4}, values(8, -0.4F)));
    model.node("MatMul", {"A", "x"}, {"l"}).node("MatMul", {"l", "B"}, {"y"});
    check_gradients(read(model), 4);
  }
}

TEST_CASE("on a linear classifier the smallest flip is the distance to the boundary, and never less") {
  const Dense dense = random_dense({8, 4}, 31);
  const PlainNetwork plain(network(dense));
  std::mt19937_64 random(32);
  std::normal_distribution<double> normal;
  std::vector<Target> targets(40);
  for (std::size_t t = 0; t < targets.size(); ++t) {
    targets[t].index = t;
    targets[t].x.resize(8);
    for (double& v : targets[t].x) v = normal(random);
  }
  const auto flips = attack_batch(plain, targets, {});
  for (std::size_t t = 0; t < targets.size(); ++t) {
    const auto f = plain.evaluate_extended(targets[t].x);
    long double nearest = INFINITY;
    for (std::size_t j = 0; j < 4; ++j) {
      if (j == flips[t].from) continue;
      long double square = 0;
      for (std::size_t k = 0; k < 8; ++k) {
        const long double d =
            static_cast<long double>(dense.weights[0][flips[t].from * 8 + k]) - static_cast<long double>(dense.weights[0][j * 8 + k]);
        square += d * d;
      }
      nearest = std::min(nearest, (f[flips[t].from] - f[j]) / std::sqrt(square));
    }
    REQUIRE(flips[t].found);
    CHECK(static_cast<long double>(flips[t].distance) >= nearest);
    CHECK(static_cast<long double>(flips[t].distance) <= nearest * (1 + 1e-6L));
    // The point that is reported does flip.
    const auto g = plain.evaluate_extended(flips[t].y);
    CHECK(g[flips[t].to] >= g[flips[t].from]);
  }
}

TEST_CASE("one output, both signs") {
  const Dense dense = random_dense({6, 1}, 41);
  const PlainNetwork plain(network(dense));
  double square = 0;
  for (const float w : dense.weights[0]) square += static_cast<double>(w) * static_cast<double>(w);
  std::vector<Target> targets(20);
  std::mt19937_64 random(42);
  std::normal_distribution<double> normal;
  for (Target& target : targets) {
    target.x.resize(6);
    for (double& v : target.x) v = normal(random);
  }
  const auto flips = attack_batch(plain, targets, {});
  for (std::size_t t = 0; t < targets.size(); ++t) {
    const double f = static_cast<double>(plain.evaluate_extended(targets[t].x)[0]);
    CHECK(flips[t].from == (f > 0 ? 1 : 0));
    REQUIRE(flips[t].found);
    CHECK(flips[t].distance == doctest::Approx(std::fabs(f) / std::sqrt(square)).epsilon(1e-6));
  }
}

TEST_CASE("a wrong predicted class is a flip at distance zero, and results do not depend on threads") {
  const Dense dense = random_dense({6, 12, 3}, 51);
  const PlainNetwork plain(network(dense));
  Target target;
  target.x = {1, -1, 0.5, 2, 0, -2};
  const auto f = plain.evaluate_extended(target.x);
  target.predicted = static_cast<std::uint32_t>(std::min_element(f.begin(), f.end()) - f.begin());
  const auto flip = attack_batch(plain, {target}, {})[0];
  CHECK(flip.found);
  CHECK(flip.distance < 1e-300);

  const auto run = [&](unsigned threads) {
    std::vector<double> distances;
    std::mt19937_64 random(5);
    std::normal_distribution<double> normal;
    attack_all(
        plain, 9, threads, {},
        [&](std::size_t) {
          std::vector<Target> targets(7);
          for (Target& t : targets) {
            t.x.resize(6);
            for (double& v : t.x) v = normal(random);
          }
          return targets;
        },
        [&](std::size_t, const std::vector<Target>&, const std::vector<Flip>& flips) {
          for (const Flip& found : flips) distances.push_back(found.distance);
        });
    return distances;
  };
  const auto one = run(1);
  CHECK(one.size() == 63);
  CHECK(one == run(3));
  CHECK_THROWS_AS(attack_all(
                      plain, 9, 3, {},
                      [](std::size_t b) -> std::vector<Target> {
                        if (b == 4) throw input_error("bad.");
                        return {};
                      },
                      [](std::size_t, const std::vector<Target>&, const std::vector<Flip>&) {}),
                  Error);
}
