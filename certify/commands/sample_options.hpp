// The options about data that several commands share, as structures and as options of the command line.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "formats/data/data_set.hpp"
#include "formats/data/scaling.hpp"

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
  std::string shard;  // "i/N"; empty: all

  /// Whether any option other than --data differs from its default.
  [[nodiscard]] bool given() const;
  /// Canonical spellings. Throws `Error` (usage).
  [[nodiscard]] std::vector<std::string> canonical_eps() const;
};

void add_data_options(CLI::App& command, DataOptions& options);
void add_eps_option(CLI::App& command, std::vector<std::string>& eps);

}  // namespace lipcert
