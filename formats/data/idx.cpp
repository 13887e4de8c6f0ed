// IDX (the format of MNIST): 0, 0, element type, number of dimensions, the dimensions as big-endian 32-bit integers, then the data.
#include <array>

#include "formats/data/readers.hpp"
#include "formats/encoding/error.hpp"

namespace lipcert {

std::vector<std::uint64_t> read_idx_header(ByteSource& source) {
  std::array<unsigned char, 4> magic{};
  if (!source.read_exactly(magic.data(), magic.size()) || magic[0] != 0 || magic[1] != 0)
    throw input_error(source.path() + ": is not an IDX file; its first two bytes must be zero.");
  if (magic[2] != 8)
    throw input_error(source.path() + ": holds elements of type " + std::to_string(magic[2]) +
                      "; only unsigned bytes (8) are read from IDX files, store other numbers as NPY.");
  std::vector<std::uint64_t> dimensions;
  for (unsigned d = 0; d < magic[3]; ++d) {
    std::array<unsigned char, 4> bytes{};
    if (!source.read_exactly(bytes.data(), bytes.size()))
      throw input_error(source.path() + ": ends inside its header; fetch the file again.");
    dimensions.push_back((std::uint64_t{bytes[0]} << 24) | (std::uint64_t{bytes[1]} << 16) | (std::uint64_t{bytes[2]} << 8) | bytes[3]);
  }
  return dimensions;
}

namespace {

class IdxReader final : public SampleReader::Format {
 public:
  explicit IdxReader(const std::string& path) : source_(path, ByteSource::Gzip::allowed) {
    const std::vector<std::uint64_t> dimensions = read_idx_header(source_);
    if (dimensions.size() == 1)
      throw input_error(path + ": holds one number per sample, so these are labels; give them with --labels and the samples with --data.");
    if (dimensions.size() != 2 && dimensions.size() != 3)
      throw input_error(path + ": has " + std::to_string(dimensions.size()) +
                        " dimensions; samples have 2 (number, entries) or 3 (number, rows, columns).");
    count_ = dimensions[0];
    entries_ = sample_entries(path, {dimensions.begin() + 1, dimensions.end()});
    shape_ = dimensions.size() == 3 ? SampleShape{1, dimensions[1], dimensions[2], true} : SampleShape{dimensions[1], 1, 1, false};
  }

  bool next(Sample& sample) override {
    if (taken_ == count_) {
      if (!source_.peek(1).empty())
        throw input_error(source_.path() + ": goes on after the " + std::to_string(count_) +
                          " samples of its header; fetch the file again.");
      return false;
    }
    sample.reals.clear();
    sample.decimals.clear();
    sample.pixels.resize(entries_);
    if (!source_.read_exactly(sample.pixels.data(), entries_))
      throw input_error(source_.path() + ": ends inside sample " + std::to_string(taken_) + " of " + std::to_string(count_) +
                        "; fetch the file again.");
    ++taken_;
    return true;
  }

  [[nodiscard]] SampleShape shape() const override { return shape_; }
  [[nodiscard]] std::vector<DataFile> files() override { return {describe(source_, "samples")}; }
  [[nodiscard]] bool labelled() const override { return false; }

 private:
  ByteSource source_;
  SampleShape shape_;
  std::uint64_t count_ = 0;
  std::uint64_t taken_ = 0;
  std::size_t entries_ = 0;
};

}  // namespace

std::unique_ptr<SampleReader::Format> read_idx(const std::string& path) {
  return std::make_unique<IdxReader>(path);
}

}  // namespace lipcert
