// What the attacker's network computes once: nodes that read only constants, in double precision.

#include <algorithm>
#include <cmath>
#include <utility>
#include <variant>

#include "certify/attack/plain_compiler.hpp"
#include "formats/operators/entry_map.hpp"

namespace lipcert::attack {
namespace {

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

double condition(Operator op, double a, double b) {
  switch (op) {
    case Operator::equal:
      return a == b;
    case Operator::less:
      return a < b;
    case Operator::greater:
      return a > b;
    case Operator::less_or_equal:
      return a <= b;
    case Operator::greater_or_equal:
      return a >= b;
    case Operator::logical_not:
      return a == 0;
    case Operator::logical_and:
      return a != 0 && b != 0;
    default:
      return a != 0 || b != 0;
  }
}

std::vector<double> product(const std::vector<double>& a, const std::vector<double>& b, std::size_t rows, std::size_t inner,
                            std::size_t columns) {
  std::vector<double> c(rows * columns, 0.0);
  for (std::size_t i = 0; i < rows; ++i)
    for (std::size_t l = 0; l < inner; ++l)
      for (std::size_t j = 0; j < columns; ++j) c[i * columns + j] += a[i * inner + l] * b[l * columns + j];
  return c;
}

}  // namespace

void PlainCompiler::compile_constant(const Node& node) {
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
      for (std::size_t i = 0; i < a.size(); ++i) result.entries.push_back(combine(node.op, input(0).entries[a[i]], input(1).entries[b[i]]));
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
          y = node.op == Operator::reduce_max   ? std::max(y, x)
              : node.op == Operator::reduce_min ? std::min(y, x)
              : node.op == Operator::reduce_l2  ? y + x * x
                                                : y + x;
        }
        if (node.op == Operator::reduce_l2) y = std::sqrt(y);
        result.entries.push_back(node.op == Operator::reduce_mean ? y / static_cast<double>(set.size()) : y);
      }
      break;
    case Operator::equal:
    case Operator::less:
    case Operator::greater:
    case Operator::less_or_equal:
    case Operator::greater_or_equal:
    case Operator::logical_not:
    case Operator::logical_and:
    case Operator::logical_or:
    case Operator::where: {
      std::vector<std::vector<std::uint32_t>> at;
      for (std::size_t k = 0; k < node.inputs.size(); ++k) at.push_back(broadcast_map(input(k).shape, result.shape));
      for (std::size_t i = 0; i < at[0].size(); ++i) {
        const auto entry = [&](std::size_t k) { return input(k).entries[at[k][i]]; };
        result.entries.push_back(node.op == Operator::where ? entry(entry(0) != 0 ? 1 : 2)
                                                            : condition(node.op, entry(0), at.size() > 1 ? entry(1) : 0));
      }
      break;
    }
    case Operator::dequantize_linear: {
      const std::vector<double>& scale = input(1).entries;
      std::size_t inner = input(0).entries.size();
      if (scale.size() != 1) {
        const std::int64_t named = node.integer_attribute("axis");
        const auto axis = static_cast<std::size_t>(named < 0 ? named + static_cast<std::int64_t>(result.shape.size()) : named);
        inner = 1;
        for (std::size_t k = axis + 1; k < result.shape.size(); ++k) inner *= result.shape[k];
      }
      for (std::size_t i = 0; i < input(0).entries.size(); ++i) {
        const std::size_t k = i / inner % scale.size();
        const double zero = node.inputs.size() > 2 && node.inputs[2] != no_value ? input(2).entries.at(k) : 0;
        result.entries.push_back((input(0).entries[i] - zero) * scale[k]);
      }
      break;
    }
    case Operator::shape:
    case Operator::range:
    case Operator::constant_of_shape:
      throw not_covered();  // known to the reader, or no constant
    default: {
      if (moves_entries(node.op)) {
        for (std::size_t o = 0; o < node.outputs.size(); ++o) {
          if (node.outputs[o] == no_value) continue;
          Constant moved{value(node.outputs[o]).shape, {}};
          for (const EntrySource& from : entry_sources(network_, node_, o)) moved.entries.push_back(moved_constant(node, from));
          constants_[node.outputs[o]] = std::move(moved);
        }
        return;
      }
      const PlainFunction function = function_of(node, input(0).shape);
      for (std::size_t i = 0; i < input(0).entries.size(); ++i) result.entries.push_back(function.value(i, input(0).entries[i]));
    }
  }
  constants_[out] = std::move(result);
}

double PlainCompiler::moved_constant(const Node& node, const EntrySource& from) const {
  if (from.input != no_source) return constant(node.inputs.at(from.input)).entries.at(from.index);
  if (node.inputs.size() > 2 && node.inputs[2] != no_value) return constant(node.inputs[2]).entries.at(0);
  return node.attributes.count("value") != 0 ? static_cast<double>(node.real_attribute("value")) : 0;
}

}  // namespace lipcert::attack
