// Steps of evaluate.hpp that look at several entries at once and are not affine: order statistics, softmax, L2 poolings.

#include <algorithm>
#include <cmath>
#include <optional>
#include <utility>

#include "certify/graph/balls.hpp"
#include "certify/graph/evaluate_parts.hpp"

namespace lipcert::enclosures {
namespace {

/// The entries of the inputs, one input after the other.
class Entries {
 public:
  explicit Entries(const Inputs& inputs) : inputs_(inputs) {
    for (const State* input : inputs) {
      ends_.push_back((ends_.empty() ? 0 : ends_.back()) + input->centre.size());
    }
  }
  [[nodiscard]] Ball at(std::size_t i) const {
    const std::size_t k = which(i);
    return inputs_[k]->at(i - (k == 0 ? 0 : ends_[k - 1]));
  }
  [[nodiscard]] double magnitude(std::size_t i) const {
    const std::size_t k = which(i);
    return inputs_[k]->magnitude[i - (k == 0 ? 0 : ends_[k - 1])];
  }

 private:
  [[nodiscard]] std::size_t which(std::size_t i) const {
    std::size_t k = 0;
    while (i >= ends_[k]) {
      ++k;
    }
    return k;
  }
  const Inputs& inputs_;
  std::vector<std::size_t> ends_;
};

}  // namespace

State ordered(const Step& step, const Inputs& z, const Inputs* t, State* along, bool& clear) {
  State out(step.output_size);
  const Entries entries(z);
  const Entries tangents(t != nullptr ? *t : z);
  std::vector<double> low;
  std::vector<double> high;
  std::vector<double> sorted;
  std::uint32_t at = Step::no_input;  // the set that low and high belong to
  const auto order_statistic = [&](const std::vector<double>& ends, std::size_t r) {
    if (r == 0) {
      return *std::min_element(ends.begin(), ends.end());
    }
    if (r + 1 == ends.size()) {
      return *std::max_element(ends.begin(), ends.end());
    }
    sorted = ends;
    std::nth_element(sorted.begin(), sorted.begin() + static_cast<std::ptrdiff_t>(r), sorted.end());
    return sorted[r];
  };
  for (std::size_t o = 0; o < step.output_size; ++o) {
    const std::size_t begin = step.set_start[step.set[o]];
    const std::size_t n = step.set_start[step.set[o] + 1] - begin;
    if (at != step.set[o]) {
      at = step.set[o];
      low.resize(n);
      high.resize(n);
      for (std::size_t k = 0; k < n; ++k) {
        const Ball b = entries.at(step.set_entry[begin + k]);
        low[k] = bounded(b) ? low_end(b) : -HUGE_VAL;
        high[k] = bounded(b) ? high_end(b) : HUGE_VAL;
      }
    }
    const double least = order_statistic(low, step.rank[o]);
    const double most = order_statistic(high, step.rank[o]);
    const Ball y = std::isfinite(least) && std::isfinite(most) ? hull(least, most) : unbounded();
    out.set(o, y);
    out.magnitude[o] = std::fabs(y.centre) + y.radius;
    if (along == nullptr) {
      continue;
    }
    std::optional<Ball> slope;
    bool differ = false;
    for (std::size_t k = 0; k < n; ++k) {
      const std::uint32_t e = step.set_entry[begin + k];
      const Ball distance = subtract(entries.at(e), y);
      const bool may_be = low[k] <= most && high[k] >= least;
      // Another program may see an entry that is this close as the one.
      const bool near = sign_of(distance) != Sign::zero && !is_clear(distance, std::max(entries.magnitude(e), out.magnitude[o]));
      if (!may_be && !near) {
        continue;
      }
      const Ball v = tangents.at(e);
      differ = differ || (slope && (v.centre != slope->centre || v.radius != slope->radius));
      slope = slope ? hull_of(*slope, v) : v;
    }
    clear = clear && !differ;
    along->set(o, slope.value_or(unbounded()));
  }
  return out;
}

State soft(const Step& step, const State& z, const State* t, State* along) {
  State out(step.output_size);
  for (std::size_t s = 0; s + 1 < step.set_start.size(); ++s) {
    const std::size_t begin = step.set_start[s];
    const std::size_t n = step.set_start[s + 1] - begin;
    const auto entry = [&](std::size_t k) { return std::size_t{step.set_entry[begin + k]}; };
    double largest = -HUGE_VAL;
    bool all_bounded = true;
    for (std::size_t k = 0; k < n; ++k) {
      largest = std::max(largest, z.centre[entry(k)]);
      all_bounded = all_bounded && bounded(z.at(entry(k)));
    }
    std::vector<Interval> e;
    Interval sum;
    for (std::size_t k = 0; k < n && all_bounded; ++k) {
      e.push_back(exp(interval(z.at(entry(k))) - Interval::exact(largest)));
      sum = sum + e.back();
    }
    Interval mean;
    bool tangents_bounded = all_bounded;
    for (std::size_t k = 0; k < n; ++k) {
      const std::size_t i = entry(k);
      const Ball p = all_bounded ? ball(e[k] / sum) : unbounded();
      out.set(i, p);
      out.magnitude[i] = std::fabs(p.centre) + p.radius;
      if (t != nullptr && tangents_bounded) {
        tangents_bounded = bounded(t->at(i));
        mean = tangents_bounded ? mean + e[k] / sum * interval(t->at(i)) : mean;
      }
    }
    for (std::size_t k = 0; t != nullptr && k < n; ++k) {
      const std::size_t i = entry(k);
      along->set(i, tangents_bounded ? ball(e[k] / sum * (interval(t->at(i)) - mean)) : unbounded());
    }
  }
  return out;
}

State root_of_squares(const Step& step, const State& z, const State* t, State* along, bool& clear) {
  State out(step.output_size);
  const SparseMatrix& a = step.weights;
  for (std::size_t o = 0; o < a.rows; ++o) {
    Ball squares{0, 0};
    Ball products{0, 0};
    Ball directions{0, 0};
    double magnitude = 0;
    for (std::size_t k = a.start[o]; k < a.start[o + 1]; ++k) {
      const std::size_t i = a.column[k];
      const Ball weight{a.centre[k], a.radius.empty() ? 0 : a.radius[k]};
      squares = add(squares, multiply(weight, multiply(z.at(i), z.at(i))));
      magnitude += weight.centre * z.magnitude[i] * z.magnitude[i];
      if (t != nullptr) {
        products = add(products, multiply(weight, multiply(z.at(i), t->at(i))));
        directions = add(directions, multiply(weight, multiply(t->at(i), t->at(i))));
      }
    }
    const auto root = [](Ball b) {
      return bounded(b) ? ball(sqrt(Interval::between(std::max(0.0, low_end(b)), std::max(0.0, high_end(b))))) : unbounded();
    };
    const Ball y = root(squares);
    out.set(o, y);
    out.magnitude[o] = std::fabs(y.centre) + y.radius;
    if (t == nullptr) {
      continue;
    }
    if (squares.centre == 0 && squares.radius == 0) {
      along->set(o, root(directions));
    } else if (is_clear(y, std::sqrt(magnitude)) && low_end(y) > 0) {
      along->set(o, divide(products, y));
    } else {
      clear = false;
      const Ball most = root(directions);
      along->set(o, bounded(most) ? hull(-high_end(most), high_end(most)) : unbounded());
    }
  }
  return out;
}

}  // namespace lipcert::enclosures
