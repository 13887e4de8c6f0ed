// See byte_stream.hpp.
#include "verifier/samples/byte_stream.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "verifier/base/failure.hpp"

namespace lipverify {

static constexpr std::size_t kBuffer = 1 << 16;

ByteStream::ByteStream(const std::string& path, const std::string& what, Gzip gzip)
    : name_(what + " '" + printable(path) + "'"), raw_(kBuffer), buffer_(kBuffer) {
  // O_NONBLOCK: opening a named pipe must not wait for a writer.
  fd_ = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (fd_ < 0) unreadable("cannot open " + name_ + ": " + std::strerror(errno) + "; check the path and its permissions");
  try {
    struct stat status {};
    if (::fstat(fd_, &status) != 0) unreadable("cannot examine " + name_ + ": " + std::strerror(errno));
    if (!S_ISREG(status.st_mode)) unreadable(name_ + " is not a regular file");
    fill_raw();
    if (raw_size_ == 0) unreadable(name_ + " is empty");
    gzip_ = gzip != Gzip::plain && raw_size_ >= 2 && raw_[0] == '\x1f' && raw_[1] == '\x8b';
    if (gzip_ && gzip == Gzip::refused) unreadable(name_ + " is compressed with gzip, which this format is not; unpack it with gunzip");
    if (gzip_ && inflateInit2(&inflater_, 15 + 16) != Z_OK) exhausted("zlib cannot be initialised; check the installation of zlib");
  } catch (...) {
    ::close(fd_);
    throw;
  }
}

ByteStream::~ByteStream() {
  if (gzip_) inflateEnd(&inflater_);
  ::close(fd_);
}

void ByteStream::fill_raw() {
  if (raw_end_ || raw_at_ < raw_size_) return;
  raw_at_ = raw_size_ = 0;
  while (raw_size_ < raw_.size() && !raw_end_) {
    const ssize_t got = ::read(fd_, raw_.data() + raw_size_, raw_.size() - raw_size_);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) unreadable("cannot read " + name_ + ": " + std::strerror(errno));
    if (got == 0) raw_end_ = true;
    raw_size_ += static_cast<std::size_t>(got);
  }
  hash_.update(std::string_view(raw_.data(), raw_size_));
  bytes_ += raw_size_;
}

bool ByteStream::fill() {
  std::memmove(buffer_.data(), buffer_.data() + at_, size_ - at_);  // keeps what `peek` has seen
  size_ -= at_;
  at_ = 0;
  const std::size_t before = size_;
  if (!gzip_) {
    fill_raw();
    const std::size_t taken = std::min(raw_size_ - raw_at_, buffer_.size() - size_);
    std::memcpy(buffer_.data() + size_, raw_.data() + raw_at_, taken);
    raw_at_ += taken;
    size_ += taken;
    return size_ > before;
  }
  while (size_ == before) {
    fill_raw();
    if (raw_at_ == raw_size_) {
      if (inside_member_) unreadable(name_ + " is cut off: its gzip data ends too early; fetch it again");
      return false;
    }
    inside_member_ = true;
    inflater_.next_in = reinterpret_cast<unsigned char*>(raw_.data() + raw_at_);
    inflater_.avail_in = static_cast<unsigned>(raw_size_ - raw_at_);
    inflater_.next_out = reinterpret_cast<unsigned char*>(buffer_.data() + size_);
    inflater_.avail_out = static_cast<unsigned>(buffer_.size() - size_);
    const int status = inflate(&inflater_, Z_NO_FLUSH);
    raw_at_ = raw_size_ - inflater_.avail_in;
    size_ = buffer_.size() - inflater_.avail_out;
    if (status == Z_STREAM_END) {  // another member may follow; bytes that are none are an error of its header
      inside_member_ = false;
      if (inflateReset(&inflater_) != Z_OK) exhausted("zlib cannot be reset; check the installation of zlib");
    } else if (status == Z_MEM_ERROR) {
      exhausted("not enough memory to unpack " + name_);
    } else if (status != Z_OK && status != Z_BUF_ERROR) {
      unreadable(name_ + " holds damaged gzip data or something after it; fetch it again");
    }
  }
  return true;
}

std::size_t ByteStream::read(char* to, std::size_t count) {
  std::size_t done = 0;
  while (done < count) {
    if (at_ == size_ && !fill()) break;
    const std::size_t taken = std::min(count - done, size_ - at_);
    std::memcpy(to + done, buffer_.data() + at_, taken);
    at_ += taken;
    done += taken;
  }
  return done;
}

void ByteStream::read_all(char* to, std::size_t count, const std::string& part) {
  if (read(to, count) != count) unreadable(name_ + " is cut off: it ends inside " + part + "; fetch it again");
}

int ByteStream::peek(std::size_t ahead) {
  while (size_ - at_ <= ahead)
    if (!fill()) return -1;
  return static_cast<unsigned char>(buffer_[at_ + ahead]);
}

int ByteStream::peek() {
  return peek(0);
}

void ByteStream::require_end() {
  if (peek() >= 0) unreadable(name_ + " goes on after its last sample; it is not what its header says");
}

void ByteStream::finish() {
  do {
    at_ = size_ = 0;
  } while (fill());
  sha256_ = hash_.hex_digest();
}

}  // namespace lipverify
