// The count in formats/network/work.cpp asks for it. A limit of the system behind it (RLIMIT_DATA) is not set: OpenBLAS tries again for ever where memory
// for its buffers is refused, so that the program would hang instead of ending.
#include "formats/encoding/budget.hpp"

#include <unistd.h>

#include <algorithm>
#include <fstream>

namespace lipcert {
namespace {

Budget& current() {
  static Budget value = usual_budget();
  return value;
}

}  // namespace

Budget usual_budget() {
  Budget usual;
  const long pages = ::sysconf(_SC_PHYS_PAGES);
  const long size = ::sysconf(_SC_PAGESIZE);
  std::uint64_t memory = pages > 0 && size > 0 ? static_cast<std::uint64_t>(pages) * static_cast<std::uint64_t>(size) : std::uint64_t{4} << 30;
  std::uint64_t container = 0;
  if (std::ifstream file("/sys/fs/cgroup/memory.max"); file >> container) memory = std::min(memory, container);
  usual.memory = memory / 2;
  return usual;
}

const Budget& budget() {
  return current();
}

void set_budget(const Budget& wanted) {
  current() = wanted;
}

}  // namespace lipcert
