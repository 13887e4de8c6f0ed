// See evaluate.hpp. The operators themselves stand in operators/ and activations.cpp; here they are joined to a graph.
#include "verifier/graph/evaluate.hpp"

#include <algorithm>

#include "verifier/base/failure.hpp"
#include "verifier/graph/functions.hpp"
#include "verifier/graph/operators.hpp"

namespace lipverify {

namespace {

constexpr std::uint64_t kEntries = std::uint64_t{1} << 22;  // of all computed constants (about 200 bytes each)

}  // namespace

IntervalTensor intervals_of(const IntegerVector& vector) {
  IntervalTensor out;
  for (const std::int32_t m : vector.mantissas) out.emplace_back(Wide(m), Wide(m), vector.exponent);
  return out;
}

Rational squared_norm(const IntegerVector& vector) {
  Integer sum = 0;
  for (const std::int32_t m : vector.mantissas) sum += std::int64_t{m} * m;
  return scaled(sum, 2 * vector.exponent);
}

Rational squared_norm_below(const IntervalTensor& vector) {
  // Entries whose square is far below the largest are left out of the sum or rounded down: that only lowers it.
  DotProduct sum;
  IntervalTensor smallest;
  for (const Interval& x : vector) {
    const Interval size = absolute(x);
    smallest.emplace_back(size.low, size.low, size.exponent);
  }
  for (const Interval& x : smallest) sum.announce(x, x);
  for (const Interval& x : smallest) sum.add(x, x);
  return lower_end(sum.result());
}

Operand operand_of(IntervalTensor values, const Shape& shape) {
  Operand out;
  out.computed = std::make_shared<const IntervalTensor>(std::move(values));
  out.shape = shape;
  return out;
}

Broadcast::Broadcast(const Shape& from, const Shape& to) : to_(to), stride_(to.size(), 0), plain_(from == to) {
  std::uint64_t stride = 1;
  for (std::size_t k = 0; k < from.size(); ++k) {
    const std::uint64_t d = from[from.size() - 1 - k];
    if (d != 1) stride_[to.size() - 1 - k] = stride;
    stride *= d;
  }
}

std::uint64_t Broadcast::index(std::uint64_t i) const {
  if (plain_) return i;
  std::uint64_t at = 0;
  for (std::size_t k = to_.size(); k-- > 0; i /= to_[k]) at += i % to_[k] * stride_[k];
  return at;
}

const Operand& Evaluator::constant(ValueId id) {
  if (const auto found = constants_.find(id); found != constants_.end()) return found->second;
  // Without recursion: everything that `id` needs, in file order.
  std::vector<bool> needed(graph_.values.size(), false);
  needed[id] = true;
  for (ValueId v = id + 1; v-- > 0;) {
    const Value& value = graph_.values[v];
    if (!needed[v] || value.known != nullptr || constants_.count(v) != 0) continue;
    for (const ValueId input : graph_.nodes[value.producer].inputs)
      if (input != kAbsent && is_enclosed(graph_.values[input].type)) needed[input] = true;
  }
  for (ValueId v = 0; v <= id; ++v) {
    if (!needed[v] || constants_.count(v) != 0) continue;
    const Value& value = graph_.values[v];
    if (!value.constant || !is_enclosed(value.type)) exhausted("a constant that is none: a fault of the checker");
    if (value.known != nullptr) {
      Operand out;
      out.raw = value.known;
      out.shape = value.shape;
      constants_.emplace(v, std::move(out));
      continue;
    }
    const Node& node = graph_.nodes[value.producer];
    NodeInputs inputs{graph_, value.producer, {}, engine_.threads};
    static const Operand nothing;
    for (const ValueId input : node.inputs)
      inputs.in.push_back(input != kAbsent && is_enclosed(graph_.values[input].type) ? &constants_.at(input) : &nothing);
    const auto output = std::find(node.outputs.begin(), node.outputs.end(), v) - node.outputs.begin();
    Operand out = node_value(inputs, static_cast<std::size_t>(output));
    if (out.raw == nullptr && out.computed.use_count() == 1) entries_ += out.size();
    if (entries_ > kEntries) exhausted("the model computes more than 4194304 weights in the graph; this checker does not enclose more");
    constants_.emplace(v, std::move(out));
  }
  return constants_.at(id);
}

ValueId Evaluator::data_input(std::size_t node) const {
  const std::vector<ValueId> all = data_inputs(node);
  return all.size() == 1 ? all[0] : kAbsent;
}

/// Adds what `index` puts out to `duals`, which holds the data that it reads.
void Evaluator::step(std::size_t index, Mode mode, Duals& duals) {
  const Node& node = graph_.nodes[index];
  static const Operand nothing;
  NodeInputs inputs{graph_, index, {}, engine_.threads};
  std::vector<const Operand*> derivatives;
  for (const ValueId id : node.inputs) {
    derivatives.push_back(nullptr);
    if (id == kAbsent || !is_floating(graph_.values[id].type)) {
      inputs.in.push_back(&nothing);
    } else if (graph_.values[id].constant) {
      inputs.in.push_back(&constant(id));
    } else {
      const auto found = duals.find(id);
      if (found == duals.end()) reject(graph_.label(index) + " reads data that is not of its block");
      inputs.in.push_back(&found->second.value);
      derivatives.back() = &found->second.derivative;
    }
  }
  for (std::size_t k = 0; k < node.outputs.size(); ++k) {
    if (node.outputs[k] == kAbsent || graph_.values[node.outputs[k]].unusable) continue;
    Dual next;
    next.value = mode == Mode::linear ? node_linear(inputs, k) : node_value(inputs, k);
    if (mode == Mode::derivative) next.derivative = node_derivative(inputs, derivatives, next.value, k);
    duals[node.outputs[k]] = std::move(next);
  }
}

/// sum_i a_i w_i for every output of a pooling, with `terms` w in place of its squares. Abs, Relu and Sign(t) t pass on what they get: it is not negative.
IntervalTensor Evaluator::weighted(const Pooling& pooling, IntervalTensor terms) {
  const ValueId first = graph_.nodes[pooling.nodes.front()].outputs[0];
  Duals duals;
  duals[first].value = operand_of(std::move(terms), graph_.values[first].shape);
  for (std::size_t k = 1; k + 1 < pooling.nodes.size(); ++k) {
    const Node& node = graph_.nodes[pooling.nodes[k]];
    if (node.op == Op::sign) continue;
    if (const std::vector<ValueId> data = data_inputs(pooling.nodes[k]); node.op == Op::abs || node.op == Op::relu || (node.op == Op::mul && data.size() == 2))
      duals[node.outputs[0]] = duals.at(duals.count(data.front()) != 0 ? data.front() : data.back());
    else
      step(pooling.nodes[k], Mode::linear, duals);
  }
  const Operand sums = duals.at(graph_.nodes[pooling.nodes.back()].inputs[0]).value;
  IntervalTensor out(sums.size());
  for (std::size_t e = 0; e < out.size(); ++e) out[e] = sums.at(e);
  return out;
}

/// y = sqrt(sum a x^2) along t: sum a x t / y where y > 0, sqrt(sum a t^2) where y = 0 (there every x with a weight is 0, and y(x + s t) = s times that);
/// and never more than that in magnitude (Cauchy and Schwarz).
Evaluator::Dual Evaluator::pooled(const Pooling& pooling, const Dual& x) {
  const std::size_t n = x.value.size();
  IntervalTensor squares(n), products(n), directions(n);
  for (std::size_t i = 0; i < n; ++i) {
    const Interval value = x.value.at(i), along = x.derivative.at(i);
    squares[i] = squared(value);
    products[i] = value * along;
    directions[i] = squared(along);
  }
  squares = weighted(pooling, std::move(squares));
  products = weighted(pooling, std::move(products));
  directions = weighted(pooling, std::move(directions));
  const auto root = [](const Interval& sum) { return square_root(maximum(sum, Interval())); };
  IntervalTensor values(squares.size()), derivatives(squares.size());
  for (std::size_t o = 0; o < squares.size(); ++o) {
    values[o] = root(squares[o]);
    const Interval most = root(directions[o]);
    derivatives[o] = squares[o].is_zero() ? most : hull(negated(most), most);
    if (values[o].low > 0) derivatives[o] = minimum(maximum(quotient(products[o], values[o]), negated(most)), most);
  }
  const Shape& shape = graph_.values[graph_.nodes[pooling.nodes.back()].outputs[0]].shape;
  return {operand_of(std::move(values), shape), operand_of(std::move(derivatives), shape)};
}

/// The whole graph; a tensor is dropped when nobody reads it any more.
void Evaluator::run(Mode mode, Duals& duals, const std::vector<Pooling>& poolings) {
  std::map<ValueId, std::size_t> last;
  for (std::size_t i = 0; i < graph_.nodes.size(); ++i)
    for (const ValueId id : data_inputs(i)) last[id] = i;
  std::map<std::size_t, const Pooling*> pooling_of;  // at its last node everything is done, at the others nothing
  for (const Pooling& pooling : poolings) {
    for (const std::size_t i : pooling.nodes) pooling_of[i] = &pooling;
    last[pooling.input] = std::max(last[pooling.input], pooling.nodes.back());
  }
  last[graph_.output] = graph_.nodes.size();
  for (std::size_t i = 0; i < graph_.nodes.size(); ++i) {
    if (graph_.values[graph_.nodes[i].outputs[0]].constant) continue;
    if (const auto found = pooling_of.find(i); found == pooling_of.end()) {
      step(i, mode, duals);
    } else {
      const Pooling& pooling = *found->second;
      if (pooling.nodes.back() != i) continue;
      duals[graph_.nodes[i].outputs[0]] = pooled(pooling, duals.at(pooling.input));
      if (last.at(pooling.input) == i) duals.erase(pooling.input);
      continue;
    }
    for (const ValueId id : data_inputs(i))
      if (last.at(id) == i) duals.erase(id);
    for (const ValueId id : graph_.nodes[i].outputs)
      if (id != kAbsent && last.count(id) == 0) duals.erase(id);
  }
}

Operand Evaluator::apply(std::size_t index, const Operand& x, bool linear) {
  const ValueId input = data_input(index);
  if (input == kAbsent) reject(graph_.label(index) + " does not have exactly one tensor of data");
  return apply_block({index}, input, x, linear);
}

Operand Evaluator::apply_block(const std::vector<std::size_t>& nodes, ValueId input, const Operand& x, bool linear) {
  Duals duals;
  duals[input].value = x;
  for (const std::size_t i : nodes) step(i, linear ? Mode::linear : Mode::value, duals);
  return duals.at(graph_.nodes[nodes.back()].outputs[0]).value;
}

Operand Evaluator::output_at(const Operand& x) {
  Duals duals;
  duals[0].value = x;
  run(Mode::value, duals);
  return duals.at(graph_.output).value;
}

IntervalTensor Evaluator::directional_derivative(const IntegerVector& x, const IntegerVector& v, const std::vector<Pooling>& poolings) {
  const Shape& shape = graph_.input().shape;
  Duals duals;
  duals[0] = {operand_of(intervals_of(x), shape), operand_of(intervals_of(v), shape)};
  run(Mode::derivative, duals, poolings);
  return *duals.at(graph_.output).derivative.computed;
}

}  // namespace lipverify
