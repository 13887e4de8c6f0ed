// A summary for people, in the Markdown that GitHub and GitLab show below a run. Names of files are hostile: every character that could end
// a cell, open a link, a tag or a code span is escaped.
#include <algorithm>

#include "verifier/outputs/gate.hpp"
#include "verifier/outputs/report.hpp"

namespace lipverify {

namespace {

std::string plain(const std::string& text) {
  std::string out;
  for (const char c : printable_line(text)) {
    switch (c) {
      case '@':
        out += "&#64;";
        break;  // nobody is called by a file's name
      case ':':
        out += "&#58;";
        break;  // nor is an address made a link
      default:
        if (const std::string_view escaped = entity(c); !escaped.empty()) {
          out += escaped;
          break;
        }
        if (std::string_view("\\`*_{}[]()#+-!|~$").find(c) != std::string_view::npos) out += '\\';
        out += c;
    }
  }
  return out;
}

std::string digest(const std::string& sha256) {
  return sha256.empty() ? "" : "`" + sha256.substr(0, 16) + "`";
}

std::string samples(const SampleSummary& s) {
  if (!s.claimed) return "";
  switch (s.depth) {
    case SampleSummary::Depth::all:
      return "all " + std::to_string(s.total) + " recomputed";
    case SampleSummary::Depth::audit:
      return std::to_string(s.rechecked) + " of " + std::to_string(s.total) + " audited";
    case SampleSummary::Depth::records:
      break;
  }
  return "not recomputed";
}

}  // namespace

std::string gate_markdown(const Gate& gate) {
  std::string out = "### Lipschitz certificates: " + summary(gate.judgements) +
                    "\n\n| verdict | certificate | L at most | samples | model | payload |\n|---|---|---|---|---|---|\n";
  for (const Judgement& j : gate.judgements) {
    const bool good = holds(j.outcome);  // nothing of a rejected certificate stands in the table as if it were proved
    const std::string word = j.outcome == Outcome::accepted ? "accepted" : "**" + std::string(verdict_word(j.outcome)) + "**";
    out += "| " + word + " | " + plain(j.certificate) + " | " + (good ? plain(j.report.global_upper) : "") + " | " +
           (good ? samples(j.report.samples) : "") + " | " + digest(j.report.model_sha256) + " | " + digest(j.report.payload_sha256) +
           " |\n";
  }
  std::string acts;
  for (const Judgement& j : gate.judgements)
    for (const Finding& f : findings(j)) acts += "* " + plain(f.certificate) + ": " + plain(f.message) + " (`" + f.rule + "`)\n";
  if (!acts.empty()) out += "\nWhat to do:\n\n" + acts;
  out += "\nChecked at " + gate.checked_at + " by lipverify " + kVersion +
         (gate.policy_name.empty() ? ", without a policy"
                                   : " under the policy " + plain(gate.policy_name) + " " + digest(gate.policy_sha256)) +
         ". Exact real arithmetic, Euclidean norms; floating-point inference is not covered.\n";
  return out;
}

}  // namespace lipverify
