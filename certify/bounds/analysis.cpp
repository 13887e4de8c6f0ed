// Composition: bounds of the blocks, of the network, of its pairs of outputs, and the network's lower end.
//
// Upper: P = product of the claimed bounds of the blocks (a graph), in MPFR intervals, rounded up; a checker multiplies the claimed bounds
// as rationals. Lower: the one-sided directional derivative at a point (region.hpp).

#include "certify/bounds/analysis.hpp"

#include <algorithm>
#include <atomic>
#include <cmath>
#include <exception>
#include <mutex>
#include <numeric>
#include <optional>
#include <utility>

#include "certify/bounds/block_evidence.hpp"
#include "certify/bounds/pairs.hpp"
#include "certify/bounds/region.hpp"
#include "certify/graph/activations.hpp"
#include "certify/graph/linear_map.hpp"
#include "certify/graph/partition.hpp"
#include "certify/graph/segments/describe.hpp"
#include "certify/graph/segments/fold.hpp"
#include "certify/graph/steps.hpp"
#include "certify/norms/conv_norm.hpp"
#include "certify/norms/dense_norm.hpp"
#include "certify/norms/sll_norm.hpp"
#include "certify/norms/sparse_norm.hpp"
#include "certify/numbers/interval.hpp"
#include "formats/encoding/error.hpp"

namespace lipcert {
namespace {

constexpr std::uint64_t most_classes = 1024;
constexpr std::size_t most_last_entries = std::size_t{1} << 24;  // of a last matrix whose rows are written out

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

[[noreturn]] void refused(const Refusal& first) {
  throw input_error((first.op.empty() ? "Tensor '" : "Node '") + first.node + "' " + (first.op.empty() ? "" : "(" + first.op + ") ") +
                    first.reason);
}

[[noreturn]] void out_of_range(const std::string& what) {
  throw input_error(what + " is larger than any double-precision number; rescale the weights.");
}

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

void set_both(Block& block, double value) {
  block.upper = block.lower = value;
}

/// The largest absolute slope (the table of formats/SPEC.md, section 5, elementwise-slope).
void bound_activation(Block& block, const Step& step) {
  const SlopeRange slopes = activation_of(step).slopes(step);
  const Interval largest = slopes.largest_magnitude();
  block.upper = largest.upper();
  block.lower = largest.lower();
  if (!slopes.exact) {
    // Another program's enclosure of a computed slope may be wider than ours; a slope of 1 is no computed one.
    block.upper = block.upper == 1 ? 1 : (Upper::exact(block.upper) * (Upper::exact(1) + Upper::exact(0x1p-38))).value();
    block.lower = std::max(1.0, (Lower::exact(block.lower) * Lower::exact(1 - 0x1p-38)).value());
  }
}

/// The root of a whole number.
void set_root(Block& block, double n) {
  block.upper = sqrt(Upper::exact(n)).value();
  block.lower = sqrt(Lower::exact(n)).value();
}

/// The largest number of windows that one entry is in.
void bound_max_pooling(Block& block, const Step& step) {
  std::vector<std::uint32_t> windows(step.input_size, 0);
  for (const std::uint32_t e : step.set_entry) {
    ++windows[e];
  }
  set_root(block, *std::max_element(windows.begin(), windows.end()));
}

/// The largest sum of weights of one entry.
void bound_l2_pooling(Block& block, const Step& step) {
  const SparseMatrix& a = step.weights;
  std::vector<Ball> sums(a.columns);
  for (std::size_t k = 0; k < a.column.size(); ++k) {
    Ball& sum = sums[a.column[k]];
    sum = add(sum, {a.centre[k], a.radius.empty() ? 0 : a.radius[k]});
  }
  Upper most;
  Lower least;
  bool exact = true;
  for (const Ball& sum : sums) {
    most = max(most, Upper::exact(sum.centre) + Upper::exact(sum.radius));
    least = max(least, minus(Lower::exact(sum.centre), Upper::exact(sum.radius)));
    exact = exact && sum.radius == 0;
  }
  const Upper wider = exact ? Upper::exact(1) : Upper::exact(1) + Upper::exact(0x1p-38);
  const Lower narrower = exact ? Lower::exact(1) : Lower::exact(1 - 0x1p-38);
  block.upper = sqrt(most * wider).value();
  block.lower = sqrt(least * narrower).value();
}

void bound_softmax(Block& block, const Step& step) {
  std::size_t longest = 0;
  for (std::size_t s = 0; s + 1 < step.set_start.size(); ++s) {
    longest = std::max(longest, step.set_start[s + 1] - step.set_start[s]);
  }
  set_both(block, longest > 1 ? 0.5 : 0);
}

/// A join: what is claimed of everything up to it.
void bound_join(Block& block, const std::vector<Interval>& before) {
  Interval bound;
  for (const Interval& p : before) {
    if (block.theorem == "sum") {
      bound = bound + p;
    } else if (block.theorem == "disjoint-slices") {
      bound = p.upper() > bound.upper() ? p : bound;
    } else {
      bound = bound + square(p);
    }
  }
  block.upper = (block.theorem == "root-sum-squares" ? sqrt(bound) : bound).upper();
}

/// Reports the fraction of the expected flops that is done, by whatever thread.
class Progress {
 public:
  Progress(const AnalysisOptions& options, double total) : report_(options.progress), total_(std::max(total, 1.0)) {}
  void begin(const std::string& what) { add(0, what); }
  void add(double flops, const std::string& what = {}) {
    if (report_) {
      const std::lock_guard lock(mutex_);
      done_ += flops;
      what_ = what.empty() ? what_ : what;
      report_(std::min(1.0, done_ / total_), what_);
    }
  }

 private:
  const std::function<void(double, const std::string&)>& report_;
  double total_;
  std::mutex mutex_;
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

/// What another program's own enclosure of a kernel that is not exact (channel factors) may add: every tap occurs once for each position.
Upper reserve_of(const Convolution& c) {
  if (c.kernel.exact()) {
    return {};
  }
  double positions = 1;
  for (const ConvolutionAxis& axis : c.axes) {
    positions *= static_cast<double>(axis.output);
  }
  return norm_above(c.kernel.centre.data(), c.kernel.centre.size()).scaled(-46) * sqrt(Upper::exact(positions));
}

void take(Block& block, LinearBound bound) {
  if (!std::isfinite(bound.upper)) {
    out_of_range("The norm of the layer that writes tensor '" + block.id + "'");
  }
  block.theorem = bound.theorem;
  block.upper = bound.upper;
  block.lower = bound.lower;
  if (block.theorem == "zero-operator") {
    block.op = BlockOperator::linear;
    return;
  }
  if (block.theorem == "explicit-gram-psd" || block.theorem == "diagonal-gram") {
    block.op = BlockOperator::linear;  // a convolution whose explicit matrix was affordable
  }
  block.gram = std::move(bound.gram);
  block.diagonal_index = bound.gram_entry;
  if (block.lower > 0 && !bound.witness.mantissas.empty()) {
    block.witness = std::move(bound.witness);
  }
  block.grid = std::move(bound.grid);
  block.shift = std::move(bound.shift);
  block.axes = std::move(bound.axes);
  block.row_axes = std::move(bound.rows);
}

/// Takes an affine block's bound from the store where it has one for these very inputs, else computes it.
template <class Inputs>
void bound_or_take(Block& block, const Inputs& inputs, Upper reserve, std::uint64_t seed, EvidenceStore* store,
                   const std::function<void()>& compute) {
  if (store == nullptr) {
    compute();
    return;
  }
  const std::string key = evidence_key(inputs, reserve, seed);
  if (const std::optional<BlockEvidence> known = store->find(key)) {
    apply(*known, block);
    return;
  }
  compute();
  store->keep(key, evidence_of_block(block));
}

/// What a block that is no join is bounded by: the block alone, so that blocks are bounded in any order. `last` is told for the last block: its matrix, where
/// each row belongs to one of the classes.
struct LastMatrix {
  std::uint64_t classes = 0;
  std::optional<FoldedMatrix> matrix;
};
void bound_block(Block& block, const Segment& segment, const StepGraph& graph, WorkerPool& pool, std::uint64_t seed, LastMatrix* last,
                 EvidenceStore* store) {
  const Step& step = graph.steps[segment.steps.front()];
  switch (block.op) {
    case BlockOperator::isometry:
    case BlockOperator::sort:
    case BlockOperator::split:
      set_both(block, 1);
      break;
    case BlockOperator::activation:
      bound_activation(block, step);
      break;
    case BlockOperator::softmax:
      bound_softmax(block, step);
      break;
    case BlockOperator::pool_max:
      bound_max_pooling(block, step);
      break;
    case BlockOperator::pool_l2:
      bound_l2_pooling(block, step);
      break;
    case BlockOperator::scale:
      bound_scale(block, fold_factors(graph, segment));
      break;
    case BlockOperator::dense: {
      FoldedMatrix folded = fold(graph, segment, pool);
      if (first_unbounded(folded.matrix.centre, folded.matrix.radius) != folded.matrix.centre.size()) {
        out_of_range("An entry of the product of the layers up to tensor '" + block.id + "'");
      }
      bound_or_take(block, folded.matrix, folded.reserve, seed, store, [&] { bound_dense(block, folded, pool, seed); });
      if (last != nullptr && segment.copies == 1 && segment.rows == last->classes) {
        last->matrix = std::move(folded);
      }
      break;
    }
    case BlockOperator::linear: {
      const FoldedSparse folded = fold_linear(graph, segment);
      if (first_unbounded(folded.matrix.centre, folded.matrix.radius) != folded.matrix.centre.size()) {
        out_of_range("An entry of the product of the layers up to tensor '" + block.id + "'");
      }
      bound_or_take(block, folded.matrix, folded.reserve, seed, store,
                    [&] { take(block, bound_sparse(folded.matrix, pool, seed, folded.reserve)); });
      if (last != nullptr && folded.matrix.rows == last->classes) {
        last->matrix = written_out(folded, most_last_entries);
      }
      break;
    }
    case BlockOperator::convolution: {
      const Convolution& convolution = segment.convolution.value();
      const Upper reserve = reserve_of(convolution);
      bound_or_take(block, convolution, reserve, seed, store, [&] { take(block, bound_convolution(convolution, pool, seed, reserve)); });
      break;
    }
    case BlockOperator::sll: {
      const SllParts& parts = segment.sll.value();
      SllBound bound = bound_sll(matrix_of(graph, parts.before, segment.inputs.at(0)), parts.d, parts.radius, pool, seed);
      block.upper = bound.upper;
      block.gram = std::move(bound.gram);
      block.sll = bound.sll;
      break;
    }
    case BlockOperator::add:
    case BlockOperator::concat:
    case BlockOperator::max_min:
      break;
  }
}

/// A block whose work fills the machine (and its memory) by itself.
[[nodiscard]] bool fills_machine(const Segment& segment) {
  const double order = static_cast<double>(std::min(segment.rows, segment.columns));
  return segment.flops > 0x1p38 || static_cast<double>(segment.rows) * static_cast<double>(segment.columns) + 2 * order * order > 0x1p24;
}

/// Blocks that are bounded at the same time, and the search beside them: each has threads inside as well, so that few fill the machine, and few
/// keep its memory small.
constexpr std::size_t most_at_once = 3;

}  // namespace

Analysis analyse(const Network& network, const AnalysisOptions& options) {
  WorkerPool pool(options.threads);
  const StepGraph graph = build_steps(network, pool);
  if (!graph.refusals.empty()) {
    refused(graph.refusals.front());
  }
  Segments cut_graph = cut(network, graph);
  if (!cut_graph.refusals.empty()) {
    refused(cut_graph.refusals.front());
  }
  const std::vector<Segment>& segments = cut_graph.segments;
  Analysis analysis;
  analysis.partition.constant_nodes = graph.constant_nodes;
  analysis.partition.blocks = describe(network, graph, segments);

  const double search = search_flops(graph, options.region_samples);
  Progress progress(options,
                    std::accumulate(segments.begin(), segments.end(), search, [](double sum, const Segment& s) { return sum + s.flops; }));

  analysis.classes = classes_of(network);
  LastMatrix last{analysis.classes, std::nullopt};
  // Of several failures the first block's is reported, whatever the order of work: blocks before the first one that is known are still bounded.
  std::vector<std::exception_ptr> failures(segments.size());
  std::atomic<std::size_t> first_failure = segments.size();
  const auto bound = [&](std::size_t b) {
    Block& block = analysis.partition.blocks[b];
    if (b > first_failure) {
      return;
    }
    try {
      progress.begin("bounding " + block.id);
      bound_block(block, segments[b], graph, pool, options.seed, b + 1 == segments.size() ? &last : nullptr, options.evidence);
      progress.add(segments[b].flops);
    } catch (...) {
      failures[b] = std::current_exception();
      for (std::size_t before = first_failure; b < before && !first_failure.compare_exchange_weak(before, b);) {
      }
    }
  };
  // The longest first, so that none of them is left over at the end; the search is a long one.
  std::vector<std::size_t> order;
  for (std::size_t b = 0; b < segments.size(); ++b) {
    if (!fills_machine(segments[b])) {
      order.push_back(b);
    }
  }
  std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) { return segments[a].flops > segments[b].flops; });
  std::vector<Candidate> candidates;
  std::atomic<std::size_t> next = 0;
  pool.for_each(most_at_once, [&](std::size_t lane) {
    if (lane == 0) {
      double before = 0;
      candidates = find_candidates(graph, pool, options.seed, options.region_samples, [&](double part) {
        progress.add((part - before) * search, "searching for the lower end");
        before = part;
      });
      progress.add((1 - before) * search);
    }
    for (std::size_t k = next++; k < order.size(); k = next++) {
      bound(order[k]);
    }
  });
  for (std::size_t b = 0; b < segments.size(); ++b) {
    if (fills_machine(segments[b])) {
      bound(b);
    }
  }

  std::vector<Interval> bound_of(graph.steps.size() + 1);  // P of every value
  bound_of[0] = Interval::exact(1);
  for (std::size_t b = 0; b < segments.size(); ++b) {
    Block& block = analysis.partition.blocks[b];
    const Segment& segment = segments[b];
    if (failures[b]) {
      std::rethrow_exception(failures[b]);
    }
    const bool join = is_join(block.op);
    if (join) {
      std::vector<Interval> before;
      for (const std::size_t input : segment.inputs) {
        before.push_back(bound_of[input]);
      }
      bound_join(block, before);
    }
    if (!std::isfinite(block.upper)) {
      out_of_range("The bound of the block that writes tensor '" + block.id + "'");
    }
    if (!(block.lower <= block.upper)) {
      throw Error(ExitCode::internal, "The bounds of block '" + block.id + "' contradict each other; please report this.");
    }
    const Interval own = Interval::exact(block.upper);
    const Interval product = join ? own : own * bound_of[segment.inputs[0]];
    if (!std::isfinite(product.upper())) {
      out_of_range("The product of the norms of all layers");
    }
    for (const std::size_t s : segment.steps) {
      bound_of[s + 1] = product;
    }
  }
  const Upper global = Upper::exact(bound_of[graph.output].upper());
  if (!global.finite()) {
    out_of_range("The product of the norms of all layers");
  }
  analysis.upper = global.value();

  if (analysis.classes != 0) {
    analysis.pairs_by_rows = last.matrix.has_value();
    analysis.pairs = last.matrix ? pair_bounds_by_rows(*last.matrix, Upper::exact(analysis.partition.blocks.back().upper),
                                                       Upper::exact(bound_of[segments.back().inputs[0]].upper()), global, pool)
                                 : pair_bounds_by_global(analysis.classes, global);
  }

  if (analysis.upper > 0) {
    Region region = prove_region(graph, segments, analysis.partition.blocks, candidates, pool, options.seed, options.region_samples);
    if (region.lower > analysis.upper) {
      throw Error(ExitCode::internal, "The network's lower end exceeds its upper end; please report this.");
    }
    if (region.lower > 0) {
      analysis.lower = region.lower;
      analysis.point = std::move(region.point);
      analysis.direction = std::move(region.direction);
    }
  }
  return analysis;
}

}  // namespace lipcert
