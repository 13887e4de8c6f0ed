// Commands about samples: the part of `certify` with --data, one shard of it, and `merge`.
#pragma once

#include <string>
#include <vector>

#include "certify/bounds/analysis.hpp"
#include "certify/commands/command.hpp"
#include "certify/commands/loaded_model.hpp"
#include "certify/samples/sample_claim.hpp"
#include "certify/commands/sample_options.hpp"

namespace lipcert {

/// Everything about data that can be wrong is found out here, before the long work.
struct PreparedSamples {
  DataSource source;
  DataDescription description;
  ScalingTexts scaling;
  SampleRange selection;
  std::vector<std::string> eps;
};
[[nodiscard]] PreparedSamples prepare_samples(const SampleOptions& options, const Network& network);

/// Evaluates the selection and writes the records file into `folder`.
[[nodiscard]] SampleClaim claim_samples(const PreparedSamples& prepared, const Network& network, const Analysis& analysis, unsigned threads,
                                        const std::string& folder);

/// `lipcert certify --shard i/N`: writes an unsigned shard file; one that is already there and belongs to the same run is left as it is.
[[nodiscard]] int shard_command(const CertifyOptions& options);

/// The samples of all shards of one run (`lipcert merge`): the same claim and records as without shards.
[[nodiscard]] SampleClaim merge_shards(const CertifyOptions& options, const LoadedModel& model, const Analysis& analysis,
                                       const AnalysisOptions& settings, const std::string& folder);

/// The member `samples` of --json, and the lines for people; warnings go to standard error.
[[nodiscard]] Json samples_summary(const SampleClaim& claim);
void print_samples(const SampleClaim& claim);
void warn_about_samples(const SampleClaim& claim, std::uint64_t outputs);

}  // namespace lipcert
