// Residual blocks x - A' D relu(A x + b): what is recognised and what is not, the bound against difference quotients of the block, and its
// evidence against the matrix inequality computed with another library. (That the integer checker accepts it: tests/e2e/test_operators.py.)
#include <doctest/doctest.h>

#include <Eigen/Core>
#include <algorithm>
#include <cmath>
#include <vector>

#include "certify/bounds/analysis.hpp"
#include "certify/attack/plain_network.hpp"
#include "certify/graph/linear_map.hpp"
#include "certify/graph/partition.hpp"
#include "certify/graph/steps.hpp"
#include "tests/certify/network_builder.hpp"
#include "tests/support/decompositions.hpp"

using namespace lipcert;
using network_builder::Builder;
using network_builder::Random;

namespace {

double single(double x) {
  return static_cast<double>(static_cast<float>(x));
}

/// 2 / T, T_i = sum_j |A A'|_ij q_j / q_i (Araujo et al., 2023), every step rounded to float32.
std::vector<double> steps_of(const Eigen::MatrixXd& a, const std::vector<double>& q, double times = 2) {
  std::vector<double> d;
  for (Eigen::Index i = 0; i < a.rows(); ++i) {
    double sum = 0;
    for (Eigen::Index j = 0; j < a.rows(); ++j) {
      sum =
          single(sum + single(std::fabs(single(a.row(i).dot(a.row(j)))) * q[static_cast<std::size_t>(j)] / q[static_cast<std::size_t>(i)]));
    }
    d.push_back(single(times / sum));
  }
  return d;
}

enum class Fault { none, one_bit, negative, zero, before, channel_before, after_entrywise, added, read_twice, no_mul };

struct Dense {
  std::size_t outer = 12;
  std::size_t hidden = 8;
  bool nonnegative = false;  // all inner products of one sign: M is singular
  bool factor_behind = false;
  bool neg_and_add = false;
  bool computed = false;  // T is stored, and its reciprocal a node
  double lengthen = 1;
};

Network dense_block(const Dense& form, std::uint64_t seed, Fault fault = Fault::none) {
  Random r(seed);
  const std::size_t n = form.outer;
  const std::size_t m = form.hidden;
  std::vector<double> w = r.singles(m * n, 0.5);
  if (form.nonnegative) {
    std::transform(w.begin(), w.end(), w.begin(), [](double x) { return std::fabs(x); });
  }
  Eigen::MatrixXd a(static_cast<Eigen::Index>(m), static_cast<Eigen::Index>(n));
  std::vector<double> t(n * m);
  for (std::size_t k = 0; k < m; ++k) {
    for (std::size_t j = 0; j < n; ++j) {
      a(static_cast<Eigen::Index>(k), static_cast<Eigen::Index>(j)) = w[k * n + j];
      t[j * m + k] = w[k * n + j];
    }
  }
  std::vector<double> q(m);
  for (double& x : q) {
    x = single(std::exp(0.3 * r.normal()));
  }
  std::vector<double> d = steps_of(a, q, (form.factor_behind ? 1 : 2) * form.lengthen);
  if (fault == Fault::one_bit) {
    t[3] = static_cast<double>(std::nextafter(static_cast<float>(t[3]), 9.0F));
  } else if (fault == Fault::negative) {
    d[m / 2] = -d[m / 2];
  } else if (fault == Fault::zero) {
    d[m / 2] = 0;
  }
  Builder b({1, n});
  ValueId x = b.input();
  ValueId z = x;
  if (fault == Fault::before) {
    z = b.node(Operator::mul, {z, b.weight({}, {2})});
  } else if (fault == Fault::channel_before) {
    z = b.node(Operator::mul, {z, b.weight({n}, r.singles(n))});
  }
  z = b.gemm({z, b.weight({m, n}, w)}, true);
  z = b.node(Operator::add, {z, b.weight({m}, r.singles(m))});
  ValueId y = b.node(Operator::relu, {z});
  if (fault != Fault::no_mul) {
    std::vector<double> inverse(m);
    std::transform(d.begin(), d.end(), inverse.begin(), [](double factor) { return single(1 / factor); });
    y = b.node(Operator::mul, {y, form.computed ? b.node(Operator::reciprocal, {b.weight({m}, inverse)}) : b.weight({m}, d)});
  }
  const ValueId between = y;
  y = b.gemm({y, b.weight({n, m}, t)}, true);
  if (form.factor_behind) {
    y = b.node(Operator::mul, {b.weight({}, {2}), y});
  }
  if (fault == Fault::after_entrywise) {
    y = b.node(Operator::mul, {y, b.weight({n}, r.singles(n))});
  }
  if (form.neg_and_add) {
    y = b.node(Operator::add, {b.node(Operator::neg, {y}), x});
  } else {
    y = b.node(fault == Fault::added ? Operator::add : Operator::sub, {x, y});
  }
  if (fault == Fault::read_twice) {
    y = b.concat({y, between}, 1);
  }
  return b.finish(y);
}

/// x - ConvTranspose(d relu(Conv(x) + bias)), d entrywise, with strides and dilations as given.
Network convolutional_block(std::uint64_t seed, const Builder::Window& window, std::uint64_t channels, std::uint64_t size,
                            bool other_pads = false) {
  Random r(seed);
  const Shape kernel{channels + 1, channels, static_cast<std::uint64_t>(window.kernel[0]), static_cast<std::uint64_t>(window.kernel[1])};
  const std::vector<double> weights = r.singles(element_count(kernel), 0.5);
  Builder probe({1, channels, size, size});
  const Network conv = probe.finish(probe.window(Operator::conv, {probe.input(), probe.weight(kernel, weights)}, window));
  WorkerPool pool(1);
  const StepGraph graph = build_steps(conv, pool);
  const SparseMatrix sparse = matrix_of(graph, {0}, 0);
  Eigen::MatrixXd a = Eigen::MatrixXd::Zero(static_cast<Eigen::Index>(sparse.rows), static_cast<Eigen::Index>(sparse.columns));
  for (std::size_t i = 0; i < sparse.rows; ++i) {
    for (std::size_t e = sparse.start[i]; e < sparse.start[i + 1]; ++e) {
      a(static_cast<Eigen::Index>(i), static_cast<Eigen::Index>(sparse.column[e])) = sparse.centre[e];
    }
  }
  const std::vector<double> d = steps_of(a, std::vector<double>(sparse.rows, 1.0));
  Builder b({1, channels, size, size});
  const ValueId w = b.weight(kernel, weights);
  ValueId y = b.window(Operator::conv, {b.input(), w, b.weight({channels + 1}, r.singles(channels + 1))}, window);
  y = b.node(Operator::relu, {y});
  y = b.node(Operator::mul, {y, b.weight(b.shape(y), d)});
  Builder::Window back = window;
  if (other_pads) {
    back.pads = {0, 0, 2, 2};
  }
  y = b.window(Operator::conv_transpose, {y, w}, back);
  return b.finish(b.node(Operator::sub, {b.input(), y}));
}

AnalysisOptions quick() {
  AnalysisOptions options;
  options.threads = 1;
  options.region_samples = 4;
  return options;
}

/// The largest difference quotient over short steps along directions that power iteration with the gradient improves.
double quotient(const Network& network, Random& r) {
  const attack::PlainNetwork plain(network);
  const std::size_t n = element_count(network.values[network.input].shape);
  double best = 0;
  const auto length = [](const std::vector<double>& v) {
    double sum = 0;
    for (const double x : v) {
      sum += x * x;
    }
    return std::sqrt(sum);
  };
  for (int start = 0; start < 12; ++start) {
    const std::vector<double> x = r.singles(n, start % 3 == 0 ? 10 : 1);
    attack::PlainNetwork::Tape tape;
    const std::vector<double> y = plain.evaluate(x, 1, tape);
    std::vector<double> v = r.singles(n);
    for (int round = 0; round < 12; ++round) {
      const double scale = 1e-3 / length(v);
      std::vector<double> moved = x;
      for (std::size_t i = 0; i < n; ++i) {
        v[i] *= scale;
        moved[i] += v[i];
      }
      attack::PlainNetwork::Tape other;
      std::vector<double> change = plain.evaluate(moved, 1, other);
      for (std::size_t i = 0; i < change.size(); ++i) {
        change[i] -= y[i];
      }
      best = std::max(best, length(change) / length(v));
      v = plain.gradient(change, tape);
    }
  }
  return best;
}

/// The one block of the network, which must be an SLL block.
Block block_of(const Network& network) {
  const Analysis analysis = analyse(network, quick());
  REQUIRE(analysis.partition.blocks.size() == 1);
  Block block = analysis.partition.blocks[0];
  REQUIRE(block.op == BlockOperator::sll);
  REQUIRE(block.sll.has_value());
  REQUIRE(block.gram.has_value());
  CHECK(block.theorem == "sll-psd");
  CHECK(block.nodes.size() == network.nodes.size());
  CHECK(block.inputs == std::vector<std::string>{""});
  CHECK(analysis.upper == block.upper);
  CHECK(analysis.lower <= block.upper);
  return block;
}

/// The least eigenvalue of 2 D - D A A' D, and the norm of A.
std::pair<double, double> inequality(const Network& network) {
  WorkerPool pool(1);
  const StepGraph graph = build_steps(network, pool);
  const Segments cut_graph = cut(network, graph);
  REQUIRE(cut_graph.segments.size() == 1);
  const SllParts& parts = cut_graph.segments[0].sll.value();
  const SparseMatrix sparse = matrix_of(graph, parts.before, 0);
  Eigen::MatrixXd a = Eigen::MatrixXd::Zero(static_cast<Eigen::Index>(sparse.rows), static_cast<Eigen::Index>(sparse.columns));
  for (std::size_t i = 0; i < sparse.rows; ++i) {
    for (std::size_t e = sparse.start[i]; e < sparse.start[i + 1]; ++e) {
      a(static_cast<Eigen::Index>(i), static_cast<Eigen::Index>(sparse.column[e])) = sparse.centre[e];
    }
  }
  const Eigen::VectorXd d = Eigen::Map<const Eigen::VectorXd>(parts.d.data(), static_cast<Eigen::Index>(parts.d.size()));
  const Eigen::MatrixXd b = d.asDiagonal() * a;
  Eigen::MatrixXd residual = -b * b.transpose();
  residual.diagonal() += 2 * d;
  const double least = decompositions::symmetric_eigen(residual).values(0);
  return {least, decompositions::largest_singular_value(a)};
}

void check_block(const Network& network, Random& r) {
  const Block block = block_of(network);
  const auto [least, norm] = inequality(network);
  const double delta = block.sll->delta;
  CHECK(delta >= -least * (1 - 1e-9));
  CHECK(delta <= std::max(0.0, -1.2 * least) + 1e-9);
  CHECK(block.upper >= std::sqrt(1 + delta * norm * norm) * (1 - 1e-13));
  CHECK(block.upper >= quotient(network, r) * (1 - 1e-9));
  CHECK(block.sll->sA - block.sll->sR >= 0);
  CHECK(block.sll->sA - block.sll->sR <= 61);
}

bool has_sll(const Network& network) {
  const Partition p = partition(network);
  REQUIRE(p.refusals.empty());
  return std::any_of(p.blocks.begin(), p.blocks.end(), [](const Block& block) { return block.op == BlockOperator::sll; });
}

}  // namespace

TEST_CASE("sll: blocks of Araujo et al. are 1-Lipschitz up to the rounding of T, dense and convolutional") {
  Random r(5);
  std::size_t needed = 0;
  for (std::uint64_t seed = 1; seed <= 8; ++seed) {
    Dense form;
    form.outer = 3 + seed * 4;
    form.hidden = 2 + seed * 3;
    form.nonnegative = seed % 2 == 0;
    form.factor_behind = seed % 3 == 0;
    form.neg_and_add = seed % 4 == 1;
    const Network network = dense_block(form, seed);
    check_block(network, r);
    const Block block = block_of(network);
    CHECK(block.upper >= 1);
    CHECK(block.upper <= 1 + 1e-6);
    needed += block.sll->delta > 0 ? 1U : 0U;
    CHECK((form.nonnegative || block.sll->delta == 0));
  }
  CHECK(needed >= 1);  // singular M, rounded
  const Builder::Window windows[] = {
      {{3, 3}, {1, 1}, {1, 1, 1, 1}, {1, 1}}, {{2, 2}, {2, 2}, {0, 0, 0, 0}, {1, 1}}, {{2, 3}, {1, 1}, {1, 2, 1, 2}, {2, 2}}};
  for (std::uint64_t i = 0; i < 3; ++i) {
    const Network network = convolutional_block(20 + i, windows[i], 2, 6);
    check_block(network, r);
    CHECK(block_of(network).upper <= 1 + 1e-6);
  }
}

TEST_CASE("sll: a D that the graph computes costs next to nothing, and none beside a much larger one") {
  Random r(9);
  for (std::uint64_t seed = 1; seed <= 6; ++seed) {
    Dense form;
    form.outer = 3 + seed * 4;
    form.hidden = 2 + seed * 3;
    form.nonnegative = seed % 2 == 0;
    form.factor_behind = seed % 3 == 0;
    form.lengthen = seed == 5 ? 1.5 : 1;
    form.computed = true;
    const Network network = dense_block(form, 40 + seed);
    const Block block = analyse(network, quick()).partition.blocks.at(0);
    REQUIRE(block.op == BlockOperator::sll);
    CHECK(block.upper >= 1);
    CHECK(block.upper >= quotient(network, r) * (1 - 1e-9));
    CHECK((form.lengthen > 1 || block.upper <= 1 + 1e-6));
    const auto [least, norm] = inequality(network);
    CHECK(block.sll->delta >= -least * (1 - 1e-9));
    CHECK(block.upper >= std::sqrt(1 + block.sll->delta * norm * norm) * (1 - 1e-13));
  }
  // Beside a factor that is 2^40 times larger the radius of that one leaves nothing of the others.
  for (const bool wide : {false, true}) {
    Builder b({1, 3});
    const ValueId w = b.weight({2, 3}, {wide ? 0x1p-20 : 1, 0, 0, 0.25, 0.5, 0});
    ValueId y = b.node(Operator::relu, {b.gemm({b.input(), w}, true)});
    y = b.node(Operator::mul, {y, b.node(Operator::reciprocal, {b.weight({2}, {wide ? 3 * 0x1p-40 : 3, 4})})});
    CHECK(has_sll(b.finish(b.node(Operator::sub, {b.input(), b.node(Operator::matmul, {y, w})}))) == !wide);
  }
}

TEST_CASE("sll: steps that are too long are paid for, and never more than the sum rule asks") {
  Random r(6);
  for (const double lengthen : {1.5, 4.0, 100.0}) {
    Dense form;
    form.nonnegative = true;
    form.lengthen = lengthen;
    const Network network = dense_block(form, 31);
    check_block(network, r);
    const Block block = block_of(network);
    CHECK(block.upper > 1.01);
    const auto [least, norm] = inequality(network);
    static_cast<void>(least);
    WorkerPool pool(1);
    const StepGraph graph = build_steps(network, pool);
    const Segments cut_graph = cut(network, graph);
    const std::vector<double>& d = cut_graph.segments[0].sll->d;
    CHECK(block.upper < 1 + *std::max_element(d.begin(), d.end()) * norm * norm);
  }
  // One entry in each row of A: its norm has a simpler theorem, its evidence here has not.
  Builder b({1, 3});
  const ValueId w = b.weight({2, 3}, {0, 0.5, 0, 0.25, 0, 0});
  ValueId y = b.node(Operator::mul, {b.node(Operator::relu, {b.gemm({b.input(), w}, true)}), b.weight({}, {3})});
  y = b.node(Operator::sub, {b.input(), b.node(Operator::matmul, {y, w})});
  check_block(b.finish(y), r);
}

TEST_CASE("sll: what only looks like such a block is a join") {
  const Dense form;
  CHECK(has_sll(dense_block(form, 7)));
  for (const Fault fault : {Fault::one_bit, Fault::negative, Fault::zero, Fault::before, Fault::channel_before, Fault::after_entrywise,
                            Fault::added, Fault::read_twice, Fault::no_mul}) {
    CAPTURE(static_cast<int>(fault));
    CHECK(!has_sll(dense_block(form, 7, fault)));
  }
  const Builder::Window window{{3, 3}, {1, 1}, {1, 1, 1, 1}, {1, 1}};
  CHECK(has_sll(convolutional_block(8, window, 2, 5)));
  CHECK(!has_sll(convolutional_block(8, window, 2, 5, true)));
}
