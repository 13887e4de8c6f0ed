// What changed between two certificates: of an older and a newer one, value by value, block by block, sample by sample. Both are taken at
// their word: nothing is checked here (lipverify does that), so a difference says what they claim, not what is proved.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "certify/report/certificate_view.hpp"
#include "formats/encoding/json.hpp"

namespace lipcert::report {

/// One named value that is not the same in both. A value that one of them does not have is "-".
struct Change {
  std::string part;  // "model", "bounds", "tool", "settings", "issuance", "data"
  std::string name;  // "model.sha256", "L at most", "generator.version", ...
  std::string before;
  std::string after;
};

/// Blocks are paired in order by what they are (operator, theorem, number of nodes) and then by their place: names of tensors differ
/// between exports of the same network.
struct BlockChange {
  enum class Kind { same, changed, added, removed };
  Kind kind = Kind::same;
  std::string before_id;  // empty where the block is added
  std::string after_id;   // empty where it is removed
  std::vector<Change> changes;
};

struct EpsChange {
  std::string eps;
  std::optional<std::uint64_t> certified_before, certified_after;  // nothing: that certificate does not count at this eps
  std::optional<std::uint64_t> correct_before, correct_after;      // certified and classified as labelled
  /// Samples by their index in the data file: certified after but not before, and the reverse. Only with `by_sample`.
  std::uint64_t gained = 0;
  std::uint64_t lost = 0;
  std::vector<std::uint64_t> first_gained, first_lost;  // the first few
};

struct SampleChange {
  std::uint64_t total_before = 0, total_after = 0;
  std::uint64_t correct_before = 0, correct_after = 0;
  bool same_data = false;           // digests, scaling and selection agree
  bool by_sample = false;           // records of both are there, and the data are the same
  std::string why_not;              // by_sample is false: the reason
  std::uint64_t class_changed = 0;  // predicted class differs; with by_sample
  std::vector<EpsChange> eps;
};

struct Difference {
  std::string before_payload, after_payload;  // SHA-256
  std::vector<Change> changes;
  std::vector<BlockChange> blocks;
  std::optional<SampleChange> samples;  // where at least one of them has samples

  [[nodiscard]] bool same_payload() const { return before_payload == after_payload; }
  /// Whether anything but time of issue and evidence differs: what is claimed, about what, and by which tool.
  [[nodiscard]] bool any() const;
  [[nodiscard]] std::size_t changed_blocks() const;
};

/// Throws `Error` (input) where one of them is not built like a certificate.
[[nodiscard]] Difference compare(const CertificateView& before, const CertificateView& after);

/// For people, on a terminal: one line for each change; "nothing changed ..." where there is none. Every name is printable.
[[nodiscard]] std::string text(const Difference& difference);
/// For scripts: `samePayload`, `before`, `after` (payload digests), `changes` (part, name, before, after), `blocks` (kind, before, after,
/// changes), `samples` (or null), `changed`. Texts are those of the certificates.
[[nodiscard]] Json json(const Difference& difference);
[[nodiscard]] const char* name_of(BlockChange::Kind kind);

}  // namespace lipcert::report
