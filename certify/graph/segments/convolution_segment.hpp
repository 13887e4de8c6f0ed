// A convolution with the padding and the channelwise steps before it and the channelwise steps after it.
#pragma once

#include <cstddef>
#include <vector>

#include "certify/graph/segments/segment.hpp"
#include "certify/graph/segments/wiring.hpp"

namespace lipcert {

/// The convolution at chain[begin], with what it takes up: [begin, end) grows, down to `least`.
[[nodiscard]] Segment convolution_segment(const Wiring& wiring, const std::vector<Unit>& chain, std::size_t least, std::size_t& begin,
                                          std::size_t& end, std::vector<Refusal>& refusals);

}  // namespace lipcert
