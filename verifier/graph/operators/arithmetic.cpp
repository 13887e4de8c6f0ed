// Add, Sub, Mul, Div, Neg, BatchNormalization: entry by entry, with numpy's broadcasting. BatchNormalization is y = factor x + offset, channel by channel.
#include <algorithm>

#include "verifier/graph/functions.hpp"
#include "verifier/graph/operators/family.hpp"

namespace lipverify {

ChannelMap batch_normalization(const NodeInputs& inputs) {
  const Interval epsilon(dyadic_of_binary32(inputs.node().attributes.at("epsilon").real));
  ChannelMap out;
  for (std::uint64_t c = 0; c < inputs.in[1]->size(); ++c) {
    const Interval variance = inputs.in[4]->at(c) + epsilon;
    if (variance.low <= 0) reject(inputs.graph.label(inputs.index) + " has a variance that cannot be told from 0");
    out.factor.push_back(quotient(inputs.in[1]->at(c), square_root(variance)));
    out.offset.push_back(inputs.in[2]->at(c) + negated(out.factor.back() * inputs.in[3]->at(c)));
  }
  return out;
}

IntervalTensor batch_factors(const Graph& graph, Evaluator& evaluator, std::size_t index) {
  const Node& node = graph.nodes[index];
  for (std::size_t k = 1; k < node.inputs.size(); ++k)
    if (!graph.values[node.inputs[k]].constant) reject(graph.label(index) + " has data where a parameter belongs");
  const Operand& scale = evaluator.constant(node.inputs[1]);
  const Operand& variance = evaluator.constant(node.inputs[4]);
  const Interval epsilon(dyadic_of_binary32(node.attributes.at("epsilon").real));
  IntervalTensor out;
  for (std::uint64_t c = 0; c < scale.size(); ++c) {
    const Interval sum = variance.at(c) + epsilon;
    if (sum.low <= 0) reject(graph.label(index) + ": a variance with epsilon is not positive");
    out.push_back(quotient(scale.at(c), square_root(sum)));
  }
  return out;
}

/// Add, Sub, Mul, Div: floating-point, or integers that are known.
Shape arithmetic::shape(const NodeRules& at, Value&) {
  at.count_inputs(2, 2);
  const bool integers = at.in(0).type == kInt64 || at.in(0).type == kInt32;
  if (!integers) at.same_floating_type();
  if (integers && (at.in(1).type != at.in(0).type || at.in(0).known == nullptr || at.in(1).known == nullptr)) at.fail("its integers are not known, or not of one type");
  return at.broadcast_all();
}

Shape arithmetic::shape_of_negation(const NodeRules& at, Value&) { return at.unary(); }

Shape arithmetic::shape_of_normalisation(const NodeRules& at, Value&) {
  at.count_inputs(5, 5);
  at.same_floating_type();
  const Shape& x = at.in(0).shape;
  if (x.size() < 2) at.fail("its data must have at least 2 dimensions");
  for (std::size_t i = 1; i < 5; ++i)
    if (!at.in(i).constant || at.in(i).shape != Shape{x[1]}) at.fail("input " + std::to_string(i) + " must be a constant vector with one entry per channel");
  if ((at.before(9) && at.integer("spatial") != 1) || at.flag("training_mode")) at.fail("spatial must be 1 and training_mode 0");
  return x;
}

Operand arithmetic::value(const NodeInputs& inputs, std::size_t, const Shape& shape, bool linear) {
  const Node& node = inputs.node();
  check_size(element_count(shape));
  std::vector<Broadcast> at;
  for (const Operand* operand : inputs.in) at.emplace_back(operand->shape, shape);
  return entrywise(shape, inputs.threads, [&](std::size_t e) -> Interval {
    const auto operand = [&](std::size_t k) { return inputs.in[k]->at(at[k].index(e)); };
    const auto term = [&](std::size_t k) { return linear && !inputs.is_data(k) ? Interval() : operand(k); };
    switch (node.op) {
      case Op::add: return term(0) + term(1);
      case Op::sub: return term(0) + negated(term(1));
      case Op::mul: return node.inputs[0] == node.inputs[1] ? squared(operand(0)) : operand(0) * operand(1);
      case Op::neg: return negated(operand(0));
      default: break;  // Div
    }
    const Interval divisor = operand(1);
    if (divisor.has_zero()) reject(inputs.graph.label(inputs.index) + " divides by 0, or by a number that cannot be told from 0");
    return quotient(operand(0), divisor);
  });
}

Operand arithmetic::normalised(const NodeInputs& inputs, std::size_t, const Shape& shape, bool linear) {
  const ChannelMap map = batch_normalization(inputs);
  const std::uint64_t entries = element_count(shape);
  check_size(entries);
  const std::uint64_t run = entries / shape[0] / shape[1];
  IntervalTensor values(entries);
  for (std::uint64_t e = 0; e < entries; ++e) {
    const std::uint64_t c = e / run % shape[1];
    values[e] = map.factor[c] * inputs.in[0]->at(e);
    if (!linear) values[e] = values[e] + map.offset[c];
  }
  return operand_of(std::move(values), shape);
}

Operand arithmetic::product_derivative(const NodeInputs& inputs, const Derivatives& derivatives, const Operand& value) {
  const Broadcast a(inputs.in[0]->shape, value.shape);
  const Broadcast b(inputs.in[1]->shape, value.shape);
  const auto entry = [](const Operand* operand, const Broadcast& at, std::size_t e) { return operand == nullptr ? Interval() : operand->at(at.index(e)); };
  return entrywise(value.shape, inputs.threads, [&](std::size_t e) {
    return entry(inputs.in[0], a, e) * entry(derivatives[1], b, e) + entry(inputs.in[1], b, e) * entry(derivatives[0], a, e);
  });
}

/// (x / y)' = (x' - (x / y) y') / y.
Operand arithmetic::quotient_derivative(const NodeInputs& inputs, const Derivatives& derivatives, const Operand& value) {
  const Broadcast a(inputs.in[0]->shape, value.shape);
  const Broadcast b(inputs.in[1]->shape, value.shape);
  return entrywise(value.shape, inputs.threads, [&](std::size_t e) {
    const Interval above = derivatives[0] == nullptr ? Interval() : derivatives[0]->at(a.index(e));
    return quotient(above + negated(value.at(e) * derivatives[1]->at(b.index(e))), inputs.in[1]->at(b.index(e)));  // not 0: `value` was enclosed
  });
}

void arithmetic::sums(const Rows& at, std::size_t, const Shape& shape) {
  struct Part {
    std::uint32_t slot;
    Broadcast place;
    Coefficient sign;
  };
  std::vector<Part> parts;
  for (std::size_t k = 0; k < 2; ++k) {
    if (at.data(k))
      parts.push_back({at.slot[k], Broadcast(at.shape(k), shape), k == 1 && at.node.op == Op::sub ? kMinusOne : kOne});
    else
      at.out.offset = true;
  }
  at.out.row = [parts](std::uint64_t r, std::vector<Term>& terms) {
    for (const Part& part : parts) terms.push_back({part.slot, static_cast<std::uint32_t>(part.place.index(r)), part.sign});
  };
}

void arithmetic::scales(const Rows& at, std::size_t, const Shape& shape) {
  const std::size_t k = at.data(0) ? 0 : 1;
  at.only(k);
  if (at.node.op == Op::div && k == 1) at.refuse("divides by data");
  const Operand& constant = at.constant(1 - k);
  const Broadcast data(at.shape(k), shape);
  const Broadcast factor(constant.shape, shape);
  if (at.node.op == Op::mul) {
    const Factors factors(constant);
    at.out.row = [data, factor, factors](std::uint64_t r, std::vector<Term>& terms) {
      terms.push_back({0, static_cast<std::uint32_t>(data.index(r)), factors.at(factor.index(r))});
    };
    return;
  }
  if (constant.size() > kFactors) exhausted("a Div node has more than 16777216 divisors; this checker does not take more");
  const auto inverse = std::make_shared<std::vector<Coefficient>>();
  for (std::uint64_t i = 0; i < constant.size(); ++i) {
    const Interval x = constant.at(i);
    if (x.has_zero()) at.refuse("divides by 0, or by a constant that cannot be told from 0");
    inverse->push_back(coefficient_of(quotient(Interval(Dyadic{1, 0}), x)));
  }
  at.out.row = [data, factor, inverse](std::uint64_t r, std::vector<Term>& terms) {
    terms.push_back({0, static_cast<std::uint32_t>(data.index(r)), (*inverse)[factor.index(r)]});
  };
}

void arithmetic::negates(const Rows& at, std::size_t, const Shape&) {
  at.only(0);
  at.out.row = [](std::uint64_t r, std::vector<Term>& terms) { terms.push_back({0, static_cast<std::uint32_t>(r), kMinusOne}); };
}

void arithmetic::normalises(const Rows& at, std::size_t, const Shape& shape) {
  at.only(0);
  at.out.offset = true;
  const auto factors = std::make_shared<std::vector<Coefficient>>();
  for (const Interval& x : batch_factors(at.graph, at.evaluator, at.index)) factors->push_back(coefficient_of(x));
  const std::uint64_t inner = product_from(shape, 2);
  const std::uint64_t channels = shape[1];
  at.out.row = [factors, inner, channels](std::uint64_t r, std::vector<Term>& terms) {
    terms.push_back({0, static_cast<std::uint32_t>(r), (*factors)[r / inner % channels]});
  };
}

}  // namespace lipverify
