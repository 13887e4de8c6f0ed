#include "certify/renewal/old_certificate.hpp"

#include <algorithm>
#include <string_view>

#include "certify/certificate/sign.hpp"
#include "certify/report/plain_text.hpp"
#include "formats/data/rational.hpp"
#include "formats/encoding/base64.hpp"
#include "formats/encoding/error.hpp"
#include "formats/encoding/files.hpp"

namespace lipcert {
namespace {

constexpr std::uint64_t largest_certificate = 268435456;  // formats/SPEC.md, section 1
constexpr std::string_view statement_type = "https://in-toto.io/Statement/v1";
constexpr std::string_view predicate_type = "https://lipcert.github.io/attestation/lipschitz-certificate/v1";
constexpr std::uint64_t most_region_samples = 4096;  // a hostile number would make the search for the lower end endless

Error wrong(const std::string& path, const std::string& what) {
  return input_error(path + ": " + what + "; certify the model anew with `lipcert certify`.");
}

/// A name that a certificate may mean a file by: no folder, nothing hidden in it.
std::string plain_name(const Json& value, const std::string& path) {
  const auto name = value.get<std::string>();
  if (name.empty() || name == "." || name == ".." || name.find('/') != std::string::npos || name.find('\0') != std::string::npos)
    throw wrong(path, "names a file '" + in_short(name) + "', which is no plain name");
  return name;
}

SampleJob sample_job_of(const Json& claim, const std::string& path) {
  SampleJob job;
  const Json& data = claim.at("data");
  const auto format = data.at("format").get<std::string>();
  for (const DataFormat known : {DataFormat::idx, DataFormat::csv, DataFormat::npy, DataFormat::cifar10, DataFormat::png_folder}) {
    if (format == name_of(known)) job.source.format = known;
  }
  if (!job.source.format) throw wrong(path, "has data of the unknown format '" + in_short(format) + "'");
  for (const Json& file : data.at("files")) {
    const auto role = file.at("role").get<std::string>();
    (role == "labels" ? job.source.labels : job.source.samples) = plain_name(file.at("name"), path);
  }
  if (job.source.samples.empty()) throw wrong(path, "has a claim about samples without their file");
  job.scaling = scaling_of(data, path);
  const auto canonical = [&](const std::string& number) {
    if (canonical_number(number, path) != number) throw wrong(path, "has the number '" + in_short(number) + "' in no canonical form");
  };
  canonical(job.scaling.scale);
  for (const std::string& number : job.scaling.mean) canonical(number);
  for (const std::string& number : job.scaling.std) canonical(number);
  if (data.contains("labelColumn")) {
    job.source.label_column = static_cast<std::int64_t>(data.at("labelColumn").get<std::uint64_t>());
  }
  const Json& selection = claim.at("selection");
  if (selection.at("first").get<std::uint64_t>() != 0) throw wrong(path, "selects samples that do not begin with the first");
  if (selection.at("count") != data.at("samples")) job.limit = selection.at("count").get<std::uint64_t>();
  for (const Json& count : claim.at("counts")) {
    job.eps.push_back(count.at("eps").get<std::string>());
    canonical(job.eps.back());
  }
  const bool pixels = claim.contains("epsUnit") && claim.at("epsUnit") == name_of(Unit::scaled_pixel);
  job.eps_unit = pixels ? Unit::scaled_pixel : Unit::graph_input;
  job.radii = radius_theorem(claim.at("evidence").at("theorem").get<std::string>(), path);
  if (claim.contains("inputRange")) {
    job.range = StatedRange{claim.at("inputRange").at("low").get<std::string>(), claim.at("inputRange").at("high").get<std::string>()};
    canonical(job.range->low);
    canonical(job.range->high);
  }
  return job;
}

}  // namespace

std::string in_short(const std::string& text, std::size_t longest) {
  return report::printable(text, longest);
}

OldCertificate read_certificate(const std::string& path) {
  OldCertificate out;
  out.path = path;
  const Json bundle = parse_json(read_file(path, largest_certificate), path);
  try {
    const Json& envelope = bundle.at("dsseEnvelope");
    const Json& signatures = envelope.at("signatures");
    if (envelope.at("payloadType") != std::string(payload_type) || !signatures.is_array() || signatures.size() != 1)
      throw wrong(path, "is no bundle of one in-toto statement with one signature");
    out.payload = base64_decode(envelope.at("payload").get<std::string>());
    out.signature = base64_decode(signatures.at(0).at("sig").get<std::string>());
    if (signatures.at(0).contains("keyid")) out.key_id = signatures.at(0).at("keyid").get<std::string>();
    out.statement = parse_json(out.payload, path);
    if (out.statement.at("_type") != std::string(statement_type) || out.statement.at("predicateType") != std::string(predicate_type))
      throw wrong(path, "is a statement of another kind than a Lipschitz certificate");
    const Json& predicate = out.statement.at("predicate");
    if (predicate.at("formatVersion") != 1) throw wrong(path, "has another format version than 1");
    if (out.statement.at("subject").size() != 1) throw wrong(path, "is not about one model");
    out.model_sha256 = out.statement.at("subject").at(0).at("digest").at("sha256").get<std::string>();
    out.version = predicate.at("generator").at("version").get<std::string>();
    out.commit = predicate.at("generator").at("commit").get<std::string>();
    const Json& issuance = predicate.at("issuance");
    const auto time = [&](const char* member) {
      try {
        return parse_time(issuance.at(member).get<std::string>(), member);
      } catch (const Error&) {
        throw wrong(path, std::string("has a time in ") + member + " that is none");
      }
    };
    out.issued_at = time("issuedAt");
    if (!issuance.at("notAfter").is_null()) out.not_after = time("notAfter");
  } catch (const Json::exception&) {
    throw wrong(path, "lacks a member of a certificate, or one has another type");
  }
  return out;
}

const Json* sample_claim_of(const OldCertificate& certificate) {
  try {
    for (const Json& claim : certificate.statement.at("predicate").at("claims")) {
      if (claim.at("kind") == "sample-radii") return &claim;
    }
  } catch (const Json::exception&) {
    throw wrong(certificate.path, "has claims without a kind");
  }
  return nullptr;
}

CertifyJob job_of(const OldCertificate& certificate) {
  const std::string& path = certificate.path;
  CertifyJob job;
  try {
    const Json& predicate = certificate.statement.at("predicate");
    job.model = plain_name(certificate.statement.at("subject").at(0).at("name"), path);
    const Json& model = predicate.at("model");
    job.allow_external_data = !model.at("externalFiles").empty();
    if (model.at("input").contains("given")) job.function.input_shape = model.at("input").at("shape").get<std::vector<std::uint64_t>>();
    if (model.at("output").contains("others")) job.function.output = model.at("output").at("name").get<std::string>();
    job.function.fixed_inputs = model.contains("fixedInputs");
    const Json& settings = predicate.at("settings");
    job.analysis.seed = settings.at("seed").get<std::uint64_t>();
    const auto regions = settings.at("regionSamples").get<std::uint64_t>();
    if (regions > most_region_samples)
      throw wrong(path,
                  "searches " + std::to_string(regions) + " regions for its lower end, more than " + std::to_string(most_region_samples));
    job.analysis.region_samples = static_cast<unsigned>(regions);
    const Json& issuance = predicate.at("issuance");
    job.issuance.issuer = issuance.at("issuer").get<std::string>();
    job.issuance.requirements = issuance.at("requirements").get<std::vector<std::string>>();
    job.issuance.issued_at = certificate.issued_at;
    job.issuance.not_after = certificate.not_after;
    if (const Json* const claim = sample_claim_of(certificate)) {
      job.samples = sample_job_of(*claim, path);
      SampleCounts counts{{}};
      counts.total = claim->at("total").get<std::uint64_t>();
      counts.correct = claim->at("correct").get<std::uint64_t>();
      counts.undecided = claim->at("undecided").get<std::uint64_t>();
      // Who was told once that labels are met as by guessing, and certified all the same, is not asked again.
      std::uint64_t outputs = 1;
      for (const Json& n : model.at("output").at("shape")) outputs *= std::max<std::uint64_t>(1, n.get<std::uint64_t>());
      job.samples->allow_low_accuracy = claim->at("labelled").get<bool>() && counts.total > 0 && !low_accuracy(counts, outputs).empty();
    }
  } catch (const Json::exception&) {
    throw wrong(path, "lacks a setting of a certificate, or one has another type");
  }
  return job;
}

}  // namespace lipcert
