// Witness vectors: short integers with a common exponent, so that every program that checks them starts from exactly the same numbers.
#pragma once

#include <cstdint>
#include <vector>

namespace lipcert {

/// A witness vector: entries mantissas[i] * 2^exponent, exact.
struct IntegerVector {
  int exponent = 0;
  std::vector<std::int32_t> mantissas;
};

/// The vector rounded to integers of at most 24 bits, the largest of which has 24, with a common exponent; empty when it is zero or not
/// finite.
[[nodiscard]] IntegerVector to_integers(const std::vector<double>& v);

/// The entries m 2^exponent; exact for exponents from -1074 to 960.
[[nodiscard]] std::vector<double> to_doubles(const IntegerVector& v);

}  // namespace lipcert
