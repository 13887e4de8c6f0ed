// A strict reader around nlohmann_json's event interface. The library alone takes the last of duplicate keys, skips a byte order mark,
// reads integers beyond 64 bits as doubles and nests without limit; here each of these ends reading. The event interface is iterative, so
// depth costs no stack, and the handler appends members without nlohmann's linear search, so that reading stays linear in the text.
#include "formats/encoding/json.hpp"

#include <string>
#include <unordered_set>
#include <vector>

#include "formats/encoding/error.hpp"

namespace lipcert {

namespace {

constexpr std::int64_t integer_limit = std::int64_t{1} << 53U;

class Builder {
 public:
  Builder(const std::string& what, unsigned depth) : what_(what), depth_(depth) {}

  bool null() { return put(Json()); }
  bool boolean(bool value) { return put(Json(value)); }
  bool number_integer(std::int64_t value) {
    if (value <= -integer_limit || value >= integer_limit) refuse("has an integer of magnitude 2^53 or more; write it as a string");
    return put(Json(value));
  }
  bool number_unsigned(std::uint64_t value) {
    if (value >= static_cast<std::uint64_t>(integer_limit)) refuse("has an integer of magnitude 2^53 or more; write it as a string");
    return put(Json(value));
  }
  bool number_float(double, const std::string& text) {
    refuse("has the number " + text.substr(0, 40) + ", which is not a plain integer below 2^53; write it as a string");
  }
  bool string(std::string& value) { return put(Json(std::move(value))); }
  bool binary(Json::binary_t&) { refuse("holds binary data"); }

  bool start_object(std::size_t) { return open(Json::object()); }
  bool key(std::string& name) {
    if (!keys_.back().insert(name).second) refuse("has the key '" + name.substr(0, 60) + "' twice in one object");
    key_ = std::move(name);
    return true;
  }
  bool end_object() { return close(); }
  bool start_array(std::size_t) { return open(Json::array()); }
  bool end_array() { return close(); }

  bool parse_error(std::size_t position, const std::string&, const nlohmann::detail::exception& error) {
    // nlohmann's text reads "[json.exception.parse_error.101] parse error at line 1, column 5: ..."; the part in brackets means nothing to
    // people.
    std::string text = error.what();
    const std::size_t bracket = text.find("] ");
    if (bracket != std::string::npos) text.erase(0, bracket + 2);
    refuse("is not valid JSON at byte " + std::to_string(position) + " (" + text + ")");
  }

  Json take() { return std::move(root_); }

 private:
  [[noreturn]] void refuse(const std::string& sentence) const { throw input_error(what_ + ": " + sentence + "."); }

  Json* insert(Json&& value) {
    if (open_.empty()) {
      root_ = std::move(value);
      return &root_;
    }
    Json& parent = *open_.back();
    if (parent.is_array()) {
      parent.push_back(std::move(value));
      return &parent.back();
    }
    auto& members = parent.get_ref<Json::object_t&>();
    members.push_back(Json::object_t::value_type(std::move(key_), std::move(value)));
    return &members.back().second;
  }

  bool put(Json&& value) {
    insert(std::move(value));
    return true;
  }

  bool open(Json&& value) {
    if (open_.size() >= depth_) refuse("nests deeper than " + std::to_string(depth_) + " levels");
    open_.push_back(insert(std::move(value)));
    keys_.emplace_back();
    return true;
  }

  bool close() {
    open_.pop_back();
    keys_.pop_back();
    return true;
  }

  const std::string& what_;
  unsigned depth_;
  Json root_;
  std::vector<Json*> open_;  // only the innermost one grows, so these pointers stay valid
  std::vector<std::unordered_set<std::string>> keys_;
  std::string key_;
};

void check(const Json& value) {
  switch (value.type()) {
    case Json::value_t::object:
      for (const auto& member : value.get_ref<const Json::object_t&>()) check(member.second);
      return;
    case Json::value_t::array:
      for (const Json& entry : value) check(entry);
      return;
    case Json::value_t::number_integer:
      if (value.get<std::int64_t>() > -integer_limit && value.get<std::int64_t>() < integer_limit) return;
      break;
    case Json::value_t::number_unsigned:
      if (value.get<std::uint64_t>() < static_cast<std::uint64_t>(integer_limit)) return;
      break;
    case Json::value_t::null:
    case Json::value_t::boolean:
    case Json::value_t::string:
      return;
    case Json::value_t::number_float:
    case Json::value_t::binary:
    case Json::value_t::discarded:
      break;
  }
  throw Error(ExitCode::internal,
              "A JSON value was to be written that the certificate format does not allow (a float or a large integer).");
}

}  // namespace

Json parse_json(const std::string& text, const std::string& what, const JsonLimits& limits) {
  if (text.size() > limits.size_cap)
    throw input_error(what + ": is larger than the limit of " + std::to_string(limits.size_cap) + " bytes.");
  if (text.compare(0, 3, "\xEF\xBB\xBF") == 0) throw input_error(what + ": begins with a byte order mark; save it as UTF-8 without one.");
  // nlohmann's lexer takes a zero byte for the end of the text, and would not look at what follows it.
  if (text.find('\0') != std::string::npos) throw input_error(what + ": has a zero byte, which no JSON text holds.");
  Builder builder(what, limits.depth);
  if (!Json::sax_parse(text, &builder)) throw input_error(what + ": is not valid JSON.");
  return builder.take();
}

std::string write_json(const Json& value) {
  check(value);
  try {
    return value.dump();
  } catch (const Json::exception&) {
    throw Error(ExitCode::internal, "Text that is not UTF-8 was to be written as JSON.");
  }
}

}  // namespace lipcert
