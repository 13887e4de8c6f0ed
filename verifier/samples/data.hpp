// Data sets, read sample by sample: exact numbers and integer labels from IDX, CSV, NPY, CIFAR-10 and folders of PNG images, by the rules
// of formats/SPEC.md, section 8. Nothing is rounded here; memory does not grow with the number of samples. A malformed file is a Failure
// (input).
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "verifier/base/numbers.hpp"

namespace lipverify {

/// mantissa * 2^two * 10^ten, exactly.
struct DataNumber {
  Integer mantissa = 0;
  std::int32_t two = 0;
  std::int32_t ten = 0;
};

[[nodiscard]] Rational rational_of(const DataNumber& value);

/// [+-][digits][.[digits]][e|E[+-]digits] with at least one digit before the exponent, at most 1100 characters, exponent at most 400 in
/// magnitude.
[[nodiscard]] std::optional<DataNumber> parse_number(std::string_view text);
/// A number as above, or a fraction of decimal integers, [-]n/d with d > 0.
[[nodiscard]] std::optional<Rational> parse_ratio(std::string_view text);

/// A file that belongs to a data set, as it lies on disk (a folder: sum of bytes and digest of the list of digests).
struct DataFile {
  std::string role;  // "samples", "labels" or "folder"
  std::uint64_t bytes = 0;
  std::string sha256;
};

/// Shape of one sample in the file's order. Rows of numbers have channels = number of entries, and rows = columns = 1.
struct SampleShape {
  bool image = false;
  std::uint64_t channels = 0, rows = 1, columns = 1;
  [[nodiscard]] std::uint64_t entries() const { return channels * rows * columns; }
  bool operator==(const SampleShape&) const = default;
};

/// One sample: either bytes (pixels) or numbers, in the file's order (images: channel, row, column).
struct Sample {
  std::vector<std::uint8_t> pixels;
  std::vector<DataNumber> numbers;
  std::optional<std::int64_t> label;
};

enum class DataFormat { idx, csv, npy, cifar10, png_folder };
[[nodiscard]] std::optional<DataFormat> data_format(std::string_view name);  // as the certificate spells it

struct DataSource {
  DataFormat format = DataFormat::idx;
  std::string path;                           // file, or folder of images
  std::optional<std::string> labels;          // a label file of its own
  std::optional<std::uint64_t> label_column;  // csv
};

class DataSet {
 public:
  virtual ~DataSet() = default;
  /// Opens the files and reads their headers.
  [[nodiscard]] static std::unique_ptr<DataSet> open(const DataSource& source);

  [[nodiscard]] const SampleShape& shape() const { return shape_; }
  [[nodiscard]] bool labelled() const { return labelled_; }
  /// The next sample in the order of the file, false after the last one. Lengths of labels and samples are compared at the end.
  [[nodiscard]] virtual bool next(Sample& sample) = 0;
  /// Samples so far: after `next` returned false, the number in the file.
  [[nodiscard]] std::uint64_t count() const { return count_; }
  /// After `next` returned false: the files with the digests of the bytes that were read.
  [[nodiscard]] virtual std::vector<DataFile> files() = 0;

 protected:
  SampleShape shape_;
  bool labelled_ = false;
  std::uint64_t count_ = 0;
};

/// The files of a data set with their digests, without looking into them.
[[nodiscard]] std::vector<DataFile> digest_files(const DataSource& source);

/// A decoded image: 8 bits, channel, row, column.
struct Image {
  SampleShape shape;
  std::vector<std::uint8_t> pixels;
};
/// Decodes a PNG (ISO/IEC 15948): grey of 1, 2, 4 (spread to 0..255) and 8 bits, RGB of 8 bits, palettes (become RGB); plain or interlaced.
/// Anything else, and whatever is damaged: Failure (input) that starts with `name`.
[[nodiscard]] Image decode_png(std::string_view bytes, const std::string& name);

}  // namespace lipverify
