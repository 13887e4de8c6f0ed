// See band_norm.hpp; "conventional" and the sources are those of dense_norm.cpp. Every constant is derived beside the line that uses it.

#include "certify/norms/band_norm.hpp"

#include <cblas.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "certify/norms/lanczos.hpp"
#include "certify/norms/skyline.hpp"
#include "certify/numbers/tiles.hpp"

namespace lipcert {
namespace {

constexpr double infinity = std::numeric_limits<double>::infinity();

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
        cblas_dgemm(CblasColMajor, CblasTrans, CblasNoTrans, blas_int(end), blas_int(end - from), blas_int(depth), 1, value,
                    blas_int(depth), value + from * depth, blas_int(depth), 0, part.data(), blas_int(end));
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
  Product(const Blocks& blocks, std::size_t n, WorkerPool& pool)
      : blocks_(blocks), n_(n), pool_(pool), parts_(blocks.entries < 1e6 ? 1 : 8), sums_(parts_ * n) {}

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

/// ||fl(B'B) - B'B||_2 <= gamma_{l+4} || |B|'|B| ||_2, l the most products in an entry. The norm on the right is at most the largest row
/// sum, as above, and at most ||B||_F^2.
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
  // As in dense_norm.cpp: with D = M - (c2 I - G) and Ec = M - R'R exactly, ||B||^2 <= c2 + ||Ec||_2 + max|D| + eG (Lemma P). Entry (i, j)
  // of Eh = fl(M - R'R) sums M_ij and the products with R_ki != 0 != R_kj, k <= i: at most `longest` of them, since column i of R has no
  // more entries between its first that is not zero and the diagonal. Adding a product that is zero is exact. So, with k = longest + 1
  // terms,
  //   |Eh - Ec| <= gamma_k (|M| + |R|'|R|), |M| <= |R|'|R| + |Eh| + |Eh - Ec|, || |Eh - Ec| ||_2 <= gamma_{k+3} (2.1 X + 2 ||Eh||_inf),
  // X >= || |R|'|R| ||_2. The magnitudes of a row were added in fewer than 2n steps. 2^-800 covers what underflow loses.
  const Upper eh = Upper::exact(e) * (Upper::exact(1) + gamma(2 * n + 4));
  return Upper::exact(c2) + eh + gamma(size.longest + 4) * (Upper::exact(2.125) * size.product + Upper::exact(2) * eh) +
         Upper::exact(2 * unit_roundoff) * Upper::exact(diagonal) + gram_error + Upper::exact(0x1p-800);
}

/// Steps of a Lanczos process of order n: no more than 1 GiB of basis.
std::size_t lanczos_steps(std::size_t n, std::size_t most) {
  return n <= 128 ? n : std::max<std::size_t>(8, std::min(most, (std::size_t{1} << 27) / n));
}

}  // namespace

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
    // Lanczos had not converged (the top of a long image's spectrum is dense). With the factor in hand it converges in a few steps on the
    // inverse of c2 I - G, whose top is the same vector.
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
