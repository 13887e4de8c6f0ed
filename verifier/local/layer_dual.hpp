// The theorem `layer-dual` (formats/SPEC.md, section 9): in the closed ball of radius r around a sample, f_c - f_j stays above 0 where F > 0.
//
// For all y in the ball c'(t(y) - t^) is bounded from below, from the output (c = e_c - e_j) to the input, with the same c on both sides of an affine step
// (its adjoint) and a chosen g behind a nonlinear one (terms.hpp); whatever a step or a c is rounded costs its length times how far the tensor can move.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "verifier/local/evidence.hpp"
#include "verifier/samples/fixed_network.hpp"
#include "verifier/samples/scaling.hpp"

namespace lipverify::local {

class LayerDual {
 public:
  /// The network, by nodes (NetworkAtSamples::by_nodes), must outlive this object; `sizes`: entries of the graph's tensors, by id.
  LayerDual(const FixedNetwork& network, const std::vector<std::uint64_t>& sizes, ValueId output);
  ~LayerDual();

  struct Bound {
    std::uint32_t rival = 0;
    std::optional<Rational> difference;  // f_predicted - f_rival is above this in the ball; nothing: numbers do not fit
  };
  /// For each rival F in the closed ball of this radius. One output: `predicted` 0 or 1 and the rival is the other. Thread-safe.
  [[nodiscard]] std::vector<Bound> bounds(const FixedTensor& input, const Rational& radius, std::uint32_t predicted, const std::vector<std::uint32_t>& rivals,
                                          const Evidence& evidence, const InputBox* range) const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace lipverify::local
