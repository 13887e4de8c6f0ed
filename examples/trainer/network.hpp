// A network: layers from a text, its weights, and the file that keeps them between runs.
//
// The text lists layers from input to output, separated by commas:
//
//   dense N [frobenius | unit-rows]          conv N K [stride S] [padding P] [frobenius]
//   groupsort2  maxmin  fullsort  householder  relu
//   avgpool K  global-avgpool  l2pool K  downsample K  flatten
//   residual(LAYER, ...)
//
// for example: conv 16 3, groupsort2, avgpool 2, flatten, dense 10
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "examples/trainer/layer.hpp"

namespace liptrain {

template <class S>
class Network {
 public:
  /// Throws `Error` (usage) for a text that is no network, or shapes that do not fit.
  Network(const Shape& in, const std::string& text, const WeightOptions& weight);

  [[nodiscard]] const Shape& in() const { return in_; }
  [[nodiscard]] const Shape& out() const { return chain_.layers.back()->out(); }
  [[nodiscard]] std::string text() const;
  [[nodiscard]] const WeightOptions& weight() const { return weight_; }
  [[nodiscard]] std::vector<Parameter<S>*> parameters() const { return chain_.parameters(); }
  [[nodiscard]] Index parameter_count() const;
  [[nodiscard]] const Chain<S>& chain() const { return chain_; }

  void start(std::uint64_t seed);
  void compute();
  /// parameters' gradients = sum over the pieces, in their order.
  void collect(const std::vector<Memory<S>>& pieces);
  void project(bool thorough);

  /// See finish.hpp. Afterwards the weights are what is exported.
  std::vector<FinishedLayer> finish();
  void freeze();
  [[nodiscard]] bool finished() const { return finished_; }
  [[nodiscard]] std::string write_onnx(std::int64_t batch, const std::vector<std::pair<std::string, std::string>>& metadata) const;

  /// Bounds of |(f_i - f_j)(x) - (f_i - f_j)(y)| / ||x - y|| for all i, j, when all layers before the last have norm 1: the norm of the
  /// difference of the last matrix's rows. With one output a 1 x 1 matrix: the norm of its row.
  [[nodiscard]] Matrix<double> pair_constants() const;

 private:
  Shape in_;
  WeightOptions weight_;
  Chain<S> chain_;
  bool finished_ = false;
};

extern template class Network<float>;
extern template class Network<double>;

/// What a saved model says beside its weights.
struct SavedState {
  std::string settings;  // digest of everything that must not change between the runs of one training
  std::int64_t epoch = 0;
  std::int64_t step = 0;
  double scale = 1;  // x = v * scale
  std::string scale_text = "1";
  std::vector<std::vector<double>> history;  // checkpoints: what the epochs so far have reported, so that a resumed run reports them too
};

/// A number or a fraction such as 1/255. Throws `Error` (usage).
[[nodiscard]] double parse_scale(const std::string& text);

/// Writes and reads `*.liptrain`: a line that names the format, a line of JSON, then float32 arrays. `moments` for resumption.
void save_network(const std::string& path, const Network<float>& network, const SavedState& state, bool moments);
[[nodiscard]] Network<float> load_network(const std::string& path, SavedState& state);

}  // namespace liptrain
