// From the numbers of a data file to the input of the network: x = (v * scale - mean_c) / std_c exactly, in the order that the graph reads
// (formats/SPEC.md, section 8), and its enclosure on a grid of powers of two.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "verifier/base/numbers.hpp"
#include "verifier/graph/graph.hpp"
#include "verifier/samples/data.hpp"

namespace lipverify {

enum class Layout { nchw, nhwc, ncwh };

/// How an image is stored and read.
struct Arrangement {
  Layout layout = Layout::nchw;                           // by the graph
  bool channels_last = false;                             // in the file: row, column, channel
  std::optional<std::array<std::uint64_t, 3>> row_image;  // rows of entries are images: channels, rows, columns
};
/// Channels, rows and columns of samples whose dimensions in the file are `stored` (in the order of SampleShape). An arrangement that such
/// samples cannot have, or an image of another shape than the graph's input: Failure (rejected).
[[nodiscard]] SampleShape arranged(const SampleShape& stored, const Arrangement& how, const Shape& input);

/// x_i lies in [lower[i], lower[i] + 1] * 2^exponent, |lower[i]| <= 2^kGridBits; `inexact` of them are not lower[i] * 2^exponent itself.
inline constexpr int kGridBits = 57;
struct GridPoint {
  std::int64_t exponent = 0;
  std::vector<std::int64_t> lower;
  std::uint64_t inexact = 0;
};

/// A range of each entry of the graph's input, exact.
struct InputBox {
  std::vector<Rational> low, high;
};

class Scaling {
 public:
  /// `shape`: as `arranged` gives it. `means`, `deviations`: one for all entries, or one for each channel; deviations and scale are not zero.
  /// Another number of them, or a layout other than NCHW for rows: Failure (rejected).
  Scaling(const SampleShape& shape, Layout layout, const Rational& scale, const std::vector<Rational>& means,
          const std::vector<Rational>& deviations, bool channels_last = false);

  /// The whole input in the graph's order, exactly.
  [[nodiscard]] std::vector<Rational> exact(const Sample& sample) const;
  /// The same on the finest grid that holds it (within a factor of 4). Thread-safe.
  [[nodiscard]] GridPoint enclose(const Sample& sample) const;
  /// Where the entries of the graph's input lie when the scaled pixels (values times scale) lie in [low, high].
  [[nodiscard]] InputBox box(const Rational& low, const Rational& high) const;

 private:
  /// x = (v * factor - offset) / denominator, integers, denominator > 0.
  struct Affine {
    Integer factor, offset, denominator;
  };
  /// Which of `channels_` entry i of the file has.
  [[nodiscard]] std::size_t channel(std::size_t i) const { return channels_.size() == 1 ? 0 : last_ ? i % channels_.size() : i / plane_; }

  std::vector<Affine> channels_;
  std::vector<Rational> means_, deviations_;  // one, or one for each channel
  std::size_t plane_;                  // entries of one channel
  bool last_;                          // channels are the last dimension in the file
  std::vector<std::uint32_t> target_;  // position in the graph's input of each entry of the file
  // Pixels have at most 256 values in each channel: when the channels are few, what they become is computed once.
  GridPoint table_;
  std::vector<std::uint8_t> table_inexact_;
};

}  // namespace lipverify
