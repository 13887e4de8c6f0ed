// PNG decoder on zlib, integers only: see data.hpp. Every chunk's CRC is checked; gamma and colour profiles are ignored because the claim
// is about the stored samples. The size of the unpacked data is known from the header before memory is taken.
#include <zlib.h>

#include <algorithm>
#include <array>

#include "verifier/base/bytes.hpp"
#include "verifier/base/failure.hpp"
#include "verifier/samples/data.hpp"

namespace lipverify {

namespace {

constexpr std::uint32_t kMaxSide = 16384;

std::uint32_t big_endian(std::string_view bytes) {
  std::uint32_t value = 0;
  for (std::size_t i = 0; i < 4; ++i) value = value << 8 | static_cast<unsigned char>(bytes[i]);
  return value;
}

struct Header {
  std::uint32_t width = 0, height = 0;
  unsigned depth = 0, colour = 0;
  bool interlaced = false;
  [[nodiscard]] std::size_t samples() const { return colour == 2 ? 3 : 1; }  // per pixel, as stored
  [[nodiscard]] std::size_t row_bytes(std::size_t pixels) const { return (pixels * samples() * depth + 7) / 8; }
};

/// A pass of Adam7, or the only pass: pixels (first + i * step) of rows and columns.
struct Pass {
  std::size_t row, row_step, column, column_step;
};
constexpr std::array<Pass, 7> kAdam7 = {{{0, 8, 0, 8}, {0, 8, 4, 8}, {4, 8, 0, 4}, {0, 4, 2, 4}, {2, 4, 0, 2}, {0, 2, 1, 2}, {1, 2, 0, 1}}};

std::size_t steps(std::size_t size, std::size_t first, std::size_t step) {
  return size <= first ? 0 : (size - first + step - 1) / step;
}

std::vector<Pass> passes_of(const Header& header) {
  if (!header.interlaced) return {{0, 1, 0, 1}};
  return {kAdam7.begin(), kAdam7.end()};
}

/// Exactly `size` bytes out of a zlib stream.
std::vector<std::uint8_t> inflate_exactly(const std::string& data, std::size_t size, const std::string& name) {
  std::vector<std::uint8_t> plain(size + 1);  // one more, to see data that is too long
  z_stream stream{};
  if (inflateInit(&stream) != Z_OK) exhausted("zlib cannot be initialised; check the installation of zlib");
  stream.next_in = reinterpret_cast<unsigned char*>(const_cast<char*>(data.data()));
  stream.avail_in = static_cast<unsigned>(data.size());
  stream.next_out = plain.data();
  stream.avail_out = static_cast<unsigned>(plain.size());
  const int status = inflate(&stream, Z_FINISH);
  const std::size_t left = stream.avail_out;
  const bool all_read = stream.avail_in == 0;
  inflateEnd(&stream);
  if (status != Z_STREAM_END || left != 1 || !all_read)
    unreadable(name + " holds damaged image data (or too little, or too much); save the image anew");
  plain.resize(size);
  return plain;
}

std::uint8_t paeth(int left, int up, int corner) {
  const int guess = left + up - corner;
  const int by_left = guess < left ? left - guess : guess - left;
  const int by_up = guess < up ? up - guess : guess - up;
  const int by_corner = guess < corner ? corner - guess : guess - corner;
  return static_cast<std::uint8_t>(by_left <= by_up && by_left <= by_corner ? left : by_up <= by_corner ? up : corner);
}

/// Undoes the filter of one row in place; `up` is the row above it (all zero for the first), `step` the bytes of a pixel.
void unfilter(unsigned filter, std::uint8_t* row, const std::uint8_t* up, std::size_t size, std::size_t step, const std::string& name) {
  if (filter > 4) unreadable(name + " uses a filter that PNG does not have; save the image anew");
  for (std::size_t i = 0; i < size; ++i) {
    const int left = i >= step ? row[i - step] : 0;
    const int corner = i >= step ? up[i - step] : 0;
    const int add = filter == 1   ? left
                    : filter == 2 ? up[i]
                    : filter == 3 ? (left + up[i]) / 2
                    : filter == 4 ? paeth(left, up[i], corner)
                                  : 0;
    row[i] = static_cast<std::uint8_t>(row[i] + add);
  }
}

Header read_header(std::string_view body, const std::string& name) {
  if (body.size() != 13) unreadable(name + " has a damaged header; save the image anew");
  const auto byte = [&](std::size_t i) { return static_cast<unsigned>(static_cast<unsigned char>(body[i])); };
  Header header{big_endian(body), big_endian(body.substr(4)), byte(8), byte(9), byte(12) == 1};
  if (header.width == 0 || header.height == 0 || header.width > kMaxSide || header.height > kMaxSide)
    unreadable(name + " has a side of 0 or more than " + std::to_string(kMaxSide) + " pixels");
  if (byte(10) != 0 || byte(11) != 0 || byte(12) > 1)
    unreadable(name + " uses a compression, filter or interlace method that PNG does not have");
  if (header.colour == 4 || header.colour == 6) unreadable(name + " has an alpha channel; save it without");
  const bool small_depth = header.depth == 1 || header.depth == 2 || header.depth == 4;
  if (!(header.depth == 8 && (header.colour == 0 || header.colour == 2 || header.colour == 3)) &&
      !(small_depth && (header.colour == 0 || header.colour == 3)))
    unreadable(name + " is not grey, RGB or palette with at most 8 bits; save it with 8 bits");
  return header;
}

}  // namespace

Image decode_png(std::string_view bytes, const std::string& name) {
  static constexpr std::string_view signature("\x89PNG\r\n\x1a\n", 8);
  if (bytes.substr(0, 8) != signature) unreadable(name + " is not a PNG image");
  std::optional<Header> header;
  std::string palette, data;
  bool data_ended = false, ended = false;
  std::size_t at = 8;
  while (!ended) {
    if (bytes.size() - at < 12 || big_endian(bytes.substr(at)) > bytes.size() - at - 12) unreadable(name + " is cut off; fetch it again");
    const std::size_t size = big_endian(bytes.substr(at));
    const std::string_view type = bytes.substr(at + 4, 4);
    const std::string_view body = bytes.substr(at + 8, size);
    const auto* checked = reinterpret_cast<const unsigned char*>(type.data());
    if (crc32(crc32(0, nullptr, 0), checked, static_cast<unsigned>(size + 4)) != big_endian(bytes.substr(at + 8 + size)))
      unreadable(name + " is damaged: the checksum of a chunk is wrong; fetch it again");
    at += size + 12;
    if (!header != (type == "IHDR")) unreadable(name + " does not start with exactly one header; save the image anew");
    if (type == "IHDR") {
      header = read_header(body, name);
    } else if (type == "PLTE") {
      if (!palette.empty() || !data.empty() || size == 0 || size > 768 || size % 3 != 0 || header->colour == 0)
        unreadable(name + " has a damaged palette; save the image anew");
      palette = body;
    } else if (type == "IDAT") {
      if (data_ended) unreadable(name + " has its image data in two places; save the image anew");
      data += body;
    } else if (type == "IEND") {
      ended = true;
    } else if (type == "tRNS") {
      unreadable(name + " has transparent pixels; save it without");
    } else if ((type[0] & 0x20) == 0) {
      unreadable(name + " has a chunk that must be understood and is not: '" + printable(type) + "'; save the image anew");
    }
    data_ended = data_ended || (!data.empty() && type != "IDAT");
  }
  if (at != bytes.size()) unreadable(name + " goes on after its end; save the image anew");
  if (header->colour == 3 && palette.empty()) unreadable(name + " has no palette; save the image anew");

  const std::vector<Pass> passes = passes_of(*header);
  std::size_t total = 0;
  for (const Pass& pass : passes) {
    const std::size_t columns = steps(header->width, pass.column, pass.column_step);
    if (columns != 0) total += steps(header->height, pass.row, pass.row_step) * (1 + header->row_bytes(columns));
  }
  std::vector<std::uint8_t> plain = inflate_exactly(data, total, name);

  const bool coloured = header->colour != 0;
  Image image{{true, coloured ? 3U : 1U, header->height, header->width}, {}};
  const std::size_t plane = static_cast<std::size_t>(header->height) * header->width;
  image.pixels.resize(plane * image.shape.channels);
  const std::size_t step = std::max<std::size_t>(1, header->samples() * header->depth / 8);
  const unsigned largest = (1U << header->depth) - 1;
  std::size_t from = 0;
  for (const Pass& pass : passes) {
    const std::size_t columns = steps(header->width, pass.column, pass.column_step);
    if (columns == 0) continue;
    const std::size_t size = header->row_bytes(columns);
    const std::vector<std::uint8_t> zeros(size);
    const std::uint8_t* up = zeros.data();
    for (std::size_t row = pass.row; row < header->height; row += pass.row_step) {
      std::uint8_t* current = plain.data() + from + 1;
      unfilter(plain[from], current, up, size, step, name);
      for (std::size_t k = 0; k < columns; ++k) {
        const std::size_t pixel = row * header->width + pass.column + k * pass.column_step;
        if (header->colour == 2) {
          for (std::size_t c = 0; c < 3; ++c) image.pixels[c * plane + pixel] = current[3 * k + c];
          continue;
        }
        const std::size_t bit = k * header->depth;
        const unsigned value = (static_cast<unsigned>(current[bit / 8]) >> (8 - header->depth - bit % 8)) & largest;
        if (header->colour == 0) {
          image.pixels[pixel] = static_cast<std::uint8_t>(value * (255 / largest));
          continue;
        }
        if (3 * value + 2 >= palette.size()) unreadable(name + " names a colour that its palette lacks; save the image anew");
        for (std::size_t c = 0; c < 3; ++c) image.pixels[c * plane + pixel] = static_cast<std::uint8_t>(palette[3 * value + c]);
      }
      up = current;
      from += 1 + size;
    }
  }
  return image;
}

}  // namespace lipverify
