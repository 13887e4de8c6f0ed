// See integer_vector.hpp.

#include "certify/numbers/integer_vector.hpp"

#include <algorithm>
#include <cmath>

namespace lipcert {

IntegerVector to_integers(const std::vector<double>& v) {
  IntegerVector result;
  double largest = 0;
  for (const double x : v) {
    if (!std::isfinite(x)) {
      return result;
    }
    largest = std::max(largest, std::fabs(x));
  }
  if (largest == 0) {
    return result;
  }
  int e = 0;
  static_cast<void>(std::frexp(largest, &e));
  result.exponent = e - 24;
  result.mantissas.resize(v.size());
  for (std::size_t i = 0; i < v.size(); ++i) {
    const double rounded = std::nearbyint(std::ldexp(v[i], -result.exponent));
    result.mantissas[i] = static_cast<std::int32_t>(std::clamp(rounded, -0x1.fffffep23, 0x1.fffffep23));
  }
  return result;
}

std::vector<double> to_doubles(const IntegerVector& v) {
  std::vector<double> result(v.mantissas.size());
  for (std::size_t i = 0; i < result.size(); ++i) {
    result[i] = std::ldexp(static_cast<double>(v.mantissas[i]), v.exponent);
  }
  return result;
}

}  // namespace lipcert
