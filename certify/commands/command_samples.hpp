// Commands about samples: the part of `certify` with --data, and one shard of it.
#pragma once

#include <cstdint>

#include "certify/commands/command.hpp"

namespace lipcert {

/// Throws `Error` (usage) for a text that is no number.
[[nodiscard]] SampleJob sample_job(const SampleOptions& options);

/// `lipcert certify --shard i/N`: writes an unsigned shard file; one that is already there and belongs to the same run is left as it is.
[[nodiscard]] int shard_command(const CertifyOptions& options);

/// The member `samples` of --json, and the lines for people; warnings go to standard error.
[[nodiscard]] Json samples_summary(const SampleClaim& claim);
void print_samples(const SampleClaim& claim);
void warn_about_samples(const SampleClaim& claim, std::uint64_t outputs);

}  // namespace lipcert
