// Radii beyond the global ones: right on small networks, reproducible, and never above the distance of a point with another decision.

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "certify/graph/evaluate.hpp"
#include "certify/local/local_radii.hpp"
#include "tests/local/small_networks.hpp"

namespace {

using namespace lipcert;

struct Case {
  std::vector<double> x;
  BallVector f;
  std::uint32_t predicted = 0;
  std::vector<double> global;
  double least = HUGE_VAL;
};

Case case_of(const StepGraph& graph, const Analysis& analysis, unsigned seed) {
  Case c;
  std::mt19937 random(seed);
  c.x = small_networks::random_entries(random, graph.input_size);
  c.f = evaluate(graph, c.x);
  const std::size_t n = c.f.centre.size();
  if (n == 1) {
    c.predicted = c.f.centre[0] > 0 ? 1 : 0;
    c.global = {std::fabs(c.f.centre[0]) / analysis.upper};
    c.least = c.global[0];
    return c;
  }
  c.predicted = static_cast<std::uint32_t>(std::max_element(c.f.centre.begin(), c.f.centre.end()) - c.f.centre.begin());
  c.global.resize(n);
  for (std::size_t j = 0; j < n; ++j) {
    if (j != c.predicted) {
      const std::size_t a = std::min<std::size_t>(j, c.predicted);
      const std::size_t b = std::max<std::size_t>(j, c.predicted);
      c.global[j] = 0.999999 * (c.f.centre[c.predicted] - c.f.centre[j]) / analysis.pairs[a * n - a * (a + 1) / 2 + (b - a - 1)];
      c.least = std::min(c.least, c.global[j]);
    }
  }
  return c;
}

}  // namespace

TEST_CASE("Local radii exceed the global ones, and no point inside has another decision") {
  std::size_t improved = 0;
  for (const std::string& kind : small_networks::kinds()) {
    const Network network = small_networks::network(kind, 11, 2);
    WorkerPool pool(1);
    const StepGraph graph = build_steps(network, pool);
    const Analysis analysis = analyse(network, {1, 1, 4, {}, nullptr});
    const LocalRadii local(network, graph, analysis, {});
    for (unsigned seed = 0; seed < 4; ++seed) {
      CAPTURE(kind);
      CAPTURE(seed);
      const Case c = case_of(graph, analysis, seed);
      const LocalSample sample{c.x, Upper(), c.f, c.predicted, c.global};
      const std::optional<LocalRadius> found = local.improve(sample, {});
      if (!found) {
        continue;
      }
      ++improved;
      CHECK(found->radius > c.least);
      std::mt19937 random(seed);
      std::normal_distribution<double> normal;
      std::vector<double> y(c.x.size());
      for (int k = 0; k < 2000; ++k) {
        double length = 0;
        for (double& v : y) {
          v = normal(random);
          length += v * v;
        }
        for (std::size_t i = 0; i < y.size(); ++i) {
          y[i] = c.x[i] + found->radius / std::sqrt(length) * y[i];
        }
        const BallVector f = evaluate(graph, y);
        if (f.centre.size() == 1) {
          CHECK((f.centre[0] > 0) == (c.predicted == 1));
        }
        for (std::size_t j = 0; f.centre.size() > 1 && j < f.centre.size(); ++j) {
          CHECK((j == c.predicted || f.centre[j] < f.centre[c.predicted]));
        }
      }
    }
  }
  CHECK(improved > 40);
}

TEST_CASE("Decisions are reproducible, for any number of threads and any order") {
  const Network network = small_networks::network("max_min", 2, 2);
  WorkerPool pool(1);
  const StepGraph graph = build_steps(network, pool);
  const Analysis analysis = analyse(network, {1, 1, 4, {}, nullptr});
  const LocalRadii local(network, graph, analysis, {});
  std::vector<std::string> alone;
  const auto decide = [&](unsigned seed) {
    const Case c = case_of(graph, analysis, seed);
    const std::optional<LocalRadius> found = local.improve({c.x, Upper(), c.f, c.predicted, c.global}, {});
    return found ? std::to_string(found->radius) + found->evidence : std::string("none");
  };
  for (unsigned seed = 0; seed < 8; ++seed) {
    alone.push_back(decide(seed));
  }
  std::vector<std::string> together(8);
  std::vector<std::thread> threads;
  for (unsigned seed = 8; seed-- > 0;) {
    threads.emplace_back([&, seed] { together[seed] = decide(seed); });
  }
  for (std::thread& thread : threads) {
    thread.join();
  }
  CHECK(alone == together);
}

TEST_CASE("Of several targets the largest that is proved is given") {
  const Network network = small_networks::network("relu", 11, 2);
  WorkerPool pool(1);
  const StepGraph graph = build_steps(network, pool);
  const Analysis analysis = analyse(network, {1, 1, 4, {}, nullptr});
  const LocalRadii local(network, graph, analysis, {});
  const Case c = case_of(graph, analysis, 1);
  const LocalSample sample{c.x, Upper(), c.f, c.predicted, c.global};
  const std::optional<LocalRadius> largest = local.improve(sample, {});
  REQUIRE(largest);
  const double r = largest->radius;
  const std::optional<LocalRadius> found = local.improve(sample, {0.5 * (r + c.least), 0.99 * r, 100 * r, 200 * r});
  REQUIRE(found);
  CHECK(found->radius == 0.99 * r);
  CHECK_FALSE(local.improve(sample, {100 * r, 200 * r}));
}
