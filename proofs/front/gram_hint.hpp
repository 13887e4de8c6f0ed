// The untrusted numbers with which the proved checker proves that a matrix has spectral norm at most U: a grid, and the factor of Lemma P
// from a floating-point Cholesky factorisation. A bad hint can only make the check fail.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "proofs/front/exact.hpp"

namespace lipcert::proofs {

/// Row-major; every entry is finite.
struct RealMatrix {
  std::size_t rows = 0;
  std::size_t columns = 0;
  std::vector<double> entries;
};

/// Appends "transposed scale spread grid_norm off_diagonal slot_width depth" and the factor's rows in the form of proofs/FORMAT.md.
/// Entries that are near the true ones only are taken to be off the grid: all of them (approximate), or those that are not zero (rounded).
/// Where the rows or the columns are orthogonal because no two of them meet, the numbers are exact, and so a claim without any slack is
/// proved.
enum class Entries { exact, rounded, approximate };
void append_gram_hint(std::string& out, const RealMatrix& matrix, const Fraction& bound, Entries entries);

}  // namespace lipcert::proofs
