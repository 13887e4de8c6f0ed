// See network_at_samples.hpp.
#include "verifier/samples/network_at_samples.hpp"

#include <algorithm>
#include <map>
#include <set>

#include "verifier/base/failure.hpp"
#include "verifier/graph/evaluate.hpp"
#include "verifier/graph/operators.hpp"
#include "verifier/graph/parameters.hpp"
#include "verifier/samples/fixed_network.hpp"
#include "verifier/theorems/linear.hpp"

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

/// Constant entries as a matrix: entry i is that of `values` at order(i).
template <typename Order>
EnclosedMatrix matrix_of(const Operand& values, std::size_t rows, std::size_t columns, const Order& order) {
  EnclosedMatrix out{rows, columns, std::vector<Dyadic>(rows * columns), Rational(0)};
  SquareSum radius;
  for (std::size_t i = 0; i < out.centre.size(); ++i) {
    if (values.raw != nullptr) {
      out.centre[i] = values.raw->real(order(i));
      continue;
    }
    const Interval x = values.at(order(i));
    if (x.is_zero()) continue;
    const Wide size = std::max(x.low < 0 ? Wide(-x.low) : x.low, x.high < 0 ? Wide(-x.high) : x.high);
    const std::int64_t drop = std::max<std::int64_t>(0, static_cast<std::int64_t>(mp::msb(size)) + 1 - 62);
    const Wide unit = Wide(1) << static_cast<std::size_t>(drop);
    const Wide middle = x.low / unit;  // any integer will do: the distance is measured
    if (x.exponent + drop < -1000000 || x.exponent + drop > 1000000) throw Unavailable{};
    radius.add(Integer(std::max<Wide>(x.high - middle * unit, middle * unit - x.low)), x.exponent);
    out.centre[i] = {static_cast<std::int64_t>(middle), static_cast<std::int32_t>(x.exponent + drop)};
  }
  out.radius = radius.root();
  return out;
}

IntervalTensor entries_of(const Operand& x) {
  IntervalTensor out(x.size());
  for (std::size_t i = 0; i < out.size(); ++i) out[i] = x.at(i);
  return out;
}

/// Puts the blocks of a graph into a FixedNetwork.
class Builder {
 public:
  Builder(const Graph& graph, Evaluator& evaluator, FixedNetwork& network, unsigned threads = 1, bool fold = true)
      : graph_(graph), evaluator_(evaluator), network_(network), threads_(threads), fold_(fold) {}

  void block(const VerifiedBlock& block) {
    std::set<ValueId> made;
    std::set<ValueId> read;
    for (const std::size_t i : block.nodes) {
      for (const ValueId id : evaluator_.data_inputs(i))
        if (made.count(id) == 0) read.insert(id);
      made.insert(graph_.nodes[i].outputs.begin(), graph_.nodes[i].outputs.end());
    }
    if (block.join)
      network_.begin_join(block.upper);
    else if (read.size() == 1)
      network_.begin_block(*read.begin(), block.upper);
    else
      throw Unavailable{};
    if (!fold_ || !folded(block.nodes))
      for (const std::size_t i : block.nodes) node(i);
    network_.end_block(usable_outputs(block.nodes.back()));
  }
  [[nodiscard]] std::size_t enclosed() const { return enclosed_; }

 private:
  std::vector<ValueId> usable_outputs(std::size_t index) const {
    std::vector<ValueId> out;
    for (const ValueId id : graph_.nodes[index].outputs)
      if (id != kAbsent && !graph_.values[id].unusable) out.push_back(id);
    return out;
  }
  [[nodiscard]] const Node& at(std::size_t index) const { return graph_.nodes[index]; }
  [[nodiscard]] const Shape& shape_of(ValueId id) const { return graph_.values[id].shape; }
  void put(std::size_t index, std::unique_ptr<FixedStep> step) {
    network_.add(std::move(step), evaluator_.data_inputs(index), at(index).outputs[0], index);
  }

  /// The node's constants; null where it reads data.
  std::vector<const Operand*> constants(std::size_t index) {
    static const Operand nothing;
    std::vector<const Operand*> out;
    for (const ValueId id : at(index).inputs) {
      if (id != kAbsent && !graph_.values[id].constant && !is_floating(graph_.values[id].type)) throw Unavailable{};
      if (id == kAbsent || !is_floating(graph_.values[id].type))
        out.push_back(&nothing);
      else
        out.push_back(graph_.values[id].constant ? &evaluator_.constant(id) : nullptr);
    }
    return out;
  }

  std::vector<std::vector<std::uint32_t>> candidates(std::size_t index) {
    Operand data;
    data.shape = shape_of(at(index).inputs[0]);
    return candidates_of({graph_, index, {&data}, 1});
  }

  /// One step for a chain of nodes that fold to one matrix or one diagonal; false when they do not.
  bool folded(const std::vector<std::size_t>& nodes) {
    ValueId current = evaluator_.data_input(nodes[0]);
    const ValueId first = current;
    for (const std::size_t i : nodes) {
      if (current == kAbsent || !is_foldable(at(i).op) || evaluator_.data_input(i) != current) return false;
      current = at(i).outputs[0];
    }
    LinearPart linear;
    try {
      linear = linear_part(graph_, evaluator_, nodes, Engine{});
    } catch (const Failure& failure) {
      if (failure.outcome() != Outcome::rejected) throw;
      return false;
    }
    const Shape& shape = shape_of(first);
    const Operand zero = operand_of(IntervalTensor(element_count(shape)), shape);
    const IntervalTensor offset = entries_of(evaluator_.apply_block(nodes, first, zero, false));
    const bool negative = negates(graph_, evaluator_, nodes);
    std::unique_ptr<FixedStep> step;
    if (linear.matrix) {
      if (negative)
        for (Dyadic& entry : linear.matrix->centre) entry.mantissa = -entry.mantissa;
      step = dense_step(*linear.matrix, linear.left, linear.right, offset);
    } else {
      if (offset.size() != zero.size()) return false;
      const bool still = std::all_of(offset.begin(), offset.end(), [](const Interval& b) { return b.is_zero(); });
      if (!linear.diagonal && !negative && still) {
        std::vector<Source> same(offset.size());
        for (std::size_t i = 0; i < same.size(); ++i) same[i].index = static_cast<std::uint32_t>(i);
        step = moving_step(std::move(same));
      } else {
        IntervalTensor d = linear.diagonal ? *linear.diagonal : IntervalTensor(offset.size(), Interval(Dyadic{1, 0}));
        if (negative)
          for (Interval& factor : d) factor = negated(factor);
        step = diagonal_step(d, offset, 1, offset.size());
      }
    }
    network_.add(std::move(step), {first}, current, nodes.back());
    return true;
  }

  void node(std::size_t index) {
    if (folded({index})) return;
    try {
      if (known(index)) return;
    } catch (const Unavailable&) {  // of another form than the steps take
    }
    ++enclosed_;
    for (std::size_t k = 0; k < at(index).outputs.size(); ++k)
      if (const ValueId id = at(index).outputs[k]; id != kAbsent && !graph_.values[id].unusable)
        network_.add(enclosing_step(graph_, index, k, constants(index)), evaluator_.data_inputs(index), id, index);
  }

  /// A step of its own for the node's operator; false when there is none.
  bool known(std::size_t index) {
    const Node& node = at(index);
    const std::vector<ValueId> data = evaluator_.data_inputs(index);
    const bool only = data.size() == 1 && data[0] == node.inputs[0];  // every other input is constant
    const auto equal_shapes = [&] {
      return std::all_of(data.begin(), data.end(), [&](ValueId id) { return shape_of(id) == shape_of(node.outputs[0]); });
    };
    if (moves_entries(node.op)) return moves(index);
    switch (node.op) {
      case Op::conv:
      case Op::conv_transpose: return only && convolves(index);
      case Op::batch_normalization: return only && normalises(index);
      case Op::average_pool:
      case Op::global_average_pool:
      case Op::reduce_mean:
      case Op::reduce_sum: return only && averages(index);
      case Op::max_pool:
      case Op::global_max_pool:
      case Op::reduce_max:
      case Op::reduce_min:
        if (!only) return false;
        put(index, extreme_step(candidates(index), node.op == Op::reduce_min));
        return true;
      case Op::top_k: return only && orders(index);
      case Op::add:
      case Op::sub:
      case Op::max:
      case Op::min:
        if (data.size() < 2 || data.size() != node.inputs.size() || !equal_shapes()) return false;
        put(index, joining_step(node.op == Op::add   ? Joining::sum
                                : node.op == Op::sub ? Joining::difference
                                : node.op == Op::max ? Joining::maximum
                                                     : Joining::minimum));
        return true;
      case Op::relu: put(index, kink_step(Kink::relu, {})); return true;
      case Op::abs: put(index, kink_step(Kink::abs, {})); return true;
      case Op::leaky_relu: put(index, kink_step(Kink::leaky_relu, dyadic_of_binary32(node.attributes.at("alpha").real))); return true;
      default: return false;
    }
  }

  bool moves(std::size_t index) {
    const std::vector<const Operand*> inputs = constants(index);
    std::vector<std::uint32_t> place;  // of each input among those that are data
    std::uint32_t count = 0;
    for (const Operand* input : inputs) place.push_back(input == nullptr ? count++ : kPadding);
    std::vector<std::vector<Source>> all;
    for (std::size_t k = 0; k < at(index).outputs.size(); ++k) {
      if (at(index).outputs[k] == kAbsent || graph_.values[at(index).outputs[k]].unusable) continue;
      all.push_back(sources_of(graph_, index, k));
      bool padded = false;
      for (Source& source : all.back()) {
        if (source.input == kPadding) {
          padded = true;
          continue;
        }
        if (inputs.at(source.input) != nullptr && !inputs[source.input]->at(source.index).is_zero()) return false;
        source.input = place[source.input];
      }
      if (!padded) continue;
      // Pad's constant must be 0: so it is when zeros become zeros.
      if (count != 1) return false;
      const ValueId data = evaluator_.data_input(index);
      const Operand y = evaluator_.apply(index, operand_of(IntervalTensor(element_count(shape_of(data))), shape_of(data)), false);
      for (std::uint64_t i = 0; i < y.size(); ++i)
        if (!y.at(i).is_zero()) return false;
    }
    std::size_t next = 0;
    for (const ValueId id : usable_outputs(index)) network_.add(moving_step(std::move(all[next++])), evaluator_.data_inputs(index), id, index);
    return true;
  }

  bool convolves(std::size_t index) {
    const Node& node = at(index);
    const bool transposed = node.op == Op::conv_transpose;
    const Window window = window_of(graph_, index);
    const Shape& x = shape_of(node.inputs[0]);
    const Shape& y = shape_of(node.outputs[0]);
    const std::vector<const Operand*> inputs = constants(index);
    FixedConvolution c;
    c.batch = x[0];
    c.groups = window.groups;
    c.inputs = x[1] / c.groups;
    c.outputs = y[1] / c.groups;
    for (const WindowAxis& a : window.axes) {
      c.kernel *= a.kernel;
      c.size *= a.input;
    }
    c.taps = taps_of(window, transposed);
    if (c.taps.size() > (std::size_t{1} << 27) / c.kernel) return false;
    const std::size_t columns = c.inputs * c.kernel;
    // Row (group, output), column (input, kernel position); a ConvTranspose's weight is (group, input, output, kernel position).
    c.weights = matrix_of(*inputs[1], c.groups * c.outputs, columns, [&](std::size_t i) {
      if (!transposed) return i;
      const std::size_t row = i / columns, input = i % columns / c.kernel;
      return ((row / c.outputs * c.inputs + input) * c.outputs + row % c.outputs) * c.kernel + i % c.kernel;
    });
    const bool biased = inputs.size() > 2 && node.inputs[2] != kAbsent;
    c.offset = biased ? entries_of(*inputs[2]) : IntervalTensor(1);
    c.threads = threads_;
    put(index, convolution_step(c));
    return true;
  }

  bool normalises(std::size_t index) {
    const Shape& shape = shape_of(at(index).inputs[0]);
    const ChannelMap map = batch_normalization({graph_, index, constants(index), 1});
    const std::uint64_t entries = element_count(shape);
    put(index, diagonal_step(map.factor, map.offset, entries / shape[0] / shape[1], entries));
    return true;
  }

  bool averages(std::size_t index) {
    const Op op = at(index).op;
    std::vector<std::vector<std::uint32_t>> groups;
    std::vector<std::uint64_t> divisors;
    if (op == Op::reduce_mean || op == Op::reduce_sum) {
      groups = groups_of(graph_, index);
      for (const auto& group : groups) divisors.push_back(op == Op::reduce_mean ? group.size() : 1);
    } else {
      const Window window = window_of(graph_, index);
      const std::vector<std::vector<Tap>> taps = taps_of(window, false);
      std::uint64_t size = 1;
      for (const WindowAxis& a : window.axes) size *= a.input;
      for (std::uint64_t e = 0; e < element_count(shape_of(at(index).outputs[0])); ++e) {
        groups.emplace_back();
        for (const Tap& tap : taps[e % taps.size()]) groups.back().push_back(static_cast<std::uint32_t>(e / taps.size() * size + tap.data));
        divisors.push_back(average_divisor(window, groups.back().size()));
      }
    }
    put(index, average_step(groups, std::move(divisors)));
    return true;
  }

  bool orders(std::size_t index) {
    const Shape& shape = shape_of(at(index).outputs[0]);
    const bool ascending = graph_.opset >= 11 && at(index).attributes.at("largest").integer == 0;
    const std::uint64_t axis = axes_of(graph_, index)[0];
    const std::uint64_t inner = element_count(Shape(shape.begin() + static_cast<std::ptrdiff_t>(axis) + 1, shape.end()));
    std::vector<std::vector<std::uint32_t>> lines;
    std::vector<std::uint32_t> line, ranks;
    std::map<std::uint32_t, std::uint32_t> known;  // lines by their first entry
    std::uint64_t e = 0;
    for (std::vector<std::uint32_t>& candidates : candidates(index)) {
      const auto [found, fresh] = known.emplace(candidates.at(0), static_cast<std::uint32_t>(lines.size()));
      if (fresh) lines.push_back(std::move(candidates));
      line.push_back(found->second);
      ranks.push_back(static_cast<std::uint32_t>(e++ / inner % shape[axis]));
    }
    put(index, order_step(std::move(lines), std::move(line), std::move(ranks), ascending));
    return true;
  }

  const Graph& graph_;
  Evaluator& evaluator_;
  FixedNetwork& network_;
  unsigned threads_;
  bool fold_;
  std::size_t enclosed_ = 0;
};

}  // namespace

struct NetworkAtSamples::State {
  explicit State(const Graph& g) : graph(g), evaluator(g, Engine{}) {}
  const Graph& graph;
  Evaluator evaluator;  // one thread; its constants are all computed by the constructor below
  FixedNetwork network;
  bool fast = true;
  std::size_t enclosed = 0;
  std::vector<VerifiedBlock> blocks;
  std::unique_ptr<FixedNetwork> nodes;  // the network without folding
  bool has_nodes = true;
};

NetworkAtSamples::~NetworkAtSamples() = default;

NetworkAtSamples::NetworkAtSamples(const Graph& graph, const std::vector<VerifiedBlock>& blocks) : state_(std::make_unique<State>(graph)) {
  State& state = *state_;
  state.blocks = blocks;
  for (std::size_t i = 0; i < graph.nodes.size(); ++i)
    if (!graph.values[graph.nodes[i].outputs[0]].constant)
      for (const ValueId id : graph.nodes[i].inputs)
        if (id != kAbsent && graph.values[id].constant && is_floating(graph.values[id].type)) (void)state.evaluator.constant(id);
  Builder builder(graph, state.evaluator, state.network);
  try {
    for (const VerifiedBlock& block : blocks) builder.block(block);
  } catch (const Unavailable&) {
    state.fast = false;
  }
  state.enclosed = builder.enclosed();
}

const FixedNetwork* NetworkAtSamples::by_nodes() {
  if (!state_->nodes) {
    state_->nodes = std::make_unique<FixedNetwork>();
    Builder builder(state_->graph, state_->evaluator, *state_->nodes, 1, false);
    try {
      for (const VerifiedBlock& block : state_->blocks) builder.block(block);
    } catch (const Unavailable&) {
      state_->has_nodes = false;
    }
  }
  return state_->has_nodes ? state_->nodes.get() : nullptr;
}

std::size_t NetworkAtSamples::enclosed() const { return state_->enclosed; }

bool NetworkAtSamples::has_fast() const { return state_->fast; }

EnclosedOutput NetworkAtSamples::operator()(const Sample& sample, const Scaling& scaling, bool wide) const {
  if (!wide && state_->fast)
    if (std::optional<EnclosedOutput> output = state_->network.evaluate(scaling.enclose(sample), state_->graph.output)) return *output;
  const std::vector<Rational> point = scaling.exact(sample);
  IntervalTensor input;
  for (const Rational& x : point) input.push_back(interval_of(x));
  const Operand x = state_->evaluator.output_at(operand_of(std::move(input), state_->graph.input().shape));
  IntervalTensor output(x.size());
  for (std::size_t i = 0; i < output.size(); ++i) output[i] = x.at(i);
  return output_of(output);
}

std::optional<Rational> derivative_norm_below(const Graph& graph, Evaluator& evaluator, const std::vector<VerifiedBlock>& blocks,
                                              const IntegerVector& x, const IntegerVector& v, unsigned threads) {
  std::map<ValueId, std::size_t> last;  // block that reads a tensor last
  for (std::size_t b = 0; b < blocks.size(); ++b)
    for (const std::size_t i : blocks[b].nodes)
      for (const ValueId id : evaluator.data_inputs(i)) last[id] = b;
  const auto fixed = [](const IntegerVector& w) { return FixedTensor{{w.mantissas.begin(), w.mantissas.end()}, w.exponent, 0}; };
  FixedNetwork::Tensors values, along;
  values[0] = fixed(x);
  along[0] = fixed(v);
  try {
    for (std::size_t b = 0; b < blocks.size(); ++b) {
      FixedNetwork network;
      Builder(graph, evaluator, network, threads).block(blocks[b]);
      network.differentiate(values, along);
      for (FixedNetwork::Tensors* tensors : {&values, &along})
        std::erase_if(*tensors, [&](const auto& tensor) {
          return tensor.first != graph.output && (last.count(tensor.first) == 0 || last.at(tensor.first) <= b);
        });
    }
  } catch (const Unavailable&) {
    return std::nullopt;
  } catch (const Failure& failure) {  // node by node some values are open (a root next to 0) that the caller's other way sees as a whole
    if (failure.outcome() != Outcome::rejected) throw;
    return std::nullopt;
  }
  const FixedTensor& y = along.at(graph.output);
  Integer squares = 0;
  for (const std::int64_t c : y.centre) squares += Integer(c) * c;
  return scaled(std::max(Integer(0), Integer(sqrt_floor(squares) - y.distance)), y.exponent);
}

}  // namespace lipverify
