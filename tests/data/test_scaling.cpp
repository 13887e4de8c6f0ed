// x = (v * scale - mean_c) / std_c, exactly, in the order in which the graph reads.
#include <doctest/doctest.h>

#include <cmath>

#include "formats/data/scaling.hpp"
#include "formats/encoding/error.hpp"

using namespace lipcert;

namespace {

Sample pixels(std::vector<std::uint8_t> values) {
  Sample sample;
  sample.pixels = std::move(values);
  return sample;
}

/// Entry of every position of the input, for a sample whose pixels are their own positions.
std::vector<int> order(Layout layout, const SampleShape& shape, const Shape& input) {
  ScalingTexts texts;
  texts.layout = layout;
  const Scaling scaling(texts, shape, input, "data");
  std::vector<std::uint8_t> values(shape.entries());
  for (std::size_t i = 0; i < values.size(); ++i) values[i] = static_cast<std::uint8_t>(i);
  std::vector<EntryBounds> entries;
  scaling.enclose(pixels(values), entries);
  std::vector<int> result;
  for (const EntryBounds& entry : entries) {
    CHECK(entry.lower == entry.upper);
    result.push_back(static_cast<int>(entry.lower));
  }
  return result;
}

}  // namespace

TEST_CASE("layouts") {
  const SampleShape shape{2, 2, 3, true};
  CHECK(order(Layout::nchw, shape, {1, 2, 2, 3}) == std::vector<int>{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11});
  CHECK(order(Layout::nhwc, shape, {1, 2, 3, 2}) == std::vector<int>{0, 6, 1, 7, 2, 8, 3, 9, 4, 10, 5, 11});
  CHECK(order(Layout::ncwh, shape, {1, 12}) == std::vector<int>{0, 3, 1, 4, 2, 5, 6, 9, 7, 10, 8, 11});
}

TEST_CASE("scaling is enclosed by neighbours, per channel") {
  ScalingTexts texts;
  texts.scale = "1/255";
  texts.mean = {"0.4914", "0.25"};
  texts.std = {"0.2470", "1/2"};
  const Scaling scaling(texts, {2, 1, 2, true}, {1, 2, 1, 2}, "data");
  const Sample sample = pixels({0, 7, 128, 255});
  std::vector<EntryBounds> entries;
  scaling.enclose(sample, entries);
  for (std::size_t i = 0; i < 4; ++i) {
    const Rational mean = Rational::parse(texts.mean[i / 2], "");
    const Rational std = Rational::parse(texts.std[i / 2], "");
    const Rational truth = (Rational(sample.pixels[i]) / Rational(255) - mean) / std;
    CHECK(scaling.entry(sample, i) == truth);
    CHECK_FALSE(truth < Rational::exact(entries[i].lower));
    CHECK_FALSE(Rational::exact(entries[i].upper) < truth);
    CHECK(entries[i].upper <= std::nextafter(entries[i].lower, 10.0));
  }
  CHECK(entries[3].lower == 1.5);  // (1 - 1/4) * 2
  CHECK(entries[3].upper == 1.5);
}

TEST_CASE("decimals, reals, and features with means of their own") {
  ScalingTexts texts;
  texts.mean = {"0.1", "1"};
  const Scaling scaling(texts, {2, 1, 1, false}, {1, 2}, "data");
  Sample sample;
  sample.decimals = {"0.1", "1.5"};
  std::vector<EntryBounds> entries;
  scaling.enclose(sample, entries);
  CHECK(entries[0].lower == 0);
  CHECK(entries[0].upper == 0);
  CHECK(entries[1].lower == 0.5);
  Sample reals;
  reals.reals = {0.1, 1.5};  // not one tenth
  scaling.enclose(reals, entries);
  CHECK(entries[0].lower > 0);
  CHECK(entries[0].upper < 1e-16);
}

TEST_CASE("what does not fit is refused") {
  const auto code = [](const ScalingTexts& texts, const SampleShape& shape, const Shape& input) {
    try {
      (void)Scaling(texts, shape, input, "data");
    } catch (const Error& error) {
      return static_cast<int>(error.code());
    }
    return 0;
  };
  ScalingTexts texts;
  CHECK(code(texts, {1, 2, 2, true}, {1, 4}) == 0);
  CHECK(code(texts, {1, 2, 2, true}, {1, 5}) == 3);
  CHECK(code(texts, {3, 4, 4, true}, {1, 4, 4, 3}) == 3);  // NHWC graph, NCHW asked
  texts.layout = Layout::nhwc;
  CHECK(code(texts, {3, 4, 4, true}, {1, 4, 4, 3}) == 0);
  CHECK(code(texts, {3, 4, 4, true}, {1, 3, 4, 4}) == 3);
  CHECK(code(texts, {4, 1, 1, false}, {1, 4}) == 2);
  texts = {};
  texts.scale = "0/3";
  CHECK(code(texts, {1, 2, 2, true}, {1, 4}) == 2);
  texts = {};
  texts.std = {"0"};
  CHECK(code(texts, {1, 2, 2, true}, {1, 4}) == 2);
  texts = {};
  texts.mean = {"0", "0"};
  CHECK(code(texts, {1, 2, 2, true}, {1, 4}) == 2);
  texts = {};
  texts.scale = "1e400";
  const Scaling huge(texts, {1, 1, 1, true}, {1, 1}, "data");
  std::vector<EntryBounds> entries;
  CHECK_THROWS_AS(huge.enclose(pixels({1}), entries), Error);
}
