// Types that the whole trainer shares. A batch is a matrix with one sample in a row; an image in a row lies channel by channel, then row by
// row, as ONNX has it.
#pragma once

#include <Eigen/Core>
#include <string>

namespace liptrain {

using Eigen::Index;

template <class S>
using Matrix = Eigen::Matrix<S, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
template <class S>
using Column = Eigen::Matrix<S, Eigen::Dynamic, 1>;

/// Shape of one sample. A vector of n features has n channels, one row and one column.
struct Shape {
  Index channels = 0;
  Index rows = 1;
  Index columns = 1;
  bool image = false;  // four axes in the exported graph, with the batch; else two

  [[nodiscard]] Index area() const { return rows * columns; }
  [[nodiscard]] Index size() const { return channels * area(); }
  [[nodiscard]] std::string text() const;  // "16 x 28 x 28" or "32"
  friend bool operator==(const Shape&, const Shape&) = default;
};

}  // namespace liptrain
