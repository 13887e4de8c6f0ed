// Nodes that become activation steps: the entrywise activations, Max and Min of data and constants (Clip), x sigmoid(x) in two nodes.
#pragma once

#include <cstddef>
#include <map>

#include "certify/graph/operators/context.hpp"

namespace lipcert {

void activation_step(StepContext& context, Step& step, const Node& node);

/// Max or Min of one data tensor (input number `data`) and constants, or of the tensor alone: a Clip without limits.
void clamp_step(StepContext& context, Step& step, const Node& node, std::size_t data);

/// Mul nodes that write x sigmoid(x), each with the Sigmoid that nothing else reads.
[[nodiscard]] std::map<std::size_t, std::size_t> find_products_with_sigmoid(const StepContext& context);
[[nodiscard]] Step sigmoid_product_step(const StepContext& context, std::size_t sigmoid, std::size_t mul);

}  // namespace lipcert
