// Parts of a data set, certified by themselves and merged (formats/SPEC.md, section 8): the only way in which a certificate's samples may
// come from several runs.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "certify/bounds/analysis.hpp"
#include "certify/certificate/statement.hpp"
#include "certify/graph/model.hpp"
#include "certify/samples/sample_claim.hpp"
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
  RadiusTheorem theorem = RadiusTheorem::margin_over_lipschitz;
  std::optional<StatedRange> range;
  std::vector<std::string> decided;  // layer_dual: eps at which alone radii were decided, ascending, in `unit`; empty: radii to 1 %
  Unit unit = Unit::graph_input;
  bool operator==(const ShardConfiguration&) const = default;
};

/// SHA-256 over everything that a radius depends on besides model and data: the proved bounds, the settings and the program's version.
[[nodiscard]] std::string configuration_digest(const Analysis& analysis, const AnalysisOptions& settings, const Generator& generator);

/// All but the choice of radii.
[[nodiscard]] ShardConfiguration shard_configuration(const Model& model, const Json& data, const Analysis& analysis,
                                                     const AnalysisOptions& settings);

struct Shard {
  ShardConfiguration configuration;
  ShardNumber number;
  std::uint64_t first = 0;
  std::uint64_t count = 0;
  std::string records;   // bytes
  std::string evidence;  // layer_dual: of all samples, in order
};

[[nodiscard]] std::string write_shard(const Shard& shard);
/// Throws `Error` (input) when the file is no shard, or is damaged.
[[nodiscard]] Shard read_shard(const std::string& path);

/// What makes one shard.
struct ShardJob {
  std::string model;  // path
  bool allow_external_data = false;
  FunctionChoice function;  // which function is meant, where the model leaves it open
  SampleJob samples;  // counts are made when shards are merged: its eps say only where local radii are decided
  ShardNumber number;
  AnalysisOptions analysis;  // its `progress` is called for the samples too
};

/// A shard whose records are still to be made: model, data and bounds are known, and with them the shard's identity.
struct OpenShard {
  Model model;
  PreparedSamples samples;
  Analysis analysis;
  Shard shard;
};
/// Throws `Error` for whatever is wrong with model, data or settings, and for a shard of more than 5 000 000 samples.
[[nodiscard]] OpenShard open_shard(const ShardJob& job);
/// Evaluates the shard's samples.
void make_records(OpenShard& open, const AnalysisOptions& settings);

/// What is merged, and how the samples are counted (as in `SampleJob`).
struct ShardMerge {
  std::vector<std::string> shards;  // paths; empty: nothing is merged
  std::vector<std::string> eps;     // canonical, ascending
  std::optional<Unit> eps_unit;
  bool allow_low_accuracy = false;
};

/// The samples of all shards of one run, in any order: the same claim and the same records file (in `folder`) as without shards. Throws
/// `Error` (input) when a shard is missing, given twice, damaged, or belongs to another model, data set, scaling, program or division, and
/// when the labels of all are met as by guessing. `model_name` is for messages.
[[nodiscard]] SampleClaim merge_shards(const ShardMerge& merge, const Model& model, const std::string& model_name, const Analysis& analysis,
                                       const AnalysisOptions& settings, const std::string& folder);

}  // namespace lipcert
