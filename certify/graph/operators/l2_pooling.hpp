// L2 poolings, which exports write in several nodes: squares, a nonnegative linear map, nodes that change no nonnegative number, positive
// factors, a square root. And those that are one node: ReduceL2 and LpPool.
#pragma once

#include <cstddef>
#include <map>

#include "certify/graph/operators/context.hpp"

namespace lipcert {

struct L2Pooling {
  ValueId input = no_value;  // what is squared
  Step step;                 // complete but for the number of its input
};

/// ReduceL2 or LpPool (p = 2) of data.
void norm_step(StepContext& context, Step& step, const Node& node);

/// All of those in several nodes, by their last node. A sub-graph that is not understood is none: its nodes are refused, each with its own reason.
[[nodiscard]] std::map<std::size_t, L2Pooling> find_l2_poolings(StepContext& context);

}  // namespace lipcert
