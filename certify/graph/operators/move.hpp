// Transpose, Concat, Split, Slice, Gather, Pad, DepthToSpace and SpaceToDepth: every entry of the result is an entry of an input or a
// constant.
#pragma once

#include <cstddef>

#include "certify/graph/operators/context.hpp"

namespace lipcert {

/// Output `o` of a node that moves entries.
void move_step(StepContext& context, Step& step, std::size_t o);

/// The terms of entry `output` (linear_map.hpp).
template <class Term>
void move_terms(const Step& step, std::size_t output, const Term& term) {
  const EntryAt from = step.source[output];
  if (from.input != Step::no_input) {
    term(std::size_t{from.input}, std::size_t{from.index}, Ball{1, 0});
  }
}

}  // namespace lipcert
