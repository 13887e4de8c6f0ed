// The inner loop of the hint with AVX-512F (this file alone is compiled with -mavx512f): products and differences rounded one by one.
#include <immintrin.h>

#include "verifier/hint/cholesky.hpp"

namespace lipverify {

void hint_microkernel_avx512(const double* a, const double* b, std::size_t depth, double* c) {
  __m512d sum[8];
  for (std::size_t i = 0; i < 8; ++i) sum[i] = _mm512_loadu_pd(c + 8 * i);
  for (std::size_t k = 0; k < depth; ++k, a += 8, b += 8) {
    const __m512d row = _mm512_loadu_pd(b);
    for (std::size_t i = 0; i < 8; ++i) sum[i] = _mm512_sub_pd(sum[i], _mm512_mul_pd(_mm512_set1_pd(a[i]), row));
  }
  for (std::size_t i = 0; i < 8; ++i) _mm512_storeu_pd(c + 8 * i, sum[i]);
}

}  // namespace lipverify
