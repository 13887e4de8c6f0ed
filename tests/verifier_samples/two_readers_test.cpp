// The generator's and the checker's data readers, written by two programs that share no code, on the same files: both read the same exact
// numbers and labels, or both refuse. The files are the vectors, and every file that one changed, dropped or added byte makes of the small
// ones among them.
#include <doctest/doctest.h>

#include <fstream>
#include <nlohmann/json.hpp>
#include <random>

#include "formats/data/data_set.hpp"
#include "formats/encoding/error.hpp"
#include "tests/verifier_samples/support.hpp"
#include "verifier/samples/data.hpp"
#include "verifier/base/failure.hpp"

using nlohmann::json;
using Value = std::pair<std::vector<lipverify::Rational>, std::optional<std::int64_t>>;

namespace {

struct Outcome {
  bool read = false;
  std::string sentence;
  std::vector<Value> samples;
  std::vector<std::string> digests;
};

Outcome by_checker(const json& entry, const std::string& path, const std::optional<std::string>& labels) {
  Outcome out;
  try {
    lipverify::DataSource source;
    source.format = lipverify::data_format(entry["format"].get<std::string>()).value();
    source.path = path;
    source.labels = labels;
    if (!entry["labelColumn"].is_null()) source.label_column = entry["labelColumn"].get<std::uint64_t>();
    const auto data = lipverify::DataSet::open(source);
    lipverify::Sample sample;
    while (data->next(sample)) {
      Value value;
      for (const std::uint8_t pixel : sample.pixels) value.first.emplace_back(lipverify::Integer(pixel));
      for (const lipverify::DataNumber& number : sample.numbers) value.first.push_back(rational_of(number));
      value.second = sample.label;
      out.samples.push_back(std::move(value));
    }
    for (const lipverify::DataFile& file : data->files()) out.digests.push_back(file.role + std::to_string(file.bytes) + file.sha256);
    out.read = true;
  } catch (const lipverify::Failure& failure) {
    CHECK(failure.outcome() == lipverify::Outcome::input);
    out.sentence = failure.what();
  }
  return out;
}

Outcome by_generator(const json& entry, const std::string& path, const std::optional<std::string>& labels) {
  Outcome out;
  try {
    lipcert::DataSource source;
    for (const lipcert::DataFormat format : {lipcert::DataFormat::idx, lipcert::DataFormat::csv, lipcert::DataFormat::npy,
                                             lipcert::DataFormat::cifar10, lipcert::DataFormat::png_folder})
      if (entry["format"] == lipcert::name_of(format)) source.format = format;
    source.samples = path;
    source.labels = labels.value_or("");
    if (!entry["labelColumn"].is_null()) source.label_column = entry["labelColumn"].get<std::int64_t>();
    lipcert::SampleReader reader(source);
    lipcert::Sample sample;
    while (reader.next(sample)) {
      Value value;
      for (const std::uint8_t pixel : sample.pixels) value.first.emplace_back(lipverify::Integer(pixel));
      for (const double real : sample.reals) value.first.emplace_back(real);
      for (const std::string& decimal : sample.decimals) value.first.push_back(rational_of(lipverify::parse_number(decimal).value()));
      value.second = sample.label;
      out.samples.push_back(std::move(value));
    }
    for (const lipcert::DataFile& file : reader.finish().files) out.digests.push_back(file.role + std::to_string(file.bytes) + file.sha256);
    // What the generator refuses after reading: a data set without samples, and labels below -1.
    out.read = !out.samples.empty();
    for (const Value& value : out.samples) out.read = out.read && value.second.value_or(0) >= -1;
  } catch (const lipcert::Error& error) {
    out.sentence = error.what();
  }
  return out;
}

void check_equal(const json& entry, const std::string& path, const std::optional<std::string>& labels) {
  const Outcome checker = by_checker(entry, path, labels);
  const Outcome generator = by_generator(entry, path, labels);
  CAPTURE(checker.sentence);
  CAPTURE(generator.sentence);
  // libpng forgives some damage (palette indices, ancillary chunks) that the checker does not: then no certificate is accepted, which is
  // safe.
  if (entry["format"] == "png-folder")
    CHECK((generator.read || !checker.read));
  else
    CHECK(checker.read == generator.read);
  if (!checker.read || !generator.read) return;
  const bool same = checker.samples == generator.samples;
  CHECK(same);
  CHECK(checker.digests == generator.digests);
}

std::string bytes_of(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

}  // namespace

TEST_CASE("the vectors") {
  const std::string folder = std::string(LIPCERT_VECTORS) + "/data/";
  std::ifstream stream(folder + "index.json");
  const json cases = json::parse(stream);
  for (const json& entry : cases) {
    const std::string name = entry["name"];
    CAPTURE(name);
    check_equal(entry, folder + entry["path"].get<std::string>(),
                entry["labels"].is_null() ? std::nullopt : std::optional<std::string>(folder + entry["labels"].get<std::string>()));
  }
}

TEST_CASE("damaged files") {
  const std::string folder = std::string(LIPCERT_VECTORS) + "/data/";
  const sample_support::TemporaryFolder temporary;
  std::ifstream stream(folder + "index.json");
  const json cases = json::parse(stream);
  std::mt19937 random(3);
  std::size_t tried = 0;
  for (const json& entry : cases) {
    const std::string format = entry["format"], name = entry["name"];
    if (entry["result"] != "read" || format == "cifar10") continue;
    const bool images = format == "png-folder";
    const std::string original = folder + entry["path"].get<std::string>();
    std::string file = original;
    if (images)
      for (const auto& item : std::filesystem::recursive_directory_iterator(original))
        if (item.path().extension() == ".png") file = item.path().string();
    const std::string bytes = bytes_of(file);
    if (bytes.size() > 4000) continue;
    const std::string target = images ? temporary / "images" : temporary / "data";
    if (images) std::filesystem::create_directories(target);
    for (int turn = 0; turn < 150; ++turn) {
      std::string damaged = bytes;
      const std::size_t at = random() % bytes.size();
      const auto byte =
          static_cast<char>(random() % 4 == 0 ? "019.,-+eE\n\r \t\"'{(naN"[random() % 21] : static_cast<char>(random() % 256));
      if (turn % 3 == 0)
        damaged[at] = byte;
      else if (turn % 3 == 1)
        damaged.erase(at, 1 + random() % 3);
      else
        damaged.insert(at, 1, byte);
      CAPTURE(name);
      CAPTURE(damaged);
      if (damaged.empty()) continue;
      sample_support::write_file(images ? target + "/a.png" : target, damaged);
      check_equal(entry, target, std::nullopt);
      ++tried;
    }
  }
  CHECK(tried > 3000);
}
