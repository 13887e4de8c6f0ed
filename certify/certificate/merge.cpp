// Shards -> the claim about all samples. A shard is a file that somebody else may have written: everything in it that can contradict the
// model, the data or the other shards is looked at before its records are taken.
#include "certify/certificate/shard.hpp"
#include "certify/samples/radius_rule.hpp"
#include "formats/encoding/error.hpp"

namespace lipcert {
SampleClaim merge_shards(const ShardMerge& merge, const Model& model, const std::string& model_name, const Analysis& analysis,
                         const AnalysisOptions& settings, const std::string& folder) {
  const std::vector<std::string>& shards = merge.shards;
  SampleClaim claim;
  (void)SampleCounts(merge.eps);
  const RadiusRule rule(analysis, model.network.values[model.network.output].shape);

  // One shard in memory at a time: first their places, then their records in order.
  struct Place {
    std::uint64_t first = 0;
    std::uint64_t count = 0;
    std::string path;
  };
  std::vector<Place> places;
  ShardConfiguration expected;
  std::uint64_t of = 0;
  for (const std::string& path : shards) {
    const Shard shard = read_shard(path);
    if (places.empty()) {
      expected = shard_configuration(model, shard.configuration.data, analysis, settings);
      expected.theorem = shard.configuration.theorem;
      expected.range = shard.configuration.range;
      expected.decided = shard.configuration.decided;
      expected.unit = shard.configuration.unit;
      of = shard.number.of;
      places.resize(of);
    }
    const auto differs = [&](const std::string& what) {
      return input_error(path + ": belongs to " + what + "; merge only the shards of one run.");
    };
    if (shard.configuration.model_sha256 != expected.model_sha256 || shard.configuration.graph_digest != expected.graph_digest)
      throw differs("another model than " + model_name);
    if (!(shard.configuration.data == expected.data)) throw differs("other data, or another scaling of them, than " + shards.front());
    if (shard.configuration.configuration != expected.configuration)
      throw differs("bounds that this program does not find (another version or processor)");
    if (!(shard.configuration == expected)) throw differs("another choice of radii (--radii, --input-range, --eps) than " + shards.front());
    if (shard.number.of != of)
      throw differs("a division into " + std::to_string(shard.number.of) + " shards, while " + shards.front() + " is one of " +
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
    throw input_error(shards.front() + ": its data has another number of samples than the shards hold; make the shards again.");
  for (std::uint64_t i = 0; i < of; ++i) {
    if (places[i].first != ShardNumber{i, of}.begin(total) || places[i].count != ShardNumber{i + 1, of}.begin(total) - places[i].first)
      throw input_error(places[i].path + ": does not cover its part of " + std::to_string(total) +
                        " samples; make the shards again with one --limit.");
  }

  claim.data = expected.data;
  claim.selection = {0, total};
  try {
    const ScalingTexts scaling = scaling_of(claim.data, shards.front());
    claim.scaled = usual_unit(scaling) == Unit::scaled_pixel;
    const Rational std = smallest_std(scaling);
    if (std.sign() == 0) throw input_error(shards.front() + ": divides by a std of zero; make the shards again.");
    claim.counts = SampleCounts(merge.eps, merge.eps_unit.value_or(usual_unit(scaling)), std);
  } catch (const Json::exception&) {
    throw input_error(shards.front() + ": its data have no scaling; make the shards again.");
  }
  claim.theorem = expected.theorem;
  claim.range = expected.range;
  if (!expected.decided.empty() && (merge.eps != expected.decided || claim.counts.unit != expected.unit))
    throw Error(ExitCode::usage, "The radii of these shards were decided at the eps that `lipcert certify --shard` was given, and say little about others; give `lipcert merge` "
                                 "the same --eps and --eps-unit.");
  ClaimWriter writer(claim, folder);
  for (const Place& place : places) {
    const Shard shard = read_shard(place.path);
    if (shard.first != place.first || shard.count != place.count || !(shard.configuration == expected))
      throw input_error(place.path + ": changed while it was read; leave it alone until the end.");
    std::size_t evidence = 0;
    for (std::uint64_t k = 0; k < shard.count; ++k) {
      const SampleRecord record = decode_record(shard.records.data() + k * record_bytes(claim.theorem), claim.theorem, place.path);
      if (!rule.fits(record))
        throw input_error(place.path + ": the record of sample " + std::to_string(record.index) +
                          " does not follow from the model's bounds; make the shard again.");
      claim.labelled = claim.labelled || record.label != no_class;
      writer.add(record, shard.evidence.substr(evidence, record.evidence));
      evidence += record.evidence;
    }
  }
  check_accuracy(claim, rule.outputs(), merge.allow_low_accuracy);
  writer.finish();
  return claim;
}

}  // namespace lipcert
