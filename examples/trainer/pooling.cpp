// Pooling over k x k windows without overlap, each of norm 1: the average times k (the sum over k^2 entries has norm k), the Euclidean norm
// of the window, and the invertible rearrangement of windows into channels (norm-preserving). Rows and columns that do not fill a window
// are refused.
#include <cmath>

#include "examples/trainer/graph_writer.hpp"
#include "examples/trainer/layer.hpp"
#include "formats/encoding/error.hpp"

namespace liptrain {
namespace {

lipcert::Error usage(const std::string& sentence) {
  return lipcert::Error(lipcert::ExitCode::usage, sentence);
}

/// The largest float not above the positive number v.
float float_below(double v) {
  const auto nearest = static_cast<float>(v);
  return static_cast<double>(nearest) <= v ? nearest : std::nextafter(nearest, 0.0F);
}

template <class S>
class AveragePooling final : public Layer<S> {
 public:
  AveragePooling(const Shape& in, Index rows, Index columns, bool global)
      : Layer<S>(in, Shape{in.channels, in.rows / rows, in.columns / columns, true}), rows_(rows), columns_(columns), global_(global) {
    // Exported as the average times this float32: the product with 1 / (rows columns) is what the sum is multiplied by. Rounded down where
    // the square root is not a float, so that the norm stays at most 1.
    scale_ = float_below(std::sqrt(static_cast<double>(rows * columns)));
    factor_ = static_cast<S>(scale_) / static_cast<S>(rows * columns);
  }

  [[nodiscard]] std::string text() const override { return global_ ? "global-avgpool" : "avgpool " + std::to_string(rows_); }

  void forward(const Matrix<S>& x, Matrix<S>& y, Memory<S>& /*memory*/) const override {
    y.resize(x.rows(), this->out().size());
    const Index height = this->out().rows, width = this->out().columns;
    for (Index n = 0; n < x.rows(); ++n) {
      for (Index c = 0; c < this->in().channels; ++c) {
        for (Index i = 0; i < height; ++i) {
          const S* from = x.row(n).data() + (c * this->in().rows + i * rows_) * this->in().columns;
          S* to = y.row(n).data() + (c * height + i) * width;
          if (rows_ == 2 && columns_ == 2) {
            const S* below = from + this->in().columns;
            for (Index j = 0; j < width; ++j) {
              to[j] = ((from[2 * j] + from[2 * j + 1]) + (below[2 * j] + below[2 * j + 1])) * factor_;
            }
            continue;
          }
          for (Index j = 0; j < width; ++j) {
            S sum = 0;
            for (Index a = 0; a < rows_; ++a) {
              for (Index b = 0; b < columns_; ++b) {
                sum += from[a * this->in().columns + j * columns_ + b];
              }
            }
            to[j] = sum * factor_;
          }
        }
      }
    }
  }
  void backward(const Matrix<S>& x, const Matrix<S>& gy, Matrix<S>* gx, Memory<S>& /*memory*/) const override {
    if (gx == nullptr) {
      return;
    }
    gx->resize(x.rows(), x.cols());
    const Index height = this->out().rows, width = this->out().columns, across = this->in().columns;
    for (Index n = 0; n < x.rows(); ++n) {
      for (Index c = 0; c < this->in().channels; ++c) {
        for (Index i = 0; i < height; ++i) {
          const S* from = gy.row(n).data() + (c * height + i) * width;
          S* to = gx->row(n).data() + (c * this->in().rows + i * rows_) * across;
          for (Index a = 0; a < rows_; ++a) {
            if (columns_ == 2) {
              for (Index j = 0; j < width; ++j) {
                const S g = from[j] * factor_;
                to[a * across + 2 * j] = g;
                to[a * across + 2 * j + 1] = g;
              }
              continue;
            }
            for (Index j = 0; j < width; ++j) {
              for (Index b = 0; b < columns_; ++b) {
                to[a * across + j * columns_ + b] = from[j] * factor_;
              }
            }
          }
        }
      }
    }
  }
  [[nodiscard]] std::string write(GraphWriter& graph, const std::string& x) const override {
    const std::string average = graph.node("AveragePool", {x}, {{"kernel_shape", {rows_, columns_}}, {"strides", {rows_, columns_}}});
    return graph.node("Mul", {average, graph.floats("scale", {}, &scale_)});
  }

 private:
  Index rows_, columns_;
  bool global_;
  float scale_ = 1;
  S factor_ = 1;
};

template <class S>
class L2Pooling final : public Layer<S> {
 public:
  L2Pooling(const Shape& in, Index window)
      : Layer<S>(in, Shape{in.channels, in.rows / window, in.columns / window, true}), window_(window) {}

  [[nodiscard]] std::string text() const override { return "l2pool " + std::to_string(window_); }

  void forward(const Matrix<S>& x, Matrix<S>& y, Memory<S>& memory) const override {
    y.setZero(x.rows(), this->out().size());
    each(x, [&](Index n, Index from, Index to) { y(n, to) += x(n, from) * x(n, from); });
    y = y.cwiseSqrt().eval();
    memory.kept.assign(1, y);
  }
  void backward(const Matrix<S>& x, const Matrix<S>& gy, Matrix<S>* gx, Memory<S>& memory) const override {
    if (gx == nullptr) {
      return;
    }
    const Matrix<S>& y = memory.kept[0];
    gx->setZero(x.rows(), x.cols());
    // At a window of zeros 0 is a subgradient.
    each(x, [&](Index n, Index from, Index to) {
      if (y(n, to) > 0) {
        (*gx)(n, from) = gy(n, to) * x(n, from) / y(n, to);
      }
    });
  }
  [[nodiscard]] std::string write(GraphWriter& graph, const std::string& x) const override {
    const float two = 2, half = 0.5F, area = static_cast<float>(window_ * window_);
    const std::string squares = graph.node("Pow", {x, graph.floats("two", {}, &two)});
    const std::string average =
        graph.node("AveragePool", {squares}, {{"kernel_shape", {window_, window_}}, {"strides", {window_, window_}}});
    const std::string sums = graph.node("Mul", {average, graph.floats("area", {}, &area)});
    return graph.node("Pow", {sums, graph.floats("half", {}, &half)});
  }

 private:
  template <class Visit>
  void each(const Matrix<S>& x, const Visit& visit) const {
    const Shape &in = this->in(), &out = this->out();
    for (Index n = 0; n < x.rows(); ++n) {
      for (Index c = 0; c < in.channels; ++c) {
        for (Index i = 0; i < in.rows; ++i) {
          for (Index j = 0; j < in.columns; ++j) {
            visit(n, (c * in.rows + i) * in.columns + j, (c * out.rows + i / window_) * out.columns + j / window_);
          }
        }
      }
    }
  }
  Index window_;
};

template <class S>
class Downsampling final : public Layer<S> {
 public:
  Downsampling(const Shape& in, Index factor)
      : Layer<S>(in, Shape{in.channels * factor * factor, in.rows / factor, in.columns / factor, true}), factor_(factor) {}

  [[nodiscard]] std::string text() const override { return "downsample " + std::to_string(factor_); }

  void forward(const Matrix<S>& x, Matrix<S>& y, Memory<S>& /*memory*/) const override {
    y.resize(x.rows(), x.cols());
    each([&](Index from, Index to) { y.col(to) = x.col(from); });
  }
  void backward(const Matrix<S>& x, const Matrix<S>& gy, Matrix<S>* gx, Memory<S>& /*memory*/) const override {
    if (gx != nullptr) {
      gx->resize(x.rows(), x.cols());
      each([&](Index from, Index to) { gx->col(from) = gy.col(to); });
    }
  }
  [[nodiscard]] std::string write(GraphWriter& graph, const std::string& x) const override {
    const Shape &in = this->in(), &out = this->out();
    const std::string split =
        graph.node("Reshape", {x, graph.integers("shape", {-1, in.channels, out.rows, factor_, out.columns, factor_})});
    const std::string moved = graph.node("Transpose", {split}, {{"perm", {0, 1, 3, 5, 2, 4}}});
    return graph.node("Reshape", {moved, graph.integers("shape", {-1, out.channels, out.rows, out.columns})});
  }

 private:
  template <class Visit>
  void each(const Visit& visit) const {
    const Shape &in = this->in(), &out = this->out();
    for (Index c = 0; c < in.channels; ++c) {
      for (Index i = 0; i < in.rows; ++i) {
        for (Index j = 0; j < in.columns; ++j) {
          const Index channel = (c * factor_ + i % factor_) * factor_ + j % factor_;
          visit((c * in.rows + i) * in.columns + j, (channel * out.rows + i / factor_) * out.columns + j / factor_);
        }
      }
    }
  }
  Index factor_;
};

template <class S>
class Flatten final : public Layer<S> {
 public:
  explicit Flatten(const Shape& in) : Layer<S>(in, Shape{in.size()}) {}
  [[nodiscard]] std::string text() const override { return "flatten"; }
  void forward(const Matrix<S>& x, Matrix<S>& y, Memory<S>& /*memory*/) const override { y = x; }
  void backward(const Matrix<S>& /*x*/, const Matrix<S>& gy, Matrix<S>* gx, Memory<S>& /*memory*/) const override {
    if (gx != nullptr) {
      *gx = gy;
    }
  }
  [[nodiscard]] std::string write(GraphWriter& graph, const std::string& x) const override {
    return graph.node("Flatten", {x}, {{"axis", 1}});
  }
};

void check_window(const Shape& in, Index window, const char* name) {
  if (!in.image || window < 1 || in.rows % window != 0 || in.columns % window != 0) {
    throw usage(std::string("'") + name + " " + std::to_string(window) + "' does not divide its input of " + in.text() +
                "; it needs an image whose rows and columns are multiples of the window.");
  }
}

}  // namespace

template <class S>
LayerPointer<S> make_average_pooling(const Shape& in, Index window) {
  if (window == 0) {
    if (!in.image) {
      throw usage("'global-avgpool' needs an image, but " + in.text() + " features come in.");
    }
    return std::make_unique<AveragePooling<S>>(in, in.rows, in.columns, true);
  }
  check_window(in, window, "avgpool");
  return std::make_unique<AveragePooling<S>>(in, window, window, false);
}
template <class S>
LayerPointer<S> make_l2_pooling(const Shape& in, Index window) {
  check_window(in, window, "l2pool");
  return std::make_unique<L2Pooling<S>>(in, window);
}
template <class S>
LayerPointer<S> make_downsampling(const Shape& in, Index factor) {
  check_window(in, factor, "downsample");
  return std::make_unique<Downsampling<S>>(in, factor);
}
template <class S>
LayerPointer<S> make_flatten(const Shape& in) {
  return std::make_unique<Flatten<S>>(in);
}

template LayerPointer<float> make_average_pooling(const Shape&, Index);
template LayerPointer<double> make_average_pooling(const Shape&, Index);
template LayerPointer<float> make_l2_pooling(const Shape&, Index);
template LayerPointer<double> make_l2_pooling(const Shape&, Index);
template LayerPointer<float> make_downsampling(const Shape&, Index);
template LayerPointer<double> make_downsampling(const Shape&, Index);
template LayerPointer<float> make_flatten(const Shape&);
template LayerPointer<double> make_flatten(const Shape&);

}  // namespace liptrain
