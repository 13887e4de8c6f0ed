// See linear_map.hpp.
#include "verifier/theorems/linear_map.hpp"

#include <algorithm>
#include <bit>
#include <map>
#include <memory>

#include "verifier/graph/functions.hpp"
#include "verifier/graph/parameters.hpp"
#include "verifier/base/failure.hpp"
#include "verifier/base/parallel.hpp"

namespace lipverify {

namespace mp = boost::multiprecision;

namespace {

constexpr std::uint64_t kEntries = std::uint64_t{1} << 25;   // of all matrices that are kept at one time
constexpr std::uint64_t kFactors = std::uint64_t{1} << 24;   // enclosed factors of one node
constexpr std::uint64_t kImage = std::uint64_t{1} << 22;     // entries of an enclosed tensor (about 200 bytes each)
constexpr std::uint64_t kColumns = std::uint64_t{1} << 28;   // the readers' limit of elements: indices fit in 32 bits

const Coefficient kOne{{1, 0}, {}};
const Coefficient kMinusOne{{-1, 0}, {}};

std::int32_t exponent_of(std::int64_t e) {
  if (e < -1000000 || e > 1000000) reject("a factor that is computed in the graph is out of range");
  return static_cast<std::int32_t>(e);
}

}  // namespace

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

namespace {

/// A constant operand as factors, each multiplied by `times`.
class Factors {
 public:
  explicit Factors(const Operand& operand) : Factors(operand, Interval(Dyadic{1, 0})) {}
  Factors(const Operand& operand, const Interval& times) : operand_(&operand) {
    if (operand.raw != nullptr && times == Interval(Dyadic{1, 0})) return;
    if (operand.size() > kFactors) exhausted("a node has more than 16777216 enclosed factors; this checker does not take more");
    values_ = std::make_shared<std::vector<Coefficient>>();
    for (std::uint64_t i = 0; i < operand.size(); ++i) values_->push_back(coefficient_of(operand.at(i) * times));
  }
  [[nodiscard]] Coefficient at(std::uint64_t i) const { return values_ ? (*values_)[i] : Coefficient{operand_->raw->real(i), {}}; }

 private:
  const Operand* operand_;
  std::shared_ptr<std::vector<Coefficient>> values_;
};

/// A node and its inputs, with the data inputs numbered in order.
struct Reading {
  const Graph& graph;
  Evaluator& evaluator;
  std::size_t index;
  const Node& node;
  LinearNode& out;
  std::vector<std::uint32_t> slot;  // for each input; kNone for constants and absent ones

  static constexpr std::uint32_t kNone = 0xFFFFFFFF;

  Reading(const Graph& g, Evaluator& e, std::size_t i, LinearNode& o) : graph(g), evaluator(e), index(i), node(g.nodes[i]), out(o) {
    for (const ValueId id : node.inputs) {
      const bool is_data = id != kAbsent && !graph.values[id].constant;
      slot.push_back(is_data ? static_cast<std::uint32_t>(out.data.size()) : kNone);
      if (is_data) out.data.push_back(id);
    }
  }

  [[nodiscard]] bool data(std::size_t k) const { return k < slot.size() && slot[k] != kNone; }
  [[nodiscard]] bool given(std::size_t k) const { return k < node.inputs.size() && node.inputs[k] != kAbsent; }
  [[nodiscard]] const Shape& shape(std::size_t k) const { return graph.values[node.inputs[k]].shape; }
  [[nodiscard]] const Operand& constant(std::size_t k) const { return evaluator.constant(node.inputs[k]); }
  [[noreturn]] void refuse(const std::string& reason) const { reject(graph.label(index) + " " + reason); }
  /// Exactly input `k` is data.
  void only(std::size_t k) const {
    if (out.data.size() != 1 || !data(k)) refuse("is not linear: its data does not stand in the one place where it may");
  }
};

std::uint64_t product_from(const Shape& shape, std::size_t first) {
  std::uint64_t n = 1;
  for (std::size_t k = first; k < shape.size(); ++k) n *= shape[k];
  return n;
}

void moves(const Reading& at, std::size_t output) {
  const auto sources = std::make_shared<const std::vector<Source>>(sources_of(at.graph, at.index, output));
  at.out.most = 1;
  for (std::size_t k = 0; k < at.node.inputs.size(); ++k)
    if (at.node.op == Op::concat && at.given(k) && !at.data(k)) at.out.offset = true;
  if (at.node.op == Op::pad) {
    const auto value = at.node.attributes.find("value");
    if (at.graph.opset < 11 && value != at.node.attributes.end()) at.out.offset = dyadic_of_binary32(value->second.real).mantissa != 0;
    if (at.graph.opset >= 11 && at.given(2)) at.out.offset = !at.constant(2).at(0).is_zero();
    if (at.node.attributes.at("mode").text != "constant") at.out.offset = false;
  }
  for (std::size_t k = 0; k < at.node.inputs.size(); ++k)
    if (at.data(k) && k > 0 && at.node.op != Op::concat) at.refuse("has data where a parameter belongs");
  const std::vector<std::uint32_t> slot = at.slot;
  at.out.row = [sources, slot](std::uint64_t r, std::vector<Term>& terms) {
    const Source& source = (*sources)[r];
    if (source.input == kPadding || slot[source.input] == Reading::kNone) return;
    terms.push_back({slot[source.input], source.index, kOne});
  };
}

void sums(const Reading& at, const Shape& shape) {
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
  at.out.most = parts.size();
  at.out.row = [parts](std::uint64_t r, std::vector<Term>& terms) {
    for (const Part& part : parts) terms.push_back({part.slot, static_cast<std::uint32_t>(part.place.index(r)), part.sign});
  };
}

void scales(const Reading& at, const Shape& shape) {
  const std::size_t k = at.data(0) ? 0 : 1;
  at.only(k);
  if (at.node.op == Op::div && k == 1) at.refuse("divides by data");
  const Operand& constant = at.constant(1 - k);
  const Broadcast data(at.shape(k), shape);
  const Broadcast factor(constant.shape, shape);
  at.out.most = 1;
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

void normalises(const Reading& at, const Shape& shape) {
  at.only(0);
  at.out.offset = true;
  at.out.most = 1;
  const auto factors = std::make_shared<std::vector<Coefficient>>();
  for (const Interval& x : batch_factors(at.graph, at.evaluator, at.index)) factors->push_back(coefficient_of(x));
  const std::uint64_t inner = product_from(shape, 2);
  const std::uint64_t channels = shape[1];
  at.out.row = [factors, inner, channels](std::uint64_t r, std::vector<Term>& terms) {
    terms.push_back({0, static_cast<std::uint32_t>(r), (*factors)[r / inner % channels]});
  };
}

/// Positions (of data, of taps) that one output position meets along one axis.
struct Meeting {
  std::vector<std::vector<std::pair<std::uint64_t, std::uint64_t>>> at;  // for each output position: (tap, data position)
};

std::vector<Meeting> meetings(const Window& window, bool transposed) {
  std::vector<Meeting> out;
  for (const WindowAxis& a : window.axes) {
    Meeting meeting;
    meeting.at.resize(a.output);
    const std::uint64_t steps = transposed ? a.input : a.output;
    for (std::uint64_t i = 0; i < steps; ++i)
      for (std::uint64_t j = 0; j < a.kernel; ++j) {
        const std::int64_t p = static_cast<std::int64_t>(a.stride * i + a.dilation * j) - a.begin;
        if (p < 0 || p >= static_cast<std::int64_t>(transposed ? a.output : a.input)) continue;
        if (transposed)
          meeting.at[static_cast<std::size_t>(p)].emplace_back(j, i);
        else
          meeting.at[i].emplace_back(j, static_cast<std::uint64_t>(p));
      }
    out.push_back(std::move(meeting));
  }
  return out;
}

/// Calls visit(tap, data position), both flat, for every pair that output position `i` (flat) meets; returns how many there are.
template <typename Visit>
std::uint64_t visit_window(const Window& window, const std::vector<Meeting>& axes, std::uint64_t i, const Visit& visit) {
  const std::size_t d = axes.size();
  std::vector<const std::vector<std::pair<std::uint64_t, std::uint64_t>>*> lists(d);
  std::uint64_t count = 1;
  for (std::size_t k = d; k-- > 0; i /= window.axes[k].output) {
    lists[k] = &axes[k].at[i % window.axes[k].output];
    count *= lists[k]->size();
  }
  std::vector<std::size_t> at(d, 0);
  for (std::uint64_t n = 0; n < count; ++n) {
    std::uint64_t tap = 0;
    std::uint64_t position = 0;
    for (std::size_t k = 0; k < d; ++k) {
      const auto& [j, p] = (*lists[k])[at[k]];
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

void convolves(const Reading& at, const Shape& shape, bool transposed) {
  at.only(0);
  at.out.offset = at.given(2);
  const Window window = window_of(at.graph, at.index);
  const Shape& weight = at.shape(1);
  const Shape& data = at.shape(0);
  const Factors factors(at.constant(1));
  const auto axes = std::make_shared<const std::vector<Meeting>>(meetings(window, transposed));
  const std::uint64_t taps = product_from(weight, 2);
  const std::uint64_t inside = product_from(shape, 2);
  const std::uint64_t positions = product_from(data, 2);
  const std::uint64_t outputs = shape[1];
  const std::uint64_t inputs = data[1];
  const std::uint64_t group_outputs = outputs / window.groups;
  const std::uint64_t group_inputs = inputs / window.groups;
  at.out.most = taps * group_inputs;
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

/// 1/n, or 1 when only sums are wanted.
Coefficient share(std::uint64_t n) {
  return coefficient_of(quotient(Interval(Dyadic{1, 0}), Interval(Dyadic{static_cast<std::int64_t>(n), 0})));
}

void averages(const Reading& at, const Shape& shape) {
  at.only(0);
  const Window window = window_of(at.graph, at.index);
  const auto axes = std::make_shared<const std::vector<Meeting>>(meetings(window, false));
  std::uint64_t taps = 1;
  for (const WindowAxis& a : window.axes) taps *= a.kernel;
  const std::uint64_t inside = product_from(shape, 2);
  const std::uint64_t positions = product_from(at.shape(0), 2);
  at.out.most = taps;
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

void reduces(const Reading& at) {
  at.only(0);
  const Shape& data = at.shape(0);
  const std::vector<std::uint64_t> axes = axes_of(at.graph, at.index);
  std::vector<std::uint64_t> reduced;              // flat offsets of the entries that are summed
  std::vector<std::pair<std::uint64_t, std::uint64_t>> kept;  // (length, stride), last axis first
  reduced.push_back(0);
  std::uint64_t stride = 1;
  for (std::size_t k = data.size(); k-- > 0; stride *= data[k]) {
    if (std::find(axes.begin(), axes.end(), k) == axes.end()) {
      kept.emplace_back(data[k], stride);
      continue;
    }
    std::vector<std::uint64_t> next;
    for (std::uint64_t i = 0; i < data[k]; ++i)
      for (const std::uint64_t offset : reduced) next.push_back(offset + i * stride);
    reduced = std::move(next);
  }
  const Coefficient factor = at.node.op == Op::reduce_mean ? share(reduced.size()) : kOne;
  at.out.most = reduced.size();
  const auto offsets = std::make_shared<const std::vector<std::uint64_t>>(std::move(reduced));
  at.out.row = [kept, offsets, factor](std::uint64_t r, std::vector<Term>& terms) {
    std::uint64_t base = 0;
    for (const auto& [length, step] : kept) {
      base += r % length * step;
      r /= length;
    }
    for (const std::uint64_t offset : *offsets) terms.push_back({0, static_cast<std::uint32_t>(base + offset), factor});
  };
}

void multiplies_gemm(const Reading& at, const Shape& shape) {
  if (at.data(2)) at.refuse("has data in C");
  const std::size_t k = at.data(0) ? 0 : 1;
  at.only(k);
  at.out.offset = at.given(2);
  const bool ta = at.node.attributes.at("transA").integer == 1;
  const bool tb = at.node.attributes.at("transB").integer == 1;
  const Factors factors(at.constant(1 - k), Interval(dyadic_of_binary32(at.node.attributes.at("alpha").real)));
  const std::uint64_t rows = shape[0];
  const std::uint64_t columns = shape[1];
  const std::uint64_t inner = at.shape(0)[ta ? 0 : 1];
  at.out.most = inner;
  at.out.row = [=](std::uint64_t r, std::vector<Term>& terms) {
    const std::uint64_t i = r / columns;
    const std::uint64_t j = r % columns;
    for (std::uint64_t l = 0; l < inner; ++l) {
      const std::uint64_t a = ta ? l * rows + i : i * inner + l;
      const std::uint64_t b = tb ? j * inner + l : l * columns + j;
      terms.push_back({0, static_cast<std::uint32_t>(k == 0 ? a : b), factors.at(k == 0 ? b : a)});
    }
  };
}

void multiplies(const Reading& at, const Shape& shape) {
  const std::size_t k = at.data(0) ? 0 : 1;
  at.only(k);
  Shape a = at.shape(0);
  Shape b = at.shape(1);
  Shape full = shape;  // with both matrix dimensions, as if neither operand were a vector
  if (b.size() == 1) {
    b.push_back(1);
    full.push_back(1);
  }
  if (a.size() == 1) {
    a.insert(a.begin(), 1);
    full.insert(full.end() - 1, 1);
  }
  const std::uint64_t rows = full[full.size() - 2];
  const std::uint64_t columns = full.back();
  const std::uint64_t inner = a.back();
  const Shape batch(full.begin(), full.end() - 2);
  const Broadcast batch_a(Shape(a.begin(), a.end() - 2), batch);
  const Broadcast batch_b(Shape(b.begin(), b.end() - 2), batch);
  const Factors factors(at.constant(1 - k));
  at.out.most = inner;
  at.out.row = [=](std::uint64_t r, std::vector<Term>& terms) {
    const std::uint64_t j = r % columns;
    const std::uint64_t i = r / columns % rows;
    const std::uint64_t stack = r / columns / rows;
    const std::uint64_t left = (batch_a.index(stack) * rows + i) * inner;
    const std::uint64_t right = batch_b.index(stack) * inner * columns + j;
    for (std::uint64_t l = 0; l < inner; ++l) {
      const std::uint64_t x = left + l;
      const std::uint64_t y = right + l * columns;
      terms.push_back({0, static_cast<std::uint32_t>(k == 0 ? x : y), factors.at(k == 0 ? y : x)});
    }
  };
}

}  // namespace

bool is_linear_op(Op op) {
  if (moves_entries(op)) return true;
  switch (op) {
    case Op::neg:
    case Op::add:
    case Op::sub:
    case Op::mul:
    case Op::div:
    case Op::conv:
    case Op::conv_transpose:
    case Op::average_pool:
    case Op::global_average_pool:
    case Op::reduce_mean:
    case Op::reduce_sum:
    case Op::batch_normalization:
    case Op::gemm:
    case Op::matmul: return true;
    default: return false;
  }
}

LinearNode linear_node(const Graph& graph, Evaluator& evaluator, std::size_t index, std::size_t output) {
  const Node& node = graph.nodes[index];
  LinearNode out;
  if (output >= node.outputs.size() || node.outputs[output] == kAbsent || (output > 0 && node.op != Op::split))
    reject(graph.label(index) + " has no output that a linear block could use in this place");
  const Shape& shape = graph.values[node.outputs[output]].shape;
  out.rows = element_count(shape);
  const Reading at(graph, evaluator, index, out);
  for (const ValueId id : out.data)
    if (element_count(graph.values[id].shape) > kColumns) exhausted("a tensor has more entries than the readers let through: a fault of the checker");
  if (moves_entries(node.op)) {
    moves(at, output);
    return out;
  }
  switch (node.op) {
    case Op::neg:
      at.only(0);
      out.most = 1;
      out.row = [](std::uint64_t r, std::vector<Term>& terms) { terms.push_back({0, static_cast<std::uint32_t>(r), kMinusOne}); };
      break;
    case Op::add:
    case Op::sub: sums(at, shape); break;
    case Op::mul:
    case Op::div: scales(at, shape); break;
    case Op::conv: convolves(at, shape, false); break;
    case Op::conv_transpose: convolves(at, shape, true); break;
    case Op::average_pool:
    case Op::global_average_pool: averages(at, shape); break;
    case Op::reduce_mean:
    case Op::reduce_sum: reduces(at); break;
    case Op::batch_normalization: normalises(at, shape); break;
    case Op::gemm: multiplies_gemm(at, shape); break;
    case Op::matmul: multiplies(at, shape); break;
    default: reject(graph.label(index) + " is not linear");
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

// ------------------------------------------------------------------------------------------------------------------------- composition

namespace {

struct Product {
  std::uint32_t column;
  std::int64_t exponent;
  Int128 mantissa;
};

int width(Int128 value) {
  const UInt128 magnitude = value < 0 ? -static_cast<UInt128>(value) : static_cast<UInt128>(value);
  const auto high = static_cast<std::uint64_t>(magnitude >> 64);
  return static_cast<int>(high != 0 ? 64 + std::bit_width(high) : std::bit_width(static_cast<std::uint64_t>(magnitude)));
}

/// The dyadic of at most 62 bits next to 0 from an integer times a power of two; what is cut off is below one unit of its last bit, and added.
Dyadic shortened(const Integer& value, std::int64_t exponent, SquareSum& lost) {
  if (value == 0) return {};
  const Integer magnitude = value < 0 ? Integer(-value) : value;
  const std::int64_t drop = std::max<std::int64_t>(0, static_cast<std::int64_t>(mp::msb(magnitude)) + 1 - 62);
  const Integer kept = magnitude >> static_cast<std::size_t>(drop);
  if ((kept << static_cast<std::size_t>(drop)) != magnitude) lost.add(Integer(1), exponent + drop);
  const auto mantissa = static_cast<std::int64_t>(kept);
  return {value < 0 ? -mantissa : mantissa, exponent_of(exponent + drop)};
}

/// The sum of products [first, last) of one column.
Dyadic sum_of(const std::vector<Product>& products, std::size_t first, std::size_t last, SquareSum& lost) {
  std::int64_t fine = products[first].exponent;
  std::int64_t top = 0;
  for (std::size_t k = first; k < last; ++k) fine = std::min(fine, products[k].exponent);
  for (std::size_t k = first; k < last; ++k) top = std::max(top, products[k].exponent - fine + width(products[k].mantissa));
  if (top + static_cast<std::int64_t>(std::bit_width(last - first)) <= 62) {
    std::int64_t sum = 0;
    for (std::size_t k = first; k < last; ++k) sum += static_cast<std::int64_t>(products[k].mantissa * (static_cast<Int128>(1) << (products[k].exponent - fine)));
    return {sum, sum == 0 ? 0 : exponent_of(fine)};
  }
  if (top > 1000000) reject("entries of a matrix differ too much in size");
  Integer sum = 0;
  for (std::size_t k = first; k < last; ++k) sum += integer_of(products[k].mantissa) << static_cast<std::size_t>(products[k].exponent - fine);
  return shortened(sum, fine, lost);
}

/// Bounds of a matrix that is seen entry by entry: see the opening comment of linear_map.hpp.
class Extent {
 public:
  explicit Extent(std::uint64_t columns) : in_column_(columns, 0) {}
  void row(std::uint64_t entries) { in_row_ = std::max(in_row_, entries); }
  void entry(std::uint32_t column, const Dyadic& centre, const Dyadic& error) {
    most_in_column_ = std::max<std::uint64_t>(most_in_column_, ++in_column_[column]);
    ++entries_;
    grow(centre, top_, any_);
    grow(error, error_top_, any_error_);
  }
  [[nodiscard]] bool exact() const { return !any_error_; }
  [[nodiscard]] Rational norm() const { return any_ ? Rational(scaled(Integer(1), top_) * sqrt_above(Rational(Integer(in_row_) * most_in_column_))) : Rational(0); }
  [[nodiscard]] Rational error() const { return any_error_ ? Rational(scaled(Integer(1), error_top_) * sqrt_above(Rational(entries_))) : Rational(0); }

 private:
  static void grow(const Dyadic& value, std::int64_t& top, bool& any) {  // |value| < 2^top
    if (value.mantissa == 0) return;
    const std::int64_t t = width(value.mantissa) + std::int64_t{value.exponent};
    top = any ? std::max(top, t) : t;
    any = true;
  }
  std::vector<std::uint32_t> in_column_;
  std::uint64_t in_row_ = 0, most_in_column_ = 0, entries_ = 0;
  std::int64_t top_ = 0, error_top_ = 0;
  bool any_ = false, any_error_ = false;
};

Extent extent_of(const SparseMatrix& a) {
  Extent out(a.columns);
  for (std::size_t i = 0; i < a.rows; ++i) {
    out.row(a.start[i + 1] - a.start[i]);
    for (std::size_t k = a.start[i]; k < a.start[i + 1]; ++k) out.entry(a.column[k], a.centre[k], {});
  }
  return out;
}

/// The matrix of an output of a node from those of its data inputs (nullptr: zero). `room`: entries that may be made.
SparseMatrix composed(const LinearNode& node, const std::vector<const SparseMatrix*>& inputs, std::size_t columns, std::uint64_t room) {
  SparseMatrix out;
  out.rows = node.rows;
  out.columns = columns;
  out.start.reserve(node.rows + 1);
  out.start.push_back(0);
  std::vector<Extent> extents;
  for (const SparseMatrix* input : inputs) extents.emplace_back(input == nullptr ? 0 : input->rows);
  SquareSum lost;
  std::vector<Term> terms;
  std::vector<Product> products;
  std::vector<std::uint64_t> in_row(inputs.size());
  for (std::uint64_t r = 0; r < node.rows; ++r) {
    terms.clear();
    products.clear();
    std::fill(in_row.begin(), in_row.end(), 0);
    node.row(r, terms);
    for (const Term& term : terms) {
      const SparseMatrix* input = inputs[term.slot];
      if (input == nullptr || (term.factor.centre.mantissa == 0 && term.factor.error.mantissa == 0)) continue;
      extents[term.slot].entry(term.index, term.factor.centre, term.factor.error);
      ++in_row[term.slot];
      for (std::size_t k = input->start[term.index]; k < input->start[term.index + 1]; ++k) {
        const Dyadic& entry = input->centre[k];
        const Int128 mantissa = static_cast<Int128>(term.factor.centre.mantissa) * entry.mantissa;
        if (mantissa != 0) products.push_back({input->column[k], std::int64_t{term.factor.centre.exponent} + entry.exponent, mantissa});
      }
      if (products.size() > room) exhausted("the explicit matrix of a linear block has too many entries for this checker");
    }
    for (std::size_t s = 0; s < inputs.size(); ++s) extents[s].row(in_row[s]);
    const auto before = [](const Product& x, const Product& y) { return x.column < y.column; };
    if (!std::is_sorted(products.begin(), products.end(), before)) std::sort(products.begin(), products.end(), before);
    for (std::size_t first = 0; first < products.size();) {
      std::size_t last = first + 1;
      while (last < products.size() && products[last].column == products[first].column) ++last;
      const Dyadic sum = sum_of(products, first, last, lost);
      if (sum.mantissa != 0) {
        out.column.push_back(products[first].column);
        out.centre.push_back(sum);
      }
      first = last;
    }
    if (out.column.size() > room) exhausted("the explicit matrix of a linear block has too many entries for this checker");
    out.start.push_back(out.column.size());
  }
  out.radius = lost.root();
  for (std::size_t s = 0; s < inputs.size(); ++s) {
    if (inputs[s] == nullptr || (inputs[s]->radius == 0 && extents[s].exact())) continue;
    out.radius += extents[s].norm() * inputs[s]->radius + extents[s].error() * (extent_of(*inputs[s]).norm() + inputs[s]->radius);
  }
  return out;
}

SparseMatrix identity(std::size_t n) {
  if (n > kEntries) exhausted("the input of a linear block has too many entries for this checker");
  SparseMatrix out;
  out.rows = out.columns = n;
  for (std::size_t i = 0; i <= n; ++i) out.start.push_back(i);
  for (std::size_t i = 0; i < n; ++i) out.column.push_back(static_cast<std::uint32_t>(i));
  out.centre.assign(n, Dyadic{1, 0});
  return out;
}

}  // namespace

SparseMatrix linear_map(const Graph& graph, Evaluator& evaluator, const std::vector<std::size_t>& nodes, ValueId source, ValueId target,
                        const std::set<ValueId>& zero) {
  // Backwards from the target: what is needed, and how often it is still to be read.
  std::map<ValueId, std::size_t> reads;
  reads[target] = 1;
  for (std::size_t k = nodes.size(); k-- > 0;)
    for (const ValueId made : graph.nodes[nodes[k]].outputs) {
      if (made == kAbsent || made == source || zero.count(made) != 0 || reads.count(made) == 0) continue;
      for (const ValueId id : graph.nodes[nodes[k]].inputs)
        if (id != kAbsent && !graph.values[id].constant) ++reads[id];
    }
  std::map<ValueId, SparseMatrix> matrices;
  const std::uint64_t columns = element_count(graph.values[source].shape);
  matrices[source] = identity(columns);
  ++reads[source];
  std::uint64_t kept = columns;
  for (const std::size_t i : nodes)
    for (std::size_t o = 0; o < graph.nodes[i].outputs.size(); ++o) {
      const ValueId made = graph.nodes[i].outputs[o];
      if (made == kAbsent || made == source || zero.count(made) != 0 || reads.count(made) == 0) continue;
      const LinearNode node = linear_node(graph, evaluator, i, o);
      std::vector<const SparseMatrix*> inputs;
      for (const ValueId id : node.data) {
        const auto found = matrices.find(id);
        if (found == matrices.end() && zero.count(id) == 0) reject(graph.label(i) + " reads a tensor that the block does not compute from its input");
        inputs.push_back(found == matrices.end() ? nullptr : &found->second);
      }
      SparseMatrix next = composed(node, inputs, columns, kEntries - std::min(kEntries, kept));
      kept += next.column.size();
      matrices[made] = std::move(next);
      for (const ValueId id : node.data) {
        const auto found = matrices.find(id);
        if (--reads[id] != 0 || found == matrices.end()) continue;
        kept -= std::min<std::uint64_t>(kept, found->second.column.size());
        matrices.erase(found);
      }
    }
  const auto found = matrices.find(target);
  if (found == matrices.end()) reject("the output of a linear block is not computed from its input");
  return std::move(found->second);
}

namespace {

/// A tensor with its entries as short exact numbers where all of them are.
struct Values {
  IntervalTensor entries;
  std::vector<Dyadic> narrow;

  explicit Values(IntervalTensor x) : entries(std::move(x)) {
    const Wide limit = Wide(1) << 62U;
    for (const Interval& e : entries) {
      if (!e.exact() || e.low >= limit || e.low <= -limit || e.exponent < -1000000 || e.exponent > 1000000) {
        narrow.clear();
        return;
      }
      narrow.push_back({static_cast<std::int64_t>(e.low), e.is_zero() ? 0 : static_cast<std::int32_t>(e.exponent)});
    }
  }
};

/// The sum when it is exact in 128 bits.
bool short_sum(const std::vector<Term>& terms, const std::vector<const Values*>& inputs, Interval& out) {
  bool any = false;
  std::int64_t fine = 0;
  std::int64_t top = 0;
  for (const Term& t : terms) {
    if (t.factor.error.mantissa != 0) return false;
    const Values* input = inputs[t.slot];
    if (input == nullptr) continue;
    if (input->narrow.empty()) return false;
    const Dyadic& x = input->narrow[t.index];
    if (x.mantissa == 0 || t.factor.centre.mantissa == 0) continue;
    const std::int64_t e = std::int64_t{x.exponent} + t.factor.centre.exponent;
    const std::int64_t b = e + width(x.mantissa) + width(t.factor.centre.mantissa);
    fine = any ? std::min(fine, e) : e;
    top = any ? std::max(top, b) : b;
    any = true;
  }
  if (any && top - fine + static_cast<std::int64_t>(std::bit_width(terms.size())) > 126) return false;
  Int128 sum = 0;
  for (const Term& t : terms) {
    const Values* input = inputs[t.slot];
    if (input == nullptr) continue;
    const Dyadic& x = input->narrow[t.index];
    if (x.mantissa == 0 || t.factor.centre.mantissa == 0) continue;
    sum += static_cast<Int128>(x.mantissa) * t.factor.centre.mantissa * (static_cast<Int128>(1) << (std::int64_t{x.exponent} + t.factor.centre.exponent - fine));
  }
  const Wide value(integer_of(sum));
  out = Interval(value, value, fine);
  return true;
}

Interval sum_of(const std::vector<Term>& terms, const std::vector<const Values*>& inputs) {
  Interval out;
  if (short_sum(terms, inputs, out)) return out;
  DotProduct sum;
  for (int pass = 0; pass < 2; ++pass)
    for (const Term& t : terms) {
      const Values* input = inputs[t.slot];
      if (input == nullptr || input->entries[t.index].is_zero()) continue;
      const Interval& x = input->entries[t.index];
      if (t.factor.error.mantissa == 0) {
        pass == 0 ? sum.announce(t.factor.centre, x) : sum.add(t.factor.centre, x);
      } else {
        const Interval factor = interval_of(t.factor);
        pass == 0 ? sum.announce(factor, x) : sum.add(factor, x);
      }
    }
  return sum.result();
}

}  // namespace

IntervalTensor linear_image(const Graph& graph, Evaluator& evaluator, const std::vector<std::size_t>& nodes, ValueId source, ValueId target, const IntegerVector& v,
                            const Engine& engine) {
  std::map<ValueId, Values> tensors;
  tensors.emplace(source, Values(intervals_of(v)));
  for (const std::size_t i : nodes)
    for (std::size_t o = 0; o < graph.nodes[i].outputs.size(); ++o) {
      const ValueId made = graph.nodes[i].outputs[o];
      if (made == kAbsent || graph.values[made].unusable) continue;
      const LinearNode node = linear_node(graph, evaluator, i, o);
      if (node.rows > kImage) exhausted("a computed tensor has more than 4194304 entries; this checker does not enclose larger ones");
      std::vector<const Values*> inputs;
      for (const ValueId id : node.data) {
        const auto found = tensors.find(id);
        if (found == tensors.end()) reject(graph.label(i) + " reads a tensor that the block does not compute from its input");
        inputs.push_back(&found->second);
      }
      IntervalTensor out(node.rows);
      constexpr std::uint64_t piece = 256;
      parallel_for((node.rows + piece - 1) / piece, engine.threads, [&](std::size_t p) {
        std::vector<Term> terms;
        for (std::uint64_t r = p * piece; r < std::min<std::uint64_t>(node.rows, (p + 1) * piece); ++r) {
          terms.clear();
          node.row(r, terms);
          out[r] = sum_of(terms, inputs);
        }
      });
      tensors.emplace(made, Values(std::move(out)));
    }
  return tensors.at(target).entries;
}

Rational squared_image_below(const SparseMatrix& a, const IntegerVector& v) {
  IntervalTensor image(a.rows);
  for (std::size_t i = 0; i < a.rows; ++i) {
    std::int64_t fine = 0;
    std::int64_t top = 0;
    bool any = false;
    for (std::size_t k = a.start[i]; k < a.start[i + 1]; ++k) {
      fine = any ? std::min<std::int64_t>(fine, a.centre[k].exponent) : a.centre[k].exponent;
      any = true;
    }
    for (std::size_t k = a.start[i]; k < a.start[i + 1]; ++k) top = std::max(top, a.centre[k].exponent - fine);
    if (top > 1000000) reject("entries of a matrix differ too much in size");
    Integer sum = 0;
    if (top <= 24) {  // below 2^62 2^31 2^24 each
      Int128 part = 0;
      std::size_t terms = 0;
      for (std::size_t k = a.start[i]; k < a.start[i + 1]; ++k) {
        part += static_cast<Int128>(a.centre[k].mantissa) * v.mantissas[a.column[k]] * (static_cast<Int128>(1) << (a.centre[k].exponent - fine));
        if (++terms % 256 == 0) {
          sum += integer_of(part);
          part = 0;
        }
      }
      sum += integer_of(part);
    } else {
      for (std::size_t k = a.start[i]; k < a.start[i + 1]; ++k)
        sum += Integer(a.centre[k].mantissa) * v.mantissas[a.column[k]] << static_cast<std::size_t>(a.centre[k].exponent - fine);
    }
    const std::int64_t bits = sum == 0 ? 0 : static_cast<std::int64_t>(mp::msb(sum < 0 ? Integer(-sum) : sum)) + 1;
    const std::int64_t drop = std::max<std::int64_t>(0, bits - 500);
    const Wide magnitude(Integer((sum < 0 ? Integer(-sum) : sum) >> static_cast<std::size_t>(drop)));  // towards 0: only lowers the norm
    image[i] = Interval(magnitude, magnitude, fine + drop + v.exponent);
  }
  return squared_norm_below(image);
}

}  // namespace lipverify
