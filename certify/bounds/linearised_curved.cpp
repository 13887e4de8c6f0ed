// Steps of linearised.hpp that are not affine: each with its value, its derivative along a direction, and the transpose of that.

#include <algorithm>
#include <cmath>
#include <utility>

#include "certify/bounds/linearised.hpp"
#include "certify/graph/activations.hpp"

namespace lipcert {

// Activations: the derivative is a diagonal matrix of slopes.

void Linearised::activate(std::size_t s, std::vector<double>& z, double blur) {
  const Step& step = graph_.steps[s];
  const PlainActivation& plain = activation_of(step).plain;
  Curves curves(step);
  std::vector<double>& slopes = slopes_[s];
  std::vector<double>& curvatures = kept_[s];
  slopes.resize(z.size());
  curvatures.resize(blur < 0 ? 0 : z.size());
  double width = 0;
  if (blur >= 0) {
    double sum = 0;
    for (const double t : z) {
      sum += std::fabs(t);
    }
    width = std::max(blur * sum / static_cast<double>(z.size()), 0x1p-500);
  }
  const bool blurred = blur >= 0 && plain.two_slopes;
  const std::size_t n = step.output_size;
  for (std::size_t i = 0; i < z.size(); ++i) {
    const double t = z[i];
    const Curve& curve = curves.at(i % n);
    if (blurred) {
      const double left = plain.at(curve, -1).slope;
      const double y = 1 / (1 + std::exp(-t / width));
      z[i] = t < 0 ? left * t : t;
      slopes[i] = left + (1 - left) * y;
      curvatures[i] = (1 - left) * y * (1 - y) / width;
      continue;
    }
    const Tangent<double> here = plain.at(curve, t);
    z[i] = here.value;
    slopes[i] = here.slope;
    if (blur >= 0) {
      curvatures[i] = plain.curvature(curve, t, here);
    }
  }
}

void Linearised::times_slopes(std::size_t s, std::vector<double>& v) const {
  const std::vector<double>& slopes = slopes_[s];
  for (std::size_t i = 0; i < v.size(); ++i) {
    v[i] *= slopes[i];
  }
}

// Order statistics: the derivative is that of the entry that was chosen.

double Linearised::entry(const Step& step, const Inputs& in, std::size_t p, std::size_t e) const {
  std::size_t k = 0;
  while (e >= size_of(step.inputs[k])) {
    e -= size_of(step.inputs[k++]);
  }
  return (*in[k])[p * size_of(step.inputs[k]) + e];
}

void Linearised::order(std::size_t s, const Inputs& in, std::vector<double>& y) {
  const Step& step = graph_.steps[s];
  std::vector<std::uint32_t>& chosen = chosen_[s];
  chosen.resize(y.size());
  std::vector<std::pair<double, std::uint32_t>> set;
  for (std::size_t p = 0; p < points_; ++p) {
    std::size_t at = step.set_start.size();  // the set that was sorted
    for (std::size_t o = 0; o < step.output_size; ++o) {
      if (step.set[o] != at) {
        at = step.set[o];
        set.clear();
        for (std::size_t k = step.set_start[at]; k < step.set_start[at + 1]; ++k) {
          set.emplace_back(entry(step, in, p, step.set_entry[k]), step.set_entry[k]);
        }
        const bool ends = step.rank[o] == 0 || step.rank[o] + 1 == set.size();
        if (!ends || set.size() <= 8) {
          std::sort(set.begin(), set.end());
        } else {  // an extreme entry needs no sorting; a set with other ranks as well is sorted when they come
          std::iter_swap(set.begin(), std::min_element(set.begin(), set.end()));
          std::iter_swap(set.end() - 1, std::max_element(set.begin() + 1, set.end()));
          if (step.set_start.size() - 1 != step.output_size) {
            std::sort(set.begin(), set.end());
          }
        }
      }
      const auto& [value, index] = set[step.rank[o]];
      y[p * step.output_size + o] = value;
      chosen[p * step.output_size + o] = index;
    }
  }
}

void Linearised::order_along(std::size_t s, const Inputs& in, std::vector<double>& y) const {
  const Step& step = graph_.steps[s];
  for (std::size_t i = 0; i < y.size(); ++i) {
    y[i] = entry(step, in, i / step.output_size, chosen_[s][i]);
  }
}

void Linearised::order_transposed(std::size_t s, const std::vector<double>& y, Adjoints& adjoints) const {
  const Step& step = graph_.steps[s];
  for (std::size_t i = 0; i < y.size(); ++i) {
    std::size_t e = chosen_[s][i];
    std::size_t k = 0;
    while (e >= size_of(step.inputs[k])) {
      e -= size_of(step.inputs[k++]);
    }
    adjoints[step.inputs[k]][i / step.output_size * size_of(step.inputs[k]) + e] += y[i];
  }
}

// Softmax: the derivative diag(p) - p p' is symmetric.

void Linearised::softmax(std::size_t s, const std::vector<double>& x, std::vector<double>& y) {
  const Step& step = graph_.steps[s];
  for (std::size_t p = 0; p < points_; ++p) {
    const std::size_t base = p * step.output_size;
    for (std::size_t g = 0; g + 1 < step.set_start.size(); ++g) {
      double most = -HUGE_VAL;
      double sum = 0;
      for (std::size_t k = step.set_start[g]; k < step.set_start[g + 1]; ++k) {
        most = std::max(most, x[base + step.set_entry[k]]);
      }
      for (std::size_t k = step.set_start[g]; k < step.set_start[g + 1]; ++k) {
        sum += y[base + step.set_entry[k]] = std::exp(x[base + step.set_entry[k]] - most);
      }
      for (std::size_t k = step.set_start[g]; k < step.set_start[g + 1]; ++k) {
        y[base + step.set_entry[k]] /= sum;
      }
    }
  }
  kept_[s] = y;
}

void Linearised::times_softmax(std::size_t s, std::vector<double>& t) const {
  const Step& step = graph_.steps[s];
  for (std::size_t p = 0; p < points_; ++p) {
    for (std::size_t g = 0; g + 1 < step.set_start.size(); ++g) {
      double mean = 0;
      for (std::size_t k = step.set_start[g]; k < step.set_start[g + 1]; ++k) {
        const std::size_t i = p * step.output_size + step.set_entry[k];
        mean += kept_[s][i] * t[i];
      }
      for (std::size_t k = step.set_start[g]; k < step.set_start[g + 1]; ++k) {
        const std::size_t i = p * step.output_size + step.set_entry[k];
        t[i] = kept_[s][i] * (t[i] - mean);
      }
    }
  }
}

// L2 poolings: the Jacobian has the entries a x / y.

void Linearised::pool_l2(std::size_t s, const std::vector<double>& x, std::vector<double>& y) {
  const Step& step = graph_.steps[s];
  const SparseMatrix& a = step.weights;
  kept_[s].resize(points_ * a.column.size());
  for (std::size_t p = 0; p < points_; ++p) {
    for (std::size_t o = 0; o < a.rows; ++o) {
      double sum = 0;
      for (std::size_t k = a.start[o]; k < a.start[o + 1]; ++k) {
        const double t = x[p * step.input_size + a.column[k]];
        sum += a.centre[k] * t * t;
      }
      const double root = std::sqrt(sum);
      y[p * step.output_size + o] = root;
      for (std::size_t k = a.start[o]; k < a.start[o + 1]; ++k) {
        kept_[s][p * a.column.size() + k] = root > 0 ? a.centre[k] * x[p * step.input_size + a.column[k]] / root : 0;
      }
    }
  }
}

void Linearised::pool_l2_along(std::size_t s, const std::vector<double>& t, std::vector<double>& y) const {
  const Step& step = graph_.steps[s];
  const SparseMatrix& a = step.weights;
  for (std::size_t p = 0; p < points_; ++p) {
    for (std::size_t o = 0; o < a.rows; ++o) {
      for (std::size_t k = a.start[o]; k < a.start[o + 1]; ++k) {
        y[p * step.output_size + o] += kept_[s][p * a.column.size() + k] * t[p * step.input_size + a.column[k]];
      }
    }
  }
}

void Linearised::pool_l2_transposed(std::size_t s, const std::vector<double>& y, std::vector<double>& first) const {
  const Step& step = graph_.steps[s];
  const SparseMatrix& a = step.weights;
  for (std::size_t p = 0; p < points_; ++p) {
    for (std::size_t o = 0; o < a.rows; ++o) {
      for (std::size_t k = a.start[o]; k < a.start[o + 1]; ++k) {
        first[p * step.input_size + a.column[k]] += kept_[s][p * a.column.size() + k] * y[p * step.output_size + o];
      }
    }
  }
}

std::vector<double> Linearised::evaluate(std::size_t s, Inputs& in, double blur) {
  const Step& step = graph_.steps[s];
  if (step.kind == Step::Kind::activation) {
    activate(s, *in[0], blur);
    return std::move(*in[0]);
  }
  std::vector<double> y(points_ * step.output_size);
  if (step.kind == Step::Kind::order) {
    order(s, in, y);
  } else if (step.kind == Step::Kind::softmax) {
    softmax(s, *in[0], y);
  } else {
    pool_l2(s, *in[0], y);
  }
  return y;
}

std::vector<double> Linearised::along(std::size_t s, Inputs& in) const {
  const Step& step = graph_.steps[s];
  if (step.kind == Step::Kind::activation) {
    times_slopes(s, *in[0]);
    return std::move(*in[0]);
  }
  if (step.kind == Step::Kind::softmax) {
    times_softmax(s, *in[0]);
    return std::move(*in[0]);
  }
  std::vector<double> y(points_ * step.output_size);
  if (step.kind == Step::Kind::order) {
    order_along(s, in, y);
  } else {
    pool_l2_along(s, *in[0], y);
  }
  return y;
}

void Linearised::spread_curved(std::size_t s, std::vector<double> y, Adjoints& adjoints) const {
  const Step& step = graph_.steps[s];
  std::vector<double>& first = adjoints[step.inputs[0]];
  switch (step.kind) {
    case Step::Kind::activation:
      times_slopes(s, y);
      accumulate(first, std::move(y));
      return;
    case Step::Kind::softmax:
      times_softmax(s, y);
      accumulate(first, std::move(y));
      return;
    case Step::Kind::order:
      make_room(step, adjoints);
      order_transposed(s, y, adjoints);
      return;
    default:
      make_room(step, adjoints);
      pool_l2_transposed(s, y, first);
      return;
  }
}

}  // namespace lipcert
