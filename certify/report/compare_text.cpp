// A difference of certificates in words and as JSON.
#include <fmt/format.h>

#include "certify/report/compare.hpp"
#include "certify/report/plain_text.hpp"

namespace lipcert::report {
namespace {

constexpr std::size_t widest = 200;  // of one value in a line

std::string counted(const std::optional<std::uint64_t>& count) {
  return count ? std::to_string(*count) : "-";
}

std::string listed(const std::vector<std::uint64_t>& indices, std::uint64_t all) {
  std::string out;
  for (const std::uint64_t index : indices) out += (out.empty() ? "" : ", ") + std::to_string(index);
  return out + (all > indices.size() ? ", ..." : "");
}

std::string line(const std::string& indent, const Change& change) {
  const std::string name = change.part == "block" ? change.name : change.part + ": " + change.name;
  return fmt::format("{}{:<28} {} -> {}\n", indent, printable(name, widest), printable(change.before, widest),
                     printable(change.after, widest));
}

Json list(const std::vector<Change>& changes) {
  Json out = Json::array();
  for (const Change& c : changes) out.push_back({{"part", c.part}, {"name", c.name}, {"before", c.before}, {"after", c.after}});
  return out;
}

Json number(const std::optional<std::uint64_t>& count) {
  return count ? Json(*count) : Json();
}

}  // namespace

const char* name_of(BlockChange::Kind kind) {
  switch (kind) {
    case BlockChange::Kind::same:
      return "same";
    case BlockChange::Kind::changed:
      return "changed";
    case BlockChange::Kind::added:
      return "added";
    case BlockChange::Kind::removed:
      return "removed";
  }
  return "";
}

std::string text(const Difference& difference) {
  std::string out = fmt::format("before       payload {}\nafter        payload {}\n", difference.before_payload, difference.after_payload);
  if (difference.same_payload()) return out + "nothing changed: the payloads are the same bytes\n";
  for (const Change& change : difference.changes) out += line("", change);
  out += fmt::format("blocks       {} compared, {} changed\n", difference.blocks.size(), difference.changed_blocks());
  for (const BlockChange& block : difference.blocks) {
    if (block.kind == BlockChange::Kind::same) continue;
    out += fmt::format("  {:<8} {}\n", name_of(block.kind), printable(block.after_id.empty() ? block.before_id : block.after_id, widest));
    for (const Change& change : block.changes) out += line("    ", change);
  }
  if (difference.samples) {
    const SampleChange& s = *difference.samples;
    out += fmt::format("samples      {} -> {}, as labelled {} -> {}\n", s.total_before, s.total_after, s.correct_before, s.correct_after);
    for (const EpsChange& e : s.eps) {
      out += fmt::format("eps {:<8} robust {} -> {}, robust and correct {} -> {}", printable(e.eps, widest), counted(e.certified_before),
                         counted(e.certified_after), counted(e.correct_before), counted(e.correct_after));
      if (s.by_sample) {
        out += fmt::format("; {} gained, {} lost", e.gained, e.lost);
        if (e.gained != 0) out += " (gained: " + listed(e.first_gained, e.gained) + ")";
        if (e.lost != 0) out += " (lost: " + listed(e.first_lost, e.lost) + ")";
      }
      out += "\n";
    }
    if (s.by_sample) {
      out += fmt::format("decisions    {} of {} samples have another class\n", s.class_changed, s.total_after);
    } else {
      out += "             not compared sample by sample: " + printable(s.why_not, widest) + "\n";
    }
  }
  if (!difference.any()) out += "nothing else changed: model, bounds, samples, tool and settings are the same\n";
  return out;
}

Json json(const Difference& difference) {
  Json blocks = Json::array();
  for (const BlockChange& b : difference.blocks)
    blocks.push_back({{"kind", name_of(b.kind)}, {"before", b.before_id}, {"after", b.after_id}, {"changes", list(b.changes)}});
  Json samples;
  if (difference.samples) {
    const SampleChange& s = *difference.samples;
    Json eps = Json::array();
    for (const EpsChange& e : s.eps) {
      Json item = {{"eps", e.eps},
                   {"certifiedBefore", number(e.certified_before)},
                   {"certifiedAfter", number(e.certified_after)},
                   {"certifiedCorrectBefore", number(e.correct_before)},
                   {"certifiedCorrectAfter", number(e.correct_after)}};
      if (s.by_sample) item.update({{"gained", e.gained}, {"lost", e.lost}, {"firstGained", e.first_gained}, {"firstLost", e.first_lost}});
      eps.push_back(std::move(item));
    }
    samples = {{"totalBefore", s.total_before},
               {"totalAfter", s.total_after},
               {"correctBefore", s.correct_before},
               {"correctAfter", s.correct_after},
               {"sameData", s.same_data},
               {"bySample", s.by_sample},
               {"eps", std::move(eps)}};
    if (s.by_sample) {
      samples["classChanged"] = s.class_changed;
    } else {
      samples["whyNot"] = s.why_not;
    }
  }
  return {{"samePayload", difference.same_payload()},     {"changed", difference.any()},
          {"before", difference.before_payload},          {"after", difference.after_payload},
          {"changes", list(difference.changes)},          {"blocks", std::move(blocks)},
          {"changedBlocks", difference.changed_blocks()}, {"samples", std::move(samples)}};
}

}  // namespace lipcert::report
