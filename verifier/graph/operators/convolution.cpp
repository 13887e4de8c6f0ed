// Conv, ConvTranspose, AveragePool, GlobalAveragePool: sums over windows.
#include <algorithm>

#include "verifier/graph/functions.hpp"
#include "verifier/graph/operators/family.hpp"
#include "verifier/graph/weighted_sum.hpp"

namespace lipverify {

Shape convolution::shape(const NodeRules& at, Value&) {
  at.count_inputs(2, 3);
  at.same_floating_type();
  const Window window = window_of(at.graph(), at.index());
  const Shape& weight = at.in(1).shape;
  const std::uint64_t outputs = at.node().op == Op::conv ? weight[0] : weight[1] * window.groups;
  if (at.has_input(2) && at.in(2).shape != Shape{outputs}) at.fail("its bias must be a vector with one entry per output channel");
  Shape out = {at.in(0).shape[0], outputs};
  for (const WindowAxis& a : window.axes) out.push_back(a.output);
  return out;
}

Shape convolution::shape_of_pool(const NodeRules& at, Value&) {
  const Shape& x = at.unary();
  Shape out(x.begin(), x.begin() + std::min<std::ptrdiff_t>(2, std::ssize(x)));
  for (const WindowAxis& a : window_of(at.graph(), at.index()).axes) out.push_back(a.output);
  return out;
}

Operand convolution::value(const NodeInputs& inputs, std::size_t, const Shape& shape, bool linear) {
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

Operand convolution::average(const NodeInputs& inputs, std::size_t, const Shape& shape, bool) {
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

namespace {

using AxisTaps = std::vector<std::vector<Tap>>;

std::shared_ptr<const std::vector<AxisTaps>> taps_of_axes(const Window& window, bool transposed) {
  auto out = std::make_shared<std::vector<AxisTaps>>();
  for (const WindowAxis& a : window.axes) out->push_back(axis_taps(a, transposed));
  return out;
}

/// Calls visit(tap, data position), both flat, for every pair that output position `i` (flat) meets; returns how many there are.
template <typename Visit>
std::uint64_t visit_window(const Window& window, const std::vector<AxisTaps>& axes, std::uint64_t i, const Visit& visit) {
  const std::size_t d = axes.size();
  std::vector<const std::vector<Tap>*> lists(d);
  std::uint64_t count = 1;
  for (std::size_t k = d; k-- > 0; i /= window.axes[k].output) {
    lists[k] = &axes[k][i % window.axes[k].output];
    count *= lists[k]->size();
  }
  std::vector<std::size_t> at(d, 0);
  for (std::uint64_t n = 0; n < count; ++n) {
    std::uint64_t tap = 0;
    std::uint64_t position = 0;
    for (std::size_t k = 0; k < d; ++k) {
      const auto [j, p] = (*lists[k])[at[k]];
      tap = tap * window.axes[k].kernel + j;
      position = position * window.axes[k].input + p;
    }
    visit(tap, position);
    for (std::size_t k = d; k-- > 0;) {
      if (++at[k] < lists[k]->size()) break;
      at[k] = 0;
    }
  }
  return count;
}

}  // namespace

void convolution::convolves(const Rows& at, std::size_t, const Shape& shape) {
  const bool transposed = at.node.op == Op::conv_transpose;
  at.only(0);
  at.out.offset = at.given(2);
  const Window window = window_of(at.graph, at.index);
  const Shape& weight = at.shape(1);
  const Shape& data = at.shape(0);
  const Factors factors(at.constant(1));
  const auto axes = taps_of_axes(window, transposed);
  const std::uint64_t taps = product_from(weight, 2);
  const std::uint64_t inside = product_from(shape, 2);
  const std::uint64_t positions = product_from(data, 2);
  const std::uint64_t outputs = shape[1];
  const std::uint64_t inputs = data[1];
  const std::uint64_t group_outputs = outputs / window.groups;
  const std::uint64_t group_inputs = inputs / window.groups;
  at.out.row = [=](std::uint64_t r, std::vector<Term>& terms) {
    const std::uint64_t o = r / inside % outputs;
    const std::uint64_t image = r / inside / outputs;
    const std::uint64_t group = o / group_outputs;
    for (std::uint64_t c = 0; c < group_inputs; ++c) {
      const std::uint64_t channel = group * group_inputs + c;
      const std::uint64_t base = (image * inputs + channel) * positions;
      const std::uint64_t kernel = (transposed ? channel * group_outputs + o % group_outputs : o * group_inputs + c) * taps;
      visit_window(window, *axes, r % inside, [&](std::uint64_t tap, std::uint64_t position) {
        terms.push_back({0, static_cast<std::uint32_t>(base + position), factors.at(kernel + tap)});
      });
    }
  };
}

void convolution::averages(const Rows& at, std::size_t, const Shape& shape) {
  at.only(0);
  const Window window = window_of(at.graph, at.index);
  const auto axes = taps_of_axes(window, false);
  std::uint64_t taps = 1;
  for (const WindowAxis& a : window.axes) taps *= a.kernel;
  const std::uint64_t inside = product_from(shape, 2);
  const std::uint64_t positions = product_from(at.shape(0), 2);
  at.out.row = [=](std::uint64_t r, std::vector<Term>& terms) {
    const std::size_t first = terms.size();
    const std::uint64_t base = r / inside * positions;
    const std::uint64_t count = visit_window(window, *axes, r % inside, [&](std::uint64_t, std::uint64_t position) {
      terms.push_back({0, static_cast<std::uint32_t>(base + position), {}});
    });
    const Coefficient factor = share(window.count_include_pad ? taps : count);
    for (std::size_t k = first; k < terms.size(); ++k) terms[k].factor = factor;
  };
}

}  // namespace lipverify
