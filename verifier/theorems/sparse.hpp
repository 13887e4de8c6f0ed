// Theorems `diagonal-gram` and `explicit-gram-psd` (formats/SPEC.md, section 5, linear blocks): the norm of an explicit sparse matrix.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "verifier/base/matrix.hpp"
#include "verifier/theorems/hints.hpp"

namespace lipverify {

/// All matrices A with ||A - centre||_F <= radius, by rows: the entries of row i stand at start[i], ..., start[i + 1] - 1, columns
/// ascending. Where `loose` is there, row i of A - centre is also shorter than 2^loose[i], or zero where that is empty.
struct SparseMatrix {
  std::size_t rows = 0;
  std::size_t columns = 0;
  std::vector<std::size_t> start;
  std::vector<std::uint32_t> column;
  std::vector<Dyadic> centre;
  Rational radius = 0;
  std::vector<std::optional<std::int64_t>> loose;
};

/// The same enclosure with every entry of the centre; the caller has bounded rows * columns.
[[nodiscard]] EnclosedMatrix written_out(const SparseMatrix& a);

/// No two nonzero entries of the centre in one row (A'A diagonal), or in one column (AA' diagonal): the squares of the singular values.
struct DiagonalGram {
  std::vector<Rational> squares;  // sum of column k (A'A) or of row k (AA'), exactly
  Rational largest = 0;           // of `squares`
  Rational radius = 0;

  /// upper^2 >= largest when the radius is 0; in any case upper >= sqrt(largest) + radius.
  [[nodiscard]] bool proves_upper(const Rational& upper) const;
  /// lower <= sqrt(squares[index]) - radius; false when there is no such index.
  [[nodiscard]] bool proves_lower(const Rational& lower, std::uint64_t index) const;
  /// A number that is at least the norm.
  [[nodiscard]] Rational upper() const;
};

/// Failure (rejected) when the Gram matrix of that side is not diagonal.
[[nodiscard]] DiagonalGram diagonal_gram(const SparseMatrix& a, bool at_a);

/// A number that is at least ||A||_2 for every A in the enclosure, or Failure (rejected) when the evidence is unusable.
[[nodiscard]] Rational explicit_gram_bound(const SparseMatrix& a, const GramEvidence& evidence, const Hints& hints, const Engine& engine);

}  // namespace lipverify
