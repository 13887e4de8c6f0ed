// The rules of single operators, for formats/onnx/*.cpp only. All of them throw `Unsupported`.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "formats/operators/node_view.hpp"

namespace lipcert {

/// The first `count` operands, as far as they are there, are of one floating type.
void require_floating(const std::vector<Operand>& operands, std::size_t count);

/// One constant with one element; `right_type` says whether its type is one that the operator takes.
void require_single_constant(const Operand& operand, bool right_type, const char* what);

/// Integers are moved only where they are known.
void check_moved(const NodeView& node, std::size_t count);

[[nodiscard]] Shape flatten_shape(const NodeView& node);
[[nodiscard]] Shape reshape_shape(const NodeView& node);
[[nodiscard]] Shape transposed_shape(const NodeView& node);
[[nodiscard]] Shape squeezed_shape(const NodeView& node);
[[nodiscard]] Shape unsqueezed_shape(const NodeView& node);
[[nodiscard]] Shape concatenated_shape(const NodeView& node);
[[nodiscard]] Shape gathered_shape(const NodeView& node);
[[nodiscard]] Shape padded_shape(const NodeView& node);
[[nodiscard]] Shape blocked_shape(const NodeView& node);  // DepthToSpace, SpaceToDepth

/// How many dimensions Shape writes.
[[nodiscard]] std::uint64_t shape_entries(const NodeView& node);
/// What ConstantOfShape makes.
[[nodiscard]] Result filled(const NodeView& node);

}  // namespace lipcert
