// See operators.hpp. Values and linear parts; the derivatives stand in derivatives.cpp.
#include "verifier/graph/operators.hpp"

#include <algorithm>

#include "verifier/graph/functions.hpp"
#include "verifier/graph/operators/family.hpp"
#include "verifier/graph/weighted_sum.hpp"
#include "verifier/base/failure.hpp"

namespace lipverify {

namespace {

constexpr std::uint64_t kEntries = std::uint64_t{1} << 22;  // of one enclosed tensor (about 200 bytes each)

void check_size(std::uint64_t entries) {
  if (entries > kEntries) exhausted("a computed tensor has more than 4194304 entries; this checker does not enclose larger ones");
}

/// The tensor 1, as weights of a plain sum.
const Operand& unit_weight() {
  static const Operand value = operand_of(IntervalTensor(1, integer(1)), {1});
  return value;
}

// ----------------------------------------------------------------------------------------------------------------------- moved entries

/// True when `value` is exactly a number of the floating type.
bool is_exact_in(const Interval& value, std::uint32_t type) {
  if (value.is_zero()) return true;
  if (!value.exact()) return false;
  const std::int64_t digits = type == kFloat64 ? 53 : type == kFloat32 ? 24 : type == kFloat16 ? 11 : 8;
  const std::int64_t largest = type == kFloat64 ? 1024 : type == kFloat16 ? 16 : 128;  // every finite number is below 2^largest
  const std::int64_t smallest = type == kFloat64 ? -1074 : type == kFloat32 ? -149 : type == kFloat16 ? -24 : -133;
  const auto bits = static_cast<std::int64_t>(boost::multiprecision::msb(value.low < 0 ? Wide(-value.low) : value.low)) + 1;  // odd mantissa
  return bits <= digits && value.exponent >= smallest && value.exponent + bits <= largest;
}

Operand reshaped(const NodeInputs& inputs, const Shape& shape) {
  const Node& node = inputs.node();
  Operand out = *inputs.in[0];  // the same numbers
  out.shape = shape;
  if (node.op == Op::cast) {
    const std::uint32_t from = inputs.graph.values[node.inputs[0]].type;
    const std::uint32_t to = inputs.graph.values[node.outputs[0]].type;
    const bool wider = from == to || to == kFloat64 || (to == kFloat32 && from != kFloat64);
    for (std::uint64_t i = 0; !wider && i < out.size(); ++i)
      if (!is_exact_in(out.at(i), to)) reject(inputs.graph.label(inputs.index) + " rounds a weight");
  }
  return out;
}

Operand moved(const NodeInputs& inputs, std::size_t output, bool linear, const Shape& shape) {
  const Node& node = inputs.node();
  const std::vector<Source> sources = sources_of(inputs.graph, inputs.index, output);
  bool raw = !linear && node.op != Op::pad;
  for (std::size_t k = 0; k < node.inputs.size(); ++k) raw = raw && (inputs.in[k]->raw != nullptr || !is_floating(inputs.graph.values[node.inputs[k]].type));
  if (raw) {  // weights stay bits of the file
    auto tensor = std::make_shared<Tensor>();
    tensor->type = inputs.in[0]->raw->type;
    tensor->shape = shape;
    const std::uint64_t width = byte_size(tensor->type);
    for (const Source& s : sources) tensor->bits.append(inputs.in[s.input]->raw->bits, s.index * width, width);
    Operand out;
    out.raw = tensor.get();
    out.held = std::move(tensor);
    out.shape = shape;
    return out;
  }
  check_size(sources.size());
  Interval padding;
  if (node.op == Op::pad && !linear) {
    if (inputs.graph.opset < 11)
      padding = Interval(dyadic_of_binary32(node.attributes.at("value").real));
    else if (inputs.has(2))
      padding = inputs.in[2]->at(0);
  }
  IntervalTensor values(sources.size());
  for (std::size_t i = 0; i < values.size(); ++i) {
    const Source& s = sources[i];
    if (s.input == kPadding)
      values[i] = padding;
    else if (!linear || inputs.is_data(s.input))
      values[i] = inputs.in[s.input]->at(s.index);
  }
  return operand_of(std::move(values), shape);
}

// ---------------------------------------------------------------------------------------------------------------------- linear algebra

Operand matmul(const NodeInputs& inputs, const Shape& shape) {
  const Operand& a = *inputs.in[0];
  const Operand& b = *inputs.in[1];
  if (inputs.is_data(0) && inputs.is_data(1)) reject(inputs.graph.label(inputs.index) + " multiplies two tensors of data");
  Shape as = a.shape;
  Shape bs = b.shape;
  Shape out = shape;  // with both matrix dimensions, as if neither operand were a vector
  if (bs.size() == 1) {
    bs.push_back(1);
    out.push_back(1);
  }
  if (as.size() == 1) {
    as.insert(as.begin(), 1);
    out.insert(out.end() - 1, 1);
  }
  const std::uint64_t rows = out[out.size() - 2];
  const std::uint64_t columns = out.back();
  const std::uint64_t inner = as.back();
  const Shape batch(out.begin(), out.end() - 2);
  const Broadcast batch_a(Shape(as.begin(), as.end() - 2), batch);
  const Broadcast batch_b(Shape(bs.begin(), bs.end() - 2), batch);
  const std::uint64_t entries = element_count(out);
  check_size(entries);
  const bool left = inputs.is_data(1) || (!inputs.is_data(0) && b.raw == nullptr);  // the weights stand on the left
  const auto taps = [&](std::uint64_t e, const auto& visit) {
    const std::uint64_t column = e % columns;
    const std::uint64_t row = e / columns % rows;
    const std::uint64_t block = e / columns / rows;
    const std::uint64_t i = (batch_a.index(block) * rows + row) * inner;
    const std::uint64_t j = batch_b.index(block) * inner * columns + column;
    for (std::uint64_t k = 0; k < inner; ++k) left ? visit(i + k, j + k * columns) : visit(j + k * columns, i + k);
  };
  return operand_of(weighted_sums(left ? a : b, left ? b : a, entries, inputs.threads, taps), shape);
}

Operand gemm(const NodeInputs& inputs, const Shape& shape, bool linear) {
  const Node& node = inputs.node();
  const Operand& a = *inputs.in[0];
  const Operand& b = *inputs.in[1];
  if (inputs.is_data(0) && inputs.is_data(1)) reject(inputs.graph.label(inputs.index) + " multiplies two tensors of data");
  const bool ta = node.attributes.at("transA").integer == 1;
  const bool tb = node.attributes.at("transB").integer == 1;
  const Interval alpha(dyadic_of_binary32(node.attributes.at("alpha").real));
  const Interval beta(dyadic_of_binary32(node.attributes.at("beta").real));
  const std::uint64_t rows = shape[0];
  const std::uint64_t columns = shape[1];
  const std::uint64_t inner = a.shape[ta ? 0 : 1];
  const Operand* c = inputs.has(2) && (!linear || inputs.is_data(2)) ? inputs.in[2] : nullptr;
  const Broadcast index(c == nullptr ? Shape() : c->shape, shape);
  check_size(rows * columns);
  const bool left = inputs.is_data(1) || (!inputs.is_data(0) && b.raw == nullptr);
  const auto taps = [&](std::uint64_t e, const auto& visit) {
    const std::uint64_t i = ta ? e / columns : e / columns * inner;
    const std::uint64_t j = tb ? e % columns * inner : e % columns;
    for (std::uint64_t k = 0; k < inner; ++k) {
      const std::uint64_t in_a = i + k * (ta ? rows : 1);
      const std::uint64_t in_b = j + k * (tb ? 1 : columns);
      left ? visit(in_a, in_b) : visit(in_b, in_a);
    }
  };
  IntervalTensor values = weighted_sums(left ? a : b, left ? b : a, rows * columns, inputs.threads, taps);
  for (std::uint64_t e = 0; e < values.size(); ++e) {
    values[e] = alpha * values[e];
    if (c != nullptr) values[e] = values[e] + beta * c->at(index.index(e));
  }
  return operand_of(std::move(values), shape);
}

Operand convolution(const NodeInputs& inputs, const Shape& shape, bool linear) {
  if (inputs.is_data(1)) reject(inputs.graph.label(inputs.index) + " has data in its weight");
  const bool transposed = inputs.node().op == Op::conv_transpose;
  const Window window = window_of(inputs.graph, inputs.index);
  const std::vector<std::vector<Tap>> taps = taps_of(window, transposed);
  const Operand& x = *inputs.in[0];
  const Operand& w = *inputs.in[1];
  const std::uint64_t in_group = x.shape[1] / window.groups;
  const std::uint64_t out_group = shape[1] / window.groups;
  std::uint64_t in_size = 1;
  std::uint64_t kernel = 1;
  for (const WindowAxis& a : window.axes) {
    in_size *= a.input;
    kernel *= a.kernel;
  }
  const std::uint64_t places = taps.size();
  const std::uint64_t entries = element_count(shape);
  check_size(entries);
  IntervalTensor values = weighted_sums(w, x, entries, inputs.threads, [&](std::uint64_t e, const auto& visit) {
    const std::vector<Tap>& here = taps[e % places];
    const std::uint64_t o = e / places % shape[1];
    const std::uint64_t sample = e / places / shape[1];
    const std::uint64_t group = o / out_group;
    for (std::uint64_t c = 0; c < in_group; ++c) {
      const std::uint64_t channel = group * in_group + c;
      const std::uint64_t weights = (transposed ? channel * out_group + o % out_group : o * in_group + c) * kernel;
      const std::uint64_t data = (sample * x.shape[1] + channel) * in_size;
      for (const Tap& tap : here) visit(weights + tap.kernel, data + tap.data);
    }
  });
  if (!linear && inputs.has(2))
    for (std::uint64_t e = 0; e < entries; ++e) values[e] = values[e] + inputs.in[2]->at(e / places % shape[1]);
  return operand_of(std::move(values), shape);
}

Operand average_pool(const NodeInputs& inputs, const Shape& shape) {
  const Window window = window_of(inputs.graph, inputs.index);
  const std::vector<std::vector<Tap>> taps = taps_of(window, false);
  std::uint64_t in_size = 1;
  for (const WindowAxis& a : window.axes) in_size *= a.input;
  const std::uint64_t places = taps.size();
  const std::uint64_t entries = element_count(shape);
  check_size(entries);
  IntervalTensor values = weighted_sums(unit_weight(), *inputs.in[0], entries, inputs.threads, [&](std::uint64_t e, const auto& visit) {
    for (const Tap& tap : taps[e % places]) visit(0, e / places * in_size + tap.data);
  });
  for (std::uint64_t e = 0; e < entries; ++e)
    values[e] = quotient(values[e], integer(static_cast<std::int64_t>(average_divisor(window, taps[e % places].size()))));
  return operand_of(std::move(values), shape);
}

Operand summed(const NodeInputs& inputs, const Shape& shape) {
  const std::vector<std::vector<std::uint32_t>> groups = groups_of(inputs.graph, inputs.index);
  check_size(groups.size());
  IntervalTensor values = weighted_sums(unit_weight(), *inputs.in[0], groups.size(), inputs.threads, [&](std::uint64_t e, const auto& visit) {
    for (const std::uint32_t i : groups[e]) visit(0, i);
  });
  if (inputs.node().op == Op::reduce_mean)
    for (std::uint64_t e = 0; e < values.size(); ++e) values[e] = quotient(values[e], integer(static_cast<std::int64_t>(groups[e].size())));
  return operand_of(std::move(values), shape);
}

Operand normalised(const NodeInputs& inputs, const Shape& shape, bool linear) {
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

// ------------------------------------------------------------------------------------------------------------------------- order, norms

Operand largest_of(const NodeInputs& inputs, const Shape& shape) {
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

Operand top_k(const NodeInputs& inputs, const Shape& shape) {
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

Operand lengths(const NodeInputs& inputs, const Shape& shape) {
  const std::vector<std::vector<std::uint32_t>> groups = groups_of(inputs.graph, inputs.index);
  IntervalTensor values(groups.size());
  for (std::size_t e = 0; e < groups.size(); ++e) values[e] = norm_of(*inputs.in[0], groups[e]);
  return operand_of(std::move(values), shape);
}

/// p_i = e_i / (e_1 + e_2 + ...), e_i = exp(x_i - m), m the largest upper end: an exact number, so that the quotient does not change.
Operand softmax(const NodeInputs& inputs, const Shape& shape) {
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

// --------------------------------------------------------------------------------------------------------------------------- entrywise

bool is_linear_op(Op op) {
  switch (op) {
    case Op::add:
    case Op::sub:
    case Op::mul:
    case Op::div:
    case Op::gemm:
    case Op::matmul:
    case Op::neg:
    case Op::conv:
    case Op::conv_transpose:
    case Op::average_pool:
    case Op::global_average_pool:
    case Op::reduce_mean:
    case Op::reduce_sum:
    case Op::batch_normalization: return true;
    default: return moves_entries(op);
  }
}

Interval entry_of(const NodeInputs& inputs, const Node& node, const std::vector<Broadcast>& at, std::uint64_t e, bool linear) {
  const auto operand = [&](std::size_t k) { return inputs.in[k]->at(at[k].index(e)); };
  const auto term = [&](std::size_t k) { return linear && !inputs.is_data(k) ? Interval() : operand(k); };
  switch (node.op) {
    case Op::add: return term(0) + term(1);
    case Op::sub: return term(0) + negated(term(1));
    case Op::mul: return node.inputs[0] == node.inputs[1] ? squared(operand(0)) : operand(0) * operand(1);
    case Op::div: {
      const Interval divisor = operand(1);
      if (divisor.has_zero()) reject(inputs.graph.label(inputs.index) + " divides by 0, or by a constant that cannot be told from 0");
      return quotient(operand(0), divisor);
    }
    case Op::max:
    case Op::min: {
      Interval out = operand(0);
      for (std::size_t k = 1; k < inputs.in.size(); ++k) out = node.op == Op::max ? maximum(out, operand(k)) : minimum(out, operand(k));
      return out;
    }
    case Op::neg: return negated(operand(0));
    default: return function_value(inputs, operand(0), node.op == Op::prelu ? operand(1) : Interval());
  }
}

Operand compute(const NodeInputs& inputs, std::size_t output, bool linear) {
  const Node& node = inputs.node();
  const Shape& shape = inputs.graph.values[node.outputs[output]].shape;
  switch (node.op) {
    case Op::identity:
    case Op::dropout:
    case Op::cast:
    case Op::flatten:
    case Op::reshape:
    case Op::squeeze:
    case Op::unsqueeze: return reshaped(inputs, shape);
    case Op::matmul: return matmul(inputs, shape);
    case Op::gemm: return gemm(inputs, shape, linear);
    case Op::conv:
    case Op::conv_transpose: return convolution(inputs, shape, linear);
    case Op::average_pool:
    case Op::global_average_pool: return average_pool(inputs, shape);
    case Op::reduce_mean:
    case Op::reduce_sum: return summed(inputs, shape);
    case Op::batch_normalization: return normalised(inputs, shape, linear);
    case Op::max_pool:
    case Op::global_max_pool:
    case Op::reduce_max:
    case Op::reduce_min: return largest_of(inputs, shape);
    case Op::top_k: return top_k(inputs, shape);
    case Op::reduce_l2: return lengths(inputs, shape);
    case Op::softmax: return softmax(inputs, shape);
    default: break;
  }
  if (moves_entries(node.op)) return moved(inputs, output, linear, shape);
  const std::uint64_t entries = element_count(shape);
  check_size(entries);
  const bool scalar_constants = node.op == Op::pow || node.op == Op::clip;  // looked at by function_value
  std::vector<Broadcast> at;
  for (std::size_t k = 0; k < inputs.in.size() && !(scalar_constants && k > 0); ++k) at.emplace_back(inputs.in[k]->shape, shape);
  IntervalTensor values(entries);
  parallel_for(entries, entries < 64 ? 1 : inputs.threads, [&](std::size_t e) { values[e] = entry_of(inputs, node, at, e, linear); });
  return operand_of(std::move(values), shape);
}

}  // namespace

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

bool is_linear(const NodeInputs& inputs) {
  const Op op = inputs.node().op;
  if (!is_linear_op(op)) return false;
  if (op == Op::mul || op == Op::gemm || op == Op::matmul) return !(inputs.is_data(0) && inputs.is_data(1));
  return op != Op::div || !inputs.is_data(1);
}

Operand node_value(const NodeInputs& inputs, std::size_t output) {
  if (inputs.node().op == Op::div && inputs.is_data(1)) reject(inputs.graph.label(inputs.index) + " divides by data");
  return compute(inputs, output, false);
}

Operand node_linear(const NodeInputs& inputs, std::size_t output) {
  if (!is_linear(inputs)) reject(inputs.graph.label(inputs.index) + " is not linear in its data");
  return compute(inputs, output, true);
}

}  // namespace lipverify
