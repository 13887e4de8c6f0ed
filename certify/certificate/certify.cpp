#include "certify/certificate/certify.hpp"

#include "certify/certificate/build_info.hpp"
#include "certify/certificate/shard.hpp"

namespace lipcert {

Certified certify(const CertifyJob& job) {
  Certified made;
  made.model = read_model(job.model, job.allow_external_data);
  const Network& network = made.model.network;
  refuse_unsupported(job.model, partition(network).refusals);
  std::optional<PreparedSamples> prepared;
  if (job.samples) {
    prepared = prepare_samples(*job.samples, network);
  }
  made.analysis = analyse(network, job.analysis);
  if (prepared) {
    made.samples = claim_samples(*prepared, network, made.analysis, job.analysis.threads, job.folder, [&](double done) {
      if (job.analysis.progress) job.analysis.progress(done, "samples");
    });
  } else if (!job.shards.empty()) {
    made.samples = merge_shards(job.shards, job.shard_eps, made.model, job.model, made.analysis, job.analysis, job.folder);
  }
  made.payload = statement(network, made.analysis, made.model.file, job.analysis, build_info(), job.issuance, made.samples);
  return made;
}

}  // namespace lipcert
