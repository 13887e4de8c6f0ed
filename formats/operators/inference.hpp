// What the reader asks about a node, in the order in which it asks (formats/onnx.md, section 5). Everything here throws `Unsupported` for a
// node that is well-formed but not read.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "formats/operators/node_view.hpp"

namespace lipcert {

/// The number of operands and outputs is one that the operator has.
void check_arity(Operator op, std::uint64_t opset, const std::vector<Operand>& operands, std::size_t outputs);

/// The defaults that depend on the operands' shapes: axes, pads, strides, permutations, equal parts. After `check_arity`. `attributes` are
/// those that the view refers to.
void fill_in_from_shapes(Attributes& attributes, const NodeView& node);

/// Checks operands and attributes against the operator's version and infers the results.
[[nodiscard]] std::vector<Result> infer(const NodeView& node);

/// The contents of the outputs, in the cases where formats/onnx.md section 5 calls them known because they are computed; otherwise nothing.
/// After `infer`. Throws `Unsupported`, among others when a number does not fit into its type.
[[nodiscard]] std::vector<Tensor> compute_known(const NodeView& node, const std::vector<Result>& results);

}  // namespace lipcert
