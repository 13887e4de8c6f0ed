// See cholesky.hpp.
#include "verifier/hint/cholesky.hpp"

#include <algorithm>
#include <array>
#include <atomic>
#include <cmath>
#include <functional>

#include "verifier/base/parallel.hpp"

namespace lipverify {

void hint_microkernel_portable(const double* a, const double* b, std::size_t depth, double* c) {
  for (std::size_t k = 0; k < depth; ++k, a += 8, b += 8)
    for (std::size_t i = 0; i < 8; ++i)
      for (std::size_t j = 0; j < 8; ++j) c[8 * i + j] -= a[i] * b[j];
}

#if !defined(LIPVERIFY_X86)
void hint_microkernel_avx2(const double* a, const double* b, std::size_t depth, double* c) { hint_microkernel_portable(a, b, depth, c); }
void hint_microkernel_avx512(const double* a, const double* b, std::size_t depth, double* c) { hint_microkernel_portable(a, b, depth, c); }
#endif

namespace {

constexpr std::size_t kTile = SymmetricSum::kTile;
constexpr std::size_t kPanel = 8;
constexpr std::size_t kPanels = kTile / kPanel;
constexpr std::size_t kDepth = 256;

/// Block column J of R: kPanels panels of 8 columns, each with rows 64 first to 64 (J + 1) - 1, entry (k, c) at 8 (k - 64 first) + c; zero above.
struct BlockColumn {
  std::size_t first = 0;
  std::size_t rows = 0;
  std::vector<double> data;
  double* entry(std::size_t p, std::size_t k) { return data.data() + (p * rows + k - first * kTile) * kPanel; }
};

/// Tile (I, J) of S, as 8 x 8 blocks of 8 x 8 entries.
template <typename Sum>
void load(const Sum& m, double shift, std::size_t I, std::size_t J, double* block) {
  const Int128* tile = m.tile(I, J);
  for (std::size_t i = 0; i < kTile; ++i)
    for (std::size_t j = 0; j < kTile; ++j) {
      const bool outside = I * kTile + i >= m.order() || J * kTile + j >= m.order();
      double value = I == J && j < i ? 0 : static_cast<double>(tile[i * kTile + j]);
      if (I == J && i == j) value = outside ? 1 : value + shift;  // the identity beyond the matrix keeps the blocks whole
      block[((i / kPanel) * kPanels + j / kPanel) * kPanel * kPanel + i % kPanel * kPanel + j % kPanel] = value;
    }
}

/// block -= sum over the rows k < 64 I of R_kI R_kJ.
void subtract_products(std::size_t I, std::size_t J, BlockColumn& left, BlockColumn& right, HintMicrokernel kernel, double* block) {
  for (std::size_t k = std::max(left.first, right.first) * kTile; k < I * kTile; k += kDepth)
    for (std::size_t i = 0; i < kPanels; ++i)
      for (std::size_t j = I == J ? i : 0; j < kPanels; ++j)
        kernel(left.entry(i, k), right.entry(j, k), std::min(kDepth, I * kTile - k),
               block + (i * kPanels + j) * kPanel * kPanel);
}

template <typename Sum>
void update(const Sum& m, double shift, std::size_t I, std::size_t J, BlockColumn& left, BlockColumn& right, HintMicrokernel kernel,
            double* block) {
  load(m, shift, I, J, block);
  subtract_products(I, J, left, right, kernel, block);
}

double& at(double* block, std::size_t i, std::size_t j) {
  return block[((i / kPanel) * kPanels + j / kPanel) * kPanel * kPanel + i % kPanel * kPanel + j % kPanel];
}

/// Cholesky of a diagonal block in place (upper triangle); false at a pivot that is not positive and finite. Beyond the first `used` rows it is the
/// identity, and stays it.
bool factor_diagonal(double* block, std::size_t used) {
  for (std::size_t k = 0; k < used; ++k) {
    const double pivot = at(block, k, k);
    if (!(pivot > 0) || !std::isfinite(pivot)) return false;
    const double root = std::sqrt(pivot);
    at(block, k, k) = root;
    for (std::size_t j = k + 1; j < used; ++j) at(block, k, j) /= root;
    for (std::size_t i = k + 1; i < used; ++i) {
      const double factor = at(block, k, i);
      for (std::size_t j = i; j < used; ++j) at(block, i, j) -= factor * at(block, k, j);
    }
  }
  return true;
}

/// Solves R_II' X = S in place, one panel of eight columns at a time.
void solve(double* diagonal, double* block) {
  for (std::size_t p = 0; p < kPanels; ++p) {
    double rows[kTile][kPanel];
    for (std::size_t i = 0; i < kTile; ++i)
      for (std::size_t c = 0; c < kPanel; ++c) rows[i][c] = at(block, i, p * kPanel + c);
    for (std::size_t k = 0; k < kTile; ++k) {
      const double root = at(diagonal, k, k);
      for (std::size_t c = 0; c < kPanel; ++c) rows[k][c] /= root;
      for (std::size_t i = k + 1; i < kTile; ++i) {
        const double factor = at(diagonal, k, i);
        for (std::size_t c = 0; c < kPanel; ++c) rows[i][c] -= factor * rows[k][c];
      }
    }
    for (std::size_t i = 0; i < kTile; ++i)
      for (std::size_t c = 0; c < kPanel; ++c) at(block, i, p * kPanel + c) = rows[i][c];
  }
}

void store(double* block, std::size_t I, bool diagonal, BlockColumn& column) {
  for (std::size_t j = 0; j < kTile; ++j)
    for (std::size_t i = 0; i < kTile; ++i)
      column.entry(j / kPanel, I * kTile + i)[j % kPanel] = diagonal && i > j ? 0 : at(block, i, j);
}

/// R with the tops of its block columns already set.
template <typename Sum>
bool factorise(const Sum& m, double shift, unsigned threads, HintMicrokernel kernel, std::vector<BlockColumn>& r) {
  std::vector<double> diagonal(kTile * kTile);
  std::vector<std::size_t> right;
  for (std::size_t I = 0; I < r.size(); ++I) {
    update(m, shift, I, I, r[I], r[I], kernel, diagonal.data());
    if (!factor_diagonal(diagonal.data(), std::min(kTile, m.order() - I * kTile))) return false;
    store(diagonal.data(), I, true, r[I]);
    right.clear();
    for (std::size_t J = I + 1; J < r.size(); ++J)
      if (r[J].first <= I) right.push_back(J);
    parallel_for(right.size(), threads, [&](std::size_t t) {
      const std::size_t J = right[t];
      std::vector<double> block(kTile * kTile);
      update(m, shift, I, J, r[I], r[J], kernel, block.data());
      solve(diagonal.data(), block.data());
      store(block.data(), I, false, r[J]);
    });
  }
  return true;
}

/// With shifts from `height` 2^-52 max M_ii on: `height` is the number of rows of the tallest column.
template <typename Sum>
bool factorise_shifted(const Sum& m, std::size_t height, double largest, unsigned threads, HintMicrokernel kernel, std::vector<BlockColumn>& r) {
  for (double shift = static_cast<double>(height) * std::ldexp(largest, -52); shift < std::ldexp(largest, -20); shift *= 16)
    if (factorise(m, shift, threads, kernel, r)) return true;
  return false;
}

HintMicrokernel microkernel_of(Kernel kernel) {
  return kernel == Kernel::avx512 ? hint_microkernel_avx512 : kernel == Kernel::avx2 ? hint_microkernel_avx2 : hint_microkernel_portable;
}

BlockColumn block_column(std::size_t first, std::size_t J) {
  BlockColumn column{first, (J + 1 - first) * kTile, {}};
  column.data.resize(column.rows * kTile);
  return column;
}

constexpr double kFits = 9e15;  // a little below 2^53: the trusted part wants less than 2^52

}  // namespace

std::vector<std::int64_t> cholesky_hint_with(Kernel kernel, const SymmetricSum& m, unsigned drop, unsigned threads) {
  const std::size_t n = m.order();
  double largest = 0;
  for (std::size_t i = 0; i < n; ++i) largest = std::max(largest, static_cast<double>(m.at(i, i)));
  std::vector<BlockColumn> r;
  for (std::size_t J = 0; J < m.tiles(); ++J) r.push_back(block_column(0, J));
  std::vector<std::int64_t> result;
  if (!factorise_shifted(m, n, largest, threads, microkernel_of(kernel), r)) {
    if (largest > 0) return result;
    result.assign(n * n, 0);  // M has no positive diagonal entry: 0 is as good a factor as any
    return result;
  }
  result.resize(n * n);
  const double grid = std::ldexp(1.0, -static_cast<int>(drop));
  std::atomic<bool> fits{true};
  parallel_for(n, threads, [&](std::size_t k) {
    for (std::size_t j = k; j < n; ++j) {
      const double value = std::nearbyint(r[j / kTile].entry(j % kTile / kPanel, k)[j % kPanel] * grid);
      if (!(std::fabs(value) < kFits)) {
        fits = false;
        return;
      }
      result[k * n + j] = static_cast<std::int64_t>(value);
    }
  });
  if (!fits) result.clear();
  return result;
}

std::vector<std::int64_t> cholesky_hint(const SymmetricSum& m, unsigned drop, unsigned threads) {
  return cholesky_hint_with(best_kernel(), m, drop, threads);
}

BandFactor band_hint_with(Kernel kernel, const BandSum& m, unsigned drop, unsigned threads) {
  const Skyline& skyline = m.skyline();
  double largest = 0;
  for (std::size_t i = 0; i < m.order(); ++i) largest = std::max(largest, static_cast<double>(m.at(i, i)));
  std::vector<BlockColumn> r;
  std::size_t height = 0;
  for (std::size_t J = 0; J < skyline.tiles(); ++J) {
    r.push_back(block_column(skyline.first(J), J));
    height = std::max(height, r.back().rows);
  }
  BandFactor result;
  if (!factorise_shifted(m, height, largest, threads, microkernel_of(kernel), r)) {
    if (largest > 0) return result;
    result.assign(skyline.entries(), 0);
    return result;
  }
  result.resize(skyline.entries());
  const double grid = std::ldexp(1.0, -static_cast<int>(drop));
  std::atomic<bool> fits{true};
  parallel_for(skyline.tiles(), threads, [&](std::size_t J) {
    std::int64_t* out = result.data() + skyline.begin(J);
    for (std::size_t k = skyline.first(J) * kTile; k < (J + 1) * kTile; ++k, out += kTile)
      for (std::size_t c = 0; c < kTile; ++c) {
        const double value = std::nearbyint(r[J].entry(c / kPanel, k)[c % kPanel] * grid);
        if (!(std::fabs(value) < kFits)) {
          fits = false;
          return;
        }
        out[c] = static_cast<std::int64_t>(value);
      }
    r[J] = BlockColumn();
  });
  if (!fits) result.clear();
  return result;
}

BandFactor band_hint(const BandSum& m, unsigned drop, unsigned threads) { return band_hint_with(best_kernel(), m, drop, threads); }

// ------------------------------------------------------------------------------------------------------------------------ Hermitian matrices

namespace {

/// A block column of a complex R; `minus` is -im, because the inner loop only subtracts.
struct ComplexColumn {
  BlockColumn re, im, minus;
};

using Tile = std::array<double, kTile * kTile>;
struct ComplexTile {
  Tile re, im;
};

/// The tile (I, J) of P + i Q less the sum over the rows k < 64 I of conj(R_kI) R_kJ.
void update(const SymmetricSum& p, const SymmetricSum& q, double shift, std::size_t I, std::size_t J, ComplexColumn& left, ComplexColumn& right,
            HintMicrokernel kernel, ComplexTile& tile) {
  update(p, shift, I, J, left.re, right.re, kernel, tile.re.data());
  subtract_products(I, J, left.im, right.im, kernel, tile.re.data());
  load(q, 0, I, J, tile.im.data());
  if (I == J)  // Q is antisymmetric
    for (std::size_t i = 0; i < kTile; ++i) at(tile.im.data(), i, i) = 0;
  subtract_products(I, J, left.re, right.im, kernel, tile.im.data());
  subtract_products(I, J, left.minus, right.re, kernel, tile.im.data());
}

/// Rows of a tile one after the other, and back.
void unpack(Tile& tile, Tile& rows) {
  for (std::size_t i = 0; i < kTile; ++i)
    for (std::size_t j = 0; j < kTile; ++j) rows[i * kTile + j] = at(tile.data(), i, j);
}

/// x[j] /= root for the row of `re` and `im` from `first` on, and y -= conj(factor) x for a later row.
void divide(double* re, double* im, std::size_t first, double root) {
  for (std::size_t j = first; j < kTile; ++j) re[j] /= root;
  for (std::size_t j = first; j < kTile; ++j) im[j] /= root;
}
void subtract_row(double* re, double* im, double a, double b, const double* x, const double* y, std::size_t first) {
  for (std::size_t j = first; j < kTile; ++j) re[j] = re[j] - a * x[j] - b * y[j];
  for (std::size_t j = first; j < kTile; ++j) im[j] = im[j] - a * y[j] + b * x[j];
}

/// Cholesky of a diagonal tile, by rows; below the diagonal stands anything.
bool factor_diagonal(ComplexTile& d, std::size_t used) {
  for (std::size_t k = 0; k < used; ++k) {
    double* const x = &d.re[k * kTile];
    double* const y = &d.im[k * kTile];
    const double pivot = x[k];
    if (!(pivot > 0) || !std::isfinite(pivot)) return false;
    divide(x, y, k + 1, std::sqrt(pivot));
    x[k] = std::sqrt(pivot);
    y[k] = 0;
    for (std::size_t i = k + 1; i < used; ++i) subtract_row(&d.re[i * kTile], &d.im[i * kTile], x[i], y[i], x, y, i);
  }
  return true;
}

/// Solves R_II* X = S in place, by rows.
void solve(const ComplexTile& d, ComplexTile& s) {
  for (std::size_t k = 0; k < kTile; ++k) {
    double* const x = &s.re[k * kTile];
    double* const y = &s.im[k * kTile];
    divide(x, y, 0, d.re[k * kTile + k]);
    for (std::size_t i = k + 1; i < kTile; ++i)
      subtract_row(&s.re[i * kTile], &s.im[i * kTile], d.re[k * kTile + i], d.im[k * kTile + i], x, y, 0);
  }
}

void store(const ComplexTile& rows, std::size_t I, bool diagonal, ComplexColumn& column) {
  for (std::size_t j = 0; j < kTile; ++j)
    for (std::size_t i = 0; i < kTile; ++i) {
      const bool below = diagonal && i > j;
      column.re.entry(j / kPanel, I * kTile + i)[j % kPanel] = below ? 0 : rows.re[i * kTile + j];
      column.im.entry(j / kPanel, I * kTile + i)[j % kPanel] = below ? 0 : rows.im[i * kTile + j];
      column.minus.entry(j / kPanel, I * kTile + i)[j % kPanel] = below ? 0 : -rows.im[i * kTile + j];
    }
}

bool factorise(const SymmetricSum& p, const SymmetricSum& q, double shift, unsigned threads, HintMicrokernel kernel, std::vector<ComplexColumn>& r) {
  const auto tile_of = [&](std::size_t I, std::size_t J, ComplexTile& out) {
    ComplexTile blocks;
    update(p, q, shift, I, J, r[I], r[J], kernel, blocks);
    unpack(blocks.re, out.re);
    unpack(blocks.im, out.im);
  };
  ComplexTile diagonal;
  for (std::size_t I = 0; I < r.size(); ++I) {
    tile_of(I, I, diagonal);
    if (!factor_diagonal(diagonal, std::min(kTile, p.order() - I * kTile))) return false;
    store(diagonal, I, true, r[I]);
    parallel_for(r.size() - I - 1, threads, [&](std::size_t t) {
      ComplexTile tile;
      tile_of(I, I + 1 + t, tile);
      solve(diagonal, tile);
      store(tile, I, false, r[I + 1 + t]);
    });
  }
  return true;
}

/// R on the grid, row-major; empty where an entry does not fit.
std::vector<std::int64_t> rounded(std::size_t n, double grid, const std::function<double(std::size_t k, std::size_t j)>& entry) {
  std::vector<std::int64_t> result(n * n);
  for (std::size_t k = 0; k < n; ++k)
    for (std::size_t j = k; j < n; ++j) {
      const double value = std::nearbyint(entry(k, j) * grid);
      if (!(std::fabs(value) < kFits)) return {};
      result[k * n + j] = static_cast<std::int64_t>(value);
    }
  return result;
}

}  // namespace

ComplexFactor hermitian_hint_with(Kernel kernel, const SymmetricSum& p, const SymmetricSum& q, unsigned drop, unsigned threads) {
  const std::size_t n = p.order();
  double largest = 0;
  for (std::size_t i = 0; i < n; ++i) largest = std::max(largest, static_cast<double>(p.at(i, i)));
  if (largest <= 0) return {std::vector<std::int64_t>(n * n), std::vector<std::int64_t>(n * n)};
  std::vector<ComplexColumn> r;
  for (std::size_t J = 0; J < p.tiles(); ++J) r.push_back({block_column(0, J), block_column(0, J), block_column(0, J)});
  bool found = false;
  for (double shift = 2 * static_cast<double>(n) * std::ldexp(largest, -52); !found && shift < std::ldexp(largest, -20); shift *= 16)
    found = factorise(p, q, shift, threads, microkernel_of(kernel), r);
  if (!found) return {};
  const double grid = std::ldexp(1.0, -static_cast<int>(drop));
  const auto of = [&](BlockColumn ComplexColumn::* part) {
    return rounded(n, grid, [&](std::size_t k, std::size_t j) { return (r[j / kTile].*part).entry(j % kTile / kPanel, k)[j % kPanel]; });
  };
  ComplexFactor result{of(&ComplexColumn::re), of(&ComplexColumn::im)};
  return result.re.empty() || result.im.empty() ? ComplexFactor() : result;
}

ComplexFactor hermitian_hint(const SymmetricSum& p, const SymmetricSum& q, unsigned drop, unsigned threads) {
  return hermitian_hint_with(best_kernel(), p, q, drop, threads);
}

}  // namespace lipverify
