// A layer: a function of a batch with norm at most 1, its derivative, its parameters, and how it is written.
//
// Layers are immutable while a batch is worked on, so that threads share them; what one piece of the batch leaves behind lies in its
// `Memory`.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "examples/trainer/matrix.hpp"
#include "examples/trainer/random.hpp"
#include "examples/trainer/weight.hpp"

namespace liptrain {

class GraphWriter;

template <class S>
struct Parameter {
  Matrix<S> value;
  Matrix<S> gradient;
  Matrix<S> first, second;  // moments of the optimiser
  Column<S> left;           // singular vector of a constrained matrix, else empty
};

/// Of one piece of a batch: what the forward pass keeps for the backward pass, and the piece's gradient of each parameter.
template <class S>
struct Memory {
  std::vector<Matrix<S>> gradients;
  std::vector<Matrix<S>> kept;
  std::vector<int> order;
  std::vector<Matrix<S>> values;  // of a chain: outputs of its layers
  std::vector<Memory> layers;     // of a chain
};

/// What finishing did to one layer (see finish.hpp).
struct FinishedLayer {
  std::string layer;
  double before = 0;  // norm as trained
  double after = 0;   // norm of the stored float32 matrix, in float64
  double gain = 1;    // factor by which the layer was scaled to norm 1
  bool joint = true;  // false: each output alone is 1-Lipschitz
};

template <class S>
class Layer {
 public:
  Layer(const Shape& in, const Shape& out) : in_(in), out_(out) {}
  Layer(const Layer&) = delete;
  Layer& operator=(const Layer&) = delete;
  virtual ~Layer() = default;

  [[nodiscard]] const Shape& in() const { return in_; }
  [[nodiscard]] const Shape& out() const { return out_; }
  [[nodiscard]] virtual std::string text() const = 0;  // as in a configuration
  [[nodiscard]] virtual std::vector<Parameter<S>*> parameters() { return {}; }

  virtual void start(Random&) {}
  /// Weights from parameters; before the first batch and after each step.
  virtual void compute() {}
  virtual void forward(const Matrix<S>& x, Matrix<S>& y, Memory<S>& memory) const = 0;
  /// Adds to memory.gradients; gx is null when nobody wants it.
  virtual void backward(const Matrix<S>& x, const Matrix<S>& gy, Matrix<S>* gx, Memory<S>& memory) const = 0;
  /// From the gradient with respect to weights to the one with respect to parameters.
  virtual void pull_back() {}
  virtual void project(bool /*thorough*/) {}

  /// Freezes the weights at norm 1 (float32, verified in float64). `scale` is how much the inputs of this layer have been scaled by gains
  /// before it, and is updated; gains are taken only where the rest of the network is homogeneous (`may_scale`).
  virtual void finish(double& /*scale*/, bool /*may_scale*/, std::vector<FinishedLayer>& /*report*/) {}
  /// Takes the parameters' values as the weights, as finish() left them.
  virtual void freeze() {}
  /// The matrix of a dense layer.
  [[nodiscard]] virtual const Matrix<S>* matrix() const { return nullptr; }
  /// Writes nodes that compute this layer from the tensor `x`; returns the name of the result.
  [[nodiscard]] virtual std::string write(GraphWriter& graph, const std::string& x) const = 0;

 private:
  Shape in_;
  Shape out_;
};

template <class S>
using LayerPointer = std::unique_ptr<Layer<S>>;

/// Layers one after the other.
template <class S>
class Chain {
 public:
  std::vector<LayerPointer<S>> layers;

  [[nodiscard]] std::vector<Parameter<S>*> parameters() const;
  void prepare(Memory<S>& memory) const;
  const Matrix<S>& forward(const Matrix<S>& x, Memory<S>& memory) const;
  void backward(const Matrix<S>& x, const Matrix<S>& gy, Matrix<S>* gx, Memory<S>& memory) const;
};

extern template class Chain<float>;
extern template class Chain<double>;

// The layers. Each throws `Error` (usage) for a shape that it cannot take.

struct ConvolutionOptions {
  Index channels = 1;
  Index kernel = 3;
  Index stride = 1;
  Index padding = 1;
};

template <class S>
LayerPointer<S> make_dense(const Shape& in, Index outputs, const WeightOptions& weight);
template <class S>
LayerPointer<S> make_convolution(const Shape& in, const ConvolutionOptions& options, const WeightOptions& weight);
template <class S>
LayerPointer<S> make_average_pooling(const Shape& in, Index window);  // 0: the whole image
template <class S>
LayerPointer<S> make_l2_pooling(const Shape& in, Index window);
template <class S>
LayerPointer<S> make_downsampling(const Shape& in, Index factor);
template <class S>
LayerPointer<S> make_flatten(const Shape& in);
template <class S>
LayerPointer<S> make_group_sort(const Shape& in);
template <class S>
LayerPointer<S> make_max_min(const Shape& in);
template <class S>
LayerPointer<S> make_full_sort(const Shape& in);
template <class S>
LayerPointer<S> make_householder(const Shape& in);
template <class S>
LayerPointer<S> make_relu(const Shape& in);
template <class S>
LayerPointer<S> make_residual(const Shape& in, Chain<S> inner);

}  // namespace liptrain
