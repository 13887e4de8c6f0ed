// Bytes: hexadecimal, base64, UTF-8, SHA-256, and files that are read exactly once.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace lipverify {

[[nodiscard]] std::string hex(std::string_view bytes);  // lower case

/// True for exactly 64 lower-case hexadecimal digits.
[[nodiscard]] bool is_sha256_hex(std::string_view text);

/// Base64 (RFC 4648), standard or URL-safe alphabet but not both, with padding, unused bits zero, no whitespace. Rejects anything else;
/// `what` names the field in the message.
[[nodiscard]] std::string base64_decode(std::string_view text, const std::string& what);
[[nodiscard]] std::string base64_encode(std::string_view bytes);  // standard alphabet, padded

/// Well-formed UTF-8 as of RFC 3629: no overlong form, no surrogate, nothing above U+10FFFF.
[[nodiscard]] bool is_utf8(std::string_view bytes);

/// Name as formats/onnx.md section 1 wants it: UTF-8, at most 4096 bytes, no control characters.
[[nodiscard]] bool is_name(std::string_view bytes);

/// Text for messages: control characters, marks of the direction of writing, invisible characters and invalid UTF-8 become '?', long text is cut, so
/// that a hostile name cannot fake output.
[[nodiscard]] std::string printable(std::string_view text);

/// SHA-256, incrementally.
class Sha256 {
 public:
  Sha256();
  ~Sha256();
  Sha256(const Sha256&) = delete;
  Sha256& operator=(const Sha256&) = delete;
  void update(std::string_view bytes);
  [[nodiscard]] std::string hex_digest();  // ends the computation
  [[nodiscard]] std::string raw_digest();  // ends the computation

 private:
  void* context_;
};

[[nodiscard]] std::string sha256_hex(std::string_view bytes);

/// The bytes of a regular file, read once: what is hashed is what is parsed, whatever happens to the file afterwards. Unreadable
/// or larger than `cap`: Failure (input). `strict`: also no symbolic link and exactly one hard link (external data).
[[nodiscard]] std::string read_file(const std::string& path, std::uint64_t cap, const std::string& what, bool strict = false);

}  // namespace lipverify
