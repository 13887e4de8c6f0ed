#include "certify/commands/publish.hpp"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <fstream>

namespace lipcert {
namespace {

bool same_file(const struct stat& a, const std::string& path) {
  struct stat b {};
  return ::stat(path.c_str(), &b) == 0 && a.st_dev == b.st_dev && a.st_ino == b.st_ino;
}

/// Looked at before the work, and again when the certificate is there.
void check_replaced(const CertifyOptions& options, const std::string& standing) {
  if (holds_private_key(standing)) {
    throw Error(ExitCode::usage, options.out + " holds a private key, or cannot be read to see that it does not: it is never replaced, not even with --force; "
                                               "choose another name.");
  }
  if (!options.force && !is_certificate_or_empty(standing)) {
    throw Error(ExitCode::usage, options.out + " exists and is not a certificate; choose another name, or replace it with --force.");
  }
}

}  // namespace

bool is_certificate_or_empty(const std::string& path) {
  constexpr std::string_view start = R"({"mediaType":"application/vnd.dev.sigstore.bundle)";
  std::string head(start.size(), '\0');
  std::ifstream file(path, std::ios::binary);
  file.read(head.data(), static_cast<std::streamsize>(head.size()));
  return file.gcount() == 0 || (file && head == start);
}

void check_output(const CertifyOptions& options) {
  const auto refuse = [](const std::string& sentence) -> void { throw Error(ExitCode::usage, sentence); };
  const std::string folder = folder_of(options.out);
  if (::access(folder.c_str(), W_OK | X_OK) != 0) {
    refuse("The folder " + folder + " cannot be written to: " + std::strerror(errno) + "; choose another place for the certificate.");
  }
  struct stat status {};
  if (::stat(options.out.c_str(), &status) != 0) {
    return;
  }
  if (!S_ISREG(status.st_mode)) {
    refuse(options.out + " is not a regular file; name a file for the certificate.");
  }
  if (same_file(status, options.model) || same_file(status, options.key)) {
    refuse(options.out + " is the model or the key; name another file for the certificate.");
  }
  if (same_file(status, options.samples.data.data) || same_file(status, options.samples.data.labels) ||
      std::any_of(options.shards.begin(), options.shards.end(), [&](const std::string& shard) { return same_file(status, shard); })) {
    refuse(options.out + " holds the samples; name another file for the certificate.");
  }
  check_replaced(options, options.out);
}

Published publish(const CertifyOptions& options, const CertifyJob& job, const SigningKey& key,
                  const std::function<void(double, const std::string&)>& report) {
  const auto start = std::chrono::steady_clock::now();
  CertifyJob reported = job;
  reported.analysis.progress = report;
  Published out;
  out.made = certify(reported);
  const std::string bundle = sign_bundle(out.made.payload, key);
  out.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  if (report) report(1, "lipverify checks it");
  out.recheck = recheck(options, job, out.made, bundle, key);
  publish(out.made, bundle, options.out, [&](const std::string& standing) { check_replaced(options, standing); });
  out.payload_sha256 = sha256_hex(out.made.payload);
  out.fingerprint = key.fingerprint();
  out.algorithm = key.algorithm();
  return out;
}

}  // namespace lipcert
