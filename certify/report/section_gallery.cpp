// Samples to look at: the safest and the most fragile, those without a certificate, and those for which an attack found a flip.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "certify/report/pictures.hpp"
#include "certify/report/plain_text.hpp"
#include "certify/report/sections.hpp"

namespace lipcert::report {
namespace {

std::string class_name(std::uint32_t c) {
  return c == no_class ? "undecided" : std::to_string(c);
}

void row_of(Markup& page, const Facts& facts, const std::string& title, const std::vector<std::size_t>& positions, bool flips) {
  if (positions.empty()) return;
  page.element("h3", title).open("ul", {{"class", "gallery"}});
  for (const std::size_t k : positions) {
    const SampleRecord& record = facts.samples->records[k];
    const GalleryPicture* picture = facts.picture(record.index);
    if (picture == nullptr) continue;
    const std::string number = std::to_string(record.index);
    const bool pair = flips && picture->flipped;
    page.open("li", {{"class", pair ? "pair" : "one"}}).empty("img", {{"src", data_uri(picture->picture)}, {"alt", "sample " + number}, {"width", "84"}, {"height", "84"}});
    if (pair)
      page.empty("img", {{"src", data_uri(*picture->flipped)}, {"alt", "the nearest flip found of sample " + number}, {"width", "84"}, {"height", "84"}});
    page.element("span", "sample " + number, {{"class", "name"}});
    std::string decision = "class " + class_name(record.predicted);
    if (record.label != no_class && record.label != record.predicted) decision += ", label " + class_name(record.label);
    page.element("span", decision);
    page.element("span", "radius " + short_number(facts.samples->radius(record), 4));
    if (flips) {
      const Flip& flip = facts.attack->flips.at(record.index);
      page.element("span", fmt::format("becomes {} at {}", flip.to, short_number(flip.distance, 4)), {{"class", "flip"}});
    }
    page.close();
  }
  page.close();
}

}  // namespace

void gallery_section(Markup& page, const Facts& facts) {
  if (facts.samples == nullptr || !facts.pictures) return;
  const Selection chosen = choose(facts);
  open_section(page, "gallery", "Samples to look at");
  standing_note(page, facts);
  page.element("p", "Pictures from the data file, whose digest was compared. Radii and distances in " + facts.unit() + ".");
  row_of(page, facts, "Largest radii", chosen.largest, false);
  row_of(page, facts, "Smallest radii", chosen.smallest, false);
  row_of(page, facts, "Not certified at the smallest eps", chosen.uncertified, false);
  row_of(page, facts, "Nearest flips that the attack found", chosen.flipped, true);
  if (std::any_of(facts.gallery.begin(), facts.gallery.end(), [](const GalleryPicture& p) { return p.flipped.has_value(); }))
    page.element("p", "The sample stands on the left and the flipped input on the right, on one scale of brightness; where a flipped input leaves the range of the sample it is cut for the picture.");
  page.close();
}

}  // namespace lipcert::report
