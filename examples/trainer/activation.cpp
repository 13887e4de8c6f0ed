// Activations of norm 1. With C channels, GroupSort2 and Householder pair channel i with channel i + C/2, which in ONNX is one Split.
//
//   GroupSort2   (a, b) -> (max, min): a permutation at each point
//   MaxMin       x -> (relu(x), relu(-x)), twice the channels: every entry lands in one of the two
//   FullSort     sorts all channels at each position, ascending
//   Householder  the half plane v'z < 0 of each pair is reflected at its border, v = (sin t/2, -cos t/2) with a trained angle t; identity
//   elsewhere
//                (Singla, Singla and Feizi 2022)
//   ReLU
#include <algorithm>
#include <cmath>
#include <numeric>

#include "examples/trainer/finish.hpp"
#include "examples/trainer/graph_writer.hpp"
#include "examples/trainer/layer.hpp"
#include "formats/encoding/error.hpp"

namespace liptrain {
namespace {

void need_pairs(const Shape& in, const char* name) {
  if (in.channels % 2 != 0) {
    throw lipcert::Error(lipcert::ExitCode::usage, std::string("'") + name + "' pairs channels, but " + std::to_string(in.channels) +
                                                       " come in; give the layer before it an even number.");
  }
}

template <class S>
class GroupSort final : public Layer<S> {
 public:
  explicit GroupSort(const Shape& in) : Layer<S>(in, in) {}
  [[nodiscard]] std::string text() const override { return "groupsort2"; }

  void forward(const Matrix<S>& x, Matrix<S>& y, Memory<S>& /*memory*/) const override {
    const Index half = x.cols() / 2;
    y.resize(x.rows(), x.cols());
    for (Index n = 0; n < x.rows(); ++n) {
      const S *a = x.row(n).data(), *b = a + half;
      S *larger = y.row(n).data(), *smaller = larger + half;
      for (Index i = 0; i < half; ++i) {
        larger[i] = std::max(a[i], b[i]);
        smaller[i] = std::min(b[i], a[i]);
      }
    }
  }
  void backward(const Matrix<S>& x, const Matrix<S>& gy, Matrix<S>* gx, Memory<S>& /*memory*/) const override {
    if (gx == nullptr) {
      return;
    }
    const Index half = x.cols() / 2;
    gx->resize(x.rows(), x.cols());
    for (Index n = 0; n < x.rows(); ++n) {
      const S *a = x.row(n).data(), *b = a + half, *larger = gy.row(n).data(), *smaller = larger + half;
      S *ga = gx->row(n).data(), *gb = ga + half;
      for (Index i = 0; i < half; ++i) {
        ga[i] = a[i] >= b[i] ? larger[i] : smaller[i];
        gb[i] = a[i] >= b[i] ? smaller[i] : larger[i];
      }
    }
  }
  [[nodiscard]] std::string write(GraphWriter& graph, const std::string& x) const override {
    const auto halves = graph.nodes("Split", {x}, 2, {{"axis", 1}});
    const std::string larger = graph.node("Max", {halves[0], halves[1]});
    const std::string smaller = graph.node("Min", {halves[0], halves[1]});
    return graph.node("Concat", {larger, smaller}, {{"axis", 1}});
  }
};

template <class S>
class MaxMin final : public Layer<S> {
 public:
  explicit MaxMin(const Shape& in) : Layer<S>(in, Shape{2 * in.channels, in.rows, in.columns, in.image}) {}
  [[nodiscard]] std::string text() const override { return "maxmin"; }

  void forward(const Matrix<S>& x, Matrix<S>& y, Memory<S>& /*memory*/) const override {
    y.resize(x.rows(), 2 * x.cols());
    y.leftCols(x.cols()) = x.cwiseMax(S(0));
    y.rightCols(x.cols()) = (-x).cwiseMax(S(0));
  }
  void backward(const Matrix<S>& x, const Matrix<S>& gy, Matrix<S>* gx, Memory<S>& /*memory*/) const override {
    if (gx != nullptr) {
      *gx = (x.array() > 0).select(gy.leftCols(x.cols()), -gy.rightCols(x.cols()));
    }
  }
  [[nodiscard]] std::string write(GraphWriter& graph, const std::string& x) const override {
    const std::string positive = graph.node("Relu", {x});
    const std::string negative = graph.node("Relu", {graph.node("Neg", {x})});
    return graph.node("Concat", {positive, negative}, {{"axis", 1}});
  }
};

template <class S>
class FullSort final : public Layer<S> {
 public:
  explicit FullSort(const Shape& in) : Layer<S>(in, in) {}
  [[nodiscard]] std::string text() const override { return "fullsort"; }

  void forward(const Matrix<S>& x, Matrix<S>& y, Memory<S>& memory) const override {
    const Index channels = this->in().channels, area = this->in().area();
    y.resize(x.rows(), x.cols());
    memory.order.resize(static_cast<std::size_t>(x.size()));
    std::vector<int> order(static_cast<std::size_t>(channels));
    for (Index n = 0; n < x.rows(); ++n) {
      for (Index p = 0; p < area; ++p) {
        std::iota(order.begin(), order.end(), 0);
        std::stable_sort(order.begin(), order.end(), [&](int a, int b) { return x(n, a * area + p) < x(n, b * area + p); });
        for (Index c = 0; c < channels; ++c) {
          const int from = order[static_cast<std::size_t>(c)];
          y(n, c * area + p) = x(n, from * area + p);
          memory.order[static_cast<std::size_t>(n * x.cols() + c * area + p)] = from;
        }
      }
    }
  }
  void backward(const Matrix<S>& x, const Matrix<S>& gy, Matrix<S>* gx, Memory<S>& memory) const override {
    if (gx == nullptr) {
      return;
    }
    const Index area = this->in().area();
    gx->resize(x.rows(), x.cols());
    for (Index n = 0; n < x.rows(); ++n) {
      for (Index k = 0; k < x.cols(); ++k) {
        (*gx)(n, memory.order[static_cast<std::size_t>(n * x.cols() + k)] * area + k % area) = gy(n, k);
      }
    }
  }
  [[nodiscard]] std::string write(GraphWriter& graph, const std::string& x) const override {
    return graph.nodes("TopK", {x, graph.integers("all", {this->in().channels})}, 2, {{"axis", 1}, {"largest", 0}, {"sorted", 1}})[0];
  }
};

template <class S>
class Householder final : public Layer<S> {
 public:
  explicit Householder(const Shape& in) : Layer<S>(in, in) {}
  [[nodiscard]] std::string text() const override { return "householder"; }
  [[nodiscard]] std::vector<Parameter<S>*> parameters() override { return {&angles_}; }
  void start(Random&) override { angles_.value.setConstant(1, this->in().channels / 2, static_cast<S>(std::numbers::pi / 2)); }

  void forward(const Matrix<S>& x, Matrix<S>& y, Memory<S>& /*memory*/) const override {
    const Index area = this->in().area(), half = x.cols() / 2;
    y.resize(x.rows(), x.cols());
    for (Index c = 0; c < this->in().channels / 2; ++c) {
      const S t = angles_.value(0, c) / 2, v = std::sin(t), w = -std::cos(t);
      for (Index n = 0; n < x.rows(); ++n) {
        for (Index i = c * area; i < (c + 1) * area; ++i) {
          const S a = x(n, i), b = x(n, half + i);
          const S behind = 2 * std::min(S(0), v * a + w * b);
          y(n, i) = a - behind * v;
          y(n, half + i) = b - behind * w;
        }
      }
    }
  }
  void backward(const Matrix<S>& x, const Matrix<S>& gy, Matrix<S>* gx, Memory<S>& memory) const override {
    const Index area = this->in().area(), half = x.cols() / 2;
    if (gx != nullptr) {
      gx->resize(x.rows(), x.cols());
    }
    for (Index c = 0; c < this->in().channels / 2; ++c) {
      const S t = angles_.value(0, c) / 2, v = std::sin(t), w = -std::cos(t);
      S sum = 0;
      for (Index n = 0; n < x.rows(); ++n) {
        for (Index i = c * area; i < (c + 1) * area; ++i) {
          const S a = x(n, i), b = x(n, half + i), ga = gy(n, i), gb = gy(n, half + i);
          const S height = v * a + w * b;
          if (height >= 0) {
            if (gx != nullptr) {
              (*gx)(n, i) = ga;
              (*gx)(n, half + i) = gb;
            }
            continue;
          }
          // y = z - 2 (v'z) v; with dv/dt = (-w, v) / 2.
          const S along = v * ga + w * gb;
          if (gx != nullptr) {
            (*gx)(n, i) = ga - 2 * along * v;
            (*gx)(n, half + i) = gb - 2 * along * w;
          }
          sum -= (v * b - w * a) * along + height * (v * gb - w * ga);
        }
      }
      memory.gradients[0](0, c) += sum;
    }
  }
  /// x + 2 V relu(-V'x) with V = v k, k^2 |v|^2 <= 1 exactly: at most 1-Lipschitz whatever the rounding of v.
  [[nodiscard]] std::string write(GraphWriter& graph, const std::string& x) const override {
    const Index channels = this->in().channels, half = channels / 2;
    Matrix<float> out(channels, half), in(half, channels);
    out.setZero();
    for (Index c = 0; c < half; ++c) {
      const double t = static_cast<double>(angles_.value(0, c)) / 2;
      const auto [v, w] = short_unit_vector(std::sin(t), -std::cos(t));
      out(c, c) = -v;
      out(half + c, c) = -w;
    }
    in = out.transpose();
    const float two = 2;
    std::string folded;
    if (this->in().image) {
      const std::string weights = graph.floats("reflect", {half, channels, 1, 1}, in.data());
      const std::string behind = graph.node("Relu", {graph.node("Conv", {x, weights}, {{"kernel_shape", {1, 1}}})});
      folded = graph.node("ConvTranspose", {behind, weights}, {{"kernel_shape", {1, 1}}});
    } else {
      const std::string weights = graph.floats("reflect", {half, channels}, in.data());
      const std::string behind = graph.node("Relu", {graph.node("Gemm", {x, weights}, {{"transB", 1}})});
      folded = graph.node("Gemm", {behind, weights});
    }
    return graph.node("Sub", {x, graph.node("Mul", {folded, graph.floats("two", {}, &two)})});
  }

 private:
  Parameter<S> angles_;
};

template <class S>
class Relu final : public Layer<S> {
 public:
  explicit Relu(const Shape& in) : Layer<S>(in, in) {}
  [[nodiscard]] std::string text() const override { return "relu"; }
  void forward(const Matrix<S>& x, Matrix<S>& y, Memory<S>& /*memory*/) const override { y = x.cwiseMax(S(0)); }
  void backward(const Matrix<S>& x, const Matrix<S>& gy, Matrix<S>* gx, Memory<S>& /*memory*/) const override {
    if (gx != nullptr) {
      *gx = (x.array() > 0).select(gy, S(0));
    }
  }
  [[nodiscard]] std::string write(GraphWriter& graph, const std::string& x) const override { return graph.node("Relu", {x}); }
};

}  // namespace

template <class S>
LayerPointer<S> make_group_sort(const Shape& in) {
  need_pairs(in, "groupsort2");
  return std::make_unique<GroupSort<S>>(in);
}
template <class S>
LayerPointer<S> make_max_min(const Shape& in) {
  return std::make_unique<MaxMin<S>>(in);
}
template <class S>
LayerPointer<S> make_full_sort(const Shape& in) {
  return std::make_unique<FullSort<S>>(in);
}
template <class S>
LayerPointer<S> make_householder(const Shape& in) {
  need_pairs(in, "householder");
  return std::make_unique<Householder<S>>(in);
}
template <class S>
LayerPointer<S> make_relu(const Shape& in) {
  return std::make_unique<Relu<S>>(in);
}

#define LIPTRAIN_INSTANTIATE(make)                 \
  template LayerPointer<float> make(const Shape&); \
  template LayerPointer<double> make(const Shape&);
LIPTRAIN_INSTANTIATE(make_group_sort)
LIPTRAIN_INSTANTIATE(make_max_min)
LIPTRAIN_INSTANTIATE(make_full_sort)
LIPTRAIN_INSTANTIATE(make_householder)
LIPTRAIN_INSTANTIATE(make_relu)
#undef LIPTRAIN_INSTANTIATE

}  // namespace liptrain
