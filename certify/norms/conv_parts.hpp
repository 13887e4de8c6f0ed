// What the norms of convolutions share: index maps, the operator itself, the symbol on a grid of frequencies.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "certify/norms/conv_norm.hpp"
#include "certify/numbers/rounding.hpp"

namespace lipcert {

/// Which input position each output position reads through which tap: the padding, strides and dilations of all axes in one list.
class TapMap {
 public:
  struct Read {
    std::uint32_t position;  // flat, of the input (the output for `inverted`)
    std::uint32_t tap;       // flat
  };
  explicit TapMap(const Convolution& c);

  [[nodiscard]] std::size_t inputs() const { return inputs_; }
  [[nodiscard]] std::size_t outputs() const { return outputs_; }
  [[nodiscard]] std::size_t taps() const { return taps_; }
  [[nodiscard]] std::size_t size() const { return reads_.size(); }
  /// Reads of output position i, by position and then by tap.
  [[nodiscard]] const Read* begin(std::size_t i) const { return reads_.data() + start_[i]; }
  [[nodiscard]] const Read* end(std::size_t i) const { return reads_.data() + start_[i + 1]; }
  /// The same pairs by input position: outputs() and inputs() exchanged.
  [[nodiscard]] TapMap inverted() const;

 private:
  TapMap() = default;
  std::size_t inputs_ = 1;
  std::size_t outputs_ = 1;
  std::size_t taps_ = 1;
  std::vector<std::size_t> start_;
  std::vector<Read> reads_;
};

/// Position of the axis of the input that output i reads through tap j, or -1.
[[nodiscard]] std::int64_t read_position(const ConvolutionAxis& axis, std::uint64_t i, std::uint64_t j);

/// Number of pairs (output, tap) of the axis that read an entry of the input.
[[nodiscard]] std::uint64_t reads_of(const ConvolutionAxis& axis);

/// The kind of an axis with the numbers of its theorem (SPEC.md section 5).
struct PlannedAxis {
  ConvolutionAxis::Kind kind = ConvolutionAxis::Kind::zero;
  std::uint64_t n = 0;       // length that the theorem sees
  std::int64_t p = 0;        // its padding before
  std::uint64_t copies = 1;  // most padded positions that copy one entry
  std::uint64_t taps = 1;    // K, per phase
  std::uint64_t exact_grid = 1;  // least N for which the finite grid is a proof
};
/// As a certificate writes it.
[[nodiscard]] const char* name_of(ConvolutionAxis::Kind kind);
[[nodiscard]] PlannedAxis classified(const ConvolutionAxis& axis);
/// The same axis as kind `copies`, whatever it is.
[[nodiscard]] PlannedAxis as_copies(const ConvolutionAxis& axis);

/// Largest norm of the symbol over a grid of frequencies and all groups: z^N = 1 on an axis with shift 0, z^N = -1 with shift 1.
struct SymbolBound {
  Upper norm;           // of the symbol of the centre of the kernel, errors of roots and sums included
  Upper tap_norms;      // largest sum over the taps of ||W_j||_F of a group
  double largest = 0;   // of real and imaginary parts of the computed symbol
  std::vector<std::uint64_t> shift;  // of each axis, the one that was taken
};
/// On the grid for which the norm seems smallest among those with the given `shifts` (at least one).
[[nodiscard]] SymbolBound bound_symbol(const Convolution& c, const std::vector<std::uint64_t>& grid, const std::vector<std::vector<std::uint64_t>>& shifts,
                                       WorkerPool& pool, std::uint64_t seed);
/// Its flops, with that many shifts to choose from.
[[nodiscard]] double symbol_flops(const Convolution& c, const std::vector<std::uint64_t>& grid, std::size_t shifts);
/// The shifts that prove something: 0 and 1, axis by axis; 0 alone on a circular axis, or where the symbol does not depend on z.
[[nodiscard]] std::vector<std::vector<std::uint64_t>> shifts_of(const std::vector<PlannedAxis>& axes);
/// Channels of one group after the polyphase split: outputs, and inputs times the phases that have taps.
[[nodiscard]] std::array<std::size_t, 2> symbol_shape(const Convolution& c);

/// A lower end of the block's norm with its witness, found on the operator itself.
struct OperatorWitness {
  Lower norm;             // ||A v|| / ||v||, of the centre of the kernel
  IntegerVector vector;   // empty: not looked for (more than 65536 entries), or nothing found
};
[[nodiscard]] OperatorWitness search_witness(const Convolution& c, WorkerPool& pool, std::uint64_t seed);

/// ||A v|| / ||v|| from below for the centre of the kernel.
[[nodiscard]] Lower witness_ratio(const Convolution& c, const IntegerVector& v, WorkerPool& pool);

}  // namespace lipcert
