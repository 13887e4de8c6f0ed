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
std::vector<int> order(Layout layout, const SampleShape& shape, const Shape& input, ScalingTexts texts = {}) {
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
  // Stored row, column, channel: (2, 3, 2) is two rows of three pixels of two channels.
  ScalingTexts last;
  last.array_layout = Layout::nhwc;
  const SampleShape stored{2, 3, 2, true};
  CHECK(order(Layout::nhwc, stored, {1, 2, 3, 2}, last) == std::vector<int>{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11});
  CHECK(order(Layout::nchw, stored, {1, 2, 2, 3}, last) == std::vector<int>{0, 2, 4, 6, 8, 10, 1, 3, 5, 7, 9, 11});
  CHECK(order(Layout::ncwh, stored, {2, 3, 2}, last) == std::vector<int>{0, 6, 2, 8, 4, 10, 1, 7, 3, 9, 5, 11});
  // The same image as a row.
  const SampleShape row{12, 1, 1, false};
  last.image_shape = {2, 2, 3};
  CHECK(order(Layout::nchw, row, {1, 2, 2, 3}, last) == std::vector<int>{0, 2, 4, 6, 8, 10, 1, 3, 5, 7, 9, 11});
  last.array_layout.reset();
  CHECK(order(Layout::nhwc, row, {1, 2, 3, 2}, last) == std::vector<int>{0, 6, 1, 7, 2, 8, 3, 9, 4, 10, 5, 11});
}

TEST_CASE("means belong to channels, wherever the channel stands") {
  ScalingTexts texts;
  texts.mean = {"0", "100"};
  texts.array_layout = Layout::nhwc;
  for (const SampleShape& stored : {SampleShape{1, 2, 2, true}, SampleShape{4, 1, 1, false}}) {  // two pixels of two channels
    if (!stored.image) texts.image_shape = {2, 1, 2};
    const Scaling scaling(texts, stored, {1, 2, 1, 2}, "data");
    std::vector<EntryBounds> entries;
    scaling.enclose(pixels({1, 2, 3, 4}), entries);
    CHECK(entries[0].lower == 1);
    CHECK(entries[1].lower == 3);
    CHECK(entries[2].lower == 2 - 100);
    CHECK(entries[3].lower == 4 - 100);
    CHECK(scaling.entry(pixels({1, 2, 3, 4}), 3) == Rational(-96));
  }
}

TEST_CASE("the shape of the graph's input decides how data are read, or refuses them") {
  DataDescription data;
  data.format = DataFormat::npy;
  const auto fit = [&](const ScalingTexts& texts, const SampleShape& stored, const Shape& input) -> std::string {
    data.shape = stored;
    try {
      const ScalingTexts found = fitted(texts, data, input, "data");
      (void)Scaling(found, stored, input, "data");
      return std::string(found.array_layout ? name_of(*found.array_layout) : "as is") + (found.image_shape ? ", image" : "");
    } catch (const Error& error) {
      return std::to_string(static_cast<int>(error.code())) + " " + error.what();
    }
  };
  const auto says = [](const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; };
  ScalingTexts texts;
  const SampleShape first{3, 32, 32, true};
  const SampleShape last{32, 32, 3, true};  // an array (N, 32, 32, 3)
  CHECK(fit(texts, first, {1, 3, 32, 32}) == "as is");
  CHECK(fit(texts, last, {1, 32, 32, 3}) == "as is");
  CHECK(fit(texts, last, {1, 3072}) == "as is");
  CHECK(says(fit(texts, last, {1, 3, 32, 32}), "3 data: its samples are images of 32 x 32 x 3"));
  CHECK(says(fit(texts, last, {1, 3, 32, 32}), "use --array-layout NHWC"));
  CHECK(says(fit(texts, first, {1, 32, 32, 3}), "use --layout NHWC"));
  CHECK(says(fit(texts, {3, 24, 32, true}, {1, 3, 32, 24}), "use --layout NCWH"));
  CHECK(says(fit(texts, first, {1, 3, 1024}), "rows of entries"));
  CHECK(says(fit(texts, {1, 28, 20, true}, {1, 1, 20, 28}), "use --layout NCWH"));
  for (const Shape& input : {Shape{1, 1, 28, 28}, Shape{1, 28, 28, 1}, Shape{28, 28}, Shape{1, 28, 28}, Shape{1, 784}, Shape{784}})
    CHECK(fit(texts, {1, 28, 28, true}, input) == "as is");
  CHECK(says(fit(texts, {1, 14, 56, true}, {1, 1, 28, 28}), "3 "));
  texts.array_layout = Layout::nhwc;
  CHECK(fit(texts, last, {1, 3, 32, 32}) == "NHWC");
  CHECK(says(fit(texts, first, {1, 3, 32, 32}), "use --array-layout NCHW"));
  texts.array_layout = Layout::nchw;
  CHECK(fit(texts, first, {1, 3, 32, 32}) == "as is");
  // Keras: model and array have the channels last. An array that only so has the model's shape is taken so.
  texts = {};
  texts.layout = Layout::nhwc;
  CHECK(fit(texts, {28, 28, 1, true}, {1, 28, 28, 1}) == "NHWC");
  CHECK(fit(texts, last, {1, 32, 32, 3}) == "NHWC");
  CHECK(fit(texts, first, {1, 32, 32, 3}) == "as is");
  CHECK(fit(texts, {1, 28, 28, true}, {1, 28, 28, 1}) == "as is");
  CHECK(says(fit(texts, {3, 3, 3, true}, {1, 3, 3, 3}), "2 --layout NHWC"));  // either order fits
  CHECK(says(fit(texts, last, {1, 3072}), "2 --layout NHWC"));
  texts.array_layout = Layout::nchw;
  CHECK(fit(texts, {3, 3, 3, true}, {1, 3, 3, 3}) == "as is");
  // Formats with an order of their own.
  data.format = DataFormat::cifar10;
  CHECK(says(fit(texts, first, {1, 32, 32, 3}), "2 --array-layout"));
  texts.array_layout.reset();
  CHECK(fit(texts, first, {1, 32, 32, 3}) == "as is");
  CHECK(says(fit(texts, first, {1, 3, 32, 32}), "use --layout NCHW"));
  // Rows.
  data.format = DataFormat::csv;
  const SampleShape row{12, 1, 1, false};
  texts = {};
  CHECK(fit(texts, row, {1, 2, 2, 3}) == "as is");
  texts.mean = {"0", "1"};
  CHECK(fit(texts, row, {1, 2, 2, 3}) == "as is, image");
  CHECK(says(fit(texts, row, {1, 12}), "2 --mean has 2 numbers"));
  texts.mean.assign(12, "0.5");
  CHECK(fit(texts, row, {1, 2, 2, 3}) == "as is");
  texts = {};
  texts.layout = Layout::ncwh;
  CHECK(fit(texts, row, {1, 2, 2, 3}) == "as is, image");
  CHECK(says(fit(texts, row, {1, 12}), "2 --layout is for images"));
  texts.image_shape = {2, 2, 3};
  CHECK(fit(texts, row, {1, 12}) == "as is, image");
  CHECK(says(fit(texts, row, {1, 2, 2, 3}), "use --layout NCHW"));
  texts.layout = Layout::nhwc;
  CHECK(says(fit(texts, row, {1, 12}), "2 --layout NHWC"));  // in which order the row is, nothing tells
  texts.array_layout = Layout::nhwc;
  CHECK(fit(texts, row, {1, 2, 3, 2}) == "NHWC, image");
  texts.image_shape = {std::uint64_t{1} << 28, std::uint64_t{1} << 28, std::uint64_t{1} << 28};
  CHECK(says(fit(texts, row, {1, 12}), "3 data: a row has 12 entries"));
  texts.image_shape = {2, 2, 3};
  CHECK(says(fit(texts, {2, 2, 3, true}, {1, 2, 2, 3}), "2 --image-shape"));
}

TEST_CASE("units") {
  ScalingTexts texts;
  CHECK(usual_unit(texts) == Unit::graph_input);
  texts.scale = "255/255";
  texts.mean = {"0", "0.0"};
  CHECK(usual_unit(texts) == Unit::graph_input);
  texts.scale = "1/255";
  CHECK(usual_unit(texts) == Unit::scaled_pixel);
  texts.scale = "1";
  texts.mean = {"0"};
  texts.std = {"0.25", "-1/5", "3"};
  CHECK(usual_unit(texts) == Unit::scaled_pixel);
  CHECK(smallest_std(texts) == Rational::parse("1/5", ""));
  const Scaling scaling(texts, {3, 1, 1, true}, {1, 3}, "data");
  CHECK(scaling.pixels_per_unit(0) == 0.25);
  CHECK(Rational::parse("1/5", "") < Rational::exact(scaling.pixels_per_unit(1)));
  CHECK(scaling.pixels_per_unit(1) < 0.2000000001);
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
  CHECK(code(texts, {3, 4, 4, true}, {1, 48}) == 0);
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
