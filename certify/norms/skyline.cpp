// See skyline.hpp.

#include "certify/norms/skyline.hpp"

#include <cblas.h>

#include <array>
#include <cmath>
#include <limits>

#include "certify/numbers/lapack.hpp"
#include "certify/numbers/tiles.hpp"

namespace lipcert {
namespace {

constexpr double infinity = std::numeric_limits<double>::infinity();

/// Tile (i, j) of M = fl(c2 I - G): off the diagonal exact, on it one rounding. Strict lower triangle of a diagonal tile zero.
void load_shifted(const Skyline& g, double c2, std::size_t i, std::size_t j, double* out, std::size_t leading) {
  const double* tile = g.tile(i, j);
  for (std::size_t c = 0; c < g.size(j); ++c) {
    const std::size_t rows = i == j ? c + 1 : g.size(i);
    for (std::size_t r = 0; r < rows; ++r) {
      out[c * leading + r] = -tile[c * g.height(j) + r];
    }
    if (i == j) {
      out[c * leading + c] = c2 - tile[c * g.height(j) + c];
      std::fill(out + c * leading + c + 1, out + c * leading + g.size(i), 0.0);
    }
  }
}

}  // namespace

bool factor(const Skyline& g, double c2, Skyline& r, WorkerPool& pool) {
  for_each(pool, g.blocks(), g.flops() / 8, [&](std::size_t j) {
    for (std::size_t i = g.first(j); i <= j; ++i) {
      load_shifted(g, c2, i, j, r.tile(i, j), r.height(j));
    }
  });
  std::vector<std::size_t> later;  // block columns right of k that reach up to it
  for (std::size_t k = 0; k < r.blocks(); ++k) {
    const int width = blas_int(r.size(k));
    const int leading = blas_int(r.height(k));
    int info = 0;
    dpotrf_("U", &width, r.tile(k, k), &leading, &info);
    if (info != 0) {
      return false;
    }
    later.clear();
    for (std::size_t j = k + 1; j < r.blocks() && j <= k + r.reach(); ++j) {
      if (r.first(j) <= k) {
        later.push_back(j);
      }
    }
    const double side = static_cast<double>(later.size()) * width;
    for_each(pool, later.size(), side * width * width, [&](std::size_t t) {
      const std::size_t j = later[t];
      cblas_dtrsm(CblasColMajor, CblasLeft, CblasUpper, CblasTrans, CblasNonUnit, width, blas_int(r.size(j)), 1, r.tile(k, k), leading,
                  r.tile(k, j), blas_int(r.height(j)));
    });
    for_each(pool, later.size() * later.size(), side * side * width, [&](std::size_t number) {
      const std::size_t i = later[number / later.size()];
      const std::size_t j = later[number % later.size()];
      if (i == j) {
        cblas_dsyrk(CblasColMajor, CblasUpper, CblasTrans, blas_int(r.size(j)), width, -1, r.tile(k, j), blas_int(r.height(j)), 1,
                    r.tile(j, j), blas_int(r.height(j)));
      } else if (i < j) {
        cblas_dgemm(CblasColMajor, CblasTrans, CblasNoTrans, blas_int(r.size(i)), blas_int(r.size(j)), width, -1, r.tile(k, i),
                    blas_int(r.height(i)), r.tile(k, j), blas_int(r.height(j)), 1, r.tile(i, j), blas_int(r.height(j)));
      }
    });
  }
  return true;
}

double residual(const Skyline& g, double c2, const Skyline& r, WorkerPool& pool) {
  std::vector<std::array<std::size_t, 2>> tiles;
  for (std::size_t j = 0; j < g.blocks(); ++j) {
    for (std::size_t i = g.first(j); i <= j; ++i) {
      tiles.push_back({i, j});
    }
  }
  const std::size_t width = g.tile_size();
  std::vector<double> partial(tiles.size() * 2 * width, 0.0);
  for_each(pool, tiles.size(), g.flops(), [&](std::size_t number) {
    const auto [i, j] = tiles[number];
    const std::size_t rows = g.size(i);
    const std::size_t columns = g.size(j);
    std::vector<double> e(rows * columns);
    load_shifted(g, c2, i, j, e.data(), rows);
    // Rows of R above either column's first tile, and below the i-th block, are zero in one of the two columns: the sum runs between them.
    const std::size_t from = std::max(g.first(i), g.first(j));
    const int inner = blas_int(g.begin(i) + rows - g.begin(from));
    if (i == j) {
      cblas_dsyrk(CblasColMajor, CblasUpper, CblasTrans, blas_int(columns), inner, -1, r.tile(from, j), blas_int(r.height(j)), 1, e.data(),
                  blas_int(rows));
    } else {
      cblas_dgemm(CblasColMajor, CblasTrans, CblasNoTrans, blas_int(rows), blas_int(columns), inner, -1, r.tile(from, i),
                  blas_int(r.height(i)), r.tile(from, j), blas_int(r.height(j)), 1, e.data(), blas_int(rows));
    }
    double* by_row = &partial[number * 2 * width];
    double* by_column = by_row + width;
    for (std::size_t c = 0; c < columns; ++c) {
      const std::size_t end = i == j ? c + 1 : rows;
      double sum = 0;
      for (std::size_t k = 0; k < end; ++k) {
        const double magnitude = std::fabs(e[c * rows + k]);
        by_row[k] += magnitude;
        sum += magnitude;
      }
      // On a diagonal tile the mirrored entries below the diagonal are those above it; the diagonal itself counts once.
      by_column[c] = i == j ? sum - std::fabs(e[c * rows + c]) : sum;
    }
  });
  std::vector<double> sums(g.order(), 0.0);
  for (std::size_t number = 0; number < tiles.size(); ++number) {
    const auto [i, j] = tiles[number];
    for (std::size_t k = 0; k < g.size(i); ++k) {
      sums[g.begin(i) + k] += partial[number * 2 * width + k];
    }
    for (std::size_t k = 0; k < g.size(j); ++k) {
      sums[g.begin(j) + k] += partial[number * 2 * width + width + k];
    }
  }
  double largest = 0;
  for (const double sum : sums) {
    largest = std::isnan(sum) ? infinity : std::max(largest, sum);
  }
  return largest;
}

FactorSize size_of(const Skyline& r) {
  const std::size_t n = r.order();
  FactorSize size;
  std::vector<double> by_row(n, 0.0);
  for (std::size_t j = 0; j < n; ++j) {
    const double* column = r.column(j) - r.top(j);
    bool all_zero = true;
    for (std::size_t i = r.top(j); i <= j; ++i) {
      by_row[i] += std::fabs(column[i]);
      if (all_zero && column[i] != 0) {
        all_zero = false;
        size.longest = std::max(size.longest, j - i + 1);
      }
    }
  }
  // |R|'|R| is symmetric with nonnegative entries: its 2-norm is at most its largest row sum, max_j sum_i |R_ij| (|R| e)_i.
  double largest = 0;
  for (std::size_t j = 0; j < n; ++j) {
    const double* column = r.column(j) - r.top(j);
    double sum = 0;
    for (std::size_t i = r.top(j); i <= j; ++i) {
      sum += std::fabs(column[i]) * by_row[i];
    }
    largest = std::isnan(sum) ? infinity : std::max(largest, sum);
  }
  size.product = Upper::exact(largest) * (Upper::exact(1) + gamma(2 * n + 8));  // at most n additions in each of the two sums, one product
  return size;
}

void solve(const Skyline& r, const double* x, double* y) {
  std::copy(x, x + r.order(), y);
  for (std::size_t j = 0; j < r.blocks(); ++j) {
    const int height = blas_int(r.height(j));
    const int size = blas_int(r.size(j));
    double* part = y + r.begin(j);
    if (height > size) {
      cblas_dgemv(CblasColMajor, CblasTrans, height - size, size, -1, r.tile(r.first(j), j), height, y + r.begin(r.first(j)), 1, 1, part,
                  1);
    }
    cblas_dtrsv(CblasColMajor, CblasUpper, CblasTrans, CblasNonUnit, size, r.tile(j, j), height, part, 1);
  }
  for (std::size_t j = r.blocks(); j-- > 0;) {
    const int height = blas_int(r.height(j));
    const int size = blas_int(r.size(j));
    double* part = y + r.begin(j);
    cblas_dtrsv(CblasColMajor, CblasUpper, CblasNoTrans, CblasNonUnit, size, r.tile(j, j), height, part, 1);
    if (height > size) {
      cblas_dgemv(CblasColMajor, CblasNoTrans, height - size, size, -1, r.tile(r.first(j), j), height, part, 1, 1, y + r.begin(r.first(j)),
                  1);
    }
  }
}

}  // namespace lipcert
