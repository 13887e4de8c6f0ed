// The spectral norm of a convolution, enclosed from both sides (formats/SPEC.md section 5, convolution blocks).
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "certify/numbers/enclosed.hpp"
#include "certify/numbers/parallel.hpp"
#include "certify/norms/sparse_norm.hpp"

namespace lipcert {

struct ConvolutionAxis {
  enum class Kind { zero, circular, copies };
  Kind kind = Kind::zero;            // decided by `classified` from the other members; what a caller puts here is not read
  std::uint64_t input = 0;           // length of the axis of the block's input (transposed: of the block's output)
  std::uint64_t padded = 0;          // length that the Conv reads; input when there are no padding nodes
  std::uint64_t output = 0;          // length that the Conv writes (transposed: of the block's input)
  std::uint64_t kernel = 1;
  std::uint64_t stride = 1;
  std::uint64_t dilation = 1;
  std::int64_t begin = 0;            // padding before, of the Conv itself
  std::vector<std::int64_t> source;  // padded position -> input position, or -1 for a constant; empty: identity (padded == input)
};

/// y[o, i] = sum over c, j of kernel[o, c, j] x~[c, stride i + dilation j - begin], x~ the input selected by `source`.
struct Convolution {
  std::uint64_t groups = 1;
  std::uint64_t outputs = 1;         // per group
  std::uint64_t inputs = 1;          // per group
  std::vector<ConvolutionAxis> axes; // one to three
  EnclosedTensor kernel;             // [groups * outputs, inputs, k...], channel factors folded in
  bool transposed = false;           // the block is the adjoint of this convolution
};

/// Bounds the norm of the block, whose matrix is explicit_matrix(c). Which theorem proves it is chosen by a flop model, never by a clock:
/// explicit-gram-psd (tight) where affordable, then conv-frequency-grid, conv-bernstein, conv-reshape. `reserve` widens the claims of a kernel that is
/// not exact, for a checker that encloses it in its own way: as in `bound_norm`.
[[nodiscard]] LinearBound bound_convolution(const Convolution& c, WorkerPool& pool, std::uint64_t seed, Upper reserve = {});

/// One theorem by itself, whatever its cost, for tests and tables. `grid` belongs to `bernstein`: N of each axis, more than K - 1.
enum class ConvolutionTheorem { explicit_gram, grid, bernstein, reshape };
[[nodiscard]] LinearBound bound_convolution_by(ConvolutionTheorem theorem, const Convolution& c, WorkerPool& pool, std::uint64_t seed,
                                               const std::vector<std::uint64_t>& grid = {});

/// Flops that bounding takes.
[[nodiscard]] double convolution_flops(const Convolution& c);

/// The block's matrix, outputs x inputs, both tensors in row-major order ([groups * channels, n_1, ..., n_d]); the adjoint when `transposed`.
[[nodiscard]] SparseMatrix explicit_matrix(const Convolution& c);

}  // namespace lipcert
