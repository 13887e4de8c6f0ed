// The norm of a sparse matrix: independent lower ends on matrices of every kind, a model of the checker, the theorem with bad factors, bands.
#include <doctest/doctest.h>

#include <array>
#include <limits>
#include <string>

#include "certify/norms/band_norm.hpp"
#include "certify/norms/dense_norm.hpp"
#include "certify/norms/sparse_norm.hpp"
#include "formats/encoding/error.hpp"
#include "tests/certify/checker_model.hpp"
#include "tests/certify/norm_support.hpp"

using namespace lipcert;
using exact::Real;
using norm_support::independent_lower;
using norm_support::Normal;
using norm_support::ratio;

namespace {

SparseMatrix sparse(const EnclosedMatrix& a) {
  SparseMatrix m;
  m.rows = a.rows;
  m.columns = a.columns;
  m.start.push_back(0);
  for (std::size_t i = 0; i < a.rows; ++i) {
    for (std::size_t j = 0; j < a.columns; ++j) {
      const double radius = a.radius.empty() ? 0 : a.radius[i * a.columns + j];
      if (a.centre[i * a.columns + j] != 0 || radius != 0) {
        m.column.push_back(static_cast<std::uint32_t>(j));
        m.centre.push_back(a.centre[i * a.columns + j]);
        if (!a.radius.empty()) {
          m.radius.push_back(radius);
        }
      }
    }
    m.start.push_back(m.column.size());
  }
  return m;
}

std::vector<double> witness(const LinearBound& bound) { return {bound.witness.mantissas.begin(), bound.witness.mantissas.end()}; }

/// Everything that must hold of an exact matrix. Returns the relative gap of the claim above the independent lower end.
double check(const EnclosedMatrix& a, WorkerPool& pool) {
  const LinearBound bound = bound_sparse(sparse(a), pool, 1);
  const Real below = independent_lower(a);
  CHECK(Real(bound.upper) >= below);
  CHECK(bound.lower <= bound.upper);
  if (bound.theorem == "zero-operator") {
    CHECK(below == 0);
    CHECK(bound.upper == 0);
    return 0;
  }
  if (bound.theorem == "diagonal-gram") {
    REQUIRE(bound.gram_entry.has_value());
    // Exactly: the claims enclose the root of the largest sum, and the entry named reaches the lower end.
    std::vector<double> unit(a.columns, 0.0);
    Real sum = 0;
    for (std::size_t k = 0; k < (bound.gram.at_a ? a.rows : a.columns); ++k) {
      const Real x = bound.gram.at_a ? a.centre[k * a.columns + *bound.gram_entry] : a.centre[*bound.gram_entry * a.columns + k];
      sum += x * x;
    }
    CHECK(Real(bound.lower) * Real(bound.lower) <= sum);
    CHECK(bound.upper <= bound.lower * (1 + 1e-14));
  } else {
    REQUIRE(bound.theorem == "explicit-gram-psd");
    const std::string why = checker_model::refusal(a, 0, bound.gram, bound.upper, true);
    CHECK_MESSAGE(why.empty(), a.rows << "x" << a.columns << ": " << why);
    if (bound.lower > 0) {
      REQUIRE(bound.witness.mantissas.size() == a.columns);
      CHECK(Real(bound.lower) <= ratio(a, witness(bound)));
    }
  }
  return Real(Real(bound.upper) / below - 1).convert_to<double>();
}

/// Tight, where the result is far enough from the subnormal numbers.
void check_tight(const EnclosedMatrix& a, WorkerPool& pool, const std::string& name) {
  const double gap = check(a, pool);
  const auto n = static_cast<double>(std::max(a.rows, a.columns));
  CHECK_MESSAGE(gap <= 4e-16 * n * n + 5e-12, name << " " << a.rows << "x" << a.columns << ": gap " << gap);
}

}  // namespace

TEST_CASE("sparse norm: known norms") {
  WorkerPool pool(1);
  EnclosedMatrix a = norm_support::matrix(3, 3);
  CHECK(bound_sparse(sparse(a), pool, 1).theorem == "zero-operator");
  a.centre = {0, 3, 0, 0, 4, 0, 2, 0, 0};  // no row has two entries: columns of length 2, 5
  LinearBound bound = bound_sparse(sparse(a), pool, 1);
  CHECK(bound.theorem == "diagonal-gram");
  CHECK(bound.gram.at_a);
  CHECK(bound.upper == 5);
  CHECK(bound.lower == 5);
  CHECK(bound.gram_entry == 1);
  a.centre = {0, 0, 2, 3, 4, 0, 0, 0, 0};  // no column has two
  bound = bound_sparse(sparse(a), pool, 1);
  CHECK(bound.theorem == "diagonal-gram");
  CHECK(!bound.gram.at_a);
  CHECK(bound.upper == 5);
  CHECK(bound.lower == 5);
  CHECK(bound.gram_entry == 1);
  // Copies: three of one entry.
  EnclosedMatrix copies = norm_support::matrix(5, 2);
  for (const std::size_t i : {0U, 2U, 3U}) {
    copies.centre[i * 2] = 1;
  }
  copies.centre[3] = 1;
  bound = bound_sparse(sparse(copies), pool, 1);
  CHECK(bound.upper >= std::sqrt(3.0));
  CHECK(Real(bound.upper) * Real(bound.upper) >= 3);
  CHECK(Real(bound.lower) * Real(bound.lower) <= 3);
  CHECK(bound.upper <= std::nextafter(bound.lower, 2));
  // A discrete Laplacian of n points: 2 + 2 cos(pi / (n + 1)).
  const std::size_t n = 600;
  EnclosedMatrix laplacian = norm_support::matrix(n, n);
  for (std::size_t i = 0; i < n; ++i) {
    laplacian.centre[i * n + i] = 2;
    if (i + 1 < n) {
      laplacian.centre[i * n + i + 1] = -1;
      laplacian.centre[(i + 1) * n + i] = -1;
    }
  }
  bound = bound_sparse(sparse(laplacian), pool, 1);
  const double truth = 2 + 2 * std::cos(std::acos(-1.0) / static_cast<double>(n + 1));
  CHECK(bound.upper >= truth);
  CHECK(bound.upper <= truth * (1 + 1e-10));
  CHECK(bound.lower >= truth * (1 - 1e-10));
}

TEST_CASE("sparse norm: hundreds of random matrices against an independent lower end and the model of the checker") {
  WorkerPool pool(2);
  Normal normal(11);
  for (int round = 0; round < 700; ++round) {
    const std::size_t rows = 1 + normal.below(40);
    const std::size_t columns = 1 + normal.below(40);
    EnclosedMatrix a = norm_support::matrix(rows, columns);
    const auto kind = normal.below(8);
    const auto band = static_cast<double>(1 + normal.below(5));
    for (std::size_t i = 0; i < rows; ++i) {
      for (std::size_t j = 0; j < columns; ++j) {
        const double distance = std::fabs(static_cast<double>(i * columns) / static_cast<double>(rows) - static_cast<double>(j));
        bool present = kind < 4 ? distance <= band : normal.below(columns) < 2;
        present = kind == 7 ? (i * 7 + j * 3) % 5 == 0 : present;
        if (present) {
          a.centre[i * columns + j] = kind % 4 == 0 ? normal() : (kind % 4 == 1 ? normal.single() : (kind % 4 == 2 ? 1 : normal() * std::pow(10, 20 * normal())));
        }
      }
    }
    check_tight(a, pool, "kind " + std::to_string(kind));
  }
}

TEST_CASE("sparse norm: the order is found") {
  // Images of c channels, taps to the neighbours: row by row with the channels together, the half bandwidth is (w + 2) c - 1 at most, where w is the
  // shorter side. In the order of the tensor it is nearly everything.
  Normal normal(5);
  for (const auto& [channels, height, width] : {std::array<std::size_t, 3>{4, 12, 9}, {3, 5, 20}, {1, 15, 15}, {8, 6, 6}}) {
    EnclosedMatrix a = norm_support::matrix(channels * height * width, channels * height * width);
    for (std::size_t o = 0; o < channels; ++o) {
      for (std::size_t c = 0; c < channels; ++c) {
        for (std::size_t y = 0; y < height; ++y) {
          for (std::size_t x = 0; x < width; ++x) {
            for (const auto& [dy, dx] : {std::array<std::size_t, 2>{0, 0}, {0, 1}, {1, 0}, {1, 1}}) {
              if (y + dy < height && x + dx < width) {
                a.centre[((o * height + y) * width + x) * a.columns + (c * height + y + dy) * width + x + dx] = normal.single();
              }
            }
          }
        }
      }
    }
    const BandPlan plan = plan_band(sparse(a), true);
    CHECK(plan.half_bandwidth < (std::min(height, width) + 2) * channels);
  }
}

TEST_CASE("sparse norm: any factor gives a bound, one with NaN gives none") {
  WorkerPool pool(1);
  Normal normal(51);
  for (int round = 0; round < 300; ++round) {
    const std::size_t n = 1 + normal.below(9);
    EnclosedMatrix a = norm_support::matrix(n + normal.below(4), n);
    for (double& x : a.centre) {
      x = normal.below(3) == 0 ? std::tanh(normal()) : 0;
    }
    a.centre[0] = 0.75;
    const SparseMatrix m = sparse(a);
    const BandPlan plan = plan_band(m, true);
    const Real below = independent_lower(a);
    const double c2 = below.convert_to<double>() * below.convert_to<double>() * (0.2 + 0.2 * static_cast<double>(round % 8));
    std::vector<double> factor(n * n, 0.0);
    CHECK(Real(bound_band_with_factor(m, plan, c2, factor, pool).value()) >= below * below);
    for (double& x : factor) {
      x = normal() * std::pow(10, static_cast<double>(round % 5) - 2);
    }
    CHECK(Real(bound_band_with_factor(m, plan, c2, factor, pool).value()) >= below * below);
    const std::size_t j = normal.below(n);
    factor[j * n + j] = round % 2 == 0 ? std::nan("") : std::numeric_limits<double>::infinity();
    CHECK(!bound_band_with_factor(m, plan, c2, factor, pool).finite());
  }
}

TEST_CASE("sparse norm: enclosed entries") {
  WorkerPool pool(1);
  Normal normal(71);
  for (int round = 0; round < 60; ++round) {
    const std::size_t rows = 1 + normal.below(20);
    const std::size_t columns = 1 + normal.below(20);
    EnclosedMatrix a = norm_support::matrix(rows, columns);
    a.radius.assign(rows * columns, 0.0);
    const double size = std::pow(10, -2.0 * (round % 8));
    Real radius = 0;
    for (std::size_t k = 0; k < a.centre.size(); ++k) {
      const bool single = round % 3 == 0;  // no row with two entries
      if (single ? k % columns == (k / columns) % columns : normal.below(4) == 0) {
        a.centre[k] = normal();
        a.radius[k] = size * std::fabs(normal());
        radius += Real(a.radius[k]) * Real(a.radius[k]);
      }
    }
    radius = sqrt(radius);
    const LinearBound bound = bound_sparse(sparse(a), pool, 1);
    for (int sample = 0; sample < 5; ++sample) {
      EnclosedMatrix inside = a;
      inside.radius.clear();
      for (std::size_t k = 0; k < a.centre.size(); ++k) {
        const double t = sample == 0 ? (a.centre[k] > 0 ? 1 : -1) : (sample == 1 ? (a.centre[k] > 0 ? -1 : 1) : (normal() > 0 ? 1 : -1));
        inside.centre[k] += t * a.radius[k] * (1 - 1e-10);
      }
      const Real truth = independent_lower(inside);
      CHECK(Real(bound.upper) >= truth);
      CHECK(Real(bound.lower) <= truth * Real(1 + 1e-13));
    }
    if (bound.theorem == "explicit-gram-psd") {
      CHECK(checker_model::refusal(a, radius, bound.gram, bound.upper, true).empty());
    }
  }
}

TEST_CASE("sparse norm: a long image, whose top singular values lie within 1e-7 of each other") {
  WorkerPool pool(2);
  // Second differences of 20000 points: known norm, and 120 Lanczos steps are far from it.
  const std::size_t n = 20000;
  SparseMatrix a;
  a.rows = a.columns = n;
  a.start.push_back(0);
  for (std::size_t i = 0; i < n; ++i) {
    for (std::size_t j = i > 0 ? i - 1 : 0; j <= std::min(i + 1, n - 1); ++j) {
      a.column.push_back(static_cast<std::uint32_t>(j));
      a.centre.push_back(i == j ? 2 : -1);
    }
    a.start.push_back(a.column.size());
  }
  const LinearBound bound = bound_sparse(a, pool, 1);
  const double truth = 2 + 2 * std::cos(std::acos(-1.0) / static_cast<double>(n + 1));
  CHECK(bound.upper >= truth * (1 - 1e-15));
  CHECK(bound.upper <= truth * (1 + 1e-8));
  CHECK(bound.lower >= truth * (1 - 1e-8));
}

TEST_CASE("sparse norm: every number of threads gives the same bits") {
  Normal normal(31);
  for (const std::size_t n : {300U, 900U}) {
    SparseMatrix a;
    a.rows = a.columns = n;
    a.start.push_back(0);
    for (std::size_t i = 0; i < n; ++i) {
      for (std::size_t j = i > 40 ? i - 40 : 0; j <= std::min(i + 40, n - 1); ++j) {
        a.column.push_back(static_cast<std::uint32_t>(j));
        a.centre.push_back(normal());
      }
      a.start.push_back(a.column.size());
    }
    WorkerPool one(1);
    const LinearBound first = bound_sparse(a, one, 1);
    for (const unsigned threads : {2U, 3U, 7U}) {
      WorkerPool pool(threads);
      const LinearBound other = bound_sparse(a, pool, 1);
      CHECK(other.upper == first.upper);
      CHECK(other.lower == first.lower);
      CHECK(other.gram.C2 == first.gram.C2);
      CHECK(other.witness.mantissas == first.witness.mantissas);
    }
  }
}

TEST_CASE("sparse norm: power of two scaling changes nothing but the exponent; what is not finite is refused") {
  WorkerPool pool(1);
  Normal normal(7);
  EnclosedMatrix a = norm_support::matrix(50, 60);
  for (std::size_t i = 0; i < 50; ++i) {
    a.centre[i * 60 + i] = normal();
    a.centre[i * 60 + i + 3] = normal();
  }
  const LinearBound one = bound_sparse(sparse(a), pool, 1);
  CHECK(one.theorem == "explicit-gram-psd");
  for (const int j : {-900, -300, 40, 900}) {
    EnclosedMatrix b = a;
    for (double& x : b.centre) {
      x = std::ldexp(x, j);
    }
    const LinearBound other = bound_sparse(sparse(b), pool, 1);
    CHECK(other.upper == std::ldexp(one.upper, j));
    CHECK(other.lower == std::ldexp(one.lower, j));
    CHECK(other.gram.C2 == one.gram.C2);
  }
  for (const double bad : {std::nan(""), std::numeric_limits<double>::infinity()}) {
    SparseMatrix b = sparse(a);
    b.centre[5] = bad;
    CHECK_THROWS_AS(static_cast<void>(bound_sparse(b, pool, 1)), Error);
  }
}
