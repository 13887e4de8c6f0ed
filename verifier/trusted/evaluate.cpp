// See evaluate.hpp.
//
// One-sided directional derivatives. Every operator g here is locally Lipschitz and has g'(z; d) = lim_{h -> 0+} (g(z + h d) - g(z)) / h, so the
// chain rule (f o g)'(x; v) = f'(g(x); g'(x; v)) holds, and ||f'(x; v)|| <= L ||v|| for every Lipschitz constant L of f. For a piecewise linear
// activation with slopes n (left of 0) and p (right of 0): g'(z; d) is p d for z > 0, n d for z < 0, and at z = 0 p d or n d by the sign of
// d. Where an enclosure leaves the sign of z open, g'(z; d) is one of p d, n d, so their hull encloses it.
#include "verifier/trusted/evaluate.hpp"

#include <algorithm>
#include <bit>

#include "verifier/trusted/failure.hpp"
#include "verifier/trusted/parallel.hpp"

namespace lipverify {

namespace {

constexpr std::uint64_t kEntries = std::uint64_t{1} << 22;  // of one enclosed tensor, and of all computed constants (about 200 bytes each)

void check_size(std::uint64_t entries) {
  if (entries > kEntries) exhausted("a computed tensor has more than 4194304 entries; this checker does not enclose larger ones");
}

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

namespace {

/// A line of an operand: entry k stands at base + k * stride.
struct Line {
  const Operand* operand;
  std::uint64_t base;
  std::uint64_t stride;
};

/// The mantissa of an exact number of at most 62 bits.
bool narrow(const Interval& x, Dyadic& out) {
  if (!x.exact() || x.low > (std::int64_t{1} << 62) || x.low < -(std::int64_t{1} << 62)) return false;
  out = {static_cast<std::int64_t>(x.low), static_cast<std::int32_t>(x.exponent)};
  return true;
}

bool narrow_at(const Line& line, std::uint64_t k, Dyadic& out) {
  const std::uint64_t i = line.base + k * line.stride;
  if (line.operand->raw == nullptr) return narrow((*line.operand->computed)[i], out);
  out = line.operand->raw->real(i);
  return true;
}

int bits_of(std::int64_t m) { return static_cast<int>(std::bit_width(static_cast<std::uint64_t>(m < 0 ? -m : m))); }

/// The exact sum when all numbers are short enough for 128 bits; false otherwise.
bool short_dot(const Line& a, const Line& b, std::uint64_t n, Interval& out) {
  bool any = false;
  std::int64_t fine = 0;
  std::int64_t top = 0;
  Dyadic x;
  Dyadic y;
  for (std::uint64_t k = 0; k < n; ++k) {
    if (!narrow_at(b, k, y)) return false;
    if (y.mantissa == 0) continue;
    if (!narrow_at(a, k, x)) return false;
    if (x.mantissa == 0) continue;
    const std::int64_t e = std::int64_t{x.exponent} + y.exponent;
    const std::int64_t t = e + bits_of(x.mantissa) + bits_of(y.mantissa);
    fine = any ? std::min(fine, e) : e;
    top = any ? std::max(top, t) : t;
    any = true;
  }
  // |term| < 2^top and there are n of them: the sum in units of 2^fine is below 2^126.
  if (any && top - fine + static_cast<std::int64_t>(std::bit_width(n)) > 126) return false;
  Int128 sum = 0;
  for (std::uint64_t k = 0; any && k < n; ++k) {
    (void)narrow_at(b, k, y);
    if (y.mantissa == 0) continue;
    (void)narrow_at(a, k, x);
    if (x.mantissa == 0) continue;
    const Int128 term = static_cast<Int128>(x.mantissa) * y.mantissa;
    sum += term * (static_cast<Int128>(1) << (std::int64_t{x.exponent} + y.exponent - fine));
  }
  const Wide value(integer_of(sum));
  out = {value, value, fine};
  return true;
}

/// sum_k a_k b_k
Interval dot(const Line& a, const Line& b, std::uint64_t n) {
  Interval out;
  if (short_dot(a, b, n, out)) return out;
  DotProduct sum;
  for (int pass = 0; pass < 2; ++pass)
    for (std::uint64_t k = 0; k < n; ++k) {
      const std::uint64_t i = a.base + k * a.stride;
      const std::uint64_t j = b.base + k * b.stride;
      if (a.operand->raw != nullptr && b.operand->raw == nullptr) {
        const Interval& x = (*b.operand->computed)[j];
        if (x.is_zero()) continue;
        const Dyadic w = a.operand->raw->real(i);
        pass == 0 ? sum.announce(w, x) : sum.add(w, x);
      } else if (a.operand->raw == nullptr && b.operand->raw != nullptr) {
        const Interval& x = (*a.operand->computed)[i];
        if (x.is_zero()) continue;
        const Dyadic w = b.operand->raw->real(j);
        pass == 0 ? sum.announce(w, x) : sum.add(w, x);
      } else {
        const Interval x = a.operand->at(i);
        const Interval y = b.operand->at(j);
        pass == 0 ? sum.announce(x, y) : sum.add(x, y);
      }
    }
  return sum.result();
}

struct Slopes {
  Interval left, right;
};

/// Slopes of a piecewise linear activation; false for the smooth ones.
bool piecewise(const Node& node, Slopes& slopes) {
  slopes.right = Interval(Dyadic{1, 0});
  switch (node.op) {
    case Op::relu: return true;
    case Op::abs: slopes.left = Interval(Dyadic{-1, 0}); return true;
    case Op::leaky_relu: slopes.left = Interval(dyadic_of_binary32(node.attributes.at("alpha").real)); return true;
    default: return false;
  }
}

/// The set {d t : t in the enclosure} cut at 0.
Interval not_positive(const Interval& d) { return {std::min(d.low, Wide(0)), std::min(d.high, Wide(0)), d.exponent}; }
Interval not_negative(const Interval& d) { return {std::max(d.low, Wide(0)), std::max(d.high, Wide(0)), d.exponent}; }

Interval activation(const Node& node, const Interval& z) {
  Slopes slopes;
  if (piecewise(node, slopes)) {
    if (z.low >= 0) return slopes.right * z;
    if (z.high <= 0) return slopes.left * z;
    return hull(slopes.left * not_positive(z), slopes.right * not_negative(z));
  }
  return node.op == Op::sigmoid ? sigmoid(z) : hyperbolic_tangent(z);
}

Interval activation_derivative(const Node& node, const Interval& z, const Interval& d) {
  Slopes slopes;
  if (piecewise(node, slopes)) {
    if (z.low > 0) return slopes.right * d;
    if (z.high < 0) return slopes.left * d;
    if (!z.is_zero()) return hull(slopes.left * d, slopes.right * d);
    if (d.low >= 0) return slopes.right * d;
    if (d.high <= 0) return slopes.left * d;
    return hull(slopes.left * not_positive(d), slopes.right * not_negative(d));
  }
  return (node.op == Op::sigmoid ? sigmoid_slope(z) : hyperbolic_tangent_slope(z)) * d;
}

bool is_activation(Op op) {
  return op == Op::relu || op == Op::leaky_relu || op == Op::abs || op == Op::sigmoid || op == Op::tanh;
}

}  // namespace

Operand Evaluator::matmul(const Operand& a, const Operand& b, const Shape& shape) const {
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
  IntervalTensor values(entries);
  parallel_for(entries, engine_.threads, [&](std::size_t e) {
    const std::uint64_t column = e % columns;
    const std::uint64_t row = e / columns % rows;
    const std::uint64_t block = e / columns / rows;
    const Line left{&a, (batch_a.index(block) * rows + row) * inner, 1};
    const Line right{&b, batch_b.index(block) * inner * columns + column, columns};
    values[e] = dot(left, right, inner);
  });
  return operand_of(std::move(values), shape);
}

Operand Evaluator::gemm(const Node& node, const std::vector<const Operand*>& in, const Shape& shape, bool linear) const {
  const Operand& a = *in[0];
  const Operand& b = *in[1];
  const bool ta = node.attributes.at("transA").integer == 1;
  const bool tb = node.attributes.at("transB").integer == 1;
  const Interval alpha(dyadic_of_binary32(node.attributes.at("alpha").real));
  const Interval beta(dyadic_of_binary32(node.attributes.at("beta").real));
  const std::uint64_t rows = shape[0];
  const std::uint64_t columns = shape[1];
  const std::uint64_t inner = a.shape[ta ? 0 : 1];
  const Operand* c = linear || in.size() < 3 ? nullptr : in[2];
  const Broadcast index(c == nullptr ? Shape() : c->shape, shape);
  check_size(rows * columns);
  IntervalTensor values(rows * columns);
  parallel_for(values.size(), engine_.threads, [&](std::size_t e) {
    const std::uint64_t i = e / columns;
    const std::uint64_t j = e % columns;
    const Line left = ta ? Line{&a, i, rows} : Line{&a, i * inner, 1};
    const Line right = tb ? Line{&b, j * inner, 1} : Line{&b, j, columns};
    values[e] = alpha * dot(left, right, inner);
    if (c != nullptr) values[e] = values[e] + beta * c->at(index.index(e));
  });
  return operand_of(std::move(values), shape);
}

/// `data`: which input is data, for `linear`; any other number when all are constant.
Operand Evaluator::compute(const Node& node, const std::vector<const Operand*>& in, const Shape& shape, bool linear, std::size_t data) {
  switch (node.op) {
    case Op::flatten:
    case Op::reshape:
    case Op::identity:
    case Op::dropout:
    case Op::cast: {
      Operand out = *in[0];  // the same numbers
      out.shape = shape;
      return out;
    }
    case Op::matmul: return matmul(*in[0], *in[1], shape);
    case Op::gemm: return gemm(node, in, shape, linear);
    default: break;
  }
  const std::uint64_t entries = element_count(shape);
  check_size(entries);
  IntervalTensor values(entries);
  const Broadcast first(in[0]->shape, shape);
  const Broadcast second(in.size() > 1 ? in[1]->shape : shape, shape);
  for (std::uint64_t e = 0; e < entries; ++e) {
    const auto x = [&] { return in[0]->at(first.index(e)); };
    const auto y = [&] { return in[1]->at(second.index(e)); };
    switch (node.op) {
      case Op::add: values[e] = !linear ? x() + y() : data == 0 ? x() : y(); break;
      case Op::sub: values[e] = !linear ? x() + negated(y()) : data == 0 ? x() : negated(y()); break;
      case Op::mul: values[e] = x() * y(); break;
      case Op::div: {
        const Interval divisor = y();
        if (divisor.has_zero()) reject("a Div node divides by 0, or by a constant that cannot be told from 0");
        values[e] = quotient(x(), divisor);
        break;
      }
      default:
        if (!is_activation(node.op) || linear) exhausted("a node without a rule: a fault of the checker");
        values[e] = activation(node, x());
    }
  }
  return operand_of(std::move(values), shape);
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
      if (input != kAbsent && is_floating(graph_.values[input].type)) needed[input] = true;
  }
  for (ValueId v = 0; v <= id; ++v) {
    if (!needed[v] || constants_.count(v) != 0) continue;
    const Value& value = graph_.values[v];
    if (!value.constant || !is_floating(value.type)) exhausted("a constant that is none: a fault of the checker");
    if (value.known != nullptr) {
      Operand out;
      out.raw = value.known;
      out.shape = value.shape;
      constants_.emplace(v, std::move(out));
      continue;
    }
    const Node& node = graph_.nodes[value.producer];
    static const Operand nothing;
    std::vector<const Operand*> in;
    for (const ValueId input : node.inputs)
      in.push_back(input != kAbsent && is_floating(graph_.values[input].type) ? &constants_.at(input) : &nothing);
    Operand out = compute(node, in, value.shape, false, in.size());
    if (out.raw == nullptr && out.computed.use_count() == 1) entries_ += out.size();
    if (entries_ > kEntries) exhausted("the model computes more than 4194304 weights in the graph; this checker does not enclose more");
    constants_.emplace(v, std::move(out));
  }
  return constants_.at(id);
}

ValueId Evaluator::data_input(std::size_t node) const {
  ValueId found = kAbsent;
  for (const ValueId id : graph_.nodes[node].inputs) {
    if (id == kAbsent || graph_.values[id].constant) continue;
    if (found != kAbsent) return kAbsent;
    found = id;
  }
  return found;
}

Operand Evaluator::apply(std::size_t index, const Operand& x, bool linear) {
  const Node& node = graph_.nodes[index];
  static const Operand nothing;
  std::vector<const Operand*> in;
  std::size_t data = node.inputs.size();
  for (std::size_t k = 0; k < node.inputs.size(); ++k) {
    const ValueId id = node.inputs[k];
    if (id == kAbsent) {
      in.push_back(&nothing);
    } else if (!graph_.values[id].constant) {
      if (data != node.inputs.size()) reject(graph_.label(index) + " combines several tensors of data");
      data = k;
      in.push_back(&x);
    } else {
      in.push_back(is_floating(graph_.values[id].type) ? &constant(id) : &nothing);
    }
  }
  const bool product = node.op == Op::mul || node.op == Op::matmul || node.op == Op::gemm || node.op == Op::div;
  if (data == node.inputs.size() || (node.op == Op::div && data != 0) || (node.op == Op::gemm && data == 2) || (product && in.size() < 2))
    reject(graph_.label(index) + " is not a supported operation on data");
  return compute(node, in, graph_.values[node.outputs[0]].shape, linear, data);
}

IntervalTensor Evaluator::directional_derivative(const IntegerVector& x, const IntegerVector& v) {
  struct Dual {
    Operand value, derivative;
  };
  std::map<ValueId, Dual> duals;
  const Shape& shape = graph_.input().shape;
  duals[0] = {operand_of(intervals_of(x), shape), operand_of(intervals_of(v), shape)};
  for (std::size_t i = 0; i < graph_.nodes.size(); ++i) {
    const Node& node = graph_.nodes[i];
    if (graph_.values[node.outputs[0]].constant) continue;
    const ValueId input = data_input(i);
    if (input == kAbsent) reject(graph_.label(i) + " combines several tensors of data");
    const Dual& dual = duals.at(input);
    Dual next;
    next.value = apply(i, dual.value, false);
    if (is_activation(node.op)) {
      IntervalTensor derivative(next.value.size());
      for (std::uint64_t e = 0; e < derivative.size(); ++e)
        derivative[e] = activation_derivative(node, dual.value.at(e), dual.derivative.at(e));
      next.derivative = operand_of(std::move(derivative), next.value.shape);
    } else {
      next.derivative = apply(i, dual.derivative, true);
    }
    duals[node.outputs[0]] = std::move(next);
  }
  return *duals.at(graph_.output).derivative.computed;
}

}  // namespace lipverify
