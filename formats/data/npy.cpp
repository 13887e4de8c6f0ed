// NPY (numpy.save), versions 1 to 3: a magic number, the header's length, a Python dictionary with exactly descr, fortran_order and shape,
// the data. The dictionary is read as numpy writes it, not as Python in general.
#include <array>
#include <bit>
#include <cmath>

#include "formats/data/readers.hpp"
#include "formats/encoding/error.hpp"

namespace lipcert {

namespace {

class Header {
 public:
  Header(const std::string& path, std::string text) : path_(path), text_(std::move(text)) {}

  NpyHeader read() {
    NpyHeader header;
    bool descr = false;
    bool order = false;
    bool shape = false;
    expect('{');
    while (!take('}')) {
      const std::string key = quoted();
      expect(':');
      if (key == "descr" && !descr) {
        descr = true;
        header.type = quoted();
      } else if (key == "fortran_order" && !order) {
        order = true;
        if (take_word("True")) throw input_error(path_ + ": is in Fortran order; save numpy.ascontiguousarray(a) instead.");
        if (!take_word("False")) throw malformed();
      } else if (key == "shape" && !shape) {
        shape = true;
        expect('(');
        while (!take(')')) {
          header.shape.push_back(number());
          if (!take(',')) {
            expect(')');
            break;
          }
        }
      } else {
        throw malformed();
      }
      if (!take(',')) {
        expect('}');
        break;
      }
    }
    blank();
    if (at_ != text_.size() || !descr || !order || !shape) throw malformed();
    return header;
  }

 private:
  [[nodiscard]] Error malformed() const {
    return input_error(path_ + ": its NPY header is not as numpy.save writes it; save the array again.");
  }
  void blank() {
    while (at_ < text_.size() && (text_[at_] == ' ' || text_[at_] == '\n' || text_[at_] == '\t')) ++at_;
  }
  bool take(char c) {
    blank();
    if (at_ >= text_.size() || text_[at_] != c) return false;
    ++at_;
    return true;
  }
  void expect(char c) {
    if (!take(c)) throw malformed();
  }
  bool take_word(const std::string& word) {
    blank();
    if (text_.compare(at_, word.size(), word) != 0) return false;
    at_ += word.size();
    return true;
  }
  std::string quoted() {
    blank();
    if (at_ >= text_.size() || (text_[at_] != '\'' && text_[at_] != '"')) throw malformed();
    const std::size_t end = text_.find(text_[at_], at_ + 1);
    if (end == std::string::npos) throw malformed();
    std::string result = text_.substr(at_ + 1, end - at_ - 1);
    at_ = end + 1;
    return result;
  }
  std::uint64_t number() {
    blank();
    std::uint64_t value = 0;
    const std::size_t start = at_;
    while (at_ < text_.size() && text_[at_] >= '0' && text_[at_] <= '9') {
      if (value > (std::uint64_t{1} << 48)) throw malformed();
      value = value * 10 + static_cast<std::uint64_t>(text_[at_++] - '0');
    }
    if (at_ == start) throw malformed();
    return value;
  }

  const std::string& path_;
  std::string text_;
  std::size_t at_ = 0;
};

double half(std::uint64_t bits) {
  const double sign = (bits & 0x8000) != 0 ? -1 : 1;
  const int exponent = static_cast<int>((bits >> 10) & 0x1f);
  const double mantissa = static_cast<double>(bits & 0x3ff);
  if (exponent == 31) return mantissa == 0 ? sign * INFINITY : NAN;
  return exponent == 0 ? sign * std::ldexp(mantissa, -24) : sign * std::ldexp(mantissa + 1024, exponent - 25);
}

class NpyReader final : public SampleReader::Format {
 public:
  explicit NpyReader(const std::string& path) : source_(path, ByteSource::Gzip::refused), header_(read_npy_header(source_)) {
    const std::vector<std::uint64_t>& d = header_.shape;
    if (d.size() < 2 || d.size() > 4)
      throw input_error(path + ": has " + std::to_string(d.size()) +
                        " dimensions; samples have 2 (number, entries), 3 (number, rows, columns) or 4 (number, channels, rows, columns).");
    size_ = npy_size(header_.type);
    if (size_ == 0)
      throw input_error(path + ": holds elements of type '" + header_.type.substr(0, 20) +
                        "', which are not read; convert it with astype(numpy.float64).");
    entries_ = sample_entries(path, {d.begin() + 1, d.end()});
    shape_ = d.size() == 2 ? SampleShape{d[1], 1, 1, false} : SampleShape{d.size() == 4 ? d[1] : 1, d[d.size() - 2], d.back(), true};
  }

  bool next(Sample& sample) override {
    if (taken_ == header_.shape[0]) {
      if (!source_.peek(1).empty())
        throw input_error(source_.path() + ": goes on after the " + std::to_string(taken_) +
                          " samples of its header; save the array again.");
      return false;
    }
    bytes_.resize(entries_ * size_);
    if (!source_.read_exactly(bytes_.data(), bytes_.size()))
      throw input_error(source_.path() + ": ends inside sample " + std::to_string(taken_) + " of " + std::to_string(header_.shape[0]) +
                        "; fetch the file again.");
    sample.decimals.clear();
    if (size_ == 1 && header_.type[1] == 'u') {
      sample.reals.clear();
      sample.pixels.assign(bytes_.begin(), bytes_.end());
    } else {
      sample.pixels.clear();
      sample.reals.resize(entries_);
      for (std::size_t i = 0; i < entries_; ++i) {
        double value = 0;
        const bool fits = npy_value(header_.type, bytes_.data() + i * size_, value);
        if (!fits || !std::isfinite(value))
          throw input_error(source_.path() + ": entry " + std::to_string(i) + " of sample " + std::to_string(taken_) +
                            (!fits               ? " is an integer of 2^53 or more"
                             : std::isnan(value) ? " is NaN"
                                                 : " is infinite") +
                            ", and such a sample has no radius; remove it.");
        sample.reals[i] = value;
      }
    }
    ++taken_;
    return true;
  }

  [[nodiscard]] SampleShape shape() const override { return shape_; }
  [[nodiscard]] std::vector<DataFile> files() override { return {describe(source_, "samples")}; }
  [[nodiscard]] bool labelled() const override { return false; }

 private:
  ByteSource source_;
  NpyHeader header_;
  SampleShape shape_;
  std::size_t size_ = 0;
  std::size_t entries_ = 0;
  std::uint64_t taken_ = 0;
  std::vector<unsigned char> bytes_;
};

}  // namespace

NpyHeader read_npy_header(ByteSource& source) {
  std::array<unsigned char, 8> magic{};
  if (!source.read_exactly(magic.data(), magic.size()) || std::string(magic.begin(), magic.begin() + 6) != "\x93NUMPY" || magic[6] < 1 ||
      magic[6] > 3)
    throw input_error(source.path() + ": is not an NPY file of version 1, 2 or 3; save it with numpy.save.");
  std::array<unsigned char, 4> length{};
  if (!source.read_exactly(length.data(), magic[6] == 1 ? 2 : 4))
    throw input_error(source.path() + ": ends inside its header; fetch the file again.");
  const std::size_t bytes = length[0] | (std::size_t{length[1]} << 8) | (std::size_t{length[2]} << 16) | (std::size_t{length[3]} << 24);
  if (bytes > 65536) throw input_error(source.path() + ": its NPY header is longer than 65536 bytes; save the array again.");
  std::string text(bytes, '\0');
  if (!source.read_exactly(text.data(), bytes)) throw input_error(source.path() + ": ends inside its header; fetch the file again.");
  return Header(source.path(), text).read();
}

std::size_t npy_size(const std::string& type) {
  if (type.size() != 3 || (type[0] != '<' && type[0] != '>' && type[0] != '|')) return 0;
  const std::string kind = type.substr(1);
  if (kind == "u1" || kind == "i1") return 1;
  if (type[0] == '|') return 0;
  if (kind == "u2" || kind == "i2" || kind == "f2") return 2;
  if (kind == "u4" || kind == "i4" || kind == "f4") return 4;
  if (kind == "i8" || kind == "f8") return 8;
  return 0;
}

bool npy_value(const std::string& type, const unsigned char* bytes, double& value) {
  const std::size_t size = npy_size(type);
  std::uint64_t bits = 0;
  for (std::size_t i = 0; i < size; ++i) bits |= std::uint64_t{bytes[type[0] == '>' ? size - 1 - i : i]} << (8 * i);
  if (type[1] == 'f') {
    value = size == 2   ? half(bits)
            : size == 4 ? static_cast<double>(std::bit_cast<float>(static_cast<std::uint32_t>(bits)))
                        : std::bit_cast<double>(bits);
    return true;
  }
  auto integer = static_cast<std::int64_t>(bits);
  if (type[1] == 'i' && size < 8 && (bits >> (8 * size - 1)) != 0) integer -= std::int64_t{1} << (8 * size);
  constexpr std::int64_t limit = std::int64_t{1} << 53;
  if (integer <= -limit || integer >= limit) return false;
  value = static_cast<double>(integer);
  return true;
}

std::unique_ptr<SampleReader::Format> read_npy(const std::string& path) {
  return std::make_unique<NpyReader>(path);
}

}  // namespace lipcert
