#include "certify/report/plain_text.hpp"

#include <fmt/format.h>

#include <cmath>
#include <cstdint>

namespace lipcert::report {
namespace {

/// Length of the well-formed UTF-8 sequence at `at`, and its code point; 0 where there is none.
std::size_t sequence(std::string_view text, std::size_t at, std::uint32_t& point) {
  const auto byte = [&](std::size_t i) { return static_cast<std::uint32_t>(static_cast<unsigned char>(text[i])); };
  const std::uint32_t lead = byte(at);
  if (lead < 0x80) {
    point = lead;
    return 1;
  }
  const std::size_t length = lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : 2;
  if (lead < 0xC2 || lead > 0xF4 || at + length > text.size()) return 0;
  point = lead & (0xFFU >> (length + 1));
  for (std::size_t i = 1; i < length; ++i) {
    if ((byte(at + i) & 0xC0U) != 0x80) return 0;
    point = point << 6U | (byte(at + i) & 0x3FU);
  }
  constexpr std::uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
  return point < least[length] || point > 0x10FFFF || (point >= 0xD800 && point <= 0xDFFF) ? 0 : length;
}

/// What acts on the text around it, or cannot be seen.
bool acts(std::uint32_t point) {
  return point < 0x20 || (point >= 0x7F && point <= 0x9F) || point == 0xAD || point == 0x61C || point == 0x180E ||
         (point >= 0x200B && point <= 0x200F) || (point >= 0x2028 && point <= 0x202E) || (point >= 0x2060 && point <= 0x206F) ||
         point == 0xFEFF || (point >= 0xFFF9 && point <= 0xFFFB) || (point & 0xFFFEU) == 0xFFFE || (point >= 0xE0000 && point <= 0xE0FFF);
}

}  // namespace

std::string printable(std::string_view text, std::size_t most) {
  std::string out;
  for (std::size_t i = 0; i < text.size();) {
    if (i >= most) return out + "\u2026";
    std::uint32_t point = 0;
    const std::size_t length = sequence(text, i, point);
    if (length == 0) {
      out += "\uFFFD";
    } else if (acts(point)) {
      out += fmt::format("<U+{:04X}>", point);
    } else {
      out.append(text.substr(i, length));
    }
    i += std::max<std::size_t>(length, 1);
  }
  return out;
}

std::string grouped(std::uint64_t number) {
  std::string out = std::to_string(number);
  if (number < 10000) return out;
  for (std::size_t at = out.size(); at > 3;) {
    at -= 3;
    out.insert(at, "\u202F");
  }
  return out;
}

std::string percent(std::uint64_t part, std::uint64_t whole) {
  if (whole == 0) return "-";
  __extension__ using Wide = unsigned __int128;
  const auto hundredths = static_cast<std::uint64_t>(static_cast<Wide>(part) * 10000 / whole);
  return fmt::format("{}.{:02} %", hundredths / 100, hundredths % 100);
}

std::string short_number(double value, int digits) {
  return std::isfinite(value) ? fmt::format("{:.{}g}", value, digits) : "infinite";
}

}  // namespace lipcert::report
