// See band.hpp. Slices, chunks of 512 rows and the bounds that keep everything in 64 and 128 bits are those of verifier/base/gram.cpp:
// with x = h 2^26 + l, -2^25 <= l < 2^25, and s = h + l,
//     x'y = 2^52 h'h + 2^26 (s's - h'h - l'l) + l'l,
// each of the three sums over at most 512 terms stays below 2^63 in magnitude, and by Cauchy and Schwarz every partial sum of X'X below
// 2^122 2^-t when every column of X has a sum of squares below that. Terms that are left out are zeros.
#include "verifier/theorems/band.hpp"

#include <algorithm>
#include <array>
#include <numeric>

#include "verifier/base/failure.hpp"
#include "verifier/base/parallel.hpp"

namespace lipverify {

namespace {

constexpr std::size_t kTile = Skyline::kTile;
constexpr std::size_t kPanel = 8;                // columns of a microkernel
constexpr std::size_t kPanels = kTile / kPanel;  // of a tile column
constexpr std::size_t kChunk = 512;              // rows whose products fit in 64 bits
constexpr std::size_t kDepth = 256;              // rows whose panels stay in the first-level cache
constexpr std::int64_t kSlice = std::int64_t{1} << 26;
constexpr std::size_t kBytes = std::size_t{4} << 30;  // of a 128-bit result

/// The slices of one tile column in one chunk of rows: rows begin to end - 1 of the chunk, the others are zero.
struct Strip {
  std::size_t tile = 0;
  std::size_t begin = 0;
  std::size_t end = 0;
  std::size_t place = 0;  // of its first panel in the slices
  [[nodiscard]] std::size_t depth() const { return end - begin; }
};

struct Strips {
  std::vector<Strip> strips;  // tile columns ascending
  std::vector<std::int64_t> high, sum, low;
  bool two_slices = false;

  void layout() {
    std::size_t size = 0;
    for (Strip& strip : strips) {
      strip.place = size;
      size += strip.depth() * kTile;
    }
    high.assign(size, 0);
    if (two_slices) {
      sum.assign(size, 0);
      low.assign(size, 0);
    }
  }

  /// Entry of row k of the chunk, column c of the tile.
  void put(const Strip& strip, std::size_t k, std::size_t c, std::int64_t value) {
    const std::size_t at = strip.place + ((c / kPanel) * strip.depth() + (k - strip.begin)) * kPanel + c % kPanel;
    // floor((value + 2^25) / 2^26): the remainder lies in [-2^25, 2^25)
    const std::int64_t shifted = value + kSlice / 2;
    const std::int64_t h = shifted >= 0 ? shifted / kSlice : -((kSlice - 1 - shifted) / kSlice);
    high[at] = h;
    if (two_slices) {
      low[at] = value - h * kSlice;
      sum[at] = h + low[at];
    }
  }
};

using Block = std::array<std::int64_t, kTile * kTile>;  // (8 x 8 blocks) x (8 x 8 entries)

void tile_product(const std::vector<std::int64_t>& slice, const Strip& a, const Strip& b, Microkernel kernel, Block& block) {
  block.fill(0);
  const std::size_t begin = std::max(a.begin, b.begin);
  const std::size_t end = std::min(a.end, b.end);
  for (std::size_t k = begin; k < end; k += kDepth)
    for (std::size_t i = 0; i < kPanels; ++i)
      for (std::size_t j = a.tile == b.tile ? i : 0; j < kPanels; ++j)
        kernel(slice.data() + a.place + (i * a.depth() + k - a.begin) * kPanel,
               slice.data() + b.place + (j * b.depth() + k - b.begin) * kPanel, std::min(kDepth, end - k),
               block.data() + (i * kPanels + j) * kPanel * kPanel);
}

/// sum -= X'X * factor for the rows of one chunk; pairs of tile columns outside the skyline have no product.
void subtract_strips(BandSum& sum, const Strips& x, Int128 factor, const Engine& engine) {
  const Microkernel kernel = microkernel(engine.kernel);
  std::vector<std::pair<std::uint32_t, std::uint32_t>> pairs;
  for (std::size_t b = 0; b < x.strips.size(); ++b)
    for (std::size_t a = 0; a <= b; ++a) {
      const Strip& left = x.strips[a];
      const Strip& right = x.strips[b];
      if (left.tile >= sum.skyline().first(right.tile) && std::max(left.begin, right.begin) < std::min(left.end, right.end))
        pairs.emplace_back(static_cast<std::uint32_t>(a), static_cast<std::uint32_t>(b));
    }
  parallel_for(pairs.size(), engine.threads, [&](std::size_t p) {
    thread_local Block high;
    thread_local Block both;
    thread_local Block low;
    const Strip& a = x.strips[pairs[p].first];
    const Strip& b = x.strips[pairs[p].second];
    tile_product(x.high, a, b, kernel, high);
    if (x.two_slices) {
      tile_product(x.sum, a, b, kernel, both);
      tile_product(x.low, a, b, kernel, low);
    }
    Int128* tile = sum.tile(a.tile, b.tile);
    for (std::size_t bi = 0; bi < kPanels; ++bi)
      for (std::size_t bj = a.tile == b.tile ? bi : 0; bj < kPanels; ++bj)
        for (std::size_t e = 0; e < kPanel * kPanel; ++e) {
          const std::size_t at = (bi * kPanels + bj) * kPanel * kPanel + e;
          Int128 value = static_cast<Int128>(high[at]) * kSlice * kSlice;
          if (x.two_slices) value += static_cast<Int128>(both[at] - high[at] - low[at]) * kSlice + low[at];
          tile[(bi * kPanel + e / kPanel) * kTile + bj * kPanel + e % kPanel] -= value * factor;
        }
  });
}

bool small_enough(std::int64_t value) {
  return value > -kEntryLimit && value < kEntryLimit;
}

/// Adds value^2; false when the sum reaches the limit (at most 2^122) or the value 2^52.
bool add_square(UInt128& sum, std::int64_t value, UInt128 limit) {
  if (!small_enough(value)) return false;
  const auto magnitude = static_cast<std::uint64_t>(value < 0 ? -value : value);
  sum += static_cast<UInt128>(magnitude) * magnitude;  // below 2^122 + 2^104
  return sum < limit;
}

}  // namespace

Skyline::Skyline(std::size_t order, std::vector<std::size_t> first) : order_(order), first_(std::move(first)) {
  const std::size_t tiles = (order + kTile - 1) / kTile;
  if (first_.size() != tiles) exhausted("a skyline of another order: a fault of the checker");
  last_.assign(tiles, 0);
  begin_.assign(tiles + 1, 0);
  for (std::size_t J = 0; J < tiles; ++J) {
    if (first_[J] > J) exhausted("a skyline below the diagonal: a fault of the checker");
    last_[first_[J]] = J;  // ascending J: the largest remains
    begin_[J + 1] = begin_[J] + (J + 1 - first_[J]) * kTile * kTile;
  }
  for (std::size_t I = 1; I < tiles; ++I) last_[I] = std::max(last_[I], last_[I - 1]);
}

BandSum::BandSum(Skyline skyline) : skyline_(std::move(skyline)) {
  if (skyline_.entries() > kBytes / sizeof(Int128))
    exhausted("a banded Gram matrix of order " + std::to_string(skyline_.order()) + " with " + std::to_string(skyline_.entries()) +
              " entries exceeds the memory limit of this checker");
  sums_.resize(skyline_.entries());
}

Skyline skyline_of(std::size_t order, const IntegerRows& x) {
  std::vector<std::size_t> first((order + kTile - 1) / kTile);
  std::iota(first.begin(), first.end(), std::size_t{0});
  for (std::size_t i = 0; i + 1 < x.start.size(); ++i)
    for (std::size_t e = x.start[i]; e < x.start[i + 1]; ++e) {
      std::size_t& top = first[x.column[e] / kTile];
      top = std::min<std::size_t>(top, x.column[x.start[i]] / kTile);
    }
  return {order, std::move(first)};
}

bool rows_fit(std::size_t order, const IntegerRows& x) {
  const UInt128 limit = static_cast<UInt128>(1) << 122;
  std::vector<UInt128> squares(order);
  for (std::size_t e = 0; e < x.value.size(); ++e)
    if (!add_square(squares[x.column[e]], x.value[e], limit)) return false;
  return true;
}

bool factor_fits(const Skyline& skyline, const BandFactor& r, unsigned shift) {
  if (shift > 122 || r.size() != skyline.entries()) return false;
  const UInt128 limit = (static_cast<UInt128>(1) << 122) >> shift;
  for (std::size_t J = 0; J < skyline.tiles(); ++J) {
    std::array<UInt128, kTile> squares{};
    const std::int64_t* entries = r.data() + skyline.begin(J);
    for (std::size_t k = skyline.first(J) * kTile; k < std::min((J + 1) * kTile, skyline.order()); ++k, entries += kTile)
      for (std::size_t c = 0; c < kTile && J * kTile + c < skyline.order(); ++c)
        if (k <= J * kTile + c && !add_square(squares[c], entries[c], limit)) return false;
  }
  return true;
}

void subtract_factor(BandSum& sum, const BandFactor& r, unsigned shift, const Engine& engine) {
  const Skyline& skyline = sum.skyline();
  const std::size_t n = skyline.order();
  if (r.size() != skyline.entries()) exhausted("a factor with another skyline: a fault of the checker");
  Strips x;
  x.two_slices = std::any_of(r.begin(), r.end(), [](std::int64_t value) { return value % kSlice != 0; });
  constexpr std::size_t step = kChunk / kTile;  // tiles of rows
  for (std::size_t K = 0; K < skyline.tiles(); K += step) {
    const std::size_t end = std::min(K + step, skyline.tiles());
    x.strips.clear();
    for (std::size_t J = K; J <= skyline.last(end - 1); ++J) {
      const std::size_t top = std::max(skyline.first(J), K);
      if (top < end) x.strips.push_back({J, (top - K) * kTile, (std::min(J + 1, end) - K) * kTile, 0});
    }
    x.layout();
    parallel_for(x.strips.size(), engine.threads, [&](std::size_t s) {
      const Strip& strip = x.strips[s];
      const std::int64_t* entries =
          r.data() + skyline.begin(strip.tile) + (K * kTile + strip.begin - skyline.first(strip.tile) * kTile) * kTile;
      for (std::size_t k = strip.begin; k < strip.end; ++k, entries += kTile)
        for (std::size_t c = 0; c < kTile; ++c) {
          const std::size_t column = strip.tile * kTile + c;
          if (K * kTile + k <= column && column < n) x.put(strip, k, c, entries[c]);
        }
    });
    subtract_strips(sum, x, static_cast<Int128>(1) << shift, engine);
  }
}

namespace {

/// The entries of one row that lie in one tile column.
struct Run {
  std::size_t row_begin = 0;  // of the whole row
  std::size_t begin = 0;
  std::size_t end = 0;
};

/// Calls act(tile column, begin, end) for each run of the entries `from` to `to` - 1 of a row.
template <typename Act>
void each_run(const IntegerRows& x, std::size_t from, std::size_t to, const Act& act) {
  for (std::size_t e = from; e < to;) {
    const std::size_t J = x.column[e] / kTile;
    std::size_t end = e + 1;
    while (end < to && x.column[end] / kTile == J) ++end;
    act(J, e, end);
    e = end;
  }
}

}  // namespace

void subtract_rows(BandSum& sum, const IntegerRows& x, const Engine& engine) {
  const Skyline& skyline = sum.skyline();
  // Rows that begin near each other touch the same tiles.
  std::vector<std::size_t> rows;
  for (std::size_t i = 0; i + 1 < x.start.size(); ++i)
    if (x.start[i + 1] > x.start[i]) rows.push_back(i);
  std::stable_sort(rows.begin(), rows.end(), [&](std::size_t a, std::size_t b) { return x.column[x.start[a]] < x.column[x.start[b]]; });

  const bool two_slices = std::any_of(x.value.begin(), x.value.end(), [](std::int64_t value) { return value % kSlice != 0; });
  std::vector<std::vector<Run>> runs(skyline.tiles());
  Strips strips;
  strips.two_slices = two_slices;
  std::vector<std::size_t> place(skyline.tiles());
  for (std::size_t first = 0; first < rows.size(); first += kChunk) {
    const std::size_t last = std::min(rows.size(), first + kChunk);
    std::size_t products = 0;
    std::vector<bool> touched(skyline.tiles());
    std::size_t tiles = 0;
    for (std::size_t r = first; r < last; ++r) {
      const std::size_t from = x.start[rows[r]];
      const std::size_t to = x.start[rows[r] + 1];
      products += (to - from) * (to - from + 1) / 2;
      each_run(x, from, to, [&](std::size_t J, std::size_t, std::size_t) {
        if (!touched[J]) ++tiles;
        touched[J] = true;
      });
    }
    // A microkernel does about a dozen products in the time of one that is scattered; which way is taken changes no result.
    const std::size_t dense = tiles * (tiles + 1) / 2 * kTile * kTile * (last - first) * (two_slices ? 3 : 1);
    if (dense / 12 > products) {
      for (std::size_t r = first; r < last; ++r) {
        const std::size_t row = x.start[rows[r]];
        each_run(x, row, x.start[rows[r] + 1], [&](std::size_t J, std::size_t begin, std::size_t end) {
          runs[J].push_back({row, begin, end});
        });
      }
      continue;
    }
    strips.strips.clear();
    for (std::size_t J = 0; J < skyline.tiles(); ++J)
      if (touched[J]) {
        place[J] = strips.strips.size();
        strips.strips.push_back({J, 0, last - first, 0});
      }
    strips.layout();
    for (std::size_t r = first; r < last; ++r)
      for (std::size_t e = x.start[rows[r]]; e < x.start[rows[r] + 1]; ++e)
        strips.put(strips.strips[place[x.column[e] / kTile]], r - first, x.column[e] % kTile, x.value[e]);
    subtract_strips(sum, strips, 1, engine);
  }

  parallel_for(skyline.tiles(), engine.threads, [&](std::size_t J) {
    if (runs[J].empty()) return;
    Int128* const entries = sum.tile(skyline.first(J), J);
    for (const Run& run : runs[J])
      for (std::size_t a = run.row_begin; a < run.end; ++a) {
        Int128* const line = entries + (x.column[a] - skyline.first(J) * kTile) * kTile;
        const std::int64_t value = x.value[a];
        for (std::size_t b = std::max(a, run.begin); b < run.end; ++b) line[x.column[b] % kTile] -= static_cast<Int128>(value) * x.value[b];
      }
  });
}

}  // namespace lipverify
