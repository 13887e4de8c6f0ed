// Exact bounds: what the proved checker will find for a chain, and how many words stand inside of each other in its text.
#pragma once

#include <cstddef>

#include "proofs/front/exact.hpp"
#include "proofs/front/layers.hpp"

namespace lipcert::proofs {

[[nodiscard]] Fraction reduced(Fraction f);
[[nodiscard]] Fraction sum_of(const Fraction& a, const Fraction& b);
[[nodiscard]] bool at_most(const Fraction& a, const Fraction& b);

/// At least the root of f, and near it.
[[nodiscard]] Fraction root_above(const Fraction& f);

/// The bound that the proved checker will find for a chain.
[[nodiscard]] Fraction bound_of(const Chain& chain);

/// At least the number of words that stand inside of each other in the chain's text.
[[nodiscard]] std::size_t depth_of(const Chain& chain);

}  // namespace lipcert::proofs
