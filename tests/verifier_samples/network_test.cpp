// The fast evaluation of the checker against its wide one on every kind of block, random networks, and numbers of extreme size: the two
// must meet at every output, and the fast one must be narrow. (samples_test.cpp holds both against exact rationals of its own.)
#include <doctest/doctest.h>

#include <cmath>
#include <ctime>
#include <random>

#include "tests/support/onnx_builder.hpp"
#include "verifier/base/failure.hpp"
#include "verifier/samples/network_at_samples.hpp"
#include "verifier/graph/onnx.hpp"

using namespace lipverify;
namespace ob = onnx_builder;

namespace {

std::mt19937 generator(20240607);

std::vector<double> numbers(std::size_t count, double size) {
  std::normal_distribution<double> normal(0, size);
  std::vector<double> out;
  for (std::size_t i = 0; i < count; ++i) out.push_back(normal(generator));
  return out;
}

struct Case {
  std::string name;
  ob::Model model;
  std::vector<VerifiedBlock> blocks;
  SampleShape shape;
  double width = 0x1p-30;    // at most, of an output relative to the largest one
  std::size_t enclosed = 0;  // nodes that are not evaluated on integers
};

/// ||A|| <= ||A||_F, rounded up generously.
Rational norm_of(const std::vector<double>& weights) {
  double squares = 0;
  for (const double w : weights) squares += w * w;
  return Rational(std::sqrt(squares) * (1 + 1e-12));
}

VerifiedBlock affine(std::vector<std::size_t> nodes, const Rational& upper) {
  return {std::move(nodes), false, upper};
}
VerifiedBlock activation(std::size_t node, const Rational& upper) {
  return {{node}, false, upper};
}

/// Gemm layers with an activation between them.
Case chain(const std::string& name, const std::string& op, const std::vector<ob::Attribute>& attributes, const Rational& slope,
           double weight_size, double bias_size, std::size_t layers = 3) {
  Case c{name, {}, {}, {false, 6, 1, 1}};
  const std::int64_t width[] = {6, 9, 7, 8, 4};
  c.model.input("x0", {1, 6}, ob::DOUBLE).output("x" + std::to_string(2 * layers - 1), {1, width[layers]}, ob::DOUBLE);
  for (std::size_t k = 0; k < layers; ++k) {
    const std::string n = std::to_string(k);
    const std::vector<double> w = numbers(static_cast<std::size_t>(width[k] * width[k + 1]), weight_size);
    c.model.initialiser(ob::doubles("w" + n, {width[k + 1], width[k]}, w));
    c.model.initialiser(ob::doubles("b" + n, {width[k + 1]}, numbers(static_cast<std::size_t>(width[k + 1]), bias_size)));
    const std::string in = "x" + std::to_string(2 * k), mid = "x" + std::to_string(2 * k + 1), out = "x" + std::to_string(2 * k + 2);
    c.blocks.push_back(affine({2 * k}, norm_of(w)));
    c.model.node("Gemm", {in, "w" + n, "b" + n}, {mid}, {ob::attribute("transB", 1)});
    if (k + 1 == layers) break;
    c.model.node(op, {mid}, {out}, attributes);
    c.blocks.push_back(activation(2 * k + 1, slope));
  }
  return c;
}

std::vector<Case> cases() {
  std::vector<Case> list;
  list.push_back(chain("relu", "Relu", {}, 1, 0.5, 0.3));
  list.push_back(chain("leaky relu", "LeakyRelu", {ob::attribute("alpha", 0.01F)}, 1, 0.5, 0.3));
  list.push_back(chain("leaky relu, slope above 1", "LeakyRelu", {ob::attribute("alpha", -3.5F)}, Rational(7, 2), 0.5, 0.3));
  list.push_back(chain("leaky relu, slope 2^20", "LeakyRelu", {ob::attribute("alpha", 1048576.0F)}, 1048576, 0.5, 0.3));
  list.push_back(chain("abs", "Abs", {}, 1, 0.5, 0.3));
  list.push_back(chain("sigmoid", "Sigmoid", {}, Rational(1, 4), 1, 0.5));
  list.push_back(chain("tanh", "Tanh", {}, 1, 0.5, 0.3));
  for (Case& c : list)
    if (c.name == "sigmoid" || c.name == "tanh") c.enclosed = 2;
  list.push_back(chain("large weights", "Relu", {}, 1, 1e30, 1e30));
  list.push_back(chain("small weights", "Relu", {}, 1, 1e-30, 1e-90));
  list.push_back(chain("offsets far above the products", "Relu", {}, 1, 1e-40, 1));
  list.push_back(chain("offsets far below the products", "Relu", {}, 1, 1, 1e-40));
  list.push_back(chain("subnormal weights", "Relu", {}, 1, 1e-312, 1e-310));
  {
    // (3 rows) (x) W on the right, then W on the left, with scales, quotients and a reversed difference.
    Case c{"products on both sides, scales, differences", {}, {}, {true, 1, 3, 4}};
    const std::vector<double> right = numbers(4 * 5, 0.5), left = numbers(2 * 3, 0.5), d = numbers(10, 1);
    std::vector<double> e = numbers(5, 1);
    for (double& value : e) value += value < 0 ? -1 : 1;
    c.model.input("x", {1, 1, 3, 4}, ob::DOUBLE).output("y", {2, 5}, ob::DOUBLE);
    c.model.initialiser(ob::int64s("s34", {2}, {3, 4}))
        .initialiser(ob::doubles("r", {4, 5}, right))
        .initialiser(ob::doubles("l", {2, 3}, left));
    c.model.initialiser(ob::doubles("d", {2, 5}, d))
        .initialiser(ob::doubles("e", {5}, e))
        .initialiser(ob::doubles("f", {2, 5}, numbers(10, 1)));
    c.model.node("Reshape", {"x", "s34"}, {"a"})
        .node("MatMul", {"a", "r"}, {"b"})
        .node("Sub", {"e", "b"}, {"c"})
        .node("Relu", {"c"}, {"g"});
    c.model.node("MatMul", {"l", "g"}, {"h"})
        .node("Abs", {"h"}, {"i"})
        .node("Mul", {"d", "i"}, {"j"})
        .node("Div", {"j", "e"}, {"k"})
        .node("Sub", {"f", "k"}, {"y"});
    c.blocks = {affine({0, 1, 2}, norm_of(right)), activation(3, 1), affine({4}, norm_of(left)), activation(5, 1),
                affine({6, 7, 8}, Rational(10))};
    list.push_back(std::move(c));
  }
  {
    Case c{"an isometry alone, negated", {}, {}, {false, 6, 1, 1}};
    c.model.input("x", {1, 6}, ob::DOUBLE).output("y", {6}, ob::DOUBLE);
    c.model.initialiser(ob::doubles("b", {6}, numbers(6, 1))).initialiser(ob::int64s("s", {1}, {6}));
    c.model.node("Reshape", {"x", "s"}, {"a"}).node("Sub", {"b", "a"}, {"c"}).node("Identity", {"c"}, {"y"});
    c.blocks = {affine({0, 1, 2}, 1)};
    list.push_back(std::move(c));
  }
  {
    Case c{"two folded products", {}, {}, {false, 6, 1, 1}};
    const std::vector<double> v = numbers(6 * 5, 0.4), w = numbers(5 * 4, 0.4);
    c.model.input("x", {1, 6}, ob::DOUBLE).output("y", {1, 4}, ob::DOUBLE);
    c.model.initialiser(ob::doubles("v", {6, 5}, v))
        .initialiser(ob::doubles("w", {5, 4}, w))
        .initialiser(ob::doubles("b", {5}, numbers(5, 1)));
    c.model.node("MatMul", {"x", "v"}, {"a"}).node("Add", {"a", "b"}, {"c"}).node("MatMul", {"c", "w"}, {"y"});
    c.blocks = {affine({0, 1, 2}, norm_of(v) * norm_of(w))};
    list.push_back(std::move(c));
  }
  return list;
}

ob::Attribute axis(int k) {
  return ob::attribute("axis", k);
}
ob::Attribute whole_numbers(const std::string& name, const std::vector<std::int64_t>& values) {
  return ob::ints_attribute(name, values);
}

/// Graphs of every kind of block on a 2 x 4 x 5 image; the bounds of the blocks are generous.
std::vector<Case> kinds() {
  std::vector<Case> list;
  const auto add = [&](const std::string& name, const std::vector<ob::Dim>& output, const std::vector<VerifiedBlock>& blocks,
                       const auto& fill) {
    Case c{name, {}, blocks, {true, 2, 4, 5}};
    c.model.input("x", {1, 2, 4, 5}, ob::DOUBLE).output("y", output, ob::DOUBLE);
    fill(c.model);
    list.push_back(std::move(c));
  };
  const auto one = [&](const std::string& name, const std::vector<ob::Dim>& output, const auto& fill) {
    add(name, output, {{{0}, false, 64}}, fill);
  };
  const auto weights = [](ob::Model& m, const std::vector<std::int64_t>& dims, double size) {
    std::size_t count = 1;
    for (const std::int64_t d : dims) count *= static_cast<std::size_t>(d);
    m.initialiser(ob::doubles("w", dims, numbers(count, size)));
  };

  one("convolution, padded, with strides and dilation", {1, 3, 2, 3}, [&](ob::Model& m) {
    weights(m, {3, 2, 3, 2}, 0.3);
    m.initialiser(ob::doubles("b", {3}, numbers(3, 1)));
    m.node("Conv", {"x", "w", "b"}, {"y"},
           {whole_numbers("pads", {1, 0, 1, 2}), whole_numbers("strides", {2, 2}), whole_numbers("dilations", {1, 2})});
  });
  one("convolution in groups", {1, 4, 3, 4}, [&](ob::Model& m) {
    weights(m, {4, 1, 2, 2}, 0.3);
    m.node("Conv", {"x", "w"}, {"y"}, {ob::attribute("group", 2)});
  });
  one("convolution with weights of computed sizes", {1, 3, 4, 5}, [&](ob::Model& m) {
    weights(m, {3, 2, 1, 1}, 0.3);
    m.initialiser(ob::doubles("third", {1}, {3}));
    m.node("Div", {"w", "third"}, {"v"}).node("Conv", {"x", "v"}, {"y"});
  });
  list.back().blocks = {{{1}, false, 64}};
  one("convolution with weights far apart", {1, 3, 4, 5}, [&](ob::Model& m) {
    std::vector<double> w = numbers(6, 0.3);
    for (std::size_t k = 0; k < w.size(); ++k) w[k] = std::ldexp(w[k], -12 * static_cast<int>(k));
    m.initialiser(ob::doubles("w", {3, 2, 1, 1}, w)).node("Conv", {"x", "w"}, {"y"});
  });
  one("transposed convolution", {1, 3, 8, 7}, [&](ob::Model& m) {
    weights(m, {2, 3, 2, 3}, 0.3);
    m.initialiser(ob::doubles("b", {3}, numbers(3, 1)));
    m.node("ConvTranspose", {"x", "w", "b"}, {"y"}, {whole_numbers("strides", {2, 1})});
  });
  one("transposed convolution in groups", {1, 4, 4, 5}, [&](ob::Model& m) {
    weights(m, {2, 2, 3, 3}, 0.3);
    m.node("ConvTranspose", {"x", "w"}, {"y"}, {whole_numbers("pads", {1, 1, 1, 1}), ob::attribute("group", 2)});
  });
  add("padding, convolution, normalisation in one block", {1, 3, 4, 5}, {{{0, 1, 2}, false, 64}}, [&](ob::Model& m) {
    weights(m, {3, 2, 3, 3}, 0.3);
    m.initialiser(ob::int64s("p", {8}, {0, 0, 1, 1, 0, 0, 1, 1}));
    m.initialiser(ob::doubles("s", {3}, numbers(3, 1))).initialiser(ob::doubles("o", {3}, numbers(3, 1)));
    m.initialiser(ob::doubles("mean", {3}, numbers(3, 1))).initialiser(ob::doubles("var", {3}, {0.5, 2, 3}));
    m.node("Pad", {"x", "p"}, {"a"}, {ob::string_attribute("mode", "reflect")})
        .node("Conv", {"a", "w"}, {"b"})
        .node("BatchNormalization", {"b", "s", "o", "mean", "var"}, {"y"});
  });
  one("padding with a number", {1, 2, 6, 5}, [&](ob::Model& m) {
    m.initialiser(ob::int64s("p", {8}, {0, 0, 1, 0, 0, 0, 1, 0})).initialiser(ob::doubles("v", {}, {0.75}));
    m.node("Pad", {"x", "p", "v"}, {"y"});
  });
  for (const int counted : {0, 1})
    one("average pool, padding counted: " + std::to_string(counted), {1, 2, 3, 3}, [&](ob::Model& m) {
      m.node("AveragePool", {"x"}, {"y"},
             {whole_numbers("kernel_shape", {3, 3}), whole_numbers("strides", {2, 2}), whole_numbers("pads", {1, 1, 2, 1}),
              ob::attribute("count_include_pad", counted)});
    });
  one("global average", {1, 2, 1, 1}, [&](ob::Model& m) { m.node("GlobalAveragePool", {"x"}, {"y"}); });
  one("mean", {1, 4, 5}, [&](ob::Model& m) {
    m.node("ReduceMean", {"x"}, {"y"}, {whole_numbers("axes", {1}), ob::attribute("keepdims", 0)});
  });
  one("sum", {1, 2, 1, 5}, [&](ob::Model& m) { m.initialiser(ob::int64s("a", {1}, {2})).node("ReduceSum", {"x", "a"}, {"y"}); });
  one("largest in windows", {1, 2, 3, 4}, [&](ob::Model& m) { m.node("MaxPool", {"x"}, {"y"}, {whole_numbers("kernel_shape", {2, 2})}); });
  one("largest of all", {1, 2, 1, 1}, [&](ob::Model& m) { m.node("GlobalMaxPool", {"x"}, {"y"}); });
  one("largest along an axis", {1, 2, 5}, [&](ob::Model& m) {
    m.node("ReduceMax", {"x"}, {"y"}, {whole_numbers("axes", {2}), ob::attribute("keepdims", 0)});
  });
  one("smallest along an axis", {1, 2, 4, 1}, [&](ob::Model& m) { m.node("ReduceMin", {"x"}, {"y"}, {whole_numbers("axes", {3})}); });
  for (const int largest : {0, 1})
    one("the three first of each line, largest: " + std::to_string(largest), {1, 2, 3, 5}, [&](ob::Model& m) {
      m.initialiser(ob::int64s("k", {1}, {3})).node("TopK", {"x", "k"}, {"y", "i"}, {axis(2), ob::attribute("largest", largest)});
    });
  add("sorted pairs of channels", {1, 2, 4, 5}, {{{0, 1, 2, 3}, false, 64}}, [&](ob::Model& m) {
    m.node("Split", {"x"}, {"a", "b"}, {axis(1)})
        .node("Max", {"a", "b"}, {"c"})
        .node("Min", {"a", "b"}, {"d"})
        .node("Concat", {"c", "d"}, {"y"}, {axis(1)});
  });
  add("moving", {10, 4}, {{{0, 1, 2, 3}, false, 64}}, [&](ob::Model& m) {
    m.initialiser(ob::int64s("e", {2}, {3, 0}))
        .initialiser(ob::int64s("s", {2}, {10, 4}))
        .initialiser(ob::doubles("z", {1, 5, 2, 2}, std::vector<double>(20, 0.0)));
    m.node("Transpose", {"x"}, {"a"}, {whole_numbers("perm", {0, 3, 1, 2})})
        .node("Gather", {"a", "e"}, {"b"}, {axis(3)})
        .node("Concat", {"b", "z"}, {"c"}, {axis(3)})
        .node("Reshape", {"c", "r"}, {"y"});
    m.initialiser(ob::int64s("r", {2}, {10, 4}));
  });
  add("sum of branches", {1, 2, 4, 5}, {{{0}, false, 64}, activation(1, 1), {{2}, true, 0}, {{3}, true, 0}}, [&](ob::Model& m) {
    weights(m, {2, 2, 3, 3}, 3000);
    m.node("Conv", {"x", "w"}, {"a"}, {whole_numbers("pads", {1, 1, 1, 1})})
        .node("Relu", {"a"}, {"b"})
        .node("Add", {"b", "x"}, {"c"})
        .node("Sub", {"x", "c"}, {"y"});
  });
  list.back().blocks[0].upper = 100000;
  add("concatenation, maximum, minimum", {1, 4, 4, 5}, {activation(0, 1), {{1}, true, 0}, {{2}, true, 0}, {{3}, true, 0}},
      [&](ob::Model& m) {
        m.node("Sigmoid", {"x"}, {"s"})
            .node("Max", {"x", "s"}, {"a"})
            .node("Min", {"s", "a", "x"}, {"b"})
            .node("Concat", {"a", "b"}, {"y"}, {axis(1)});
      });
  add("split and joined again", {1, 2, 4, 5}, {{{0}, false, 1}, activation(1, 1), activation(2, 1), {{3}, true, 0}}, [&](ob::Model& m) {
    m.initialiser(ob::int64s("p", {2}, {3, 1}));
    m.node("Split", {"x", "p"}, {"a", "b"}, {axis(2)})
        .node("Relu", {"a"}, {"c"})
        .node("Abs", {"b"}, {"d"})
        .node("Concat", {"d", "c"}, {"y"}, {axis(2)});
  });
  one("lengths", {1, 2, 4}, [&](ob::Model& m) {
    m.node("ReduceL2", {"x"}, {"y"}, {whole_numbers("axes", {3}), ob::attribute("keepdims", 0)});
  });
  one("softmax", {1, 2, 4, 5}, [&](ob::Model& m) { m.node("Softmax", {"x"}, {"y"}, {axis(1)}); });
  for (const std::string op : {"Elu", "Selu", "Softplus", "HardSigmoid", "Sigmoid", "Tanh"})
    one(op, {1, 2, 4, 5}, [&](ob::Model& m) { m.node(op, {"x"}, {"y"}); });
  add("x sigmoid(x)", {1, 2, 4, 5}, {{{0, 1}, false, 2}}, [&](ob::Model& m) {
    m.node("Sigmoid", {"x"}, {"a"}).node("Mul", {"x", "a"}, {"y"});
  });
  add("a network", {1, 3}, {{{0, 1}, false, 64}, {{2, 3, 4, 5}, false, 1}, {{6}, false, 2}, {{7, 8, 9}, false, 64}}, [&](ob::Model& m) {
    weights(m, {4, 2, 3, 3}, 0.3);
    m.initialiser(ob::doubles("f", {4}, numbers(4, 1)))
        .initialiser(ob::doubles("b", {4, 1, 1}, numbers(4, 1)))
        .initialiser(ob::doubles("v", {16, 3}, numbers(48, 0.3)))
        .initialiser(ob::doubles("o", {3}, numbers(3, 0.3)));
    m.node("Conv", {"x", "w", "f"}, {"a"}, {whole_numbers("pads", {1, 1, 1, 1})}).node("Add", {"a", "b"}, {"c"});
    m.node("Split", {"c"}, {"d", "e"}, {axis(1)})
        .node("Max", {"d", "e"}, {"g"})
        .node("Min", {"d", "e"}, {"h"})
        .node("Concat", {"g", "h"}, {"i"}, {axis(1)});
    m.node("AveragePool", {"i"}, {"j"}, {whole_numbers("kernel_shape", {3, 4})})
        .node("Flatten", {"j"}, {"l"})
        .node("MatMul", {"l", "v"}, {"n"})
        .node("Add", {"n", "o"}, {"y"});
  });
  for (Case& c : list)
    for (const std::string name : {"padding with a number", "concatenation, maximum, minimum", "lengths", "softmax", "Elu", "Selu",
                                   "Softplus", "HardSigmoid", "Sigmoid", "Tanh", "x sigmoid(x)"})
      if (c.name == name) c.enclosed = name == "x sigmoid(x)" ? 2 : 1;
  return list;
}

Sample random_sample(std::size_t entries, int kind) {
  Sample sample;
  for (std::size_t i = 0; i < entries; ++i) {
    const auto value = static_cast<std::int64_t>(generator() % 2000001) - 1000000;
    if (kind == 0)
      sample.pixels.push_back(static_cast<std::uint8_t>(generator() % 256));
    else if (kind == 1)
      sample.numbers.push_back({Integer(value), 0, -6});
    else if (kind == 2)
      sample.numbers.push_back({Integer(i == 0 ? 1 : value), i == 0 ? 300 : -40, 0});  // one entry far above the others
    else
      sample.numbers.push_back({Integer(0), 0, 0});
  }
  return sample;
}

}  // namespace

TEST_CASE("the fast evaluation meets the wide one and is narrow") {
  std::vector<Case> all = cases();
  for (int turn = 0; turn < 4; ++turn)
    for (Case& c : kinds()) all.push_back(std::move(c));
  for (Case& c : all) {
    CAPTURE(c.name);
    std::vector<ExternalFile> external;
    const Graph graph = read_onnx(c.model.bytes(), OnnxOptions{}, external);
    const NetworkAtSamples network(graph, c.blocks);
    CHECK(network.has_fast());
    CHECK(network.enclosed() == c.enclosed);
    for (int turn = 0; turn < 24; ++turn) {
      const int kind = turn % 4;
      CAPTURE(kind);
      const Sample sample = random_sample(static_cast<std::size_t>(c.shape.entries()), kind);
      const Scaling scaling(c.shape, Layout::nchw, Rational(1, 255), {Rational(1, 7)}, {Rational(3, 10)});
      const EnclosedOutput fast = network(sample, scaling, false);
      const EnclosedOutput wide = network(sample, scaling, true);
      REQUIRE(fast.lower.size() == wide.lower.size());
      Rational largest = 0;
      for (std::size_t j = 0; j < wide.lower.size(); ++j) {
        const Rational low = scaled(wide.lower[j], wide.exponent), high = scaled(wide.upper[j], wide.exponent);
        largest = std::max(largest, std::max(Rational(-low), high));
      }
      Rational widest = 0;
      for (std::size_t j = 0; j < wide.lower.size(); ++j) {
        const Rational low = scaled(fast.lower[j], fast.exponent), high = scaled(fast.upper[j], fast.exponent);
        widest = std::max(widest, Rational(high - low));
        CHECK(low <= scaled(wide.upper[j], wide.exponent));
        CHECK(scaled(wide.lower[j], wide.exponent) <= high);
        if (kind != 2) CHECK(high - low <= Rational(c.width) * largest);
      }
      if (kind < 2) CHECK(widest > Rational(0x1p-70) * largest);  // it was the fast one, whose input is not exact
    }
  }
}

TEST_CASE("the derivative by distances meets its enclosure, and is close to it; at kinks and ties as well") {
  std::vector<Case> list = cases();
  for (Case& c : kinds()) list.push_back(std::move(c));
  std::size_t close = 0, known = 0;
  for (Case& c : list) {
    CAPTURE(c.name);
    std::vector<ExternalFile> external;
    const Graph graph = read_onnx(c.model.bytes(), OnnxOptions{}, external);
    Evaluator evaluator(graph, Engine{});
    const std::uint64_t n = element_count(graph.input().shape);
    for (int turn = 0; turn < 6; ++turn) {
      IntegerVector x{turn < 3 ? -22 : 0, {}}, v{-20, {}};
      for (std::uint64_t i = 0; i < n; ++i) {  // small integers: zeros, and entries that are equal
        x.mantissas.push_back(static_cast<std::int32_t>(generator() % (turn < 3 ? 1U << 24U : 5U)) - (turn < 3 ? 1 << 23 : 2));
        v.mantissas.push_back(static_cast<std::int32_t>(generator() % (1U << 24U)) - (1 << 23));
      }
      const std::optional<Rational> below = derivative_norm_below(graph, evaluator, c.blocks, x, v, 1 + static_cast<unsigned>(turn) % 2);
      IntervalTensor enclosed;
      try {
        enclosed = evaluator.directional_derivative(x, v);
      } catch (const Failure&) {  // a root at 0
        continue;
      }
      Rational most = 0;
      for (const Interval& e : enclosed) most += square(std::max(upper_end(absolute(e)), Rational(0)));
      if (!below) continue;
      ++known;
      CHECK(square(*below) <= most);
      const Rational least = squared_norm_below(enclosed);
      if (square(*below) >= least * Rational(0.999999)) ++close;
    }
  }
  MESSAGE(close << " of " << known << " close");
  CHECK(known >= 5 * list.size());
  CHECK(close >= known * 9 / 10);
}

TEST_CASE("a derivative is not taken on one side of a kink that the distance does not exclude") {
  // relu(a - b) at two nearly equal numbers, one of which is rounded: 1/3 of x beside a short number near it.
  for (const std::int64_t off : {0, 1, -1}) {
    ob::Model model;
    model.input("x", {1, 1}, ob::DOUBLE).output("y", {1, 1}, ob::DOUBLE);
    model.initialiser(ob::doubles("third", {1}, {3})).initialiser(ob::doubles("b", {1}, {std::ldexp(6004799503160661.0 + static_cast<double>(off), -54)}));
    model.node("Div", {"x", "third"}, {"a"}).node("Sub", {"a", "b"}, {"c"}).node("Relu", {"c"}, {"y"});
    std::vector<ExternalFile> external;
    const Graph graph = read_onnx(model.bytes(), OnnxOptions{}, external);
    Evaluator evaluator(graph, Engine{});
    // 6004799503160661 / 2^54 is below a third, by a sixth of its last place.
    const bool on = off <= 0;
    for (const std::int32_t direction : {1, -1}) {
      const std::optional<Rational> below =
          derivative_norm_below(graph, evaluator, {affine({0, 1}, Rational(1, 3)), activation(2, 1)}, {0, {1}}, {0, {direction}}, 1);
      REQUIRE(below);
      CHECK(*below <= (on ? Rational(1, 3) : Rational(0)));
    }
  }
}

TEST_CASE("joins and pools at a sample, fast and wide, against exact rationals") {
  // y = (max over the 2 x 2 windows of relu(conv(x))) and the average of x + x, concatenated.
  ob::Model model;
  model.input("x", {1, 1, 3, 3}, ob::DOUBLE).output("y", {1, 3, 1, 1}, ob::DOUBLE);
  const std::vector<double> w = {1, -2, 0.5, 3, -1, 0.25, 2, -0.75};
  model.initialiser(ob::doubles("w", {2, 1, 2, 2}, w)).initialiser(ob::doubles("b", {2}, {0.125, -1}));
  model.node("Conv", {"x", "w", "b"}, {"a"}).node("Relu", {"a"}, {"r"}).node("GlobalMaxPool", {"r"}, {"m"});
  model.node("Add", {"x", "x"}, {"s"})
      .node("GlobalAveragePool", {"s"}, {"g"})
      .node("Concat", {"m", "g"}, {"y"}, {ob::attribute("axis", 1)});
  std::vector<ExternalFile> external;
  const Graph graph = read_onnx(model.bytes(), OnnxOptions{}, external);
  const NetworkAtSamples network(graph,
                                 {affine({0}, 9), activation(1, 1), {{2}, false, 1}, {{3}, true, 2}, {{4}, false, 1}, {{5}, true, 9}});
  CHECK(network.has_fast());
  const Scaling scaling({true, 1, 3, 3}, Layout::nchw, Rational(1, 255), {Rational(1, 7)}, {Rational(3, 10)});
  for (int turn = 0; turn < 10; ++turn) {
    Sample sample;
    for (int i = 0; i < 9; ++i) sample.pixels.push_back(static_cast<std::uint8_t>(generator() % 256));
    const std::vector<Rational> x = scaling.exact(sample);
    std::vector<Rational> wanted(3);
    for (std::size_t o = 0; o < 2; ++o)
      for (std::size_t i = 0; i < 2; ++i)
        for (std::size_t j = 0; j < 2; ++j) {
          const Rational z = Rational(o == 0 ? 0.125 : -1.0) + Rational(w[4 * o]) * x[3 * i + j] +
                             Rational(w[4 * o + 1]) * x[3 * i + j + 1] + Rational(w[4 * o + 2]) * x[3 * i + j + 3] +
                             Rational(w[4 * o + 3]) * x[3 * i + j + 4];
          wanted[o] = std::max(wanted[o], z);
        }
    for (const Rational& v : x) wanted[2] += 2 * v / 9;
    for (const bool wide : {false, true}) {
      const EnclosedOutput y = network(sample, scaling, wide);
      REQUIRE(y.lower.size() == 3);
      for (std::size_t j = 0; j < 3; ++j) {
        CHECK(scaled(y.lower[j], y.exponent) <= wanted[j]);
        CHECK(scaled(y.upper[j], y.exponent) >= wanted[j]);
        CHECK(scaled(y.upper[j] - y.lower[j], y.exponent) <= Rational(wide ? 0x1p-100 : 0x1p-40));
      }
    }
  }
}

TEST_CASE("a convolutional network for 28 x 28 pixels takes milliseconds for each sample") {
  const auto floats_of = [](std::size_t count, double size) {
    std::vector<float> out;
    for (const double v : numbers(count, size)) out.push_back(static_cast<float>(v));
    return out;
  };
  ob::Model model;
  model.input("x", {1, 1, 28, 28}).output("y", {1, 10});
  model.initialiser(ob::floats("w1", {16, 1, 4, 4}, floats_of(256, 0.2)))
      .initialiser(ob::floats("w2", {32, 16, 4, 4}, floats_of(8192, 0.06)));
  model.initialiser(ob::floats("w3", {1568, 100}, floats_of(156800, 0.03))).initialiser(ob::floats("w4", {100, 10}, floats_of(1000, 0.1)));
  const std::vector<ob::Attribute> window = {ob::ints_attribute("strides", {2, 2}), ob::ints_attribute("pads", {1, 1, 1, 1})};
  model.node("Conv", {"x", "w1"}, {"a"}, window)
      .node("Relu", {"a"}, {"b"})
      .node("Conv", {"b", "w2"}, {"c"}, window)
      .node("Relu", {"c"}, {"d"});
  model.node("Flatten", {"d"}, {"e"}).node("MatMul", {"e", "w3"}, {"f"}).node("Relu", {"f"}, {"g"}).node("MatMul", {"g", "w4"}, {"y"});
  std::vector<ExternalFile> external;
  const Graph graph = read_onnx(model.bytes(), OnnxOptions{}, external);
  const NetworkAtSamples network(
      graph, {affine({0}, 4), activation(1, 1), affine({2}, 4), activation(3, 1), affine({4, 5}, 4), activation(6, 1), affine({7}, 4)});
  CHECK(network.has_fast());
  const Scaling scaling({true, 1, 28, 28}, Layout::nchw, Rational(1, 255), {Rational(0)}, {Rational(1)});
  Sample sample;
  for (int i = 0; i < 784; ++i) sample.pixels.push_back(static_cast<std::uint8_t>(generator() % 256));
  const std::clock_t start = std::clock();
  const EnclosedOutput y = network(sample, scaling, false);
  const double seconds = static_cast<double>(std::clock() - start) / CLOCKS_PER_SEC;
  MESSAGE("one sample: " << 1000 * seconds << " ms of processor time");
  REQUIRE(y.lower.size() == 10);
  for (std::size_t j = 0; j < 10; ++j) CHECK(scaled(y.upper[j] - y.lower[j], y.exponent) <= Rational(0x1p-35));
  CHECK(seconds < 0.05);
}

TEST_CASE("scaling and layouts") {
  // Two channels of 2 x 3; entry (c, h, w) holds 100 c + 10 h + w.
  const SampleShape shape{true, 2, 2, 3};
  Sample sample;
  for (int c = 0; c < 2; ++c)
    for (int h = 0; h < 2; ++h)
      for (int w = 0; w < 3; ++w) sample.pixels.push_back(static_cast<std::uint8_t>(100 * c + 10 * h + w));
  const std::vector<Rational> means = {Rational(1, 3), Rational(2)}, deviations = {Rational(1, 2), Rational(-5)};
  for (const Layout layout : {Layout::nchw, Layout::nhwc, Layout::ncwh}) {
    const Scaling scaling(shape, layout, Rational(1, 7), means, deviations);
    const std::vector<Rational> x = scaling.exact(sample);
    const GridPoint grid = scaling.enclose(sample);
    std::uint64_t inexact = 0;
    for (std::size_t c = 0; c < 2; ++c)
      for (std::size_t h = 0; h < 2; ++h)
        for (std::size_t w = 0; w < 3; ++w) {
          const std::size_t at = layout == Layout::nchw   ? (c * 2 + h) * 3 + w
                                 : layout == Layout::nhwc ? (h * 3 + w) * 2 + c
                                                          : (c * 3 + w) * 2 + h;
          CHECK(x[at] == (Rational(Integer(100 * c + 10 * h + w), Integer(7)) - means[c]) / deviations[c]);
        }
    for (std::size_t i = 0; i < x.size(); ++i) {
      const Rational low = scaled(Integer(grid.lower[i]), grid.exponent);
      CHECK(low <= x[i]);
      CHECK(x[i] < low + scaled(Integer(1), grid.exponent));
      if (low != x[i]) ++inexact;
      CHECK(grid.lower[i] < (std::int64_t{1} << kGridBits));
    }
    CHECK(grid.inexact == inexact);
    // The same image stored row, column, channel is the same input.
    Sample turned;
    for (std::size_t h = 0; h < 2; ++h)
      for (std::size_t w = 0; w < 3; ++w)
        for (std::size_t c = 0; c < 2; ++c) turned.pixels.push_back(sample.pixels[(c * 2 + h) * 3 + w]);
    const Arrangement how{layout, true, std::nullopt};
    const Scaling last(arranged({true, 2, 3, 2}, how, {1, 12}), layout, Rational(1, 7), means, deviations, true);
    CHECK(last.exact(turned) == x);
    CHECK(last.enclose(turned).lower == grid.lower);
  }
  // The same through numbers instead of pixels, and rows with a mean for each entry.
  const SampleShape row{false, 12, 1, 1};
  Sample numbers_sample;
  std::vector<Rational> each;
  for (std::size_t i = 0; i < 12; ++i) {
    numbers_sample.numbers.push_back({Integer(sample.pixels[i]), 0, 0});
    each.emplace_back(Integer(i), Integer(9));
  }
  const Scaling scaling(row, Layout::nchw, Rational(3), each, {Rational(1)});
  CHECK(scaling.exact(sample) == scaling.exact(numbers_sample));
  for (const Sample* s : {&sample, &numbers_sample}) {
    const GridPoint grid = scaling.enclose(*s);
    for (std::size_t i = 0; i < 12; ++i) {
      CHECK(scaled(Integer(grid.lower[i]), grid.exponent) <= scaling.exact(*s)[i]);
      CHECK(scaling.exact(*s)[i] < scaled(Integer(grid.lower[i] + 1), grid.exponent));
    }
  }
  CHECK(scaling.exact(sample)[11] == Rational(3 * 112) - Rational(11, 9));
}

TEST_CASE("every source of error is charged") {
  // One at a time, with a norm that is not generous: what is left out shows as an enclosure without the truth.
  std::uniform_real_distribution<double> uniform(1, 2);
  enum class Effect { rounding, weights, offset, offset_far_above, input, negative_slope };
  for (const Effect effect :
       {Effect::rounding, Effect::weights, Effect::offset, Effect::offset_far_above, Effect::input, Effect::negative_slope}) {
    CAPTURE(static_cast<int>(effect));
    for (int turn = 0; turn < 40; ++turn) {
      // Weights of 20 digits fit the grid exactly, with 53 digits 40 places lower they do not.
      const double coarse = std::ldexp(std::floor(std::ldexp(uniform(generator), 19)), -19), fine = uniform(generator);
      std::vector<double> w = {coarse, 0.0}, b = {0.0};
      if (effect == Effect::rounding) w = {fine, 0.0};
      if (effect == Effect::weights) w = {coarse, std::ldexp(fine, -40)};
      if (effect == Effect::offset) b = {std::ldexp(fine, -90)};
      if (effect == Effect::offset_far_above) b = {std::ldexp(coarse, 90)};
      ob::Model model;
      model.input("x", {1, 2}, ob::DOUBLE).output("y", {1, 1}, ob::DOUBLE);
      model.initialiser(ob::doubles("w", {2, 1}, w)).initialiser(ob::doubles("b", {1}, b));
      model.node("MatMul", {"x", "w"}, {"a"}).node("Add", {"a", "b"}, {"c"});
      model.node("LeakyRelu", {"c"}, {"y"}, {ob::attribute("alpha", 0.01F)});
      std::vector<ExternalFile> external;
      const Graph graph = read_onnx(model.bytes(), OnnxOptions{}, external);
      const Rational norm = sqrt_above(square(Rational(w[0])) + square(Rational(w[1])));
      const NetworkAtSamples network(graph, {affine({0, 1}, norm), activation(2, 1)});
      REQUIRE(network.has_fast());
      const auto entry = [&] { return static_cast<std::int64_t>((generator() % (1U << 28U)) << 28U | generator() % (1U << 28U)) + 1; };
      Sample sample;
      const std::int64_t sign = effect == Effect::negative_slope ? -1 : 1;
      sample.numbers = {{Integer(sign * entry()), -56, 0}, {Integer(sign * (std::int64_t{1} << 56) + entry()), -56, 0}};
      const Scaling scaling({false, 2, 1, 1}, Layout::nchw, effect == Effect::input ? Rational(1, 3) : Rational(1), {Rational(0)},
                            {Rational(1)});
      const EnclosedOutput f = network(sample, scaling, false);
      const std::vector<Rational> x = scaling.exact(sample);
      Rational truth = Rational(w[0]) * x[0] + Rational(w[1]) * x[1] + Rational(b[0]);
      if (truth < 0) truth *= Rational(0.01F);
      CHECK(scaled(f.lower[0], f.exponent) <= truth);
      CHECK(truth <= scaled(f.upper[0], f.exponent));
      CHECK(scaled(f.upper[0] - f.lower[0], f.exponent) <= scaled(Integer(1), -44) * (truth < 0 ? Rational(-truth) : truth));
    }
  }
}
