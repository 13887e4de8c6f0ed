// Samples in `lipcert certify`, and its shards.

#include "certify/commands/print.hpp"
#include "certify/commands/command_samples.hpp"

#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>

#include "certify/commands/progress.hpp"

namespace lipcert {

SampleJob sample_job(const SampleOptions& options) {
  return {options.data.source(),
          options.data.scaling(),
          options.data.limit,
          options.canonical_eps(),
          unit_of(options.eps_unit),
          options.allow_low_accuracy,
          options.radii == "global" ? RadiusTheorem::margin_over_lipschitz : RadiusTheorem::layer_dual,
          options.range()};
}

int shard_command(const CertifyOptions& options) {
  const auto start = std::chrono::steady_clock::now();
  if (options.samples.data.data.empty()) throw Error(ExitCode::usage, "--shard is a part of a data set; name it with --data.");
  if (!options.samples.eps.empty() && options.samples.radii == "global")
    throw Error(ExitCode::usage, "--eps belongs to `lipcert merge`: a shard holds radii, and the counts are made from all of them.");
  if ((!options.samples.eps_unit.empty() && options.samples.eps.empty()) || options.samples.allow_low_accuracy)
    throw Error(ExitCode::usage, "--eps-unit (without --eps) and --allow-low-accuracy belong to `lipcert merge`, which counts the samples of all shards.");
  if (!options.key.empty()) throw Error(ExitCode::usage, "A shard is not signed; leave --key out and give it to `lipcert merge`.");
  ProgressBar bar(true);
  ShardJob job;
  job.number = parse_shard(options.samples.shard);
  job.model = options.model;
  job.allow_external_data = options.allow_external_data;
  job.function = options.function.choice();
  job.samples = sample_job(options.samples);
  job.analysis.threads = options.threads;
  job.analysis.progress = [&bar](double done, const std::string& what) { bar.show(done, what); };
  OpenShard open = open_shard(job);
  const Shard& shard = open.shard;

  bool there = false;
  if (::access(options.out.c_str(), F_OK) == 0) {
    std::string problem;
    if (holds_private_key(options.out))
      throw Error(ExitCode::usage, options.out + " holds a private key, or cannot be read to see that it does not: it is never replaced, not even with --force; "
                                                 "choose another name.");
    try {
      const Shard old = read_shard(options.out);
      there = old.configuration == shard.configuration && old.number.part == shard.number.part && old.number.of == shard.number.of &&
              old.first == shard.first && old.count == shard.count;
      problem = "is a shard of another run";
    } catch (const Error&) {
      problem = "is not a shard, or a damaged or older one";
    }
    if (!there && !options.force)
      throw Error(ExitCode::usage, options.out + " exists and " + problem + "; choose another name, or replace it with --force.");
    for (const std::string& input : {options.model, options.samples.data.data, options.samples.data.labels}) {
      struct stat one {};
      struct stat other {};
      if (::stat(options.out.c_str(), &one) == 0 && ::stat(input.c_str(), &other) == 0 && one.st_dev == other.st_dev &&
          one.st_ino == other.st_ino)
        throw Error(ExitCode::usage, options.out + " is an input; name another file for the shard.");
    }
  }
  if (!there) {
    make_records(open, job.analysis);
    const std::string bytes = write_shard(shard);
    PendingFile file(options.out, 0666);
    file.write(bytes.data(), bytes.size());
    const ReplaceGuard no_key = [&](const std::string& standing) {
      if (holds_private_key(standing)) throw Error(ExitCode::usage, options.out + " holds a private key by now and is left as it is; choose another name.");
    };
    file.publish(options.out, &no_key);
  }
  const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  if (options.json) {
    const Json out = {{"shard", shard.number.part}, {"of", shard.number.of}, {"first", shard.first}, {"count", shard.count},
                      {"file", options.out},        {"reused", there},       {"seconds", seconds}};
    print_json_line(out);
  } else {
    print("shard        {} of {}: samples {} to {}{}\n", shard.number.part, shard.number.of, shard.first, shard.first + shard.count,
               there ? ", already done" : "");
    print("file         {}\n", options.out);
    print("time         {:.2f} s\n", seconds);
  }
  return 0;
}

namespace {

/// For people: of units of the graph's input, to a few digits; null without radii.
Json median(std::vector<float> radii) {
  if (radii.empty()) return nullptr;
  const auto middle = radii.begin() + static_cast<std::ptrdiff_t>(radii.size() / 2);
  std::nth_element(radii.begin(), middle, radii.end());
  return std::stod(fmt::format("{:.4g}", *middle));
}

}  // namespace

Json samples_summary(const SampleClaim& claim) {
  Json eps = Json::array();
  for (const SampleCounts::Eps& e : claim.counts.eps)
    eps.push_back({{"eps", e.text}, {"certified", e.certified}, {"certified_correct", e.certified_correct}, {"global", e.global}, {"global_correct", e.global_correct}});
  return {{"total", claim.counts.total},
          {"correct", claim.counts.correct},
          {"undecided", claim.counts.undecided},
          {"labelled", claim.labelled},
          {"epsUnit", name_of(claim.counts.unit)},
          {"eps", eps},
          {"medianRadius", median(claim.radii)},
          {"medianGlobalRadius", median(claim.global_radii)},
          {"radii", name_of(claim.theorem)},
          {"local", claim.counts.local},
          {"inputRange", claim.range ? Json{{"low", claim.range->low}, {"high", claim.range->high}} : Json(nullptr)},
          {"evidence", claim.local ? Json(claim.local->name) : Json(nullptr)},
          {"records", claim.records.name},
          {"merkleRoot", claim.records.merkle_root}};
}

void print_samples(const SampleClaim& claim) {
  const SampleCounts& counts = claim.counts;
  print("samples      {} (first {}), {} undecided", counts.total, claim.selection.first, counts.undecided);
  const auto percent = [&](std::uint64_t count) { return 100.0 * static_cast<double>(count) / static_cast<double>(counts.total); };
  if (claim.labelled) {
    print(", {} correct ({:.2f} %)\n", counts.correct, percent(counts.correct));
  } else {
    print(", no labels\n");
  }
  for (const SampleCounts::Eps& e : counts.eps) {
    print("eps {:<8} {} robust ({:.2f} %)", e.text, e.certified, percent(e.certified));
    if (claim.labelled) print(", {} robust and correct ({:.2f} %)", e.certified_correct, percent(e.certified_correct));
    if (claim.theorem == RadiusTheorem::layer_dual && !claim.global_radii.empty())
      print("; by the global constants alone {}", claim.labelled ? e.global_correct : e.global);
    print("\n");
  }
  if (!counts.eps.empty()) print("             eps in {}\n", unit_text(counts.unit));
  if (claim.range) print("only for     inputs with {} <= v * scale <= {} in every entry: a weaker claim than for all\n", claim.range->low, claim.range->high);
  if (!claim.radii.empty()) print("radii        median {}", median(claim.radii).get<double>());
  if (!claim.radii.empty() && claim.theorem == RadiusTheorem::layer_dual) {
    if (!claim.global_radii.empty()) print(" ({} by the global constants alone)", median(claim.global_radii).get<double>());
    print("; {} of {} by the bound around the sample{}", counts.local, counts.total, counts.eps.empty() ? "" : ", found out at these eps only (--radii)");
  }
  if (!claim.radii.empty()) print("\n");
  print("             in exact real arithmetic; floating-point inference is not covered yet\n");
  print("records      {}\n             radii in {}\n", claim.records.name, unit_text(Unit::graph_input));
  if (claim.local) print("evidence     {}\n             of local radii, {} bytes\n", claim.local->name, claim.local->bytes);
}

void warn_about_samples(const SampleClaim& claim, std::uint64_t outputs) {
  if (!claim.labelled) return;
  const std::string warning = low_accuracy(claim.counts, outputs);  // allowed: else there would be no claim
  if (!warning.empty()) print(stderr, "lipcert: warning: only {}.\n", warning);
}

}  // namespace lipcert
