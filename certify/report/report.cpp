#include "certify/report/report.hpp"

#include "certify/certificate/build_info.hpp"
#include "certify/certificate/statement.hpp"
#include "certify/report/bom.hpp"
#include "certify/report/page.hpp"
#include "certify/report/plain_text.hpp"
#include "certify/report/sections.hpp"

namespace lipcert::report {
namespace {

constexpr const char* first_bytes = "<!DOCTYPE html>\n<!-- lipcert report -->\n";

/// "lipcert 0.1.0".
std::string program() {
  const std::string text = version_text();
  return text.substr(0, text.find('\n'));
}

}  // namespace

bool is_report(const std::string& bytes) {
  return bytes.starts_with(first_bytes);
}

void open_page(Markup& page, const std::string& title) {
  page.constant(first_bytes);
  page.open("html", {{"lang", "en"}}).open("head").empty("meta", {{"charset", "utf-8"}});
  page.empty("meta",
             {{"http-equiv", "Content-Security-Policy"}, {"content", "default-src 'none'; style-src 'unsafe-inline'; img-src data:"}});
  page.empty("meta", {{"name", "viewport"}, {"content", "width=device-width, initial-scale=1"}})
      .empty("meta", {{"name", "color-scheme"}, {"content", "light dark"}});
  page.empty("meta", {{"name", "referrer"}, {"content", "no-referrer"}});
  page.element("title", title).open("style").constant(style_sheet).close().close();
  page.open("body").open("main");
}

void close_page(Markup& page, const std::string& foot) {
  page.close().open("footer").element("p", foot).close().close().close();
}

Report make_report(const ReportJob& job) {
  const Facts facts = gather(job);
  const bool proves = facts.verdict.proves();
  const Json& subject = job.certificate.statement;
  const std::string model = proves ? subject.at("subject").at(0).at("name").get<std::string>() : std::string();
  Markup page;
  open_page(page, proves ? "Certificate report: " + model : "Rejected certificate");
  page.open("header").element("p", "Lipschitz certificate \u00B7 auditor's report", {{"class", "kicker"}});
  page.element("h1", proves ? model : "A rejected certificate");
  page.element("p",
               "Payload " + (facts.verdict.json.contains("payloadSha256") && facts.verdict.json.at("payloadSha256").is_string()
                                 ? facts.verdict.json.at("payloadSha256").get<std::string>()
                                 : "unknown"),
               {{"class", "digest"}});
  page.close();
  verdict_section(page, facts);
  for (void (*section)(Markup&, const Facts&) :
       {meaning_section, accuracy_section, radii_section, classes_section, confusion_section, gallery_section, blocks_section, data_section,
        limits_section, signer_section, repeat_section, argument_section, citation_section})
    section(page, facts);
  close_page(page, "Made by " + program() + " on " + format_time(job.made_at) + " from the verdict of lipverify.");
  Report out;
  out.html = page.finish();
  if (proves) {
    out.gsn_svg = argument_svg(facts, true);
    out.gsn_dot = argument_dot(facts);
    out.cyclonedx = bill_of_materials(facts);
  }
  return out;
}

}  // namespace lipcert::report
