// Attributes of a node as SPEC.md section 7 lists them for the version of the operators: exactly those, defaults filled in.
#pragma once

#include <map>
#include <string>

#include "verifier/graph/graph.hpp"

namespace lipverify {

/// Fills node.attributes from what stands in the file; `outputs`: how many outputs the node names. An attribute that is not in the table, is of
/// another kind or is missing although required: Failure (input).
void fill_attributes(const Graph& graph, Node& node, std::map<std::string, Attribute> given, std::size_t outputs, const std::string& what);

}  // namespace lipverify
