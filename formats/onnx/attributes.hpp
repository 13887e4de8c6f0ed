// The attributes of a node, for formats/onnx/*.cpp only.
#pragma once

#include <cstdint>
#include <string>

#include "formats/onnx/tensor.hpp"
#include "formats/operators/node_view.hpp"

namespace lipcert::onnx {
class NodeProto;
}  // namespace lipcert::onnx

namespace lipcert {

/// The attributes of a node with those defaults of its version filled in that depend on nothing else (formats/SPEC.md, section 7). Throws
/// `Unsupported`.
[[nodiscard]] Attributes read_attributes(const onnx::NodeProto& node, Operator op, std::uint64_t opset, TensorReader& tensors,
                                         const std::string& label);

}  // namespace lipcert
