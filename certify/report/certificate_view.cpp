#include "certify/report/certificate_view.hpp"

#include <cmath>

#include "certify/report/plain_text.hpp"
#include "certify/samples/sample_claim.hpp"
#include "formats/encoding/base64.hpp"
#include "formats/encoding/error.hpp"
#include "formats/encoding/files.hpp"

namespace lipcert::report {
namespace {

constexpr std::uint64_t largest_certificate = 268435456;
constexpr std::uint64_t largest_records = std::uint64_t{1} << 32;

void read_records(SampleView& samples, const std::string& certificate, const std::string& path) {
  const Json& told = samples.claim.at("records");
  const std::string name = told.at("file").get<std::string>();
  std::string bytes;
  try {
    bytes = path.empty() ? read_file_beside(folder_of(certificate), name, largest_records) : read_file(path, largest_records);
  } catch (const Error& error) {
    samples.records_missing = error.what();
    return;
  }
  if (sha256_hex(bytes) != told.at("sha256").get<std::string>() ||
      bytes.size() != samples.claim.at("selection").at("count").get<std::uint64_t>() * record_bytes(samples.theorem)) {
    samples.records_missing = "The records file is not the one that the certificate names.";
    return;
  }
  for (std::size_t at = 0; at < bytes.size(); at += record_bytes(samples.theorem))
    samples.records.push_back(decode_record(bytes.data() + at, samples.theorem, name));
}

}  // namespace

bool SampleView::labelled() const {
  return claim.at("labelled").get<bool>();
}

const Json* SampleView::range() const {
  return claim.contains("inputRange") ? &claim.at("inputRange") : nullptr;
}

double SampleView::radius(const SampleRecord& record) const {
  if (!std::isfinite(record.radius) || unit == Unit::graph_input) return record.radius;
  return (Rational::exact(record.radius) * smallest_std).rounded_down();
}

const Json* CertificateView::claim(const std::string& kind) const {
  for (const Json& candidate : predicate().at("claims")) {
    if (candidate.at("kind") == kind) return &candidate;
  }
  return nullptr;
}

std::string CertificateView::model_sha256() const {
  return statement.at("subject").at(0).at("digest").at("sha256").get<std::string>();
}

CertificateView view_certificate(std::string bytes, const std::string& path, const std::string& records) {
  CertificateView view;
  view.path = path;
  view.bytes = std::move(bytes);
  const std::string shown = printable(path);
  try {
    const Json bundle = parse_json(view.bytes, shown);
    const std::string payload = base64_decode(bundle.at("dsseEnvelope").at("payload").get<std::string>());
    view.payload_sha256 = sha256_hex(payload);
    view.statement = parse_json(payload, shown);
    if (const Json* claim = view.claim("sample-radii")) {
      SampleView samples;
      samples.claim = *claim;
      samples.scaling = scaling_of(claim->at("data"), shown);
      if (claim->contains("epsUnit") && claim->at("epsUnit") == name_of(Unit::scaled_pixel)) samples.unit = Unit::scaled_pixel;
      samples.theorem = radius_theorem(claim->at("evidence").at("theorem").get<std::string>(), shown);
      samples.smallest_std = smallest_std(samples.scaling);
      for (const Json& count : claim->at("counts")) samples.eps.push_back(count.at("eps").get<std::string>());
      read_records(samples, path, records);
      view.samples = std::move(samples);
    }
    static_cast<void>(view.model_sha256());
    static_cast<void>(view.predicate().at("blocks").size());
  } catch (const Json::exception&) {
    throw input_error(shown + ": is not built like a certificate; give a file that `lipcert certify` wrote.");
  }
  return view;
}

CertificateView read_certificate(const std::string& path, const std::string& records) {
  return view_certificate(read_file(path, largest_certificate), path, records);
}

}  // namespace lipcert::report
