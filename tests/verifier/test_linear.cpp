// The linear part of a block against the matrix that the block's own evaluation shows, column by column; and what may not be folded.
#include <doctest/doctest.h>

#include <random>

#include "tests/support/onnx_builder.hpp"
#include "tests/verifier/support.hpp"
#include "verifier/base/failure.hpp"
#include "verifier/theorems/linear.hpp"
#include "verifier/graph/onnx.hpp"

using namespace lipverify;
namespace ob = onnx_builder;

namespace {

std::vector<float> weights(std::size_t n, unsigned seed) {
  std::mt19937 random(seed);
  std::normal_distribution<float> normal;
  std::vector<float> out(n);
  for (float& x : out) x = normal(random);
  return out;
}

struct Folded {
  LinearPart part;
  std::vector<std::vector<Interval>> columns;  // of the whole block, from unit vectors
};

/// Folds all nodes that depend on the input.
Folded fold(const ob::Model& model) {
  std::vector<ExternalFile> external;
  const Graph graph = read_onnx(model.bytes(), {}, external);
  Evaluator evaluator(graph, Engine());
  std::vector<std::size_t> nodes;
  for (std::size_t i = 0; i < graph.nodes.size(); ++i)
    if (!graph.values[graph.nodes[i].outputs[0]].constant) nodes.push_back(i);
  Folded out;
  out.part = linear_part(graph, evaluator, nodes, Engine());
  const Shape& shape = graph.input().shape;
  for (std::uint64_t j = 0; j < element_count(shape); ++j) {
    IntervalTensor unit(element_count(shape));
    unit[j] = Interval(Dyadic{1, 0});
    Operand x = operand_of(std::move(unit), shape);
    for (const std::size_t i : nodes) x = evaluator.apply(i, x, true);
    out.columns.push_back(*x.computed);
  }
  return out;
}

/// Every entry of I (x) A (x) I within the radius of the block's entries; total distance within radius * sqrt(copies).
void check(const ob::Model& model, std::uint64_t left, std::uint64_t right, bool exact) {
  const Folded folded = fold(model);
  REQUIRE(folded.part.matrix.has_value());
  const EnclosedMatrix& a = *folded.part.matrix;
  CHECK(folded.part.left == left);
  CHECK(folded.part.right == right);
  CHECK((a.radius == 0) == exact);
  REQUIRE(folded.columns.size() == left * a.columns * right);
  REQUIRE(folded.columns[0].size() == left * a.rows * right);
  std::vector<Rational> distance(left * right, Rational(0));
  bool negative = false;  // a factor -1 is left out
  for (int attempt = 0; attempt < 2; ++attempt) {
    bool good = true;
    std::fill(distance.begin(), distance.end(), Rational(0));
    for (std::uint64_t j = 0; j < folded.columns.size(); ++j)
      for (std::uint64_t i = 0; i < folded.columns[j].size(); ++i) {
        const std::uint64_t ci = i / right / a.rows * right + i % right;
        const std::uint64_t cj = j / right / a.columns * right + j % right;
        Rational entry = 0;
        if (ci == cj) entry = rational_of(a.centre[i / right % a.rows * a.columns + j / right % a.columns]);
        if (negative) entry = -entry;
        const Rational low = lower_end(folded.columns[j][i]) - entry;
        const Rational high = upper_end(folded.columns[j][i]) - entry;
        if (ci != cj) {
          good = good && low == 0 && high == 0;
        } else {
          distance[ci] += std::max(Rational(low * low), Rational(high * high));
        }
      }
    for (const Rational& d : distance) good = good && d <= square(a.radius + scaled(Integer(1), -100));
    if (good) return;
    negative = true;
  }
  FAIL("the folded matrix is not the block's");
}

ob::Model start(const std::vector<ob::Dim>& in, const std::vector<ob::Dim>& out) {
  ob::Model model;
  model.input("x", in).output("y", out);
  return model;
}

void refused(const ob::Model& model) {
  try {
    (void)fold(model);
    FAIL("folded");
  } catch (const Failure& failure) {
    CHECK(failure.outcome() == Outcome::rejected);
  }
}

}  // namespace

TEST_CASE("one dense node, in every form, is exact") {
  ob::Model m = start({1, 3}, {1, 2});
  m.initialiser(ob::floats("W", {2, 3}, weights(6, 1)));
  m.initialiser(ob::floats("c", {2}, weights(2, 2)));
  m.node("Gemm", {"x", "W", "c"}, {"y"}, {ob::attribute("transB", 1)});
  check(m, 1, 1, true);

  m = start({4, 3}, {4, 2});
  m.initialiser(ob::floats("W", {3, 2}, weights(6, 3)));
  m.node("Gemm", {"x", "W"}, {"y"}, {ob::attribute("alpha", -2.5F), ob::attribute("beta", 3.0F)});
  check(m, 4, 1, true);  // 24 + 24 bits fit

  m = start({3, 1}, {1, 2});  // transposed data that is one column
  m.initialiser(ob::floats("W", {3, 2}, weights(6, 4)));
  m.node("Gemm", {"x", "W"}, {"y"}, {ob::attribute("transA", 1)});
  check(m, 1, 1, true);

  m = start({2, 2, 3}, {2, 2, 4});
  m.initialiser(ob::floats("W", {3, 4}, weights(12, 5)));
  m.node("MatMul", {"x", "W"}, {"y"});
  check(m, 4, 1, true);

  m = start({3}, {4});
  m.initialiser(ob::floats("W", {3, 4}, weights(12, 6)));
  m.node("MatMul", {"x", "W"}, {"y"});
  check(m, 1, 1, true);

  m = start({2, 3}, {2});
  m.initialiser(ob::floats("w", {3}, weights(3, 7)));
  m.node("MatMul", {"x", "w"}, {"y"});
  check(m, 2, 1, true);

  m = start({3, 5}, {2, 5});
  m.initialiser(ob::floats("W", {2, 3}, weights(6, 8)));
  m.node("MatMul", {"W", "x"}, {"y"});
  check(m, 1, 5, true);

  m = start({3}, {2});
  m.initialiser(ob::floats("W", {2, 3}, weights(6, 9)));
  m.node("MatMul", {"W", "x"}, {"y"});
  check(m, 1, 1, true);

  m = start({1, 3, 2}, {1, 2});
  m.initialiser(ob::floats("w", {3}, weights(3, 10)));
  m.node("MatMul", {"w", "x"}, {"y"});
  check(m, 1, 2, true);

  m = start({2, 3}, {1, 2, 4});
  m.initialiser(ob::floats("W", {1, 3, 4}, weights(12, 11)));
  m.node("MatMul", {"x", "W"}, {"y"});
  check(m, 2, 1, true);
}

TEST_CASE("entrywise factors before and after, shifts and reshapes between") {
  ob::Model m = start({2, 3}, {2, 4});
  m.initialiser(ob::floats("d", {3}, weights(3, 1))).initialiser(ob::floats("W", {3, 4}, weights(12, 2))).initialiser(ob::floats("e", {1, 4}, weights(4, 3)));
  m.initialiser(ob::floats("s", {}, {-0.5F})).initialiser(ob::floats("b", {2, 4}, weights(8, 4)));
  m.node("Mul", {"d", "x"}, {"a"}).node("Mul", {"a", "s"}, {"a2"}).node("MatMul", {"a2", "W"}, {"b1"}).node("Sub", {"b", "b1"}, {"b2"});
  m.node("Div", {"b2", "e"}, {"y"});
  check(m, 2, 1, false);

  m = start({2, 3}, {2, 4});  // factors with few bits stay exact
  m.initialiser(ob::floats("d", {3}, {2, -3, 0.5F})).initialiser(ob::floats("W", {3, 4}, weights(12, 2)));
  m.node("Mul", {"x", "d"}, {"a"}).node("MatMul", {"a", "W"}, {"y"});
  check(m, 2, 1, true);

  m = start({1, 2, 3}, {1, 4});
  m.initialiser(ob::floats("d", {2, 3}, weights(6, 5))).initialiser(ob::floats("W", {6, 4}, weights(24, 6))).initialiser(ob::int64s("s", {2}, {1, -1}));
  m.node("Mul", {"x", "d"}, {"a"}).node("Reshape", {"a", "s"}, {"b"}).node("MatMul", {"b", "W"}, {"c"}).node("Identity", {"c"}, {"y"});
  check(m, 1, 1, true);

  m = start({3, 2}, {4, 2});  // uniform factors beside a matrix on the left
  m.initialiser(ob::floats("k", {}, {3.0F})).initialiser(ob::floats("W", {4, 3}, weights(12, 7)));
  m.node("Div", {"x", "k"}, {"a"}).node("MatMul", {"W", "a"}, {"b"}).node("Mul", {"b", "k"}, {"y"});
  check(m, 1, 2, false);

  // a diagonal alone
  m = start({2, 3}, {2, 3});
  m.initialiser(ob::floats("d", {3}, {1, -2, 3})).initialiser(ob::floats("e", {2, 1}, {0.5F, 4}));
  m.node("Mul", {"x", "d"}, {"a"}).node("Div", {"a", "e"}, {"y"});
  const Folded folded = fold(m);
  REQUIRE(folded.part.diagonal.has_value());
  CHECK_FALSE(folded.part.matrix.has_value());
  for (std::uint64_t i = 0; i < 6; ++i) CHECK((*folded.part.diagonal)[i] == folded.columns[i][i]);
  CHECK(lower_end((*folded.part.diagonal)[1]) == -4);
}

TEST_CASE("dense after dense") {
  ob::Model m = start({1, 5}, {1, 4});
  m.initialiser(ob::floats("U", {5, 7}, weights(35, 1))).initialiser(ob::floats("V", {7, 6}, weights(42, 2))).initialiser(ob::floats("W", {4, 6}, weights(24, 3)));
  m.initialiser(ob::floats("d", {7}, weights(7, 4)));
  m.node("MatMul", {"x", "U"}, {"a"}).node("Mul", {"a", "d"}, {"b"}).node("MatMul", {"b", "V"}, {"c"}).node("Gemm", {"c", "W"}, {"y"}, {ob::attribute("transB", 1)});
  check(m, 1, 1, false);
  m = start({3, 2}, {3, 2});
  m.initialiser(ob::floats("U", {2, 2}, {1, 2, 3, 4})).initialiser(ob::floats("V", {2, 2}, {0, 1, -1, 0.5F}));
  m.node("MatMul", {"x", "U"}, {"a"}).node("MatMul", {"a", "V"}, {"y"});
  check(m, 3, 1, true);
}

TEST_CASE("what is not one of the allowed folds is rejected") {
  const auto base = [] {
    ob::Model m = start({2, 3}, {2, 3});
    m.initialiser(ob::floats("W", {3, 3}, weights(9, 1))).initialiser(ob::floats("L", {2, 2}, weights(4, 2))).initialiser(ob::floats("d", {2, 3}, weights(6, 3)));
    m.initialiser(ob::floats("row", {2, 1}, {1, 2})).initialiser(ob::floats("big", {5, 2, 3}, weights(30, 4))).initialiser(ob::floats("stack", {2, 3, 3}, weights(18, 5)));
    m.initialiser(ob::int64s("s", {2}, {3, 2})).initialiser(ob::floats("B", {2, 2}, weights(4, 6)));
    m.initialiser(ob::floats("column", {2, 4}, weights(8, 7)));
    return m;
  };
  ob::Model m = base();  // factors that differ between rows
  m.node("Mul", {"x", "d"}, {"a"}).node("MatMul", {"a", "W"}, {"y"});
  refused(m);
  m = base();
  m.node("MatMul", {"x", "W"}, {"a"}).node("Mul", {"a", "row"}, {"y"});
  refused(m);
  m = base();  // left and right
  m.node("MatMul", {"x", "W"}, {"a"}).node("MatMul", {"L", "a"}, {"y"});
  refused(m);
  m = base();
  m.node("MatMul", {"L", "x"}, {"a"}).node("MatMul", {"a", "W"}, {"y"});
  refused(m);
  m = base();  // left, with factors that are not uniform
  m.node("MatMul", {"L", "x"}, {"a"}).node("Mul", {"a", "row"}, {"y"});
  refused(m);
  m = base();  // another number of rows after a reshape
  m.outputs.clear();
  m.output("y", {3, 2}).node("MatMul", {"x", "W"}, {"a"}).node("Reshape", {"a", "s"}, {"b"}).node("MatMul", {"b", "B"}, {"y"});
  refused(m);
  m = base();  // broadcasting that enlarges
  m.outputs.clear();
  m.output("y", {5, 2, 3}).node("Add", {"x", "big"}, {"y"});
  refused(m);
  m = base();
  m.outputs.clear();
  m.output("y", {5, 2, 3}).node("Mul", {"x", "big"}, {"y"});
  refused(m);
  m = base();
  m.outputs.clear();
  m.output("y", {2, 2, 3}).node("MatMul", {"x", "stack"}, {"y"});
  refused(m);
  m = base();  // division by data, products of data, sums of data
  m.node("Div", {"d", "x"}, {"y"});
  refused(m);
  m = base();
  m.node("Mul", {"x", "x"}, {"y"});
  refused(m);
  m = base();
  m.node("Add", {"x", "x"}, {"y"});
  refused(m);
  m = base();  // data in B and in C of Gemm, transposed data
  m.node("Gemm", {"L", "x"}, {"y"});
  refused(m);
  m = base();
  m.node("Gemm", {"L", "d", "x"}, {"y"});
  refused(m);
  m = base();
  m.outputs.clear();
  m.output("y", {3, 4}).node("Gemm", {"x", "column"}, {"y"}, {ob::attribute("transA", 1)});
  refused(m);
  m = base();  // not affine
  m.node("Relu", {"x"}, {"y"});
  refused(m);
  m = base();  // division by zero
  m.initialiser(ob::floats("zero", {3}, {1, 0, 1}));
  m.node("Div", {"x", "zero"}, {"y"});
  refused(m);
}
