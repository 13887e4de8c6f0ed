// Changes JSON value by value, so that most inputs are JSON still.
#include <cstring>
#include <random>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "tests/fuzz/support.hpp"

extern "C" std::size_t LLVMFuzzerMutate(std::uint8_t* data, std::size_t size, std::size_t max_size);
extern "C" std::size_t LLVMFuzzerCustomMutator(std::uint8_t* data, std::size_t size, std::size_t max_size, unsigned seed);

namespace {

using Json = nlohmann::ordered_json;
using Random = std::minstd_rand;

std::size_t below(Random& random, std::size_t n) {
  return n == 0 ? 0 : random() % n;
}

void collect(Json& value, std::vector<Json*>& all) {
  all.push_back(&value);
  if (value.is_structured())
    for (Json& item : value) collect(item, all);
}

Json other_scalar(const Json& value, Random& random) {
  if (value.is_number_integer() && below(random, 4) != 0) {
    static const std::vector<std::int64_t> edges = {0, 1, -1, 2, 255, std::int64_t{1} << 31, (std::int64_t{1} << 53) - 1, std::int64_t{1} << 53, INT64_MAX, INT64_MIN};
    if (below(random, 2) == 0) return edges[below(random, edges.size())];
    return static_cast<std::int64_t>(static_cast<std::uint64_t>(value.get<std::int64_t>()) + below(random, 5) - 2);
  }
  if (value.is_string() && below(random, 8) != 0) {
    std::string text = value.get<std::string>();
    const std::size_t before = text.size();
    text.resize(before + 32);
    text.resize(LLVMFuzzerMutate(reinterpret_cast<std::uint8_t*>(text.data()), before, before + 32));
    return text;
  }
  static const std::vector<Json> kinds = {nullptr, true, false, 0, "", Json::array(), Json::object(), 1.5};
  return kinds[below(random, kinds.size())];
}

void change(Json& root, Random& random) {
  std::vector<Json*> all;
  collect(root, all);
  Json& place = *all[below(random, all.size())];
  const Json other = *all[below(random, all.size())];
  switch (below(random, 6)) {
    case 0: place = other; break;
    case 1:
      if (place.is_array()) place.push_back(place.empty() ? other : Json(place[below(random, place.size())]));
      else if (place.is_object() && other.is_string()) place[other.get<std::string>()] = 1;
      else place = other_scalar(place, random);
      break;
    case 2:
      if (place.is_structured() && !place.empty()) {
        auto at = place.begin();
        std::advance(at, static_cast<std::ptrdiff_t>(below(random, place.size())));
        place.erase(at);
      } else {
        place = other_scalar(place, random);
      }
      break;
    case 3:
      if (place.is_object() && !place.empty()) {
        auto at = place.begin();
        std::advance(at, static_cast<std::ptrdiff_t>(below(random, place.size())));
        at.value() = other;
      } else {
        place = other_scalar(place, random);
      }
      break;
    default:
      if (!place.is_structured()) place = other_scalar(place, random);
  }
}

}  // namespace

extern "C" std::size_t LLVMFuzzerCustomMutator(std::uint8_t* data, std::size_t size, std::size_t max_size, unsigned seed) {
  Random random(seed);
  Json root = Json::parse(fuzz::text_of(data, size), nullptr, false);
  if (root.is_discarded() || below(random, 10) == 0) return LLVMFuzzerMutate(data, size, max_size);
  for (std::size_t changes = below(random, 3) + 1; changes > 0; --changes) change(root, random);
  const std::string text = root.dump(-1, ' ', false, Json::error_handler_t::replace);
  if (text.size() > max_size) return LLVMFuzzerMutate(data, size, max_size);
  std::memcpy(data, text.data(), text.size());
  return text.size();
}
