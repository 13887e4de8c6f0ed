// One-sided directional derivatives of the nodes (see operators.hpp). Every operator g here is locally Lipschitz where it is evaluated and has
// g'(z; d) = lim_{h -> 0+} (g(z + h d) - g(z)) / h, so that the chain rule (f o g)'(x; v) = f'(g(x); g'(x; v)) holds.
#include <algorithm>

#include "verifier/graph/functions.hpp"
#include "verifier/graph/operators/family.hpp"
#include "verifier/base/failure.hpp"
#include "verifier/base/parallel.hpp"

namespace lipverify {

std::vector<std::vector<std::uint32_t>> candidates_of(const NodeInputs& inputs) {
  const Node& node = inputs.node();
  const Shape& x = inputs.in[0]->shape;
  std::vector<std::vector<std::uint32_t>> out;
  if (node.op == Op::reduce_max || node.op == Op::reduce_min) return groups_of(inputs.graph, inputs.index);
  if (node.op == Op::top_k) {
    const Shape& shape = inputs.graph.values[node.outputs[0]].shape;
    const std::uint64_t axis = axes_of(inputs.graph, inputs.index)[0];
    const std::uint64_t inner = element_count(Shape(shape.begin() + static_cast<std::ptrdiff_t>(axis) + 1, shape.end()));
    for (std::uint64_t e = 0; e < element_count(shape); ++e) {
      const std::uint64_t begin = e / inner / shape[axis] * x[axis] * inner + e % inner;
      out.emplace_back();
      for (std::uint64_t i = 0; i < x[axis]; ++i) out.back().push_back(static_cast<std::uint32_t>(begin + i * inner));
    }
    return out;
  }
  const Window window = window_of(inputs.graph, inputs.index);
  std::uint64_t size = 1;
  for (const WindowAxis& a : window.axes) size *= a.input;
  const std::vector<std::vector<Tap>> taps = taps_of(window, false);
  for (std::uint64_t channel = 0; channel < x[0] * x[1]; ++channel)
    for (const auto& here : taps) {
      out.emplace_back();
      for (const Tap& tap : here) out.back().push_back(static_cast<std::uint32_t>(channel * size + tap.data));
    }
  return out;
}

Interval norm_of(const Operand& x, const std::vector<std::uint32_t>& entries) {
  DotProduct sum;
  for (const std::uint32_t i : entries) {
    const Interval size = absolute(x.at(i));
    sum.announce(size, size);
  }
  for (const std::uint32_t i : entries) {
    const Interval size = absolute(x.at(i));
    sum.add(size, size);
  }
  return square_root(not_negative(sum.result()));
}

namespace {

/// The derivative of a largest (side 1), smallest (-1) or k-th (0) entry: that of an entry whose value may be the chosen one. When the values of
/// all candidates are equal, the largest of their derivatives is that of the maximum.
class Choice {
 public:
  Choice(const Interval& chosen, int side) : chosen_(chosen), side_(side) {}
  void offer(const Interval& value, const Interval& derivative) {
    if (!meets(value, chosen_)) return;
    equal_ = equal_ && value.exact();
    hull_ = any_ ? hull(hull_, derivative) : derivative;
    best_ = any_ ? (side_ > 0 ? maximum(best_, derivative) : minimum(best_, derivative)) : derivative;
    any_ = true;
  }
  [[nodiscard]] Interval result() const {
    if (!any_) exhausted("an order statistic that is no entry: a fault of the checker");
    return side_ != 0 && equal_ && chosen_.exact() ? best_ : hull_;
  }

 private:
  Interval chosen_;
  int side_;
  bool any_ = false, equal_ = true;
  Interval hull_, best_;
};

Operand entrywise(const Shape& shape, unsigned threads, const auto& entry) {
  IntervalTensor out(element_count(shape));
  parallel_for(out.size(), out.size() < 64 ? 1 : threads, [&](std::size_t e) { out[e] = entry(e); });
  return operand_of(std::move(out), shape);
}

/// p_i (d_i - sum_j p_j d_j)
Operand softmax_derivative(const NodeInputs& inputs, const Operand& d, const Operand& p) {
  IntervalTensor out(d.size());
  for (const auto& group : groups_of(inputs.graph, inputs.index)) {
    DotProduct mean;
    for (const std::uint32_t i : group) mean.announce(p.at(i), d.at(i));
    for (const std::uint32_t i : group) mean.add(p.at(i), d.at(i));
    const Interval shift = negated(mean.result());
    for (const std::uint32_t i : group) out[i] = group.size() == 1 ? Interval() : p.at(i) * (d.at(i) + shift);
  }
  return operand_of(std::move(out), d.shape);
}

/// Of a norm: x'd / ||x||, and within +-||d|| everywhere; exactly ||d|| at x = 0.
Operand norm_derivative(const NodeInputs& inputs, const Operand& x, const Operand& d, const Operand& norm) {
  const std::vector<std::vector<std::uint32_t>> groups = groups_of(inputs.graph, inputs.index);
  return entrywise(norm.shape, 1, [&](std::size_t e) -> Interval {
    const Interval length = norm_of(d, groups[e]);
    const Interval at = norm.at(e);
    if (at.is_zero()) return length;
    if (at.low <= 0) return hull(negated(length), length);
    DotProduct sum;
    for (const std::uint32_t i : groups[e]) sum.announce(x.at(i), d.at(i));
    for (const std::uint32_t i : groups[e]) sum.add(x.at(i), d.at(i));
    return quotient(sum.result(), at);
  });
}

}  // namespace

Operand node_derivative(const NodeInputs& inputs, const std::vector<const Operand*>& derivatives, const Operand& value, std::size_t output) {
  const Node& node = inputs.node();
  if (is_linear(inputs)) {
    NodeInputs at = inputs;
    for (std::size_t k = 0; k < at.in.size(); ++k)
      if (inputs.is_data(k)) at.in[k] = derivatives[k];
    return node_linear(at, output);
  }
  const Shape& shape = value.shape;
  std::vector<Broadcast> index;
  const auto entry = [&](const Operand* operand, std::size_t k, std::size_t e) { return operand == nullptr ? Interval() : operand->at(index[k].index(e)); };
  switch (node.op) {
    case Op::mul:
    case Op::max:
    case Op::min:
      for (std::size_t k = 0; k < inputs.in.size(); ++k) index.emplace_back(inputs.in[k]->shape, shape);
      return entrywise(shape, inputs.threads, [&](std::size_t e) {
        if (node.op == Op::mul)
          return entry(inputs.in[0], 0, e) * entry(derivatives[1], 1, e) + entry(inputs.in[1], 1, e) * entry(derivatives[0], 0, e);
        Choice choice(value.at(e), node.op == Op::max ? 1 : -1);
        for (std::size_t k = 0; k < inputs.in.size(); ++k) choice.offer(entry(inputs.in[k], k, e), entry(derivatives[k], k, e));
        return choice.result();
      });
    case Op::max_pool:
    case Op::global_max_pool:
    case Op::reduce_max:
    case Op::reduce_min:
    case Op::top_k: {
      const std::vector<std::vector<std::uint32_t>> sets = candidates_of(inputs);
      const int side = node.op == Op::top_k ? 0 : node.op == Op::reduce_min ? -1 : 1;
      return entrywise(shape, inputs.threads, [&](std::size_t e) {
        Choice choice(value.at(e), side);
        for (const std::uint32_t i : sets[e]) choice.offer(inputs.in[0]->at(i), derivatives[0]->at(i));
        return choice.result();
      });
    }
    case Op::softmax: return softmax_derivative(inputs, *derivatives[0], value);
    case Op::reduce_l2: return norm_derivative(inputs, *inputs.in[0], *derivatives[0], value);
    case Op::gemm:
    case Op::matmul:
    case Op::div: reject(inputs.graph.label(inputs.index) + " is not a supported operation on data");
    default: break;
  }
  if (node.op == Op::prelu) {
    index.emplace_back(shape, shape);
    index.emplace_back(inputs.in[1]->shape, shape);
  }
  return entrywise(shape, inputs.threads, [&](std::size_t e) {
    return function_derivative(inputs, inputs.in[0]->at(e), node.op == Op::prelu ? entry(inputs.in[1], 1, e) : Interval(), derivatives[0]->at(e));
  });
}

}  // namespace lipverify
