// See data.hpp. One class for each format; labels come from the same file or from a reader of their own.
#include "verifier/samples/data.hpp"

#include <dirent.h>
#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <limits>

#include "verifier/samples/byte_stream.hpp"
#include "verifier/base/bytes.hpp"
#include "verifier/base/failure.hpp"

namespace lipverify {

namespace mp = boost::multiprecision;

namespace {

constexpr std::uint64_t kMaxEntries = std::uint64_t{1} << 28;
constexpr std::size_t kMaxLine = std::size_t{1} << 26;
constexpr std::uint64_t kMaxImage = std::uint64_t{1} << 26;  // bytes of a PNG file

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

std::size_t leading_digits(std::string_view text) {
  std::size_t n = 0;
  while (n < text.size() && is_digit(text[n])) ++n;
  return n;
}

Integer integer_of_digits(std::string_view digits) {
  if (digits.size() <= 18) {
    std::int64_t value = 0;
    for (const char c : digits) value = 10 * value + (c - '0');
    return Integer(value);
  }
  const std::size_t first = digits.find_first_not_of('0');  // the library would read a leading zero as octal
  return first == std::string_view::npos ? Integer(0) : Integer(std::string(digits.substr(first)));
}

}  // namespace

Rational rational_of(const DataNumber& value) {
  const auto ten = static_cast<unsigned>(value.ten < 0 ? -value.ten : value.ten);
  const Rational power = value.ten < 0 ? Rational(Integer(1), mp::pow(Integer(10), ten)) : Rational(mp::pow(Integer(10), ten));
  return scaled(value.mantissa, value.two) * power;
}

std::optional<DataNumber> parse_number(std::string_view text) {
  if (text.size() > 1100) return std::nullopt;
  std::string_view rest = text;
  const bool negative = !rest.empty() && rest[0] == '-';
  if (!rest.empty() && (rest[0] == '-' || rest[0] == '+')) rest.remove_prefix(1);
  const std::size_t whole = leading_digits(rest);
  std::string digits(rest.substr(0, whole));
  rest.remove_prefix(whole);
  DataNumber value;
  if (!rest.empty() && rest[0] == '.') {
    const std::size_t part = leading_digits(rest.substr(1));
    digits += rest.substr(1, part);
    value.ten = -static_cast<std::int32_t>(part);
    rest.remove_prefix(1 + part);
  }
  if (digits.empty()) return std::nullopt;
  if (!rest.empty()) {
    if (rest[0] != 'e' && rest[0] != 'E') return std::nullopt;
    rest.remove_prefix(1);
    const bool down = !rest.empty() && rest[0] == '-';
    if (!rest.empty() && (rest[0] == '-' || rest[0] == '+')) rest.remove_prefix(1);
    if (rest.empty() || leading_digits(rest) != rest.size()) return std::nullopt;
    std::int32_t power = 0;
    for (const char c : rest) {
      power = 10 * power + (c - '0');
      if (power > 400) return std::nullopt;
    }
    value.ten += down ? -power : power;
  }
  value.mantissa = integer_of_digits(digits);
  if (negative) value.mantissa = -value.mantissa;
  return value;
}

std::optional<Rational> parse_ratio(std::string_view text) {
  const std::size_t slash = text.find('/');
  if (slash == std::string_view::npos) {
    const std::optional<DataNumber> value = parse_number(text);
    return value ? std::optional<Rational>(rational_of(*value)) : std::nullopt;
  }
  const bool negative = text[0] == '-';
  const std::string_view numerator = text.substr(negative ? 1 : 0, slash - (negative ? 1 : 0));
  const std::string_view denominator = text.substr(slash + 1);
  if (text.size() > 1100 || numerator.empty() || denominator.empty() || leading_digits(numerator) != numerator.size() ||
      leading_digits(denominator) != denominator.size())
    return std::nullopt;
  const Integer n = integer_of_digits(numerator);
  const Integer d = integer_of_digits(denominator);
  if (d == 0) return std::nullopt;
  return Rational(negative ? Integer(-n) : n, d);
}

std::optional<DataFormat> data_format(std::string_view name) {
  if (name == "idx") return DataFormat::idx;
  if (name == "csv") return DataFormat::csv;
  if (name == "npy") return DataFormat::npy;
  if (name == "cifar10") return DataFormat::cifar10;
  if (name == "png-folder") return DataFormat::png_folder;
  return std::nullopt;
}

namespace {

DataFile file_of(ByteStream& stream, const std::string& role) {
  stream.finish();
  return {role, stream.bytes(), stream.sha256()};
}

// ------------------------------------------------------------------------------------------------------------------------------ arrays

/// Type and shape of an array in a file, and its elements as exact numbers.
struct ArrayHeader {
  char kind = 'u';        // u, i or f (IEEE)
  std::size_t width = 1;  // bytes of an element
  bool big_endian = false;
  std::vector<std::uint64_t> shape;
};

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
        unreadable(stream.name() + " has elements of type '" + printable(type) +
                   "', which is not read; convert it to float32, float64 or integers");
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

/// The integer that a number is.
std::int64_t integral(const DataNumber& value, const std::string& name) {
  const Rational exact = rational_of(value);
  if (mp::denominator(exact) != 1 || exact < -1 || exact > 2147483647)
    unreadable(name + " holds a label that is not an integer from 0 (with one output: -1) to 2147483647");
  return static_cast<std::int64_t>(mp::numerator(exact));
}

// -------------------------------------------------------------------------------------------------------------------------- text lines

/// Lines of numbers; the first may be a header.
class NumberLines {
 public:
  NumberLines(const std::string& path, const std::string& what, bool header_allowed)
      : stream_(path, what, ByteStream::Gzip::refused), header_allowed_(header_allowed) {
    if (stream_.peek(0) == 0xEF && stream_.peek(1) == 0xBB && stream_.peek(2) == 0xBF)
      unreadable(stream_.name() + " starts with a byte order mark; save it as plain text");
  }

  ByteStream& stream() { return stream_; }

  /// The numbers of the next line, false at the end.
  bool next(std::vector<DataNumber>& numbers) {
    std::string line;
    while (read_line(line)) {
      numbers.clear();
      std::size_t fields = 0;
      std::optional<std::string> no_number;  // the first field that is none
      bool broken = !header_allowed_ || number_ != 1, name = false;
      std::string_view rest = line;
      for (bool more = true; more; ++fields) {
        const std::size_t comma = rest.find(',');
        more = comma != std::string_view::npos;
        const std::string_view field = trimmed(rest.substr(0, comma));
        if (more) rest.remove_prefix(comma + 1);
        if (const std::optional<DataNumber> value = parse_number(field)) {
          numbers.push_back(*value);
          continue;
        }
        if (!no_number || looks_broken(field)) no_number = field;
        broken = broken || looks_broken(field);
        name = name || !field.empty();
      }
      if (fields_ == 0) fields_ = fields;
      if (no_number && (broken || !name))
        unreadable(place() + ": '" + printable(*no_number) + "' is not a finite decimal number; mend or remove that line");
      if (fields != fields_)
        unreadable(place() + " has " + std::to_string(fields) + " fields, the first one has " + std::to_string(fields_));
      if (!no_number) return true;
    }
    return false;
  }

  [[nodiscard]] std::string place() const { return stream_.name() + ", line " + std::to_string(number_); }

 private:
  static std::string_view trimmed(std::string_view field) {
    while (!field.empty() && (field.front() == ' ' || field.front() == '\t')) field.remove_prefix(1);
    while (!field.empty() && (field.back() == ' ' || field.back() == '\t')) field.remove_suffix(1);
    return field;
  }

  /// The beginning of a number, or what is not finite: a broken sample must not pass for a header.
  static bool looks_broken(std::string_view field) {
    if (field.empty()) return false;
    if (is_digit(field[0]) || field[0] == '+' || field[0] == '-' || field[0] == '.') return true;
    std::string small(field);
    for (char& c : small) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    return small == "nan" || small == "inf" || small == "infinity";
  }

  /// The next line without its end; empty lines only before the end of the file.
  bool read_line(std::string& line) {
    if (stream_.peek() < 0) return false;
    ++number_;
    line.clear();
    char c = 0;
    while (stream_.read(&c, 1) == 1 && c != '\n') {
      if (line.size() == kMaxLine) unreadable(place() + " has more than 2^26 bytes");
      line.push_back(c);
    }
    if (!line.empty() && line.back() == '\r') line.pop_back();
    if (!line.empty()) return true;
    while (stream_.read(&c, 1) == 1)
      if (c != '\n' && c != '\r') unreadable(place() + " is empty; remove it");
    return false;
  }

  ByteStream stream_;
  bool header_allowed_;
  std::uint64_t number_ = 0;  // of the line
  std::size_t fields_ = 0;    // of the first line
};

// ------------------------------------------------------------------------------------------------------------------------------ labels

/// A file of labels: IDX, NPY or text, known by its first bytes.
class Labels {
 public:
  explicit Labels(const std::string& path) {
    auto stream = std::make_unique<ByteStream>(path, "label file", ByteStream::Gzip::allowed);
    const bool idx = stream->peek(0) == 0 && stream->peek(1) == 0;
    const bool npy = stream->peek(0) == 0x93 && stream->peek(1) == 'N';
    if (stream->compressed() && !idx)
      unreadable(stream->name() + " is compressed with gzip, which only IDX labels may be; unpack it with gunzip");
    if (!idx && !npy) {
      text_ = std::make_unique<NumberLines>(path, "label file", false);
      return;
    }
    header_ = idx ? read_idx_header(*stream) : read_npy_header(*stream);
    if (header_.shape.size() != 1 || header_.kind == 'f') unreadable(stream->name() + " is not a list of integers");
    array_ = std::move(stream);
  }

  std::optional<std::int64_t> next() {
    std::vector<DataNumber> line;
    if (text_) {
      if (!text_->next(line)) return std::nullopt;
      if (line.size() != 1) unreadable(text_->place() + " has " + std::to_string(line.size()) + " numbers; a label file has one in a line");
      return integral(line[0], text_->place());
    }
    if (taken_ == header_.shape[0]) {
      array_->require_end();
      return std::nullopt;
    }
    ++taken_;
    std::array<char, 8> bytes{};
    array_->read_all(bytes.data(), header_.width, "the labels");
    return integral(element(header_, bytes.data(), array_->name()), array_->name());
  }

  DataFile file() { return file_of(text_ ? text_->stream() : *array_, "labels"); }
  [[nodiscard]] const std::string& name() { return text_ ? text_->stream().name() : array_->name(); }

 private:
  std::unique_ptr<ByteStream> array_;
  ArrayHeader header_;
  std::uint64_t taken_ = 0;
  std::unique_ptr<NumberLines> text_;
};

// ----------------------------------------------------------------------------------------------------------------------------- formats

/// A format that is one file of samples, with labels in it or in another file.
class OneFile : public DataSet {
 public:
  explicit OneFile(const DataSource& source) {
    if (source.labels) labels_ = std::make_unique<Labels>(*source.labels);
    labelled_ = labels_ != nullptr;
  }

  bool next(Sample& sample) final {
    sample.label.reset();
    const bool more = read(sample);
    if (labels_) {
      const std::optional<std::int64_t> label = labels_->next();
      if (label.has_value() != more)
        unreadable(labels_->name() + " has " + (more ? "fewer" : "more") +
                   " labels than the data has samples; they do not belong together");
      sample.label = label;
    }
    if (more) ++count_;
    return more;
  }

  std::vector<DataFile> files() final {
    std::vector<DataFile> list{file_of(stream(), "samples")};
    if (labels_) list.push_back(labels_->file());
    return list;
  }

 protected:
  virtual bool read(Sample& sample) = 0;  // everything but the label of a label file
  virtual ByteStream& stream() = 0;

 private:
  std::unique_ptr<Labels> labels_;
};

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

class Cifar10File final : public OneFile {
 public:
  explicit Cifar10File(const DataSource& source) : OneFile(source), stream_(source.path, "data file", ByteStream::Gzip::allowed) {
    if (source.labels) unreadable("a CIFAR-10 file holds its own labels; leave the label file out");
    shape_ = {true, 3, 32, 32};
    labelled_ = true;
  }

 private:
  bool read(Sample& sample) override {
    if (stream_.peek() < 0) return false;
    std::array<char, 3073> record{};
    stream_.read_all(record.data(), record.size(), "record " + std::to_string(count_) + " of 3073 bytes");
    if (record[0] < 0 || record[0] > 9)
      unreadable(stream_.name() + ", record " + std::to_string(count_) +
                 ": the label is not 0 to 9; this is not the binary version of CIFAR-10");
    sample.label = record[0];
    sample.numbers.clear();
    sample.pixels.assign(record.begin() + 1, record.end());
    return true;
  }
  ByteStream& stream() override { return stream_; }

  ByteStream stream_;
};

class CsvFile final : public OneFile {
 public:
  explicit CsvFile(const DataSource& source) : OneFile(source), lines_(source.path, "data file", true), label_column_(source.label_column) {
    if (label_column_ && source.labels) unreadable("labels are given twice, by a label file and by a column; leave one out");
    labelled_ = labelled_ || label_column_.has_value();
    have_first_ = lines_.next(first_);
    if (!have_first_) unreadable(lines_.stream().name() + " holds no samples");
    columns_ = first_.size();
    if (label_column_ && *label_column_ >= columns_)
      unreadable(lines_.stream().name() + " has " + std::to_string(columns_) + " columns, so none with the number " +
                 std::to_string(*label_column_) + " for the label");
    shape_ = {false, columns_ - (label_column_ ? 1 : 0), 1, 1};
    if (shape_.channels == 0) unreadable(lines_.stream().name() + " has no column beside the label");
  }

 private:
  bool read(Sample& sample) override {
    sample.pixels.clear();
    if (have_first_) {
      sample.numbers = std::move(first_);
      have_first_ = false;
    } else if (!lines_.next(sample.numbers)) {
      return false;
    }
    if (sample.numbers.size() != columns_)
      unreadable(lines_.place() + " has " + std::to_string(sample.numbers.size()) + " numbers, the first one has " +
                 std::to_string(columns_));
    if (label_column_) {
      const auto at = sample.numbers.begin() + static_cast<std::ptrdiff_t>(*label_column_);
      sample.label = integral(*at, lines_.place());
      sample.numbers.erase(at);
    }
    return true;
  }
  ByteStream& stream() override { return lines_.stream(); }

  NumberLines lines_;
  std::optional<std::uint64_t> label_column_;
  std::vector<DataNumber> first_;
  bool have_first_ = false;
  std::size_t columns_ = 0;
};

/// Names in a folder, sorted bytewise, without those that start with a dot.
std::vector<std::string> names_in(const std::string& folder) {
  struct Folder {
    DIR* handle;
    ~Folder() {
      if (handle != nullptr) ::closedir(handle);
    }
  };
  const Folder opened{::opendir(folder.c_str())};
  if (opened.handle == nullptr)
    unreadable("cannot open the folder '" + printable(folder) + "': " + std::strerror(errno) + "; check the path and its permissions");
  std::vector<std::string> names;
  errno = 0;
  while (const dirent* entry = ::readdir(opened.handle)) {
    const std::string name = static_cast<const char*>(entry->d_name);
    if (name[0] != '.') names.push_back(name);
  }
  if (errno != 0) unreadable("cannot read the folder '" + printable(folder) + "': " + std::strerror(errno));
  std::sort(names.begin(), names.end());
  return names;
}

/// Images of a folder: names `a.png` or `sub-folder/a.png`, sorted bytewise, with the position of the sub-folder.
struct FolderImage {
  std::string name;
  std::int64_t label = 0;
};
struct FolderList {
  bool sub_folders = false;
  std::vector<FolderImage> images;
};

FolderList list_images(const std::string& folder) {
  FolderList list;
  std::vector<std::string> sub_folders;
  const auto add = [&](const std::string& name, std::int64_t label) {
    struct stat status {};
    const std::string path = folder + "/" + name;
    const bool regular = ::stat(path.c_str(), &status) == 0 && S_ISREG(status.st_mode);
    if (!regular || name.size() < 5 || name.substr(name.size() - 4) != ".png" || name.find('\n') != std::string::npos)
      unreadable("'" + printable(path) +
                 "' is not a file with a name in .png; a data folder holds PNG images, or sub-folders of PNG images, and nothing else");
    list.images.push_back({name, label});
  };
  for (const std::string& name : names_in(folder)) {
    struct stat status {};
    if (::stat((folder + "/" + name).c_str(), &status) == 0 && S_ISDIR(status.st_mode))
      sub_folders.push_back(name);
    else
      add(name, 0);
  }
  list.sub_folders = !sub_folders.empty();
  if (list.sub_folders && !list.images.empty())
    unreadable("the folder '" + printable(folder) + "' holds images beside sub-folders; put every image into the sub-folder of its class");
  std::int64_t label = 0;
  for (const std::string& sub_folder : sub_folders) {
    const std::vector<std::string> names = names_in(folder + "/" + sub_folder);
    if (names.empty()) unreadable("the sub-folder '" + printable(sub_folder) + "' holds no images; remove it");
    for (const std::string& name : names) add(sub_folder + "/" + name, label);
    ++label;
  }
  if (list.images.empty()) unreadable("the folder '" + printable(folder) + "' holds no PNG images");
  std::sort(list.images.begin(), list.images.end(), [](const FolderImage& a, const FolderImage& b) { return a.name < b.name; });
  return list;
}

/// Digest of a folder: lines of digests and names in the order of the names.
class FolderDigest {
 public:
  void add(const std::string& name, const std::string& bytes) {
    total_ += bytes.size();
    hash_.update(sha256_hex(bytes) + "  " + name + "\n");
  }
  DataFile file() { return {"folder", total_, hash_.hex_digest()}; }

 private:
  Sha256 hash_;
  std::uint64_t total_ = 0;
};

class PngFolder final : public DataSet {
 public:
  explicit PngFolder(const DataSource& source) : folder_(source.path), list_(list_images(source.path)) {
    if (source.labels) unreadable("a folder of images takes its labels from its sub-folders; leave the label file out");
    labelled_ = list_.sub_folders;
    shape_ = decode(0, false).shape;
  }

  bool next(Sample& sample) override {
    if (count_ == list_.images.size()) return false;
    Image image = decode(count_, true);
    if (image.shape != shape_)
      unreadable("'" + printable(list_.images[count_].name) + "' has another size or number of channels than the images before it");
    sample.pixels = std::move(image.pixels);
    sample.numbers.clear();
    sample.label.reset();
    if (labelled_) sample.label = list_.images[count_].label;
    ++count_;
    return true;
  }

  std::vector<DataFile> files() override { return {digest_.file()}; }

 private:
  Image decode(std::size_t index, bool digest) {
    const std::string& name = list_.images[index].name;
    const std::string bytes = read_file(folder_ + "/" + name, kMaxImage, "image");
    if (digest) digest_.add(name, bytes);
    return decode_png(bytes, "image '" + printable(name) + "'");
  }

  std::string folder_;
  FolderList list_;
  FolderDigest digest_;
};

}  // namespace

std::unique_ptr<DataSet> DataSet::open(const DataSource& source) {
  if (source.label_column && source.format != DataFormat::csv) unreadable("a label column belongs to a CSV file only");
  switch (source.format) {
    case DataFormat::idx:
      return std::make_unique<ArrayFile>(source, true);
    case DataFormat::npy:
      return std::make_unique<ArrayFile>(source, false);
    case DataFormat::csv:
      return std::make_unique<CsvFile>(source);
    case DataFormat::cifar10:
      return std::make_unique<Cifar10File>(source);
    case DataFormat::png_folder:
      return std::make_unique<PngFolder>(source);
  }
  exhausted("a data format without a reader: a fault of the checker");
}

std::vector<DataFile> digest_files(const DataSource& source) {
  if (source.format == DataFormat::png_folder) {
    FolderDigest digest;
    for (const FolderImage& image : list_images(source.path).images)
      digest.add(image.name, read_file(source.path + "/" + image.name, kMaxImage, "image"));
    return {digest.file()};
  }
  const auto digest = [](const std::string& path, const std::string& role) {
    Sha256 hash;
    ByteStream stream(path, role == "labels" ? "label file" : "data file", ByteStream::Gzip::plain);
    stream.finish();
    return DataFile{role, stream.bytes(), stream.sha256()};
  };
  std::vector<DataFile> files{digest(source.path, "samples")};
  if (source.labels) files.push_back(digest(*source.labels, "labels"));
  return files;
}

}  // namespace lipverify
