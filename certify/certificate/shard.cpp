#include "certify/certificate/shard.hpp"

#include "certify/certificate/build_info.hpp"
#include "formats/encoding/base64.hpp"
#include "formats/encoding/error.hpp"
#include "formats/encoding/files.hpp"
#include "formats/encoding/hex_float.hpp"
#include "formats/network/graph_digest.hpp"

namespace lipcert {
namespace {

constexpr std::uint64_t largest_shard = 5000000;  // samples: its file stays below the cap of a JSON document

}  // namespace

std::uint64_t ShardNumber::begin(std::uint64_t samples) const {
  __extension__ using Wide = unsigned __int128;
  return static_cast<std::uint64_t>(Wide{samples} * part / of);
}
std::uint64_t ShardNumber::end(std::uint64_t samples) const {
  return ShardNumber{part + 1, of}.begin(samples);
}

ShardNumber parse_shard(const std::string& text) {
  const std::size_t slash = text.find('/');
  const auto digits = [](const std::string& part) {
    return !part.empty() && part.size() <= 7 && part.find_first_not_of("0123456789") == std::string::npos;
  };
  if (slash != std::string::npos && digits(text.substr(0, slash)) && digits(text.substr(slash + 1))) {
    const ShardNumber shard{std::stoull(text.substr(0, slash)), std::stoull(text.substr(slash + 1))};
    if (shard.part < shard.of && shard.of <= 1000000) return shard;
  }
  throw Error(ExitCode::usage, "--shard '" + text + "' is not of the form i/N with 0 <= i < N; the first of four shards is 0/4.");
}

std::string configuration_digest(const Analysis& analysis, const AnalysisOptions& settings, const Generator& generator) {
  Json pairs = Json::array();
  for (const double bound : analysis.pairs) pairs.push_back(hex_float(bound));
  return sha256_hex(write_json({{"version", generator.version},
                                {"seed", settings.seed},
                                {"regionSamples", settings.region_samples},
                                {"upper", hex_float(analysis.upper)},
                                {"pairs", pairs}}));
}

namespace {

Json radii_member(const ShardConfiguration& of) {
  Json member = {{"theorem", name_of(of.theorem)}, {"decided", of.decided}, {"unit", name_of(of.unit)}};
  if (of.range) member["inputRange"] = {{"low", of.range->low}, {"high", of.range->high}};
  return member;
}

void read_radii(const Json& member, const std::string& path, ShardConfiguration& to) {
  to.theorem = radius_theorem(member.at("theorem").get<std::string>(), path);
  to.decided = member.at("decided").get<std::vector<std::string>>();
  to.unit = member.at("unit") == name_of(Unit::scaled_pixel) ? Unit::scaled_pixel : Unit::graph_input;
  if (member.contains("inputRange"))
    to.range = StatedRange{member.at("inputRange").at("low").get<std::string>(), member.at("inputRange").at("high").get<std::string>()};
}

}  // namespace

std::string write_shard(const Shard& shard) {
  const bool local = shard.configuration.theorem == RadiusTheorem::layer_dual;
  Json json = {{"lipcertShard", local ? 3 : 2},
               {"model", shard.configuration.model_sha256},
               {"graphDigest", shard.configuration.graph_digest},
               {"data", shard.configuration.data},
               {"configuration", shard.configuration.configuration},
               {"shard", shard.number.part},
               {"of", shard.number.of},
               {"first", shard.first},
               {"count", shard.count},
               {"records", base64_encode(shard.records)}};
  if (local) {
    json["radii"] = radii_member(shard.configuration);
    json["evidence"] = base64_encode(shard.evidence);
  }
  // The digest is over these same bytes without it: a reader writes the shard again and compares all of them.
  json["sha256"] = sha256_hex(write_json(json));
  return write_json(json);
}

Shard read_shard(const std::string& path) {
  const auto wrong = [&](const std::string& what) {
    return input_error(path + ": " + what + "; make the shard again with `lipcert certify --shard`.");
  };
  Json json;
  std::string text;
  try {
    text = read_file(path, 268435456);
    json = parse_json(text, path);
  } catch (const Json::exception&) {
    throw wrong("is not JSON");
  }
  Shard shard;
  try {
    if (json.is_object() && json.at("lipcertShard") == 1)
      throw wrong("is a shard of an older version, which has no digest of its content, so that damage would not be seen");
    if (!json.is_object() || (json.at("lipcertShard") != 2 && json.at("lipcertShard") != 3)) throw wrong("is no shard of version 2 or 3");
    shard.configuration.model_sha256 = json.at("model").get<std::string>();
    shard.configuration.graph_digest = json.at("graphDigest").get<std::string>();
    shard.configuration.data = json.at("data");
    shard.configuration.configuration = json.at("configuration").get<std::string>();
    if (json.at("lipcertShard") == 3) read_radii(json.at("radii"), path, shard.configuration);
    shard.number = {json.at("shard").get<std::uint64_t>(), json.at("of").get<std::uint64_t>()};
    shard.first = json.at("first").get<std::uint64_t>();
    shard.count = json.at("count").get<std::uint64_t>();
    const std::string records = json.at("records").get<std::string>();
    try {
      shard.records = base64_decode(records);
      if (json.at("lipcertShard") == 3) shard.evidence = base64_decode(json.at("evidence").get<std::string>());
    } catch (const Error&) {
      throw wrong("is damaged: its records or its evidence are not base64");
    }
  } catch (const Json::exception&) {
    throw wrong("lacks a member of a shard, or one has another type");
  }
  std::string again;
  try {
    again = write_shard(shard);
  } catch (const Error&) {
    throw wrong("holds a value that no shard has, such as a negative number or one with a fraction");
  }
  if (again != text) throw wrong("is damaged: its content does not have the digest that it names");
  if (shard.number.of == 0 || shard.number.part >= shard.number.of || shard.number.of > 1000000)
    throw wrong("has an impossible shard number");
  const RadiusTheorem theorem = shard.configuration.theorem;
  const std::size_t size = record_bytes(theorem);
  if (shard.count > (std::uint64_t{1} << 40) || shard.records.size() != shard.count * size)
    throw wrong("does not hold the records that it announces");
  std::uint64_t evidence = 0;
  for (std::uint64_t i = 0; i < shard.count; ++i) {
    const SampleRecord record = decode_record(shard.records.data() + i * size, theorem, path);
    if (record.index != shard.first + i) throw wrong("has its records out of order");
    evidence += record.evidence;
  }
  if (evidence != shard.evidence.size()) throw wrong("does not hold the evidence that its records announce");
  return shard;
}

ShardConfiguration shard_configuration(const Model& model, const Json& data, const Analysis& analysis, const AnalysisOptions& settings) {
  ShardConfiguration configuration;
  configuration.model_sha256 = model.file.sha256;
  configuration.graph_digest = graph_digest(model.network);
  configuration.data = data;
  configuration.configuration = configuration_digest(analysis, settings, build_info());
  return configuration;
}

OpenShard open_shard(const ShardJob& job) {
  OpenShard open;
  open.model = read_model(job.model, job.allow_external_data, job.function);
  refuse_unsupported(job.model, partition(open.model.network).refusals);
  open.samples = prepare_samples(job.samples, open.model.network);
  open.shard.number = job.number;
  open.shard.first = job.number.begin(open.samples.selection.count);
  open.shard.count = job.number.end(open.samples.selection.count) - open.shard.first;
  if (open.shard.count > largest_shard)
    throw Error(ExitCode::usage, "The shard would have " + std::to_string(open.shard.count) +
                                     " samples; choose a larger N, so that it has at most " + std::to_string(largest_shard) + ".");
  open.analysis = analyse(open.model.network, job.analysis);
  open.shard.configuration =
      shard_configuration(open.model, data_member(open.samples.description, open.samples.scaling), open.analysis, job.analysis);
  ShardConfiguration& configuration = open.shard.configuration;
  configuration.theorem = open.samples.radii;
  configuration.range = open.samples.range;
  if (open.samples.radii == RadiusTheorem::layer_dual) {
    configuration.decided = open.samples.eps;
    if (!configuration.decided.empty()) configuration.unit = open.samples.eps_unit;
  }
  return open;
}

void make_records(OpenShard& open, const AnalysisOptions& settings) {
  Shard& shard = open.shard;
  const RadiusTheorem theorem = shard.configuration.theorem;
  shard.records.clear();
  shard.evidence.clear();
  shard.records.reserve(shard.count * record_bytes(theorem));
  certify_samples(
      open.model.network, open.analysis, open.samples.source, open.samples.description, open.samples.scaling, {shard.first, shard.count},
      open.samples.radius_job(), settings.threads,
      [&](double done, const std::string& what) {
        if (settings.progress) settings.progress(done, what);
      },
      [&](const SampleRecord& record, const std::string& evidence) {
        shard.records += encode(record, theorem);
        shard.evidence += evidence;
      });
}

}  // namespace lipcert
