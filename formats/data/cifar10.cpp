// CIFAR-10, binary version: records of one label byte and 3 x 32 x 32 pixels (channel, row, column).
#include "formats/data/readers.hpp"
#include "formats/encoding/error.hpp"

namespace lipcert {

namespace {

class Cifar10Reader final : public SampleReader::Format {
 public:
  explicit Cifar10Reader(const std::string& path) : source_(path, ByteSource::Gzip::allowed) {}

  bool next(Sample& sample) override {
    constexpr std::size_t pixels = 3 * 32 * 32;
    if (source_.peek(1).empty()) return false;
    unsigned char label = 0;
    sample.reals.clear();
    sample.decimals.clear();
    sample.pixels.resize(pixels);
    if (!source_.read_exactly(&label, 1) || !source_.read_exactly(sample.pixels.data(), pixels))
      throw input_error(source_.path() + ": ends inside record " + std::to_string(taken_) + " of 3073 bytes; fetch the file again.");
    if (label > 9)
      throw input_error(source_.path() + ": record " + std::to_string(taken_) + " has the label " + std::to_string(label) +
                        ", but CIFAR-10 has the classes 0 to 9; give the binary version of CIFAR-10.");
    sample.label = label;
    ++taken_;
    return true;
  }

  [[nodiscard]] SampleShape shape() const override { return {3, 32, 32, true}; }
  [[nodiscard]] std::vector<DataFile> files() override { return {describe(source_, "samples")}; }
  [[nodiscard]] bool labelled() const override { return true; }

 private:
  ByteSource source_;
  std::uint64_t taken_ = 0;
};

}  // namespace

std::unique_ptr<SampleReader::Format> read_cifar10(const std::string& path) {
  return std::make_unique<Cifar10Reader>(path);
}

}  // namespace lipcert
