// Layers one after the other, and the residual block a x + (1 - a) g(x), 0 < a < 1: a convex combination of two functions of norm at
// most 1.
#include <cmath>

#include "examples/trainer/finish.hpp"
#include "examples/trainer/graph_writer.hpp"
#include "examples/trainer/layer.hpp"
#include "formats/encoding/error.hpp"

namespace liptrain {

template <class S>
std::vector<Parameter<S>*> Chain<S>::parameters() const {
  std::vector<Parameter<S>*> all;
  for (const auto& layer : layers) {
    for (auto* parameter : layer->parameters()) {
      all.push_back(parameter);
    }
  }
  return all;
}

template <class S>
void Chain<S>::prepare(Memory<S>& memory) const {
  memory.values.resize(layers.size());
  memory.layers.resize(layers.size());
  for (std::size_t i = 0; i < layers.size(); ++i) {
    const auto parameters = layers[i]->parameters();
    memory.layers[i].gradients.resize(parameters.size());
    for (std::size_t k = 0; k < parameters.size(); ++k) {
      memory.layers[i].gradients[k].setZero(parameters[k]->value.rows(), parameters[k]->value.cols());
    }
  }
}

template <class S>
const Matrix<S>& Chain<S>::forward(const Matrix<S>& x, Memory<S>& memory) const {
  for (std::size_t i = 0; i < layers.size(); ++i) {
    layers[i]->forward(i == 0 ? x : memory.values[i - 1], memory.values[i], memory.layers[i]);
  }
  return memory.values.back();
}

template <class S>
void Chain<S>::backward(const Matrix<S>& x, const Matrix<S>& gy, Matrix<S>* gx, Memory<S>& memory) const {
  // Two buffers of the memory take turns.
  memory.kept.resize(2);
  const Matrix<S>* gradient = &gy;
  for (std::size_t i = layers.size(); i-- > 0;) {
    Matrix<S>* const next = i == 0 ? gx : &memory.kept[i % 2];
    layers[i]->backward(i == 0 ? x : memory.values[i - 1], *gradient, next, memory.layers[i]);
    gradient = next;
  }
}

template class Chain<float>;
template class Chain<double>;

namespace {

template <class S>
class Residual final : public Layer<S> {
 public:
  Residual(const Shape& in, Chain<S> inner) : Layer<S>(in, in), inner_(std::move(inner)) {}

  [[nodiscard]] std::string text() const override {
    std::string list;
    for (const auto& layer : inner_.layers) {
      list += (list.empty() ? "" : ", ") + layer->text();
    }
    return "residual(" + list + ")";
  }
  [[nodiscard]] std::vector<Parameter<S>*> parameters() override {
    std::vector<Parameter<S>*> all = {&mix_};
    for (auto* parameter : inner_.parameters()) {
      all.push_back(parameter);
    }
    return all;
  }
  void start(Random& random) override {
    mix_.value.setZero(1, 1);
    for (auto& layer : inner_.layers) {
      layer->start(random);
    }
  }
  void compute() override {
    share_ = S(1) / (S(1) + std::exp(-mix_.value(0, 0)));
    for (auto& layer : inner_.layers) {
      layer->compute();
    }
  }
  void forward(const Matrix<S>& x, Matrix<S>& y, Memory<S>& memory) const override {
    memory.layers.resize(1);
    inner_.prepare(memory.layers[0]);
    const Matrix<S>& g = inner_.forward(x, memory.layers[0]);
    y = share_ * x + (S(1) - share_) * g;
  }
  void backward(const Matrix<S>& x, const Matrix<S>& gy, Matrix<S>* gx, Memory<S>& memory) const override {
    Memory<S>& inside = memory.layers[0];
    memory.gradients[0](0, 0) += share_ * (S(1) - share_) * gy.cwiseProduct(x - inside.values.back()).sum();
    memory.kept.resize(2);
    memory.kept[0] = (S(1) - share_) * gy;
    inner_.backward(x, memory.kept[0], gx == nullptr ? nullptr : &memory.kept[1], inside);
    if (gx != nullptr) {
      *gx = share_ * gy + memory.kept[1];
    }
    std::size_t k = 1;
    for (const auto& layer : inside.layers) {
      for (const auto& gradient : layer.gradients) {
        memory.gradients[k++] += gradient;
      }
    }
  }
  void pull_back() override {
    for (auto& layer : inner_.layers) {
      layer->pull_back();
    }
  }
  void project(bool thorough) override {
    for (auto& layer : inner_.layers) {
      layer->project(thorough);
    }
  }
  /// The sum of the two branches is not homogeneous in one of them: layers inside take no gain. Everything before the block has been
  /// scaled, so its biases are.
  void finish(double& scale, bool /*may_scale*/, std::vector<FinishedLayer>& report) override {
    for (auto& layer : inner_.layers) {
      layer->finish(scale, false, report);
    }
  }
  void freeze() override {
    for (auto& layer : inner_.layers) {
      layer->freeze();
    }
    compute();
  }
  /// Both factors as float32 with an exact sum of at most 1.
  [[nodiscard]] std::string write(GraphWriter& graph, const std::string& x) const override {
    const auto kept = static_cast<float>(share_);
    const float mixed = complement(kept);
    std::string g = x;
    for (const auto& layer : inner_.layers) {
      g = layer->write(graph, g);
    }
    const std::string straight = graph.node("Mul", {x, graph.floats("share", {}, &kept)});
    const std::string around = graph.node("Mul", {g, graph.floats("share", {}, &mixed)});
    return graph.node("Add", {straight, around});
  }

 private:
  Chain<S> inner_;
  Parameter<S> mix_;
  S share_ = S(0.5);
};

}  // namespace

template <class S>
LayerPointer<S> make_residual(const Shape& in, Chain<S> inner) {
  if (inner.layers.empty() || inner.layers.back()->out() != in) {
    throw lipcert::Error(lipcert::ExitCode::usage, "A residual block adds its input of " + in.text() +
                                                       " to what its layers give; the last of them must have that shape.");
  }
  return std::make_unique<Residual<S>>(in, std::move(inner));
}

template LayerPointer<float> make_residual(const Shape&, Chain<float>);
template LayerPointer<double> make_residual(const Shape&, Chain<double>);

}  // namespace liptrain
