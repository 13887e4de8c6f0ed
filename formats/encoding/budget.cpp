// The count in formats/network/work.cpp comes first and gives the better sentence; the limit of the system (RLIMIT_DATA, which counts memory that is
// written to and not what is only mapped) is behind it. Sanitizers map terabytes for themselves, so under them there is only the count.
#include "formats/encoding/budget.hpp"

#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>

namespace lipcert {
namespace {

#if defined(__SANITIZE_ADDRESS__)
constexpr bool limited_by_system = false;
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
constexpr bool limited_by_system = false;
#else
constexpr bool limited_by_system = true;
#endif
#else
constexpr bool limited_by_system = true;
#endif

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
  rlimit limit{};
  if (!limited_by_system || ::getrlimit(RLIMIT_DATA, &limit) != 0) return;
  limit.rlim_cur = std::min<rlim_t>(limit.rlim_max, wanted.memory);
  static_cast<void>(::setrlimit(RLIMIT_DATA, &limit));
}

}  // namespace lipcert
