// See region.hpp. The search is that of region_search.hpp; here its best few points are rounded to 24 bits, their top singular vectors
// recomputed by Lanczos, and the derivative is enclosed. Whatever else goes wrong does no harm: only this proves.

#include "certify/bounds/region.hpp"

#include <cblas.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <optional>
#include <utility>

#include "certify/bounds/distances.hpp"
#include "certify/bounds/linearised.hpp"
#include "certify/bounds/region_search.hpp"
#include "certify/graph/evaluate.hpp"
#include "certify/norms/dense_norm.hpp"
#include "certify/norms/lanczos.hpp"
#include "certify/numbers/integer_vector.hpp"
#include "certify/numbers/rounding.hpp"
#include "certify/numbers/tiles.hpp"

namespace lipcert {
namespace {

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
Lower claim(Lower centre, Upper radius, const std::vector<double>& v) {
  const Upper length = norm_above(v.data(), v.size());
  return minus(centre, Upper::exact(33) * radius) / length * Lower::exact(1 - 0x1p-30);
}
Lower claim(const DirectionalDerivative& d, const std::vector<double>& v) {
  return claim(norm_below(d.derivative.centre.data(), d.derivative.centre.size()), norm_above(d.derivative.radius.data(), d.derivative.radius.size()), v);
}

/// Random moves of the points that are proved.
Random moves_of(std::uint64_t seed) {
  return Random(seed ^ 0xA5A5A5A5ULL);
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

std::vector<Candidate> find_candidates(const StepGraph& graph, WorkerPool& pool, std::uint64_t seed, unsigned samples,
                                       const std::function<void(double)>& progress) {
  std::vector<Candidate> candidates;
  if (samples == 0 || graph.input_size == 0) {
    return candidates;
  }
  if (std::all_of(graph.steps.begin(), graph.steps.end(), [](const Step& step) { return step.affine(); })) {
    // One region: any point.
    Random random = moves_of(seed);
    candidates.push_back({random_vector(random, graph.input_size), random_vector(random, graph.input_size), -1});
    improve(graph, candidates, 2, pool);
  } else {
    candidates = search(graph, pool, seed, samples, search_flops(graph, samples), progress);
  }
  return candidates;
}

Region prove_region(const StepGraph& graph, const std::vector<Segment>& segments, const std::vector<Block>& blocks,
                    const std::vector<Candidate>& candidates, WorkerPool& pool, std::uint64_t seed, unsigned samples) {
  Region region;
  if (candidates.empty()) {
    return region;
  }
  const auto by_distance = [&](const IntegerVector& point, const IntegerVector& direction) {
    const std::optional<DerivativeByDistance> d = differentiate_by_distance(graph, segments, blocks, point, direction, pool);
    const double lower = d ? claim(norm_below(d->centre.data(), d->centre.size()), d->distance, to_doubles(direction)).value() : 0;
    if (lower > region.lower && std::isfinite(lower)) {
      region = {lower, point, direction};
    }
  };
  if (is_expensive(graph)) {
    by_distance(to_integers(candidates[0].x), to_integers(candidates[0].v));
    return region;
  }
  Random random = moves_of(seed);
  if (std::all_of(graph.steps.begin(), graph.steps.end(), [](const Step& step) { return step.affine(); })) {
    static_cast<void>(random_vector(random, graph.input_size));  // those of the candidate
    static_cast<void>(random_vector(random, graph.input_size));
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
        const double step =
            cblas_dnrm2(blas_int(x.size()), x.data(), 1) / std::sqrt(static_cast<double>(x.size())) * std::ldexp(1.0, move - 16);
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
  if (region.lower < candidates[0].score / 2) {
    // So deep that the enclosures of the entries have outgrown them.
    by_distance(to_integers(candidates[0].x), to_integers(candidates[0].v));
  }
  return region;
}

}  // namespace lipcert
