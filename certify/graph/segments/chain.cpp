// See chain.hpp.
//
// Affine blocks in a row are multiplied out, from left to right, as far as it pays, unless one of them is a multiple of an isometry (or of
// its transpose): then the product of the norms is the norm of the product. The last layer is no exception: the rows of the product bound
// the pairs of classes no worse than its own rows and the norm of what stands before them.

#include "certify/graph/segments/chain.hpp"

#include <algorithm>
#include <utility>

#include "certify/graph/linear_map.hpp"
#include "certify/graph/segments/convolution_segment.hpp"
#include "certify/graph/segments/dense_run.hpp"

namespace lipcert {
namespace {

/// Whether the Gram matrix of this side is a multiple of the identity, as far as the centres say. A guess: it decides what is multiplied
/// out only.
bool constant_gram(const SparseMatrix& a, bool columns) {
  const std::size_t n = columns ? a.columns : a.rows;
  std::vector<double> sums(n, 0.0);
  std::vector<bool> seen(columns ? 0 : a.columns, false);
  for (std::size_t i = 0; i < a.rows; ++i) {
    if (columns && a.start[i + 1] - a.start[i] > 1) {
      return false;
    }
    for (std::size_t k = a.start[i]; k < a.start[i + 1]; ++k) {
      if (!columns && seen[a.column[k]]) {
        return false;
      }
      if (!columns) {
        seen[a.column[k]] = true;
      }
      sums[columns ? a.column[k] : i] += a.centre[k] * a.centre[k];
    }
  }
  const auto [least, most] = std::minmax_element(sums.begin(), sums.end());
  return *least > 0 && *most <= *least * (1 + 1e-12);
}

/// One isometry, diagonal or dense step, of the nodes that isometry, scale and dense blocks may hold.
bool simple(const Wiring& wiring, const Unit& unit) {
  if (unit.steps.size() != 1) {
    return false;
  }
  const Step& step = wiring.graph.steps[unit.steps.front()];
  return step.kind == Step::Kind::isometry || step.dense() ||
         (step.kind == Step::Kind::diagonal && wiring.operator_of(unit.steps[0]) != Operator::batch_normalization);
}

void flush(const Wiring& wiring, std::vector<std::size_t>& run, std::vector<Segment>& out) {
  if (!run.empty()) {
    cut_dense_run(wiring.graph, run, out);
    run.clear();
  }
}

/// Units [begin, end) without convolutions.
void others(const Wiring& wiring, const std::vector<Unit>& chain, std::size_t begin, std::size_t end, std::vector<Segment>& out,
            std::vector<Refusal>& refusals) {
  std::vector<std::size_t> run;
  for (std::size_t i = begin; i < end; ++i) {
    if (simple(wiring, chain[i])) {
      run.push_back(chain[i].steps[0]);
      continue;
    }
    flush(wiring, run, out);
    Segment segment;
    segment.op = BlockOperator::linear;
    segment.steps = chain[i].steps;
    if (composition_cost(wiring.graph, segment.steps, chain[i].input) > affordable_terms) {
      refusals.push_back(wiring.refusal(segment.steps.back(),
                                        "is a linear map that is too large to be multiplied out; split the layer into smaller ones."));
    } else {
      segment.flops = sparse_flops(matrix_of(wiring.graph, segment.steps, chain[i].input));
    }
    out.push_back(std::move(segment));
  }
  flush(wiring, run, out);
}

std::size_t input_of(const Wiring& wiring, const Segment& segment) {
  return wiring.graph.steps[segment.steps.front()].inputs[0];
}

/// The steps of segments [first, last] of a chain.
std::vector<std::size_t> steps_of(const std::vector<Segment>& out, std::size_t first, std::size_t last) {
  std::vector<std::size_t> steps;
  for (std::size_t k = first; k <= last; ++k) {
    steps.insert(steps.end(), out[k].steps.begin(), out[k].steps.end());
  }
  return steps;
}

/// What multiplying out would bring: nothing (the product of the norms is the norm of the product), something, or too much work.
constexpr std::size_t most_merged_steps = 256;

enum class Gain { none, some, too_dear };

/// Of segment `next` behind the segments [first, next).
Gain gain_of(const Wiring& wiring, const std::vector<Segment>& out, std::size_t first, std::size_t next) {
  const Segment& b = out[next];
  const std::vector<std::size_t> steps = steps_of(out, first, next);
  const std::size_t from = input_of(wiring, out[first]);
  // All steps are multiplied out again with each that is added, so their number is limited too.
  if (steps.size() > most_merged_steps || composition_cost(wiring.graph, steps, from) > affordable_terms) {
    return Gain::too_dear;
  }
  const bool scaling = out[first].op == BlockOperator::scale || b.op == BlockOperator::scale;
  if (!scaling) {
    // ||BA|| = ||B|| ||A|| where B'B or AA' is a multiple of the identity.
    if (constant_gram(matrix_of(wiring.graph, b.steps, input_of(wiring, b)), true) ||
        constant_gram(matrix_of(wiring.graph, steps_of(out, first, next - 1), from), false)) {
      return Gain::none;
    }
  }
  double apart = 0;
  for (std::size_t k = first; k <= next; ++k) {
    apart += out[k].flops;
  }
  return sparse_flops(matrix_of(wiring.graph, steps, from)) <= std::max(2 * apart, affordable_bounding_flops) ? Gain::some : Gain::too_dear;
}

/// What may be multiplied out is, from left to right. A segment that brings nothing is passed over, because what stands behind it may: in
/// C B A with B a rearrangement, C meets A.
void merge(const Wiring& wiring, std::vector<Segment>& out) {
  constexpr std::size_t passed_over = 8;  // at most: the cost stays linear in the length of the chain
  std::vector<Segment> done;
  for (std::size_t i = 0; i + 1 < out.size();) {
    std::size_t last = i;  // up to which it is worth it
    std::size_t passed = 0;
    for (std::size_t next = i + 1; out[i].op != BlockOperator::isometry && last == i && next < out.size() && passed < passed_over; ++next) {
      if (out[next].op == BlockOperator::isometry) {
        continue;
      }
      const Gain gain = gain_of(wiring, out, i, next);
      if (gain == Gain::too_dear) {
        break;
      }
      last = gain == Gain::some ? next : last;
      ++passed;
    }
    if (last == i) {
      done.push_back(std::move(out[i]));
      ++i;
      continue;
    }
    Segment merged;
    merged.op = BlockOperator::linear;
    merged.steps = steps_of(out, i, last);
    merged.flops = sparse_flops(matrix_of(wiring.graph, merged.steps, input_of(wiring, merged)));
    out[last] = std::move(merged);
    i = last;
  }
  if (!out.empty()) {
    done.push_back(std::move(out.back()));
  }
  out = std::move(done);
}

}  // namespace

std::vector<Segment> cut_chain(const Wiring& wiring, const std::vector<Unit>& chain, std::vector<Refusal>& refusals) {
  std::vector<Segment> out;
  std::size_t from = 0;  // first unit that is in no segment yet
  for (std::size_t i = 0; i < chain.size(); ++i) {
    if (wiring.graph.steps[chain[i].steps.front()].kind != Step::Kind::convolution || chain[i].steps.size() != 1) {
      continue;
    }
    std::size_t begin = i;
    std::size_t end = i + 1;
    Segment segment = convolution_segment(wiring, chain, from, begin, end, refusals);
    others(wiring, chain, from, begin, out, refusals);
    out.push_back(std::move(segment));
    from = end;
    i = end - 1;
  }
  others(wiring, chain, from, chain.size(), out, refusals);
  merge(wiring, out);
  return out;
}

}  // namespace lipcert
