// The sections of a report, in the order of the page. Each writes one element `<section id=...>`, or nothing where there is nothing to say.
#pragma once

#include "certify/report/facts.hpp"
#include "certify/report/markup.hpp"

namespace lipcert::report {

void verdict_section(Markup& page, const Facts& facts);    // id verdict: word, claim, limits, key figures
void meaning_section(Markup& page, const Facts& facts);    // id meaning: in words and formulas
void accuracy_section(Markup& page, const Facts& facts);   // id accuracy: the curve over eps
void radii_section(Markup& page, const Facts& facts);      // id radii: histogram
void classes_section(Markup& page, const Facts& facts);    // id classes: one row for each class
void confusion_section(Markup& page, const Facts& facts);  // id confusion: at the smallest eps
void gallery_section(Markup& page, const Facts& facts);    // id gallery
void blocks_section(Markup& page, const Facts& facts);     // id blocks: norms and theorems
void data_section(Markup& page, const Facts& facts);       // id data: provenance
void limits_section(Markup& page, const Facts& facts);     // id limits: assumptions, what is not covered, what was not checked
void signer_section(Markup& page, const Facts& facts);     // id signer
void repeat_section(Markup& page, const Facts& facts);     // id repeat
void argument_section(Markup& page, const Facts& facts);   // id argument: GSN
void citation_section(Markup& page, const Facts& facts);   // id citation: ISO/IEC 24029-2, AMLAS, EU AI Act

/// `<section id><h2>title</h2>`; close it.
void open_section(Markup& page, const std::string& id, const std::string& title);
/// A table that scrolls by itself where the page is narrow. Opens two elements; `label` is read out.
void open_table(Markup& page, const std::string& label, const std::string& kind = "");
/// Says above a figure that its numbers are not all recomputed; nothing where they are.
void standing_note(Markup& page, const Facts& facts);
/// One sentence that a theorem of formats/SPEC.md says; empty for one that this program does not know.
[[nodiscard]] std::string theorem_sentence(const std::string& name);

/// The argument in Goal Structuring Notation as a picture by itself (SVG), and as a graph in DOT.
[[nodiscard]] std::string argument_svg(const Facts& facts, bool standalone);
[[nodiscard]] std::string argument_dot(const Facts& facts);

}  // namespace lipcert::report
