// From what is proved of a convolution's centre to what a certificate claims of the block: shared by the theorems on grids and reshapes.
#pragma once

#include <cstddef>
#include <vector>

#include "certify/norms/conv_norm.hpp"
#include "certify/norms/conv_parts.hpp"
#include "certify/numbers/rounding.hpp"

namespace lipcert {

/// What a certificate says of a bound `proved` on the centre's symbol or matrix, of which the norm of the block is `factor` times as much.
struct Claim {
  Upper proved;           // on the centre
  double longest = 0;     // root of the largest diagonal entry of a Gram matrix, at most
  double largest = 0;     // largest entry
  std::size_t order = 0;  // of the real Gram matrix
  Upper factor;
  Upper kernel_radius;
  Upper reserve;                          // what the checker may add besides twice the radius and the grid
  double grid_entries = 0;                // entries that are rounded to the checker's grid
  const Convolution* exact_on = nullptr;  // conv-reshape, exact kernel: its own entries are rounded, and that is known
};

/// Sets the claimed bound (infinity when it is beyond the doubles) and the parameters of Lemma P.
void write_claim(LinearBound& result, const Claim& claim);

/// Root of the product of the copies.
[[nodiscard]] Upper copies_factor(const std::vector<PlannedAxis>& axes);

/// What is charged for a kernel that is not exact: ||A - A'|| <= sqrt(copies) * this for kernels within the radius, sum_j ||rad_j||_F <=
/// sqrt(taps) ||rad||_F by Cauchy-Schwarz (the second form is what a checker with one number for the radius charges).
[[nodiscard]] Upper kernel_radius(const Convolution& c);

}  // namespace lipcert
