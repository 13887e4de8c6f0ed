// Reading JSON of a policy so that every complaint names the file, the JSON pointer and what to do. Used by the readers of this room only.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "verifier/base/json.hpp"
#include "verifier/policy/policy.hpp"

namespace lipverify {

/// A value of the policy with its place. Accessors throw Failure (input).
class Place {
 public:
  Place(const Json& json, std::string file, std::string pointer, std::string what = "the policy")
      : json_(&json), file_(std::move(file)), pointer_(std::move(pointer)), what_(std::move(what)) {}

  [[nodiscard]] const std::string& pointer() const { return pointer_; }
  [[noreturn]] void refuse(const std::string& reason, const std::string& remedy) const;

  /// Refuses members that are not `known`, with the nearest known one.
  void only(const std::vector<std::string>& known) const;
  [[nodiscard]] std::optional<Place> find(const std::string& key) const;
  [[nodiscard]] Place at(const std::string& key, const std::string& remedy) const;  // must be there
  [[nodiscard]] std::vector<Place> items() const;                                   // at least one
  [[nodiscard]] std::vector<Place> items_or_none() const;

  [[nodiscard]] bool is(Json::Kind kind) const { return json_->is(kind); }
  [[nodiscard]] const std::string& text() const;  // not empty
  [[nodiscard]] std::string name() const;         // one line of at most 200 bytes
  [[nodiscard]] std::uint64_t count(std::uint64_t least, std::uint64_t most) const;
  [[nodiscard]] bool boolean() const;
  [[nodiscard]] std::string time() const;
  [[nodiscard]] std::string sha256() const;
  [[nodiscard]] std::string fingerprint() const;
  [[nodiscard]] PolicyNumber number() const;         // at least 0: decimal or fraction, as text
  [[nodiscard]] PolicyNumber signed_number() const;  // the same, or one behind a minus sign
  /// The bytes of the file that this text names, in the policy's folder or below it.
  [[nodiscard]] std::string file_bytes(std::uint64_t cap, const std::string& what) const;
  /// Every item read by `read`; the same text twice is refused.
  [[nodiscard]] std::vector<std::string> distinct(std::string (Place::*read)() const, bool may_be_empty = false) const;

 private:
  const Json* json_;
  std::string file_;     // the policy, as the caller named it
  std::string pointer_;  // RFC 6901; empty: the whole document
  std::string what_;     // of which file, in messages
};

/// The known word that needs the fewest insertions, deletions, substitutions and exchanges of neighbours to become `word`; empty when none
/// is near (more than a third of its letters).
[[nodiscard]] std::string nearest(const std::string& word, const std::vector<std::string>& known);

/// Numbers with at most four parts, 1.2.3: the parts, else nothing.
[[nodiscard]] std::optional<std::vector<std::uint64_t>> version_parts(const std::string& text);

/// A list of keys, which the policy's `issuers` and `revocationIssuers` are.
[[nodiscard]] std::vector<PolicyIssuer> read_issuers(const Place& list, bool with_revocation);

[[nodiscard]] Revoked read_revoked(const Place& object);

/// The signed list that `file` names. `signers`: whose signature counts.
[[nodiscard]] RevocationList read_revocation_list(const Place& file, const std::vector<PolicyIssuer>& signers, const Revoked& revoked);

/// The bytes of a document with at most `cap` of them. Otherwise: Failure (input).
[[nodiscard]] std::string document_bytes(const Document& document, std::uint64_t cap, const std::string& what);

}  // namespace lipverify
