// The innermost loop of the checker: an 8 x 8 block of inner products of 32-bit integers, summed in 64 bits.
//
// Panels hold eight columns side by side: entry (k, c) of a panel stands at 8 k + c, as a 64-bit integer whose value fits in 32 bits.
// Each variant computes c[8 i + j] += sum_{k < depth} a[8 k + i] * b[8 k + j]; the caller has proved that no such sum leaves 64 bits
// (gram.cpp). The results are exact integers, hence the same whatever the variant; which one runs is chosen once, from the processor.
#pragma once

#include <cstddef>
#include <cstdint>

namespace lipverify {

using Microkernel = void (*)(const std::int64_t* a, const std::int64_t* b, std::size_t depth, std::int64_t* c);

void microkernel_portable(const std::int64_t* a, const std::int64_t* b, std::size_t depth, std::int64_t* c);
void microkernel_avx2(const std::int64_t* a, const std::int64_t* b, std::size_t depth, std::int64_t* c);
void microkernel_avx512(const std::int64_t* a, const std::int64_t* b, std::size_t depth, std::int64_t* c);

enum class Kernel { portable, avx2, avx512 };

[[nodiscard]] bool available(Kernel kernel);
[[nodiscard]] Kernel best_kernel();
[[nodiscard]] const char* name_of(Kernel kernel);
[[nodiscard]] Microkernel microkernel(Kernel kernel);

}  // namespace lipverify
