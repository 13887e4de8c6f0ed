// See family.hpp.
#include "verifier/graph/operators/family.hpp"

#include <algorithm>

#include "verifier/base/bytes.hpp"
#include "verifier/graph/functions.hpp"

namespace lipverify {

namespace mp = boost::multiprecision;

void refuse_node(const Graph& graph, std::size_t node, const std::string& reason) {
  unreadable("the model's node " + std::to_string(node) + " (" + printable(graph.nodes[node].type) + "): " + reason);
}

std::vector<std::int64_t> integers_of(const Tensor& tensor) {
  std::vector<std::int64_t> out(element_count(tensor.shape));
  for (std::size_t i = 0; i < out.size(); ++i) out[i] = tensor.integer(i);
  return out;
}

// --------------------------------------------------------------------------------------------------------------------------------------------- values

void check_size(std::uint64_t entries) {  // about 200 bytes each
  if (entries > std::uint64_t{1} << 22) exhausted("a computed tensor has more than 4194304 entries; this checker does not enclose larger ones");
}

const Operand& unit_weight() {
  static const Operand value = operand_of(IntervalTensor(1, integer(1)), {1});
  return value;
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

// ----------------------------------------------------------------------------------------------------------------------------------------------- rows

std::int32_t exponent_of(std::int64_t e) {
  if (e < -1000000 || e > 1000000) reject("a factor that is computed in the graph is out of range");
  return static_cast<std::int32_t>(e);
}

Coefficient coefficient_of(const Interval& x) {
  if (x.is_zero()) return {};
  const Wide size = std::max(x.low < 0 ? Wide(-x.low) : x.low, x.high < 0 ? Wide(-x.high) : x.high);
  const std::int64_t drop = std::max<std::int64_t>(0, static_cast<std::int64_t>(mp::msb(size)) + 1 - 62);
  const Wide unit = Wide(1) << static_cast<std::size_t>(drop);
  const Wide middle = (x.low + x.high) / (2 * unit);  // any integer will do: the distance is measured, not assumed
  const Wide distance = std::max(x.high - middle * unit, middle * unit - x.low);
  Coefficient out;
  out.centre = {static_cast<std::int64_t>(middle), exponent_of(x.exponent + drop)};
  if (distance > 0) {
    const std::int64_t more = std::max<std::int64_t>(0, static_cast<std::int64_t>(mp::msb(distance)) + 1 - 61);
    out.error = {static_cast<std::int64_t>(distance >> static_cast<std::size_t>(more)) + 1, exponent_of(x.exponent + more)};
  }
  return out;
}

Interval interval_of(const Coefficient& x) {
  const Interval centre(x.centre);
  if (x.error.mantissa == 0) return centre;
  return centre + Interval(Wide(-x.error.mantissa), Wide(x.error.mantissa), x.error.exponent);
}

Factors::Factors(const Operand& operand, const Interval& times) : operand_(&operand) {
  if (operand.raw != nullptr && times == Interval(Dyadic{1, 0})) return;
  if (operand.size() > kFactors) exhausted("a node has more than 16777216 enclosed factors; this checker does not take more");
  values_ = std::make_shared<std::vector<Coefficient>>();
  for (std::uint64_t i = 0; i < operand.size(); ++i) values_->push_back(coefficient_of(operand.at(i) * times));
}

Rows::Rows(const Graph& g, Evaluator& e, std::size_t i, LinearNode& o) : graph(g), evaluator(e), index(i), node(g.nodes[i]), out(o) {
  for (const ValueId id : node.inputs) {
    const bool is_data = id != kAbsent && !graph.values[id].constant;
    slot.push_back(is_data ? static_cast<std::uint32_t>(out.data.size()) : kNone);
    if (is_data) out.data.push_back(id);
  }
}

void Rows::only(std::size_t k) const {
  if (out.data.size() != 1 || !data(k)) refuse("is not linear: its data does not stand in the one place where it may");
}

Coefficient share(std::uint64_t n) {
  return coefficient_of(quotient(Interval(Dyadic{1, 0}), Interval(Dyadic{static_cast<std::int64_t>(n), 0})));
}

std::uint64_t product_from(const Shape& shape, std::size_t first) {
  std::uint64_t n = 1;
  for (std::size_t k = first; k < shape.size(); ++k) n *= shape[k];
  return n;
}

// ----------------------------------------------------------------------------------------------------------------------------------------------- axes

std::vector<std::uint64_t> axes_of(const Graph& graph, std::size_t index) {
  const NodeRules at(graph, index);
  const Shape& shape = at.in(0).shape;
  const bool from_end = graph.opset >= 11;
  switch (at.node().op) {
    case Op::softmax: return {at.axis(at.integer("axis"), shape.size(), from_end)};
    case Op::top_k:
    case Op::concat:
    case Op::split:
    case Op::gather: return {at.axis(at.integer("axis"), shape.size(), true)};
    default: break;
  }
  const bool squeeze = at.node().op == Op::squeeze;
  const bool unsqueeze = at.node().op == Op::unsqueeze;
  std::vector<std::int64_t> named;
  if (const Attribute* attribute = at.find("axes"); attribute != nullptr) {
    named = attribute->integers;
  } else if (at.has_input(1)) {
    named = at.vector(1, "axes", false);
  } else if (unsqueeze) {
    at.fail("axes are missing");
  }
  std::vector<std::uint64_t> out;
  if (unsqueeze) {
    out = at.axes(named, shape.size() + named.size(), from_end);
  } else if (!named.empty()) {
    out = at.axes(named, shape.size(), from_end);
    for (const std::uint64_t k : out)
      if (squeeze && shape[k] != 1) at.fail("an axis that it drops does not have length 1");
  } else if (squeeze || !at.flag("noop_with_empty_axes")) {
    for (std::size_t k = 0; k < shape.size(); ++k)
      if (!squeeze || shape[k] == 1) out.push_back(k);
  } else if (at.node().op == Op::reduce_l2) {
    at.fail("noop_with_empty_axes without axes is not supported here");
  }
  std::sort(out.begin(), out.end());
  return out;
}

}  // namespace lipverify
