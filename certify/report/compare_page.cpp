// The difference of two certificates as a page.
#include <fmt/format.h>

#include "certify/certificate/statement.hpp"
#include "certify/report/page.hpp"
#include "certify/report/plain_text.hpp"
#include "certify/report/report.hpp"
#include "certify/report/sections.hpp"
#include "formats/encoding/files.hpp"

namespace lipcert::report {
namespace {

std::string counted(const std::optional<std::uint64_t>& count) {
  return count ? grouped(*count) : "-";
}

void head(Markup& page, const CompareJob& job, const Difference& difference) {
  const bool checked = !job.verdict_before.empty();
  const bool rejected = job.verdict_before == "rejected" || job.verdict_after == "rejected";
  const bool whole = job.verdict_before == "accepted" && job.verdict_after == "accepted";
  page.open("section", {{"id", "verdict"},
                        {"class", std::string("verdict ") + (rejected ? "rejected"
                                                             : whole  ? "accepted"
                                                                      : "partial")},
                        {"aria-labelledby", "verdict-word"}});
  page.element("p",
               difference.same_payload() ? "The same certificate"
               : difference.any()        ? "Something changed"
                                         : "Only issued again",
               {{"class", "word"}, {"id", "verdict-word"}});
  if (rejected) {
    page.element("p", "A certificate was rejected by lipverify: the figures below are what it says, and nothing of it is proved.",
                 {{"class", "reason"}});
  } else if (!checked) {
    page.open("p", {{"class", "warning"}})
        .element("strong", "Not rechecked. ")
        .text("The figures are what the certificates claim; give --model and --public-key to have lipverify check both.")
        .close();
  } else if (!whole) {
    page.open("p", {{"class", "warning"}})
        .element("strong", "Not all rechecked. ")
        .text("Counts of samples are what the certificates claim.")
        .close();
  }
  page.open("dl", {{"class", "facts"}});
  const auto line = [&](const std::string& name, const CertificateView& view, const std::string& verdict) {
    page.open("div")
        .element("dt", name)
        .open("dd")
        .text(file_name_of(view.path))
        .text(verdict.empty() ? "" : ": " + verdict)
        .empty("br")
        .element("code", view.payload_sha256)
        .close()
        .close();
  };
  line("before", job.before, job.verdict_before);
  line("after", job.after, job.verdict_after);
  page.close().close();
}

void values(Markup& page, const Difference& difference) {
  open_section(page, "values", "Values");
  if (difference.changes.empty()) {
    page.element("p", "Model, bounds, data, tool, settings and issuance are the same.").close();
    return;
  }
  open_table(page, "Values that changed");
  page.open("thead").row({"part", "value", "before", "after"}, true).close().open("tbody");
  for (const Change& c : difference.changes) page.row({c.part, c.name, printable(c.before, 200), printable(c.after, 200)});
  page.close().close().close().close();
}

void blocks(Markup& page, const Difference& difference) {
  open_section(page, "blocks", "Blocks");
  page.element("p", fmt::format("{} of {} blocks changed.", difference.changed_blocks(), difference.blocks.size()));
  if (difference.changed_blocks() != 0) {
    open_table(page, "Blocks that changed");
    page.open("thead").row({"block", "what", "value", "before", "after"}, true).close().open("tbody");
    for (const BlockChange& block : difference.blocks) {
      if (block.kind == BlockChange::Kind::same) continue;
      const std::string& id = block.after_id.empty() ? block.before_id : block.after_id;
      if (block.changes.empty()) page.row({id, name_of(block.kind), "", "", ""});
      for (const Change& c : block.changes) page.row({id, name_of(block.kind), c.name, printable(c.before, 200), printable(c.after, 200)});
    }
    page.close().close().close();
  }
  page.close();
}

void samples(Markup& page, const SampleChange& s) {
  open_section(page, "samples", "Samples");
  page.element("p", fmt::format("{} samples before, {} after; classified as labelled {} before, {} after.", grouped(s.total_before),
                                grouped(s.total_after), grouped(s.correct_before), grouped(s.correct_after)));
  page.element("p", s.by_sample ? fmt::format("{} samples have another predicted class.", grouped(s.class_changed))
                                : "Not compared sample by sample: " + s.why_not + ".");
  open_table(page, "Counts at each eps", "numbers");
  page.open("thead").row({"eps", "robust before", "after", "and correct before", "after", "gained", "lost"}, true).close().open("tbody");
  for (const EpsChange& e : s.eps) {
    page.open("tr")
        .element("th", e.eps, {{"scope", "row"}})
        .element("td", counted(e.certified_before))
        .element("td", counted(e.certified_after));
    page.element("td", counted(e.correct_before)).element("td", counted(e.correct_after));
    page.element("td", s.by_sample ? grouped(e.gained) : "-", {{"class", e.gained != 0 ? "gain" : "none"}});
    page.element("td", s.by_sample ? grouped(e.lost) : "-", {{"class", e.lost != 0 ? "loss" : "none"}}).close();
  }
  page.close().close().close();
  page.open("ul");
  for (const EpsChange& e : s.eps) {
    const auto list = [&](const char* word, const std::vector<std::uint64_t>& indices, std::uint64_t all) {
      if (indices.empty()) return;
      std::string text;
      for (const std::uint64_t index : indices) text += (text.empty() ? "" : ", ") + std::to_string(index);
      page.element("li", fmt::format("{} at eps {}: samples {}{}", word, e.eps, text, all > indices.size() ? ", and more" : ""));
    };
    list("Gained", e.first_gained, e.gained);
    list("Lost", e.first_lost, e.lost);
  }
  page.close().close();
}

}  // namespace

std::string make_compare_page(const CompareJob& job, const Difference& difference) {
  Markup page;
  open_page(page, "What changed between two certificates");
  page.open("header").element("p", "Lipschitz certificates \u00B7 comparison", {{"class", "kicker"}}).element("h1", "What changed").close();
  head(page, job, difference);
  values(page, difference);
  blocks(page, difference);
  if (difference.samples) samples(page, *difference.samples);
  close_page(page, "Made on " + format_time(job.made_at) + ".");
  return page.finish();
}

}  // namespace lipcert::report
