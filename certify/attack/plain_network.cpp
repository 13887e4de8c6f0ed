#include "certify/attack/plain_network.hpp"

#include <cblas.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <numeric>
#include <type_traits>

#include "formats/operators/entry_map.hpp"
#include "formats/encoding/error.hpp"
#include "formats/operators/parameters.hpp"

namespace lipcert::attack {

namespace {

struct Constant {
  Shape shape;
  std::vector<double> entries;
};

/// Position in an operand of shape `from` of every entry of the result of shape `to` (numpy broadcasting).
std::vector<std::uint32_t> broadcast_map(const Shape& from, const Shape& to) {
  std::vector<std::uint64_t> strides(to.size(), 0);
  std::uint64_t stride = 1;
  for (std::size_t d = from.size(); d-- > 0;) {
    const std::size_t at = d + to.size() - from.size();
    strides[at] = from[d] == 1 ? 0 : stride;
    stride *= from[d];
  }
  const std::uint64_t count = element_count(to);
  std::vector<std::uint32_t> map(count);
  std::vector<std::uint64_t> index(to.size(), 0);
  std::uint64_t position = 0;
  for (std::uint64_t i = 0; i < count; ++i) {
    map[i] = static_cast<std::uint32_t>(position);
    for (std::size_t d = to.size(); d-- > 0;) {
      position += strides[d];
      if (++index[d] < to[d]) break;
      position -= strides[d] * to[d];
      index[d] = 0;
    }
  }
  return map;
}

bool is_identity(const std::vector<std::uint32_t>& map, std::size_t size) {
  if (map.size() != size) return false;
  for (std::size_t i = 0; i < map.size(); ++i) {
    if (map[i] != i) return false;
  }
  return true;
}

constexpr std::uint32_t nothing = 0xFFFFFFFF;

/// What a curve looks like: the operator with its numbers.
struct Curve {
  Operator op = Operator::relu;
  double a = 0;
  double b = 0;
  bool tanh_form = false;
  double low = 0;
  double high = 0;
};

template <typename Real>
Real curve(const Curve& c, Real x) {
  const auto a = static_cast<Real>(c.a);
  const auto b = static_cast<Real>(c.b);
  const auto softplus = [](Real t) { return t > 40 ? t : std::log1p(std::exp(t)); };
  switch (c.op) {
    case Operator::relu:
      return x > 0 ? x : Real{0};
    case Operator::leaky_relu:
      return x > 0 ? x : a * x;
    case Operator::prelu:
      return x > 0 ? x : static_cast<Real>(c.low) * x;
    case Operator::abs:
      return std::fabs(x);
    case Operator::neg:
      return -x;
    case Operator::sigmoid:
      return 1 / (1 + std::exp(-x));
    case Operator::tanh:
      return std::tanh(x);
    case Operator::elu:
      return x > 0 ? x : a * std::expm1(x);
    case Operator::selu:
      return x > 0 ? b * x : b * a * std::expm1(x);
    case Operator::softplus:
      return softplus(x);
    case Operator::hard_sigmoid:
      return std::min(std::max(a * x + b, Real{0}), Real{1});
    case Operator::hard_swish:
      return x * std::min(std::max(x / 6 + Real{0.5}, Real{0}), Real{1});
    case Operator::gelu:
      if (c.tanh_form) return x / 2 * (1 + std::tanh(std::sqrt(2 / std::acos(Real{-1})) * (x + static_cast<Real>(0.044715) * x * x * x)));
      return x / 2 * (1 + std::erf(x / std::sqrt(Real{2})));
    case Operator::mish:
      return x * std::tanh(softplus(x));
    case Operator::clip:
      return std::min(std::max(x, static_cast<Real>(c.low)), static_cast<Real>(c.high));
    case Operator::pow:
      return std::pow(x, a);
    case Operator::sqrt:
      return std::sqrt(x);
    case Operator::reciprocal:
      return 1 / x;
    case Operator::sign:
      return static_cast<Real>(x > 0 ? 1 : x < 0 ? -1 : 0);
    default:
      return x;
  }
}

/// The slope at x where the value is y; at a kink one of the two.
double slope_of(const Curve& c, double x, double y) {
  switch (c.op) {
    case Operator::relu:
      return x > 0 ? 1 : 0;
    case Operator::leaky_relu:
      return x > 0 ? 1 : c.a;
    case Operator::prelu:
      return x > 0 ? 1 : c.low;
    case Operator::abs:
      return x > 0 ? 1 : x < 0 ? -1 : 0;
    case Operator::neg:
      return -1;
    case Operator::sigmoid:
      return y * (1 - y);
    case Operator::tanh:
      return 1 - y * y;
    case Operator::elu:
      return x > 0 ? 1 : y + c.a;
    case Operator::selu:
      return x > 0 ? c.b : y + c.a * c.b;
    case Operator::hard_sigmoid:
      return y > 0 && y < 1 ? c.a : 0;
    case Operator::clip:
      return x > c.low && x < c.high ? 1 : 0;
    case Operator::pow:
      return x == 0 && c.a < 1 ? 0 : c.a * std::pow(x, c.a - 1);
    case Operator::sqrt:
      return y > 0 ? 0.5 / y : 0;
    case Operator::reciprocal:
      return -y * y;
    case Operator::sign:
      return 0;
    case Operator::softplus:
      return 1 / (1 + std::exp(-x));
    case Operator::hard_swish:
    case Operator::gelu:
    case Operator::mish: {
      const double h = 1e-6 * (1 + std::fabs(x));  // smooth enough for a difference, and an attacker needs no more
      return (curve(c, x + h) - curve(c, x - h)) / (2 * h);
    }
    default:
      return 1;
  }
}

double combine(Operator op, double a, double b) {
  switch (op) {
    case Operator::add:
      return a + b;
    case Operator::sub:
      return a - b;
    case Operator::mul:
      return a * b;
    case Operator::max:
      return std::max(a, b);
    case Operator::min:
      return std::min(a, b);
    case Operator::pow:
      return std::pow(a, b);
    default:
      return a / b;
  }
}

/// Matrix view of a MatMul operand of rank one or two with leading ones.
struct MatrixShape {
  std::size_t rows = 0;
  std::size_t columns = 0;
};

}  // namespace

/// Reads the graph node by node: constants are computed at once, data nodes become steps.
class PlainNetwork::Compiler {
 public:
  Compiler(const Network& network, PlainNetwork& plain) : network_(network), plain_(plain) {}

  void compile() {
    if (!network_.refusals.empty()) {
      const Refusal& first = network_.refusals.front();
      throw input_error(first.node + (first.op.empty() ? "" : " (" + first.op + ")") + ": " + first.reason);
    }
    slots_[network_.input] = new_slot(element_count(value(network_.input).shape));
    for (std::size_t v = 0; v < network_.values.size(); ++v) {
      if (network_.values[v].kind == Value::Kind::initialiser) constants_[v] = read(network_.initialisers[network_.values[v].initialiser]);
    }
    for (node_ = 0; node_ < network_.nodes.size(); ++node_) {
      const Node& node = network_.nodes[node_];
      const bool data = node.op != Operator::shape &&
                        std::any_of(node.inputs.begin(), node.inputs.end(), [&](ValueId v) { return slots_.count(v) != 0; });
      if (data)
        compile_data(node);
      else
        compile_constant(node);
    }
    const auto output = slots_.find(network_.output);
    if (output == slots_.end()) throw input_error("The model's output does not depend on its input; there is nothing to attack.");
    plain_.output_ = output->second;
    plain_.input_size_ = plain_.sizes_[0];
    plain_.output_size_ = plain_.sizes_[plain_.output_];
  }

 private:
  [[nodiscard]] const Value& value(ValueId v) const { return network_.values[v]; }
  [[nodiscard]] bool is_data(ValueId v) const { return slots_.count(v) != 0; }
  [[nodiscard]] Error not_covered() const {
    return input_error(network_.label(node_) + " (" + name_of(network_.nodes[node_].op) +
                       "): the attack does not cover this use of the operator.");
  }

  std::size_t new_slot(std::size_t size) {
    plain_.sizes_.push_back(size);
    return plain_.sizes_.size() - 1;
  }

  static Constant read(const Tensor& tensor) {
    Constant constant{tensor.shape, {}};
    constant.entries.resize(tensor.size());
    for (std::uint64_t i = 0; i < tensor.size(); ++i)
      constant.entries[i] = is_floating(tensor.type) ? tensor.real(i) : static_cast<double>(tensor.integer(i));
    return constant;
  }

  [[nodiscard]] const Constant& constant(ValueId v) const {
    const auto found = constants_.find(v);
    if (found == constants_.end()) throw not_covered();
    return found->second;
  }

  /// Leading dimensions are counted into the rows (operand on the left) or must be one (operand on the right).
  [[nodiscard]] MatrixShape left_shape(const Shape& shape) const {
    const std::size_t columns = shape.back();
    return {element_count(shape) / columns, columns};
  }
  [[nodiscard]] MatrixShape right_shape(const Shape& shape) const {
    if (shape.size() == 1) return {shape[0], 1};
    for (std::size_t d = 0; d + 2 < shape.size(); ++d) {
      if (shape[d] != 1) throw not_covered();
    }
    return {shape[shape.size() - 2], shape.back()};
  }

  static std::vector<double> transposed(const std::vector<double>& a, std::size_t rows, std::size_t columns) {
    std::vector<double> result(a.size());
    for (std::size_t i = 0; i < rows; ++i)
      for (std::size_t j = 0; j < columns; ++j) result[j * rows + i] = a[i * columns + j];
    return result;
  }

  void compile_constant(const Node& node) {
    if (node.outputs.empty() || node.outputs[0] == no_value) return;
    const ValueId out = node.outputs[0];
    if (const Tensor* const known = network_.known(out)) {
      constants_[out] = read(*known);
      return;
    }
    Constant result{value(out).shape, {}};
    const auto input = [&](std::size_t i) -> const Constant& { return constant(node.inputs.at(i)); };
    switch (node.op) {
      case Operator::constant:
        result = read(std::get<Tensor>(node.attributes.at("value")));
        break;
      case Operator::add:
      case Operator::sub:
      case Operator::mul:
      case Operator::div: {
        const auto a = broadcast_map(input(0).shape, result.shape);
        const auto b = broadcast_map(input(1).shape, result.shape);
        for (std::size_t i = 0; i < a.size(); ++i)
          result.entries.push_back(combine(node.op, input(0).entries[a[i]], input(1).entries[b[i]]));
        break;
      }
      case Operator::matmul: {
        const MatrixShape a = left_shape(input(0).shape);
        const MatrixShape b = right_shape(input(1).shape);
        result.entries = product(input(0).entries, input(1).entries, a.rows, a.columns, b.columns);
        break;
      }
      case Operator::gemm: {
        const bool ta = node.integer_attribute("transA") != 0;
        const bool tb = node.integer_attribute("transB") != 0;
        const Shape& sa = input(0).shape;
        const Shape& sb = input(1).shape;
        const std::vector<double> a = ta ? transposed(input(0).entries, sa[0], sa[1]) : input(0).entries;
        const std::vector<double> b = tb ? transposed(input(1).entries, sb[0], sb[1]) : input(1).entries;
        result.entries = product(a, b, ta ? sa[1] : sa[0], ta ? sa[0] : sa[1], tb ? sb[0] : sb[1]);
        const double alpha = static_cast<double>(node.real_attribute("alpha"));
        for (double& entry : result.entries) entry *= alpha;
        if (node.inputs.size() > 2 && node.inputs[2] != no_value) {
          const double beta = static_cast<double>(node.real_attribute("beta"));
          const auto map = broadcast_map(input(2).shape, result.shape);
          for (std::size_t i = 0; i < map.size(); ++i) result.entries[i] += beta * input(2).entries[map[i]];
        }
        break;
      }
      case Operator::flatten:
      case Operator::reshape:
      case Operator::identity:
      case Operator::dropout:
      case Operator::cast:
      case Operator::squeeze:
      case Operator::unsqueeze:
        result.entries = input(0).entries;
        break;
      case Operator::max:
      case Operator::min:
      case Operator::pow: {
        result.entries.clear();
        for (const std::uint32_t at : broadcast_map(input(0).shape, result.shape)) result.entries.push_back(input(0).entries[at]);
        for (std::size_t k = 1; k < node.inputs.size(); ++k) {
          const auto map = broadcast_map(input(k).shape, result.shape);
          for (std::size_t i = 0; i < map.size(); ++i) result.entries[i] = combine(node.op, result.entries[i], input(k).entries[map[i]]);
        }
        break;
      }
      case Operator::reduce_sum:
      case Operator::reduce_mean:
      case Operator::reduce_max:
      case Operator::reduce_min:
      case Operator::reduce_l2:
        for (const auto& set : reduced()) {
          double y = node.op == Operator::reduce_max ? -HUGE_VAL : node.op == Operator::reduce_min ? HUGE_VAL : 0;
          for (const std::uint32_t i : set) {
            const double x = input(0).entries[i];
            y = node.op == Operator::reduce_max ? std::max(y, x) : node.op == Operator::reduce_min ? std::min(y, x) : node.op == Operator::reduce_l2 ? y + x * x : y + x;
          }
          if (node.op == Operator::reduce_l2) y = std::sqrt(y);
          result.entries.push_back(node.op == Operator::reduce_mean ? y / static_cast<double>(set.size()) : y);
        }
        break;
      case Operator::shape:
      case Operator::constant_of_shape:
        throw not_covered();  // known to the reader, or no constant
      default:
        if (moves_entries(node.op)) {
          for (std::size_t o = 0; o < node.outputs.size(); ++o) {
            if (node.outputs[o] == no_value) continue;
            Constant moved{value(node.outputs[o]).shape, {}};
            for (const EntrySource& from : entry_sources(network_, node_, o)) moved.entries.push_back(moved_constant(node, from));
            constants_[node.outputs[o]] = std::move(moved);
          }
          return;
        }
        for (std::size_t i = 0; i < input(0).entries.size(); ++i) result.entries.push_back(curve(curve_of(node, i, input(0).shape), input(0).entries[i]));
    }
    constants_[out] = std::move(result);
  }

  [[nodiscard]] double moved_constant(const Node& node, const EntrySource& from) const {
    if (from.input != no_source) return constant(node.inputs.at(from.input)).entries.at(from.index);
    if (node.inputs.size() > 2 && node.inputs[2] != no_value) return constant(node.inputs[2]).entries.at(0);
    return node.attributes.count("value") != 0 ? static_cast<double>(node.real_attribute("value")) : 0;
  }

  /// The curve of entry i of a tensor of this shape.
  [[nodiscard]] Curve curve_of(const Node& node, std::size_t i, const Shape& shape) const {
    Curve c;
    c.op = node.op;
    const auto has = [&](std::size_t k) { return k < node.inputs.size() && node.inputs[k] != no_value; };
    switch (node.op) {
      case Operator::leaky_relu:
      case Operator::elu:
        c.a = static_cast<double>(node.real_attribute("alpha"));
        return c;
      case Operator::selu:
        c.a = static_cast<double>(node.real_attribute("alpha"));
        c.b = static_cast<double>(node.real_attribute("gamma"));
        return c;
      case Operator::hard_sigmoid:
        c.a = static_cast<double>(node.real_attribute("alpha"));
        c.b = static_cast<double>(node.real_attribute("beta"));
        return c;
      case Operator::gelu:
        c.tanh_form = std::get<std::string>(node.attributes.at("approximate")) == "tanh";
        return c;
      case Operator::prelu: {
        if (i == 0) slopes_ = broadcast_map(constant(node.inputs.at(1)).shape, shape);
        c.low = constant(node.inputs[1]).entries[slopes_[i]];
        return c;
      }
      case Operator::pow:
        c.a = constant(node.inputs.at(1)).entries.at(0);
        return c;
      case Operator::clip: {
        const bool attributes = node.attributes.count("min") != 0;
        c.low = attributes ? static_cast<double>(node.real_attribute("min")) : has(1) ? constant(node.inputs[1]).entries.at(0) : -HUGE_VAL;
        c.high = attributes ? static_cast<double>(node.real_attribute("max")) : has(2) ? constant(node.inputs[2]).entries.at(0) : HUGE_VAL;
        return c;
      }
      case Operator::relu:
      case Operator::abs:
      case Operator::neg:
      case Operator::sigmoid:
      case Operator::tanh:
      case Operator::softplus:
      case Operator::hard_swish:
      case Operator::mish:
      case Operator::sqrt:
      case Operator::reciprocal:
      case Operator::sign:
        return c;
      default:
        throw not_covered();
    }
  }

  /// Row-major strides walk: the entries that each entry of a reduction reads.
  [[nodiscard]] std::vector<std::vector<std::uint32_t>> reduced() const {
    const Shape& shape = value(network_.nodes[node_].inputs.at(0)).shape;
    const auto axes = axes_of(network_, node_);
    std::vector<std::uint64_t> strides(shape.size(), 0);
    std::uint64_t kept = 1;
    for (std::size_t d = shape.size(); d-- > 0;) {
      if (std::find(axes.begin(), axes.end(), d) == axes.end()) {
        strides[d] = kept;
        kept *= shape[d];
      }
    }
    std::vector<std::vector<std::uint32_t>> sets(kept);
    std::vector<std::uint64_t> index(shape.size(), 0);
    for (std::uint64_t i = 0; i < element_count(shape); ++i) {
      std::uint64_t at = 0;
      for (std::size_t d = 0; d < shape.size(); ++d) at += index[d] * strides[d];
      sets[at].push_back(static_cast<std::uint32_t>(i));
      for (std::size_t d = shape.size(); d-- > 0 && ++index[d] == shape[d];) index[d] = 0;
    }
    return sets;
  }

  static std::vector<double> product(const std::vector<double>& a, const std::vector<double>& b, std::size_t rows, std::size_t inner,
                                     std::size_t columns) {
    std::vector<double> c(rows * columns, 0.0);
    for (std::size_t i = 0; i < rows; ++i)
      for (std::size_t l = 0; l < inner; ++l)
        for (std::size_t j = 0; j < columns; ++j) c[i * columns + j] += a[i * inner + l] * b[l * columns + j];
    return c;
  }

  void add(Step step, std::size_t size) {
    step.to = new_slot(size);
    plain_.steps_.push_back(std::move(step));
    last_ = plain_.steps_.back().to;
  }

  /// result = factor * data[map] + offset, where `constant` stands beside the data.
  void compile_elementwise(const Node& node) {
    const ValueId a = node.inputs.at(0);
    const ValueId b = node.inputs.at(1);
    const Shape& shape = value(node.outputs[0]).shape;
    const std::size_t size = element_count(shape);
    Step step;
    if (is_data(a) && is_data(b)) {
      if (node.op == Operator::div) throw not_covered();
      step.kind = Kind::combine;
      step.op = node.op;
      step.from = slots_[a];
      step.from2 = slots_[b];
      step.map = broadcast_map(value(a).shape, shape);
      step.map2 = broadcast_map(value(b).shape, shape);
      return add(std::move(step), size);
    }
    const ValueId data = is_data(a) ? a : b;
    const Constant& other = constant(is_data(a) ? b : a);
    if (node.op == Operator::div && !is_data(a)) throw not_covered();
    step.from = slots_[data];
    step.map = broadcast_map(value(data).shape, shape);
    if (is_identity(step.map, plain_.sizes_[step.from])) step.map.clear();
    const auto map = broadcast_map(other.shape, shape);
    const bool scales = node.op == Operator::mul || node.op == Operator::div;
    for (std::size_t i = 0; i < size; ++i) {
      const double c = other.entries[map[i]];
      if (scales)
        step.factor.push_back(node.op == Operator::mul ? c : 1 / c);
      else
        step.offset.push_back(node.op == Operator::sub && is_data(a) ? -c : c);
    }
    if (node.op == Operator::sub && !is_data(a)) step.factor.assign(size, -1.0);
    add(std::move(step), size);
  }

  void transpose(std::size_t rows, std::size_t columns) {
    Step step;
    step.from = last_;
    step.map.resize(rows * columns);
    for (std::size_t i = 0; i < rows; ++i)
      for (std::size_t j = 0; j < columns; ++j) step.map[j * rows + i] = static_cast<std::uint32_t>(i * columns + j);
    add(std::move(step), rows * columns);
  }

  void compile_product(const Node& node) {
    const ValueId a = node.inputs.at(0);
    const ValueId b = node.inputs.at(1);
    if (is_data(a) && is_data(b)) throw not_covered();
    const bool gemm = node.op == Operator::gemm;
    const bool ta = gemm && node.integer_attribute("transA") != 0;
    const bool tb = gemm && node.integer_attribute("transB") != 0;
    const double alpha = gemm ? static_cast<double>(node.real_attribute("alpha")) : 1;
    const std::size_t size = element_count(value(node.outputs[0]).shape);
    Step step;
    if (is_data(a)) {
      MatrixShape left = left_shape(value(a).shape);
      MatrixShape right = right_shape(constant(b).shape);
      last_ = slots_[a];
      if (ta) {
        transpose(left.rows, left.columns);
        std::swap(left.rows, left.columns);
      }
      step.kind = Kind::multiply_right;
      step.matrix = constant(b).entries;
      if (tb) {
        step.matrix = transposed(step.matrix, right.rows, right.columns);
        std::swap(right.rows, right.columns);
      }
      step.rows = left.rows;
      step.k = left.columns;
      step.n = right.columns;
      if (right.rows != step.k) throw not_covered();
    } else {
      const Shape& constant_shape = constant(a).shape;
      MatrixShape left = constant_shape.size() == 1 ? MatrixShape{1, constant_shape[0]} : right_shape(constant_shape);
      MatrixShape right = right_shape(value(b).shape);
      last_ = slots_[b];
      if (tb) {
        transpose(right.rows, right.columns);
        std::swap(right.rows, right.columns);
      }
      step.kind = Kind::multiply_left;
      step.matrix = constant(a).entries;
      if (ta) {
        step.matrix = transposed(step.matrix, left.rows, left.columns);
        std::swap(left.rows, left.columns);
      }
      step.rows = right.columns;
      step.k = right.rows;
      step.n = left.rows;
      if (left.columns != step.k) throw not_covered();
    }
    step.from = last_;
    for (double& entry : step.matrix) entry *= alpha;
    if (step.rows * step.n != size) throw not_covered();
    add(std::move(step), size);
    if (gemm && node.inputs.size() > 2 && node.inputs[2] != no_value) {
      const Constant& c = constant(node.inputs[2]);
      const double beta = static_cast<double>(node.real_attribute("beta"));
      Step bias;
      bias.from = last_;
      for (const std::uint32_t at : broadcast_map(c.shape, value(node.outputs[0]).shape)) bias.offset.push_back(beta * c.entries[at]);
      add(std::move(bias), size);
    }
  }

  void compile_data(const Node& node) {
    Step step;
    switch (node.op) {
      case Operator::add:
      case Operator::sub:
      case Operator::mul:
      case Operator::div:
        compile_elementwise(node);
        break;
      case Operator::matmul:
      case Operator::gemm:
        compile_product(node);
        break;
      case Operator::flatten:
      case Operator::reshape:
      case Operator::identity:
      case Operator::dropout:
      case Operator::cast:
      case Operator::squeeze:
      case Operator::unsqueeze:
        last_ = slots_.at(node.inputs.at(0));
        break;
      case Operator::split:
        for (std::size_t o = 0; o < node.outputs.size(); ++o) {
          move(node, o);
          slots_[node.outputs[o]] = last_;
        }
        return;
      case Operator::transpose:
      case Operator::concat:
      case Operator::slice:
      case Operator::gather:
      case Operator::pad:
      case Operator::depth_to_space:
      case Operator::space_to_depth:
        move(node, 0);
        break;
      case Operator::conv:
      case Operator::conv_transpose:
        compile_convolution(node);
        break;
      case Operator::batch_normalization:
        compile_normalization(node);
        break;
      case Operator::average_pool:
      case Operator::global_average_pool:
      case Operator::max_pool:
      case Operator::global_max_pool:
      case Operator::reduce_mean:
      case Operator::reduce_sum:
      case Operator::reduce_max:
      case Operator::reduce_min:
        compile_windows(node);
        break;
      case Operator::max:
      case Operator::min:
        compile_extreme(node);
        break;
      case Operator::top_k:
      case Operator::softmax:
        compile_vectors(node);
        break;
      case Operator::constant:
        throw not_covered();
      default:
        step.kind = Kind::curve;
        step.op = node.op;
        step.from = slots_.at(node.inputs.at(0));
        for (std::size_t i = 0; i < plain_.sizes_[step.from]; ++i) {
          const Curve c = curve_of(node, i, value(node.inputs[0]).shape);
          step.slope = c.a;
          step.slope2 = c.b;
          step.tanh_form = c.tanh_form;
          step.low.push_back(c.low);
          step.high.push_back(c.high);
        }
        add(std::move(step), plain_.sizes_[step.from]);
        break;
    }
    slots_[node.outputs.at(0)] = last_;
  }

  void move(const Node& node, std::size_t output) {
    Step step;
    step.kind = Kind::move;
    for (const EntrySource& from : entry_sources(network_, node_, output)) {
      step.offset.push_back(0);
      if (from.input == no_source || !is_data(node.inputs.at(from.input))) {
        step.offset.back() = moved_constant(node, from);
        step.slot_of.push_back(nothing);
        step.term.push_back(0);
        continue;
      }
      step.slot_of.push_back(static_cast<std::uint32_t>(slots_[node.inputs[from.input]]));
      step.term.push_back(from.index);
    }
    const std::size_t size = step.term.size();
    add(std::move(step), size);
  }

  void compile_convolution(const Node& node) {
    const WindowParameters w = window_parameters(network_, node_);
    const Constant& kernel = constant(node.inputs.at(1));
    const bool transposed_ = node.op == Operator::conv_transpose;
    Step step;
    step.kind = Kind::convolution;
    step.from = slots_.at(node.inputs[0]);
    step.groups = w.groups;
    const std::size_t channels_in = value(node.inputs[0]).shape.at(1);
    const std::size_t channels_out = value(node.outputs[0]).shape.at(1);
    step.channels = channels_in / w.groups;
    step.n = channels_out / w.groups;
    std::size_t taps = 1;
    for (const WindowAxis& axis : w.axes) {
      taps *= axis.kernel;
      step.positions_in *= axis.input;
      step.positions_out *= axis.output;
    }
    step.tap_count = taps;
    step.taps.assign(taps * step.positions_out, -1);
    for (std::size_t t = 0; t < taps; ++t) {
      for (std::size_t p = 0; p < (transposed_ ? step.positions_in : step.positions_out); ++p) {
        std::int64_t other = 0;
        std::int64_t stride = 1;
        std::size_t tap = t;
        std::size_t position = p;
        bool inside = true;
        for (std::size_t d = w.axes.size(); d-- > 0;) {
          const WindowAxis& axis = w.axes[d];
          const std::size_t walked = transposed_ ? axis.input : axis.output;
          const auto length = static_cast<std::int64_t>(transposed_ ? axis.output : axis.input);
          const std::int64_t at = static_cast<std::int64_t>(position % walked * axis.stride + tap % axis.kernel * axis.dilation) - axis.begin;
          inside = inside && at >= 0 && at < length;
          other += at * stride;
          stride *= length;
          position /= walked;
          tap /= axis.kernel;
        }
        if (!inside) continue;
        if (transposed_)
          step.taps[t * step.positions_out + static_cast<std::size_t>(other)] = static_cast<std::int64_t>(p);
        else
          step.taps[t * step.positions_out + p] = other;
      }
    }
    // Rows: channels of the result; columns: (channel of the data in the group, tap).
    step.k = step.channels * taps;
    step.matrix.resize(channels_out * step.k);
    for (std::size_t o = 0; o < channels_out; ++o)
      for (std::size_t c = 0; c < step.channels; ++c)
        for (std::size_t t = 0; t < taps; ++t)
          step.matrix[o * step.k + c * taps + t] =
              kernel.entries[transposed_ ? ((o / step.n * step.channels + c) * step.n + o % step.n) * taps + t : (o * step.channels + c) * taps + t];
    if (node.inputs.size() > 2 && node.inputs[2] != no_value) {
      for (std::size_t o = 0; o < channels_out; ++o)
        step.offset.insert(step.offset.end(), step.positions_out, constant(node.inputs[2]).entries.at(o));
    }
    const std::size_t size = channels_out * step.positions_out;
    add(std::move(step), size);
  }

  void compile_normalization(const Node& node) {
    Step step;
    step.from = slots_.at(node.inputs.at(0));
    const Shape& shape = value(node.outputs[0]).shape;
    const std::size_t size = element_count(shape);
    const std::size_t inner = size / (shape[0] * shape[1]);
    const auto at = [&](std::size_t k, std::size_t c) { return constant(node.inputs.at(k)).entries.at(c); };
    for (std::size_t i = 0; i < size; ++i) {
      const std::size_t c = i / inner % shape[1];
      step.factor.push_back(at(1, c) / std::sqrt(at(4, c) + static_cast<double>(node.real_attribute("epsilon"))));
      step.offset.push_back(at(2, c) - at(3, c) * step.factor.back());
    }
    add(std::move(step), size);
  }

  void compile_windows(const Node& node) {
    const bool averages = node.op == Operator::average_pool || node.op == Operator::global_average_pool || node.op == Operator::reduce_mean ||
                          node.op == Operator::reduce_sum;
    Step step;
    step.kind = averages ? Kind::weights : Kind::choose;
    step.from = slots_.at(node.inputs.at(0));
    step.start.push_back(0);
    const auto close = [&](double weight) {
      const std::size_t count = step.term.size() - step.start.back();
      if (averages) step.matrix.insert(step.matrix.end(), count, weight);
      step.set.push_back(static_cast<std::uint32_t>(step.set.size()));
      step.rank.push_back(node.op == Operator::reduce_min ? 0 : static_cast<std::uint32_t>(count - 1));
      step.slot_of.resize(step.term.size(), static_cast<std::uint32_t>(step.from));
      step.start.push_back(step.term.size());
    };
    if (node.op == Operator::reduce_mean || node.op == Operator::reduce_sum || node.op == Operator::reduce_max || node.op == Operator::reduce_min) {
      for (const auto& set : reduced()) {
        step.term.insert(step.term.end(), set.begin(), set.end());
        close(node.op == Operator::reduce_mean ? 1 / static_cast<double>(set.size()) : 1);
      }
    } else {
      const WindowParameters w = window_parameters(network_, node_);
      std::size_t positions = 1;
      std::size_t data = 1;
      std::size_t taps = 1;
      for (const WindowAxis& axis : w.axes) {
        positions *= axis.output;
        data *= axis.input;
        taps *= axis.kernel;
      }
      for (std::size_t c = 0; c < plain_.sizes_[step.from] / data; ++c) {
        for (std::size_t p = 0; p < positions; ++p) {
          double counted = 0;
          for (std::size_t t = 0; t < taps; ++t) {
            std::size_t tap = t;
            std::size_t position = p;
            std::size_t stride = 1;
            std::size_t other = c * data;
            bool inside = true;
            bool padded = true;
            for (std::size_t d = w.axes.size(); d-- > 0;) {
              const WindowAxis& axis = w.axes[d];
              const std::int64_t at =
                  static_cast<std::int64_t>(position % axis.output * axis.stride + tap % axis.kernel * axis.dilation) - axis.begin;
              inside = inside && at >= 0 && at < static_cast<std::int64_t>(axis.input);
              padded = padded && at < static_cast<std::int64_t>(axis.input) + axis.end;
              if (inside) other += static_cast<std::size_t>(at) * stride;
              stride *= axis.input;
              position /= axis.output;
              tap /= axis.kernel;
            }
            if (inside) step.term.push_back(static_cast<std::uint32_t>(other));
            counted += inside || (w.count_include_pad && padded) ? 1 : 0;
          }
          close(1 / counted);
        }
      }
    }
    const std::size_t size = step.set.size();
    add(std::move(step), size);
  }

  /// Max and Min of data tensors and constants: constants come as a slot of their own.
  void compile_extreme(const Node& node) {
    const Shape& shape = value(node.outputs[0]).shape;
    const std::size_t size = element_count(shape);
    Step step;
    step.kind = Kind::choose;
    step.start.push_back(0);
    std::vector<std::vector<std::uint32_t>> maps;
    std::vector<std::size_t> slots;
    for (const ValueId id : node.inputs) {
      maps.push_back(broadcast_map(value(id).shape, shape));
      if (is_data(id)) {
        slots.push_back(slots_[id]);
        continue;
      }
      Step constants;
      constants.kind = Kind::move;
      constants.offset = constant(id).entries;
      constants.slot_of.assign(constants.offset.size(), nothing);
      constants.term.assign(constants.offset.size(), 0);
      const std::size_t count = constants.offset.size();
      add(std::move(constants), count);
      slots.push_back(last_);
    }
    for (std::size_t i = 0; i < size; ++i) {
      for (std::size_t k = 0; k < maps.size(); ++k) {
        step.term.push_back(maps[k][i]);
        step.slot_of.push_back(static_cast<std::uint32_t>(slots[k]));
      }
      step.set.push_back(static_cast<std::uint32_t>(i));
      step.rank.push_back(node.op == Operator::max ? static_cast<std::uint32_t>(maps.size() - 1) : 0);
      step.start.push_back(step.term.size());
    }
    add(std::move(step), size);
  }

  void compile_vectors(const Node& node) {
    const Shape& shape = value(node.inputs.at(0)).shape;
    const auto axes = axes_of(network_, node_);
    const std::size_t axis = axes.at(0);
    std::size_t length = 1;
    for (const std::uint64_t a : axes) length *= shape.at(a);
    std::size_t inner = 1;
    for (std::size_t d = axes.back() + 1; d < shape.size(); ++d) inner *= shape[d];
    static_cast<void>(axis);
    const std::size_t outer = element_count(shape) / length / inner;
    Step step;
    step.kind = node.op == Operator::softmax ? Kind::softmax : Kind::choose;
    step.from = slots_.at(node.inputs[0]);
    step.start.push_back(0);
    for (std::size_t o = 0; o < outer; ++o) {
      for (std::size_t i = 0; i < inner; ++i) {
        for (std::size_t l = 0; l < length; ++l) step.term.push_back(static_cast<std::uint32_t>((o * length + l) * inner + i));
        step.start.push_back(step.term.size());
      }
    }
    step.slot_of.assign(step.term.size(), static_cast<std::uint32_t>(step.from));
    const std::size_t size = element_count(value(node.outputs[0]).shape);
    if (node.op == Operator::top_k) {
      const bool largest = node.attributes.count("largest") == 0 || node.integer_attribute("largest") != 0;
      const std::size_t k = size / outer / inner;
      step.set.resize(size);
      step.rank.resize(size);
      for (std::size_t o = 0; o < outer; ++o)
        for (std::size_t l = 0; l < k; ++l)
          for (std::size_t i = 0; i < inner; ++i) {
            step.set[(o * k + l) * inner + i] = static_cast<std::uint32_t>(o * inner + i);
            step.rank[(o * k + l) * inner + i] = static_cast<std::uint32_t>(largest ? length - 1 - l : l);
          }
    }
    add(std::move(step), size);
  }

  const Network& network_;
  PlainNetwork& plain_;
  std::map<ValueId, std::size_t> slots_;
  std::map<ValueId, Constant> constants_;
  mutable std::vector<std::uint32_t> slopes_;  // of the PRelu that is being read
  std::size_t node_ = 0;
  std::size_t last_ = 0;
};

PlainNetwork::PlainNetwork(const Network& network) {
  Compiler(network, *this).compile();
}

namespace {

template <typename Step>
Curve curve_at(const Step& step, std::size_t i) {
  return {step.op, step.slope, step.slope2, step.tanh_form, step.low[i], step.high[i]};
}

}  // namespace

/// The term that an order statistic of sample b is.
template <typename Real>
std::size_t PlainNetwork::chosen(const Step& step, std::size_t b, std::size_t i, const std::vector<std::vector<Real>>& values) const {
  const std::size_t begin = step.start[step.set[i]];
  const std::size_t end = step.start[step.set[i] + 1];
  const auto less = [&](std::size_t p, std::size_t q) {
    return values[step.slot_of[p]][b * sizes_[step.slot_of[p]] + step.term[p]] < values[step.slot_of[q]][b * sizes_[step.slot_of[q]] + step.term[q]];
  };
  if (step.rank[i] == 0 || step.rank[i] + 1 == end - begin) {
    std::size_t best = begin;
    for (std::size_t k = begin + 1; k < end; ++k) {
      if (step.rank[i] == 0 ? less(k, best) : less(best, k)) best = k;
    }
    return best;
  }
  std::vector<std::size_t> order(end - begin);
  std::iota(order.begin(), order.end(), begin);
  std::stable_sort(order.begin(), order.end(), less);
  return order[step.rank[i]];
}

template <typename Real>
void PlainNetwork::run(const Step& step, std::size_t batch, std::vector<std::vector<Real>>& values) const {
  const std::vector<Real>& x = values[step.from];
  std::vector<Real>& y = values[step.to];
  const std::size_t in = sizes_[step.from];
  const std::size_t out = sizes_[step.to];
  y.resize(batch * out);
  switch (step.kind) {
    case Kind::affine:
      for (std::size_t b = 0; b < batch; ++b) {
        for (std::size_t i = 0; i < out; ++i) {
          Real v = x[b * in + (step.map.empty() ? i : step.map[i])];
          if (!step.factor.empty()) v *= static_cast<Real>(step.factor[i]);
          if (!step.offset.empty()) v += static_cast<Real>(step.offset[i]);
          y[b * out + i] = v;
        }
      }
      break;
    case Kind::multiply_right:
      if constexpr (std::is_same_v<Real, double>) {
        cblas_dgemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, static_cast<int>(batch * step.rows), static_cast<int>(step.n),
                    static_cast<int>(step.k), 1.0, x.data(), static_cast<int>(step.k), step.matrix.data(), static_cast<int>(step.n), 0.0,
                    y.data(), static_cast<int>(step.n));
      } else {
        for (std::size_t r = 0; r < batch * step.rows; ++r) {
          for (std::size_t j = 0; j < step.n; ++j) y[r * step.n + j] = 0;
          for (std::size_t l = 0; l < step.k; ++l) {
            const Real v = x[r * step.k + l];
            if (v == 0) continue;
            for (std::size_t j = 0; j < step.n; ++j) y[r * step.n + j] += v * static_cast<Real>(step.matrix[l * step.n + j]);
          }
        }
      }
      break;
    case Kind::multiply_left:
      for (std::size_t b = 0; b < batch; ++b) {
        for (std::size_t i = 0; i < step.n; ++i) {
          for (std::size_t j = 0; j < step.rows; ++j) {
            Real sum = 0;
            for (std::size_t l = 0; l < step.k; ++l) sum += static_cast<Real>(step.matrix[i * step.k + l]) * x[b * in + l * step.rows + j];
            y[b * out + i * step.rows + j] = sum;
          }
        }
      }
      break;
    case Kind::combine: {
      const std::vector<Real>& z = values[step.from2];
      const std::size_t in2 = sizes_[step.from2];
      for (std::size_t b = 0; b < batch; ++b) {
        for (std::size_t i = 0; i < out; ++i) {
          const Real u = x[b * in + step.map[i]];
          const Real v = z[b * in2 + step.map2[i]];
          y[b * out + i] = step.op == Operator::add ? u + v : step.op == Operator::sub ? u - v : u * v;
        }
      }
      break;
    }
    case Kind::curve:
      for (std::size_t i = 0; i < y.size(); ++i) y[i] = curve(curve_at(step, i % out), x[i]);
      break;
    case Kind::move:
      for (std::size_t b = 0; b < batch; ++b) {
        for (std::size_t i = 0; i < out; ++i) {
          const std::uint32_t slot = step.slot_of[i];
          y[b * out + i] = static_cast<Real>(step.offset[i]) + (slot == nothing ? Real{0} : values[slot][b * sizes_[slot] + step.term[i]]);
        }
      }
      break;
    case Kind::weights:
      for (std::size_t b = 0; b < batch; ++b) {
        for (std::size_t i = 0; i < out; ++i) {
          Real sum = 0;
          for (std::size_t k = step.start[i]; k < step.start[i + 1]; ++k) sum += static_cast<Real>(step.matrix[k]) * x[b * in + step.term[k]];
          y[b * out + i] = sum;
        }
      }
      break;
    case Kind::choose:
      for (std::size_t b = 0; b < batch; ++b) {
        for (std::size_t i = 0; i < out; ++i) {
          const std::size_t k = chosen(step, b, i, values);
          y[b * out + i] = values[step.slot_of[k]][b * sizes_[step.slot_of[k]] + step.term[k]];
        }
      }
      break;
    case Kind::softmax:
      for (std::size_t b = 0; b < batch; ++b) {
        for (std::size_t v = 0; v + 1 < step.start.size(); ++v) {
          Real most = -HUGE_VAL;
          Real sum = 0;
          for (std::size_t k = step.start[v]; k < step.start[v + 1]; ++k) most = std::max(most, x[b * in + step.term[k]]);
          for (std::size_t k = step.start[v]; k < step.start[v + 1]; ++k)
            sum += y[b * out + step.term[k]] = std::exp(x[b * in + step.term[k]] - most);
          for (std::size_t k = step.start[v]; k < step.start[v + 1]; ++k) y[b * out + step.term[k]] /= sum;
        }
      }
      break;
    case Kind::convolution: {
      std::vector<Real> patches(step.k * step.positions_out);
      for (std::size_t b = 0; b < batch; ++b) {
        for (std::size_t g = 0; g < step.groups; ++g) {
          for (std::size_t c = 0; c < step.channels; ++c) {
            const Real* const channel = &x[b * in + (g * step.channels + c) * step.positions_in];
            for (std::size_t k = 0; k < step.taps.size(); ++k) patches[c * step.taps.size() + k] = step.taps[k] < 0 ? Real{0} : channel[step.taps[k]];
          }
          const double* const kernel = &step.matrix[g * step.n * step.k];
          Real* const to = &y[b * out + g * step.n * step.positions_out];
          if constexpr (std::is_same_v<Real, double>) {
            cblas_dgemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, static_cast<int>(step.n), static_cast<int>(step.positions_out),
                        static_cast<int>(step.k), 1.0, kernel, static_cast<int>(step.k), patches.data(), static_cast<int>(step.positions_out), 0.0,
                        to, static_cast<int>(step.positions_out));
          } else {
            for (std::size_t o = 0; o < step.n; ++o) {
              for (std::size_t p = 0; p < step.positions_out; ++p) {
                Real sum = 0;
                for (std::size_t k = 0; k < step.k; ++k) sum += static_cast<Real>(kernel[o * step.k + k]) * patches[k * step.positions_out + p];
                to[o * step.positions_out + p] = sum;
              }
            }
          }
        }
        for (std::size_t i = 0; i < step.offset.size(); ++i) y[b * out + i] += static_cast<Real>(step.offset[i]);
      }
      break;
    }
  }
}

const std::vector<double>& PlainNetwork::evaluate(const std::vector<double>& x, std::size_t batch, Tape& tape) const {
  tape.batch = batch;
  tape.values.resize(sizes_.size());
  tape.values[0] = x;
  for (const Step& step : steps_) run(step, batch, tape.values);
  return tape.values[output_];
}

std::vector<long double> PlainNetwork::evaluate_extended(const std::vector<double>& x) const {
  std::vector<std::vector<long double>> values(sizes_.size());
  values[0].assign(x.begin(), x.end());
  for (const Step& step : steps_) run(step, 1, values);
  return values[output_];
}

const std::vector<double>& PlainNetwork::gradient(const std::vector<double>& seed, Tape& tape) const {
  const std::size_t batch = tape.batch;
  tape.gradients.resize(sizes_.size());
  for (std::size_t s = 0; s < sizes_.size(); ++s) tape.gradients[s].assign(batch * sizes_[s], 0.0);
  tape.gradients[output_] = seed;
  for (std::size_t at = steps_.size(); at-- > 0;) {
    const Step& step = steps_[at];
    const std::vector<double>& g = tape.gradients[step.to];
    const std::vector<double>& x = tape.values[step.from];
    const std::vector<double>& y = tape.values[step.to];
    std::vector<double>& back = tape.gradients[step.from];
    const std::size_t in = sizes_[step.from];
    const std::size_t out = sizes_[step.to];
    switch (step.kind) {
      case Kind::affine:
        for (std::size_t b = 0; b < batch; ++b) {
          for (std::size_t i = 0; i < out; ++i)
            back[b * in + (step.map.empty() ? i : step.map[i])] += g[b * out + i] * (step.factor.empty() ? 1.0 : step.factor[i]);
        }
        break;
      case Kind::multiply_right:
        cblas_dgemm(CblasRowMajor, CblasNoTrans, CblasTrans, static_cast<int>(batch * step.rows), static_cast<int>(step.k),
                    static_cast<int>(step.n), 1.0, g.data(), static_cast<int>(step.n), step.matrix.data(), static_cast<int>(step.n), 1.0,
                    back.data(), static_cast<int>(step.k));
        break;
      case Kind::multiply_left:
        for (std::size_t b = 0; b < batch; ++b) {
          for (std::size_t i = 0; i < step.n; ++i) {
            for (std::size_t l = 0; l < step.k; ++l) {
              for (std::size_t j = 0; j < step.rows; ++j)
                back[b * in + l * step.rows + j] += step.matrix[i * step.k + l] * g[b * out + i * step.rows + j];
            }
          }
        }
        break;
      case Kind::combine: {
        std::vector<double>& back2 = tape.gradients[step.from2];
        const std::vector<double>& z = tape.values[step.from2];
        const std::size_t in2 = sizes_[step.from2];
        for (std::size_t b = 0; b < batch; ++b) {
          for (std::size_t i = 0; i < out; ++i) {
            const std::size_t u = b * in + step.map[i];
            const std::size_t v = b * in2 + step.map2[i];
            const bool product = step.op == Operator::mul;
            back[u] += g[b * out + i] * (product ? z[v] : 1);
            back2[v] += g[b * out + i] * (product ? x[u] : step.op == Operator::sub ? -1 : 1);
          }
        }
        break;
      }
      case Kind::curve:
        for (std::size_t i = 0; i < g.size(); ++i) back[i] += g[i] * slope_of(curve_at(step, i % out), x[i], y[i]);
        break;
      case Kind::move:
        for (std::size_t b = 0; b < batch; ++b) {
          for (std::size_t i = 0; i < out; ++i) {
            const std::uint32_t slot = step.slot_of[i];
            if (slot != nothing) tape.gradients[slot][b * sizes_[slot] + step.term[i]] += g[b * out + i];
          }
        }
        break;
      case Kind::weights:
        for (std::size_t b = 0; b < batch; ++b) {
          for (std::size_t i = 0; i < out; ++i) {
            for (std::size_t k = step.start[i]; k < step.start[i + 1]; ++k) back[b * in + step.term[k]] += step.matrix[k] * g[b * out + i];
          }
        }
        break;
      case Kind::choose:
        for (std::size_t b = 0; b < batch; ++b) {
          for (std::size_t i = 0; i < out; ++i) {
            const std::size_t k = chosen(step, b, i, tape.values);
            tape.gradients[step.slot_of[k]][b * sizes_[step.slot_of[k]] + step.term[k]] += g[b * out + i];
          }
        }
        break;
      case Kind::softmax:
        for (std::size_t b = 0; b < batch; ++b) {
          for (std::size_t v = 0; v + 1 < step.start.size(); ++v) {
            double mean = 0;
            for (std::size_t k = step.start[v]; k < step.start[v + 1]; ++k) mean += y[b * out + step.term[k]] * g[b * out + step.term[k]];
            for (std::size_t k = step.start[v]; k < step.start[v + 1]; ++k)
              back[b * in + step.term[k]] += y[b * out + step.term[k]] * (g[b * out + step.term[k]] - mean);
          }
        }
        break;
      case Kind::convolution: {
        std::vector<double> patches(step.k * step.positions_out);
        for (std::size_t b = 0; b < batch; ++b) {
          for (std::size_t group = 0; group < step.groups; ++group) {
            cblas_dgemm(CblasRowMajor, CblasTrans, CblasNoTrans, static_cast<int>(step.k), static_cast<int>(step.positions_out),
                        static_cast<int>(step.n), 1.0, &step.matrix[group * step.n * step.k], static_cast<int>(step.k),
                        &g[b * out + group * step.n * step.positions_out], static_cast<int>(step.positions_out), 0.0, patches.data(),
                        static_cast<int>(step.positions_out));
            for (std::size_t c = 0; c < step.channels; ++c) {
              double* const channel = &back[b * in + (group * step.channels + c) * step.positions_in];
              for (std::size_t k = 0; k < step.taps.size(); ++k) {
                if (step.taps[k] >= 0) channel[step.taps[k]] += patches[c * step.taps.size() + k];
              }
            }
          }
        }
        break;
      }
    }
  }
  return tape.gradients[0];
}

}  // namespace lipcert::attack
