// Linear parts of steps and their adjoints in plain double, for several vectors at a time (the rivals of one sample). Everything in this
// room is a guess that the checker proves: nothing here is a bound, and nothing is shared with the falsifier.
//
// A batch of vectors of n entries lies row by row, one vector after the other. Cost: one multiply-add for each weight, place and vector;
// dense steps and convolutions by matrix products of BLAS.
#pragma once

#include <cstddef>
#include <vector>

#include "certify/graph/steps.hpp"

namespace lipcert::local {

/// Working memory of one thread.
struct Scratch {
  std::vector<double> columns;
};

/// An affine step of the graph, which must outlive it. Throws `Error` (internal) when it is used for another step.
class LinearStep {
 public:
  LinearStep(const StepGraph& graph, const Step& step);

  /// out = A (in[0]; in[1]; ...) for each vector of the batch, without bias. Writes all of `out`.
  void apply(std::size_t batch, const std::vector<const double*>& in, double* out, Scratch& scratch) const;
  /// in[i] += (A' c)_i for each vector of the batch.
  void apply_adjoint(std::size_t batch, const double* c, const std::vector<double*>& in, Scratch& scratch) const;

  /// Entries of input i.
  [[nodiscard]] std::size_t size(std::size_t i) const { return sizes_[i]; }

 private:
  void apply_sparse(std::size_t batch, const std::vector<const double*>& in, double* out) const;
  void add_sparse_adjoint(std::size_t batch, const double* c, const std::vector<double*>& in) const;

  const Step& step_;
  std::vector<std::size_t> sizes_;
};

/// ||row k||_2 of A, one number for each entry of the result (of a convolution: the taps that meet the data there). Dense, convolution and
/// sparse steps; empty for the others.
[[nodiscard]] std::vector<double> row_norms(const Step& step);

/// ||row a - row b||_2 of a dense step or a convolution where both read the same entries: of one row of data, of one position and group of
/// a convolution. Infinity elsewhere.
[[nodiscard]] double row_distance(const Step& step, std::size_t a, std::size_t b);

}  // namespace lipcert::local
