// See band_plan.hpp.

#include "certify/norms/band_plan.hpp"

#include <algorithm>
#include <limits>
#include <numeric>
#include <utility>

namespace lipcert {
namespace {

constexpr double infinity = std::numeric_limits<double>::infinity();

/// A permutation of the columns: place[j] is where column j stands.
using Places = std::vector<std::uint32_t>;

/// Where column number j = (channel * rows + row) * width + x stands when x is outermost, then the row, then the channel. rows = 1:
/// position by position in the order of the tensor.
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
      std::sort(next.begin(), next.end(),
                [&](std::uint32_t a, std::uint32_t b) { return degree[a] != degree[b] ? degree[a] < degree[b] : a < b; });
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

}  // namespace

std::vector<std::uint32_t> heights(const std::vector<RowGroup>& groups, const std::vector<std::uint32_t>& place, std::size_t n) {
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
      plan.groups.push_back({{},
                             {b.column.begin() + static_cast<std::ptrdiff_t>(b.start[rows[k]]),
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

}  // namespace lipcert
