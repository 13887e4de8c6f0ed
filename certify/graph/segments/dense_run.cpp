// See dense_run.hpp.
//
// Why a fold may contain what it contains: with r rows a dense step with the constant on the right is I_r (x) A, and (I_r (x) A)(I_r (x) B)
// = I_r (x) AB; an entrywise factor whose values repeat from row to row is I_r (x) diag(d). The norm of I_r (x) A is that of A. With the
// constant on the left it is A (x) I_q, with which only multiples of the identity are folded.

#include "certify/graph/segments/dense_run.hpp"

#include <algorithm>
#include <utility>

#include "certify/norms/dense_norm.hpp"

namespace lipcert {
namespace {

/// The entrywise step can join a dense step with this structure.
bool joins(const Step& step, Step::Kind dense, std::uint64_t copies) {
  if (step.kind == Step::Kind::isometry || step.factors.size() == 1) {
    return true;
  }
  if (dense == Step::Kind::left) {
    return false;
  }
  const std::size_t period = step.factors.size() / copies;
  for (std::size_t i = period; i < step.factors.size(); ++i) {
    if (step.factors[i] != step.factors[i - period]) {
      return false;
    }
  }
  return true;
}

class DenseRun {
 public:
  DenseRun(const StepGraph& graph, const std::vector<std::size_t>& run, std::vector<Segment>& out) : graph_(graph), run_(run), out_(out) {}

  void cut() {
    const std::size_t begin = 0;
    const std::size_t end = run_.size();
    std::size_t from = begin;  // first step that is in no segment yet
    while (from < end) {
      std::size_t first = from;
      while (first < end && !at(first).dense()) {
        ++first;
      }
      if (first == end) {
        entrywise(from, end);
        return;
      }
      const Step& head = at(first);
      // Entrywise steps before the dense one, as many as fit.
      std::size_t start = first;
      while (start > from && joins(at(start - 1), head.kind, head.copies)) {
        --start;
      }
      entrywise(from, start);
      Range segment{start, first + 1, head.matrix.rows, head.matrix.columns};
      double apart = bounding_flops(segment.rows, segment.columns);
      while (true) {
        std::size_t next = segment.end;
        while (next < end && !at(next).dense() && joins(at(next), head.kind, head.copies)) {
          ++next;
        }
        if (next == end || !at(next).dense() || !worth_folding(segment, head, at(next), apart)) {
          segment.end = next;
          break;
        }
        apart += bounding_flops(at(next).matrix.rows, at(next).matrix.columns);
        segment.rows = at(next).matrix.rows;
        segment.end = next + 1;
      }
      Segment dense;
      dense.op = BlockOperator::dense;
      dense.steps = steps(segment.begin, segment.end);
      dense.rows = segment.rows;
      dense.columns = segment.columns;
      dense.copies = head.copies;
      dense.flops = bounding_flops(dense.rows, dense.columns);
      out_.push_back(std::move(dense));
      from = segment.end;
    }
  }

 private:
  struct Range {
    std::size_t begin = 0;
    std::size_t end = 0;
    std::uint64_t rows = 0;
    std::uint64_t columns = 0;
  };

  [[nodiscard]] const Step& at(std::size_t i) const { return graph_.steps[run_[i]]; }
  [[nodiscard]] std::vector<std::size_t> steps(std::size_t begin, std::size_t end) const {
    return {run_.begin() + static_cast<std::ptrdiff_t>(begin), run_.begin() + static_cast<std::ptrdiff_t>(end)};
  }

  /// A segment without a dense step, if there is anything in it.
  void entrywise(std::size_t begin, std::size_t end) {
    if (begin == end) {
      return;
    }
    bool scales = false;
    for (std::size_t i = begin; i < end; ++i) {
      scales = scales || at(i).kind == Step::Kind::diagonal;
    }
    Segment segment;
    segment.op = scales ? BlockOperator::scale : BlockOperator::isometry;
    segment.steps = steps(begin, end);
    out_.push_back(std::move(segment));
  }

  static bool worth_folding(const Range& segment, const Step& head, const Step& next, double apart) {
    if (head.kind != Step::Kind::right || next.kind != Step::Kind::right || next.copies != head.copies) {
      return false;
    }
    if (std::max<std::uint64_t>(next.matrix.rows, segment.columns) > largest_folded_side) {
      return false;
    }
    const double product =
        2 * static_cast<double>(next.matrix.rows) * static_cast<double>(next.matrix.columns) * static_cast<double>(segment.columns);
    const double together = bounding_flops(next.matrix.rows, segment.columns);
    const double all_apart = apart + bounding_flops(next.matrix.rows, next.matrix.columns);
    return product <= all_apart + together && together <= std::max(2 * all_apart, affordable_bounding_flops);
  }

  const StepGraph& graph_;
  const std::vector<std::size_t>& run_;
  std::vector<Segment>& out_;
};

}  // namespace

void cut_dense_run(const StepGraph& graph, const std::vector<std::size_t>& run, std::vector<Segment>& out) {
  DenseRun(graph, run, out).cut();
}

}  // namespace lipcert
