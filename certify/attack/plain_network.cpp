#include "certify/attack/plain_network.hpp"

#include <cblas.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <type_traits>

#include "formats/error.hpp"

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

template <typename Real>
Real activation(Operator op, Real x, Real slope) {
  switch (op) {
    case Operator::relu:
      return x > 0 ? x : Real{0};
    case Operator::leaky_relu:
      return x > 0 ? x : slope * x;
    case Operator::abs:
      return std::fabs(x);
    case Operator::sigmoid:
      return 1 / (1 + std::exp(-x));
    case Operator::tanh:
      return std::tanh(x);
    default:
      return x;
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
      const bool data = std::any_of(node.inputs.begin(), node.inputs.end(), [&](ValueId v) { return slots_.count(v) != 0; });
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
      case Operator::relu:
      case Operator::leaky_relu:
      case Operator::abs:
      case Operator::sigmoid:
      case Operator::tanh: {
        const double slope = node.op == Operator::leaky_relu ? static_cast<double>(node.real_attribute("alpha")) : 0;
        for (const double x : input(0).entries) result.entries.push_back(activation(node.op, x, slope));
        break;
      }
      case Operator::flatten:
      case Operator::reshape:
      case Operator::identity:
      case Operator::dropout:
      case Operator::cast:
        result.entries = input(0).entries;
        break;
      default:
        throw not_covered();
    }
    constants_[out] = std::move(result);
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
      if ((node.op != Operator::add && node.op != Operator::sub) || element_count(value(a).shape) != size ||
          element_count(value(b).shape) != size)
        throw not_covered();
      step.kind = node.op == Operator::add ? Kind::add : Kind::subtract;
      step.from = slots_[a];
      step.from2 = slots_[b];
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
      case Operator::relu:
      case Operator::leaky_relu:
      case Operator::abs:
      case Operator::sigmoid:
      case Operator::tanh:
        step.kind = node.op == Operator::relu         ? Kind::relu
                    : node.op == Operator::leaky_relu ? Kind::leaky_relu
                    : node.op == Operator::abs        ? Kind::abs
                    : node.op == Operator::sigmoid    ? Kind::sigmoid
                                                      : Kind::tanh;
        if (node.op == Operator::leaky_relu) step.slope = static_cast<double>(node.real_attribute("alpha"));
        step.from = slots_[node.inputs.at(0)];
        add(std::move(step), plain_.sizes_[step.from]);
        break;
      case Operator::flatten:
      case Operator::reshape:
      case Operator::identity:
      case Operator::dropout:
      case Operator::cast:
        last_ = slots_.at(node.inputs.at(0));
        break;
      case Operator::constant:
      default:
        throw not_covered();
    }
    slots_[node.outputs.at(0)] = last_;
  }

  const Network& network_;
  PlainNetwork& plain_;
  std::map<ValueId, std::size_t> slots_;
  std::map<ValueId, Constant> constants_;
  std::size_t node_ = 0;
  std::size_t last_ = 0;
};

PlainNetwork::PlainNetwork(const Network& network) {
  Compiler(network, *this).compile();
}

template <typename Real>
void PlainNetwork::run(const Step& step, std::size_t batch, std::vector<std::vector<Real>>& values) const {
  const std::vector<Real>& x = values[step.from];
  std::vector<Real>& y = values[step.to];
  const std::size_t in = sizes_[step.from];
  const std::size_t out = sizes_[step.to];
  y.resize(batch * out);
  const auto each = [&](Operator op) {
    for (std::size_t i = 0; i < y.size(); ++i) y[i] = activation<Real>(op, x[i], static_cast<Real>(step.slope));
  };
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
    case Kind::add:
    case Kind::subtract: {
      const std::vector<Real>& z = values[step.from2];
      for (std::size_t i = 0; i < y.size(); ++i) y[i] = step.kind == Kind::add ? x[i] + z[i] : x[i] - z[i];
      break;
    }
    case Kind::relu:
      each(Operator::relu);
      break;
    case Kind::leaky_relu:
      each(Operator::leaky_relu);
      break;
    case Kind::abs:
      each(Operator::abs);
      break;
    case Kind::sigmoid:
      each(Operator::sigmoid);
      break;
    case Kind::tanh:
      each(Operator::tanh);
      break;
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
      case Kind::add:
      case Kind::subtract: {
        std::vector<double>& back2 = tape.gradients[step.from2];
        const double sign = step.kind == Kind::add ? 1 : -1;
        for (std::size_t i = 0; i < g.size(); ++i) {
          back[i] += g[i];
          back2[i] += sign * g[i];
        }
        break;
      }
      case Kind::relu:
      case Kind::leaky_relu:
        for (std::size_t i = 0; i < g.size(); ++i) back[i] += x[i] > 0 ? g[i] : step.slope * g[i];
        break;
      case Kind::abs:
        for (std::size_t i = 0; i < g.size(); ++i) back[i] += x[i] > 0 ? g[i] : x[i] < 0 ? -g[i] : 0.0;
        break;
      case Kind::sigmoid:
        for (std::size_t i = 0; i < g.size(); ++i) back[i] += g[i] * y[i] * (1 - y[i]);
        break;
      case Kind::tanh:
        for (std::size_t i = 0; i < g.size(); ++i) back[i] += g[i] * (1 - y[i] * y[i]);
        break;
    }
  }
  return tape.gradients[0];
}

}  // namespace lipcert::attack
