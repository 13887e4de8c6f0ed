// Theorems conv-frequency-grid and conv-bernstein: a convolution is bounded by its symbol on finitely many frequencies.
#pragma once

#include <cstdint>
#include <vector>

#include "certify/norms/conv_norm.hpp"
#include "certify/norms/conv_parts.hpp"
#include "certify/numbers/parallel.hpp"
#include "certify/numbers/rounding.hpp"

namespace lipcert {

struct FrequencyGrid {
  const std::vector<PlannedAxis>& axes;
  const std::vector<std::uint64_t>& points;  // of each axis
  bool exact;                                // the grid proves the bound (conv-frequency-grid); otherwise Bernstein's factor is charged
};

/// Writes the bound, its theorem and its evidence.
void bound_on_grid(const Convolution& c, const FrequencyGrid& plan, LinearBound& result, WorkerPool& pool, std::uint64_t seed,
                   Upper reserve);

/// 1 / prod cos (Bernstein and Szego: a trigonometric polynomial of degree T that is at most 1 on a grid of spacing h, T h < pi, is at most
/// 1 / cos(T h / 2) everywhere; here T = (K - 1) / 2 after the central shift, h = 2 pi / N, one axis after the other).
[[nodiscard]] Upper bernstein_factor(const std::vector<PlannedAxis>& axes, const std::vector<std::uint64_t>& grid);

/// The coarsest grid is K, the finest the exact one; between them the same fraction of the way on every axis. Sets the finest that fits.
[[nodiscard]] bool coarser_grid(const Convolution& c, const std::vector<PlannedAxis>& axes, double limit, std::vector<std::uint64_t>& grid);

}  // namespace lipcert
