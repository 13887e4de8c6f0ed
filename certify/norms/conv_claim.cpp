// See conv_claim.hpp.

#include "certify/norms/conv_claim.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "certify/norms/gram_evidence.hpp"

namespace lipcert {

void write_claim(LinearBound& result, const Claim& claim) {
  const Upper proved = claim.proved + claim.kernel_radius;
  if (!proved.finite()) {
    result.upper = std::numeric_limits<double>::infinity();
    return;
  }
  choose_grids(result.gram, proved.value(), std::max(claim.longest, proved.value()), claim.largest);
  const Upper slack = slack_of_order(claim.order);
  // Half a unit in the real and in the imaginary part of each entry, 0.71 in all: one.
  const Upper grid = (claim.exact_on != nullptr ? grid_residual(claim.exact_on->kernel.centre, result.gram.sA)
                                                : sqrt(Upper::exact(claim.grid_entries)).scaled(-result.gram.sA)) +
                     claim.kernel_radius + claim.kernel_radius + claim.reserve;
  const Upper base = (proved + grid + grid) * (Upper::exact(1) + slack);
  // The factor is irrational: a checker's own upper end of it may be a little larger.
  result.upper = (base * claim.factor * (Upper::exact(1) + Upper::exact(0x1p-45))).value();
  if (std::isfinite(result.upper)) {
    result.gram.C2 = reduced_square(base.value(), grid.value(), result.gram.sA, slack.value());
  }
}

Upper copies_factor(const std::vector<PlannedAxis>& axes) {
  Upper product = Upper::exact(1);
  for (const PlannedAxis& axis : axes) {
    product = product * Upper::exact(static_cast<double>(axis.copies));
  }
  return sqrt(product);
}

Upper kernel_radius(const Convolution& c) {
  double taps = 1;
  for (const ConvolutionAxis& axis : c.axes) {
    taps *= static_cast<double>(axis.kernel);
  }
  return sqrt(Upper::exact(taps)) * norm_above(c.kernel.radius.data(), c.kernel.radius.size());
}

}  // namespace lipcert
