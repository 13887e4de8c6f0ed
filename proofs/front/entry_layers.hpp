// From entries that are followed one by one (entries/entries.hpp) to layers: selections, sorts, and matrices that are written out.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "proofs/front/entries/entries.hpp"
#include "proofs/front/layers.hpp"

namespace lipcert::proofs {

/// x -> the entries of these numbers, as the maxima over windows of one entry.
[[nodiscard]] Layer selection(const std::vector<std::uint32_t>& entries);
[[nodiscard]] Layer selection(const std::vector<Source>& sources);

/// The members of each set side by side, sorted decreasingly, and the ranks that the block puts out.
[[nodiscard]] std::vector<Layer> sorted(const std::vector<Ordered>& entries, std::size_t inputs);

/// An affine map, entry by entry: a selection with factors where that is all, else a matrix over the common divisor of its entries.
[[nodiscard]] std::vector<Layer> affine(const std::vector<Form>& forms, std::size_t inputs);

/// Throws `NotCovered` for a matrix that is too large to be written out.
void require_small(std::size_t rows, std::size_t columns);

}  // namespace lipcert::proofs
