// See band_norm.hpp; "conventional" and the sources are those of dense_norm.cpp. Every constant is derived beside the line that uses it.

#include "certify/norms/band_norm.hpp"

#include <cblas.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <numeric>

#include "certify/norms/lanczos.hpp"
#include "certify/numbers/lapack.hpp"
#include "certify/numbers/tiles.hpp"

namespace lipcert {
namespace {

constexpr double infinity = std::numeric_limits<double>::infinity();

// ---- order -----------------------------------------------------------------------------------------------------------------------------

/// A permutation of the columns: place[j] is where column j stands.
using Places = std::vector<std::uint32_t>;

/// Heights of the skyline columns under this order.
std::vector<std::uint32_t> heights(const std::vector<RowGroup>& groups, const Places& place, std::size_t n) {
  std::vector<std::uint32_t> first(n);
  std::iota(first.begin(), first.end(), 0U);
  for (const RowGroup& group : groups) {
    std::uint32_t least = std::numeric_limits<std::uint32_t>::max();
    for (const std::uint32_t j : group.columns) {
      least = std::min(least, place[j]);
    }
    for (const std::uint32_t j : group.columns) {
      std::uint32_t& f = first[place[j]];
      f = std::min(f, least);
    }
  }
  for (std::size_t j = 0; j < n; ++j) {
    first[j] = static_cast<std::uint32_t>(j) - first[j];
  }
  return first;
}

/// Where column number j = (channel * rows + row) * width + x stands when x is outermost, then the row, then the channel. rows = 1: position by
/// position in the order of the tensor.
struct Interleaving {
  std::uint32_t channels = 1;
  std::uint32_t rows = 1;
  std::uint32_t width = 1;

  [[nodiscard]] std::uint32_t operator()(std::uint32_t j) const {
    const std::uint32_t x = j % width;
    const std::uint32_t row = j / width % rows;
    const std::uint32_t channel = j / width / rows;
    return (x * rows + row) * channels + channel;
  }
};

/// Sum over a sample of the groups of the squared spread: a guess at the flops of an order.
template <class Place>
double sampled_cost(const std::vector<RowGroup>& groups, std::size_t step, const Place& place) {
  double cost = 0;
  for (std::size_t g = 0; g < groups.size(); g += step) {
    std::uint32_t least = std::numeric_limits<std::uint32_t>::max();
    std::uint32_t most = 0;
    for (const std::uint32_t j : groups[g].columns) {
      const std::uint32_t p = place(j);
      least = std::min(least, p);
      most = std::max(most, p);
    }
    const double spread = most - least;
    cost += spread * spread;
  }
  return cost;
}

/// Reverse Cuthill-McKee: breadth first from a column far out, neighbours by degree. Columns are neighbours when a group holds both.
Places cuthill_mckee(const std::vector<RowGroup>& groups, std::size_t n) {
  std::vector<std::size_t> start(n + 1, 0);
  for (const RowGroup& group : groups) {
    for (const std::uint32_t j : group.columns) {
      ++start[j + 1];
    }
  }
  std::partial_sum(start.begin(), start.end(), start.begin());
  std::vector<std::uint32_t> of(start[n]);
  std::vector<std::size_t> fill(start.begin(), start.end() - 1);
  std::vector<std::uint64_t> degree(n, 0);
  for (std::size_t g = 0; g < groups.size(); ++g) {
    for (const std::uint32_t j : groups[g].columns) {
      of[fill[j]++] = static_cast<std::uint32_t>(g);
      degree[j] += groups[g].columns.size();
    }
  }
  std::vector<std::uint32_t> seen(n, 0);
  std::vector<std::uint32_t> group_seen(groups.size(), 0);
  std::vector<bool> placed(n, false);
  std::uint32_t round = 0;
  // The component of `root` in the order of the search.
  const auto search = [&](std::uint32_t root, std::vector<std::uint32_t>& order) {
    ++round;
    order.assign(1, root);
    seen[root] = round;
    std::vector<std::uint32_t> next;
    for (std::size_t k = 0; k < order.size(); ++k) {
      next.clear();
      for (std::size_t s = start[order[k]]; s < start[order[k] + 1]; ++s) {
        if (group_seen[of[s]] == round) {
          continue;
        }
        group_seen[of[s]] = round;
        for (const std::uint32_t j : groups[of[s]].columns) {
          if (seen[j] != round) {
            seen[j] = round;
            next.push_back(j);
          }
        }
      }
      std::sort(next.begin(), next.end(), [&](std::uint32_t a, std::uint32_t b) { return degree[a] != degree[b] ? degree[a] < degree[b] : a < b; });
      order.insert(order.end(), next.begin(), next.end());
    }
  };
  Places place(n);
  std::uint32_t at = 0;
  std::vector<std::uint32_t> order;
  for (std::uint32_t j = 0; j < n; ++j) {
    if (placed[j]) {
      continue;
    }
    search(j, order);
    for (int pass = 0; pass < 2 && order.size() > 2; ++pass) {
      search(order.back(), order);
    }
    for (std::size_t k = order.size(); k-- > 0;) {
      place[order[k]] = at++;
      placed[order[k]] = true;
    }
  }
  return place;
}

std::vector<std::uint32_t> divisors(std::size_t n) {
  std::vector<std::uint32_t> found;
  for (std::size_t d = 1; d * d <= n; ++d) {
    if (n % d == 0) {
      found.push_back(static_cast<std::uint32_t>(d));
      if (d * d != n) {
        found.push_back(static_cast<std::uint32_t>(n / d));
      }
    }
  }
  std::sort(found.begin(), found.end());
  return found;
}

/// The best order that is found, for B'B.
void choose_order(BandPlan& plan) {
  const std::size_t n = plan.order;
  double total = 0;
  for (const RowGroup& group : plan.groups) {
    total += static_cast<double>(group.columns.size());
  }
  const std::size_t step = std::max<std::size_t>(1, static_cast<std::size_t>(total / 0x1p16));
  std::vector<std::pair<double, Interleaving>> candidates;
  candidates.emplace_back(sampled_cost(plan.groups, step, [](std::uint32_t j) { return j; }),
                          Interleaving{static_cast<std::uint32_t>(n), 1, 1});  // channels alone: the order itself
  const std::vector<std::uint32_t> factors = divisors(n);
  std::size_t tried = 0;
  for (const std::uint32_t channels : factors) {
    for (const std::uint32_t rows : factors) {
      if (channels < n && n / channels % rows == 0 && tried < 400) {
        const Interleaving order{channels, rows, static_cast<std::uint32_t>(n / channels / rows)};
        candidates.emplace_back(sampled_cost(plan.groups, step, order), order);
        ++tried;
      }
    }
  }
  std::stable_sort(candidates.begin(), candidates.end(), [](const auto& a, const auto& b) { return a.first < b.first; });
  const auto flops = [&](const std::vector<std::uint32_t>& h) {
    double sum = 0;
    for (const std::uint32_t d : h) {
      sum += (d + 1.0) * (d + 1.0);
    }
    return sum;
  };
  double best = infinity;
  std::vector<std::uint32_t> best_heights;
  const auto consider = [&](Places place) {
    std::vector<std::uint32_t> h = heights(plan.groups, place, n);
    const double cost = flops(h);
    if (cost < best) {
      best = cost;
      plan.position = std::move(place);
      best_heights = std::move(h);
    }
  };
  for (std::size_t c = 0; c < std::min<std::size_t>(2, candidates.size()); ++c) {
    Places place(n);
    for (std::uint32_t j = 0; j < n; ++j) {
      place[j] = candidates[c].second(j);
    }
    consider(std::move(place));
  }
  consider(cuthill_mckee(plan.groups, n));
  plan.half_bandwidth = best_heights.empty() ? 0 : *std::max_element(best_heights.begin(), best_heights.end());
  plan.entries = 0;
  for (const std::uint32_t d : best_heights) {
    plan.entries += d + 1.0;
  }
  plan.flops = 2 * best;
}

// ---- skyline ---------------------------------------------------------------------------------------------------------------------------

/// Side of the tiles: a function of the band alone, so that every rounding is the same for any number of threads.
std::size_t band_tile(std::size_t half_bandwidth) { return half_bandwidth <= 48 ? 32 : (half_bandwidth <= 512 ? 64 : 128); }

/// The upper triangle by block columns; block column J has the rows from block first(J) to J.
class Skyline {
 public:
  Skyline(std::size_t n, std::size_t tile, std::vector<std::size_t> first) : n_(n), tile_(tile), first_(std::move(first)), offset_(first_.size() + 1, 0) {
    for (std::size_t j = 0; j < first_.size(); ++j) {
      offset_[j + 1] = offset_[j] + height(j) * size(j);
    }
    for (std::size_t j = 0; j < first_.size(); ++j) {
      reach_ = std::max(reach_, j - first_[j]);
    }
    entries_.assign(offset_.back(), 0.0);
  }

  [[nodiscard]] std::size_t order() const { return n_; }
  [[nodiscard]] std::size_t blocks() const { return first_.size(); }
  [[nodiscard]] std::size_t first(std::size_t j) const { return first_[j]; }
  [[nodiscard]] std::size_t reach() const { return reach_; }  // most block rows above the diagonal
  [[nodiscard]] std::size_t begin(std::size_t block) const { return block * tile_; }
  [[nodiscard]] std::size_t size(std::size_t block) const { return std::min(tile_, n_ - begin(block)); }
  [[nodiscard]] std::size_t height(std::size_t j) const { return begin(j) + size(j) - begin(first_[j]); }
  [[nodiscard]] std::size_t tile_size() const { return tile_; }
  /// Tile (i, j), first(j) <= i <= j; column-major with leading dimension height(j).
  [[nodiscard]] double* tile(std::size_t i, std::size_t j) { return &entries_[offset_[j] + (i - first_[j]) * tile_]; }
  [[nodiscard]] const double* tile(std::size_t i, std::size_t j) const { return &entries_[offset_[j] + (i - first_[j]) * tile_]; }
  [[nodiscard]] double* column(std::size_t j) { return &entries_[offset_[j / tile_] + (j % tile_) * height(j / tile_)]; }
  [[nodiscard]] const double* column(std::size_t j) const { return &entries_[offset_[j / tile_] + (j % tile_) * height(j / tile_)]; }
  /// Row of the first entry of column j that is kept.
  [[nodiscard]] std::size_t top(std::size_t j) const { return begin(first_[j / tile_]); }
  [[nodiscard]] double diagonal(std::size_t j) const { return column(j)[j - top(j)]; }
  [[nodiscard]] Skyline same_shape() const { return Skyline(n_, tile_, first_); }
  [[nodiscard]] double flops() const {
    double sum = 0;
    for (std::size_t j = 0; j < blocks(); ++j) {
      const double h = static_cast<double>(height(j));
      sum += h * h * static_cast<double>(size(j));
    }
    return sum;
  }

 private:
  std::size_t n_;
  std::size_t tile_;
  std::vector<std::size_t> first_;
  std::vector<std::size_t> offset_;
  std::size_t reach_ = 0;
  std::vector<double> entries_;
};

/// B by groups: the dense blocks of one row group each, columns in the order of the plan.
struct Blocks {
  std::vector<std::vector<std::uint32_t>> place;  // ascending
  std::vector<std::vector<double>> value;         // column-major, leading dimension `depth`
  std::vector<std::size_t> depth;
  std::size_t rows = 0;
  double entries = 0;
};

Blocks dense_blocks(const SparseMatrix& b, const BandPlan& plan) {
  Blocks blocks;
  const std::size_t count = plan.groups.size();
  blocks.place.resize(count);
  blocks.value.resize(count);
  blocks.depth.resize(count);
  blocks.rows = b.rows;
  for (std::size_t g = 0; g < count; ++g) {
    const RowGroup& group = plan.groups[g];
    const std::size_t width = group.columns.size();
    std::vector<std::uint32_t> by_place(width);
    std::iota(by_place.begin(), by_place.end(), 0U);
    std::sort(by_place.begin(), by_place.end(),
              [&](std::uint32_t s, std::uint32_t t) { return plan.position[group.columns[s]] < plan.position[group.columns[t]]; });
    const std::size_t depth = group.rows.size();
    blocks.depth[g] = depth;
    blocks.place[g].resize(width);
    blocks.value[g].resize(width * depth);
    blocks.entries += static_cast<double>(width * depth);
    for (std::size_t k = 0; k < width; ++k) {
      blocks.place[g][k] = plan.position[group.columns[by_place[k]]];
      for (std::size_t r = 0; r < depth; ++r) {
        blocks.value[g][k * depth + r] = b.centre[b.start[group.rows[r]] + by_place[k]];
      }
    }
  }
  return blocks;
}

Skyline empty_skyline(const BandPlan& plan) {
  const std::size_t tile = band_tile(plan.half_bandwidth);
  std::vector<std::size_t> first((plan.order + tile - 1) / tile);
  std::iota(first.begin(), first.end(), std::size_t{0});
  const std::vector<std::uint32_t> h = heights(plan.groups, plan.position, plan.order);
  for (std::size_t j = 0; j < plan.order; ++j) {
    first[j / tile] = std::min(first[j / tile], (j - h[j]) / tile);
  }
  return Skyline(plan.order, tile, std::move(first));
}

/// G = fl(B'B), upper triangle. Each task owns a block column and adds the groups in their order.
Skyline gram(const Blocks& blocks, const BandPlan& plan, WorkerPool& pool) {
  Skyline g = empty_skyline(plan);
  const std::size_t tile = g.tile_size();
  std::vector<std::vector<std::uint32_t>> meets(g.blocks());
  double flops = 0;
  for (std::size_t s = 0; s < blocks.place.size(); ++s) {
    std::size_t last = g.blocks();
    for (const std::uint32_t p : blocks.place[s]) {
      if (p / tile != last) {
        last = p / tile;
        meets[last].push_back(static_cast<std::uint32_t>(s));
      }
    }
    const double width = static_cast<double>(blocks.place[s].size());
    flops += width * width * static_cast<double>(blocks.depth[s]);
  }
  for_each(pool, g.blocks(), flops, [&](std::size_t j) {
    std::vector<double> part;
    const std::size_t top = g.begin(g.first(j));
    for (const std::uint32_t s : meets[j]) {
      const std::vector<std::uint32_t>& place = blocks.place[s];
      const std::size_t depth = blocks.depth[s];
      const auto from = static_cast<std::size_t>(std::lower_bound(place.begin(), place.end(), g.begin(j)) - place.begin());
      const auto end = static_cast<std::size_t>(std::lower_bound(place.begin(), place.end(), g.begin(j) + g.size(j)) - place.begin());
      const double* value = blocks.value[s].data();
      const bool large = static_cast<double>(end) * static_cast<double>((end - from) * depth) > 4096;
      if (large) {
        part.resize(end * (end - from));
        cblas_dgemm(CblasColMajor, CblasTrans, CblasNoTrans, blas_int(end), blas_int(end - from), blas_int(depth), 1, value, blas_int(depth),
                    value + from * depth, blas_int(depth), 0, part.data(), blas_int(end));
      }
      for (std::size_t c = from; c < end; ++c) {
        double* column = g.column(place[c]);
        for (std::size_t r = 0; r <= c; ++r) {
          double sum = 0;
          if (large) {
            sum = part[(c - from) * end + r];
          } else {
            for (std::size_t k = 0; k < depth; ++k) {
              sum += value[r * depth + k] * value[c * depth + k];
            }
          }
          column[place[r] - top] += sum;
        }
      }
    }
  });
  return g;
}

/// y = B'(B x) without the Gram matrix. Eight parts with a sum of their own, whatever the number of threads.
class Product {
 public:
  Product(const Blocks& blocks, std::size_t n, WorkerPool& pool) : blocks_(blocks), n_(n), pool_(pool), parts_(blocks.entries < 1e6 ? 1 : 8), sums_(parts_ * n) {}

  void operator()(const double* x, double* y) {
    std::fill(sums_.begin(), sums_.end(), 0.0);
    const std::size_t count = blocks_.place.size();
    for_each(pool_, parts_, 4 * blocks_.entries, [&](std::size_t part) {
      double* sum = &sums_[part * n_];
      std::vector<double> in;
      std::vector<double> image;
      for (std::size_t g = count * part / parts_; g < count * (part + 1) / parts_; ++g) {
        const std::vector<std::uint32_t>& place = blocks_.place[g];
        const std::size_t depth = blocks_.depth[g];
        in.resize(place.size());
        image.assign(depth, 0.0);
        for (std::size_t k = 0; k < place.size(); ++k) {
          in[k] = x[place[k]];
        }
        const int rows = blas_int(depth);
        const int columns = blas_int(place.size());
        cblas_dgemv(CblasColMajor, CblasNoTrans, rows, columns, 1, blocks_.value[g].data(), rows, in.data(), 1, 0, image.data(), 1);
        cblas_dgemv(CblasColMajor, CblasTrans, rows, columns, 1, blocks_.value[g].data(), rows, image.data(), 1, 0, in.data(), 1);
        for (std::size_t k = 0; k < place.size(); ++k) {
          sum[place[k]] += in[k];
        }
      }
    });
    std::copy(sums_.begin(), sums_.begin() + static_cast<std::ptrdiff_t>(n_), y);
    for (std::size_t part = 1; part < parts_; ++part) {
      for (std::size_t j = 0; j < n_; ++j) {
        y[j] += sums_[part * n_ + j];
      }
    }
  }

 private:
  const Blocks& blocks_;
  std::size_t n_;
  WorkerPool& pool_;
  std::size_t parts_;
  std::vector<double> sums_;
};

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

/// R := upper Cholesky factor of M = fl(c2 I - G). Right-looking by tiles. False when a pivot is not positive.
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
        cblas_dsyrk(CblasColMajor, CblasUpper, CblasTrans, blas_int(r.size(j)), width, -1, r.tile(k, j), blas_int(r.height(j)), 1, r.tile(j, j),
                    blas_int(r.height(j)));
      } else if (i < j) {
        cblas_dgemm(CblasColMajor, CblasTrans, CblasNoTrans, blas_int(r.size(i)), blas_int(r.size(j)), width, -1, r.tile(k, i),
                    blas_int(r.height(i)), r.tile(k, j), blas_int(r.height(j)), 1, r.tile(i, j), blas_int(r.height(j)));
      }
    });
  }
  return true;
}

/// ||fl(M - R'R)||_inf as computed, not yet inflated for its own summation. Infinity when an entry is not finite.
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
      cblas_dgemm(CblasColMajor, CblasTrans, CblasNoTrans, blas_int(rows), blas_int(columns), inner, -1, r.tile(from, i), blas_int(r.height(i)),
                  r.tile(from, j), blas_int(r.height(j)), 1, e.data(), blas_int(rows));
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

/// What the residual's error depends on.
struct FactorSize {
  Upper product;            // || |R|'|R| ||_2; infinity when an entry is not finite
  std::size_t longest = 0;  // terms in an entry of R'R that are not zero, at most
};

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

/// ||fl(B'B) - B'B||_2 <= gamma_{l+4} || |B|'|B| ||_2, l the most products in an entry. The norm on the right is at most the largest row sum, as above,
/// and at most ||B||_F^2.
Upper gram_error(const Blocks& blocks, const BandPlan& plan) {
  std::vector<double> sums(plan.order, 0.0);
  Upper squares;
  std::size_t longest_row = 0;
  std::vector<double> by_row;
  for (std::size_t g = 0; g < blocks.place.size(); ++g) {
    const std::size_t depth = blocks.depth[g];
    const std::vector<double>& value = blocks.value[g];
    longest_row = std::max(longest_row, blocks.place[g].size());
    squares = squares + sum_of_squares(value.data(), value.size());
    by_row.assign(depth, 0.0);
    for (std::size_t k = 0; k < value.size(); ++k) {
      by_row[k % depth] += std::fabs(value[k]);
    }
    for (std::size_t k = 0; k < blocks.place[g].size(); ++k) {
      double sum = 0;
      for (std::size_t r = 0; r < depth; ++r) {
        sum += std::fabs(value[k * depth + r]) * by_row[r];
      }
      sums[blocks.place[g][k]] += sum;
    }
  }
  double largest = 0;
  for (const double sum : sums) {
    largest = std::isnan(sum) ? infinity : std::max(largest, sum);
  }
  const Upper row_sum = Upper::exact(largest) * (Upper::exact(1) + gamma(longest_row + plan.longest_column + 8));
  return gamma(plan.longest_column + 4) * min(row_sum, squares);
}

/// ||B||^2 <= this, from c2 and ANY upper triangular R within the skyline; infinity when an entry of R or of the residual is not finite.
Upper bound_from_residual(const Skyline& g, double c2, Upper gram_error, const Skyline& r, WorkerPool& pool) {
  const FactorSize size = size_of(r);
  const double e = residual(g, c2, r, pool);
  if (!size.product.finite() || !(e < infinity)) {
    return Upper::exact(infinity);
  }
  const std::size_t n = g.order();
  double diagonal = 0;
  for (std::size_t i = 0; i < n; ++i) {
    diagonal = std::max(diagonal, std::fabs(c2 - g.diagonal(i)));  // the entry of M itself, rounded as it was
  }
  // As in dense_norm.cpp: with D = M - (c2 I - G) and Ec = M - R'R exactly, ||B||^2 <= c2 + ||Ec||_2 + max|D| + eG (Lemma P). Entry (i, j) of
  // Eh = fl(M - R'R) sums M_ij and the products with R_ki != 0 != R_kj, k <= i: at most `longest` of them, since column i of R has no more entries
  // between its first that is not zero and the diagonal. Adding a product that is zero is exact. So, with k = longest + 1 terms,
  //   |Eh - Ec| <= gamma_k (|M| + |R|'|R|), |M| <= |R|'|R| + |Eh| + |Eh - Ec|, || |Eh - Ec| ||_2 <= gamma_{k+3} (2.1 X + 2 ||Eh||_inf),
  // X >= || |R|'|R| ||_2. The magnitudes of a row were added in fewer than 2n steps. 2^-800 covers what underflow loses.
  const Upper eh = Upper::exact(e) * (Upper::exact(1) + gamma(2 * n + 4));
  return Upper::exact(c2) + eh + gamma(size.longest + 4) * (Upper::exact(2.125) * size.product + Upper::exact(2) * eh) +
         Upper::exact(2 * unit_roundoff) * Upper::exact(diagonal) + gram_error + Upper::exact(0x1p-800);
}

/// y = (R'R)^-1 x, plain arithmetic.
void solve(const Skyline& r, const double* x, double* y) {
  std::copy(x, x + r.order(), y);
  for (std::size_t j = 0; j < r.blocks(); ++j) {
    const int height = blas_int(r.height(j));
    const int size = blas_int(r.size(j));
    double* part = y + r.begin(j);
    if (height > size) {
      cblas_dgemv(CblasColMajor, CblasTrans, height - size, size, -1, r.tile(r.first(j), j), height, y + r.begin(r.first(j)), 1, 1, part, 1);
    }
    cblas_dtrsv(CblasColMajor, CblasUpper, CblasTrans, CblasNonUnit, size, r.tile(j, j), height, part, 1);
  }
  for (std::size_t j = r.blocks(); j-- > 0;) {
    const int height = blas_int(r.height(j));
    const int size = blas_int(r.size(j));
    double* part = y + r.begin(j);
    cblas_dtrsv(CblasColMajor, CblasUpper, CblasNoTrans, CblasNonUnit, size, r.tile(j, j), height, part, 1);
    if (height > size) {
      cblas_dgemv(CblasColMajor, CblasNoTrans, height - size, size, -1, r.tile(r.first(j), j), height, part, 1, 1, y + r.begin(r.first(j)), 1);
    }
  }
}

/// Steps of a Lanczos process of order n: no more than 1 GiB of basis.
std::size_t lanczos_steps(std::size_t n, std::size_t most) { return n <= 128 ? n : std::max<std::size_t>(8, std::min(most, (std::size_t{1} << 27) / n)); }

}  // namespace

BandPlan plan_band(const SparseMatrix& b, bool at_a) {
  BandPlan plan;
  plan.at_a = at_a;
  plan.order = b.columns;
  std::vector<std::uint32_t> in_column(b.columns, 0);
  for (const std::uint32_t j : b.column) {
    plan.longest_column = std::max<std::size_t>(plan.longest_column, ++in_column[j]);
  }
  // Rows by a hash of their columns, then by the columns themselves: equal ones become neighbours.
  std::vector<std::uint64_t> hash(b.rows, 0);
  std::vector<std::uint32_t> rows;
  for (std::size_t i = 0; i < b.rows; ++i) {
    std::uint64_t h = 0xCBF29CE484222325ULL;
    for (std::size_t k = b.start[i]; k < b.start[i + 1]; ++k) {
      h = (h ^ b.column[k]) * 0x100000001B3ULL;
      h ^= h >> 29;
    }
    hash[i] = h;
    if (b.start[i] != b.start[i + 1]) {
      rows.push_back(static_cast<std::uint32_t>(i));
    }
  }
  const auto compare = [&](std::uint32_t s, std::uint32_t t) {
    if (hash[s] != hash[t]) {
      return hash[s] < hash[t] ? -1 : 1;
    }
    const auto s_begin = b.column.begin() + static_cast<std::ptrdiff_t>(b.start[s]);
    const auto s_end = b.column.begin() + static_cast<std::ptrdiff_t>(b.start[s + 1]);
    const auto t_begin = b.column.begin() + static_cast<std::ptrdiff_t>(b.start[t]);
    const auto t_end = b.column.begin() + static_cast<std::ptrdiff_t>(b.start[t + 1]);
    if (std::equal(s_begin, s_end, t_begin, t_end)) {
      return 0;
    }
    return std::lexicographical_compare(s_begin, s_end, t_begin, t_end) ? -1 : 1;
  };
  std::sort(rows.begin(), rows.end(), [&](std::uint32_t s, std::uint32_t t) {
    const int order = compare(s, t);
    return order != 0 ? order < 0 : s < t;
  });
  double gram_flops = 0;
  for (std::size_t k = 0; k < rows.size(); ++k) {
    if (k == 0 || compare(rows[k - 1], rows[k]) != 0) {
      plan.groups.push_back({{}, {b.column.begin() + static_cast<std::ptrdiff_t>(b.start[rows[k]]),
                                  b.column.begin() + static_cast<std::ptrdiff_t>(b.start[rows[k] + 1])}});
    }
    RowGroup& group = plan.groups.back();
    group.rows.push_back(rows[k]);
    gram_flops += static_cast<double>(group.columns.size()) * static_cast<double>(group.columns.size());
  }
  // The groups in the order of their first row, not of the hash.
  std::sort(plan.groups.begin(), plan.groups.end(), [](const RowGroup& s, const RowGroup& t) { return s.rows[0] < t.rows[0]; });
  choose_order(plan);
  plan.flops += gram_flops + 120 * 4 * static_cast<double>(b.centre.size());
  return plan;
}

BandBound bound_band(const SparseMatrix& b, const BandPlan& plan, WorkerPool& pool, std::uint64_t seed) {
  const std::size_t n = plan.order;
  const Blocks blocks = dense_blocks(b, plan);
  const Skyline g = gram(blocks, plan, pool);
  const Upper eg = gram_error(blocks, plan);
  Product product(blocks, n, pool);
  const auto times_gram = [&](const double* x, double* y) { product(x, y); };
  RitzPair ritz = lanczos(n, lanczos_steps(n, 120), seed, times_gram);
  // The largest diagonal entry is a lower estimate too: it saves the search when the vector missed (and when it is not a number).
  double theta = std::isfinite(ritz.value) ? ritz.value : 0;
  for (std::size_t i = 0; i < n; ++i) {
    theta = std::max(theta, g.diagonal(i));
  }
  const double band = static_cast<double>(std::min(n, 2 * plan.half_bandwidth + 1));
  const double least_excess = 0x1p-42 + band * band * 0x1p-58;
  BandBound result;
  result.squared = Upper::exact(infinity);
  Skyline r = g.same_shape();
  for (int round = 0; round < 4; ++round) {
    double excess = least_excess;
    bool proved = false;
    for (int attempt = 0; attempt < 24 && !proved; ++attempt) {
      const double c2 = theta * (1 + excess);
      if (std::isfinite(c2) && factor(g, c2, r, pool)) {
        const Upper squared = bound_from_residual(g, c2, eg, r, pool);
        proved = squared.finite();
        result.squared = min(result.squared, squared);
      }
      if (!proved) {
        excess *= attempt == 0 ? 4 : 64;
      }
    }
    if (!proved || excess <= 4 * least_excess) {
      break;
    }
    // Lanczos had not converged (the top of a long image's spectrum is dense). With the factor in hand it converges in a few steps on the inverse
    // of c2 I - G, whose top is the same vector.
    const RitzPair inverse = lanczos(n, lanczos_steps(n, 40), seed, [&](const double* x, double* y) { solve(r, x, y); });
    std::vector<double> image(n);
    times_gram(inverse.vector.data(), image.data());
    const double length = cblas_ddot(blas_int(n), inverse.vector.data(), 1, inverse.vector.data(), 1);
    const double value = cblas_ddot(blas_int(n), inverse.vector.data(), 1, image.data(), 1) / length;
    if (!(value > theta)) {
      break;
    }
    theta = value;
    ritz.vector = inverse.vector;
  }
  result.vector.resize(n);
  for (std::size_t j = 0; j < n; ++j) {
    result.vector[j] = ritz.vector[plan.position[j]];
  }
  return result;
}

Upper bound_band_with_factor(const SparseMatrix& b, const BandPlan& plan, double c2, const std::vector<double>& factor, WorkerPool& pool) {
  const Blocks blocks = dense_blocks(b, plan);
  const Skyline g = gram(blocks, plan, pool);
  Skyline r = g.same_shape();
  for (std::size_t j = 0; j < plan.order; ++j) {
    for (std::size_t i = r.top(j); i <= j; ++i) {
      r.column(j)[i - r.top(j)] = factor[j * plan.order + i];
    }
  }
  return bound_from_residual(g, c2, gram_error(blocks, plan), r, pool);
}

}  // namespace lipcert
