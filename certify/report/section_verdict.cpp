// What an auditor must see first: the verdict, what is claimed, and what is not.
#include <fmt/format.h>

#include <algorithm>

#include "certify/report/plain_text.hpp"
#include "certify/report/sections.hpp"

namespace lipcert::report {
namespace {

std::string value(const Json& json, const char* name) {
  return json.contains(name) && json.at(name).is_string() ? json.at(name).get<std::string>() : "";
}

void tile(Markup& page, const std::string& name, const std::string& figure, const std::string& note) {
  page.open("div", {{"class", "tile"}})
      .element("dt", name)
      .element("dd", figure, {{"class", "figure"}})
      .element("dd", note, {{"class", "note"}})
      .close();
}

/// A decimal that was rounded to the safe side, with six significant digits, rounded to the same side once more: up or down. Digits before the point stay.
std::string six_digits(const std::string& decimal, bool up) {
  const std::size_t point = decimal.find('.');
  if (point == std::string::npos || decimal.find_first_not_of("0123456789.") != std::string::npos) return decimal;
  const std::size_t first = std::min(decimal.find_first_not_of("0."), decimal.size());
  const std::size_t end = first < point ? std::max(point + 1, std::size_t{7}) : first + 6;  // six digits and the point
  if (end >= decimal.size()) return decimal;
  std::string out = decimal.substr(0, end);
  if (up) {
    std::size_t at = out.size();
    while (at > 0 && (out[at - 1] == '9' || out[at - 1] == '.')) {
      if (out[at - 1] == '9') out[at - 1] = '0';
      --at;
    }
    if (at == 0)
      out.insert(0, 1, '1');
    else
      ++out[at - 1];
  }
  if (out.back() == '.') out.pop_back();
  return out;
}

void tiles(Markup& page, const Facts& facts) {
  page.open("dl", {{"class", "tiles"}});
  if (const Json* claim = facts.verdict.claim("lipschitz-global"))
    tile(page, "Lipschitz constant L", "\u2264 " + six_digits(value(*claim, "upper"), true), "and no smaller than " + six_digits(value(*claim, "lower"), false));
  if (facts.samples != nullptr) {
    const std::uint64_t total = facts.number("total");
    if (facts.samples->labelled())
      tile(page, facts.samples_proved ? "Accuracy" : "Claimed accuracy", percent(facts.number("correct"), total),
           fmt::format("{} of {} samples as labelled", grouped(facts.number("correct")), grouped(total)));
    for (const Json& count : facts.sample_claim->at("counts")) {
      const bool labelled = facts.samples->labelled();
      const std::uint64_t n = count.at(labelled ? "certifiedCorrect" : "certified").get<std::uint64_t>();
      tile(page, (facts.samples_proved ? "Certified at eps " : "Claimed at eps ") + value(count, "eps"), percent(n, total),
           fmt::format("{} of {} {}", grouped(n), grouped(total), labelled ? "robust and correct" : "robust"));
    }
  }
  page.close();
}

/// Each demand of the policy beside what was found; nothing where there is no policy.
void policy_demands(Markup& page, const Verdict& verdict) {
  if (verdict.json.contains("requirements") && verdict.json.at("requirements").is_array()) {
    page.element("h3", "Demands of the policy");
    open_table(page, "Demands of the policy");
    page.open("thead").row({"demand", "wanted", "found", "met"}, true).close().open("tbody");
    for (const Json& item : verdict.json.at("requirements")) {
      if (!item.is_object()) continue;
      page.row({value(item, "pointer"), value(item, "wanted"), value(item, "found"), item.value("met", false) ? "yes" : "no"});
    }
    page.close().close().close();
  }
}

void rejection(Markup& page, const Facts& facts) {
  page.element("p", facts.verdict.error.empty() ? "lipverify rejected the certificate." : facts.verdict.error, {{"class", "reason"}});
  page.element("p", "Nothing in this certificate is shown as proved. Do not rely on it, and ask its issuer for one that is accepted.");
  policy_demands(page, facts.verdict);
  open_table(page, "Checks that failed");
  page.open("thead").row({"check", "subject", "the certificate says", "recomputed"}, true).close().open("tbody");
  for (const Json& check : facts.verdict.json.at("checks")) {
    if (check.value("passed", false)) continue;
    page.row({value(check, "id"), value(check, "subject"), value(check, "claimed"), value(check, "recomputed")});
  }
  page.close().close().close();
}

}  // namespace

void verdict_section(Markup& page, const Facts& facts) {
  const Verdict& verdict = facts.verdict;
  const std::string kind = verdict.accepted() ? "accepted" : verdict.in_part() ? "partial" : "rejected";
  page.open("section", {{"id", "verdict"}, {"class", "verdict " + kind}, {"aria-labelledby", "verdict-word"}});
  page.open("p", {{"class", "word"}, {"id", "verdict-word"}});
  page.element("span",
               verdict.accepted()  ? "\u2713"
               : verdict.in_part() ? "\u25D0"
                                   : "\u2717",
               {{"class", "mark"}, {"aria-hidden", "true"}});
  page.text(verdict.accepted() ? "Accepted" : verdict.in_part() ? "Accepted in part" : "Rejected").close();
  if (!verdict.proves()) {
    rejection(page, facts);
    page.close();
    return;
  }
  page.element("p",
               verdict.accepted()
                   ? "Every claim of the certificate was recomputed by lipverify from the model itself, in integer arithmetic."
                   : "The mathematics of the network was recomputed, but not every claim about samples. What was left out is marked below "
                     "and is the issuer's word.",
               {{"class", "lead"}});
  if (const Json* claim = verdict.claim("lipschitz-global")) {
    page.open("p", {{"class", "formula"}}).text(value(*claim, "formula")).close();
  }
  tiles(page, facts);
  policy_demands(page, verdict);
  page.open("div", {{"class", "limits-short"}}).element("p", "What this does not say", {{"class", "label"}}).open("ul");
  page.element("li", "Nothing about rounding: the claims are about exact real arithmetic, not about a runtime in float32.");
  page.element("li", "Nothing about other norms than the Euclidean norm, or about processing outside the graph.");
  if (facts.samples != nullptr)
    page.element(
        "li", "Nothing about inputs that are not among the selected samples, apart from the Lipschitz bounds, which hold for all inputs.");
  page.close().open("p").element("a", "All limits and assumptions", {{"href", "#limits"}}).close().close();
  page.close();
}

void meaning_section(Markup& page, const Facts& facts) {
  if (!facts.verdict.proves()) return;
  open_section(page, "meaning", "What it means for this model");
  if (const Json* claim = facts.verdict.claim("lipschitz-global")) {
    page.open("p")
        .text("However two inputs differ, the outputs of the network differ by at most ")
        .element("strong", value(*claim, "upper"));
    page.text(" times as much (Euclidean lengths). For some inputs they differ by " + value(*claim, "lower") +
              " times as much or more, so no analysis can prove a constant below that.");
    page.close();
  }
  if (const Json* claim = facts.verdict.claim("lipschitz-pairs")) {
    page.element("p", fmt::format("The difference of any two of the {} outputs grows by at most {} times the change of the input; how far "
                                  "a decision is from changing follows from that.",
                                  claim->value("classes", std::uint64_t{0}), value(*claim, "largest")));
    page.open("p", {{"class", "formula"}}).text(value(*claim, "formula")).close();
  }
  if (facts.samples != nullptr) {
    standing_note(page, facts);
    const std::uint64_t total = facts.number("total");
    const std::string thing = facts.pictures ? "image" : "input";
    const Json* const range = facts.samples->range();
    const std::string in_range = range == nullptr ? "" : " whose pixels stay between " + value(*range, "low") + " and " + value(*range, "high") + ",";
    page.open("ul", {{"class", "sentences"}});
    for (const Json& count : facts.sample_claim->at("counts")) {
      const std::uint64_t robust = count.at("certified").get<std::uint64_t>();
      page.open("li")
          .text("No " + thing + " within ")
          .element("strong", value(count, "eps"))
          .text(fmt::format("{} of {} of the {} selected samples is classified otherwise than the sample", in_range, grouped(robust), grouped(total)));
      if (facts.samples->labelled()) {
        const std::uint64_t correct = count.at("certifiedCorrect").get<std::uint64_t>();
        page.text(fmt::format("; {} of them are classified as labelled (", grouped(correct)))
            .element("strong", percent(correct, total))
            .text(" certified accuracy)");
      }
      page.text(".").close();
    }
    page.close();
    page.element(
        "p", "Distances are Euclidean lengths in " + facts.unit() +
                 (facts.samples->unit == Unit::scaled_pixel
                      ? ": stored values times " + value(facts.samples->claim.at("data"), "scale") + ", before mean and standard deviation."
                      : "."));
    page.open("p", {{"class", "formula"}}).text(value(*facts.sample_claim, "formula")).close();
  } else {
    page.element("p", "The certificate says nothing about single samples; the Lipschitz bounds hold for all inputs.");
  }
  page.close();
}

}  // namespace lipcert::report
