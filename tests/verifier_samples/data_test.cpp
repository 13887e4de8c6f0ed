// Data readers of the checker against the vectors of tests/vectors/data (written by a program of its own): every value exactly, every
// refusal with exit code 3 and a sentence that says what is wrong.
#include "verifier/samples/data.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cctype>
#include <fstream>
#include <nlohmann/json.hpp>

#include "verifier/base/failure.hpp"

using namespace lipverify;
using nlohmann::json;

namespace {

const std::string kFolder = std::string(LIPCERT_VECTORS) + "/data/";

DataSource source_of(const json& entry) {
  DataSource source;
  source.format = data_format(entry["format"].get<std::string>()).value();
  source.path = kFolder + entry["path"].get<std::string>();
  if (!entry["labels"].is_null()) source.labels = kFolder + entry["labels"].get<std::string>();
  if (!entry["labelColumn"].is_null()) source.label_column = entry["labelColumn"].get<std::uint64_t>();
  return source;
}

Rational fraction(const std::string& text) {
  const std::size_t slash = text.find('/');
  return slash == std::string::npos ? Rational(Integer(text)) : Rational(Integer(text.substr(0, slash)), Integer(text.substr(slash + 1)));
}

std::vector<Rational> values_of(const Sample& sample) {
  std::vector<Rational> values;
  for (const std::uint8_t pixel : sample.pixels) values.emplace_back(Integer(pixel));
  for (const DataNumber& number : sample.numbers) values.push_back(rational_of(number));
  return values;
}

/// True when the sentence holds one of the words (separated by '|'), in any case.
bool says(const std::string& sentence, const std::string& words) {
  const auto small = [](std::string text) {
    for (char& c : text) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    return text;
  };
  for (std::size_t from = 0; from <= words.size();) {
    const std::size_t end = std::min(words.find('|', from), words.size());
    if (small(sentence).find(small(words.substr(from, end - from))) != std::string::npos) return true;
    from = end + 1;
  }
  return false;
}

void check_files(const json& expected, const std::vector<DataFile>& files) {
  REQUIRE(files.size() == expected.size());
  for (std::size_t i = 0; i < files.size(); ++i) {
    CHECK(files[i].role == expected[i]["role"].get<std::string>());
    CHECK(files[i].bytes == expected[i]["bytes"].get<std::uint64_t>());
    CHECK(files[i].sha256 == expected[i]["sha256"].get<std::string>());
  }
}

}  // namespace

TEST_CASE("data vectors") {
  std::ifstream stream(kFolder + "index.json");
  REQUIRE(stream);
  const json cases = json::parse(stream);
  REQUIRE(cases.size() > 100);
  std::size_t refused = 0;
  for (const json& entry : cases) {
    CAPTURE(entry["name"].get<std::string>());
    const DataSource source = source_of(entry);
    if (entry["result"] == "read") {
      const auto data = DataSet::open(source);
      const json& shape = entry["shape"];
      if (shape.size() == 1) {
        CHECK(!data->shape().image);
        CHECK(data->shape().channels == shape[0]);
      } else {
        CHECK(data->shape().image);
        CHECK(data->shape() == SampleShape{true, shape[0], shape[1], shape[2]});
      }
      CHECK(data->labelled() == !entry["classes"].is_null());
      Sample sample;
      for (std::size_t k = 0; k < entry["values"].size(); ++k) {
        REQUIRE(data->next(sample));
        std::vector<Rational> expected;
        for (const json& value : entry["values"][k]) expected.push_back(fraction(value.get<std::string>()));
        const bool equal = values_of(sample) == expected;
        CHECK(equal);
        CHECK(sample.label.has_value() == data->labelled());
        if (sample.label) CHECK(*sample.label == entry["classes"][k].get<std::int64_t>());
      }
      CHECK(!data->next(sample));
      CHECK(data->count() == entry["values"].size());
      check_files(entry["files"], data->files());
      check_files(entry["files"], digest_files(source));
      continue;
    }
    ++refused;
    bool thrown = false;
    try {
      const auto data = DataSet::open(source);
      Sample sample;
      while (data->next(sample)) {
      }
    } catch (const Failure& failure) {
      thrown = true;
      const std::string sentence = failure.what();
      CAPTURE(sentence);
      CHECK(failure.outcome() == Outcome::input);
      CHECK(says(sentence, entry["says"].get<std::string>()));
    }
    CHECK(thrown);
  }
  CHECK(refused > 60);
}

TEST_CASE("numbers and fractions") {
  const auto number = [](const std::string& text) { return rational_of(parse_number(text).value()); };
  CHECK(number("1.50") == Rational(3, 2));
  CHECK(number("-.5e1") == Rational(-5));
  CHECK(number("3.") == Rational(3));
  CHECK(number("3.e1") == Rational(30));
  CHECK(number("000123") == Rational(123));
  CHECK(number("0123456789012345678901234567890") == Rational(Integer("123456789012345678901234567890")));
  CHECK(number("+7E-2") == Rational(7, 100));
  for (const char* text :
       {"", "+", "-", ".", "e1", "1e", "1e+", "1.e", "-.e1", "1 ", " 1", "1e401", "0x1", "1/2", "nan", "inf", "--1", "1..2", "1e4e4", "\xd9\xa1"}) {
    CAPTURE(text);
    CHECK(!parse_number(text));
  }
  CHECK(!parse_number(std::string(1101, '1')));
  CHECK(parse_number(std::string(1100, '1')).has_value());
  CHECK(parse_ratio("-36/255").value() == Rational(-12, 85));
  CHECK(parse_ratio("0.25").value() == Rational(1, 4));
  for (const char* text : {"1/0", "/2", "1/", "1/-2", "1.5/2", "1/2/3", "-/2", "+1/2", " 1/2"}) {
    CAPTURE(text);
    CHECK(!parse_ratio(text));
  }
}
