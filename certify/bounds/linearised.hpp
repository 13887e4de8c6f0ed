// A network and its Jacobian at several points, in plain floating point: what the search of region.hpp walks on. Nothing here is a bound.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "certify/graph/steps.hpp"

namespace lipcert {

/// The linearisation of the network at `points` points, in plain floating point. Vectors of a batch stand one after the other.
class Linearised {
 public:
  /// The steps before `end`.
  Linearised(const StepGraph& graph, std::size_t points, std::size_t end);
  Linearised(const StepGraph& graph, std::size_t points) : Linearised(graph, points, graph.steps.size()) {}

  /// Moves to these points; returns the values.
  std::vector<double> move_to(std::vector<double> x);

  /// J v for every point.
  [[nodiscard]] std::vector<double> forward(std::vector<double> v) const;

  /// J'u for every point.
  [[nodiscard]] std::vector<double> backward(std::vector<double> u) const;

  struct Ascent {
    std::vector<double> gradient;   // of ||J v||^2 / 2 with respect to x, with blurred slopes
    std::vector<double> direction;  // J'J v with blurred slopes
  };

  /// For every point x and direction v; `blur` is the width of the kinks relative to the pre-activations of each layer. The curvature of
  /// vectors (order statistics, softmax, L2 poolings) is left out.
  [[nodiscard]] Ascent ascend(std::vector<double> x, std::vector<double> t, double blur);

 private:
  using Inputs = std::vector<std::vector<double>*>;
  using Adjoints = std::vector<std::vector<double>>;  // by value; empty where nothing of it reaches the output

  [[nodiscard]] std::size_t target() const { return end_ == graph_.steps.size() ? graph_.output : end_; }
  [[nodiscard]] std::size_t size_of(std::size_t value) const { return graph_.size_of(value); }

  /// Calls `next` for every step with the values that it reads, the first of which it may overwrite when nobody reads it again.
  template <class Next>
  std::vector<double> walk(std::vector<double> x, Next next) const;
  /// The step's own value where it is affine, otherwise what `evaluate` gives.
  std::vector<double> value_of(std::size_t s, Inputs& in, double blur);
  /// Adds the transposed Jacobian of a step times y to the adjoints of what it reads.
  void spread(std::size_t s, std::vector<double> y, Adjoints& adjoints) const;
  static void accumulate(std::vector<double>& sum, std::vector<double> part);
  /// Zeros, where the adjoint of an input has nothing yet.
  void make_room(const Step& step, Adjoints& adjoints) const;

  // linearised_affine.cpp: linear parts, each before its transpose.
  /// The linear part of an affine step. May overwrite and return its first input.
  [[nodiscard]] std::vector<double> linear(const Step& step, Inputs& in) const;
  void spread_linear(const Step& step, std::vector<double> y, Adjoints& adjoints) const;
  void add_bias(const Step& step, std::vector<double>& x) const;
  void entrywise(const Step& step, std::vector<double>& x) const;
  void multiply(const Step& step, const std::vector<double>& x, std::vector<double>& y) const;
  void multiply_transposed(const Step& step, const std::vector<double>& y, std::vector<double>& x) const;
  void convolve(const Step& step, const std::vector<double>& x, std::vector<double>& y) const;
  void convolve_transposed(const Step& step, const std::vector<double>& y, std::vector<double>& x) const;
  void apply_sparse(const Step& step, const Inputs& in, std::vector<double>& y) const;
  void apply_sparse_transposed(const Step& step, const std::vector<double>& y, Adjoints& adjoints) const;
  void move(const Step& step, const Inputs& in, std::vector<double>& y) const;
  void move_transposed(const Step& step, const std::vector<double>& y, Adjoints& adjoints) const;
  void sum(const Step& step, const Inputs& in, std::vector<double>& y) const;
  void sum_transposed(const Step& step, const std::vector<double>& y, Adjoints& adjoints) const;

  // linearised_curved.cpp: value, derivative along a direction, its transpose.
  /// Moves a step that is not affine to these values; returns its own.
  std::vector<double> evaluate(std::size_t s, Inputs& in, double blur);
  /// The derivative of a step that is not affine. May overwrite and return its first input.
  [[nodiscard]] std::vector<double> along(std::size_t s, Inputs& in) const;
  void spread_curved(std::size_t s, std::vector<double> y, Adjoints& adjoints) const;
  /// Values, slopes and their derivatives; where the slope jumps at 0, the jump is replaced by a logistic step whose width is `blur` times
  /// the layer's mean magnitude. No blur when it is negative.
  void activate(std::size_t s, std::vector<double>& z, double blur);
  void times_slopes(std::size_t s, std::vector<double>& v) const;
  /// Entry `e` of the inputs, one input after the other, at point p.
  [[nodiscard]] double entry(const Step& step, const Inputs& in, std::size_t p, std::size_t e) const;
  void order(std::size_t s, const Inputs& in, std::vector<double>& y);
  void order_along(std::size_t s, const Inputs& in, std::vector<double>& y) const;
  void order_transposed(std::size_t s, const std::vector<double>& y, Adjoints& adjoints) const;
  void softmax(std::size_t s, const std::vector<double>& x, std::vector<double>& y);
  void times_softmax(std::size_t s, std::vector<double>& t) const;
  void pool_l2(std::size_t s, const std::vector<double>& x, std::vector<double>& y);
  void pool_l2_along(std::size_t s, const std::vector<double>& t, std::vector<double>& y) const;
  void pool_l2_transposed(std::size_t s, const std::vector<double>& y, std::vector<double>& first) const;

  const StepGraph& graph_;
  std::size_t points_;
  std::size_t end_;
  std::vector<std::size_t> readers_;                // of each value
  std::vector<std::vector<double>> slopes_;         // of activations, by step, for all points
  std::vector<std::vector<std::uint32_t>> chosen_;  // entries that order statistics chose
  std::vector<std::vector<double>> kept_;           // curvatures of activations; results of softmax; Jacobians of L2 poolings
};

}  // namespace lipcert
