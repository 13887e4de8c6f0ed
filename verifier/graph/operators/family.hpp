// Shared by operators.cpp and derivatives.cpp.
#pragma once

#include "verifier/graph/operators.hpp"

namespace lipverify {

/// The node is linear in its data (SPEC.md, section 5).
[[nodiscard]] bool is_linear(const NodeInputs& inputs);

/// MaxPool, GlobalMaxPool, ReduceMax, ReduceMin, TopK: for every output entry the flat indices of the entries among which it is chosen.
[[nodiscard]] std::vector<std::vector<std::uint32_t>> candidates_of(const NodeInputs& inputs);

/// The Euclidean norm of these entries.
[[nodiscard]] Interval norm_of(const Operand& x, const std::vector<std::uint32_t>& entries);

/// An activation, Sign, Sqrt, Reciprocal or Pow at z, and its one-sided derivative there in direction d. `slope`: of a PRelu.
[[nodiscard]] Interval function_value(const NodeInputs& inputs, const Interval& z, const Interval& slope);
[[nodiscard]] Interval function_derivative(const NodeInputs& inputs, const Interval& z, const Interval& slope, const Interval& d);

}  // namespace lipverify
