// Eigen's decompositions, from which tests take what they compare with. Each costs 10 to 20 s in every unit that instantiates it: they are compiled once, here.
#pragma once

#include <Eigen/Core>

namespace decompositions {

/// m = u diag(values) v', thin; values descending.
struct Svd {
  Eigen::MatrixXd u, v;
  Eigen::VectorXd values;
};
[[nodiscard]] Svd thin_svd(const Eigen::MatrixXd& m);

[[nodiscard]] double largest_singular_value(const Eigen::MatrixXd& m);
/// In float32 arithmetic throughout: what a careless program would take as a bound.
[[nodiscard]] float largest_singular_value_float32(const Eigen::MatrixXf& m);

/// Of a symmetric matrix; values ascending, vectors in columns.
struct SymmetricEigen {
  Eigen::VectorXd values;
  Eigen::MatrixXd vectors;
};
[[nodiscard]] SymmetricEigen symmetric_eigen(const Eigen::MatrixXd& m);

[[nodiscard]] double largest_eigenvalue_of_hermitian(const Eigen::MatrixXcd& m);

/// Q of a QR decomposition of a square matrix.
[[nodiscard]] Eigen::MatrixXd orthogonal_factor(const Eigen::MatrixXd& m);

}  // namespace decompositions
