// `lipcert certify`: model in, signed certificate out. The order is chosen so that every mistake of the user shows before the long work:
// output place, key and passphrase, model, then the bounds, the statement, the signature, the recheck by lipverify, and one atomic write.

#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <fstream>

#include "certify/commands/command.hpp"
#include "certify/commands/print.hpp"
#include "certify/commands/command_samples.hpp"
#include "certify/commands/progress.hpp"
#include "certify/commands/recheck.hpp"
#include "certify/commands/text.hpp"

namespace lipcert {
namespace {

bool same_file(const struct stat& a, const std::string& path) {
  struct stat b {};
  return ::stat(path.c_str(), &b) == 0 && a.st_dev == b.st_dev && a.st_ino == b.st_ino;
}

bool is_certificate_or_empty(const std::string& path) {
  constexpr std::string_view start = R"({"mediaType":"application/vnd.dev.sigstore.bundle)";
  std::string head(start.size(), '\0');
  std::ifstream file(path, std::ios::binary);
  file.read(head.data(), static_cast<std::streamsize>(head.size()));
  return file.gcount() == 0 || (file && head == start);
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

/// A certificate can be made again, so an older one is replaced without asking: a script renews hundreds. Anything else that stands at the
/// output's place was probably not meant.
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

std::string relative_width(double lower, double upper) {
  return upper > 0 ? fmt::format("{:.1e}", (upper - lower) / upper) : "0";
}

/// One line per block. Decimals are rounded outward; the width is for orientation only.
void print_blocks(std::FILE* out, const Analysis& analysis) {
  std::size_t id_width = 13;
  std::size_t size_width = 4;
  std::size_t method_width = 17;
  for (const Block& block : analysis.partition.blocks) {
    id_width = std::max(id_width, block.id.size());
    size_width = std::max(size_width, size_text(block).size());
    method_width = std::max(method_width, block.theorem.size());
  }
  print(out, "{:>5}  {:<11}  {:<{}}  {:<{}}  {:<{}}  {:<24}  {:<24}  width\n", "block", "operator", "method", method_width, "size",
             size_width, "output tensor", id_width, "norm at most", "norm at least");
  for (std::size_t b = 0; b < analysis.partition.blocks.size(); ++b) {
    const Block& block = analysis.partition.blocks[b];
    const std::string size = size_text(block);
    print(out, "{:>5}  {:<11}  {:<{}}  {:<{}}  {:<{}}  {:<24}  {:<24}  {}\n", b + 1, name_of(block.op), block.theorem, method_width, size,
               size_width, block.id, id_width, decimal_up(block.upper), decimal_down(block.lower), relative_width(block.lower, block.upper));
  }
  print(out, "\n");
}

struct Outcome {
  std::string payload_sha256;
  std::string fingerprint;
  KeyAlgorithm algorithm = KeyAlgorithm::p256;
  double seconds = 0;  // without the recheck
  Recheck recheck;
};

void print_json(const CertifyOptions& options, const Model& model, const Analysis& analysis,
                const std::optional<SampleClaim>& samples, const Outcome& outcome) {
  Json blocks = Json::array();
  for (const Block& block : analysis.partition.blocks) {
    blocks.push_back({{"id", block.id},
                      {"operator", name_of(block.op)},
                      {"method", block.theorem},
                      {"bound", decimal_up(block.upper)},
                      {"lower", decimal_down(block.lower)}});
  }
  Json pairs = nullptr;
  if (analysis.classes >= 2) {
    const auto [smallest, largest] = std::minmax_element(analysis.pairs.begin(), analysis.pairs.end());
    pairs = {{"classes", analysis.classes},
             {"count", analysis.pairs.size()},
             {"method", analysis.pairs_by_rows ? "pair-row-difference" : "pair-sqrt2"},
             {"smallest", decimal_up(*smallest)},
             {"largest", decimal_up(*largest)}};
  }
  Json out = {{"lipschitz", decimal_up(analysis.upper)},
              {"lipschitzLower", decimal_down(analysis.lower)},
              {"blocks", blocks},
              {"pairs", pairs},
              {"model", {{"file", model.file.name}, {"sha256", model.file.sha256}}},
              {"input", input_json(model.network)},
              {"fixedInputs", model.network.fixed_inputs},
              {"output", output_json(model.network)},
              {"certificate", options.out},
              {"payloadSha256", outcome.payload_sha256},
              {"keyFingerprint", outcome.fingerprint},
              {"seconds", outcome.seconds},
              {"recheck", outcome.recheck.word},
              {"recheckVerdict", outcome.recheck.verdict.empty() ? Json(nullptr) : Json(outcome.recheck.verdict)},
              {"recheckSeconds", outcome.recheck.seconds}};
  if (samples) {
    out["samples"] = samples_summary(*samples);
  }
  print_json_line(out);
}

/// Which function the bounds are about.
void print_function(const Network& network) {
  print("input        {}\n", input_text(network));
  if (!network.fixed_inputs.empty()) {
    print("fixed        {}\n", fixed_text(network));
  }
  print("output       {}\n\n", output_text(network));
}

void print_text(const CertifyOptions& options, const Analysis& analysis, const std::optional<SampleClaim>& samples,
                const Outcome& outcome) {
  print("L            at most {}\n", decimal_up(analysis.upper));
  print("             at least {}\n", decimal_down(analysis.lower));
  if (analysis.classes >= 2) {
    const auto [smallest, largest] = std::minmax_element(analysis.pairs.begin(), analysis.pairs.end());
    print("class pairs  {} of {} classes, at most {} to {}\n", analysis.pairs.size(), analysis.classes, decimal_up(*smallest),
               decimal_up(*largest));
  }
  if (samples) {
    print_samples(*samples);
  }
  print("certificate  {}\n", options.out);
  print("payload      sha256 {}\n", outcome.payload_sha256);
  print("signed by    {} ({})\n", outcome.fingerprint, name_of(outcome.algorithm));
  print("recheck      {}\n", text_of(outcome.recheck));
  print("time         {:.2f} s{}\n", outcome.seconds,
             outcome.recheck.verdict.empty() ? "" : fmt::format(", recheck {:.2f} s", outcome.recheck.seconds));
}

}  // namespace

int certify_command(const CertifyOptions& options) {
  if (!options.samples.shard.empty()) {
    return shard_command(options);
  }
  if (options.key.empty()) {
    throw Error(ExitCode::usage, "--key is required; make a key with `lipcert keygen --out KEY.pem`.");
  }
  if (options.samples.data.data.empty() && options.shards.empty() && options.samples.given()) {
    throw Error(ExitCode::usage, "Options about samples were given without --data; name the file with the samples.");
  }
  const auto start = std::chrono::steady_clock::now();
  Issuance issuance;
  issuance.issuer = options.issuer;
  issuance.requirements = options.requirements;
  issuance.issued_at = issue_time();
  if (options.not_after) {
    issuance.not_after = parse_time(*options.not_after, "The argument of --not-after");
  }
  check_issuance(issuance);
  check_output(options);
  const SigningKey key = SigningKey::read(options.key, read_passphrase(options.passphrase_fd));
  if (const std::string warning = readable_by_others(options.key); !warning.empty()) {
    print(stderr, "lipcert: warning: {}.\n", warning);
  }
  CertifyJob job;
  job.model = options.model;
  job.allow_external_data = options.allow_external_data;
  job.function = options.function.choice();
  if (!options.samples.data.data.empty()) {
    job.samples = sample_job(options.samples);
  }
  job.merge = {options.shards, options.samples.canonical_eps(), unit_of(options.samples.eps_unit), options.samples.allow_low_accuracy};
  job.folder = folder_of(options.out);
  job.issuance = issuance;
  job.analysis.threads = options.threads;
  Certified made;
  Outcome outcome;
  std::string bundle;
  {
    ProgressBar bar(true);
    job.analysis.progress = [&bar](double done, const std::string& what) { bar.show(done, what); };
    made = certify(job);
    bundle = sign_bundle(made.payload, key);
    outcome.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    bar.show(1, "lipverify checks it");
    outcome.recheck = recheck(options, job, made, bundle, key);
  }
  publish(made, bundle, options.out, [&](const std::string& standing) { check_replaced(options, standing); });
  const auto& [model, analysis, samples, payload] = made;
  if (samples) {
    warn_about_samples(*samples, element_count(model.network.values[model.network.output].shape));
  }
  outcome.payload_sha256 = sha256_hex(payload);
  outcome.fingerprint = key.fingerprint();
  outcome.algorithm = key.algorithm();
  if (!options.json) {
    print_function(model.network);
  }
  if (options.verbose) {
    print_blocks(options.json ? stderr : stdout, analysis);
  }
  if (options.json) {
    print_json(options, model, analysis, samples, outcome);
  } else {
    print_text(options, analysis, samples, outcome);
  }
  return 0;
}

}  // namespace lipcert
