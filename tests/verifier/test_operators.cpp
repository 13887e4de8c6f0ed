// Every operator of the checker's evaluation against references that know nothing of it: exact rationals by the definitions of ONNX, MPFR with 300
// bits for the smooth functions, and difference quotients of exact values for the derivatives.
#include <doctest/doctest.h>

#include <ctime>
#include <functional>
#include <map>
#include <random>

#include "tests/support/onnx_builder.hpp"
#include "tests/verifier/real.hpp"
#include "tests/verifier/support.hpp"
#include "verifier/graph/functions.hpp"
#include "verifier/graph/evaluate.hpp"
#include "verifier/base/failure.hpp"
#include "verifier/graph/onnx.hpp"

using namespace lipverify;
using namespace verifier_test;
namespace ob = onnx_builder;

namespace {

using Numbers = std::vector<Rational>;

Graph read(const ob::Model& model) {
  std::vector<ExternalFile> external;
  return read_onnx(model.bytes(), {}, external);
}

bool inside(const Rational& value, const Interval& x) { return lower_end(x) <= value && value <= upper_end(x); }

/// Small dyadic numbers, each different from the others by at least 1/8.
std::vector<std::int32_t> mantissas(std::size_t n, unsigned seed) {
  std::vector<std::int32_t> out;
  for (std::size_t i = 0; i < n; ++i) out.push_back(static_cast<std::int32_t>(3 * i) - static_cast<std::int32_t>(3 * n / 2) + 1);
  std::shuffle(out.begin(), out.end(), std::mt19937(seed));
  return out;
}
Numbers numbers(const std::vector<std::int32_t>& m, int exponent) {
  Numbers out;
  for (const std::int32_t x : m) out.push_back(scaled(Integer(x), exponent));
  return out;
}
std::vector<float> floats_of(const Numbers& x) {
  std::vector<float> out;
  for (const Rational& v : x) out.push_back(static_cast<float>(v));
  return out;
}

constexpr int kPoint = -3;

/// The model y = f(x); `reference` computes f in rationals. Checks value and directional derivative at a few points where f is differentiable
/// along the direction: (f(x + h v) - f(x)) / h for one small h is the derivative exactly when f is piecewise linear (`curved` false); else the
/// derivative lies between the two quotients up to `curved` in size.
void check(const std::string& name, const ob::Model& model, std::size_t inputs, const std::function<Numbers(const Numbers&)>& reference, bool curved = false) {
  CAPTURE(name);
  const Graph graph = read(model);
  for (unsigned seed = 0; seed < 3; ++seed) {
    const std::vector<std::int32_t> point = mantissas(inputs, seed);
    const std::vector<std::int32_t> direction = mantissas(inputs, seed + 100);
    const Numbers x = numbers(point, kPoint);
    const Numbers v = numbers(direction, 0);
    Evaluator evaluator(graph, Engine());
    const Operand value = evaluator.output_at(operand_of(intervals_of({kPoint, point}), graph.input().shape));
    const Numbers wanted = reference(x);
    REQUIRE(value.size() == wanted.size());
    for (std::size_t i = 0; i < wanted.size(); ++i) {
      CAPTURE(i);
      REQUIRE(inside(wanted[i], value.at(i)));
      REQUIRE(upper_end(value.at(i)) - lower_end(value.at(i)) <= scaled(Integer(1), -120));
    }
    const IntervalTensor slope = evaluator.directional_derivative({kPoint, point}, {0, direction});
    const int small = curved ? -60 : -20;
    const auto moved = [&](int sign) {
      Numbers y = x;
      for (std::size_t i = 0; i < y.size(); ++i) y[i] += sign * v[i] * scaled(Integer(1), small);
      return reference(y);
    };
    const Numbers ahead = moved(1);
    for (std::size_t i = 0; i < wanted.size(); ++i) {
      CAPTURE(i);
      const Rational quotient = (ahead[i] - wanted[i]) * scaled(Integer(1), -small);
      const Rational tolerance = curved ? scaled(Integer(1), -40) : Rational(0);
      REQUIRE(lower_end(slope[i]) <= quotient + tolerance);
      REQUIRE(upper_end(slope[i]) >= quotient - tolerance);
      REQUIRE(upper_end(slope[i]) - lower_end(slope[i]) <= scaled(Integer(1), -90));
    }
  }
}

ob::Model model_of(std::int64_t opset, const std::vector<ob::Dim>& in, const std::vector<ob::Dim>& out) {
  ob::Model model(opset);
  model.input("x", in).output("y", out);
  return model;
}

std::vector<std::int64_t> list(std::initializer_list<std::int64_t> values) { return values; }

}  // namespace

TEST_CASE("nodes that move entries") {
  const auto check_move = [](const std::string& name, ob::Model model, std::size_t inputs, const std::vector<int>& from) {
    check(name, model, inputs, [&](const Numbers& x) {
      Numbers y;
      for (const int i : from) y.push_back(i < 0 ? Rational(i == -1 ? 0 : -i) : x[static_cast<std::size_t>(i)]);
      return y;
    });
  };
  auto m = model_of(13, {2, 3}, {3, 2});
  m.node("Transpose", {"x"}, {"y"});
  check_move("Transpose", m, 6, {0, 3, 1, 4, 2, 5});
  m = model_of(13, {1, 2, 3}, {3, 1, 2});
  m.node("Transpose", {"x"}, {"y"}, {ob::ints_attribute("perm", {2, 0, 1})});
  check_move("Transpose perm", m, 6, {0, 3, 1, 4, 2, 5});
  m = model_of(13, {6}, {3});
  m.initialiser(ob::int64s("s", {1}, {-1})).initialiser(ob::int64s("e", {1}, {-100})).initialiser(ob::int64s("a", {1}, {0})).initialiser(ob::int64s("t", {1}, {-2}));
  m.node("Slice", {"x", "s", "e", "a", "t"}, {"y"});
  check_move("Slice backwards", m, 6, {5, 3, 1});
  m = model_of(9, {2, 3}, {1, 2});
  m.node("Slice", {"x"}, {"y"}, {ob::ints_attribute("starts", {-1, 0}), ob::ints_attribute("ends", {9, 2})});
  check_move("Slice by attributes", m, 6, {3, 4});
  m = model_of(13, {2, 3}, {2, 2, 2});
  m.initialiser(ob::int64s("i", {2, 2}, {0, -1, 1, 1}));
  m.node("Gather", {"x", "i"}, {"y"}, {ob::attribute("axis", 1)});
  check_move("Gather", m, 6, {0, 2, 1, 1, 3, 5, 4, 4});
  m = model_of(13, {2, 2}, {2, 4});
  m.node("Split", {"x"}, {"a", "b"}, {ob::attribute("axis", 1)}).node("Concat", {"b", "x", "a"}, {"y"}, {ob::attribute("axis", -1)});
  check_move("Split, Concat, fan-out", m, 4, {1, 0, 1, 0, 3, 2, 3, 2});
  m = model_of(18, {5}, {5});
  m.node("Split", {"x"}, {"a", "b", "c"}, {ob::attribute("num_outputs", 3)}).node("Concat", {"c", "b", "a"}, {"y"}, {ob::attribute("axis", 0)});
  check_move("Split in unequal parts", m, 5, {4, 2, 3, 0, 1});
  m = model_of(13, {2, 2}, {3, 4});
  m.initialiser(ob::int64s("p", {4}, {1, 0, 0, 2})).initialiser(ob::floats("c", {}, {7.0F}));
  m.node("Pad", {"x", "p", "c"}, {"y"});
  check_move("Pad constant", m, 4, {-7, -7, -7, -7, 0, 1, -7, -7, 2, 3, -7, -7});
  for (const auto& [mode, from] : std::map<std::string, std::vector<int>>{{"reflect", {2, 1, 0, 1, 2, 1}}, {"edge", {0, 0, 0, 1, 2, 2}}, {"wrap", {1, 2, 0, 1, 2, 0}}}) {
    m = model_of(19, {3}, {6});
    m.initialiser(ob::int64s("p", {2}, {2, 1}));
    m.node("Pad", {"x", "p"}, {"y"}, {ob::string_attribute("mode", mode)});
    check_move("Pad " + mode, m, 3, from);
  }
  m = model_of(13, {1, 4, 1, 2}, {1, 1, 2, 4});
  m.node("DepthToSpace", {"x"}, {"y"}, {ob::attribute("blocksize", 2)});
  check_move("DepthToSpace", m, 8, {0, 2, 1, 3, 4, 6, 5, 7});
  m = model_of(13, {1, 8, 1, 1}, {1, 2, 2, 2});
  m.node("DepthToSpace", {"x"}, {"y"}, {ob::attribute("blocksize", 2), ob::string_attribute("mode", "DCR")});
  check_move("DepthToSpace DCR", m, 8, {0, 2, 4, 6, 1, 3, 5, 7});
  m = model_of(13, {1, 8, 1, 1}, {1, 2, 2, 2});
  m.node("DepthToSpace", {"x"}, {"y"}, {ob::attribute("blocksize", 2), ob::string_attribute("mode", "CRD")});
  check_move("DepthToSpace CRD", m, 8, {0, 1, 2, 3, 4, 5, 6, 7});
  m = model_of(13, {1, 2, 2, 2}, {1, 8, 1, 1});
  m.node("SpaceToDepth", {"x"}, {"y"}, {ob::attribute("blocksize", 2)});
  check_move("SpaceToDepth", m, 8, {0, 4, 1, 5, 2, 6, 3, 7});
  m = model_of(13, {"n", 2, 2}, {1, 4});  // a shape chain of an export
  m.initialiser(ob::int64s("zero", {1}, {0})).initialiser(ob::int64s("four", {1}, {4}));
  m.node("Shape", {"x"}, {"s"}).node("Gather", {"s", "zero"}, {"n"}).node("Concat", {"n", "four"}, {"t"}, {ob::attribute("axis", 0)});
  m.node("Reshape", {"x", "t"}, {"y"});
  check_move("Shape chain", m, 4, {0, 1, 2, 3});
  m = model_of(13, {2, 1, 2}, {2, 2});
  m.initialiser(ob::int64s("a", {1}, {1})).initialiser(ob::int64s("b", {2}, {0, -1}));
  m.node("Squeeze", {"x", "a"}, {"q"}).node("Unsqueeze", {"q", "b"}, {"u"}).node("Squeeze", {"u"}, {"z"}).node("Identity", {"z"}, {"i"}).node("Dropout", {"i"}, {"y"});
  check_move("Squeeze, Unsqueeze", m, 4, {0, 1, 2, 3});
}

namespace {

struct Axis {
  int n, k, s, d, p, q;
  [[nodiscard]] int out() const { return (n + p + q - d * (k - 1) - 1) / s + 1; }
};

}  // namespace

TEST_CASE("convolutions by their definition: groups, strides, dilations, asymmetric padding, bias") {
  std::mt19937 random(5);
  for (int trial = 0; trial < 12; ++trial) {
    const auto pick = [&](int low, int high) { return low + static_cast<int>(random() % static_cast<unsigned>(high - low + 1)); };
    const int groups = pick(1, 2);
    const int cin = groups * pick(1, 2);
    const int cout = groups * pick(1, 3);
    Axis a{pick(3, 5), pick(1, 3), pick(1, 2), pick(1, 2), pick(0, 2), pick(0, 1)};
    Axis b{pick(3, 6), pick(1, 2), pick(1, 3), pick(1, 2), pick(0, 1), pick(0, 2)};
    if (a.n + a.p + a.q < a.d * (a.k - 1) + 1 || b.n + b.p + b.q < b.d * (b.k - 1) + 1) continue;
    const bool transposed = trial % 3 == 2;
    const auto size = [](int v) { return static_cast<std::size_t>(v); };
    const int rows = transposed ? a.s * (a.n - 1) + a.d * (a.k - 1) + 1 - a.p - a.q : a.out();
    const int columns = transposed ? b.s * (b.n - 1) + b.d * (b.k - 1) + 1 - b.p - b.q : b.out();
    if (rows < 1 || columns < 1) continue;
    const int in_group = cin / groups;
    const int out_group = cout / groups;
    const Numbers w = numbers(mantissas(size(cin * cout / groups * a.k * b.k), 7 + static_cast<unsigned>(trial)), -4);
    const Numbers bias = numbers(mantissas(size(cout), 9), -2);
    auto m = model_of(13, {1, cin, a.n, b.n}, {1, cout, rows, columns});
    m.initialiser(ob::floats("w", transposed ? list({cin, out_group, a.k, b.k}) : list({cout, in_group, a.k, b.k}), floats_of(w)));
    m.initialiser(ob::floats("b", {cout}, floats_of(bias)));
    m.node(transposed ? "ConvTranspose" : "Conv", {"x", "w", "b"}, {"y"},
           {ob::attribute("group", groups), ob::ints_attribute("strides", {a.s, b.s}), ob::ints_attribute("dilations", {a.d, b.d}),
            ob::ints_attribute("pads", {a.p, b.p, a.q, b.q})});
    check("convolution " + std::to_string(trial), m, size(cin * a.n * b.n), [&](const Numbers& x) {
      Numbers y(size(cout * rows * columns));
      for (int o = 0; o < cout; ++o)
        for (int i = 0; i < rows * columns; ++i) y[size(o * rows * columns + i)] = bias[size(o)];
      // Scatter for both: every product of an input entry and a weight goes where the definition sends it.
      for (int g = 0; g < groups; ++g)
        for (int c = 0; c < in_group; ++c)
          for (int o = 0; o < out_group; ++o)
            for (int j = 0; j < a.k; ++j)
              for (int l = 0; l < b.k; ++l)
                for (int u = 0; u < a.n; ++u)
                  for (int v = 0; v < b.n; ++v) {
                    int r = 0;
                    int t = 0;
                    if (transposed) {
                      r = a.s * u + a.d * j - a.p;
                      t = b.s * v + b.d * l - b.p;
                    } else {
                      if ((u + a.p - a.d * j) % a.s != 0 || (v + b.p - b.d * l) % b.s != 0) continue;
                      r = (u + a.p - a.d * j) / a.s;
                      t = (v + b.p - b.d * l) / b.s;
                      if (u + a.p - a.d * j < 0 || v + b.p - b.d * l < 0) continue;
                    }
                    if (r < 0 || r >= rows || t < 0 || t >= columns) continue;
                    const int ci = g * in_group + c;
                    const int co = g * out_group + o;
                    const int at = transposed ? ((ci * out_group + o) * a.k + j) * b.k + l : ((co * in_group + c) * a.k + j) * b.k + l;
                    y[size((co * rows + r) * columns + t)] += w[size(at)] * x[size((ci * a.n + u) * b.n + v)];
                  }
      return y;
    });
  }
}

TEST_CASE("pools by their definition") {
  std::mt19937 random(11);
  const auto size = [](int v) { return static_cast<std::size_t>(v); };
  for (int trial = 0; trial < 10; ++trial) {
    const auto pick = [&](int low, int high) { return low + static_cast<int>(random() % static_cast<unsigned>(high - low + 1)); };
    Axis a{pick(3, 7), pick(1, 3), pick(1, 2), 1, 0, 0};
    a.p = pick(0, a.k - 1);
    a.q = pick(0, a.k - 1);
    const bool average = trial % 2 == 0;
    const bool counted = average && trial % 4 == 0;
    auto m = model_of(13, {1, 2, a.n}, {1, 2, a.out()});
    std::vector<ob::Attribute> attributes = {ob::ints_attribute("kernel_shape", {a.k}), ob::ints_attribute("strides", {a.s}), ob::ints_attribute("pads", {a.p, a.q})};
    if (counted) attributes.push_back(ob::attribute("count_include_pad", 1));
    m.node(average ? "AveragePool" : "MaxPool", {"x"}, {"y"}, attributes);
    check("pool " + std::to_string(trial), m, size(2 * a.n), [&](const Numbers& x) {
      Numbers y;
      for (int c = 0; c < 2; ++c)
        for (int i = 0; i < a.out(); ++i) {
          Numbers seen;
          for (int j = 0; j < a.k; ++j)
            if (const int at = i * a.s + j - a.p; at >= 0 && at < a.n) seen.push_back(x[size(c * a.n + at)]);
          Rational sum = 0;
          for (const Rational& v : seen) sum += v;
          y.push_back(average ? Rational(sum / (counted ? a.k : static_cast<int>(seen.size()))) : *std::max_element(seen.begin(), seen.end()));
        }
      return y;
    });
  }
  for (const char* op : {"GlobalAveragePool", "GlobalMaxPool"}) {
    auto m = model_of(13, {1, 2, 2, 3}, {1, 2, 1, 1});
    m.node(op, {"x"}, {"y"});
    check(op, m, 12, [&](const Numbers& x) {
      Numbers y;
      for (std::size_t c = 0; c < 2; ++c) {
        const auto begin = x.begin() + static_cast<std::ptrdiff_t>(6 * c);
        Rational sum = 0;
        for (std::size_t i = 0; i < 6; ++i) sum += x[6 * c + i];
        y.push_back(std::string(op) == "GlobalMaxPool" ? *std::max_element(begin, begin + 6) : Rational(sum / 6));
      }
      return y;
    });
  }
}

TEST_CASE("reductions, order statistics, joins and affine nodes") {
  for (const char* op : {"ReduceSum", "ReduceMean", "ReduceMax", "ReduceMin"}) {
    auto m = model_of(11, {2, 3, 2}, {3});
    m.node(op, {"x"}, {"y"}, {ob::ints_attribute("axes", {-1, 0}), ob::attribute("keepdims", 0)});
    check(op, m, 12, [&](const Numbers& x) {
      Numbers y;
      for (std::size_t i = 0; i < 3; ++i) {
        const Numbers seen = {x[2 * i], x[2 * i + 1], x[6 + 2 * i], x[7 + 2 * i]};
        const Rational sum = seen[0] + seen[1] + seen[2] + seen[3];
        const std::string name = op;
        y.push_back(name == "ReduceSum" ? sum : name == "ReduceMean" ? Rational(sum / 4) : name == "ReduceMax" ? *std::max_element(seen.begin(), seen.end()) : *std::min_element(seen.begin(), seen.end()));
      }
      return y;
    });
  }
  for (const int largest : {0, 1}) {
    auto m = model_of(13, {2, 5, 2}, {2, 3, 2});
    m.initialiser(ob::int64s("k", {1}, {3}));
    m.node("TopK", {"x", "k"}, {"y", "i"}, {ob::attribute("axis", 1), ob::attribute("largest", largest)});
    check("TopK", m, 20, [&](const Numbers& x) {
      Numbers y(12);
      for (std::size_t o = 0; o < 2; ++o)
        for (std::size_t i = 0; i < 2; ++i) {
          Numbers line;
          for (std::size_t j = 0; j < 5; ++j) line.push_back(x[(o * 5 + j) * 2 + i]);
          std::sort(line.begin(), line.end());
          if (largest == 1) std::reverse(line.begin(), line.end());
          for (std::size_t j = 0; j < 3; ++j) y[(o * 3 + j) * 2 + i] = line[j];
        }
      return y;
    });
  }
  auto m = model_of(13, {4}, {2});  // |x_0 - x_1| and the like by Max and Min of halves, and a residual sum
  m.node("Split", {"x"}, {"a", "b"}).node("Max", {"a", "b"}, {"c"}).node("Min", {"a", "b"}, {"d"}).node("Sub", {"c", "d"}, {"e"}).node("Add", {"e", "a"}, {"f"});
  m.node("Neg", {"f"}, {"y"});
  check("Max, Min, Sub, Add, Neg", m, 4, [](const Numbers& x) {
    Numbers y;
    for (std::size_t i = 0; i < 2; ++i) {
      const Rational d = x[i] - x[i + 2];
      y.push_back(-((d < 0 ? Rational(-d) : d) + x[i]));
    }
    return y;
  });
  m = model_of(13, {1, 2, 2}, {1, 2, 2});
  m.initialiser(ob::floats("g", {2}, {3, -1})).initialiser(ob::floats("b", {2}, {0.5F, 2})).initialiser(ob::floats("mu", {2}, {1, -2})).initialiser(ob::floats("var", {2}, {3.75F, 0}));
  m.node("BatchNormalization", {"x", "g", "b", "mu", "var"}, {"y"}, {ob::attribute("epsilon", 0.25F)});
  check("BatchNormalization", m, 4, [](const Numbers& x) {
    return Numbers{(x[0] - 1) / 2 * 3 + Rational(1, 2), (x[1] - 1) / 2 * 3 + Rational(1, 2), -(x[2] + 2) * 2 + 2, -(x[3] + 2) * 2 + 2};
  });
  m = model_of(13, {2, 2}, {2, 2});  // constants on the left, a transposed weight, powers of constants
  m.initialiser(ob::floats("W", {2, 2}, {1, 2, 3, 4})).initialiser(ob::floats("two", {}, {2})).initialiser(ob::floats("half", {}, {0.5F})).initialiser(ob::int64s("three", {}, {3}));
  m.node("Transpose", {"W"}, {"T"}).node("MatMul", {"T", "x"}, {"z"});
  m.node("Pow", {"W", "two"}, {"p"}).node("Pow", {"p", "half"}, {"q"}).node("Sqrt", {"p"}, {"r"}).node("Reciprocal", {"r"}, {"s"}).node("Mul", {"q", "s"}, {"one"});
  m.node("Pow", {"one", "three"}, {"o"}).node("Sign", {"W"}, {"t"}).node("Mul", {"o", "t"}, {"u"}).node("Mul", {"z", "u"}, {"y"});
  check("constants", m, 4, [](const Numbers& x) { return Numbers{x[0] + 3 * x[2], x[1] + 3 * x[3], 2 * x[0] + 4 * x[2], 2 * x[1] + 4 * x[3]}; });
}

TEST_CASE("piecewise linear and polynomial activations") {
  const auto entrywise = [](const std::string& name, std::int64_t opset, const std::vector<ob::Attribute>& attributes, const std::function<Rational(const Rational&)>& f,
                            bool curved = false, const std::vector<std::string>& more = {}) {
    auto m = model_of(opset, {9}, {9});
    m.initialiser(ob::floats("low", {}, {-0.5F})).initialiser(ob::floats("high", {}, {0.75F})).initialiser(ob::floats("slope", {1}, {-2}));
    m.initialiser(ob::floats("two", {}, {2}));
    std::vector<std::string> inputs = {"x"};
    inputs.insert(inputs.end(), more.begin(), more.end());
    m.node(name, inputs, {"y"}, attributes);
    check(name, m, 9, [&](const Numbers& x) {
      Numbers y;
      for (const Rational& v : x) y.push_back(f(v));
      return y;
    }, curved);
  };
  const auto clip = [](const Rational& x, const Rational& low, const Rational& high) { return x < low ? low : x > high ? high : x; };
  entrywise("Relu", 13, {}, [](const Rational& x) { return x > 0 ? x : Rational(0); });
  entrywise("LeakyRelu", 13, {ob::attribute("alpha", 0.125F)}, [](const Rational& x) { return x > 0 ? x : Rational(x / 8); });
  entrywise("PRelu", 13, {}, [](const Rational& x) { return x > 0 ? x : Rational(-2 * x); }, false, {"slope"});
  entrywise("Abs", 13, {}, [](const Rational& x) { return x > 0 ? x : Rational(-x); });
  entrywise("Clip", 13, {}, [&](const Rational& x) { return clip(x, Rational(-1, 2), Rational(3, 4)); }, false, {"low", "high"});
  entrywise("Clip", 13, {}, [&](const Rational& x) { return x > Rational(3, 4) ? Rational(3, 4) : x; }, false, {"", "high"});
  entrywise("Clip", 13, {}, [&](const Rational&) { return Rational(-1, 2); }, false, {"high", "low"});
  entrywise("Clip", 10, {ob::attribute("min", -0.25F)}, [&](const Rational& x) { return x < Rational(-1, 4) ? Rational(-1, 4) : x; });
  entrywise("Max", 13, {}, [&](const Rational& x) { return x < Rational(-1, 2) ? Rational(-1, 2) : x; }, false, {"low"});
  entrywise("Min", 13, {}, [&](const Rational& x) { return x > Rational(-1, 2) ? Rational(-1, 2) : x; }, false, {"low", "high"});
  entrywise("HardSigmoid", 13, {ob::attribute("alpha", 0.5F), ob::attribute("beta", 0.25F)}, [&](const Rational& x) { return clip(x / 2 + Rational(1, 4), 0, 1); });
  entrywise("HardSwish", 14, {}, [&](const Rational& x) { return Rational(x * clip(x / 6 + Rational(1, 2), 0, 1)); }, true);
  entrywise("Pow", 13, {}, [&](const Rational& x) { return Rational(x * x); }, true, {"two"});
  entrywise("Mul", 13, {}, [&](const Rational& x) { return Rational(x * x); }, true, {"x"});
}

TEST_CASE("one-sided derivatives at kinks and ties") {
  struct Kink {
    const char* op;
    std::int32_t point, direction, wanted4;  // four times the derivative
  };
  for (const Kink& k : {Kink{"HardSwish", -3, 1, -2}, Kink{"HardSwish", -3, -1, 0}, Kink{"HardSwish", 3, 1, 4}, Kink{"HardSwish", 3, -1, -6}, Kink{"HardSwish", 0, 2, 4},
                        Kink{"Elu", 0, 1, 4}, Kink{"Elu", 0, -1, -8}, Kink{"Clip", 1, 1, 0}, Kink{"Clip", 1, -1, -4}, Kink{"Clip", -1, 1, 4}, Kink{"Clip", -1, -1, 0},
                        Kink{"PRelu", 0, -1, -2}, Kink{"Max", 1, -3, 0}, Kink{"Max", 1, 3, 12}, Kink{"Min", 1, -3, -12}, Kink{"Min", 1, 3, 0}}) {
    ob::Model m(16);
    m.input("x", {1}).output("y", {1});
    m.initialiser(ob::floats("one", {}, {1})).initialiser(ob::floats("minus", {}, {-1})).initialiser(ob::floats("half", {1}, {0.5F}));
    const std::string op = k.op;
    m.node(k.op, op == "Clip" ? std::vector<std::string>{"x", "minus", "one"} : op == "Max" || op == "Min" ? std::vector<std::string>{"x", "one"} : op == "PRelu" ? std::vector<std::string>{"x", "half"} : std::vector<std::string>{"x"},
           {"y"}, op == "Elu" ? std::vector<ob::Attribute>{ob::attribute("alpha", 2.0F)} : std::vector<ob::Attribute>{});
    const Graph graph = read(m);
    Evaluator evaluator(graph, Engine());
    const IntervalTensor d = evaluator.directional_derivative({0, {k.point}}, {0, {k.direction}});
    CAPTURE(k.op);
    CAPTURE(k.point);
    CAPTURE(k.direction);
    CHECK(inside(Rational(k.wanted4, 4), d[0]));
    CHECK(upper_end(d[0]) - lower_end(d[0]) <= scaled(Integer(1), -140));
  }
  // A tie in an order statistic: the hull of both derivatives; in a maximum: the larger one; a norm at 0: the norm of the direction.
  for (const char* op : {"TopK", "ReduceMax", "ReduceMin", "MaxPool", "ReduceL2"}) {
    ob::Model m(16);
    m.input("x", {1, 1, 2}).output("y", {1, 1, 1});
    m.initialiser(ob::int64s("k", {1}, {1}));
    const std::string name = op;
    m.node(op, name == "TopK" ? std::vector<std::string>{"x", "k"} : std::vector<std::string>{"x"}, {"y"},
           name == "MaxPool" ? std::vector<ob::Attribute>{ob::ints_attribute("kernel_shape", {2})} : name == "TopK" ? std::vector<ob::Attribute>{} : std::vector<ob::Attribute>{ob::ints_attribute("axes", {2})});
    const Graph graph = read(m);
    Evaluator evaluator(graph, Engine());
    const IntervalTensor d = evaluator.directional_derivative({0, {0, 0}}, {0, {-3, 4}});
    CAPTURE(op);
    CHECK(lower_end(d[0]) == (name == "TopK" || name == "ReduceMin" ? -3 : name == "ReduceL2" ? 5 : 4));
    CHECK(upper_end(d[0]) == (name == "ReduceMin" ? -3 : name == "ReduceL2" ? 5 : 4));
  }
}

TEST_CASE("what cannot be enclosed is refused, never guessed") {
  for (const char* op : {"Sqrt", "Sign", "Reciprocal"}) {
    ob::Model m(16);
    m.input("x", {1}).output("y", {1});
    m.node(op, {"x"}, {"y"});
    const Graph graph = read(m);
    Evaluator evaluator(graph, Engine());
    CAPTURE(op);
    CHECK_THROWS_AS((void)evaluator.directional_derivative({0, {0}}, {0, {1}}), Failure);
  }
  ob::Model m(16);
  m.input("x", {2}).output("y", {2});
  m.node("Sigmoid", {"x"}, {"a"}).node("Relu", {"x"}, {"b"}).node("Div", {"a", "b"}, {"y"});
  const Graph graph = read(m);
  Evaluator evaluator(graph, Engine());
  CHECK_THROWS_AS((void)evaluator.output_at(operand_of(IntervalTensor(2), {2})), Failure);
}

TEST_CASE("quotients of data have values and derivatives") {
  ob::Model m(16);
  m.input("x", {2}).output("y", {2}).initialiser(ob::floats("one", {}, {1}));
  m.node("Abs", {"x"}, {"a"}).node("Add", {"a", "one"}, {"b"}).node("Div", {"x", "b"}, {"c"}).node("Reciprocal", {"b"}, {"r"}).node("Sub", {"c", "r"}, {"y"});
  const Graph graph = read(m);
  Evaluator evaluator(graph, Engine());
  // x / (1 + |x|) - 1 / (1 + |x|): (x - 1) / (1 + x) at 3, slope 2 / (1 + x)^2; (x - 1) / (1 - x) = -1 at -3, slope 0.
  const Operand y = evaluator.output_at(operand_of(intervals_of({0, {3, -3}}), {2}));
  const IntervalTensor d = evaluator.directional_derivative({0, {3, -3}}, {0, {2, 5}});
  for (const auto& [wanted, found] : {std::pair{Rational(1, 2), y.at(0)}, std::pair{Rational(-1), y.at(1)}, std::pair{Rational(1, 4), d[0]}, std::pair{Rational(0), d[1]}}) {
    CHECK(inside(wanted, found));
    CHECK(upper_end(found) - lower_end(found) <= scaled(Integer(1), -140));
  }
}

// ---------------------------------------------------------------------------------------------------------------------- smooth functions

namespace {

/// |value - enclosure| relative to 2^-140 (the reference itself is good to about 2^-280).
void near(const Rational& reference, const Interval& x) {
  const Rational slack = scaled(Integer(1), -250) * (1 + (reference < 0 ? Rational(-reference) : reference));
  CHECK(lower_end(x) <= reference + slack);
  CHECK(upper_end(x) >= reference - slack);
  CHECK(upper_end(x) - lower_end(x) <= scaled(Integer(1), -140) * (1 + (reference < 0 ? Rational(-reference) : reference)));
}

}  // namespace

TEST_CASE("smooth functions and their slopes against MPFR") {
  const Real one = number(1);
  const auto phi = [&](const Real& x) { return (number(1) + (x / number(2).apply(mpfr_sqrt)).apply(mpfr_erf)) / number(2); };
  const auto density = [&](const Real& x) { return exp_of(number(0) - x * x / number(2)) / (number(2) * Real::pi()).apply(mpfr_sqrt); };
  const auto argument = [&](const Real& x) { return number(2) * (number(2) / Real::pi()).apply(mpfr_sqrt) * (x + Real(Rational(44715, 1000000)) * x * x * x); };
  const auto argument_slope = [&](const Real& x) { return number(2) * (number(2) / Real::pi()).apply(mpfr_sqrt) * (number(1) + Real(Rational(3 * 44715, 1000000)) * x * x); };
  for (const Dyadic& at : {Dyadic{0, 0}, Dyadic{1, 0}, Dyadic{-1, 0}, Dyadic{5, -3}, Dyadic{-5, -3}, Dyadic{1, -40}, Dyadic{-1, -140}, Dyadic{7, -1}, Dyadic{-7, -1}, Dyadic{12, 0},
                           Dyadic{-12, 0}, Dyadic{31, 0}, Dyadic{-31, 0}, Dyadic{33, 0}, Dyadic{-33, 0}, Dyadic{100, 0}, Dyadic{-100, 0}, Dyadic{123456789, -28}, Dyadic{-123456789, -27}}) {
    const Interval z(at);
    const Real x(rational_of(at));
    CAPTURE(at.mantissa);
    CAPTURE(at.exponent);
    near(softplus_of(x).exact(), softplus(z));
    near(phi(x).exact(), normal_distribution(z));
    near(density(x).exact(), normal_density(z));
    near((x * phi(x)).exact(), gelu(z, false));
    near((phi(x) + x * density(x)).exact(), gelu_slope(z, false));
    const Real s = sigmoid_of(argument(x));
    near((x * s).exact(), gelu(z, true));
    near((s + x * s * (one - s) * argument_slope(x)).exact(), gelu_slope(z, true));
    const Real t = softplus_of(x).apply(mpfr_tanh);
    near((x * t).exact(), mish(z));
    near((t + x * (one - t * t) * sigmoid_of(x)).exact(), mish_slope(z));
    near(x.apply(mpfr_sin).exact(), sine(z));
    near(x.apply(mpfr_cos).exact(), cosine(z));
    near(x.apply(mpfr_erf).exact(), error_function(z));
    near((number(2) / Real::pi().apply(mpfr_sqrt) * exp_of(number(0) - x * x)).exact(), error_function_slope(z));
    if (at.mantissa <= 0) near(exp_of(x).exact(), exponential_below(z));
    near(exp_of(x).exact(), exponential(z));
    if (at.mantissa > 0) near(x.apply(mpfr_log).exact(), logarithm(z));
    if (at.mantissa >= 0) near(x.apply(mpfr_sqrt).exact(), square_root(z));
  }
  // Wide enclosures contain the values inside.
  const Interval wide(Wide(-3), Wide(5), -1);
  for (int n = -3; n <= 5; ++n) {
    const Interval z(Dyadic{n, -1});
    for (const bool by_tanh : {false, true}) {
      CHECK(meets(gelu(z, by_tanh), gelu(wide, by_tanh)));
      CHECK(lower_end(gelu_slope(wide, by_tanh)) <= lower_end(gelu_slope(z, by_tanh)));
      CHECK(upper_end(gelu_slope(wide, by_tanh)) >= upper_end(gelu_slope(z, by_tanh)));
    }
    CHECK(upper_end(softplus(wide)) >= upper_end(softplus(z)));
    CHECK(lower_end(exponential(wide)) <= lower_end(exponential(z)));
    CHECK(upper_end(exponential(wide)) >= upper_end(exponential(z)));
    const Interval shifted = z + integer(2);
    CHECK(lower_end(logarithm(wide + integer(2))) <= lower_end(logarithm(shifted)));
    CHECK(upper_end(logarithm(wide + integer(2))) >= upper_end(logarithm(shifted)));
    CHECK(lower_end(mish_slope(wide)) <= lower_end(mish_slope(z)));
    CHECK(upper_end(mish_slope(wide)) >= upper_end(mish_slope(z)));
  }
}

TEST_CASE("sine and cosine: many turns, wide enclosures, never beyond 1") {
  std::mt19937_64 random(23);
  for (int k = 0; k < 2000; ++k) {
    // Up to 2^70 in size: beyond 2^64 nothing is known but that they lie in [-1, 1].
    const auto mantissa = static_cast<std::int64_t>(random() >> 11) * (k % 2 == 0 ? 1 : -1);
    const auto exponent = static_cast<std::int32_t>(random() % 78) - 60;
    const Dyadic at{mantissa, exponent};
    const Real x(rational_of(at));
    const Interval z(at);
    for (const auto& [function, value] : {std::pair{x.apply(mpfr_sin).exact(), sine(z)}, std::pair{x.apply(mpfr_cos).exact(), cosine(z)}}) {
      CHECK(lower_end(value) <= function);
      CHECK(function <= upper_end(value));
      CHECK(lower_end(value) >= -1);
      CHECK(upper_end(value) <= 1);
      if (exponent <= 0) CHECK(upper_end(value) - lower_end(value) <= scaled(Integer(1), -90));
    }
    // An enclosure around it, of any width: the value at the point, and at the ends.
    const Interval width(Dyadic{static_cast<std::int64_t>(random() >> 40), static_cast<std::int32_t>(random() % 40) - 38});
    const Interval wide = z + hull(negated(width), quotient(width, integer(3)));
    for (const Interval& y : {sine(wide), cosine(wide)}) {
      CHECK(lower_end(y) >= -1);
      CHECK(upper_end(y) <= 1);
    }
    for (const Interval& point : {z, Interval(wide.low, wide.low, wide.exponent), Interval(wide.high, wide.high, wide.exponent)}) {
      CHECK(meets(sine(wide), sine(point)));
      CHECK(lower_end(sine(wide)) <= upper_end(sine(point)));
      CHECK(meets(cosine(wide), cosine(point)));
    }
  }
  CHECK(sine({}).is_zero());
  // Around an extreme the value is 1, whatever the ends give.
  CHECK(upper_end(sine(Interval(Wide(1), Wide(2), 0))) == 1);
  CHECK(lower_end(cosine(Interval(Wide(3), Wide(4), 0))) == -1);
}

TEST_CASE("smooth nodes: values and derivatives against MPFR") {
  struct Smooth {
    const char* op;
    std::function<Real(const Real&)> value, slope;
    std::vector<ob::Attribute> attributes;
  };
  const Real one = number(1);
  const auto selu_alpha = Real(rational_of(dyadic_of_binary32(0x3FD62D7D)));
  const auto selu_gamma = Real(rational_of(dyadic_of_binary32(0x3F867D5F)));
  const auto negative = [](const Real& x) { return x.exact() < 0; };
  const std::vector<Smooth> all = {
      {"Elu", [&](const Real& x) { return negative(x) ? number(2) * x.apply(mpfr_expm1) : x; }, [&](const Real& x) { return negative(x) ? number(2) * exp_of(x) : one; }, {ob::attribute("alpha", 2.0F)}},
      {"Selu", [&](const Real& x) { return selu_gamma * (negative(x) ? selu_alpha * x.apply(mpfr_expm1) : x); },
       [&](const Real& x) { return selu_gamma * (negative(x) ? selu_alpha * exp_of(x) : one); }, {}},
      {"Softplus", softplus_of, sigmoid_of, {}},
      {"Silu", [](const Real& x) { return x * sigmoid_of(x); }, [&](const Real& x) { return sigmoid_of(x) + x * sigmoid_of(x) * (one - sigmoid_of(x)); }, {}}};
  for (const Smooth& f : all) {
    ob::Model m(20);
    m.input("x", {8}).output("y", {8});
    if (std::string(f.op) == "Silu")
      m.node("Sigmoid", {"x"}, {"s"}).node("Mul", {"x", "s"}, {"y"});
    else
      m.node(f.op, {"x"}, {"y"}, f.attributes);
    const Graph graph = read(m);
    Evaluator evaluator(graph, Engine());
    const std::vector<std::int32_t> point = {-40, -9, -1, 1, 3, 8, 17, 90};
    const std::vector<std::int32_t> direction = {1, -2, 3, -1, 1, 2, -5, 1};
    const Operand value = evaluator.output_at(operand_of(intervals_of({-3, point}), {8}));
    const IntervalTensor d = evaluator.directional_derivative({-3, point}, {0, direction});
    for (std::size_t i = 0; i < 8; ++i) {
      const Real x(scaled(Integer(point[i]), -3));
      CAPTURE(f.op);
      CAPTURE(point[i]);
      near(f.value(x).exact(), value.at(i));
      near((f.slope(x) * number(direction[i])).exact(), d[i]);
    }
  }
  ob::Model m(13);
  m.input("x", {2, 3}).output("y", {2, 3});
  m.node("Softmax", {"x"}, {"y"});
  const Graph graph = read(m);
  Evaluator evaluator(graph, Engine());
  const std::vector<std::int32_t> point = {-8, 3, 20, 200, -7, 199};
  const std::vector<std::int32_t> direction = {1, -2, 3, -1, 1, 2};
  const Operand value = evaluator.output_at(operand_of(intervals_of({-3, point}), {2, 3}));
  const IntervalTensor d = evaluator.directional_derivative({-3, point}, {0, direction});
  for (std::size_t row = 0; row < 2; ++row) {
    Real sum;
    Real mean;
    std::vector<Real> e;
    for (std::size_t i = 0; i < 3; ++i) {
      e.push_back(exp_of(Real(scaled(Integer(point[3 * row + i]), -3))));
      sum = sum + e.back();
      mean = mean + e.back() * number(direction[3 * row + i]);
    }
    for (std::size_t i = 0; i < 3; ++i) {
      near((e[i] / sum).exact(), value.at(3 * row + i));
      near((e[i] / sum * (number(direction[3 * row + i]) - mean / sum)).exact(), d[3 * row + i]);
    }
  }
}

TEST_CASE("blocks of linear nodes: one input, several paths, additive constants left out") {
  ob::Model m(13);
  m.input("x", {1, 2}).output("y", {1, 5});
  m.initialiser(ob::floats("W", {2, 2}, {1, 2, 3, 4})).initialiser(ob::floats("c", {2}, {10, 20})).initialiser(ob::floats("d", {1, 1}, {100}));
  m.node("Relu", {"x"}, {"r"});
  m.node("Gemm", {"r", "W", "c"}, {"a"}).node("Add", {"a", "r"}, {"b"}).node("Sub", {"c", "b"}, {"e"}).node("Concat", {"e", "d", "r"}, {"y"}, {ob::attribute("axis", 1)});
  const Graph graph = read(m);
  Evaluator evaluator(graph, Engine());
  const Operand x = operand_of({Interval(Dyadic{1, 0}), Interval(Dyadic{-2, 0})}, {1, 2});
  const ValueId input = graph.nodes[0].outputs[0];
  const Operand linear = evaluator.apply_block({1, 2, 3, 4}, input, x, true);
  const Operand affine = evaluator.apply_block({1, 2, 3, 4}, input, x, false);
  // a = (1 - 6, 2 - 8), b = a + x = (-4, -8), e = -b.
  const std::vector<std::int64_t> wanted = {4, 8, 0, 1, -2};
  const std::vector<std::int64_t> shifted = {4 + 10 - 10, 8 + 20 - 20, 100, 1, -2};
  for (std::size_t i = 0; i < 5; ++i) {
    CHECK(linear.at(i) == Interval(Dyadic{wanted[i], 0}));
    CHECK(affine.at(i) == Interval(Dyadic{shifted[i], 0}));
  }
  CHECK_THROWS_AS((void)evaluator.apply_block({0}, 0, x, true), Failure);
  CHECK(evaluator.data_input(2) == kAbsent);
  CHECK(evaluator.data_inputs(2).size() == 2);
}

TEST_CASE("a 16 x 16 x 3 x 3 convolution of 14 x 14 positions takes well under a second, exact and enclosed") {
  std::mt19937 random(3);
  std::normal_distribution<float> normal;
  std::vector<float> w(16 * 16 * 9);
  for (float& v : w) v = normal(random);
  ob::Model m(13);
  m.input("x", {1, 16, 14, 14}).output("y", {1, 16, 14, 14});
  m.initialiser(ob::floats("w", {16, 16, 3, 3}, w));
  m.node("Conv", {"x", "w"}, {"a"}, {ob::ints_attribute("pads", {1, 1, 1, 1})}).node("Sigmoid", {"a"}, {"b"}).node("Conv", {"b", "w"}, {"y"}, {ob::ints_attribute("pads", {1, 1, 1, 1})});
  const Graph graph = read(m);
  Evaluator evaluator(graph, Engine());
  IntervalTensor x(16 * 196);
  for (Interval& v : x) v = Interval(Dyadic{static_cast<std::int64_t>(random() % 1000) - 500, -10});
  const auto seconds = [](std::clock_t from, std::clock_t to) { return static_cast<double>(to - from) / CLOCKS_PER_SEC; };  // of the processor: the machine may be busy
  const auto start = std::clock();
  const Operand exact = evaluator.apply(0, operand_of(x, {1, 16, 14, 14}), false);
  const Operand smooth = evaluator.apply(1, exact, false);
  const auto middle = std::clock();
  const Operand y = evaluator.apply(2, smooth, false);
  const auto end = std::clock();
  MESSAGE("exact convolution and sigmoid " << seconds(start, middle) << " s, enclosed convolution " << seconds(middle, end) << " s");
  CHECK(exact.at(0).exact());
  CHECK(upper_end(y.at(5)) - lower_end(y.at(5)) <= scaled(Integer(1), -130));
  CHECK(seconds(middle, end) < 1.0);
}
