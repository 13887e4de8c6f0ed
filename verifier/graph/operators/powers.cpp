// Sign, Sqrt, Reciprocal, Pow, Exp, Log: functions without a bound of their slopes. They stand in expressions of constants and in L2 poolings.
#include "verifier/graph/functions.hpp"
#include "verifier/graph/operators/family.hpp"

namespace lipverify {

namespace {

/// Twice the exponent of a Pow, which is a whole number of small size, or a refusal.
std::int64_t twice_exponent(const NodeInputs& inputs) {
  const Value& value = inputs.graph.values[inputs.node().inputs[1]];
  Interval e;
  if (is_floating(value.type))
    e = integer(2) * inputs.in[1]->at(0);
  else if (const std::int64_t n = value.known == nullptr ? 1000 : value.known->integer(0); n >= -1000 && n <= 1000)
    e = integer(2 * n);
  else
    e = integer(2000);
  if (!e.exact() || e.exponent < 0 || compare(absolute(e).low, e.exponent, Wide(64), 0) > 0)
    reject(inputs.graph.label(inputs.index) + " has an exponent that is not supported (whole numbers and halves up to 32)");
  return static_cast<std::int64_t>(e.low) * (std::int64_t{1} << e.exponent);  // below 64, checked above
}

Interval checked_root(const NodeInputs& inputs, const Interval& z) {
  if (z.low < 0) reject(inputs.graph.label(inputs.index) + " takes the root of a number that cannot be told from a negative one");
  return square_root(z);
}

Interval checked_inverse(const NodeInputs& inputs, const Interval& z) {
  if (z.has_zero()) reject(inputs.graph.label(inputs.index) + " divides by 0, or by a number that cannot be told from 0");
  return quotient(integer(1), z);
}

Interval whole_power(Interval x, std::int64_t n) {  // n >= 0
  if (n == 0) return integer(1);
  if (n % 2 == 0) return whole_power(squared(x), n / 2);
  return n == 1 ? x : x * whole_power(squared(x), n / 2);
}

Interval power(const NodeInputs& inputs, const Interval& z) {
  const std::int64_t twice = twice_exponent(inputs);
  const std::int64_t size = twice < 0 ? -twice : twice;
  const Interval out = size % 2 == 0 ? whole_power(z, size / 2) : whole_power(checked_root(inputs, z), size);
  return twice < 0 ? checked_inverse(inputs, out) : out;
}

Interval root_derivative(const NodeInputs& inputs, const Interval& z, const Interval& d) {
  if (z.low <= 0) {
    if (d.is_zero() && z.is_zero()) reject(inputs.graph.label(inputs.index) + " takes a root at 0, where its derivative is not known");
    reject(inputs.graph.label(inputs.index) + " takes a root at a number that cannot be told from 0; its derivative cannot be enclosed there");
  }
  return quotient(d, integer(2) * square_root(z));
}

Interval power_derivative(const NodeInputs& inputs, const Interval& z, const Interval& d) {
  const std::int64_t twice = twice_exponent(inputs);
  if (twice == 1) return root_derivative(inputs, z, d);
  if (twice < 0 || twice % 2 != 0) reject(inputs.graph.label(inputs.index) + " has an exponent whose derivative is not supported");
  if (twice == 0) return {};
  return integer(twice / 2) * whole_power(z, twice / 2 - 1) * d;
}

}  // namespace

Shape powers::shape(const NodeRules& at, Value&) {
  if (at.node().op == Op::sign) at.since(9);
  return at.unary();
}

Shape powers::shape_of_power(const NodeRules& at, Value&) {
  at.count_inputs(2, 2);
  at.floating();
  const Value& e = at.in(1);
  if (!e.constant || (!is_floating(e.type) && e.type != kInt32 && e.type != kInt64) || element_count(e.shape) != 1 || e.shape.size() > at.in(0).shape.size())
    at.fail("its exponent must be a constant with one element");
  return at.in(0).shape;
}

Operand powers::value(const NodeInputs& inputs, std::size_t, const Shape& shape, bool) {
  check_size(element_count(shape));
  return entrywise(shape, inputs.threads, [&](std::size_t e) -> Interval {
    const Interval z = inputs.in[0]->at(e);
    switch (inputs.node().op) {
      case Op::sign:
        if (z.low > 0 || z.high < 0 || z.is_zero()) return integer(z.low > 0 ? 1 : z.high < 0 ? -1 : 0);
        return hull(integer(z.low < 0 ? -1 : 0), integer(z.high > 0 ? 1 : 0));
      case Op::sqrt: return checked_root(inputs, z);
      case Op::reciprocal: return checked_inverse(inputs, z);
      case Op::exp:
        if (compare(absolute(z).high, z.exponent, 1024, 0) > 0) reject(inputs.graph.label(inputs.index) + " takes exp of a number beyond 1024");
        return exponential(z);
      case Op::log:
        if (z.low <= 0) reject(inputs.graph.label(inputs.index) + " takes the logarithm of a number that cannot be told from 0 or a negative one");
        return logarithm(z);
      default: return power(inputs, z);
    }
  });
}

Operand powers::derivative(const NodeInputs& inputs, const Derivatives& derivatives, const Operand& value) {
  return entrywise(value.shape, inputs.threads, [&](std::size_t e) -> Interval {
    const Interval z = inputs.in[0]->at(e);
    switch (inputs.node().op) {
      case Op::sign:
        if (z.has_zero()) reject(inputs.graph.label(inputs.index) + " is not continuous at a number that cannot be told from 0");
        return {};
      case Op::sqrt: return root_derivative(inputs, z, derivatives[0]->at(e));
      case Op::reciprocal: return negated(squared(checked_inverse(inputs, z)) * derivatives[0]->at(e));
      default: return power_derivative(inputs, z, derivatives[0]->at(e));
    }
  });
}

}  // namespace lipverify
