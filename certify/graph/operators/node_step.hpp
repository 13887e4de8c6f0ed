// One node, one step: which family of operators makes it.
#pragma once

#include <cstddef>

#include "certify/graph/operators/context.hpp"

namespace lipcert {

/// The step of a node with one output. The numbers of its inputs are those of the context, or 0. Throws `Refused`.
[[nodiscard]] Step step_of_node(StepContext& context, std::size_t index);

}  // namespace lipcert
