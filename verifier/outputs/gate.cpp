// See gate.hpp: the parts that all outputs share, the text and the JSON of a run.
#include "verifier/outputs/gate.hpp"

#include <algorithm>
#include <array>
#include <map>
#include <nlohmann/json.hpp>

#include "verifier/base/bytes.hpp"
#include "verifier/outputs/report.hpp"

namespace lipverify {

namespace {

using nlohmann::ordered_json;

// From the worst to the best.
constexpr std::array<Outcome, 6> kOrder = {Outcome::internal,         Outcome::input,   Outcome::usage, Outcome::rejected,
                                           Outcome::accepted_in_part, Outcome::accepted};

const char* ending(Outcome outcome) {
  switch (outcome) {
    case Outcome::accepted:
      return "accepted";
    case Outcome::accepted_in_part:
      return "accepted-in-part";
    case Outcome::rejected:
      return "rejected";
    case Outcome::usage:
      return "usage";
    case Outcome::input:
      return "input";
    case Outcome::internal:
      break;
  }
  return "internal";
}

std::string in_part(const Judgement& judgement) {
  std::string out = "accepted in part: not every claim was recomputed";
  for (const std::string& claim : judgement.report.claims_not_rechecked) out += " (" + claim + ")";
  return out + "; give --data and leave --audit and --no-samples out to recompute all of them";
}

std::string unmet(const Requirement& r) {
  return "the policy's demand " + r.pointer + " is not met: wanted " + r.wanted + "; found " + r.found +
         (r.remedy.empty() ? "" : "; " + r.remedy);
}

/// Unmet, and not only because nothing was proved: that has been said already.
bool worth_listing(const Requirement& r) {
  return !r.met && r.found != kNothingProved;
}

/// The verdict line, behind the certificate: the demands follow below it, so that none stands there twice.
std::string behind(const Judgement& j) {
  if (holds(j.outcome)) return headline(j.report);
  const auto listed = std::count_if(j.requirements.begin(), j.requirements.end(), worth_listing);
  if (listed != 0 && j.error != j.report.error)
    return std::to_string(listed) + (listed == 1 ? " demand" : " demands") + " of the policy not met";
  return printable_line(j.error.empty() ? j.report.error : j.error);
}

/// What the check of one certificate says by itself. No member is called "verdict" and no value "accepted": whoever looks for an acceptance
/// in the JSON of a gate finds the judgements' and nothing else.
ordered_json recheck(const Report& report) {
  ordered_json out;
  out["recheck"] = report.outcome == Outcome::accepted           ? "holds"
                   : report.outcome == Outcome::accepted_in_part ? "holds in part"
                                                                 : verdict_word(report.outcome);
  const ordered_json whole = ordered_json::parse(json_report(report));
  for (const auto& [member, value] : whole.items())
    if (member != "verdict" && member != "exitCode") out[member] = value;
  return out;
}

ordered_json or_null(const std::string& text) {
  return text.empty() ? ordered_json(nullptr) : ordered_json(text);
}

}  // namespace

Outcome worst(const std::vector<Judgement>& judgements) {
  for (const Outcome outcome : kOrder)
    if (std::any_of(judgements.begin(), judgements.end(), [&](const Judgement& j) { return j.outcome == outcome; })) return outcome;
  return Outcome::internal;
}

std::string summary(const std::vector<Judgement>& judgements) {
  std::string out;
  for (const char* word : {"accepted", "accepted in part", "rejected", "error"}) {
    const auto n = std::count_if(judgements.begin(), judgements.end(),
                                 [&](const Judgement& j) { return verdict_word(j.outcome) == std::string(word); });
    if (n != 0) out += (out.empty() ? "" : ", ") + std::to_string(n) + " " + word + (n > 1 && word == std::string("error") ? "s" : "");
  }
  return out.empty() ? "nothing was checked" : out;
}

std::vector<Finding> findings(const Judgement& judgement) {
  std::vector<Finding> out;
  if (judgement.outcome == Outcome::accepted) return out;
  const Report& report = judgement.report;
  // A check that ended without a verdict has compared only a part: what it ended with is the finding.
  if (report.outcome == Outcome::rejected) {
    const auto failed = std::find_if(report.checks.begin(), report.checks.end(), [](const Check& c) { return !c.passed; });
    if (failed == report.checks.end())
      out.push_back({"rejected", false, report.error, judgement.certificate, ""});
    else
      out.push_back({"check-" + failed->id, false, report.error, judgement.certificate, failed->subject});
  } else if (!holds(report.outcome)) {
    out.push_back({ending(judgement.outcome), false, judgement.error.empty() ? report.error : judgement.error, judgement.certificate, ""});
  }
  for (const Requirement& r : judgement.requirements)
    if (worth_listing(r)) out.push_back({"policy-" + r.id, false, unmet(r), judgement.certificate, r.pointer});
  if (out.empty()) {
    const bool warning = judgement.outcome == Outcome::accepted_in_part;
    out.push_back({ending(judgement.outcome), warning, warning ? in_part(judgement) : judgement.error, judgement.certificate, ""});
  }
  for (Finding& finding : out) finding.message = printable_line(finding.message);
  return out;
}

std::string rule_description(const std::string& rule) {
  static const std::map<std::string, std::string> endings = {
      {"accepted-in-part", "Not every claim of the certificate was recomputed, as asked by --audit, --no-samples or the policy."},
      {"rejected", "The certificate does not hold: its form, its times or its mathematics."},
      {"usage", "The command line does not give what this certificate needs."},
      {"input", "A file cannot be read, or holds what is not supported."},
      {"internal", "A limit of the system was met, or the checker is at fault: there is no verdict."},
      {"check-signature", "The signature must be that of a trusted key over the bytes of the certificate."},
      {"check-model-digest", "The model must be the file that the certificate names by its SHA-256."},
      {"check-graph-digest", "The graph that the checker reads in the model must be the one that was certified."}};
  if (const auto known = endings.find(rule); known != endings.end()) return known->second;
  if (rule.rfind("policy-", 0) == 0) return "The policy's demand '" + rule.substr(7) + "' must be met.";
  return "The comparison '" + rule.substr(std::min<std::size_t>(6, rule.size())) +
         "' of the checker must hold; formats/SPEC.md says what it compares.";
}

std::string relative_path(const std::string& path) {
  std::string name = path;
  while (name.rfind("./", 0) == 0) name.erase(0, 2);
  const bool climbs = name.rfind("../", 0) == 0 || name.find("/../") != std::string::npos;
  if (name.empty() || name[0] == '/' || climbs) name = name.substr(name.find_last_of('/') + 1);
  return name.empty() ? "certificate" : name;
}

std::string relative_uri(const std::string& path) {
  std::string out;
  for (const char c : relative_path(path)) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                       std::string_view("-._~/").find(c) != std::string_view::npos;
    static constexpr char digits[] = "0123456789ABCDEF";
    const auto byte = static_cast<unsigned char>(c);
    if (plain)
      out.push_back(c);
    else
      out += {'%', digits[byte >> 4], digits[byte & 15]};
  }
  return out;
}

std::string gate_text(const Gate& gate, bool verbose) {
  std::string out;
  for (const Judgement& j : gate.judgements) {
    out += std::string(verdict_word(j.outcome)) + "  " + printable_line(j.certificate) + "  " + behind(j) + "\n";
    for (const Requirement& r : j.requirements) {
      if (worth_listing(r)) out += "    unmet   " + printable_line(unmet(r)) + "\n";
      if (r.met && verbose) out += "    met     " + printable_line(r.pointer + ": wanted " + r.wanted + "; found " + r.found) + "\n";
    }
    if (!gate.policy_name.empty() && verbose)
      for (const Signer& s : j.signers) out += "    signer  " + printable_line(s.issuer + "  " + s.fingerprint + "  " + s.bundle) + "\n";
    if (!verbose) continue;
    const std::string report = text_report(j.report, true);
    for (std::size_t at = 0; at < report.size();) {
      const std::size_t end = report.find('\n', at);
      out += "    check   " + report.substr(at, end - at) + "\n";
      at = end + 1;
    }
  }
  return out + summary(gate.judgements) +
         (gate.policy_name.empty() ? ""
                                   : "  policy " + printable_line(gate.policy_name) + " " +
                                         (gate.policy_sha256.empty() ? "which cannot be read" : gate.policy_sha256)) +
         "\n";
}

std::string gate_json(const Gate& gate) {
  ordered_json out;
  const Outcome outcome = worst(gate.judgements);
  out["verdict"] = verdict_word(outcome);
  out["exitCode"] = static_cast<int>(outcome);
  out["summary"] = summary(gate.judgements);
  out["checker"] = {{"name", "lipverify"}, {"version", kVersion}};
  out["policy"] =
      gate.policy_name.empty() ? ordered_json(nullptr) : ordered_json{{"file", gate.policy_name}, {"sha256", or_null(gate.policy_sha256)}};
  out["checkedAt"] = gate.checked_at;
  out["judgements"] = ordered_json::array();
  for (const Judgement& j : gate.judgements) {
    ordered_json item;
    item["certificate"] = j.certificate;
    item["verdict"] = verdict_word(j.outcome);
    item["exitCode"] = static_cast<int>(j.outcome);
    item["error"] = or_null(j.error);
    item["signers"] = ordered_json::array();
    for (const Signer& s : j.signers)
      item["signers"].push_back({{"issuer", or_null(s.issuer)}, {"fingerprint", s.fingerprint}, {"bundle", s.bundle}});
    item["requirements"] = ordered_json::array();
    for (const Requirement& r : j.requirements)
      item["requirements"].push_back(
          {{"id", r.id}, {"pointer", r.pointer}, {"wanted", r.wanted}, {"found", r.found}, {"met", r.met}, {"remedy", or_null(r.remedy)}});
    item["report"] = recheck(j.report);
    out["judgements"].push_back(std::move(item));
  }
  return out.dump(2, ' ', true, ordered_json::error_handler_t::replace) + "\n";
}

std::string gate_code_quality(const Gate& gate) {
  ordered_json out = ordered_json::array();
  for (const Judgement& j : gate.judgements)
    for (const Finding& f : findings(j)) {
      // What the finding is about, without numbers or sentences: the same fault in the next run is the same finding.
      const std::string about = f.rule + '\0' + f.certificate + '\0' + f.place;
      out.push_back({{"description", f.message},
                     {"check_name", f.rule},
                     {"fingerprint", sha256_hex(about)},
                     {"severity", f.warning ? "minor" : "blocker"},
                     {"location", {{"path", printable_line(relative_path(f.certificate))}, {"lines", {{"begin", 1}}}}}});
    }
  return out.dump(2, ' ', true, ordered_json::error_handler_t::replace) + "\n";
}

}  // namespace lipverify
