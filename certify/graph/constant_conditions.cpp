// Constants of constants.hpp that are decided or picked, and functions of one number. A comparison is decided where the two enclosures
// leave no doubt, and refused otherwise: a wrong choice would be another network.

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <optional>
#include <utility>
#include <vector>

#include "certify/graph/activations.hpp"
#include "certify/graph/balls.hpp"
#include "certify/graph/constants.hpp"
#include "formats/network/operators.hpp"

namespace lipcert {
namespace {

Ball entry(const EnclosedTensor& t, std::size_t i) {
  return {t.centre[i], t.radius_at(i)};
}

/// 1 or 0; nothing where the enclosures leave it open.
std::optional<bool> holds(Operator op, Ball a, Ball b) {
  switch (op) {
    case Operator::greater:
      return holds(Operator::less, b, a);
    case Operator::greater_or_equal:
      return holds(Operator::less_or_equal, b, a);
    case Operator::less:
      if (high_end(a) < low_end(b)) {
        return true;
      }
      return low_end(a) >= high_end(b) ? std::optional<bool>(false) : std::nullopt;
    case Operator::less_or_equal:
      if (high_end(a) <= low_end(b)) {
        return true;
      }
      return low_end(a) > high_end(b) ? std::optional<bool>(false) : std::nullopt;
    case Operator::equal:
      if (a.radius == 0 && b.radius == 0) {
        return a.centre == b.centre;
      }
      return high_end(a) < low_end(b) || high_end(b) < low_end(a) ? std::optional<bool>(false) : std::nullopt;
    case Operator::logical_and:
      return a.centre != 0 && b.centre != 0;
    case Operator::logical_or:
      return a.centre != 0 || b.centre != 0;
    default:  // Not
      return a.centre == 0;
  }
}

/// An exact tensor has no radii.
EnclosedTensor tidy(EnclosedTensor tensor) {
  if (std::all_of(tensor.radius.begin(), tensor.radius.end(), [](double r) { return r == 0; })) {
    tensor.radius.clear();
  }
  return tensor;
}

Interval whole_power(const Interval& x, int n) {  // n >= 0
  if (n == 0) {
    return Interval::exact(1);
  }
  const Interval rest = whole_power(square(x), n / 2);
  return n % 2 == 0 ? rest : x * rest;
}

}  // namespace

EnclosedTensor Constants::condition(std::size_t index) const {
  const Node& node = network_.nodes[index];
  const Shape& shape = network_.values[node.outputs.at(0)].shape;
  EnclosedTensor result{shape, {}, {}};
  std::vector<EnclosedTensor> operands;
  std::vector<std::vector<std::size_t>> places;
  for (const ValueId id : node.inputs) {
    operands.push_back(id == no_value ? EnclosedTensor{{}, {0}, {}} : stored(id));
    if (node.op != Operator::dequantize_linear) {
      places.push_back(broadcast_index(operands.back().shape, shape));
    }
  }
  const std::size_t count = element_count(shape);
  const auto put = [&](Ball b) {
    result.centre.push_back(b.centre);
    result.radius.push_back(b.radius);
  };
  if (node.op == Operator::dequantize_linear) {
    const EnclosedTensor& scale = operands[1];
    std::size_t inner = count;  // entries with one scale in a row
    if (scale.centre.size() != 1) {
      const std::int64_t named = node.integer_attribute("axis");
      const std::uint64_t axis = static_cast<std::uint64_t>(named < 0 ? named + static_cast<std::int64_t>(shape.size()) : named);
      inner = 1;
      for (std::size_t k = axis + 1; k < shape.size(); ++k) {
        inner *= shape[k];
      }
    }
    for (std::size_t i = 0; i < count; ++i) {
      const std::size_t k = i / inner % scale.centre.size();
      const Ball zero = operands.size() > 2 ? entry(operands[2], operands[2].centre.size() == 1 ? 0 : k) : Ball{0, 0};
      put(multiply(subtract(entry(operands[0], i), zero), entry(scale, k)));
    }
  } else {
    for (std::size_t i = 0; i < count; ++i) {
      const Ball first = entry(operands[0], places[0][i]);
      if (node.op == Operator::where) {
        const std::size_t k = first.centre != 0 ? 1 : 2;
        put(entry(operands[k], places[k][i]));
        continue;
      }
      const std::optional<bool> holding = holds(node.op, first, operands.size() > 1 ? entry(operands[1], places[1][i]) : Ball{0, 0});
      if (!holding) {
        throw refuse(network_, index,
                     "compares two constants that are too close to each other to tell; store the result as an initialiser.");
      }
      put({*holding ? 1.0 : 0.0, 0});
    }
  }
  return tidy(std::move(result));
}

Ball Constants::exp_or_log(std::size_t index, Ball a) const {
  if (!bounded(a)) {
    return a;
  }
  if (network_.nodes[index].op == Operator::exp) {
    return ball(exp(interval(a)));
  }
  if (!(low_end(a) > 0)) {
    throw refuse(network_, index,
                 "takes the logarithm of a constant that is not positive (or too close to zero to tell); repair the weights.");
  }
  return ball(log(interval(a)));
}

Ball Constants::power_of(std::size_t index, Ball a, Ball exponent) const {
  const double twice = 2 * exponent.centre;
  if (exponent.radius != 0 || twice != std::nearbyint(twice) || std::fabs(twice) > 64) {
    throw refuse(network_, index,
                 "raises a constant to a power other than whole numbers and halves up to 32; store the result as an initialiser.");
  }
  if (twice == 4) {
    return multiply(a, a);
  }
  if (twice == 1) {
    return root_of(index, a);
  }
  const int n = std::abs(static_cast<int>(twice));
  const Ball base = n % 2 == 0 ? a : root_of(index, a);
  if (!bounded(base)) {
    return base;
  }
  const Interval power = whole_power(interval(base), n % 2 == 0 ? n / 2 : n);
  if (twice < 0 && power.contains_zero()) {
    throw refuse(network_, index, "divides by a constant that is zero (or too close to zero to tell); repair the weights.");
  }
  return ball(twice < 0 ? Interval::exact(1) / power : power);
}

EnclosedTensor Constants::activated(std::size_t index) const {
  const Node& node = network_.nodes[index];
  const Activation& row = activation_of(node.op);
  EnclosedTensor result = stored(node.inputs.at(0));
  Step step;
  step.op = node.op;
  row.read(
      node,
      [&](std::size_t input) {
        const EnclosedTensor tensor = stored(node.inputs.at(input));
        std::vector<Ball> values;
        if (tensor.centre.size() == 1) {
          return std::vector<Ball>{entry(tensor, 0)};
        }
        for (const std::size_t i : broadcast_index(tensor.shape, result.shape)) {
          values.push_back(entry(tensor, i));
        }
        return values;
      },
      step);
  std::vector<double> radius;
  for (std::size_t i = 0; i < result.centre.size(); ++i) {
    const Ball y = row.value(step, i, entry(result, i));
    radius.push_back(y.radius);
    result.centre[i] = y.centre;
  }
  result.radius = std::move(radius);
  return tidy(std::move(result));
}

}  // namespace lipcert
