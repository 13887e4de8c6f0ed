// See conv_grid.hpp; why a finite grid will do is said in conv_axes.cpp, the symbol's norm is proved in conv_symbol.cpp.

#include "certify/norms/conv_grid.hpp"

#include <mpfr.h>

#include <algorithm>
#include <cmath>

#include "certify/norms/conv_claim.hpp"

namespace lipcert {
namespace {

/// cos(pi (taps - 1) / (2 grid)) from below.
Lower cosine(std::uint64_t taps, std::uint64_t grid) {
  mpfr_t x;
  mpfr_init2(x, 128);
  mpfr_const_pi(x, MPFR_RNDU);
  mpfr_mul_ui(x, x, taps - 1, MPFR_RNDU);
  mpfr_div_ui(x, x, 2 * grid, MPFR_RNDU);
  mpfr_cos(x, x, MPFR_RNDD);  // decreasing on [0, pi/2)
  const double value = mpfr_get_d(x, MPFR_RNDD);
  mpfr_clear(x);
  return value > 0 ? Lower::exact(value) : Lower();
}

}  // namespace

Upper bernstein_factor(const std::vector<PlannedAxis>& axes, const std::vector<std::uint64_t>& grid) {
  Upper factor = Upper::exact(1);
  for (std::size_t l = 0; l < axes.size(); ++l) {
    factor = factor / cosine(axes[l].taps, grid[l]);
  }
  return factor;
}

bool coarser_grid(const Convolution& c, const std::vector<PlannedAxis>& axes, double limit, std::vector<std::uint64_t>& grid) {
  const std::size_t shifts = shifts_of(axes).size();
  std::uint64_t longest = 1;
  for (const PlannedAxis& axis : axes) {
    longest = std::max(longest, axis.exact_grid);
  }
  const auto clipped = [&](std::uint64_t n) {
    std::vector<std::uint64_t> result;
    for (const PlannedAxis& axis : axes) {
      // One tap: the symbol does not depend on this axis, and one frequency says all.
      result.push_back(axis.taps == 1 ? 1 : std::max(axis.taps, std::min(axis.exact_grid, n)));
    }
    return result;
  };
  if (symbol_flops(c, clipped(1), shifts) > limit) {
    return false;
  }
  std::uint64_t low = 1;
  std::uint64_t high = longest;
  while (low < high) {
    const std::uint64_t middle = low + (high - low + 1) / 2;
    if (symbol_flops(c, clipped(middle), shifts) <= limit) {
      low = middle;
    } else {
      high = middle - 1;
    }
  }
  grid = clipped(low);
  return true;
}

void bound_on_grid(const Convolution& c, const FrequencyGrid& plan, LinearBound& result, WorkerPool& pool, std::uint64_t seed,
                   Upper reserve) {
  result.theorem = plan.exact ? "conv-frequency-grid" : "conv-bernstein";
  result.grid = plan.points;
  const auto [outputs, inputs] = symbol_shape(c);
  result.gram.at_a = inputs <= outputs;
  Claim claim;
  SymbolBound symbol;
  if (std::any_of(c.kernel.centre.begin(), c.kernel.centre.end(), [](double w) { return w != 0; })) {
    symbol = bound_symbol(c, plan.points, shifts_of(plan.axes), pool, seed);
  } else {
    symbol.shift.assign(plan.axes.size(), 0);
  }
  result.shift = symbol.shift;
  claim.proved = symbol.norm;
  claim.longest = symbol.norm.value();
  claim.largest = std::max(symbol.largest, symbol.norm.value() * 0x1p-8);  // the checker's own symbol differs by its roots
  claim.order = 2 * std::min(outputs, inputs);
  claim.factor = copies_factor(plan.axes);
  if (!plan.exact) {
    claim.factor = claim.factor * bernstein_factor(plan.axes, plan.points);
  }
  claim.kernel_radius = kernel_radius(c);
  // A checker's table of roots: 2^-46 is far above what sixty bits give. Its grid for the kernel itself: 52 bits below the largest entry.
  double largest = 0;
  for (const double w : c.kernel.centre) {
    largest = std::max(largest, std::fabs(w));
  }
  double taps = 1;
  for (const ConvolutionAxis& axis : c.axes) {
    taps *= static_cast<double>(axis.kernel);
  }
  const Upper kernel_grid =
      sqrt(Upper::exact(taps) * Upper::exact(static_cast<double>(c.kernel.centre.size()))) * Upper::exact(largest).scaled(-51);
  claim.reserve = Upper::exact(0x1p-46) * symbol.tap_norms + kernel_grid + reserve;
  claim.grid_entries = static_cast<double>(outputs) * static_cast<double>(inputs);
  write_claim(result, claim);
}

}  // namespace lipcert
