// The inner loop of the hint with AVX2 (this file alone is compiled with -mavx2): products and differences rounded one by one.
#include <immintrin.h>

#include "verifier/hint/cholesky.hpp"

namespace lipverify {

void hint_microkernel_avx2(const double* a, const double* b, std::size_t depth, double* c) {
  for (std::size_t half = 0; half < 2; ++half) {
    const double* p = a + 4 * half;
    const double* q = b;
    double* out = c + 32 * half;
    __m256d sum[4][2];
    for (std::size_t i = 0; i < 4; ++i)
      for (std::size_t v = 0; v < 2; ++v) sum[i][v] = _mm256_loadu_pd(out + 8 * i + 4 * v);
    for (std::size_t k = 0; k < depth; ++k, p += 8, q += 8) {
      const __m256d b0 = _mm256_loadu_pd(q);
      const __m256d b1 = _mm256_loadu_pd(q + 4);
      for (std::size_t i = 0; i < 4; ++i) {
        const __m256d x = _mm256_set1_pd(p[i]);
        sum[i][0] = _mm256_sub_pd(sum[i][0], _mm256_mul_pd(x, b0));
        sum[i][1] = _mm256_sub_pd(sum[i][1], _mm256_mul_pd(x, b1));
      }
    }
    for (std::size_t i = 0; i < 4; ++i)
      for (std::size_t v = 0; v < 2; ++v) _mm256_storeu_pd(out + 8 * i + 4 * v, sum[i][v]);
  }
}

}  // namespace lipverify
