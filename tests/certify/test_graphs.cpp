// Networks that are graphs: values and derivatives against the exact evaluation of the ONNX definitions, bounds against difference
// quotients, the patterns of 1-Lipschitz exports, and what must not be taken for one.
#include <doctest/doctest.h>

#include <algorithm>
#include <functional>
#include <map>

#include "certify/bounds/analysis.hpp"
#include "certify/bounds/distances.hpp"
#include "certify/attack/plain_network.hpp"
#include "certify/graph/constants.hpp"
#include "certify/graph/evaluate.hpp"
#include "certify/numbers/integer_vector.hpp"
#include "certify/graph/linear_map.hpp"
#include "certify/graph/partition.hpp"
#include "certify/graph/steps.hpp"
#include "tests/certify/exact.hpp"
#include "tests/certify/network_builder.hpp"

using namespace lipcert;
using exact::contains;
using exact::rational;
using exact::Rational;
using exact::Real;
using network_builder::Builder;
using network_builder::Random;

namespace {

StepGraph steps_of(const Network& network) {
  WorkerPool pool(1);
  StepGraph graph = build_steps(network, pool);
  for (const Refusal& refusal : graph.refusals) {
    MESSAGE(refusal.node << ": " << refusal.reason);
  }
  REQUIRE(graph.refusals.empty());
  return graph;
}

bool inside(double centre, double radius, const Rational& truth) {
  return contains(centre, radius, truth);
}
bool inside(double centre, double radius, const Real& truth) {
  return abs(truth - Real(centre)) <= Real(radius) * (1 + Real(1e-150)) + Real(1e-150);
}

/// The attacker's view of the same network: its own evaluation, its gradient against our derivative where that is clear.
void check_attack(const Network& network, const StepGraph& graph, Random& r) {
  const attack::PlainNetwork plain(network);
  const std::vector<double> x = r.singles(2 * graph.input_size);
  const std::vector<double> v = r.singles(graph.input_size);
  attack::PlainNetwork::Tape tape;
  const std::vector<double> y = plain.evaluate(x, 2, tape);
  const std::vector<double> seed = r.singles(plain.outputs());
  std::vector<double> seeds = seed;
  seeds.insert(seeds.end(), seed.begin(), seed.end());
  const std::vector<double> gradient = plain.gradient(seeds, tape);
  for (std::size_t sample = 0; sample < 2; ++sample) {
    const auto first = x.begin() + static_cast<std::ptrdiff_t>(sample * graph.input_size);
    const std::vector<double> point(first, first + static_cast<std::ptrdiff_t>(graph.input_size));
    const DirectionalDerivative d = differentiate(graph, point, v);
    double along = 0;
    double expected = 0;
    bool close = true;
    for (std::size_t i = 0; i < plain.outputs(); ++i) {
      close = close && std::fabs(y[sample * plain.outputs() + i] - d.value.centre[i]) <= 1e-9 * (1 + std::fabs(d.value.centre[i]));
      expected += seed[i] * d.derivative.centre[i];
    }
    for (std::size_t i = 0; i < v.size(); ++i) {
      along += gradient[sample * graph.input_size + i] * v[i];
    }
    CHECK(close);
    CHECK((!d.clear || std::fabs(along - expected) <= 1e-5 * (1 + std::fabs(expected))));
  }
}

Rational as(const Rational& /*kind*/, double x) {
  return rational(x);
}
Real as(const Real& /*kind*/, double x) {
  return Real(x);
}

/// The one-sided derivative at a witness point is within the distance of what bounds/distances.hpp computes with the bounds of the blocks.
class Distances {
 public:
  Distances(const Network& network, const StepGraph& graph) : graph_(graph), pool_(2), cut_(cut(network, graph)) {
    AnalysisOptions options;
    options.region_samples = 0;
    options.threads = 1;
    blocks_ = analyse(network, options).partition.blocks;
  }

  template <class Evaluator>
  void check(Evaluator& evaluator, const std::vector<double>& x, const std::vector<double>& v, bool exact_input) {
    const IntegerVector point = to_integers(x);
    const IntegerVector direction = to_integers(v);
    if (point.mantissas.empty() || direction.mantissas.empty()) {
      return;
    }
    const auto truth = evaluator(to_doubles(point), to_doubles(direction));
    const auto d = differentiate_by_distance(graph_, cut_.segments, blocks_, point, direction, pool_);
    REQUIRE(d);
    REQUIRE(d->centre.size() == truth.size());
    std::decay_t<decltype(truth[0].slope)> squares = 0;
    double length = 0;
    for (std::size_t i = 0; i < truth.size(); ++i) {
      const std::decay_t<decltype(squares)> off = truth[i].slope - as(squares, d->centre[i]);
      squares += off * off;
      length += d->centre[i] * d->centre[i];
    }
    const auto distance = as(squares, d->distance.value());
    CHECK(squares <= distance * distance);
    if (!exact_input && differentiate(graph_, to_doubles(point), to_doubles(direction)).clear) {
      CHECK(d->distance.value() <= 1e-8 * (1 + std::sqrt(length)));
    }
  }

 private:
  const StepGraph& graph_;
  WorkerPool pool_;
  Segments cut_;
  std::vector<Block> blocks_;
};

/// Values and one-sided derivatives at random points lie inside the enclosures; how many derivatives were clear.
template <class Evaluator>
std::size_t check_enclosures(const Network& network, Evaluator evaluator, Random& r, int rounds, double scale = 1) {
  const StepGraph graph = steps_of(network);
  Distances distances(network, graph);
  std::size_t clear = 0;
  for (int round = 0; round < rounds; ++round) {
    std::vector<double> x = r.singles(graph.input_size, scale);
    const std::vector<double> v = r.singles(graph.input_size);
    if (round % 3 == 2) {  // ties and exact kinks
      for (double& entry : x) {
        entry = std::round(entry);
      }
    }
    distances.check(evaluator, x, v, round % 3 == 2);
    const auto truth = evaluator(x, v);
    const BallVector value = evaluate(graph, x);
    const DirectionalDerivative d = differentiate(graph, x, v);
    REQUIRE(value.centre.size() == truth.size());
    CHECK(d.value.centre == value.centre);
    clear += d.clear ? 1 : 0;
    bool values = true;
    bool slopes = true;
    bool tight = true;
    for (std::size_t i = 0; i < truth.size(); ++i) {
      values = values && inside(value.centre[i], value.radius[i], truth[i].value);
      slopes = slopes && inside(d.derivative.centre[i], d.derivative.radius[i], truth[i].slope);
      tight = tight && value.radius[i] <= 1e-9 * (1 + std::fabs(value.centre[i]));
      tight = tight && (!d.clear || d.derivative.radius[i] <= 1e-9 * (1 + std::fabs(d.derivative.centre[i])));
    }
    CHECK(values);
    CHECK(slopes);
    CHECK(tight);
  }
  check_attack(network, graph, r);
  return clear;
}

Builder::Window square_window(std::int64_t kernel, std::int64_t stride, std::int64_t pad, std::int64_t dilation = 1) {
  return {{kernel, kernel}, {stride, stride}, {pad, pad, pad, pad}, {dilation, dilation}};
}

ValueId convolution(Builder& b, Random& r, ValueId x, std::uint64_t outputs, const Builder::Window& w, std::int64_t group = 1) {
  const std::uint64_t inputs = b.shape(x)[1] / static_cast<std::uint64_t>(group);
  const Shape shape{outputs, inputs, static_cast<std::uint64_t>(w.kernel[0]), static_cast<std::uint64_t>(w.kernel[1])};
  return b.window(Operator::conv, {x, b.weight(shape, r.singles(element_count(shape), 0.5)), b.weight({outputs}, r.singles(outputs, 0.3))},
                  w, group);
}

ValueId normalisation(Builder& b, Random& r, ValueId x) {
  const std::uint64_t c = b.shape(x)[1];
  std::vector<double> variance = r.singles(c);
  for (double& entry : variance) {
    entry = static_cast<double>(static_cast<float>(0.3 + entry * entry));
  }
  return b.node_of_shape(
      Operator::batch_normalization,
      {x, b.weight({c}, r.singles(c)), b.weight({c}, r.singles(c)), b.weight({c}, r.singles(c)), b.weight({c}, variance)}, b.shape(x),
      {{"epsilon", 1e-5F}, {"momentum", 0.9F}, {"training_mode", std::int64_t{0}}});
}

/// GroupSort2 on axis 1 as deel-torchlip exports it.
ValueId group_sort(Builder& b, ValueId x) {
  const Shape shape = b.shape(x);
  Shape pairs = shape;
  pairs[1] /= 2;
  pairs.insert(pairs.begin() + 2, 2);
  const ValueId y = b.reshape(x, pairs);
  return b.reshape(b.concat({b.reduce(Operator::reduce_min, y, {2}), b.reduce(Operator::reduce_max, y, {2})}, 2), shape);
}

std::string kinds(const Network& network) {
  const Partition p = partition(network);
  for (const Refusal& refusal : p.refusals) {
    MESSAGE(refusal.node << ": " << refusal.reason);
  }
  std::string text;
  for (const Block& block : p.blocks) {
    text += (text.empty() ? "" : " ") + std::string(name_of(block.op));
  }
  return text;
}

std::string kinds_of(const Shape& input, const std::function<ValueId(Builder&)>& build) {
  Builder b(input);
  const ValueId out = build(b);
  return kinds(b.finish(out));
}

AnalysisOptions quick() {
  AnalysisOptions options;
  options.threads = 1;
  options.region_samples = 4;
  return options;
}

/// The bound carried through the blocks by the rules of SPEC.md section 4, in rationals.
Rational propagated(const Network& network, const Analysis& a) {
  std::map<std::string, Rational> bounds{{"", 1}};
  for (const Block& block : a.partition.blocks) {
    REQUIRE(!block.inputs.empty());
    const Rational upper = rational(block.upper);
    Rational bound = upper;
    if (block.theorem == "sum") {
      CHECK(upper >= bounds.at(block.inputs.at(0)) + bounds.at(block.inputs.at(1)));
    } else if (block.theorem == "root-sum-squares") {
      Rational sum = 0;
      for (const std::string& input : block.inputs) {
        sum += bounds.at(input) * bounds.at(input);
      }
      CHECK(upper * upper >= sum);
    } else if (block.theorem == "disjoint-slices") {
      for (const std::string& input : block.inputs) {
        CHECK(upper >= bounds.at(input));
      }
    } else {
      REQUIRE(block.inputs.size() == 1);
      bound = upper * bounds.at(block.inputs[0]);
    }
    for (const std::size_t node : block.nodes) {
      for (const ValueId id : network.nodes[node].outputs) {
        bounds[network.values[id].name] = bound;
      }
    }
  }
  return bounds.at(network.values[network.output].name);
}

/// Both ends against what an independent evaluation shows.
Analysis check_bounds(const Network& network, Random& r) {
  const Analysis a = analyse(network, quick());
  CHECK(a.lower <= a.upper);
  CHECK(rational(a.upper) >= propagated(network, a));
  auto evaluate = network_builder::real_evaluator(network);
  const std::size_t n = element_count(network.values[network.input].shape);
  const auto ratio = [&](const std::vector<double>& x, const std::vector<double>& v) {
    Real image = 0;
    Real length = 0;
    for (const auto& y : evaluate(x, v)) {
      image += y.slope * y.slope;
    }
    for (const double entry : v) {
      length += Real(entry) * Real(entry);
    }
    return Real(sqrt(Real(image / length)));
  };
  if (a.point) {
    CHECK(ratio(to_doubles(*a.point), to_doubles(*a.direction)) >= Real(a.lower));
    CHECK(ratio(to_doubles(*a.point), to_doubles(*a.direction)) <= Real(a.upper));
  }
  for (int round = 0; round < 3; ++round) {
    CHECK(ratio(r.singles(n), r.singles(n)) <= Real(a.upper));
  }
  return a;
}

}  // namespace

TEST_CASE("graphs: convolutions, poolings and joins are enclosed") {
  Random r(1);
  std::size_t clear = 0;
  for (int round = 0; round < 6; ++round) {
    Builder b({1, 4, 6, 5});
    ValueId x = convolution(b, r, b.input(), 6, square_window(3, 1 + round % 2, 1, 1), round % 3 == 2 ? 2 : 1);
    const ValueId left = b.node(Operator::relu, {convolution(b, r, x, 4, square_window(2, 1, 0))});
    const ValueId right = b.node(Operator::abs, {convolution(b, r, x, 4, {{1, 2}, {1, 1}, {0, 0, 0, 0}, {1, 1}})});
    const ValueId cropped = b.slice(right, 2, 0, b.shape(left)[2]);
    x = b.node(round % 2 == 0 ? Operator::add : Operator::sub, {left, cropped});
    x = b.concat({x, b.node(Operator::neg, {left}), b.node(Operator::max, {left, cropped})}, 1);
    x = b.window(round % 2 == 0 ? Operator::max_pool : Operator::average_pool, {x}, square_window(2, 1, 1), 1, round % 4 == 1);
    const auto parts = b.split(x, 1, {5, 7});
    x = b.concat({b.node(Operator::relu, {parts[1]}), parts[0]}, 1);
    x = b.transpose(x, {0, 2, 3, 1});
    x = b.node(Operator::sub, {x, b.reduce(Operator::reduce_mean, x, {3})});
    x = b.node(Operator::min, {x, b.weight({1}, {0.75})});
    const Network network = b.finish(b.reduce(Operator::reduce_sum, x, {1, 2}, false));
    clear += check_enclosures(network, network_builder::rational_evaluator(network), r, 6);
  }
  CHECK(clear > 12);
}

TEST_CASE("graphs: ConvTranspose with strides, dilations and groups") {
  Random r(2);
  for (const auto& [stride, dilation, group] : std::vector<std::array<std::int64_t, 3>>{{1, 1, 1}, {2, 1, 1}, {2, 2, 2}, {3, 1, 2}}) {
    Builder b({1, 4, 3, 4});
    const Shape shape{4, 3, 2, 3};
    const ValueId x = b.window(Operator::conv_transpose,
                               {b.input(), b.weight(shape, r.singles(72)),
                                b.weight({static_cast<std::uint64_t>(3 * group)}, r.singles(static_cast<std::size_t>(3 * group)))},
                               {{2, 3}, {stride, stride}, {0, 1, 1, 0}, {dilation, dilation}}, group);
    const Network network = b.finish(x);
    CHECK(check_enclosures(network, network_builder::rational_evaluator(network), r, 3) == 3);
    const Analysis a = check_bounds(network, r);
    CHECK(a.lower >= 0.999 * a.upper);
  }
}

TEST_CASE("graphs: sorts, order statistics and ties") {
  Random r(3);
  for (const bool largest : {false, true}) {
    Builder b({2, 6});
    const ValueId x = b.top_k(b.input(), 1, 4, largest);
    const Network network = b.finish(x);
    static_cast<void>(check_enclosures(network, network_builder::rational_evaluator(network), r, 12));
    CHECK(kinds(network) == "sort");
    CHECK(check_bounds(network, r).upper == 1);
  }
  Builder b({1, 8, 2});
  const Network network = b.finish(group_sort(b, b.input()));
  static_cast<void>(check_enclosures(network, network_builder::rational_evaluator(network), r, 12));
}

TEST_CASE("graphs: every activation") {
  Random r(4);
  const auto one = [&](Operator op, std::map<std::string, Attribute> attributes) {
    Builder b({3, 5});
    const ValueId x = b.node(Operator::mul, {b.input(), b.weight({5}, r.singles(5, 3))});
    return b.finish(b.node(op, {x}, std::move(attributes)));
  };
  for (const Network& network :
       {one(Operator::softplus, {}), one(Operator::mish, {}), one(Operator::gelu, {{"approximate", std::string("none")}}),
        one(Operator::gelu, {{"approximate", std::string("tanh")}}), one(Operator::elu, {{"alpha", 1.5F}}),
        one(Operator::elu, {{"alpha", 1.0F}}), one(Operator::softmax, {{"axis", std::int64_t{-1}}}), one(Operator::tanh, {})}) {
    CHECK(check_enclosures(network, network_builder::real_evaluator(network), r, 12) >= 8);
    check_bounds(network, r);
  }
  for (const Network& network : {one(Operator::hard_swish, {}), one(Operator::hard_sigmoid, {{"alpha", 0.3F}, {"beta", 0.4F}})}) {
    CHECK(check_enclosures(network, network_builder::rational_evaluator(network), r, 12, 3) >= 8);
    check_bounds(network, r);
  }
  Builder b({3, 5});
  ValueId x = b.node(Operator::prelu, {b.input(), b.weight({3, 1}, {0.25, -1.5, 0.75})});
  x = b.node(Operator::clip, {x, b.weight({}, {-0.5}), b.weight({}, {1.25})});
  x = b.node(Operator::max, {b.weight({5}, {0, -1, 0.5, -0.25, 1}), x});
  const Network network = b.finish(x);
  CHECK(check_enclosures(network, network_builder::rational_evaluator(network), r, 12) >= 6);
  CHECK(check_bounds(network, r).upper == 1.5);
  // SiLU is one block whatever the order of the factors, and no product of data.
  Builder c({1, 6});
  const ValueId gate = c.node(Operator::sigmoid, {c.input()});
  const Network silu = c.finish(c.node(Operator::mul, {gate, c.input()}));
  CHECK(check_enclosures(silu, network_builder::real_evaluator(silu), r, 9) == 9);
  const Analysis a = check_bounds(silu, r);
  REQUIRE(a.partition.blocks.size() == 1);
  CHECK(a.partition.blocks[0].nodes == std::vector<std::size_t>{0, 1});
  CHECK(rational(a.upper) >= Rational(109984, 100000));
  CHECK(a.upper < 1.0999);
}

TEST_CASE("graphs: L2 pooling is one block of its nodes, also at zero") {
  Random r(5);
  Builder b({1, 3, 4, 4});
  ValueId x = b.node_of_shape(Operator::pow, {b.input(), b.weight({}, {2})}, b.shape(b.input()));
  x = b.window(Operator::average_pool, {x}, square_window(2, 2, 0));
  const ValueId sign = b.node(Operator::sign, {x});
  const ValueId magnitude = b.node(Operator::relu, {b.node(Operator::abs, {x})});
  x = b.node(Operator::mul, {sign, magnitude});
  x = b.node(Operator::mul, {x, b.weight({}, {4})});
  x = b.node_of_shape(Operator::pow, {x, b.weight({}, {0.5})}, b.shape(x));
  const Network network = b.finish(x);
  const StepGraph graph = steps_of(network);
  REQUIRE(graph.steps.size() == 1);
  CHECK(graph.steps[0].nodes.size() == 8);
  const DirectionalDerivative at_zero = differentiate(graph, std::vector<double>(48, 0.0), std::vector<double>(48, 1.0));
  CHECK(at_zero.clear);
  CHECK(at_zero.derivative.centre == std::vector<double>(12, 2.0));  // the root of 2 x 2 ones
  const Analysis a = analyse(network, quick());
  CHECK(kinds(network) == "pool-l2");
  CHECK(a.upper == 1);
  CHECK(a.lower > 0.999);
  // Against plain numbers.
  const std::vector<double> input = r.singles(48);
  const BallVector y = evaluate(graph, input);
  const double by_hand = std::sqrt(input[0] * input[0] + input[1] * input[1] + input[4] * input[4] + input[5] * input[5]);
  CHECK(std::fabs(y.centre[0] - by_hand) < 1e-14);
  // A negative weight inside is no L2 pooling.
  Builder c({1, 4});
  const ValueId squares = c.node(Operator::mul, {c.input(), c.input()});
  const ValueId mixed = c.node(Operator::matmul, {squares, c.weight({4, 1}, {1, 1, -1, 1})});
  CHECK(partition(c.finish(c.node(Operator::sqrt, {mixed}))).refusals.size() >= 1);
}

TEST_CASE("graphs: the sorts of exports are recognised") {
  Random r(6);
  CHECK(kinds_of({1, 8}, [](Builder& b) { return group_sort(b, b.input()); }) == "isometry sort isometry");
  CHECK(kinds_of({1, 8, 3, 3}, [](Builder& b) { return group_sort(b, b.input()); }) == "isometry sort isometry");
  // FullSort and GroupSort-n by TopK.
  CHECK(kinds_of({1, 8}, [](Builder& b) {
          return b.reshape(b.top_k(b.reshape(b.input(), {1, 2, 4}), 2, 4, false), {1, 8});
        }) == "isometry sort isometry");
  // MaxMin that doubles the channels.
  const auto doubling = [](Builder& b) {
    const ValueId plus = b.node(Operator::relu, {b.input()});
    const ValueId minus = b.node(Operator::relu, {b.node(Operator::neg, {b.input()})});
    return b.concat({plus, minus}, 1);
  };
  CHECK(kinds_of({1, 8}, doubling) == "sort");
  // Halves, and the last axis in pairs.
  const auto halves = [](Builder& b) {
    const auto part = b.split(b.input(), 1, {4, 4});
    return b.concat({b.node(Operator::max, {part[0], part[1]}), b.node(Operator::min, {part[0], part[1]})}, 1);
  };
  CHECK(kinds_of({1, 8, 2, 2}, halves) == "sort");
  const auto keras = [](Builder& b) {
    const auto part = b.split(b.reshape(b.input(), {1, 3, 4, 2}), 3, {1, 1});
    return b.reshape(b.concat({b.node(Operator::min, {part[0], part[1]}), b.node(Operator::max, {part[0], part[1]})}, 3), {1, 3, 8});
  };
  CHECK(kinds_of({1, 3, 8}, keras) == "isometry sort isometry");
  const auto slices = [](Builder& b) {
    const ValueId even = b.slice(b.input(), 1, 0, 8, 2);
    const ValueId odd = b.slice(b.input(), 1, 1, 8, 2);
    return b.concat({b.node(Operator::max, {even, odd}), b.node(Operator::min, {even, odd})}, 1);
  };
  CHECK(kinds_of({1, 8}, slices) == "sort");
  for (const auto& build : std::vector<std::function<ValueId(Builder&)>>{doubling, halves, slices}) {
    Builder b({1, 8, 1, 1});
    const ValueId out = build(b);
    const Network network = b.finish(out);
    const Analysis a = check_bounds(network, r);
    CHECK(a.upper == 1);
    CHECK(a.lower > 0.999);
  }
}

TEST_CASE("graphs: what only looks like a sort is none") {
  Random r(7);
  const auto sorts = [](const std::string& text) { return text.find("sort") != std::string::npos; };
  // The largest of each pair twice; an entry beside the maximum of its pair; relu(x) twice; overlapping pairs; a maximum of x and -x.
  const std::vector<std::function<ValueId(Builder&)>> builds{
      [](Builder& b) {
        const ValueId y = b.reshape(b.input(), {1, 4, 2});
        return b.concat({b.reduce(Operator::reduce_max, y, {2}), b.reduce(Operator::reduce_max, y, {2})}, 2);
      },
      [](Builder& b) {
        const auto part = b.split(b.input(), 1, {4, 4});
        return b.concat({b.node(Operator::max, {part[0], part[1]}), part[0]}, 1);
      },
      [](Builder& b) {
        return b.concat({b.node(Operator::relu, {b.input()}), b.node(Operator::relu, {b.input()})}, 1);
      },
      [](Builder& b) {
        const ValueId a = b.slice(b.input(), 1, 0, 7);
        const ValueId c = b.slice(b.input(), 1, 1, 8);
        return b.concat({b.node(Operator::max, {a, c}), b.node(Operator::min, {a, c})}, 1);
      },
      [](Builder& b) {
        const ValueId minus = b.node(Operator::neg, {b.input()});
        return b.concat({b.node(Operator::max, {b.input(), minus}), b.node(Operator::min, {b.input(), minus})}, 1);
      }};
  for (const auto& build : builds) {
    Builder b({1, 8});
    const ValueId out = build(b);
    const Network network = b.finish(out);
    CHECK(!sorts(kinds(network)));
    const Analysis a = check_bounds(network, r);
    CHECK(a.upper >= 1.4142);
  }
}

TEST_CASE("graphs: linear sub-graphs are one explicit matrix, and it is that of the graph") {
  Random r(8);
  const auto check_matrix = [&](const Network& network, const std::string& expected) {
    CHECK(kinds(network) == expected);
    const StepGraph graph = steps_of(network);
    std::vector<std::size_t> all(graph.steps.size());
    for (std::size_t s = 0; s < all.size(); ++s) {
      all[s] = s;
    }
    const SparseMatrix m = matrix_of(graph, all, 0);
    auto evaluate = network_builder::real_evaluator(network);
    for (std::size_t j = 0; j < m.columns; ++j) {
      std::vector<double> e(m.columns, 0.0);
      e[j] = 1;
      const auto column = evaluate(std::vector<double>(m.columns, 0.0), e);
      bool same = true;
      for (std::size_t i = 0; i < m.rows; ++i) {
        Real centre = 0;
        Real radius = 0;
        for (std::size_t k = m.start[i]; k < m.start[i + 1]; ++k) {
          if (m.column[k] == j) {
            centre = m.centre[k];
            radius = m.radius.empty() ? 0.0 : m.radius[k];
          }
        }
        same = same && abs(Real(column[i].slope - centre)) <= radius + Real(1e-150);
      }
      CHECK(same);
    }
    const Analysis a = check_bounds(network, r);
    CHECK(a.lower >= (1 - 1e-6) * a.upper);
    return a;
  };
  {
    // LayerCentering: a projection.
    Builder b({1, 2, 3, 3});
    ValueId x = b.node(Operator::sub, {b.input(), b.reduce(Operator::reduce_mean, b.input(), {2, 3})});
    x = b.node(Operator::add, {x, b.weight({2, 1, 1}, r.singles(2))});
    CHECK(check_matrix(b.finish(x), "linear isometry").upper < 1 + 1e-9);
  }
  {
    // Circular padding by slices, then a convolution.
    Builder b({1, 2, 4, 4});
    ValueId x = b.concat({b.slice(b.input(), 2, 3, 4), b.input(), b.slice(b.input(), 2, 0, 1)}, 2);
    x = b.concat({b.slice(x, 3, 3, 4), x, b.slice(x, 3, 0, 1)}, 3);
    x = convolution(b, r, x, 3, square_window(3, 1, 0));
    check_matrix(b.finish(x), "convolution");
  }
  {
    // Reflecting pads, channel factors on both sides, BatchNormalization.
    Builder b({1, 2, 4, 3});
    ValueId x = b.node(Operator::mul, {b.input(), b.weight({2, 1, 1}, r.singles(2))});
    x = b.pad(x, {0, 0, 1, 1, 0, 0, 1, 1}, "reflect");
    x = convolution(b, r, x, 3, square_window(3, 1, 0));
    x = normalisation(b, r, x);
    check_matrix(b.finish(b.node(Operator::neg, {x})), "convolution");
  }
  {
    // Average pooling with its scale: a multiple of an isometry's transpose, exactly 1.
    Builder b({1, 2, 4, 4});
    const ValueId x = b.window(Operator::average_pool, {b.input()}, square_window(2, 2, 0));
    const Analysis a = check_matrix(b.finish(b.node(Operator::mul, {x, b.weight({}, {2})})), "linear");
    CHECK(a.upper == 1);
    CHECK(a.partition.blocks[0].theorem == "diagonal-gram");
  }
  {
    // Transposed images before a dense layer; a skip connection without a kink.
    Builder b({1, 2, 3, 2});
    ValueId x = b.reshape(b.transpose(b.input(), {0, 2, 3, 1}), {1, 12});
    x = b.node(Operator::matmul, {x, b.weight({12, 12}, r.singles(144, 0.3))});
    check_matrix(b.finish(x), "linear dense");
    Builder c({1, 4});
    const ValueId product = c.node(Operator::matmul, {c.input(), c.weight({4, 4}, r.singles(16))});
    check_matrix(c.finish(c.node(Operator::add, {product, c.input()})), "linear");
  }
}

TEST_CASE("graphs: residual blocks, branches and slices") {
  Random r(9);
  {
    // x + g(x) with a kink: the sum of both bounds.
    Builder b({1, 4});
    ValueId g = b.node(Operator::matmul, {b.input(), b.weight({4, 4}, r.singles(16))});
    g = b.node(Operator::matmul, {b.node(Operator::relu, {g}), b.weight({4, 4}, r.singles(16))});
    const Network network = b.finish(b.node(Operator::add, {g, b.input()}));
    CHECK(kinds(network) == "dense activation dense add");
    check_bounds(network, r);
  }
  {
    // Branches over disjoint slices: the larger bound; over the same tensor: the root of the sum of squares.
    const auto branches = [&](bool disjoint) {
      Builder b({1, 6});
      const auto part = disjoint ? b.split(b.input(), 1, {3, 3}) : std::vector<ValueId>{b.input(), b.input()};
      const ValueId left = b.node(Operator::relu, {part[0]});
      const ValueId right = b.node(Operator::mul, {b.node(Operator::abs, {part[1]}), b.weight({1}, {2})});
      return b.finish(b.concat({left, right}, 1));
    };
    CHECK(kinds(branches(true)) == "split activation activation scale concat");
    CHECK(check_bounds(branches(true), r).upper == 2);
    const Analysis a = check_bounds(branches(false), r);
    CHECK(rational(a.upper) * rational(a.upper) >= 5);
    CHECK(a.upper < 2.2361);
  }
  {
    Builder b({1, 6});
    const ValueId left = b.node(Operator::relu, {b.slice(b.input(), 1, 0, 4)});
    const ValueId right = b.node(Operator::abs, {b.slice(b.input(), 1, 4, 6)});
    CHECK(check_bounds(b.finish(b.concat({left, right}, 1)), r).upper == 1);
    Builder c({1, 6});
    const ValueId first = c.node(Operator::relu, {c.slice(c.input(), 1, 0, 4)});
    const ValueId second = c.node(Operator::abs, {c.slice(c.input(), 1, 3, 6)});  // they overlap
    CHECK(check_bounds(c.finish(c.concat({first, second}, 1)), r).upper > 1.4142);
  }
  {
    Builder b({1, 4});
    const ValueId y = b.node(Operator::matmul, {b.node(Operator::relu, {b.input()}), b.weight({4, 4}, r.singles(16))});
    CHECK(kinds(b.finish(b.node(Operator::max, {y, b.input()}))) == "activation dense max-min");
  }
}

TEST_CASE("graphs: random networks of convolutions, sorts, poolings and joins") {
  Random r(10);
  for (int round = 0; round < 8; ++round) {
    Builder b({1, 2, 4, 4});
    ValueId x = b.input();
    for (int layer = 0; layer < 4; ++layer) {
      const ValueId before = x;
      switch (r.below(7)) {
        case 0:
          x = convolution(b, r, x, b.shape(x)[1], square_window(3, 1, 1));
          break;
        case 1:
          x = group_sort(b, x);
          break;
        case 2:
          x = b.window(r.below(2) == 0 ? Operator::max_pool : Operator::average_pool, {x},
                       square_window(2, 1, 0 + static_cast<std::int64_t>(b.shape(x)[2] < 3)));
          break;
        case 3:
          x = b.node(Operator::add, {b.node(Operator::relu, {convolution(b, r, x, b.shape(x)[1], square_window(1, 1, 0))}), before});
          break;
        case 4:
          x = normalisation(b, r, x);
          break;
        case 5:
          x = b.concat({b.node(Operator::tanh, {x}), x}, 1);
          break;
        default:
          x = b.node(Operator::softplus, {x});
          break;
      }
    }
    if (x == b.input()) {
      continue;
    }
    const Network network = b.finish(x);
    static_cast<void>(check_enclosures(network, network_builder::real_evaluator(network), r, 3));
    check_bounds(network, r);
  }
}

TEST_CASE("graphs: constants are computed as the operators say") {
  WorkerPool pool(1);
  Builder b({1, 2});
  const ValueId w = b.weight({2, 3}, {3, -4, 0.5, 1, 2, -2});
  const auto value = [&](ValueId id) {
    const Network network = b.finish(id);
    return Constants(network, pool).value(id);
  };
  const auto near = [](const EnclosedTensor& t, const std::vector<double>& expected) {
    REQUIRE(t.centre.size() == expected.size());
    for (std::size_t i = 0; i < expected.size(); ++i) {
      CHECK(std::fabs(t.centre[i] - expected[i]) <= t.radius_at(i) + 1e-15);
      CHECK(t.radius_at(i) <= 1e-14);
    }
  };
  near(value(b.reduce(Operator::reduce_max, w, {1})), {3, 2});
  near(value(b.reduce(Operator::reduce_sum, w, {0}, false)), {4, -2, -1.5});
  near(value(b.reduce(Operator::reduce_l2, w, {0, 1})), {std::sqrt(34.25)});
  near(value(b.node(Operator::sqrt, {b.node(Operator::abs, {w})})), {std::sqrt(3.0), 2, std::sqrt(0.5), 1, std::sqrt(2.0), std::sqrt(2.0)});
  CHECK(value(b.node(Operator::sqrt, {b.weight({2}, {4, 2.25})})).exact());
  near(value(b.node(Operator::reciprocal, {w})), {1.0 / 3, -0.25, 2, 1, 0.5, -0.5});
  near(value(b.node(Operator::neg, {w})), {-3, 4, -0.5, -1, -2, 2});
  near(value(b.node(Operator::sign, {w})), {1, -1, 1, 1, 1, -1});
  near(value(b.node(Operator::clip, {w, b.weight({}, {-1}), b.weight({}, {1})})), {1, -1, 0.5, 1, 1, -1});
  near(value(b.node(Operator::max, {w, b.weight({3}, {0, 0, 1})})), {3, 0, 1, 1, 2, 1});
  near(value(b.transpose(w, {1, 0})), {3, 1, -4, 2, 0.5, -2});
  near(value(b.concat({w, w}, 0)), {3, -4, 0.5, 1, 2, -2, 3, -4, 0.5, 1, 2, -2});
  near(value(b.node(Operator::sigmoid, {b.weight({1}, {0.5})})), {1 / (1 + std::exp(-0.5))});
  near(value(b.node_of_shape(Operator::pow, {w, b.weight({}, {2})}, {2, 3})), {9, 16, 0.25, 1, 4, 4});
}
