// Enclosures of values and one-sided derivatives against the exact evaluation of the graph, node by node.
#include <doctest/doctest.h>

#include <limits>

#include "certify/graph/evaluate.hpp"
#include "formats/encoding/error.hpp"
#include "tests/certify/exact.hpp"
#include "tests/certify/network_builder.hpp"

using namespace lipcert;
using exact::contains;
using exact::rational;
using exact::Real;
using network_builder::Builder;
using network_builder::Random;

namespace {

StepGraph steps_of(const Network& network) {
  WorkerPool pool(1);
  StepGraph graph = build_steps(network, pool);
  REQUIRE(graph.refusals.empty());
  return graph;
}

/// A network of all the affine forms with this activation.
Network mixed_network(Random& r, Operator activation, double scale) {
  Builder b({2, 6});
  const auto act = [&](ValueId x) {
    return activation == Operator::leaky_relu ? b.node(activation, {x}, {{"alpha", -0.3F}}) : b.node(activation, {x});
  };
  ValueId x = b.node(Operator::sub, {b.input(), b.weight({6}, r.singles(6))});
  x = b.node(Operator::div, {x, b.weight({6}, {3, -7, 0.1, 0.3, 11, 5}, ElementType::float64)});
  x = b.node(Operator::matmul, {x, b.weight({6, 5}, r.singles(30, scale))});
  x = act(b.node(Operator::add, {x, b.weight({1, 5}, r.singles(5))}));
  x = b.node(Operator::matmul, {b.weight({3, 2}, r.singles(6, scale)), x});
  x = act(b.node(Operator::sub, {b.weight({3, 1}, r.singles(3)), x}));
  x = b.reshape(x, {1, 15});
  x = b.gemm({x, b.weight({4, 15}, r.singles(60, scale)), b.weight({4}, r.singles(4))}, true, 0.7F, 1.1F);
  return b.finish(b.node(Operator::mul, {x, b.weight({4}, r.singles(4))}));
}

}  // namespace

TEST_CASE("evaluate: values and derivatives enclose the exact ones") {
  Random r(5);
  for (const Operator op : {Operator::relu, Operator::leaky_relu, Operator::abs}) {
    for (int round = 0; round < 40; ++round) {
      const Network network = mixed_network(r, op, std::pow(10.0, round % 5 - 2));
      const StepGraph graph = steps_of(network);
      const std::vector<double> x = r.singles(12, std::pow(10.0, round % 3));
      const std::vector<double> v = r.singles(12);
      auto evaluator = network_builder::rational_evaluator(network);
      const auto truth = evaluator(x, v);
      const BallVector value = evaluate(graph, x);
      const DirectionalDerivative d = differentiate(graph, x, v);
      CHECK(d.value.centre == value.centre);
      CHECK(d.value.radius == value.radius);
      for (std::size_t i = 0; i < truth.size(); ++i) {
        CHECK(contains(value.centre[i], value.radius[i], truth[i].value));
        CHECK(contains(d.derivative.centre[i], d.derivative.radius[i], truth[i].slope));
      }
      if (d.clear) {
        for (std::size_t i = 0; i < truth.size(); ++i) {
          CHECK(d.derivative.radius[i] <= 1e-9 * (1 + std::fabs(d.derivative.centre[i])));
        }
      }
    }
  }
}

TEST_CASE("evaluate: sigmoid and tanh enclose the value with 600 bits") {
  Random r(6);
  for (const Operator op : {Operator::sigmoid, Operator::tanh}) {
    for (int round = 0; round < 25; ++round) {
      const Network network = mixed_network(r, op, std::pow(10.0, round % 4 - 2));
      const StepGraph graph = steps_of(network);
      const std::vector<double> x = r.singles(12, std::pow(10.0, round % 3));
      const std::vector<double> v = r.singles(12);
      auto evaluator = network_builder::real_evaluator(network);
      const auto truth = evaluator(x, v);
      const DirectionalDerivative d = differentiate(graph, x, v);
      CHECK(d.clear);
      for (std::size_t i = 0; i < truth.size(); ++i) {
        CHECK(abs(Real(truth[i].value - Real(d.value.centre[i]))) <= Real(d.value.radius[i]));
        CHECK(abs(Real(truth[i].slope - Real(d.derivative.centre[i]))) <= Real(d.derivative.radius[i]));
        CHECK(d.value.radius[i] <= 1e-10 * (1 + std::fabs(d.value.centre[i])));
      }
    }
  }
}

TEST_CASE("evaluate: at exact zeros the derivative is one-sided, and dead units stay exactly zero") {
  // relu, abs and leaky relu of x at 0 in both directions.
  for (const auto& [op, along, against] :
       {std::tuple{Operator::relu, 1.0, 0.0}, std::tuple{Operator::abs, 1.0, 1.0}, std::tuple{Operator::leaky_relu, 1.0, -0.25}}) {
    Builder b({1});
    const Network network = b.finish(op == Operator::leaky_relu ? b.node(op, {b.input()}, {{"alpha", 0.25F}}) : b.node(op, {b.input()}));
    const StepGraph graph = steps_of(network);
    for (const double direction : {1.0, -1.0}) {
      const DirectionalDerivative d = differentiate(graph, {0}, {direction});
      CHECK(d.clear);
      CHECK(d.derivative.centre[0] == (direction > 0 ? along : against));
      CHECK(d.derivative.radius[0] == 0);
    }
  }
  // A unit whose weights and bias are all zero, behind units that are known only approximately.
  Random r(7);
  Builder b({1, 5});
  ValueId x = b.node(Operator::relu, {b.gemm({b.input(), b.weight({4, 5}, r.singles(20)), b.weight({4}, {5, 5, 5, 5})}, true)});
  std::vector<double> weights = r.singles(12);
  std::fill(weights.begin() + 4, weights.begin() + 8, 0.0);  // the second of three units
  x = b.node(Operator::relu, {b.gemm({x, b.weight({3, 4}, weights), b.weight({3}, {20, 0, 20})}, true)});
  const Network network = b.finish(b.gemm({x, b.weight({2, 3}, r.singles(6))}, true));
  const DirectionalDerivative d = differentiate(steps_of(network), r.singles(5, 0.01), r.singles(5));
  CHECK(d.clear);
  for (const double radius : d.derivative.radius) {
    CHECK(radius < 1e-12);
  }
}

TEST_CASE("evaluate: an open sign gives the hull of both slopes and is reported") {
  // x1 - x2 at two nearly equal numbers that are each rounded: 0.1 * 3 - 0.3 in the layer before.
  Builder b({1, 1});
  ValueId x = b.gemm({b.input(), b.weight({1, 2}, {0.1, 0.3}, ElementType::float64)});
  x = b.gemm({x, b.weight({2, 1}, {3, -1}, ElementType::float64)});
  const Network network = b.finish(b.node(Operator::relu, {x}));
  const double tenth = 0.1;
  const exact::Rational slope = 3 * rational(tenth) - rational(0.3);
  const DirectionalDerivative d = differentiate(steps_of(network), {1}, {1});
  CHECK(!d.clear);
  CHECK(contains(d.value.centre[0], d.value.radius[0], slope > 0 ? slope : exact::Rational(0)));
  CHECK(contains(d.derivative.centre[0], d.derivative.radius[0], slope > 0 ? slope : exact::Rational(0)));
  CHECK(contains(d.derivative.centre[0], d.derivative.radius[0], 0));
}

TEST_CASE("evaluate: extreme weights lose nothing unnoticed") {
  Random r(8);
  for (const double scale : {1e-300, 1e-160, 1e150}) {
    Builder b({1, 3}, ElementType::float64);
    std::vector<double> w(9);
    for (double& entry : w) {
      entry = scale * r.normal();
    }
    ValueId x = b.node(Operator::relu, {b.gemm({b.input(), b.weight({3, 3}, w, ElementType::float64)})});
    x = b.gemm({x, b.weight({3, 3}, w, ElementType::float64)});
    const Network network = b.finish(x);
    const std::vector<double> at = r.singles(3);
    const std::vector<double> v = r.singles(3);
    const auto truth = network_builder::rational_evaluator(network)(at, v);
    const DirectionalDerivative d = differentiate(steps_of(network), at, v);
    for (std::size_t i = 0; i < 3; ++i) {
      CHECK(contains(d.value.centre[i], d.value.radius[i], truth[i].value));
      CHECK(contains(d.derivative.centre[i], d.derivative.radius[i], truth[i].slope));
    }
  }
}

TEST_CASE("evaluate: a network that is not a graph, or a point of another size, is an error with a sentence") {
  Builder b({1, 2});
  const Network bad = b.finish(b.node(Operator::mul, {b.input(), b.input()}));
  CHECK_THROWS_AS(static_cast<void>(evaluate(bad, {1, 2})), Error);
  Builder c({1, 2});
  const Network good = c.finish(c.node(Operator::relu, {c.input()}));
  CHECK(evaluate(good, {-1, 2}).centre == std::vector<double>{0, 2});
  CHECK_THROWS_AS(static_cast<void>(evaluate(good, {1, 2, 3})), Error);
}
