// See kernel.hpp: the portable variant, and the choice.
#include "verifier/base/kernel.hpp"

namespace lipverify {

void microkernel_portable(const std::int64_t* a, const std::int64_t* b, std::size_t depth, std::int64_t* c) {
  for (std::size_t k = 0; k < depth; ++k, a += 8, b += 8)
    for (std::size_t i = 0; i < 8; ++i) {
      const std::int64_t x = static_cast<std::int32_t>(a[i]);
      for (std::size_t j = 0; j < 8; ++j) c[8 * i + j] += x * static_cast<std::int32_t>(b[j]);
    }
}

#if defined(LIPVERIFY_X86)
bool available(Kernel kernel) {
  switch (kernel) {
    case Kernel::portable: return true;
    case Kernel::avx2: return __builtin_cpu_supports("avx2") != 0;
    case Kernel::avx512: return __builtin_cpu_supports("avx512f") != 0;
  }
  return false;
}
#else
bool available(Kernel kernel) { return kernel == Kernel::portable; }
void microkernel_avx2(const std::int64_t* a, const std::int64_t* b, std::size_t depth, std::int64_t* c) { microkernel_portable(a, b, depth, c); }
void microkernel_avx512(const std::int64_t* a, const std::int64_t* b, std::size_t depth, std::int64_t* c) { microkernel_portable(a, b, depth, c); }
#endif

Kernel best_kernel() {
  if (available(Kernel::avx512)) return Kernel::avx512;
  return available(Kernel::avx2) ? Kernel::avx2 : Kernel::portable;
}

const char* name_of(Kernel kernel) { return kernel == Kernel::avx512 ? "avx512" : kernel == Kernel::avx2 ? "avx2" : "portable"; }

Microkernel microkernel(Kernel kernel) {
  return kernel == Kernel::avx512 ? microkernel_avx512 : kernel == Kernel::avx2 ? microkernel_avx2 : microkernel_portable;
}

}  // namespace lipverify
