// Constants known up to a radius: entry i lies in [centre[i] - radius[i], centre[i] + radius[i]].
//
// Weights are exact dyadic numbers, and many operations on them are exact in double precision; where one is not, its rounding error goes into
// the radius, entry by entry. Nothing is ever silently rounded. Operations are checked for exactness with the residuals of two-sum and
// fused multiply-add (rounding.hpp), so that a tensor whose arithmetic happened to be exact keeps the empty radius and stays exact.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "certify/numbers/parallel.hpp"
#include "certify/numbers/rounding.hpp"
#include "formats/network/network.hpp"

namespace lipcert {

struct EnclosedTensor {
  Shape shape;
  std::vector<double> centre;
  std::vector<double> radius;  // empty: exact

  [[nodiscard]] bool exact() const { return radius.empty(); }
  [[nodiscard]] double radius_at(std::size_t i) const { return radius.empty() ? 0 : radius[i]; }
};

/// rows x columns, row-major.
struct EnclosedMatrix {
  std::size_t rows = 0;
  std::size_t columns = 0;
  std::vector<double> centre;
  std::vector<double> radius;  // empty: exact

  [[nodiscard]] bool exact() const { return radius.empty(); }
  [[nodiscard]] double radius_at(std::size_t i) const { return radius.empty() ? 0 : radius[i]; }
};

/// One enclosed number.
struct Ball {
  double centre = 0;
  double radius = 0;

  bool operator==(const Ball&) const = default;
};

// A result whose centre overflows has an infinite radius: the caller refuses it with `first_unbounded`.
[[nodiscard]] Ball add(Ball a, Ball b);
[[nodiscard]] Ball subtract(Ball a, Ball b);
[[nodiscard]] Ball multiply(Ball a, Ball b);
/// Infinite radius when b may be zero.
[[nodiscard]] Ball divide(Ball a, Ball b);

/// Centre and radius of the interval [low, high] of doubles.
[[nodiscard]] Ball hull(double low, double high);
/// Ends of a ball as doubles, rounded outward.
[[nodiscard]] double low_end(Ball b);
[[nodiscard]] double high_end(Ball b);

/// The entries of a stored tensor. Floating ones and booleans are exact; an integer of magnitude above 2^53 gets its rounding error as radius.
[[nodiscard]] EnclosedTensor enclose(const Tensor& tensor);

/// Flat index into an operand of shape `from` for every entry of a tensor of shape `to` (numpy broadcasting; `from` must fit).
[[nodiscard]] std::vector<std::size_t> broadcast_index(const Shape& from, const Shape& to);

/// Entrywise operation with broadcasting to `shape`.
[[nodiscard]] EnclosedTensor entrywise(Ball (*operation)(Ball, Ball), const EnclosedTensor& a, const EnclosedTensor& b, const Shape& shape);

[[nodiscard]] EnclosedTensor relu(EnclosedTensor a);
[[nodiscard]] EnclosedTensor leaky_relu(EnclosedTensor a, double alpha);
[[nodiscard]] EnclosedTensor abs(EnclosedTensor a);

/// Index of the first entry that is not bounded (centre or radius not finite), or the number of entries.
[[nodiscard]] std::size_t first_unbounded(const std::vector<double>& centre, const std::vector<double>& radius);

[[nodiscard]] EnclosedMatrix transposed(const EnclosedMatrix& a);

/// a * b. Small products are accumulated with compensation; large ones are split into a leading part whose matrix product is exact and a rest
/// (Ozaki, Ogita, Oishi and Rump, Numer. Algorithms 59, 2012), so that the radius is little more than the last rounding. Cost: three matrix
/// products.
[[nodiscard]] EnclosedMatrix product(const EnclosedMatrix& a, const EnclosedMatrix& b, WorkerPool& pool);

/// a times a number; row i times d[i]; column j times d[j].
[[nodiscard]] EnclosedMatrix scaled(EnclosedMatrix a, Ball factor);
[[nodiscard]] EnclosedMatrix scaled_rows(EnclosedMatrix a, const std::vector<Ball>& d);
[[nodiscard]] EnclosedMatrix scaled_columns(EnclosedMatrix a, const std::vector<Ball>& d);

}  // namespace lipcert
