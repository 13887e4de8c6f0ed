// The microkernel with AVX-512F (this file alone is compiled with -mavx512f): eight rows by eight columns of sums, one register per row.
// (The form with a mask of all ones is the plain instruction; the plain intrinsic makes g++ 12 warn about its own header.)
#include <immintrin.h>

#include "verifier/base/kernel.hpp"

namespace lipverify {

void microkernel_avx512(const std::int64_t* a, const std::int64_t* b, std::size_t depth, std::int64_t* c) {
  __m512i sum[8];
  for (std::size_t i = 0; i < 8; ++i) sum[i] = _mm512_loadu_si512(c + 8 * i);
  for (std::size_t k = 0; k < depth; ++k, a += 8, b += 8) {
    const __m512i row = _mm512_loadu_si512(b);
    for (std::size_t i = 0; i < 8; ++i) sum[i] = _mm512_add_epi64(sum[i], _mm512_maskz_mul_epi32(0xFF, _mm512_set1_epi64(a[i]), row));
  }
  for (std::size_t i = 0; i < 8; ++i) _mm512_storeu_si512(c + 8 * i, sum[i]);
}

}  // namespace lipverify
