// See order.hpp.
#include "verifier/hint/order.hpp"

#include <algorithm>
#include <numeric>

namespace lipverify {

namespace {

constexpr std::size_t kTile = 64;
constexpr double kWork = 4e8;  // entries looked at, at most (each candidate reads all of them once)

struct Pattern {
  std::size_t columns;
  const std::vector<std::size_t>& start;
  const std::vector<std::uint32_t>& column;
  [[nodiscard]] std::size_t rows() const { return start.size() - 1; }
};

/// Sum over the tile columns of their squared heights: what elimination costs, up to a factor.
double cost_of(const Pattern& x, const std::vector<std::uint32_t>& position) {
  std::vector<std::size_t> first((x.columns + kTile - 1) / kTile);
  std::iota(first.begin(), first.end(), std::size_t{0});
  for (std::size_t i = 0; i < x.rows(); ++i) {
    std::uint32_t top = UINT32_MAX;
    for (std::size_t e = x.start[i]; e < x.start[i + 1]; ++e) top = std::min(top, position[x.column[e]]);
    for (std::size_t e = x.start[i]; e < x.start[i + 1]; ++e) {
      std::size_t& place = first[position[x.column[e]] / kTile];
      place = std::min<std::size_t>(place, top / kTile);
    }
  }
  double cost = 0;
  for (std::size_t J = 0; J < first.size(); ++J) {
    const auto height = static_cast<double>(J + 1 - first[J]);
    cost += height * height;
  }
  return cost;
}

/// Breadth-first search, one row after the other, neighbours by the number of their rows; appended to `order`.
class Search {
 public:
  explicit Search(const Pattern& x) : x_(x), first_(x.columns + 1), row_(x.column.size()) {
    for (const std::uint32_t j : x.column) ++first_[j + 1];
    for (std::size_t j = 0; j < x.columns; ++j) first_[j + 1] += first_[j];
    std::vector<std::size_t> next(first_.begin(), first_.end() - 1);
    for (std::size_t i = 0; i < x.rows(); ++i)
      for (std::size_t e = x.start[i]; e < x.start[i + 1]; ++e) row_[next[x.column[e]]++] = static_cast<std::uint32_t>(i);
  }

  [[nodiscard]] std::size_t degree(std::uint32_t j) const { return first_[j + 1] - first_[j]; }

  /// Everything that hangs together with `root`; marks what it sees in `seen_columns`.
  void from(std::uint32_t root, std::vector<bool>& seen_columns, std::vector<bool>& seen_rows, std::vector<std::uint32_t>& order) const {
    std::size_t head = order.size();
    order.push_back(root);
    seen_columns[root] = true;
    for (; head < order.size(); ++head) {
      const std::uint32_t j = order[head];
      const std::size_t begin = order.size();
      for (std::size_t r = first_[j]; r < first_[j + 1]; ++r) {
        const std::uint32_t i = row_[r];
        if (seen_rows[i]) continue;
        seen_rows[i] = true;
        for (std::size_t e = x_.start[i]; e < x_.start[i + 1]; ++e)
          if (!seen_columns[x_.column[e]]) {
            seen_columns[x_.column[e]] = true;
            order.push_back(x_.column[e]);
          }
      }
      std::stable_sort(order.begin() + static_cast<std::ptrdiff_t>(begin), order.end(),
                       [&](std::uint32_t a, std::uint32_t b) { return degree(a) < degree(b); });
    }
  }

 private:
  const Pattern& x_;
  std::vector<std::size_t> first_;
  std::vector<std::uint32_t> row_;
};

std::vector<std::uint32_t> reverse_cuthill_mckee(const Pattern& x) {
  const Search search(x);
  std::vector<bool> columns(x.columns);
  std::vector<bool> rows(x.rows());
  std::vector<std::uint32_t> order;
  order.reserve(x.columns);
  for (std::uint32_t j = 0; j < x.columns; ++j) {
    if (columns[j]) continue;
    // The last one that a search reaches is far away from where it began: a good beginning.
    std::vector<bool> probe_columns = columns;
    std::vector<bool> probe_rows = rows;
    std::vector<std::uint32_t> probe;
    if (order.empty() || search.degree(j) > 1) search.from(j, probe_columns, probe_rows, probe);
    search.from(probe.empty() ? j : probe.back(), columns, rows, order);
  }
  std::reverse(order.begin(), order.end());
  return order;
}

}  // namespace

std::vector<std::uint32_t> order_hint(std::size_t columns, const std::vector<std::size_t>& start,
                                      const std::vector<std::uint32_t>& column) {
  const Pattern x{columns, start, column};
  std::vector<std::uint32_t> best(columns);
  std::iota(best.begin(), best.end(), 0U);
  double cheapest = cost_of(x, best);
  const auto least = static_cast<double>((columns + kTile - 1) / kTile);
  double work = static_cast<double>(column.size());
  std::vector<std::uint32_t> position(columns);
  const auto attempt = [&](const std::vector<std::uint32_t>& order) {
    for (std::size_t k = 0; k < columns; ++k) position[order[k]] = static_cast<std::uint32_t>(k);
    const double cost = cost_of(x, position);
    work += static_cast<double>(column.size());
    if (cost >= cheapest) return;
    cheapest = cost;
    best = order;
  };
  if (cheapest <= least) return best;
  std::vector<std::uint32_t> order(columns);
  for (std::size_t channels = 2; channels < columns && work < kWork; ++channels) {
    if (columns % channels != 0) continue;
    const std::size_t positions = columns / channels;
    for (std::size_t k = 0; k < columns; ++k) order[k] = static_cast<std::uint32_t>(k % channels * positions + k / channels);
    attempt(order);
  }
  attempt(reverse_cuthill_mckee(x));
  return best;
}

}  // namespace lipverify
