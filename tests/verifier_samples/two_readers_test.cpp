// The generator's and the checker's data readers, written by two programs that share no code, on the same files: both read the same exact
// numbers and labels, or both refuse. The files are the vectors, and every file that one changed, dropped or added byte makes of the small
// ones among them.
#include <doctest/doctest.h>

#include <fstream>
#include <nlohmann/json.hpp>
#include <random>

#include "formats/data/data_set.hpp"
#include "formats/data/scaling.hpp"
#include "formats/encoding/error.hpp"
#include "tests/verifier_samples/support.hpp"
#include "verifier/samples/data.hpp"
#include "verifier/samples/scaling.hpp"
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

TEST_CASE("how samples are stored and read: the same exact inputs, or both refuse") {
  std::mt19937 random(5);
  const auto below = [&](std::uint64_t n) { return random() % n; };
  std::size_t read = 0, refused = 0, turned = 0;
  for (int turn = 0; turn < 30000; ++turn) {
    // Small sides, so that shapes fit by chance as often as not.
    const auto side = [&] { return std::uint64_t{1} + below(3); };
    const std::array<std::uint64_t, 3> sides = {side(), side(), side()};
    const std::uint64_t size = sides[0] * sides[1] * sides[2];
    const bool image = below(2) == 0;
    lipcert::ScalingTexts texts;
    lipverify::Arrangement how;
    const std::uint64_t layout = below(3);
    texts.layout = std::array{lipcert::Layout::nchw, lipcert::Layout::nhwc, lipcert::Layout::ncwh}[layout];
    how.layout = std::array{lipverify::Layout::nchw, lipverify::Layout::nhwc, lipverify::Layout::ncwh}[layout];
    if (below(2) == 0) {
      texts.array_layout = lipcert::Layout::nhwc;
      how.channels_last = true;
    }
    if (below(image ? 8 : 2) == 0) {
      std::array<std::uint64_t, 3> shape = sides;
      std::shuffle(shape.begin(), shape.end(), random);
      if (below(8) == 0) ++shape[below(3)];
      texts.image_shape = how.row_image = shape;
    }
    lipcert::Shape input = below(4) == 0 ? lipcert::Shape{size} : lipcert::Shape{sides[0], sides[1], sides[2]};
    std::shuffle(input.begin(), input.end(), random);
    for (std::uint64_t ones = below(3); ones > 0; --ones) input.insert(input.begin() + static_cast<std::ptrdiff_t>(below(2) * below(input.size() + 1)), 1);
    const auto list = [&](int from) {
      const std::array<std::uint64_t, 5> counts = {1, 1, sides[0], sides[2], size};
      std::vector<std::string> numbers;
      for (std::uint64_t k = counts[below(5)]; k > 0; --k) numbers.push_back(std::to_string(from + static_cast<int>(k)) + "/7");
      return numbers;
    };
    texts.scale = "1/3";
    texts.mean = list(-2);
    texts.std = list(1);

    lipcert::Sample theirs;
    for (std::uint64_t i = 0; i < size; ++i) theirs.pixels.push_back(static_cast<std::uint8_t>(below(256)));
    lipverify::Sample ours;
    ours.pixels = theirs.pixels;
    CAPTURE(turn);
    std::optional<std::vector<lipverify::Rational>> generator, checker;
    try {
      const lipcert::SampleShape stored = image ? lipcert::SampleShape{sides[0], sides[1], sides[2], true} : lipcert::SampleShape{size, 1, 1, false};
      const lipcert::Scaling scaling(texts, stored, input, "data");
      generator.emplace();
      for (std::size_t i = 0; i < size; ++i) generator->push_back(lipverify::parse_ratio(scaling.entry(theirs, i).text()).value());
      std::vector<lipcert::EntryBounds> bounds;  // the table of pixels says the same
      scaling.enclose(theirs, bounds);
      for (std::size_t i = 0; i < size; ++i)
        CHECK((lipverify::Rational(bounds[i].lower) <= (*generator)[i] && (*generator)[i] <= lipverify::Rational(bounds[i].upper)));
    } catch (const lipcert::Error& error) {
      CHECK(error.code() != lipcert::ExitCode::internal);
    }
    try {
      const lipverify::SampleShape stored = image ? lipverify::SampleShape{true, sides[0], sides[1], sides[2]} : lipverify::SampleShape{false, size, 1, 1};
      const auto ratios = [](const std::vector<std::string>& numbers) {
        std::vector<lipverify::Rational> values;
        for (const std::string& number : numbers) values.push_back(lipverify::parse_ratio(number).value());
        return values;
      };
      const lipverify::Scaling scaling(lipverify::arranged(stored, how, input), how.layout, lipverify::Rational(1, 3), ratios(texts.mean), ratios(texts.std),
                                       how.channels_last);
      checker = scaling.exact(ours);
      const lipverify::GridPoint grid = scaling.enclose(ours);
      for (std::size_t i = 0; i < size; ++i) {
        CHECK(lipverify::scaled(lipverify::Integer(grid.lower[i]), grid.exponent) <= (*checker)[i]);
        CHECK((*checker)[i] <= lipverify::scaled(lipverify::Integer(grid.lower[i] + 1), grid.exponent));
      }
    } catch (const lipverify::Failure& failure) {
      CHECK(failure.outcome() == lipverify::Outcome::rejected);
    }
    CHECK(generator.has_value() == checker.has_value());
    const bool same = generator == checker;
    CHECK(same);
    ++(checker ? read : refused);
    if (checker && how.channels_last && texts.mean.size() > 1) ++turned;
  }
  CHECK(read > 3000);
  CHECK(refused > 3000);
  CHECK(turned > 200);
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
