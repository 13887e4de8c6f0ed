// What the tests of norms share: operators as dense integer matrices built from the definition of a convolution, exact lower bounds of
// their norms, and evidence found in floating point. Nothing of the code under test is used to build them.
#pragma once

#include <Eigen/Core>
#include <complex>
#include <cstdint>
#include <random>
#include <string>
#include <vector>

#include "verifier/hint/hints.hpp"
#include "verifier/theorems/convolution.hpp"
#include "verifier/theorems/sparse.hpp"

namespace norms_test {

using lipverify::Rational;
using Random = std::mt19937_64;

/// Uniform in [low, high].
std::int64_t pick(Random& random, std::int64_t low, std::int64_t high);

lipverify::Dyadic dyadic(double value);

/// The matrix in the checker's form; zeros are left out.
lipverify::SparseMatrix sparse(const Eigen::MatrixXd& a);

/// Evidence with C2 = sigma^2 (1 + 2^-42), for entries of magnitude at most `largest`.
lipverify::GramEvidence evidence_for(double sigma, double largest, bool at_a);

/// The largest singular value, in floating point.
double norm_of(const Eigen::MatrixXd& a);

/// ||A v||^2 / ||v||^2 exactly, v the top right singular vector rounded to integers: a lower bound of the squared norm. A has integer
/// entries.
Rational squared_norm_below(const Eigen::MatrixXd& a);

double as_double(const Rational& value);

/// One axis: the convolution reads `source[i]` (or zero where it is -1) at position i, with its own padding around.
struct Axis {
  lipverify::ConvAxis axis;
  std::vector<std::int64_t> source;
  std::int64_t begin = 0;  // the convolution's own padding on the left
};

struct Problem {
  std::vector<Axis> axes;
  std::uint64_t groups = 1, outputs = 1, inputs = 1;
  std::vector<double> taps;  // integers, like an ONNX weight
  bool transposed = false;

  [[nodiscard]] lipverify::ConvKernel kernel() const;
  [[nodiscard]] Eigen::MatrixXd matrix() const;  // the operator by its definition
};

enum class Kinds { zero, circular, copies, mixed };
Axis random_axis(Random& random, Kinds kinds, std::int64_t longest);
Problem random_problem(Random& random, std::size_t dimensions, Kinds kinds);
/// A ConvTranspose with output padding.
Problem random_transposed(Random& random, std::size_t dimensions);

/// The smallest grid that the condition of conv-frequency-grid allows (circular: the only one).
std::vector<std::uint64_t> smallest_grid(const Problem& problem);
/// K of each axis.
std::vector<std::uint64_t> degrees(const Problem& problem);

/// The largest singular value of the polyphase symbol over a grid (z^N = 1, or z^N = -1 where the shift is 1; no shift: 0 everywhere), and its largest
/// entry, in floating point.
struct SymbolMaximum {
  double norm = 0;
  double entry = 0;
};
SymbolMaximum symbol_maximum(const Problem& problem, const std::vector<std::uint64_t>& grid, const std::vector<std::uint64_t>& shift = {});

lipverify::ConvEvidence frequency_evidence(const Problem& problem, const std::vector<std::uint64_t>& grid, bool at_a, const std::vector<std::uint64_t>& shift = {});

/// A shift for each axis, 0 where it is circular.
std::vector<std::uint64_t> random_shift(Random& random, const Problem& problem);

std::string text(const Problem& problem);

}  // namespace norms_test
