// A network evaluated and differentiated in plain floating point: the attacker's view. Nothing here is a bound, and nothing here is shared
// with the code that makes bounds, so that a mistake there is not repeated here.
//
// Samples are processed in batches of our own (the graph's batch dimension is 1); a matrix product costs one GEMM per batch.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "formats/network/network.hpp"

namespace lipcert::attack {

class PlainNetwork {
 public:
  /// Throws `Error` (input) for a graph that this evaluation does not cover; every graph that can be certified is covered.
  explicit PlainNetwork(const Network& network);

  [[nodiscard]] std::size_t inputs() const { return input_size_; }
  [[nodiscard]] std::size_t outputs() const { return output_size_; }

  /// What one batch leaves behind; each thread has its own.
  struct Tape {
    std::size_t batch = 0;
    std::vector<std::vector<double>> values;     // per value of the graph, batch x size
    std::vector<std::vector<double>> gradients;  // the same
  };

  /// x: batch x inputs. Returns batch x outputs, valid until the tape is used again.
  const std::vector<double>& evaluate(const std::vector<double>& x, std::size_t batch, Tape& tape) const;
  /// Gradients with respect to x of sum_k seed[b][k] f_k(x_b), one row per sample, at the points of the last `evaluate`.
  const std::vector<double>& gradient(const std::vector<double>& seed, Tape& tape) const;
  /// One point in extended precision, by loops of its own: confirms what was found in double precision.
  [[nodiscard]] std::vector<long double> evaluate_extended(const std::vector<double>& x) const;

 private:
  enum class Kind { affine, multiply_right, multiply_left, combine, curve, move, weights, convolution, choose, softmax };
  struct Step {
    Kind kind = Kind::affine;
    std::size_t from = 0;   // slots
    std::size_t from2 = 0;            // combine: op is Add, Sub or Mul, with maps
    Operator op = Operator::relu;     // combine, curve
    std::size_t to = 0;
    std::size_t rows = 1;            // multiply_right: rows per sample; multiply_left: columns per sample
    std::size_t k = 0;               // inner length
    std::size_t n = 0;               // columns (right) or rows (left) of the result
    double slope = 0;                // curve: alpha, or the exponent
    double slope2 = 0;               // curve: gamma or beta
    bool tanh_form = false;          // Gelu
    std::vector<double> low, high;   // Clip, by entry; PRelu: its slopes in `low`
    std::vector<std::uint32_t> map;  // affine: source entry of each result entry (empty: the same)
    std::vector<double> factor;      // affine: empty: 1
    std::vector<double> offset;      // affine: empty: 0
    std::vector<double> matrix;      // right: k x n, left: n x k, row-major; weights: by term; convolution: the kernel
    std::vector<std::uint32_t> map2;              // combine
    std::vector<std::uint32_t> slot_of;           // move, choose: the slot that a term or entry reads (nothing: 2^32 - 1)
    std::vector<std::size_t> start;               // weights, choose, softmax: the terms of a result entry (or of a vector)
    std::vector<std::uint32_t> term;              // their source entries
    std::vector<std::uint32_t> set, rank;         // choose: the (rank + 1)-th smallest of a set
    std::vector<std::int64_t> taps;               // convolution: kernel tap x result position -> data position, or -1
    std::size_t groups = 1, channels = 1, tap_count = 1, positions_in = 1, positions_out = 1;  // convolution: channels per group of the data
  };

  class Compiler;
  template <typename Real>
  [[nodiscard]] std::size_t chosen(const Step& step, std::size_t b, std::size_t i, const std::vector<std::vector<Real>>& values) const;
  template <typename Real>
  void run(const Step& step, std::size_t batch, std::vector<std::vector<Real>>& values) const;

  std::vector<std::size_t> sizes_;  // of the slots; slot 0 is the input
  std::vector<Step> steps_;
  std::size_t output_ = 0;
  std::size_t input_size_ = 0;
  std::size_t output_size_ = 0;
};

}  // namespace lipcert::attack
