// Gated products x (a + b g(x)) in several nodes: GELU, SiLU, HardSwish, Mish, Softsign as exporters write them (formats/SPEC.md, section
// 5, elementwise-slope).
#pragma once

#include <map>
#include <set>

#include "certify/graph/operators/context.hpp"

namespace lipcert {

/// Steps for gated products whose inner values nothing else reads, without their input's number, by their last node. `taken`: nodes that
/// are part of something else.
struct GatedProduct {
  ValueId input = no_value;
  Step step;
};
[[nodiscard]] std::map<std::size_t, GatedProduct> find_gated_products(StepContext& context, const std::set<std::size_t>& taken);

}  // namespace lipcert
