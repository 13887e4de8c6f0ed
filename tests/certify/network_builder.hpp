// Networks constructed in code, and their exact evaluation, for the tests of certify/.
#pragma once

#include <bit>
#include <cmath>
#include <cstdint>
#include <functional>
#include <map>
#include <random>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "formats/network.hpp"
#include "tests/certify/exact.hpp"

namespace network_builder {

using namespace lipcert;

/// A tensor with these entries, which must be numbers of the type.
inline Tensor tensor(const Shape& shape, const std::vector<double>& entries, ElementType type = ElementType::float32) {
  Tensor t{type, shape, {}};
  const auto append = [&](std::uint64_t bits, std::size_t bytes) {
    for (std::size_t b = 0; b < bytes; ++b) {
      t.bits.push_back(static_cast<unsigned char>(bits >> (8 * b)));
    }
  };
  for (const double x : entries) {
    switch (type) {
      case ElementType::float64:
        append(std::bit_cast<std::uint64_t>(x), 8);
        break;
      case ElementType::float32:
        append(std::bit_cast<std::uint32_t>(static_cast<float>(x)), 4);
        break;
      case ElementType::bfloat16:
        append(std::bit_cast<std::uint32_t>(static_cast<float>(x)) >> 16, 2);
        break;
      case ElementType::float16: {
        // Normal numbers and zero only.
        std::uint64_t bits = std::signbit(x) ? 0x8000 : 0;
        if (x != 0) {
          int e = 0;
          const double f = std::frexp(std::fabs(x), &e);
          bits |= static_cast<std::uint64_t>(e + 14) << 10 | (static_cast<std::uint64_t>(f * 2048) & 0x3FF);
        }
        append(bits, 2);
        break;
      }
      case ElementType::int64:
        append(static_cast<std::uint64_t>(static_cast<std::int64_t>(x)), 8);
        break;
      case ElementType::int32:
        append(static_cast<std::uint32_t>(static_cast<std::int32_t>(x)), 4);
        break;
      case ElementType::boolean:
        append(x != 0 ? 1 : 0, 1);
        break;
    }
  }
  return t;
}

/// Builds a network node by node and infers shapes as the reader does. (Values stand in the order in which they were made.)
class Builder {
 public:
  explicit Builder(const Shape& input, ElementType type = ElementType::float32) {
    network_.opset = 13;
    Value value;
    value.kind = Value::Kind::input;
    value.name = "x";
    value.type = type;
    value.shape = input;
    network_.values.push_back(value);
  }

  [[nodiscard]] ValueId input() const { return 0; }

  ValueId weight(const Shape& shape, const std::vector<double>& entries, ElementType type = ElementType::float32) {
    return weight(tensor(shape, entries, type));
  }

  ValueId weight(Tensor t) {
    Value value;
    value.kind = Value::Kind::initialiser;
    value.name = "w" + std::to_string(network_.initialisers.size());
    value.type = t.type;
    value.shape = t.shape;
    value.constant = true;
    value.initialiser = network_.initialisers.size();
    network_.initialisers.push_back(std::move(t));
    network_.values.push_back(value);
    return network_.values.size() - 1;
  }

  ValueId node(Operator op, const std::vector<ValueId>& inputs, std::map<std::string, Attribute> attributes = {}) {
    const Shape shape = infer(op, inputs, attributes);
    return node_of_shape(op, inputs, shape, std::move(attributes));
  }

  ValueId gemm(const std::vector<ValueId>& inputs, bool trans_b = false, float alpha = 1, float beta = 1, bool trans_a = false) {
    return node(Operator::gemm, inputs,
                {{"alpha", alpha}, {"beta", beta}, {"transA", std::int64_t{trans_a}}, {"transB", std::int64_t{trans_b}}});
  }

  ValueId reshape(ValueId x, const Shape& shape) {
    std::vector<double> entries;
    for (const std::uint64_t d : shape) {
      entries.push_back(static_cast<double>(d));
    }
    const ValueId target = weight({shape.size()}, entries, ElementType::int64);
    return node_of_shape(Operator::reshape, {x, target}, shape, {{"allowzero", std::int64_t{0}}});
  }

  ValueId constant(Tensor t) {
    const Shape shape = t.shape;
    const ElementType type = t.type;
    const ValueId id = node_of_shape(Operator::constant, {}, shape, {{"value", std::move(t)}});
    network_.values[id].type = type;
    return id;
  }

  ValueId cast(ValueId x, ElementType type) {
    const ValueId id = node_of_shape(Operator::cast, {x}, network_.values[x].shape, {{"to", static_cast<std::int64_t>(type)}});
    network_.values[id].type = type;
    return id;
  }

  Network finish(ValueId output) {
    network_.output = output;
    return network_;
  }

  [[nodiscard]] const Shape& shape(ValueId id) const { return network_.values[id].shape; }

  ValueId node_of_shape(Operator op, const std::vector<ValueId>& inputs, const Shape& shape, std::map<std::string, Attribute> attributes = {}) {
    Value value;
    value.name = "t" + std::to_string(network_.nodes.size());
    value.shape = shape;
    value.type = inputs.empty() ? ElementType::float32 : network_.values[inputs[0]].type;
    value.producer = network_.nodes.size();
    value.constant = true;
    for (const ValueId id : inputs) {
      value.constant = value.constant && (id == no_value || network_.values[id].constant);
    }
    Node n;
    n.op = op;
    n.name = std::string(name_of(op)) + "_" + std::to_string(network_.nodes.size());
    n.inputs = inputs;
    n.outputs = {network_.values.size()};
    n.attributes = std::move(attributes);
    network_.nodes.push_back(std::move(n));
    network_.values.push_back(value);
    return network_.values.size() - 1;
  }

 private:
  static Shape broadcast(const Shape& a, const Shape& b) {
    Shape result(std::max(a.size(), b.size()), 1);
    for (std::size_t back = 0; back < result.size(); ++back) {
      const std::uint64_t x = back < a.size() ? a[a.size() - 1 - back] : 1;
      const std::uint64_t y = back < b.size() ? b[b.size() - 1 - back] : 1;
      result[result.size() - 1 - back] = std::max(x, y);
    }
    return result;
  }

  Shape infer(Operator op, const std::vector<ValueId>& inputs, const std::map<std::string, Attribute>& attributes) const {
    const Shape a = inputs.empty() ? Shape{} : network_.values[inputs[0]].shape;
    switch (op) {
      case Operator::add:
      case Operator::sub:
      case Operator::mul:
      case Operator::div:
        return broadcast(a, network_.values[inputs[1]].shape);
      case Operator::matmul: {
        Shape left = a;
        Shape right = network_.values[inputs[1]].shape;
        const bool row = left.size() == 1;
        const bool column = right.size() == 1;
        if (row) {
          left.insert(left.begin(), 1);
        }
        if (column) {
          right.push_back(1);
        }
        const std::uint64_t m = left[left.size() - 2];
        const std::uint64_t n = right.back();
        left.resize(left.size() - 2);
        right.resize(right.size() - 2);
        Shape result = broadcast(left, right);
        if (!row) {
          result.push_back(m);
        }
        if (!column) {
          result.push_back(n);
        }
        return result;
      }
      case Operator::gemm: {
        const Shape b = network_.values[inputs[1]].shape;
        const bool ta = std::get<std::int64_t>(attributes.at("transA")) != 0;
        const bool tb = std::get<std::int64_t>(attributes.at("transB")) != 0;
        return {ta ? a[1] : a[0], tb ? b[0] : b[1]};
      }
      case Operator::flatten: {
        std::uint64_t n = 1;
        for (std::size_t i = 1; i < a.size(); ++i) {
          n *= a[i];
        }
        return {a.empty() ? 1 : a[0], n};
      }
      default:
        return a;
    }
  }

  Network network_;
};

/// A number with its derivative along one direction.
template <class T>
struct Dual {
  T value = 0;
  T slope = 0;
};

/// Value and one-sided directional derivative of a network in the arithmetic T, computed node by node straight from the ONNX definitions: no
/// graph, no folding. For exact rationals all operators but Sigmoid and Tanh.
template <class T>
class Evaluator {
 public:
  Evaluator(const Network& network, std::function<T(double)> number) : network_(network), number_(std::move(number)) {}

  std::vector<Dual<T>> operator()(const std::vector<double>& x, const std::vector<double>& v) {
    std::vector<std::vector<Dual<T>>> values(network_.values.size());
    for (std::size_t i = 0; i < x.size(); ++i) {
      values[network_.input].push_back({number_(x[i]), number_(v[i])});
    }
    for (std::size_t id = 0; id < network_.values.size(); ++id) {
      const Value& value = network_.values[id];
      if (value.kind == Value::Kind::initialiser) {
        values[id] = constants(network_.initialisers[value.initialiser]);
      }
    }
    for (const Node& node : network_.nodes) {
      values[node.outputs[0]] = compute(node, values);
    }
    return values[network_.output];
  }

 private:
  using Vector = std::vector<Dual<T>>;

  Vector constants(const Tensor& t) const {
    Vector result;
    for (std::uint64_t i = 0; i < t.size(); ++i) {
      result.push_back({is_floating(t.type) ? number_(t.real(i)) : number_(static_cast<double>(t.integer(i))), T(0)});
    }
    return result;
  }

  static std::size_t broadcast(const Shape& from, const Shape& to, std::size_t flat) {
    std::size_t index = 0;
    std::size_t stride = 1;
    for (std::size_t back = 0; back < to.size(); ++back) {
      const std::uint64_t d = to[to.size() - 1 - back];
      const std::size_t position = flat % d;
      flat /= d;
      if (back < from.size()) {
        const std::uint64_t own = from[from.size() - 1 - back];
        index += (own == 1 ? 0 : position) * stride;
        stride *= own;
      }
    }
    return index;
  }

  Vector compute(const Node& node, const std::vector<Vector>& values) const {
    const Shape& shape = network_.values[node.outputs[0]].shape;
    const std::size_t n = element_count(shape);
    Vector out(n);
    const auto at = [&](std::size_t k, std::size_t i) -> const Dual<T>& {
      return values[node.inputs[k]][broadcast(network_.values[node.inputs[k]].shape, shape, i)];
    };
    for (std::size_t i = 0; i < n; ++i) {
      switch (node.op) {
        case Operator::add:
          out[i] = {at(0, i).value + at(1, i).value, at(0, i).slope + at(1, i).slope};
          break;
        case Operator::sub:
          out[i] = {at(0, i).value - at(1, i).value, at(0, i).slope - at(1, i).slope};
          break;
        case Operator::mul:
          out[i] = {at(0, i).value * at(1, i).value, at(0, i).slope * at(1, i).value + at(0, i).value * at(1, i).slope};
          break;
        case Operator::div:
          out[i] = {at(0, i).value / at(1, i).value, at(0, i).slope / at(1, i).value};  // constant divisors only
          break;
        case Operator::relu:
          out[i] = kink(at(0, i), number_(0), number_(1));
          break;
        case Operator::leaky_relu:
          out[i] = kink(at(0, i), number_(node.real_attribute("alpha")), number_(1));
          break;
        case Operator::abs:
          out[i] = kink(at(0, i), number_(-1), number_(1));
          break;
        case Operator::sigmoid:
        case Operator::tanh:
          out[i] = smooth(node.op, at(0, i));
          break;
        case Operator::flatten:
        case Operator::reshape:
        case Operator::identity:
        case Operator::dropout:
        case Operator::cast:
          out[i] = values[node.inputs[0]][i];
          break;
        case Operator::constant:
        case Operator::matmul:
        case Operator::gemm:
        default:
          break;
      }
    }
    if (node.op == Operator::constant) {
      return constants(std::get<Tensor>(node.attributes.at("value")));
    }
    if (node.op == Operator::matmul) {
      matmul(node, values, out);
    }
    if (node.op == Operator::gemm) {
      gemm(node, values, out);
    }
    return out;
  }

  static Dual<T> kink(const Dual<T>& x, const T& left, const T& right) {
    if (x.value > 0 || (x.value == 0 && x.slope >= 0)) {
      return {x.value * right, x.slope * right};
    }
    return {x.value * left, x.slope * left};
  }

  Dual<T> smooth(Operator op, const Dual<T>& x) const {
    if constexpr (std::is_same_v<T, exact::Real>) {
      if (op == Operator::sigmoid) {
        const T y = 1 / (1 + exp(T(-x.value)));
        return {y, T(y * (1 - y) * x.slope)};
      }
      const T y = tanh(x.value);
      return {y, T((1 - y * y) * x.slope)};
    } else {
      throw std::logic_error("smooth operators need real numbers");
    }
  }

  /// sum_k a_k b_k of duals.
  static void accumulate(Dual<T>& sum, const Dual<T>& a, const Dual<T>& b) {
    sum.value += a.value * b.value;
    sum.slope += a.slope * b.value + a.value * b.slope;
  }

  void matmul(const Node& node, const std::vector<Vector>& values, Vector& out) const {
    Shape a = network_.values[node.inputs[0]].shape;
    Shape b = network_.values[node.inputs[1]].shape;
    if (a.size() == 1) {
      a.insert(a.begin(), 1);
    }
    if (b.size() == 1) {
      b.push_back(1);
    }
    const std::size_t m = a[a.size() - 2];
    const std::size_t k = a.back();
    const std::size_t q = b.back();
    Shape batch_a(a.begin(), a.end() - 2);
    Shape batch_b(b.begin(), b.end() - 2);
    Shape batch(std::max(batch_a.size(), batch_b.size()), 1);
    for (std::size_t back = 0; back < batch.size(); ++back) {
      const std::uint64_t x = back < batch_a.size() ? batch_a[batch_a.size() - 1 - back] : 1;
      const std::uint64_t y = back < batch_b.size() ? batch_b[batch_b.size() - 1 - back] : 1;
      batch[batch.size() - 1 - back] = std::max(x, y);
    }
    for (std::size_t t = 0; t < element_count(batch); ++t) {
      const std::size_t ta = broadcast(batch_a, batch, t) * m * k;
      const std::size_t tb = broadcast(batch_b, batch, t) * k * q;
      for (std::size_t i = 0; i < m; ++i) {
        for (std::size_t j = 0; j < q; ++j) {
          Dual<T> sum;
          for (std::size_t l = 0; l < k; ++l) {
            accumulate(sum, values[node.inputs[0]][ta + i * k + l], values[node.inputs[1]][tb + l * q + j]);
          }
          out[(t * m + i) * q + j] = sum;
        }
      }
    }
  }

  void gemm(const Node& node, const std::vector<Vector>& values, Vector& out) const {
    const Shape& shape = network_.values[node.outputs[0]].shape;
    const Shape& a = network_.values[node.inputs[0]].shape;
    const Shape& b = network_.values[node.inputs[1]].shape;
    const bool ta = node.integer_attribute("transA") != 0;
    const bool tb = node.integer_attribute("transB") != 0;
    const std::size_t k = ta ? a[0] : a[1];
    const T alpha = number_(node.real_attribute("alpha"));
    const T beta = number_(node.real_attribute("beta"));
    for (std::size_t i = 0; i < shape[0]; ++i) {
      for (std::size_t j = 0; j < shape[1]; ++j) {
        Dual<T> sum;
        for (std::size_t l = 0; l < k; ++l) {
          accumulate(sum, values[node.inputs[0]][ta ? l * a[1] + i : i * a[1] + l], values[node.inputs[1]][tb ? j * b[1] + l : l * b[1] + j]);
        }
        Dual<T> y{sum.value * alpha, sum.slope * alpha};
        if (node.inputs.size() > 2) {
          const Dual<T>& c = values[node.inputs[2]][broadcast(network_.values[node.inputs[2]].shape, shape, i * shape[1] + j)];
          y.value += beta * c.value;
          y.slope += beta * c.slope;
        }
        out[i * shape[1] + j] = y;
      }
    }
  }

  const Network& network_;
  std::function<T(double)> number_;
};

inline Evaluator<exact::Rational> rational_evaluator(const Network& network) {
  return Evaluator<exact::Rational>(network, [](double x) { return exact::rational(x); });
}

inline Evaluator<exact::Real> real_evaluator(const Network& network) {
  return Evaluator<exact::Real>(network, [](double x) { return exact::Real(x); });
}

/// Normal numbers that are float32, and helpers for random networks.
class Random {
 public:
  explicit Random(std::uint64_t seed) : engine_(seed) {}
  double single() { return static_cast<double>(static_cast<float>(normal_(engine_))); }
  double normal() { return normal_(engine_); }
  std::size_t below(std::size_t n) { return static_cast<std::size_t>(engine_() % n); }
  std::vector<double> singles(std::size_t n, double scale = 1) {
    std::vector<double> v(n);
    for (double& x : v) {
      x = static_cast<double>(static_cast<float>(scale * normal_(engine_)));
    }
    return v;
  }
  std::mt19937_64& engine() { return engine_; }

 private:
  std::mt19937_64 engine_;
  std::normal_distribution<double> normal_;
};

/// A fully connected network with the given widths and one activation after every layer but the last.
inline Network dense_network(Random& random, const std::vector<std::size_t>& widths, Operator activation, bool biases = true, double scale = 0) {
  Builder b({1, widths[0]});
  ValueId x = b.input();
  for (std::size_t l = 0; l + 1 < widths.size(); ++l) {
    const double s = scale > 0 ? scale : 1 / std::sqrt(static_cast<double>(widths[l]));
    const ValueId w = b.weight({widths[l + 1], widths[l]}, random.singles(widths[l + 1] * widths[l], s));
    std::vector<ValueId> inputs{x, w};
    if (biases) {
      inputs.push_back(b.weight({widths[l + 1]}, random.singles(widths[l + 1], 0.3)));
    }
    x = b.gemm(inputs, true);
    if (l + 2 < widths.size()) {
      x = activation == Operator::leaky_relu ? b.node(activation, {x}, {{"alpha", 0.1F}}) : b.node(activation, {x});
    }
  }
  return b.finish(x);
}

}  // namespace network_builder
