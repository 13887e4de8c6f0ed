// Which reader takes a file: what is inside decides (NPY and IDX have magic numbers), then the name (.bin: CIFAR-10, .csv or .txt: CSV).
#include "formats/data/data_set.hpp"

#include <sys/stat.h>

#include "formats/data/readers.hpp"
#include "formats/encoding/error.hpp"
#include "formats/encoding/files.hpp"

namespace lipcert {

const char* name_of(DataFormat format) {
  switch (format) {
    case DataFormat::idx:
      return "idx";
    case DataFormat::csv:
      return "csv";
    case DataFormat::npy:
      return "npy";
    case DataFormat::cifar10:
      return "cifar10";
    case DataFormat::png_folder:
      return "png-folder";
  }
  return "";
}

DataFile describe(ByteSource& source, const std::string& role) {
  source.finish();
  return {role, file_name_of(source.path()), source.file_bytes(), source.sha256_hex()};
}

std::uint64_t sample_entries(const std::string& path, const std::vector<std::uint64_t>& dimensions) {
  std::uint64_t entries = 1;
  for (const std::uint64_t dimension : dimensions) {
    if (dimension == 0) throw input_error(path + ": a sample has a dimension of size zero.");
    if (dimension > largest_sample || entries > largest_sample / dimension)
      throw input_error(path + ": a sample has more than 2^28 entries; nothing that large is read.");
    entries *= dimension;
  }
  return entries;
}

namespace {

bool ends_with(const std::string& text, const std::string& end) {
  return text.size() >= end.size() && text.compare(text.size() - end.size(), end.size(), end) == 0;
}

DataFormat recognise(const std::string& path) {
  struct stat status {};
  if (::stat(path.c_str(), &status) == 0 && S_ISDIR(status.st_mode)) return DataFormat::png_folder;
  ByteSource source(path, ByteSource::Gzip::allowed);
  const std::string_view start = source.peek(4);
  const std::string name = ends_with(path, ".gz") ? path.substr(0, path.size() - 3) : path;
  if (ends_with(name, ".bin")) return DataFormat::cifar10;
  if (start.substr(0, 4) == "\x93NUM") return DataFormat::npy;
  if (start.size() == 4 && start[0] == 0 && start[1] == 0) return DataFormat::idx;
  if (ends_with(name, ".csv") || ends_with(name, ".txt")) return DataFormat::csv;
  throw input_error(
      path +
      ": the format is not recognised; give an IDX, NPY, CSV (.csv) or CIFAR-10 (.bin) file or a folder of PNG images, or name the format "
      "with --format.");
}

}  // namespace

struct SampleReader::State {
  DataSource source;
  DataFormat format = DataFormat::idx;
  std::unique_ptr<Format> reader;
  std::unique_ptr<LabelReader> labels;
  std::uint64_t count = 0;
  bool ended = false;
  Sample scratch;

  bool take(Sample& sample, bool skipping) {
    if (ended) return false;
    sample.label.reset();
    const bool there = skipping ? reader->skip_one(sample) : reader->next(sample);
    if (labels) {
      std::int64_t label = 0;
      const bool label_there = labels->next(label);
      if (there && !label_there)
        throw input_error(labels->path() + ": there are only " + std::to_string(count) + " labels, fewer than samples in " +
                          source.samples + "; give the labels of this very data set.");
      if (!there && label_there)
        throw input_error(labels->path() + ": there are more labels than the " + std::to_string(count) + " samples of " + source.samples +
                          "; give the labels of this very data set.");
      sample.label = label;
    }
    if (!there) {
      ended = true;
      return false;
    }
    if (sample.label && (*sample.label < -1 || *sample.label > 2147483647))
      throw input_error((labels ? labels->path() : source.samples) + ": sample " + std::to_string(count) + " has the label " + std::to_string(*sample.label) +
                        "; labels are 0, 1, ... up to 2147483647, or -1 and 1 for one output, of samples that are not selected too.");
    sample.index = count++;
    return true;
  }
};

SampleReader::SampleReader(const DataSource& source) : state_(std::make_unique<State>()) {
  State& s = *state_;
  s.source = source;
  s.format = source.format ? *source.format : recognise(source.samples);
  if (source.label_column && s.format != DataFormat::csv)
    throw Error(ExitCode::usage, "--label-column is for CSV files, and " + source.samples + " is not one.");
  if (source.label_column && !source.labels.empty()) throw Error(ExitCode::usage, "Give either --labels or --label-column, not both.");
  if (!source.labels.empty() && (s.format == DataFormat::cifar10 || s.format == DataFormat::png_folder))
    throw Error(ExitCode::usage, source.samples + " holds its own labels; leave --labels out.");
  switch (s.format) {
    case DataFormat::idx:
      s.reader = read_idx(source.samples);
      break;
    case DataFormat::csv:
      s.reader = read_csv(source.samples, source.label_column);
      break;
    case DataFormat::npy:
      s.reader = read_npy(source.samples);
      break;
    case DataFormat::cifar10:
      s.reader = read_cifar10(source.samples);
      break;
    case DataFormat::png_folder:
      s.reader = read_png_folder(source.samples);
      break;
  }
  if (!source.labels.empty()) s.labels = std::make_unique<LabelReader>(source.labels);
}

SampleReader::SampleReader(SampleReader&&) noexcept = default;
SampleReader& SampleReader::operator=(SampleReader&&) noexcept = default;
SampleReader::~SampleReader() = default;

bool SampleReader::next(Sample& sample) {
  return state_->take(sample, false);
}

bool SampleReader::skip(std::uint64_t count) {
  for (std::uint64_t i = 0; i < count; ++i) {
    if (!state_->take(state_->scratch, true)) return false;
  }
  return true;
}

DataDescription SampleReader::finish() {
  State& s = *state_;
  while (s.take(s.scratch, true)) {
  }
  DataDescription description;
  description.format = s.format;
  description.files = s.reader->files();
  if (s.labels) description.files.push_back(s.labels->file());
  description.samples = s.count;
  description.shape = s.reader->shape();
  description.labelled = s.labels || s.reader->labelled();
  description.label_column = s.reader->label_column();
  return description;
}

DataDescription scan_data(const DataSource& source) {
  SampleReader reader(source);
  DataDescription description = reader.finish();
  if (description.samples == 0) throw input_error(source.samples + ": there is no sample in it.");
  return description;
}

}  // namespace lipcert
