// See certificates.hpp.
#include "tests/verifier_layers/certificates.hpp"

#include <cmath>
#include <limits>
#include <random>

#include "verifier/base/bytes.hpp"
#include "verifier/graph/onnx.hpp"
#include "verifier/verdict/sentences.hpp"

namespace layers_test {

using namespace lipverify;

namespace {

Json number(const std::string& exact, Toward direction) { return {{"exact", exact}, {"decimal", decimal_text(parse_exact(exact, "number"), direction)}}; }

const verifier_test::Key& key() {
  static const verifier_test::Key made("ed25519");
  return made;
}

std::string nudged(const std::string& exact, int sign) {
  const std::size_t slash = exact.find('/');
  if (slash != std::string::npos) {
    const std::string n = exact.substr(0, slash);
    const long long top = std::stoll(n) * 1000000 + sign;
    return std::to_string(top) + "/" + std::to_string(std::stoll(exact.substr(slash + 1)) * 1000000);
  }
  const double infinity = std::numeric_limits<double>::infinity();
  return verifier_test::hex_float(std::nextafter(std::strtod(exact.c_str(), nullptr), sign < 0 ? -infinity : infinity));
}

}  // namespace

Json above(const std::string& exact) { return number(exact, Toward::above); }
Json below(const std::string& exact) { return number(exact, Toward::below); }
Json above(double value) { return above(verifier_test::hex_float(value)); }
Json below(double value) { return below(verifier_test::hex_float(value)); }

Json block(const std::string& id, const std::string& op, const std::string& theorem, const std::vector<std::size_t>& nodes, const std::vector<std::string>& inputs,
           const std::string& upper) {
  return {{"id", id},
          {"operator", op},
          {"nodes", nodes},
          {"inputs", inputs},
          {"method", {{"theorem", theorem}, {"class", "incomplete, deterministic, model-aware"}}},
          {"upper", above(upper)},
          {"lower", below("0x0p+0")},
          {"evidence", Json::object()},
          {"lowerEvidence", {{"theorem", "zero"}}}};
}

Json attained(Json block, const std::string& lower) {
  block["lower"] = below(lower);
  block["lowerEvidence"] = {{"theorem", "attained"}};
  return block;
}

Json statement(const std::string& model, const std::vector<Json>& blocks, const std::string& global) {
  std::vector<ExternalFile> external;
  const Graph graph = read_onnx(model, {}, external);
  const auto shape = [](const Shape& dims) {
    Json out = Json::array();
    for (const std::uint64_t d : dims) out.push_back(d);
    return out;
  };
  Json constants = Json::array();
  for (std::size_t i = 0; i < graph.nodes.size(); ++i)
    if (graph.values[graph.nodes[i].outputs[0]].constant) constants.push_back(i);
  Json all = Json::array();
  for (const Json& b : blocks) all.push_back(b);
  const Json claim = {{"id", "lipschitz-global"},
                      {"kind", "global-lipschitz"},
                      {"formula", "for all x, y in R^(" + text_of(graph.input().shape) + "): ||f(x) - f(y)||_2 <= L ||x - y||_2"},
                      {"upper", above(global)},
                      {"lower", below("0x0p+0")},
                      {"evidence", {{"theorem", "graph-propagation"}}},
                      {"lowerEvidence", {{"theorem", "zero"}}}};
  Json assumed = Json::array();
  for (const Assumption& a : sentences_assumed()) assumed.push_back({{"id", a.id}, {"text", a.text}, {"dischargedBy", a.discharged_by}});
  const Json predicate = {
      {"formatVersion", 1},
      {"claims", Json::array({claim})},
      {"model",
       {{"format", "onnx"},
        {"bytes", model.size()},
        {"graphDigest", graph_digest(graph)},
        {"externalFiles", Json::array()},
        {"input", {{"name", graph.input().name}, {"shape", shape(graph.input().shape)}, {"symbolic", shape(graph.symbolic)}}},
        {"output", {{"name", graph.values[graph.output].name}, {"shape", shape(graph.values[graph.output].shape)}}}}},
      {"semantics", {{"arithmetic", "real"}, {"inputNorm", "l2"}, {"outputNorm", "l2"}, {"domain", "all"}, {"units", "graph input"}}},
      {"notCovered", sentences_not_covered(false, false)},
      {"blocks", all},
      {"constantNodes", constants},
      {"assumptions", assumed},
      {"generator", {{"name", "t"}, {"version", "1"}, {"commit", "0"}, {"binarySha256", "0"}, {"libraries", Json::object()}, {"cpuKernel", "none"}}},
      {"settings", Json::object()},
      {"issuance", {{"issuer", "t"}, {"issuedAt", "2025-01-01T00:00:00Z"}, {"notAfter", nullptr}, {"requirements", Json::array()}}}};
  return {{"_type", "https://in-toto.io/Statement/v1"},
          {"subject", Json::array({{{"name", "model.onnx"}, {"digest", {{"sha256", sha256_hex(model)}}}}})},
          {"predicateType", "https://lipcert.github.io/attestation/lipschitz-certificate/v1"},
          {"predicate", predicate}};
}

Report check(const Json& statement, const std::string& model) {
  return verifier_test::verify(verifier_test::bundle(statement.dump(), key()).dump(), model, key().public_pem());
}

std::string verdict(const std::string& model, const std::vector<Json>& blocks, const std::string& global) {
  const Report report = check(statement(model, blocks, global), model);
  if (report.outcome == Outcome::accepted) return "accepted";
  return (report.outcome == Outcome::rejected ? "rejected: " : "error: ") + report.error;
}

std::string verdict(const ob::Model& model, const Json& block) { return verdict(model.bytes(), {block}, block["upper"]["exact"]); }

std::string less(const std::string& exact) { return nudged(exact, -1); }
std::string more(const std::string& exact) { return nudged(exact, 1); }

Graph graph_of(const std::string& model) {
  std::vector<ExternalFile> external;
  return read_onnx(model, {}, external);
}

std::vector<float> weights(std::size_t count, unsigned seed) {
  std::mt19937 random(seed);
  std::vector<float> out;
  for (std::size_t i = 0; i < count; ++i) {
    const auto w = static_cast<int>(random() % 255) - 127;
    out.push_back(static_cast<float>(w == 0 ? 1 : w) / 64.0F);
  }
  return out;
}

}  // namespace layers_test
