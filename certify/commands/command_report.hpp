// `lipcert report`.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace CLI {
class App;
}

namespace lipcert {

struct ReportOptions {
  std::string certificate;
  std::vector<std::string> models;
  std::string data;
  std::string labels;
  std::string records;
  std::string evidence;  // of local radii; empty: the one named in the certificate, beside it
  std::string public_key;
  std::string policy;
  std::string out;
  std::string attack;
  std::string gsn;
  std::string cyclonedx;
  std::string compare;
  std::optional<std::string> time;
  std::optional<std::uint64_t> audit;
  unsigned threads = 0;  // 0: all cores
  bool no_samples = false;
  bool allow_external_data = false;
  bool json = false;
  bool force = false;
};

/// Adds the command to the program; it fills `options`.
CLI::App* add_report_command(CLI::App& app, ReportOptions& options);

/// Returns lipverify's exit code (0, 1 or 5) after the report is written; of a comparison the worse of two, or 0 where it was not asked.
/// Throws `Error`.
[[nodiscard]] int report_command(const ReportOptions& options);

}  // namespace lipcert
