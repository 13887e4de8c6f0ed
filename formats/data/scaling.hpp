// From the numbers of a data file to the graph's input: x = (v * scale - mean_c) / std_c as exact fractions, in the order in which the
// graph reads them (formats/SPEC.md, section 8).
#pragma once

#include <array>
#include <cstdint>
#include <optional>
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
  /// NCHW or NHWC: how an NPY array, or a row with an image shape, stores an image. Empty: NCHW, or what `fitted` finds.
  std::optional<Layout> array_layout;
  /// Channels, rows, columns of the image that a row of entries is. Empty: rows are no images, or what `fitted` finds.
  std::optional<std::array<std::uint64_t, 3>> image_shape;
  std::string scale = "1";
  std::vector<std::string> mean = {"0"};
  std::vector<std::string> std = {"1"};
};

/// Fills in how images are stored and what image a row is, where data and graph decide it; what says nothing new is left empty, as in a
/// certificate. Throws `Error`: input, with the option that mends it, when the shape of an image contradicts that of the graph's input;
/// usage for options that the data do not have.
[[nodiscard]] ScalingTexts fitted(ScalingTexts texts, const DataDescription& data, const Shape& input, const std::string& data_name);

/// The unit of an eps, a radius or a distance (Euclidean lengths all): of the graph's input, or of v * scale, before mean and std.
enum class Unit { graph_input, scaled_pixel };
[[nodiscard]] const char* name_of(Unit unit);  // "graph input", "scaled pixel"
/// Scaled pixels wherever x = v does not hold anyway.
[[nodiscard]] Unit usual_unit(const ScalingTexts& texts);
/// s = min_c |std_c|: a change of length e in scaled pixels has at most length e / s in the graph's input, so r there is at least r s here.
/// Throws `Error` (usage) for a text that is no number.
[[nodiscard]] Rational smallest_std(const ScalingTexts& texts);

/// An exact number between two neighbouring doubles, or equal to both.
struct EntryBounds {
  double lower = 0;
  double upper = 0;
};

class Scaling {
 public:
  /// Throws `Error`: usage for a zero scale or std and for lists that fit neither one nor all channels; input when the sample does not have
  /// the graph's number of entries, or the image not the shape of the graph's input.
  Scaling(const ScalingTexts& texts, const SampleShape& shape, const Shape& input, const std::string& data_name);

  [[nodiscard]] std::uint64_t entries() const { return order_.size(); }
  /// Entry i of the graph's input (row-major), exact.
  [[nodiscard]] Rational entry(const Sample& sample, std::size_t i) const;
  /// All entries of the graph's input as the nearest doubles below and above. Throws `Error` (input) when one is beyond the largest double.
  void enclose(const Sample& sample, std::vector<EntryBounds>& entries) const;
  /// The file's numbers, in the file's order, of which these entries of the graph's input are made: v = (x std + mean) / scale, in floating point.
  [[nodiscard]] std::vector<double> unscaled(const std::vector<double>& input) const;
  /// |std| of entry i of the graph's input, rounded up: scaled pixels for one unit of it.
  [[nodiscard]] double pixels_per_unit(std::size_t i) const;
  /// What entry i of the graph's input is where its scaled pixel is p: (p - mean_c) / std_c, exact.
  [[nodiscard]] Rational input_of(const Rational& pixel, std::size_t i) const;

 private:
  [[nodiscard]] std::size_t channel(std::size_t at) const { return channels_last_ ? at % channels_ : at / area_; }
  [[nodiscard]] Rational scaled(const Rational& value, std::size_t channel) const;

  std::vector<std::uint32_t> order_;  // position in the sample of entry i of the input
  std::uint64_t area_ = 1;            // entries of one channel
  std::uint64_t channels_ = 1;
  bool channels_last_ = false;  // in the sample
  std::string data_name_;
  Rational scale_;
  std::vector<Rational> mean_;  // one, or one per channel
  std::vector<Rational> std_;
  bool unit_ = false;                     // x = v
  bool one_map_ = false;                  // the same for all channels
  std::vector<EntryBounds> pixel_table_;  // 256 per map; empty when there are too many maps
};

}  // namespace lipcert
