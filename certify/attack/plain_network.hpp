// A network evaluated and differentiated in plain floating point: the attacker's view. Nothing here is a bound, and nothing here is shared
// with the code that makes bounds, so that a mistake there is not repeated here.
//
// Samples are processed in batches of our own (the graph's batch dimension is 1); a matrix product costs one GEMM per batch.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "formats/network.hpp"

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
  enum class Kind { affine, multiply_right, multiply_left, add, subtract, relu, leaky_relu, abs, sigmoid, tanh };
  struct Step {
    Kind kind = Kind::affine;
    std::size_t from = 0;   // slots
    std::size_t from2 = 0;  // add, subtract
    std::size_t to = 0;
    std::size_t rows = 1;            // multiply_right: rows per sample; multiply_left: columns per sample
    std::size_t k = 0;               // inner length
    std::size_t n = 0;               // columns (right) or rows (left) of the result
    double slope = 0;                // leaky_relu
    std::vector<std::uint32_t> map;  // affine: source entry of each result entry (empty: the same)
    std::vector<double> factor;      // affine: empty: 1
    std::vector<double> offset;      // affine: empty: 0
    std::vector<double> matrix;      // right: k x n, left: n x k, row-major
  };

  class Compiler;
  template <typename Real>
  void run(const Step& step, std::size_t batch, std::vector<std::vector<Real>>& values) const;

  std::vector<std::size_t> sizes_;  // of the slots; slot 0 is the input
  std::vector<Step> steps_;
  std::size_t output_ = 0;
  std::size_t input_size_ = 0;
  std::size_t output_size_ = 0;
};

}  // namespace lipcert::attack
