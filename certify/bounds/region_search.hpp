// The search for a point with a large Jacobian, in plain floating point: a guess from beginning to end, which region.hpp proves.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <random>
#include <vector>

#include "certify/graph/steps.hpp"
#include "certify/numbers/parallel.hpp"

namespace lipcert {

class Random {
 public:
  explicit Random(std::uint64_t seed) : engine_(seed * 0x9E3779B97F4A7C15ULL + 0x632BE59BD9B4E019ULL) {}
  double uniform() { return static_cast<double>(engine_() >> 11) * 0x1p-53; }
  /// Mean 0, variance 1, close to normal: a sum of uniform numbers, so that it needs no library function.
  double normal() { return 2 * (uniform() + uniform() + uniform() - 1.5); }
  std::size_t below(std::size_t n) { return static_cast<std::size_t>(engine_() % n); }

 private:
  std::mt19937_64 engine_;
};

[[nodiscard]] std::vector<double> random_vector(Random& random, std::size_t n);

struct Candidate {
  std::vector<double> x;
  std::vector<double> v;
  double score = -1;
};

/// Power iteration with J'J at every candidate's point; the score is ||J v|| / ||v|| at the last v.
void improve(const StepGraph& graph, std::vector<Candidate>& candidates, unsigned iterations, WorkerPool& pool);

/// Cost of one pass through the network at one point, in flops; an entry of the input (random numbers) or of an activation (exponentials)
/// counts as much as 40 of them.
[[nodiscard]] double pass_flops(const StepGraph& graph);
/// One pass takes so long that a search is one point with a few steps of power iteration.
[[nodiscard]] bool is_expensive(const StepGraph& graph);

/// Candidates, best first. About `budget` flops; `wanted` points at first, fewer where a pass takes long.
[[nodiscard]] std::vector<Candidate> search(const StepGraph& graph, WorkerPool& pool, std::uint64_t seed, std::size_t wanted, double budget,
                                            const std::function<void(double)>& progress);

}  // namespace lipcert
