// Lower ends of norms that owe nothing to the code under test: Eigen's SVD for the vector, 600-bit numbers for its evaluation.
#pragma once

#include <Eigen/Core>
#include <algorithm>
#include <cmath>
#include <random>
#include <vector>

#include "certify/numbers/enclosed.hpp"
#include "tests/certify/exact.hpp"
#include "tests/support/decompositions.hpp"

namespace norm_support {

using exact::Real;

class Normal {
 public:
  explicit Normal(std::uint64_t seed) : engine_(seed) {}
  double operator()() { return normal_(engine_); }
  double single() { return static_cast<double>(static_cast<float>(normal_(engine_))); }
  std::uint64_t below(std::uint64_t n) { return engine_() % n; }

 private:
  std::mt19937_64 engine_;
  std::normal_distribution<double> normal_;
};

inline lipcert::EnclosedMatrix matrix(std::size_t rows, std::size_t columns) {
  lipcert::EnclosedMatrix m;
  m.rows = rows;
  m.columns = columns;
  m.centre.assign(rows * columns, 0.0);
  return m;
}

/// ||A v|| / ||v|| with 600 bits.
inline Real ratio(const lipcert::EnclosedMatrix& a, const std::vector<double>& v) {
  Real image = 0;
  Real length = 0;
  for (std::size_t i = 0; i < a.rows; ++i) {
    Real sum = 0;
    for (std::size_t j = 0; j < a.columns; ++j) {
      if (a.centre[i * a.columns + j] != 0 && v[j] != 0) {
        sum += Real(a.centre[i * a.columns + j]) * Real(v[j]);
      }
    }
    image += sum * sum;
  }
  for (const double x : v) {
    length += Real(x) * Real(x);
  }
  return length == 0 ? Real(0) : Real(sqrt(Real(image / length)));
}

/// The right singular vector of the SVD, evaluated with 600 bits: at most the norm, and within 1e-13 of it.
inline Real independent_lower(const lipcert::EnclosedMatrix& a) {
  double largest = 0;
  for (const double x : a.centre) {
    largest = std::max(largest, std::fabs(x));
  }
  if (largest == 0) {
    return 0;
  }
  int e = 0;
  std::frexp(largest, &e);
  // Eigenvector of the smaller Gram matrix would lose half the digits of small singular values, not of the largest one.
  Eigen::MatrixXd m(static_cast<Eigen::Index>(a.rows), static_cast<Eigen::Index>(a.columns));
  for (std::size_t i = 0; i < a.rows; ++i) {
    for (std::size_t j = 0; j < a.columns; ++j) {
      m(static_cast<Eigen::Index>(i), static_cast<Eigen::Index>(j)) = std::ldexp(a.centre[i * a.columns + j], -e);
    }
  }
  const bool rows = a.rows < a.columns;
  const decompositions::SymmetricEigen eigen = decompositions::symmetric_eigen(rows ? Eigen::MatrixXd(m * m.transpose()) : Eigen::MatrixXd(m.transpose() * m));
  Eigen::VectorXd top = eigen.vectors.col(eigen.vectors.cols() - 1);
  if (rows) {
    top = m.transpose() * top;
  }
  return ratio(a, std::vector<double>(top.data(), top.data() + top.size()));
}

}  // namespace norm_support
