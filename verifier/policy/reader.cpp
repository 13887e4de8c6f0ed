// See reader.hpp.
#include "verifier/policy/reader.hpp"

#include <algorithm>

#include "verifier/base/bytes.hpp"
#include "verifier/base/failure.hpp"
#include "verifier/samples/data.hpp"

namespace lipverify {

namespace {

/// One step of a JSON pointer (RFC 6901).
std::string step(const std::string& key) {
  std::string out = "/";
  for (const char c : key) out += c == '~' ? std::string("~0") : c == '/' ? std::string("~1") : std::string(1, c);
  return out;
}

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

std::size_t digits_at(const std::string& text, std::size_t at) {
  std::size_t n = 0;
  while (at + n < text.size() && is_digit(text[at + n])) ++n;
  return n;
}

/// 0, or digits that do not begin with 0.
bool whole_at(const std::string& text, std::size_t& at) {
  const std::size_t n = digits_at(text, at);
  if (n == 0 || (n > 1 && text[at] == '0')) return false;
  at += n;
  return true;
}

/// The spelling of numbers in a policy, as policy.schema.json has it.
bool is_number(const std::string& text) {
  std::size_t at = 0;
  if (text.size() > 700 || !whole_at(text, at)) return false;
  if (at < text.size() && text[at] == '/') {
    ++at;
    return at < text.size() && text[at] != '0' && whole_at(text, at) && at == text.size();
  }
  if (at < text.size() && text[at] == '.') {
    const std::size_t n = digits_at(text, at + 1);
    if (n == 0) return false;
    at += 1 + n;
  }
  if (at < text.size() && text[at] == 'e') {
    ++at;
    if (at < text.size() && (text[at] == '+' || text[at] == '-')) ++at;
    const std::size_t n = digits_at(text, at);
    if (n == 0 || n > 2) return false;
    at += n;
  }
  return at == text.size();
}

}  // namespace

void Place::refuse(const std::string& reason, const std::string& remedy) const {
  const std::string where = pointer_.empty() ? "the whole document" : printable(pointer_);
  unreadable(what_ + " '" + printable(file_) + "', " + where + ": " + reason + "; " + remedy);
}

void Place::only(const std::vector<std::string>& known) const {
  if (!is(Json::Kind::object)) refuse("this is not an object", "write { ... } with the members that formats/policy.md names");
  for (const auto& [key, value] : json_->object(pointer_)) {
    if (std::find(known.begin(), known.end(), key) != known.end()) continue;
    const std::string near = nearest(key, known);
    std::string all;
    for (const std::string& name : known) all += (all.empty() ? "" : ", ") + name;
    Place(value, file_, pointer_ + step(key), what_)
        .refuse("'" + printable(key) + "' is no key that is known here",
                near.empty() ? "take it out, or use one of: " + all : "did you mean '" + near + "'?");
  }
}

std::optional<Place> Place::find(const std::string& key) const {
  if (!is(Json::Kind::object)) refuse("this is not an object", "write { ... } with the members that formats/policy.md names");
  const Json* value = json_->find(key, pointer_);
  return value == nullptr ? std::nullopt : std::optional<Place>(Place(*value, file_, pointer_ + step(key), what_));
}

Place Place::at(const std::string& key, const std::string& remedy) const {
  const std::optional<Place> found = find(key);
  if (!found) refuse("'" + key + "' is missing", remedy);
  return *found;
}

std::vector<Place> Place::items_or_none() const {
  if (!is(Json::Kind::array)) refuse("this is not a list", "write [ ... ], also for one entry");
  std::vector<Place> out;
  for (const Json& item : json_->array(pointer_)) out.emplace_back(item, file_, pointer_ + "/" + std::to_string(out.size()), what_);
  return out;
}

std::vector<Place> Place::items() const {
  std::vector<Place> out = items_or_none();
  if (out.empty()) refuse("the list is empty", "name at least one, or take the key out");
  return out;
}

const std::string& Place::text() const {
  if (is(Json::Kind::integer)) refuse("this is a number", "write it as text in quotation marks, so that it is exact: \"1.5\", \"36/255\"");
  if (!is(Json::Kind::string)) refuse("this is not text", "write it in quotation marks");
  const std::string& text = json_->text(pointer_);
  if (text.empty()) refuse("the text is empty", "write something, or take the key out");
  return text;
}

std::string Place::name() const {
  const std::string& value = text();
  if (!is_name(value) || value.size() > 200) refuse("the name has control characters or more than 200 bytes", "write a short name");
  return value;
}

std::uint64_t Place::count(std::uint64_t least, std::uint64_t most) const {
  const std::string remedy =
      "write a whole number from " + std::to_string(least) + " to " + std::to_string(most) + " without quotation marks";
  if (!is(Json::Kind::integer)) refuse("this is not a whole number", remedy);
  const std::int64_t value = json_->integer(pointer_);
  if (value < 0 || static_cast<std::uint64_t>(value) < least || static_cast<std::uint64_t>(value) > most)
    refuse(std::to_string(value) + " is out of range", remedy);
  return static_cast<std::uint64_t>(value);
}

bool Place::boolean() const {
  if (!is(Json::Kind::boolean)) refuse("this is neither true nor false", "write one of them without quotation marks");
  return json_->boolean(pointer_);
}

std::string Place::time() const {
  if (!is_time(text())) refuse("'" + printable(text()) + "' is not a time", "write it in UTC as YYYY-MM-DDThh:mm:ssZ");
  return text();
}

std::string Place::sha256() const {
  if (!is_sha256_hex(text()))
    refuse("'" + printable(text()) + "' is not a SHA-256 digest",
           "write its 64 hexadecimal digits in lower case, as sha256sum prints them");
  return text();
}

std::string Place::fingerprint() const {
  static const std::string head = "SHA256:";
  const std::string& value = text();
  bool good =
      value.size() == head.size() + 43 && value.compare(0, head.size(), head) == 0 && value.find_first_of("-_") == std::string::npos;
  try {  // another spelling of the same bits would never be equal to a fingerprint: it would revoke nothing
    if (good) (void)base64_decode(value.substr(head.size()) + "=", "fingerprint");
  } catch (const Failure&) {
    good = false;
  }
  if (!good)
    refuse("'" + printable(value) + "' is not the fingerprint of a key",
           "write it as lipcert keygen and lipverify print it: SHA256: and 43 characters");
  return value;
}

PolicyNumber Place::number() const {
  const std::string& value = text();
  const std::optional<Rational> parsed = is_number(value) ? parse_ratio(value) : std::nullopt;
  if (!parsed)
    refuse("'" + printable(value) + "' is not a number that is at least 0", "write a decimal or a fraction as text: \"1.5\", \"36/255\"");
  return {*parsed, value};
}

PolicyNumber Place::signed_number() const {
  const std::string& value = text();
  if (value[0] != '-') return number();
  const std::string rest = value.substr(1);
  const std::optional<Rational> parsed = is_number(rest) ? parse_ratio(rest) : std::nullopt;
  if (!parsed) refuse("'" + printable(value) + "' is not a number", "write a decimal or a fraction as text: \"0.5\", \"-1/2\"");
  return {-*parsed, value};
}

std::string Place::file_bytes(std::uint64_t cap, const std::string& what) const {
  const std::string& path = text();
  bool inside = path[0] != '/' && is_name(path);
  for (std::size_t from = 0; from <= path.size();) {
    const std::size_t end = std::min(path.find('/', from), path.size());
    const std::string part = path.substr(from, end - from);
    inside = inside && !part.empty() && part != "..";
    from = end + 1;
  }
  if (!inside)
    refuse("'" + printable(path) + "' does not name a file in the policy's folder or below it",
           "keep the files of a policy beside it and name them without / at the start and without ..");
  const std::size_t slash = file_.find_last_of('/');
  try {
    return read_file((slash == std::string::npos ? "" : file_.substr(0, slash + 1)) + path, cap, what);
  } catch (const Failure& failure) {
    refuse(failure.what(), "the path is taken from the policy's folder");
  }
}

std::vector<std::string> Place::distinct(std::string (Place::*read)() const, bool may_be_empty) const {
  std::vector<std::string> out;
  for (const Place& item : may_be_empty ? items_or_none() : items()) {
    out.push_back((item.*read)());
    if (std::find(out.begin(), out.end() - 1, out.back()) != out.end() - 1)
      item.refuse("'" + printable(out.back()) + "' stands in the list twice", "take one of them out");
  }
  return out;
}

std::string nearest(const std::string& word, const std::vector<std::string>& known) {
  std::string best;
  std::size_t fewest = 0;
  for (const std::string& other : known) {
    if (word.size() > 64) break;
    std::vector<std::vector<std::size_t>> edits(word.size() + 1, std::vector<std::size_t>(other.size() + 1));
    for (std::size_t i = 0; i <= word.size(); ++i)
      for (std::size_t j = 0; j <= other.size(); ++j) {
        if (i == 0 || j == 0) {
          edits[i][j] = i + j;
          continue;
        }
        const bool same = (word[i - 1] | 0x20) == (other[j - 1] | 0x20);  // letters in either case
        edits[i][j] = std::min({edits[i - 1][j] + 1, edits[i][j - 1] + 1, edits[i - 1][j - 1] + (same ? 0 : 1)});
        if (i > 1 && j > 1 && word[i - 1] == other[j - 2] && word[i - 2] == other[j - 1])
          edits[i][j] = std::min(edits[i][j], edits[i - 2][j - 2] + 1);
      }
    const std::size_t needed = edits[word.size()][other.size()];
    if (3 * needed <= other.size() && (best.empty() || needed < fewest)) {
      best = other;
      fewest = needed;
    }
  }
  return best;
}

std::optional<std::vector<std::uint64_t>> version_parts(const std::string& text) {
  std::vector<std::uint64_t> parts;
  for (std::size_t at = 0; parts.size() < 4;) {
    const std::size_t n = digits_at(text, at);
    if (n == 0 || n > 9) return std::nullopt;
    parts.push_back(std::stoull(text.substr(at, n)));
    at += n;
    if (at == text.size()) {
      parts.resize(4, 0);
      return parts;
    }
    if (text[at++] != '.') return std::nullopt;
  }
  return std::nullopt;
}

std::string document_bytes(const Document& document, std::uint64_t cap, const std::string& what) {
  if (!document.bytes) return read_file(document.name, cap, what);
  if (document.bytes->size() > cap)
    unreadable(what + " '" + printable(document.name) + "' has more than " + std::to_string(cap) + " bytes");
  return *document.bytes;
}

}  // namespace lipverify
