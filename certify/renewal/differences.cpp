#include "certify/renewal/differences.hpp"

#include "certify/renewal/old_certificate.hpp"

namespace lipcert {
namespace {

std::string short_text(const Json* value) {
  if (value == nullptr) return "(absent)";
  return in_short(value->is_string() ? value->get<std::string>() : value->dump(), 80);
}

void compare(const std::string& at, const Json* before, const Json* after, std::size_t most, StatementDifferences& out) {
  if (before != nullptr && after != nullptr) {
    if (*before == *after) return;
    if (before->is_object() && after->is_object()) {
      for (const auto& [key, value] : before->items()) {
        const auto other = after->find(key);
        compare(at + "/" + pointer_part(key), &value, other == after->end() ? nullptr : &*other, most, out);
      }
      for (const auto& [key, value] : after->items()) {
        if (!before->contains(key)) compare(at + "/" + pointer_part(key), nullptr, &value, most, out);
      }
      return;
    }
    if (before->is_array() && after->is_array()) {
      for (std::size_t i = 0; i < std::max(before->size(), after->size()); ++i) {
        compare(at + "/" + std::to_string(i), i < before->size() ? &(*before)[i] : nullptr, i < after->size() ? &(*after)[i] : nullptr,
                most, out);
      }
      return;
    }
  }
  ++out.total;
  if (out.first.size() < most) out.first.push_back({at, short_text(before), short_text(after)});
}

}  // namespace

std::string pointer_part(const std::string& text) {
  std::string out;
  for (const char c : text) out += c == '~' ? "~0" : c == '/' ? "~1" : std::string(1, c);
  return out;
}

StatementDifferences differences_of(const Json& before, const Json& after, std::size_t most) {
  StatementDifferences out;
  compare("", &before, &after, most, out);
  return out;
}

}  // namespace lipcert
