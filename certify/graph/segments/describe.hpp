// Segments as the blocks of a certificate.
#pragma once

#include <vector>

#include "certify/graph/block.hpp"
#include "certify/graph/segments/segment.hpp"
#include "certify/graph/steps.hpp"
#include "formats/network/network.hpp"

namespace lipcert {

/// The blocks as they appear in a certificate, without bounds.
[[nodiscard]] std::vector<Block> describe(const Network& network, const StepGraph& graph, const std::vector<Segment>& segments);

}  // namespace lipcert
