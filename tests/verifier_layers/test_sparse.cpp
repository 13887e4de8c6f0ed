// Theorems diagonal-gram and explicit-gram-psd.
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <numeric>

#include "tests/verifier_layers/norms_support.hpp"
#include "verifier/hint/cholesky.hpp"
#include "verifier/hint/order.hpp"
#include "verifier/base/failure.hpp"

using namespace lipverify;
using namespace norms_test;

namespace {

bool refused(const std::function<void()>& act) {
  try {
    act();
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

/// Random integers in a band, with rows and columns shuffled.
Eigen::MatrixXd hidden_band(Random& random, Eigen::Index rows, Eigen::Index columns, Eigen::Index width, bool shuffled) {
  Eigen::MatrixXd a = Eigen::MatrixXd::Zero(rows, columns);
  std::vector<Eigen::Index> row(static_cast<std::size_t>(rows));
  std::vector<Eigen::Index> column(static_cast<std::size_t>(columns));
  std::iota(row.begin(), row.end(), 0);
  std::iota(column.begin(), column.end(), 0);
  if (shuffled) {
    std::shuffle(row.begin(), row.end(), random);
    std::shuffle(column.begin(), column.end(), random);
  }
  for (Eigen::Index i = 0; i < rows; ++i)
    for (Eigen::Index j = 0; j < columns; ++j)
      if (std::abs(i * columns / rows - j) <= width)
        a(row[static_cast<std::size_t>(i)], column[static_cast<std::size_t>(j)]) = static_cast<double>(pick(random, -99, 99));
  return a;
}

}  // namespace

TEST_CASE("diagonal-gram: exactly the largest sum of squares, and only where the Gram matrix is diagonal") {
  Random random(1);
  for (int k = 0; k < 300; ++k) {
    const Eigen::Index rows = pick(random, 1, 8);
    const Eigen::Index columns = pick(random, 1, 8);
    Eigen::MatrixXd a = Eigen::MatrixXd::Zero(rows, columns);
    const bool at_a = pick(random, 0, 1) == 0;
    const bool one_more = pick(random, 0, 3) == 0;
    for (Eigen::Index i = 0; i < (at_a ? rows : columns); ++i) {
      const Eigen::Index j = pick(random, 0, (at_a ? columns : rows) - 1);
      (at_a ? a(i, j) : a(j, i)) = static_cast<double>(pick(random, -9, 9)) / 8;
    }
    if (one_more) a(pick(random, 0, rows - 1), pick(random, 0, columns - 1)) = 3;
    const Eigen::MatrixXd gram = at_a ? Eigen::MatrixXd(a.transpose() * a) : Eigen::MatrixXd(a * a.transpose());
    bool diagonal = true;
    for (Eigen::Index i = 0; i < (at_a ? rows : columns); ++i)
      diagonal = diagonal && ((at_a ? Eigen::VectorXd(a.row(i)) : Eigen::VectorXd(a.col(i))).array() != 0).count() <= 1;
    if (!diagonal) {
      CHECK(refused([&] { (void)diagonal_gram(sparse(a), at_a); }));
      continue;
    }
    CHECK(Eigen::MatrixXd(gram.diagonal().asDiagonal()) == gram);
    SparseMatrix matrix = sparse(a);
    DiagonalGram result = diagonal_gram(matrix, at_a);
    const Rational truth = rational_of(dyadic(gram.diagonal().maxCoeff()));
    CHECK(result.largest == truth);
    CHECK(square(result.upper()) >= truth);
    const Rational root = sqrt_below(truth);
    if (root * root == truth) CHECK(result.proves_upper(root));
    CHECK(result.proves_upper(sqrt_above(truth)));
    CHECK(!result.proves_upper(-sqrt_above(truth) - 1));
    if (truth > 0) {
      const Rational below = sqrt_below(truth) * Rational(999999, 1000000);
      CHECK(!result.proves_upper(below));
      CHECK(!result.proves_lower(sqrt_above(truth) * Rational(1000001, 1000000), 0));
      Eigen::Index best = 0;
      gram.diagonal().maxCoeff(&best);
      CHECK(result.proves_lower(below, static_cast<std::uint64_t>(best)));
      matrix.radius = Rational(1, 3);
      result = diagonal_gram(matrix, at_a);
      CHECK(!result.proves_upper(sqrt_above(truth) + Rational(1, 3) - Rational(1, 1000000)));
      CHECK(result.proves_upper(sqrt_above(truth) + Rational(1, 3)));
      CHECK(!result.proves_lower(below, static_cast<std::uint64_t>(best)));
      CHECK(result.proves_lower(below - Rational(1, 3), static_cast<std::uint64_t>(best)));
    }
    CHECK(!result.proves_lower(0, result.squares.size()));
  }
}

TEST_CASE("explicit-gram-psd: banded, shuffled, full, tall and wide matrices") {
  Random random(2);
  for (int k = 0; k < 60; ++k) {
    const Eigen::Index rows = pick(random, 1, 250);
    const Eigen::Index columns = pick(random, 1, 250);
    const Eigen::MatrixXd a = hidden_band(random, rows, columns, pick(random, 0, k % 5 == 0 ? 250 : 12), k % 2 == 0);
    CAPTURE(rows);
    CAPTURE(columns);
    const Rational truth = squared_norm_below(a);
    if (truth == 0) continue;
    const double largest = a.cwiseAbs().maxCoeff();
    for (const bool at_a : {true, false}) {
      const GramEvidence evidence = evidence_for(norm_of(a), largest, at_a);
      const Rational bound = explicit_gram_bound(sparse(a), evidence, hints(), Engine());
      CHECK(bound * bound >= truth);
      const double order = static_cast<double>(at_a ? columns : rows);
      CHECK(as_double(bound * bound / truth) <= 1 + 2 * (0x1p-42 + 0x1p-38 + order * order * 0x1p-52));
      Engine other;
      other.threads = 3;
      other.kernel = Kernel::portable;
      CHECK(explicit_gram_bound(sparse(a), evidence, hints(), other) == bound);
      GramEvidence small = evidence;
      for (const int fraction : {99, 70, 10, 0}) {
        small.C2 = evidence.C2 * fraction / 100;
        CHECK(holds_or_refused([&] { return explicit_gram_bound(sparse(a), small, hints(), Engine()); }, truth));
      }
      small = evidence;
      small.sA -= 45;
      small.sR -= 45;
      small.C2 = (evidence.C2 >> 90) * 2 + 1000;
      CHECK(square(explicit_gram_bound(sparse(a), small, hints(), Engine())) >= truth);
    }
  }
}

TEST_CASE("explicit-gram-psd agrees with dense-gram-psd, whatever the order of the columns") {
  Random random(3);
  for (int k = 0; k < 20; ++k) {
    const Eigen::MatrixXd a = hidden_band(random, pick(random, 100, 200), pick(random, 130, 200), 5, true);
    const GramEvidence evidence = evidence_for(norm_of(a), 99, true);
    EnclosedMatrix dense{static_cast<std::size_t>(a.rows()), static_cast<std::size_t>(a.cols()), {}, Rational(0)};
    for (Eigen::Index i = 0; i < a.rows(); ++i)
      for (Eigen::Index j = 0; j < a.cols(); ++j) dense.centre.push_back(dyadic(a(i, j)));
    // The exact part: with the factor zero, V depends on A and C2 alone, and both must compute the same number.
    Hints zero = hints();
    zero.band = [](const BandSum& m, unsigned, unsigned) { return BandFactor(m.skyline().entries()); };
    const Rational expected = gram_psd_bound(
        dense, evidence, [](const SymmetricSum& m, unsigned, unsigned) { return std::vector<std::int64_t>(m.order() * m.order()); },
        Engine());
    CHECK(explicit_gram_bound(sparse(a), evidence, zero, Engine()) == expected);
    // A factor of noise within the skyline: the same as the dense theorem with the same factor.
    const std::size_t n = dense.columns;
    std::vector<std::uint32_t> natural(n);
    std::iota(natural.begin(), natural.end(), 0U);
    Hints noisy = hints();
    noisy.order = [&](std::size_t, const auto&, const auto&) { return natural; };
    std::vector<std::int64_t> same(n * n);
    noisy.band = [&](const BandSum& m, unsigned, unsigned) {
      const Skyline& skyline = m.skyline();
      BandFactor r(skyline.entries());
      for (std::size_t J = 0; J < skyline.tiles(); ++J)
        for (std::size_t e = 0; e < skyline.rows(J) * 64; ++e) {
          std::int64_t& x = r[skyline.begin(J) + e];
          x = pick(random, -(std::int64_t{1} << 51), std::int64_t{1} << 51);
          const std::size_t row = skyline.first(J) * 64 + e / 64;
          const std::size_t column = J * 64 + e % 64;
          if (row < n && column < n) same[row * n + column] = x;  // below the diagonal as well: it must be ignored
        }
      return r;
    };
    const auto value = [](const std::function<Rational()>& act) {
      try {
        return act();
      } catch (const Failure& failure) {
        CHECK(failure.outcome() == Outcome::rejected);
        return Rational(-1);
      }
    };
    const Rational noisy_bound = value([&] { return explicit_gram_bound(sparse(a), evidence, noisy, Engine()); });
    CHECK(noisy_bound == value([&] {
            return gram_psd_bound(
                dense, evidence, [&](const SymmetricSum&, unsigned, unsigned) { return same; }, Engine());
          }));
    noisy.band = [&](const BandSum& m, unsigned, unsigned) {
      BandFactor r(m.skyline().entries());
      std::fill(same.begin(), same.end(), 0);
      for (std::size_t J = 0; J < m.skyline().tiles(); ++J)
        for (std::size_t e = 0; e < m.skyline().rows(J) * 64; ++e) {
          std::int64_t& x = r[m.skyline().begin(J) + e];
          x = pick(random, -1000000000, 1000000000);
          const std::size_t row = m.skyline().first(J) * 64 + e / 64;
          const std::size_t column = J * 64 + e % 64;
          if (row < n && column < n) same[row * n + column] = x;
        }
      return r;
    };
    const Rational quiet = value([&] { return explicit_gram_bound(sparse(a), evidence, noisy, Engine()); });
    CHECK(quiet > 0);
    CHECK(quiet == value([&] {
            return gram_psd_bound(
                dense, evidence, [&](const SymmetricSum&, unsigned, unsigned) { return same; }, Engine());
          }));
  }
}

TEST_CASE("false hints and evidence out of range") {
  Random random(4);
  const Eigen::MatrixXd a = hidden_band(random, 150, 140, 4, true);
  const SparseMatrix matrix = sparse(a);
  const GramEvidence evidence = evidence_for(norm_of(a), 99, true);
  const Rational truth = squared_norm_below(a);
  const auto run = [&](const Hints& h, const GramEvidence& e) { return explicit_gram_bound(matrix, e, h, Engine()); };
  Hints wrong = hints();
  wrong.order = [](std::size_t n, const auto&, const auto&) { return std::vector<std::uint32_t>(n, 0); };
  CHECK_THROWS_AS((void)run(wrong, evidence), Failure);
  wrong.order = [](std::size_t n, const auto&, const auto&) { return std::vector<std::uint32_t>(n - 1, 0); };
  CHECK_THROWS_AS((void)run(wrong, evidence), Failure);
  wrong = hints();
  wrong.band = [](const BandSum&, unsigned, unsigned) { return BandFactor(); };
  CHECK(refused([&] { (void)run(wrong, evidence); }));
  wrong.band = [](const BandSum&, unsigned, unsigned) { return BandFactor(5); };
  CHECK_THROWS_AS((void)run(wrong, evidence), Failure);
  wrong.band = [](const BandSum& m, unsigned, unsigned) { return BandFactor(m.skyline().entries(), INT64_MIN); };
  CHECK(refused([&] { (void)run(wrong, evidence); }));
  wrong.band = [](const BandSum& m, unsigned, unsigned) { return BandFactor(m.skyline().entries(), kEntryLimit - 1); };
  CHECK(holds_or_refused([&] { return run(wrong, evidence); }, truth));
  for (int k = 0; k < 20; ++k) {
    wrong.band = [&](const BandSum& m, unsigned drop, unsigned threads) {
      BandFactor r = band_hint(m, drop, threads);
      for (int c = 0; c < 3; ++c) r[random() % r.size()] = pick(random, -(std::int64_t{1} << 40), std::int64_t{1} << 40);
      return r;
    };
    CHECK(square(run(wrong, evidence)) >= truth);
  }
  GramEvidence out = evidence;
  out.sA += 7;
  out.sR += 7;
  CHECK(refused([&] { (void)run(hints(), out); }));
  out = evidence;
  out.sR = out.sA - 62;
  CHECK(refused([&] { (void)run(hints(), out); }));
  out.sR = out.sA + 1;
  CHECK(refused([&] { (void)run(hints(), out); }));
  out = evidence;
  out.C2 = Integer(1) << 122;
  CHECK(refused([&] { (void)run(hints(), out); }));
  SparseMatrix enclosed = matrix;
  enclosed.radius = Rational(7, 3);
  CHECK(explicit_gram_bound(enclosed, evidence, hints(), Engine()) == run(hints(), evidence) + Rational(7, 3));
  SparseMatrix unsorted = matrix;
  std::swap(unsorted.column[0], unsorted.column[1]);
  CHECK_THROWS_AS((void)explicit_gram_bound(unsorted, evidence, hints(), Engine()), Failure);
}

TEST_CASE("full columns of squares at the limit do not overflow") {
  // Every entry 2^51: sums of squares of 2^17 rows reach 2^119; C2 at its largest; the factor at its largest.
  SparseMatrix a;
  a.rows = 130000;
  a.columns = 3;
  a.start.push_back(0);
  for (std::size_t i = 0; i < a.rows; ++i) {
    for (std::uint32_t j = 0; j < 3; ++j) {
      a.column.push_back(j);
      a.centre.push_back({1, 0});
    }
    a.start.push_back(a.column.size());
  }
  GramEvidence evidence{true, 51, 43, (Integer(3) * 130000 + 1) << 102};
  const Rational bound = explicit_gram_bound(a, evidence, hints(), Engine());
  CHECK(square(bound) >= 390000);
  CHECK(square(bound) <= 390002);
  evidence.C2 = (Integer(1) << 122) - 1;
  evidence.sR = 41;
  CHECK(square(explicit_gram_bound(a, evidence, hints(), Engine())) >= (Integer(1) << 20) - 1);
  a.rows = 1;
  a.start.resize(2);
  a.column.resize(3);
  a.centre.assign(3, {(std::int64_t{1} << 52) - 1, 0});
  evidence = {true, 0, -2, Integer(3) << 104};
  CHECK(square(explicit_gram_bound(a, evidence, hints(), Engine())) >= 3 * square(Rational((std::int64_t{1} << 52) - 1)));
  a.centre.assign(3, {std::int64_t{1} << 52, 0});
  CHECK(refused([&] { (void)explicit_gram_bound(a, evidence, hints(), Engine()); }));
}

TEST_CASE("the order finds bands, and every width and number of threads factors alike") {
  Random random(5);
  const Eigen::MatrixXd a = hidden_band(random, 600, 600, 3, true);
  const SparseMatrix matrix = sparse(a);
  std::size_t entries = 0;
  Hints counting = hints();
  counting.band = [&](const BandSum& m, unsigned drop, unsigned threads) {
    entries = m.skyline().entries();
    const BandFactor r = band_hint_with(Kernel::portable, m, drop, 1);
    for (const Kernel kernel : {Kernel::portable, Kernel::avx2, Kernel::avx512})
      if (available(kernel))
        for (const unsigned t : {1U, 3U}) CHECK(band_hint_with(kernel, m, drop, t) == r);
    return band_hint(m, drop, threads);
  };
  (void)explicit_gram_bound(matrix, evidence_for(norm_of(a), 99, true), counting, Engine());
  CHECK(entries <= 10 * 2 * 64 * 64);  // two tiles in each of ten tile columns, where a full triangle has 55
}
