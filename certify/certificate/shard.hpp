// Parts of a data set, certified by themselves and merged (formats/SPEC.md, section 8): the only way in which a certificate's samples may
// come from several runs.
#pragma once

#include <cstdint>
#include <string>

#include "certify/bounds/analysis.hpp"
#include "certify/certificate/statement.hpp"
#include "formats/encoding/json.hpp"

namespace lipcert {

/// Part i of N, i < N.
struct ShardNumber {
  std::uint64_t part = 0;
  std::uint64_t of = 1;

  /// The contiguous range [floor(T i / N), floor(T (i + 1) / N)) of T samples.
  [[nodiscard]] std::uint64_t begin(std::uint64_t samples) const;
  [[nodiscard]] std::uint64_t end(std::uint64_t samples) const;
};
/// Throws `Error` (usage) unless the text is `i/N` with 0 <= i < N <= 1000000.
[[nodiscard]] ShardNumber parse_shard(const std::string& text);

/// What all shards of one certificate have in common.
struct ShardConfiguration {
  std::string model_sha256;
  std::string graph_digest;
  Json data;
  std::string configuration;  // see `configuration_digest`
  bool operator==(const ShardConfiguration&) const = default;
};

/// SHA-256 over everything that a radius depends on besides model and data: the proved bounds, the settings and the program's version.
[[nodiscard]] std::string configuration_digest(const Analysis& analysis, const AnalysisOptions& settings, const Generator& generator);

struct Shard {
  ShardConfiguration configuration;
  ShardNumber number;
  std::uint64_t first = 0;
  std::uint64_t count = 0;
  std::string records;  // bytes
};

[[nodiscard]] std::string write_shard(const Shard& shard);
/// Throws `Error` (input) when the file is no shard, or is damaged.
[[nodiscard]] Shard read_shard(const std::string& path);

}  // namespace lipcert
