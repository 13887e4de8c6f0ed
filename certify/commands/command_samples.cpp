// Samples in `lipcert certify`, its shards, and `lipcert merge`.

#include "certify/commands/command_samples.hpp"

#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>

#include "certify/certificate/build_info.hpp"
#include "certify/commands/progress.hpp"
#include "certify/certificate/shard.hpp"
#include "formats/encoding/error.hpp"
#include "formats/encoding/files.hpp"
#include "formats/network/graph_digest.hpp"

namespace lipcert {
namespace {

const Shape& output_shape(const Network& network) {
  return network.values[network.output].shape;
}

/// What a radius needs besides the bounds is known before they are.
void check_outputs(const Network& network) {
  const std::uint64_t outputs = element_count(output_shape(network));
  if (outputs > 1024)
    throw input_error("The model has " + std::to_string(outputs) +
                      " outputs, and radii of samples need one output or 2 to 1024 classes; leave --data out.");
}

ShardConfiguration configuration_of(const LoadedModel& model, const Json& data, const Analysis& analysis, const AnalysisOptions& settings) {
  return {model.file.sha256, graph_digest(model.network), data, configuration_digest(analysis, settings, build_info())};
}

}  // namespace

PreparedSamples prepare_samples(const SampleOptions& options, const Network& network) {
  PreparedSamples prepared;
  check_outputs(network);
  prepared.scaling = options.data.scaling();
  prepared.eps = options.canonical_eps();
  (void)SampleCounts(prepared.eps);
  check_utf8(options.data.data, "--data");  // names of files go into the payload
  check_utf8(options.data.labels, "--labels");
  prepared.source = options.data.source();
  prepared.description = scan_data(prepared.source);
  (void)Scaling(prepared.scaling, prepared.description.shape, network.values[network.input].shape, prepared.source.samples);
  const std::uint64_t samples = prepared.description.samples;
  if (options.data.limit && *options.data.limit > samples)
    throw Error(ExitCode::usage, "--limit " + std::to_string(*options.data.limit) + " is more than the " + std::to_string(samples) +
                                     " samples of " + prepared.source.samples + "; leave it out to take all.");
  prepared.selection = {0, options.data.limit.value_or(samples)};
  return prepared;
}

SampleClaim claim_samples(const PreparedSamples& prepared, const Network& network, const Analysis& analysis, unsigned threads,
                          const std::string& folder) {
  SampleClaim claim;
  claim.data = data_member(prepared.description, prepared.scaling);
  claim.labelled = prepared.description.labelled;
  claim.selection = prepared.selection;
  claim.counts = SampleCounts(prepared.eps);
  RecordsWriter writer(folder);
  ProgressBar bar(true);
  certify_samples(
      network, analysis, prepared.source, prepared.description, prepared.scaling, prepared.selection, threads,
      [&](double done) { bar.show(done, "samples"); },
      [&](const SampleRecord& record) {
        claim.counts.add(record);
        writer.add(record);
      });
  claim.records = writer.finish();
  return claim;
}

int shard_command(const CertifyOptions& options) {
  const auto start = std::chrono::steady_clock::now();
  if (options.samples.data.data.empty()) throw Error(ExitCode::usage, "--shard is a part of a data set; name it with --data.");
  if (!options.samples.eps.empty())
    throw Error(ExitCode::usage, "--eps belongs to `lipcert merge`: a shard holds radii, and the counts are made from all of them.");
  if (!options.key.empty()) throw Error(ExitCode::usage, "A shard is not signed; leave --key out and give it to `lipcert merge`.");
  Shard shard;
  shard.number = parse_shard(options.samples.shard);
  const LoadedModel model = load_model(options.model, options.allow_external_data);
  refuse_unsupported(options.model, partition(model.network).refusals);
  const PreparedSamples prepared = prepare_samples(options.samples, model.network);
  shard.first = shard.number.begin(prepared.selection.count);
  shard.count = shard.number.end(prepared.selection.count) - shard.first;
  if (shard.count > 5000000)
    throw Error(ExitCode::usage,
                "The shard would have " + std::to_string(shard.count) + " samples; choose a larger N, so that it has at most 5000000.");

  AnalysisOptions settings;
  settings.threads = options.threads;
  ProgressBar bar(true);
  settings.progress = [&bar](double done, const std::string& what) { bar.show(done, what); };
  const Analysis analysis = analyse(model.network, settings);
  shard.configuration = configuration_of(model, data_member(prepared.description, prepared.scaling), analysis, settings);

  bool there = false;
  if (::access(options.out.c_str(), F_OK) == 0) {
    std::string problem;
    try {
      const Shard old = read_shard(options.out);
      there = old.configuration == shard.configuration && old.number.part == shard.number.part && old.number.of == shard.number.of &&
              old.first == shard.first && old.count == shard.count;
      problem = "is a shard of another run";
    } catch (const Error&) {
      problem = "is not a shard";
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
    shard.records.reserve(shard.count * record_bytes);
    certify_samples(
        model.network, analysis, prepared.source, prepared.description, prepared.scaling, {shard.first, shard.count}, options.threads,
        [&](double done) { bar.show(done, "samples"); }, [&](const SampleRecord& record) { shard.records += encode(record); });
    write_file(options.out, write_shard(shard), Overwrite::yes);
  }
  const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  if (options.json) {
    const Json out = {{"shard", shard.number.part}, {"of", shard.number.of}, {"first", shard.first}, {"count", shard.count},
                      {"file", options.out},        {"reused", there},       {"seconds", seconds}};
    fmt::print("{}\n", out.dump());
  } else {
    fmt::print("shard        {} of {}: samples {} to {}{}\n", shard.number.part, shard.number.of, shard.first, shard.first + shard.count,
               there ? ", already done" : "");
    fmt::print("file         {}\n", options.out);
    fmt::print("time         {:.2f} s\n", seconds);
  }
  return 0;
}

SampleClaim merge_shards(const CertifyOptions& options, const LoadedModel& model, const Analysis& analysis, const AnalysisOptions& settings,
                         const std::string& folder) {
  SampleClaim claim;
  claim.counts = SampleCounts(options.samples.canonical_eps());
  const RadiusRule rule(analysis, output_shape(model.network));

  // One shard in memory at a time: first their places, then their records in order.
  struct Place {
    std::uint64_t first = 0;
    std::uint64_t count = 0;
    std::string path;
  };
  std::vector<Place> places;
  ShardConfiguration expected;
  std::uint64_t of = 0;
  for (const std::string& path : options.shards) {
    const Shard shard = read_shard(path);
    if (places.empty()) {
      expected = configuration_of(model, shard.configuration.data, analysis, settings);
      of = shard.number.of;
      places.resize(of);
    }
    const auto differs = [&](const std::string& what) {
      return input_error(path + ": belongs to " + what + "; merge only the shards of one run.");
    };
    if (shard.configuration.model_sha256 != expected.model_sha256 || shard.configuration.graph_digest != expected.graph_digest)
      throw differs("another model than " + options.model);
    if (!(shard.configuration.data == expected.data))
      throw differs("other data, or another scaling of them, than " + options.shards.front());
    if (shard.configuration.configuration != expected.configuration)
      throw differs("bounds that this program does not find (another version or processor)");
    if (shard.number.of != of)
      throw differs("a division into " + std::to_string(shard.number.of) + " shards, while " + options.shards.front() + " is one of " +
                    std::to_string(of));
    Place& place = places[shard.number.part];
    if (!place.path.empty())
      throw input_error(path + ": overlaps with " + place.path + ", both are shard " + std::to_string(shard.number.part) +
                        "; give each shard once.");
    place = {shard.first, shard.count, path};
  }
  std::uint64_t total = 0;
  for (std::uint64_t i = 0; i < of; ++i) {
    if (places[i].path.empty())
      throw input_error("There is a gap: shard " + std::to_string(i) + " of " + std::to_string(of) +
                        " is missing; make it and give all shards.");
    total += places[i].count;
  }
  const auto samples = expected.data.find("samples");
  if (samples == expected.data.end() || !samples->is_number_unsigned() || total > samples->get<std::uint64_t>() || total == 0)
    throw input_error(options.shards.front() + ": its data has another number of samples than the shards hold; make the shards again.");
  for (std::uint64_t i = 0; i < of; ++i) {
    if (places[i].first != ShardNumber{i, of}.begin(total) || places[i].count != ShardNumber{i + 1, of}.begin(total) - places[i].first)
      throw input_error(places[i].path + ": does not cover its part of " + std::to_string(total) +
                        " samples; make the shards again with one --limit.");
  }

  claim.data = expected.data;
  claim.selection = {0, total};
  RecordsWriter writer(folder);
  for (const Place& place : places) {
    const Shard shard = read_shard(place.path);
    if (shard.first != place.first || shard.count != place.count || !(shard.configuration == expected))
      throw input_error(place.path + ": changed while it was read; leave it alone until the end.");
    for (std::uint64_t k = 0; k < shard.count; ++k) {
      const SampleRecord record = decode_record(shard.records.data() + k * record_bytes, place.path);
      if ((record.predicted != no_class && record.predicted >= std::max<std::uint64_t>(rule.outputs(), 2)) ||
          (record.predicted == no_class && record.radius != 0))
        throw input_error(place.path + ": the record of sample " + std::to_string(record.index) +
                          " does not fit the model; make the shard again.");
      claim.labelled = claim.labelled || record.label != no_class;
      claim.counts.add(record);
      writer.add(record);
    }
  }
  claim.records = writer.finish();
  return claim;
}

Json samples_summary(const SampleClaim& claim) {
  Json eps = Json::array();
  for (const SampleCounts::Eps& e : claim.counts.eps)
    eps.push_back({{"eps", e.text}, {"certified", e.certified}, {"certified_correct", e.certified_correct}});
  return {{"total", claim.counts.total},
          {"correct", claim.counts.correct},
          {"undecided", claim.counts.undecided},
          {"labelled", claim.labelled},
          {"eps", eps},
          {"records", claim.records.name},
          {"merkleRoot", claim.records.merkle_root}};
}

void print_samples(const SampleClaim& claim) {
  const SampleCounts& counts = claim.counts;
  fmt::print("samples      {} (first {}), {} undecided", counts.total, claim.selection.first, counts.undecided);
  const auto percent = [&](std::uint64_t count) { return 100.0 * static_cast<double>(count) / static_cast<double>(counts.total); };
  if (claim.labelled) {
    fmt::print(", {} correct ({:.2f} %)\n", counts.correct, percent(counts.correct));
  } else {
    fmt::print(", no labels\n");
  }
  for (const SampleCounts::Eps& e : counts.eps) {
    fmt::print("eps {:<8} {} robust ({:.2f} %)", e.text, e.certified, percent(e.certified));
    if (claim.labelled) fmt::print(", {} robust and correct ({:.2f} %)", e.certified_correct, percent(e.certified_correct));
    fmt::print("\n");
  }
  fmt::print("             in exact real arithmetic; floating-point inference is not covered yet\n");
  fmt::print("records      {}\n", claim.records.name);
}

void warn_about_samples(const SampleClaim& claim, std::uint64_t outputs) {
  if (!claim.labelled) return;
  const std::string warning = chance_warning(claim.counts, outputs);
  if (!warning.empty()) fmt::print(stderr, "lipcert: warning: {}\n", warning);
}

}  // namespace lipcert
