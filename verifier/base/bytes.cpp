// See bytes.hpp.
#include "verifier/base/bytes.hpp"

#include <fcntl.h>
#include <openssl/evp.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>

#include "verifier/base/failure.hpp"

namespace lipverify {

std::string hex(std::string_view bytes) {
  static constexpr char digits[] = "0123456789abcdef";
  std::string text;
  text.reserve(2 * bytes.size());
  for (const char c : bytes) {
    const auto b = static_cast<unsigned char>(c);
    text.push_back(digits[b >> 4]);
    text.push_back(digits[b & 15]);
  }
  return text;
}

bool is_sha256_hex(std::string_view text) {
  if (text.size() != 64) return false;
  for (const char c : text)
    if (!((c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'))) return false;
  return true;
}

std::string base64_decode(std::string_view text, const std::string& what) {
  const bool url_safe = text.find_first_of("-_") != std::string_view::npos;
  const auto value_of = [&](char c) -> int {
    if (c >= 'A' && c <= 'Z') return c - 'A';
    if (c >= 'a' && c <= 'z') return c - 'a' + 26;
    if (c >= '0' && c <= '9') return c - '0' + 52;
    if (c == (url_safe ? '-' : '+')) return 62;
    if (c == (url_safe ? '_' : '/')) return 63;
    return -1;
  };
  if (text.size() % 4 != 0) reject(what + " is not base64: its length is not a multiple of 4");
  std::string bytes;
  bytes.reserve(text.size() / 4 * 3);
  for (std::size_t i = 0; i < text.size(); i += 4) {
    const bool last = i + 4 == text.size();
    const std::size_t digits = last && text[i + 3] == '=' ? (text[i + 2] == '=' ? 2 : 3) : 4;
    std::uint32_t group = 0;
    for (std::size_t j = 0; j < 4; ++j) {
      int value = 0;
      if (j < digits) value = value_of(text[i + j]);
      if (value < 0) reject(what + " is not base64: a character outside one alphabet at position " + std::to_string(i + j));
      group = group << 6 | static_cast<std::uint32_t>(value);
    }
    if ((digits == 2 && (group & 0xFFFF) != 0) || (digits == 3 && (group & 0xFF) != 0))
      reject(what + " is not canonical base64: the unused bits at its end are not zero");
    bytes.push_back(static_cast<char>(group >> 16 & 0xFF));
    if (digits > 2) bytes.push_back(static_cast<char>(group >> 8 & 0xFF));
    if (digits > 3) bytes.push_back(static_cast<char>(group & 0xFF));
  }
  return bytes;
}

std::string base64_encode(std::string_view bytes) {
  static constexpr char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string text;
  for (std::size_t i = 0; i < bytes.size(); i += 3) {
    std::uint32_t group = 0;
    for (std::size_t j = 0; j < 3; ++j) group = group << 8 | (i + j < bytes.size() ? static_cast<unsigned char>(bytes[i + j]) : 0U);
    for (std::size_t j = 0; j < 4; ++j) text.push_back(i + j <= bytes.size() ? digits[group >> (18 - 6 * j) & 63] : '=');
  }
  return text;
}

/// Length of the well-formed UTF-8 sequence at `i`, or 0; its code point in `point`.
static std::size_t utf8_sequence(std::string_view bytes, std::size_t i, std::uint32_t& point) {
  const auto at = [&](std::size_t k) { return static_cast<std::uint32_t>(static_cast<unsigned char>(bytes[k])); };
  const std::uint32_t b = at(i);
  if (b < 0x80) {
    point = b;
    return 1;
  }
  const std::size_t length = b >= 0xF0 ? 4 : b >= 0xE0 ? 3 : 2;
  if (b < 0xC2 || b > 0xF4 || i + length > bytes.size()) return 0;
  point = b & (0x7FU >> length);
  for (std::size_t k = 1; k < length; ++k) {
    if ((at(i + k) & 0xC0) != 0x80) return 0;
    point = point << 6 | (at(i + k) & 0x3F);
  }
  static constexpr std::array<std::uint32_t, 5> smallest = {0, 0, 0x80, 0x800, 0x10000};
  if (point < smallest[length] || point > 0x10FFFF || (point >= 0xD800 && point <= 0xDFFF)) return 0;
  return length;
}

bool is_utf8(std::string_view bytes) {
  std::uint32_t point = 0;
  for (std::size_t i = 0; i < bytes.size();) {
    const std::size_t length = utf8_sequence(bytes, i, point);
    if (length == 0) return false;
    i += length;
  }
  return true;
}

bool is_name(std::string_view bytes) {
  if (bytes.size() > 4096) return false;
  std::uint32_t point = 0;
  for (std::size_t i = 0; i < bytes.size();) {
    const std::size_t length = utf8_sequence(bytes, i, point);
    if (length == 0 || point < 0x20 || (point >= 0x7F && point <= 0x9F)) return false;
    i += length;
  }
  return true;
}

/// What a terminal would obey, and what would make a text look like another one: controls, marks of the direction of writing, invisible characters.
static bool deceives(std::uint32_t point) {
  const auto within = [&](std::uint32_t first, std::uint32_t last) { return point >= first && point <= last; };
  return point < 0x20 || within(0x7F, 0x9F) || point == 0xAD || point == 0x61C || point == 0x180E || within(0x200B, 0x200F) || within(0x2028, 0x202E) ||
         within(0x2060, 0x206F) || point == 0xFEFF || within(0xFFF9, 0xFFFB) || within(0xE0000, 0xE007F);
}

std::string printable(std::string_view text) {
  std::string out;
  std::uint32_t point = 0;
  for (std::size_t i = 0; i < text.size() && out.size() < 200;) {
    const std::size_t length = utf8_sequence(text, i, point);
    if (length == 0 || deceives(point)) {
      out.push_back('?');
      i += length == 0 ? 1 : length;
    } else {
      out.append(text.substr(i, length));
      i += length;
    }
  }
  return out;
}

static void require(bool ok) {
  if (!ok) exhausted("OpenSSL refused to compute a SHA-256 digest; check the installation of libcrypto");
}

Sha256::Sha256() : context_(EVP_MD_CTX_new()) {
  require(context_ != nullptr && EVP_DigestInit_ex(static_cast<EVP_MD_CTX*>(context_), EVP_sha256(), nullptr) == 1);
}

Sha256::~Sha256() { EVP_MD_CTX_free(static_cast<EVP_MD_CTX*>(context_)); }

void Sha256::update(std::string_view bytes) {
  require(EVP_DigestUpdate(static_cast<EVP_MD_CTX*>(context_), bytes.data(), bytes.size()) == 1);
}

std::string Sha256::raw_digest() {
  std::string digest(32, '\0');
  unsigned size = 0;
  require(EVP_DigestFinal_ex(static_cast<EVP_MD_CTX*>(context_), reinterpret_cast<unsigned char*>(digest.data()), &size) == 1 && size == 32);
  return digest;
}

std::string Sha256::hex_digest() { return hex(raw_digest()); }

std::string sha256_hex(std::string_view bytes) {
  Sha256 hash;
  hash.update(bytes);
  return hash.hex_digest();
}

namespace {
struct Descriptor {
  int fd;
  ~Descriptor() {
    if (fd >= 0) ::close(fd);
  }
};
}  // namespace

std::string read_file(const std::string& path, std::uint64_t cap, const std::string& what, bool strict) {
  const std::string name = what + " '" + printable(path) + "'";
  // O_NONBLOCK: opening a named pipe must not wait for a writer.
  const Descriptor file{::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | (strict ? O_NOFOLLOW : 0))};
  if (file.fd < 0) unreadable("cannot open " + name + ": " + std::strerror(errno) + "; check the path and its permissions");
  struct stat status {};
  if (::fstat(file.fd, &status) != 0) unreadable("cannot examine " + name + ": " + std::strerror(errno));
  if (!S_ISREG(status.st_mode)) unreadable(name + " is not a regular file");
  if (strict && status.st_nlink != 1) unreadable(name + " has several hard links; copy it to a file of its own");
  const auto size = static_cast<std::uint64_t>(status.st_size);
  if (size > cap) unreadable(name + " has " + std::to_string(size) + " bytes; at most " + std::to_string(cap) + " are read");
  std::string bytes(size, '\0');
  std::size_t done = 0;
  while (done < bytes.size()) {
    const ssize_t got = ::read(file.fd, bytes.data() + done, bytes.size() - done);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) unreadable("cannot read " + name + ": " + std::strerror(errno));
    if (got == 0) unreadable(name + " became shorter while it was read; try again when nobody writes to it");
    done += static_cast<std::size_t>(got);
  }
  return bytes;
}

}  // namespace lipverify
