// ReduceMean, ReduceSum, ReduceL2, LpPool, Softmax: what is computed of groups of entries.
#include <algorithm>

#include "verifier/graph/functions.hpp"
#include "verifier/graph/operators/family.hpp"
#include "verifier/graph/weighted_sum.hpp"

namespace lipverify {

std::vector<std::vector<std::uint32_t>> groups_of(const Graph& graph, std::size_t index) {
  const Node& node = graph.nodes[index];
  const Shape& shape = graph.values[node.inputs[0]].shape;
  std::vector<std::uint64_t> axes = axes_of(graph, index);
  if (node.op == Op::softmax && graph.opset < 13)  // a vector is everything from the axis on
    for (std::uint64_t k = axes[0] + 1; k < shape.size(); ++k) axes.push_back(k);
  std::uint64_t size = 1;
  Shape group_stride(shape.size(), 0);  // of the kept axes
  std::uint64_t groups = 1;
  for (std::size_t k = shape.size(); k-- > 0;) {
    if (std::binary_search(axes.begin(), axes.end(), k)) {
      size *= shape[k];
    } else {
      group_stride[k] = groups;
      groups *= shape[k];
    }
  }
  std::vector<std::vector<std::uint32_t>> out(groups);
  for (auto& group : out) group.reserve(size);
  const std::uint64_t count = element_count(shape);
  for (std::uint64_t e = 0; e < count; ++e) {
    std::uint64_t rest = e;
    std::uint64_t at = 0;
    for (std::size_t k = shape.size(); k-- > 0; rest /= shape[k]) at += rest % shape[k] * group_stride[k];
    out[at].push_back(static_cast<std::uint32_t>(e));
  }
  return out;
}

Shape reductions::shape(const NodeRules& at, Value&) {
  at.count_inputs(1, at.before(at.node().op == Op::reduce_sum ? 13 : 18) ? 1 : 2);
  at.floating();
  const std::vector<std::uint64_t> axes = axes_of(at.graph(), at.index());
  const bool keep = at.flag("keepdims");
  (void)at.flag("noop_with_empty_axes");
  Shape out;
  for (std::size_t k = 0; k < at.in(0).shape.size(); ++k) {
    const bool reduce = std::binary_search(axes.begin(), axes.end(), k);
    if (!reduce || keep) out.push_back(reduce ? 1 : at.in(0).shape[k]);
  }
  return out;
}

Shape reductions::shape_of_softmax(const NodeRules& at, Value&) {
  const Shape& shape = at.unary();
  (void)axes_of(at.graph(), at.index());
  return shape;
}

Operand reductions::sum(const NodeInputs& inputs, std::size_t, const Shape& shape, bool) {
  const std::vector<std::vector<std::uint32_t>> groups = groups_of(inputs.graph, inputs.index);
  check_size(groups.size());
  IntervalTensor values = weighted_sums(unit_weight(), *inputs.in[0], groups.size(), inputs.threads, [&](std::uint64_t e, const auto& visit) {
    for (const std::uint32_t i : groups[e]) visit(0, i);
  });
  if (inputs.node().op == Op::reduce_mean)
    for (std::uint64_t e = 0; e < values.size(); ++e) values[e] = quotient(values[e], integer(static_cast<std::int64_t>(groups[e].size())));
  return operand_of(std::move(values), shape);
}

namespace {

/// The entries under each norm: of ReduceL2 along its axes, of LpPool in its windows.
std::vector<std::vector<std::uint32_t>> norm_sets(const NodeInputs& inputs) {
  return inputs.node().op == Op::lp_pool ? candidates_of(inputs) : groups_of(inputs.graph, inputs.index);
}

}  // namespace

Operand reductions::norm(const NodeInputs& inputs, std::size_t, const Shape& shape, bool) {
  const std::vector<std::vector<std::uint32_t>> groups = norm_sets(inputs);
  IntervalTensor values(groups.size());
  for (std::size_t e = 0; e < groups.size(); ++e) values[e] = norm_of(*inputs.in[0], groups[e]);
  return operand_of(std::move(values), shape);
}

/// p_i = e_i / (e_1 + e_2 + ...), e_i = exp(x_i - m), m the largest upper end: an exact number, so that the quotient does not change.
Operand reductions::softmax(const NodeInputs& inputs, std::size_t, const Shape& shape, bool) {
  const std::vector<std::vector<std::uint32_t>> groups = groups_of(inputs.graph, inputs.index);
  const Operand& x = *inputs.in[0];
  check_size(x.size());
  IntervalTensor values(x.size());
  for (const auto& group : groups) {
    Interval top = x.at(group[0]);
    for (const std::uint32_t i : group) top = maximum(top, x.at(i));
    const Interval shift(-top.high, -top.high, top.exponent);
    IntervalTensor powers;
    Interval sum;
    for (const std::uint32_t i : group) {
      powers.push_back(exponential_below(minimum(x.at(i) + shift, Interval())));
      sum = sum + powers.back();
    }
    for (std::size_t k = 0; k < group.size(); ++k) {
      Interval& p = values[group[k]];
      const Interval unit = hull(Interval(), integer(1));
      if (sum.low <= 0 || group.size() == 1) {
        p = group.size() == 1 ? integer(1) : unit;
        continue;
      }
      p = maximum(minimum(quotient(powers[k], sum), integer(1)), Interval());
    }
  }
  return operand_of(std::move(values), shape);
}

void reductions::reduces(const Rows& at, std::size_t, const Shape&) {
  at.only(0);
  const Shape& data = at.shape(0);
  const std::vector<std::uint64_t> axes = axes_of(at.graph, at.index);
  std::vector<std::uint64_t> reduced;              // flat offsets of the entries that are summed: one list for all rows
  std::vector<std::pair<std::uint64_t, std::uint64_t>> kept;  // (length, stride), last axis first
  reduced.push_back(0);
  std::uint64_t stride = 1;
  for (std::size_t k = data.size(); k-- > 0; stride *= data[k]) {
    if (std::find(axes.begin(), axes.end(), k) == axes.end()) {
      kept.emplace_back(data[k], stride);
      continue;
    }
    std::vector<std::uint64_t> next;
    for (std::uint64_t i = 0; i < data[k]; ++i)
      for (const std::uint64_t offset : reduced) next.push_back(offset + i * stride);
    reduced = std::move(next);
  }
  const Coefficient factor = at.node.op == Op::reduce_mean ? share(reduced.size()) : kOne;
  const auto offsets = std::make_shared<const std::vector<std::uint64_t>>(std::move(reduced));
  at.out.row = [kept, offsets, factor](std::uint64_t r, std::vector<Term>& terms) {
    std::uint64_t base = 0;
    for (const auto& [length, step] : kept) {
      base += r % length * step;
      r /= length;
    }
    for (const std::uint64_t offset : *offsets) terms.push_back({0, static_cast<std::uint32_t>(base + offset), factor});
  };
}

/// p_i (d_i - sum_j p_j d_j)
Operand reductions::softmax_derivative(const NodeInputs& inputs, const Derivatives& derivatives, const Operand& value) {
  const Operand& d = *derivatives[0];
  IntervalTensor out(d.size());
  for (const auto& group : groups_of(inputs.graph, inputs.index)) {
    DotProduct mean;
    for (const std::uint32_t i : group) mean.announce(value.at(i), d.at(i));
    for (const std::uint32_t i : group) mean.add(value.at(i), d.at(i));
    const Interval shift = negated(mean.result());
    for (const std::uint32_t i : group) out[i] = group.size() == 1 ? Interval() : value.at(i) * (d.at(i) + shift);
  }
  return operand_of(std::move(out), d.shape);
}

/// Of a norm: x'd / ||x||, and within +-||d|| everywhere; exactly ||d|| at x = 0.
Operand reductions::norm_derivative(const NodeInputs& inputs, const Derivatives& derivatives, const Operand& value) {
  const Operand& d = *derivatives[0];
  const Operand& x = *inputs.in[0];
  const std::vector<std::vector<std::uint32_t>> groups = norm_sets(inputs);
  return entrywise(value.shape, 1, [&](std::size_t e) -> Interval {
    const Interval length = norm_of(d, groups[e]);
    const Interval at = value.at(e);
    if (at.is_zero()) return length;
    if (at.low <= 0) return hull(negated(length), length);
    DotProduct sum;
    for (const std::uint32_t i : groups[e]) sum.announce(x.at(i), d.at(i));
    for (const std::uint32_t i : groups[e]) sum.add(x.at(i), d.at(i));
    return quotient(sum.result(), at);
  });
}

}  // namespace lipverify
