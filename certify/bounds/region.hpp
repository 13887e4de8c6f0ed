// A lower end for the Lipschitz constant of a whole network: the one-sided directional derivative at a point that a search found.
#pragma once

#include <cstdint>
#include <functional>

#include "certify/bounds/analysis.hpp"
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

/// Searches for a point with a large Jacobian and proves what it found. The search is a guess from beginning to end (plain floating point, random
/// points at several scales, power iteration with the Jacobian, then mutation and selection of the best); the last step encloses the derivative
/// at the point, rounded to 24-bit integers, with evaluate.hpp. Does not depend on the pool's number of threads. `progress` is called with
/// fractions of the search.
[[nodiscard]] Region find_region(const StepGraph& graph, WorkerPool& pool, std::uint64_t seed, unsigned samples,
                                 const std::function<void(double)>& progress);

}  // namespace lipcert
