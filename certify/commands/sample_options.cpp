#include "certify/commands/sample_options.hpp"

#include <CLI/CLI.hpp>

namespace lipcert {

DataSource DataOptions::source() const {
  DataSource source;
  source.samples = data;
  source.labels = labels;
  source.label_column = label_column;
  for (const DataFormat known : {DataFormat::idx, DataFormat::csv, DataFormat::npy, DataFormat::cifar10, DataFormat::png_folder}) {
    if (format == name_of(known)) source.format = known;
  }
  return source;
}

ScalingTexts DataOptions::scaling() const {
  ScalingTexts texts;
  for (const Layout known : {Layout::nchw, Layout::nhwc, Layout::ncwh}) {
    if (layout == name_of(known)) texts.layout = known;
  }
  if (!array_layout.empty()) texts.array_layout = array_layout == name_of(Layout::nhwc) ? Layout::nhwc : Layout::nchw;
  if (!image_shape.empty()) texts.image_shape = {image_shape.at(0), image_shape.at(1), image_shape.at(2)};
  const auto canonical = [](const std::vector<std::string>& numbers, const std::string& option) {
    std::vector<std::string> result;
    for (const std::string& number : numbers) result.push_back(canonical_number(number, option));
    return result;
  };
  texts.scale = canonical_number(scale, "--scale");
  texts.mean = canonical(mean, "--mean");
  texts.std = canonical(std, "--std");
  return texts;
}

bool SampleOptions::given() const {
  DataOptions blank;
  blank.data = data.data;
  return !(data == blank) || !eps.empty() || !eps_unit.empty() || allow_low_accuracy || !shard.empty() || !radii.empty() || !input_range.empty();
}

std::vector<std::string> SampleOptions::canonical_eps() const {
  std::vector<std::string> result;
  for (const std::string& number : eps) result.push_back(canonical_number(number, "--eps"));
  return result;
}

std::optional<StatedRange> SampleOptions::range() const {
  if (input_range.empty()) return std::nullopt;
  return StatedRange{canonical_number(input_range.at(0), "--input-range"), canonical_number(input_range.at(1), "--input-range")};
}

void add_radius_options(CLI::App& command, SampleOptions& options) {
  command
      .add_option("--radii", options.radii,
                  "local (default): the larger of the radius that the global constants give and that of a bound for the ball around each sample; with --eps this is "
                  "found out at those eps only, else to 1 %; global: the former alone, which is faster and needs no evidence file")
      ->check(CLI::IsMember({"global", "local"}));
  command
      .add_option("--input-range", options.input_range,
                  "LOW,HIGH: claim radii only for inputs whose scaled pixels (v * scale) all lie between these numbers; a weaker claim, which certificate and reports name")
      ->delimiter(',')
      ->expected(2);
}

void add_data_options(CLI::App& command, DataOptions& options) {
  command.add_option("--data", options.data, "samples: IDX or CIFAR-10 binary (plain or gzip), CSV, NPY, or a folder of PNG images");
  command.add_option("--labels", options.labels, "labels: IDX, NPY, or text with one integer in a line");
  command.add_option("--label-column", options.label_column, "CSV: the column of the label, from 0; -1 is the last one")
      ->allow_extra_args(false);
  command.add_option("--format", options.format, "format of the samples (default: recognised)")
      ->check(CLI::IsMember({"idx", "csv", "npy", "cifar10", "png-folder"}));
  command
      .add_option("--scale", options.scale, "the graph's input is (v * scale - mean) / std, exactly; a decimal or a fraction such as 1/255")
      ->capture_default_str();
  command.add_option("--mean", options.mean, "see --scale: one number, or one per channel (rows without an image shape: per column), separated by commas")
      ->delimiter(',')
      ->capture_default_str();
  command.add_option("--std", options.std, "see --scale: one number, or one per channel (rows without an image shape: per column), separated by commas")
      ->delimiter(',')
      ->capture_default_str();
  command.add_option("--layout", options.layout, "order in which the graph reads an image: NCHW, NHWC, or NCWH (transposed pixels)")
      ->check(CLI::IsMember({"NCHW", "NHWC", "NCWH"}))
      ->capture_default_str();
  command
      .add_option("--array-layout", options.array_layout,
                  "order in which an NPY array, or a row with an image shape, stores an image: NCHW or NHWC (default: NCHW, or NHWC with --layout "
                  "NHWC where only that has the shape of the model's input)")
      ->check(CLI::IsMember({"NCHW", "NHWC"}));
  command
      .add_option("--image-shape", options.image_shape,
                  "CHANNELS,ROWS,COLUMNS of the image that a row of entries (CSV; IDX, NPY of two dimensions) is (default: that of the model's "
                  "input, where --layout or several means ask for one)")
      ->delimiter(',')
      ->expected(3)
      ->check(CLI::Range(std::uint64_t{1}, std::uint64_t{1} << 28));
  command.add_option("--limit", options.limit, "take only the first N samples")
      ->check(CLI::Range(std::uint64_t{1}, std::uint64_t{1} << 40));
  for (const char* name : {"--mean", "--std"}) {
    command.get_option(name)->multi_option_policy(CLI::MultiOptionPolicy::TakeAll)->allow_extra_args(false);
  }
}

void add_unit_option(CLI::App& command, std::string& unit, const std::string& what) {
  command
      .add_option("--eps-unit", unit,
                  "unit of " + what + ": pixel (v * scale, before mean and std) or graph (the graph's input); default: pixel, where --scale, "
                  "--mean or --std is given")
      ->check(CLI::IsMember({"pixel", "graph"}));
}

void add_counting_options(CLI::App& command, SampleOptions& options) {
  command.add_option("--eps", options.eps, "count the samples with a radius above these numbers (ascending, separated by commas; see --eps-unit)")
      ->delimiter(',')
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll)
      ->allow_extra_args(false);
  add_unit_option(command, options.eps_unit, "eps");
  command.add_flag("--allow-low-accuracy", options.allow_low_accuracy,
                   "certify although no more samples are classified as labelled than by guessing: see below");
}

std::optional<Unit> unit_of(const std::string& text) {
  if (text.empty()) return std::nullopt;
  return text == "pixel" ? Unit::scaled_pixel : Unit::graph_input;
}

std::string unit_text(Unit unit) {
  return unit == Unit::scaled_pixel ? "scaled pixels (v * scale, before mean and std)" : "units of the graph's input";
}

}  // namespace lipcert
