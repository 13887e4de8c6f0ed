// Types and shapes of what a node puts out, and known integers (formats/onnx.md, section 5).
#pragma once

#include <string>
#include <vector>

#include "verifier/graph/graph.hpp"

namespace lipverify {

/// One value for each output of the operator that `outputs` names can be asked for, with type, shape, `constant`, `unusable` and what is known
/// without computing. Failure (input) when a rule refuses the node.
[[nodiscard]] std::vector<Value> outputs_of(const Graph& graph, std::size_t node, const std::vector<std::string>& output_names);

/// Computes the node's outputs where they are known (all its inputs are, and its data are integers or booleans), after they were appended to
/// the graph.
void compute_known(Graph& graph, std::size_t node);

}  // namespace lipverify
