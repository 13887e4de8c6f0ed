// Base64, RFC 4648 sections 4 and 5, decoded so strictly that a byte string has exactly one accepted text per alphabet.
#include "formats/encoding/base64.hpp"

#include <cstdint>

#include "formats/encoding/error.hpp"

namespace lipcert {

namespace {

constexpr char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

// Value of a character, or -1. `standard` and `url` record which alphabet was used where the two differ.
int value_of(char character, bool& standard, bool& url) {
  if (character >= 'A' && character <= 'Z') return character - 'A';
  if (character >= 'a' && character <= 'z') return character - 'a' + 26;
  if (character >= '0' && character <= '9') return character - '0' + 52;
  if (character == '+' || character == '/') {
    standard = true;
    return character == '+' ? 62 : 63;
  }
  if (character == '-' || character == '_') {
    url = true;
    return character == '-' ? 62 : 63;
  }
  return -1;
}

}  // namespace

std::string base64_encode(const std::string& bytes) {
  std::string text;
  text.reserve((bytes.size() + 2) / 3 * 4);
  for (std::size_t start = 0; start < bytes.size(); start += 3) {
    const std::size_t count = bytes.size() - start < 3 ? bytes.size() - start : 3;
    std::uint32_t group = 0;
    for (std::size_t k = 0; k < 3; ++k)
      group = (group << 8U) | (k < count ? static_cast<std::uint32_t>(static_cast<unsigned char>(bytes[start + k])) : 0U);
    for (std::size_t k = 0; k < 4; ++k) text.push_back(k <= count ? alphabet[(group >> (18 - 6 * k)) & 0x3FU] : '=');
  }
  return text;
}

std::string base64_decode(const std::string& text) {
  if (text.size() % 4 != 0)
    throw input_error("Base64 text has a length that is not a multiple of four; it is cut off or lacks its padding.");
  std::size_t padding = 0;
  while (padding < 2 && padding < text.size() && text[text.size() - 1 - padding] == '=') ++padding;
  bool standard = false;
  bool url = false;
  std::string bytes;
  bytes.reserve(text.size() / 4 * 3);
  const std::size_t length = text.size() - padding;
  std::uint32_t group = 0;
  for (std::size_t k = 0; k < text.size(); ++k) {
    int value = 0;
    if (k < length) {
      value = value_of(text[k], standard, url);
      if (value < 0) throw input_error("Base64 text has a character outside its alphabet at position " + std::to_string(k) + ".");
    }
    group = (group << 6U) | static_cast<std::uint32_t>(value);
    if (k % 4 != 3) continue;
    const bool last = k + 1 == text.size();
    const std::size_t count = last ? 3 - padding : 3;
    if (last && padding > 0 && (group & (padding == 1 ? 0xFFU : 0xFFFFU)) != 0)
      throw input_error("Base64 text has stray bits in its last group; it is not in canonical form.");
    for (std::size_t b = 0; b < count; ++b) bytes.push_back(static_cast<char>((group >> (16 - 8 * b)) & 0xFFU));
    group = 0;
  }
  if (standard && url) throw input_error("Base64 text mixes the standard and the URL-safe alphabet.");
  return bytes;
}

}  // namespace lipcert
