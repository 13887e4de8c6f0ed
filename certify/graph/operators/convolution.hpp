// Conv and ConvTranspose, in one form: every position of the result reads, through every tap, at most one position of the data.
#pragma once

#include <cstddef>
#include <cstdint>

#include "certify/graph/operators/context.hpp"

namespace lipcert {

void convolution_step(StepContext& context, Step& step, const Node& node);

/// The terms of entry `output` (linear_map.hpp).
template <class Term>
void convolution_terms(const Step& step, std::size_t output, const Term& term) {
  const ConvolutionMap& c = step.convolution;
  const std::size_t channel = output / c.output_positions;
  const std::size_t position = output % c.output_positions;
  const std::size_t first = channel / c.outputs * c.inputs;
  for (std::size_t i = 0; i < c.inputs; ++i) {
    for (std::size_t t = 0; t < c.taps; ++t) {
      const std::int32_t from = c.source[t * c.output_positions + position];
      if (from >= 0) {
        const std::size_t at = channel * c.kernel.columns + i * c.taps + t;
        term(std::size_t{0}, (first + i) * c.input_positions + static_cast<std::size_t>(from),
             Ball{c.kernel.centre[at], c.kernel.radius_at(at)});
      }
    }
  }
}

}  // namespace lipcert
