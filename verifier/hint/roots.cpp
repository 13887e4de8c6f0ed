// See roots.hpp.
#include "verifier/hint/roots.hpp"

#include <cmath>
#include <utility>

namespace lipverify {

std::vector<Root> roots_hint(std::uint64_t n) {
  constexpr long double pi = 3.14159265358979323846264338327950288L;
  const auto grid = [](long double value) { return static_cast<std::int64_t>(std::llroundl(std::ldexp(value, 60))); };
  std::vector<Root> table(n);
  for (std::uint64_t a = 0; a < n; ++a) {
    // Reduced to an eighth of the circle, where sine and cosine are accurate.
    const std::uint64_t quadrant = 4 * a / n;
    const std::uint64_t rest = 4 * a - quadrant * n;  // of a quadrant, in units of 1 / n
    const bool mirrored = 2 * rest > n;
    const long double angle = pi * static_cast<long double>(mirrored ? n - rest : rest) / (2 * static_cast<long double>(n));
    std::int64_t x = grid(std::cos(angle));
    std::int64_t y = grid(std::sin(angle));
    if (mirrored) std::swap(x, y);
    table[a] = quadrant == 0 ? Root{x, y} : quadrant == 1 ? Root{-y, x} : quadrant == 2 ? Root{-x, -y} : Root{y, -x};
  }
  return table;
}

}  // namespace lipverify
