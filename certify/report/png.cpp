#include "certify/report/png.hpp"

#include <zlib.h>

#include "formats/encoding/base64.hpp"
#include "formats/encoding/error.hpp"

namespace lipcert::report {
namespace {

std::string big_endian(std::uint32_t value) {
  std::string out;
  for (const unsigned shift : {24U, 16U, 8U, 0U}) out.push_back(static_cast<char>(value >> shift & 0xFFU));
  return out;
}

std::string chunk(const std::string& type, const std::string& data) {
  const std::string body = type + data;
  const auto sum = static_cast<std::uint32_t>(::crc32(0, reinterpret_cast<const Bytef*>(body.data()), static_cast<uInt>(body.size())));
  return big_endian(static_cast<std::uint32_t>(data.size())) + body + big_endian(sum);
}

}  // namespace

std::string png(const Picture& picture) {
  const std::size_t line = std::size_t{picture.columns} * picture.channels;
  if (picture.rows == 0 || line == 0 || picture.rows > 4096 || line > 16384 || (picture.channels != 1 && picture.channels != 3) ||
      picture.pixels.size() != picture.rows * line)
    throw Error(ExitCode::internal, "Internal error: a picture of the report does not have the pixels that it says.");
  std::string raw;
  for (std::size_t row = 0; row < picture.rows; ++row) {
    raw.push_back('\0');  // no filter
    raw.append(reinterpret_cast<const char*>(picture.pixels.data() + row * line), line);
  }
  uLongf size = ::compressBound(static_cast<uLong>(raw.size()));
  std::string packed(size, '\0');
  if (::compress2(reinterpret_cast<Bytef*>(packed.data()), &size, reinterpret_cast<const Bytef*>(raw.data()),
                  static_cast<uLong>(raw.size()), 9) != Z_OK)
    throw Error(ExitCode::internal, "Internal error: a picture of the report cannot be compressed.");
  packed.resize(size);
  const std::string head =
      big_endian(picture.columns) + big_endian(picture.rows) + '\x08' + (picture.channels == 3 ? '\x02' : '\0') + std::string(3, '\0');
  return "\x89PNG\r\n\x1a\n" + chunk("IHDR", head) + chunk("IDAT", packed) + chunk("IEND", "");
}

std::string data_uri(const Picture& picture) {
  return "data:image/png;base64," + base64_encode(png(picture));
}

}  // namespace lipcert::report
