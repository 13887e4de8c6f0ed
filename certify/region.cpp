// See region.hpp.
//
// The search, on many points at once so that matrix products do the work:
//   1. Random points at several multiples of the scale at which the first pre-activations change sign; for each, power iteration with J'J.
//   2. Gradient ascent of ||J(x) v|| in x (Adam), v following by power iteration. Slopes of operators with a kink are blurred over a width that
//      shrinks from step to step, because the true ones have no gradient; those of Sigmoid and Tanh are their own.
//   3. Rounds of mutation: from the best points found so far, steps of several lengths in random directions and along +-v (moving along v switches
//      units on that respond to it), points t v far out (whose active units are those that v excites: for networks without biases this is power
//      iteration on the network itself), and midpoints. Each child inherits v and takes two more steps of power iteration. The best survive.
//   4. The best few are rounded to 24 bits, their top singular vectors recomputed by Lanczos, and the derivative is enclosed.
// Any of it may go wrong without harm: only step 4 proves.

#include "certify/region.hpp"

#include <cblas.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <numeric>
#include <random>
#include <utility>

#include "certify/dense_norm.hpp"
#include "certify/evaluate.hpp"
#include "certify/integer_vector.hpp"
#include "certify/lanczos.hpp"
#include "certify/tiles.hpp"

namespace lipcert {
namespace {

/// Points of one task: few enough to share among threads and for the small-matrix kernels of BLAS, which are twice as fast on such products.
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

double norm(const double* x, std::size_t n) { return cblas_dnrm2(blas_int(n), x, 1); }

/// The linearisation of the chain at `points` points, in plain floating point. Vectors of a batch stand one after the other.
class Linearised {
 public:
  Linearised(const Chain& chain, std::size_t points) : chain_(chain), points_(points), slopes_(chain.steps.size()) {}

  /// Moves to these points; returns the values.
  std::vector<double> move_to(std::vector<double> x) {
    for (std::size_t s = 0; s < chain_.steps.size(); ++s) {
      const Step& step = chain_.steps[s];
      if (step.kind == Step::Kind::activation) {
        activate(step, x, slopes_[s]);
      } else {
        x = linear(step, std::move(x));
        add_bias(step, x);
      }
    }
    return x;
  }

  /// J v for every point.
  [[nodiscard]] std::vector<double> forward(std::vector<double> v) const {
    for (std::size_t s = 0; s < chain_.steps.size(); ++s) {
      const Step& step = chain_.steps[s];
      if (step.kind == Step::Kind::activation) {
        times_slopes(v, slopes_[s]);
      } else {
        v = linear(step, std::move(v));
      }
    }
    return v;
  }

  /// J'u for every point.
  [[nodiscard]] std::vector<double> backward(std::vector<double> u) const {
    for (std::size_t s = chain_.steps.size(); s-- > 0;) {
      const Step& step = chain_.steps[s];
      if (step.kind == Step::Kind::activation) {
        times_slopes(u, slopes_[s]);
      } else {
        u = transposed(step, std::move(u));
      }
    }
    return u;
  }

  struct Ascent {
    std::vector<double> gradient;   // of ||J v||^2 / 2 with respect to x, with blurred slopes
    std::vector<double> direction;  // J'J v with blurred slopes
  };

  /// For every point x and direction v; `blur` is the width of the kinks relative to the pre-activations of each layer.
  [[nodiscard]] Ascent ascend(std::vector<double> x, std::vector<double> t, double blur) {
    std::vector<std::vector<double>> tangents(chain_.steps.size());
    std::vector<std::vector<double>> curvatures(chain_.steps.size());
    for (std::size_t s = 0; s < chain_.steps.size(); ++s) {
      const Step& step = chain_.steps[s];
      if (step.kind != Step::Kind::activation) {
        x = linear(step, std::move(x));
        add_bias(step, x);
        t = linear(step, std::move(t));
        continue;
      }
      tangents[s] = t;
      activate_blurred(step, x, slopes_[s], curvatures[s], blur);
      times_slopes(t, slopes_[s]);
    }
    // F = ||t||^2 / 2. Adjoint of the tangents: J' t; adjoint of the values: each slope s(z) multiplies a tangent, so dF/dz += tangent * adjoint
    // * s'(z).
    Ascent result{std::vector<double>(t.size(), 0.0), std::move(t)};
    for (std::size_t s = chain_.steps.size(); s-- > 0;) {
      const Step& step = chain_.steps[s];
      if (step.kind != Step::Kind::activation) {
        result.gradient = transposed(step, std::move(result.gradient));
        result.direction = transposed(step, std::move(result.direction));
        continue;
      }
      for (std::size_t i = 0; i < result.gradient.size(); ++i) {
        result.gradient[i] = result.gradient[i] * slopes_[s][i] + result.direction[i] * tangents[s][i] * curvatures[s][i];
        result.direction[i] *= slopes_[s][i];
      }
    }
    return result;
  }

 private:
  void add_bias(const Step& step, std::vector<double>& x) const {
    for (std::size_t p = 0; p < points_ && !step.bias.empty(); ++p) {
      for (std::size_t i = 0; i < step.output_size; ++i) {
        x[p * step.output_size + i] += step.bias[i].centre;
      }
    }
  }

  /// Values, slopes and their derivatives; a kink is replaced by a logistic step whose width is `blur` times the layer's mean magnitude.
  static void activate_blurred(const Step& step, std::vector<double>& z, std::vector<double>& slopes, std::vector<double>& curvatures,
                               double blur) {
    slopes.resize(z.size());
    curvatures.resize(z.size());
    double sum = 0;
    for (const double t : z) {
      sum += std::fabs(t);
    }
    const double width = std::max(blur * sum / static_cast<double>(z.size()), 0x1p-500);
    const double left = step.op == Operator::abs ? -1 : (step.op == Operator::leaky_relu ? step.alpha : 0);
    for (std::size_t i = 0; i < z.size(); ++i) {
      const double t = z[i];
      if (step.op == Operator::tanh) {
        const double y = std::tanh(t);
        z[i] = y;
        slopes[i] = 1 - y * y;
        curvatures[i] = -2 * y * slopes[i];
        continue;
      }
      const double scaled = step.op == Operator::sigmoid ? t : t / width;
      const double y = 1 / (1 + std::exp(-scaled));
      if (step.op == Operator::sigmoid) {
        z[i] = y;
        slopes[i] = y * (1 - y);
        curvatures[i] = slopes[i] * (1 - 2 * y);
      } else {
        z[i] = t < 0 ? left * t : t;
        slopes[i] = left + (1 - left) * y;
        curvatures[i] = (1 - left) * y * (1 - y) / width;
      }
    }
  }

  static void times_slopes(std::vector<double>& v, const std::vector<double>& slopes) {
    for (std::size_t i = 0; i < v.size(); ++i) {
      v[i] *= slopes[i];
    }
  }

  static void activate(const Step& step, std::vector<double>& z, std::vector<double>& slopes) {
    slopes.resize(z.size());
    for (std::size_t i = 0; i < z.size(); ++i) {
      const double t = z[i];
      switch (step.op) {
        case Operator::sigmoid: {
          const double y = 1 / (1 + std::exp(-t));
          z[i] = y;
          slopes[i] = y * (1 - y);
          break;
        }
        case Operator::tanh: {
          const double y = std::tanh(t);
          z[i] = y;
          slopes[i] = 1 - y * y;
          break;
        }
        case Operator::abs:
          slopes[i] = t < 0 ? -1 : 1;
          z[i] = std::fabs(t);
          break;
        case Operator::leaky_relu:
          slopes[i] = t < 0 ? step.alpha : 1;
          z[i] = t * slopes[i];
          break;
        default:
          slopes[i] = t > 0 ? 1 : 0;
          z[i] = t > 0 ? t : 0;
          break;
      }
    }
  }

  [[nodiscard]] std::vector<double> linear(const Step& step, std::vector<double> x) const {
    if (!step.dense()) {
      entrywise(step, x);
      return x;
    }
    std::vector<double> y(points_ * step.output_size);
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

  const Chain& chain_;
  std::size_t points_;
  std::vector<std::vector<double>> slopes_;  // by step, for all points
};

struct Candidate {
  std::vector<double> x;
  std::vector<double> v;
  double score = -1;
};

/// Power iteration with J'J at every candidate's point; the score is ||J v|| / ||v|| at the last v.
void improve(const Chain& chain, std::vector<Candidate>& candidates, unsigned iterations, WorkerPool& pool) {
  const std::size_t n = chain.input_size;
  pool.for_each((candidates.size() + batch - 1) / batch, [&](std::size_t task) {
    const std::size_t begin = task * batch;
    const std::size_t points = std::min(batch, candidates.size() - begin);
    std::vector<double> x(points * n);
    std::vector<double> v(points * n);
    for (std::size_t p = 0; p < points; ++p) {
      std::copy(candidates[begin + p].x.begin(), candidates[begin + p].x.end(), &x[p * n]);
      std::copy(candidates[begin + p].v.begin(), candidates[begin + p].v.end(), &v[p * n]);
    }
    Linearised at(chain, points);
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

/// Gradient ascent of ||J(x) v|| at every candidate, with v following and the blur going from `first_blur` to `last_blur`. The candidates' scores are
/// those after it.
void climb(const Chain& chain, std::vector<Candidate>& candidates, unsigned iterations, double first_blur, double last_blur, WorkerPool& pool) {
  const std::size_t n = chain.input_size;
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
    Linearised at(chain, points);
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
  improve(chain, candidates, 3, pool);
}

void sort_by_score(std::vector<Candidate>& candidates) {
  std::stable_sort(candidates.begin(), candidates.end(), [](const Candidate& a, const Candidate& b) { return a.score > b.score; });
}

/// Keeps `count` candidates, best first: the best third of them, and of the others the best of each ring around the origin in turn, so that a large
/// region far out does not crowd out small steep ones near the origin.
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
double natural_scale(const Chain& chain, Random& random) {
  Chain head;
  head.input_size = chain.input_size;
  for (const Step& step : chain.steps) {
    if (step.kind == Step::Kind::activation) {
      break;
    }
    head.steps.push_back(step);
  }
  Linearised at(head, 1);
  const std::vector<double> at_zero = at.move_to(std::vector<double>(chain.input_size));
  std::vector<double> at_random = at.move_to(random_vector(random, chain.input_size));
  for (std::size_t i = 0; i < at_zero.size(); ++i) {
    at_random[i] -= at_zero[i];
  }
  const double scale = norm(at_zero.data(), at_zero.size()) / norm(at_random.data(), at_random.size());
  return std::isfinite(scale) && scale > 0x1p-200 && scale < 0x1p200 ? scale : 1;
}

/// Cost of one pass through the chain at one point, in flops; an entry of the input (random numbers) or of an activation (exponentials) counts as
/// much as 40 of them.
double pass_flops(const Chain& chain) {
  double flops = 1000 + 40 * static_cast<double>(chain.input_size);
  for (const Step& step : chain.steps) {
    flops += (step.kind == Step::Kind::activation ? 40 : 4) * static_cast<double>(step.output_size);
    flops += step.dense() ? 2 * static_cast<double>(step.matrix.centre.size()) * static_cast<double>(step.copies) : 0;
  }
  return flops;
}

constexpr unsigned first_iterations = 8;
constexpr unsigned child_iterations = 3;

std::vector<Candidate> search(const Chain& chain, WorkerPool& pool, std::uint64_t seed, std::size_t samples,
                              const std::function<void(double)>& progress) {
  const std::size_t n = chain.input_size;
  Random random(seed);
  const double scale = natural_scale(chain, random);
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
  improve(chain, best, first_iterations, pool);
  const auto rings = [scale](const Candidate& c) {
    const double size = norm(c.x.data(), c.x.size()) / std::sqrt(static_cast<double>(c.x.size())) / scale;
    return std::clamp(std::isfinite(size) && size > 0 ? std::ilogb(size) / 2 + 2 : 0, 0, 6);
  };

  // Two thirds of the flops for the ascent (four passes per step): 200 steps of as many of the best points as that allows, at least eight; where
  // even these are too many, fewer steps; where all points need less, more steps.
  const double flops = pass_flops(chain);
  double left = search_flops(chain, static_cast<unsigned>(samples)) - static_cast<double>(samples) * 2 * first_iterations * flops;
  {
    std::vector<Candidate> climbers = best;
    const double affordable = std::max(0.0, left) * 2 / 3 / (4 * flops);  // steps of one point
    sort_by_score(climbers);
    climbers.resize(static_cast<std::size_t>(std::min(std::max(affordable / 200, 8.0), static_cast<double>(samples))));
    const double steps = std::floor(std::clamp(affordable / static_cast<double>(climbers.size()), 20.0, 400.0));
    climb(chain, climbers, static_cast<unsigned>(steps), 0.5, 0.02, pool);
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
          const double step = sign * size * std::ldexp(1.0, 4 - static_cast<int>(random.below(12))) / std::max(norm(parent.v.data(), n), 0x1p-300);
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
    improve(chain, children, child_iterations, pool);
    best.insert(best.end(), std::make_move_iterator(children.begin()), std::make_move_iterator(children.end()));
    keep_best_and_varied(best, survivors, rings);
    if (progress) {
      progress(1 - 0.5 * std::max(left - round, 0.0) / all);
    }
  }
  return best;
}

/// Top singular vector of the Jacobian at x, by Lanczos with J'J / size^2, where `size` is about the norm of J.
std::vector<double> top_direction(const Chain& chain, const std::vector<double>& x, double size, std::uint64_t seed) {
  Linearised at(chain, 1);
  static_cast<void>(at.move_to(x));
  const double factor = size > 0 ? 1 / size : 1;
  return lanczos(chain.input_size, 60, seed,
                 [&](const double* from, double* to) {
                   std::vector<double> u = at.forward({from, from + chain.input_size});
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

double search_flops(const Chain& chain, unsigned samples) {
  // Four times what the bounds take, at least 6 10^9 (a fraction of a second) and at most 2^35, in proportion to the samples asked for.
  double bounds = 0;
  for (const Step& step : chain.steps) {
    bounds += step.dense() ? bounding_flops(step.matrix.rows, step.matrix.columns) : 0;
  }
  return std::clamp(4 * bounds, 6e9, 0x1p35) * static_cast<double>(samples) / 64;
}

Region find_region(const Chain& chain, WorkerPool& pool, std::uint64_t seed, unsigned samples, const std::function<void(double)>& progress) {
  Region region;
  if (samples == 0 || chain.input_size == 0) {
    return region;
  }
  const bool linear =
      std::none_of(chain.steps.begin(), chain.steps.end(), [](const Step& step) { return step.kind == Step::Kind::activation; });
  std::vector<Candidate> candidates;
  Random random(seed ^ 0xA5A5A5A5ULL);
  if (linear) {
    // One region: any point.
    candidates.push_back({random_vector(random, chain.input_size), random_vector(random, chain.input_size), -1});
    improve(chain, candidates, 2, pool);
  } else {
    candidates = search(chain, pool, seed, samples, progress);
  }
  // The best ones are proved. A point too close to a kink is moved a little, by less than the mutations of the search, in the hope of a better
  // claim; a unit that is zero everywhere stays at its kink and costs nothing.
  constexpr std::size_t tried = 4;
  constexpr int moves = 8;
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
      const IntegerVector direction = to_integers(top_direction(chain, rounded, candidates[c].score, seed));
      if (direction.mantissas.empty()) {
        break;
      }
      const std::vector<double> v = to_doubles(direction);
      const DirectionalDerivative d = differentiate(chain, rounded, v);
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
