// The fixed tiling of matrix work: a function of the sizes alone, so that every rounding is the same for any number of threads.
#pragma once

#include <cstddef>
#include <string>

#include "formats/encoding/error.hpp"

namespace lipcert {

/// Side of the square tiles into which matrices of this order are cut: large enough for BLAS to be fast on one, small enough for many threads.
[[nodiscard]] inline std::size_t tile_size(std::size_t n) { return n <= 192 ? 192 : (n <= 2048 ? 128 : 256); }

/// BLAS counts in 32 bits.
[[nodiscard]] inline int blas_int(std::size_t n) {
  if (n > 0x7fffffff) {
    throw input_error("A matrix dimension of " + std::to_string(n) + " is beyond what BLAS can address; split the layer.");
  }
  return static_cast<int>(n);
}

}  // namespace lipcert
