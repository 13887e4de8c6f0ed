// From a proved norm to the integers that a checker starts from (SPEC.md section 5, dense-gram-psd): shared by every theorem that rests on Lemma P.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "certify/norms/evidence.hpp"
#include "certify/numbers/rounding.hpp"

namespace lipcert {

/// Smallest e with x <= 2^e, for x > 0.
[[nodiscard]] int ceiling_exponent(double x);

/// ||a - 2^-sA round(a 2^sA)||_2 of all entries from above. |a| 2^sA must be below 2^52.
[[nodiscard]] Upper grid_residual(const std::vector<double>& a, int sA);

/// The slack between what is proved and what is claimed, relative: 2^-52 m^2 + 2^-38 for a Gram matrix of order (or band) m.
[[nodiscard]] Upper slack_of_order(std::size_t m);

/// Sets sA and sR from upper ends of the norm, of the root of the largest diagonal entry of the Gram matrix, and of the largest entry. Ah then stays
/// below 2^52, the diagonal of Ah'Ah below 2^119, Rh below 2^51, and sA - sR below 10.
void choose_grids(GramEvidence& gram, double norm, double longest_column, double largest_entry);

/// floor(((upper - residual) 2^sA)^2 (1 - slack)), as a decimal integer. Any value is allowed here (a checker proves what follows from it); this
/// one leaves half of the claim's slack for the checker's factorisation to succeed and the other half for its residual.
[[nodiscard]] std::string reduced_square(double upper, double residual, int sA, double slack);

}  // namespace lipcert
