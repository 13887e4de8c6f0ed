// See spectral.hpp.
//
// Theorem. B real with n columns, Ah = round(B 2^sA) an integer matrix, Rh any integer n x n matrix, t = 2(sA - sR) >= 0, C2 any integer, and
// E = C2 I - Ah'Ah - 2^t Rh'Rh. Then with V = C2 + max(0, max_i(sum_{j != i} |E_ij| - E_ii))
//     ||B||_2 <= 2^-sA sqrt(V) + ||B - 2^-sA Ah||_F.
// Proof. 2^t Rh'Rh is positive semidefinite, so lambda_min(C2 I - Ah'Ah) >= lambda_min(E) >= min_i(E_ii - sum_{j != i} |E_ij|) (Gershgorin),
// hence ||Ah||^2 = lambda_max(Ah'Ah) <= C2 - lambda_min(C2 I - Ah'Ah) <= V. The rest is the triangle inequality and ||.||_2 <= ||.||_F.
//
// Overflow. C2 < 2^122; every column of Ah has sum of squares below 2^122, every column of Rh below 2^122 2^-t (both checked, gram_fits).
// So |E_ij| < 2^122 + 2^122 + 2^122 < 2^124 at every moment. Sums of |E_ij| are refused when they reach 2^126: they grow by less than 2^124.
//
// Complex Ah and Rh. The proof is the same with E = C2 I - Ah*Ah - 2^t Rh*Rh Hermitian, and with |Re E_ij| + |Im E_ij| >= |E_ij| in V. For X = A + i B
// X*X = (A'A + B'B) + i (A'B - B'A), whose imaginary part is antisymmetric: its entries above the diagonal say all. With columns of A over B as
// above every product, A'B and B'A too, is below 2^122 (Cauchy and Schwarz), so that no sum leaves 2^125 at any moment: after A'B has been
// subtracted and B'A added an entry is again below 2^122 in magnitude.
//
// Cost for an m x n matrix: the two exact products (m n^2 / 2 and n^3 / 6 multiplications, times three slices), and the hint's Cholesky. A complex one takes
// four times as much, half of what its real form of order 2 n would take.
#include "verifier/theorems/spectral.hpp"

#include "verifier/base/failure.hpp"

namespace lipverify {

unsigned checked_drop(const GramEvidence& evidence) {
  constexpr int kScale = 4000;  // far beyond what a binary64 weight can need
  if (evidence.sA < -kScale || evidence.sA > kScale || evidence.sR < -kScale || evidence.sR > evidence.sA)
    reject("the grids of the evidence are out of range (sA = " + std::to_string(evidence.sA) + ", sR = " + std::to_string(evidence.sR) + ")");
  const unsigned drop = static_cast<unsigned>(evidence.sA - evidence.sR);
  if (drop > 61) reject("the grid of R is more than 2^61 times coarser than that of A");
  if (evidence.C2 < 0 || evidence.C2 >= (Integer(1) << 122)) reject("C2 of the evidence is not in [0, 2^122)");
  return drop;
}

Rational root_on_grid(const Integer& v, int sA) {
  constexpr unsigned kRoot = 64;  // V is shifted by 2 * 64 bits before the integer square root, so that its unit costs nothing
  return scaled(sqrt_ceiling(v << (2 * kRoot)), -static_cast<std::int64_t>(kRoot) - sA);
}

namespace {

[[noreturn]] void no_factor(const GramEvidence& evidence) {
  reject("no factor of C2 I - A'A was found; sqrt(C2) = " + decimal_text(scaled(sqrt_floor(evidence.C2), -evidence.sA), Toward::below) +
         " is too small for this matrix");
}
[[noreturn]] void gram_too_large() { reject("the Gram matrix does not fit in 122 bits on the grid 2^-sA of the evidence"); }
[[noreturn]] void factor_too_large() { reject("the factor of C2 I - A'A does not fit in 122 bits on the grid 2^-sR of the evidence"); }
[[noreturn]] void faulty_hint() { exhausted("the hint has the wrong size: a fault of the checker"); }

/// C2 I.
SymmetricSum multiple_of_identity(std::size_t n, const Integer& C2) {
  SymmetricSum e(n);
  const auto c2 = static_cast<Int128>(C2);
  for (std::size_t i = 0; i < n; ++i) e.at(i, i) = c2;
  return e;
}

/// max(0, max_i(sum_{j != i} |E_ij| - E_ii)); the imaginary part of E may be null.
Integer gershgorin_excess(const SymmetricSum& e, const SymmetricSum* imaginary) {
  constexpr std::size_t tile = SymmetricSum::kTile;
  const std::size_t n = e.order();
  const UInt128 limit = static_cast<UInt128>(1) << 126;
  std::vector<UInt128> radius(n);  // sum_{j != i} |E_ij|
  for (const SymmetricSum* part : {&e, imaginary})
    for (std::size_t I = 0; part != nullptr && I < e.tiles(); ++I)
      for (std::size_t J = I; J < e.tiles(); ++J) {
        const Int128* entries = part->tile(I, J);
        for (std::size_t i = I * tile; i < std::min(n, (I + 1) * tile); ++i)
          for (std::size_t j = I == J ? i + 1 : J * tile; j < std::min(n, (J + 1) * tile); ++j) {
            const UInt128 size = magnitude(entries[(i - I * tile) * tile + (j - J * tile)]);
            radius[i] += size;
            radius[j] += size;
            if (radius[i] >= limit || radius[j] >= limit) reject("the residual of the factorisation is far too large: C2 does not fit this matrix");
          }
      }
  Int128 excess = 0;
  for (std::size_t i = 0; i < n; ++i) excess = std::max(excess, static_cast<Int128>(radius[i]) - e.at(i, i));  // below 2^126 + 2^124
  return integer_of(excess);
}

}  // namespace

Integer gram_psd_value(const IntegerView& ah, const GramEvidence& evidence, const FactorHint& hint, const Engine& engine) {
  const unsigned drop = checked_drop(evidence);
  const std::size_t n = ah.columns;
  if (!gram_fits(ah, 0)) gram_too_large();
  SymmetricSum e = multiple_of_identity(n, evidence.C2);
  subtract_gram(e, ah, 0, engine);  // M = C2 I - Ah'Ah
  {
    const std::vector<std::int64_t> r = hint(e, drop, engine.threads);
    if (r.empty()) no_factor(evidence);
    if (r.size() != n * n) faulty_hint();
    const IntegerView factor{r.data(), n, n, n, 1, true};
    if (!gram_fits(factor, 2 * drop)) factor_too_large();
    subtract_gram(e, factor, 2 * drop, engine);  // E
  }
  return evidence.C2 + gershgorin_excess(e, nullptr);
}

Integer hermitian_psd_value(const IntegerView& re, const IntegerView& im, const GramEvidence& evidence, const HermitianHint& hint,
                            const Engine& engine) {
  const unsigned drop = checked_drop(evidence);
  const std::size_t n = re.columns;
  if (!gram_fits(re, im, 0)) gram_too_large();
  SymmetricSum p = multiple_of_identity(n, evidence.C2);
  SymmetricSum q(n);
  const auto subtract = [&](const IntegerView& a, const IntegerView& b, unsigned shift) {  // (A + i B)*(A + i B) 2^shift
    subtract_gram(p, a, shift, engine);
    subtract_gram(p, b, shift, engine);
    subtract_product(q, a, b, shift, false, engine);
    subtract_product(q, b, a, shift, true, engine);
  };
  subtract(re, im, 0);
  {
    const ComplexFactor r = hint(p, q, drop, engine.threads);
    if (r.re.empty()) no_factor(evidence);
    if (r.re.size() != n * n || r.im.size() != n * n) faulty_hint();
    const IntegerView real{r.re.data(), n, n, n, 1, true};
    const IntegerView imaginary{r.im.data(), n, n, n, 1, true};
    if (!gram_fits(real, imaginary, 2 * drop)) factor_too_large();
    subtract(real, imaginary, 2 * drop);
  }
  return evidence.C2 + gershgorin_excess(p, &q);
}

Rational gram_psd_bound(const EnclosedMatrix& a, const GramEvidence& evidence, const FactorHint& hint, const Engine& engine) {
  (void)checked_drop(evidence);
  GridMatrix grid;
  if (!round_to_grid(a.centre, evidence.sA, grid)) reject("an entry of the matrix does not fit in 52 bits on the grid 2^-sA of the evidence");
  const IntegerView view{grid.entries.data(), evidence.at_a ? a.rows : a.columns, evidence.at_a ? a.columns : a.rows,
                         evidence.at_a ? a.columns : 1, evidence.at_a ? 1 : a.columns, false};
  return root_on_grid(gram_psd_value(view, evidence, hint, engine), evidence.sA) + grid.residual + a.radius;
}

}  // namespace lipverify
