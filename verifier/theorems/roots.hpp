// Roots of unity, verified in integers without trigonometry (mathematics, section 3).
#pragma once

#include <cstdint>
#include <vector>

#include "verifier/theorems/hints.hpp"

namespace lipverify {

/// |2^-60 z[a] - zeta^a| <= error for 0 <= a < z.size() and one primitive z.size()-th root of unity zeta; |re|, |im| <= 2^61.
struct RootTable {
  std::vector<Root> z;
  Rational error = 0;
};

/// The hint's table with its error, or Failure (internal) when it is not such a table, or n is beyond the limit of 2^20.
[[nodiscard]] RootTable verified_roots(std::uint64_t n, const RootHint& hint);

}  // namespace lipverify
