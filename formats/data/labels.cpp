// Labels from a file of their own: IDX, NPY or one integer in a line.
#include <array>
#include <cmath>

#include "formats/data/readers.hpp"
#include "formats/encoding/error.hpp"

namespace lipcert {

LabelReader::LabelReader(const std::string& path) : source_(path, ByteSource::Gzip::allowed) {
  const std::string_view start = source_.peek(2);
  if (start == std::string_view("\x93N", 2)) {
    kind_ = Kind::npy;
    source_ = ByteSource(path, ByteSource::Gzip::refused);
    const NpyHeader header = read_npy_header(source_);
    if (header.shape.size() != 1 && !(header.shape.size() == 2 && header.shape[1] == 1))
      throw input_error(path + ": labels have one dimension, and these have " + std::to_string(header.shape.size()) +
                        (header.shape.size() == 2 ? "; save one integer for each sample (of one-hot rows: a.argmax(axis=1))."
                                                  : "; save one integer for each sample."));
    if (npy_size(header.type) == 0 || header.type[1] == 'f')
      throw input_error(path + ": labels are integers, and these are of type '" + header.type.substr(0, 20) +
                        "'; convert them with astype(numpy.int64).");
    count_ = header.shape[0];
    type_ = header.type;
  } else if (start == std::string_view("\0\0", 2)) {
    kind_ = Kind::idx;
    const std::vector<std::uint64_t> dimensions = read_idx_header(source_);
    if (dimensions.size() != 1)
      throw input_error(path + ": labels have one dimension, and this file has " + std::to_string(dimensions.size()) +
                        "; these look like samples, give the labels of the data set.");
    count_ = dimensions[0];
  } else {
    source_ = ByteSource(path, ByteSource::Gzip::refused);  // gzip is for IDX only
  }
}

bool LabelReader::next(std::int64_t& label) {
  if (ended_) return false;
  if (kind_ == Kind::csv) {
    std::string line;
    std::vector<std::string> fields;
    if (!read_line(source_, line) || line.empty()) {
      while (read_line(source_, line)) {
        if (!line.empty()) throw input_error(source_.path() + ": an empty line stands between the labels; remove it.");
      }
      ended_ = true;
      return false;
    }
    split_fields(line, fields);
    ++taken_;
    if (fields.size() != 1 || !read_integer(fields[0], label))
      throw input_error(source_.path() + ": line " + std::to_string(taken_) + " is not one integer; a label file has one in a line.");
    return true;
  }
  if (taken_ == count_) {
    if (!source_.peek(1).empty())
      throw input_error(source_.path() + ": goes on after the " + std::to_string(count_) + " labels of its header; fetch the file again.");
    ended_ = true;
    return false;
  }
  std::array<unsigned char, 8> bytes{};
  const std::size_t size = kind_ == Kind::idx ? 1 : npy_size(type_);
  if (!source_.read_exactly(bytes.data(), size))
    throw input_error(source_.path() + ": ends after " + std::to_string(taken_) + " of " + std::to_string(count_) +
                      " labels; fetch the file again.");
  double value = bytes[0];
  if (kind_ == Kind::npy && !npy_value(type_, bytes.data(), value))
    throw input_error(source_.path() + ": label " + std::to_string(taken_) + " is 2^53 or more in magnitude; labels are small integers.");
  label = static_cast<std::int64_t>(value);
  ++taken_;
  return true;
}

DataFile LabelReader::file() {
  return describe(source_, "labels");
}

}  // namespace lipcert
