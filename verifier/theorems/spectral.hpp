// Theorem `dense-gram-psd` (formats/SPEC.md, section 5; mathematics, section 2): the spectral norm of a dense matrix, in integers.
#pragma once

#include <functional>
#include <vector>

#include "verifier/base/gram.hpp"
#include "verifier/base/matrix.hpp"

namespace lipverify {

struct GramEvidence {
  bool at_a = true;  // B = A (else A'), E = C2 I - Bh'Bh - ...
  int sA = 0;
  int sR = 0;
  Integer C2 = 0;
};

/// Search, not proof: given M = C2 I - Ah'Ah, an upper triangular integer matrix R (order x order, row-major; what stands below the diagonal
/// is ignored) with R'R 2^(2 drop) near M. An empty result means that none was found. Whatever is returned can only make the check fail.
using FactorHint = std::function<std::vector<std::int64_t>(const SymmetricSum& m, unsigned drop, unsigned threads)>;

/// The same for a Hermitian M = P + i Q (Q is known by its entries (i, j), i <= j): real and imaginary part of R with R*R 2^(2 drop) near M.
struct ComplexFactor {
  std::vector<std::int64_t> re, im;
};
using HermitianHint = std::function<ComplexFactor(const SymmetricSum& p, const SymmetricSum& q, unsigned drop, unsigned threads)>;

/// The ranges that keep everything in 128 bits (spectral.cpp): sA - sR, or Failure (rejected).
[[nodiscard]] unsigned checked_drop(const GramEvidence& evidence);

/// V of the theorem for the integer matrix Ah itself: ||Ah||_2^2 <= V. Rejects as above.
[[nodiscard]] Integer gram_psd_value(const IntegerView& ah, const GramEvidence& evidence, const FactorHint& hint, const Engine& engine);

/// The same for the complex integer matrix with this real and imaginary part.
[[nodiscard]] Integer hermitian_psd_value(const IntegerView& re, const IntegerView& im, const GramEvidence& evidence, const HermitianHint& hint,
                                          const Engine& engine);

/// At least 2^-sA sqrt(V).
[[nodiscard]] Rational root_on_grid(const Integer& v, int sA);

/// A number that is at least ||A||_2 for every A in the enclosure, or Failure (rejected) when the evidence is unusable.
[[nodiscard]] Rational gram_psd_bound(const EnclosedMatrix& a, const GramEvidence& evidence, const FactorHint& hint, const Engine& engine);

}  // namespace lipverify
