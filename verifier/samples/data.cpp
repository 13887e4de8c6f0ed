// See data.hpp: numbers, CIFAR-10, and the choice among the formats.
#include "verifier/samples/data.hpp"

#include <array>

#include "verifier/samples/data_formats.hpp"

namespace lipverify {

// ---------------------------------------------------------------------------------------------------- decimal numbers, exactly

namespace mp = boost::multiprecision;

namespace {

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

std::size_t leading_digits(std::string_view text) {
  std::size_t n = 0;
  while (n < text.size() && is_digit(text[n])) ++n;
  return n;
}

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

/// The integer that a number is.
std::int64_t integral(const DataNumber& value, const std::string& name) {
  const Rational exact = rational_of(value);
  if (mp::denominator(exact) != 1 || exact < -1 || exact > 2147483647)
    unreadable(name + " holds a label that is not an integer from 0 (with one output: -1) to 2147483647");
  return static_cast<std::int64_t>(mp::numerator(exact));
}

// ---------------------------------------------------------------------------------------------------------------------- formats

std::optional<DataFormat> data_format(std::string_view name) {
  if (name == "idx") return DataFormat::idx;
  if (name == "csv") return DataFormat::csv;
  if (name == "npy") return DataFormat::npy;
  if (name == "cifar10") return DataFormat::cifar10;
  if (name == "png-folder") return DataFormat::png_folder;
  return std::nullopt;
}

DataFile file_of(ByteStream& stream, const std::string& role) {
  stream.finish();
  return {role, stream.bytes(), stream.sha256()};
}

namespace {

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
      unreadable(stream_.name() + ", record " + std::to_string(count_) + ": the label is not 0 to 9; this is not the binary version of CIFAR-10");
    sample.label = record[0];
    sample.numbers.clear();
    sample.pixels.assign(record.begin() + 1, record.end());
    return true;
  }
  ByteStream& stream() override { return stream_; }

  ByteStream stream_;
};

}  // namespace

std::unique_ptr<DataSet> DataSet::open(const DataSource& source) {
  if (source.label_column && source.format != DataFormat::csv) unreadable("a label column belongs to a CSV file only");
  switch (source.format) {
    case DataFormat::idx: return open_array(source, true);
    case DataFormat::npy: return open_array(source, false);
    case DataFormat::csv: return open_csv(source);
    case DataFormat::cifar10: return std::make_unique<Cifar10File>(source);
    case DataFormat::png_folder: return open_image_folder(source);
  }
  exhausted("a data format without a reader: a fault of the checker");
}

std::vector<DataFile> digest_files(const DataSource& source) {
  if (source.format == DataFormat::png_folder) return {digest_folder(source.path)};
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
