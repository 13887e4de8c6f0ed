// Strict JSON (formats/SPEC.md, section 2). nlohmann's lexer reads the text; what it would let through is refused here: duplicate keys, a byte
// order mark, nesting deeper than 64, numbers that are not integers below 2^53, too many values.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace lipverify {

class Json {
 public:
  enum class Kind { null, boolean, integer, string, array, object };

  /// Parses a whole text; anything out of order: Failure (rejected). `what` names the text in messages.
  [[nodiscard]] static Json parse(std::string_view text, const std::string& what);

  [[nodiscard]] Kind kind() const { return kind_; }
  [[nodiscard]] bool is(Kind kind) const { return kind_ == kind; }

  // Typed access: the wrong kind is a Failure (rejected) that names `place`.
  [[nodiscard]] const std::string& text(const std::string& place) const;
  [[nodiscard]] std::int64_t integer(const std::string& place) const;
  [[nodiscard]] bool boolean(const std::string& place) const;
  [[nodiscard]] const std::vector<Json>& array(const std::string& place) const;
  [[nodiscard]] const std::vector<std::pair<std::string, Json>>& object(const std::string& place) const;

  /// Member of an object that must be there, or may be there (nullptr).
  [[nodiscard]] const Json& member(const std::string& key, const std::string& place) const;
  [[nodiscard]] const Json* find(const std::string& key, const std::string& place) const;

 private:
  friend class JsonBuilder;
  Kind kind_ = Kind::null;
  std::int64_t integer_ = 0;  // integer, or 0 and 1 for booleans
  std::string text_;
  std::vector<Json> items_;
  std::vector<std::pair<std::string, Json>> members_;
};

}  // namespace lipverify
