// A fragment of a CycloneDX 1.6 bill of materials: the model as a component, what was recomputed about it, and the certificate as evidence.
// It names no standard or law, and has no attestation of conformance: those are for whoever argues from this evidence.
#include <fmt/format.h>

#include "certify/certificate/build_info.hpp"
#include "certify/certificate/statement.hpp"
#include "certify/report/bom.hpp"
#include "certify/report/plain_text.hpp"
#include "certify/report/report.hpp"
#include "formats/encoding/files.hpp"

namespace lipcert::report {
namespace {

constexpr const char* schema = "http://cyclonedx.org/schema/bom-1.6.schema.json";
constexpr const char* only_evidence =
    "Evidence for an argument that others make: nothing is said about compliance with a standard or a law.";

Json hashes(const std::string& sha256) {
  return Json::array({{{"alg", "SHA-256"}, {"content", sha256}}});
}

/// A file's name as a reference relative to the bill.
std::string reference(const std::string& path) {
  constexpr const char* digits = "0123456789ABCDEF";
  std::string out;
  for (const char c : file_name_of(path)) {
    const auto byte = static_cast<unsigned char>(c);
    if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || std::string_view("-._~").find(c) != std::string_view::npos)
      out += c;
    else
      out += {'%', digits[byte >> 4U], digits[byte & 15U]};
  }
  return "./" + out;  // a colon in the first part of a name would make it a scheme
}

std::string text_of(const Json& json, const char* member) {
  return json.contains(member) && json.at(member).is_string() ? printable(json.at(member).get<std::string>()) : std::string();
}

/// Figures and claims, which name each other.
struct Content {
  Json metrics = Json::array();
  Json claims = Json::array();

  void metric(const std::string& type, const std::string& value, const std::string& slice) {
    metrics.push_back({{"type", type}, {"value", value}, {"slice", slice}});
  }
  void claim(const std::string& id, const std::string& model, const std::string& predicate, const std::string& reasoning, const std::string& evidence) {
    claims.push_back({{"bom-ref", "claim-" + id}, {"target", model}, {"predicate", predicate}, {"reasoning", reasoning}, {"evidence", {evidence}}});
  }
};

void figures(Content& out, const Facts& facts) {
  if (const Json* global = facts.verdict.claim("lipschitz-global")) {
    const std::string slice = "all inputs, Euclidean norms, exact real arithmetic";
    out.metric("Lipschitz constant, certified upper bound", text_of(*global, "upper"), slice);
    out.metric("Lipschitz constant, certified lower bound", text_of(*global, "lower"), slice);
  }
  if (const Json* pairs = facts.verdict.claim("lipschitz-pairs"))
    out.metric("Lipschitz constant of the difference of two outputs, largest certified upper bound", text_of(*pairs, "largest"),
               "all inputs and pairs of outputs, Euclidean norms, exact real arithmetic");
  if (!facts.samples_proved) return;
  const std::uint64_t total = facts.number("total");
  const std::string selected = fmt::format("{} selected samples", total);
  if (facts.samples->labelled()) out.metric("accuracy", fmt::format("{}/{}", facts.number("correct"), total), selected);
  for (const Json& count : facts.sample_claim->at("counts")) {
    const std::string slice = selected + ", eps " + text_of(count, "eps") + " in " + facts.unit() + ", exact real arithmetic";
    out.metric("share with a certified decision", fmt::format("{}/{}", count.at("certified").get<std::uint64_t>(), total), slice);
    if (facts.samples->labelled())
      out.metric("certified accuracy", fmt::format("{}/{}", count.at("certifiedCorrect").get<std::uint64_t>(), total), slice);
  }
}

}  // namespace

std::string bill_of_materials(const Facts& facts) {
  const Json& verdict = facts.verdict.json;
  const CertificateView& view = facts.job.certificate;
  const std::string sha256 = view.model_sha256(), model = "model-" + sha256, evidence = "evidence-" + view.payload_sha256;
  const std::string checker = text_of(verdict.at("checker"), "name") + " " + text_of(verdict.at("checker"), "version");
  const std::string how = fmt::format("Recomputed from the model by {} at {} (verdict: {}, {} checks passed). {}", checker, text_of(verdict, "checkedAt"),
                                      facts.verdict.word, verdict.at("checks").size(), only_evidence);
  Content content;
  figures(content, facts);
  for (const Json& claim : verdict.at("claims")) {
    if (claim.at("id") == "sample-radii" && !facts.samples_proved) continue;
    const std::string bound = text_of(claim, "upper") + text_of(claim, "largest");
    content.claim(text_of(claim, "id"), model, text_of(claim, "formula") + (bound.empty() ? "" : ", with constants of at most " + bound), how, evidence);
  }
  Json limitations = Json::array();
  for (const char* list : {"notCovered", "assumptions", "notChecked"})
    for (const Json& sentence : verdict.at(list)) limitations.push_back(printable(sentence.get<std::string>(), 4000));
  if (!facts.verdict.accepted()) limitations.push_back("The claims about samples were not all recomputed; they are left out here.");
  limitations.push_back(only_evidence);

  const Json digest = hashes(sha256_hex(view.bytes));
  Json references = Json::array({{{"type", "attestation"},
                                  {"url", reference(view.path)},
                                  {"comment", "Lipschitz certificate: an in-toto statement in a Sigstore bundle; check it with lipverify."},
                                  {"hashes", digest}}});
  if (facts.samples_proved) {
    const Json& records = facts.samples->claim.at("records");
    references.push_back({{"type", "evidence"},
                          {"url", reference(records.at("file").get<std::string>())},
                          {"comment", "The records of the samples, which the certificate names by digest."},
                          {"hashes", hashes(records.at("sha256").get<std::string>())}});
    if (const Json& proof = facts.samples->claim.at("evidence"); proof.contains("local"))
      references.push_back({{"type", "evidence"},
                            {"url", reference(proof.at("local").at("file").get<std::string>())},
                            {"comment", "The evidence of the samples' local radii, which the certificate names by digest."},
                            {"hashes", hashes(proof.at("local").at("sha256").get<std::string>())}});
  }
  Json shown = {{"bom-ref", evidence},
                {"description", "Lipschitz certificate with payload SHA-256 " + view.payload_sha256 + ", key " + text_of(verdict.at("key"), "fingerprint") + "."},
                {"data", Json::array({{{"name", "Lipschitz certificate"}, {"contents", {{"url", reference(view.path)}}}}})}};
  if (verdict.at("issuedAt").is_string()) shown["created"] = verdict.at("issuedAt");
  if (verdict.at("notAfter").is_string()) shown["expires"] = verdict.at("notAfter");

  const std::string version = version_text();
  const Json tool = {{"type", "application"}, {"name", "lipcert"}, {"version", version.substr(8, version.find('\n') - 8)}};
  const Json component = {{"type", "machine-learning-model"},
                          {"bom-ref", model},
                          {"name", printable(view.statement.at("subject").at(0).at("name").get<std::string>())},
                          {"hashes", hashes(sha256)},
                          {"externalReferences", references},
                          {"modelCard", {{"quantitativeAnalysis", {{"performanceMetrics", content.metrics}}}, {"considerations", {{"technicalLimitations", limitations}}}}}};
  const Json bill = {{"$schema", schema},
                     {"bomFormat", "CycloneDX"},
                     {"specVersion", "1.6"},
                     {"version", 1},
                     {"metadata", {{"timestamp", format_time(facts.job.made_at)}, {"tools", {{"components", {tool}}}}}},
                     {"components", {component}},
                     {"declarations", {{"claims", content.claims}, {"evidence", {shown}}}}};
  return bill.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

bool is_bill_of_materials(const std::string& bytes) {
  const Json bill = Json::parse(bytes, nullptr, false);
  const Json::json_pointer tool("/metadata/tools/components/0/name");
  return bill.is_object() && bill.value("bomFormat", Json()) == "CycloneDX" && bill.contains(tool) && bill.at(tool) == "lipcert";
}

}  // namespace lipcert::report
