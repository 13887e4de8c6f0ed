// What a check may cost: asked before memory is taken.
#pragma once

#include <unistd.h>

#include <cstdint>

namespace lipverify {

struct Budget {
  std::uint64_t memory = 0;                       // bytes; 0: half of the machine's memory
  std::uint64_t work = std::uint64_t{256} << 30;  // multiplications, roughly
};

/// `budget` with its memory filled in: half of the machine's.
[[nodiscard]] inline Budget settled(Budget budget) {
  if (budget.memory != 0) return budget;
  const long pages = ::sysconf(_SC_PHYS_PAGES);
  const long size = ::sysconf(_SC_PAGESIZE);
  budget.memory = pages > 0 && size > 0 ? static_cast<std::uint64_t>(pages) * static_cast<std::uint64_t>(size) / 2 : std::uint64_t{2} << 30;
  return budget;
}

}  // namespace lipverify
