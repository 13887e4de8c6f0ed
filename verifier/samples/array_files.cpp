// IDX and NPY: arrays of numbers (see data_formats.hpp).
#include <algorithm>
#include <array>

#include "verifier/base/bytes.hpp"
#include "verifier/samples/data_formats.hpp"

namespace lipverify {

namespace {

constexpr std::uint64_t kMaxEntries = std::uint64_t{1} << 28;

/// Product of the dimensions after the first, at most 2^28 and not zero.
std::uint64_t entries_of(const std::vector<std::uint64_t>& shape, const std::string& name) {
  std::uint64_t product = 1;
  for (std::size_t i = 0; i < shape.size(); ++i) {
    if (shape[i] == 0) unreadable(name + " has a dimension of size 0: it holds no samples");
    if (i == 0) continue;
    if (shape[i] > kMaxEntries / product) unreadable(name + " has samples of more than 2^28 entries");
    product *= shape[i];
  }
  return product;
}

}  // namespace

ArrayHeader read_idx_header(ByteStream& stream) {
  std::array<char, 4> magic{};
  stream.read_all(magic.data(), magic.size(), "the header");
  if (magic[0] != 0 || magic[1] != 0) unreadable(stream.name() + " is not an IDX file: it does not start with two zero bytes");
  if (magic[2] != 8) unreadable(stream.name() + " is an IDX file whose elements are not unsigned bytes; convert it");
  ArrayHeader header;
  header.shape.resize(static_cast<unsigned char>(magic[3]));
  for (std::uint64_t& dimension : header.shape) {
    std::array<char, 4> word{};
    stream.read_all(word.data(), word.size(), "the header");
    for (const char c : word) dimension = dimension << 8 | static_cast<unsigned char>(c);
  }
  return header;
}

/// The Python dictionary of an NPY header: keys descr, fortran_order and shape, each once.
ArrayHeader read_npy_header(ByteStream& stream) {
  const std::string bad = stream.name() + " has an NPY header that is not understood; save it anew with numpy.save";
  std::array<char, 8> magic{};
  stream.read_all(magic.data(), magic.size(), "the header");
  if (std::string_view(magic.data(), 6) != "\x93NUMPY") unreadable(stream.name() + " is not an NPY file");
  if (magic[6] < 1 || magic[6] > 3) unreadable(bad);
  std::array<char, 4> length{};
  const std::size_t digits = magic[6] == 1 ? 2 : 4;
  stream.read_all(length.data(), digits, "the header");
  std::uint64_t size = 0;
  for (std::size_t i = digits; i-- > 0;) size = size << 8 | static_cast<unsigned char>(length[i]);
  if (size > 65536) unreadable(bad);
  std::string text(size, '\0');
  stream.read_all(text.data(), size, "the header");

  std::string_view rest = text;
  const auto skip = [&] { rest.remove_prefix(std::min(rest.find_first_not_of(" \n\t"), rest.size())); };
  const auto take = [&](char c) {
    skip();
    if (rest.empty() || rest[0] != c) return false;
    rest.remove_prefix(1);
    return true;
  };
  const auto expect = [&](char c) {
    if (!take(c)) unreadable(bad);
  };
  const auto quoted = [&]() -> std::string_view {
    skip();
    if (rest.empty() || (rest[0] != '\'' && rest[0] != '"')) unreadable(bad);
    const std::size_t end = rest.find(rest[0], 1);
    if (end == std::string_view::npos) unreadable(bad);
    const std::string_view word = rest.substr(1, end - 1);
    rest.remove_prefix(end + 1);
    return word;
  };
  ArrayHeader header;
  bool have_type = false, have_order = false, have_shape = false;
  expect('{');
  while (!take('}')) {
    const std::string_view key = quoted();
    expect(':');
    skip();
    if (key == "descr" && !have_type) {
      have_type = true;
      const std::string_view type = quoted();
      const auto is_one_of = [&](std::string_view widths) { return type.size() == 3 && widths.find(type[2]) != std::string_view::npos; };
      const bool known = type.size() == 3 && ((type[1] == 'u' && is_one_of("124")) || (type[1] == 'i' && is_one_of("1248")) ||
                                              (type[1] == 'f' && is_one_of("248")));
      const bool ordered = type.size() == 3 && (type[0] == '<' || type[0] == '>' || (type[0] == '|' && type[2] == '1'));
      if (!known || !ordered)
        unreadable(stream.name() + " has elements of type '" + printable(type) + "', which is not read; convert it to float32, float64 or integers");
      header.kind = type[1];
      header.width = static_cast<std::size_t>(type[2] - '0');
      header.big_endian = type[0] == '>';
    } else if (key == "fortran_order" && !have_order) {
      have_order = true;
      if (rest.substr(0, 4) == "True") unreadable(stream.name() + " is stored column by column; save it with numpy.ascontiguousarray");
      if (rest.substr(0, 5) != "False") unreadable(bad);
      rest.remove_prefix(5);
    } else if (key == "shape" && !have_shape) {
      have_shape = true;
      expect('(');
      while (!take(')')) {
        skip();
        const std::size_t n = leading_digits(rest);
        if (n == 0 || n > 18 || header.shape.size() == 8) unreadable(bad);
        std::uint64_t value = 0;
        for (const char c : rest.substr(0, n)) value = 10 * value + static_cast<std::uint64_t>(c - '0');
        header.shape.push_back(value);
        rest.remove_prefix(n);
        if (!take(',')) {
          expect(')');
          break;
        }
      }
    } else {
      unreadable(bad);
    }
    if (!take(',')) {
      expect('}');
      break;
    }
  }
  skip();
  if (!rest.empty() || !have_type || !have_order || !have_shape) unreadable(bad);
  return header;
}

/// The exact value of one element; the bits of a binary floating-point number are sign, exponent and fraction of IEEE 754.
DataNumber element(const ArrayHeader& header, const char* at, const std::string& name) {
  std::uint64_t bits = 0;
  for (std::size_t i = 0; i < header.width; ++i)
    bits = bits << 8 | static_cast<unsigned char>(at[header.big_endian ? i : header.width - 1 - i]);
  const std::size_t size = 8 * header.width;
  const bool negative = header.kind != 'u' && (bits >> (size - 1) & 1) != 0;
  if (header.kind == 'u') return {Integer(bits), 0, 0};
  if (header.kind == 'i') {
    std::int64_t value = static_cast<std::int64_t>(bits);
    if (size < 64 && negative) value -= std::int64_t{1} << size;
    if (value <= -(std::int64_t{1} << 53) || value >= std::int64_t{1} << 53)
      unreadable(name + " holds an integer of magnitude 2^53 or more");
    return {Integer(value), 0, 0};
  }
  const std::size_t fraction_bits = header.width == 2 ? 10 : header.width == 4 ? 23 : 52;
  const std::uint64_t largest = (std::uint64_t{1} << (size - 1 - fraction_bits)) - 1;
  const std::uint64_t exponent = bits >> fraction_bits & largest;
  const std::uint64_t fraction = bits & ((std::uint64_t{1} << fraction_bits) - 1);
  if (exponent == largest) unreadable(name + " holds a NaN or an infinity; remove that sample");
  const std::int64_t mantissa = static_cast<std::int64_t>(exponent == 0 ? fraction : fraction | std::uint64_t{1} << fraction_bits);
  const auto scale = static_cast<std::int32_t>(exponent == 0 ? 1 : exponent) - static_cast<std::int32_t>(largest / 2 + fraction_bits);
  return {Integer(negative ? -mantissa : mantissa), mantissa == 0 ? 0 : scale, 0};
}

namespace {

class ArrayFile final : public OneFile {
 public:
  ArrayFile(const DataSource& source, bool idx)
      : OneFile(source), stream_(source.path, "data file", idx ? ByteStream::Gzip::allowed : ByteStream::Gzip::refused) {
    header_ = idx ? read_idx_header(stream_) : read_npy_header(stream_);
    const std::vector<std::uint64_t>& s = header_.shape;
    const std::string& name = stream_.name();
    if (s.size() < 2 || s.size() > (idx ? 3 : 4))
      unreadable(name + " has " + std::to_string(s.size()) + " dimensions; samples of rows or images are needed (are these labels?)");
    const std::uint64_t entries = entries_of(s, name);
    if (s.size() == 2) shape_ = {false, entries, 1, 1};
    if (s.size() == 3) shape_ = {true, 1, s[1], s[2]};
    if (s.size() == 4) shape_ = {true, s[1], s[2], s[3]};
    buffer_.resize(entries * header_.width);
  }

 private:
  bool read(Sample& sample) override {
    if (count_ == header_.shape[0]) {
      stream_.require_end();
      return false;
    }
    stream_.read_all(buffer_.data(), buffer_.size(), "sample " + std::to_string(count_));
    sample.pixels.clear();
    sample.numbers.clear();
    if (header_.kind == 'u' && header_.width == 1) {
      sample.pixels.assign(buffer_.begin(), buffer_.end());
    } else {
      const std::string place = stream_.name() + ", sample " + std::to_string(count_) + ",";
      sample.numbers.reserve(shape_.entries());
      for (std::size_t i = 0; i < buffer_.size(); i += header_.width) sample.numbers.push_back(element(header_, buffer_.data() + i, place));
    }
    return true;
  }
  ByteStream& stream() override { return stream_; }

  ByteStream stream_;
  ArrayHeader header_;
  std::vector<char> buffer_;
};

}  // namespace

std::unique_ptr<DataSet> open_array(const DataSource& source, bool idx) { return std::make_unique<ArrayFile>(source, idx); }

}  // namespace lipverify
