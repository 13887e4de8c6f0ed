// Every row of the table of activations (verifier/graph/activations.cpp) against MPFR: no difference quotient is above the largest slope, the
// enclosures of value and one-sided derivative hold what they should. A row without a reference here fails.
#include <doctest/doctest.h>

#include <functional>
#include <map>
#include <random>
#include <string>

#include "tests/support/onnx_builder.hpp"
#include "tests/verifier/real.hpp"
#include "verifier/base/failure.hpp"
#include "verifier/graph/activations.hpp"
#include "verifier/graph/evaluate.hpp"
#include "verifier/graph/onnx.hpp"

using namespace lipverify;
using namespace verifier_test;
namespace ob = onnx_builder;

namespace {

/// A node of that row, and what it computes of a number (entry i of its data: a PRelu has a slope for each).
struct Case {
  std::function<Real(const Real& x, std::size_t i)> value;
  std::vector<ob::Attribute> attributes;
  std::vector<std::vector<float>> constants;  // its further inputs
  std::int64_t opset = 20;
};

Real real(float x) {
  Real out;
  std::uint32_t bits = 0;
  std::memcpy(&bits, &x, sizeof bits);
  return Real(rational_of(dyadic_of_binary32(bits)));
}
Real bits(std::uint32_t word) { return Real(rational_of(dyadic_of_binary32(word))); }
Real larger(const Real& a, const Real& b) { return a < b ? b : a; }
Real smaller(const Real& a, const Real& b) { return a < b ? a : b; }
Real minus(const Real& a) { return number(0) - a; }
bool negative(const Real& x) { return x < number(0); }

Case plain(std::function<Real(const Real&)> value, std::vector<ob::Attribute> attributes = {}) {
  return {[value = std::move(value)](const Real& x, std::size_t) { return value(x); }, std::move(attributes), {}, 20};
}
Case leaky(const Real& slope, std::vector<ob::Attribute> attributes) {
  return plain([slope](const Real& x) { return negative(x) ? slope * x : x; }, std::move(attributes));
}
Case elu(const Real& gamma, const Real& alpha, std::vector<ob::Attribute> attributes) {
  return plain([=](const Real& x) { return gamma * (negative(x) ? alpha * x.apply(mpfr_expm1) : x); }, std::move(attributes));
}
Case hard_sigmoid(const Real& alpha, const Real& beta, std::vector<ob::Attribute> attributes) {
  return plain([=](const Real& x) { return larger(number(0), smaller(number(1), alpha * x + beta)); }, std::move(attributes));
}

/// One list of cases for each row, with default and other parameters.
const std::map<std::string, std::vector<Case>>& cases() {
  static const std::map<std::string, std::vector<Case>> all = [] {
    std::map<std::string, std::vector<Case>> out;
    out["Relu"] = {plain([](const Real& x) { return larger(x, number(0)); })};
    out["Abs"] = {plain([](const Real& x) { return negative(x) ? minus(x) : x; })};
    out["LeakyRelu"] = {leaky(bits(0x3C23D70A), {}), leaky(real(-1.75F), {ob::attribute("alpha", -1.75F)}), leaky(real(0.3F), {ob::attribute("alpha", 0.3F)})};
    const std::vector<float> slopes = {0.25F, -3.0F, 1.5F, 0.0F, 0.1F, -0.5F, 2.75F};
    out["PRelu"] = {{[slopes](const Real& x, std::size_t i) { return negative(x) ? real(slopes[i % slopes.size()]) * x : x; }, {}, {slopes}, 20}};
    out["Sigmoid"] = {plain(sigmoid_of)};
    out["Tanh"] = {plain([](const Real& x) { return x.apply(mpfr_tanh); })};
    out["Softplus"] = {plain([](const Real& x) { return negative(x) ? softplus_of(x) : x + softplus_of(minus(x)); })};
    out["Elu"] = {elu(number(1), number(1), {}), elu(number(1), real(2.5F), {ob::attribute("alpha", 2.5F)}), elu(number(1), real(-0.7F), {ob::attribute("alpha", -0.7F)})};
    out["Selu"] = {elu(bits(0x3F867D5F), bits(0x3FD62D7D), {}), elu(real(-2.0F), real(0.5F), {ob::attribute("alpha", 0.5F), ob::attribute("gamma", -2.0F)})};
    out["HardSigmoid"] = {hard_sigmoid(bits(0x3E4CCCCD), real(0.5F), {}), hard_sigmoid(real(-1.5F), real(0.25F), {ob::attribute("alpha", -1.5F), ob::attribute("beta", 0.25F)}),
                          hard_sigmoid(number(0), real(0.5F), {ob::attribute("alpha", 0.0F)})};
    out["HardSwish"] = {plain([](const Real& x) { return x * larger(number(0), smaller(number(1), x / number(6) + number(1) / number(2))); })};
    out["Gelu"] = {plain([](const Real& x) { return x * (number(1) + (x / number(2).apply(mpfr_sqrt)).apply(mpfr_erf)) / number(2); }),
                   plain(
                       [](const Real& x) {
                         const Real u = (number(2) / Real::pi()).apply(mpfr_sqrt) * (x + Real(Rational(44715, 1000000)) * x * x * x);
                         return x * (number(1) + u.apply(mpfr_tanh)) / number(2);
                       },
                       {ob::string_attribute("approximate", "tanh")})};
    out["Mish"] = {plain([](const Real& x) { return x * (negative(x) ? softplus_of(x) : x + softplus_of(minus(x))).apply(mpfr_tanh); })};
    const auto clip = [](float low, float high) {
      return [=](const Real& x, std::size_t) { return smaller(larger(x, real(low)), real(high)); };
    };
    out["Clip"] = {{clip(-1.5F, 2.0F), {}, {{-1.5F}, {2.0F}}, 13},
                   {clip(2.0F, -1.0F), {}, {{2.0F}, {-1.0F}}, 13},
                   {[](const Real& x, std::size_t) { return larger(x, real(0.5F)); }, {}, {{0.5F}}, 13},
                   {clip(-0.5F, 0.75F), {ob::attribute("min", -0.5F), ob::attribute("max", 0.75F)}, {}, 10},
                   {[](const Real& x, std::size_t) { return x; }, {}, {}, 10}};
    out["Softsign"] = {plain([](const Real& x) { return x / (number(1) + (negative(x) ? minus(x) : x)); })};
    const auto celu = [](float alpha) {
      return plain([=](const Real& x) { return negative(x) ? real(alpha) * (x / real(alpha)).apply(mpfr_expm1) : x; }, {ob::attribute("alpha", alpha)});
    };
    out["Celu"] = {celu(1.0F), celu(0.3F), celu(2.5F)};
    out["Sin"] = {plain([](const Real& x) { return x.apply(mpfr_sin); })};
    out["Cos"] = {plain([](const Real& x) { return x.apply(mpfr_cos); })};
    out["Erf"] = {plain([](const Real& x) { return x.apply(mpfr_erf); })};
    return out;
  }();
  return all;
}

/// Points on both sides of every kink and on the kinks themselves, near them, and far away.
const std::vector<Rational>& points() {
  static const std::vector<Rational> all = [] {
    std::vector<Rational> out;
    for (int n = -7 * 8; n <= 7 * 8; ++n) out.emplace_back(n, 8);
    for (const int n : {-3, -2, -1, 0, 1, 2, 3})
      for (const int e : {-30, -60})
        for (const int sign : {-1, 1}) out.push_back(n + sign * scaled(Integer(1), e));
    std::mt19937 random(7);
    for (int k = 0; k < 40; ++k) out.push_back(scaled(Integer(static_cast<int>(random() % 2000001) - 1000000), -16));
    std::sort(out.begin(), out.end());
    return out;
  }();
  return all;
}

/// The smallest interval that holds both (and, like every interval, is widened outward when its numbers are long).
Interval between(const Rational& a, const Rational& b) {
  const auto exact = [](const Rational& x) {  // dyadic
    const Integer bottom = boost::multiprecision::denominator(x);
    const Wide top(boost::multiprecision::numerator(x));
    return Interval(top, top, -static_cast<std::int64_t>(boost::multiprecision::msb(bottom)));
  };
  return hull(exact(a), exact(b));
}

Rational size(const Rational& x) { return x < 0 ? Rational(-x) : x; }
const Rational kSlack = scaled(Integer(1), -200);  // the reference has 300 bits, its numbers are below 2^10

/// The node with its constants, as the table reads it.
struct Laid {
  Graph graph;
  Evaluator evaluator;
  std::size_t count;

  Laid(const std::string& op, const Case& c, std::size_t n) : graph(read(op, c, n)), evaluator(graph, Engine()), count(n) {}
  static Graph read(const std::string& op, const Case& c, std::size_t n) {
    ob::Model m(c.opset);
    const auto length = static_cast<std::int64_t>(n);
    m.input("x", {length}).output("y", {length});
    std::vector<std::string> inputs = {"x"};
    for (std::size_t k = 0; k < c.constants.size(); ++k) {
      const std::vector<float>& given = c.constants[k];
      std::vector<float> entries;
      for (std::size_t i = 0; i < (given.size() == 1 ? 1 : n); ++i) entries.push_back(given[i % given.size()]);
      inputs.push_back("c" + std::to_string(k));
      m.initialiser(ob::floats(inputs.back(), given.size() == 1 ? std::vector<std::int64_t>{} : std::vector<std::int64_t>{length}, entries));
    }
    m.node(op, inputs, {"y"}, c.attributes);
    std::vector<ExternalFile> external;
    return read_onnx(m.bytes(), {}, external);
  }
  NodeInputs at(const Operand& x) {
    NodeInputs out{graph, 0, {&x}, 1};
    for (std::size_t k = 1; k < graph.nodes[0].inputs.size(); ++k) out.in.push_back(&evaluator.constant(graph.nodes[0].inputs[k]));
    return out;
  }
  Operand value(const IntervalTensor& z) {
    const Operand x = operand_of(z, {count});
    return node_value(at(x), 0);
  }
  Operand derivative(const IntervalTensor& z, const IntervalTensor& d) {
    const Operand x = operand_of(z, {count});
    const Operand v = operand_of(d, {count});
    const NodeInputs inputs = at(x);
    std::vector<const Operand*> derivatives(inputs.in.size(), nullptr);
    derivatives[0] = &v;
    return node_derivative(inputs, derivatives, node_value(inputs, 0), 0);
  }
};

void check_row(const Activation& row, const Case& c) {
  const std::vector<Rational>& x = points();
  const std::size_t n = x.size();
  Laid node(row.name, c, n);
  const Constant slope = row.slope(node.graph, node.evaluator, node.graph.nodes[0]);
  REQUIRE(slope.lower >= 0);
  REQUIRE(slope.lower <= slope.upper);

  // Difference quotients: none above the upper end, and some near the lower one.
  Rational best = 0;
  std::mt19937 random(11);
  for (std::size_t i = 0; i < n; ++i) {
    for (int k = 0; k < 4; ++k) {
      const std::size_t other = k == 0 ? (i + 1) % n : random() % n;
      if (x[i] == x[other]) continue;
      const Rational quotient = (c.value(Real(x[i]), i) - c.value(Real(x[other]), i)).exact() / (x[i] - x[other]);
      best = std::max(best, size(quotient));
    }
    const Rational near = scaled(Integer(1), -20);
    best = std::max(best, size((c.value(Real(x[i] + near), i) - c.value(Real(x[i]), i)).exact() / near));
  }
  CHECK(best <= slope.upper + kSlack);
  CHECK(best >= slope.lower * Rational(999, 1000));

  // Values and derivatives, at points and in intervals that hold them; directions of both signs and enclosed ones.
  const Rational step = scaled(Integer(1), -120);
  std::vector<Rational> values;
  std::map<int, std::vector<Rational>> quotients;  // for each direction
  for (std::size_t i = 0; i < n; ++i) values.push_back(c.value(Real(x[i]), i).exact());
  for (const int d : {-2, -1, 0, 1, 2, 3})
    for (std::size_t i = 0; i < n; ++i) quotients[d].push_back((c.value(Real(x[i] + d * step), i).exact() - values[i]) / step);
  const Rational slack = scaled(Integer(1), -100);
  for (const int width : {0, 2, 40}) {
    CAPTURE(width);
    IntervalTensor z;
    for (std::size_t i = 0; i < n; ++i) z.push_back(between(x[i < static_cast<std::size_t>(width) ? 0 : i - static_cast<std::size_t>(width)], x[std::min(n - 1, i + static_cast<std::size_t>(width))]));
    const Operand y = node.value(z);
    for (std::size_t i = 0; i < n; ++i) {
      CAPTURE(i);
      CHECK(lower_end(y.at(i)) <= values[i] + kSlack);
      CHECK(upper_end(y.at(i)) >= values[i] - kSlack);
      // A point's value is known as well as the numbers allow: certificates need it.
      if (width == 0) CHECK(upper_end(y.at(i)) - lower_end(y.at(i)) <= scaled(Integer(1), -90));
    }
    for (const auto& [low, high] : {std::pair<int, int>{1, 1}, {-1, -1}, {3, 3}, {0, 0}, {-2, 3}, {0, 2}}) {
      CAPTURE(low);
      CAPTURE(high);
      const Operand derivative = node.derivative(z, IntervalTensor(n, between(Rational(low), Rational(high))));
      for (std::size_t i = 0; i < n; ++i)
        for (const int d : {low, high}) {
          const Rational& quotient = quotients.at(d)[i];
          CAPTURE(i);
          CAPTURE(d);
          CHECK(lower_end(derivative.at(i)) <= quotient + slack);
          CHECK(upper_end(derivative.at(i)) >= quotient - slack);
          // As tight as the slope, where nothing is enclosed.
          if (width == 0 && low == high) CHECK(upper_end(derivative.at(i)) - lower_end(derivative.at(i)) <= scaled(Integer(1), -90));
        }
    }
  }
}

}  // namespace

TEST_CASE("every row of the table of activations") {
  CHECK(cases().size() == activations().size());
  for (const Activation& row : activations()) {
    CAPTURE(std::string(row.name));
    Op op = Op::end;
    REQUIRE(find_operator(row.name, op));
    REQUIRE(op == row.op);
    REQUIRE(is_activation(op));
    REQUIRE(&activation_of(op) == &row);
    REQUIRE(cases().count(row.name) == 1);
    const std::vector<Case>& mine = cases().at(row.name);
    REQUIRE(!mine.empty());
    for (std::size_t k = 0; k < mine.size(); ++k) {
      CAPTURE(k);
      check_row(row, mine[k]);
    }
  }
}

TEST_CASE("an activation does not exist before its version of the operator set") {
  for (const Activation& row : activations()) {
    if (row.since <= 8) continue;  // the oldest that is read
    CAPTURE(std::string(row.name));
    const Case before{cases().at(row.name).at(0).value, {}, {}, static_cast<std::int64_t>(row.since) - 1};
    CHECK_THROWS_AS((void)Laid::read(row.name, before, 4), Failure);
  }
}
