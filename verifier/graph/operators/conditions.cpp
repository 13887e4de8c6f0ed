// What is done to constants alone: Equal, Less, Greater, LessOrEqual, GreaterOrEqual, Not, And, Or, Where, and DequantizeLinear. A comparison of numbers that are enclosed
// is decided where the enclosures leave no doubt, and refused otherwise: the other result would be another network.
#include "verifier/graph/functions.hpp"
#include "verifier/graph/operators/family.hpp"

namespace lipverify {

namespace {

/// All inputs are constant, from `first` on of one type: floating, or integers (`booleans`: or booleans) that are known.
void constants(const NodeRules& at, std::size_t inputs, std::size_t first, bool booleans) {
  at.count_inputs(inputs, inputs);
  for (std::size_t i = 0; i < inputs; ++i)
    if (!at.in(i).constant) at.fail("it compares or chooses by data, where its result jumps");
  for (std::size_t i = first; i < inputs; ++i) {
    const Value& value = at.in(i);
    const bool integer = value.type == kInt64 || value.type == kInt32 || (booleans && value.type == kBool);
    if (value.type != at.in(first).type || (!is_floating(value.type) && !integer)) at.fail("its inputs are not of one type that it takes");
    if (integer && value.known == nullptr) at.fail("its integers are not known");
  }
}

/// The truth of a relation between two enclosed numbers.
Interval truth(const NodeInputs& inputs, Op op, const Interval& x, const Interval& y) {
  if (op == Op::greater) return truth(inputs, Op::less, y, x);
  if (op == Op::greater_or_equal) return truth(inputs, Op::less_or_equal, y, x);
  const auto order = [](const Interval& a, bool high_a, const Interval& b, bool high_b) {
    return compare(high_a ? a.high : a.low, a.exponent, high_b ? b.high : b.low, b.exponent);
  };
  const int above = order(x, true, y, false);   // the largest x with the least y
  const int below = order(x, false, y, true);  // the least x with the largest y
  const bool strict = op == Op::less;
  if (op == Op::equal) {
    if (x.exact() && y.exact()) return integer(above == 0 ? 1 : 0);
    if (above < 0 || below > 0) return {};
  } else {
    if (strict ? above < 0 : above <= 0) return integer(1);
    if (strict ? below >= 0 : below > 0) return {};
  }
  reject(inputs.graph.label(inputs.index) + " compares two constants that cannot be told apart");
}

}  // namespace

bool holds(Op op, std::int64_t a, std::int64_t b) {
  switch (op) {
    case Op::equal: return a == b;
    case Op::less: return a < b;
    case Op::greater: return a > b;
    case Op::less_or_equal: return a <= b;
    case Op::greater_or_equal: return a >= b;
    case Op::logical_not: return a == 0;
    case Op::logical_and: return a != 0 && b != 0;
    case Op::logical_or: return a != 0 || b != 0;
    default: exhausted("a relation that is none: a fault of the checker");
  }
}

Shape conditions::shape_of_comparison(const NodeRules& at, Value& out) {
  if (at.node().op == Op::less_or_equal || at.node().op == Op::greater_or_equal) at.since(12);
  constants(at, 2, 0, at.node().op == Op::equal);
  out.type = kBool;
  return at.broadcast_all();
}

Shape conditions::shape_of_logic(const NodeRules& at, Value&) {
  const std::size_t inputs = at.node().op == Op::logical_not ? 1 : 2;
  at.count_inputs(inputs, inputs);
  for (std::size_t i = 0; i < inputs; ++i)
    if (!at.in(i).constant || at.in(i).type != kBool) at.fail("its inputs are not boolean constants");
  return at.broadcast_all();
}

Shape conditions::shape_of_choice(const NodeRules& at, Value& out) {
  at.since(9);
  constants(at, 3, 1, false);
  if (at.in(0).type != kBool) at.fail("its condition is not boolean");
  if (!is_floating(at.in(1).type) && at.in(0).known == nullptr) at.fail("its condition is not known");
  out.type = at.in(1).type;
  return at.broadcast_all();
}

Operand conditions::value(const NodeInputs& inputs, std::size_t, const Shape& shape, bool) {
  check_size(element_count(shape));
  const Op op = inputs.node().op;
  std::vector<Broadcast> at;
  for (const Operand* operand : inputs.in) at.emplace_back(operand->shape, shape);
  return entrywise(shape, inputs.threads, [&](std::size_t e) -> Interval {
    const auto operand = [&](std::size_t k) { return inputs.in[k]->at(at[k].index(e)); };
    const Interval first = operand(0);
    switch (op) {
      case Op::where: return operand(first.is_zero() ? 2 : 1);
      case Op::logical_not:
      case Op::logical_and:
      case Op::logical_or: return integer(holds(op, first.is_zero() ? 0 : 1, at.size() > 1 && !operand(1).is_zero() ? 1 : 0) ? 1 : 0);
      default: return truth(inputs, op, first, operand(1));
    }
  });
}

Shape conditions::shape_of_dequantised(const NodeRules& at, Value& out) {
  at.since(10);
  at.count_inputs(2, 3);
  const Value& x = at.in(0);
  const Value& scale = at.in(1);
  if (x.known == nullptr || (x.type != kInt8 && x.type != kUint8 && x.type != kInt32)) at.fail("it reads something else than known INT8, UINT8 or INT32");
  if (!scale.constant || !is_floating(scale.type) || (at.before(19) && scale.type != kFloat32)) at.fail("its scale is not a constant of the type that it takes");
  if (element_count(scale.shape) != 1) {
    if (at.before(13) || scale.shape.size() != 1 || scale.shape[0] != x.shape.at(at.axis(at.integer("axis"), x.shape.size(), true)))
      at.fail("its scale is neither one number nor one for each place along its axis");
  }
  if (at.has_input(2) && (at.in(2).known == nullptr || at.in(2).type != x.type || at.in(2).shape != scale.shape)) at.fail("its zero point does not fit");
  out.type = scale.type;
  return x.shape;
}

/// (x - zero point) * scale.
Operand conditions::dequantised(const NodeInputs& inputs, std::size_t, const Shape& shape, bool) {
  check_size(element_count(shape));
  const NodeRules rules(inputs.graph, inputs.index);
  const Tensor& x = *rules.in(0).known;
  const Tensor* const zero = rules.has_input(2) ? rules.in(2).known : nullptr;
  const Operand& scale = *inputs.in[1];
  const bool single = scale.size() == 1;
  const std::uint64_t inner = single ? 1 : product_from(shape, rules.axis(rules.integer("axis"), shape.size(), true) + 1);
  return entrywise(shape, inputs.threads, [&](std::size_t e) {
    const std::uint64_t k = single ? 0 : e / inner % scale.size();
    return integer(x.integer(e) - (zero == nullptr ? 0 : zero->integer(k))) * scale.at(k);
  });
}

}  // namespace lipverify
