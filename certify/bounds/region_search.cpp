// See region_search.hpp.
//
// On many points at once so that matrix products do the work:
//   1. Random points at several multiples of the scale at which the first pre-activations change sign; for each, power iteration with J'J.
//   2. Gradient ascent of ||J(x) v|| in x (Adam), v following by power iteration. Slopes of operators with a kink are blurred over a width
//      that shrinks from step to step, because the true ones have no gradient; those of Sigmoid and Tanh are their own.
//   3. Rounds of mutation: from the best points found so far, steps of several lengths in random directions and along +-v (moving along v
//      switches units on that respond to it), points t v far out (whose active units are those that v excites: for networks without biases
//      this is power iteration on the network itself), and midpoints. Each child inherits v and takes two more steps of power iteration.
//      The best survive.

#include "certify/bounds/region_search.hpp"

#include <cblas.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <numeric>
#include <utility>

#include "certify/bounds/linearised.hpp"
#include "certify/numbers/tiles.hpp"

namespace lipcert {
namespace {

/// Points of one task: few enough to share among threads and for the small-matrix kernels of BLAS, which are twice as fast on such
/// products.
constexpr std::size_t batch = 8;

double norm(const double* x, std::size_t n) {
  return cblas_dnrm2(blas_int(n), x, 1);
}

}  // namespace

std::vector<double> random_vector(Random& random, std::size_t n) {
  std::vector<double> v(n);
  for (double& x : v) {
    x = random.normal();
  }
  return v;
}

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

namespace {

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

constexpr unsigned first_iterations = 8;
constexpr unsigned child_iterations = 3;
constexpr unsigned expensive_iterations = 5;

}  // namespace

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

bool is_expensive(const StepGraph& graph) {
  return pass_flops(graph) > 0x1p30;
}

std::vector<Candidate> search(const StepGraph& graph, WorkerPool& pool, std::uint64_t seed, std::size_t wanted, double budget,
                              const std::function<void(double)>& progress) {
  const double flops = pass_flops(graph);
  // Fewer points where a pass takes long: the first iterations take a third of the flops at most.
  const auto samples = std::min(wanted, static_cast<std::size_t>(std::clamp(budget / 3 / (2 * first_iterations * flops), 4.0, 4096.0)));
  const std::size_t n = graph.input_size;
  Random random(seed);
  const double scale = natural_scale(graph, random);
  std::vector<Candidate> best;
  if (is_expensive(graph)) {
    std::vector<double> x = random_vector(random, n);
    for (double& entry : x) {
      entry *= scale;
    }
    best.push_back({std::move(x), random_vector(random, n), -1});
    improve(graph, best, expensive_iterations, pool);
    return best;
  }
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

}  // namespace lipcert
