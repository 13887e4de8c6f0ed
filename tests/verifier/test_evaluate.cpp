// Evaluation and one-sided derivatives, against exact rationals that know nothing of intervals.
#include <doctest/doctest.h>

#include <array>
#include <cstdlib>
#include <random>

#include "tests/support/onnx_builder.hpp"
#include "tests/verifier/support.hpp"
#include "verifier/graph/evaluate.hpp"
#include "verifier/base/failure.hpp"
#include "verifier/graph/onnx.hpp"
#include "verifier/graph/weighted_sum.hpp"

using namespace lipverify;
namespace ob = onnx_builder;

namespace {

Graph read(const ob::Model& model) {
  std::vector<ExternalFile> external;
  return read_onnx(model.bytes(), {}, external);
}

bool inside(const Rational& value, const Interval& x) { return lower_end(x) <= value && value <= upper_end(x); }

std::vector<Rational> exact(const IntegerVector& v) {
  std::vector<Rational> out;
  for (const std::int32_t m : v.mantissas) out.push_back(scaled(Integer(m), v.exponent));
  return out;
}

Rational value(float x) {
  std::uint32_t bits = 0;
  std::memcpy(&bits, &x, 4);
  return rational_of(dyadic_of_binary32(bits));
}

std::vector<float> weights(std::size_t n, unsigned seed) {
  std::mt19937 random(seed);
  std::normal_distribution<float> normal;
  std::vector<float> out(n);
  for (float& x : out) x = normal(random);
  return out;
}

IntegerVector integers(std::size_t n, unsigned seed, int exponent) {
  std::mt19937 random(seed);
  IntegerVector out;
  out.exponent = exponent;
  for (std::size_t i = 0; i < n; ++i) out.mantissas.push_back(static_cast<std::int32_t>(random() % 2001) - 1000);
  return out;
}

}  // namespace

TEST_CASE("a deep piecewise linear network: value and derivative contain the exact ones, tightly") {
  const std::size_t n = 8;
  const int depth = 12;
  for (unsigned seed = 0; seed < 6; ++seed) {
    ob::Model model;
    model.input("x0", {1, 8}).output("x" + std::to_string(depth), {1, 8});
    std::vector<std::vector<float>> w, b;
    for (int l = 0; l < depth; ++l) {
      const std::string k = std::to_string(l);
      w.push_back(weights(n * n, seed * 100 + static_cast<unsigned>(l)));
      b.push_back(weights(n, seed * 100 + 50 + static_cast<unsigned>(l)));
      model.initialiser(ob::floats("W" + k, {8, 8}, w.back())).initialiser(ob::floats("b" + k, {8}, b.back()));
      model.node("Gemm", {"x" + k, "W" + k, "b" + k}, {"z" + k}, {ob::attribute("transB", l % 2)});
      const char* op = l % 3 == 0 ? "Relu" : l % 3 == 1 ? "LeakyRelu" : "Abs";
      model.node(op, {"z" + k}, {"x" + std::to_string(l + 1)}, l % 3 == 1 ? std::vector<ob::Attribute>{ob::attribute("alpha", 0.125F)} : std::vector<ob::Attribute>{});
    }
    const Graph graph = read(model);
    Evaluator evaluator(graph, Engine());
    const IntegerVector point = integers(n, seed, -5);
    const IntegerVector direction = integers(n, seed + 77, 3);
    std::vector<Rational> x = exact(point);
    std::vector<Rational> d = exact(direction);
    for (int l = 0; l < depth; ++l) {
      std::vector<Rational> y(n), e(n);
      for (std::size_t i = 0; i < n; ++i) {
        y[i] = value(b[static_cast<std::size_t>(l)][i]);
        for (std::size_t j = 0; j < n; ++j) {
          const Rational a = value(w[static_cast<std::size_t>(l)][l % 2 == 1 ? i * n + j : j * n + i]);
          y[i] += a * x[j];
          e[i] += a * d[j];
        }
        REQUIRE(y[i] != 0);
        const Rational left = l % 3 == 0 ? Rational(0) : l % 3 == 1 ? Rational(1, 8) : Rational(-1);
        const Rational slope = y[i] > 0 ? Rational(1) : left;
        y[i] *= slope;
        e[i] *= slope;
      }
      x = y;
      d = e;
    }
    const IntervalTensor derivative = evaluator.directional_derivative(point, direction);
    for (std::size_t i = 0; i < n; ++i) {
      REQUIRE(inside(d[i], derivative[i]));
      const Rational size = d[i] < 0 ? Rational(-d[i]) : d[i];
      CHECK(upper_end(derivative[i]) - lower_end(derivative[i]) <= size * scaled(Integer(1), -90));
    }
  }
}

TEST_CASE("kinks: one-sided derivatives, by the sign of the direction") {
  struct Kink {
    const char* op;
    int point, direction, wanted4;  // four times the derivative
  };
  for (const Kink& k : {Kink{"Relu", 0, 1, 4}, Kink{"Relu", 0, -1, 0}, Kink{"Relu", 3, -1, -4}, Kink{"Relu", -3, 1, 0}, Kink{"Abs", 0, 1, 4}, Kink{"Abs", 0, -1, 4},
                        Kink{"Abs", -2, 1, -4}, Kink{"LeakyRelu", 0, 1, 4}, Kink{"LeakyRelu", 0, -1, -1}, Kink{"LeakyRelu", -5, 2, 2}}) {
    ob::Model model;
    model.input("x", {1}).output("y", {1});
    model.node(k.op, {"x"}, {"y"}, std::string(k.op) == "LeakyRelu" ? std::vector<ob::Attribute>{ob::attribute("alpha", 0.25F)} : std::vector<ob::Attribute>{});
    const Graph graph = read(model);
    Evaluator evaluator(graph, Engine());
    const IntervalTensor d = evaluator.directional_derivative({0, {k.point}}, {0, {k.direction}});
    CAPTURE(k.op);
    CAPTURE(k.point);
    CHECK(lower_end(d[0]) == Rational(k.wanted4, 4));
    CHECK(upper_end(d[0]) == Rational(k.wanted4, 4));
  }
  // An open sign: x / 3 * 3 - 1 at x = 1 is not known to be 0 by intervals. Both one-sided slopes are in the hull.
  ob::Model model;
  model.input("x", {1}).output("y", {1});
  model.initialiser(ob::floats("three", {}, {3.0F})).initialiser(ob::floats("one", {}, {1.0F}));
  model.node("Div", {"x", "three"}, {"a"}).node("Mul", {"a", "three"}, {"b"}).node("Sub", {"b", "one"}, {"c"}).node("Relu", {"c"}, {"y"});
  const Graph graph = read(model);
  Evaluator evaluator(graph, Engine());
  const IntervalTensor d = evaluator.directional_derivative({0, {1}}, {0, {1}});
  CHECK(lower_end(d[0]) <= 0);
  CHECK(upper_end(d[0]) >= 1);
  CHECK(squared_norm_below(d) == 0);
}

TEST_CASE("expressions of constants over all operators") {
  // Each constant expression is added to the data; the linear part is the identity, so the value shows the constant.
  ob::Model model;
  model.input("x", {2, 2}).output("y", {2, 2});
  model.initialiser(ob::floats("A", {2, 2}, {1, 2, 3, 4})).initialiser(ob::floats("B", {2, 2}, {0.5F, -1, 0.25F, 2})).initialiser(ob::floats("v", {2}, {3, -7}));
  model.initialiser(ob::int64s("s", {2}, {2, 2}));
  model.node("MatMul", {"A", "B"}, {"c1"});                                                                              // [[1, 3], [2.5, 5]]
  model.node("Gemm", {"A", "B", "v"}, {"c2"}, {ob::attribute("alpha", 2.0F), ob::attribute("beta", -1.0F), ob::attribute("transA", 1)});  // 2 A'B - v
  model.node("Sub", {"c1", "c2"}, {"c3"});
  model.node("Mul", {"c3", "v"}, {"c4"});
  model.node("Div", {"c4", "v"}, {"c5"});
  model.node("Abs", {"c5"}, {"c6"}).node("Relu", {"c5"}, {"c7"}).node("LeakyRelu", {"c5"}, {"c8"}, {ob::attribute("alpha", 0.5F)});
  model.node("Add", {"c6", "c7"}, {"c9"}).node("Add", {"c9", "c8"}, {"c10"});
  model.node("Flatten", {"c10"}, {"c11"}, {ob::attribute("axis", 0)}).node("Reshape", {"c11", "s"}, {"c12"}).node("Identity", {"c12"}, {"c13"});
  model.node("Tanh", {"c13"}, {"t"}).node("Sigmoid", {"t"}, {"u"}).node("Mul", {"u", "c13"}, {"c14"});
  model.node("MatMul", {"A", "v"}, {"mv"}).node("MatMul", {"v", "A"}, {"vm"});
  model.node("Add", {"x", "c13"}, {"x1"}).node("Add", {"x1", "c14"}, {"x2"}).node("Add", {"x2", "mv"}, {"x3"}).node("Add", {"x3", "vm"}, {"y"});
  const Graph graph = read(model);
  Evaluator evaluator(graph, Engine());
  const auto named = [&](const std::string& name) -> const Operand& {
    for (ValueId id = 0; id < graph.values.size(); ++id)
      if (graph.values[id].name == name) return evaluator.constant(id);
    throw std::runtime_error(name);
  };
  // 2 A'B: A' = [[1,3],[2,4]]; A'B = [[1.25, 5], [2, 6]]; times 2, minus (3, -7).
  const std::vector<Rational> c2 = {Rational(5, 2) - 3, 10 + 7, 4 - 3, 12 + 7};
  const std::vector<Rational> c1 = {1, 3, Rational(5, 2), 5};
  for (std::uint64_t i = 0; i < 4; ++i) {
    const Rational c5 = c1[i] - c2[i];
    CHECK(inside(c1[i], named("c1").at(i)));
    CHECK(named("c1").at(i).exact());
    CHECK(inside(c2[i], named("c2").at(i)));
    CHECK(inside(c5, named("c5").at(i)));
    const Rational wanted = (c5 < 0 ? Rational(-c5) : c5) + (c5 > 0 ? c5 : Rational(0)) + (c5 > 0 ? c5 : Rational(c5 / 2));
    CHECK(inside(wanted, named("c13").at(i)));
  }
  CHECK(inside(Rational(1 * 3 - 2 * 7), named("mv").at(0)));
  CHECK(inside(Rational(3 * 3 - 4 * 7), named("mv").at(1)));
  CHECK(inside(Rational(3 * 1 - 7 * 3), named("vm").at(0)));
  CHECK(inside(Rational(3 * 2 - 7 * 4), named("vm").at(1)));
  CHECK(named("A").raw != nullptr);
}

TEST_CASE("batched products broadcast as numpy does") {
  ob::Model model;
  model.input("x", {2, 3, 2}).output("y", {2, 3, 2});
  const std::vector<float> a = weights(2 * 1 * 3 * 2, 1);
  const std::vector<float> b = weights(2 * 2 * 2, 2);
  model.initialiser(ob::floats("A", {2, 1, 3, 2}, a)).initialiser(ob::floats("B", {2, 2, 2}, b));
  model.node("MatMul", {"A", "B"}, {"C"});  // [2, 2, 3, 2]
  model.node("Mul", {"C", "C"}, {"D"});
  model.node("Relu", {"x"}, {"y"});
  const Graph graph = read(model);
  Evaluator evaluator(graph, Engine());
  const Operand& c = evaluator.constant(graph.nodes[0].outputs[0]);
  REQUIRE(c.shape == Shape{2, 2, 3, 2});
  for (std::size_t p = 0; p < 2; ++p)
    for (std::size_t q = 0; q < 2; ++q)
      for (std::size_t i = 0; i < 3; ++i)
        for (std::size_t j = 0; j < 2; ++j) {
          Rational sum = 0;
          for (std::size_t k = 0; k < 2; ++k) sum += value(a[(p * 3 + i) * 2 + k]) * value(b[(q * 2 + k) * 2 + j]);
          CHECK(inside(sum, c.at(((p * 2 + q) * 3 + i) * 2 + j)));
          CHECK(c.at(((p * 2 + q) * 3 + i) * 2 + j).exact());
        }
}

TEST_CASE("sums of products of short integers are exact up to the last bit that 128 bits have, and beyond the number of terms that fit") {
  std::mt19937_64 random(5);
  const auto number = [&](unsigned bits) {  // of exactly so many bits
    const std::uint64_t top = std::uint64_t{1} << (bits - 1);
    return static_cast<std::int64_t>(top | (random() & (top - 1))) * (random() % 2 == 0 ? 1 : -1);
  };
  for (const auto& [weight_bits, data_bits, terms] : std::vector<std::array<unsigned, 3>>{{62, 62, 50}, {62, 61, 400}, {24, 31, 1000}, {1, 1, 3}, {62, 1, 100}}) {
    for (const bool same_sign : {true, false}) {
      IntervalTensor w, x;
      Rational expected = 0;
      for (unsigned k = 0; k < terms; ++k) {
        std::int64_t a = number(weight_bits);
        std::int64_t b = number(data_bits);
        if (same_sign) a = std::abs(a), b = std::abs(b);
        w.emplace_back(Dyadic{a, -30});
        x.emplace_back(Dyadic{b, 7});
        expected += Rational(Integer(a) * Integer(b)) * scaled(Integer(1), -23);
      }
      const Operand weights = operand_of(w, {terms});
      const Operand data = operand_of(x, {terms});
      const IntervalTensor sums = weighted_sums(weights, data, 1, 1, [&](std::uint64_t, const auto& visit) {
        for (std::uint64_t k = 0; k < terms; ++k) visit(k, k);
      });
      CHECK(sums.at(0).exact());
      CHECK(lower_end(sums.at(0)) == expected);
    }
  }
}

TEST_CASE("division by zero and by what may be zero is rejected") {
  for (const float divisor : {0.0F, -0.0F}) {
    ob::Model model;
    model.input("x", {1}).output("y", {1});
    model.initialiser(ob::floats("z", {}, {divisor})).initialiser(ob::floats("one", {}, {1.0F}));
    model.node("Div", {"one", "z"}, {"c"}).node("Mul", {"x", "c"}, {"y"});
    const Graph graph = read(model);
    Evaluator evaluator(graph, Engine());
    CHECK_THROWS_AS((void)evaluator.constant(graph.nodes[0].outputs[0]), Failure);
  }
}

TEST_CASE("squared norms") {
  CHECK(squared_norm({-1, {3, -4}}) == Rational(25, 4));
  IntervalTensor v = {Interval(Wide(-1), Wide(2), 0), Interval(Wide(-5), Wide(-4), 0), Interval(Dyadic{3, 0})};
  CHECK(squared_norm_below(v) == 25);
  v = {Interval(Dyadic{1, 300}), Interval(Dyadic{1, -300})};
  CHECK(squared_norm_below(v) == scaled(Integer(1), 600));
  CHECK(squared_norm({0, {INT32_MIN, INT32_MIN}}) == scaled(Integer(1), 63));
}
