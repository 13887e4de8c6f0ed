// See partition.hpp.
//
// Why a fold may contain what it contains: with r rows a dense step with the constant on the right is I_r (x) A, and (I_r (x) A)(I_r (x) B) =
// I_r (x) AB; an entrywise factor whose values repeat from row to row is I_r (x) diag(d). The norm of I_r (x) A is that of A. With the constant on
// the left it is A (x) I_q, with which only multiples of the identity are folded.

#include "certify/partition.hpp"

#include <algorithm>
#include <cmath>
#include <optional>
#include <utility>

#include "certify/dense_norm.hpp"

namespace lipcert {

const char* name_of(BlockOperator op) {
  switch (op) {
    case BlockOperator::isometry:
      return "isometry";
    case BlockOperator::scale:
      return "scale";
    case BlockOperator::dense:
      return "dense";
    case BlockOperator::activation:
      return "activation";
  }
  return "";
}

namespace {

constexpr std::uint64_t largest_folded_side = 8192;
constexpr double affordable_bounding_flops = 0x1p37;

bool same(const Ball& a, const Ball& b) { return a.centre == b.centre && a.radius == b.radius; }

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

/// Cuts the affine steps [begin, end) between two activations.
class Cutter {
 public:
  Cutter(const Chain& chain, std::vector<Segment>& out) : chain_(chain), out_(out) {}

  void cut(std::size_t begin, std::size_t end) {
    std::size_t from = begin;  // first step that is in no segment yet
    while (from < end) {
      std::size_t first = from;
      while (first < end && !chain_.steps[first].dense()) {
        ++first;
      }
      if (first == end) {
        entrywise(from, end);
        return;
      }
      const Step& head = chain_.steps[first];
      // Entrywise steps before the dense one, as many as fit.
      std::size_t start = first;
      while (start > from && joins(chain_.steps[start - 1], head.kind, head.copies)) {
        --start;
      }
      entrywise(from, start);
      Segment segment{BlockOperator::dense, start, first + 1, head.matrix.rows, head.matrix.columns, head.copies};
      double apart = bounding_flops(segment.rows, segment.columns);
      while (true) {
        std::size_t next = segment.end;
        while (next < end && !chain_.steps[next].dense() && joins(chain_.steps[next], head.kind, head.copies)) {
          ++next;
        }
        if (next == end || !chain_.steps[next].dense() || !worth_folding(segment, head, chain_.steps[next], apart)) {
          segment.end = next;
          break;
        }
        apart += bounding_flops(chain_.steps[next].matrix.rows, chain_.steps[next].matrix.columns);
        segment.rows = chain_.steps[next].matrix.rows;
        segment.end = next + 1;
      }
      out_.push_back(segment);
      from = segment.end;
    }
  }

 private:
  /// A segment without a dense step, if there is anything in it.
  void entrywise(std::size_t begin, std::size_t end) {
    if (begin == end) {
      return;
    }
    bool scales = false;
    for (std::size_t i = begin; i < end; ++i) {
      scales = scales || chain_.steps[i].kind == Step::Kind::diagonal;
    }
    out_.push_back({scales ? BlockOperator::scale : BlockOperator::isometry, begin, end, 0, 0, 1});
  }

  static bool worth_folding(const Segment& segment, const Step& head, const Step& next, double apart) {
    if (head.kind != Step::Kind::right || next.kind != Step::Kind::right || next.copies != segment.copies) {
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

  const Chain& chain_;
  std::vector<Segment>& out_;
};

}  // namespace

std::vector<Segment> cut(const Chain& chain) {
  std::vector<Segment> segments;
  Cutter cutter(chain, segments);
  std::size_t begin = 0;
  for (std::size_t i = 0; i < chain.steps.size(); ++i) {
    if (chain.steps[i].kind == Step::Kind::activation) {
      cutter.cut(begin, i);
      segments.push_back({BlockOperator::activation, i, i + 1, 0, 0, 1});
      begin = i + 1;
    }
  }
  cutter.cut(begin, chain.steps.size());
  return segments;
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

FoldedMatrix fold(const Chain& chain, const Segment& segment, WorkerPool& pool) {
  FoldedMatrix folded;
  std::optional<EnclosedMatrix> matrix;
  std::vector<Ball> before{{1, 0}};  // factors on the input side
  bool scaled_before = false;
  for (std::size_t i = segment.begin; i < segment.end; ++i) {
    const Step& step = chain.steps[i];
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
      const Upper left = largest_entry(step.matrix) * sqrt(Upper::exact(static_cast<double>(step.matrix.centre.size()))) * frobenius(*matrix);
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

std::vector<Ball> fold_factors(const Chain& chain, const Segment& segment) {
  std::vector<Ball> factors{{1, 0}};
  for (std::size_t i = segment.begin; i < segment.end; ++i) {
    if (chain.steps[i].kind == Step::Kind::diagonal) {
      combine(factors, chain.steps[i].factors);
    }
  }
  return factors;
}

namespace {

const char* theorem_of(const Segment& segment) {
  switch (segment.op) {
    case BlockOperator::isometry:
      return "isometry";
    case BlockOperator::scale:
      return "diagonal-max";
    case BlockOperator::dense:
      return "dense-gram-psd";
    case BlockOperator::activation:
      return "elementwise-slope";
  }
  return "";
}

}  // namespace

std::vector<Block> describe(const Network& network, const Chain& chain, const std::vector<Segment>& segments) {
  std::vector<Block> blocks;
  for (const Segment& segment : segments) {
    Block block;
    block.op = segment.op;
    for (std::size_t i = segment.begin; i < segment.end; ++i) {
      block.nodes.push_back(chain.steps[i].node);
    }
    block.id = network.values[network.nodes[block.nodes.back()].outputs.at(0)].name;
    block.inputs.push_back(blocks.empty() ? std::string() : blocks.back().id);
    block.theorem = theorem_of(segment);
    block.input_size = chain.steps[segment.begin].input_size;
    block.output_size = chain.steps[segment.end - 1].output_size;
    block.rows = segment.rows;
    block.columns = segment.columns;
    blocks.push_back(std::move(block));
  }
  return blocks;
}

Partition partition(const Network& network) {
  WorkerPool pool(1);
  Chain chain = build_chain(network, pool);
  Partition result;
  result.constant_nodes = std::move(chain.constant_nodes);
  result.refusals = std::move(chain.refusals);
  if (result.refusals.empty()) {
    result.blocks = describe(network, chain, cut(chain));
  }
  return result;
}

}  // namespace lipcert
