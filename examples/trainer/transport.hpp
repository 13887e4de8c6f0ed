// The exact Wasserstein-1 distance of two point clouds with equally many points: linear assignment by shortest augmenting paths with
// potentials (Jonker and Volgenant 1987). O(n^3) time, O(n^2) memory. It is what a Kantorovich-Rubinstein network is measured against.
#pragma once

#include "examples/trainer/matrix.hpp"

namespace liptrain {

/// Mean distance of matched points in the best matching of the rows of `a` with those of `b`.
[[nodiscard]] double exact_wasserstein(const Matrix<float>& a, const Matrix<float>& b);
/// Least sum of cost(i, assignment(i)), for a square matrix.
[[nodiscard]] double least_assignment(const Matrix<double>& cost);

}  // namespace liptrain
