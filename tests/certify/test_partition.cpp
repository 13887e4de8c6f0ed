// How a network is cut into blocks: structure, folds against exact Jacobians, refusals with node and reason.
#include <doctest/doctest.h>

#include <algorithm>
#include <functional>

#include "certify/bounds/analysis.hpp"
#include "certify/graph/steps.hpp"
#include "certify/graph/partition.hpp"
#include "certify/graph/segments/fold.hpp"
#include "tests/certify/exact.hpp"
#include "tests/certify/network_builder.hpp"

using namespace lipcert;
using exact::contains;
using network_builder::Builder;
using network_builder::Random;

namespace {

/// The operators of the blocks, as one string: i, s, d, a.
std::string kinds(const Partition& p) {
  std::string text;
  for (const Block& block : p.blocks) {
    text += name_of(block.op)[0];
  }
  return text;
}

Partition cut_of(const std::function<ValueId(Builder&)>& build, const Shape& input) {
  Builder b(input);
  const ValueId out = build(b);
  const Network network = b.finish(out);
  const Partition p = partition(network);
  // Every node lies in exactly one block or among the constants, blocks are consecutive, ids and inputs chain up.
  if (p.refusals.empty()) {
    std::vector<std::size_t> all = p.constant_nodes;
    std::string before;
    std::uint64_t size = element_count(input);
    for (const Block& block : p.blocks) {
      CHECK(std::is_sorted(block.nodes.begin(), block.nodes.end()));
      all.insert(all.end(), block.nodes.begin(), block.nodes.end());
      CHECK(block.inputs == std::vector<std::string>{before});
      CHECK(block.input_size == size);
      CHECK(block.upper < block.lower);  // not bounded yet
      before = block.id;
      size = block.output_size;
      CHECK(block.id == network.values[network.nodes[block.nodes.back()].outputs[0]].name);
      CHECK((block.op == BlockOperator::dense) == (block.rows > 0));
    }
    std::sort(all.begin(), all.end());
    std::vector<std::size_t> expected(network.nodes.size());
    for (std::size_t i = 0; i < expected.size(); ++i) {
      expected[i] = i;
    }
    CHECK(all == expected);
    CHECK(before == network.values[network.output].name);
  } else {
    CHECK(p.blocks.empty());
  }
  return p;
}

/// The reason of the only refusal.
std::string refused(const std::function<ValueId(Builder&)>& build, const Shape& input = {1, 4}) {
  const Partition p = cut_of(build, input);
  if (p.refusals.empty()) {
    return "";
  }
  CHECK(!p.refusals[0].node.empty());
  CHECK(p.refusals[0].reason.back() == '.');
  return p.refusals[0].op + ": " + p.refusals[0].reason;
}

bool mentions(const std::string& text, const std::string& part) {
  const bool found = text.find(part) != std::string::npos;
  if (!found) {
    MESSAGE("'" << text << "' does not say '" << part << "'");
  }
  return found;
}

/// The network is one dense block whose folded matrix encloses the exact Jacobian.
void check_fold(const Network& network, bool expect_exact) {
  WorkerPool pool(1);
  const StepGraph graph = build_steps(network, pool);
  REQUIRE(graph.refusals.empty());
  const std::vector<Segment> segments = cut(network, graph).segments;
  REQUIRE(segments.size() == 1);
  REQUIRE(segments[0].op == BlockOperator::dense);
  const FoldedMatrix folded = fold(graph, segments[0], pool);
  const EnclosedMatrix& a = folded.matrix;
  CHECK(a.rows == segments[0].rows);
  CHECK(a.columns == segments[0].columns);
  CHECK(a.exact() == expect_exact);
  bool left = false;
  double sign = 1;
  for (const Step& step : graph.steps) {
    left = left || step.kind == Step::Kind::left;
    sign *= step.sign;
  }
  const std::size_t copies = segments[0].copies;
  auto evaluate = network_builder::rational_evaluator(network);
  const std::size_t n = graph.input_size;
  for (std::size_t j = 0; j < n; ++j) {
    std::vector<double> e(n, 0.0);
    e[j] = 1;
    const auto column = evaluate(std::vector<double>(n, 0.0), e);
    for (std::size_t i = 0; i < column.size(); ++i) {
      // Row and column of A, and whether the entry of the Kronecker product is inside a copy.
      const std::size_t copy_i = left ? i % copies : i / a.rows;
      const std::size_t copy_j = left ? j % copies : j / a.columns;
      const std::size_t row = left ? i / copies : i % a.rows;
      const std::size_t col = left ? j / copies : j % a.columns;
      if (copy_i != copy_j) {
        CHECK(column[i].slope == 0);
      } else {
        const std::size_t at = row * a.columns + col;
        // x -> c - x changes the sign of the Jacobian and not the norm: it is left out of the matrix.
        CHECK(contains(a.centre[at], a.exact() ? 0 : a.radius[at], column[i].slope * exact::rational(sign)));
      }
    }
  }
}

}  // namespace

TEST_CASE("partition: blocks of common networks") {
  Random r(1);
  const auto w = [&](Builder& b, std::uint64_t rows, std::uint64_t columns) { return b.weight({rows, columns}, r.singles(rows * columns)); };
  // Flatten, Gemm, Relu, Gemm.
  CHECK(kinds(cut_of(
            [&](Builder& b) {
              ValueId x = b.node(Operator::flatten, {b.input()});
              x = b.node(Operator::relu, {b.gemm({x, w(b, 3, 4), b.weight({3}, {1, 2, 3})}, true)});
              return b.gemm({x, w(b, 2, 3)}, true);
            },
            {1, 1, 2, 2})) == "dad");
  // Normalisation at the input joins the first layer; MatMul and Add are one block; scale at the end joins the last.
  CHECK(kinds(cut_of(
            [&](Builder& b) {
              ValueId x = b.node(Operator::sub, {b.input(), b.weight({1}, {0.5})});
              x = b.node(Operator::div, {x, b.weight({1}, {0.3})});
              x = b.node(Operator::matmul, {x, w(b, 4, 6)});
              x = b.node(Operator::add, {x, b.weight({6}, r.singles(6))});
              x = b.node(Operator::tanh, {x});
              x = b.node(Operator::matmul, {x, w(b, 6, 2)});
              return b.node(Operator::mul, {x, b.weight({2}, {2, 3})});
            },
            {1, 4})) == "dad");
  CHECK(kinds(cut_of([&](Builder& b) { return b.node(Operator::relu, {b.input()}); }, {1, 4})) == "a");
  CHECK(kinds(cut_of([&](Builder& b) { return b.node(Operator::identity, {b.input()}); }, {1, 4})) == "i");
  CHECK(kinds(cut_of([&](Builder& b) { return b.node(Operator::mul, {b.input(), b.weight({}, {3})}); }, {1, 4})) == "s");
  CHECK(kinds(cut_of(
            [&](Builder& b) {
              ValueId x = b.node(Operator::relu, {b.reshape(b.input(), {4})});
              x = b.node(Operator::sigmoid, {b.node(Operator::dropout, {x})});
              return b.node(Operator::leaky_relu, {b.node(Operator::abs, {x})}, {{"alpha", 0.2F}});
            },
            {2, 2})) == "iaiaaa");
}

TEST_CASE("partition: constants stand apart") {
  const Partition p = cut_of(
      [](Builder& b) {
        const ValueId c = b.constant(network_builder::tensor({4, 4}, std::vector<double>(16, 0.5)));
        const ValueId d = b.node(Operator::matmul, {c, c});
        return b.node(Operator::matmul, {b.input(), b.node(Operator::div, {d, b.weight({1}, {3})})});
      },
      {1, 4});
  CHECK(p.constant_nodes == std::vector<std::size_t>{0, 1, 2});
  REQUIRE(p.blocks.size() == 1);
  CHECK(p.blocks[0].nodes == std::vector<std::size_t>{3});
}

TEST_CASE("partition: dense after dense is folded when that pays, by flops") {
  const auto two = [](std::uint64_t in, std::uint64_t middle, std::uint64_t out) {
    return kinds(cut_of(
        [&](Builder& b) {
          const ValueId x = b.node(Operator::matmul, {b.input(), b.weight({in, middle}, std::vector<double>(in * middle, 0.01))});
          return b.node(Operator::matmul, {x, b.weight({middle, out}, std::vector<double>(middle * out, 0.01))});
        },
        {1, in}));
  };
  CHECK(two(20, 10, 30) == "d");
  CHECK(two(300, 200, 10) == "d");
  CHECK(two(500, 2, 600) == "d");    // a bottleneck: bounding the product is cheap enough
  CHECK(two(8000, 1, 9000) == "dd");  // sides of at most 8192
  CHECK(two(6000, 1, 6000) == "dd");  // bounding the product of order 6000 would take 2^39 flops, apart nothing
  CHECK(two(4000, 2000, 10) == "d");
}

TEST_CASE("partition: folds follow the rows") {
  Random r(2);
  // Four rows: a factor that repeats from row to row joins; with one that does not the whole is an explicit matrix.
  const auto with_factor = [&](std::vector<double> factor, const Shape& shape, bool before) {
    return kinds(cut_of(
        [&](Builder& b) {
          const ValueId d = b.weight(shape, factor);
          const ValueId w = b.weight({3, 3}, r.singles(9));
          if (before) {
            return b.node(Operator::matmul, {b.node(Operator::mul, {b.input(), d}), w});
          }
          return b.node(Operator::mul, {b.node(Operator::matmul, {b.input(), w}), d});
        },
        {4, 3}));
  };
  CHECK(with_factor({1, 2, 3}, {3}, true) == "d");
  CHECK(with_factor({1, 2, 3}, {3}, false) == "d");
  CHECK(with_factor({5}, {1}, true) == "d");
  CHECK(with_factor({1, 2, 3, 4}, {4, 1}, true) == "l");
  CHECK(with_factor({1, 2, 3, 4}, {4, 1}, false) == "l");
  CHECK(with_factor({2, 2, 2, 2}, {4, 1}, true) == "d");  // it does repeat
  // Different numbers of rows are no dense fold: (4 x 3) as rows, then flattened.
  CHECK(kinds(cut_of(
            [&](Builder& b) {
              const ValueId x = b.node(Operator::matmul, {b.input(), b.weight({3, 2}, r.singles(6))});
              return b.node(Operator::matmul, {b.reshape(x, {1, 8}), b.weight({8, 2}, r.singles(16))});
            },
            {4, 3})) == "l");
  // Nor with a factor between them.
  CHECK(kinds(cut_of(
            [&](Builder& b) {
              ValueId x = b.node(Operator::matmul, {b.input(), b.weight({3, 2}, r.singles(6))});
              x = b.node(Operator::mul, {b.reshape(x, {1, 8}), b.weight({8}, r.singles(8))});
              return b.node(Operator::matmul, {x, b.weight({8, 2}, r.singles(16))});
            },
            {4, 3})) == "l");
  // A constant on the left is a dense fold with one-number factors only, and with no other dense node.
  CHECK(kinds(cut_of(
            [&](Builder& b) {
              const ValueId x = b.node(Operator::matmul, {b.weight({2, 4}, r.singles(8)), b.input()});
              return b.node(Operator::mul, {x, b.weight({1}, {2})});
            },
            {4, 3})) == "d");
  CHECK(kinds(cut_of(
            [&](Builder& b) {
              const ValueId x = b.node(Operator::matmul, {b.weight({2, 4}, r.singles(8)), b.input()});
              return b.node(Operator::mul, {x, b.weight({3}, {2, 2, 3})});
            },
            {4, 3})) == "l");
  CHECK(kinds(cut_of(
            [&](Builder& b) {
              const ValueId x = b.node(Operator::matmul, {b.weight({2, 4}, r.singles(8)), b.input()});
              return b.node(Operator::matmul, {b.weight({5, 2}, r.singles(10)), x});
            },
            {4, 3})) == "l");
  CHECK(kinds(cut_of(
            [&](Builder& b) {
              const ValueId x = b.node(Operator::matmul, {b.weight({2, 4}, r.singles(8)), b.input()});
              return b.node(Operator::matmul, {x, b.weight({3, 2}, r.singles(6))});
            },
            {4, 3})) == "l");
}

TEST_CASE("partition: the folded matrix encloses the exact Jacobian") {
  Random r(3);
  for (int round = 0; round < 30; ++round) {
    {
      // (c - x), scale, Gemm with alpha and beta, bias, scale by reciprocals, second dense node, in one or three rows.
      const std::uint64_t rows = round % 2 == 0 ? 1 : 3;
      Builder b({rows, 4});
      ValueId x = b.node(Operator::sub, {b.weight({4}, r.singles(4)), b.input()});
      x = b.node(Operator::mul, {x, b.weight({4}, r.singles(4))});
      x = b.gemm({x, b.weight({4, 5}, r.singles(20)), b.weight({5}, r.singles(5))}, false, 0.7F, 1.3F);
      x = b.node(Operator::div, {x, b.weight({5}, {3, 7, -11, 0.1F, 5})});
      x = b.node(Operator::matmul, {x, b.weight({5, 2}, r.singles(10))});
      check_fold(b.finish(x), false);
    }
    {
      Builder b({4, 3});
      ValueId x = b.node(Operator::mul, {b.input(), b.weight({1}, {0.3F})});
      x = b.node(Operator::matmul, {b.weight({2, 4}, r.singles(8)), x});
      x = b.node(Operator::add, {x, b.weight({2, 3}, r.singles(6))});
      check_fold(b.finish(x), true);  // products of two float32 numbers are doubles
    }
    {
      // Exact: raw weights, powers of two, biases.
      Builder b({1, 4});
      ValueId x = b.node(Operator::add, {b.input(), b.weight({1, 4}, r.singles(4))});
      x = b.gemm({x, b.weight({3, 4}, r.singles(12)), b.weight({1, 3}, r.singles(3))}, true, 0.5F, 0.1F);
      x = b.node(Operator::div, {x, b.weight({1}, {4})});
      check_fold(b.finish(x), true);
    }
    {
      Builder b({3});
      const ValueId x = b.node(Operator::matmul, {b.input(), b.weight({3}, r.singles(3))});  // a vector: one output
      check_fold(b.finish(x), true);
    }
    {
      Builder b({2, 3});
      const ValueId x = b.node(Operator::matmul, {b.weight({2}, r.singles(2)), b.input()});  // a vector on the left
      check_fold(b.finish(x), true);
    }
    {
      Builder b({4});
      const ValueId x = b.node(Operator::matmul, {b.weight({2, 4}, r.singles(8)), b.input()});
      check_fold(b.finish(x), true);
    }
    {
      Builder b({2, 1, 4});
      const ValueId x = b.node(Operator::matmul, {b.input(), b.weight({1, 4, 3}, r.singles(12))});
      check_fold(b.finish(x), true);
    }
  }
}

TEST_CASE("partition: element types are read exactly") {
  Random r(4);
  for (const ElementType type : {ElementType::float16, ElementType::bfloat16, ElementType::float32, ElementType::float64}) {
    Builder b({1, 2}, type);
    const ValueId x = b.node(Operator::matmul, {b.input(), b.weight({2, 2}, {0.75, -1.5, 96, 0.0078125}, type)});
    check_fold(b.finish(x), true);
  }
}

TEST_CASE("partition: refusals name the node, the reason and a remedy") {
  const auto w44 = [](Builder& b) { return b.weight({4, 4}, std::vector<double>(16, 0.5)); };
  CHECK(mentions(refused([](Builder& b) { return b.node(Operator::mul, {b.input(), b.input()}); }), "Mul: combines two tensors"));
  CHECK(mentions(refused([](Builder& b) { return b.node(Operator::div, {b.input(), b.input()}); }), "combines two tensors"));
  CHECK(mentions(refused([](Builder& b) { return b.node(Operator::matmul, {b.input(), b.input()}); }, {4, 4}), "combines two tensors"));
  CHECK(mentions(refused([](Builder& b) { return b.gemm({b.input(), b.input()}); }, {4, 4}), "combines two tensors"));
  CHECK(mentions(refused([](Builder& b) { return b.node(Operator::div, {b.weight({1}, {1}), b.input()}); }), "divides by a tensor"));
  CHECK(mentions(refused([](Builder& b) { return b.node(Operator::div, {b.input(), b.weight({4}, {1, 2, 0, 3})}); }), "zero"));
  // What once was refused and is an explicit matrix: constants that repeat the data, products with the data on the other side or in stacks; and what a function
  // of weights computes.
  CHECK(kinds(cut_of([](Builder& b) { return b.node(Operator::add, {b.input(), b.weight({3, 4}, std::vector<double>(12, 1.0))}); }, {1, 4})) == "l");
  CHECK(kinds(cut_of([](Builder& b) { return b.node(Operator::mul, {b.input(), b.weight({3, 1}, {1, 2, 3})}); }, {1, 4})) == "l");
  CHECK(kinds(cut_of([&](Builder& b) { return b.gemm({w44(b), b.input()}); }, {4, 4})) == "l");
  CHECK(kinds(cut_of([&](Builder& b) { return b.gemm({w44(b), w44(b), b.input()}); }, {4, 4})) == "l");
  CHECK(kinds(cut_of([&](Builder& b) { return b.gemm({b.input(), w44(b)}, false, 1, 1, true); }, {4, 4})) == "l");
  CHECK(kinds(cut_of([](Builder& b) { return b.node(Operator::matmul, {b.input(), b.weight({2, 4, 4}, std::vector<double>(32, 1.0))}); }, {2, 3, 4})) == "l");
  CHECK(kinds(cut_of([&](Builder& b) { return b.node(Operator::matmul, {w44(b), b.input()}); }, {2, 4, 3})) == "l");
  CHECK(kinds(cut_of([&](Builder& b) { return b.node(Operator::matmul, {b.input(), b.node(Operator::hard_swish, {w44(b)})}); }, {1, 4})) == "d");
  CHECK(mentions(refused([](Builder& b) {
                   return b.node(Operator::matmul, {b.input(), b.weight({4, 1}, {1, std::nan(""), 1, 1})});
                 }),
                 "NaN"));
  CHECK(mentions(refused([](Builder& b) {
                   return b.gemm({b.input(), b.weight({4, 1}, {3e38, 1, 1, 1e308}, ElementType::float64)}, false, 3e38F);
                 }),
                 "not finite"));
  // Branches and ends.
  CHECK(mentions(refused([&](Builder& b) {
                   const ValueId x = b.node(Operator::relu, {b.input()});
                   static_cast<void>(b.node(Operator::abs, {x}));  // dead
                   return b.node(Operator::matmul, {x, w44(b)});
                 }),
                 "does not lead to the graph's output"));
  CHECK(mentions(refused([](Builder& b) {
                   const ValueId x = b.node(Operator::relu, {b.input()});
                   static_cast<void>(b.node(Operator::abs, {x}));
                   return x;
                 }),
                 "does not lead to the graph's output"));
  CHECK(mentions(refused([](Builder& b) { return b.input(); }), "graph's input itself"));
  CHECK(mentions(refused([](Builder& b) { return b.node(Operator::relu, {b.weight({4}, {1, 2, 3, 4})}); }), "does not depend"));
}

TEST_CASE("partition: all refusals are listed, and the network's own come first") {
  Builder b({4, 4});
  ValueId x = b.node(Operator::div, {b.weight({1}, {1}), b.input()});
  x = b.node(Operator::div, {b.weight({1}, {2}), x});
  Network network = b.finish(x);
  CHECK(partition(network).refusals.size() == 2);
  network.refusals.push_back({"conv1", "Conv", "is an operator of a later version."});
  const Partition p = partition(network);
  REQUIRE(p.refusals.size() == 1);
  CHECK(p.refusals[0].node == "conv1");
  CHECK(p.blocks.empty());
}
