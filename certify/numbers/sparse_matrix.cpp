// See sparse_matrix.hpp.

#include "certify/numbers/sparse_matrix.hpp"

#include <numeric>

namespace lipcert {

SparseMatrix identity_matrix(std::size_t n) {
  SparseMatrix result;
  result.rows = result.columns = n;
  result.start.resize(n + 1);
  result.column.resize(n);
  result.centre.assign(n, 1.0);
  for (std::size_t i = 0; i < n; ++i) {
    result.start[i + 1] = i + 1;
    result.column[i] = static_cast<std::uint32_t>(i);
  }
  return result;
}

SparseMatrix transposed(const SparseMatrix& a) {
  SparseMatrix t;
  t.rows = a.columns;
  t.columns = a.rows;
  t.start.assign(t.rows + 1, 0);
  for (const std::uint32_t j : a.column) {
    ++t.start[j + 1];
  }
  std::partial_sum(t.start.begin(), t.start.end(), t.start.begin());
  t.column.resize(a.column.size());
  t.centre.resize(a.centre.size());
  t.radius.resize(a.radius.size());
  std::vector<std::size_t> fill(t.start.begin(), t.start.end() - 1);
  for (std::size_t i = 0; i < a.rows; ++i) {
    for (std::size_t k = a.start[i]; k < a.start[i + 1]; ++k) {
      const std::size_t to = fill[a.column[k]]++;
      t.column[to] = static_cast<std::uint32_t>(i);
      t.centre[to] = a.centre[k];
      if (!a.radius.empty()) {
        t.radius[to] = a.radius[k];
      }
    }
  }
  return t;
}

EnclosedMatrix dense(const SparseMatrix& a) {
  EnclosedMatrix m;
  m.rows = a.rows;
  m.columns = a.columns;
  m.centre.assign(a.rows * a.columns, 0.0);
  m.radius.assign(a.radius.empty() ? 0 : a.rows * a.columns, 0.0);
  for (std::size_t i = 0; i < a.rows; ++i) {
    for (std::size_t k = a.start[i]; k < a.start[i + 1]; ++k) {
      m.centre[i * a.columns + a.column[k]] = a.centre[k];
      if (!a.radius.empty()) {
        m.radius[i * a.columns + a.column[k]] = a.radius[k];
      }
    }
  }
  return m;
}

}  // namespace lipcert
