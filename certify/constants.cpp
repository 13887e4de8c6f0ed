// See constants.hpp. Expressions are evaluated in file order, which is topological, after marking what is needed: no recursion, so that a long
// chain of nodes cannot exhaust the stack.

#include "certify/constants.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <set>
#include <utility>

namespace lipcert {

Refused refuse(const Network& network, std::size_t node, const std::string& reason) {
  return {{network.label(node), name_of(network.nodes[node].op), reason}};
}

namespace {

constexpr std::uint64_t largest_computed = std::uint64_t{1} << 26;

bool has_input(const Node& node, std::size_t index) { return index < node.inputs.size() && node.inputs[index] != no_value; }

/// Whether the type holds this number without rounding.
bool representable(ElementType type, double x) {
  switch (type) {
    case ElementType::float64:
      return true;
    case ElementType::float32:
      return std::fabs(x) <= std::numeric_limits<float>::max() && static_cast<double>(static_cast<float>(x)) == x;
    case ElementType::float16:
    case ElementType::bfloat16: {
      const int bits = type == ElementType::float16 ? 11 : 8;
      const int lowest = type == ElementType::float16 ? -24 : -133;
      const int highest = type == ElementType::float16 ? 16 : 128;
      if (x == 0) {
        return true;
      }
      int e = 0;
      static_cast<void>(std::frexp(x, &e));
      const double units = std::ldexp(x, -std::max(e - bits, lowest));
      return e <= highest && units == std::nearbyint(units);
    }
    case ElementType::int32:
    case ElementType::int64:
    case ElementType::boolean:
      return false;
  }
  return false;
}

}  // namespace

EnclosedMatrix as_matrix(const Network& network, std::size_t node, EnclosedTensor tensor) {
  for (std::size_t i = 0; i + 2 < tensor.shape.size(); ++i) {
    if (tensor.shape[i] != 1) {
      throw refuse(network, node,
                   "multiplies by a stack of matrices; only one constant matrix can be bounded, so write one node for each matrix.");
    }
  }
  EnclosedMatrix m;
  const std::size_t rank = tensor.shape.size();
  m.rows = rank < 2 ? 1 : tensor.shape[rank - 2];
  m.columns = rank < 1 ? 1 : tensor.shape[rank - 1];
  m.centre = std::move(tensor.centre);
  m.radius = std::move(tensor.radius);
  return m;
}

EnclosedTensor Constants::stored(ValueId id) const {
  const Value& value = network_.values[id];
  if (value.kind == Value::Kind::initialiser) {
    EnclosedTensor tensor = enclose(network_.initialisers[value.initialiser]);
    if (first_unbounded(tensor.centre, tensor.radius) != tensor.centre.size()) {
      throw Refused{{value.name, "", "contains a weight that is NaN or infinite; no bound exists, so repair the weights."}};
    }
    return tensor;
  }
  return computed_.at(id);
}

EnclosedTensor Constants::value(ValueId id) {
  if (network_.values[id].kind == Value::Kind::node_output && computed_.count(id) == 0) {
    // Mark backwards, compute forwards.
    std::set<std::size_t> needed{network_.values[id].producer};
    for (auto it = needed.rbegin(); it != needed.rend(); ++it) {
      for (const ValueId input : network_.nodes[*it].inputs) {
        if (input != no_value && network_.values[input].kind == Value::Kind::node_output && computed_.count(input) == 0) {
          needed.insert(network_.values[input].producer);  // an earlier node: before `it` in the set, still to come
        }
      }
    }
    for (const std::size_t node : needed) {
      compute(node);
    }
  }
  return stored(id);
}

void Constants::compute(std::size_t index) {
  const Node& node = network_.nodes[index];
  const Value& output = network_.values[node.outputs.at(0)];
  if (element_count(output.shape) > largest_computed) {
    throw refuse(network_, index, "computes a constant with more than 2^26 entries; store it as an initialiser.");
  }
  const auto operand = [&](std::size_t i) { return stored(node.inputs.at(i)); };
  EnclosedTensor result;
  switch (node.op) {
    case Operator::add:
      result = entrywise(add, operand(0), operand(1), output.shape);
      break;
    case Operator::sub:
      result = entrywise(subtract, operand(0), operand(1), output.shape);
      break;
    case Operator::mul:
      result = entrywise(multiply, operand(0), operand(1), output.shape);
      break;
    case Operator::div: {
      const EnclosedTensor divisor = operand(1);
      if (!is_floating(output.type)) {
        throw refuse(network_, index, "divides integer constants, which truncates; store the result as an initialiser.");
      }
      for (std::size_t i = 0; i < divisor.centre.size(); ++i) {
        if (std::fabs(divisor.centre[i]) <= divisor.radius_at(i)) {
          throw refuse(network_, index, "divides by a constant that is zero (or too close to zero to tell); repair the weights.");
        }
      }
      result = entrywise(divide, operand(0), divisor, output.shape);
      break;
    }
    case Operator::matmul: {
      EnclosedTensor left = operand(0);
      EnclosedTensor right = operand(1);
      const bool column = right.shape.size() == 1;  // a vector on the right is a column, on the left a row
      EnclosedMatrix b = as_matrix(network_, index, std::move(right));
      if (column) {
        std::swap(b.rows, b.columns);
      }
      EnclosedMatrix c = product(as_matrix(network_, index, std::move(left)), b, pool_);
      result = {output.shape, std::move(c.centre), std::move(c.radius)};
      break;
    }
    case Operator::gemm: {
      EnclosedMatrix a = as_matrix(network_, index, operand(0));
      EnclosedMatrix b = as_matrix(network_, index, operand(1));
      if (node.integer_attribute("transA") != 0) {
        a = transposed(a);
      }
      if (node.integer_attribute("transB") != 0) {
        b = transposed(b);
      }
      EnclosedMatrix c = scaled(product(a, b, pool_), {node.real_attribute("alpha"), 0});
      result = {output.shape, std::move(c.centre), std::move(c.radius)};
      if (has_input(node, 2)) {
        const EnclosedTensor beta{{}, {static_cast<double>(node.real_attribute("beta"))}, {}};
        const EnclosedTensor bias = operand(2);
        result = entrywise(add, result, entrywise(multiply, bias, beta, bias.shape), output.shape);
      }
      break;
    }
    case Operator::relu:
      result = relu(operand(0));
      break;
    case Operator::leaky_relu:
      result = leaky_relu(operand(0), node.real_attribute("alpha"));
      break;
    case Operator::abs:
      result = abs(operand(0));
      break;
    case Operator::flatten:
    case Operator::reshape:
    case Operator::identity:
    case Operator::dropout:
      result = operand(0);
      break;
    case Operator::cast: {
      result = operand(0);
      const bool from_integer = !is_floating(network_.values[node.inputs.at(0)].type);
      for (std::size_t i = 0; i < result.centre.size(); ++i) {
        const bool known = result.radius_at(i) == 0;
        // A conversion that changes no value is the identity; any other rounds, which real arithmetic does not.
        const bool wider = !from_integer && output.type == ElementType::float64;
        if (!wider && output.type != network_.values[node.inputs.at(0)].type && (!known || !representable(output.type, result.centre[i]))) {
          throw refuse(network_, index, "rounds a constant to a narrower type; store the rounded tensor as an initialiser.");
        }
      }
      break;
    }
    case Operator::constant:
      result = enclose(std::get<Tensor>(node.attributes.at("value")));
      break;
    default:
      throw refuse(network_, index, "is applied to a constant, whose result is not a dyadic number; store the result as an initialiser.");
  }
  result.shape = output.shape;
  if (first_unbounded(result.centre, result.radius) != result.centre.size()) {
    throw refuse(network_, index, "computes a constant that is not finite in double precision; rescale the weights.");
  }
  computed_[node.outputs[0]] = std::move(result);
}

}  // namespace lipcert
