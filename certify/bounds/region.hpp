// A lower end for the Lipschitz constant of a whole network: the one-sided directional derivative at a point that a search found.
#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include "certify/bounds/analysis.hpp"
#include "certify/bounds/region_search.hpp"
#include "certify/graph/segments/segment.hpp"
#include "certify/graph/steps.hpp"
#include "certify/numbers/parallel.hpp"

namespace lipcert {

struct Region {
  double lower = 0;         // ||f'(point; direction)|| / ||direction|| >= lower: proved, with room for a checker's own rounding
  IntegerVector point;      // both empty when the search failed: lower is 0
  IntegerVector direction;
};

/// Flops that the search may take; a function of the network alone.
[[nodiscard]] double search_flops(const StepGraph& graph, unsigned samples);

/// Searches for points with a large Jacobian: a guess from beginning to end (plain floating point, random points at several scales, power iteration
/// with the Jacobian, then mutation and selection of the best). Needs no bound of any block. Does not depend on the pool's number of threads.
/// `progress` is called with fractions of the search.
[[nodiscard]] std::vector<Candidate> find_candidates(const StepGraph& graph, WorkerPool& pool, std::uint64_t seed, unsigned samples,
                                                     const std::function<void(double)>& progress);

/// Proves the best of them: the point is rounded to 24-bit integers, and the derivative enclosed there, entry by entry (evaluate.hpp) or, where the
/// network is too deep or too large for that, by its Euclidean distance with the bounds of the blocks (distances.hpp).
[[nodiscard]] Region prove_region(const StepGraph& graph, const std::vector<Segment>& segments, const std::vector<Block>& blocks,
                                  const std::vector<Candidate>& candidates, WorkerPool& pool, std::uint64_t seed, unsigned samples);

}  // namespace lipcert
