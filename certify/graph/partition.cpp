// See partition.hpp.
//
// Why a fold may contain what it contains: with r rows a dense step with the constant on the right is I_r (x) A, and (I_r (x) A)(I_r (x) B)
// = I_r (x) AB; an entrywise factor whose values repeat from row to row is I_r (x) diag(d). The norm of I_r (x) A is that of A. With the
// constant on the left it is A (x) I_q, with which only multiples of the identity are folded.

#include "certify/graph/partition.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <numeric>
#include <optional>
#include <set>
#include <utility>

#include "certify/norms/band_norm.hpp"
#include "certify/graph/constants.hpp"
#include "certify/norms/dense_norm.hpp"
#include "certify/graph/linear_map.hpp"
#include "certify/graph/patterns.hpp"
#include "certify/norms/sll_norm.hpp"
#include "formats/operators/parameters.hpp"

namespace lipcert {

const char* name_of(BlockOperator op) {
  switch (op) {
    case BlockOperator::isometry:
      return "isometry";
    case BlockOperator::scale:
      return "scale";
    case BlockOperator::dense:
      return "dense";
    case BlockOperator::linear:
      return "linear";
    case BlockOperator::convolution:
      return "convolution";
    case BlockOperator::activation:
      return "activation";
    case BlockOperator::softmax:
      return "softmax";
    case BlockOperator::pool_max:
      return "pool-max";
    case BlockOperator::pool_l2:
      return "pool-l2";
    case BlockOperator::sort:
      return "sort";
    case BlockOperator::split:
      return "split";
    case BlockOperator::sll:
      return "sll";
    case BlockOperator::add:
      return "add";
    case BlockOperator::concat:
      return "concat";
    case BlockOperator::max_min:
      return "max-min";
  }
  return "";
}

namespace {

constexpr std::uint64_t largest_folded_side = 8192;
constexpr double affordable_bounding_flops = 0x1p37;

bool same(const Ball& a, const Ball& b) {
  return a.centre == b.centre && a.radius == b.radius;
}

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
    if (!same(step.factors[i], step.factors[i - period])) {
      return false;
    }
  }
  return true;
}

/// Cuts a run of isometries, diagonal and dense steps, each of which alone reads what the one before wrote.
class Cutter {
 public:
  Cutter(const StepGraph& graph, const std::vector<std::size_t>& run, std::vector<Segment>& out) : graph_(graph), run_(run), out_(out) {}

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

/// Terms and flops that a matrix which is multiplied out may take. Its entries fit in memory besides (linear_map.hpp).
constexpr double affordable_terms = 0x1p26;

/// What a segment's matrix does to lengths.
struct Shape2 {
  bool isometric = false;    // A'A is a multiple of the identity
  bool coisometric = false;  // AA' is
};

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

class Partitioner {
 public:
  Partitioner(const Network& network, const StepGraph& graph) : network_(network), graph_(graph), segment_of_(graph.steps.size(), none) {
    readers_.resize(graph.steps.size() + 1);
    for (std::size_t s = 0; s < graph.steps.size(); ++s) {
      for (const std::size_t input : graph.steps[s].inputs) {
        if (readers_[input].empty() || readers_[input].back() != s) {
          readers_[input].push_back(s);
        }
      }
    }
  }

  Segments run() {
    for (Rearrangement& sort : find_rearrangements(network_, graph_)) {
      Segment segment;
      segment.op = BlockOperator::sort;
      segment.inputs = {sort.input};
      segment.steps = std::move(sort.steps);
      put(std::move(segment));
    }
    for (std::size_t s = 0; s < graph_.steps.size(); ++s) {
      if (graph_.steps[s].kind == Step::Kind::sum && segment_of_[s] == none) {
        residual(s);
      }
    }
    for (std::size_t s = 0; s < graph_.steps.size(); ++s) {
      if (segment_of_[s] == none && !graph_.steps[s].affine()) {
        curved(s);
      }
    }
    for (std::size_t s = 0; s < graph_.steps.size(); ++s) {
      if (segment_of_[s] == none && graph_.steps[s].inputs.size() > 1) {
        join_or_region(s);
      }
    }
    splits();
    for (std::size_t s = 0; s < graph_.steps.size(); ++s) {
      if (segment_of_[s] == none && unit_of_.count(s) == 0) {
        unit({s}, graph_.steps[s].inputs[0]);
      }
    }
    chains();
    if (!refusals_.empty()) {
      return {{}, std::move(refusals_)};
    }
    std::stable_sort(segments_.begin(), segments_.end(),
                     [](const Segment& a, const Segment& b) { return a.steps.back() < b.steps.back(); });
    for (std::size_t i = 0; i < segments_.size(); ++i) {
      for (const std::size_t s : segments_[i].steps) {
        segment_of_[s] = i;
      }
    }
    for (Segment& segment : segments_) {
      if (segment.op == BlockOperator::concat) {
        find_slices(segment);
      }
    }
    return {std::move(segments_), {}};
  }

 private:
  static constexpr std::size_t none = static_cast<std::size_t>(-1);

  /// Affine steps with one input, before it is decided with which others they are bounded.
  struct Unit {
    std::vector<std::size_t> steps;
    std::size_t input = 0;
  };

  [[nodiscard]] Operator operator_of(std::size_t step) const { return network_.nodes[graph_.steps[step].node].op; }

  void refuse_step(std::size_t s, const std::string& reason) {
    refusals_.push_back(refuse(network_, graph_.steps[s].node, reason).refusal);
    segment_of_[s] = none - 1;
  }

  void put(Segment segment) {
    for (const std::size_t s : segment.steps) {
      segment_of_[s] = segments_.size();
    }
    segments_.push_back(std::move(segment));
  }

  void put(BlockOperator op, std::size_t s) {
    Segment segment;
    segment.op = op;
    segment.steps = {s};
    segment.inputs = graph_.steps[s].inputs;
    put(std::move(segment));
  }

  void curved(std::size_t s) {
    const Step& step = graph_.steps[s];
    switch (step.kind) {
      case Step::Kind::activation:
        put(BlockOperator::activation, s);
        return;
      case Step::Kind::softmax:
        put(BlockOperator::softmax, s);
        return;
      case Step::Kind::pool_l2:
        put(BlockOperator::pool_l2, s);
        return;
      default:
        break;
    }
    const Operator op = operator_of(s);
    if (op == Operator::top_k) {
      refuse_step(s, "chooses along an axis with one entry; remove the node.");
    } else if (op == Operator::max || op == Operator::min) {
      const Node& node = network_.nodes[step.node];
      const bool same = std::all_of(node.inputs.begin(), node.inputs.end(), [&](ValueId id) {
        return !network_.values[id].constant && network_.values[id].shape == network_.values[node.outputs[0]].shape;
      });
      if (same && step.inputs.size() > 1) {
        put(BlockOperator::max_min, s);
      } else {
        refuse_step(s, "compares tensors of different shapes; repeat the smaller one in a node of its own.");
      }
    } else {
      put(BlockOperator::pool_max, s);
    }
  }

  /// A block x - A' diag(d) relu(A x + b) that ends in step `last`, if there is one.
  void residual(std::size_t last) {
    const Step& join = graph_.steps[last];
    if (join.inputs.size() != 2 || !std::all_of(join.maps.begin(), join.maps.end(), [](const auto& map) { return map.empty(); })) {
      return;
    }
    for (const std::size_t straight : {std::size_t{0}, std::size_t{1}}) {
      if (join.signs[straight] < 0) {
        continue;
      }
      if (std::optional<Segment> segment = residual_between(join.inputs[straight], last, 1 - straight)) {
        put(std::move(*segment));
        return;
      }
    }
  }

  /// The same with its input given, and which input of the last step comes from the branch.
  [[nodiscard]] std::optional<Segment> residual_between(std::size_t from, std::size_t last, std::size_t branch) const {
    // From the end to the beginning: operator, Mul, Relu, operator, with biases, changes of shape and, behind the Mul, one-number factors
    // between.
    const auto alone = [&](std::size_t value, std::size_t reader) {
      return value != graph_.output && readers_[value].size() == 1 && readers_[value][0] == reader;
    };
    const auto is_operator = [](const Step& step) { return step.dense() || step.kind == Step::Kind::convolution; };
    std::vector<std::size_t> before;
    std::vector<std::size_t> after;  // behind the Mul
    std::size_t mul = none;
    std::size_t relu = none;
    Ball factor{-graph_.steps[last].signs[branch], 0};  // the branch is -factor A' diag(its own d) relu
    bool operator_before = false;
    bool operator_after = false;
    std::size_t value = graph_.steps[last].inputs[branch];
    for (std::size_t reader = last; value != from; reader = value - 1, value = graph_.steps[value - 1].inputs[0]) {
      if (value == 0 || segment_of_[value - 1] != none || !alone(value, reader) || graph_.steps[value - 1].inputs.size() != 1) {
        return std::nullopt;
      }
      const std::size_t s = value - 1;
      const Step& step = graph_.steps[s];
      if (relu != none) {
        if (is_operator(step) && !operator_before) {
          operator_before = true;
        } else if (step.kind != Step::Kind::isometry || step.sign < 0) {
          return std::nullopt;
        }
        before.push_back(s);
      } else if (mul != none) {
        if (step.kind != Step::Kind::activation || step.op != Operator::relu || operator_of(s) != Operator::relu) {
          return std::nullopt;
        }
        relu = s;
      } else if (operator_after && operator_of(s) == Operator::mul && value_of_relu(step.inputs[0])) {
        mul = s;
      } else {
        if (is_operator(step) && !operator_after) {
          operator_after = true;
        } else if (step.kind == Step::Kind::isometry) {
          factor.centre *= step.sign;
        } else if (step.kind == Step::Kind::diagonal && step.factors.size() == 1 && operator_of(s) != Operator::batch_normalization) {
          factor = multiply(factor, step.factors[0]);
        } else {
          return std::nullopt;
        }
        after.push_back(s);
      }
    }
    if (relu == none || !operator_before || factor.radius != 0 || !(factor.centre > 0)) {
      return std::nullopt;
    }
    std::reverse(before.begin(), before.end());
    std::reverse(after.begin(), after.end());
    const std::size_t hidden = graph_.size_of(relu + 1);
    const std::size_t outer = graph_.size_of(from);
    if (hidden > largest_sll_order || static_cast<double>(hidden) * static_cast<double>(outer) > largest_sll_entries ||
        composition_cost(graph_, before, from) > largest_sll_terms || composition_cost(graph_, after, mul + 1) > largest_sll_terms) {
      return std::nullopt;
    }
    // Far from the ends of the double-precision numbers, so that no product of two of them is lost.
    const auto moderate = [](double x) { return std::fabs(x) >= 0x1p-400 && std::fabs(x) <= 0x1p400; };
    Segment segment;
    segment.sll = SllParts{before, {}};
    const Step& scaling = graph_.steps[mul];
    for (std::size_t k = 0; k < hidden; ++k) {
      const Ball own = scaling.kind == Step::Kind::diagonal ? scaling.factors[scaling.factors.size() == 1 ? 0 : k] : Ball{scaling.sign, 0};
      const Ball d = multiply(own, factor);
      if (d.radius != 0 || !(d.centre > 0) || !moderate(d.centre)) {
        return std::nullopt;
      }
      segment.sll->d.push_back(d.centre);
    }
    const SparseMatrix a = matrix_of(graph_, before, from);
    if (!are_transposed(matrix_of(graph_, after, mul + 1), a, {-graph_.steps[last].signs[branch] * factor.centre, 0}) ||
        !std::any_of(a.centre.begin(), a.centre.end(), moderate) ||
        std::any_of(a.centre.begin(), a.centre.end(), [&](double x) { return x != 0 && !moderate(x); })) {
      return std::nullopt;
    }
    segment.op = BlockOperator::sll;
    segment.inputs = {from};
    segment.steps = before;
    segment.steps.push_back(relu);
    segment.steps.push_back(mul);
    segment.steps.insert(segment.steps.end(), after.begin(), after.end());
    segment.steps.push_back(last);
    std::sort(segment.steps.begin(), segment.steps.end());
    segment.flops = sll_flops(a);
    return segment;
  }

  [[nodiscard]] bool value_of_relu(std::size_t value) const { return value != 0 && operator_of(value - 1) == Operator::relu; }

  /// back = factor A', entry by entry and exactly.
  [[nodiscard]] static bool are_transposed(const SparseMatrix& back, const SparseMatrix& a, Ball factor) {
    const auto exact = [](const SparseMatrix& m) { return std::all_of(m.radius.begin(), m.radius.end(), [](double r) { return r == 0; }); };
    if (back.rows != a.columns || back.columns != a.rows || !exact(back) || !exact(a)) {
      return false;
    }
    const SparseMatrix at = transposed(a);
    for (std::size_t j = 0; j < at.rows; ++j) {
      std::size_t k = at.start[j];
      std::size_t e = back.start[j];
      while (true) {
        while (k < at.start[j + 1] && at.centre[k] == 0) {
          ++k;
        }
        while (e < back.start[j + 1] && back.centre[e] == 0) {
          ++e;
        }
        if (k == at.start[j + 1] || e == back.start[j + 1]) {
          break;
        }
        const Ball wanted = multiply({at.centre[k], 0}, factor);
        if (back.column[e] != at.column[k] || wanted.radius != 0 || back.centre[e] != wanted.centre) {
          return false;
        }
        ++k;
        ++e;
      }
      if (k != at.start[j + 1] || e != back.start[j + 1]) {
        return false;
      }
    }
    return true;
  }

  /// The affine steps between one value and step `last`, if there is one such value, nothing else reads what is between, and the matrix is
  /// affordable.
  void join_or_region(std::size_t last) {
    std::set<std::size_t> inside{last};
    std::set<std::size_t> open(graph_.steps[last].inputs.begin(), graph_.steps[last].inputs.end());
    bool closed = true;
    while (open.size() > 1) {
      const std::size_t value = *open.rbegin();
      if (value == 0 || segment_of_[value - 1] != none || !graph_.steps[value - 1].affine()) {
        closed = false;
        break;
      }
      open.erase(value);
      // With a step come the steps of the unit that it is in, and the other outputs of its Split.
      std::vector<std::size_t> added{value - 1};
      if (const auto in = unit_of_.find(value - 1); in != unit_of_.end()) {
        added = units_[in->second].steps;
      }
      for (const std::size_t s : added) {
        inside.insert(s);
        open.erase(s + 1);
      }
      for (const std::size_t s : added) {
        for (const std::size_t input : graph_.steps[s].inputs) {
          if (input == 0 || inside.count(input - 1) == 0) {
            open.insert(input);
          }
        }
      }
    }
    if (closed) {
      std::set<std::size_t> nodes;
      for (const std::size_t s : inside) {
        nodes.insert(graph_.steps[s].node);
      }
      for (std::size_t s = 0; s < last; ++s) {
        if (nodes.count(graph_.steps[s].node) != 0) {
          inside.insert(s);
        }
      }
      for (const std::size_t s : inside) {
        const auto outside = [&](std::size_t reader) { return inside.count(reader) == 0; };
        if (s != last && (s + 1 == graph_.output || std::any_of(readers_[s + 1].begin(), readers_[s + 1].end(), outside))) {
          closed = false;
        }
      }
    }
    const std::vector<std::size_t> steps(inside.begin(), inside.end());
    const auto joins = [&] { return join_kind(last).has_value(); };
    if (closed && affordable(steps, *open.begin(), joins() ? 0x1p36 : 0x1p40)) {
      // Units that lie inside are no longer units of their own.
      for (const std::size_t s : steps) {
        if (const auto in = unit_of_.find(s); in != unit_of_.end()) {
          units_[in->second].steps.clear();
        }
      }
      unit(steps, *open.begin());
      return;
    }
    if (const std::optional<BlockOperator> op = join_kind(last)) {
      put(*op, last);
      return;
    }
    refuse_step(
        last,
        closed ? "is part of a linear map that is too large to be multiplied out; export the branches as one convolution or product."
               : "joins two branches in a way that is not bounded (other shapes, or constants between); write the joint as Add or Sub of "
                 "tensors of one shape, or as a Concat of data alone.");
  }

  [[nodiscard]] std::optional<BlockOperator> join_kind(std::size_t s) const {
    const Step& step = graph_.steps[s];
    if (step.kind == Step::Kind::sum) {
      const bool same = std::all_of(step.maps.begin(), step.maps.end(), [](const auto& map) { return map.empty(); });
      return same ? std::optional<BlockOperator>(BlockOperator::add) : std::nullopt;
    }
    const bool constants = std::any_of(step.source.begin(), step.source.end(), [](const EntryAt& e) { return e.input == Step::no_input; });
    return constants ? std::nullopt : std::optional<BlockOperator>(BlockOperator::concat);
  }

  [[nodiscard]] bool affordable(const std::vector<std::size_t>& steps, std::size_t from, double most_flops) {
    if (composition_cost(graph_, steps, from) > affordable_terms) {
      return false;
    }
    return sparse_flops(matrix_of(graph_, steps, from)) <= most_flops;
  }

  void unit(std::vector<std::size_t> steps, std::size_t input) {
    for (const std::size_t s : steps) {
      unit_of_[s] = units_.size();
    }
    units_.push_back({std::move(steps), input});
  }

  /// A Split none of whose outputs is in a block stands alone.
  void splits() {
    for (std::size_t s = 0; s < graph_.steps.size(); ++s) {
      if (segment_of_[s] != none || unit_of_.count(s) != 0 || operator_of(s) != Operator::split) {
        continue;
      }
      Segment segment;
      segment.op = BlockOperator::split;
      segment.inputs = graph_.steps[s].inputs;
      for (std::size_t t = s; t < graph_.steps.size() && graph_.steps[t].node == graph_.steps[s].node; ++t) {
        segment.steps.push_back(t);
      }
      put(std::move(segment));
    }
  }

  [[nodiscard]] bool all_read_by(std::size_t value, const std::vector<std::size_t>& steps) const {
    return value != graph_.output && std::all_of(readers_[value].begin(), readers_[value].end(),
                                                 [&](std::size_t r) { return std::find(steps.begin(), steps.end(), r) != steps.end(); });
  }

  /// A selection of entries that something else beside it reads too: its block shows that the branches are slices, and stays one.
  [[nodiscard]] bool is_branch_slice(const Unit& unit) const {
    const auto slices = [&](std::size_t s) { return operator_of(s) == Operator::slice || operator_of(s) == Operator::gather; };
    return readers_[unit.input].size() > 1 && std::all_of(unit.steps.begin(), unit.steps.end(), slices);
  }

  void chains() {
    std::map<std::size_t, std::size_t> by_input;  // value -> the unit that alone reads it
    for (std::size_t u = 0; u < units_.size(); ++u) {
      if (!units_[u].steps.empty() && all_read_by(units_[u].input, units_[u].steps)) {
        by_input[units_[u].input] = u;
      }
    }
    std::vector<bool> follows(units_.size(), false);
    const auto next_of = [&](std::size_t u) {
      if (is_branch_slice(units_[u])) {
        return none;
      }
      const auto next = by_input.find(units_[u].steps.back() + 1);
      return next == by_input.end() ? none : next->second;
    };
    for (std::size_t u = 0; u < units_.size(); ++u) {
      if (!units_[u].steps.empty()) {
        if (const std::size_t next = next_of(u); next != none) {
          follows[next] = true;
        }
      }
    }
    for (std::size_t u = 0; u < units_.size(); ++u) {
      if (units_[u].steps.empty() || follows[u]) {
        continue;
      }
      std::vector<Unit> chain;
      for (std::size_t at = u; at != none; at = next_of(at)) {
        chain.push_back(units_[at]);
      }
      cut_chain(chain);
    }
  }

  [[nodiscard]] const Step& first_step(const Unit& unit) const { return graph_.steps[unit.steps.front()]; }

  [[nodiscard]] const Shape& shape_in(const Unit& unit) const {
    return unit.input == 0 ? network_.values[network_.input].shape : network_.values[graph_.steps[unit.input - 1].value].shape;
  }
  [[nodiscard]] const Shape& shape_out(const Unit& unit) const { return network_.values[graph_.steps[unit.steps.back()].value].shape; }

  /// One isometry, diagonal or dense step, of the nodes that isometry, scale and dense blocks may hold.
  [[nodiscard]] bool simple(const Unit& unit) const {
    if (unit.steps.size() != 1) {
      return false;
    }
    const Step& step = first_step(unit);
    return step.kind == Step::Kind::isometry || step.dense() ||
           (step.kind == Step::Kind::diagonal && operator_of(unit.steps[0]) != Operator::batch_normalization);
  }

  /// The factor of each channel, for one step that treats every entry of a channel alike.
  [[nodiscard]] std::optional<std::vector<Ball>> channel_factors(const Unit& unit, std::size_t channels) const {
    if (unit.steps.size() != 1) {
      return std::nullopt;
    }
    const Step& step = first_step(unit);
    switch (operator_of(unit.steps[0])) {
      case Operator::identity:
      case Operator::dropout:
      case Operator::cast:
      case Operator::neg:
      case Operator::add:
      case Operator::sub:
      case Operator::mul:
      case Operator::div:
      case Operator::batch_normalization:
        break;
      default:
        return std::nullopt;
    }
    if (step.kind == Step::Kind::isometry) {
      return std::vector<Ball>(channels, Ball{step.sign, 0});
    }
    if (step.kind != Step::Kind::diagonal) {
      return std::nullopt;
    }
    if (step.factors.size() == 1) {
      return std::vector<Ball>(channels, step.factors[0]);
    }
    std::vector<Ball> result;
    const std::size_t period = step.factors.size() / channels;
    for (std::size_t i = 0; i < step.factors.size(); ++i) {
      if (i % period == 0) {
        result.push_back(step.factors[i]);
      } else if (!same(step.factors[i], result.back())) {
        return std::nullopt;
      }
    }
    return result;
  }

  /// For each spatial axis, where every position of the unit's output comes from (-1: a constant), when the unit only pads, crops or
  /// repeats, axis by axis and all channels alike.
  [[nodiscard]] std::optional<std::vector<std::vector<std::int64_t>>> padding_of(const Unit& unit) const {
    for (const std::size_t s : unit.steps) {
      switch (operator_of(s)) {
        case Operator::pad:
        case Operator::slice:
        case Operator::concat:
        case Operator::identity:
        case Operator::dropout:
        case Operator::cast:
          break;
        default:
          return std::nullopt;
      }
    }
    const Shape& in = shape_in(unit);
    const Shape& out = shape_out(unit);
    if (in.size() != out.size() || in.size() < 3 || in.size() > 5 || in[0] != 1 || out[0] != 1 || in[1] != out[1] ||
        composition_cost(graph_, unit.steps, unit.input) > affordable_terms) {
      return std::nullopt;
    }
    const SparseMatrix selection = matrix_of(graph_, unit.steps, unit.input);
    const std::size_t axes = in.size() - 2;
    const auto position_of = [axes](const Shape& shape, std::size_t flat) {
      std::vector<std::uint64_t> at(axes + 1);
      for (std::size_t a = axes + 1; a-- > 0;) {
        at[a] = flat % shape[a + 1];
        flat /= shape[a + 1];
      }
      return at;
    };
    std::vector<std::vector<std::int64_t>> maps(axes);
    for (std::size_t a = 0; a < axes; ++a) {
      maps[a].assign(out[a + 2], -1);
    }
    for (std::size_t o = 0; o < selection.rows; ++o) {
      const std::size_t terms = selection.start[o + 1] - selection.start[o];
      if (terms > 1) {
        return std::nullopt;
      }
      if (terms == 1) {
        const std::vector<std::uint64_t> to = position_of(out, o);
        const std::vector<std::uint64_t> from = position_of(in, selection.column[selection.start[o]]);
        for (std::size_t a = 0; a < axes; ++a) {
          maps[a][to[a + 1]] = static_cast<std::int64_t>(from[a + 1]);
        }
      }
    }
    for (std::size_t o = 0; o < selection.rows; ++o) {
      const std::vector<std::uint64_t> to = position_of(out, o);
      std::size_t expected = to[0];
      bool inside = true;
      for (std::size_t a = 0; a < axes; ++a) {
        const std::int64_t from = maps[a][to[a + 1]];
        inside = inside && from >= 0;
        expected = expected * in[a + 2] + static_cast<std::size_t>(std::max<std::int64_t>(from, 0));
      }
      const bool has = selection.start[o + 1] > selection.start[o];
      if (has != inside || (has && (selection.column[selection.start[o]] != expected || selection.centre[selection.start[o]] != 1))) {
        return std::nullopt;
      }
    }
    return maps;
  }

  void cut_chain(const std::vector<Unit>& chain) {
    std::vector<Segment> out;
    std::size_t from = 0;  // first unit that is in no segment yet
    for (std::size_t i = 0; i < chain.size(); ++i) {
      if (first_step(chain[i]).kind != Step::Kind::convolution || chain[i].steps.size() != 1) {
        continue;
      }
      std::size_t begin = i;
      std::size_t end = i + 1;
      Segment segment = convolution_segment(chain, from, begin, end);
      others(chain, from, begin, out);
      out.push_back(std::move(segment));
      from = end;
      i = end - 1;
    }
    others(chain, from, chain.size(), out);
    merge(out);
    std::size_t input = chain.front().input;
    for (Segment& segment : out) {
      segment.inputs = {input};
      input = segment.steps.back() + 1;
      put(std::move(segment));
    }
  }

  /// The convolution at chain[begin], with what it takes up: [begin, end) grows, down to `least`.
  [[nodiscard]] Segment convolution_segment(const std::vector<Unit>& chain, std::size_t least, std::size_t& begin, std::size_t& end) {
    const Step& step = first_step(chain[begin]);
    const ConvolutionMap& map = step.convolution;
    const bool transposed = operator_of(chain[begin].steps[0]) == Operator::conv_transpose;
    const WindowParameters parameters = window_parameters(network_, step.node);
    const std::size_t in_channels = map.groups * map.inputs;
    const std::size_t out_channels = map.groups * map.outputs;
    std::vector<Ball> before(in_channels, Ball{1, 0});
    std::vector<Ball> after(out_channels, Ball{1, 0});
    std::vector<std::vector<std::int64_t>> sources(parameters.axes.size());  // empty: identity
    const std::size_t at = begin;
    while (begin > least) {
      if (const auto factors = channel_factors(chain[begin - 1], in_channels)) {
        for (std::size_t c = 0; c < in_channels; ++c) {
          before[c] = multiply(before[c], (*factors)[c]);
        }
      } else if (const auto maps = transposed ? std::nullopt : padding_of(chain[begin - 1])) {
        for (std::size_t a = 0; a < sources.size(); ++a) {
          if (sources[a].empty()) {
            sources[a] = (*maps)[a];
          } else {
            for (std::int64_t& s : sources[a]) {
              s = s < 0 ? -1 : (*maps)[a][static_cast<std::size_t>(s)];
            }
          }
        }
      } else {
        break;
      }
      --begin;
    }
    while (end < chain.size()) {
      const auto factors = channel_factors(chain[end], out_channels);
      if (!factors) {
        break;
      }
      for (std::size_t c = 0; c < out_channels; ++c) {
        after[c] = multiply(after[c], (*factors)[c]);
      }
      ++end;
    }
    Segment segment;
    segment.op = BlockOperator::convolution;
    for (std::size_t u = begin; u < end; ++u) {
      segment.steps.insert(segment.steps.end(), chain[u].steps.begin(), chain[u].steps.end());
    }
    Convolution c;
    c.transposed = transposed;
    c.groups = map.groups;
    c.outputs = transposed ? map.inputs : map.outputs;
    c.inputs = transposed ? map.outputs : map.inputs;
    const Shape& read = shape_in(chain[begin]);
    static_cast<void>(at);
    for (std::size_t a = 0; a < parameters.axes.size(); ++a) {
      const WindowAxis& w = parameters.axes[a];
      ConvolutionAxis axis;
      axis.padded = transposed ? w.output : w.input;
      axis.input = transposed ? w.output : read[a + 2];
      axis.output = transposed ? w.input : w.output;
      axis.kernel = w.kernel;
      axis.stride = w.stride;
      axis.dilation = w.dilation;
      axis.begin = w.begin;
      axis.source = sources[a];
      bool identity = axis.source.size() == axis.input;
      for (std::size_t i = 0; identity && i < axis.source.size(); ++i) {
        identity = axis.source[i] == static_cast<std::int64_t>(i);
      }
      if (identity) {
        axis.source.clear();
      }
      c.axes.push_back(std::move(axis));
    }
    c.kernel.shape = {c.groups * c.outputs, c.inputs};
    for (const WindowAxis& w : parameters.axes) {
      c.kernel.shape.push_back(w.kernel);
    }
    const std::size_t taps = map.taps;
    c.kernel.centre.resize(map.kernel.centre.size());
    c.kernel.radius.resize(map.kernel.centre.size());
    bool exact = true;
    for (std::size_t o = 0; o < out_channels; ++o) {
      for (std::size_t i = 0; i < map.inputs; ++i) {
        const std::size_t group = o / map.outputs;
        const std::size_t in_channel = group * map.inputs + i;
        for (std::size_t t = 0; t < taps; ++t) {
          const std::size_t from = o * map.kernel.columns + i * taps + t;
          const std::size_t to = transposed ? (in_channel * c.inputs + o % map.outputs) * taps + t : from;
          Ball w{map.kernel.centre[from], map.kernel.exact() ? 0 : map.kernel.radius[from]};
          w = multiply(multiply(w, before[in_channel]), after[o]);
          c.kernel.centre[to] = w.centre;
          c.kernel.radius[to] = w.radius;
          exact = exact && w.radius == 0;
        }
      }
    }
    if (exact) {
      c.kernel.radius.clear();
    }
    if (first_unbounded(c.kernel.centre, c.kernel.radius) != c.kernel.centre.size()) {
      refuse_step(chain[at].steps[0], "has constants whose combination is not finite in double precision; rescale the weights.");
    } else {
      segment.flops = convolution_flops(c);
    }
    segment.convolution = std::move(c);
    return segment;
  }

  /// Units [begin, end) without convolutions.
  void others(const std::vector<Unit>& chain, std::size_t begin, std::size_t end, std::vector<Segment>& out) {
    std::vector<std::size_t> run;
    for (std::size_t i = begin; i < end; ++i) {
      if (simple(chain[i])) {
        run.push_back(chain[i].steps[0]);
        continue;
      }
      flush(run, out);
      Segment segment;
      segment.op = BlockOperator::linear;
      segment.steps = chain[i].steps;
      if (composition_cost(graph_, segment.steps, chain[i].input) > affordable_terms) {
        refuse_step(segment.steps.back(), "is a linear map that is too large to be multiplied out; split the layer into smaller ones.");
      } else {
        segment.flops = sparse_flops(matrix_of(graph_, segment.steps, chain[i].input));
      }
      out.push_back(std::move(segment));
    }
    flush(run, out);
  }

  void flush(std::vector<std::size_t>& run, std::vector<Segment>& out) {
    if (!run.empty()) {
      Cutter(graph_, run, out).cut();
      run.clear();
    }
  }

  [[nodiscard]] std::size_t input_of(const Segment& segment) const { return graph_.steps[segment.steps.front()].inputs[0]; }

  /// What may be multiplied out is, from left to right.
  void merge(std::vector<Segment>& out) {
    for (std::size_t i = 0; i + 1 < out.size();) {
      std::size_t next = i + 1;
      while (next < out.size() && out[next].op == BlockOperator::isometry) {
        ++next;
      }
      if (out[i].op == BlockOperator::isometry || next == out.size() || !worth_merging(out, i, next)) {
        ++i;
        continue;
      }
      Segment merged;
      merged.op = BlockOperator::linear;
      for (std::size_t k = i; k <= next; ++k) {
        merged.steps.insert(merged.steps.end(), out[k].steps.begin(), out[k].steps.end());
      }
      merged.flops = sparse_flops(matrix_of(graph_, merged.steps, input_of(merged)));
      out.erase(out.begin() + static_cast<std::ptrdiff_t>(i + 1), out.begin() + static_cast<std::ptrdiff_t>(next + 1));
      out[i] = std::move(merged);
    }
  }

  [[nodiscard]] bool worth_merging(const std::vector<Segment>& out, std::size_t i, std::size_t next) {
    const Segment& a = out[i];
    const Segment& b = out[next];
    const auto plain = [](const Segment& s) { return s.op == BlockOperator::dense || s.op == BlockOperator::scale; };
    if (plain(a) && plain(b)) {
      return false;  // decided before
    }
    if (b.op == BlockOperator::dense && b.steps.back() + 1 == graph_.output) {
      return false;  // the rows of the last layer bound the pairs of classes
    }
    std::vector<std::size_t> steps;
    for (std::size_t k = i; k <= next; ++k) {
      steps.insert(steps.end(), out[k].steps.begin(), out[k].steps.end());
    }
    const std::size_t from = input_of(a);
    if (composition_cost(graph_, steps, from) > affordable_terms) {
      return false;
    }
    const bool scaling = a.op == BlockOperator::scale || b.op == BlockOperator::scale;
    if (!scaling) {
      // ||BA|| = ||B|| ||A|| where B'B or AA' is a multiple of the identity.
      if (constant_gram(matrix_of(graph_, b.steps, input_of(b)), true) || constant_gram(matrix_of(graph_, a.steps, from), false)) {
        return false;
      }
    }
    return sparse_flops(matrix_of(graph_, steps, from)) <= std::max(2 * (a.flops + b.flops), affordable_bounding_flops);
  }

  /// Theorem disjoint-slices: the inputs of a Concat come, each through blocks with one input, from disjoint slices of one tensor.
  void find_slices(Segment& concat) {
    // For each input: the tensors that it may come from, and the entries.
    std::optional<std::map<std::size_t, std::vector<std::vector<std::uint32_t>>>> common;
    for (const std::size_t input : graph_.steps[concat.steps[0]].inputs) {
      std::map<std::size_t, std::vector<std::uint32_t>> origins;
      for (std::size_t value = input; value != 0;) {
        const Segment& segment = segments_[segment_of_[value - 1]];
        if (segment.inputs.size() != 1) {
          break;
        }
        const auto slices = [&](std::size_t s) { return operator_of(s) == Operator::slice || operator_of(s) == Operator::gather; };
        if (segment.op == BlockOperator::split) {
          origins[segment.inputs[0]] = matrix_of(graph_, {value - 1}, segment.inputs[0]).column;
        } else if (segment.op == BlockOperator::linear && std::all_of(segment.steps.begin(), segment.steps.end(), slices)) {
          origins[segment.inputs[0]] = matrix_of(graph_, segment.steps, segment.inputs[0]).column;
        }
        value = segment.inputs[0];
      }
      std::map<std::size_t, std::vector<std::vector<std::uint32_t>>> both;
      for (auto& [tensor, entries] : origins) {
        if (!common) {
          both[tensor] = {std::move(entries)};
        } else if (const auto found = common->find(tensor); found != common->end()) {
          both[tensor] = std::move(found->second);
          both[tensor].push_back(std::move(entries));
        }
      }
      common = std::move(both);
    }
    for (const auto& [tensor, selections] : *common) {
      std::vector<bool> used(graph_.size_of(tensor), false);
      bool disjoint = true;
      for (const auto& selection : selections) {
        const std::set<std::uint32_t> entries(selection.begin(), selection.end());
        disjoint = disjoint && entries.size() == selection.size();
        for (const std::uint32_t e : entries) {
          disjoint = disjoint && !used[e];
          used[e] = true;
        }
      }
      if (disjoint) {
        concat.disjoint = true;
        concat.slices_of = tensor == 0 ? std::string() : network_.values[graph_.steps[tensor - 1].value].name;
        return;
      }
    }
  }

  const Network& network_;
  const StepGraph& graph_;
  std::vector<std::vector<std::size_t>> readers_;  // steps, by value
  std::vector<std::size_t> segment_of_;            // by step
  std::map<std::size_t, std::size_t> unit_of_;
  std::vector<Unit> units_;
  std::vector<Segment> segments_;
  std::vector<Refusal> refusals_;
};

}  // namespace

Segments cut(const Network& network, const StepGraph& graph) {
  return Partitioner(network, graph).run();
}

namespace {

/// d <- d * factors, where either may be one number for all entries.
void combine(std::vector<Ball>& d, const std::vector<Ball>& factors) {
  if (d.size() < factors.size()) {
    d.resize(factors.size(), d.at(0));
  }
  for (std::size_t i = 0; i < d.size(); ++i) {
    d[i] = multiply(d[i], factors[factors.size() == 1 ? 0 : i]);
  }
}

/// One row of the factors, as many as the matrix has on that side.
std::vector<Ball> one_period(const std::vector<Ball>& factors, std::size_t length) {
  if (factors.size() == 1) {
    return std::vector<Ball>(length, factors[0]);
  }
  return {factors.begin(), factors.begin() + static_cast<std::ptrdiff_t>(length)};
}

Upper frobenius(const EnclosedMatrix& m) {
  return norm_above(m.centre.data(), m.centre.size()) + norm_above(m.radius.data(), m.radius.size());
}

Upper largest_entry(const EnclosedMatrix& m) {
  double largest = 0;
  for (const double x : m.centre) {
    largest = std::max(largest, std::fabs(x));
  }
  return Upper::exact(largest);
}

Upper largest_factor(const std::vector<Ball>& factors) {
  Upper largest;
  for (const Ball& d : factors) {
    largest = max(largest, Upper::exact(d.centre) + Upper::exact(d.radius));
  }
  return largest;
}

}  // namespace

FoldedMatrix fold(const StepGraph& graph, const Segment& segment, WorkerPool& pool) {
  FoldedMatrix folded;
  std::optional<EnclosedMatrix> matrix;
  std::vector<Ball> before{{1, 0}};  // factors on the input side
  bool scaled_before = false;
  for (const std::size_t i : segment.steps) {
    const Step& step = graph.steps[i];
    folded.linear_parts += step.linear_part() ? 1U : 0U;
    if (step.kind == Step::Kind::diagonal) {
      if (!matrix) {
        combine(before, step.factors);
        scaled_before = true;
      } else {
        const std::size_t rows = matrix->rows;
        matrix = scaled_rows(std::move(*matrix), one_period(step.factors, rows));
        folded.reserve = folded.reserve * largest_factor(step.factors);
      }
    } else if (step.dense() && !matrix) {
      matrix = scaled_before ? scaled_columns(step.matrix, one_period(before, step.matrix.columns)) : step.matrix;
    } else if (step.dense()) {
      // A program that rounds both operands to 51 bits below their largest entries before it multiplies errs by at most this much.
      const Upper left =
          largest_entry(step.matrix) * sqrt(Upper::exact(static_cast<double>(step.matrix.centre.size()))) * frobenius(*matrix);
      const Upper right = largest_entry(*matrix) * sqrt(Upper::exact(static_cast<double>(matrix->centre.size()))) * frobenius(step.matrix);
      folded.reserve = folded.reserve * frobenius(step.matrix) + (left + right).scaled(-51);
      matrix = product(step.matrix, *matrix, pool);
    }
    if (matrix && !matrix->exact()) {
      folded.reserve = folded.reserve + frobenius(*matrix).scaled(-51);  // one more rounding of every entry
    }
  }
  folded.matrix = std::move(matrix.value());
  return folded;
}

std::vector<Ball> fold_factors(const StepGraph& graph, const Segment& segment) {
  std::vector<Ball> factors{{1, 0}};
  for (const std::size_t i : segment.steps) {
    if (graph.steps[i].kind == Step::Kind::diagonal) {
      combine(factors, graph.steps[i].factors);
    }
  }
  return factors;
}

FoldedSparse fold_linear(const StepGraph& graph, const Segment& segment) {
  FoldedSparse folded;
  folded.matrix = matrix_of(graph, segment.steps, segment.inputs.at(0));
  if (!folded.matrix.radius.empty()) {
    // A checker encloses every entry on a grid of its own, once for each step.
    folded.reserve = frobenius_above(folded.matrix).scaled(-46) * Upper::exact(static_cast<double>(segment.steps.size()));
  }
  return folded;
}

namespace {

/// Before bounding: what will prove it, as far as that is known.
std::string theorem_of(const StepGraph& graph, const Segment& segment) {
  switch (segment.op) {
    case BlockOperator::isometry:
      return "isometry";
    case BlockOperator::scale:
      return "diagonal-max";
    case BlockOperator::dense:
      return "dense-gram-psd";
    case BlockOperator::linear: {
      const SparseMatrix a = matrix_of(graph, segment.steps, segment.inputs.at(0));
      std::vector<bool> column_seen(a.columns, false);
      bool rows = true;
      bool columns = true;
      for (std::size_t i = 0; i < a.rows; ++i) {
        rows = rows && a.start[i + 1] - a.start[i] <= 1;
        for (std::size_t k = a.start[i]; k < a.start[i + 1]; ++k) {
          columns = columns && !column_seen[a.column[k]];
          column_seen[a.column[k]] = true;
        }
      }
      return rows || columns ? "diagonal-gram" : "explicit-gram-psd";
    }
    case BlockOperator::convolution:
      return "convolution";
    case BlockOperator::activation:
      return "elementwise-slope";
    case BlockOperator::softmax:
      return "softmax-half";
    case BlockOperator::pool_max:
      return "max-overlap";
    case BlockOperator::pool_l2:
      return "window-sum";
    case BlockOperator::sort:
      return "rearrangement";
    case BlockOperator::split:
      return "slices";
    case BlockOperator::sll:
      return "sll-psd";
    case BlockOperator::add:
      return "sum";
    case BlockOperator::concat:
      return segment.disjoint ? "disjoint-slices" : "root-sum-squares";
    case BlockOperator::max_min:
      return "root-sum-squares";
  }
  return "";
}

}  // namespace

std::vector<Block> describe(const Network& network, const StepGraph& graph, const std::vector<Segment>& segments) {
  std::vector<Block> blocks;
  const auto name_of_value = [&](std::size_t value) {
    return value == 0 ? std::string() : network.values[graph.steps[value - 1].value].name;
  };
  for (const Segment& segment : segments) {
    Block block;
    block.op = segment.op;
    std::set<std::size_t> nodes;
    for (const std::size_t s : segment.steps) {
      nodes.insert(graph.steps[s].nodes.begin(), graph.steps[s].nodes.end());
    }
    block.nodes.assign(nodes.begin(), nodes.end());
    block.id = name_of_value((segment.op == BlockOperator::split ? segment.steps.front() : segment.steps.back()) + 1);
    for (const std::size_t input : segment.inputs) {
      const std::string name = name_of_value(input);
      if (std::find(block.inputs.begin(), block.inputs.end(), name) == block.inputs.end()) {  // each tensor once, however often it is read
        block.inputs.push_back(name);
      }
      block.input_size += graph.size_of(input);
    }
    block.theorem = theorem_of(graph, segment);
    block.output_size = graph.steps[segment.steps.back()].output_size;
    block.rows = segment.rows;
    block.columns = segment.columns;
    block.slices_of = segment.slices_of;
    if (segment.convolution) {
      const Convolution& c = *segment.convolution;
      block.kernel = c.kernel.shape;
      block.groups = c.groups;
    }
    blocks.push_back(std::move(block));
  }
  return blocks;
}

Partition partition(const Network& network) {
  WorkerPool pool(1);
  StepGraph graph = build_steps(network, pool);
  Partition result;
  result.constant_nodes = std::move(graph.constant_nodes);
  result.refusals = std::move(graph.refusals);
  if (result.refusals.empty()) {
    Segments segments = cut(network, graph);
    result.refusals = std::move(segments.refusals);
    if (result.refusals.empty()) {
      result.blocks = describe(network, graph, segments.segments);
    }
  }
  return result;
}

}  // namespace lipcert
