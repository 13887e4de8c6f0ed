// The falsifier: looks for the nearest input that changes a network's decision. What it finds is an upper end for every certified radius;
// that it finds nothing proves nothing.
//
// Four searches, each but the first starting from the best so far:
// * inside the ball of a certified radius, from its rim: projected gradient towards each of the three nearest rivals, which is where a wrong
//   certificate shows, however far from the nearest flip the other searches stay;
// * the counterfactual direction, x - t c grad f (Serrurier et al., CVPR 2021: along it a 1-Lipschitz network flips soonest), and its
// iteration
//   with a new gradient at every step (DeepFool, Moosavi-Dezfooli et al., CVPR 2016);
// * projected gradient: on the boundary x is projected onto the tangent plane (FAB, Croce and Hein, ICML 2020), then steps inside a ball
// that
//   is a little smaller than the best distance;
// * a rounding search (Jin et al., "Getting a-Round Guarantees"): coarser grids, and neighbouring floating-point numbers nearer to x.
// A flip counts only when an evaluation in extended precision confirms it. Cost: about 350 evaluations per sample, 410 where there is a radius.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <vector>

#include "certify/attack/plain_network.hpp"

namespace lipcert::attack {

struct Target {
  std::uint64_t index = 0;
  std::vector<double> x;                   // nearest doubles below the exact sample
  double x_error = 0;                      // ||exact sample - x|| is at most this
  std::optional<std::uint32_t> predicted;  // certified class; default: the plain evaluation's own
  double radius = 0;                       // certified; where it is positive and finite, its ball is searched as well
};

struct Flip {
  bool found = false;
  std::uint32_t from = 0;
  std::uint32_t to = 0;
  double distance = 0;  // from the exact sample, rounded up
  std::vector<double> y;
};

struct SearchSettings {
  std::uint64_t seed = 1;
  unsigned steps = 30;  // of projected gradient
  /// Entry by entry: only inputs between them count. Empty: all inputs.
  std::vector<double> low;
  std::vector<double> high;
};

/// Attacks all targets as one batch. With one output, class 1 is f > 0 and class 0 is f < 0. A target whose plain evaluation already
/// contradicts its predicted class is a flip at distance zero. Deterministic.
[[nodiscard]] std::vector<Flip> attack_batch(const PlainNetwork& network, const std::vector<Target>& targets,
                                             const SearchSettings& settings);

/// Attacks `count` batches on several threads: `load(b)` gives batch b and `done(b, flips)` receives what was found, both called in order
/// of b and never at the same time.
void attack_all(const PlainNetwork& network, std::size_t count, unsigned threads, const SearchSettings& settings,
                const std::function<std::vector<Target>(std::size_t)>& load,
                const std::function<void(std::size_t, const std::vector<Target>&, const std::vector<Flip>&)>& done);

}  // namespace lipcert::attack
