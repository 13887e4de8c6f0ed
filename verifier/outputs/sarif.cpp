// SARIF 2.1.0 (OASIS): one run, one rule for each kind of finding, one result for each finding. Accepted certificates have no result.
#include <algorithm>
#include <nlohmann/json.hpp>
#include <set>

#include "verifier/base/bytes.hpp"
#include "verifier/outputs/gate.hpp"
#include "verifier/outputs/report.hpp"

namespace lipverify {

std::string gate_sarif(const Gate& gate) {
  using nlohmann::ordered_json;
  std::vector<Finding> all;
  std::set<std::string> names;
  for (const Judgement& j : gate.judgements)
    for (Finding& f : findings(j)) {
      names.insert(f.rule);
      all.push_back(std::move(f));
    }
  const std::vector<std::string> rules(names.begin(), names.end());
  ordered_json driver = {
      {"name", "lipverify"}, {"version", kVersion}, {"informationUri", "https://lipcert.github.io"}, {"rules", ordered_json::array()}};
  for (const std::string& rule : rules) {
    const std::string text = rule_description(rule);
    driver["rules"].push_back({{"id", rule},
                               {"shortDescription", {{"text", text}}},
                               {"fullDescription", {{"text", text}}},
                               {"defaultConfiguration", {{"level", rule == "accepted-in-part" ? "warning" : "error"}}}});
  }
  ordered_json results = ordered_json::array();
  for (const Finding& f : all) {
    const auto index = std::lower_bound(rules.begin(), rules.end(), f.rule) - rules.begin();
    ordered_json place = {{"artifactLocation", {{"uri", relative_uri(f.certificate)}, {"uriBaseId", "%SRCROOT%"}}},
                          {"region", {{"startLine", 1}}}};
    results.push_back({{"ruleId", f.rule},
                       {"ruleIndex", index},
                       {"level", f.warning ? "warning" : "error"},
                       {"message", {{"text", f.message}}},
                       {"locations", ordered_json::array({{{"physicalLocation", place}}})},
                       {"partialFingerprints", {{"lipverifyFinding/v1", sha256_hex(f.rule + '\0' + f.certificate + '\0' + f.place)}}}});
  }
  const Outcome outcome = worst(gate.judgements);
  ordered_json invocation = {
      {"executionSuccessful", outcome != Outcome::internal && outcome != Outcome::input && outcome != Outcome::usage},
      {"exitCode", static_cast<int>(outcome)},
      {"endTimeUtc", gate.checked_at}};
  ordered_json run = {{"tool", {{"driver", driver}}},
                      {"invocations", ordered_json::array({invocation})},
                      {"columnKind", "unicodeCodePoints"},
                      {"results", results}};
  const ordered_json out = {
      {"$schema", "https://json.schemastore.org/sarif-2.1.0.json"}, {"version", "2.1.0"}, {"runs", ordered_json::array({run})}};
  return out.dump(2, ' ', true, ordered_json::error_handler_t::replace) + "\n";
}

}  // namespace lipverify
