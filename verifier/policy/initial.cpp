// The policy that a certificate just meets: a first draft for whoever runs the gate. What it pins is what this certificate proves, no more
// and no less; that this is what should be demanded, only a person can say.
#include <algorithm>
#include <nlohmann/json.hpp>

#include "verifier/base/bytes.hpp"
#include "verifier/base/failure.hpp"
#include "verifier/envelope/signature.hpp"
#include "verifier/policy/reader.hpp"
#include "verifier/samples/data.hpp"

namespace lipverify {

namespace {

/// A decimal at least the exact number, in the spelling of policies; the exact number itself where the decimal has another.
std::string bound_text(const std::string& decimal, const std::string& exact) {
  const std::size_t e = decimal.find('e');
  return e == std::string::npos || decimal.size() - e <= 4 ? decimal : exact;
}

/// The radius as the certificate writes it, or as a fraction where its spelling is none of policies (".5").
std::string radius_text(const std::string& eps) {
  const bool plain = !eps.empty() && eps[0] >= '0' && eps[0] <= '9' && eps.find_first_of("E+") == std::string::npos;
  const std::optional<Rational> value = parse_ratio(eps);
  if (plain || !value) return eps;
  return boost::multiprecision::numerator(*value).str() + "/" + boost::multiprecision::denominator(*value).str();
}

}  // namespace

std::string policy_from(const Report& report, const Document& public_key) {
  using nlohmann::ordered_json;
  if (report.outcome != Outcome::accepted)
    throw Failure(
        Outcome::usage,
        "a policy is written only from a certificate that is accepted, every claim recomputed, and this one is not" +
            (report.error.empty() ? ": samples were left out; give the data and neither --audit nor --no-samples" : ": " + report.error));
  const std::string pem = document_bytes(public_key, 65536, "the public key");
  if (PublicKey(pem).fingerprint() != report.key_fingerprint)
    throw Failure(Outcome::usage, "the public key is not the one under which the certificate was accepted; give that one");
  ordered_json out;
  out["formatVersion"] = 1;
  out["description"] = "What the certificate with the payload " + report.payload_sha256 +
                       " just meets. Edit it: these are demands of this certificate, not yet yours.";
  const bool named = !report.issuer.empty() && report.issuer.size() <= 200 && is_name(report.issuer);
  out["issuers"] = ordered_json::array();
  out["issuers"].push_back({{"name", named ? report.issuer : "issuer"}, {"publicKey", pem}});
  out["threshold"] = 1;
  out["predicateTypes"] = std::vector<std::string>{report.predicate_type};
  out["models"] = std::vector<std::string>{report.model_sha256};
  if (version_parts(report.tool_version)) out["minimumToolVersion"] = report.tool_version;
  out["recheck"] = "all";
  out["arithmetic"] = std::vector<std::string>{report.arithmetic};
  out["input"] = {{"name", report.function.input}, {"shape", report.function.input_shape}};
  if (report.function.input.size() > 200) out["input"].erase("name");
  if (report.function.output_chosen) out["output"] = report.function.output;
  if (!report.function.fixed_inputs.empty()) out["fixedInputs"] = report.function.fixed_inputs;
  ordered_json lipschitz = ordered_json::array();
  if (!report.global_upper.empty())
    lipschitz.push_back({{"output", "all"}, {"max", bound_text(report.global_upper, report.global_upper_exact)}});
  if (report.pair_classes != 0)
    lipschitz.push_back({{"output", "pairs"}, {"max", bound_text(report.pair_largest, report.pair_largest_exact)}});
  if (!lipschitz.empty()) out["lipschitz"] = lipschitz;
  ordered_json accuracy = ordered_json::array();
  if (const SampleSummary& s = report.samples; s.claimed && s.labelled)
    for (const SampleSummary::Eps& e : s.counts) {
      ordered_json item = {{"epsilon", radius_text(e.eps)},
                           {"unit", s.eps_unit},
                           {"min", std::to_string(e.certified_correct) + "/" + std::to_string(s.total)}};
      item["scale"] = s.scale;
      const auto all = [](const std::vector<std::string>& texts, const std::string& value) {
        return std::all_of(texts.begin(), texts.end(), [&](const std::string& text) { return text == value; });
      };
      if (!all(s.means, "0/1")) item["mean"] = s.means;
      if (!all(s.stds, "1/1")) item["std"] = s.stds;
      if (s.label_column) item["labelColumn"] = *s.label_column;
      if (s.first != 0) item["first"] = s.first;
      item["datasetSha256"] = s.data_sha256;
      if (!s.labels_sha256.empty()) item["labelsSha256"] = s.labels_sha256;
      item["minSamples"] = s.total;
      if (!s.range_low.empty()) item["inputRange"] = {{"low", radius_text(s.range_low)}, {"high", radius_text(s.range_high)}};
      accuracy.push_back(item);
    }
  if (!accuracy.empty()) out["certifiedAccuracy"] = accuracy;
  if (!report.requirement_ids.empty()) out["requirements"] = report.requirement_ids;
  const std::string text = out.dump(2, ' ', false, ordered_json::error_handler_t::strict) + "\n";
  (void)read_policy(Document("of this certificate", text));  // what is written can be read again, or nothing is written
  return text;
}

}  // namespace lipverify
