// Networks constructed in code, and their exact evaluation, for the tests of certify/.
#pragma once

#include <algorithm>
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

#include "formats/network/network.hpp"
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
      case ElementType::int8:
      case ElementType::uint8:
        append(static_cast<std::uint8_t>(static_cast<std::int32_t>(x)), 1);
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

  [[nodiscard]] Shape shape(ValueId id) const { return network_.values[id].shape; }

  ValueId integers(const std::vector<double>& entries) { return weight({entries.size()}, entries, ElementType::int64); }

  /// A node with several outputs.
  std::vector<ValueId> nodes_of_shapes(Operator op, const std::vector<ValueId>& inputs, const std::vector<Shape>& shapes,
                                       std::map<std::string, Attribute> attributes = {}) {
    std::vector<ValueId> outputs{node_of_shape(op, inputs, shapes.at(0), std::move(attributes))};
    for (std::size_t o = 1; o < shapes.size(); ++o) {
      Value value = network_.values[outputs[0]];
      value.name += "_" + std::to_string(o);
      value.shape = shapes[o];
      outputs.push_back(network_.values.size());
      network_.nodes.back().outputs.push_back(network_.values.size());
      network_.values.push_back(value);
    }
    return outputs;
  }

  // Operators whose shapes are not inferred here. Opset 13.
  ValueId transpose(ValueId x, const std::vector<std::int64_t>& perm) {
    Shape shape;
    for (const std::int64_t p : perm) {
      shape.push_back(network_.values[x].shape[static_cast<std::size_t>(p)]);
    }
    return node_of_shape(Operator::transpose, {x}, shape, {{"perm", perm}});
  }
  ValueId concat(const std::vector<ValueId>& inputs, std::size_t axis) {
    Shape shape = network_.values[inputs[0]].shape;
    shape[axis] = 0;
    for (const ValueId id : inputs) {
      shape[axis] += network_.values[id].shape[axis];
    }
    return node_of_shape(Operator::concat, inputs, shape, {{"axis", static_cast<std::int64_t>(axis)}});
  }
  std::vector<ValueId> split(ValueId x, std::size_t axis, const std::vector<double>& lengths) {
    std::vector<Shape> shapes;
    for (const double length : lengths) {
      shapes.push_back(network_.values[x].shape);
      shapes.back()[axis] = static_cast<std::uint64_t>(length);
    }
    return nodes_of_shapes(Operator::split, {x, integers(lengths)}, shapes, {{"axis", static_cast<std::int64_t>(axis)}});
  }
  ValueId slice(ValueId x, std::size_t axis, std::uint64_t begin, std::uint64_t end, std::uint64_t step = 1) {
    Shape shape = network_.values[x].shape;
    shape[axis] = (end - begin + step - 1) / step;
    return node_of_shape(Operator::slice,
                         {x, integers({static_cast<double>(begin)}), integers({static_cast<double>(end)}),
                          integers({static_cast<double>(axis)}), integers({static_cast<double>(step)})},
                         shape);
  }
  ValueId reduce(Operator op, ValueId x, const std::vector<std::int64_t>& axes, bool keepdims = true) {
    Shape shape;
    const Shape& in = network_.values[x].shape;
    for (std::size_t a = 0; a < in.size(); ++a) {
      const bool reduced = std::find(axes.begin(), axes.end(), static_cast<std::int64_t>(a)) != axes.end();
      if (!reduced || keepdims) {
        shape.push_back(reduced ? 1 : in[a]);
      }
    }
    if (op == Operator::reduce_sum) {
      return node_of_shape(op, {x, integers({axes.begin(), axes.end()})}, shape,
                           {{"keepdims", std::int64_t{keepdims}}, {"noop_with_empty_axes", std::int64_t{0}}});
    }
    return node_of_shape(op, {x}, shape, {{"axes", axes}, {"keepdims", std::int64_t{keepdims}}});
  }
  ValueId top_k(ValueId x, std::size_t axis, std::uint64_t k, bool largest) {
    Shape shape = network_.values[x].shape;
    shape[axis] = k;
    return nodes_of_shapes(Operator::top_k, {x, integers({static_cast<double>(k)})}, {shape, shape},
                           {{"axis", static_cast<std::int64_t>(axis)}, {"largest", std::int64_t{largest}}, {"sorted", std::int64_t{1}}})[0];
  }
  ValueId pad(ValueId x, const std::vector<double>& pads, const std::string& mode) {
    Shape shape = network_.values[x].shape;
    for (std::size_t a = 0; a < shape.size(); ++a) {
      shape[a] += static_cast<std::uint64_t>(pads[a] + pads[a + shape.size()]);
    }
    return node_of_shape(Operator::pad, {x, integers(pads)}, shape, {{"mode", mode}});
  }
  struct Window {
    std::vector<std::int64_t> kernel, strides, pads, dilations;
  };
  /// Conv, ConvTranspose (inputs: data, kernel[, bias]), MaxPool, AveragePool with two spatial axes.
  ValueId window(Operator op, const std::vector<ValueId>& inputs, const Window& w, std::int64_t group = 1, bool include_pad = false) {
    const Shape& in = network_.values[inputs[0]].shape;
    Shape shape{in[0], in[1]};
    if (op == Operator::conv) {
      shape[1] = network_.values[inputs[1]].shape[0];
    } else if (op == Operator::conv_transpose) {
      shape[1] = network_.values[inputs[1]].shape[1] * static_cast<std::uint64_t>(group);
    }
    for (std::size_t a = 0; a < 2; ++a) {
      const auto n = static_cast<std::int64_t>(in[a + 2]);
      const std::int64_t reach = w.dilations[a] * (w.kernel[a] - 1) + 1;
      const std::int64_t padding = w.pads[a] + w.pads[a + 2];
      shape.push_back(static_cast<std::uint64_t>(op == Operator::conv_transpose ? w.strides[a] * (n - 1) + reach - padding
                                                                                : (n + padding - reach) / w.strides[a] + 1));
    }
    std::map<std::string, Attribute> attributes{
        {"auto_pad", std::string("NOTSET")}, {"kernel_shape", w.kernel}, {"strides", w.strides}, {"pads", w.pads}};
    if (op != Operator::average_pool) {
      attributes["dilations"] = w.dilations;
    }
    if (op == Operator::conv || op == Operator::conv_transpose) {
      attributes["group"] = group;
    } else {
      attributes["ceil_mode"] = std::int64_t{0};
    }
    if (op == Operator::conv_transpose) {
      attributes["output_padding"] = std::vector<std::int64_t>{0, 0};
    }
    if (op == Operator::average_pool) {
      attributes["count_include_pad"] = std::int64_t{include_pad};
    }
    if (op == Operator::max_pool) {
      attributes["storage_order"] = std::int64_t{0};
    }
    return node_of_shape(op, inputs, shape, attributes);
  }

  ValueId node_of_shape(Operator op, const std::vector<ValueId>& inputs, const Shape& shape,
                        std::map<std::string, Attribute> attributes = {}) {
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
      case Operator::max:
      case Operator::min:
        return inputs.size() == 1 ? a : broadcast(a, network_.values[inputs[1]].shape);
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

/// Value and one-sided directional derivative of a network in the arithmetic T, computed node by node straight from the ONNX definitions:
/// no graph, no folding. For exact rationals all operators but Sigmoid and Tanh.
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
      if (node.op == Operator::split) {
        split(node, values);
        continue;
      }
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
        case Operator::softplus:
        case Operator::mish:
        case Operator::gelu:
        case Operator::elu:
        case Operator::sqrt:
          out[i] = smooth(node, at(0, i));
          break;
        case Operator::prelu:
          out[i] = kink(at(0, i), at(1, i).value, number_(1));
          break;
        case Operator::neg:
          out[i] = {-at(0, i).value, -at(0, i).slope};
          break;
        case Operator::pow:  // squares only
          out[i] = {at(0, i).value * at(0, i).value, 2 * at(0, i).value * at(0, i).slope};
          break;
        case Operator::clip:
          out[i] = smaller(larger(at(0, i), values[node.inputs[1]][0]), values[node.inputs[2]][0]);
          break;
        case Operator::hard_sigmoid: {
          const T alpha = number_(node.real_attribute("alpha"));
          const Dual<T> line{T(alpha * at(0, i).value + number_(node.real_attribute("beta"))), T(alpha * at(0, i).slope)};
          out[i] = smaller(larger(line, {}), {T(1), T(0)});
          break;
        }
        case Operator::hard_swish: {
          const Dual<T> line{T(at(0, i).value / 6 + T(1) / 2), T(at(0, i).slope / 6)};
          const Dual<T> gate = smaller(larger(line, {}), {T(1), T(0)});
          out[i] = {T(at(0, i).value * gate.value), T(at(0, i).slope * gate.value + at(0, i).value * gate.slope)};
          break;
        }
        case Operator::max:
        case Operator::min:
          out[i] = at(0, i);
          for (std::size_t k = 1; k < node.inputs.size(); ++k) {
            out[i] = node.op == Operator::max ? larger(out[i], at(k, i)) : smaller(out[i], at(k, i));
          }
          break;
        case Operator::unsqueeze:
        case Operator::squeeze:
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
    positioned(node, values, out);
    return out;
  }

  using Position = std::vector<std::uint64_t>;

  static Position position(const Shape& shape, std::size_t flat) {
    Position at(shape.size());
    for (std::size_t a = shape.size(); a-- > 0;) {
      at[a] = flat % shape[a];
      flat /= shape[a];
    }
    return at;
  }
  static std::size_t flat(const Shape& shape, const Position& at) {
    std::size_t index = 0;
    for (std::size_t a = 0; a < shape.size(); ++a) {
      index = index * shape[a] + at[a];
    }
    return index;
  }

  static bool before(const Dual<T>& a, const Dual<T>& b) { return a.value < b.value || (a.value == b.value && a.slope < b.slope); }
  static Dual<T> larger(const Dual<T>& a, const Dual<T>& b) { return before(a, b) ? b : a; }
  static Dual<T> smaller(const Dual<T>& a, const Dual<T>& b) { return before(a, b) ? a : b; }

  void split(const Node& node, std::vector<Vector>& values) const {
    const auto axis = static_cast<std::size_t>(node.integer_attribute("axis"));
    const Shape& in = network_.values[node.inputs[0]].shape;
    std::uint64_t first = 0;
    for (const ValueId id : node.outputs) {
      const Shape& shape = network_.values[id].shape;
      for (std::size_t i = 0; i < element_count(shape); ++i) {
        Position at = position(shape, i);
        at[axis] += first;
        values[id].push_back(values[node.inputs[0]][flat(in, at)]);
      }
      first += shape[axis];
    }
  }

  /// Operators that look at positions.
  void positioned(const Node& node, const std::vector<Vector>& values, Vector& out) const {
    if (node.inputs.empty()) {
      return;
    }
    const Shape& shape = network_.values[node.outputs[0]].shape;
    const Shape& in = network_.values[node.inputs[0]].shape;
    const Vector& x = values[node.inputs[0]];
    const auto ints = [&](const char* name) { return std::get<std::vector<std::int64_t>>(node.attributes.at(name)); };
    const auto integer_input = [&](std::size_t k, std::size_t i) {
      return network_.initialisers[network_.values[node.inputs[k]].initialiser].integer(i);
    };
    switch (node.op) {
      case Operator::transpose:
        for (std::size_t i = 0; i < out.size(); ++i) {
          const Position at = position(shape, i);
          Position from(at.size());
          for (std::size_t a = 0; a < at.size(); ++a) {
            from[static_cast<std::size_t>(ints("perm")[a])] = at[a];
          }
          out[i] = x[flat(in, from)];
        }
        break;
      case Operator::concat: {
        const auto axis = static_cast<std::size_t>(node.integer_attribute("axis"));
        for (std::size_t i = 0; i < out.size(); ++i) {
          Position at = position(shape, i);
          std::size_t k = 0;
          while (at[axis] >= network_.values[node.inputs[k]].shape[axis]) {
            at[axis] -= network_.values[node.inputs[k++]].shape[axis];
          }
          out[i] = values[node.inputs[k]][flat(network_.values[node.inputs[k]].shape, at)];
        }
        break;
      }
      case Operator::slice:
        for (std::size_t i = 0; i < out.size(); ++i) {
          Position at = position(shape, i);
          const auto axis = static_cast<std::size_t>(integer_input(3, 0));
          at[axis] = static_cast<std::uint64_t>(integer_input(1, 0) + static_cast<std::int64_t>(at[axis]) * integer_input(4, 0));
          out[i] = x[flat(in, at)];
        }
        break;
      case Operator::pad:
        for (std::size_t i = 0; i < out.size(); ++i) {
          const Position at = position(shape, i);
          Position from(at.size());
          bool inside = true;
          for (std::size_t a = 0; a < at.size(); ++a) {
            const auto n = static_cast<std::int64_t>(in[a]);
            std::int64_t p = static_cast<std::int64_t>(at[a]) - integer_input(1, a);
            if (std::get<std::string>(node.attributes.at("mode")) == "reflect") {
              p = p < 0 ? -p : p >= n ? 2 * (n - 1) - p : p;
            }
            inside = inside && p >= 0 && p < n;
            from[a] = static_cast<std::uint64_t>(p);
          }
          out[i] = inside ? x[flat(in, from)] : Dual<T>{};
        }
        break;
      case Operator::reduce_max:
      case Operator::reduce_min:
      case Operator::reduce_mean:
      case Operator::reduce_sum: {
        std::vector<std::vector<Dual<T>>> sets(out.size());
        std::vector<std::int64_t> axes;
        if (node.op == Operator::reduce_sum) {
          for (std::size_t i = 0; i < network_.values[node.inputs[1]].shape[0]; ++i) {
            axes.push_back(integer_input(1, i));
          }
        } else {
          axes = ints("axes");
        }
        for (std::size_t i = 0; i < x.size(); ++i) {
          const Position at = position(in, i);
          std::size_t index = 0;
          for (std::size_t a = 0; a < in.size(); ++a) {
            if (std::find(axes.begin(), axes.end(), static_cast<std::int64_t>(a)) == axes.end()) {
              index = index * in[a] + at[a];
            }
          }
          sets[index].push_back(x[i]);
        }
        for (std::size_t i = 0; i < out.size(); ++i) {
          Dual<T> y = sets[i][0];
          for (std::size_t k = 1; k < sets[i].size(); ++k) {
            const Dual<T>& z = sets[i][k];
            y = node.op == Operator::reduce_max   ? larger(y, z)
                : node.op == Operator::reduce_min ? smaller(y, z)
                                                  : Dual<T>{T(y.value + z.value), T(y.slope + z.slope)};
          }
          const T count = number_(node.op == Operator::reduce_mean ? static_cast<double>(sets[i].size()) : 1);
          out[i] = {T(y.value / count), T(y.slope / count)};
        }
        break;
      }
      case Operator::top_k: {
        const auto axis = static_cast<std::size_t>(node.integer_attribute("axis"));
        for (std::size_t i = 0; i < out.size(); ++i) {
          Position at = position(shape, i);
          const std::size_t rank = at[axis];
          std::vector<Dual<T>> line;
          for (at[axis] = 0; at[axis] < in[axis]; ++at[axis]) {
            line.push_back(x[flat(in, at)]);
          }
          std::sort(line.begin(), line.end(), before);
          out[i] = line[node.integer_attribute("largest") != 0 ? line.size() - 1 - rank : rank];
        }
        break;
      }
      case Operator::batch_normalization:
        if constexpr (std::is_same_v<T, exact::Real>) {
          std::size_t inner = 1;
          for (std::size_t a = 2; a < in.size(); ++a) {
            inner *= in[a];
          }
          for (std::size_t i = 0; i < out.size(); ++i) {
            const std::size_t c = i / inner % in[1];
            const T factor =
                values[node.inputs[1]][c].value / sqrt(T(values[node.inputs[4]][c].value + number_(node.real_attribute("epsilon"))));
            out[i] = {T((x[i].value - values[node.inputs[3]][c].value) * factor + values[node.inputs[2]][c].value), T(x[i].slope * factor)};
          }
        }
        break;
      case Operator::softmax:
        if constexpr (std::is_same_v<T, exact::Real>) {  // of the last axis
          const std::size_t n = in.back();
          for (std::size_t first = 0; first < out.size(); first += n) {
            T sum = 0;
            T mean = 0;
            for (std::size_t i = first; i < first + n; ++i) {
              sum += exp(x[i].value);
              mean += exp(x[i].value) * x[i].slope;
            }
            for (std::size_t i = first; i < first + n; ++i) {
              const T p = exp(x[i].value) / sum;
              out[i] = {p, T(p * (x[i].slope - mean / sum))};
            }
          }
        }
        break;
      case Operator::conv:
      case Operator::conv_transpose:
      case Operator::max_pool:
      case Operator::average_pool:
        windows(node, values, out);
        break;
      default:
        break;
    }
  }

  /// Two spatial axes, straight from the definitions.
  void windows(const Node& node, const std::vector<Vector>& values, Vector& out) const {
    const Shape& shape = network_.values[node.outputs[0]].shape;
    const Shape& in = network_.values[node.inputs[0]].shape;
    const Vector& x = values[node.inputs[0]];
    const auto ints = [&](const char* name) { return std::get<std::vector<std::int64_t>>(node.attributes.at(name)); };
    const auto kernel = ints("kernel_shape");
    const auto strides = ints("strides");
    const auto pads = ints("pads");
    const auto dilations = node.attributes.count("dilations") != 0 ? ints("dilations") : std::vector<std::int64_t>{1, 1};
    const bool pool = node.op == Operator::max_pool || node.op == Operator::average_pool;
    const auto groups = static_cast<std::uint64_t>(pool ? 1 : node.integer_attribute("group"));
    std::vector<bool> started(out.size(), false);
    std::vector<std::size_t> counts(out.size(), 0);
    // All pairs of a strided position and a tap.
    const bool transposed = node.op == Operator::conv_transpose;
    const Shape& strided = transposed ? in : shape;
    const Shape& other = transposed ? shape : in;
    for (std::uint64_t p = 0; p < strided[2] * strided[3]; ++p) {
      for (std::int64_t j = 0; j < kernel[0] * kernel[1]; ++j) {
        const std::int64_t row = static_cast<std::int64_t>(p / strided[3]) * strides[0] - pads[0] + j / kernel[1] * dilations[0];
        const std::int64_t column = static_cast<std::int64_t>(p % strided[3]) * strides[1] - pads[1] + j % kernel[1] * dilations[1];
        if (row < 0 || column < 0 || row >= static_cast<std::int64_t>(other[2]) || column >= static_cast<std::int64_t>(other[3])) {
          continue;
        }
        const std::size_t q = static_cast<std::size_t>(row) * other[3] + static_cast<std::size_t>(column);
        for (std::uint64_t o = 0; o < shape[1]; ++o) {
          const std::size_t to = o * shape[2] * shape[3] + (transposed ? q : p);
          const std::size_t from_position = transposed ? p : q;
          if (pool) {
            const Dual<T>& z = x[o * in[2] * in[3] + from_position];
            out[to] = node.op == Operator::average_pool ? Dual<T>{T(out[to].value + z.value), T(out[to].slope + z.slope)}
                      : started[to]                     ? larger(out[to], z)
                                                        : z;
            started[to] = true;
            ++counts[to];
            continue;
          }
          const std::uint64_t per_group = in[1] / groups;
          const std::uint64_t group = o / (shape[1] / groups);
          for (std::uint64_t c = 0; c < per_group; ++c) {
            const std::size_t channel = group * per_group + c;
            const std::size_t taps = static_cast<std::size_t>(kernel[0] * kernel[1]);
            const std::size_t weight = transposed
                                           ? (channel * (shape[1] / groups) + o % (shape[1] / groups)) * taps + static_cast<std::size_t>(j)
                                           : (o * per_group + c) * taps + static_cast<std::size_t>(j);
            accumulate(out[to], values[node.inputs[1]][weight], x[channel * in[2] * in[3] + from_position]);
          }
        }
      }
    }
    for (std::size_t i = 0; i < out.size(); ++i) {
      if (node.op == Operator::average_pool) {
        const bool all = node.integer_attribute("count_include_pad") != 0;
        const T count = number_(all ? static_cast<double>(kernel[0] * kernel[1]) : static_cast<double>(counts[i]));
        out[i] = {T(out[i].value / count), T(out[i].slope / count)};
      }
      if (!pool && node.inputs.size() > 2) {
        out[i].value += values[node.inputs[2]][i / (shape[2] * shape[3])].value;
      }
    }
  }

  static Dual<T> kink(const Dual<T>& x, const T& left, const T& right) {
    if (x.value > 0 || (x.value == 0 && x.slope >= 0)) {
      return {x.value * right, x.slope * right};
    }
    return {x.value * left, x.slope * left};
  }

  Dual<T> smooth(const Node& node, const Dual<T>& x) const {
    if constexpr (std::is_same_v<T, exact::Real>) {
      const T z = x.value;
      const T share = 1 / (1 + exp(T(-z)));
      switch (node.op) {
        case Operator::sigmoid:
          return {share, T(share * (1 - share) * x.slope)};
        case Operator::softplus:
          return {T(log(T(1 + exp(z)))), T(share * x.slope)};
        case Operator::mish: {
          const T y = tanh(T(log(T(1 + exp(z)))));
          return {T(z * y), T((y + z * (1 - y * y) * share) * x.slope)};
        }
        case Operator::gelu: {
          if (std::get<std::string>(node.attributes.at("approximate")) == "tanh") {
            const T c = T(44715) / 1000000;
            const T root = sqrt(T(2 / acos(T(-1))));
            const T y = tanh(T(root * (z + c * z * z * z)));
            return {T(z * (1 + y) / 2), T(((1 + y) / 2 + z * (1 - y * y) * root * (1 + 3 * c * z * z) / 2) * x.slope)};
          }
          const T phi = erfc(T(-z / sqrt(T(2)))) / 2;
          return {T(z * phi), T((phi + z * exp(T(-z * z / 2)) / sqrt(T(2 * acos(T(-1))))) * x.slope)};
        }
        case Operator::elu: {
          const T alpha = number_(node.real_attribute("alpha"));
          return z > 0 || (z == 0 && x.slope >= 0) ? x : Dual<T>{T(alpha * (exp(z) - 1)), T(alpha * exp(z) * x.slope)};
        }
        case Operator::sqrt:
          return {T(sqrt(z)), z > 0 ? T(x.slope / (2 * sqrt(z))) : T(0)};
        default: {
          const T y = tanh(z);
          return {y, T((1 - y * y) * x.slope)};
        }
      }
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
          accumulate(sum, values[node.inputs[0]][ta ? l * a[1] + i : i * a[1] + l],
                     values[node.inputs[1]][tb ? j * b[1] + l : l * b[1] + j]);
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
inline Network dense_network(Random& random, const std::vector<std::size_t>& widths, Operator activation, bool biases = true,
                             double scale = 0) {
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
