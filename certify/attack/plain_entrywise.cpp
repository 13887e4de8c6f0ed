// Entrywise steps of the attacker's network: a factor and an offset for each entry, two tensors combined, a function of each entry.

#include <cmath>
#include <memory>
#include <utility>

#include "certify/attack/plain_compiler.hpp"

namespace lipcert::attack {
namespace {

/// result = factor * data[map] + offset.
struct Affine : PlainStepOf<Affine> {
  std::vector<std::uint32_t> map;  // source entry of each result entry (empty: the same)
  std::vector<double> factor;      // empty: 1
  std::vector<double> offset;      // empty: 0

  template <class Real>
  void run(std::size_t batch, Slots<Real>& values) const {
    const std::vector<Real>& x = values[from];
    std::vector<Real>& y = values[to];
    const std::size_t in = size_in();
    const std::size_t out = size_out();
    for (std::size_t b = 0; b < batch; ++b) {
      for (std::size_t i = 0; i < out; ++i) {
        Real v = x[b * in + (map.empty() ? i : map[i])];
        if (!factor.empty()) v *= static_cast<Real>(factor[i]);
        if (!offset.empty()) v += static_cast<Real>(offset[i]);
        y[b * out + i] = v;
      }
    }
  }

  void backward(std::size_t batch, const Slots<double>& /*values*/, Slots<double>& gradients) const override {
    const std::vector<double>& g = gradients[to];
    std::vector<double>& back = gradients[from];
    const std::size_t in = size_in();
    const std::size_t out = size_out();
    for (std::size_t b = 0; b < batch; ++b) {
      for (std::size_t i = 0; i < out; ++i)
        back[b * in + (map.empty() ? i : map[i])] += g[b * out + i] * (factor.empty() ? 1.0 : factor[i]);
    }
  }
};

/// Sum, difference, product or quotient of two tensors.
struct Combine : PlainStepOf<Combine> {
  Operator op = Operator::add;
  std::size_t from2 = 0;
  std::vector<std::uint32_t> map;  // entries of the two that an entry of the result reads
  std::vector<std::uint32_t> map2;

  template <class Real>
  void run(std::size_t batch, Slots<Real>& values) const {
    const std::vector<Real>& x = values[from];
    std::vector<Real>& y = values[to];
    const std::size_t in = size_in();
    const std::size_t out = size_out();
    const std::vector<Real>& z = values[from2];
    const std::size_t in2 = (*sizes)[from2];
    for (std::size_t b = 0; b < batch; ++b) {
      for (std::size_t i = 0; i < out; ++i) {
        const Real u = x[b * in + map[i]];
        const Real v = z[b * in2 + map2[i]];
        y[b * out + i] = op == Operator::add ? u + v : op == Operator::sub ? u - v : op == Operator::mul ? u * v : u / v;
      }
    }
  }

  void backward(std::size_t batch, const Slots<double>& values, Slots<double>& gradients) const override {
    const std::vector<double>& g = gradients[to];
    const std::vector<double>& x = values[from];
    std::vector<double>& back = gradients[from];
    const std::size_t in = size_in();
    const std::size_t out = size_out();
    std::vector<double>& back2 = gradients[from2];
    const std::vector<double>& z = values[from2];
    const std::size_t in2 = (*sizes)[from2];
    for (std::size_t b = 0; b < batch; ++b) {
      for (std::size_t i = 0; i < out; ++i) {
        const std::size_t u = b * in + map[i];
        const std::size_t v = b * in2 + map2[i];
        const double here = g[b * out + i];
        switch (op) {
          case Operator::mul:
            back[u] += here * z[v];
            back2[v] += here * x[u];
            break;
          case Operator::div:
            back[u] += here / z[v];
            back2[v] -= here * x[u] / (z[v] * z[v]);
            break;
          default:
            back[u] += here;
            back2[v] += op == Operator::sub ? -here : here;
        }
      }
    }
  }
};

struct Apply : PlainStepOf<Apply> {
  explicit Apply(PlainFunction f) : function(std::move(f)) {}
  PlainFunction function;

  template <class Real>
  void run(std::size_t /*batch*/, Slots<Real>& values) const {
    const std::vector<Real>& x = values[from];
    std::vector<Real>& y = values[to];
    const std::size_t out = size_out();
    for (std::size_t i = 0; i < y.size(); ++i) y[i] = function.value(i % out, x[i]);
  }

  void backward(std::size_t /*batch*/, const Slots<double>& values, Slots<double>& gradients) const override {
    const std::vector<double>& g = gradients[to];
    const std::vector<double>& x = values[from];
    const std::vector<double>& y = values[to];
    std::vector<double>& back = gradients[from];
    const std::size_t out = size_out();
    for (std::size_t i = 0; i < g.size(); ++i) back[i] += g[i] * function.slope(i % out, x[i], y[i]);
  }
};

}  // namespace

void PlainCompiler::add_affine(std::size_t from, std::vector<std::uint32_t> map, std::vector<double> offset, std::size_t size) {
  auto step = std::make_unique<Affine>();
  step->from = from;
  step->map = std::move(map);
  step->offset = std::move(offset);
  add(std::move(step), size);
}

void PlainCompiler::compile_elementwise(const Node& node) {
  const ValueId a = node.inputs.at(0);
  const ValueId b = node.inputs.at(1);
  const Shape& shape = value(node.outputs[0]).shape;
  const std::size_t size = element_count(shape);
  if (is_data(a) && is_data(b)) {
    auto step = std::make_unique<Combine>();
    step->op = node.op;
    step->from = slots_[a];
    step->from2 = slots_[b];
    step->map = broadcast_map(value(a).shape, shape);
    step->map2 = broadcast_map(value(b).shape, shape);
    return add(std::move(step), size);
  }
  const ValueId data = is_data(a) ? a : b;
  const Constant& other = constant(is_data(a) ? b : a);
  if (node.op == Operator::div && !is_data(a)) {
    auto inverse = std::make_unique<Apply>(PlainFunction(Operator::reciprocal, {}, {}, 0));
    inverse->from = slots_[data];
    add(std::move(inverse), plain_.sizes_[slots_[data]]);
  }
  auto step = std::make_unique<Affine>();
  step->from = node.op == Operator::div && !is_data(a) ? last_ : slots_[data];
  step->map = broadcast_map(value(data).shape, shape);
  if (is_identity(step->map, plain_.sizes_[step->from])) step->map.clear();
  const auto map = broadcast_map(other.shape, shape);
  const bool scales = node.op == Operator::mul || node.op == Operator::div;
  for (std::size_t i = 0; i < size; ++i) {
    const double c = other.entries[map[i]];
    if (scales)
      step->factor.push_back(node.op == Operator::mul || !is_data(a) ? c : 1 / c);
    else
      step->offset.push_back(node.op == Operator::sub && is_data(a) ? -c : c);
  }
  if (node.op == Operator::sub && !is_data(a)) step->factor.assign(size, -1.0);
  add(std::move(step), size);
}

void PlainCompiler::compile_normalization(const Node& node) {
  auto step = std::make_unique<Affine>();
  step->from = slots_.at(node.inputs.at(0));
  const Shape& shape = value(node.outputs[0]).shape;
  const std::size_t size = element_count(shape);
  const std::size_t inner = size / (shape[0] * shape[1]);
  const auto at = [&](std::size_t k, std::size_t c) { return constant(node.inputs.at(k)).entries.at(c); };
  for (std::size_t i = 0; i < size; ++i) {
    const std::size_t c = i / inner % shape[1];
    step->factor.push_back(at(1, c) / std::sqrt(at(4, c) + static_cast<double>(node.real_attribute("epsilon"))));
    step->offset.push_back(at(2, c) - at(3, c) * step->factor.back());
  }
  add(std::move(step), size);
}

void PlainCompiler::compile_function(const Node& node) {
  const ValueId data = node.inputs.at(0);
  auto step = std::make_unique<Apply>(function_of(node, value(data).shape));
  step->from = slots_.at(data);
  const std::size_t size = plain_.sizes_[step->from];
  add(std::move(step), size);
}

PlainFunction PlainCompiler::function_of(const Node& node, const Shape& shape) const {
  if (!PlainFunction::knows(node.op)) throw not_covered();
  const auto real = [&](const char* name, double otherwise) {
    return node.attributes.count(name) != 0 ? static_cast<double>(node.real_attribute(name)) : otherwise;
  };
  const auto number = [&](std::size_t input, double otherwise) {
    return input < node.inputs.size() && node.inputs[input] != no_value ? constant(node.inputs[input]).entries.at(0) : otherwise;
  };
  Curve curve;
  std::vector<double> slopes;
  double exponent = 0;
  curve.alpha = real("alpha", 0);
  curve.gamma = real("gamma", real("beta", 0));
  if (const auto form = node.attributes.find("approximate"); form != node.attributes.end())
    curve.tanh_form = std::get<std::string>(form->second) == "tanh";
  if (node.op == Operator::prelu) {
    for (const std::uint32_t at : broadcast_map(constant(node.inputs.at(1)).shape, shape))
      slopes.push_back(constant(node.inputs[1]).entries[at]);
  } else if (node.op == Operator::pow) {
    exponent = constant(node.inputs.at(1)).entries.at(0);
  } else if (node.op == Operator::clip) {
    const bool attributes = node.attributes.count("min") != 0;
    curve.low = attributes ? real("min", 0) : number(1, -HUGE_VAL);
    curve.high = attributes ? real("max", 0) : number(2, HUGE_VAL);
  }
  return {node.op, curve, std::move(slopes), exponent};
}

}  // namespace lipcert::attack
