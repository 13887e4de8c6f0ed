// F of the theorem layer-dual against the true minimum (dense sampling of the ball) and its gradient against differences.

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <random>
#include <string>
#include <vector>

#include "certify/graph/evaluate.hpp"
#include "certify/local/dual.hpp"
#include "certify/local/evidence.hpp"
#include "tests/local/small_networks.hpp"

namespace {

using namespace lipcert;
using namespace lipcert::local;

/// A network with all that F is computed from, in the ball of radius r around x.
struct Instance {
  Network network;
  WorkerPool pool{1};
  StepGraph graph;
  Analysis analysis;
  Plan plan;
  std::vector<double> x;
  Scratch scratch;
  Centre centre;
  Openings open;

  Instance(const std::string& kind, unsigned seed, double r)
      : network(small_networks::network(kind, seed, 2)),
        graph(build_steps(network, pool)),
        analysis(analyse(network, {1, 1, 4, {}, nullptr})),
        plan(make_plan(network, graph, analysis)) {
    std::mt19937 random(seed + 1);
    x = small_networks::random_entries(random, plan.sizes[0]);
    centre = evaluate_centre(plan, x, scratch);
    open = open_ball(plan, centre, r);
  }

  [[nodiscard]] std::vector<Seed> seeds() const {
    const std::size_t n = plan.sizes[plan.output];
    std::vector<Seed> all;
    for (std::size_t i = 0; n > 1 && i < n; ++i) {
      for (std::size_t j = 0; j < n; ++j) {
        if (i != j) {
          all.push_back({i, j, 0});
        }
      }
    }
    if (n == 1) {
      all = {{0, 0, 1}, {0, 0, -1}};
    }
    return all;
  }
};

double difference(const Seed& seed, const std::vector<double>& f) {
  return seed.sign != 0 ? seed.sign * f[0] : f[seed.plus] - f[seed.minus];
}

/// Moves slopes and multipliers at random: F is a lower bound whatever they are.
void disturb(Parameters& parameters, std::mt19937& random, double size) {
  std::normal_distribution<double> normal(0, size);
  for (Parameters::Node& node : parameters.nodes) {
    for (double& slope : node.slope) {
      slope += normal(random);
    }
    for (double& lambda : node.lambda) {
      lambda *= std::exp(3 * normal(random));
    }
  }
}

}  // namespace

TEST_CASE("F never exceeds the least difference of outputs in the ball") {
  for (const std::string& kind : small_networks::kinds()) {
    for (unsigned seed = 1; seed <= 6; ++seed) {
      const double r = 0.05 * std::pow(2.2, seed);
      CAPTURE(kind);
      CAPTURE(seed);
      Instance instance(kind, seed, r);
      const std::vector<Seed> seeds = instance.seeds();
      const bool ranged = seed % 3 == 0;
      std::vector<double> low;
      std::vector<double> high;
      for (const double x : instance.x) {
        if (ranged) {
          low.push_back(x - 0.4 * r);
          high.push_back(x + 0.7 * r);
        }
      }
      std::vector<double> least(seeds.size(), HUGE_VAL);
      std::mt19937 random(seed);
      std::normal_distribution<double> normal;
      std::vector<double> y(instance.x.size());
      for (int k = 0; k < 3000; ++k) {
        double length = 0;
        for (double& v : y) {
          v = normal(random);
          length += v * v;
        }
        const double at = (k % 3 == 0 ? std::sqrt(static_cast<double>(k) / 3000) : 1) * r / std::sqrt(length);
        for (std::size_t i = 0; i < y.size(); ++i) {
          y[i] = instance.x[i] + at * y[i];
          if (ranged) {
            y[i] = std::clamp(y[i], low[i], high[i]);
          }
        }
        const Centre values = evaluate_centre(instance.plan, y, instance.scratch);
        for (std::size_t j = 0; j < seeds.size(); ++j) {
          least[j] = std::min(least[j], difference(seeds[j], values[instance.plan.output]));
        }
      }
      Dual dual(instance.plan, instance.centre, instance.open, low, high);
      for (int trial = 0; trial < 4; ++trial) {
        Parameters parameters = fixed_rule(instance.open, seeds.size(), trial == 0 ? by_rule : best);
        dual.evaluate(seeds, parameters, false);
        if (trial > 0) {
          disturb(parameters, random, 0.2 * trial);
          dual.evaluate(seeds, parameters, false);
        }
        for (std::size_t j = 0; j < seeds.size(); ++j) {
          const double f = difference(seeds[j], instance.centre[instance.plan.output]) + dual.bounds[j].value;
          CHECK(f <= least[j] + 1e-9 * (1 + std::fabs(least[j])));
        }
      }
    }
  }
}

TEST_CASE("The gradient is that of differences") {
  for (const std::string& kind : small_networks::kinds()) {
    Instance instance(kind, 3, 0.4);
    const std::vector<Seed> seeds = instance.seeds();
    const std::vector<double> none;
    Dual dual(instance.plan, instance.centre, instance.open, none, none);
    Parameters parameters = fixed_rule(instance.open, seeds.size(), by_rule);
    dual.evaluate(seeds, parameters, false);
    std::mt19937 random(5);
    disturb(parameters, random, 0.1);
    dual.evaluate(seeds, parameters, true);
    const auto slopes = dual.slopes;
    const auto logs = dual.logs;
    const double h = 1e-6;
    const auto differences = [&](double& parameter, double up, double down, std::size_t j) {
      const double kept = parameter;
      parameter = up;
      dual.evaluate(seeds, parameters, false);
      const double above = dual.bounds[j].value;
      parameter = down;
      dual.evaluate(seeds, parameters, false);
      parameter = kept;
      return (above - dual.bounds[j].value) / (2 * h);
    };
    for (std::size_t k = 0; k < parameters.nodes.size(); ++k) {
      const std::size_t m = instance.open.nodes[k].position.size();
      for (std::size_t j = 0; m > 0 && j < seeds.size(); ++j) {
        CAPTURE(kind);
        CAPTURE(k);
        CAPTURE(j);
        double& lambda = parameters.nodes[k].lambda[j];
        CHECK(differences(lambda, lambda * std::exp(h), lambda * std::exp(-h), j) == doctest::Approx(logs[k][j]).epsilon(1e-4));
        for (std::size_t i = 0; i < m; ++i) {
          double& slope = parameters.nodes[k].slope[j * m + i];
          CHECK(differences(slope, slope + h, slope - h, j) == doctest::Approx(slopes[k][j * m + i]).epsilon(1e-4));
        }
      }
    }
  }
}

TEST_CASE("Evidence that is written is read again") {
  for (const std::string& kind : small_networks::kinds()) {
    Instance instance(kind, 4, 0.5);
    Parameters parameters = fixed_rule(instance.open, 2, by_rule);
    std::mt19937 random(7);
    for (Parameters::Node& node : parameters.nodes) {
      for (double& lambda : node.lambda) {
        lambda = std::ldexp(1.3, static_cast<int>(random() % 40) - 20);
      }
    }
    disturb(parameters, random, 0.3);
    const std::vector<RivalEvidence> written{{1, quantised(instance.open, parameters, 0, false, 0x1p-8)},
                                             {7, quantised(instance.open, parameters, 1, false, 0x1p-8)}};
    const std::string bytes = encode(instance.plan, instance.open, written);
    const std::vector<RivalEvidence> read = decode(instance.plan, instance.open, bytes);
    CHECK(encode(instance.plan, instance.open, read) == bytes);
    bool some = false;
    for (const Opening& node : instance.open.nodes) {
      some = some || !node.position.empty();
    }
    REQUIRE(read.size() == (some ? 2 : 0));
    for (std::size_t j = 0; j < read.size(); ++j) {
      CHECK(read[j].rival == written[j].rival);
      const Parameters grid = parameters_of(instance.open, {&read[j].given});
      for (std::size_t k = 0; k < grid.nodes.size(); ++k) {
        const std::size_t m = instance.open.nodes[k].position.size();
        if (m > 0) {
          CHECK(grid.nodes[k].lambda[0] == doctest::Approx(parameters.nodes[k].lambda[j]).epsilon(0.005));
        }
        for (std::size_t i = 0; i < m; ++i) {
          CHECK(std::fabs(grid.nodes[k].slope[i] - std::clamp(parameters.nodes[k].slope[j * m + i], -1.9999, 1.9999)) <= 0x1p-8);
        }
      }
    }
  }
}
