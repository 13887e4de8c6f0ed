// A network at a point, fast: 64-bit integers on a common power of two for each tensor, and one bound of the Euclidean distance to the true
// values.
//
// A tensor is x = 2^e (c + d) with integers |c_i| < 2^58 and ||d||_2 <= delta. An affine block with matrix A, ||A||_2 <= L (the bound that
// the certificate claims for it and this checker has verified), is applied to 2^e c in 128-bit integers; then the distance grows to
//   L delta 2^e + ||A - 2^-s Ah||_F ||2^e c||_2 + (what rounding the result and the offset costs),
// and activations multiply it by their largest slope. So the distance grows by the product of spectral norms, not by that of row sums.
// Cost: one 64 x 64 -> 128 bit multiply-add for each weight.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "verifier/samples/samples.hpp"
#include "verifier/samples/scaling.hpp"
#include "verifier/trusted/evaluate.hpp"
#include "verifier/trusted/graph.hpp"
#include "verifier/trusted/interval.hpp"
#include "verifier/trusted/matrix.hpp"

namespace lipverify {

class FixedChain {
 public:
  static constexpr int kBits = 58;  // |c_i| < 2^58

  // The chain, block by block, in order. Each returns false when the block does not fit into these integers: then this evaluation is not
  // available for the network. `norm`: a verified bound of the block's Lipschitz constant. `offset`: the block at 0.

  /// x -> (I_left (x) A (x) I_right) x + offset.
  [[nodiscard]] bool add_dense(const EnclosedMatrix& a, std::uint64_t left, std::uint64_t right, const IntervalTensor& offset,
                               const Rational& norm);
  /// x -> diag(d) x + offset.
  [[nodiscard]] bool add_diagonal(const IntervalTensor& d, const IntervalTensor& offset, const Rational& norm);
  [[nodiscard]] bool add_activation(const Node& node, const Rational& norm);

  /// The output at the input; nothing when the distance leaves the range of these integers. Thread-safe.
  [[nodiscard]] std::optional<EnclosedOutput> evaluate(const GridPoint& input) const;

 private:
  struct Step {
    enum class Kind { dense, diagonal, relu, leaky_relu, abs, sigmoid, tanh } kind = Kind::relu;
    std::size_t rows = 0, columns = 0, left = 1, right = 1;
    std::vector<std::int64_t> weights;  // dense: row-major; diagonal: d; units 2^exponent
    std::int64_t exponent = 0;
    Integer weight_error = 0;  // at least the Frobenius (diagonal: spectral) norm of what the weights leave out, in units 2^exponent
    std::vector<std::int64_t> offset;  // units 2^offset_exponent
    std::int64_t offset_exponent = 0;
    Integer offset_error = 0;  // at least the Euclidean norm of what the offset leaves out, same units
    Dyadic slope;              // leaky_relu
    Integer norm = 0;          // at least the Lipschitz constant, in units 2^norm_exponent
    std::int64_t norm_exponent = 0;
  };
  struct State;
  static void set_norm(Step& step, const Rational& norm);
  [[nodiscard]] static bool set_offset(Step& step, const IntervalTensor& offset);
  static void apply_affine(const Step& step, State& state);
  static void apply_leaky_relu(const Step& step, State& state);
  static void apply_smooth(const Step& step, State& state);

  std::vector<Step> steps_;
};

}  // namespace lipverify
