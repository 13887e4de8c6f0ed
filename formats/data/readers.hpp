// The readers behind SampleReader, one per format. Each throws `Error` (input) with file, place, reason and remedy.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "formats/data/byte_source.hpp"
#include "formats/data/data_set.hpp"

namespace lipcert {

/// Labels from a file of their own, one after the other.
class LabelReader {
 public:
  explicit LabelReader(const std::string& path);
  /// The next label, or false at the end.
  [[nodiscard]] bool next(std::int64_t& label);
  [[nodiscard]] DataFile file();  // reads what is left
  [[nodiscard]] const std::string& path() const { return source_.path(); }

 private:
  enum class Kind { idx, npy, csv };
  ByteSource source_;
  Kind kind_ = Kind::csv;
  std::string type_;  // of an NPY file, see npy.cpp
  std::uint64_t count_ = 0;
  std::uint64_t taken_ = 0;
  bool ended_ = false;
};

[[nodiscard]] std::unique_ptr<SampleReader::Format> read_idx(const std::string& path);
[[nodiscard]] std::unique_ptr<SampleReader::Format> read_csv(const std::string& path, std::optional<std::int64_t> label_column);
[[nodiscard]] std::unique_ptr<SampleReader::Format> read_npy(const std::string& path);
[[nodiscard]] std::unique_ptr<SampleReader::Format> read_cifar10(const std::string& path);
[[nodiscard]] std::unique_ptr<SampleReader::Format> read_png_folder(const std::string& path);

/// Most entries of one sample, as of one tensor (formats/onnx.md).
inline constexpr std::uint64_t largest_sample = std::uint64_t{1} << 28;

/// Product of dimensions; throws when a dimension is zero or the product is above `largest_sample`.
[[nodiscard]] std::uint64_t sample_entries(const std::string& path, const std::vector<std::uint64_t>& dimensions);

/// The header of an IDX file of unsigned bytes.
[[nodiscard]] std::vector<std::uint64_t> read_idx_header(ByteSource& source);

/// One line without its end and without a carriage return before it; false at the end of the file.
[[nodiscard]] bool read_line(ByteSource& source, std::string& line);
/// Fields of a line, without spaces and tabs around them.
void split_fields(const std::string& line, std::vector<std::string>& fields);
/// An integer as labels are: [-+]digits, also 3.0.
[[nodiscard]] bool read_integer(const std::string& text, std::int64_t& value);

struct NpyHeader {
  std::string type;  // such as "<f4"
  std::vector<std::uint64_t> shape;
};
[[nodiscard]] NpyHeader read_npy_header(ByteSource& source);
[[nodiscard]] std::size_t npy_size(const std::string& type);
/// One element as an exact double; false for an integer of magnitude 2^53 or more. Not finite values are passed on.
[[nodiscard]] bool npy_value(const std::string& type, const unsigned char* bytes, double& value);

[[nodiscard]] DataFile describe(ByteSource& source, const std::string& role);  // reads what is left

}  // namespace lipcert
