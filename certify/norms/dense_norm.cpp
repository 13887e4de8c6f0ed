// Section numbers are those of the comment in dense_norm.hpp; every constant is derived beside the line that uses it.
//
// "Conventional" below: BLAS computes each entry of a product as the sum of exactly its defining terms, in any order, with or without fused
// operations, rounding to nearest. Then |fl(sum) - sum| <= gamma_k sum |terms| for k terms (Higham, lemma 3.1 and section 3.5), whatever the
// blocking. Strassen-like algorithms are not conventional; OpenBLAS does not use them.
// Sources: Rump, BIT 46 (2006) and 51 (2011) for bounds from a floating-point Cholesky factor; the residual variant needs no property of it.

#include "certify/norms/dense_norm.hpp"

#include <cblas.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <memory>

#include "certify/norms/gram_evidence.hpp"
#include "certify/numbers/integer_vector.hpp"
#include "certify/norms/lanczos.hpp"
#include "certify/numbers/lapack.hpp"
#include "certify/numbers/tiles.hpp"

namespace lipcert {
namespace {

constexpr double infinity = std::numeric_limits<double>::infinity();

/// The matrix times 2^-exponent, largest magnitude in [1/2, 1), and the side whose Gram matrix is the smaller.
struct Scaled {
  std::size_t rows = 0;
  std::size_t columns = 0;
  int exponent = 0;
  std::vector<double> a;  // row-major
  bool at_a = true;       // Gram matrix A'A, of order columns; otherwise AA'

  [[nodiscard]] std::size_t order() const { return at_a ? columns : rows; }
  [[nodiscard]] std::size_t inner() const { return at_a ? rows : columns; }
};

Scaled scale(const EnclosedMatrix& m) {
  Scaled s;
  s.rows = m.rows;
  s.columns = m.columns;
  s.at_a = m.columns <= m.rows;
  double largest = 0;
  for (const double x : m.centre) {
    largest = std::max(largest, std::fabs(x));
  }
  static_cast<void>(std::frexp(largest, &s.exponent));
  s.a.resize(m.centre.size());
  // Exact, except that an entry 2^-1000 times smaller than the largest one may lose bits below 2^-1074: at most 2^-1075 each, less than 2^-1035 in
  // norm for fewer than 2^80 entries. That is inside the 2^-800 that is added to the squared bound and the 2^-900 taken from the lower end.
  if (std::abs(s.exponent) < 1000) {
    const double factor = std::ldexp(1.0, -s.exponent);
    for (std::size_t i = 0; i < s.a.size(); ++i) {
      s.a[i] = m.centre[i] * factor;
    }
  } else {
    for (std::size_t i = 0; i < s.a.size(); ++i) {
      s.a[i] = std::ldexp(m.centre[i], -s.exponent);
    }
  }
  return s;
}

/// A symmetric matrix of which the upper triangle is kept, column-major, cut into tiles.
class SymmetricTiles {
 public:
  explicit SymmetricTiles(std::size_t n) : n_(n), tile_(tile_size(n)), blocks_((n + tile_ - 1) / tile_), entries_(new double[n * n]) {}

  [[nodiscard]] std::size_t order() const { return n_; }
  [[nodiscard]] std::size_t blocks() const { return blocks_; }
  [[nodiscard]] std::size_t pairs() const { return blocks_ * (blocks_ + 1) / 2; }
  [[nodiscard]] std::size_t begin(std::size_t block) const { return block * tile_; }
  [[nodiscard]] std::size_t size(std::size_t block) const { return std::min(tile_, n_ - begin(block)); }
  [[nodiscard]] double* at(std::size_t i, std::size_t j) { return &entries_[j * n_ + i]; }
  [[nodiscard]] const double* at(std::size_t i, std::size_t j) const { return &entries_[j * n_ + i]; }
  [[nodiscard]] double* tile(std::size_t i, std::size_t j) { return at(begin(i), begin(j)); }
  [[nodiscard]] const double* tile(std::size_t i, std::size_t j) const { return at(begin(i), begin(j)); }
  [[nodiscard]] int leading() const { return blas_int(n_); }

  /// The pair (i, j), i <= j, of block coordinates with this number; column by column.
  [[nodiscard]] std::array<std::size_t, 2> pair(std::size_t number) const {
    std::size_t j = static_cast<std::size_t>((std::sqrt(8.0 * static_cast<double>(number) + 1) - 1) / 2);
    while (j * (j + 1) / 2 > number) {
      --j;
    }
    while ((j + 1) * (j + 2) / 2 <= number) {
      ++j;
    }
    return {number - j * (j + 1) / 2, j};
  }

 private:
  std::size_t n_;
  std::size_t tile_;
  std::size_t blocks_;
  std::unique_ptr<double[]> entries_;  // not initialised: every place that is read has been written
};

/// G = fl(A'A) or fl(AA'), upper triangle. A row-major is A' column-major with leading dimension `columns`.
void gram(const Scaled& s, SymmetricTiles& g, WorkerPool& pool) {
  const int leading = blas_int(s.columns);
  const int inner = blas_int(s.inner());
  const CBLAS_TRANSPOSE first = s.at_a ? CblasNoTrans : CblasTrans;
  const CBLAS_TRANSPOSE second = s.at_a ? CblasTrans : CblasNoTrans;
  const std::size_t step = s.at_a ? 1 : s.columns;
  const double n = static_cast<double>(s.order());
  for_each(pool, g.pairs(), n * n * static_cast<double>(s.inner()), [&](std::size_t number) {
    const auto [i, j] = g.pair(number);
    const double* left = &s.a[g.begin(i) * step];
    const double* right = &s.a[g.begin(j) * step];
    if (i == j) {
      cblas_dsyrk(CblasColMajor, CblasUpper, first, blas_int(g.size(i)), inner, 1, left, leading, 0, g.tile(i, i), g.leading());
    } else {
      cblas_dgemm(CblasColMajor, first, second, blas_int(g.size(i)), blas_int(g.size(j)), inner, 1, left, leading, right, leading, 0,
                  g.tile(i, j), g.leading());
    }
  });
}

/// y = G x from the upper triangle. Each pair of blocks writes its own partial results; they are added in a fixed order.
void multiply(const SymmetricTiles& g, const double* x, double* y, std::vector<double>& partial, WorkerPool& pool) {
  const std::size_t n = g.order();
  if (g.blocks() == 1) {
    cblas_dsymv(CblasColMajor, CblasUpper, g.leading(), 1, g.at(0, 0), g.leading(), x, 1, 0, y, 1);
    return;
  }
  const std::size_t width = g.size(0);
  partial.resize(g.pairs() * 2 * width);
  for_each(pool, g.pairs(), 2.0 * static_cast<double>(n) * static_cast<double>(n), [&](std::size_t number) {
    const auto [i, j] = g.pair(number);
    double* upper = &partial[number * 2 * width];
    double* lower = upper + width;
    if (i == j) {
      cblas_dsymv(CblasColMajor, CblasUpper, blas_int(g.size(i)), 1, g.tile(i, i), g.leading(), x + g.begin(i), 1, 0, upper, 1);
      return;
    }
    const int rows = blas_int(g.size(i));
    const int columns = blas_int(g.size(j));
    cblas_dgemv(CblasColMajor, CblasNoTrans, rows, columns, 1, g.tile(i, j), g.leading(), x + g.begin(j), 1, 0, upper, 1);
    cblas_dgemv(CblasColMajor, CblasTrans, rows, columns, 1, g.tile(i, j), g.leading(), x + g.begin(i), 1, 0, lower, 1);
  });
  std::fill(y, y + n, 0.0);
  for (std::size_t number = 0; number < g.pairs(); ++number) {
    const auto [i, j] = g.pair(number);
    const double* upper = &partial[number * 2 * width];
    for (std::size_t k = 0; k < g.size(i); ++k) {
      y[g.begin(i) + k] += upper[k];
    }
    if (i != j) {
      const double* lower = upper + width;
      for (std::size_t k = 0; k < g.size(j); ++k) {
        y[g.begin(j) + k] += lower[k];
      }
    }
  }
}

/// Tile (i, j) of M = fl(c2 I - G): off the diagonal exact, on it one rounding.
void load_shifted(const SymmetricTiles& g, double c2, std::size_t i, std::size_t j, double* out, std::size_t leading) {
  const double* tile = g.tile(i, j);
  for (std::size_t c = 0; c < g.size(j); ++c) {
    const std::size_t rows = i == j ? c + 1 : g.size(i);
    for (std::size_t r = 0; r < rows; ++r) {
      out[c * leading + r] = -tile[c * g.order() + r];
    }
    if (i == j) {
      out[c * leading + c] = c2 - tile[c * g.order() + c];
    }
  }
}

/// R := upper Cholesky factor of M = fl(c2 I - G), strict lower triangle zero. Right-looking by tiles. False when a pivot is not positive.
bool factor(const SymmetricTiles& g, double c2, SymmetricTiles& r, WorkerPool& pool) {
  const double n = static_cast<double>(g.order());
  const std::size_t blocks = g.blocks();
  for_each(pool, blocks, n * n, [&](std::size_t j) {
    for (std::size_t i = 0; i <= j; ++i) {
      load_shifted(g, c2, i, j, r.tile(i, j), g.order());
    }
    for (std::size_t c = 0; c < g.size(j); ++c) {
      const std::size_t column = g.begin(j) + c;
      std::fill(r.at(column + 1, column), r.at(0, column) + g.order(), 0.0);
    }
  });
  for (std::size_t k = 0; k < blocks; ++k) {
    const int width = blas_int(r.size(k));
    const int leading = r.leading();
    int info = 0;
    dpotrf_("U", &width, r.tile(k, k), &leading, &info);
    if (info != 0) {
      return false;
    }
    const std::size_t left = blocks - k - 1;
    const double columns = n - static_cast<double>(r.begin(k));
    for_each(pool, left, columns * width * width, [&](std::size_t t) {
      const std::size_t j = k + 1 + t;
      cblas_dtrsm(CblasColMajor, CblasLeft, CblasUpper, CblasTrans, CblasNonUnit, width, blas_int(r.size(j)), 1, r.tile(k, k), leading,
                  r.tile(k, j), leading);
    });
    for_each(pool, left * (left + 1) / 2, columns * columns * width, [&](std::size_t number) {
      auto [i, j] = r.pair(number);
      i += k + 1;
      j += k + 1;
      if (i == j) {
        cblas_dsyrk(CblasColMajor, CblasUpper, CblasTrans, blas_int(r.size(j)), width, -1, r.tile(k, j), leading, 1, r.tile(j, j), leading);
      } else {
        cblas_dgemm(CblasColMajor, CblasTrans, CblasNoTrans, blas_int(r.size(i)), blas_int(r.size(j)), width, -1, r.tile(k, i), leading,
                    r.tile(k, j), leading, 1, r.tile(i, j), leading);
      }
    });
  }
  return true;
}

/// ||fl(M - R'R)||_inf as computed, not yet inflated for its own summation. Infinity when an entry is not finite.
double residual(const SymmetricTiles& g, double c2, const SymmetricTiles& r, WorkerPool& pool) {
  const std::size_t width = g.size(0);
  std::vector<double> partial(g.pairs() * 2 * width, 0.0);
  const double n = static_cast<double>(g.order());
  for_each(pool, g.pairs(), n * n * n / 3, [&](std::size_t number) {
    const auto [i, j] = g.pair(number);
    const std::size_t rows = g.size(i);
    const std::size_t columns = g.size(j);
    std::vector<double> e(rows * columns);
    load_shifted(g, c2, i, j, e.data(), rows);
    // Rows of R below the i-th block are zero in column block i: the sum stops there.
    const int inner = blas_int(g.begin(i) + rows);
    if (i == j) {
      cblas_dsyrk(CblasColMajor, CblasUpper, CblasTrans, blas_int(columns), inner, -1, r.at(0, g.begin(j)), r.leading(), 1, e.data(),
                  blas_int(rows));
    } else {
      cblas_dgemm(CblasColMajor, CblasTrans, CblasNoTrans, blas_int(rows), blas_int(columns), inner, -1, r.at(0, g.begin(i)), r.leading(),
                  r.at(0, g.begin(j)), r.leading(), 1, e.data(), blas_int(rows));
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
  for (std::size_t number = 0; number < g.pairs(); ++number) {
    const auto [i, j] = g.pair(number);
    for (std::size_t k = 0; k < g.size(i); ++k) {
      sums[g.begin(i) + k] += partial[number * 2 * width + k];
    }
    for (std::size_t k = 0; k < g.size(j); ++k) {
      sums[g.begin(j) + k] += partial[number * 2 * width + width + k];
    }
  }
  double largest = 0;
  for (const double sum : sums) {
    if (!(sum < infinity)) {
      return infinity;  // NaN included: a maximum taken with `if (sum > largest)` would skip it
    }
    largest = std::max(largest, sum);
  }
  return largest;
}

/// min(||X||_F^2, ||X||_1 ||X||_inf) from above: either bounds || |X|' |X| ||_2.
Upper magnitude_product(const double* x, std::size_t rows, std::size_t columns, std::size_t leading, bool upper_triangular) {
  std::vector<double> by_row(rows, 0.0);
  double by_column = 0;
  Upper squares;
  for (std::size_t j = 0; j < columns; ++j) {
    const std::size_t end = upper_triangular ? j + 1 : rows;
    const double* column = &x[j * leading];
    squares = squares + sum_of_squares(column, end);
    double sum = 0;
    for (std::size_t i = 0; i < end; ++i) {
      const double magnitude = std::fabs(column[i]);
      by_row[i] += magnitude;
      sum += magnitude;
    }
    by_column = std::isnan(sum) ? infinity : std::max(by_column, sum);
  }
  double largest_row = 0;
  for (const double sum : by_row) {
    largest_row = std::isnan(sum) ? infinity : std::max(largest_row, sum);
  }
  const Upper product = Upper::exact(by_column) * (Upper::exact(1) + gamma(rows + 4)) * Upper::exact(largest_row) *
                        (Upper::exact(1) + gamma(columns + 4));
  return squares.finite() ? min(squares, product) : squares;
}

/// ||fl(A'A) - A'A||_2 <= gamma_{m+4} || |A|'|A| ||_2: each entry has m products (m the inner length); four more roundings are allowed for
/// blocked accumulation into C with alpha = 1.
Upper gram_error(const Scaled& s) {
  return gamma(s.inner() + 4) * magnitude_product(s.a.data(), s.columns, s.rows, s.columns, false);
}

/// ||A||^2 <= this, from c2 and ANY upper triangular R; infinity when an entry of R or of the residual is not finite.
Upper bound_from_residual(const SymmetricTiles& g, double c2, Upper gram_error, const SymmetricTiles& r, WorkerPool& pool) {
  const std::size_t n = g.order();
  // X bounds || |R|'|R| ||_2. It is finite only if every entry of R is: dpotrf can report success with NaN inside.
  const Upper x = magnitude_product(r.at(0, 0), n, n, n, true);
  const double e = residual(g, c2, r, pool);
  if (!x.finite() || !(e < infinity)) {
    return Upper::exact(infinity);
  }
  double diagonal = 0;
  for (std::size_t i = 0; i < n; ++i) {
    diagonal = std::max(diagonal, std::fabs(c2 - *g.at(i, i)));  // the entry of M itself, rounded as it was
  }
  // With D = M - (c2 I - G) (diagonal, |D_ii| <= u |M_ii|), Ec = M - R'R exactly and Eh = fl(M - R'R):
  //   c2 I - A'A = R'R + Ec - D + (G - A'A), so ||A||^2 <= c2 + ||Ec||_2 + max|D| + eG   (Lemma P).
  // Each entry of Eh sums at most n + 1 terms: |Eh - Ec| <= gamma_{n+1} (|M| + |R|'|R|), and |M| <= |R|'|R| + |Eh| + |Eh - Ec|, so
  //   || |Eh - Ec| ||_2 <= gamma_{n+1} / (1 - gamma_{n+1}) (2 X + ||Eh||_inf) <= gamma_{n+4} (2.1 X + 2 ||Eh||_inf).
  // ||Eh||_inf was summed from n magnitudes in at most n + tiles additions: factor 1 + gamma_{2n+4}.
  // 2^-800 covers what underflow loses: fewer than 2^90 products of numbers below 1, each at most 2^-1074.
  const Upper eh = Upper::exact(e) * (Upper::exact(1) + gamma(2 * n + 4));
  return Upper::exact(c2) + eh + gamma(n + 4) * (Upper::exact(2.125) * x + Upper::exact(2) * eh) +
         Upper::exact(2 * unit_roundoff) * Upper::exact(diagonal) + gram_error + Upper::exact(0x1p-800);
}

/// One attempt to prove ||A||^2 <= bound with c2; infinity when it fails.
Upper prove(const SymmetricTiles& g, double c2, Upper gram_error, SymmetricTiles& r, WorkerPool& pool) {
  return std::isfinite(c2) && factor(g, c2, r, pool) ? bound_from_residual(g, c2, gram_error, r, pool) : Upper::exact(infinity);
}

/// y = A x for row-major A (transposed: A'x), plain arithmetic.
std::vector<double> times(const Scaled& s, const std::vector<double>& x, bool transpose) {
  std::vector<double> y(transpose ? s.columns : s.rows);
  cblas_dgemv(CblasRowMajor, transpose ? CblasTrans : CblasNoTrans, blas_int(s.rows), blas_int(s.columns), 1, s.a.data(), blas_int(s.columns),
              x.data(), 1, 0, y.data(), 1);
  return y;
}

/// ||A v|| / ||v|| from below, in units of the scaled matrix. `radius` bounds the distance of the true matrix from the centre in the same units.
Lower witness_ratio(const Scaled& s, const IntegerVector& v, Upper radius) {
  std::vector<double> x(v.mantissas.begin(), v.mantissas.end());
  std::vector<double> sums(s.rows);
  std::vector<double> magnitudes(s.rows);
  for (std::size_t i = 0; i < s.rows; ++i) {
    const double* row = &s.a[i * s.columns];
    std::array<double, 4> sum{};
    std::array<double, 4> magnitude{};
    std::size_t j = 0;
    for (; j + 4 <= s.columns; j += 4) {
      for (std::size_t l = 0; l < 4; ++l) {
        const double p = row[j + l] * x[j + l];
        sum[l] += p;
        magnitude[l] += std::fabs(p);
      }
    }
    for (; j < s.columns; ++j) {
      const double p = row[j] * x[j];
      sum[0] += p;
      magnitude[0] += std::fabs(p);
    }
    sums[i] = (sum[0] + sum[1]) + (sum[2] + sum[3]);
    magnitudes[i] = (magnitude[0] + magnitude[1]) + (magnitude[2] + magnitude[3]);
  }
  // Each entry of A v has `columns` products: |fl(sum) - sum| <= gamma_n sum|terms|, and the computed sum of magnitudes is at most
  // gamma_n relative below the true one. Four additions join the partial sums.
  const Upper g = gamma(s.columns + 8);
  const Upper error = g * (Upper::exact(1) + g) * norm_above(magnitudes.data(), s.rows) + Upper::exact(0x1p-900);
  const Upper length = norm_above(x.data(), x.size());
  const Lower norm = minus(minus(norm_below(sums.data(), s.rows), error), radius * length);
  return norm / length;
}

}  // namespace

Upper claim_slack(std::size_t rows, std::size_t columns) { return slack_of_order(std::min(rows, columns)); }

double bounding_flops(std::size_t rows, std::size_t columns) {
  const double n = static_cast<double>(std::min(rows, columns));
  const double m = static_cast<double>(std::max(rows, columns));
  return n * n * (m + 2 * n / 3) + 2 * n * n * std::min(n, 120.0);
}

Upper gram_iteration_bound(const EnclosedMatrix& matrix, WorkerPool& pool, unsigned steps) {
  const Scaled s = scale(matrix);
  const std::size_t n = s.order();
  SymmetricTiles g(n);
  gram(s, g, pool);
  // Full symmetric storage: X_1 = G.
  std::vector<double> x(n * n);
  for (std::size_t j = 0; j < n; ++j) {
    for (std::size_t i = 0; i <= j; ++i) {
      x[j * n + i] = *g.at(i, j);
      x[i * n + j] = *g.at(i, j);
    }
  }
  // X_s' = 2^-e_s X_s and X_{s+1} = fl(X_s' X_s'): ||X_s'||_2^2 = ||X_s' X_s'||_2 <= ||X_{s+1}||_2 + gamma_{n+2} F_s^2 with F_s = ||X_s'||_F, because
  // || |X||X| ||_2 <= ||X||_F^2. Unrolled from the last step, N_t = ||X_t||_F >= ||X_t||_2 and N_s = 2^{e_s} sqrt(N_{s+1} + gamma F_s^2).
  // Products are computed in full and not mirrored: they are symmetric up to rounding only, and the theorem needs none of it, since
  // ||X'|| ^2 = ||X' X'^T|| holds for symmetric X' alone; so each X_{s+1} is made symmetric by copying its upper triangle, whose entries obey
  // the same bound.
  std::vector<Upper> frobenius;
  std::vector<int> exponent;
  std::vector<double> y(n * n);
  Upper last = norm_above(x.data(), x.size());
  for (unsigned step = 0; step < steps && last.finite() && last.value() > 0; ++step) {
    int e = 0;
    static_cast<void>(std::frexp(last.value(), &e));
    for (double& entry : x) {
      entry = std::ldexp(entry, -e);
    }
    frobenius.push_back(norm_above(x.data(), x.size()));
    exponent.push_back(e);
    for_each(pool, g.pairs(), static_cast<double>(n) * static_cast<double>(n) * static_cast<double>(n), [&](std::size_t number) {
      const auto [i, j] = g.pair(number);
      cblas_dgemm(CblasColMajor, CblasTrans, CblasNoTrans, blas_int(g.size(i)), blas_int(g.size(j)), blas_int(n), 1, &x[g.begin(i) * n],
                  blas_int(n), &x[g.begin(j) * n], blas_int(n), 0, &y[g.begin(j) * n + g.begin(i)], blas_int(n));
    });
    for (std::size_t j = 0; j < n; ++j) {
      for (std::size_t i = 0; i < j; ++i) {
        y[i * n + j] = y[j * n + i];
      }
    }
    std::swap(x, y);
    last = norm_above(x.data(), x.size());
  }
  Upper bound = last;
  for (std::size_t step = frobenius.size(); step-- > 0;) {
    bound = sqrt(bound + gamma(n + 2) * frobenius[step] * frobenius[step] + Upper::exact(0x1p-800)).scaled(exponent[step]);
  }
  const Upper radius = norm_above(matrix.radius.data(), matrix.radius.size());
  return sqrt(bound + gram_error(s) + Upper::exact(0x1p-800)).scaled(s.exponent) + radius;
}

Upper bound_with_factor(const EnclosedMatrix& matrix, double c2, const std::vector<double>& factor, WorkerPool& pool) {
  const Scaled s = scale(matrix);
  SymmetricTiles g(s.order());
  gram(s, g, pool);
  SymmetricTiles r(s.order());
  for (std::size_t j = 0; j < s.order(); ++j) {
    for (std::size_t i = 0; i < s.order(); ++i) {
      *r.at(i, j) = i <= j ? std::ldexp(factor[j * s.order() + i], -s.exponent) : 0;
    }
  }
  const Upper squared = bound_from_residual(g, std::ldexp(c2, -2 * s.exponent), gram_error(s), r, pool);
  return sqrt(squared).scaled(s.exponent) + norm_above(matrix.radius.data(), matrix.radius.size());
}

NormBound bound_norm(const EnclosedMatrix& matrix, WorkerPool& pool, std::uint64_t seed, Upper reserve) {
  NormBound result;
  if (first_unbounded(matrix.centre, matrix.radius) != matrix.centre.size()) {
    throw Error(ExitCode::internal, "A matrix with entries that are not finite reached the norm computation; please report this.");
  }
  const bool centre_is_zero = std::all_of(matrix.centre.begin(), matrix.centre.end(), [](double x) { return x == 0; });
  if (centre_is_zero && matrix.exact()) {
    result.zero = true;
    return result;
  }
  const Upper radius = norm_above(matrix.radius.data(), matrix.radius.size());
  Upper centre_bound;
  Upper frobenius;
  double largest = 0;
  Lower lower;
  bool at_a = matrix.columns <= matrix.rows;
  if (!centre_is_zero) {
    const Scaled s = scale(matrix);
    at_a = s.at_a;
    const std::size_t n = s.order();
    SymmetricTiles g(n);
    gram(s, g, pool);
    const Upper eg = gram_error(s);
    std::vector<double> partial;
    const std::size_t steps = n <= 128 ? n : 120;
    RitzPair ritz = lanczos(n, steps, seed, [&](const double* x, double* y) { multiply(g, x, y, partial, pool); });
    // The largest diagonal entry is a lower estimate too: it saves the search when the vector missed (and when it is not a number).
    double theta = std::isfinite(ritz.value) ? ritz.value : 0;
    for (std::size_t i = 0; i < n; ++i) {
      theta = std::max(theta, *g.at(i, i));
    }
    // The excess starts at 2^-42, and at what the factorisation's own rounding needs for large n; four times as much after each failure.
    SymmetricTiles r(n);
    Upper squared = Upper::exact(infinity);
    double excess = 0x1p-42 + static_cast<double>(n) * static_cast<double>(n) * 0x1p-58;
    for (int attempt = 0; attempt < 40 && !squared.finite(); ++attempt, excess *= 4) {
      squared = prove(g, theta * (1 + excess), eg, r, pool);
    }
    centre_bound = squared.finite() ? sqrt(squared).scaled(s.exponent) : gram_iteration_bound({matrix.rows, matrix.columns, matrix.centre, {}}, pool, 12);
    // The right singular vector: for AA' the Ritz vector is the left one.
    IntegerVector witness = to_integers(s.at_a ? ritz.vector : times(s, ritz.vector, true));
    witness.exponent = 0;  // only its direction matters
    if (!witness.mantissas.empty()) {
      lower = witness_ratio(s, witness, radius.scaled(-s.exponent)).scaled(s.exponent);
      result.witness = std::move(witness);
    }
    frobenius = norm_above(matrix.centre.data(), matrix.centre.size());
    for (const double x : matrix.centre) {
      largest = std::max(largest, std::fabs(x));
    }
  }
  result.proved = centre_bound + radius;

  // The checker's grids: the Frobenius norm bounds the root of every entry of A'A.
  const Upper slack = claim_slack(matrix.rows, matrix.columns);
  const double above_all = std::max(frobenius.value(), result.proved.value());
  if (!std::isfinite(above_all)) {
    result.upper = infinity;
    return result;
  }
  choose_grids(result.gram, result.proved.value(), above_all, largest);
  const int sA = result.gram.sA;
  // What the checker adds for the grid: exactly known for an exact matrix. For an enclosed one the checker has its own centre, so that half a unit
  // per entry is reserved, and our own radius in case that its radius is as large.
  const Upper entries = sqrt(Upper::exact(static_cast<double>(matrix.rows)) * Upper::exact(static_cast<double>(matrix.columns)));
  const Upper grid = matrix.exact() ? grid_residual(matrix.centre, sA) : entries.scaled(-sA) + radius + radius + reserve;
  const Upper claimed = (result.proved + grid + grid) * (Upper::exact(1) + slack);
  result.upper = claimed.value();
  if (!claimed.finite()) {
    return result;
  }
  result.gram.at_a = at_a;
  result.gram.C2 = reduced_square(claimed.value(), grid.value(), sA, slack.value());

  // The same margin below: a checker that works on the grid sees A v within the grid residual.
  result.lower = (minus(lower, grid + grid) * Lower::exact(1 - 0x1p-38)).value();
  if (!(result.lower > 0)) {
    result.lower = 0;
    result.witness = {};
  }
  return result;
}

}  // namespace lipcert
