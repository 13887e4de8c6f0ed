// The network block by block: norms as bars, and the theorem behind each.
#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <set>

#include "certify/report/plain_text.hpp"
#include "certify/report/sections.hpp"

namespace lipcert::report {
namespace {

/// Length of a bar only: a decimal of the verdict, not a bound.
double approximate(const Json& block, const char* name) {
  const std::string text = block.value(name, std::string("0"));
  return std::strtod(text.c_str(), nullptr);
}

}  // namespace

void open_section(Markup& page, const std::string& id, const std::string& title) {
  page.open("section", {{"id", id}, {"aria-labelledby", id + "-head"}}).element("h2", title, {{"id", id + "-head"}});
}

void open_table(Markup& page, const std::string& label, const std::string& kind) {
  page.open("div", {{"class", "wide"}, {"tabindex", "0"}, {"role", "region"}, {"aria-label", label}})
      .open("table", {{"class", kind.empty() ? "plain" : kind}});
}

void standing_note(Markup& page, const Facts& facts) {
  if (facts.samples == nullptr || facts.samples_proved) return;
  const Json& claim = *facts.sample_claim;
  page.open("p", {{"class", "warning"}}).element("strong", "Not all rechecked. ");
  page.text(
      fmt::format("Of {} samples {} were recomputed from the data. Digest, Merkle root and counts of the records were compared; the rest "
                  "of the radii are claimed by the issuer, not proved here.",
                  grouped(claim.value("total", std::uint64_t{0})), grouped(claim.value("samplesRechecked", std::uint64_t{0}))));
  page.close();
}

void blocks_section(Markup& page, const Facts& facts) {
  if (!facts.verdict.proves()) return;
  const Json& blocks = facts.verdict.json.at("blocks");
  open_section(page, "blocks", "The network, block by block");
  page.element("p",
               "The bar ends at the proved upper end of the block's norm, the tick in it marks the proved lower end. The product along the "
               "graph gives L.");
  double most = 0;
  for (const Json& block : blocks) most = std::max(most, approximate(block, "upper"));
  open_table(page, "Norms of the blocks", "blocks");
  page.open("thead").row({"block", "operator", "norm", "at most", "at least", "theorem"}, true).close().open("tbody");
  std::set<std::string> used = {"graph-propagation", "directional-derivative"};
  constexpr std::size_t longest = 2000;
  std::size_t shown = 0;
  for (const Json& block : blocks) {
    if (++shown > longest) break;
    const double scale = most > 0 ? 100 / most : 0;
    const std::string theorem = block.value("theorem", std::string());
    used.insert(theorem);
    page.open("tr").element("th", block.value("id", std::string()), {{"scope", "row"}, {"class", "name"}});
    page.element("td", block.value("operator", std::string()));
    page.open("td", {{"class", "norm"}}).open("span", {{"class", "track"}, {"aria-hidden", "true"}});
    page.element("span", "", {{"class", "fill"}, {"style", fmt::format("width:{:.2f}%", approximate(block, "upper") * scale)}});
    page.element("span", "", {{"class", "low"}, {"style", fmt::format("left:{:.2f}%", approximate(block, "lower") * scale)}});
    page.close().close();
    page.element("td", block.value("upper", std::string()), {{"class", "number"}})
        .element("td", block.value("lower", std::string()), {{"class", "number"}});
    page.open("td");
    if (theorem_sentence(theorem).empty()) {
      page.text(theorem);
    } else {
      page.element("a", theorem, {{"href", "#theorem-" + theorem}});
    }
    page.close().close();
  }
  page.close().close().close();
  if (blocks.size() > longest)
    page.element("p", fmt::format("The first {} of {} blocks; the others are in the certificate.", longest, blocks.size()));
  if (facts.verdict.claim("lipschitz-pairs") != nullptr) {
    const Json* claim = facts.job.certificate.claim("pair-lipschitz");
    if (claim != nullptr) used.insert(claim->at("evidence").at("theorem").get<std::string>());
  }
  if (facts.samples != nullptr) {
    used.insert("margin-over-lipschitz");
    if (facts.samples->theorem == RadiusTheorem::layer_dual) used.insert("layer-dual");
  }
  page.element("h3", "What the theorems say").open("dl", {{"class", "theorems"}});
  for (const std::string& name : used) {
    const std::string sentence = theorem_sentence(name);
    if (!sentence.empty()) page.open("div", {{"id", "theorem-" + name}}).element("dt", name).element("dd", sentence).close();
  }
  page.close();
  page.element("p", "Proofs and integer evidence: formats/SPEC.md, sections 4, 5 and 8, in the sources of lipcert.", {{"class", "small"}});
  page.close();
}

}  // namespace lipcert::report
