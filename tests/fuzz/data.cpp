// Both readers of data sets on the same file: the same exact numbers and labels, or a refusal by both. One program for each format, which data_*.cpp names;
// rows of numbers are read without and with a column of labels.
#include "tests/fuzz/data.hpp"

#include <memory>
#include <optional>
#include <vector>

#include "formats/data/rational.hpp"
#include "formats/encoding/error.hpp"
#include "tests/fuzz/support.hpp"
#include "verifier/base/failure.hpp"
#include "verifier/samples/data.hpp"

namespace {

bool is_png() { return fuzz::data_format == lipcert::DataFormat::png_folder; }

struct Seen {
  bool read = false;
  std::string refusal;
  std::vector<std::string> numbers;  // as fractions in lowest terms
  std::vector<std::optional<std::int64_t>> labels;
};

Seen by_generator(const std::string& path, std::optional<std::int64_t> column) {
  Seen out;
  try {
    lipcert::SampleReader reader({.samples = path, .labels = "", .format = fuzz::data_format, .label_column = column});
    lipcert::Sample sample;
    bool labels_are_classes = true;
    while (reader.next(sample)) {
      for (const std::uint8_t pixel : sample.pixels) out.numbers.push_back(std::to_string(pixel) + "/1");
      for (const double real : sample.reals) out.numbers.push_back(lipcert::Rational::exact(real).text());
      for (const std::string& decimal : sample.decimals) {
        lipcert::Rational value;
        if (!lipcert::Rational::read_decimal(decimal, value)) fuzz::broken("the generator hands out a decimal that it cannot read: " + decimal);
        out.numbers.push_back(value.text());
      }
      labels_are_classes = labels_are_classes && sample.label.value_or(0) >= -1;
      out.labels.push_back(sample.label);
    }
    (void)reader.finish();
    // What the generator refuses after reading: a data set without samples, and labels below -1.
    out.read = labels_are_classes && !out.labels.empty();
  } catch (const lipcert::Error& error) {
    out.refusal = error.what();
    if (error.code() != lipcert::ExitCode::input) fuzz::broken("the generator refuses data with another exit code than 3: " + out.refusal);
  }
  return out;
}

Seen by_checker(const std::string& path, std::optional<std::uint64_t> column) {
  Seen out;
  try {
    const auto data = lipverify::DataSet::open(
        {.format = lipverify::data_format(lipcert::name_of(fuzz::data_format)).value(), .path = path, .labels = {}, .label_column = column});
    lipverify::Sample sample;
    while (data->next(sample)) {
      for (const std::uint8_t pixel : sample.pixels) out.numbers.push_back(std::to_string(pixel) + "/1");
      for (const lipverify::DataNumber& number : sample.numbers) {
        const lipverify::Rational value = rational_of(number);
        out.numbers.push_back(numerator(value).str() + "/" + denominator(value).str());
      }
      out.labels.push_back(sample.label);
    }
    out.read = true;
  } catch (const lipverify::Failure& failure) {
    out.refusal = failure.what();
    if (failure.outcome() != lipverify::Outcome::input) fuzz::broken("the checker refuses data with another exit code than 3: " + out.refusal);
  }
  return out;
}

void agree(const std::string& path, std::optional<std::uint64_t> column) {
  const Seen generator = by_generator(path, column ? std::optional<std::int64_t>(*column) : std::nullopt);
  const Seen checker = by_checker(path, column);
  // libpng forgives some damage (ancillary chunks, palette indices) that the checker does not: then no certificate is accepted.
  if (checker.read ? !generator.read : generator.read && !is_png())
    fuzz::broken(std::string("one reader of data refuses what the other reads\ngenerator: ") + (generator.read ? "read" : generator.refusal) +
                 "\nchecker: " + (checker.read ? "read" : checker.refusal));
  if (checker.read && (checker.numbers != generator.numbers || checker.labels != generator.labels)) fuzz::broken("two readers of data see different samples");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  fuzz::small_budget();
  if (is_png()) {
    static const fuzz::Folder folder;
    folder.write("a.png", fuzz::text_of(data, size));
    agree(folder.path(), std::nullopt);
  } else {
    static fuzz::MemoryFile file;
    file.write(fuzz::text_of(data, size));
    agree(file.path(), std::nullopt);
    if (fuzz::data_format == lipcert::DataFormat::csv) agree(file.path(), 0);
  }
  return 0;
}
