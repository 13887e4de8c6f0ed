// From a network to its bounds: partition into blocks (graph/block.hpp), an interval with both ends proved for every block and for the
// whole network, and the evidence from which an independent checker recomputes them (formats/SPEC.md, sections 4 and 5).
//
// Nothing here knows of keys, files or JSON.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "certify/graph/block.hpp"
#include "certify/numbers/integer_vector.hpp"
#include "formats/network/network.hpp"

namespace lipcert {

class EvidenceStore;

struct AnalysisOptions {
  unsigned threads = 0;          // 0: all cores; the result does not depend on it
  std::uint64_t seed = 1;        // of the searches (Lanczos start, linear regions): bounds are proved whatever they find
  unsigned region_samples = 64;  // linear regions tried for the network's lower end
  std::function<void(double done, const std::string& what)> progress;  // fraction in [0, 1]; called by one thread at a time
  EvidenceStore* evidence = nullptr;  // bounds of affine blocks that are known already (block_evidence.hpp); the result does not depend on it
};

struct Analysis {
  Partition partition;  // blocks with bounds
  double upper = 0;     // the network's Lipschitz constant per unit of the graph's input, both ends proved and rounded outward
  double lower = 0;
  std::optional<IntegerVector> point;      // lower end: one-sided directional derivative at `point`
  std::optional<IntegerVector> direction;  // in this direction; both absent: lower is 0
  std::uint64_t classes = 0;               // entries of the output; 0: no pair claim, else classes (classes - 1) / 2 pairs
  bool pairs_by_rows = false;              // theorem pair-row-difference (else pair-sqrt2)
  std::vector<double> pairs;               // upper triangle, row-major: f_i - f_j is pairs[k]-Lipschitz
};

/// Bounds every block and the network. Throws `Error` (formats/encoding/error.hpp) when the network has refusals or a weight is not finite.
[[nodiscard]] Analysis analyse(const Network& network, const AnalysisOptions& options);

}  // namespace lipcert
