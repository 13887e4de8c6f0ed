// The evidence of one sample (formats/SPEC.md, section 9): slopes on the grid of 2^-14 and multipliers m 2^e, for the rivals that need
// them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "certify/local/dual.hpp"
#include "certify/local/openings.hpp"
#include "certify/local/plan.hpp"

namespace lipcert::local {

/// In place of a slope or a multiplier: the fixed rule.
inline constexpr std::int16_t no_slope = INT16_MIN;

struct Multiplier {
  std::uint8_t m = 255;  // m 2^e; 255 and -32768: the fixed rule
  std::int16_t e = INT16_MIN;
  [[nodiscard]] bool fixed() const { return m == 255 && e == INT16_MIN; }
  [[nodiscard]] double value() const;
};
[[nodiscard]] Multiplier nearest_multiplier(double lambda);

/// What is given for one rival.
struct Given {
  struct Node {
    Multiplier lambda;
    std::vector<std::int16_t> slope;  // for each open entry 2^14 times its slope, or no_slope
  };
  std::vector<Node> nodes;
  Multiplier input;
};

/// The nearest numbers on the grids to those of rival `j` of a batch; a slope that is within `left_to_rule` of the fixed rule's is left to
/// it.
[[nodiscard]] Given quantised(const Openings& open, const Parameters& parameters, std::size_t j, bool range, double left_to_rule);

/// What a batch of rivals is evaluated with: null is the fixed rule.
[[nodiscard]] Parameters parameters_of(const Openings& open, const std::vector<const Given*>& given);

struct RivalEvidence {
  std::uint32_t rival = 0;
  Given given;
};

/// Ascending rivals.
[[nodiscard]] std::string encode(const Plan& plan, const Openings& open, const std::vector<RivalEvidence>& rivals);
/// Throws `Error` (internal) for bytes that `encode` does not make.
[[nodiscard]] std::vector<RivalEvidence> decode(const Plan& plan, const Openings& open, const std::string& bytes);

}  // namespace lipcert::local
