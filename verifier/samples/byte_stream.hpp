// A data file as a stream of bytes: opened once, hashed as it lies on disk while it is read, inflated when it is gzip. Memory does not grow
// with the file, and a file that changes between two readings shows in its digest.
#pragma once

#include <zlib.h>

#include <cstdint>
#include <string>
#include <vector>

#include "verifier/base/bytes.hpp"

namespace lipverify {

class ByteStream {
 public:
  enum class Gzip { allowed, refused, plain };  // plain: no file is taken for gzip

  /// Opens a regular file (links are followed). `what` names it in messages. Not readable: Failure (input).
  ByteStream(const std::string& path, const std::string& what, Gzip gzip);
  ~ByteStream();
  ByteStream(const ByteStream&) = delete;
  ByteStream& operator=(const ByteStream&) = delete;

  /// Up to `count` bytes; fewer only at the end. Damaged gzip data: Failure (input).
  [[nodiscard]] std::size_t read(char* to, std::size_t count);
  /// Exactly `count` bytes, or Failure (input) with `part` in "... ends inside <part>".
  void read_all(char* to, std::size_t count, const std::string& part);
  /// The next byte without taking it, or -1 at the end.
  [[nodiscard]] int peek();
  /// The same for the byte after the next `ahead` ones (ahead < 64).
  [[nodiscard]] int peek(std::size_t ahead);
  /// Failure (input) unless the end has been reached.
  void require_end();

  /// Reads what is left. Then the number of bytes and the digest (hex) of the file as it lies on disk.
  void finish();
  [[nodiscard]] std::uint64_t bytes() const { return bytes_; }
  [[nodiscard]] const std::string& sha256() const { return sha256_; }
  [[nodiscard]] bool compressed() const { return gzip_; }
  [[nodiscard]] const std::string& name() const { return name_; }

 private:
  void fill_raw();  // reads from the file when the raw buffer is empty
  bool fill();      // refills the buffer of plain bytes; false at the end

  std::string name_;  // "<what> '<path>'"
  int fd_ = -1;
  bool gzip_ = false, raw_end_ = false, inside_member_ = false;
  std::uint64_t bytes_ = 0;
  Sha256 hash_;
  std::string sha256_;
  std::vector<char> raw_;  // as on disk
  std::size_t raw_at_ = 0, raw_size_ = 0;
  std::vector<char> buffer_;  // plain bytes
  std::size_t at_ = 0, size_ = 0;
  z_stream inflater_{};
};

}  // namespace lipverify
