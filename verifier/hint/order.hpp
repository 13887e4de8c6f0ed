// The hint: an order of the columns of a sparse matrix in which its Gram matrix has a small skyline. Search, not proof: any permutation is
// valid (verifier/theorems/sparse.cpp), a bad one only costs time.
//
// Tried are the order as it is, the channels of each position together (for every divisor of the number of columns as the number of
// channels), and reverse Cuthill-McKee on the graph whose edges join columns that share a row. Cost: a few passes over the entries for
// each.
#pragma once

#include <cstdint>
#include <vector>

namespace lipverify {

[[nodiscard]] std::vector<std::uint32_t> order_hint(std::size_t columns, const std::vector<std::size_t>& start,
                                                    const std::vector<std::uint32_t>& column);

}  // namespace lipverify
