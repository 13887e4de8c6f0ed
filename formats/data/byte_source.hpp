// A data file read from front to back, plain or gzip, in bounded memory; its SHA-256 is that of the very bytes that were read.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

namespace lipcert {

class ByteSource {
 public:
  enum class Gzip { allowed, refused };

  /// Opens a regular file (links are followed). A file that starts with gzip's magic number is inflated while it is read, or refused.
  ByteSource(const std::string& path, Gzip gzip);
  ByteSource(const ByteSource&) = delete;
  ByteSource& operator=(const ByteSource&) = delete;
  ByteSource(ByteSource&&) noexcept;
  ByteSource& operator=(ByteSource&&) noexcept;
  ~ByteSource();

  /// Up to `count` bytes; 0 only at the end. Throws `Error` (input) when the file cannot be read, or when its gzip data is damaged, cut off
  /// or followed by anything else.
  [[nodiscard]] std::size_t read(void* buffer, std::size_t count);
  /// Exactly `count` bytes, or false when the end comes first.
  [[nodiscard]] bool read_exactly(void* buffer, std::size_t count);
  /// The next `count` bytes (at most 4096) without taking them; fewer at the end.
  [[nodiscard]] std::string_view peek(std::size_t count);

  /// Reads what is left; afterwards size and digest of the file as it lies on disk (not inflated).
  void finish();
  [[nodiscard]] std::uint64_t file_bytes() const;
  [[nodiscard]] const std::string& sha256_hex() const;
  [[nodiscard]] const std::string& path() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace lipcert
