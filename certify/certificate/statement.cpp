// The statement as a table of members in the order of formats/SPEC.md: reading the two side by side is the review.

#include "certify/certificate/statement.hpp"

#include <cstdlib>
#include <cstring>
#include <ctime>

#include "formats/encoding/base64.hpp"
#include "formats/encoding/error.hpp"
#include "formats/network/graph_digest.hpp"
#include "formats/encoding/hex_float.hpp"
#include "formats/encoding/json.hpp"

namespace lipcert {
namespace {

// What a reader could take the claims to say and they do not.
constexpr const char* not_covered[] = {
    ("Floating-point inference: the claims are about the function that the graph defines in exact real arithmetic; rounding errors of a "
     "runtime are not covered."),
    "Norms other than the Euclidean norms of the graph's input and output.",
    "Processing outside the graph, such as scaling, cropping or quantisation of the input before it enters the graph.",
};
constexpr const char* not_covered_batches = "Batches: symbolic dimensions of the input are taken as 1.";
constexpr const char* not_covered_batches_and_sizes =
    "Batches and other sizes: a symbolic first dimension of the input is taken as 1, the other symbolic ones have the sizes that the issuer "
    "gave.";

constexpr const char* not_covered_without_samples =
    "Single inputs: whether the decision at a given input is right, or within which radius it is stable.";
constexpr const char* not_covered_with_samples =
    "Samples that were not selected; how the samples were chosen; whether their labels are right; and radii for floating-point inference: "
    "the radii are "
    "about exact real arithmetic.";

struct Assumption {
  const char* id;
  const char* text;
  const char* discharged_by;
};
constexpr Assumption assumptions[] = {
    {"model-identity", "The network that is deployed is the file with the stated digest.", "whoever deploys it, by comparing SHA-256"},
    {"operator-semantics", "The operators of the graph mean what the ONNX specification says; Dropout is in inference mode.",
     "whoever runs the network"},
    {"hash", "No two different byte strings with equal SHA-256 are known.", "public cryptanalysis"},
    {"generator-arithmetic",
     "The generator's processor and libraries computed every product and sum in binary64, rounded to nearest, in any order.",
     "the checker, which uses integers only and takes no number of the generator on trust"},
};

Json upper_end(double value) {
  return {{"exact", hex_float(value)}, {"decimal", decimal_up(value)}};
}
Json lower_end(double value) {
  return {{"exact", hex_float(value)}, {"decimal", decimal_down(value)}};
}

Json integer_vector(const IntegerVector& vector) {
  std::string bytes;
  bytes.reserve(4 * vector.mantissas.size());
  for (const std::int32_t mantissa : vector.mantissas) {
    const auto bits = static_cast<std::uint32_t>(mantissa);
    for (unsigned shift = 0; shift < 32; shift += 8) {
      bytes += static_cast<char>(static_cast<unsigned char>(bits >> shift & 0xffU));
    }
  }
  return {{"exponent", vector.exponent}, {"count", vector.mantissas.size()}, {"int32", base64_encode(bytes)}};
}

Json theorem(const char* name) {
  return {{"theorem", name}};
}

Json lower_evidence(const Block& block) {
  switch (block.op) {
    case BlockOperator::isometry:
    case BlockOperator::activation:
    case BlockOperator::softmax:
    case BlockOperator::pool_max:
    case BlockOperator::pool_l2:
    case BlockOperator::sort:
    case BlockOperator::split:
      return theorem("attained");
    case BlockOperator::scale:
      if (block.diagonal_index) {
        return {{"theorem", "diagonal-entry"}, {"index", *block.diagonal_index}};
      }
      break;
    case BlockOperator::linear:
      if (block.diagonal_index) {
        return {{"theorem", "gram-entry"}, {"index", *block.diagonal_index}};
      }
      break;
    default:
      break;
  }
  if (block.witness) {
    return {{"theorem", "operator-witness"}, {"vector", integer_vector(*block.witness)}};
  }
  return theorem("zero");
}

Json evidence_of(const Block& block) {
  Json evidence = Json::object();
  if (block.theorem == "disjoint-slices") {
    evidence["tensor"] = block.slices_of;
  }
  if (!block.gram) {
    return evidence;
  }
  if (block.sll) {
    return {{"W", {{"side", block.gram->at_a ? "AtA" : "AAt"}, {"sA", block.gram->sA}, {"sR", block.gram->sR}, {"C2", block.gram->C2}}},
            {"D", {{"sA", block.sll->sA}, {"sR", block.sll->sR}}},
            {"delta", upper_end(block.sll->delta)}};
  }
  if (!block.grid.empty()) {
    evidence["grid"] = block.grid;
    evidence["shift"] = block.shift;
  }
  if (block.theorem == "conv-reshape") {
    evidence["rows"] = block.row_axes;
  }
  if (!block.axes.empty()) {
    evidence["axes"] = block.axes;
  }
  evidence["side"] = block.gram->at_a ? "AtA" : "AAt";
  if (block.theorem != "diagonal-gram") {
    evidence["sA"] = block.gram->sA;
    evidence["sR"] = block.gram->sR;
    evidence["C2"] = block.gram->C2;
  }
  return evidence;
}

Json block_member(const Block& block) {
  return {{"id", block.id},
          {"operator", name_of(block.op)},
          {"nodes", block.nodes},
          {"inputs", block.inputs},
          {"method", {{"theorem", block.theorem}, {"class", "incomplete, deterministic, model-aware"}}},
          {"upper", upper_end(block.upper)},
          {"lower", lower_end(block.lower)},
          {"evidence", evidence_of(block)},
          {"lowerEvidence", lower_evidence(block)}};
}

std::string space_of(const Shape& shape) {
  std::string out = "R^(";
  for (std::size_t i = 0; i < shape.size(); ++i) {
    out += (i == 0 ? "" : " x ") + std::to_string(shape[i]);
  }
  return out + ")";
}

Json claims(const Network& network, const Analysis& analysis, const std::optional<SampleClaim>& samples) {
  const std::string space = space_of(network.values[network.input].shape);
  Json lower = theorem("zero");
  if (analysis.point && analysis.direction) {
    lower = {{"theorem", "directional-derivative"},
             {"point", integer_vector(*analysis.point)},
             {"direction", integer_vector(*analysis.direction)}};
  }
  Json out = Json::array();
  out.push_back({{"id", "lipschitz-global"},
                 {"kind", "global-lipschitz"},
                 {"formula", "for all x, y in " + space + ": ||f(x) - f(y)||_2 <= L ||x - y||_2"},
                 {"upper", upper_end(analysis.upper)},
                 {"lower", lower_end(analysis.lower)},
                 {"evidence", theorem("graph-propagation")},
                 {"lowerEvidence", lower}});
  if (analysis.classes >= 2) {
    Json exact = Json::array();
    Json decimal = Json::array();
    for (const double bound : analysis.pairs) {
      exact.push_back(hex_float(bound));
      decimal.push_back(decimal_up(bound));
    }
    out.push_back({{"id", "lipschitz-pairs"},
                   {"kind", "pair-lipschitz"},
                   {"formula", "for all i < j and all x, y in " + space + ": |(f_i - f_j)(x) - (f_i - f_j)(y)| <= L_ij ||x - y||_2"},
                   {"classes", analysis.classes},
                   {"upper", {{"exact", exact}, {"decimal", decimal}}},
                   {"evidence", theorem(analysis.pairs_by_rows ? "pair-row-difference" : "pair-sqrt2")}});
  }
  if (samples) {
    out.push_back(sample_claim_member(*samples, element_count(network.values[network.output].shape)));
  }
  return out;
}

}  // namespace

Json model_member(const Network& network, const ModelFile& model) {
  Json external = Json::array();
  for (const ExternalFile& file : network.external_files) {
    external.push_back({{"name", file.name}, {"bytes", file.bytes}, {"sha256", file.sha256}});
  }
  const Value& input = network.values[network.input];
  const Value& output = network.values[network.output];
  Json out = {{"format", model.format},
              {"bytes", model.bytes},
              {"graphDigest", graph_digest(network)},
              {"externalFiles", external},
              {"input", {{"name", input.name}, {"shape", input.shape}, {"symbolic", network.symbolic}}},
              {"output", {{"name", output.name}, {"shape", output.shape}}}};
  // Only where the issuer has chosen something.
  if (!network.given.empty()) {
    out["input"]["given"] = network.given;
  }
  if (network.other_outputs) {
    out["output"]["others"] = *network.other_outputs;
  }
  if (!network.fixed_inputs.empty()) {
    out["fixedInputs"] = network.fixed_inputs;
  }
  return out;
}

std::string statement(const Network& network, const Analysis& analysis, const ModelFile& model, const AnalysisOptions& settings,
                      const Generator& generator, const Issuance& issuance, const std::optional<SampleClaim>& samples) {
  Json blocks = Json::array();
  for (const Block& block : analysis.partition.blocks) {
    blocks.push_back(block_member(block));
  }
  Json uncovered = Json::array();
  for (const char* sentence : not_covered) {
    uncovered.push_back(sentence);
  }
  uncovered.push_back(network.given.empty() ? not_covered_batches : not_covered_batches_and_sizes);
  uncovered.push_back(samples ? not_covered_with_samples : not_covered_without_samples);
  Json assumed = Json::array();
  for (const Assumption& assumption : assumptions) {
    assumed.push_back({{"id", assumption.id}, {"text", assumption.text}, {"dischargedBy", assumption.discharged_by}});
  }
  Json libraries = Json::object();
  for (const auto& [name, version] : generator.libraries) {
    libraries[name] = version;
  }
  const Json predicate = {
      {"formatVersion", 1},
      {"claims", claims(network, analysis, samples)},
      {"model", model_member(network, model)},
      {"semantics", {{"arithmetic", "real"}, {"inputNorm", "l2"}, {"outputNorm", "l2"}, {"domain", "all"}, {"units", "graph input"}}},
      {"notCovered", uncovered},
      {"blocks", blocks},
      {"constantNodes", analysis.partition.constant_nodes},
      {"assumptions", assumed},
      {"generator",
       {{"name", "lipcert"},
        {"version", generator.version},
        {"commit", generator.commit},
        {"binarySha256", generator.binary_sha256},
        {"libraries", libraries},
        {"cpuKernel", generator.cpu_kernel}}},
      {"settings", {{"seed", settings.seed}, {"regionSamples", settings.region_samples}}},
      {"issuance",
       {{"issuer", issuance.issuer},
        {"issuedAt", format_time(issuance.issued_at)},
        {"notAfter", issuance.not_after ? Json(format_time(*issuance.not_after)) : Json(nullptr)},
        {"requirements", issuance.requirements}}}};
  Json subject = Json::array();
  subject.push_back({{"name", model.name}, {"digest", {{"sha256", model.sha256}}}});
  return write_json({{"_type", "https://in-toto.io/Statement/v1"},
                     {"subject", subject},
                     {"predicateType", "https://lipcert.github.io/attestation/lipschitz-certificate/v1"},
                     {"predicate", predicate}});
}

std::string format_time(std::int64_t seconds) {
  const auto time = static_cast<std::time_t>(seconds);
  std::tm fields{};
  char text[32];
  if (seconds < 0 || ::gmtime_r(&time, &fields) == nullptr || fields.tm_year + 1900 > 9999 ||
      std::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &fields) == 0) {
    throw Error(ExitCode::usage, "The time " + std::to_string(seconds) + " (seconds since 1970) is outside the years 1970 to 9999.");
  }
  return text;
}

std::int64_t parse_time(const std::string& text, const std::string& what) {
  std::tm fields{};
  const char* const end = ::strptime(text.c_str(), "%Y-%m-%dT%H:%M:%SZ", &fields);
  if (end != nullptr && *end == '\0') {
    const std::time_t seconds = ::timegm(&fields);
    // strptime is lenient (one-digit months, 31 February, a 61st second): what does not come back unchanged was not a time of this form.
    if (seconds >= 0 && fields.tm_year + 1900 <= 9999 && format_time(seconds) == text) {
      return seconds;
    }
  }
  throw Error(ExitCode::usage, what + " '" + text + "' is not a time; write it in UTC like 2030-12-31T23:59:59Z.");
}

std::int64_t issue_time() {
  const char* const text = std::getenv("SOURCE_DATE_EPOCH");
  if (text == nullptr) {
    return std::time(nullptr);
  }
  const std::string digits = text;
  constexpr std::int64_t latest = 253402300799;  // 9999-12-31T23:59:59Z
  if (!digits.empty() && digits.size() <= 12 && digits.find_first_not_of("0123456789") == std::string::npos &&
      std::stoll(digits) <= latest) {
    return std::stoll(digits);
  }
  throw Error(ExitCode::usage, "SOURCE_DATE_EPOCH is '" + digits + "'; set it to whole seconds since 1970 in decimal digits, or unset it.");
}

}  // namespace lipcert
