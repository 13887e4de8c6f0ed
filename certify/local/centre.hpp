// The values of all tensors at one sample, in plain double: the centres of the boxes. Cost: one forward pass.
#pragma once

#include <vector>

#include "certify/local/plan.hpp"

namespace lipcert::local {

/// For each value of the plan its entries at x.
using Centre = std::vector<std::vector<double>>;

[[nodiscard]] Centre evaluate_centre(const Plan& plan, const std::vector<double>& x, Scratch& scratch);

/// Whether every L2 pooling has results that are clearly above 0: next to 0 the checker cannot enclose the root's nodes one by one.
[[nodiscard]] bool roots_are_clear(const Plan& plan, const Centre& centre);

}  // namespace lipcert::local
