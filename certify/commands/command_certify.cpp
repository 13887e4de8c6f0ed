// `lipcert certify`: model in, signed certificate out. The order is chosen so that every mistake of the user shows before the long work:
// output place, key and passphrase, model, then the bounds, the statement, the signature, the recheck by lipverify, and one atomic write.

#include <fmt/format.h>

#include <algorithm>

#include "certify/commands/command.hpp"
#include "certify/commands/print.hpp"
#include "certify/commands/command_samples.hpp"
#include "certify/commands/progress.hpp"
#include "certify/commands/publish.hpp"
#include "certify/commands/text.hpp"

namespace lipcert {
namespace {

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

void print_json(const CertifyOptions& options, const Model& model, const Analysis& analysis,
                const std::optional<SampleClaim>& samples, const Published& outcome) {
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
                const Published& outcome) {
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
  Published outcome;
  {
    ProgressBar bar(true);
    outcome = publish(options, job, key, [&bar](double done, const std::string& what) { bar.show(done, what); });
  }
  const auto& [model, analysis, samples, payload] = outcome.made;
  if (samples) {
    warn_about_samples(*samples, element_count(model.network.values[model.network.output].shape));
  }
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
