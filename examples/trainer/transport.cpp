#include "examples/trainer/transport.hpp"

#include <limits>
#include <vector>

namespace liptrain {

double least_assignment(const Matrix<double>& cost) {
  const Index n = cost.rows();
  const double infinity = std::numeric_limits<double>::infinity();
  // Column 0 is virtual: the row that looks for a partner stands there.
  std::vector<double> row_price(static_cast<std::size_t>(n) + 1, 0), column_price(row_price);
  std::vector<Index> partner(row_price.size(), 0), before(row_price.size(), 0);
  for (Index i = 1; i <= n; ++i) {
    partner[0] = i;
    Index column = 0;
    std::vector<double> slack(row_price.size(), infinity);
    std::vector<bool> done(row_price.size(), false);
    do {
      done[static_cast<std::size_t>(column)] = true;
      const Index row = partner[static_cast<std::size_t>(column)];
      Index next = 0;
      double step = infinity;
      for (Index j = 1; j <= n; ++j) {
        const auto at = static_cast<std::size_t>(j);
        if (done[at]) {
          continue;
        }
        const double reduced = cost(row - 1, j - 1) - row_price[static_cast<std::size_t>(row)] - column_price[at];
        if (reduced < slack[at]) {
          slack[at] = reduced;
          before[at] = column;
        }
        if (slack[at] < step) {
          step = slack[at];
          next = j;
        }
      }
      for (std::size_t j = 0; j < done.size(); ++j) {
        if (done[j]) {
          row_price[static_cast<std::size_t>(partner[j])] += step;
          column_price[j] -= step;
        } else {
          slack[j] -= step;
        }
      }
      column = next;
    } while (partner[static_cast<std::size_t>(column)] != 0);
    while (column != 0) {
      const Index previous = before[static_cast<std::size_t>(column)];
      partner[static_cast<std::size_t>(column)] = partner[static_cast<std::size_t>(previous)];
      column = previous;
    }
  }
  double sum = 0;
  for (Index j = 1; j <= n; ++j) {
    sum += cost(partner[static_cast<std::size_t>(j)] - 1, j - 1);
  }
  return sum;
}

double exact_wasserstein(const Matrix<float>& a, const Matrix<float>& b) {
  Matrix<double> cost(a.rows(), b.rows());
  for (Index i = 0; i < a.rows(); ++i) {
    for (Index j = 0; j < b.rows(); ++j) {
      cost(i, j) = (a.row(i).cast<double>() - b.row(j).cast<double>()).norm();
    }
  }
  return least_assignment(cost) / static_cast<double>(a.rows());
}

}  // namespace liptrain
