// See region.hpp.
//
// The search, on many points at once so that matrix products do the work:
//   1. Random points at several multiples of the scale at which the first pre-activations change sign; for each, power iteration with J'J.
//   2. Gradient ascent of ||J(x) v|| in x (Adam), v following by power iteration. Slopes of operators with a kink are blurred over a width
//   that
//      shrinks from step to step, because the true ones have no gradient; those of Sigmoid and Tanh are their own.
//   3. Rounds of mutation: from the best points found so far, steps of several lengths in random directions and along +-v (moving along v
//   switches
//      units on that respond to it), points t v far out (whose active units are those that v excites: for networks without biases this is
//      power iteration on the network itself), and midpoints. Each child inherits v and takes two more steps of power iteration. The best
//      survive.
//   4. The best few are rounded to 24 bits, their top singular vectors recomputed by Lanczos, and the derivative is enclosed.
// Any of it may go wrong without harm: only step 4 proves.

#include "certify/bounds/region.hpp"

#include <cblas.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <numeric>
#include <random>
#include <utility>

#include "certify/norms/dense_norm.hpp"
#include "certify/graph/evaluate.hpp"
#include "certify/numbers/integer_vector.hpp"
#include "certify/norms/lanczos.hpp"
#include "certify/numbers/tiles.hpp"

namespace lipcert {
namespace {

/// Points of one task: few enough to share among threads and for the small-matrix kernels of BLAS, which are twice as fast on such
/// products.
constexpr std::size_t batch = 8;

class Random {
 public:
  explicit Random(std::uint64_t seed) : engine_(seed * 0x9E3779B97F4A7C15ULL + 0x632BE59BD9B4E019ULL) {}
  double uniform() { return static_cast<double>(engine_() >> 11) * 0x1p-53; }
  /// Mean 0, variance 1, close to normal: a sum of uniform numbers, so that it needs no library function.
  double normal() { return 2 * (uniform() + uniform() + uniform() - 1.5); }
  std::size_t below(std::size_t n) { return static_cast<std::size_t>(engine_() % n); }

 private:
  std::mt19937_64 engine_;
};

std::vector<double> random_vector(Random& random, std::size_t n) {
  std::vector<double> v(n);
  for (double& x : v) {
    x = random.normal();
  }
  return v;
}

double norm(const double* x, std::size_t n) {
  return cblas_dnrm2(blas_int(n), x, 1);
}

/// Distribution and density of the normal law, for Gelu.
double normal_share(double t) {
  return 0.5 * (1 + std::erf(t / std::sqrt(2.0)));
}

/// Value and slope of an activation, in plain floating point.
struct Tangent {
  double value = 0;
  double slope = 0;
};

Tangent tangent_of(const Step& step, std::size_t i, double t) {
  const auto sigma = [](double x) { return 1 / (1 + std::exp(-x)); };
  const auto clamp = [](double x, double low, double high) {
    return Tangent{std::min(std::max(x, low), high), x > low && x < high ? 1.0 : 0.0};
  };
  switch (step.op) {
    case Operator::sigmoid: {
      const double y = sigma(t);
      return step.times_argument ? Tangent{t * y, y + t * y * (1 - y)} : Tangent{y, y * (1 - y)};
    }
    case Operator::tanh: {
      const double y = std::tanh(t);
      return {y, 1 - y * y};
    }
    case Operator::abs:
      return {std::fabs(t), t < 0 ? -1.0 : 1.0};
    case Operator::leaky_relu: {
      const double slope = t < 0 ? step.alpha : 1;
      return {t * slope, slope};
    }
    case Operator::prelu: {
      const double slope = t < 0 ? step.slopes[step.slopes.size() == 1 ? 0 : i].centre : 1;
      return {t * slope, slope};
    }
    case Operator::elu:
    case Operator::selu: {
      const double gamma = step.op == Operator::selu ? step.gamma : 1;
      return t > 0 ? Tangent{gamma * t, gamma} : Tangent{gamma * step.alpha * std::expm1(t), gamma * step.alpha * std::exp(t)};
    }
    case Operator::softplus:
      return {t > 30 ? t : std::log1p(std::exp(t)), sigma(t)};
    case Operator::mish: {
      const double soft = t > 30 ? t : std::log1p(std::exp(t));
      const double y = std::tanh(soft);
      return {t * y, y + t * (1 - y * y) * sigma(t)};
    }
    case Operator::gelu: {
      if (step.tanh_form) {
        const double root = std::sqrt(2 / std::acos(-1.0));
        const double y = std::tanh(root * (t + 0.044715 * t * t * t));
        return {0.5 * t * (1 + y), 0.5 * (1 + y) + 0.5 * t * (1 - y * y) * root * (1 + 3 * 0.044715 * t * t)};
      }
      const double share = normal_share(t);
      return {t * share, share + t * std::exp(-0.5 * t * t) / std::sqrt(2 * std::acos(-1.0))};
    }
    case Operator::hard_sigmoid: {
      const Tangent inner = clamp(step.alpha * t + step.gamma, 0, 1);
      return {inner.value, step.alpha * inner.slope};
    }
    case Operator::hard_swish:
      return t <= -3 ? Tangent{0, 0} : t >= 3 ? Tangent{t, 1} : Tangent{t * (t + 3) / 6, (2 * t + 3) / 6};
    case Operator::clip:
      return clamp(t, step.low.empty() ? -HUGE_VAL : step.low[step.low.size() == 1 ? 0 : i].centre,
                   step.high.empty() ? HUGE_VAL : step.high[step.high.size() == 1 ? 0 : i].centre);
    default:
      return {t > 0 ? t : 0, t > 0 ? 1.0 : 0.0};
  }
}

/// Where the slope has a jump at 0 and is constant on both sides.
bool has_two_slopes(const Step& step) {
  return step.op == Operator::relu || step.op == Operator::leaky_relu || step.op == Operator::prelu || step.op == Operator::abs;
}

/// The linearisation of the network at `points` points, in plain floating point. Vectors of a batch stand one after the other.
class Linearised {
 public:
  /// The steps before `end`.
  Linearised(const StepGraph& graph, std::size_t points, std::size_t end)
      : graph_(graph), points_(points), end_(end), readers_(graph.steps.size() + 1, 0), slopes_(end), chosen_(end), kept_(end) {
    for (std::size_t s = 0; s < end; ++s) {
      for (const std::size_t input : graph.steps[s].inputs) {
        ++readers_[input];
      }
    }
    ++readers_[end == graph.steps.size() ? graph.output : end];
  }
  Linearised(const StepGraph& graph, std::size_t points) : Linearised(graph, points, graph.steps.size()) {}

  /// Moves to these points; returns the values.
  std::vector<double> move_to(std::vector<double> x) {
    return walk(std::move(x), [this](std::size_t s, Inputs& in) {
      const Step& step = graph_.steps[s];
      if (!step.affine()) {
        return evaluate(s, in, -1);
      }
      std::vector<double> y = linear(step, in);
      add_bias(step, y);
      return y;
    });
  }

  /// J v for every point.
  [[nodiscard]] std::vector<double> forward(std::vector<double> v) const {
    return walk(std::move(v), [this](std::size_t s, Inputs& in) {
      const Step& step = graph_.steps[s];
      return step.affine() ? linear(step, in) : along(s, in);
    });
  }

  /// J'u for every point.
  [[nodiscard]] std::vector<double> backward(std::vector<double> u) const {
    std::vector<std::vector<double>> adjoints(graph_.steps.size() + 1);
    adjoints[target()] = std::move(u);
    for (std::size_t s = end_; s-- > 0;) {
      if (adjoints[s + 1].empty()) {
        continue;  // nothing of it reaches the output
      }
      std::vector<double> y = std::move(adjoints[s + 1]);
      spread(s, std::move(y), adjoints);
    }
    return std::move(adjoints[0]);
  }

  struct Ascent {
    std::vector<double> gradient;   // of ||J v||^2 / 2 with respect to x, with blurred slopes
    std::vector<double> direction;  // J'J v with blurred slopes
  };

  /// For every point x and direction v; `blur` is the width of the kinks relative to the pre-activations of each layer. The curvature of
  /// vectors (order statistics, softmax, L2 poolings) is left out.
  [[nodiscard]] Ascent ascend(std::vector<double> x, std::vector<double> t, double blur) {
    const std::vector<double> values = walk(std::move(x), [this, blur](std::size_t s, Inputs& in) {
      const Step& step = graph_.steps[s];
      if (!step.affine()) {
        return evaluate(s, in, blur);
      }
      std::vector<double> y = linear(step, in);
      add_bias(step, y);
      return y;
    });
    static_cast<void>(values);
    std::vector<std::vector<double>> tangents(end_);
    t = walk(std::move(t), [this, &tangents](std::size_t s, Inputs& in) {
      const Step& step = graph_.steps[s];
      if (step.affine()) {
        return linear(step, in);
      }
      if (step.kind == Step::Kind::activation) {
        tangents[s] = *in[0];
      }
      return along(s, in);
    });
    // F = ||t||^2 / 2. Adjoint of the tangents: J' t; adjoint of the values: each slope s(z) multiplies a tangent, so dF/dz += tangent *
    // adjoint
    // * s'(z).
    std::vector<std::vector<double>> gradients(graph_.steps.size() + 1);
    std::vector<std::vector<double>> directions(graph_.steps.size() + 1);
    gradients[target()].assign(t.size(), 0.0);
    directions[target()] = std::move(t);
    for (std::size_t s = end_; s-- > 0;) {
      if (directions[s + 1].empty()) {
        continue;
      }
      std::vector<double> g = std::move(gradients[s + 1]);
      std::vector<double> d = std::move(directions[s + 1]);
      if (graph_.steps[s].kind == Step::Kind::activation) {
        for (std::size_t i = 0; i < g.size(); ++i) {
          g[i] = g[i] * slopes_[s][i] + d[i] * tangents[s][i] * kept_[s][i];
          d[i] *= slopes_[s][i];
        }
        accumulate(gradients[graph_.steps[s].inputs[0]], std::move(g));
        accumulate(directions[graph_.steps[s].inputs[0]], std::move(d));
      } else {
        spread(s, std::move(g), gradients);
        spread(s, std::move(d), directions);
      }
    }
    return {std::move(gradients[0]), std::move(directions[0])};
  }

 private:
  using Inputs = std::vector<std::vector<double>*>;

  [[nodiscard]] std::size_t target() const { return end_ == graph_.steps.size() ? graph_.output : end_; }

  /// Calls `next` for every step with the values that it reads, the first of which it may overwrite when nobody reads it again.
  template <class Next>
  std::vector<double> walk(std::vector<double> x, Next next) const {
    std::vector<std::size_t> left = readers_;
    std::vector<std::vector<double>> values(end_ + 1);
    values[0] = std::move(x);
    Inputs in;
    std::vector<double> copy;
    for (std::size_t s = 0; s < end_; ++s) {
      const Step& step = graph_.steps[s];
      in.clear();
      for (const std::size_t input : step.inputs) {
        in.push_back(&values[input]);
      }
      if (step.inputs.size() == 1 && left[step.inputs[0]] > 1) {
        copy = values[step.inputs[0]];
        in[0] = &copy;
      }
      values[s + 1] = next(s, in);
      for (const std::size_t input : step.inputs) {
        if (--left[input] == 0 && input != s + 1) {
          values[input] = {};
        }
      }
    }
    return std::move(values[target()]);
  }

  static void accumulate(std::vector<double>& sum, std::vector<double> part) {
    if (sum.empty()) {
      sum = std::move(part);
      return;
    }
    for (std::size_t i = 0; i < sum.size(); ++i) {
      sum[i] += part[i];
    }
  }

  void add_bias(const Step& step, std::vector<double>& x) const {
    for (std::size_t p = 0; p < points_ && !step.bias.empty(); ++p) {
      for (std::size_t i = 0; i < step.output_size; ++i) {
        x[p * step.output_size + i] += step.bias[i].centre;
      }
    }
  }

  [[nodiscard]] std::size_t size_of(std::size_t value) const { return graph_.size_of(value); }

  /// Values, slopes and their derivatives; where the slope jumps at 0, the jump is replaced by a logistic step whose width is `blur` times
  /// the layer's mean magnitude. No blur when it is negative.
  void activate(std::size_t s, std::vector<double>& z, double blur) {
    const Step& step = graph_.steps[s];
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
    const bool blurred = blur >= 0 && has_two_slopes(step);
    const std::size_t n = step.output_size;
    for (std::size_t i = 0; i < z.size(); ++i) {
      const double t = z[i];
      if (blurred) {
        const double left = step.op == Operator::abs          ? -1
                            : step.op == Operator::leaky_relu ? step.alpha
                            : step.op == Operator::prelu      ? step.slopes[step.slopes.size() == 1 ? 0 : i % n].centre
                                                              : 0;
        const double y = 1 / (1 + std::exp(-t / width));
        z[i] = t < 0 ? left * t : t;
        slopes[i] = left + (1 - left) * y;
        curvatures[i] = (1 - left) * y * (1 - y) / width;
        continue;
      }
      const Tangent here = tangent_of(step, i % n, t);
      z[i] = here.value;
      slopes[i] = here.slope;
      if (blur < 0) {
        continue;
      }
      if (step.op == Operator::tanh) {
        curvatures[i] = -2 * here.value * here.slope;
      } else if (step.op == Operator::sigmoid && !step.times_argument) {
        curvatures[i] = here.slope * (1 - 2 * here.value);
      } else {
        const double h = 1e-4 * (1 + std::fabs(t));
        curvatures[i] = (tangent_of(step, i % n, t + h).slope - tangent_of(step, i % n, t - h).slope) / (2 * h);
      }
    }
  }

  /// Moves a step that is not affine to these values; returns its own.
  std::vector<double> evaluate(std::size_t s, Inputs& in, double blur) {
    const Step& step = graph_.steps[s];
    if (step.kind == Step::Kind::activation) {
      activate(s, *in[0], blur);
      return std::move(*in[0]);
    }
    std::vector<double> y(points_ * step.output_size);
    if (step.kind == Step::Kind::order) {
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
    } else if (step.kind == Step::Kind::softmax) {
      const std::vector<double>& x = *in[0];
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
    } else {  // an L2 pooling: its Jacobian has the entries a x / y
      const std::vector<double>& x = *in[0];
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
    return y;
  }

  /// Entry `e` of the inputs, one input after the other, at point p.
  [[nodiscard]] double entry(const Step& step, const Inputs& in, std::size_t p, std::size_t e) const {
    std::size_t k = 0;
    while (e >= size_of(step.inputs[k])) {
      e -= size_of(step.inputs[k++]);
    }
    return (*in[k])[p * size_of(step.inputs[k]) + e];
  }

  /// The derivative of a step that is not affine.
  [[nodiscard]] std::vector<double> along(std::size_t s, Inputs& in) const {
    const Step& step = graph_.steps[s];
    if (step.kind == Step::Kind::activation) {
      times_slopes(*in[0], slopes_[s]);
      return std::move(*in[0]);
    }
    std::vector<double> y(points_ * step.output_size);
    if (step.kind == Step::Kind::order) {
      for (std::size_t i = 0; i < y.size(); ++i) {
        y[i] = entry(step, in, i / step.output_size, chosen_[s][i]);
      }
    } else if (step.kind == Step::Kind::softmax) {
      y = *in[0];
      soft(s, y);
    } else {
      const SparseMatrix& a = step.weights;
      for (std::size_t p = 0; p < points_; ++p) {
        for (std::size_t o = 0; o < a.rows; ++o) {
          for (std::size_t k = a.start[o]; k < a.start[o + 1]; ++k) {
            y[p * step.output_size + o] += kept_[s][p * a.column.size() + k] * (*in[0])[p * step.input_size + a.column[k]];
          }
        }
      }
    }
    return y;
  }

  /// diag(p) - p p', symmetric.
  void soft(std::size_t s, std::vector<double>& t) const {
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

  /// Adds the transposed Jacobian of a step times y to the adjoints of what it reads.
  void spread(std::size_t s, std::vector<double> y, std::vector<std::vector<double>>& adjoints) const {
    const Step& step = graph_.steps[s];
    std::vector<double>& first = adjoints[step.inputs[0]];
    const auto several = [&] {
      for (const std::size_t input : step.inputs) {
        adjoints[input].resize(points_ * size_of(input));
      }
    };
    switch (step.kind) {
      case Step::Kind::activation:
        times_slopes(y, slopes_[s]);
        accumulate(first, std::move(y));
        return;
      case Step::Kind::softmax:
        soft(s, y);
        accumulate(first, std::move(y));
        return;
      case Step::Kind::order:
        several();
        for (std::size_t i = 0; i < y.size(); ++i) {
          std::size_t e = chosen_[s][i];
          std::size_t k = 0;
          while (e >= size_of(step.inputs[k])) {
            e -= size_of(step.inputs[k++]);
          }
          adjoints[step.inputs[k]][i / step.output_size * size_of(step.inputs[k]) + e] += y[i];
        }
        return;
      case Step::Kind::pool_l2: {
        several();
        const SparseMatrix& a = step.weights;
        for (std::size_t p = 0; p < points_; ++p) {
          for (std::size_t o = 0; o < a.rows; ++o) {
            for (std::size_t k = a.start[o]; k < a.start[o + 1]; ++k) {
              first[p * step.input_size + a.column[k]] += kept_[s][p * a.column.size() + k] * y[p * step.output_size + o];
            }
          }
        }
        return;
      }
      case Step::Kind::move:
        several();
        for (std::size_t p = 0; p < points_; ++p) {
          for (std::size_t i = 0; i < step.output_size; ++i) {
            const EntryAt& from = step.source[i];
            if (from.input != Step::no_input) {
              const std::size_t value = step.inputs[from.input];
              adjoints[value][p * size_of(value) + from.index] += y[p * step.output_size + i];
            }
          }
        }
        return;
      case Step::Kind::sum:
        several();
        for (std::size_t k = 0; k < step.inputs.size(); ++k) {
          std::vector<double>& to = adjoints[step.inputs[k]];
          const std::size_t n = size_of(step.inputs[k]);
          for (std::size_t i = 0; i < y.size(); ++i) {
            to[i / step.output_size * n + (step.maps[k].empty() ? i % step.output_size : step.maps[k][i % step.output_size])] +=
                step.signs[k] * y[i];
          }
        }
        return;
      case Step::Kind::sparse: {
        several();
        const SparseMatrix& a = step.weights;
        for (std::size_t p = 0; p < points_; ++p) {
          for (std::size_t o = 0; o < a.rows; ++o) {
            for (std::size_t k = a.start[o]; k < a.start[o + 1]; ++k) {
              first[p * step.input_size + a.column[k]] += a.centre[k] * y[p * step.output_size + o];
            }
          }
        }
        return;
      }
      case Step::Kind::convolution:
        several();
        convolve_transposed(step, y, first);
        return;
      default:
        accumulate(first, transposed(step, std::move(y)));
        return;
    }
  }

  static void times_slopes(std::vector<double>& v, const std::vector<double>& slopes) {
    for (std::size_t i = 0; i < v.size(); ++i) {
      v[i] *= slopes[i];
    }
  }

  // A convolution is a matrix product with the patches of one image and group.
  void convolve(const Step& step, const std::vector<double>& x, std::vector<double>& y) const {
    const ConvolutionMap& c = step.convolution;
    std::vector<double> patches(c.kernel.columns * c.output_positions);
    for (std::size_t p = 0; p < points_; ++p) {
      for (std::size_t g = 0; g < c.groups; ++g) {
        for (std::size_t i = 0; i < c.inputs; ++i) {
          const double* const channel = &x[p * step.input_size + (g * c.inputs + i) * c.input_positions];
          double* const to = &patches[i * c.source.size()];
          for (std::size_t k = 0; k < c.source.size(); ++k) {
            to[k] = c.source[k] < 0 ? 0 : channel[c.source[k]];
          }
        }
        cblas_dgemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, blas_int(c.outputs), blas_int(c.output_positions),
                    blas_int(c.kernel.columns), 1, &c.kernel.centre[g * c.outputs * c.kernel.columns], blas_int(c.kernel.columns),
                    patches.data(), blas_int(c.output_positions), 0, &y[p * step.output_size + g * c.outputs * c.output_positions],
                    blas_int(c.output_positions));
      }
    }
  }

  void convolve_transposed(const Step& step, const std::vector<double>& y, std::vector<double>& x) const {
    const ConvolutionMap& c = step.convolution;
    std::vector<double> patches(c.kernel.columns * c.output_positions);
    for (std::size_t p = 0; p < points_; ++p) {
      for (std::size_t g = 0; g < c.groups; ++g) {
        cblas_dgemm(CblasRowMajor, CblasTrans, CblasNoTrans, blas_int(c.kernel.columns), blas_int(c.output_positions), blas_int(c.outputs),
                    1, &c.kernel.centre[g * c.outputs * c.kernel.columns], blas_int(c.kernel.columns),
                    &y[p * step.output_size + g * c.outputs * c.output_positions], blas_int(c.output_positions), 0, patches.data(),
                    blas_int(c.output_positions));
        for (std::size_t i = 0; i < c.inputs; ++i) {
          double* const channel = &x[p * step.input_size + (g * c.inputs + i) * c.input_positions];
          const double* const from = &patches[i * c.source.size()];
          for (std::size_t k = 0; k < c.source.size(); ++k) {
            if (c.source[k] >= 0) {
              channel[c.source[k]] += from[k];
            }
          }
        }
      }
    }
  }

  /// The linear part of an affine step. May overwrite and return its first input.
  [[nodiscard]] std::vector<double> linear(const Step& step, Inputs& in) const {
    if (step.kind == Step::Kind::isometry || step.kind == Step::Kind::diagonal) {
      entrywise(step, *in[0]);
      return std::move(*in[0]);
    }
    const std::vector<double>& x = *in[0];
    std::vector<double> y(points_ * step.output_size);
    switch (step.kind) {
      case Step::Kind::move:
        for (std::size_t p = 0; p < points_; ++p) {
          for (std::size_t i = 0; i < step.output_size; ++i) {
            const EntryAt& from = step.source[i];
            if (from.input != Step::no_input) {
              y[p * step.output_size + i] = (*in[from.input])[p * size_of(step.inputs[from.input]) + from.index];
            }
          }
        }
        return y;
      case Step::Kind::sum:
        for (std::size_t k = 0; k < in.size(); ++k) {
          const std::size_t n = size_of(step.inputs[k]);
          for (std::size_t i = 0; i < y.size(); ++i) {
            y[i] += step.signs[k] *
                    (*in[k])[i / step.output_size * n + (step.maps[k].empty() ? i % step.output_size : step.maps[k][i % step.output_size])];
          }
        }
        return y;
      case Step::Kind::sparse: {
        const SparseMatrix& a = step.weights;
        for (std::size_t p = 0; p < points_; ++p) {
          for (std::size_t o = 0; o < a.rows; ++o) {
            double sum = 0;
            for (std::size_t k = a.start[o]; k < a.start[o + 1]; ++k) {
              sum += a.centre[k] * x[p * step.input_size + a.column[k]];
            }
            y[p * step.output_size + o] = sum;
          }
        }
        return y;
      }
      case Step::Kind::convolution:
        convolve(step, x, y);
        return y;
      default:
        break;
    }
    const int rows = blas_int(step.matrix.rows);
    const int columns = blas_int(step.matrix.columns);
    const int copies = blas_int(step.copies);
    if (step.kind == Step::Kind::right) {
      cblas_dgemm(CblasRowMajor, CblasNoTrans, CblasTrans, blas_int(points_ * step.copies), rows, columns, 1, x.data(), columns,
                  step.matrix.centre.data(), columns, 0, y.data(), rows);
    } else {
      for (std::size_t p = 0; p < points_; ++p) {
        cblas_dgemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, rows, copies, columns, 1, step.matrix.centre.data(), columns,
                    &x[p * step.input_size], copies, 0, &y[p * step.output_size], copies);
      }
    }
    return y;
  }

  [[nodiscard]] std::vector<double> transposed(const Step& step, std::vector<double> y) const {
    if (!step.dense()) {
      entrywise(step, y);
      return y;
    }
    std::vector<double> x(points_ * step.input_size);
    const int rows = blas_int(step.matrix.rows);
    const int columns = blas_int(step.matrix.columns);
    const int copies = blas_int(step.copies);
    if (step.kind == Step::Kind::right) {
      cblas_dgemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, blas_int(points_ * step.copies), columns, rows, 1, y.data(), rows,
                  step.matrix.centre.data(), columns, 0, x.data(), columns);
    } else {
      for (std::size_t p = 0; p < points_; ++p) {
        cblas_dgemm(CblasRowMajor, CblasTrans, CblasNoTrans, columns, copies, rows, 1, step.matrix.centre.data(), columns,
                    &y[p * step.output_size], copies, 0, &x[p * step.input_size], copies);
      }
    }
    return x;
  }

  void entrywise(const Step& step, std::vector<double>& x) const {
    if (step.kind == Step::Kind::diagonal) {
      for (std::size_t p = 0; p < points_; ++p) {
        for (std::size_t i = 0; i < step.input_size; ++i) {
          x[p * step.input_size + i] *= step.factors[step.factors.size() == 1 ? 0 : i].centre;
        }
      }
    } else if (step.sign < 0) {
      for (double& entry : x) {
        entry = -entry;
      }
    }
  }

  const StepGraph& graph_;
  std::size_t points_;
  std::size_t end_;
  std::vector<std::size_t> readers_;                // of each value
  std::vector<std::vector<double>> slopes_;         // of activations, by step, for all points
  std::vector<std::vector<std::uint32_t>> chosen_;  // entries that order statistics chose
  std::vector<std::vector<double>> kept_;           // curvatures of activations; results of softmax; Jacobians of L2 poolings
};

struct Candidate {
  std::vector<double> x;
  std::vector<double> v;
  double score = -1;
};

/// Power iteration with J'J at every candidate's point; the score is ||J v|| / ||v|| at the last v.
void improve(const StepGraph& graph, std::vector<Candidate>& candidates, unsigned iterations, WorkerPool& pool) {
  const std::size_t n = graph.input_size;
  pool.for_each((candidates.size() + batch - 1) / batch, [&](std::size_t task) {
    const std::size_t begin = task * batch;
    const std::size_t points = std::min(batch, candidates.size() - begin);
    std::vector<double> x(points * n);
    std::vector<double> v(points * n);
    for (std::size_t p = 0; p < points; ++p) {
      std::copy(candidates[begin + p].x.begin(), candidates[begin + p].x.end(), &x[p * n]);
      std::copy(candidates[begin + p].v.begin(), candidates[begin + p].v.end(), &v[p * n]);
    }
    Linearised at(graph, points);
    static_cast<void>(at.move_to(std::move(x)));
    for (unsigned iteration = 0; iteration < iterations; ++iteration) {
      std::vector<double> u = at.forward(v);
      const std::size_t m = u.size() / points;
      for (std::size_t p = 0; p < points; ++p) {
        const double length = norm(&v[p * n], n);
        const double score = norm(&u[p * m], m) / length;
        candidates[begin + p].score = std::isfinite(score) ? score : -1;
        std::copy(&v[p * n], &v[p * n] + n, candidates[begin + p].v.begin());
      }
      if (iteration + 1 == iterations) {
        break;
      }
      // Unit length on the way back too: squares of very small or large Jacobians are no doubles.
      for (std::size_t p = 0; p < points; ++p) {
        const double length = norm(&u[p * m], m);
        if (length > 0 && std::isfinite(length)) {
          for (std::size_t i = 0; i < m; ++i) {
            u[p * m + i] /= length;
          }
        }
      }
      std::vector<double> w = at.backward(std::move(u));
      for (std::size_t p = 0; p < points; ++p) {
        const double length = norm(&w[p * n], n);
        if (length > 0 && std::isfinite(length)) {
          for (std::size_t i = 0; i < n; ++i) {
            v[p * n + i] = w[p * n + i] / length;
          }
        }
      }
    }
  });
}

/// Gradient ascent of ||J(x) v|| at every candidate, with v following and the blur going from `first_blur` to `last_blur`. The candidates'
/// scores are those after it.
void climb(const StepGraph& graph, std::vector<Candidate>& candidates, unsigned iterations, double first_blur, double last_blur,
           WorkerPool& pool) {
  const std::size_t n = graph.input_size;
  pool.for_each((candidates.size() + batch - 1) / batch, [&](std::size_t task) {
    const std::size_t begin = task * batch;
    const std::size_t points = std::min(batch, candidates.size() - begin);
    std::vector<double> x(points * n);
    std::vector<double> v(points * n);
    std::vector<double> pace(points);
    for (std::size_t p = 0; p < points; ++p) {
      std::copy(candidates[begin + p].x.begin(), candidates[begin + p].x.end(), &x[p * n]);
      std::copy(candidates[begin + p].v.begin(), candidates[begin + p].v.end(), &v[p * n]);
      pace[p] = norm(&x[p * n], n) / std::sqrt(static_cast<double>(n));
    }
    std::vector<double> mean(points * n, 0.0);
    std::vector<double> square(points * n, 0.0);
    Linearised at(graph, points);
    for (unsigned iteration = 0; iteration < iterations; ++iteration) {
      const double left = 1 - static_cast<double>(iteration) / iterations;
      const Linearised::Ascent ascent = at.ascend(x, v, last_blur + (first_blur - last_blur) * left);
      for (std::size_t p = 0; p < points; ++p) {
        const double gradient_length = norm(&ascent.gradient[p * n], n);
        const double direction_length = norm(&ascent.direction[p * n], n);
        const bool moves = gradient_length > 0 && std::isfinite(gradient_length);
        for (std::size_t i = p * n; moves && i < (p + 1) * n; ++i) {
          // Adam on the gradient scaled to unit mean square, which is that of the logarithm up to a factor.
          const double g = ascent.gradient[i] / gradient_length * std::sqrt(static_cast<double>(n));
          mean[i] = 0.8 * mean[i] + 0.2 * g;
          square[i] = 0.95 * square[i] + 0.05 * g * g;
          const double correction = std::sqrt(1 - std::pow(0.95, iteration + 1)) / (1 - std::pow(0.8, iteration + 1));
          x[i] += pace[p] * (0.02 + 0.2 * left) * correction * mean[i] / (std::sqrt(square[i]) + 1e-8);
        }
        for (std::size_t i = p * n; direction_length > 0 && std::isfinite(direction_length) && i < (p + 1) * n; ++i) {
          v[i] = ascent.direction[i] / direction_length;
        }
      }
    }
    for (std::size_t p = 0; p < points; ++p) {
      std::copy(&x[p * n], &x[p * n] + n, candidates[begin + p].x.begin());
      std::copy(&v[p * n], &v[p * n] + n, candidates[begin + p].v.begin());
    }
  });
  improve(graph, candidates, 3, pool);
}

void sort_by_score(std::vector<Candidate>& candidates) {
  std::stable_sort(candidates.begin(), candidates.end(), [](const Candidate& a, const Candidate& b) { return a.score > b.score; });
}

/// Keeps `count` candidates, best first: the best third of them, and of the others the best of each ring around the origin in turn, so that
/// a large region far out does not crowd out small steep ones near the origin.
template <class Ring>
void keep_best_and_varied(std::vector<Candidate>& candidates, std::size_t count, Ring ring_of) {
  sort_by_score(candidates);
  if (candidates.size() <= count) {
    return;
  }
  std::vector<std::size_t> order(candidates.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  // Rank inside the ring; the best third come before all others.
  std::vector<std::size_t> rank(candidates.size());
  std::array<std::size_t, 7> taken{};
  for (std::size_t i = 0; i < candidates.size(); ++i) {
    std::size_t& next = taken[static_cast<std::size_t>(ring_of(candidates[i]))];
    rank[i] = i < count / 3 ? 0 : next;
    ++next;
  }
  std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) { return rank[a] < rank[b]; });
  std::vector<Candidate> kept;
  for (std::size_t i = 0; i < count; ++i) {
    kept.push_back(std::move(candidates[order[i]]));
  }
  candidates = std::move(kept);
  sort_by_score(candidates);
}

/// Length of random inputs for which the first pre-activations are about as large as their values at zero; 1 where there is none.
double natural_scale(const StepGraph& graph, Random& random) {
  const auto first = std::find_if(graph.steps.begin(), graph.steps.end(), [](const Step& step) { return !step.affine(); });
  if (first == graph.steps.end()) {
    return 1;
  }
  // What the first step that is not affine reads.
  Linearised at(graph, 1, first->inputs[0]);
  const std::vector<double> at_zero = at.move_to(std::vector<double>(graph.input_size));
  std::vector<double> at_random = at.move_to(random_vector(random, graph.input_size));
  for (std::size_t i = 0; i < at_zero.size(); ++i) {
    at_random[i] -= at_zero[i];
  }
  const double scale = norm(at_zero.data(), at_zero.size()) / norm(at_random.data(), at_random.size());
  return std::isfinite(scale) && scale > 0x1p-200 && scale < 0x1p200 ? scale : 1;
}

/// Cost of one pass through the network at one point, in flops; an entry of the input (random numbers) or of an activation (exponentials)
/// counts as much as 40 of them.
double pass_flops(const StepGraph& graph) {
  double flops = 1000 + 40 * static_cast<double>(graph.input_size);
  for (const Step& step : graph.steps) {
    flops += (step.affine() ? 4 : 40) * static_cast<double>(step.output_size);
    flops += step.dense() ? 2 * static_cast<double>(step.matrix.centre.size()) * static_cast<double>(step.copies) : 0;
    flops += step.kind == Step::Kind::convolution
                 ? step.convolution.flops() +
                       8 * static_cast<double>(step.convolution.source.size() * step.convolution.inputs * step.convolution.groups)
                 : 0;
    flops += 8 * static_cast<double>(step.weights.column.size() + step.set_entry.size());
  }
  return flops;
}

constexpr unsigned first_iterations = 8;
constexpr unsigned child_iterations = 3;

std::vector<Candidate> search(const StepGraph& graph, WorkerPool& pool, std::uint64_t seed, std::size_t wanted,
                              const std::function<void(double)>& progress) {
  const double flops = pass_flops(graph);
  const double budget = search_flops(graph, static_cast<unsigned>(wanted));
  // Fewer points where a pass takes long: the first iterations take a third of the flops at most.
  const auto samples = std::min(wanted, static_cast<std::size_t>(std::clamp(budget / 3 / (2 * first_iterations * flops), 4.0, 4096.0)));
  const std::size_t n = graph.input_size;
  Random random(seed);
  const double scale = natural_scale(graph, random);
  std::vector<Candidate> best;
  for (std::size_t p = 0; p < samples; ++p) {
    // Spread over six octave steps around the natural scale; every fourth point has nonnegative entries, as images have.
    const double size = scale * std::ldexp(1.0, static_cast<int>(p % 7) * 2 - 4);
    std::vector<double> x = random_vector(random, n);
    for (double& entry : x) {
      entry = (p % 4 == 3 ? std::fabs(entry) : entry) * size;
    }
    best.push_back({std::move(x), random_vector(random, n), -1});
  }
  improve(graph, best, first_iterations, pool);
  const auto rings = [scale](const Candidate& c) {
    const double size = norm(c.x.data(), c.x.size()) / std::sqrt(static_cast<double>(c.x.size())) / scale;
    return std::clamp(std::isfinite(size) && size > 0 ? std::ilogb(size) / 2 + 2 : 0, 0, 6);
  };

  // Two thirds of the flops for the ascent (four passes per step): 200 steps of as many of the best points as that allows, at least eight;
  // where even these are too many, fewer steps; where all points need less, more steps.
  double left = budget - static_cast<double>(samples) * 2 * first_iterations * flops;
  {
    std::vector<Candidate> climbers = best;
    const double affordable = std::max(0.0, left) * 2 / 3 / (4 * flops);  // steps of one point
    sort_by_score(climbers);
    const double most = std::min(std::max(affordable / 200, 8.0), static_cast<double>(samples));
    climbers.resize(static_cast<std::size_t>(std::clamp(affordable / 20, 1.0, most)));
    const double steps = std::floor(std::clamp(affordable / static_cast<double>(climbers.size()), 4.0, 400.0));
    climb(graph, climbers, static_cast<unsigned>(steps), 0.5, 0.02, pool);
    left -= steps * static_cast<double>(climbers.size()) * 4 * flops;
    best.insert(best.end(), std::make_move_iterator(climbers.begin()), std::make_move_iterator(climbers.end()));
  }
  if (progress) {
    progress(0.5);
  }
  const std::size_t survivors = std::max<std::size_t>(4, samples / 2);
  keep_best_and_varied(best, survivors, rings);
  const double round = static_cast<double>(samples) * 2 * child_iterations * flops;
  const double all = std::max(left, 1.0);
  for (unsigned generation = 0; left > 0 && generation < 4096; ++generation, left -= round) {
    std::vector<Candidate> children;
    for (std::size_t c = 0; c < samples; ++c) {
      // The better half of the survivors is drawn twice as often.
      const std::size_t parent_index = std::min(random.below(best.size()), random.below(best.size()));
      const Candidate& parent = best[parent_index];
      Candidate child = parent;
      const double size = norm(parent.x.data(), n);
      switch (c % 4) {
        case 0:
        case 1: {
          const double step = size / std::sqrt(static_cast<double>(n)) * std::ldexp(1.0, -static_cast<int>(random.below(10)));
          // All entries, or one in eight.
          const std::uint64_t mask = random.below(2) == 0 ? 0 : 7;
          for (double& entry : child.x) {
            const double kick = random.normal();
            entry += (random.below(8) & mask) == 0 ? step * kick : 0;
          }
          break;
        }
        case 2: {
          const double sign = random.below(2) == 0 ? 1 : -1;
          const double step =
              sign * size * std::ldexp(1.0, 4 - static_cast<int>(random.below(12))) / std::max(norm(parent.v.data(), n), 0x1p-300);
          const bool from_origin = random.below(4) == 0;
          for (std::size_t i = 0; i < n; ++i) {
            child.x[i] = (from_origin ? 0 : child.x[i]) + step * parent.v[i];
          }
          break;
        }
        default: {
          const Candidate& other = best[random.below(best.size())];
          const double share = random.uniform();
          for (std::size_t i = 0; i < n; ++i) {
            child.x[i] += share * (other.x[i] - child.x[i]);
          }
          break;
        }
      }
      children.push_back(std::move(child));
    }
    improve(graph, children, child_iterations, pool);
    best.insert(best.end(), std::make_move_iterator(children.begin()), std::make_move_iterator(children.end()));
    keep_best_and_varied(best, survivors, rings);
    if (progress) {
      progress(1 - 0.5 * std::max(left - round, 0.0) / all);
    }
  }
  return best;
}

/// Top singular vector of the Jacobian at x, by Lanczos with J'J / size^2, where `size` is about the norm of J.
std::vector<double> top_direction(const StepGraph& graph, const std::vector<double>& x, double size, std::uint64_t seed,
                                  std::size_t steps) {
  Linearised at(graph, 1);
  static_cast<void>(at.move_to(x));
  const double factor = size > 0 ? 1 / size : 1;
  return lanczos(graph.input_size, steps, seed,
                 [&](const double* from, double* to) {
                   std::vector<double> u = at.forward({from, from + graph.input_size});
                   cblas_dscal(blas_int(u.size()), factor, u.data(), 1);
                   const std::vector<double> w = at.backward(std::move(u));
                   std::copy(w.begin(), w.end(), to);
                   cblas_dscal(blas_int(w.size()), factor, to, 1);
                 })
      .vector;
}

/// What is claimed of an enclosed derivative: 32 times our own radius and 2^-30 are left to a checker's rounding.
Lower claim(const DirectionalDerivative& d, const std::vector<double>& v) {
  const Upper radius = norm_above(d.derivative.radius.data(), d.derivative.radius.size());
  const Lower centre = norm_below(d.derivative.centre.data(), d.derivative.centre.size());
  const Upper length = norm_above(v.data(), v.size());
  return minus(centre, Upper::exact(33) * radius) / length * Lower::exact(1 - 0x1p-30);
}

}  // namespace

double search_flops(const StepGraph& graph, unsigned samples) {
  // Four times what the bounds take, at least 6 10^9 (a fraction of a second) and at most 2^35, in proportion to the samples asked for.
  double bounds = 0;
  for (const Step& step : graph.steps) {
    bounds += step.dense() ? bounding_flops(step.matrix.rows, step.matrix.columns) : 0;
    bounds += step.kind == Step::Kind::convolution ? 0x1p30 : 0;
  }
  return std::clamp(4 * bounds, 6e9, 0x1p35) * static_cast<double>(samples) / 64;
}

Region find_region(const StepGraph& graph, WorkerPool& pool, std::uint64_t seed, unsigned samples,
                   const std::function<void(double)>& progress) {
  Region region;
  if (samples == 0 || graph.input_size == 0) {
    return region;
  }
  const bool linear = std::all_of(graph.steps.begin(), graph.steps.end(), [](const Step& step) { return step.affine(); });
  std::vector<Candidate> candidates;
  Random random(seed ^ 0xA5A5A5A5ULL);
  if (linear) {
    // One region: any point.
    candidates.push_back({random_vector(random, graph.input_size), random_vector(random, graph.input_size), -1});
    improve(graph, candidates, 2, pool);
  } else {
    candidates = search(graph, pool, seed, samples, progress);
  }
  // The best ones are proved. A point too close to a kink is moved a little, by less than the mutations of the search, in the hope of a
  // better claim; a unit that is zero everywhere stays at its kink and costs nothing. As much of it as takes no more than the search; of a
  // very large network the best point alone.
  const double affordable = search_flops(graph, samples) / (2 * pass_flops(graph));
  const auto lanczos_steps = static_cast<std::size_t>(std::clamp(affordable / 4, 8.0, 60.0));
  const std::size_t tried = affordable < 4 * 60 ? 1 : 4;
  const int moves = affordable < 4 * 60 ? 2 : 8;
  for (std::size_t c = 0; c < std::min(tried, candidates.size()); ++c) {
    for (int move = 0; move < moves; ++move) {
      std::vector<double> x = candidates[c].x;
      if (move > 0) {
        const double step = norm(x.data(), x.size()) / std::sqrt(static_cast<double>(x.size())) * std::ldexp(1.0, move - 16);
        for (double& entry : x) {
          entry += step * random.normal();
        }
      }
      const IntegerVector point = to_integers(x);
      if (point.mantissas.empty() || std::abs(point.exponent) > 900) {
        break;
      }
      const std::vector<double> rounded = to_doubles(point);
      const IntegerVector direction = to_integers(top_direction(graph, rounded, candidates[c].score, seed, lanczos_steps));
      if (direction.mantissas.empty()) {
        break;
      }
      const std::vector<double> v = to_doubles(direction);
      const DirectionalDerivative d = differentiate(graph, rounded, v);
      const double lower = claim(d, v).value();
      if (lower > region.lower && std::isfinite(lower)) {
        region = {lower, point, direction};
      }
      if (d.clear) {
        break;
      }
    }
  }
  return region;
}

}  // namespace lipcert
