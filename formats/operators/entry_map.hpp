// Nodes that only move entries: which entry of which input every entry of the result is. Flat indices are row-major.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "formats/network/network.hpp"

namespace lipcert {

struct EntrySource {
  std::uint32_t input = 0;  // position in Node::inputs
  std::uint32_t index = 0;  // flat index in that input
};

/// EntrySource::input of an entry of Pad that comes from nowhere: its value is Pad's constant (0 where none is given).
inline constexpr std::uint32_t no_source = 0xFFFFFFFF;

/// Identity, Dropout, Cast, Flatten, Reshape, Squeeze, Unsqueeze, Transpose, Concat, Split, Slice, Gather, Pad, DepthToSpace, SpaceToDepth.
/// A Cast of a constant to a narrower type rounds besides; a Cast of data never does.
[[nodiscard]] bool moves_entries(Operator op);

/// For every entry of that output (`output`: position in Node::outputs; the mask of a Dropout has none), where it comes from. Memory: 8
/// bytes for each entry.
[[nodiscard]] std::vector<EntrySource> entry_sources(const Network& network, std::size_t node, std::size_t output);

}  // namespace lipcert
