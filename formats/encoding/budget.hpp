// What this process may cost: asked before memory is taken, so that a file of a hundred bytes cannot take gigabytes or hours.
#pragma once

#include <cstdint>

namespace lipcert {

struct Budget {
  std::uint64_t memory = 0;                      // bytes
  std::uint64_t work = std::uint64_t{256} << 30;  // multiplications, roughly (formats/network/work.hpp)
};

/// Half of the machine's memory (or of the limit that a container sets), and 256 * 2^30 multiplications.
[[nodiscard]] Budget usual_budget();

/// The budget that everything in this process asks; the usual one until it is set.
[[nodiscard]] const Budget& budget();

/// Sets it. Nothing but the count holds it: see budget.cpp.
void set_budget(const Budget& wanted);

}  // namespace lipcert
