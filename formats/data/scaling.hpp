// From the numbers of a data file to the graph's input: x = (v * scale - mean_c) / std_c as exact fractions, in the order in which the
// graph reads them (formats/SPEC.md, section 8).
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "formats/data/data_set.hpp"
#include "formats/data/rational.hpp"
#include "formats/network/network.hpp"

namespace lipcert {

/// How the graph's input reads an image: as it is; row, column, channel; channel, column, row.
enum class Layout { nchw, nhwc, ncwh };
[[nodiscard]] const char* name_of(Layout layout);  // "NCHW", ...

/// The texts are canonical decimals or fractions (`canonical_number`), as a certificate holds them.
struct ScalingTexts {
  Layout layout = Layout::nchw;
  std::string scale = "1";
  std::vector<std::string> mean = {"0"};
  std::vector<std::string> std = {"1"};
};

/// An exact number between two neighbouring doubles, or equal to both.
struct EntryBounds {
  double lower = 0;
  double upper = 0;
};

class Scaling {
 public:
  /// Throws `Error`: usage for a zero scale or std and for lists that fit neither one nor all channels; input when the sample does not have
  /// the graph's number of entries, or when an image of several channels evidently has another layout.
  Scaling(const ScalingTexts& texts, const SampleShape& shape, const Shape& input, const std::string& data_name);

  [[nodiscard]] std::uint64_t entries() const { return order_.size(); }
  /// Entry i of the graph's input (row-major), exact.
  [[nodiscard]] Rational entry(const Sample& sample, std::size_t i) const;
  /// All entries of the graph's input as the nearest doubles below and above. Throws `Error` (input) when one is beyond the largest double.
  void enclose(const Sample& sample, std::vector<EntryBounds>& entries) const;

 private:
  [[nodiscard]] Rational scaled(const Rational& value, std::size_t channel) const;

  std::vector<std::uint32_t> order_;  // position in the sample of entry i of the input
  std::uint64_t area_ = 1;            // entries of one channel
  std::string data_name_;
  Rational scale_;
  std::vector<Rational> mean_;  // one, or one per channel
  std::vector<Rational> std_;
  bool unit_ = false;                     // x = v
  bool one_map_ = false;                  // the same for all channels
  std::vector<EntryBounds> pixel_table_;  // 256 per map; empty when there are too many maps
};

}  // namespace lipcert
