// Convolution with zero padding. The kernel, flattened to channels x (input channels * k * k), is constrained like a dense matrix; one
// entry of the input meets at most ceil(k / s) positions of the kernel in each direction, so the convolution has at most the norm of that
// matrix times ceil(k / s), and is divided by it. (The averaged factor for stride 1 in deel-lip is no upper bound.) Finishing replaces the
// factor by the true norm.
//
// Cost per sample: one matrix product of channels x (input channels k k) x positions forward, two backward.
#include <algorithm>

#include "examples/trainer/finish.hpp"
#include "examples/trainer/graph_writer.hpp"
#include "examples/trainer/layer.hpp"
#include "formats/encoding/error.hpp"

namespace liptrain {
namespace {

template <class S>
using Map = Eigen::Map<Matrix<S>>;
template <class S>
using ConstMap = Eigen::Map<const Matrix<S>>;

Index positions(Index size, const ConvolutionOptions& options) {
  return (size + 2 * options.padding - options.kernel) / options.stride + 1;
}

Shape output_shape(const Shape& in, const ConvolutionOptions& o) {
  return {o.channels, positions(in.rows, o), positions(in.columns, o), true};
}

template <class S>
class Convolution final : public Layer<S> {
 public:
  Convolution(const Shape& in, const ConvolutionOptions& options, const WeightOptions& weight)
      : Layer<S>(in, output_shape(in, options)),
        options_(options),
        weight_(weight),
        factor_(S(1) / static_cast<S>((options.kernel + options.stride - 1) / options.stride)) {}

  [[nodiscard]] std::string text() const override {
    std::string result = "conv " + std::to_string(options_.channels) + " " + std::to_string(options_.kernel);
    if (options_.stride != 1) {
      result += " stride " + std::to_string(options_.stride);
    }
    if (options_.padding != options_.kernel / 2) {
      result += " padding " + std::to_string(options_.padding);
    }
    return weight_.options().constraint == Constraint::frobenius ? result + " frobenius" : result;
  }
  [[nodiscard]] std::vector<Parameter<S>*> parameters() override { return {&free_, &bias_}; }

  void start(Random& random) override {
    weight_.start(free_.value, free_.left, options_.channels, taps(), random);
    bias_.value.setZero(1, options_.channels);
  }
  void compute() override {
    if (!finished_) {
      weight_.compute(free_.value, free_.left);
      kernel_ = weight_.value() * factor_;
    }
  }

  void forward(const Matrix<S>& x, Matrix<S>& y, Memory<S>& memory) const override {
    memory.kept.resize(2);
    Matrix<S>& patches = memory.kept[0];
    patches.resize(taps(), this->out().area());
    y.resize(x.rows(), this->out().size());
    for (Index n = 0; n < x.rows(); ++n) {
      gather(x.row(n).data(), patches);
      Map<S> image(y.row(n).data(), options_.channels, this->out().area());
      image.noalias() = kernel_ * patches;
      image.colwise() += bias_.value.row(0).transpose();
    }
  }

  void backward(const Matrix<S>& x, const Matrix<S>& gy, Matrix<S>* gx, Memory<S>& memory) const override {
    memory.kept.resize(2);
    Matrix<S>& patches = memory.kept[0];
    Matrix<S>& back = memory.kept[1];
    patches.resize(taps(), this->out().area());
    if (gx != nullptr) {
      gx->setZero(x.rows(), x.cols());
      back.resize(taps(), this->out().area());
    }
    for (Index n = 0; n < x.rows(); ++n) {
      const ConstMap<S> image(gy.row(n).data(), options_.channels, this->out().area());
      gather(x.row(n).data(), patches);
      memory.gradients[0].noalias() += image * patches.transpose();
      memory.gradients[1] += image.rowwise().sum().transpose();
      if (gx != nullptr) {
        back.noalias() = kernel_.transpose() * image;
        scatter(back, gx->row(n).data());
      }
    }
  }
  void pull_back() override {
    free_.gradient *= factor_;
    weight_.pull_back(free_.value, free_.gradient);
  }
  void project(bool thorough) override { weight_.project(free_.value, free_.left, thorough); }

  void finish(double& scale, bool may_scale, std::vector<FinishedLayer>& report) override {
    FinishedLayer line;
    line.layer = text();
    Matrix<float> stored;
    finish_convolution(weight_.value().template cast<double>(), weight_.options(), static_cast<double>(factor_), this->in().channels,
                       options_, may_scale, stored, line);
    scale *= line.gain;
    free_.value = stored.cast<S>();
    bias_.value = (bias_.value.template cast<double>() * scale).template cast<float>().template cast<S>();
    freeze();
    report.push_back(line);
  }
  void freeze() override {
    kernel_ = free_.value;
    finished_ = true;
  }
  [[nodiscard]] std::string write(GraphWriter& graph, const std::string& x) const override {
    const Matrix<float> w = kernel_.template cast<float>();
    const Matrix<float> b = bias_.value.template cast<float>();
    const Index k = options_.kernel, s = options_.stride, p = options_.padding;
    const std::string weights = graph.floats("kernel", {options_.channels, this->in().channels, k, k}, w.data());
    const std::string biases = graph.floats("bias", {options_.channels}, b.data());
    return graph.node("Conv", {x, weights, biases},
                      {{"dilations", {1, 1}}, {"group", 1}, {"kernel_shape", {k, k}}, {"pads", {p, p, p, p}}, {"strides", {s, s}}});
  }

 private:
  [[nodiscard]] Index taps() const { return this->in().channels * options_.kernel * options_.kernel; }

  /// Output columns [first, last) whose input column s * i + b - p lies inside the image.
  [[nodiscard]] std::pair<Index, Index> inside(Index b) const {
    const Index s = options_.stride, offset = b - options_.padding;
    const Index first = offset >= 0 ? 0 : (-offset + s - 1) / s;
    const Index last = this->in().columns - 1 - offset < 0 ? 0 : (this->in().columns - 1 - offset) / s + 1;
    const Index end = std::min(last, this->out().columns);
    return {std::min(first, end), end};
  }

  void gather(const S* x, Matrix<S>& patches) const {
    const Index k = options_.kernel, s = options_.stride, width = this->out().columns;
    for (Index c = 0; c < this->in().channels; ++c) {
      for (Index a = 0; a < k; ++a) {
        for (Index b = 0; b < k; ++b) {
          S* to = patches.row((c * k + a) * k + b).data();
          const auto [first, last] = inside(b);
          for (Index i = 0; i < this->out().rows; ++i, to += width) {
            const Index row = i * s + a - options_.padding;
            if (row < 0 || row >= this->in().rows) {
              std::fill(to, to + width, S(0));
              continue;
            }
            const S* from = x + (c * this->in().rows + row) * this->in().columns + b - options_.padding;
            std::fill(to, to + first, S(0));
            if (s == 1) {
              std::copy(from + first, from + last, to + first);
            } else {
              for (Index j = first; j < last; ++j) {
                to[j] = from[j * s];
              }
            }
            std::fill(to + last, to + width, S(0));
          }
        }
      }
    }
  }

  void scatter(const Matrix<S>& patches, S* x) const {
    const Index k = options_.kernel, s = options_.stride, width = this->out().columns;
    for (Index c = 0; c < this->in().channels; ++c) {
      for (Index a = 0; a < k; ++a) {
        for (Index b = 0; b < k; ++b) {
          const S* from = patches.row((c * k + a) * k + b).data();
          const auto [first, last] = inside(b);
          for (Index i = 0; i < this->out().rows; ++i, from += width) {
            const Index row = i * s + a - options_.padding;
            if (row < 0 || row >= this->in().rows) {
              continue;
            }
            S* to = x + (c * this->in().rows + row) * this->in().columns + b - options_.padding;
            if (s == 1) {
              for (Index j = first; j < last; ++j) {
                to[j] += from[j];
              }
            } else {
              for (Index j = first; j < last; ++j) {
                to[j * s] += from[j];
              }
            }
          }
        }
      }
    }
  }

  ConvolutionOptions options_;
  Weight<S> weight_;
  S factor_;
  Matrix<S> kernel_;
  Parameter<S> free_, bias_;
  bool finished_ = false;
};

}  // namespace

template <class S>
LayerPointer<S> make_convolution(const Shape& in, const ConvolutionOptions& options, const WeightOptions& weight) {
  const auto usage = [](const std::string& sentence) { return lipcert::Error(lipcert::ExitCode::usage, sentence); };
  if (!in.image) {
    throw usage("A convolution needs an image, but " + in.text() + " features come in; remove 'flatten' before it or give images.");
  }
  if (weight.constraint == Constraint::unit_rows) {
    throw usage("'unit-rows' bounds each output alone and is for the last dense layer; a convolution takes 'spectral' or 'frobenius'.");
  }
  if (in.rows + 2 * options.padding < options.kernel || in.columns + 2 * options.padding < options.kernel) {
    throw usage("The kernel of " + std::to_string(options.kernel) + " is larger than the padded image of " + in.text() +
                "; choose a smaller one.");
  }
  return std::make_unique<Convolution<S>>(in, options, weight);
}

template LayerPointer<float> make_convolution(const Shape&, const ConvolutionOptions&, const WeightOptions&);
template LayerPointer<double> make_convolution(const Shape&, const ConvolutionOptions&, const WeightOptions&);

}  // namespace liptrain
