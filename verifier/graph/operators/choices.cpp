// Max, Min, MaxPool, GlobalMaxPool, ReduceMax, ReduceMin, TopK: every entry of the result is one of the data.
#include <algorithm>

#include "verifier/graph/functions.hpp"
#include "verifier/graph/operators/family.hpp"

namespace lipverify {

std::uint64_t top_of(const Graph& graph, std::size_t index) {
  const NodeRules at(graph, index);
  const std::uint64_t length = at.in(0).shape[axes_of(graph, index)[0]];
  std::int64_t k = 0;
  if (graph.opset < 10) {
    k = at.integer("k");
  } else {
    const Value& value = at.in(1);
    if (value.known == nullptr || value.type != kInt64 || value.shape != Shape{1}) at.fail("K must be one known INT64, of shape (1)");
    k = value.known->integer(0);
  }
  if (k < 1 || k > static_cast<std::int64_t>(length)) at.fail("K is " + std::to_string(k));
  return static_cast<std::uint64_t>(k);
}

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

Shape choices::shape_of_extremes(const NodeRules& at, Value&) {
  at.count_inputs(1, 64);
  at.same_floating_type();
  return at.broadcast_all();
}

Shape choices::shape_of_top(const NodeRules& at, Value&) {
  at.count_inputs(at.before(10) ? 1 : 2, at.before(10) ? 1 : 2);
  at.floating();
  Shape out = at.in(0).shape;
  const std::uint64_t axis = axes_of(at.graph(), at.index())[0];
  out[axis] = top_of(at.graph(), at.index());
  (void)at.flag("largest");
  if (!at.before(11) && !at.flag("sorted")) at.fail("sorted must be 1");
  return out;
}

Operand choices::extremes(const NodeInputs& inputs, std::size_t, const Shape& shape, bool) {
  const bool smallest = inputs.node().op == Op::min;
  check_size(element_count(shape));
  std::vector<Broadcast> at;
  for (const Operand* operand : inputs.in) at.emplace_back(operand->shape, shape);
  return entrywise(shape, inputs.threads, [&](std::size_t e) {
    Interval out = inputs.in[0]->at(at[0].index(e));
    for (std::size_t k = 1; k < inputs.in.size(); ++k) {
      const Interval x = inputs.in[k]->at(at[k].index(e));
      out = smallest ? minimum(out, x) : maximum(out, x);
    }
    return out;
  });
}

Operand choices::largest(const NodeInputs& inputs, std::size_t, const Shape& shape, bool) {
  const std::vector<std::vector<std::uint32_t>> sets = candidates_of(inputs);
  const bool smallest = inputs.node().op == Op::reduce_min;
  check_size(sets.size());
  IntervalTensor values(sets.size());
  for (std::size_t e = 0; e < sets.size(); ++e) {
    values[e] = inputs.in[0]->at(sets[e][0]);
    for (std::size_t k = 1; k < sets[e].size(); ++k) {
      const Interval x = inputs.in[0]->at(sets[e][k]);
      values[e] = smallest ? minimum(values[e], x) : maximum(values[e], x);
    }
  }
  return operand_of(std::move(values), shape);
}

Operand choices::top(const NodeInputs& inputs, std::size_t, const Shape& shape, bool) {
  const std::vector<std::vector<std::uint32_t>> lines = candidates_of(inputs);  // one for each output entry
  const bool ascending = inputs.graph.opset >= 11 && inputs.node().attributes.at("largest").integer == 0;
  const std::uint64_t axis = axes_of(inputs.graph, inputs.index)[0];
  const std::uint64_t inner = element_count(Shape(shape.begin() + static_cast<std::ptrdiff_t>(axis) + 1, shape.end()));
  check_size(lines.size());
  IntervalTensor values(lines.size());
  const auto less = [&](const Interval& a, const Interval& b) {  // exact numbers
    const int order = compare(a.low, a.exponent, b.low, b.exponent);
    return ascending ? order < 0 : order > 0;
  };
  for (std::uint64_t e = 0; e < values.size(); ++e) {
    const std::uint64_t rank = e / inner % shape[axis];
    std::vector<Interval> low, high;
    for (const std::uint32_t i : lines[e]) {
      const Interval x = inputs.in[0]->at(i);
      low.emplace_back(x.low, x.low, x.exponent);
      high.emplace_back(x.high, x.high, x.exponent);
    }
    const auto place = static_cast<std::ptrdiff_t>(rank);
    std::nth_element(low.begin(), low.begin() + place, low.end(), less);
    std::nth_element(high.begin(), high.begin() + place, high.end(), less);
    values[e] = hull(low[rank], high[rank]);
  }
  return operand_of(std::move(values), shape);
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

}  // namespace

Operand choices::extremes_derivative(const NodeInputs& inputs, const Derivatives& derivatives, const Operand& value) {
  std::vector<Broadcast> index;
  for (const Operand* operand : inputs.in) index.emplace_back(operand->shape, value.shape);
  const auto entry = [&](const Operand* operand, std::size_t k, std::size_t e) { return operand == nullptr ? Interval() : operand->at(index[k].index(e)); };
  return entrywise(value.shape, inputs.threads, [&](std::size_t e) {
    Choice choice(value.at(e), inputs.node().op == Op::max ? 1 : -1);
    for (std::size_t k = 0; k < inputs.in.size(); ++k) choice.offer(entry(inputs.in[k], k, e), entry(derivatives[k], k, e));
    return choice.result();
  });
}

Operand choices::choice_derivative(const NodeInputs& inputs, const Derivatives& derivatives, const Operand& value) {
  const std::vector<std::vector<std::uint32_t>> sets = candidates_of(inputs);
  const Op op = inputs.node().op;
  const int side = op == Op::top_k ? 0 : op == Op::reduce_min ? -1 : 1;
  return entrywise(value.shape, inputs.threads, [&](std::size_t e) {
    Choice choice(value.at(e), side);
    for (const std::uint32_t i : sets[e]) choice.offer(inputs.in[0]->at(i), derivatives[0]->at(i));
    return choice.result();
  });
}

}  // namespace lipverify
