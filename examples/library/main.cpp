// Certifies a model and has the independent checker judge the certificate, all in memory: certify_and_check MODEL.onnx
#include <cstdio>

#include "certify/lipcert.hpp"
#include "verifier/lipverify.hpp"

int main(int argc, char** argv) try {
  lipcert::CertifyJob job;
  job.model = argc == 2 ? argv[1] : "";
  job.issuance.issued_at = lipcert::issue_time();
  const lipcert::Certified made = lipcert::certify(job);
  const lipcert::SigningKey key = lipcert::SigningKey::generate(lipcert::KeyAlgorithm::ed25519);

  lipverify::Request request;
  request.certificate = {"certificate", lipcert::sign_bundle(made.payload, key)};
  request.models = {job.model};
  request.public_key = {"key", key.public_pem()};
  const lipverify::Report report = lipverify::verify(request);
  const bool accepted = report.outcome == lipverify::Outcome::accepted;
  std::printf("%s  %s <= L <= %s  %s\n", accepted ? "accepted" : "not accepted", report.global_lower.c_str(), report.global_upper.c_str(),
              report.error.c_str());
  return static_cast<int>(report.outcome);
} catch (const lipcert::Error& error) {
  std::fprintf(stderr, "%s\n", error.what());
  return static_cast<int>(error.code());
}
