// Estimate of the largest eigenvalue of a symmetric matrix, with its vector. A guess: nothing here is a bound.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <vector>

namespace lipcert {

struct RitzPair {
  double value = 0;
  double residual = 0;         // ||M y - value y||, estimated
  std::vector<double> vector;  // unit length
};

/// `multiply(x, y)` sets y = M x. The Lanczos process with full reorthogonalisation (twice, so that the basis stays orthogonal to rounding
/// level), from a start vector that depends on n and `seed` only, until the residual is below 2^-43 of the value or `steps` steps are done.
/// Cost: a product with M and 8 n k flops in step k.
[[nodiscard]] RitzPair lanczos(std::size_t n, std::size_t steps, std::uint64_t seed,
                               const std::function<void(const double* x, double* y)>& multiply);

}  // namespace lipcert
