// One class for each format of data.hpp, in a file of its own; labels come from the same file or from a reader of their own.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "verifier/base/bytes.hpp"
#include "verifier/base/failure.hpp"
#include "verifier/samples/byte_stream.hpp"
#include "verifier/samples/data.hpp"

namespace lipverify {

[[nodiscard]] inline bool is_digit(char c) { return c >= '0' && c <= '9'; }
[[nodiscard]] std::size_t leading_digits(std::string_view text);
/// The integer that a number is: a label.
[[nodiscard]] std::int64_t integral(const DataNumber& value, const std::string& name);
/// The digest of what was read, to the end.
[[nodiscard]] DataFile file_of(ByteStream& stream, const std::string& role);

/// Type and shape of an array in a file, and its elements as exact numbers.
struct ArrayHeader {
  char kind = 'u';        // u, i or f (IEEE)
  std::size_t width = 1;  // bytes of an element
  bool big_endian = false;
  std::vector<std::uint64_t> shape;
};
[[nodiscard]] ArrayHeader read_idx_header(ByteStream& stream);
/// The Python dictionary of an NPY header: keys descr, fortran_order and shape, each once.
[[nodiscard]] ArrayHeader read_npy_header(ByteStream& stream);
/// The exact value of one element; the bits of a binary floating-point number are sign, exponent and fraction of IEEE 754.
[[nodiscard]] DataNumber element(const ArrayHeader& header, const char* at, const std::string& name);

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
      if (line.size() == std::size_t{1} << 26) unreadable(place() + " has more than 2^26 bytes");
      line.push_back(c);
    }
    if (!line.empty() && line.back() == '\r') line.pop_back();
    if (!line.empty()) return true;
    bool returned = false;  // a line ends with at most one carriage return
    while (stream_.read(&c, 1) == 1) {
      if (c != '\n' && (c != '\r' || returned)) unreadable(place() + " is empty; remove it");
      returned = c == '\r';
    }
    return false;
  }

  ByteStream stream_;
  bool header_allowed_;
  std::uint64_t number_ = 0;  // of the line
  std::size_t fields_ = 0;    // of the first line
};

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
    const bool column = npy && header_.shape.size() == 2 && header_.shape[1] == 1;
    if ((header_.shape.size() != 1 && !column) || header_.kind == 'f') unreadable(stream->name() + " is not a list of integers");
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

[[nodiscard]] std::unique_ptr<DataSet> open_array(const DataSource& source, bool idx);  // else NPY
[[nodiscard]] std::unique_ptr<DataSet> open_csv(const DataSource& source);
[[nodiscard]] std::unique_ptr<DataSet> open_image_folder(const DataSource& source);
[[nodiscard]] DataFile digest_folder(const std::string& folder);

}  // namespace lipverify
