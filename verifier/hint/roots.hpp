// The hint: a table of roots of unity. Search, not proof: verifier/theorems/roots.cpp checks it in integers.
#pragma once

#include <cstdint>
#include <vector>

#include "verifier/theorems/hints.hpp"

namespace lipverify {

/// exp(2 pi i a / n) for 0 <= a < n, to the precision of long double.
[[nodiscard]] std::vector<Root> roots_hint(std::uint64_t n);

}  // namespace lipverify
