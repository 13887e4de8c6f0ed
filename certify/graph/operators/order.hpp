// Operators on sets of entries. Max and Min of data, MaxPool, GlobalMaxPool, ReduceMax, ReduceMin and TopK: entries of the result are order
// statistics of sets of entries. Softmax: each set of entries by itself.
#pragma once

#include <cstddef>
#include <vector>

#include "certify/graph/operators/context.hpp"

namespace lipcert {

/// Max or Min of several data tensors.
void extreme_step(StepContext& context, Step& step, const Node& node, const std::vector<std::size_t>& data);
/// The largest or smallest entry of windows or along axes.
void window_step(StepContext& context, Step& step, const Node& node);
void top_k_step(StepContext& context, Step& step, const Node& node);
void softmax_step(StepContext& context, Step& step, const Node& node);

}  // namespace lipcert
