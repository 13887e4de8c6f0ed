// See pairs.hpp.

#include "certify/bounds/pairs.hpp"

#include <algorithm>
#include <cmath>

namespace lipcert {
namespace {

Upper sqrt_two() { return sqrt(Upper::exact(2)); }

}  // namespace

std::vector<double> pair_bounds_by_global(std::uint64_t classes, Upper global) {
  return std::vector<double>(classes * (classes - 1) / 2, (sqrt_two() * global).value());
}

std::vector<double> pair_bounds_by_rows(const FoldedMatrix& last, Upper norm, Upper before, Upper global, WorkerPool& pool) {
  const EnclosedMatrix& a = last.matrix;
  const std::size_t classes = a.rows;
  const std::size_t n = a.columns;
  const bool exact = a.exact() && last.linear_parts == 1;
  const Upper ceiling = sqrt_two() * global;
  // ||a_i - a_j|| from centres: each of the two rows is off by at most its own radius; together at most sqrt(2) ||radius||_F. And room for a checker whose
  // centre lies elsewhere within the radius, with a radius of its own.
  const Upper radius = norm_above(a.radius.data(), a.radius.size());
  const Upper extra = exact ? Upper() : norm.scaled(-38) + sqrt_two() * (radius + radius + last.reserve);
  const Upper slack = Upper::exact(1) + Upper::exact(0x1p-38);
  // Rows are scaled to entries below 1/2, so that differences cannot overflow. ldexp loses at most 2^-1075 per entry where it makes a number
  // subnormal.
  double largest = 0;
  for (const double x : a.centre) {
    largest = std::max(largest, std::fabs(x));
  }
  int exponent = 0;
  static_cast<void>(std::frexp(largest, &exponent));
  ++exponent;
  std::vector<double> rows(a.centre.size());
  std::transform(a.centre.begin(), a.centre.end(), rows.begin(), [exponent](double x) { return std::ldexp(x, -exponent); });
  const Upper lost = Upper::exact(static_cast<double>(n)) * Upper::exact(0x1p-1074);
  std::vector<double> pairs(classes * (classes - 1) / 2);
  pool.for_each(classes - 1, [&](std::size_t i) {
    std::vector<double> difference(n);
    std::size_t at = i * classes - i * (i + 1) / 2;
    for (std::size_t j = i + 1; j < classes; ++j) {
      const auto row = [&](std::size_t r) { return a.centre.begin() + static_cast<std::ptrdiff_t>(r * n); };
      Upper distance;
      if (!std::equal(row(i), row(i + 1), row(j))) {
        for (std::size_t k = 0; k < n; ++k) {
          difference[k] = rows[i * n + k] - rows[j * n + k];
        }
        // One rounding per difference: |x - y| <= |fl(x - y)| / (1 - u) <= |fl(x - y)| (1 + 2^-52).
        const Upper inflated = norm_above(difference.data(), n) * (Upper::exact(1) + Upper::exact(0x1p-52));
        distance = (inflated + lost).scaled(exponent);
      }
      const Upper bound = (distance * slack + extra) * before;
      pairs[at++] = min(bound, ceiling).value();
    }
  });
  return pairs;
}

}  // namespace lipcert
