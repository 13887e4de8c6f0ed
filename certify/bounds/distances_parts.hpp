// The numbers of distances.hpp, and its steps.
#pragma once

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "certify/graph/steps.hpp"
#include "certify/numbers/parallel.hpp"
#include "certify/numbers/rounding.hpp"

namespace lipcert::by_distance {

__extension__ typedef __int128 Int128;

/// Thrown where numbers leave the range of these integers or of double-precision distances.
struct OutOfRange {};

inline constexpr int bits = 58;  // |m_i| <= 2^57

/// 2^exponent (m + d), where 2^exponent ||d||_2 <= distance.
struct Fixed {
  std::vector<std::int64_t> m;
  int exponent = 0;
  Upper distance;
};

using Inputs = std::vector<const Fixed*>;

/// 2^exponent; nothing is known where that is no double.
[[nodiscard]] inline Upper unit(int exponent) {
  return exponent < -1000 ? Upper::exact(0x1p-1000) : Upper::exact(std::ldexp(1.0, exponent));
}
[[nodiscard]] inline Upper root_of(std::size_t n) {
  return sqrt(Upper::exact(static_cast<double>(n)));
}

[[nodiscard]] Fixed checked(Fixed x);

/// Sums in units of 2^exponent, below 2^126, rounded to `bits`; adds to the distance what that costs.
[[nodiscard]] Fixed rounded(const std::vector<Int128>& sums, int exponent, Upper distance);

/// Twice the distance in units of 2^exponent, rounded up; at most 2^126.
[[nodiscard]] Int128 reach_of(Upper distance, int exponent);

/// Tensors one after the other on one grid: the finest of theirs, or 2^-60 of the coarsest. `distance`: of all of them together.
struct Aligned {
  explicit Aligned(const Inputs& inputs);
  std::vector<Int128> entries;
  int exponent = 0;
  Upper distance;
};

// distances_affine.cpp
/// An affine step; without its bias for a derivative.
[[nodiscard]] Fixed affine(const Step& step, const Inputs& in, bool derivative, WorkerPool& pool);

// distances.cpp
/// The value of a step that is not affine, and its derivative along t.
[[nodiscard]] Fixed curved(const Step& step, const Inputs& z);
[[nodiscard]] Fixed curved_along(const Step& step, const Inputs& z, const Inputs& t);

}  // namespace lipcert::by_distance
