// Radii of samples: as a curve, as a histogram, class by class, and as a confusion matrix.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>

#include "certify/report/chart.hpp"
#include "certify/report/plain_text.hpp"
#include "certify/report/sections.hpp"

namespace lipcert::report {
namespace {

constexpr std::size_t grid = 360;  // points of a curve: the shares there are exact, between them the curve is the next one's

/// The share of `total` whose radius is above x.
double share_above(const std::vector<double>& radii, double x, std::uint64_t total) {
  const auto above = radii.end() - std::upper_bound(radii.begin(), radii.end(), x);
  return static_cast<double>(above) / static_cast<double>(std::max<std::uint64_t>(1, total));
}

double number_of(const std::string& eps) {
  return Rational::parse(eps, "eps").rounded_down();
}

/// Where the axis ends: a little beyond all but the largest of the finite radii, and beyond every eps.
double axis_end(const Facts& facts, const std::vector<double>& radii, double furthest_flip) {
  double end = 0;
  std::size_t finite = 0;
  while (finite < radii.size() && std::isfinite(radii[finite])) ++finite;
  if (finite != 0) end = std::max(end, radii[std::min(finite - 1, finite * 995 / 1000)]);
  for (const std::string& eps : facts.samples->eps) end = std::max(end, number_of(eps));
  end = end > 0 ? std::max(end, std::min(furthest_flip, 1.5 * end)) : furthest_flip;  // flips far away must not squeeze the curve
  return end > 0 ? end * 1.06 : 1;
}

bool correct(const SampleRecord& record) {
  return record.predicted != no_class && record.predicted == record.label;
}

struct ClassRow {
  std::uint64_t samples = 0;
  std::uint64_t correct = 0;
  std::vector<std::uint64_t> certified;  // at each eps; robust and, where there are labels, correct
  std::vector<double> radii;
};

std::string median(std::vector<double>& radii) {
  if (radii.empty()) return "-";
  const auto middle = radii.begin() + static_cast<std::ptrdiff_t>((radii.size() - 1) / 2);
  std::nth_element(radii.begin(), middle, radii.end());
  return short_number(*middle, 4);
}

}  // namespace

void accuracy_section(Markup& page, const Facts& facts) {
  if (facts.samples == nullptr) return;
  const SampleView& samples = *facts.samples;
  const bool labelled = samples.labelled();
  const std::uint64_t total = facts.number("total");
  open_section(page, "accuracy", labelled ? "Certified accuracy" : "Certified robustness");
  standing_note(page, facts);
  page.element("p",
               fmt::format("The share of the {} samples {} for every change of the input of at most this length. The marked points are the "
                           "counts of the verdict.",
                           grouped(total), labelled ? "that are classified as labelled and stay so" : "whose decision stays the same"));
  if (const Json* const range = facts.samples->range())
    page.open("p", {{"class", "warning"}})
        .element("strong", "A stated range of inputs. ")
        .text("The radii are claimed only for inputs whose scaled pixels all lie from " + range->at("low").get<std::string>() + " to " +
              range->at("high").get<std::string>() + "; nothing is said about others.")
        .close();
  if (samples.theorem == RadiusTheorem::layer_dual) {
    const auto local = std::count_if(samples.records.begin(), samples.records.end(), [](const SampleRecord& record) { return record.rule == 1; });
    page.element("p", fmt::format("{} of the radii follow from a bound for the ball around the sample (theorem layer-dual), the others from the network's "
                                  "global constants (margin-over-lipschitz).",
                                  grouped(static_cast<std::uint64_t>(local))));
  }
  const std::vector<double> radii = sorted_radii(samples, labelled);
  std::vector<double> flips;  // nearest known flip of samples that count; a sample without one may stay for ever
  if (facts.attack) {
    const std::uint64_t first = samples.claim.at("selection").at("first").get<std::uint64_t>();
    for (const auto& [index, flip] : facts.attack->flips) {
      if (!labelled || correct(samples.records[index - first])) flips.push_back(flip.distance);
    }
    std::sort(flips.begin(), flips.end());
  }
  const double end = axis_end(facts, radii, flips.empty() ? 0 : flips.back());
  std::vector<Series> series = {{"certified", labelled ? "certified accuracy" : "certified", {}}};
  if (!facts.samples_proved) series[0].name += " (claimed, not all recomputed)";
  for (std::size_t i = 0; i <= grid; ++i) {
    const double x = end * static_cast<double>(i) / grid;
    series[0].points.emplace_back(x, share_above(radii, x, total));
  }
  if (facts.attack) {
    Series bound{"attack",
                 fmt::format("no certificate can be above, if the attack file is right (it is not rechecked): {} flips found (in floating point) in {} attacked samples",
                             grouped(flips.size()), grouped(facts.attack->attacked)),
                 {}};
    for (std::size_t i = 0; i <= grid; ++i) {
      const double x = end * static_cast<double>(i) / grid;
      const auto flipped = std::upper_bound(flips.begin(), flips.end(), x) - flips.begin();
      bound.points.emplace_back(
          x, (static_cast<double>(radii.size()) - static_cast<double>(flipped)) / static_cast<double>(std::max<std::uint64_t>(1, total)));
    }
    series.push_back(std::move(bound));
  }
  std::vector<Mark> marks;
  for (const Json& count : facts.sample_claim->at("counts")) {
    const std::string eps = count.at("eps").get<std::string>();
    const auto n = count.at(labelled ? "certifiedCorrect" : "certified").get<std::uint64_t>();
    marks.push_back(
        {number_of(eps), static_cast<double>(n) / static_cast<double>(std::max<std::uint64_t>(1, total)), "eps " + printable(eps, 24)});
  }
  page.open("figure");
  share_chart(page, "accuracy-chart", "Share of samples over eps, falling from left to right", "eps, in " + facts.unit(), end, series,
              marks);
  page.close();
  open_table(page, "Counts of the verdict");
  page.open("thead")
      .row(labelled ? std::vector<std::string>{"eps", "robust", "robust and correct", "certified accuracy"}
                    : std::vector<std::string>{"eps", "robust", "share"},
           true)
      .close();
  page.open("tbody");
  for (const Json& count : facts.sample_claim->at("counts")) {
    const auto robust = count.at("certified").get<std::uint64_t>();
    const auto right = count.at("certifiedCorrect").get<std::uint64_t>();
    const std::string eps = count.at("eps").get<std::string>();
    page.row(labelled ? std::vector<std::string>{eps, grouped(robust), grouped(right), percent(right, total)}
                      : std::vector<std::string>{eps, grouped(robust), percent(robust, total)});
  }
  page.close().close().close();
  page.close();
}

void radii_section(Markup& page, const Facts& facts) {
  if (facts.samples == nullptr) return;
  open_section(page, "radii", "Radii");
  standing_note(page, facts);
  std::vector<double> radii = sorted_radii(*facts.samples, false);
  const double end = axis_end(facts, radii, 0);
  constexpr std::size_t count = 36;
  std::vector<std::uint64_t> bins(count, 0);
  std::uint64_t zero = 0;
  std::uint64_t beyond = 0;
  for (const double r : radii) {
    zero += r == 0 ? 1U : 0U;
    if (r >= end)
      ++beyond;
    else if (r > 0)
      ++bins[std::min(count - 1, static_cast<std::size_t>(r / end * count))];
  }
  std::vector<Mark> marks;
  for (const std::string& eps : facts.samples->eps) marks.push_back({number_of(eps), 0, "eps " + printable(eps, 24)});
  page.element(
      "p",
      fmt::format("How many samples have which certified radius: median {}, largest {}; {} without any (undecided), {} beyond the diagram.",
                  median(radii), radii.empty() ? "-" : short_number(*std::max_element(radii.begin(), radii.end()), 4), grouped(zero),
                  grouped(beyond)));
  page.open("figure");
  histogram(page, "radii-chart", "Number of samples over certified radius", "certified radius, in " + facts.unit(), end, bins, marks);
  page.close().close();
}

void classes_section(Markup& page, const Facts& facts) {
  if (facts.samples == nullptr) return;
  const SampleView& samples = *facts.samples;
  const bool labelled = samples.labelled();
  const SampleCounts thresholds(samples.eps, samples.unit, samples.smallest_std);
  std::map<std::uint32_t, ClassRow> rows;
  for (const SampleRecord& record : samples.records) {
    ClassRow& row = rows[labelled ? record.label : record.predicted];
    row.certified.resize(thresholds.eps.size());
    ++row.samples;
    const bool right = correct(record);
    row.correct += right ? 1U : 0U;
    row.radii.push_back(samples.radius(record));
    for (std::size_t i = 0; i < thresholds.eps.size(); ++i)
      row.certified[i] += record.radius > thresholds.eps[i].below && (right || !labelled) ? 1U : 0U;
  }
  std::vector<std::pair<std::uint32_t, ClassRow*>> shown;
  for (auto& [label, row] : rows) shown.emplace_back(label, &row);
  constexpr std::size_t most = 40;
  open_section(page, "classes", "Class by class");
  standing_note(page, facts);
  if (shown.size() > most) {
    const auto share = [](const ClassRow& row) {
      return row.certified.empty() ? 0.0 : static_cast<double>(row.certified[0]) / static_cast<double>(row.samples);
    };
    std::stable_sort(shown.begin(), shown.end(), [&](const auto& a, const auto& b) { return share(*a.second) < share(*b.second); });
    page.element("p", fmt::format("The {} of {} classes with the smallest share at the first eps.", most, shown.size()));
    shown.resize(most);
  }
  page.element("p", labelled ? "Samples by their label; certified: robust and classified as labelled."
                             : "Samples by their predicted class, because there are no labels; certified: robust.");
  open_table(page, "Samples of each class", "numbers");
  std::vector<std::string> head = {labelled ? "label" : "class", "samples"};
  if (labelled) head.emplace_back("accuracy");
  for (const std::string& eps : samples.eps) head.push_back("certified at " + eps);
  head.emplace_back("median radius");
  page.open("thead").row(head, true).close().open("tbody");
  for (const auto& [label, row] : shown) {
    std::vector<std::string> cells = {label == no_class ? (labelled ? "none" : "undecided") : std::to_string(label), grouped(row->samples)};
    if (labelled) cells.push_back(percent(row->correct, row->samples));
    for (const std::uint64_t n : row->certified) cells.push_back(percent(n, row->samples) + " (" + grouped(n) + ")");
    cells.push_back(median(row->radii));
    page.row(cells);
  }
  page.close().close().close().close();
}

void confusion_section(Markup& page, const Facts& facts) {
  if (facts.samples == nullptr || !facts.samples->labelled() || facts.samples->eps.empty()) return;
  const SampleView& samples = *facts.samples;
  const double below = SampleCounts({samples.eps[0]}, samples.unit, samples.smallest_std).eps[0].below;
  constexpr std::uint32_t most = 20;
  std::uint32_t classes = 0;
  for (const SampleRecord& record : samples.records) {
    if (record.label != no_class) classes = std::max(classes, record.label + 1);
    if (record.predicted != no_class) classes = std::max(classes, record.predicted + 1);
  }
  open_section(page, "confusion", "Decisions that cannot change within eps " + printable(samples.eps[0], 40));
  standing_note(page, facts);
  if (classes > most) {
    page.element("p", fmt::format("{} classes are too many for a table; see the class by class figures.", classes)).close();
    return;
  }
  page.element("p",
               "Rows: the label. Columns: the class that the network keeps for every change of at most eps. Off the diagonal stand "
               "decisions that are wrong and stay so.");
  std::vector<std::vector<std::uint64_t>> kept(classes, std::vector<std::uint64_t>(classes + 1, 0));
  for (const SampleRecord& record : samples.records) {
    if (record.label == no_class) continue;
    ++kept[record.label][record.predicted != no_class && record.radius > below ? record.predicted : classes];
  }
  open_table(page, "Kept decisions by label", "matrix numbers");
  std::vector<std::string> head = {"label"};
  for (std::uint32_t c = 0; c < classes; ++c) head.push_back(std::to_string(c));
  head.emplace_back("not certified");
  page.open("thead").row(head, true).close().open("tbody");
  for (std::uint32_t label = 0; label < classes; ++label) {
    std::uint64_t all = 0;
    for (const std::uint64_t n : kept[label]) all += n;
    page.open("tr").element("th", std::to_string(label), {{"scope", "row"}});
    for (std::uint32_t c = 0; c <= classes; ++c) {
      const std::uint64_t n = kept[label][c];
      const double share = static_cast<double>(n) / static_cast<double>(std::max<std::uint64_t>(1, all));
      const std::string kind = n == 0 ? "none" : c == label ? "right" : c == classes ? "open" : "wrong";
      page.element("td", n == 0 ? "\u00B7" : grouped(n), {{"class", kind}, {"style", fmt::format("--share:{:.0f}%", 12 + 60 * share)}});
    }
    page.close();
  }
  page.close().close().close().close();
}

}  // namespace lipcert::report
