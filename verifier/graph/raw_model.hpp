// A model as its messages say it, before anything in it is put together: onnx.cpp reads it, build.cpp makes the graph.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "verifier/graph/onnx.hpp"

namespace lipverify {

struct NamedTensor {
  std::string name;
  Tensor tensor;
};

struct RawNode {
  std::string op, domain, overload;
  std::vector<std::string> inputs, outputs;
  std::map<std::string, Attribute> attributes;
};

struct Dimension {
  bool known = false;
  std::uint64_t value = 0;
  std::string name;  // of one that is not known; may be empty
};

struct ValueInfo {
  std::string name;
  bool tensor = false;
  std::uint32_t type = 0;
  bool has_shape = false;
  std::vector<Dimension> shape;
};

struct RawModel {
  std::int64_t ir_version = 0;
  std::int64_t opset = 0;
  std::vector<RawNode> nodes;
  std::vector<NamedTensor> initialisers;
  std::vector<ValueInfo> inputs, outputs;
};

/// The graph, by the rules of formats/onnx.md, sections 3 to 5: Failure (input) when one of them is broken. Takes the model apart.
[[nodiscard]] Graph graph_of(RawModel& model, const OnnxOptions& options);

/// The nodes by their places in the file, in the order of formats/onnx.md, section 4: repeatedly the first of the file whose inputs are defined;
/// with a chosen output those that lead to it. Failure (input) when a name is defined twice or never, or when nodes read each other in a circle.
[[nodiscard]] std::vector<std::size_t> node_order(const RawModel& model, const std::optional<std::string>& output);

}  // namespace lipverify
