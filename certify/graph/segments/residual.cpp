// See residual.hpp. That A comes back transposed is seen on the explicit matrices, exactly.

#include "certify/graph/segments/residual.hpp"

#include <algorithm>
#include <cmath>
#include <utility>
#include <vector>

#include "certify/graph/linear_map.hpp"
#include "certify/norms/sll_norm.hpp"

namespace lipcert {
namespace {

constexpr std::size_t none = static_cast<std::size_t>(-1);

bool is_relu(const Wiring& wiring, std::size_t value) {
  return value != 0 && wiring.operator_of(value - 1) == Operator::relu;
}

/// back = factor A', entry by entry and exactly.
bool are_transposed(const SparseMatrix& back, const SparseMatrix& a, Ball factor) {
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

/// The block with its input given, and which input of the last step comes from the branch.
std::optional<Segment> residual_between(const Wiring& wiring, const std::function<bool(std::size_t)>& taken, std::size_t from,
                                        std::size_t last, std::size_t branch) {
  // From the end to the beginning: operator, Mul, Relu, operator, with biases, changes of shape and, behind the Mul, one-number factors
  // between.
  const auto alone = [&](std::size_t value, std::size_t reader) {
    return value != wiring.graph.output && wiring.readers[value].size() == 1 && wiring.readers[value][0] == reader;
  };
  const auto is_operator = [](const Step& step) { return step.dense() || step.kind == Step::Kind::convolution; };
  std::vector<std::size_t> before;
  std::vector<std::size_t> after;  // behind the Mul
  std::size_t mul = none;
  std::size_t relu = none;
  Ball factor{-wiring.graph.steps[last].signs[branch], 0};  // the branch is -factor A' diag(its own d) relu
  bool operator_before = false;
  bool operator_after = false;
  std::size_t value = wiring.graph.steps[last].inputs[branch];
  for (std::size_t reader = last; value != from; reader = value - 1, value = wiring.graph.steps[value - 1].inputs[0]) {
    if (value == 0 || taken(value - 1) || !alone(value, reader) || wiring.graph.steps[value - 1].inputs.size() != 1) {
      return std::nullopt;
    }
    const std::size_t s = value - 1;
    const Step& step = wiring.graph.steps[s];
    if (relu != none) {
      if (is_operator(step) && !operator_before) {
        operator_before = true;
      } else if (step.kind != Step::Kind::isometry || step.sign < 0) {
        return std::nullopt;
      }
      before.push_back(s);
    } else if (mul != none) {
      if (step.kind != Step::Kind::activation || step.op != Operator::relu || wiring.operator_of(s) != Operator::relu) {
        return std::nullopt;
      }
      relu = s;
    } else if (operator_after && wiring.operator_of(s) == Operator::mul && is_relu(wiring, step.inputs[0])) {
      mul = s;
    } else {
      if (is_operator(step) && !operator_after) {
        operator_after = true;
      } else if (step.kind == Step::Kind::isometry) {
        factor.centre *= step.sign;
      } else if (step.kind == Step::Kind::diagonal && step.factors.size() == 1 && wiring.operator_of(s) != Operator::batch_normalization) {
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
  const std::size_t hidden = wiring.graph.size_of(relu + 1);
  const std::size_t outer = wiring.graph.size_of(from);
  if (hidden > largest_sll_order || static_cast<double>(hidden) * static_cast<double>(outer) > largest_sll_entries ||
      composition_cost(wiring.graph, before, from) > largest_sll_terms ||
      composition_cost(wiring.graph, after, mul + 1) > largest_sll_terms) {
    return std::nullopt;
  }
  // Far from the ends of the double-precision numbers, so that no product of two of them is lost.
  const auto moderate = [](double x) { return std::fabs(x) >= 0x1p-400 && std::fabs(x) <= 0x1p400; };
  Segment segment;
  segment.sll = SllParts{before, {}, {}};
  const Step& scaling = wiring.graph.steps[mul];
  for (std::size_t k = 0; k < hidden; ++k) {
    const Ball own = scaling.kind == Step::Kind::diagonal ? scaling.factors[scaling.factors.size() == 1 ? 0 : k] : Ball{scaling.sign, 0};
    const Ball d = multiply(own, factor);
    if (!(low_end(d) > 0) || !moderate(d.centre)) {
      return std::nullopt;
    }
    segment.sll->d.push_back(d.centre);
    segment.sll->radius.push_back(d.radius);
  }
  // A checker knows one radius for all of d: one that is not small beside each of them would cost more than the sum rule.
  const Upper radius = norm_above(segment.sll->radius.data(), hidden);
  if (std::any_of(segment.sll->d.begin(), segment.sll->d.end(), [&](double d) { return radius.value() > 0x1p-30 * d; })) {
    return std::nullopt;
  }
  const SparseMatrix a = matrix_of(wiring.graph, before, from);
  if (!are_transposed(matrix_of(wiring.graph, after, mul + 1), a, {-wiring.graph.steps[last].signs[branch] * factor.centre, 0}) ||
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

}  // namespace

std::optional<Segment> find_residual(const Wiring& wiring, const std::function<bool(std::size_t)>& taken, std::size_t last) {
  const Step& join = wiring.graph.steps[last];
  if (join.inputs.size() != 2 || !std::all_of(join.maps.begin(), join.maps.end(), [](const auto& map) { return map.empty(); })) {
    return std::nullopt;
  }
  for (const std::size_t straight : {std::size_t{0}, std::size_t{1}}) {
    if (join.signs[straight] < 0) {
      continue;
    }
    if (std::optional<Segment> segment = residual_between(wiring, taken, join.inputs[straight], last, 1 - straight)) {
      return segment;
    }
  }
  return std::nullopt;
}

}  // namespace lipcert
