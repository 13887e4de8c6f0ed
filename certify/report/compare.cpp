#include "certify/report/compare.hpp"

#include <algorithm>

#include "certify/report/plain_text.hpp"
#include "formats/encoding/error.hpp"

namespace lipcert::report {
namespace {

constexpr std::size_t most_shown = 10;
constexpr const char* absent = "-";

std::string text_of(const Json& value) {
  return value.is_string() ? value.get<std::string>() : value.is_null() ? absent : value.dump();
}

/// The value at a JSON pointer, or "-".
std::string at(const Json& value, const std::string& pointer) {
  const Json::json_pointer place(pointer);
  return value.contains(place) ? text_of(value.at(place)) : absent;
}

class Collector {
 public:
  explicit Collector(std::vector<Change>& changes) : changes_(changes) {}
  void values(const std::string& part, const std::string& name, const std::string& before, const std::string& after) {
    if (before != after) changes_.push_back({part, name, before, after});
  }
  /// Every member of two objects.
  void members(const std::string& part, const std::string& name, const Json& before, const Json& after) {
    for (const auto& [key, value] : before.items())
      values(part, name + key, text_of(value), after.contains(key) ? text_of(after.at(key)) : absent);
    for (const auto& [key, value] : after.items()) {
      if (!before.contains(key)) values(part, name + key, absent, text_of(value));
    }
  }

 private:
  std::vector<Change>& changes_;
};

const Json& member(const Json& value, const char* name) {
  static const Json none = Json::object();
  return value.contains(name) ? value.at(name) : none;
}

std::string end_of(const CertificateView& view, const std::string& kind, const std::string& pointer) {
  const Json* claim = view.claim(kind);
  return claim == nullptr ? absent : at(*claim, pointer);
}

/// What a block is, apart from its numbers.
std::string nature(const Json& block) {
  return at(block, "/operator") + " " + at(block, "/method/theorem") + " " + std::to_string(block.at("nodes").size());
}

BlockChange block_change(const Json& before, const Json& after) {
  BlockChange out;
  out.before_id = before.at("id").get<std::string>();
  out.after_id = after.at("id").get<std::string>();
  Collector collect(out.changes);
  for (const auto& [name, pointer] : {std::pair("name", "/id"), std::pair("operator", "/operator"), std::pair("theorem", "/method/theorem"),
                                      std::pair("norm at most", "/upper/decimal"), std::pair("norm at least", "/lower/decimal"),
                                      std::pair("nodes", "/nodes"), std::pair("inputs", "/inputs")}) {
    collect.values("block", name, at(before, pointer), at(after, pointer));
  }
  out.kind = out.changes.empty() ? BlockChange::Kind::same : BlockChange::Kind::changed;
  return out;
}

/// The longest common subsequence of what the blocks are; between its members blocks are paired by their place.
std::vector<BlockChange> block_changes(const Json& before, const Json& after) {
  const std::size_t n = before.size();
  const std::size_t m = after.size();
  if (n * m > 25'000'000) throw input_error("The certificates have too many blocks to be compared one by one.");
  std::vector<std::string> left;
  std::vector<std::string> right;
  for (const Json& block : before) left.push_back(nature(block));
  for (const Json& block : after) right.push_back(nature(block));
  std::vector<std::uint32_t> longest((n + 1) * (m + 1), 0);
  for (std::size_t i = n; i-- > 0;) {
    for (std::size_t j = m; j-- > 0;) {
      longest[i * (m + 1) + j] = left[i] == right[j] ? longest[(i + 1) * (m + 1) + j + 1] + 1
                                                     : std::max(longest[(i + 1) * (m + 1) + j], longest[i * (m + 1) + j + 1]);
    }
  }
  std::vector<BlockChange> out;
  std::vector<std::size_t> lonely_left;
  std::vector<std::size_t> lonely_right;
  const auto flush = [&] {
    const std::size_t pairs = std::min(lonely_left.size(), lonely_right.size());
    for (std::size_t k = 0; k < pairs; ++k) out.push_back(block_change(before[lonely_left[k]], after[lonely_right[k]]));
    for (std::size_t k = pairs; k < lonely_left.size(); ++k)
      out.push_back({BlockChange::Kind::removed, before[lonely_left[k]].at("id").get<std::string>(), "", {}});
    for (std::size_t k = pairs; k < lonely_right.size(); ++k)
      out.push_back({BlockChange::Kind::added, "", after[lonely_right[k]].at("id").get<std::string>(), {}});
    lonely_left.clear();
    lonely_right.clear();
  };
  std::size_t i = 0;
  std::size_t j = 0;
  while (i < n || j < m) {
    if (i < n && j < m && left[i] == right[j]) {
      flush();
      out.push_back(block_change(before[i++], after[j++]));
    } else if (j == m || (i < n && longest[(i + 1) * (m + 1) + j] >= longest[i * (m + 1) + j + 1])) {
      lonely_left.push_back(i++);
    } else {
      lonely_right.push_back(j++);
    }
  }
  flush();
  return out;
}

void count_by_sample(SampleChange& out, const SampleView& before, const SampleView& after) {
  for (std::size_t k = 0; k < before.records.size(); ++k)
    out.class_changed += before.records[k].predicted != after.records[k].predicted ? 1U : 0U;
  for (EpsChange& change : out.eps) {
    // The threshold of formats/SPEC.md, section 8: exact, and the same rule as for the counts in the certificate.
    const double below_before = SampleCounts({change.eps}, before.unit, before.smallest_std).eps[0].below;
    const double below_after = SampleCounts({change.eps}, after.unit, after.smallest_std).eps[0].below;
    for (std::size_t k = 0; k < before.records.size(); ++k) {
      const bool was = before.records[k].radius > below_before;
      const bool is = after.records[k].radius > below_after;
      if (was == is) continue;
      ++(is ? change.gained : change.lost);
      std::vector<std::uint64_t>& first = is ? change.first_gained : change.first_lost;
      if (first.size() < most_shown) first.push_back(after.records[k].index);
    }
  }
}

SampleChange sample_change(const std::optional<SampleView>& before, const std::optional<SampleView>& after) {
  SampleChange out;
  const auto take = [&](const std::optional<SampleView>& view, bool old) {
    if (!view) return;
    (old ? out.total_before : out.total_after) = view->claim.at("total").get<std::uint64_t>();
    (old ? out.correct_before : out.correct_after) = view->claim.at("correct").get<std::uint64_t>();
    for (const Json& count : view->claim.at("counts")) {
      const std::string eps = count.at("eps").get<std::string>();
      auto found = std::find_if(out.eps.begin(), out.eps.end(), [&](const EpsChange& e) { return e.eps == eps; });
      if (found == out.eps.end()) {
        found = out.eps.emplace(out.eps.end());
        found->eps = eps;
      }
      (old ? found->certified_before : found->certified_after) = count.at("certified").get<std::uint64_t>();
      (old ? found->correct_before : found->correct_after) = count.at("certifiedCorrect").get<std::uint64_t>();
    }
  };
  take(before, true);
  take(after, false);
  if (!before || !after) {
    out.why_not = before ? "the newer certificate says nothing about samples" : "the older certificate says nothing about samples";
    return out;
  }
  const auto digests = [](const Json& claim) {
    std::string all;
    for (const Json& file : claim.at("data").at("files")) all += at(file, "/role") + " " + at(file, "/sha256") + "\n";
    return all;
  };
  out.same_data = before->claim.at("selection") == after->claim.at("selection") && digests(before->claim) == digests(after->claim) &&
                  before->unit == after->unit;
  const auto range = [](const SampleView& view) { return view.range() == nullptr ? Json(nullptr) : *view.range(); };
  const bool same_range = range(*before) == range(*after);
  out.same_data = out.same_data && same_range;
  if (!out.same_data) {
    out.why_not = same_range ? "the samples, their selection or the unit of eps are others" : "the claims are about other ranges of inputs";
  } else if (!before->records_missing.empty() || !after->records_missing.empty()) {
    out.why_not = "records are missing: " + (before->records_missing.empty() ? after : before)->records_missing;
  } else {
    out.by_sample = true;
    count_by_sample(out, *before, *after);
  }
  return out;
}

}  // namespace

bool Difference::any() const {
  const auto matters = [](const Change& change) { return change.part != "issuance"; };
  const auto moved = [](const EpsChange& e) {
    return e.gained + e.lost != 0 || e.certified_before != e.certified_after || e.correct_before != e.correct_after;
  };
  return std::any_of(changes.begin(), changes.end(), matters) || changed_blocks() != 0 ||
         (samples && (samples->class_changed != 0 || samples->correct_before != samples->correct_after ||
                      std::any_of(samples->eps.begin(), samples->eps.end(), moved)));
}

std::size_t Difference::changed_blocks() const {
  return static_cast<std::size_t>(
      std::count_if(blocks.begin(), blocks.end(), [](const BlockChange& b) { return b.kind != BlockChange::Kind::same; }));
}

Difference compare(const CertificateView& before, const CertificateView& after) {
  Difference out;
  out.before_payload = before.payload_sha256;
  out.after_payload = after.payload_sha256;
  try {
    Collector collect(out.changes);
    const Json& b = before.predicate();
    const Json& a = after.predicate();
    collect.values("model", "name", at(before.statement, "/subject/0/name"), at(after.statement, "/subject/0/name"));
    collect.values("model", "sha256", before.model_sha256(), after.model_sha256());
    for (const char* name : {"graphDigest", "bytes", "format", "externalFiles", "input", "output", "fixedInputs"})
      collect.values("model", name, at(b, std::string("/model/") + name), at(a, std::string("/model/") + name));
    for (const auto& [name, kind, pointer] :
         {std::tuple("L at most", "global-lipschitz", "/upper/decimal"), std::tuple("L at least", "global-lipschitz", "/lower/decimal"),
          std::tuple("pairs of classes", "pair-lipschitz", "/classes"), std::tuple("L_ij at most", "pair-lipschitz", "/upper/decimal")})
      collect.values("bounds", name, end_of(before, kind, pointer), end_of(after, kind, pointer));
    collect.members("semantics", "", member(b, "semantics"), member(a, "semantics"));
    for (const char* name : {"notCovered", "assumptions"})
      collect.values("limits", name, at(b, std::string("/") + name), at(a, std::string("/") + name));
    const auto data = [](const CertificateView& view) { return view.samples ? view.samples->claim.at("data") : Json::object(); };
    collect.members("data", "", data(before), data(after));
    collect.values("data", "selection", end_of(before, "sample-radii", "/selection"), end_of(after, "sample-radii", "/selection"));
    collect.values("data", "unit of eps", end_of(before, "sample-radii", "/epsUnit"), end_of(after, "sample-radii", "/epsUnit"));
    collect.members("tool", "", member(b, "generator"), member(a, "generator"));
    collect.members("settings", "", member(b, "settings"), member(a, "settings"));
    collect.members("issuance", "", member(b, "issuance"), member(a, "issuance"));
    out.blocks = block_changes(b.at("blocks"), a.at("blocks"));
    if (before.samples || after.samples) out.samples = sample_change(before.samples, after.samples);
  } catch (const Json::exception&) {
    throw input_error(printable(before.path) + " or " + printable(after.path) +
                      " is not built like a certificate; give files that `lipcert certify` wrote.");
  }
  return out;
}

}  // namespace lipcert::report
