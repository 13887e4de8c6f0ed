// The evidence of one sample (formats/SPEC.md, section 9): slopes and multipliers that a search has found. Nothing of it is trusted: any numbers prove
// what the theorem says of them.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string_view>
#include <vector>

#include "verifier/local/amounts.hpp"

namespace lipverify::local {

inline constexpr int kEvidenceBits = 14;

struct Part {
  std::optional<Multiplier> lambda;            // nothing: the fixed rule
  std::vector<std::uint32_t> positions;        // ascending
  std::vector<std::int16_t> slopes;            // s: the slope at the position is s / 2^kEvidenceBits
};
using Evidence = std::map<std::uint32_t, std::map<std::uint32_t, Part>>;  // by rival and node

inline constexpr std::uint32_t kInputNode = 0xFFFFFFFF;
inline constexpr std::size_t kMostEvidence = std::size_t{1} << 20;

/// Nothing for a byte string that is not exactly of the form. `rivals`: their number, `nodes`: of the graph.
[[nodiscard]] std::optional<Evidence> parse_evidence(std::string_view bytes, std::uint64_t rivals, std::uint64_t nodes);

}  // namespace lipverify::local
