// A name in a file can hold escape sequences that clear the screen, forge a line of output or turn it around (CVE-2021-42574 for the marks of
// direction). Nothing is cut here: a sentence stays whole.
#include "formats/encoding/printable.hpp"

#include <cstddef>
#include <cstdint>

namespace lipcert {
namespace {

/// Length of the well-formed UTF-8 sequence at the start of `bytes` (RFC 3629), or 0; its code point in `point`.
std::size_t sequence(std::string_view bytes, std::uint32_t& point) {
  const auto at = [&](std::size_t k) { return static_cast<std::uint32_t>(static_cast<unsigned char>(bytes[k])); };
  const std::uint32_t first = at(0);
  if (first < 0x80) {
    point = first;
    return 1;
  }
  const std::size_t length = first >= 0xF0 ? 4 : first >= 0xE0 ? 3 : 2;
  if (first < 0xC2 || first > 0xF4 || length > bytes.size()) return 0;
  point = first & (0x7FU >> length);
  for (std::size_t k = 1; k < length; ++k) {
    if ((at(k) & 0xC0U) != 0x80) return 0;
    point = point << 6U | (at(k) & 0x3FU);
  }
  const std::uint32_t smallest = length == 4 ? 0x10000 : length == 3 ? 0x800 : 0x80;
  return point < smallest || point > 0x10FFFF || (point >= 0xD800 && point <= 0xDFFF) ? 0 : length;
}

bool obeyed_or_invisible(std::uint32_t point) {
  const auto within = [&](std::uint32_t first, std::uint32_t last) { return point >= first && point <= last; };
  return point < 0x20 || within(0x7F, 0x9F) || point == 0xAD || point == 0x61C || point == 0x180E || within(0x200B, 0x200F) ||
         within(0x2028, 0x202E) || within(0x2060, 0x206F) || point == 0xFEFF || within(0xFFF9, 0xFFFB) || within(0xE0000, 0xE007F);
}

}  // namespace

std::string printable(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  std::uint32_t point = 0;
  while (!text.empty()) {
    const std::size_t length = sequence(text, point);
    if (length == 0 || obeyed_or_invisible(point)) {
      out.push_back('?');
    } else {
      out.append(text.substr(0, length));
    }
    text.remove_prefix(length == 0 ? 1 : length);
  }
  return out;
}

}  // namespace lipcert
