// Theorems `conv-frequency-grid`, `conv-bernstein` and `conv-reshape` (formats/SPEC.md, section 5, convolution blocks): the norm of a
// convolution from its kernel, without its explicit matrix.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "verifier/theorems/hints.hpp"

namespace lipverify {

/// One axis of y[o,i] = sum_{c,j} W[o,c,j] x~[c, s i + dil j - p]. Who fills it answers for the meaning of the fields; whether they meet
/// the conditions of the theorem is checked here.
struct ConvAxis {
  /// zero: x~ is x inside, and zero outside. circular: x~[i] = x[(i - l) mod input] for 0 <= i < padded, whatever l is.
  /// copies: an axis of length `padded`, zero outside, each of whose entries is an entry of x or zero, no entry of x more than `copies`
  /// times.
  enum class Kind { zero, circular, copies } kind = Kind::zero;
  std::uint64_t input = 0;   // length of the block's input
  std::uint64_t padded = 0;  // length that the convolution reads, before its own padding
  std::uint64_t output = 0;
  std::uint64_t kernel = 1;
  std::uint64_t stride = 1;
  std::uint64_t dilation = 1;
  std::int64_t pad = 0;  // p of the specification: zero: of the convolution plus l; circular and copies: of the convolution itself
  std::uint64_t copies = 1;
};

/// The kernel of a convolution, or of the adjoint one when the block is transposed.
struct ConvKernel {
  std::uint64_t groups = 1;
  std::uint64_t outputs = 1;  // per group
  std::uint64_t inputs = 1;   // per group
  std::vector<ConvAxis> axes;
  EnclosedMatrix taps;  // groups * outputs rows, inputs * product of the kernel's lengths columns, row-major like an ONNX weight
};

struct ConvEvidence {
  std::vector<std::uint64_t> grid;   // conv-frequency-grid, conv-bernstein: N of each axis
  std::vector<std::uint64_t> shift;  // the same: 0 where z^N = 1, 1 where z^N = -1
  std::vector<std::string> axes;     // zero, circular, copies: must be the kinds of the kernel's axes
  std::vector<std::uint64_t> rows;   // conv-reshape, ascending
  GramEvidence gram;
};

/// A number that is at least the norm of every convolution in the enclosure, or Failure (rejected) when the evidence is unusable.
[[nodiscard]] Rational convolution_bound(const ConvKernel& kernel, const std::string& theorem, const ConvEvidence& evidence,
                                         const Hints& hints, const Engine& engine);

}  // namespace lipverify
