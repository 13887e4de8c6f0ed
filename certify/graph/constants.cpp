// See constants.hpp. Expressions are evaluated in file order, which is topological, after marking what is needed: no recursion, so that a
// long chain of nodes cannot exhaust the stack.

#include "certify/graph/constants.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <set>
#include <utility>

#include "certify/graph/balls.hpp"
#include "certify/numbers/interval.hpp"
#include "formats/network/operators.hpp"
#include "formats/operators/entry_map.hpp"
#include "formats/operators/parameters.hpp"

namespace lipcert {

Refused refuse(const Network& network, std::size_t node, const std::string& reason) {
  return {{network.label(node), name_of(network.nodes[node].op), reason}};
}

namespace {

constexpr std::uint64_t largest_computed = std::uint64_t{1} << 26;

Ball entry(const EnclosedTensor& t, std::size_t i) {
  return {t.centre[i], t.radius_at(i)};
}

/// The same function of every entry.
template <class Function>
EnclosedTensor each(const EnclosedTensor& a, Function function) {
  EnclosedTensor result;
  result.shape = a.shape;
  result.centre.resize(a.centre.size());
  result.radius.resize(a.centre.size());
  bool exact = true;
  for (std::size_t i = 0; i < a.centre.size(); ++i) {
    const Ball y = function(entry(a, i));
    result.centre[i] = y.centre;
    result.radius[i] = y.radius;
    exact = exact && y.radius == 0;
  }
  if (exact) {
    result.radius.clear();
  }
  return result;
}

// The larger or smaller of two numbers moves no further than the one of them that moves more.
Ball larger(Ball a, Ball b) {
  return {std::max(a.centre, b.centre), std::max(a.radius, b.radius)};
}
Ball smaller(Ball a, Ball b) {
  return {std::min(a.centre, b.centre), std::max(a.radius, b.radius)};
}

/// The square root of a number that is not negative; exact where it is a double.
Ball root(Ball a) {
  if (a.radius == 0) {
    const double y = std::sqrt(a.centre);
    if (std::fma(y, y, -a.centre) == 0 && (a.centre == 0 || a.centre > 0x1p-900)) {
      return {y, 0};
    }
  }
  return ball(sqrt(interval(a)));
}

bool has_input(const Node& node, std::size_t index) {
  return index < node.inputs.size() && node.inputs[index] != no_value;
}

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
    case ElementType::int8:
    case ElementType::uint8:
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
      if (network_.known(network_.nodes[*it].outputs.at(0)) != nullptr) {
        continue;  // what the reader computed needs no operands; that of Shape is data
      }
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

namespace {

Shape common_shape(const Shape& a, const Shape& b) {
  Shape result(std::max(a.size(), b.size()), 1);
  for (std::size_t back = 0; back < result.size(); ++back) {
    const std::uint64_t x = back < a.size() ? a[a.size() - 1 - back] : 1;
    const std::uint64_t y = back < b.size() ? b[b.size() - 1 - back] : 1;
    result[result.size() - 1 - back] = std::max(x, y);
  }
  return result;
}

}  // namespace

Ball Constants::root_of(std::size_t index, Ball a) const {
  if (a.centre < 0 && -a.centre > a.radius) {
    throw refuse(network_, index, "takes the root of a negative constant; repair the weights.");
  }
  if (a.centre < a.radius && a.radius > 0) {
    throw refuse(network_, index, "takes the root of a constant that is too close to zero to tell; store the result as an initialiser.");
  }
  return bounded(a) ? root(a) : a;
}

EnclosedTensor Constants::moved(std::size_t index, std::size_t output) const {
  const Node& node = network_.nodes[index];
  const std::vector<EntrySource> sources = entry_sources(network_, index, output);
  EnclosedTensor result;
  result.shape = network_.values[node.outputs.at(output)].shape;
  std::map<std::uint32_t, EnclosedTensor> inputs;
  bool exact = true;
  for (const EntrySource& from : sources) {
    Ball value{0, 0};
    if (from.input != no_source || has_input(node, 2)) {
      const std::uint32_t input = from.input == no_source ? 2 : from.input;  // Pad's constant
      if (inputs.count(input) == 0) {
        inputs[input] = stored(node.inputs.at(input));
      }
      value = entry(inputs[input], from.input == no_source ? 0 : from.index);
    } else if (node.attributes.count("value") != 0) {
      value = {node.real_attribute("value"), 0};
    }
    result.centre.push_back(value.centre);
    result.radius.push_back(value.radius);
    exact = exact && value.radius == 0;
  }
  if (exact) {
    result.radius.clear();
  }
  return result;
}

EnclosedTensor Constants::reduced(std::size_t index) const {
  const Node& node = network_.nodes[index];
  const EnclosedTensor data = stored(node.inputs.at(0));
  std::vector<bool> along(data.shape.size(), false);
  for (const std::uint64_t a : axes_of(network_, index)) {
    along.at(a) = true;
  }
  const std::uint64_t n = element_count(network_.values[node.outputs[0]].shape);
  std::vector<std::vector<std::size_t>> entries(n);
  for (std::size_t i = 0; i < data.centre.size(); ++i) {
    std::size_t rest = i;
    std::size_t at = 0;
    std::size_t stride = 1;
    for (std::size_t a = data.shape.size(); a-- > 0;) {
      if (!along[a]) {
        at += rest % data.shape[a] * stride;
        stride *= data.shape[a];
      }
      rest /= data.shape[a];
    }
    entries.at(at).push_back(i);
  }
  EnclosedTensor result;
  bool exact = true;
  for (const std::vector<std::size_t>& set : entries) {
    Ball y{0, 0};
    if (node.op == Operator::reduce_max || node.op == Operator::reduce_min) {
      y = entry(data, set.at(0));
      for (const std::size_t i : set) {
        y = node.op == Operator::reduce_max ? larger(y, entry(data, i)) : smaller(y, entry(data, i));
      }
    } else {
      // In intervals of 192 bits: a long sum in doubles would lose digits that the quotient shows.
      Interval sum;
      for (const std::size_t i : set) {
        if (!bounded(entry(data, i))) {
          throw refuse(network_, index, "computes a constant that is not finite in double precision; rescale the weights.");
        }
        const Interval x = interval(entry(data, i));
        sum = sum + (node.op == Operator::reduce_l2 ? x * x : x);
      }
      if (node.op == Operator::reduce_mean) {
        sum = sum / Interval::exact(static_cast<double>(set.size()));
      }
      y = ball(node.op == Operator::reduce_l2 ? sqrt(sum) : sum);
    }
    result.centre.push_back(y.centre);
    result.radius.push_back(y.radius);
    exact = exact && y.radius == 0;
  }
  if (exact) {
    result.radius.clear();
  }
  return result;
}

ChannelFactors normalization(Constants& constants, const Network& network, std::size_t index) {
  const Node& node = network.nodes[index];
  const EnclosedTensor scale = constants.value(node.inputs.at(1));
  const EnclosedTensor offset = constants.value(node.inputs.at(2));
  const EnclosedTensor mean = constants.value(node.inputs.at(3));
  const EnclosedTensor variance = constants.value(node.inputs.at(4));
  const double epsilon = node.real_attribute("epsilon");
  ChannelFactors result;
  for (std::size_t c = 0; c < scale.centre.size(); ++c) {
    // In intervals, so that only the last rounding shows.
    const Interval spread = interval(entry(variance, c)) + Interval::exact(epsilon);
    if (!(spread.lower() > 0)) {
      throw refuse(network, index, "divides by the root of a variance plus epsilon that is not positive; repair the weights.");
    }
    const Interval factor = interval(entry(scale, c)) / sqrt(spread);
    result.factor.push_back(ball(factor));
    result.offset.push_back(ball(interval(entry(offset, c)) - interval(entry(mean, c)) * factor));
  }
  return result;
}

void Constants::compute(std::size_t index) {
  const Node& node = network_.nodes[index];
  const Value& output = network_.values[node.outputs.at(0)];
  if (element_count(output.shape) > largest_computed) {
    throw refuse(network_, index, "computes a constant with more than 2^26 entries; store it as an initialiser.");
  }
  if (const Tensor* const known = network_.known(node.outputs[0])) {
    // Integers that the reader computed exactly, and what passes them on.
    computed_[node.outputs[0]] = enclose(*known);
    if (node.outputs.size() == 1) {
      return;
    }
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
    case Operator::neg:
      result = each(operand(0), [](Ball a) { return Ball{-a.centre, a.radius}; });
      break;
    case Operator::sign:
      result = each(operand(0), [&](Ball a) {
        if (a.radius != 0 && std::fabs(a.centre) <= a.radius) {
          throw refuse(network_, index,
                       "takes the sign of a constant that is too close to zero to tell; store the result as an initialiser.");
        }
        return Ball{a.centre > 0 ? 1.0 : (a.centre < 0 ? -1.0 : 0.0), 0};
      });
      break;
    case Operator::reciprocal:
      result = each(operand(0), [&](Ball a) {
        if (std::fabs(a.centre) <= a.radius) {
          throw refuse(network_, index, "divides by a constant that is zero (or too close to zero to tell); repair the weights.");
        }
        return divide({1, 0}, a);
      });
      break;
    case Operator::sqrt:
      result = each(operand(0), [&](Ball a) { return root_of(index, a); });
      break;
    case Operator::pow: {
      const Ball exponent = entry(operand(1), 0);
      result = each(operand(0), [&](Ball a) { return power_of(index, a, exponent); });
      break;
    }
    case Operator::exp:
    case Operator::log:
      result = each(operand(0), [&](Ball a) { return exp_or_log(index, a); });
      break;
    case Operator::sigmoid:
    case Operator::tanh:
      result = each(operand(0),
                    [&](Ball a) { return bounded(a) ? ball(node.op == Operator::sigmoid ? sigmoid(interval(a)) : tanh(interval(a))) : a; });
      break;
    case Operator::clip: {
      result = operand(0);
      const bool attributes = node.attributes.count("min") != 0;
      if (attributes || has_input(node, 1)) {
        const Ball low = attributes ? Ball{node.real_attribute("min"), 0} : entry(operand(1), 0);
        result = each(result, [&](Ball a) { return larger(a, low); });
      }
      if (attributes || has_input(node, 2)) {
        const Ball high = attributes ? Ball{node.real_attribute("max"), 0} : entry(operand(2), 0);
        result = each(result, [&](Ball a) { return smaller(a, high); });
      }
      break;
    }
    case Operator::max:
    case Operator::min: {
      result = operand(0);
      for (std::size_t i = 1; i < node.inputs.size(); ++i) {
        result = entrywise(node.op == Operator::max ? larger : smaller, result, operand(i),
                           i + 1 == node.inputs.size() ? output.shape : common_shape(result.shape, operand(i).shape));
      }
      break;
    }
    case Operator::reduce_sum:
    case Operator::reduce_mean:
    case Operator::reduce_max:
    case Operator::reduce_min:
    case Operator::reduce_l2:
      result = reduced(index);
      break;
    case Operator::squeeze:
    case Operator::unsqueeze:
      result = operand(0);
      break;
    case Operator::transpose:
    case Operator::concat:
    case Operator::split:
    case Operator::slice:
    case Operator::gather:
    case Operator::pad:
    case Operator::depth_to_space:
    case Operator::space_to_depth:
    case Operator::expand:
      for (std::size_t o = 1; o < node.outputs.size(); ++o) {
        if (node.outputs[o] != no_value) {
          computed_[node.outputs[o]] = moved(index, o);
        }
      }
      result = moved(index, 0);
      break;
    case Operator::shape:
    case Operator::constant_of_shape:
    case Operator::range:
      if (const Tensor* const known = network_.known(node.outputs[0])) {
        result = enclose(*known);
        break;
      }
      throw refuse(network_, index, "computes a shape that is not known; export the network with a fixed shape.");
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
      if (row_of(node.op).family == Family::condition) {
        result = condition(index);
      } else if (is_activation(node.op)) {
        result = activated(index);
      } else {
        throw refuse(network_, index, "is applied to a constant, which this version does not compute; store the result as an initialiser.");
      }
  }
  result.shape = output.shape;
  if (first_unbounded(result.centre, result.radius) != result.centre.size()) {
    throw refuse(network_, index, "computes a constant that is not finite in double precision; rescale the weights.");
  }
  computed_[node.outputs[0]] = std::move(result);
}

}  // namespace lipcert
