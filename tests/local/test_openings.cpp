// How far tensors, entries and differences of entries move in the ball, against points of the ball; and which nodes are taken together.

#include <doctest/doctest.h>

#include <cmath>
#include <random>
#include <string>
#include <vector>

#include "certify/local/openings.hpp"
#include "tests/local/small_networks.hpp"

namespace {

using namespace lipcert;
using namespace lipcert::local;
using small_networks::Builder;

struct Ball3 {
  WorkerPool pool{1};
  Network network;
  StepGraph graph;
  Analysis analysis;
  Plan plan;
  Scratch scratch;

  explicit Ball3(Network n)
      : network(std::move(n)),
        graph(build_steps(network, pool)),
        analysis(analyse(network, {1, 1, 4, {}, nullptr})),
        plan(make_plan(network, graph, analysis)) {}

  /// Checks every tensor, entry and open difference at random points of the sphere of radius r around x.
  void check(const std::vector<double>& x, double r, unsigned seed) {
    const Centre centre = evaluate_centre(plan, x, scratch);
    const Openings open = open_ball(plan, centre, r);
    std::mt19937 random(seed);
    std::normal_distribution<double> normal;
    constexpr double slack = 1 + 1e-9;
    std::size_t outside = 0;
    for (int k = 0; k < 600; ++k) {
      std::vector<double> y(x.size());
      double length = 0;
      for (double& v : y) {
        v = normal(random);
        length += v * v;
      }
      for (std::size_t i = 0; i < y.size(); ++i) {
        y[i] = x[i] + r / std::sqrt(length) * y[i];
      }
      const Centre there = evaluate_centre(plan, y, scratch);
      const auto moved = [&](const Place& at) { return there[at.value][at.entry] - centre[at.value][at.entry]; };
      for (std::size_t v = 0; v < plan.sizes.size(); ++v) {
        double squares = 0;
        for (std::size_t i = 0; i < plan.sizes[v]; ++i) {
          const double t = moved({v, i});
          squares += t * t;
          outside += std::fabs(t) > open.e[v][i] * slack ? 1U : 0U;
        }
        outside += std::sqrt(squares) > open.rho[v] * slack ? 1U : 0U;
      }
      for (const Opening& node : open.nodes) {
        double squares = 0;
        for (std::size_t i = 0; i < node.matches.size(); ++i) {
          const double d = moved(node.matches[i].rival) - moved(node.matches[i].leader);
          squares += d * d;
          outside += std::fabs(d) > node.width[i] * slack ? 1U : 0U;
        }
        outside += !node.matches.empty() && std::sqrt(squares) > node.rho * slack ? 1U : 0U;
      }
    }
    CHECK(outside == 0);
  }
};

}  // namespace

TEST_CASE("No tensor, entry or difference moves further than its bound") {
  for (const std::string& kind : small_networks::kinds()) {
    for (unsigned seed = 1; seed <= 3; ++seed) {
      CAPTURE(kind);
      CAPTURE(seed);
      Ball3 ball(small_networks::network(kind, seed, 2));
      std::mt19937 random(seed);
      ball.check(small_networks::random_entries(random, ball.plan.sizes[0]), 0.1 * std::pow(2, seed), seed);
    }
  }
}

TEST_CASE("The differences of a leader of more than two to its rivals have the root of three times the distance of the entries") {
  Builder b({1, 3});
  std::mt19937 random(1);
  Ball3 ball(b.finish(small_networks::dense(b, random, b.reduce(Operator::reduce_max, b.input(), {1}), 1, 3)));
  ball.check({0.5, 0.5, 0.5}, 0.25, 4);
  const Openings open = open_ball(ball.plan, evaluate_centre(ball.plan, {0.5, 0.5, 0.5}, ball.scratch), 0.25);
  CHECK(open.nodes[0].rho == doctest::Approx(0.25 * std::sqrt(3)));
}

TEST_CASE("A Max and a Min node of the same pairs are taken together, two Max nodes are not") {
  for (const bool opposite : {true, false}) {
    Builder b({1, 4});
    std::mt19937 random(1);
    const std::vector<ValueId> halves = b.split(b.input(), 1, {2, 2});
    const ValueId second = b.node(opposite ? Operator::min : Operator::max, {halves[0], halves[1]});
    const ValueId joined = b.concat({b.node(Operator::max, {halves[0], halves[1]}), second}, 1);
    const Ball3 ball(b.finish(small_networks::dense(b, random, joined, 4, 3)));
    std::size_t together = 0;
    for (const PlanNode& node : ball.plan.nodes) {
      together += node.rule == PlanNode::Rule::nothing ? 1U : 0U;
    }
    CHECK(together == (opposite ? 1 : 0));
  }
}
