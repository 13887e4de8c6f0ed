// A network evaluated and differentiated in plain floating point: the attacker's view. Nothing here is a bound, and nothing here is shared
// with the code that makes bounds (of an activation only the plain function, which no bound uses), so that a mistake there is not repeated
// here.
//
// Samples are processed in batches of our own (the graph's batch dimension is 1); a matrix product costs one GEMM per batch.
#pragma once

#include <cstddef>
#include <memory>
#include <vector>

#include "certify/attack/plain_step.hpp"
#include "formats/network/network.hpp"

namespace lipcert::attack {

class PlainNetwork {
 public:
  /// Throws `Error` (input) for a graph that this evaluation does not cover; every graph that can be certified is covered.
  explicit PlainNetwork(const Network& network);
  PlainNetwork(const PlainNetwork&) = delete;
  PlainNetwork& operator=(const PlainNetwork&) = delete;

  [[nodiscard]] std::size_t inputs() const { return input_size_; }
  [[nodiscard]] std::size_t outputs() const { return output_size_; }

  /// What one batch leaves behind; each thread has its own.
  struct Tape {
    std::size_t batch = 0;
    Slots<double> values;     // per value of the graph, batch x size
    Slots<double> gradients;  // the same
  };

  /// x: batch x inputs. Returns batch x outputs, valid until the tape is used again.
  const std::vector<double>& evaluate(const std::vector<double>& x, std::size_t batch, Tape& tape) const;
  /// Gradients with respect to x of sum_k seed[b][k] f_k(x_b), one row per sample, at the points of the last `evaluate`.
  const std::vector<double>& gradient(const std::vector<double>& seed, Tape& tape) const;
  /// One point in extended precision, by loops of its own: confirms what was found in double precision.
  [[nodiscard]] std::vector<long double> evaluate_extended(const std::vector<double>& x) const;

 private:
  std::vector<std::size_t> sizes_;  // of the slots; slot 0 is the input
  std::vector<std::unique_ptr<PlainStep>> steps_;
  std::size_t output_ = 0;
  std::size_t input_size_ = 0;
  std::size_t output_size_ = 0;

  friend class PlainCompiler;
};

}  // namespace lipcert::attack
