// From a model (and samples) to the payload of a certificate, in one call.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "certify/bounds/analysis.hpp"
#include "certify/certificate/shard.hpp"
#include "certify/certificate/statement.hpp"
#include "certify/graph/model.hpp"
#include "certify/samples/sample_claim.hpp"

namespace lipcert {

struct CertifyJob {
  std::string model;  // path
  bool allow_external_data = false;
  FunctionChoice function;           // which function is meant, where the model leaves it open
  std::optional<SampleJob> samples;  // radii of samples too
  ShardMerge merge;                  // or: those of the samples of shard files
  std::string folder = ".";          // where the records file goes, beside the certificate
  Issuance issuance;                 // `issue_time()` gives its time; by default it is 1970
  AnalysisOptions analysis;          // its `progress` is called for the samples too
};

/// Throws `Error` (usage) when a text is not UTF-8 or the end of validity is not after the time of issue.
void check_issuance(const Issuance& issuance);

struct Certified {
  Model model;
  Analysis analysis;
  std::optional<SampleClaim> samples;
  std::string payload;  // what is signed: formats/SPEC.md
};

/// Whatever can be wrong with model, data and settings is found before the long work (but for the folder of the records, which is written
/// to when they come). Throws `Error`: input for files that cannot be read or are not supported, usage for settings that do not fit them.
[[nodiscard]] Certified certify(const CertifyJob& job);

/// Writes the certificate and gives the records their name: both are whole on the disk under temporary names first, so that a full disk leaves what
/// stood there. `may_replace` looks at a file that stands at `path` (see `PendingFile::publish`). Throws `Error` (input).
void publish(Certified& made, const std::string& bundle, const std::string& path, const ReplaceGuard& may_replace);

}  // namespace lipcert
