// See report.hpp.
#include "verifier/outputs/report.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>

namespace lipverify {

namespace {

bool holds(const Report& report) { return holds(report.outcome); }

std::string padded(const std::string& text, std::size_t width) {
  return text.size() < width ? text + std::string(width - text.size(), ' ') : text;
}

/// How deep the claim about samples was checked, in a few words.
std::string depth_of(const SampleSummary& samples) {
  switch (samples.depth) {
    case SampleSummary::Depth::all: return "all " + std::to_string(samples.total) + " rechecked";
    case SampleSummary::Depth::audit:
      return std::to_string(samples.rechecked) + " of " + std::to_string(samples.total) + " audited, seed " + std::to_string(samples.seed);
    case SampleSummary::Depth::records: break;
  }
  return "NOT RECHECKED";
}

std::string joined(const std::vector<std::string>& texts) {
  std::string out;
  for (const std::string& text : texts) out += (out.empty() ? "" : ", ") + text;
  return out;
}

std::string shape_text(const std::vector<std::uint64_t>& shape) {
  std::string out;
  for (const std::uint64_t d : shape) out += (out.empty() ? "" : " x ") + std::to_string(d);
  return shape.empty() ? "of one number" : "of shape " + out;
}

/// "'x' of shape 1 x 3 x 32 x 32, for one input (dimension 0 'N' taken as 1); dimension 2 'height' given by the issuer".
std::string input_text(const FunctionSummary& f) {
  std::string out = "'" + f.input + "' " + shape_text(f.input_shape);
  std::vector<std::string> given;
  for (std::size_t k = 0; k < f.symbolic.size(); ++k) {
    const std::string name = "dimension " + std::to_string(f.symbolic[k]) + (f.symbols[k].empty() ? "" : " '" + f.symbols[k] + "'");
    if (std::find(f.given.begin(), f.given.end(), f.symbolic[k]) != f.given.end())
      given.push_back(name);
    else
      out += ", for one input (" + name + " taken as 1)";
  }
  return given.empty() ? out : out + "; size of " + joined(given) + " given by the issuer";
}

std::string output_text(const FunctionSummary& f) {
  const std::string chosen = f.other_outputs.empty() ? "" : "; not the model's other outputs: " + joined(f.other_outputs);
  return "'" + f.output + "' " + shape_text(f.output_shape) + (f.output_chosen ? ", chosen by the issuer" + chosen : "");
}

void line(std::string& out, const std::string& head, const std::string& text) { out += padded(head, 12) + printable_line(text) + "\n"; }

}  // namespace

std::string_view entity(char c) { return c == '&' ? "&amp;" : c == '<' ? "&lt;" : c == '>' ? "&gt;" : ""; }

std::string printable_line(const std::string& text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); i += 100) {  // `printable` cuts long text; nothing is lost here
    std::size_t end = std::min(text.size(), i + 100);
    while (end < text.size() && end > i + 90 && (static_cast<unsigned char>(text[end]) & 0xC0U) == 0x80U) --end;  // not within a character
    out += printable(text.substr(i, end - i));
    i = end - 100;
  }
  return out;
}

const char* verdict_word(Outcome outcome) {
  switch (outcome) {
    case Outcome::accepted: return "accepted";
    case Outcome::accepted_in_part: return "accepted in part";
    case Outcome::rejected: return "rejected";
    default: return "error";
  }
}

std::string headline(const Report& report) {
  std::string first;
  const bool accepted = holds(report);
  if (!accepted) {
    first = report.error;
  } else {
    if (!report.global_upper.empty()) first += "L <= " + report.global_upper + "  L >= " + report.global_lower;
    if (report.pair_classes != 0)
      first += std::string(first.empty() ? "" : "  ") + "L_ij <= " + report.pair_largest + " (" + std::to_string(report.pair_classes) + " classes)";
  }
  if (accepted && report.samples.claimed) first += "  samples " + depth_of(report.samples);
  if (!report.model_sha256.empty()) first += "  model " + report.model_sha256;
  if (!report.key_fingerprint.empty()) first += "  key " + report.key_fingerprint;
  if (!report.payload_sha256.empty()) first += "  payload " + report.payload_sha256;
  return printable_line(first);
}

std::string text_report(const Report& report, bool verbose) {
  std::string out;
  const bool accepted = holds(report);
  if (!accepted && report.outcome != Outcome::rejected) return out;
  out += std::string(verdict_word(report.outcome)) + "  " + headline(report) + "\n";

  if (const FunctionSummary& f = report.function; f.known) {
    line(out, "input", input_text(f));
    if (!f.fixed_inputs.empty())
      line(out, "fixed", "by the issuer to the values in the file, although a caller may replace them: " + joined(f.fixed_inputs));
    line(out, "output", output_text(f));
  }
  const std::string claim = accepted ? "claim" : "claimed";
  if (!report.global_upper.empty()) line(out, claim, report.global_formula + " with L = " + report.global_upper + "; no L below " + report.global_lower);
  if (report.pair_classes != 0)
    line(out, claim, report.pair_formula + " for " + std::to_string(report.pair_classes) + " classes, largest L_ij = " + report.pair_largest);
  if (const SampleSummary& s = report.samples; s.claimed) {
    std::string counts = std::to_string(s.total) + " samples, " + (s.labelled ? std::to_string(s.correct) + " right, " : "") + std::to_string(s.undecided) + " undecided";
    for (const SampleSummary::Eps& e : s.counts)
      counts += "; eps " + e.eps + " (" + s.eps_unit + "): " + std::to_string(e.certified) + " certified" + (s.labelled ? ", " + std::to_string(e.certified_correct) + " of them right" : "");
    if (s.theorem == "layer-dual") counts += "; radii by layer-dual: " + std::to_string(s.local) + ", by margin-over-lipschitz: " + std::to_string(s.total - s.undecided - s.local);
    if (!s.range_low.empty()) line(out, "only for", "inputs with " + s.range_low + " <= y std_c + mean_c <= " + s.range_high + " in every entry (scaled pixels); nothing is said about others");
    line(out, accepted && s.depth == SampleSummary::Depth::all ? "claim" : "claimed", s.formula + "; " + counts + " (" + depth_of(s) + ")");
    for (const AuditedRecord& audited : s.audited) {
      std::string path;
      for (const std::string& hash : audited.path) path += " " + hash;
      line(out, "audited", "record " + std::to_string(audited.position) + " " + audited.record + " path" + path);
    }
  }
  if (report.has_statement)
    line(out, "issued", report.issued_at + (report.issuer.empty() ? " by nobody named" : " by '" + report.issuer + "'") + " with " + report.tool +
                            (report.not_after.empty() ? ", no end of validity" : ", valid until " + report.not_after));
  if (!report.by_clock) line(out, "checked at", report.checked_at + ", the time that --time gives");
  if (!accepted)
    for (const Check& check : report.checks)
      if (!check.passed) line(out, "failed", check.id + " of " + check.subject + ": claimed " + check.claimed + ", recomputed " + check.recomputed);
  for (const std::string& text : report.not_covered) line(out, "not covered", text);
  for (const std::string& text : report.assumptions) line(out, "assumed", text);
  for (const std::string& text : report.not_checked) line(out, "not checked", text);
  if (verbose) {
    for (const BlockReport& block : report.blocks)
      line(out, "block", block.id + "  " + block.op + "  " + block.theorem + "  <= " + block.upper + "  >= " + block.lower + "  (" +
                             std::to_string(block.nodes) + " nodes)");
    for (const Check& check : report.checks)
      line(out, check.passed ? "passed" : "failed", check.id + " of " + check.subject + ": claimed " + check.claimed + ", recomputed " + check.recomputed);
  }
  return out;
}

std::string json_report(const Report& report) {
  using nlohmann::ordered_json;
  ordered_json out;
  const auto or_null = [](const std::string& text) { return text.empty() ? ordered_json(nullptr) : ordered_json(text); };
  out["verdict"] = verdict_word(report.outcome);
  out["exitCode"] = static_cast<int>(report.outcome);
  out["error"] = or_null(report.error);
  out["checker"] = {{"name", "lipverify"}, {"version", kVersion}};
  out["key"] = {{"fingerprint", or_null(report.key_fingerprint)}, {"algorithm", or_null(report.key_algorithm)}};
  out["payloadSha256"] = or_null(report.payload_sha256);
  out["model"] = {{"path", or_null(report.model_path)}, {"sha256", or_null(report.model_sha256)}, {"graphDigest", or_null(report.graph_digest)}};
  if (const FunctionSummary& f = report.function; f.known) {
    out["input"] = {{"name", f.input}, {"shape", f.input_shape}, {"symbolic", f.symbolic}, {"given", f.given}};
    out["fixedInputs"] = f.fixed_inputs;
    out["output"] = {{"name", f.output}, {"shape", f.output_shape}, {"chosen", f.output_chosen}, {"others", f.other_outputs}};
  }
  ordered_json claims = ordered_json::array();
  if (!report.global_upper.empty())
    claims.push_back({{"id", "lipschitz-global"}, {"formula", report.global_formula}, {"upper", report.global_upper}, {"lower", report.global_lower}});
  if (report.pair_classes != 0)
    claims.push_back({{"id", "lipschitz-pairs"}, {"formula", report.pair_formula}, {"classes", report.pair_classes}, {"largest", report.pair_largest}});
  if (const SampleSummary& s = report.samples; s.claimed) {
    ordered_json counts = ordered_json::array();
    for (const SampleSummary::Eps& e : s.counts) counts.push_back({{"eps", e.eps}, {"certified", e.certified}, {"certifiedCorrect", e.certified_correct}});
    const bool audit = s.depth == SampleSummary::Depth::audit;
    ordered_json item = {{"id", "sample-radii"},
                         {"formula", s.formula},
                         {"rechecked", audit ? "audit" : s.depth == SampleSummary::Depth::all ? "all" : "no"},
                         {"samplesRechecked", s.rechecked},
                         {"samplesEvaluatedTwice", s.wider},
                         {"total", s.total},
                         {"correct", s.labelled ? ordered_json(s.correct) : ordered_json(nullptr)},
                         {"undecided", s.undecided},
                         {"epsUnit", s.eps_unit},
                         {"counts", counts},
                         {"theorem", s.theorem},
                         {"local", s.local},
                         {"inputRange", s.range_low.empty() ? ordered_json(nullptr) : ordered_json{{"low", s.range_low}, {"high", s.range_high}}}};
    if (!s.audited.empty()) {
      item["audit"] = {{"seed", std::to_string(s.seed)}, {"proofs", ordered_json::array()}};
      for (const AuditedRecord& audited : s.audited)
        item["audit"]["proofs"].push_back({{"position", audited.position}, {"record", audited.record}, {"path", audited.path}});
    }
    claims.push_back(item);
  }
  out["claims"] = claims;
  out["claimsNotRechecked"] = report.claims_not_rechecked;
  out["checks"] = ordered_json::array();
  for (const Check& check : report.checks)
    out["checks"].push_back(
        {{"id", check.id}, {"subject", check.subject}, {"claimed", check.claimed}, {"recomputed", check.recomputed}, {"passed", check.passed}});
  out["blocks"] = ordered_json::array();
  for (const BlockReport& block : report.blocks)
    out["blocks"].push_back({{"id", block.id}, {"operator", block.op}, {"theorem", block.theorem}, {"nodes", block.nodes}, {"upper", block.upper}, {"lower", block.lower}});
  out["issuer"] = or_null(report.issuer);
  out["issuedAt"] = or_null(report.issued_at);
  out["notAfter"] = or_null(report.not_after);
  out["checkedAt"] = or_null(report.checked_at);
  out["checkedAtFrom"] = report.by_clock ? "clock" : "--time";
  out["generator"] = or_null(report.tool);
  out["notCovered"] = report.not_covered;
  out["assumptions"] = report.assumptions;
  out["notChecked"] = report.not_checked;
  out["warnings"] = report.warnings;
  return out.dump(2, ' ', true, ordered_json::error_handler_t::replace) + "\n";
}

}  // namespace lipverify
