// The ball around a sample, tensor by tensor (formats/SPEC.md, section 9, "What is computed").
//
// t^ is the centre that the steps compute on integers from the centres of their inputs, node by node. Each step is off by at most `rounding` from its
// node at these centres. For all y with ||y - x|| <= r: ||t(y) - t^|| <= rho and |t(y)_k - t^_k| <= e_k. A block's constant is that of its exact function, so
// ||t(y) - t^|| <= P r + ||t(x) - t^||, and the last distance is that of the evaluation of fixed_network.hpp: it grows from block to block by the verified
// constants.
#pragma once

#include <cstdint>
#include <map>
#include <vector>

#include "verifier/local/plan.hpp"
#include "verifier/local/terms.hpp"

namespace lipverify::local {

struct Around {
  FixedTensor value;  // distance: to t(x), behind its block; within it to its value at the centre of the block's input
  Above rounding;     // of its step
  Above rho;
  std::vector<std::int64_t> e;  // units 2^box, at most 2^41
  std::int64_t box = 0;
};

/// The entries of a nonlinear step, for all rivals alike.
struct Opening {
  Grids grids;
  std::vector<Entry> entries;        // ascending positions
  std::vector<std::int64_t> closed;  // activations: the slope of entries that are left out, units 2^-bits
  Above inexact;                     // activations: the slopes above are those of a function that differs by one of this constant
  Above rho;                         // of all d together
  // Order statistics: for each set where its result (of several the largest) goes when no entry moves, and the others.
  std::vector<std::uint32_t> leader, second;  // members
  std::vector<std::uint32_t> passed;          // sorts: for each result its member, or kNoEntry
  Above ball;                                 // of the results that are not passed
};

struct Ball {
  std::map<ValueId, Around> tensors;
  std::map<ValueId, Opening> openings;  // of nonlinear steps, by their output
};

/// `input`: the grid point of the sample. Unavailable where numbers do not fit.
[[nodiscard]] Ball ball_around(const Plan& plan, const FixedTensor& input, const Rational& radius);

/// Of the activation and the order statistics (openings.cpp).
[[nodiscard]] Opening open_activation(const Step& step, const Around& in);
[[nodiscard]] Opening open_sets(const Step& step, const std::vector<const Around*>& in, const Ball& ball);

}  // namespace lipverify::local
