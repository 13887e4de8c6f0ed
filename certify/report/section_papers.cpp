// Where everything comes from: data, limits, signer, and how to repeat the check.
#include <fmt/format.h>

#include "certify/certificate/statement.hpp"
#include "certify/report/plain_text.hpp"
#include "certify/report/sections.hpp"

namespace lipcert::report {
namespace {

std::string text_of(const Json& value) {
  if (value.is_string()) return value.get<std::string>();
  if (value.is_null()) return "-";
  if (!value.is_array()) return value.dump(-1, ' ', false, Json::error_handler_t::replace);
  std::string out;
  for (const Json& item : value) out += (out.empty() ? "" : ", ") + text_of(item);
  return out.empty() ? "-" : out;
}

std::string member(const Json& json, const std::string& pointer) {
  const Json::json_pointer place(pointer);
  return json.contains(place) ? text_of(json.at(place)) : "-";
}

void fact(Markup& page, const std::string& name, const std::string& value, bool code = false) {
  page.open("div").element("dt", name).open("dd");
  if (code) {
    page.element("code", value);
  } else {
    page.text(value);
  }
  page.close().close();
}

/// An argument as a shell reads it.
std::string quoted(const std::string& text) {
  if (!text.empty() &&
      text.find_first_not_of("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_=./:,+@%") == std::string::npos)
    return text;
  std::string out = "'";
  for (const char c : text) out += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return out + "'";
}

void sentences(Markup& page, const Json& list) {
  page.open("ul");
  for (const Json& sentence : list) page.element("li", text_of(sentence));
  page.close();
}

}  // namespace

void data_section(Markup& page, const Facts& facts) {
  if (facts.samples == nullptr) return;
  const Json& claim = facts.samples->claim;
  const Json& data = claim.at("data");
  open_section(page, "data", "Where the data come from");
  page.open("dl", {{"class", "facts"}});
  for (const Json& file : data.at("files")) {
    const std::string role = member(file, "/role");
    fact(page, "file of " + role, member(file, "/name") + " (" + member(file, "/bytes") + " bytes, " + member(data, "/format") + ")");
    fact(page, "SHA-256 of " + role, member(file, "/sha256"), true);
  }
  const auto first = claim.at("selection").at("first").get<std::uint64_t>();
  const auto count = claim.at("selection").at("count").get<std::uint64_t>();
  fact(page, "selection",
       fmt::format("{} of {} samples, from number {} on, in the order of the file", grouped(count),
                   grouped(data.at("samples").get<std::uint64_t>()), first));
  fact(page, "input of the graph",
       "x = (v * " + member(data, "/scale") + " - mean) / std, exactly; mean " + member(data, "/mean") + ", std " + member(data, "/std") +
           ", layout " + member(data, "/layout"));
  fact(page, "records", member(claim, "/records/file"), true);
  fact(page, "Merkle root", member(claim, "/records/merkleRoot"), true);
  if (claim.at("evidence").contains("local")) {
    fact(page, "evidence of local radii", member(claim, "/evidence/local/file"), true);
    fact(page, "its Merkle root", member(claim, "/evidence/local/merkleRoot"), true);
  }
  if (const Json* const range = facts.samples->range())
    fact(page, "range of inputs", "only those with " + member(*range, "/low") + " <= x std + mean <= " + member(*range, "/high") + " in every entry");
  fact(page, "recomputed",
       fmt::format("{} of {} samples", grouped(facts.sample_claim->value("samplesRechecked", std::uint64_t{0})), grouped(count)));
  page.close();
  page.element("p", "How the samples were gathered, and whether their labels are right, is not covered by the certificate.");
  page.close();
}

void limits_section(Markup& page, const Facts& facts) {
  if (!facts.verdict.proves()) return;
  const Json& verdict = facts.verdict.json;
  open_section(page, "limits", "Assumptions and limits");
  page.element("h3", "Not covered by any claim");
  sentences(page, verdict.at("notCovered"));
  if (const Json others = facts.job.certificate.predicate().at("model").at("output").value("others", Json::array()); !others.empty())
    page.element("p", "The issuer has chosen the output '" + member(verdict, "/output/name") + "'. No claim is about the model's other outputs: " + text_of(others) + ".");
  page.element("h3", "Assumptions, and who discharges them");
  open_table(page, "Assumptions");
  page.open("thead").row({"assumption", "what is assumed", "discharged by"}, true).close().open("tbody");
  for (const Json& item : facts.job.certificate.predicate().at("assumptions"))
    page.row({member(item, "/id"), member(item, "/text"), member(item, "/dischargedBy")});
  page.close().close().close();
  page.element("h3", "Not checked here");
  sentences(page, verdict.at("notChecked"));
  page.close();
}

void signer_section(Markup& page, const Facts& facts) {
  if (!facts.verdict.proves()) return;
  const Json& verdict = facts.verdict.json;
  const Json& predicate = facts.job.certificate.predicate();
  open_section(page, "signer", "Who signed, when, until when");
  page.open("dl", {{"class", "facts"}});
  fact(page, "issuer (signer's word)", member(verdict, "/issuer"));
  fact(page, "key", member(verdict, "/key/fingerprint") + " (" + member(verdict, "/key/algorithm") + ")", true);
  fact(page, "issued", member(verdict, "/issuedAt"));
  fact(page, "valid until",
       verdict.contains("notAfter") && verdict.at("notAfter").is_string() ? member(verdict, "/notAfter") : "no end given");
  fact(page, "requirements served", member(predicate, "/issuance/requirements"));
  fact(page, "made by",
       member(predicate, "/generator/name") + " " + member(predicate, "/generator/version") + ", commit " +
           member(predicate, "/generator/commit"));
  fact(page, "checked",
       member(verdict, "/checkedAt") + " by " + member(verdict, "/checker/name") + " " + member(verdict, "/checker/version"));
  page.close();
  page.element("p", "The signature shows who holds the key, not who that is: take the key, or its fingerprint, from whom you trust.");
  page.close();
}

void repeat_section(Markup& page, const Facts& facts) {
  open_section(page, "repeat", "Repeat the check");
  page.element("p", "In a folder with the files below; nothing in this page is needed or trusted for it.");
  std::string line;
  for (const std::string& argument : facts.job.command) line += (line.empty() ? "" : " ") + quoted(argument);
  page.open("pre", {{"tabindex", "0"}, {"aria-label", "command"}}).element("code", line).close();
  page.open("dl", {{"class", "facts"}});
  const Json& verdict = facts.verdict.json;
  fact(page, "payload, SHA-256", member(verdict, "/payloadSha256"), true);
  if (facts.verdict.proves()) {
    fact(page, "model", member(facts.job.certificate.statement, "/subject/0/name"));
    fact(page, "model, SHA-256", member(verdict, "/model/sha256"), true);
    fact(page, "graph digest", member(verdict, "/model/graphDigest"), true);
    const auto shape = [&](const char* name) {
      return member(verdict, std::string("/") + name + "/name") + " [" + member(verdict, std::string("/") + name + "/shape") + "]";
    };
    fact(page, "input", shape("input"));
    fact(page, "output", shape("output"));
    if (facts.samples != nullptr) fact(page, "records, beside the certificate", member(facts.samples->claim, "/records/file"), true);
    fact(page, "checks", fmt::format("{}, all passed", verdict.at("checks").size()));
  }
  fact(page, "report made", format_time(facts.job.made_at));
  page.close().close();
}

void citation_section(Markup& page, const Facts& facts) {
  if (!facts.verdict.proves()) return;
  open_section(page, "citation", "Where such evidence is cited");
  page.element("p",
               "Each line names a place where this evidence may be cited. It is evidence for an argument that others make, never "
               "compliance with a standard or a law, and no part of this page was assessed by anybody.");
  open_table(page, "Claims and the places where they are cited");
  page.open("thead").row({"claim", "kind of property", "AMLAS stage", "EU AI Act, Annex IV"}, true).close().open("tbody");
  page.row({"lipschitz-global",
            "sensitivity of the outputs to a change of the input, for all inputs; a formal method that reads the model",
            "Model Verification; Model Learning, where the constant decided which model was chosen",
            "point 2 (g), validation and testing: robustness; point 3, capabilities and limitations"});
  if (facts.verdict.claim("lipschitz-pairs") != nullptr)
    page.row({"lipschitz-pairs", "the same, for the decision between two classes", "Model Verification", "point 2 (g), validation and testing"});
  if (facts.samples != nullptr) {
    page.row({"sample-radii", "stability of the decision, within Euclidean balls around the selected samples",
              "Model Verification; the requirement that it verifies belongs to ML Safety Requirements",
              "point 2 (g), validation and testing: accuracy and robustness on these data"});
    page.row({"data digests", "which data the samples are",
              "Data Management, of the data for verification", "point 2, the data used: only that they are these files, not where they come from"});
  }
  page.row({"model and graph digest", "which network was analysed",
            "Model Deployment, to show that the deployed file is the verified one",
            "point 1, which version of the system this is about"});
  page.close().close().close();
  page.element("p",
               "AMLAS: Assurance of Machine Learning for use in Autonomous Systems, with six stages. Annex IV of Regulation (EU) 2024/1689 lists "
               "what technical documentation contains. ISO/IEC 24029-2 is about formal methods for the robustness of neural networks; stability and "
               "sensitivity are used here in their plain sense, which may be narrower or wider there. This table was written without quoting those "
               "texts: compare each line with the edition that you work with.",
               {{"class", "small"}});
  page.close();
}

}  // namespace lipcert::report
