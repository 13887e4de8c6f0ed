// See conv_reshape.hpp.

#include "certify/norms/conv_reshape.hpp"

#include <cblas.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "certify/norms/conv_claim.hpp"
#include "certify/norms/dense_norm.hpp"
#include "certify/norms/lanczos.hpp"
#include "certify/numbers/tiles.hpp"

namespace lipcert {
namespace {

constexpr double infinity = std::numeric_limits<double>::infinity();

/// The matrix of one group with rows (o, j_l for l in the set) and columns (c, the other j_l).
EnclosedMatrix reshaped(const Convolution& c, std::size_t group, std::size_t set) {
  const std::size_t d = c.axes.size();
  std::vector<std::size_t> row_step(d, 0);
  std::vector<std::size_t> column_step(d, 0);
  std::size_t rows = 1;
  std::size_t columns = 1;
  std::size_t taps = 1;
  for (std::size_t l = d; l-- > 0;) {
    std::size_t& size = (set >> l) % 2 == 1 ? rows : columns;
    ((set >> l) % 2 == 1 ? row_step : column_step)[l] = size;
    size *= c.axes[l].kernel;
    taps *= c.axes[l].kernel;
  }
  EnclosedMatrix m;
  m.rows = rows * c.outputs;
  m.columns = columns * c.inputs;
  m.centre.resize(m.rows * m.columns);
  for (std::size_t o = 0; o < c.outputs; ++o) {
    for (std::size_t i = 0; i < c.inputs; ++i) {
      for (std::size_t tap = 0; tap < taps; ++tap) {
        std::size_t rest = tap;
        std::size_t row = o * rows;
        std::size_t column = i * columns;
        for (std::size_t l = d; l-- > 0;) {
          const std::size_t j = rest % c.axes[l].kernel;
          rest /= c.axes[l].kernel;
          row += j * row_step[l];
          column += j * column_step[l];
        }
        m.centre[row * m.columns + column] = c.kernel.centre[((group * c.outputs + o) * c.inputs + i) * taps + tap];
      }
    }
  }
  return m;
}

double estimated_norm(const EnclosedMatrix& m, std::uint64_t seed) {
  double largest = 0;
  for (const double x : m.centre) {
    largest = std::max(largest, std::fabs(x));
  }
  if (largest == 0) {
    return 0;
  }
  std::vector<double> image(m.rows);
  const int rows = blas_int(m.rows);
  const int columns = blas_int(m.columns);
  return largest *
         std::sqrt(lanczos(m.columns, 40, seed, [&](const double* x, double* y) {
                     cblas_dgemv(CblasRowMajor, CblasNoTrans, rows, columns, 1 / largest, m.centre.data(), columns, x, 1, 0, image.data(),
                                 1);
                     cblas_dgemv(CblasRowMajor, CblasTrans, rows, columns, 1 / largest, m.centre.data(), columns, image.data(), 1, 0, y, 1);
                   }).value);
}

}  // namespace

double reshape_flops(const Convolution& c) {
  double worst = 0;
  for (std::size_t set = 0; set < (std::size_t{1} << c.axes.size()); ++set) {
    std::size_t rows = c.outputs;
    std::size_t columns = c.inputs;
    for (std::size_t l = 0; l < c.axes.size(); ++l) {
      ((set >> l) % 2 == 1 ? rows : columns) *= c.axes[l].kernel;
    }
    worst = std::max(worst, bounding_flops(rows, columns) + 160.0 * static_cast<double>(rows) * static_cast<double>(columns));
  }
  return worst * static_cast<double>(c.groups);
}

void bound_by_reshape(const Convolution& c, const std::vector<PlannedAxis>& axes, LinearBound& result, WorkerPool& pool, std::uint64_t seed,
                      Upper reserve) {
  result.theorem = "conv-reshape";
  std::size_t best_set = 0;
  double least = infinity;
  for (std::size_t set = 0; set < (std::size_t{1} << c.axes.size()); ++set) {
    double most = 0;
    for (std::size_t g = 0; g < c.groups; ++g) {
      most = std::max(most, estimated_norm(reshaped(c, g, set), seed));
    }
    if (most < least) {
      least = most;
      best_set = set;
    }
  }
  Claim claim;
  double taps = 1;
  for (std::size_t l = 0; l < c.axes.size(); ++l) {
    taps *= static_cast<double>(c.axes[l].kernel);
    if ((best_set >> l) % 2 == 1) {
      result.rows.push_back(l);
    }
  }
  for (std::size_t g = 0; g < c.groups; ++g) {
    const EnclosedMatrix m = reshaped(c, g, best_set);
    result.gram.at_a = m.columns <= m.rows;
    claim.order = std::min(m.rows, m.columns);
    claim.grid_entries = static_cast<double>(m.rows) * static_cast<double>(m.columns);
    claim.proved = max(claim.proved, bound_norm(m, pool, seed).proved);
    claim.longest = std::max(claim.longest, norm_above(m.centre.data(), m.centre.size()).value());
    for (const double x : m.centre) {
      claim.largest = std::max(claim.largest, std::fabs(x));
    }
  }
  claim.factor = copies_factor(axes) * sqrt(Upper::exact(taps));
  claim.kernel_radius = norm_above(c.kernel.radius.data(), c.kernel.radius.size());
  claim.reserve = reserve;
  claim.exact_on = c.kernel.exact() ? &c : nullptr;
  write_claim(result, claim);
}

}  // namespace lipcert
