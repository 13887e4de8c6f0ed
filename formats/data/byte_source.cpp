// gzip (RFC 1952) is inflated with zlib's inflate and not with gzread, which takes a file that is cut off between two members, or followed
// by rubbish, for a whole one.
#include "formats/data/byte_source.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <system_error>
#include <vector>

#include "formats/data/sha256.hpp"
#include "formats/encoding/error.hpp"
#include "formats/encoding/files.hpp"

namespace lipcert {

struct ByteSource::State {
  std::string path;
  int descriptor = -1;
  Sha256 digest;
  std::uint64_t bytes = 0;
  std::string hex;

  bool gzip = false;
  bool inflater = false;
  bool in_member = false;
  z_stream stream{};
  std::vector<unsigned char> raw = std::vector<unsigned char>(std::size_t{1} << 16);
  std::size_t raw_at = 0;
  std::size_t raw_end = 0;
  bool raw_done = false;

  std::vector<unsigned char> plain = std::vector<unsigned char>(std::size_t{1} << 16);
  std::size_t plain_at = 0;
  std::size_t plain_end = 0;

  State() = default;
  State(const State&) = delete;
  State& operator=(const State&) = delete;
  ~State() {
    if (inflater) inflateEnd(&stream);
    if (descriptor >= 0) ::close(descriptor);
  }

  [[nodiscard]] Error fail(const std::string& what) const { return input_error(path + ": " + what); }

  /// Refills `raw` when it is empty; false at the end of the file.
  bool fill_raw() {
    if (raw_at < raw_end) return true;
    if (raw_done) return false;
    for (;;) {
      const ssize_t got = ::read(descriptor, raw.data(), raw.size());
      if (got < 0 && errno == EINTR) continue;
      if (got < 0) throw fail("cannot be read (" + std::generic_category().message(errno) + ").");
      raw_at = 0;
      raw_end = static_cast<std::size_t>(got);
      raw_done = got == 0;
      digest.add(raw.data(), raw_end);
      bytes += raw_end;
      return !raw_done;
    }
  }

  std::size_t produce(unsigned char* to, std::size_t count) {
    if (!gzip) {
      if (!fill_raw()) return 0;
      const std::size_t take = std::min(count, raw_end - raw_at);
      std::memcpy(to, raw.data() + raw_at, take);
      raw_at += take;
      return take;
    }
    for (;;) {
      if (!fill_raw()) {
        if (in_member) throw fail("the gzip data is cut off; fetch the file again.");
        return 0;
      }
      if (!in_member) {
        if (raw[raw_at] != 0x1f) throw fail("something that is not gzip follows the gzip data; fetch the file again.");
        if ((inflater ? inflateReset2(&stream, 31) : inflateInit2(&stream, 31)) != Z_OK)
          throw Error(ExitCode::internal, "zlib cannot start.");
        inflater = true;
        in_member = true;
      }
      stream.next_in = raw.data() + raw_at;
      stream.avail_in = static_cast<uInt>(raw_end - raw_at);
      stream.next_out = to;
      stream.avail_out = static_cast<uInt>(std::min<std::size_t>(count, std::size_t{1} << 30));
      const uInt room = stream.avail_out;
      const int result = inflate(&stream, Z_NO_FLUSH);
      raw_at = raw_end - stream.avail_in;
      if (result == Z_STREAM_END)
        in_member = false;
      else if (result != Z_OK && result != Z_BUF_ERROR)
        throw fail("the gzip data is damaged; fetch the file again.");
      if (room != stream.avail_out) return room - stream.avail_out;
    }
  }
};

ByteSource::ByteSource(const std::string& path, Gzip gzip) : state_(std::make_unique<State>()) {
  State& s = *state_;
  s.path = path;
  s.descriptor = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (s.descriptor < 0) throw s.fail("cannot be opened (" + std::generic_category().message(errno) + ").");
  struct stat status {};
  if (::fstat(s.descriptor, &status) != 0 || !S_ISREG(status.st_mode)) throw s.fail("is not a regular file; give the path of a data file.");
  if (s.fill_raw() && s.raw_end >= 2 && s.raw[0] == 0x1f && s.raw[1] == 0x8b) {
    if (gzip == Gzip::refused) throw s.fail("is compressed; unpack it first (gunzip), only IDX and CIFAR-10 files are read compressed.");
    s.gzip = true;
  }
}

ByteSource::ByteSource(ByteSource&&) noexcept = default;
ByteSource& ByteSource::operator=(ByteSource&&) noexcept = default;
ByteSource::~ByteSource() = default;

std::size_t ByteSource::read(void* buffer, std::size_t count) {
  State& s = *state_;
  if (count == 0) return 0;
  if (s.plain_at == s.plain_end) {
    if (count >= s.plain.size()) return s.produce(static_cast<unsigned char*>(buffer), count);
    s.plain_at = 0;
    s.plain_end = s.produce(s.plain.data(), s.plain.size());
  }
  const std::size_t take = std::min(count, s.plain_end - s.plain_at);
  std::memcpy(buffer, s.plain.data() + s.plain_at, take);
  s.plain_at += take;
  return take;
}

bool ByteSource::read_exactly(void* buffer, std::size_t count) {
  auto* to = static_cast<unsigned char*>(buffer);
  while (count > 0) {
    const std::size_t got = read(to, count);
    if (got == 0) return false;
    to += got;
    count -= got;
  }
  return true;
}

std::string_view ByteSource::peek(std::size_t count) {
  State& s = *state_;
  count = std::min<std::size_t>(count, 4096);
  while (s.plain_end - s.plain_at < count) {
    std::memmove(s.plain.data(), s.plain.data() + s.plain_at, s.plain_end - s.plain_at);
    s.plain_end -= s.plain_at;
    s.plain_at = 0;
    const std::size_t got = s.produce(s.plain.data() + s.plain_end, s.plain.size() - s.plain_end);
    if (got == 0) break;
    s.plain_end += got;
  }
  return {reinterpret_cast<const char*>(s.plain.data()) + s.plain_at, std::min(count, s.plain_end - s.plain_at)};
}

void ByteSource::finish() {
  State& s = *state_;
  if (!s.hex.empty()) return;
  std::array<unsigned char, 65536> rest;
  s.plain_at = s.plain_end;
  while (s.produce(rest.data(), rest.size()) > 0) {
  }
  s.hex = to_hex(s.digest.finish());
}

std::uint64_t ByteSource::file_bytes() const {
  return state_->bytes;
}
const std::string& ByteSource::sha256_hex() const {
  return state_->hex;
}
const std::string& ByteSource::path() const {
  return state_->path;
}

}  // namespace lipcert
