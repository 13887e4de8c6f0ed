// A sparse matrix known up to a radius, as enclosed.hpp has it for dense ones.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "certify/numbers/enclosed.hpp"

namespace lipcert {

/// Compressed rows; columns ascending in a row, none twice.
struct SparseMatrix {
  std::size_t rows = 0;
  std::size_t columns = 0;
  std::vector<std::size_t> start;  // rows + 1 offsets
  std::vector<std::uint32_t> column;
  std::vector<double> centre;
  std::vector<double> radius;  // empty: exact

  [[nodiscard]] double radius_at(std::size_t k) const { return radius.empty() ? 0 : radius[k]; }
};

[[nodiscard]] SparseMatrix identity_matrix(std::size_t n);

/// The matrix with rows and columns exchanged.
[[nodiscard]] SparseMatrix transposed(const SparseMatrix& a);

/// The matrix with all its entries.
[[nodiscard]] EnclosedMatrix dense(const SparseMatrix& a);

}  // namespace lipcert
