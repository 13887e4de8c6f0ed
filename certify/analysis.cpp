// Composition: bounds of the blocks, of the network, of its pairs of outputs, and the network's lower end.
//
// Upper: P = product of the claimed bounds of the blocks (a chain), in MPFR intervals, rounded up; a checker multiplies the claimed bounds as
// rationals. Lower: the one-sided directional derivative at a point (region.hpp).

#include "certify/analysis.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <utility>

#include "certify/chain.hpp"
#include "certify/dense_norm.hpp"
#include "certify/interval.hpp"
#include "certify/pairs.hpp"
#include "certify/partition.hpp"
#include "certify/region.hpp"
#include "formats/error.hpp"

namespace lipcert {
namespace {

constexpr std::uint64_t most_classes = 1024;

/// The number of outputs when the output is a vector (all other dimensions 1), for a claim about pairs; otherwise 0.
std::uint64_t classes_of(const Network& network) {
  std::uint64_t classes = 1;
  for (const std::uint64_t dimension : network.values[network.output].shape) {
    if (dimension != 1 && classes != 1) {
      return 0;
    }
    classes *= dimension;
  }
  return classes >= 2 && classes <= most_classes ? classes : 0;
}

[[noreturn]] void out_of_range(const std::string& what) {
  throw input_error(what + " is larger than any double-precision number; rescale the weights.");
}

/// The product of claimed bounds, rounded up.
class Product {
 public:
  void multiply(double factor) {
    if (!(value_.upper() < std::numeric_limits<double>::infinity())) {
      return;
    }
    value_ = value_ * Interval::exact(factor);
  }
  [[nodiscard]] Upper upper() const { return Upper::exact(value_.upper()); }

 private:
  Interval value_ = Interval::exact(1);
};

void bound_scale(Block& block, const std::vector<Ball>& factors) {
  Upper upper;
  Lower lower;
  bool exact = true;
  for (std::size_t i = 0; i < factors.size(); ++i) {
    const Upper radius = Upper::exact(factors[i].radius);
    exact = exact && factors[i].radius == 0;
    upper = max(upper, Upper::exact(factors[i].centre) + radius);
    const Lower here = minus(Lower::exact(factors[i].centre), radius);
    if (!block.diagonal_index || here.value() > lower.value()) {
      lower = here;
      block.diagonal_index = i;
    }
  }
  // Where a factor is not exactly known (1/c), a checker's own enclosure of it may be wider than ours.
  block.upper = exact ? upper.value() : (upper * (Upper::exact(1) + Upper::exact(0x1p-38))).value();
  block.lower = exact ? lower.value() : (lower * Lower::exact(1 - 0x1p-38)).value();
}

double largest_slope(const Step& step) {
  switch (step.op) {
    case Operator::leaky_relu:
      return std::max(1.0, std::fabs(step.alpha));
    case Operator::sigmoid:
      return 0.25;  // at 0
    default:
      return 1;  // Relu, Abs: to the right of 0; Tanh: at 0
  }
}

/// Reports the fraction of the expected flops that is done.
class Progress {
 public:
  Progress(const AnalysisOptions& options, double total) : report_(options.progress), total_(std::max(total, 1.0)) {}
  void begin(const std::string& what) {
    what_ = what;
    at(0, 0);
  }
  /// `part` of the current work of `flops`.
  void at(double part, double flops) const {
    if (report_) {
      report_(std::min(1.0, (done_ + part * flops) / total_), what_);
    }
  }
  void finish(double flops) {
    done_ += flops;
    at(0, 0);
  }

 private:
  const std::function<void(double, const std::string&)>& report_;
  double total_;
  double done_ = 0;
  std::string what_;
};

void bound_dense(Block& block, const FoldedMatrix& folded, WorkerPool& pool, std::uint64_t seed) {
  NormBound bound = bound_norm(folded.matrix, pool, seed, folded.reserve);
  block.upper = bound.upper;
  block.lower = bound.lower;
  if (bound.zero) {
    block.theorem = "zero-operator";
    return;
  }
  if (!std::isfinite(bound.upper)) {
    out_of_range("The norm of the layer that writes tensor '" + block.id + "'");
  }
  block.gram = std::move(bound.gram);
  if (block.lower > 0) {
    block.witness = std::move(bound.witness);
  }
}

}  // namespace

Analysis analyse(const Network& network, const AnalysisOptions& options) {
  WorkerPool pool(options.threads);
  const Chain chain = build_chain(network, pool);
  if (!chain.refusals.empty()) {
    const Refusal& first = chain.refusals.front();
    throw input_error((first.op.empty() ? "Tensor '" : "Node '") + first.node + "' " + (first.op.empty() ? "" : "(" + first.op + ") ") +
                      first.reason);
  }
  const std::vector<Segment> segments = cut(chain);
  Analysis analysis;
  analysis.partition.constant_nodes = chain.constant_nodes;
  analysis.partition.blocks = describe(network, chain, segments);

  const auto flops_of = [](const Segment& s) { return s.op == BlockOperator::dense ? bounding_flops(s.rows, s.columns) : 0.0; };
  const double search = search_flops(chain, options.region_samples);
  Progress progress(options, std::accumulate(segments.begin(), segments.end(), search,
                                             [&](double sum, const Segment& s) { return sum + flops_of(s); }));

  Product before;   // bound of everything up to the block before the last
  Product product;  // of everything
  FoldedMatrix last;
  for (std::size_t b = 0; b < segments.size(); ++b) {
    Block& block = analysis.partition.blocks[b];
    progress.begin("bounding " + block.id);
    switch (block.op) {
      case BlockOperator::isometry:
        block.upper = block.lower = 1;
        break;
      case BlockOperator::activation:
        block.upper = block.lower = largest_slope(chain.steps[segments[b].begin]);
        break;
      case BlockOperator::scale:
        bound_scale(block, fold_factors(chain, segments[b]));
        break;
      case BlockOperator::dense: {
        FoldedMatrix folded = fold(chain, segments[b], pool);
        if (first_unbounded(folded.matrix.centre, folded.matrix.radius) != folded.matrix.centre.size()) {
          out_of_range("An entry of the product of the layers up to tensor '" + block.id + "'");
        }
        bound_dense(block, folded, pool, options.seed);
        if (b + 1 == segments.size()) {
          last = std::move(folded);
        }
        break;
      }
    }
    if (!std::isfinite(block.upper)) {
      out_of_range("The bound of the block that writes tensor '" + block.id + "'");
    }
    if (!(block.lower <= block.upper)) {
      throw Error(ExitCode::internal, "The bounds of block '" + block.id + "' contradict each other; please report this.");
    }
    progress.finish(flops_of(segments[b]));
    if (b + 1 < segments.size()) {
      before.multiply(block.upper);
    }
    product.multiply(block.upper);
  }
  const Upper global = product.upper();
  if (!global.finite()) {
    out_of_range("The product of the norms of all layers");
  }
  analysis.upper = global.value();

  analysis.classes = classes_of(network);
  if (analysis.classes != 0) {
    const Segment& end = segments.back();
    analysis.pairs_by_rows = end.op == BlockOperator::dense && end.copies == 1 && end.rows == analysis.classes;
    analysis.pairs = analysis.pairs_by_rows
                         ? pair_bounds_by_rows(last, Upper::exact(analysis.partition.blocks.back().upper), before.upper(), global, pool)
                         : pair_bounds_by_global(analysis.classes, global);
  }

  if (analysis.upper > 0) {
    progress.begin("searching for the lower end");
    Region region = find_region(chain, pool, options.seed, options.region_samples, [&](double part) { progress.at(part, search); });
    if (region.lower > analysis.upper) {
      throw Error(ExitCode::internal, "The network's lower end exceeds its upper end; please report this.");
    }
    if (region.lower > 0) {
      analysis.lower = region.lower;
      analysis.point = std::move(region.point);
      analysis.direction = std::move(region.direction);
    }
  }
  progress.finish(search);
  return analysis;
}

}  // namespace lipcert
