#include "examples/trainer/data.hpp"

#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <map>
#include <numeric>

#include "examples/trainer/network.hpp"
#include "examples/trainer/random.hpp"
#include "formats/encoding/error.hpp"
#include "formats/encoding/files.hpp"

namespace liptrain {
namespace {

/// `archive.npz:member` becomes a file of its own for as long as the object lives, so that the one reader of NPY does the rest.
class Unpacked {
 public:
  explicit Unpacked(const std::string& name) : path_(name) {
    const auto colon = name.rfind(".npz:");
    if (colon == std::string::npos) {
      if (name.size() > 4 && name.compare(name.size() - 4, 4, ".npz") == 0) {
        throw lipcert::input_error(name + ": an NPZ file has several members; name one, as in " + name + ":x_train.");
      }
      return;
    }
    const std::string bytes = read_npz_member(name.substr(0, colon + 4), name.substr(colon + 5));
    std::string pattern = (std::filesystem::temp_directory_path() / "liptrain.XXXXXX").string();
    if (::mkdtemp(pattern.data()) == nullptr) {
      throw lipcert::input_error(pattern + ": no temporary folder can be made; set TMPDIR to a folder that you may write to.");
    }
    folder_ = pattern;
    path_ = folder_ + "/" + lipcert::file_name_of(name);
    lipcert::write_file(path_, bytes, lipcert::Overwrite::no);
  }
  Unpacked(const Unpacked&) = delete;
  Unpacked& operator=(const Unpacked&) = delete;
  ~Unpacked() {
    if (!folder_.empty()) {
      std::error_code ignored;
      std::filesystem::remove_all(folder_, ignored);
    }
  }
  [[nodiscard]] const std::string& path() const { return path_; }

 private:
  std::string path_;
  std::string folder_;
};

std::optional<lipcert::DataFormat> format_of(const std::string& name) {
  for (const auto format : {lipcert::DataFormat::idx, lipcert::DataFormat::csv, lipcert::DataFormat::npy, lipcert::DataFormat::cifar10,
                            lipcert::DataFormat::png_folder}) {
    if (name == lipcert::name_of(format)) {
      return format;
    }
  }
  if (name.empty()) {
    return std::nullopt;
  }
  throw lipcert::Error(lipcert::ExitCode::usage, "'" + name + "' is not a format; choose idx, csv, npy, cifar10 or png-folder.");
}

void read_folder(const DataChoice& choice, double scale, DataSet& set) {
  const ImageFolder folder = read_image_folder(choice.samples, choice.image_size);
  set.shape = folder.shape;
  set.labels = folder.labels;
  set.files = {folder.file};
  set.samples.resize(static_cast<Index>(folder.labels.size()), folder.shape.size());
  for (Index i = 0; i < set.samples.size(); ++i) {
    set.samples.data()[i] = static_cast<float>(folder.pixels[static_cast<std::size_t>(i)] * scale);
  }
}

void read_files(const DataChoice& choice, double scale, DataSet& set) {
  const Unpacked samples(choice.samples), labels(choice.labels);
  lipcert::DataSource source;
  source.samples = samples.path();
  source.labels = labels.path();
  source.format = format_of(choice.format);
  source.label_column = choice.label_column;
  const auto description = lipcert::scan_data(source);
  set.shape = {static_cast<Index>(description.shape.channels), static_cast<Index>(description.shape.rows),
               static_cast<Index>(description.shape.columns), description.shape.image};
  const auto entries = static_cast<Index>(description.shape.entries());
  if (!description.shape.image) {
    set.shape = Shape{entries};
  }
  set.files = description.files;
  if (!description.labelled) {
    throw lipcert::input_error(choice.samples + ": the samples have no labels; give --labels or --label-column.");
  }
  auto count = std::max<Index>(0, static_cast<Index>(description.samples) - choice.skip);
  if (choice.limit > 0) {
    count = std::min(count, choice.limit);
  }
  set.samples.resize(count, entries);
  set.labels.resize(static_cast<std::size_t>(count));
  lipcert::SampleReader reader(source);
  lipcert::Sample sample;
  (void)reader.skip(static_cast<std::uint64_t>(choice.skip));
  for (Index n = 0; n < count && reader.next(sample); ++n) {
    float* const to = set.samples.row(n).data();
    for (Index k = 0; k < entries; ++k) {
      const auto at = static_cast<std::size_t>(k);
      const double value = !sample.pixels.empty()  ? static_cast<double>(sample.pixels[at])
                           : !sample.reals.empty() ? sample.reals[at]
                                                   : std::strtod(sample.decimals[at].c_str(), nullptr);
      to[k] = static_cast<float>(value * scale);
      if (!std::isfinite(to[k])) {
        throw lipcert::input_error(choice.samples + ": sample " + std::to_string(n) +
                                   " has an entry beyond float32; give a smaller --scale.");
      }
    }
    const std::int64_t label = *sample.label;
    if (label < -1 || label > 9999) {
      throw lipcert::input_error(choice.samples + ": sample " + std::to_string(n) + " has the label " + std::to_string(label) +
                                 "; labels are 0, 1, ... up to 9999, or -1 and 1.");
    }
    set.labels[static_cast<std::size_t>(n)] = static_cast<int>(label);
  }
  // Labels -1 and 1 mean the classes 0 and 1; with others beside them -1 means nothing that we know.
  if (std::find(set.labels.begin(), set.labels.end(), -1) != set.labels.end()) {
    for (int& label : set.labels) {
      if (label != -1 && label != 1) {
        throw lipcert::input_error(choice.samples + ": the label -1 stands beside the label " + std::to_string(label) +
                                   "; labels are 0, 1, ..., or -1 and 1.");
      }
      label = std::max(0, label);
    }
  }
}

/// Keeps the chosen classes, with new numbers in the order of the choice.
void keep_classes(const std::string& list, DataSet& set) {
  std::map<int, int> renamed;
  std::string number;
  for (const char c : list + ",") {
    if (c != ',') {
      number += c;
      continue;
    }
    if (number.empty() || number.size() > 4 || number.find_first_not_of("0123456789") != std::string::npos) {
      throw lipcert::Error(lipcert::ExitCode::usage, "'" + list + "' is no list of classes; write for example --classes 0,2.");
    }
    renamed.emplace(std::stoi(number), static_cast<int>(renamed.size()));
    number.clear();
  }
  Index kept = 0;
  for (Index n = 0; n < set.size(); ++n) {
    const auto found = renamed.find(set.labels[static_cast<std::size_t>(n)]);
    if (found != renamed.end()) {
      set.samples.row(kept) = set.samples.row(n).eval();
      set.labels[static_cast<std::size_t>(kept)] = found->second;
      ++kept;
    }
  }
  set.samples.conservativeResize(kept, Eigen::NoChange);
  set.labels.resize(static_cast<std::size_t>(kept));
}

/// The first samples of a random order are the test part; each part keeps the order of the file.
void keep_part(double share, bool test, DataSet& set) {
  std::vector<Index> order(set.labels.size());
  std::iota(order.begin(), order.end(), 0);
  Random random(1);
  random.shuffle(order);
  const auto cut = order.begin() + static_cast<std::ptrdiff_t>(share * static_cast<double>(order.size()) + 0.5);
  std::vector<Index> kept(test ? order.begin() : cut, test ? cut : order.end());
  std::sort(kept.begin(), kept.end());
  for (std::size_t n = 0; n < kept.size(); ++n) {
    set.samples.row(static_cast<Index>(n)) = set.samples.row(kept[n]).eval();
    set.labels[n] = set.labels[static_cast<std::size_t>(kept[n])];
  }
  set.samples.conservativeResize(static_cast<Index>(kept.size()), Eigen::NoChange);
  set.labels.resize(kept.size());
}

void channels_first(DataSet& set) {
  // As read: "channels" are rows, "rows" are columns, "columns" are channels.
  const Shape as_read = set.shape;
  set.shape = {as_read.columns, as_read.channels, as_read.rows, true};
  Matrix<float> moved(1, set.samples.cols());
  for (Index n = 0; n < set.size(); ++n) {
    for (Index p = 0; p < set.shape.area(); ++p) {
      for (Index c = 0; c < set.shape.channels; ++c) {
        moved(0, c * set.shape.area() + p) = set.samples(n, p * set.shape.channels + c);
      }
    }
    set.samples.row(n) = moved.row(0);
  }
}

}  // namespace

DataSet read_data_set(const DataChoice& choice) {
  const double scale = parse_scale(choice.scale);
  DataSet set;
  if (choice.image_size > 0 || has_jpeg(choice.samples)) {
    read_folder(choice, scale, set);
  } else {
    read_files(choice, scale, set);
  }
  if (choice.layout == "NHWC") {
    if (!set.shape.image) {
      throw lipcert::input_error(choice.samples + ": the samples are not images of three axes, which --layout NHWC is about.");
    }
    channels_first(set);
  } else if (choice.layout != "NCHW") {
    throw lipcert::Error(lipcert::ExitCode::usage, "'" + choice.layout + "' is not a layout; choose NCHW or NHWC.");
  }
  if (!choice.classes.empty()) {
    keep_classes(choice.classes, set);
  }
  if (choice.hold_out > 0) {
    keep_part(choice.hold_out, choice.test_part, set);
  }
  if (set.size() == 0) {
    throw lipcert::input_error(choice.samples + ": no sample is left; check --classes, --skip, --limit and --hold-out.");
  }
  set.classes = *std::max_element(set.labels.begin(), set.labels.end()) + 1;
  return set;
}

}  // namespace liptrain
