// The attributes of a node, for formats/onnx/*.cpp only.
#pragma once

#include <cstdint>
#include <string>

#include "formats/onnx/tensor.hpp"
#include "formats/operators/node_view.hpp"

namespace lipcert::onnx {
class AttributeProto;
class NodeProto;
}  // namespace lipcert::onnx

namespace lipcert {

/// The attributes of a node with those defaults of its version filled in that depend on nothing else (formats/SPEC.md, section 7). Throws
/// `Unsupported`.
[[nodiscard]] Attributes read_attributes(const onnx::NodeProto& node, Operator op, std::uint64_t opset, TensorReader& tensors,
                                         const std::string& label);

/// Of a node that is not read: that the attribute is of a kind that some operator has, its numbers are finite, and its tensor keeps the rules
/// of formats/onnx.md, section 3. Throws `Unsupported`.
void check_content(const onnx::AttributeProto& attribute, TensorReader& tensors, const std::string& label);

}  // namespace lipcert
