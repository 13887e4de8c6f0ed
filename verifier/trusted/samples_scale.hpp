// From the numbers of a data file to the input of the network: x = (v * scale - mean_c) / std_c exactly, in the order that the graph reads
// (formats/SPEC.md, section 8), and its enclosure on a grid of powers of two.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "verifier/trusted/data.hpp"
#include "verifier/trusted/numbers.hpp"

namespace lipverify {

enum class Layout { nchw, nhwc, ncwh };

/// x_i lies in [lower[i], lower[i] + (exact[i] ? 0 : 1)] * 2^exponent.
struct GridPoint {
  int exponent = 0;
  std::vector<Int128> lower;
  std::vector<std::uint8_t> exact;
};

class Scaling {
 public:
  /// `means`, `deviations`: one for all entries, or one for each channel; deviations and scale are not zero. Another number of them, or a layout
  /// other than NCHW for rows: Failure (rejected).
  Scaling(const SampleShape& shape, Layout layout, const Rational& scale, const std::vector<Rational>& means, const std::vector<Rational>& deviations);

  /// Entry i, in the file's order, of the network's input.
  [[nodiscard]] Rational exact(const Sample& sample, std::size_t i) const;
  /// The whole input in the graph's order, with |x_i| < 2^(exponent + bits): the finest such grid within a factor 2. Thread-safe.
  void enclose(const Sample& sample, int bits, GridPoint& point) const;

 private:
  /// x = (v * factor - offset) / denominator, integers, denominator > 0.
  struct Affine {
    Integer factor, offset, denominator;
  };
  [[nodiscard]] const Affine& channel(std::size_t i) const { return channels_[channels_.size() == 1 ? 0 : i / plane_]; }

  std::vector<Affine> channels_;
  std::size_t plane_;                  // entries of one channel
  std::vector<std::uint32_t> target_;  // position in the graph's input of each entry of the file
};

}  // namespace lipverify
