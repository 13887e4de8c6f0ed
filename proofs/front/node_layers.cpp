// See node_layers.hpp.
#include "proofs/front/node_layers.hpp"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <optional>
#include <string>
#include <utility>

#include "proofs/front/bounds.hpp"
#include "proofs/front/members.hpp"
#include "proofs/front/problem_text.hpp"

namespace lipcert::proofs {

void NodeLayers::append(const Node& n, std::vector<Layer>& layers) {
  switch (n.op) {
    case Operator::identity:
    case Operator::dropout:
    case Operator::cast:
    case Operator::flatten:
    case Operator::reshape:
    case Operator::squeeze:
    case Operator::unsqueeze:
      return;
    case Operator::add:
    case Operator::sub:
      add(n, layers);
      return;
    case Operator::mul:
    case Operator::div:
      scale(n, layers);
      return;
    case Operator::gemm:
      gemm(n, layers);
      return;
    case Operator::matmul:
      matmul(n, layers);
      return;
    case Operator::relu:
      layers.push_back(plain("relu", {1, 1}));
      return;
    case Operator::abs:
      layers.push_back(plain("abs", {1, 1}));
      return;
    case Operator::leaky_relu: {
      const float alpha = n.real_attribute("alpha");
      std::uint32_t word = 0;
      std::memcpy(&word, &alpha, sizeof word);
      Fraction constant = exact(std::max(1.0, std::fabs(static_cast<double>(alpha))));
      layers.push_back(plain("leaky-relu f32 " + std::to_string(word), std::move(constant)));
      return;
    }
    case Operator::prelu: {
      const std::vector<Number>& slopes = entries_.numbers(n.inputs.at(1));
      if (std::any_of(slopes.begin(), slopes.end(), [&](const Number& a) { return a != slopes.front(); })) {
        throw NotCovered("a PRelu with several slopes");
      }
      const Fraction slope{numerator(slopes.front()), denominator(slopes.front())};
      const Fraction size{abs(slope.num), slope.den};
      if ((slope.den >> lsb(slope.den)) != 1) {
        throw NotCovered("a PRelu whose slope is no binary fraction");
      }
      layers.push_back(plain("leaky-relu dyadic " + dyadic(slope.num, slope.den), at_most(size, {1, 1}) ? Fraction{1, 1} : size));
      return;
    }
    case Operator::sigmoid:
      layers.push_back(plain("sigmoid", {1, 4}));
      rational_values_ = false;
      return;
    case Operator::tanh:
      layers.push_back(plain("tanh", {1, 1}));
      rational_values_ = false;
      return;
    case Operator::neg: {
      const std::size_t size = element_count(value(n.outputs.at(0)).shape);
      layers.push_back(diagonal(ones(size, true), std::nullopt, Fraction{1, 1}));
      return;
    }
    default:
      break;
  }
  throw NotCovered(std::string("the layer ") + name_of(n.op) + ", for which there is no proof yet");
}

void NodeLayers::add(const Node& n, std::vector<Layer>& layers) const {
  const std::size_t at = data_position(n);
  auto [words, shape] = constant_of(network_, n.inputs.at(1 - at));
  const Shape& to = value(n.outputs.at(0)).shape;
  if (element_count(to) != element_count(value(n.inputs.at(at)).shape)) {
    throw NotCovered("a constant that enlarges the tensor");
  }
  Bits shift = broadcast(words, shape, to);
  const bool subtract = n.op == Operator::sub;
  if (subtract && at == 0) {
    shift.negate();
  }
  const bool negative = subtract && at == 1;
  // A shift right after a dense layer is its bias.
  if (!negative && !layers.empty() && layers.back().kind == Layer::Kind::dense && !layers.back().bias) {
    layers.back().bias = std::move(shift);
    return;
  }
  const std::size_t size = shift.words.size();
  layers.push_back(diagonal(ones(size, negative), std::move(shift), Fraction{1, 1}));
}

void NodeLayers::scale(const Node& n, std::vector<Layer>& layers) const {
  const std::size_t at = data_position(n);
  if (n.op == Operator::div && at == 1) {
    throw rejected("the model divides by its data, which is no factor.");
  }
  auto [words, shape] = constant_of(network_, n.inputs.at(1 - at));
  const Shape& to = value(n.outputs.at(0)).shape;
  if (element_count(to) != element_count(value(n.inputs.at(at)).shape)) {
    throw NotCovered("a constant that enlarges the tensor");
  }
  Bits factors = broadcast(words, shape, to);
  const bool uniform = std::all_of(factors.words.begin(), factors.words.end(), [&](std::uint64_t w) { return w == factors.words.front(); });
  std::optional<Fraction> known;
  if (uniform && factors.real(0) != 0) {
    known = exact(std::fabs(factors.real(0)));
  }
  Integer divisor = 1;
  if (n.op == Operator::div) {
    if (known) {
      known = Fraction{1, 1} / *known;
    }
    divisor = invert(factors);
  }
  layers.push_back(diagonal(std::move(factors), std::nullopt, known));
  layers.back().divisor = std::move(divisor);
}

void NodeLayers::gemm(const Node& n, std::vector<Layer>& layers) const {
  if (!data(n.inputs.at(0)) || n.integer_attribute("transA") != 0) {
    throw NotCovered("a Gemm whose data is transposed or not the first operand");
  }
  if (n.real_attribute("alpha") != 1.0F || n.real_attribute("beta") != 1.0F) {
    throw NotCovered("a Gemm with alpha or beta other than 1");
  }
  const std::uint64_t copies = value(n.inputs[0]).shape.at(0);
  auto [words, shape] = constant_of(network_, n.inputs.at(1));
  const bool by_rows = n.integer_attribute("transB") != 0;
  const std::size_t rows = by_rows ? shape.at(0) : shape.at(1);
  const std::size_t columns = by_rows ? shape.at(1) : shape.at(0);
  layers.push_back(dense(by_rows ? std::move(words) : transposed(words, shape[0], shape[1]), rows, columns));
  repeat(layers.back(), copies, 1);
  if (n.inputs.size() > 2 && n.inputs[2] != no_value) {
    auto [bias, bias_shape] = constant_of(network_, n.inputs[2]);
    layers.back().bias = broadcast(bias, bias_shape, value(n.outputs.at(0)).shape);
  }
}

void NodeLayers::matmul(const Node& n, std::vector<Layer>& layers) const {
  const std::size_t at = data_position(n);
  auto [words, shape] = constant_of(network_, n.inputs.at(1 - at));
  const Shape& from = value(n.inputs.at(at)).shape;
  if (shape.size() != 2 || from.size() < (at == 0 ? 1 : 2)) {
    throw NotCovered("a MatMul whose constant is not a matrix, or whose data is a vector on the right");
  }
  const std::uint64_t inputs = element_count(from);
  if (at == 0) {
    // The last axis is multiplied: I (x) A.
    layers.push_back(dense(transposed(words, shape[0], shape[1]), shape[1], shape[0]));
    repeat(layers.back(), inputs / shape[0], 1);
  } else {
    // The last axis but one is multiplied: I (x) A (x) I.
    const std::uint64_t inner = from.back();
    layers.push_back(dense(std::move(words), shape[0], shape[1]));
    repeat(layers.back(), inputs / (shape[1] * inner), inner);
  }
}

}  // namespace lipcert::proofs
