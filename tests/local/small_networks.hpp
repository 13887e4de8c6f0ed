// Small networks with random weights, one for each kind of node that certify/local/ has a rule for.
#pragma once

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <random>
#include <string>
#include <vector>

#include "certify/bounds/analysis.hpp"
#include "certify/graph/steps.hpp"
#include "tests/certify/network_builder.hpp"

namespace small_networks {

using namespace lipcert;
using network_builder::Builder;

inline std::vector<double> random_entries(std::mt19937& random, std::size_t n, double size = 1) {
  std::normal_distribution<double> normal(0, size);
  std::vector<double> entries(n);
  for (double& x : entries) {
    x = static_cast<double>(static_cast<float>(normal(random)));
  }
  return entries;
}

/// A dense layer with bias.
inline ValueId dense(Builder& b, std::mt19937& random, ValueId x, std::size_t in, std::size_t out) {
  const ValueId w = b.weight({out, in}, random_entries(random, out * in, 1 / std::sqrt(static_cast<double>(in))));
  const ValueId bias = b.weight({out}, random_entries(random, out, 0.3));
  return b.gemm({x, w, bias}, true);
}

inline const std::vector<std::string>& kinds() {
  static const std::vector<std::string> all{"relu",   "leaky_relu", "prelu",          "abs",       "clip",       "max_constant", "sigmoid",
                                            "tanh",   "max_min",    "top_k_pair",     "sort",      "reduce_max", "reduce_min",   "residual",
                                            "concat", "softmax",    "batch_residual", "conv_pool", "one_output"};
  return all;
}

/// dense, the nonlinear part, dense; `inputs` inputs and 3 outputs (one_output: 1).
inline Network network(const std::string& kind, unsigned seed, std::size_t inputs) {
  std::mt19937 random(seed);
  if (kind == "conv_pool") {
    Builder b({1, 1, 2, inputs});
    const Builder::Window same{{3, 3}, {1, 1}, {1, 1, 1, 1}, {1, 1}};
    const Builder::Window half{{2, 1}, {1, 1}, {0, 0, 0, 0}, {1, 1}};
    ValueId x =
        b.window(Operator::conv,
                 {b.input(), b.weight({4, 1, 3, 3}, random_entries(random, 36, 0.4)), b.weight({4}, random_entries(random, 4, 0.2))}, same);
    x = b.node(Operator::relu, {x});
    x = b.window(Operator::conv, {x, b.weight({4, 2, 3, 3}, random_entries(random, 72, 0.3))}, same, 2);
    x = b.window(Operator::max_pool, {x}, half);
    x = b.window(Operator::average_pool, {x}, {{1, 2}, {1, 1}, {0, 0, 0, 0}, {1, 1}});
    x = b.reshape(x, {1, 4 * (inputs - 1)});
    return b.finish(dense(b, random, x, 4 * (inputs - 1), 3));
  }
  Builder b({1, inputs});
  constexpr std::size_t width = 8;
  const ValueId z = dense(b, random, b.input(), inputs, width);
  ValueId y = z;
  std::size_t out = width;
  if (kind == "relu" || kind == "one_output") {
    y = dense(b, random, b.node(Operator::relu, {z}), width, width);
    y = b.node(Operator::relu, {y});
  } else if (kind == "leaky_relu") {
    y = b.node(Operator::leaky_relu, {z}, {{"alpha", 0.25F}});
  } else if (kind == "prelu") {
    y = b.node(Operator::prelu, {z, b.weight({width}, random_entries(random, width, 0.5))});
  } else if (kind == "abs") {
    y = b.node(Operator::abs, {dense(b, random, b.node(Operator::abs, {z}), width, width)});
  } else if (kind == "clip") {
    y = b.node(Operator::clip, {z, b.weight({}, {-0.2}), b.weight({}, {0.3})});
  } else if (kind == "max_constant") {
    y = b.node(Operator::max, {z, b.weight({width}, random_entries(random, width, 0.3))});
  } else if (kind == "sigmoid" || kind == "tanh") {
    y = b.node(kind == "tanh" ? Operator::tanh : Operator::sigmoid, {z});
  } else if (kind == "max_min") {
    for (int layer = 0; layer < 2; ++layer) {
      const std::vector<ValueId> halves = b.split(layer == 0 ? z : dense(b, random, y, width, width), 1, {width / 2, width / 2});
      y = b.concat({b.node(Operator::max, {halves[0], halves[1]}), b.node(Operator::min, {halves[0], halves[1]})}, 1);
    }
  } else if (kind == "top_k_pair") {
    y = b.reshape(b.top_k(b.reshape(z, {1, width / 2, 2}), 2, 2, true), {1, width});
  } else if (kind == "sort") {
    y = b.reshape(b.top_k(b.reshape(z, {1, width / 4, 4}), 2, 4, true), {1, width});
  } else if (kind == "reduce_max" || kind == "reduce_min") {
    y = b.reduce(kind == "reduce_max" ? Operator::reduce_max : Operator::reduce_min, b.reshape(z, {1, width / 4, 4}), {2}, false);
    out = width / 4;
  } else if (kind == "residual") {
    y = b.node(Operator::add, {z, dense(b, random, b.node(Operator::relu, {z}), width, width)});
    y = b.node(Operator::relu, {y});
  } else if (kind == "concat") {
    y = b.concat({b.node(Operator::relu, {z}), b.node(Operator::abs, {z})}, 1);
    out = 2 * width;
  } else if (kind == "softmax") {
    y = dense(b, random, b.node(Operator::softmax, {b.node(Operator::relu, {z})}, {{"axis", std::int64_t{1}}}), width, width);
  } else if (kind == "batch_residual") {
    const ValueId scaled = b.node(Operator::mul, {z, b.weight({width}, random_entries(random, width))});
    y = b.node(Operator::sub, {b.node(Operator::relu, {scaled}), b.node(Operator::div, {z, b.weight({1}, {4})})});
  }
  return b.finish(dense(b, random, y, out, kind == "one_output" ? 1 : 3));
}

}  // namespace small_networks
