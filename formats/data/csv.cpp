// CSV: one sample in a line, numbers separated by commas, every number the exact decimal that is written.
#include <algorithm>

#include "formats/data/rational.hpp"
#include "formats/data/readers.hpp"
#include "formats/encoding/error.hpp"

namespace lipcert {

bool read_line(ByteSource& source, std::string& line) {
  constexpr std::size_t longest_line = std::size_t{1} << 26;  // that of lipverify
  line.clear();
  bool any = false;
  for (;;) {
    const std::string_view ahead = source.peek(4096);
    if (ahead.empty()) break;
    any = true;
    const std::size_t end = ahead.find('\n');
    const std::size_t take = end == std::string_view::npos ? ahead.size() : end;
    line.append(ahead.substr(0, take));
    if (line.size() > longest_line)
      throw input_error(source.path() + ": has a line of more than 2^26 bytes, and lipverify reads no longer one; store the samples as an NPY array.");
    std::string skipped(end == std::string_view::npos ? take : take + 1, '\0');
    if (!source.read_exactly(skipped.data(), skipped.size())) break;
    if (end != std::string_view::npos) break;
  }
  if (!line.empty() && line.back() == '\r') line.pop_back();
  return any;
}

void split_fields(const std::string& line, std::vector<std::string>& fields) {
  std::size_t count = 0;
  for (std::size_t start = 0;;) {
    const std::size_t comma = std::min(line.find(',', start), line.size());
    std::size_t first = start;
    std::size_t last = comma;
    while (first < last && (line[first] == ' ' || line[first] == '\t')) ++first;
    while (first < last && (line[last - 1] == ' ' || line[last - 1] == '\t')) --last;
    if (count == fields.size()) fields.emplace_back();
    fields[count++].assign(line, first, last - first);
    if (comma == line.size()) break;
    start = comma + 1;
  }
  fields.resize(count);
}

bool read_integer(const std::string& text, std::int64_t& value) {
  Rational number;
  if (!Rational::read_decimal(text, number)) return false;
  const double nearest = number.rounded_down();
  if (!(nearest > -0x1p53 && nearest < 0x1p53)) return false;
  value = static_cast<std::int64_t>(nearest);
  return Rational(value) == number;
}

namespace {

std::string lower_case(std::string text) {
  for (char& c : text) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return text;
}

/// A spelling of NaN or infinity.
bool is_not_finite(const std::string& field) {
  std::string word = lower_case(field);
  if (!word.empty() && (word[0] == '+' || word[0] == '-')) word.erase(0, 1);
  return word == "nan" || word == "inf" || word == "infinity";
}

/// A field that no column is called: the beginning of a number. A sample in which something is wrong must never pass for a header.
bool is_broken_number(const std::string& field) {
  return !field.empty() &&
         ((field[0] >= '0' && field[0] <= '9') || field[0] == '+' || field[0] == '-' || field[0] == '.' || is_not_finite(field));
}

class CsvReader final : public SampleReader::Format {
 public:
  CsvReader(const std::string& path, std::optional<std::int64_t> label_column) : source_(path, ByteSource::Gzip::refused) {
    if (!next_line()) return;
    split_fields(line_, fields_);
    width_ = fields_.size();
    Rational scratch;
    if (!std::all_of(fields_.begin(), fields_.end(), [&](const std::string& field) { return Rational::read_decimal(field, scratch); })) {
      if (line_.rfind("\xef\xbb\xbf", 0) == 0)
        throw input_error(path + ": starts with a byte order mark; save it as plain UTF-8 without one.");
      const auto is_number = [&](const std::string& field) { return Rational::read_decimal(field, scratch); };
      if (std::any_of(fields_.begin(), fields_.end(),
                      [&](const std::string& field) { return !is_number(field) && is_broken_number(field); }) ||
          std::all_of(fields_.begin(), fields_.end(), [&](const std::string& field) { return field.empty() || is_number(field); }))
        throw bad_field();
    } else {
      have_line_ = true;
    }
    if (label_column) {
      const auto width = static_cast<std::int64_t>(width_);
      const std::int64_t column = *label_column < 0 ? *label_column + width : *label_column;
      if (column < 0 || column >= width)
        throw Error(ExitCode::usage,
                    "--label-column " + std::to_string(*label_column) + ": " + path + " has only " + std::to_string(width_) + " columns.");
      label_column_ = static_cast<std::uint64_t>(column);
    }
    const std::uint64_t columns = width_ - (label_column_ ? 1 : 0);
    if (columns == 0) throw input_error(path + ": has no column besides the labels.");
    shape_.channels = sample_entries(path, {columns});
  }

  bool next(Sample& sample) override {
    if (!have_line_) {
      if (!next_line()) return false;
      split_fields(line_, fields_);
    }
    have_line_ = false;
    if (line_.empty()) {  // only at the end
      while (next_line()) {
        if (!line_.empty())
          throw input_error(source_.path() + ": an empty line stands before line " + std::to_string(number_) + "; remove it.");
      }
      return false;
    }
    if (fields_.size() != width_)
      throw input_error(source_.path() + ": line " + std::to_string(number_) + " has " + std::to_string(fields_.size()) +
                        " fields, the first one has " + std::to_string(width_) + ".");
    Rational scratch;
    for (const std::string& field : fields_) {
      if (!Rational::read_decimal(field, scratch)) throw bad_field();
    }
    sample.pixels.clear();
    sample.reals.clear();
    if (label_column_) {
      std::int64_t label = 0;
      if (!read_integer(fields_[*label_column_], label))
        throw input_error(source_.path() + ": the label in line " + std::to_string(number_) + ", '" +
                          fields_[*label_column_].substr(0, 40) + "', is no integer; check --label-column.");
      sample.label = label;
      fields_.erase(fields_.begin() + static_cast<std::ptrdiff_t>(*label_column_));
    }
    sample.decimals.swap(fields_);
    return true;
  }

  [[nodiscard]] SampleShape shape() const override { return shape_; }
  [[nodiscard]] std::vector<DataFile> files() override { return {describe(source_, "samples")}; }
  [[nodiscard]] bool labelled() const override { return label_column_.has_value(); }
  [[nodiscard]] std::optional<std::uint64_t> label_column() const override { return label_column_; }

 private:
  bool next_line() {
    ++number_;
    return read_line(source_, line_);
  }

  /// The first field of the current line that is no number.
  [[nodiscard]] Error bad_field() const {
    Rational scratch;
    for (std::size_t i = 0; i < fields_.size(); ++i) {
      if (Rational::read_decimal(fields_[i], scratch)) continue;
      std::string shown = fields_[i].substr(0, 40);
      for (char& c : shown) {
        if (static_cast<unsigned char>(c) < 0x20 || static_cast<unsigned char>(c) > 0x7e) c = '?';
      }
      return input_error(source_.path() + ": field " + std::to_string(i) + " of line " + std::to_string(number_) +
                         (shown.empty() ? std::string(" is empty") : " is '" + shown + "'") +
                         (is_not_finite(fields_[i]) ? ", and a sample that is not finite has no radius; remove the sample."
                                                    : ", not a number; separate numbers by commas."));
    }
    return input_error(source_.path() + ": line " + std::to_string(number_) + " cannot be read.");
  }

  ByteSource source_;
  SampleShape shape_;
  std::string line_;
  std::vector<std::string> fields_;
  std::size_t width_ = 0;
  std::uint64_t number_ = 0;
  std::optional<std::uint64_t> label_column_;
  bool have_line_ = false;
};

}  // namespace

std::unique_ptr<SampleReader::Format> read_csv(const std::string& path, std::optional<std::int64_t> label_column) {
  return std::make_unique<CsvReader>(path, label_column);
}

}  // namespace lipcert
