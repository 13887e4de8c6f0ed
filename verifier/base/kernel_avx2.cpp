// The microkernel with AVX2 (this file alone is compiled with -mavx2). vpmuldq multiplies the low, signed 32 bits of each 64-bit lane into
// 64 bits. Four rows by eight columns of sums at a time: eight accumulators, two columns vectors, one broadcast.
#include <immintrin.h>

#include "verifier/base/kernel.hpp"

namespace lipverify {

void microkernel_avx2(const std::int64_t* a, const std::int64_t* b, std::size_t depth, std::int64_t* c) {
  for (std::size_t half = 0; half < 2; ++half) {
    const std::int64_t* p = a + 4 * half;
    const std::int64_t* q = b;
    std::int64_t* out = c + 32 * half;
    __m256i sum[4][2];
    for (std::size_t i = 0; i < 4; ++i)
      for (std::size_t v = 0; v < 2; ++v) sum[i][v] = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(out + 8 * i + 4 * v));
    for (std::size_t k = 0; k < depth; ++k, p += 8, q += 8) {
      const __m256i b0 = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(q));
      const __m256i b1 = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(q + 4));
      for (std::size_t i = 0; i < 4; ++i) {
        const __m256i x = _mm256_set1_epi64x(p[i]);
        sum[i][0] = _mm256_add_epi64(sum[i][0], _mm256_mul_epi32(x, b0));
        sum[i][1] = _mm256_add_epi64(sum[i][1], _mm256_mul_epi32(x, b1));
      }
    }
    for (std::size_t i = 0; i < 4; ++i)
      for (std::size_t v = 0; v < 2; ++v) _mm256_storeu_si256(reinterpret_cast<__m256i*>(out + 8 * i + 4 * v), sum[i][v]);
  }
}

}  // namespace lipverify
