// The options about data that several commands share, as structures and as options of the command line.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "certify/lipcert.hpp"

namespace CLI {
class App;
}

namespace lipcert {

struct DataOptions {
  std::string data;  // empty: no samples
  std::string labels;
  std::string format;  // empty: recognised
  std::optional<std::int64_t> label_column;
  std::string layout = "NCHW";
  std::string array_layout;                // empty: found out
  std::vector<std::uint64_t> image_shape;  // channels, rows, columns; empty: none given
  std::string scale = "1";
  std::vector<std::string> mean = {"0"};
  std::vector<std::string> std = {"1"};
  std::optional<std::uint64_t> limit;
  bool operator==(const DataOptions&) const = default;

  [[nodiscard]] DataSource source() const;
  /// Throws `Error` (usage) for a text that is no number.
  [[nodiscard]] ScalingTexts scaling() const;
};

struct SampleOptions {
  DataOptions data;
  std::vector<std::string> eps;
  std::string eps_unit;             // "pixel" or "graph"; empty: the usual one
  bool allow_low_accuracy = false;  // certify although the labels are met as by guessing
  std::string shard;  // "i/N"; empty: all
  std::string radii;  // "global" or "local"; empty: local
  std::vector<std::string> input_range;  // low, high; empty: none

  /// Whether any option other than --data differs from its default.
  [[nodiscard]] bool given() const;
  /// Canonical spellings. Throws `Error` (usage).
  [[nodiscard]] std::vector<std::string> canonical_eps() const;
  [[nodiscard]] std::optional<StatedRange> range() const;
};

void add_data_options(CLI::App& command, DataOptions& options);
/// --eps, --eps-unit and --allow-low-accuracy.
void add_counting_options(CLI::App& command, SampleOptions& options);
/// --radii and --input-range.
void add_radius_options(CLI::App& command, SampleOptions& options);
/// --eps-unit; `what` is counted in it.
void add_unit_option(CLI::App& command, std::string& unit, const std::string& what);
/// Empty: nothing was given.
[[nodiscard]] std::optional<Unit> unit_of(const std::string& text);
/// For people: "scaled pixels (v * scale, before mean and std)".
[[nodiscard]] std::string unit_text(Unit unit);

}  // namespace lipcert
