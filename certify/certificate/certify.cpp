#include "certify/certificate/certify.hpp"

#include "certify/certificate/build_info.hpp"
#include "certify/certificate/shard.hpp"
#include "formats/encoding/error.hpp"

namespace lipcert {

void check_issuance(const Issuance& issuance) {
  check_utf8(issuance.issuer, "--issuer");
  for (const std::string& requirement : issuance.requirements) {
    check_utf8(requirement, "--requirement");
  }
  if (issuance.not_after && *issuance.not_after <= issuance.issued_at) {
    throw Error(ExitCode::usage, "--not-after " + format_time(*issuance.not_after) + " is not later than the time of issue, " +
                                     format_time(issuance.issued_at) + "; choose a later time.");
  }
}

Certified certify(const CertifyJob& job) {
  check_issuance(job.issuance);
  if (job.samples && !job.merge.shards.empty()) {
    throw Error(ExitCode::usage, "Samples come from data or from shards; give one of the two.");
  }
  const Generator generator = build_info();
  Certified made;
  made.model = read_model(job.model, job.allow_external_data, job.function);
  const Network& network = made.model.network;
  refuse_unsupported(job.model, partition(network).refusals);
  std::optional<PreparedSamples> prepared;
  if (job.samples) {
    prepared = prepare_samples(*job.samples, network);
  }
  made.analysis = analyse(network, job.analysis);
  if (prepared) {
    made.samples = claim_samples(*prepared, network, made.analysis, job.analysis.threads, job.folder, [&](double done, const std::string& what) {
      if (job.analysis.progress) job.analysis.progress(done, what);
    });
  } else if (!job.merge.shards.empty()) {
    made.samples = merge_shards(job.merge, made.model, job.model, made.analysis, job.analysis, job.folder);
  }
  made.payload = statement(network, made.analysis, made.model.file, job.analysis, generator, job.issuance, made.samples);
  return made;
}

void publish(Certified& made, const std::string& bundle, const std::string& path, const ReplaceGuard& may_replace) {
  PendingFile certificate(path, 0666);
  certificate.write(bundle.data(), bundle.size());
  certificate.sync();
  if (made.samples) {
    // Side files without a certificate are litter, a certificate without them is of no use: so they come first.
    if (made.samples->local) publish_side_file(*made.samples->local);
    publish_side_file(made.samples->records);
  }
  certificate.publish(path, &may_replace);
}

}  // namespace lipcert
