// The whole analysis: bounds of blocks and networks against exact Jacobians, pairs, the lower end and its quality, determinism.
#include <doctest/doctest.h>

#include <algorithm>
#include <limits>

#include "certify/bounds/analysis.hpp"
#include "certify/graph/steps.hpp"
#include "certify/numbers/integer_vector.hpp"
#include "certify/bounds/pairs.hpp"
#include "certify/graph/partition.hpp"
#include "certify/graph/segments/fold.hpp"
#include "formats/encoding/error.hpp"
#include "tests/certify/checker_model.hpp"
#include "tests/certify/exact.hpp"
#include "tests/certify/network_builder.hpp"

using namespace lipcert;
using exact::rational;
using exact::Rational;
using exact::Real;
using network_builder::Builder;
using network_builder::Random;

namespace {

AnalysisOptions quick(unsigned samples = 6) {
  AnalysisOptions options;
  options.threads = 2;
  options.region_samples = samples;
  return options;
}

std::vector<double> numbers(const IntegerVector& v) { return to_doubles(v); }

/// ||f'(x; v)|| / ||v|| with 600 bits, straight from the graph.
Real derivative_ratio(const Network& network, const std::vector<double>& x, const std::vector<double>& v) {
  auto evaluate = network_builder::real_evaluator(network);
  Real image = 0;
  for (const auto& y : evaluate(x, v)) {
    image += y.slope * y.slope;
  }
  Real length = 0;
  for (const double entry : v) {
    length += Real(entry) * Real(entry);
  }
  return sqrt(Real(image / length));
}

/// What must hold of every analysis: ends in order, the witness, the product, the pairs, and the checker's model on every dense block.
Analysis check(const Network& network, const AnalysisOptions& options) {
  Analysis a = analyse(network, options);
  CHECK(a.lower <= a.upper);
  // The product of the claimed bounds, exactly, and not much above it.
  Rational product = 1;
  Rational before = 1;
  for (const Block& block : a.partition.blocks) {
    CHECK(block.lower <= block.upper);
    before = product;
    product *= rational(block.upper);
  }
  CHECK(rational(a.upper) >= product);
  CHECK(rational(a.upper) <= product * rational(1 + 1e-15) + rational(0x1p-1074));
  // The lower end, with 600 bits.
  CHECK(a.point.has_value() == a.direction.has_value());
  CHECK(a.point.has_value() == (a.lower > 0));
  if (a.point) {
    for (const IntegerVector& w : {*a.point, *a.direction}) {
      CHECK(std::abs(w.exponent) <= 1200);
      for (const std::int32_t m : w.mantissas) {
        CHECK(std::abs(m) < (1 << 24));
      }
    }
    CHECK(derivative_ratio(network, numbers(*a.point), numbers(*a.direction)) >= Real(a.lower));
  }
  // Dense blocks: the claim against a model of the checker that encloses the same product.
  WorkerPool pool(1);
  const StepGraph graph = build_steps(network, pool);
  const std::vector<Segment> segments = cut(network, graph).segments;
  REQUIRE(segments.size() == a.partition.blocks.size());
  for (std::size_t b = 0; b < segments.size(); ++b) {
    const Block& block = a.partition.blocks[b];
    if (segments[b].op != BlockOperator::dense || block.theorem == "zero-operator") {
      continue;
    }
    const FoldedMatrix folded = fold(graph, segments[b], pool);
    Real radius = 0;
    for (const double r : folded.matrix.radius) {
      radius += Real(r) * Real(r);
    }
    REQUIRE(block.gram.has_value());
    const std::string why = checker_model::refusal(folded.matrix, sqrt(radius), *block.gram, block.upper);
    CHECK_MESSAGE(why.empty(), why);
  }
  // Pairs: above the difference of the exact rows times the bound before, or sqrt(2) times the global bound.
  if (a.classes != 0) {
    REQUIRE(a.pairs.size() == a.classes * (a.classes - 1) / 2);
    for (const double pair : a.pairs) {
      CHECK(rational(pair) * rational(pair) <= 2 * rational(a.upper) * rational(a.upper) * rational(1 + 1e-15) + rational(0x1p-1000));
    }
  }
  return a;
}

/// Lipschitz constants of f_i - f_j are at least what a derivative of any point shows.
void check_pairs_above(const Network& network, const Analysis& a, const std::vector<double>& x, const std::vector<double>& v) {
  auto evaluate = network_builder::real_evaluator(network);
  const auto y = evaluate(x, v);
  Real length = 0;
  for (const double entry : v) {
    length += Real(entry) * Real(entry);
  }
  length = sqrt(length);
  std::size_t k = 0;
  for (std::size_t i = 0; i < a.classes; ++i) {
    for (std::size_t j = i + 1; j < a.classes; ++j, ++k) {
      CHECK(Real(a.pairs[k]) * length >= abs(Real(y[i].slope - y[j].slope)));
    }
  }
}

}  // namespace

TEST_CASE("analysis: random networks of every activation, against derivatives at random points") {
  Random r(11);
  for (const Operator op : {Operator::relu, Operator::leaky_relu, Operator::abs, Operator::sigmoid, Operator::tanh}) {
    for (int round = 0; round < 6; ++round) {
      const Network network = network_builder::dense_network(r, {5 + r.below(5), 8 + r.below(8), 6, 2 + r.below(3)}, op, round % 2 == 0);
      const Analysis a = check(network, quick());
      CHECK(a.pairs_by_rows);
      CHECK(a.lower > 0);
      const std::size_t n = element_count(network.values[0].shape);
      for (int sample = 0; sample < 30; ++sample) {
        const std::vector<double> x = r.singles(n, std::pow(10.0, sample % 4 - 1));
        const std::vector<double> v = r.singles(n);
        CHECK(derivative_ratio(network, x, v) <= Real(a.upper));
        check_pairs_above(network, a, x, v);
      }
      check_pairs_above(network, a, numbers(*a.point), numbers(*a.direction));
    }
  }
}

TEST_CASE("analysis: networks with a known constant") {
  {
    // x -> W x: both ends meet.
    Builder b({1, 2});
    const ValueId x = b.node(Operator::matmul, {b.input(), b.weight({2, 2}, {3, 4, 4, 3})});
    const Analysis a = check(b.finish(x), quick());
    CHECK(a.upper >= 7);
    CHECK(a.upper <= 7 * (1 + 1e-11));
    CHECK(a.lower <= 7);
    CHECK(a.lower >= 7 * (1 - 2e-9));
    CHECK(a.classes == 2);
    // rows (3, 4) and (4, 3): sqrt(2)
    CHECK(a.pairs[0] >= std::sqrt(2.0));
    CHECK(a.pairs[0] <= std::sqrt(2.0) * (1 + 1e-11));
  }
  {
    // A monotone network: nonnegative weights, so that with all units on the constant of each layer is attained (rank one layers).
    Builder b({1, 3});
    ValueId x = b.node(Operator::relu, {b.gemm({b.input(), b.weight({3, 3}, std::vector<double>(9, 1.0)), b.weight({3}, {1, 1, 1})})});
    x = b.node(Operator::relu, {b.gemm({x, b.weight({3, 3}, std::vector<double>(9, 2.0))})});
    const Analysis a = check(b.finish(b.gemm({x, b.weight({3, 1}, {1, 1, 1})})), quick());
    const double truth = 3 * 6 * std::sqrt(3.0);
    CHECK(a.upper >= truth);
    CHECK(a.upper <= truth * (1 + 3e-11));
    CHECK(a.lower >= truth * (1 - 1e-8));
    CHECK(a.classes == 0);
  }
  {
    // scale and activations alone: x -> 3 leaky_relu(-x), with a slope above 1 on the left.
    Builder b({1, 4});
    ValueId x = b.node(Operator::mul, {b.input(), b.weight({1}, {-1})});
    x = b.node(Operator::leaky_relu, {x}, {{"alpha", 2.0F}});
    x = b.node(Operator::mul, {x, b.weight({4}, {3, -1, 0.5, 2})});
    const Analysis a = check(b.finish(x), quick());
    CHECK(a.upper == 6);
    CHECK(a.lower >= 6 * (1 - 1e-8));
    CHECK(a.partition.blocks[0].upper == 1);
    CHECK(a.partition.blocks[1].upper == 2);
    CHECK(a.partition.blocks[2].upper == 3);
    CHECK(a.partition.blocks[2].lower == 3);
    CHECK(a.partition.blocks[2].diagonal_index.value() == 0);
    CHECK(!a.pairs_by_rows);
    REQUIRE(a.pairs.size() == 6);
    CHECK(a.pairs[0] >= 6 * std::sqrt(2.0));
    CHECK(a.pairs[0] <= 6 * std::sqrt(2.0) * (1 + 1e-15));
  }
  {
    // Sigmoid and tanh: slopes 1/4 and 1 are attained at 0.
    Builder b({1, 1});
    const Network network = b.finish(b.node(Operator::tanh, {b.node(Operator::sub, {b.node(Operator::sigmoid, {b.input()}), b.weight({1}, {0.5})})}));
    const Analysis a = check(network, quick());
    CHECK(a.upper == 0.25);
    CHECK(a.lower > 0.2);
  }
  {
    // Isometries only.
    Builder b({2, 2});
    const Network network = b.finish(b.reshape(b.node(Operator::sub, {b.weight({1}, {1}), b.input()}), {4}));
    const Analysis a = check(network, quick());
    CHECK(a.upper == 1);
    CHECK(a.lower >= 1 - 1e-8);
    CHECK(a.classes == 4);
    CHECK(!a.pairs_by_rows);
  }
}

TEST_CASE("analysis: division by constants is never rounded to the favourable side") {
  // 1/3 is no double: the bound must lie above it, the lower end below it.
  Builder b({1, 2});
  const Analysis a = check(b.finish(b.node(Operator::div, {b.input(), b.weight({1, 2}, {3, 7})})), quick());
  const Block& block = a.partition.blocks[0];
  CHECK(block.theorem == "diagonal-max");
  CHECK(rational(block.upper) * 3 >= 1);
  CHECK(rational(block.lower) * 3 <= 1);
  CHECK(block.upper <= 1 / 3.0 * (1 + 5e-12));
  CHECK(block.lower >= 1 / 3.0 * (1 - 5e-12));
  CHECK(block.diagonal_index.value() == 0);
}

TEST_CASE("analysis: zero operators and dead networks") {
  {
    Builder b({1, 3});
    ValueId x = b.node(Operator::relu, {b.gemm({b.input(), b.weight({3, 2}, std::vector<double>(6, 0.0)), b.weight({2}, {1, 2})})});
    const Analysis a = check(b.finish(b.gemm({x, b.weight({2, 2}, {1, 2, 3, 4})})), quick());
    CHECK(a.upper == 0);
    CHECK(a.lower == 0);
    CHECK(!a.point);
    CHECK(a.partition.blocks[0].theorem == "zero-operator");
    CHECK(!a.partition.blocks[0].gram);
    CHECK(a.pairs == std::vector<double>{0});
  }
  {
    // alpha = 0
    Builder b({1, 2});
    const Analysis a = check(b.finish(b.gemm({b.input(), b.weight({2, 2}, {1, 2, 3, 4})}, false, 0)), quick());
    CHECK(a.upper == 0);
  }
  {
    // Units that are off everywhere because their weights are zero and their bias negative: a bound, and a lower end of zero.
    Builder b({1, 2});
    ValueId x = b.node(Operator::relu, {b.gemm({b.input(), b.weight({2, 2}, {1e-30, 0, 0, 1e-30}), b.weight({2}, {-1e38, -1e38})})});
    AnalysisOptions options = quick();
    const Analysis a = check(b.finish(b.gemm({x, b.weight({2, 2}, {1, 0, 0, 1})})), options);
    CHECK(a.upper >= 1e-30);
    CHECK(a.lower <= a.upper);
  }
}

TEST_CASE("analysis: pairs come from exact rows") {
  WorkerPool pool(2);
  Random r(13);
  for (int round = 0; round < 20; ++round) {
    const std::uint64_t classes = 2 + r.below(9);
    const std::uint64_t n = 3 + r.below(20);
    std::vector<double> rows = r.singles(classes * n, std::pow(10.0, 10 * (round % 5 - 2)));
    if (classes > 2) {
      std::copy(rows.begin(), rows.begin() + static_cast<std::ptrdiff_t>(n), rows.begin() + static_cast<std::ptrdiff_t>(2 * n));  // 0 and 2 equal
    }
    Builder b({1, n});
    ValueId x = b.node(Operator::relu, {b.gemm({b.input(), b.weight({n, n}, r.singles(n * n))})});
    const ValueId out = b.gemm({x, b.weight({classes, n}, rows), b.weight({classes}, r.singles(classes))}, true);
    const Analysis a = check(b.finish(out), quick(0));
    REQUIRE(a.classes == classes);
    CHECK(a.pairs_by_rows);
    const Rational before = rational(a.partition.blocks[0].upper);
    std::size_t k = 0;
    for (std::size_t i = 0; i < classes; ++i) {
      for (std::size_t j = i + 1; j < classes; ++j, ++k) {
        Rational squared = 0;
        for (std::size_t l = 0; l < n; ++l) {
          const Rational d = rational(rows[i * n + l]) - rational(rows[j * n + l]);
          squared += d * d;
        }
        const Rational least = squared * before * before;
        const Rational claim = rational(a.pairs[k]) * rational(a.pairs[k]);
        const Rational ceiling = 2 * rational(a.upper) * rational(a.upper);
        CHECK((claim >= least || claim >= ceiling));
        CHECK((claim <= least * rational(1 + 1e-11) || claim <= ceiling * rational(1 + 1e-14)));
        if (squared == 0) {
          CHECK(a.pairs[k] == 0);
        }
      }
    }
  }
}

TEST_CASE("analysis: pairs of a folded last block leave room, whatever the sizes") {
  Random r(14);
  Builder b({1, 6});
  ValueId x = b.node(Operator::relu, {b.gemm({b.input(), b.weight({6, 6}, r.singles(36))})});
  x = b.gemm({x, b.weight({6, 5}, r.singles(30))});
  x = b.gemm({x, b.weight({5, 4}, r.singles(20))});
  const Network network = b.finish(b.node(Operator::div, {x, b.weight({4}, {3, 7, 11, 13})}));
  const Analysis a = check(network, quick());
  REQUIRE(a.partition.blocks.size() == 3);
  CHECK(a.pairs_by_rows);
  auto evaluate = network_builder::rational_evaluator(network);
  // Exact rows of the last block: its linear part from the Jacobian of the last three nodes alone.
  Random same(14);
  Builder tail({1, 6});
  static_cast<void>(same.singles(36));
  ValueId y = tail.gemm({tail.input(), tail.weight({6, 5}, same.singles(30))});
  y = tail.gemm({y, tail.weight({5, 4}, same.singles(20))});
  const Network last = tail.finish(tail.node(Operator::div, {y, tail.weight({4}, {3, 7, 11, 13})}));
  auto linear = network_builder::rational_evaluator(last);
  std::vector<std::vector<Rational>> columns;
  for (std::size_t j = 0; j < 6; ++j) {
    std::vector<double> e(6, 0.0);
    e[j] = 1;
    std::vector<Rational> column;
    for (const auto& entry : linear(std::vector<double>(6, 0.0), e)) {
      column.push_back(entry.slope);
    }
    columns.push_back(column);
  }
  const Rational before = rational(a.partition.blocks[0].upper);
  const Rational room = rational(a.partition.blocks[2].upper) * rational(0x1p-39);
  std::size_t k = 0;
  for (std::size_t i = 0; i < 4; ++i) {
    for (std::size_t j = i + 1; j < 4; ++j, ++k) {
      Rational squared = 0;
      for (std::size_t l = 0; l < 6; ++l) {
        squared += (columns[l][i] - columns[l][j]) * (columns[l][i] - columns[l][j]);
      }
      // (claim / before - room)^2 >= ||row difference||^2: half of the promised room is left at least.
      const Rational claim = rational(a.pairs[k]) / before - room;
      const Rational ceiling = 2 * rational(a.upper) * rational(a.upper);
      CHECK((claim * claim >= squared || rational(a.pairs[k]) * rational(a.pairs[k]) >= ceiling));
    }
  }
}

TEST_CASE("analysis: pair rows of extreme size") {
  WorkerPool pool(1);
  for (const double scale : {1e-310, 1e-200, 1e200, 1.5e308}) {
    FoldedMatrix last;
    last.matrix = {3, 2, {scale, 0, -scale, 0, scale, scale / 4}, {}};
    last.linear_parts = 1;
    const std::vector<double> pairs = pair_bounds_by_rows(last, Upper::exact(2 * scale), Upper::exact(0.25), Upper::exact(1e308), pool);
    CHECK(rational(pairs[0]) >= rational(scale) * 2 / 4);
    CHECK(rational(pairs[1]) * rational(pairs[1]) >= rational(scale) * rational(scale) / 256);
    if (scale > 1e-300 && scale < 1e308) {
      CHECK(pairs[0] <= scale / 2 * (1 + 1e-11));
    }
  }
}

TEST_CASE("analysis: claims about pairs need a vector of outputs") {
  Random r(15);
  const auto classes = [&](const Shape& shape) {
    Builder b({1, 6});
    return check(b.finish(b.reshape(b.node(Operator::relu, {b.input()}), shape)), quick(0)).classes;
  };
  CHECK(classes({6}) == 6);
  CHECK(classes({1, 6}) == 6);
  CHECK(classes({1, 6, 1}) == 6);
  CHECK(classes({2, 3}) == 0);
  Builder one({1, 1});
  CHECK(check(one.finish(one.node(Operator::relu, {one.input()})), quick(0)).classes == 0);
  Builder many({1, 1025});
  CHECK(check(many.finish(many.node(Operator::relu, {many.input()})), quick(0)).classes == 0);
  // Outputs that are rows of one matrix each: (C x k) times one column. The rows of A are then not the outputs.
  Builder b({4, 3});
  const Analysis a = check(b.finish(b.node(Operator::matmul, {b.input(), b.weight({3, 1}, r.singles(3))})), quick());
  CHECK(a.classes == 4);
  CHECK(!a.pairs_by_rows);
  CHECK(a.pairs[0] >= std::sqrt(2.0) * a.upper);
}

TEST_CASE("analysis: rescaling a pair of layers by powers of two changes nothing") {
  Random r(16);
  const std::vector<double> w1 = r.singles(40);
  const std::vector<double> w2 = r.singles(16);
  std::vector<double> uppers;
  for (const int j : {0, 30, -30}) {
    Builder b({1, 5});
    std::vector<double> a = w1;
    std::vector<double> c = w2;
    for (double& x : a) {
      x = std::ldexp(x, j);
    }
    for (double& x : c) {
      x = std::ldexp(x, -j);
    }
    const ValueId x = b.node(Operator::relu, {b.gemm({b.input(), b.weight({5, 8}, a)})});
    uppers.push_back(check(b.finish(b.gemm({x, b.weight({8, 2}, c)})), quick(0)).upper);
  }
  CHECK(uppers[0] == uppers[1]);
  CHECK(uppers[0] == uppers[2]);
}

TEST_CASE("analysis: the result depends neither on the number of threads nor on the clock") {
  Random r(17);
  const Network network = network_builder::dense_network(r, {30, 200, 210, 5}, Operator::relu);
  AnalysisOptions options = quick();
  options.threads = 1;
  const Analysis first = analyse(network, options);
  for (const unsigned threads : {2U, 3U, 5U}) {
    options.threads = threads;
    const Analysis other = analyse(network, options);
    CHECK(other.upper == first.upper);
    CHECK(other.lower == first.lower);
    CHECK(other.point->mantissas == first.point->mantissas);
    CHECK(other.direction->mantissas == first.direction->mantissas);
    CHECK(other.pairs == first.pairs);
    for (std::size_t b = 0; b < first.partition.blocks.size(); ++b) {
      CHECK(other.partition.blocks[b].upper == first.partition.blocks[b].upper);
      CHECK(other.partition.blocks[b].lower == first.partition.blocks[b].lower);
    }
  }
}

TEST_CASE("analysis: progress runs from 0 to 1 and names the work") {
  Random r(18);
  double last = -1;
  std::size_t calls = 0;
  AnalysisOptions options = quick();
  options.progress = [&](double done, const std::string& what) {
    CHECK(done >= last);
    CHECK(done <= 1);
    CHECK(!what.empty());
    last = done;
    ++calls;
  };
  static_cast<void>(analyse(network_builder::dense_network(r, {10, 20, 3}, Operator::relu), options));
  CHECK(last > 0.999);
  CHECK(calls > 5);
}

TEST_CASE("analysis: the search beats the best of many random regions") {
  Random r(19);
  for (const Operator op : {Operator::relu, Operator::tanh, Operator::abs}) {
    for (int round = 0; round < 3; ++round) {
      const Network network = network_builder::dense_network(r, {8, 24, 24, 4}, op, round != 1);
      const Analysis a = check(network, quick(64));
      // Largest singular value of the Jacobian at 2000 random points of several sizes, by power iteration on its columns.
      double best = 0;
      // Plain double arithmetic is enough for a comparison.
      network_builder::Evaluator<double> plain(network, [](double t) { return t; });
      for (int sample = 0; sample < 2000 && op != Operator::tanh; ++sample) {
        const std::vector<double> x = r.singles(8, std::pow(2.0, sample % 7 - 3));
        std::vector<double> jacobian;
        for (std::size_t j = 0; j < 8; ++j) {
          std::vector<double> e(8, 0.0);
          e[j] = 1;
          for (const auto& y : plain(x, e)) {
            jacobian.push_back(y.slope);
          }
        }
        std::vector<double> v(8, 1.0);
        double size = 0;
        for (int iteration = 0; iteration < 30; ++iteration) {
          std::vector<double> u(4, 0.0);
          for (std::size_t j = 0; j < 8; ++j) {
            for (std::size_t i = 0; i < 4; ++i) {
              u[i] += jacobian[j * 4 + i] * v[j];
            }
          }
          double length = 0;
          for (const double t : v) {
            length += t * t;
          }
          double image = 0;
          for (const double t : u) {
            image += t * t;
          }
          size = std::sqrt(image / length);
          for (std::size_t j = 0; j < 8; ++j) {
            v[j] = 0;
            for (std::size_t i = 0; i < 4; ++i) {
              v[j] += jacobian[j * 4 + i] * u[i];
            }
          }
        }
        best = std::max(best, size);
      }
      CHECK(a.lower >= best);
      CHECK(a.lower >= 0.2 * a.upper);
      CHECK(check(network, quick(3)).lower > 0);  // few samples: less found, nothing broken
    }
  }
}

TEST_CASE("analysis: what cannot be bounded is an error with a sentence") {
  {
    Builder b({1, 2});
    const Network network = b.finish(b.node(Operator::mul, {b.input(), b.input()}));
    try {
      static_cast<void>(analyse(network, quick()));
      CHECK(false);
    } catch (const Error& error) {
      CHECK(error.code() == ExitCode::input);
      const std::string text = error.what();
      CHECK(text.find("Mul_0") != std::string::npos);
      CHECK(text.find("combines two tensors") != std::string::npos);
    }
  }
  {
    // Bounds beyond the doubles.
    Builder b({1, 2}, ElementType::float64);
    ValueId x = b.node(Operator::matmul, {b.input(), b.weight({2, 2}, {1e200, 0, 0, 1e200}, ElementType::float64)});
    x = b.node(Operator::relu, {x});
    x = b.node(Operator::matmul, {x, b.weight({2, 2}, {1e200, 0, 0, 1e200}, ElementType::float64)});
    CHECK_THROWS_WITH_AS(static_cast<void>(analyse(b.finish(x), quick())), doctest::Contains("larger than any double"), Error);
    Builder c({1, 2}, ElementType::float64);
    x = c.node(Operator::matmul, {c.input(), c.weight({2, 2}, {1.7e308, 1.7e308, 1.7e308, 1.7e308}, ElementType::float64)});
    CHECK_THROWS_WITH_AS(static_cast<void>(analyse(c.finish(x), quick())), doctest::Contains("larger than any double"), Error);
    Builder d({1, 2}, ElementType::float64);
    x = d.node(Operator::matmul, {d.input(), d.weight({2, 2}, {1e200, 1, 1, 1e200}, ElementType::float64)});
    x = d.node(Operator::matmul, {x, d.weight({2, 2}, {1e200, 1, 1, 1e200}, ElementType::float64)});
    CHECK_THROWS_WITH_AS(static_cast<void>(analyse(d.finish(x), quick())), doctest::Contains("larger than any double"), Error);
  }
}

TEST_CASE("analysis: tiny and huge networks keep both ends") {
  Random r(20);
  for (const double scale : {1e-150, 1e-40, 1e30, 1e140}) {
    Builder b({1, 4}, ElementType::float64);
    std::vector<double> w(16);
    for (double& x : w) {
      x = scale * r.normal();
    }
    const ValueId x = b.node(Operator::relu, {b.gemm({b.input(), b.weight({4, 4}, w, ElementType::float64)})});
    const Analysis a = check(b.finish(b.gemm({x, b.weight({4, 4}, w, ElementType::float64)})), quick());
    CHECK(a.lower > 0.1 * a.upper);
  }
}
