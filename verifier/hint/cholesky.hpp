// The hint: a floating-point Cholesky factor of an exactly known symmetric matrix, rounded to integers. Search, not proof: the trusted part
// multiplies it out exactly and charges whatever is left over (verifier/theorems/spectral.cpp), so a wrong factor can only make it refuse.
//
// Acceptance must be reproducible, so the factor is: every element is computed by the same operations in the same order whatever the number
// of threads and the width of the vectors (vectors run across columns, the inner sum is sequential, nothing is contracted to fused
// multiply-adds), and IEEE 754 fixes each of them.
// Cost: n^3 / 6 multiply-adds in blocks of 64 x 64, left-looking, parallel over the blocks of a row.
#pragma once

#include <cstdint>
#include <vector>

#include "verifier/base/gram.hpp"
#include "verifier/theorems/band.hpp"
#include "verifier/theorems/spectral.hpp"

namespace lipverify {

/// Upper triangular R, row-major n x n, with R'R 2^(2 drop) near M; empty when M is too far from positive definite. A small multiple of
/// the identity, n 2^-52 max M_ii and then sixteen times more until it works, is added first: rounding errors of that size are to be
/// expected, and the trusted part charges no more than this for them.
[[nodiscard]] std::vector<std::int64_t> cholesky_hint(const SymmetricSum& m, unsigned drop, unsigned threads);

/// The same within a skyline, for verifier/theorems/sparse.cpp; the multiple of the identity starts with the height of the tallest column in place
/// of n. Cost for half bandwidth w: n w^2 / 2 multiply-adds.
[[nodiscard]] BandFactor band_hint(const BandSum& m, unsigned drop, unsigned threads);
[[nodiscard]] BandFactor band_hint_with(Kernel kernel, const BandSum& m, unsigned drop, unsigned threads);

/// The same for a Hermitian matrix P + i Q, with four times as much work: half of what its real form of twice the order would take.
[[nodiscard]] ComplexFactor hermitian_hint(const SymmetricSum& p, const SymmetricSum& q, unsigned drop, unsigned threads);
[[nodiscard]] ComplexFactor hermitian_hint_with(Kernel kernel, const SymmetricSum& p, const SymmetricSum& q, unsigned drop, unsigned threads);

/// c[8 i + j] -= sum_{k < depth} a[8 k + i] * b[8 k + j], in the order of k: the inner loop in three widths with equal results.
using HintMicrokernel = void (*)(const double* a, const double* b, std::size_t depth, double* c);
void hint_microkernel_portable(const double* a, const double* b, std::size_t depth, double* c);
void hint_microkernel_avx2(const double* a, const double* b, std::size_t depth, double* c);
void hint_microkernel_avx512(const double* a, const double* b, std::size_t depth, double* c);

/// The same with a given width.
[[nodiscard]] std::vector<std::int64_t> cholesky_hint_with(Kernel kernel, const SymmetricSum& m, unsigned drop, unsigned threads);

}  // namespace lipverify
