// Radii of single samples that exceed what the network's global constant gives, by the theorem layer-dual (formats/SPEC.md, section 9):
// around one sample most activations do not change their piece, and the difference of two outputs is bounded below layer by layer. The
// slopes and multipliers are found by a search in plain double; they are the evidence from which the checker proves the radius. F is
// demanded to be positive by more than roundings can move it, and the bytes are judged as the checker reads them; a certificate is
// rechecked before it is published.
//
// Cost of one decision: `steps` times one backward and one forward pass for each rival that the fixed rule does not settle.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "certify/bounds/analysis.hpp"
#include "certify/graph/evaluate.hpp"
#include "certify/graph/steps.hpp"
#include "certify/numbers/rounding.hpp"
#include "formats/network/network.hpp"

namespace lipcert {

namespace local {
struct Plan;
}

/// Of the graph's input, one number for each entry, rounded outward; empty: no range.
struct InputRange {
  std::vector<double> low;
  std::vector<double> high;
};

struct LocalSettings {
  unsigned steps = 200;  // of the search, for one rival; 0: the fixed rule alone
  InputRange range;
};

struct LocalSample {
  const std::vector<double>& x;  // doubles below the exact sample
  Upper distance;                // ||exact sample - x||
  const BallVector& f;           // enclosed at x
  std::uint32_t predicted = 0;   // class; one output: 1 if f > 0, else 0
  std::vector<double>
      global;  // for each output j the radius by margin-over-lipschitz against j (unused at `predicted`); one output: one entry
};

struct LocalRadius {
  double radius = 0;
  std::string evidence;  // rule 1 proves `radius` with exactly these bytes, perhaps none
};

/// Const members may be called by several threads; the result depends on nothing but the arguments.
class LocalRadii {
 public:
  /// The graph must outlive the object.
  LocalRadii(const Network& network, const StepGraph& graph, const Analysis& analysis, LocalSettings settings);
  ~LocalRadii();
  LocalRadii(const LocalRadii&) = delete;
  LocalRadii& operator=(const LocalRadii&) = delete;

  /// `targets`: ascending radii to be decided, each above the global radius; the result is the largest that is proved, in ascending order
  /// until one fails. Empty: the largest radius, by bisection to 1 %. Nothing where no radius beyond the global one is proved.
  [[nodiscard]] std::optional<LocalRadius> improve(const LocalSample& sample, const std::vector<double>& targets) const;

 private:
  std::unique_ptr<local::Plan> plan_;
  LocalSettings settings_;
  double upper_;
};

}  // namespace lipcert
