// Nodes that become activation steps: the entrywise activations, Max and Min of data and constants (Clip).
#pragma once

#include <cstddef>

#include "certify/graph/operators/context.hpp"

namespace lipcert {

void activation_step(StepContext& context, Step& step, const Node& node);

/// Max or Min of one data tensor (input number `data`) and constants, or of the tensor alone: a Clip without limits.
void clamp_step(StepContext& context, Step& step, const Node& node, std::size_t data);

}  // namespace lipcert
