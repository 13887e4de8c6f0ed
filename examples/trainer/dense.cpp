// Dense layer y = x W' + b with a constrained matrix (weight.hpp).
#include "examples/trainer/finish.hpp"
#include "examples/trainer/graph_writer.hpp"
#include "examples/trainer/layer.hpp"
#include "formats/encoding/error.hpp"

namespace liptrain {
namespace {

template <class S>
class Dense final : public Layer<S> {
 public:
  Dense(const Shape& in, Index outputs, const WeightOptions& weight) : Layer<S>(in, Shape{outputs}), weight_(weight) {}

  [[nodiscard]] std::string text() const override {
    const char* const names[] = {"", " frobenius", " unit-rows"};
    return "dense " + std::to_string(this->out().channels) + names[static_cast<int>(weight_.options().constraint)];
  }
  [[nodiscard]] std::vector<Parameter<S>*> parameters() override { return {&free_, &bias_}; }

  void start(Random& random) override {
    weight_.start(free_.value, free_.left, this->out().channels, this->in().size(), random);
    bias_.value.setZero(1, this->out().channels);
  }
  void compute() override {
    if (!finished_) {
      weight_.compute(free_.value, free_.left);
    }
  }
  void forward(const Matrix<S>& x, Matrix<S>& y, Memory<S>& /*memory*/) const override {
    y.noalias() = x * weight_.value().transpose();
    y.rowwise() += bias_.value.row(0);
  }
  void backward(const Matrix<S>& x, const Matrix<S>& gy, Matrix<S>* gx, Memory<S>& memory) const override {
    memory.gradients[0].noalias() += gy.transpose() * x;
    memory.gradients[1] += gy.colwise().sum();
    if (gx != nullptr) {
      gx->noalias() = gy * weight_.value();
    }
  }
  void pull_back() override { weight_.pull_back(free_.value, free_.gradient); }
  void project(bool thorough) override { weight_.project(free_.value, free_.left, thorough); }

  void finish(double& scale, bool may_scale, std::vector<FinishedLayer>& report) override {
    FinishedLayer line;
    line.layer = text();
    Matrix<float> stored;
    finish_dense(weight_.value().template cast<double>(), weight_.options(), may_scale, stored, line);
    scale *= line.gain;
    free_.value = stored.cast<S>();
    bias_.value = (bias_.value.template cast<double>() * scale).template cast<float>().template cast<S>();
    freeze();
    report.push_back(line);
  }
  void freeze() override {
    weight_.set_value(free_.value);
    finished_ = true;
  }
  [[nodiscard]] const Matrix<S>* matrix() const override { return &weight_.value(); }
  [[nodiscard]] std::string write(GraphWriter& graph, const std::string& x) const override {
    const Matrix<float> w = weight_.value().template cast<float>();
    const Matrix<float> b = bias_.value.template cast<float>();
    const std::string weights = graph.floats("weight", {w.rows(), w.cols()}, w.data());
    const std::string biases = graph.floats("bias", {b.cols()}, b.data());
    return graph.node("Gemm", {x, weights, biases}, {{"transB", 1}});
  }

 private:
  Weight<S> weight_;
  Parameter<S> free_, bias_;
  bool finished_ = false;
};

}  // namespace

template <class S>
LayerPointer<S> make_dense(const Shape& in, Index outputs, const WeightOptions& weight) {
  if (in.image) {
    throw lipcert::Error(lipcert::ExitCode::usage, "A dense layer follows an image of " + in.text() + "; put 'flatten' before it.");
  }
  return std::make_unique<Dense<S>>(in, outputs, weight);
}

template LayerPointer<float> make_dense(const Shape& in, Index outputs, const WeightOptions& weight);
template LayerPointer<double> make_dense(const Shape& in, Index outputs, const WeightOptions& weight);

}  // namespace liptrain
