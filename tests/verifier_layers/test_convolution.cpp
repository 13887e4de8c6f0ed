// Theorems conv-frequency-grid, conv-bernstein, conv-reshape: never below the exact norm of the operator built from its definition, and as
// close as the theorems promise; their conditions are necessary.
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <functional>

#include "tests/verifier_layers/norms_support.hpp"
#include "verifier/base/failure.hpp"

using namespace lipverify;
using namespace norms_test;

namespace {

Rational bound_of(const Problem& problem, const std::string& theorem, const ConvEvidence& evidence, unsigned threads = 1) {
  Engine engine;
  engine.threads = threads;
  return convolution_bound(problem.kernel(), theorem, evidence, hints(), engine);
}

bool refused(const Problem& problem, const std::string& theorem, const ConvEvidence& evidence) {
  try {
    (void)bound_of(problem, theorem, evidence);
  } catch (const Failure& failure) {
    return failure.outcome() == Outcome::rejected;
  }
  return false;
}

/// True when the bound is at least the root of `squared`, or the evidence is refused; anything else is a fault.
bool holds_or_refused(const std::function<Rational()>& bound, const Rational& squared) {
  try {
    return square(bound()) >= squared;
  } catch (const Failure& failure) {
    return failure.outcome() == Outcome::rejected;
  }
}

/// All theorems on one problem.
void check(Random& random, const Problem& problem) {
  INFO(text(problem));
  const Rational truth = squared_norm_below(problem.matrix());
  const double norm = std::sqrt(as_double(truth));
  double factor = 1;
  bool circular = false;
  bool all_circular = true;
  for (const Axis& axis : problem.axes) {
    if (axis.axis.kind == ConvAxis::Kind::copies) factor *= std::sqrt(static_cast<double>(axis.axis.copies));
    circular = circular || axis.axis.kind == ConvAxis::Kind::circular;
    all_circular = all_circular && axis.axis.kind == ConvAxis::Kind::circular;
  }

  std::vector<std::uint64_t> grid = smallest_grid(problem);
  if (pick(random, 0, 3) == 0)
    for (std::size_t l = 0; l < grid.size(); ++l)
      if (problem.axes[l].axis.kind != ConvAxis::Kind::circular) grid[l] += static_cast<std::uint64_t>(pick(random, 0, 2));
  const std::vector<std::uint64_t> shift = random_shift(random, problem);
  ConvEvidence evidence = frequency_evidence(problem, grid, pick(random, 0, 1) == 0, shift);
  const double symbol = symbol_maximum(problem, grid, shift).norm;
  const Rational bound = bound_of(problem, "conv-frequency-grid", evidence);
  CHECK(bound * bound >= truth);
  if (symbol > 0) CHECK(as_double(bound) <= symbol * factor * (1 + 1e-8));
  if (all_circular && norm > 0) CHECK(as_double(bound) <= norm * (1 + 1e-8));

  const std::vector<std::uint64_t> degree = degrees(problem);
  for (std::size_t l = 0; l < grid.size(); ++l) grid[l] = degree[l] + static_cast<std::uint64_t>(pick(random, 0, 4));
  evidence = frequency_evidence(problem, grid, pick(random, 0, 1) == 0, random_shift(random, problem));
  const Rational everywhere = bound_of(problem, "conv-bernstein", evidence);
  CHECK(everywhere * everywhere >= truth);
  for (std::size_t l = 0; l < grid.size(); ++l) {
    ConvEvidence coarse = evidence;
    coarse.grid[l] = degree[l] - 1;
    CHECK(refused(problem, "conv-bernstein", coarse));
  }

  if (circular) {
    CHECK(refused(problem, "conv-reshape", evidence));
    return;
  }
  evidence.grid.clear();
  evidence.shift.clear();
  for (std::size_t l = 0; l < grid.size(); ++l)
    if (pick(random, 0, 1) == 0) evidence.rows.push_back(l);
  double frobenius = 0;
  double largest = 0;
  for (const double tap : problem.taps) {
    frobenius += tap * tap;
    largest = std::max(largest, std::fabs(tap));
  }
  evidence.gram = evidence_for(std::sqrt(frobenius), largest, evidence.gram.at_a);
  const Rational reshaped = bound_of(problem, "conv-reshape", evidence);
  CHECK(reshaped * reshaped >= truth);
}

}  // namespace

TEST_CASE("random convolutions of one axis: never below the norm of the operator") {
  Random random(1);
  for (int k = 0; k < 500; ++k) check(random, random_problem(random, 1, Kinds::zero));
  for (int k = 0; k < 250; ++k) check(random, random_problem(random, 1, Kinds::circular));
  for (int k = 0; k < 250; ++k) check(random, random_problem(random, 1, Kinds::copies));
  for (int k = 0; k < 250; ++k) check(random, random_transposed(random, 1));
}

TEST_CASE("random convolutions of two axes: never below the norm of the operator") {
  Random random(2);
  for (int k = 0; k < 300; ++k) check(random, random_problem(random, 2, Kinds::zero));
  for (int k = 0; k < 100; ++k) check(random, random_problem(random, 2, Kinds::circular));
  for (int k = 0; k < 150; ++k) check(random, random_problem(random, 2, Kinds::mixed));
  for (int k = 0; k < 100; ++k) check(random, random_transposed(random, 2));
}

TEST_CASE("random convolutions of three axes: never below the norm of the operator") {
  Random random(3);
  for (int k = 0; k < 40; ++k) check(random, random_problem(random, 3, Kinds::mixed));
  for (int k = 0; k < 20; ++k) check(random, random_transposed(random, 3));
}

TEST_CASE("the explicit matrix of a convolution: never below its norm, and close to it") {
  Random random(4);
  for (int k = 0; k < 600; ++k) {
    const Problem problem = k % 3 == 0 ? random_transposed(random, 1 + static_cast<std::size_t>(k) % 2)
                                       : random_problem(random, 1 + static_cast<std::size_t>(k) % 3, Kinds::mixed);
    INFO(text(problem));
    const Eigen::MatrixXd a = problem.matrix();
    const Rational truth = squared_norm_below(a);
    if (truth == 0) continue;
    const bool at_a = pick(random, 0, 1) == 0;
    const Rational bound = explicit_gram_bound(sparse(a), evidence_for(norm_of(a), a.cwiseAbs().maxCoeff(), at_a), hints(), Engine());
    CHECK(bound * bound >= truth);
    CHECK(as_double(bound * bound / truth) <= 1 + 1e-8);
  }
}

TEST_CASE("the table of ratios: a long enough grid is close to the norm of the operator") {
  Random random(5);
  const auto plain = [&](std::uint64_t inputs, std::uint64_t outputs, std::uint64_t n) {
    Problem problem;
    problem.inputs = inputs;
    problem.outputs = outputs;
    for (int l = 0; l < 2; ++l) {
      Axis axis;
      axis.axis = {ConvAxis::Kind::zero, n, n, n, 3, 1, 1, 1, 1};
      axis.begin = 1;
      for (std::uint64_t i = 0; i < n; ++i) axis.source.push_back(static_cast<std::int64_t>(i));
      problem.axes.push_back(axis);
    }
    std::normal_distribution<double> normal;
    for (std::uint64_t k = 0; k < inputs * outputs * 9; ++k) problem.taps.push_back(std::nearbyint(normal(random) * 1000));
    return problem;
  };
  for (const auto& [inputs, outputs, n, limit] : std::vector<std::tuple<std::uint64_t, std::uint64_t, std::uint64_t, double>>{
           {1, 16, 28, 1.02}, {1, 4, 16, 1.03}, {4, 4, 10, 1.06}}) {
    const Problem problem = plain(inputs, outputs, n);
    INFO(text(problem));
    const Eigen::MatrixXd a = problem.matrix();
    const Rational truth = squared_norm_below(a);
    const std::vector<std::uint64_t> grid = smallest_grid(problem);
    CHECK(grid == std::vector<std::uint64_t>{n + 1, n + 1});
    const Rational bound = bound_of(problem, "conv-frequency-grid", frequency_evidence(problem, grid, true), 2);
    CHECK(bound * bound >= truth);
    CHECK(as_double(bound * bound / truth) <= limit * limit);
    const Rational everywhere = bound_of(problem, "conv-bernstein", frequency_evidence(problem, {32, 32}, true));
    CHECK(everywhere * everywhere >= truth);
    CHECK(as_double(everywhere * everywhere / truth) <= limit * limit * 1.0097 * 1.0097);  // one axis at N = 32: 1/cos(pi/32) = 1.0048
  }
}

TEST_CASE("one frequency less: refused, and rightly so") {
  // With N - 1 points on one axis the maximum over the grid is below the norm of many operators: the condition is needed as it stands.
  Random random(6);
  int below = 0;
  for (int k = 0; k < 1500; ++k) {
    const Problem problem = random_problem(random, 1 + static_cast<std::size_t>(k) % 2, Kinds::zero);
    INFO(text(problem));
    std::vector<std::uint64_t> grid = smallest_grid(problem);
    const std::size_t l = static_cast<std::size_t>(pick(random, 0, static_cast<std::int64_t>(grid.size()) - 1));
    if (--grid[l] == 0) continue;
    const std::vector<std::uint64_t> shift = random_shift(random, problem);
    const ConvEvidence evidence = frequency_evidence(problem, grid, true, shift);
    CHECK(refused(problem, "conv-frequency-grid", evidence));
    const double symbol = symbol_maximum(problem, grid, shift).norm;
    if (as_double(squared_norm_below(problem.matrix())) > symbol * symbol * 1.001) ++below;
  }
  CHECK(below > 5);
}

TEST_CASE("as many frequencies as entries are not enough") {
  // The difference of neighbours with zero padding: period n wraps around.
  Problem problem;
  Axis axis;
  axis.axis = {ConvAxis::Kind::zero, 8, 8, 8, 3, 1, 1, 1, 1};
  axis.begin = 1;
  for (int i = 0; i < 8; ++i) axis.source.push_back(i);
  problem.axes = {axis};
  problem.taps = {1, -2, 1};
  CHECK(refused(problem, "conv-frequency-grid", frequency_evidence(problem, {8}, true)));
  CHECK(!refused(problem, "conv-frequency-grid", frequency_evidence(problem, {9}, true)));
  CHECK(!refused(problem, "conv-frequency-grid", frequency_evidence(problem, {100}, true)));
  ConvEvidence two = frequency_evidence(problem, {9}, true);
  two.grid.push_back(9);
  two.shift.push_back(0);
  CHECK(refused(problem, "conv-frequency-grid", two));
  two.shift.pop_back();
  two.grid.clear();
  CHECK(refused(problem, "conv-frequency-grid", two));
  two.grid = {0};
  CHECK(refused(problem, "conv-frequency-grid", two));
  two.grid = {std::uint64_t{1} << 63};
  CHECK(refused(problem, "conv-frequency-grid", two));
}

TEST_CASE("a shifted grid: every point of it, and no other") {
  // With C2 = 0 and one channel on a side the bound is the largest length over the grid itself, so that a point that is left out shows.
  Random random(10);
  std::size_t shifted = 0;
  std::size_t different = 0;
  for (int k = 0; k < 900; ++k) {
    const std::size_t dimensions = 1 + static_cast<std::size_t>(k) % 3;
    Problem problem = k % 4 == 3 ? random_transposed(random, dimensions) : random_problem(random, dimensions, Kinds::mixed);
    if (problem.outputs > 1) {
      problem.taps.resize(problem.taps.size() / problem.outputs);
      problem.outputs = 1;
    }
    std::vector<std::uint64_t> grid = smallest_grid(problem);
    for (std::size_t l = 0; l < grid.size(); ++l)
      if (problem.axes[l].axis.kind != ConvAxis::Kind::circular) grid[l] += static_cast<std::uint64_t>(pick(random, 0, 2));
    const std::vector<std::uint64_t> shift = random_shift(random, problem);
    INFO(text(problem));
    ConvEvidence evidence = frequency_evidence(problem, grid, false, shift);
    evidence.gram.C2 = 0;
    double factor = 1;
    for (const Axis& axis : problem.axes)
      if (axis.axis.kind == ConvAxis::Kind::copies) factor *= std::sqrt(static_cast<double>(axis.axis.copies));
    const double wanted = factor * symbol_maximum(problem, grid, shift).norm;
    const Rational bound = bound_of(problem, "conv-frequency-grid", evidence);
    CHECK(square(bound) >= squared_norm_below(problem.matrix()));
    CHECK(as_double(bound) >= wanted * (1 - 1e-12));
    if (wanted > 0) CHECK(as_double(bound) <= wanted * (1 + 1e-9));
    shifted += std::count(shift.begin(), shift.end(), 1U) > 0 ? 1U : 0U;
    different += std::abs(factor * symbol_maximum(problem, grid).norm - wanted) > 1e-6 * wanted ? 1U : 0U;
  }
  CHECK(shifted > 300);
  CHECK(different > 100);
}

TEST_CASE("a shifted grid is close where the symbol is largest at z = 1; a shift is 0 or 1, and 0 on a circular axis") {
  // The sum of neighbours: 1 + 2 cos(pi / (n + 1)), which is the symbol at the first point of the shifted grid.
  for (const std::uint64_t n : {7U, 8U}) {
    Problem problem;
    Axis axis;
    axis.axis = {ConvAxis::Kind::zero, n, n, n, 3, 1, 1, 1, 1};
    axis.begin = 1;
    for (std::uint64_t i = 0; i < n; ++i) axis.source.push_back(static_cast<std::int64_t>(i));
    problem.axes = {axis, axis};
    problem.taps.assign(9, 1);
    const Rational truth = squared_norm_below(problem.matrix());
    ConvEvidence evidence = frequency_evidence(problem, {n + 1, n + 1}, true, {1, 1});
    const Rational bound = bound_of(problem, "conv-frequency-grid", evidence);
    CHECK(square(bound) >= truth);
    CHECK(as_double(square(bound) / truth) <= 1 + 1e-8);
    CHECK(bound_of(problem, "conv-frequency-grid", frequency_evidence(problem, {n + 1, n + 1}, true)) >= 9);
    for (const std::vector<std::uint64_t>& shift : std::vector<std::vector<std::uint64_t>>{{}, {1}, {1, 1, 1}, {2, 1}, {1, 2}, {~std::uint64_t{0}, 1}}) {
      evidence.shift = shift;
      CHECK(refused(problem, "conv-frequency-grid", evidence));
      CHECK(refused(problem, "conv-bernstein", evidence));
    }
    // Two equal neighbours with wrap-around: 2, attained by a constant, at z = 1; the shifted grid stays below.
    Problem wrapped;
    Axis circular;
    circular.axis = {ConvAxis::Kind::circular, n, n + 1, n, 2, 1, 1, 0, 1};
    for (std::uint64_t i = 0; i <= n; ++i) circular.source.push_back(static_cast<std::int64_t>(i % n));
    wrapped.axes = {circular, axis};
    wrapped.taps.assign(6, 1);
    ConvEvidence mixed = frequency_evidence(wrapped, {n, n + 1}, true, {0, 1});
    const Rational wrapped_truth = squared_norm_below(wrapped.matrix());
    CHECK(square(bound_of(wrapped, "conv-frequency-grid", mixed)) >= wrapped_truth);
    CHECK(as_double(square(bound_of(wrapped, "conv-frequency-grid", mixed)) / wrapped_truth) <= 1 + 1e-8);
    for (const std::uint64_t second : {0U, 1U}) {
      mixed.shift = {1, second};
      CHECK(refused(wrapped, "conv-frequency-grid", mixed));
      CHECK(refused(wrapped, "conv-bernstein", mixed));
    }
    CHECK(std::pow(symbol_maximum(wrapped, {n, n + 1}, {1, 1}).norm, 2) < 0.99 * as_double(wrapped_truth));
  }
}

TEST_CASE("circular axes: only where the operator is a circulant") {
  Problem problem;
  Axis axis;
  axis.axis = {ConvAxis::Kind::circular, 6, 8, 3, 3, 2, 1, 0, 1};
  for (int i = 0; i < 8; ++i) axis.source.push_back((i + 5) % 6);
  problem.axes = {axis};
  problem.taps = {1, 2, 3};
  ConvEvidence evidence = frequency_evidence(problem, {3}, true);
  for (const char* theorem : {"conv-frequency-grid", "conv-bernstein"}) {
    CHECK(!refused(problem, theorem, evidence));
    Problem wrong = problem;
    wrong.axes[0].axis.input = 7;  // the stride does not divide the length
    CHECK(refused(wrong, theorem, evidence));
    wrong = problem;
    wrong.axes[0].axis.output = 2;
    CHECK(refused(wrong, theorem, evidence));
    wrong = problem;
    wrong.axes[0].axis.pad = 1;
    CHECK(refused(wrong, theorem, evidence));
    wrong = problem;
    wrong.axes[0].axis.padded = 6;  // reads beyond what the padding nodes filled
    CHECK(refused(wrong, theorem, evidence));
    for (const char* kind : {"zero", "copies", "", "Circular"}) {
      ConvEvidence renamed = evidence;
      renamed.axes[0] = kind;
      CHECK(refused(problem, theorem, renamed));
    }
  }
  for (const std::uint64_t N : std::vector<std::uint64_t>{1, 2, 4, 6})
    CHECK(refused(problem, "conv-frequency-grid", frequency_evidence(problem, {N}, true)));

  // n = 5, stride 2, three outputs: a circulant with 2 or 3 frequencies would be below the norm.
  Problem ragged;
  axis.axis = {ConvAxis::Kind::circular, 5, 7, 3, 3, 2, 1, 0, 1};
  axis.source.clear();
  for (int i = 0; i < 7; ++i) axis.source.push_back(i % 5);
  ragged.axes = {axis};
  ragged.taps = {1, 1, 1};
  CHECK(refused(ragged, "conv-frequency-grid", frequency_evidence(ragged, {3}, true)));
  CHECK(refused(ragged, "conv-bernstein", frequency_evidence(ragged, {3}, true)));
  CHECK(as_double(squared_norm_below(ragged.matrix())) > std::pow(symbol_maximum(ragged, {3}).norm, 2));
}

TEST_CASE("the number of copies is charged") {
  // Replicated at the left end: the norm exceeds that of the convolution alone.
  Problem problem;
  Axis axis;
  axis.axis = {ConvAxis::Kind::copies, 1, 5, 3, 3, 1, 1, 0, 5};
  axis.source.assign(5, 0);
  problem.axes = {axis};
  problem.taps = {1, 1, 1};
  const ConvEvidence evidence = frequency_evidence(problem, smallest_grid(problem), true);
  const Rational truth = squared_norm_below(problem.matrix());
  CHECK(square(bound_of(problem, "conv-frequency-grid", evidence)) >= truth);
  CHECK(truth > std::pow(symbol_maximum(problem, smallest_grid(problem)).norm, 2));
}

TEST_CASE("evidence that does not fit is refused or charged") {
  Random random(7);
  for (int k = 0; k < 60; ++k) {
    const Problem problem = random_problem(random, 1 + static_cast<std::size_t>(k) % 2, Kinds::mixed);
    INFO(text(problem));
    const Rational truth = squared_norm_below(problem.matrix());
    if (truth == 0) continue;
    const std::vector<std::uint64_t> grid = smallest_grid(problem);
    const ConvEvidence evidence = frequency_evidence(problem, grid, true, random_shift(random, problem));
    for (const int fraction : {99, 90, 50, 10, 0}) {
      ConvEvidence wrong = evidence;
      wrong.gram.C2 = wrong.gram.C2 * fraction / 100;
      CHECK(holds_or_refused([&] { return bound_of(problem, "conv-frequency-grid", wrong); }, truth));
    }
    for (const int coarser : {1, 10, 30, 60, 200}) {
      ConvEvidence wrong = evidence;
      wrong.gram.sA -= coarser;
      wrong.gram.sR -= coarser;
      wrong.gram.C2 = wrong.gram.C2 >> static_cast<unsigned>(2 * coarser);
      CHECK(holds_or_refused([&] { return bound_of(problem, "conv-frequency-grid", wrong); }, truth));
    }
    std::vector<ConvEvidence> wrong(6, evidence);
    wrong[0].gram.sA += 12;  // entries of 2^52 and more
    wrong[0].gram.sR += 12;
    wrong[1].gram.sR = wrong[1].gram.sA + 1;
    wrong[2].gram.sR = wrong[2].gram.sA - 62;
    wrong[3].gram.C2 = Integer(1) << 122;
    wrong[4].gram.C2 = -1;
    wrong[5].gram.sA = 100000;
    for (const ConvEvidence& each : wrong) CHECK(refused(problem, "conv-frequency-grid", each));
    CHECK(refused(problem, "conv-something", evidence));
    ConvEvidence rows = evidence;
    rows.rows = {problem.axes.size()};
    CHECK(refused(problem, "conv-reshape", rows));
    rows.rows = {0, 0};
    CHECK(refused(problem, "conv-reshape", rows));
  }
}

TEST_CASE("a kernel that is known up to a radius, and entries far apart") {
  Random random(8);
  for (int k = 0; k < 100; ++k) {
    Problem problem = random_problem(random, 1, Kinds::zero);
    INFO(text(problem));
    // The kernel of the problem lies within the radius of the one that is checked: an entry is moved by 1/8 of a unit.
    const std::vector<std::uint64_t> grid = smallest_grid(problem);
    const Rational truth = squared_norm_below(problem.matrix());
    const SymbolMaximum maximum = symbol_maximum(problem, grid);
    ConvEvidence evidence = frequency_evidence(problem, grid, true);
    evidence.gram = evidence_for(maximum.norm + 1, maximum.entry + 1, pick(random, 0, 1) == 0);  // large enough for the neighbour as well
    ConvKernel kernel = problem.kernel();
    const std::size_t at = static_cast<std::size_t>(pick(random, 0, static_cast<std::int64_t>(problem.taps.size()) - 1));
    Problem moved = problem;
    moved.taps[at] -= std::copysign(0.125, problem.taps[at]);
    kernel.taps.centre[at] = dyadic(moved.taps[at]);
    kernel.taps.radius = Rational(1, 8);
    const Rational enclosed = convolution_bound(kernel, "conv-frequency-grid", evidence, hints(), Engine());
    CHECK(enclosed * enclosed >= truth);
    CHECK(enclosed >= convolution_bound(moved.kernel(), "conv-frequency-grid", evidence, hints(), Engine()) + Rational(1, 8));
    ConvEvidence reshaped = evidence;
    reshaped.rows = {0};
    reshaped.gram = evidence_for(10 * std::sqrt(static_cast<double>(problem.taps.size())), 10, true);
    const Rational without = convolution_bound(moved.kernel(), "conv-reshape", reshaped, hints(), Engine());
    CHECK(convolution_bound(kernel, "conv-reshape", reshaped, hints(), Engine()) >= without + Rational(1, 8));
    // Every entry moved below the grid of the largest one: what is lost is charged.
    ConvKernel tiny = problem.kernel();
    for (Dyadic& tap : tiny.taps.centre) tap.exponent -= 100;
    tiny.taps.centre[0] = {1, 0};
    const GramEvidence unit = evidence_for(2, 1, true);
    ConvEvidence coarse = evidence;
    coarse.gram = unit;
    Rational lost = 0;
    for (std::size_t i = 1; i < tiny.taps.centre.size(); ++i)
      lost = std::max(lost, Rational(boost::multiprecision::abs(rational_of(tiny.taps.centre[i]))));
    CHECK(convolution_bound(tiny, "conv-frequency-grid", coarse, hints(), Engine()) >= 2 + lost);
  }
}

TEST_CASE("faulty hints change no verdict to the better; threads and kernels change nothing") {
  Random random(9);
  for (int k = 0; k < 40; ++k) {
    const Problem problem = random_problem(random, 2, Kinds::mixed);
    INFO(text(problem));
    const std::vector<std::uint64_t> grid = smallest_grid(problem);
    const ConvEvidence evidence = frequency_evidence(problem, grid, true);
    const Rational truth = squared_norm_below(problem.matrix());
    const Rational bound = bound_of(problem, "conv-frequency-grid", evidence);
    CHECK(bound == bound_of(problem, "conv-frequency-grid", evidence, 3));
    Engine portable;
    portable.kernel = Kernel::portable;
    CHECK(bound == convolution_bound(problem.kernel(), "conv-frequency-grid", evidence, hints(), portable));
    Hints wrong = hints();
    wrong.factor = [&](const SymmetricSum& m, unsigned, unsigned) {
      std::vector<std::int64_t> r(m.order() * m.order());
      for (auto& x : r) x = static_cast<std::int64_t>(random() % 1000000);
      return r;
    };
    CHECK(square(convolution_bound(problem.kernel(), "conv-frequency-grid", evidence, wrong, Engine())) >= truth);
    wrong = hints();
    // Another primitive root is as good; a table that is off in the 40th bit costs a little.
    wrong.roots = [](std::uint64_t n) {
      std::vector<Root> table = hints().roots(n);
      std::vector<Root> other(n);
      for (std::uint64_t a = 0; a < n; ++a) other[a] = table[(n - a) % n];
      for (Root& z : other) z.re += std::int64_t{1} << 20;
      return other;
    };
    const Rational rough = convolution_bound(problem.kernel(), "conv-frequency-grid", evidence, wrong, Engine());
    CHECK(rough * rough >= truth);
    CHECK(as_double(rough) <= as_double(bound) * (1 + 1e-6));
  }
}
