// Data sets read sample by sample, in bounded memory, exactly as formats/SPEC.md section 8 says which files are taken.
//
// A file is read twice: `scan_data` reads all of it once, so that every defect shows before long work and the digests and the number of
// samples are known; `SampleReader` reads it again and, at its end, compares the digests. One sample is in memory at a time.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace lipcert {

enum class DataFormat { idx, csv, npy, cifar10, png_folder };
[[nodiscard]] const char* name_of(DataFormat format);  // as in a certificate: "idx", "csv", "npy", "cifar10", "png-folder"

/// Where the data lies. Labels come from a file of their own, from a column of a CSV, from the sub-folders of a PNG folder, or with each
/// CIFAR-10 record; or there are none.
struct DataSource {
  std::string samples;                       // file or folder
  std::string labels;                        // file; empty: none
  std::optional<DataFormat> format;          // default: recognised
  std::optional<std::int64_t> label_column;  // CSV: from 0; negative counts from the last column
};

/// Images have channels, rows and columns, in that order. Without image shape every entry is a channel of its own (a feature, with its own
/// mean).
struct SampleShape {
  std::uint64_t channels = 0;
  std::uint64_t rows = 1;
  std::uint64_t columns = 1;
  bool image = false;

  [[nodiscard]] std::uint64_t entries() const { return channels * rows * columns; }
  friend bool operator==(const SampleShape&, const SampleShape&) = default;
};

/// The digest of a file as it lies on disk; role `samples`, `labels` or `folder` (SPEC.md section 8 says what the latter's numbers mean).
struct DataFile {
  std::string role;
  std::string name;  // no directory part
  std::uint64_t bytes = 0;
  std::string sha256;
  friend bool operator==(const DataFile&, const DataFile&) = default;
};

struct DataDescription {
  DataFormat format = DataFormat::idx;
  std::vector<DataFile> files;
  std::uint64_t samples = 0;
  SampleShape shape;
  bool labelled = false;
  std::optional<std::uint64_t> label_column;  // resolved
  friend bool operator==(const DataDescription&, const DataDescription&) = default;
};

/// One sample: exactly one of the vectors has the entries, in the order of the file's format (channel, row, column for images).
struct Sample {
  std::uint64_t index = 0;  // in the data file, from 0
  std::optional<std::int64_t> label;
  std::vector<std::uint8_t> pixels;
  std::vector<double> reals;          // finite; the exact values
  std::vector<std::string> decimals;  // valid for Rational::read_decimal

  [[nodiscard]] std::size_t entries() const { return pixels.size() + reals.size() + decimals.size(); }
};

class SampleReader {
 public:
  explicit SampleReader(const DataSource& source);
  SampleReader(const SampleReader&) = delete;
  SampleReader& operator=(const SampleReader&) = delete;
  SampleReader(SampleReader&&) noexcept;
  SampleReader& operator=(SampleReader&&) noexcept;
  ~SampleReader();

  /// The next sample, or false at the end. Throws `Error` (input) that names file, sample and remedy for anything wrong.
  [[nodiscard]] bool next(Sample& sample);
  /// Passes over `count` samples, which are checked for less (PNG images are not decoded); false when the end comes first.
  [[nodiscard]] bool skip(std::uint64_t count);
  /// Reads what is left and describes the whole.
  [[nodiscard]] DataDescription finish();

  /// A reader of one format.
  class Format {
   public:
    Format() = default;
    Format(const Format&) = delete;
    Format& operator=(const Format&) = delete;
    virtual ~Format() = default;
    virtual bool next(Sample& sample) = 0;
    virtual bool skip_one(Sample& scratch) { return next(scratch); }
    [[nodiscard]] virtual SampleShape shape() const = 0;
    /// Called when all samples have been read.
    [[nodiscard]] virtual std::vector<DataFile> files() = 0;
    [[nodiscard]] virtual bool labelled() const = 0;
    [[nodiscard]] virtual std::optional<std::uint64_t> label_column() const { return std::nullopt; }
  };

 private:
  struct State;
  std::unique_ptr<State> state_;
};

/// Reads everything once. Throws `Error` (input) when something is wrong or there is no sample.
[[nodiscard]] DataDescription scan_data(const DataSource& source);

}  // namespace lipcert
