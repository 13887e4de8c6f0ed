// See network_at_samples.hpp.
#include "verifier/samples/network_at_samples.hpp"

#include <algorithm>

#include "verifier/samples/fixed_chain.hpp"
#include "verifier/trusted/evaluate.hpp"
#include "verifier/trusted/failure.hpp"
#include "verifier/trusted/linear.hpp"

namespace lipverify {

namespace mp = boost::multiprecision;

namespace {

/// 150 significant bits of a rational, rounded outward.
Interval interval_of(const Rational& x) {
  if (x == 0) return {};
  Integer top = mp::numerator(x);
  Integer bottom = mp::denominator(x);
  const Integer size = mp::abs(top);
  const std::int64_t shift = 150 - static_cast<std::int64_t>(mp::msb(size)) + static_cast<std::int64_t>(mp::msb(bottom));
  if (shift > 0) top <<= static_cast<std::size_t>(shift);
  if (shift < 0) bottom <<= static_cast<std::size_t>(-shift);
  Integer quotient, remainder;
  mp::divide_qr(top, bottom, quotient, remainder);  // towards zero
  if (remainder < 0) quotient -= 1;
  const Wide low(quotient);
  return {low, remainder == 0 ? low : Wide(low + 1), -shift};
}

EnclosedOutput output_of(const IntervalTensor& values) {
  EnclosedOutput output;
  bool any = false;
  for (const Interval& x : values) {
    if (x.is_zero()) continue;
    output.exponent = any ? std::min(output.exponent, x.exponent) : x.exponent;
    any = true;
  }
  for (const Interval& x : values) {
    const auto shift = static_cast<std::size_t>(x.is_zero() ? 0 : x.exponent - output.exponent);
    if (shift > 100000) exhausted("the outputs of the network differ by more than 100000 binary digits");
    output.lower.push_back(Integer(x.low) << shift);
    output.upper.push_back(Integer(x.high) << shift);
  }
  return output;
}

/// True when the nodes negate their input an odd number of times (Sub with the data on the right), which LinearPart leaves out.
bool negates(const Graph& graph, const Evaluator& evaluator, const std::vector<std::size_t>& nodes) {
  bool odd = false;
  for (const std::size_t index : nodes) {
    const Node& node = graph.nodes[index];
    if (node.op == Op::neg || (node.op == Op::sub && node.inputs[0] != evaluator.data_input(index))) odd = !odd;
  }
  return odd;
}

/// The blocks are one chain of dense nodes, entrywise nodes with constants and single activations: what FixedChain takes.
bool is_chain(const Graph& graph, const Evaluator& evaluator, const std::vector<VerifiedBlock>& blocks) {
  ValueId current = 0;
  for (const VerifiedBlock& block : blocks) {
    if (block.activation && block.nodes.size() != 1) return false;
    for (const std::size_t index : block.nodes) {
      const Node& node = graph.nodes[index];
      if (evaluator.data_input(index) != current) return false;
      current = node.outputs[0];
      switch (node.op) {
        case Op::identity:
        case Op::dropout:
        case Op::cast:
        case Op::flatten:
        case Op::reshape:
        case Op::squeeze:
        case Op::unsqueeze:
        case Op::neg:
        case Op::add:
        case Op::sub:
        case Op::mul:
        case Op::div:
        case Op::gemm:
        case Op::matmul:
          if (block.activation) return false;
          break;
        case Op::relu:
        case Op::leaky_relu:
        case Op::abs:
        case Op::sigmoid:
        case Op::tanh:
          if (!block.activation) return false;
          break;
        default: return false;
      }
    }
  }
  return current == graph.output;
}

}  // namespace

struct NetworkAtSamples::State {
  explicit State(const Graph& g) : graph(g), evaluator(g, Engine{}) {}
  const Graph& graph;
  Evaluator evaluator;  // one thread; its constants are all computed by the constructor below
  FixedChain chain;
  bool fast = true;
};

NetworkAtSamples::~NetworkAtSamples() = default;

NetworkAtSamples::NetworkAtSamples(const Graph& graph, const std::vector<VerifiedBlock>& blocks) : state_(std::make_unique<State>(graph)) {
  State& state = *state_;
  for (std::size_t i = 0; i < graph.nodes.size(); ++i)
    if (!graph.values[graph.nodes[i].outputs[0]].constant)
      for (const ValueId id : graph.nodes[i].inputs)
        if (id != kAbsent && graph.values[id].constant && is_floating(graph.values[id].type)) (void)state.evaluator.constant(id);
  state.fast = is_chain(graph, state.evaluator, blocks);
  for (const VerifiedBlock& block : blocks) {
    if (!state.fast) return;
    if (block.activation) {
      state.fast = state.chain.add_activation(graph.nodes[block.nodes.at(0)], block.upper);
      continue;
    }
    const Shape& shape = graph.values[state.evaluator.data_input(block.nodes.at(0))].shape;
    Operand x = operand_of(IntervalTensor(element_count(shape)), shape);
    for (const std::size_t node : block.nodes) x = state.evaluator.apply(node, x, false);  // the block at 0
    IntervalTensor offset(x.size());
    for (std::size_t i = 0; i < offset.size(); ++i) offset[i] = x.at(i);
    LinearPart linear;
    try {
      linear = linear_part(graph, state.evaluator, block.nodes, Engine{});
    } catch (const Failure& failure) {
      if (failure.outcome() != Outcome::rejected) throw;
      state.fast = false;  // not a fold of one matrix, though its nodes are such
      return;
    }
    const bool negative = negates(graph, state.evaluator, block.nodes);
    if (linear.matrix) {
      if (negative)
        for (Dyadic& entry : linear.matrix->centre) entry.mantissa = -entry.mantissa;
      state.fast = state.chain.add_dense(*linear.matrix, linear.left, linear.right, offset, block.upper);
      continue;
    }
    const bool offset_zero = std::all_of(offset.begin(), offset.end(), [](const Interval& b) { return b.is_zero(); });
    if (!linear.diagonal && !negative && offset_zero) continue;  // the same numbers
    IntervalTensor d = linear.diagonal ? *linear.diagonal : IntervalTensor(offset.size(), Interval(Dyadic{1, 0}));
    if (negative)
      for (Interval& factor : d) factor = negated(factor);
    state.fast = state.chain.add_diagonal(d, offset, block.upper);
  }
}

bool NetworkAtSamples::has_fast() const {
  return state_->fast;
}

EnclosedOutput NetworkAtSamples::operator()(const Sample& sample, const Scaling& scaling, bool wide) const {
  if (!wide && state_->fast)
    if (std::optional<EnclosedOutput> output = state_->chain.evaluate(scaling.enclose(sample))) return *output;
  const std::vector<Rational> point = scaling.exact(sample);
  IntervalTensor input;
  for (const Rational& x : point) input.push_back(interval_of(x));
  const Operand x = state_->evaluator.output_at(operand_of(std::move(input), state_->graph.input().shape));
  IntervalTensor output(x.size());
  for (std::size_t i = 0; i < output.size(); ++i) output[i] = x.at(i);
  return output_of(output);
}

}  // namespace lipverify
