// Residual blocks x - A' diag(d) relu(A x + b), which have a theorem of their own (norms/sll_norm.hpp, theorem `sll-psd`).
#pragma once

#include <cstddef>
#include <functional>
#include <optional>

#include "certify/graph/segments/segment.hpp"
#include "certify/graph/segments/wiring.hpp"

namespace lipcert {

/// The block that ends in step `last`, a sum, if there is one and none of its steps is `taken`.
[[nodiscard]] std::optional<Segment> find_residual(const Wiring& wiring, const std::function<bool(std::size_t)>& taken, std::size_t last);

}  // namespace lipcert
