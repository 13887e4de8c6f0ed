#include "tests/support/decompositions.hpp"

#include <Eigen/Eigenvalues>
#include <Eigen/QR>
#include <Eigen/SVD>

namespace decompositions {

Svd thin_svd(const Eigen::MatrixXd& m) {
  const Eigen::BDCSVD<Eigen::MatrixXd> svd(m, Eigen::ComputeThinU | Eigen::ComputeThinV);
  return {svd.matrixU(), svd.matrixV(), svd.singularValues()};
}

double largest_singular_value(const Eigen::MatrixXd& m) { return Eigen::BDCSVD<Eigen::MatrixXd>(m).singularValues()(0); }

float largest_singular_value_float32(const Eigen::MatrixXf& m) { return Eigen::BDCSVD<Eigen::MatrixXf>(m).singularValues()(0); }

SymmetricEigen symmetric_eigen(const Eigen::MatrixXd& m) {
  const Eigen::SelfAdjointEigenSolver<Eigen::MatrixXd> solver(m);
  return {solver.eigenvalues(), solver.eigenvectors()};
}

double largest_eigenvalue_of_hermitian(const Eigen::MatrixXcd& m) {
  const Eigen::SelfAdjointEigenSolver<Eigen::MatrixXcd> solver(m, Eigen::EigenvaluesOnly);
  return solver.eigenvalues()(m.rows() - 1);
}

Eigen::MatrixXd orthogonal_factor(const Eigen::MatrixXd& m) { return Eigen::HouseholderQR<Eigen::MatrixXd>(m).householderQ(); }

}  // namespace decompositions
