// See json.hpp.
#include "verifier/base/json.hpp"

#include <nlohmann/json.hpp>
#include <set>

#include "verifier/base/bytes.hpp"
#include "verifier/base/failure.hpp"

namespace lipverify {

namespace {
constexpr std::size_t kDepth = 64;
constexpr std::size_t kValues = 4U << 20U;
constexpr std::int64_t kInteger = std::int64_t{1} << 53;
}  // namespace

/// Receives the events of nlohmann's parser (which keeps its own stack on the heap) and builds the tree.
class JsonBuilder {
 public:
  using number_integer_t = nlohmann::json::number_integer_t;
  using number_unsigned_t = nlohmann::json::number_unsigned_t;
  using number_float_t = nlohmann::json::number_float_t;
  using string_t = nlohmann::json::string_t;
  using binary_t = nlohmann::json::binary_t;

  explicit JsonBuilder(std::string what) : what_(std::move(what)) {}

  bool null() { return put(Json()); }
  bool boolean(bool value) {
    Json json;
    json.kind_ = Json::Kind::boolean;
    json.integer_ = value ? 1 : 0;
    return put(std::move(json));
  }
  bool number_integer(number_integer_t value) {
    if (value <= -kInteger || value >= kInteger) reject(what_ + " has an integer of magnitude 2^53 or more");
    Json json;
    json.kind_ = Json::Kind::integer;
    json.integer_ = value;
    return put(std::move(json));
  }
  bool number_unsigned(number_unsigned_t value) {
    if (value >= static_cast<number_unsigned_t>(kInteger)) reject(what_ + " has an integer of magnitude 2^53 or more");
    return number_integer(static_cast<number_integer_t>(value));
  }
  bool number_float(number_float_t, const string_t& text) {
    reject(what_ + " has the number " + printable(text) + ", which is not an integer below 2^53");
  }
  bool string(string_t& value) {
    Json json;
    json.kind_ = Json::Kind::string;
    json.text_ = std::move(value);
    return put(std::move(json));
  }
  bool binary(binary_t&) { reject(what_ + " holds binary data"); }
  bool start_object(std::size_t) { return open(Json::Kind::object); }
  bool start_array(std::size_t) { return open(Json::Kind::array); }
  bool key(string_t& name) {
    if (!keys_.back().insert(name).second) reject(what_ + " has the key '" + printable(name) + "' twice in one object");
    stack_.back().members_.emplace_back(std::move(name), Json());
    return true;
  }
  bool end_object() { return close(); }
  bool end_array() { return close(); }
  bool parse_error(std::size_t position, const std::string&, const nlohmann::detail::exception&) {
    reject(what_ + " is not JSON: syntax error at byte " + std::to_string(position));
  }

  Json take() {
    if (!done_) reject(what_ + " holds no JSON value");
    return std::move(root_);
  }

 private:
  bool open(Json::Kind kind) {
    if (stack_.size() >= kDepth) reject(what_ + " is nested deeper than " + std::to_string(kDepth));
    Json json;
    json.kind_ = kind;
    stack_.push_back(std::move(json));
    keys_.emplace_back();
    return true;
  }
  bool close() {
    Json json = std::move(stack_.back());
    stack_.pop_back();
    keys_.pop_back();
    return put(std::move(json));
  }
  bool put(Json&& json) {
    if (++values_ > kValues) reject(what_ + " has too many values");
    if (stack_.empty()) {
      root_ = std::move(json);
      done_ = true;
    } else if (stack_.back().kind_ == Json::Kind::array) {
      stack_.back().items_.push_back(std::move(json));
    } else {
      stack_.back().members_.back().second = std::move(json);
    }
    return true;
  }

  std::string what_;
  std::vector<Json> stack_;
  std::vector<std::set<std::string>> keys_;  // of the open objects (and, unused, arrays)
  Json root_;
  bool done_ = false;
  std::size_t values_ = 0;
};

Json Json::parse(std::string_view text, const std::string& what) {
  if (text.substr(0, 3) == "\xEF\xBB\xBF") reject(what + " begins with a byte order mark");
  if (!is_utf8(text)) reject(what + " is not UTF-8");
  if (text.find('\0') != std::string_view::npos) reject(what + " has a zero byte");  // nlohmann's lexer would stop there and be content
  JsonBuilder builder(what);
  if (!nlohmann::json::sax_parse(text.begin(), text.end(), &builder)) reject(what + " is not JSON");
  return builder.take();
}

const std::string& Json::text(const std::string& place) const {
  if (kind_ != Kind::string) reject(place + " is not a string");
  return text_;
}

bool Json::boolean(const std::string& place) const {
  if (kind_ != Kind::boolean) reject(place + " is neither true nor false");
  return integer_ != 0;
}

std::int64_t Json::integer(const std::string& place) const {
  if (kind_ != Kind::integer) reject(place + " is not an integer");
  return integer_;
}

const std::vector<Json>& Json::array(const std::string& place) const {
  if (kind_ != Kind::array) reject(place + " is not an array");
  return items_;
}

const std::vector<std::pair<std::string, Json>>& Json::object(const std::string& place) const {
  if (kind_ != Kind::object) reject(place + " is not an object");
  return members_;
}

const Json* Json::find(const std::string& key, const std::string& place) const {
  for (const auto& [name, value] : object(place))
    if (name == key) return &value;
  return nullptr;
}

const Json& Json::member(const std::string& key, const std::string& place) const {
  const Json* value = find(key, place);
  if (value == nullptr) reject(place + " has no member '" + key + "'");
  return *value;
}

}  // namespace lipverify
