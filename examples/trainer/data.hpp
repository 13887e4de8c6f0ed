// Data sets in memory. The formats of `lipcert` (IDX, CSV, NPY, CIFAR-10 binary, folders of PNG) are read by its own readers; beside them
// members of an NPZ file (`file.npz:member`) and folders of JPEG or PNG images of any size.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "examples/trainer/matrix.hpp"
#include "formats/data/data_set.hpp"

namespace liptrain {

struct DataChoice {
  std::string samples;
  std::string labels;
  std::string format;  // empty: recognised
  std::optional<std::int64_t> label_column;
  std::string scale = "1";  // x = v * scale
  std::string classes;      // "0,2": keep these, renamed 0, 1
  Index image_size = 0;     // folders: resample to this many rows and columns
  Index skip = 0, limit = 0;    // files: leave out the first, take at most so many of the others
  std::string layout = "NCHW";  // or NHWC, of arrays with four dimensions
  double hold_out = 0;          // this share of the samples, drawn at random with a fixed seed, is the test part
  bool test_part = false;       // which of the two parts is meant when hold_out is not 0
};

struct DataSet {
  Shape shape;
  Matrix<float> samples;
  std::vector<int> labels;
  Index classes = 0;
  std::vector<lipcert::DataFile> files;

  [[nodiscard]] Index size() const { return samples.rows(); }
};

/// Throws `Error` (input) with file, place, reason and remedy.
[[nodiscard]] DataSet read_data_set(const DataChoice& choice);

/// Images as bytes (channel, row, column), one after the other; labels are the numbers of the sub-folders in byte order of their names.
struct ImageFolder {
  Shape shape;
  std::vector<std::uint8_t> pixels;
  std::vector<int> labels;
  std::vector<std::string> classes;
  lipcert::DataFile file;
};
/// Whether the folder, or a sub-folder, holds a JPEG file.
[[nodiscard]] bool has_jpeg(const std::string& folder);
[[nodiscard]] ImageFolder read_image_folder(const std::string& folder, Index size);

/// The bytes of a member (`x_train` or `x_train.npy`) of an NPZ file.
[[nodiscard]] std::string read_npz_member(const std::string& path, const std::string& member);

/// An NPY file of unsigned bytes.
[[nodiscard]] std::string npy_bytes(const std::vector<Index>& shape, const std::vector<std::uint8_t>& values);

}  // namespace liptrain
