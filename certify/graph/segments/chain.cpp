// See chain.hpp.
//
// Affine blocks in a row are multiplied out, from left to right, as far as it pays, unless one of them is a multiple of an isometry (or of
// its transpose): then the product of the norms is the norm of the product.

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

bool worth_merging(const Wiring& wiring, const std::vector<Segment>& out, std::size_t i, std::size_t next) {
  const Segment& a = out[i];
  const Segment& b = out[next];
  const auto plain = [](const Segment& s) { return s.op == BlockOperator::dense || s.op == BlockOperator::scale; };
  if (plain(a) && plain(b)) {
    return false;  // decided before
  }
  if (b.op == BlockOperator::dense && b.steps.back() + 1 == wiring.graph.output) {
    return false;  // the rows of the last layer bound the pairs of classes
  }
  std::vector<std::size_t> steps;
  for (std::size_t k = i; k <= next; ++k) {
    steps.insert(steps.end(), out[k].steps.begin(), out[k].steps.end());
  }
  const std::size_t from = input_of(wiring, a);
  if (composition_cost(wiring.graph, steps, from) > affordable_terms) {
    return false;
  }
  const bool scaling = a.op == BlockOperator::scale || b.op == BlockOperator::scale;
  if (!scaling) {
    // ||BA|| = ||B|| ||A|| where B'B or AA' is a multiple of the identity.
    if (constant_gram(matrix_of(wiring.graph, b.steps, input_of(wiring, b)), true) ||
        constant_gram(matrix_of(wiring.graph, a.steps, from), false)) {
      return false;
    }
  }
  return sparse_flops(matrix_of(wiring.graph, steps, from)) <= std::max(2 * (a.flops + b.flops), affordable_bounding_flops);
}

/// What may be multiplied out is, from left to right.
void merge(const Wiring& wiring, std::vector<Segment>& out) {
  for (std::size_t i = 0; i + 1 < out.size();) {
    std::size_t next = i + 1;
    while (next < out.size() && out[next].op == BlockOperator::isometry) {
      ++next;
    }
    if (out[i].op == BlockOperator::isometry || next == out.size() || !worth_merging(wiring, out, i, next)) {
      ++i;
      continue;
    }
    Segment merged;
    merged.op = BlockOperator::linear;
    for (std::size_t k = i; k <= next; ++k) {
      merged.steps.insert(merged.steps.end(), out[k].steps.begin(), out[k].steps.end());
    }
    merged.flops = sparse_flops(matrix_of(wiring.graph, merged.steps, input_of(wiring, merged)));
    out.erase(out.begin() + static_cast<std::ptrdiff_t>(i + 1), out.begin() + static_cast<std::ptrdiff_t>(next + 1));
    out[i] = std::move(merged);
  }
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
