// A member of an NPZ file, which is a ZIP archive (stored or deflated; no encryption, no ZIP64). The central directory decides; sizes are
// checked before memory is taken and the checksum afterwards.
#include <zlib.h>

#include <cstring>

#include "examples/trainer/data.hpp"
#include "formats/encoding/error.hpp"
#include "formats/encoding/files.hpp"

namespace liptrain {
namespace {

constexpr std::uint64_t largest = std::uint64_t{1} << 31;

class Bytes {
 public:
  Bytes(const std::string& path, const std::string& bytes) : path_(path), bytes_(bytes) {}

  [[nodiscard]] std::uint64_t number(std::uint64_t at, unsigned count) const {
    need(at, count);
    std::uint64_t value = 0;
    for (unsigned i = 0; i < count; ++i) {
      value |= static_cast<std::uint64_t>(static_cast<unsigned char>(bytes_[at + i])) << (8 * i);
    }
    return value;
  }
  [[nodiscard]] std::string text(std::uint64_t at, std::uint64_t count) const {
    need(at, count);
    return bytes_.substr(at, count);
  }
  [[noreturn]] void damaged(const std::string& what) const {
    throw lipcert::input_error(path_ + ": " + what + "; take an archive that numpy.savez has written.");
  }

 private:
  void need(std::uint64_t at, std::uint64_t count) const {
    if (at > bytes_.size() || bytes_.size() - at < count) {
      damaged("the archive is cut off");
    }
  }
  const std::string& path_;
  const std::string& bytes_;
};

}  // namespace

std::string read_npz_member(const std::string& path, const std::string& member) {
  const std::string content = lipcert::read_file(path, largest);
  const Bytes bytes(path, content);
  const std::uint64_t end = content.rfind("PK\x05\x06");
  if (end == std::string::npos) {
    bytes.damaged("this is no ZIP archive");
  }
  const std::uint64_t count = bytes.number(end + 10, 2);
  (void)bytes.text(end + 22, bytes.number(end + 20, 2));  // the comment is whole
  std::uint64_t at = bytes.number(end + 16, 4);
  std::string names;
  for (std::uint64_t i = 0; i < count; ++i) {
    if (bytes.number(at, 4) != 0x02014b50) {
      bytes.damaged("its directory is damaged");
    }
    const std::uint64_t flags = bytes.number(at + 8, 2), method = bytes.number(at + 10, 2), checksum = bytes.number(at + 16, 4);
    const std::uint64_t packed = bytes.number(at + 20, 4), size = bytes.number(at + 24, 4), length = bytes.number(at + 28, 2);
    const std::uint64_t local = bytes.number(at + 42, 4);
    const std::string name = bytes.text(at + 46, length);
    at += 46 + length + bytes.number(at + 30, 2) + bytes.number(at + 32, 2);
    names += (i == 0 ? "" : ", ") + name;
    if (name != member && name != member + ".npy") {
      continue;
    }
    if ((flags & 1U) != 0 || packed == 0xffffffff || size == 0xffffffff || size > largest || (method != 0 && method != 8)) {
      bytes.damaged("member '" + name + "' is encrypted, too large or packed in an unknown way");
    }
    const std::uint64_t data = local + 30 + bytes.number(local + 26, 2) + bytes.number(local + 28, 2);
    const std::string raw = bytes.text(data, packed);
    std::string result;
    if (method == 0) {
      result = raw;
    } else {
      result.resize(size);
      z_stream stream{};
      stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(raw.data()));
      stream.avail_in = static_cast<uInt>(raw.size());
      stream.next_out = reinterpret_cast<Bytef*>(result.data());
      stream.avail_out = static_cast<uInt>(result.size());
      const bool ready = inflateInit2(&stream, -MAX_WBITS) == Z_OK;
      const int status = ready ? inflate(&stream, Z_FINISH) : Z_MEM_ERROR;
      if (ready) {
        inflateEnd(&stream);
      }
      if (status != Z_STREAM_END || stream.avail_out != 0) {
        bytes.damaged("member '" + name + "' cannot be inflated");
      }
    }
    if (result.size() != size || crc32(0, reinterpret_cast<const Bytef*>(result.data()), static_cast<uInt>(result.size())) != checksum) {
      bytes.damaged("member '" + name + "' does not have its size or checksum");
    }
    return result;
  }
  throw lipcert::input_error(path + ": there is no member '" + member + "'; it has " + names + ".");
}

std::string npy_bytes(const std::vector<Index>& shape, const std::vector<std::uint8_t>& values) {
  std::string header = "{'descr': '|u1', 'fortran_order': False, 'shape': (";
  for (const Index size : shape) {
    header += std::to_string(size) + ",";
  }
  header += "), }";
  while ((10 + header.size() + 1) % 64 != 0) {
    header += ' ';
  }
  header += '\n';
  std::string bytes("\x93NUMPY\x01\x00", 8);
  bytes += static_cast<char>(header.size() & 0xffU);
  bytes += static_cast<char>(header.size() >> 8U);
  bytes += header;
  bytes.append(reinterpret_cast<const char*>(values.data()), values.size());
  return bytes;
}

}  // namespace liptrain
