#include "formats/data/scaling.hpp"

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

std::vector<Rational> per_channel(const std::vector<std::string>& texts, std::uint64_t channels, const std::string& option,
                                  bool zero_allowed) {
  if (texts.size() != 1 && texts.size() != channels)
    throw Error(ExitCode::usage, option + " has " + std::to_string(texts.size()) + " numbers, but the samples have " +
                                     std::to_string(channels) +
                                     (channels == 1 ? " channel; give one number." : " channels; give one number, or one per channel."));
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

}  // namespace

Scaling::Scaling(const ScalingTexts& texts, const SampleShape& shape, const Shape& input, const std::string& data_name)
    : area_(shape.rows * shape.columns), data_name_(data_name), scale_(Rational::parse(texts.scale, "--scale")) {
  if (scale_.sign() == 0)
    throw Error(ExitCode::usage, "--scale is zero; give the factor from the file's numbers to the model's, such as 1/255.");
  mean_ = per_channel(texts.mean, shape.channels, "--mean", true);
  std_ = per_channel(texts.std, shape.channels, "--std", false);

  if (element_count(input) != shape.entries())
    throw input_error(
        data_name + ": a sample has " + std::to_string(shape.entries()) + " entries" +
        (shape.image
             ? " (" + std::to_string(shape.channels) + " x " + std::to_string(shape.rows) + " x " + std::to_string(shape.columns) + ")"
             : "") +
        ", but the model's input " + text_of(input) + " has " + std::to_string(element_count(input)) +
        "; give data that belongs to the model" +
        (shape.entries() == element_count(input) + 1 && !shape.image ? ", or name the column of the labels with --label-column." : "."));
  if (!shape.image && texts.layout != Layout::nchw)
    throw Error(ExitCode::usage, std::string("--layout ") + name_of(texts.layout) + " is for images, and the samples of " + data_name +
                                     " have no rows and columns.");
  if (shape.image && shape.channels > 1 && input.size() == 4) {
    const Shape first = {1, shape.channels, shape.rows, shape.columns};
    const Shape last = {1, shape.rows, shape.columns, shape.channels};
    const Shape& wanted = texts.layout == Layout::nhwc ? last : first;
    const Shape& other = texts.layout == Layout::nhwc ? first : last;
    if (input != wanted && input == other)
      throw input_error(data_name + ": the model's input " + text_of(input) + " has another order than --layout " + name_of(texts.layout) +
                        "; use --layout " + (texts.layout == Layout::nhwc ? "NCHW." : "NHWC."));
  }

  const std::uint64_t channels = shape.channels;
  const std::uint64_t rows = shape.rows;
  const std::uint64_t columns = shape.columns;
  order_.reserve(shape.entries());
  const auto position = [&](std::uint64_t c, std::uint64_t r, std::uint64_t k) {
    order_.push_back(static_cast<std::uint32_t>((c * rows + r) * columns + k));
  };
  switch (texts.layout) {
    case Layout::nchw:
      for (std::uint64_t i = 0; i < shape.entries(); ++i) order_.push_back(static_cast<std::uint32_t>(i));
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

Rational Scaling::scaled(const Rational& value, std::size_t channel) const {
  return unit_ ? value : (value * scale_ - mean_[mean_.size() == 1 ? 0 : channel]) / std_[std_.size() == 1 ? 0 : channel];
}

Rational Scaling::entry(const Sample& sample, std::size_t i) const {
  const std::size_t at = order_[i];
  const std::size_t channel = at / area_;
  if (!sample.pixels.empty()) return scaled(Rational(std::int64_t{sample.pixels[at]}), channel);
  if (!sample.reals.empty()) return scaled(Rational::exact(sample.reals[at]), channel);
  Rational value;
  if (!Rational::read_decimal(sample.decimals[at], value)) throw Error(ExitCode::internal, "A sample holds a text that is no decimal.");
  return scaled(value, channel);
}

void Scaling::enclose(const Sample& sample, std::vector<EntryBounds>& entries) const {
  if (sample.entries() != order_.size())
    throw input_error(data_name_ + ": sample " + std::to_string(sample.index) + " has " + std::to_string(sample.entries()) +
                      " entries instead of " + std::to_string(order_.size()) + ".");
  entries.resize(order_.size());
  for (std::size_t i = 0; i < order_.size(); ++i) {
    const std::size_t at = order_[i];
    if (!sample.pixels.empty() && !pixel_table_.empty())
      entries[i] = pixel_table_[(one_map_ ? 0 : at / area_) * 256 + sample.pixels[at]];
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
