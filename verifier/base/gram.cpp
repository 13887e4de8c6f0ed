// See gram.hpp. The heart of the checker: everything else decides what to multiply.
//
// Slices. An entry x, |x| < 2^52, is h 2^26 + l with -2^25 <= l < 2^25, so |h| <= 2^26. With s = h + l (Karatsuba), for any two columns
//     x'y = 2^52 h'h + 2^26 (s's - h'h - l'l) + l'l,
// three products of integers that fit in 32 bits: |h| <= 2^26, |s| <= 2^26 + 2^25, |l| <= 2^25. Over at most 512 terms
//     |h'h| <= 2^9 2^52 = 2^61,  |s's| <= 2^9 (1.5 2^26)^2 < 2^62.2,  |l'l| <= 2^59,  |s's - h'h| <= 2^62.2 + 2^61 < 2^63,
// so nothing leaves 64 bits. The products of each chunk of 512 rows are then added in 128 bits.
//
// 128 bits. If every column of X has sum of squares below 2^122 2^-t, then by Cauchy and Schwarz every entry of X'X, and of the product
// restricted to any subset of rows (a chunk, or all chunks so far), is below 2^122 2^-t in magnitude; times 2^t below 2^122; and so for X'Y, where
// the columns of X over those of Y have such sums. A sum that
// starts below 2^125 thus stays below 2^126.
//
// Nothing depends on the order of these exact sums, on the number of threads or on the microkernel.
#include "verifier/base/gram.hpp"

#include <algorithm>
#include <array>
#include <cstring>

#include "verifier/base/failure.hpp"
#include "verifier/base/parallel.hpp"

namespace lipverify {

namespace {

constexpr std::size_t kPanel = 8;                                  // columns of a microkernel
constexpr std::size_t kTile = SymmetricSum::kTile;                 // columns of a tile of the result
constexpr std::size_t kChunk = 512;                                // rows whose products fit in 64 bits
constexpr std::size_t kDepth = 256;                                // rows whose panels stay in the first-level cache
constexpr unsigned kSliceBits = 26;
constexpr std::int64_t kSlice = std::int64_t{1} << kSliceBits;  // >> rounds down, in C++20 by definition
constexpr std::size_t kBytes = std::size_t{4} << 30;               // of a 128-bit result

std::size_t panels_of(std::size_t columns) { return (columns + kTile - 1) / kTile * (kTile / kPanel); }

/// The three slices of one chunk of rows, as panels; columns beyond the matrix are zero.
struct Chunk {
  std::vector<std::int64_t> high, sum, low;
  std::size_t first = 0;  // row of the matrix
  std::size_t depth = 0;
  bool two_slices = false;
};

std::int64_t entry(const IntegerView& x, std::size_t k, std::size_t j) { return x.data[k * x.inner_stride + j * x.column_stride]; }

bool has_low_slice(const IntegerView& x) {
  for (std::size_t k = 0; k < x.inner; ++k)
    for (std::size_t j = x.upper_triangular ? k : 0; j < x.columns; ++j)
      if (entry(x, k, j) % kSlice != 0) return true;
  return false;
}

void pack(const IntegerView& x, std::size_t first, bool two_slices, Chunk& chunk, unsigned threads) {
  chunk.first = first;
  chunk.depth = std::min(kChunk, x.inner - first);
  chunk.two_slices = two_slices;
  const std::size_t panels = panels_of(x.columns);
  chunk.high.resize(panels * kPanel * chunk.depth);
  if (two_slices) {
    chunk.sum.resize(chunk.high.size());
    chunk.low.resize(chunk.high.size());
  }
  // Row by row: the entries of a panel's row lie beside each other in the slices, and mostly in the matrix too.
  parallel_for(panels, threads, [&](std::size_t p) {
    const std::size_t begin = p * kPanel;
    const std::size_t columns = x.columns <= begin ? 0 : std::min(kPanel, x.columns - begin);
    for (std::size_t k = 0; k < chunk.depth; ++k) {
      std::array<std::int64_t, kPanel> values{};
      for (std::size_t c = 0; c < columns; ++c)
        if (!x.upper_triangular || first + k <= begin + c) values[c] = entry(x, first + k, begin + c);
      const std::size_t at = (p * chunk.depth + k) * kPanel;
      for (std::size_t c = 0; c < kPanel; ++c) {
        // floor((value + 2^25) / 2^26): the remainder lies in [-2^25, 2^25)
        const std::int64_t h = (values[c] + kSlice / 2) >> kSliceBits;
        chunk.high[at + c] = h;
        if (two_slices) {
          const std::int64_t l = values[c] - h * kSlice;
          chunk.low[at + c] = l;
          chunk.sum[at + c] = h + l;
        }
      }
    }
  });
}

using Block = std::array<std::int64_t, kTile * kTile>;  // (8 x 8 blocks) x (8 x 8 entries)

/// block += the products of the first `depth` rows of tile I of `a` with tile J of `b`; on the diagonal only blocks at or above it.
void tile_product(const std::vector<std::int64_t>& a, std::size_t I, const std::vector<std::int64_t>& b, std::size_t J, std::size_t stride,
                  std::size_t depth, bool diagonal, Microkernel kernel, Block& block) {
  block.fill(0);
  constexpr std::size_t n = kTile / kPanel;
  for (std::size_t k = 0; k < depth; k += kDepth)
    for (std::size_t i = 0; i < n; ++i)
      for (std::size_t j = diagonal ? i : 0; j < n; ++j)
        kernel(a.data() + ((I * n + i) * stride + k) * kPanel, b.data() + ((J * n + j) * stride + k) * kPanel, std::min(kDepth, depth - k),
               block.data() + (i * n + j) * kPanel * kPanel);
}

/// Calls add(i, j, x_i'y_j) for the entries of one tile (of the blocks at or above the diagonal), for one chunk.
template <typename Add>
void each_product(const Chunk& x, std::size_t I, const Chunk& y, std::size_t J, std::size_t depth, bool diagonal, Microkernel kernel,
                  const Add& add) {
  thread_local Block high;
  thread_local Block sum;
  thread_local Block low;
  tile_product(x.high, I, y.high, J, x.depth, depth, diagonal, kernel, high);
  if (x.two_slices) {
    tile_product(x.sum, I, y.sum, J, x.depth, depth, diagonal, kernel, sum);
    tile_product(x.low, I, y.low, J, x.depth, depth, diagonal, kernel, low);
  }
  constexpr std::size_t n = kTile / kPanel;
  for (std::size_t bi = 0; bi < n; ++bi)
    for (std::size_t bj = diagonal ? bi : 0; bj < n; ++bj)
      for (std::size_t e = 0; e < kPanel * kPanel; ++e) {
        const std::size_t at = (bi * n + bj) * kPanel * kPanel + e;
        Int128 value = static_cast<Int128>(high[at]) * kSlice * kSlice;
        if (x.two_slices) value += static_cast<Int128>(sum[at] - high[at] - low[at]) * kSlice + low[at];
        add(bi * kPanel + e / kPanel, bj * kPanel + e % kPanel, value);
      }
}

}  // namespace

SymmetricSum::SymmetricSum(std::size_t order) : order_(order), tiles_((order + kTile - 1) / kTile) {
  if (order > 65536 || tiles_ * (tiles_ + 1) / 2 * kTile * kTile * sizeof(Int128) > kBytes)
    exhausted("a Gram matrix of order " + std::to_string(order) + " exceeds the memory limit of this checker");
  sums_.resize(tiles_ * (tiles_ + 1) / 2 * kTile * kTile);
}

namespace {

/// Adds the squares of X to those of its columns; false where a limit is reached.
bool add_squares(const IntegerView& x, UInt128 limit, std::vector<UInt128>& squares) {
  for (std::size_t k = 0; k < x.inner; ++k)
    for (std::size_t j = x.upper_triangular ? k : 0; j < x.columns; ++j) {
      const std::int64_t value = entry(x, k, j);
      if (value <= -kEntryLimit || value >= kEntryLimit) return false;
      const auto magnitude = static_cast<std::uint64_t>(value < 0 ? -value : value);
      squares[j] += static_cast<UInt128>(magnitude) * magnitude;  // below 2^122 + 2^104
      if (squares[j] >= limit) return false;
    }
  return true;
}

}  // namespace

bool gram_fits(const IntegerView& x, unsigned shift) {
  std::vector<UInt128> squares(x.columns);
  return shift <= 122 && add_squares(x, (static_cast<UInt128>(1) << 122) >> shift, squares);
}

bool gram_fits(const IntegerView& x, const IntegerView& y, unsigned shift) {
  std::vector<UInt128> squares(x.columns);
  const UInt128 limit = shift <= 122 ? (static_cast<UInt128>(1) << 122) >> shift : 0;
  return shift <= 122 && x.columns == y.columns && add_squares(x, limit, squares) && add_squares(y, limit, squares);
}

void subtract_product(SymmetricSum& sum, const IntegerView& x, const IntegerView& y, unsigned shift, bool add, const Engine& engine) {
  if (sum.order() != x.columns || sum.order() != y.columns || x.inner != y.inner || x.upper_triangular != y.upper_triangular)
    exhausted("matrices of different order: a fault of the checker");
  const Microkernel kernel = microkernel(engine.kernel);
  const bool same = x.data == y.data;
  const bool two_slices = has_low_slice(x) || (!same && has_low_slice(y));
  const Int128 factor = (add ? -1 : 1) * (static_cast<Int128>(1) << shift);
  const std::size_t tiles = sum.tiles();
  std::vector<std::pair<std::size_t, std::size_t>> pairs;
  for (std::size_t I = 0; I < tiles; ++I)
    for (std::size_t J = I; J < tiles; ++J) pairs.emplace_back(I, J);
  Chunk a;
  Chunk b;
  for (std::size_t first = 0; first < x.inner; first += kChunk) {
    pack(x, first, two_slices, a, engine.threads);
    if (!same) pack(y, first, two_slices, b, engine.threads);
    parallel_for(pairs.size(), engine.threads, [&](std::size_t p) {
      const auto [I, J] = pairs[p];
      // An upper triangular X has no entries of tile I below row (I + 1) * kTile - 1.
      const std::size_t end = x.upper_triangular ? (I + 1) * kTile : x.inner;
      if (end <= first) return;
      Int128* tile = sum.tile(I, J);
      each_product(a, I, same ? a : b, J, std::min(a.depth, end - first), I == J, kernel,
                   [&](std::size_t i, std::size_t j, Int128 value) { tile[i * kTile + j] -= value * factor; });
    });
  }
}

std::vector<Int128> multiply(const IntegerView& x, const IntegerView& y, const Engine& engine) {
  if (x.inner != y.inner) exhausted("matrices of different inner length: a fault of the checker");
  if (x.columns > kBytes / sizeof(Int128) / std::max<std::size_t>(y.columns, 1)) exhausted("a product of matrices exceeds the memory limit of this checker");
  const Microkernel kernel = microkernel(engine.kernel);
  const bool two_slices = has_low_slice(x) || has_low_slice(y);
  std::vector<Int128> product(x.columns * y.columns);
  const std::size_t rows = (x.columns + kTile - 1) / kTile;
  const std::size_t columns = (y.columns + kTile - 1) / kTile;
  Chunk a;
  Chunk b;
  for (std::size_t first = 0; first < x.inner; first += kChunk) {
    pack(x, first, two_slices, a, engine.threads);
    pack(y, first, two_slices, b, engine.threads);
    parallel_for(rows * columns, engine.threads, [&](std::size_t p) {
      const std::size_t I = p / columns;
      const std::size_t J = p % columns;
      each_product(a, I, b, J, a.depth, false, kernel, [&](std::size_t i, std::size_t j, Int128 value) {
        const std::size_t row = I * kTile + i;
        const std::size_t column = J * kTile + j;
        if (row < x.columns && column < y.columns) product[row * y.columns + column] += value;
      });
    });
  }
  return product;
}

}  // namespace lipverify
