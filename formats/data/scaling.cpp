#include "formats/data/scaling.hpp"

#include <algorithm>
#include <cmath>

#include "formats/encoding/error.hpp"

namespace lipcert {

const char* name_of(Layout layout) {
  switch (layout) {
    case Layout::nchw:
      return "NCHW";
    case Layout::nhwc:
      return "NHWC";
    case Layout::ncwh:
      return "NCWH";
  }
  return "";
}

namespace {

std::string text_of(const Shape& shape) {
  std::string text = "[";
  for (const std::uint64_t d : shape) text += (text.size() > 1 ? ", " : "") + std::to_string(d);
  return text + "]";
}

Rational magnitude(const Rational& value) {
  return value.sign() < 0 ? Rational(0) - value : value;
}

std::vector<Rational> per_channel(const std::vector<std::string>& texts, const SampleShape& shape, const std::string& option,
                                  bool zero_allowed) {
  if (texts.size() != 1 && texts.size() != shape.channels)
    throw Error(ExitCode::usage,
                option + " has " + std::to_string(texts.size()) + " numbers, but the samples have " + std::to_string(shape.channels) +
                    (shape.channels == 1 ? " channel; give one number" : " channels; give one number, or one per channel") +
                    (shape.image && shape.columns == texts.size() ? " (--layout NHWC says that channels come last in the array and in the graph)."
                     : !shape.image                               ? " (--image-shape says that rows are images)."
                                                                  : "."));
  std::vector<Rational> result;
  for (const std::string& text : texts) {
    result.push_back(Rational::parse(text, option));
    if (!zero_allowed && result.back().sign() == 0)
      throw Error(ExitCode::usage, option + " is zero; give the number that the samples are divided by.");
  }
  return result;
}

EntryBounds bounds_of(const Rational& value) {
  return {value.rounded_down(), value.rounded_up()};
}

constexpr std::array<Layout, 3> all_layouts = {Layout::nchw, Layout::nhwc, Layout::ncwh};

/// The shape in the order in which a graph of this layout reads it.
Shape read_as(Layout layout, const SampleShape& image) {
  switch (layout) {
    case Layout::nhwc:
      return {image.rows, image.columns, image.channels};
    case Layout::ncwh:
      return {image.channels, image.columns, image.rows};
    case Layout::nchw:
      break;
  }
  return {image.channels, image.rows, image.columns};
}

Shape without_ones(Shape shape) {
  shape.erase(std::remove(shape.begin(), shape.end(), 1U), shape.end());
  return shape;
}

/// Whether the graph's input has the image's shape. A flat input has none, so that the number of entries decides; where there is one channel
/// its place says nothing.
bool fits(const SampleShape& image, Layout layout, Shape input) {
  const Shape order = read_as(layout, image);
  if (without_ones(input).size() <= 1) return true;
  if (image.channels == 1) return without_ones(order) == without_ones(input);
  while (input.size() > 3 && input.front() == 1) input.erase(input.begin());
  return order == input;
}

/// What a format calls channels, rows and columns are an array's dimensions in the order of the file.
SampleShape image_in(const SampleShape& stored, const ScalingTexts& texts) {
  SampleShape image = stored;
  if (texts.image_shape)
    image = {(*texts.image_shape)[0], (*texts.image_shape)[1], (*texts.image_shape)[2], true};
  else if (stored.image && texts.array_layout == Layout::nhwc)
    image = {stored.columns, stored.channels, stored.rows, true};
  return image;
}

Error no_fit(const std::string& data_name, const SampleShape& image, Layout layout, const Shape& input, const std::string& remedy) {
  return input_error(data_name + ": its samples are images of " + std::to_string(image.channels) + " x " + std::to_string(image.rows) + " x " +
                     std::to_string(image.columns) + " (channels, rows, columns), which --layout " + name_of(layout) + " makes " +
                     text_of(read_as(layout, image)) + ", but the model's input is " + text_of(input) + "; " + remedy);
}

/// Every row as an image of the graph's own shape.
std::optional<std::array<std::uint64_t, 3>> own_shape(const Shape& input, Layout layout) {
  if (input.size() != 4 || input[0] != 1) return std::nullopt;
  switch (layout) {
    case Layout::nhwc:
      return std::array<std::uint64_t, 3>{input[3], input[1], input[2]};
    case Layout::ncwh:
      return std::array<std::uint64_t, 3>{input[1], input[3], input[2]};
    case Layout::nchw:
      break;
  }
  return std::array<std::uint64_t, 3>{input[1], input[2], input[3]};
}

/// Without overflow.
bool is_image_of(const std::array<std::uint64_t, 3>& shape, std::uint64_t entries) {
  const auto [channels, rows, columns] = shape;
  return channels > 0 && rows > 0 && columns > 0 && entries % channels == 0 && entries / channels % rows == 0 &&
         entries / channels / rows == columns;
}

/// What image a row of entries is, where anything asks for one.
void fit_rows(ScalingTexts& texts, const SampleShape& row, const Shape& input, const std::string& data_name) {
  const auto several = [&](const std::vector<std::string>& list) { return list.size() != 1 && list.size() != row.entries(); };
  const bool asked = texts.layout != Layout::nchw || texts.array_layout;
  if (!texts.image_shape && (asked || several(texts.mean) || several(texts.std))) {
    texts.image_shape = own_shape(input, texts.layout);
    if (!texts.image_shape && asked)
      throw Error(ExitCode::usage, (texts.array_layout ? "--array-layout" : "--layout") + std::string(" is for images, and the samples of ") +
                                       data_name +
                                       " are rows without a shape; say with --image-shape CHANNELS,ROWS,COLUMNS what image a row is.");
  }
  if (!texts.image_shape) return;
  if (!is_image_of(*texts.image_shape, row.entries())) {
    const auto& [channels, rows, columns] = *texts.image_shape;
    throw input_error(data_name + ": a row has " + std::to_string(row.entries()) + " entries, and an image of --image-shape " +
                      std::to_string(channels) + "," + std::to_string(rows) + "," + std::to_string(columns) +
                      " has another number; give the shape of these images.");
  }
}

}  // namespace

ScalingTexts fitted(ScalingTexts texts, const DataDescription& data, const Shape& input, const std::string& data_name) {
  const SampleShape& stored = data.shape;
  if (element_count(input) != stored.entries()) return texts;  // refused by `Scaling`
  if (stored.image && texts.image_shape)
    throw Error(ExitCode::usage, "--image-shape is for rows of entries, and the samples of " + data_name + " have a shape; leave it out.");
  if (stored.image && texts.array_layout && data.format != DataFormat::npy)
    throw Error(ExitCode::usage, "--array-layout is for NPY arrays and rows of entries, and the format of " + data_name +
                                     " has an order of its own; leave it out.");
  if (!stored.image) fit_rows(texts, stored, input, data_name);
  if (!stored.image && !texts.image_shape) return texts;

  const auto image = [&](Layout array) {
    ScalingTexts other = texts;
    other.array_layout = array;
    return image_in(stored, other);
  };
  const bool free = !stored.image || data.format == DataFormat::npy;  // the order of the file is not fixed by its format
  Layout array = texts.array_layout.value_or(Layout::nchw);
  if (free && !texts.array_layout && texts.layout == Layout::nhwc && fits(image(Layout::nhwc), Layout::nhwc, input)) {
    const SampleShape first = image(Layout::nchw);
    if (!fits(first, Layout::nhwc, input))
      array = Layout::nhwc;  // as the graph reads it
    else if (first.channels > 1 && first.rows * first.columns > 1)
      throw Error(ExitCode::usage, "--layout NHWC says how the model reads an image, but " + data_name +
                                       " may hold it in either order; say with --array-layout NHWC that its channels come last, or NCHW.");
  }
  if (!fits(image(array), texts.layout, input)) {
    std::string remedy = stored.image ? "give data that belongs to the model, or rows of entries, which have no shape."
                                      : "give the shape of these images with --image-shape, and the order that the model reads with --layout.";
    const auto* layout = std::find_if(all_layouts.begin(), all_layouts.end(), [&](Layout l) { return fits(image(array), l, input); });
    const Layout turned = array == Layout::nchw ? Layout::nhwc : Layout::nchw;
    const bool other = free && fits(image(turned), texts.layout, input);
    if (other && (texts.array_layout || layout == all_layouts.end()))
      remedy = std::string("if they are stored so, use --array-layout ") + name_of(turned) + ".";
    else if (layout != all_layouts.end())
      remedy = std::string("if the model reads them so, use --layout ") + name_of(*layout) + ".";
    throw no_fit(data_name, image(array), texts.layout, input, remedy);
  }
  texts.array_layout = array == Layout::nhwc ? std::optional<Layout>(array) : std::nullopt;
  return texts;
}

const char* name_of(Unit unit) {
  return unit == Unit::graph_input ? "graph input" : "scaled pixel";
}

Unit usual_unit(const ScalingTexts& texts) {
  const auto all = [](const std::vector<std::string>& list, std::int64_t value) {
    return std::all_of(list.begin(), list.end(), [&](const std::string& text) { return Rational::parse(text, "A number") == Rational(value); });
  };
  return all({texts.scale}, 1) && all(texts.mean, 0) && all(texts.std, 1) ? Unit::graph_input : Unit::scaled_pixel;
}

Rational smallest_std(const ScalingTexts& texts) {
  std::optional<Rational> smallest;
  for (const std::string& text : texts.std) {
    const Rational size = magnitude(Rational::parse(text, "--std"));
    if (!smallest || size < *smallest) smallest = size;
  }
  return smallest.value_or(Rational(1));
}

Scaling::Scaling(const ScalingTexts& texts, const SampleShape& stored, const Shape& input, const std::string& data_name)
    : data_name_(data_name), scale_(Rational::parse(texts.scale, "--scale")) {
  if (scale_.sign() == 0)
    throw Error(ExitCode::usage, "--scale is zero; give the factor from the file's numbers to the model's, such as 1/255.");
  const SampleShape shape = image_in(stored, texts);
  if (element_count(input) != stored.entries() || (texts.image_shape && !is_image_of(*texts.image_shape, stored.entries())))
    throw input_error(
        data_name + ": a sample has " + std::to_string(stored.entries()) + " entries" +
        (stored.image ? " (" + std::to_string(stored.channels) + " x " + std::to_string(stored.rows) + " x " + std::to_string(stored.columns) + ")" : "") +
        ", but the model's input " + text_of(input) + " has " + std::to_string(element_count(input)) +
        "; give data that belongs to the model" +
        (stored.entries() == element_count(input) + 1 && !stored.image ? ", or name the column of the labels with --label-column." : "."));
  if (!shape.image && (texts.layout != Layout::nchw || texts.array_layout))
    throw Error(ExitCode::usage, std::string("--layout ") + name_of(texts.layout) + " is for images, and the samples of " + data_name +
                                     " have no rows and columns.");
  if (stored.image && texts.image_shape)
    throw Error(ExitCode::usage, "An image shape was given for " + data_name + ", whose samples have one.");
  if (shape.image && !fits(shape, texts.layout, input)) throw no_fit(data_name, shape, texts.layout, input, "give data that belongs to the model.");
  mean_ = per_channel(texts.mean, shape, "--mean", true);
  std_ = per_channel(texts.std, shape, "--std", false);

  area_ = shape.rows * shape.columns;
  channels_ = shape.channels;
  channels_last_ = texts.array_layout == Layout::nhwc;
  const std::uint64_t channels = shape.channels;
  const std::uint64_t rows = shape.rows;
  const std::uint64_t columns = shape.columns;
  order_.reserve(shape.entries());
  const auto position = [&](std::uint64_t c, std::uint64_t r, std::uint64_t k) {
    order_.push_back(static_cast<std::uint32_t>(channels_last_ ? (r * columns + k) * channels + c : (c * rows + r) * columns + k));
  };
  switch (texts.layout) {
    case Layout::nchw:
      for (std::uint64_t c = 0; c < channels; ++c)
        for (std::uint64_t r = 0; r < rows; ++r)
          for (std::uint64_t k = 0; k < columns; ++k) position(c, r, k);
      break;
    case Layout::nhwc:
      for (std::uint64_t r = 0; r < rows; ++r)
        for (std::uint64_t k = 0; k < columns; ++k)
          for (std::uint64_t c = 0; c < channels; ++c) position(c, r, k);
      break;
    case Layout::ncwh:
      for (std::uint64_t c = 0; c < channels; ++c)
        for (std::uint64_t k = 0; k < columns; ++k)
          for (std::uint64_t r = 0; r < rows; ++r) position(c, r, k);
      break;
  }

  const Rational one(1);
  unit_ = scale_ == one;
  for (const Rational& mean : mean_) unit_ = unit_ && mean.sign() == 0;
  for (const Rational& std : std_) unit_ = unit_ && std == one;
  one_map_ = mean_.size() == 1 && std_.size() == 1;
  constexpr std::uint64_t most_tables = 4096;
  const std::uint64_t tables = one_map_ ? 1 : channels;
  for (std::uint64_t c = 0; c < tables && tables <= most_tables; ++c) {
    for (int v = 0; v < 256; ++v) pixel_table_.push_back(bounds_of(scaled(Rational(v), c)));
  }
}

double Scaling::pixels_per_unit(std::size_t i) const {
  return magnitude(std_[std_.size() == 1 ? 0 : channel(order_[i])]).rounded_up();
}

Rational Scaling::input_of(const Rational& pixel, std::size_t i) const {
  const std::size_t c = channel(order_[i]);
  return (pixel - mean_[mean_.size() == 1 ? 0 : c]) / std_[std_.size() == 1 ? 0 : c];
}

std::vector<double> Scaling::unscaled(const std::vector<double>& input) const {
  std::vector<double> values(order_.size());
  const double scale = scale_.rounded_down();
  for (std::size_t i = 0; i < order_.size(); ++i) {
    const std::size_t at = order_[i];
    const std::size_t c = channel(at);
    values[at] = unit_ ? input[i] : (input[i] * std_[std_.size() == 1 ? 0 : c].rounded_down() + mean_[mean_.size() == 1 ? 0 : c].rounded_down()) / scale;
  }
  return values;
}

Rational Scaling::scaled(const Rational& value, std::size_t channel) const {
  return unit_ ? value : (value * scale_ - mean_[mean_.size() == 1 ? 0 : channel]) / std_[std_.size() == 1 ? 0 : channel];
}

Rational Scaling::entry(const Sample& sample, std::size_t i) const {
  const std::size_t at = order_[i];
  const std::size_t c = channel(at);
  if (!sample.pixels.empty()) return scaled(Rational(std::int64_t{sample.pixels[at]}), c);
  if (!sample.reals.empty()) return scaled(Rational::exact(sample.reals[at]), c);
  Rational value;
  if (!Rational::read_decimal(sample.decimals[at], value)) throw Error(ExitCode::internal, "A sample holds a text that is no decimal.");
  return scaled(value, c);
}

void Scaling::enclose(const Sample& sample, std::vector<EntryBounds>& entries) const {
  if (sample.entries() != order_.size())
    throw input_error(data_name_ + ": sample " + std::to_string(sample.index) + " has " + std::to_string(sample.entries()) +
                      " entries instead of " + std::to_string(order_.size()) + ".");
  entries.resize(order_.size());
  for (std::size_t i = 0; i < order_.size(); ++i) {
    const std::size_t at = order_[i];
    if (!sample.pixels.empty() && !pixel_table_.empty())
      entries[i] = pixel_table_[(one_map_ ? 0 : channel(at)) * 256 + sample.pixels[at]];
    else if (unit_ && !sample.reals.empty())
      entries[i] = {sample.reals[at], sample.reals[at]};
    else
      entries[i] = bounds_of(entry(sample, i));
    if (!std::isfinite(entries[i].lower) || !std::isfinite(entries[i].upper))
      throw input_error(data_name_ + ": entry " + std::to_string(at) + " of sample " + std::to_string(sample.index) +
                        " is too large for a network's arithmetic; check the data and --scale.");
  }
}

}  // namespace lipcert
