// The norm of a matrix: known truths, independent lower ends on every kind of matrix, a model of the checker, and the theorem with bad factors.
#include <doctest/doctest.h>

#include <Eigen/Core>
#include <array>
#include <cfloat>
#include <functional>
#include <limits>
#include <string>

#include "certify/norms/dense_norm.hpp"
#include "formats/encoding/error.hpp"
#include "tests/certify/checker_model.hpp"
#include "tests/certify/exact.hpp"
#include "tests/support/decompositions.hpp"

using namespace lipcert;
using exact::rational;
using exact::Rational;
using exact::Real;

namespace {

EnclosedMatrix matrix(std::size_t rows, std::size_t columns, const std::function<double(std::size_t, std::size_t)>& entry) {
  EnclosedMatrix m;
  m.rows = rows;
  m.columns = columns;
  for (std::size_t i = 0; i < rows; ++i) {
    for (std::size_t j = 0; j < columns; ++j) {
      m.centre.push_back(entry(i, j));
    }
  }
  return m;
}

class Normal {
 public:
  explicit Normal(std::uint64_t seed) : engine_(seed) {}
  double operator()() { return normal_(engine_); }
  double single() { return static_cast<double>(static_cast<float>(normal_(engine_))); }
  std::mt19937_64& engine() { return engine_; }

 private:
  std::mt19937_64 engine_;
  std::normal_distribution<double> normal_;
};

/// ||A v|| / ||v|| with 600 bits.
Real ratio(const EnclosedMatrix& a, const std::vector<double>& v) {
  Real image = 0;
  Real length = 0;
  for (std::size_t i = 0; i < a.rows; ++i) {
    Real sum = 0;
    for (std::size_t j = 0; j < a.columns; ++j) {
      if (a.centre[i * a.columns + j] != 0 && v[j] != 0) {
        sum += Real(a.centre[i * a.columns + j]) * Real(v[j]);
      }
    }
    image += sum * sum;
  }
  for (const double x : v) {
    length += Real(x) * Real(x);
  }
  return length == 0 ? Real(0) : Real(sqrt(Real(image / length)));
}

/// A lower end of the norm that owes nothing to the code under test: the right singular vector of Eigen's SVD, evaluated with 600 bits.
Real independent_lower(const EnclosedMatrix& a) {
  double largest = 0;
  for (const double x : a.centre) {
    largest = std::max(largest, std::fabs(x));
  }
  if (largest == 0) {
    return 0;
  }
  int e = 0;
  std::frexp(largest, &e);
  Eigen::MatrixXd m(static_cast<Eigen::Index>(a.rows), static_cast<Eigen::Index>(a.columns));
  for (std::size_t i = 0; i < a.rows; ++i) {
    for (std::size_t j = 0; j < a.columns; ++j) {
      m(static_cast<Eigen::Index>(i), static_cast<Eigen::Index>(j)) = std::ldexp(a.centre[i * a.columns + j], -e);
    }
  }
  const decompositions::Svd svd = decompositions::thin_svd(m);
  std::vector<double> v(a.columns);
  for (std::size_t j = 0; j < a.columns; ++j) {
    v[j] = svd.v(static_cast<Eigen::Index>(j), 0);
  }
  return ratio(a, v);
}

double budget(const EnclosedMatrix& a) {
  const auto n = static_cast<double>(std::min(a.rows, a.columns));
  return 4e-16 * n * n + 5e-12;
}

/// Everything that must hold of every exact matrix. Returns the relative gap of the claim above the independent lower end.
double check_exact(const std::string& name, const EnclosedMatrix& a, WorkerPool& pool) {
  CAPTURE(name);
  const NormBound bound = bound_norm(a, pool, 1);
  const Real below = independent_lower(a);
  CHECK(Real(bound.proved.value()) >= below);
  CHECK(Real(bound.upper) >= below);
  CHECK(bound.upper >= bound.proved.value());
  CHECK(bound.lower <= bound.upper);
  if (bound.zero) {
    CHECK(below == 0);
    return 0;
  }
  const std::string why = checker_model::refusal(a, 0, bound.gram, bound.upper);
  CHECK_MESSAGE(why.empty(), name << " " << a.rows << "x" << a.columns << ": " << why);
  if (bound.lower > 0) {
    REQUIRE(bound.witness.mantissas.size() == a.columns);
    std::vector<double> v(bound.witness.mantissas.begin(), bound.witness.mantissas.end());
    for (const double x : v) {
      CHECK(std::fabs(x) < 0x1p24);
    }
    CHECK(Real(bound.lower) <= ratio(a, v));
  }
  return below == 0 ? std::numeric_limits<double>::infinity() : Real(Real(bound.upper) / below - 1).convert_to<double>();
}

const double norm_in_normal_range = 1e-290;

/// The same, and the gap stated by the mathematics, where the result is far enough from the subnormal numbers.
void check_tight(const std::string& name, const EnclosedMatrix& a, WorkerPool& pool) {
  const double gap = check_exact(name, a, pool);
  CHECK_MESSAGE(gap <= budget(a), name << " " << a.rows << "x" << a.columns << ": gap " << gap << " above " << budget(a));
  const NormBound bound = bound_norm(a, pool, 1);
  if (bound.upper > norm_in_normal_range) {
    CHECK_MESSAGE(bound.lower >= bound.upper * (1 - 2 * budget(a)), name << ": lower end " << bound.lower << " below " << bound.upper);
  }
}

double float16(double x) {
  // Round to 11 bits, as IEEE half precision does in its normal range.
  int e = 0;
  const double f = std::frexp(x, &e);
  return std::ldexp(std::nearbyint(std::ldexp(f, 11)), e - 11);
}

}  // namespace

TEST_CASE("dense norm: known truths") {
  WorkerPool pool(2);
  const auto close = [&](const EnclosedMatrix& a, double truth) {
    const NormBound bound = bound_norm(a, pool, 1);
    CHECK(bound.proved.value() >= truth);
    CHECK(bound.lower <= truth);
    CHECK(bound.upper <= truth * (1 + budget(a)));
    CHECK(bound.lower >= truth * (1 - budget(a)));
    CHECK(checker_model::refusal(a, 0, bound.gram, bound.upper).empty());
    return bound;
  };
  // Power iteration started at e2, or stopped early, says 1 and 99.
  close(matrix(2, 2, [](std::size_t i, std::size_t j) { return i == j ? (i == 0 ? 10.0 : 1.0) : 0.0; }), 10);
  close(matrix(2, 2, [](std::size_t i, std::size_t j) { return i == j ? (i == 0 ? 100.0 : 99.0) : 0.0; }), 100);
  close(matrix(2, 2, [](std::size_t i, std::size_t j) { return i == j ? (i == 0 ? 1.0 : 10.0) : 0.0; }), 10);
  // Identity: twelve steps of Gram iteration say 1.0005.
  const NormBound identity = close(matrix(64, 64, [](std::size_t i, std::size_t j) { return i == j ? 1.0 : 0.0; }), 1);
  CHECK(identity.proved.value() <= 1 + 1e-12);
  close(matrix(200, 200, [](std::size_t i, std::size_t j) { return (i * 7) % 200 == j ? 1.0 : 0.0; }), 1);
  close(matrix(128, 128, [](std::size_t i, std::size_t j) { return __builtin_popcount(static_cast<unsigned>(i & j)) % 2 != 0 ? -1.0 : 1.0; }),
        std::sqrt(128.0));
  close(matrix(100, 225, [](std::size_t, std::size_t) { return 1.0; }), 150);
  close(matrix(1, 400, [](std::size_t, std::size_t) { return 1.0; }), 20);
  close(matrix(400, 1, [](std::size_t, std::size_t) { return 1.0; }), 20);
  close(matrix(3, 1, [](std::size_t i, std::size_t) { return i == 0 ? 2.0 : (i == 1 ? 3.0 : 6.0); }), 7);
  // diag(1, 0): ||J||_F / sqrt(n) would say 0.7.
  close(matrix(2, 2, [](std::size_t i, std::size_t j) { return i == 0 && j == 0 ? 1.0 : 0.0; }), 1);
  // [[1, 1], [0, 1]]: the golden ratio.
  const NormBound golden = bound_norm(matrix(2, 2, [](std::size_t i, std::size_t j) { return i <= j ? 1.0 : 0.0; }), pool, 1);
  const Real phi = (1 + sqrt(Real(5))) / 2;
  CHECK(Real(golden.proved.value()) >= phi);
  CHECK(Real(golden.lower) <= phi);
  CHECK(Real(golden.upper) <= phi * Real(1 + 5e-12));
}

TEST_CASE("dense norm: one number, of any size") {
  WorkerPool pool(1);
  for (const double w : {1.0, 0.7, 1e-12, 1e-13, 1e-20, 1e10, 1e12, 1e38, 3.4e38, 1e-38, 1e-45, 1e300, 1.7e308, 1e-300, 1e-307, 0x1p-1022, 0x1p-1000,
                         1 / 3.0, -5.0, -1e-44}) {
    const EnclosedMatrix a = matrix(1, 1, [w](std::size_t, std::size_t) { return w; });
    const NormBound bound = bound_norm(a, pool, 1);
    CAPTURE(w);
    CHECK(bound.upper >= std::fabs(w));
    CHECK(bound.lower <= std::fabs(w));
    if (std::fabs(w) < 1e300) {
      CHECK(bound.upper <= std::fabs(w) * (1 + 5e-12));
    }
    CHECK(bound.lower >= std::fabs(w) * (1 - 5e-12));
    CHECK(checker_model::refusal(a, 0, bound.gram, bound.upper).empty());
  }
  // Subnormal: relative precision is lost, the order is not.
  const EnclosedMatrix tiny = matrix(1, 1, [](std::size_t, std::size_t) { return 0x1p-1074; });
  const NormBound bound = bound_norm(tiny, pool, 1);
  CHECK(bound.upper >= 0x1p-1074);
  CHECK(bound.upper <= 0x1p-1071);
  CHECK(bound.lower <= 0x1p-1074);
  CHECK(checker_model::refusal(tiny, 0, bound.gram, bound.upper).empty());
}

TEST_CASE("dense norm: a power of two as factor changes nothing but the exponent") {
  WorkerPool pool(1);
  Normal normal(3);
  const EnclosedMatrix a = matrix(20, 30, [&](std::size_t, std::size_t) { return normal.single(); });
  const NormBound one = bound_norm(a, pool, 1);
  for (const int j : {-900, -300, -60, -1, 1, 40, 500, 900}) {
    EnclosedMatrix b = a;
    for (double& x : b.centre) {
      x = std::ldexp(x, j);
    }
    const NormBound other = bound_norm(b, pool, 1);
    CHECK(other.upper == std::ldexp(one.upper, j));
    CHECK(other.lower == std::ldexp(one.lower, j));
    CHECK(other.gram.sA == one.gram.sA - j);
    CHECK(other.gram.C2 == one.gram.C2);
  }
}

TEST_CASE("dense norm: hundreds of matrices of all kinds, with the checker's model") {
  WorkerPool pool(2);
  Normal normal(99);
  std::size_t count = 0;
  const std::vector<std::array<std::size_t, 2>> shapes{{1, 1},  {1, 7},   {7, 1},   {2, 2},  {3, 5},   {5, 3},   {8, 8},  {10, 64},
                                                       {64, 10}, {17, 31}, {33, 33}, {40, 50}, {96, 20}, {20, 130}, {65, 64}};
  for (const auto& [m, n] : shapes) {
    std::vector<double> u(m);
    std::vector<double> v(n);
    for (double& x : u) {
      x = normal.single();
    }
    for (double& x : v) {
      x = normal.single();
    }
    const auto mm = m;
    const auto nn = n;
    const std::vector<std::pair<std::string, std::function<double(std::size_t, std::size_t)>>> kinds{
        {"float32", [&](std::size_t, std::size_t) { return normal.single(); }},
        {"float64", [&](std::size_t, std::size_t) { return normal(); }},
        {"float16", [&](std::size_t, std::size_t) { return float16(normal()); }},
        {"small integers", [&](std::size_t, std::size_t) { return std::nearbyint(2 * normal()); }},
        {"all ones", [](std::size_t, std::size_t) { return 1.0; }},
        {"identity", [](std::size_t i, std::size_t j) { return i == j ? 1.0 : 0.0; }},
        {"permutation", [mm, nn](std::size_t i, std::size_t j) { return (i + 1) % std::max(mm, nn) == j ? 1.0 : 0.0; }},
        {"rank one", [&](std::size_t i, std::size_t j) { return static_cast<double>(static_cast<float>(u[i] * v[j])); }},
        {"graded columns", [&](std::size_t, std::size_t j) { return normal() * std::pow(10, -0.4 * static_cast<double>(j)); }},
        {"graded rows", [&](std::size_t i, std::size_t) { return normal() * std::pow(10, 0.3 * static_cast<double>(i)); }},
        {"mixed 1e38..1e-45",
         [&](std::size_t i, std::size_t j) {
           return static_cast<double>(static_cast<float>(normal() * std::pow(10, 37 - 80.0 * static_cast<double>((i * 31 + j * 17) % 100) / 100)));
         }},
        {"huge float32", [&](std::size_t, std::size_t) { return normal() > 0 ? 3e38 : -3e38; }},
        {"subnormal float32", [&](std::size_t, std::size_t) { return static_cast<double>(static_cast<float>(1e-42 * normal())); }},
        {"near 1e300", [&](std::size_t, std::size_t) { return 1e300 * normal(); }},
        {"near 1e-300", [&](std::size_t, std::size_t) { return 1e-300 * normal(); }},
        {"1e300 and 1e-300", [&](std::size_t i, std::size_t j) { return normal() * ((i + j) % 3 == 0 ? 1e300 : 1e-300); }},
        {"one subnormal entry", [&](std::size_t i, std::size_t j) { return i == m / 2 && j == n / 2 ? FLT_MIN * 0x1p-23 : 0.0; }},
        {"duplicated columns", [&](std::size_t i, std::size_t j) { return u[i] * static_cast<double>(j / 2 + 1); }},
        {"near 2^52 rounding", [&](std::size_t i, std::size_t j) { return i == 0 && j == 0 ? std::nextafter(1.0, 0) : 0x1p-53 * normal(); }},
        {"equal pair of singular values",
         [](std::size_t i, std::size_t j) { return i / 2 == j / 2 ? (i == j ? 1.0 : (i < j ? -1.0 : 1.0)) : 0.0; }},
        {"flat spectrum", [](std::size_t i, std::size_t j) { return i == j ? 1 - 0.002 * static_cast<double>(i) : 0.0; }},
        {"one zero column", [&](std::size_t, std::size_t j) { return j == 0 ? 0.0 : normal.single(); }},
    };
    for (const auto& [name, entry] : kinds) {
      check_tight(name, matrix(m, n, entry), pool);
      ++count;
    }
  }
  CHECK(count > 300);
}

TEST_CASE("dense norm: larger matrices") {
  WorkerPool pool(2);
  Normal normal(5);
  check_tight("gauss", matrix(300, 300, [&](std::size_t, std::size_t) { return normal.single() / 16; }), pool);
  check_tight("gauss", matrix(10, 784, [&](std::size_t, std::size_t) { return normal.single(); }), pool);
  check_tight("gauss", matrix(784, 10, [&](std::size_t, std::size_t) { return normal.single(); }), pool);
  check_tight("gauss", matrix(128, 500, [&](std::size_t, std::size_t) { return normal(); }), pool);
  check_tight("all ones", matrix(250, 300, [](std::size_t, std::size_t) { return 1.0; }), pool);
  check_tight("hadamard", matrix(256, 256, [](std::size_t i, std::size_t j) { return __builtin_popcount(static_cast<unsigned>(i & j)) % 2 != 0 ? -1.0 : 1.0; }),
              pool);
  // Orthogonal, rounded to float32: two hundred singular values within 1e-7.
  Eigen::MatrixXd g(200, 200);
  for (Eigen::Index i = 0; i < g.size(); ++i) {
    g.data()[i] = normal();
  }
  const Eigen::MatrixXd q = decompositions::orthogonal_factor(g);
  check_tight("orthogonal", matrix(200, 200, [&](std::size_t i, std::size_t j) {
                return static_cast<double>(static_cast<float>(q(static_cast<Eigen::Index>(i), static_cast<Eigen::Index>(j))));
              }),
              pool);
  check_tight("low rank", matrix(220, 260, [&](std::size_t i, std::size_t j) {
                return static_cast<double>(static_cast<float>(std::sin(0.1 * static_cast<double>(i + j)) + 1e-3 * normal()));
              }),
              pool);
}

TEST_CASE("dense norm: a float32 singular value is no bound, ours is") {
  WorkerPool pool(1);
  Normal normal(23);
  int below = 0;
  for (int i = 0; i < 20; ++i) {
    const EnclosedMatrix a = matrix(40, 40, [&](std::size_t, std::size_t) { return normal.single(); });
    Eigen::MatrixXf f(40, 40);
    for (std::size_t k = 0; k < 1600; ++k) {
      f(static_cast<Eigen::Index>(k / 40), static_cast<Eigen::Index>(k % 40)) = static_cast<float>(a.centre[k]);
    }
    const double single = decompositions::largest_singular_value_float32(f);
    const Real truth = independent_lower(a);
    below += Real(single) < truth ? 1 : 0;
    CHECK(Real(bound_norm(a, pool, 1).upper) >= truth);
  }
  CHECK(below > 0);
}

TEST_CASE("dense norm: zero, and what is not finite") {
  WorkerPool pool(1);
  const NormBound zero = bound_norm(matrix(4, 3, [](std::size_t, std::size_t) { return 0.0; }), pool, 1);
  CHECK(zero.zero);
  CHECK(zero.upper == 0);
  CHECK(zero.lower == 0);
  CHECK(bound_norm(matrix(1, 1, [](std::size_t, std::size_t) { return -0.0; }), pool, 1).zero);
  for (const double bad : {std::nan(""), std::numeric_limits<double>::infinity(), -std::numeric_limits<double>::infinity()}) {
    const EnclosedMatrix a = matrix(3, 3, [bad](std::size_t i, std::size_t j) { return i == 1 && j == 2 ? bad : 1.0; });
    CHECK_THROWS_AS(static_cast<void>(bound_norm(a, pool, 1)), Error);
  }
  // The norm itself may be beyond the doubles: said, not wrapped.
  const NormBound beyond = bound_norm(matrix(4, 4, [](std::size_t, std::size_t) { return 1.7e308; }), pool, 1);
  CHECK(beyond.upper == std::numeric_limits<double>::infinity());
}

TEST_CASE("dense norm: every number of threads gives the same bits") {
  Normal normal(31);
  for (const std::array<std::size_t, 2> shape : {std::array<std::size_t, 2>{50, 40}, {300, 257}, {193, 700}, {520, 520}}) {
    const EnclosedMatrix a = matrix(shape[0], shape[1], [&](std::size_t, std::size_t) { return normal(); });
    WorkerPool one(1);
    const NormBound first = bound_norm(a, one, 1);
    const Upper gram = gram_iteration_bound(a, one, 6);
    for (const unsigned threads : {2U, 3U, 7U}) {
      WorkerPool pool(threads);
      const NormBound other = bound_norm(a, pool, 1);
      CHECK(other.upper == first.upper);
      CHECK(other.lower == first.lower);
      CHECK(other.proved.value() == first.proved.value());
      CHECK(other.gram.C2 == first.gram.C2);
      CHECK(other.witness.mantissas == first.witness.mantissas);
      CHECK(gram_iteration_bound(a, pool, 6).value() == gram.value());
    }
  }
}

TEST_CASE("dense norm: the search decides tightness, never truth") {
  WorkerPool pool(1);
  Normal normal(41);
  const EnclosedMatrix a = matrix(30, 40, [&](std::size_t, std::size_t) { return normal(); });
  const Real below = independent_lower(a);
  for (std::uint64_t seed = 0; seed < 20; ++seed) {
    const NormBound bound = bound_norm(a, pool, seed);
    CHECK(Real(bound.proved.value()) >= below);
    CHECK(Real(bound.lower) <= below * Real(1 + 1e-14));
    CHECK(checker_model::refusal(a, 0, bound.gram, bound.upper).empty());
  }
}

TEST_CASE("dense norm: any factor gives a bound, one with NaN gives none") {
  WorkerPool pool(1);
  Normal normal(51);
  for (int round = 0; round < 200; ++round) {
    const std::size_t rows = 1 + normal.engine()() % 8;
    const std::size_t columns = 1 + normal.engine()() % 8;
    const std::size_t n = std::min(rows, columns);
    const EnclosedMatrix a = matrix(rows, columns, [&](std::size_t, std::size_t) { return normal(); });
    const Real below = independent_lower(a);
    // c2 at, below and above the square of the norm, and factors from perfect to absurd.
    const double c2 = below.convert_to<double>() * below.convert_to<double>() * (0.2 + 0.2 * static_cast<double>(round % 8));
    std::vector<double> factor(n * n, 0.0);
    for (double& x : factor) {
      x = normal() * std::pow(10, static_cast<double>(round % 5) - 2);
    }
    CHECK(Real(bound_with_factor(a, c2, factor, pool).value()) >= below);
    factor.assign(n * n, 0.0);
    CHECK(Real(bound_with_factor(a, c2, factor, pool).value()) >= below);
    // dpotrf can return success with NaN inside: refused wherever it stands, and so is infinity.
    const std::size_t j = normal.engine()() % n;
    const std::size_t i = normal.engine()() % (j + 1);
    factor[j * n + i] = round % 2 == 0 ? std::nan("") : std::numeric_limits<double>::infinity();
    CHECK(!bound_with_factor(a, c2, factor, pool).finite());
  }
}

TEST_CASE("dense norm: a good factor gives a tight bound") {
  WorkerPool pool(1);
  const EnclosedMatrix a = matrix(2, 2, [](std::size_t i, std::size_t j) { return i == j ? 3.0 : 4.0; });  // singular values 7 and 1
  // 49.5 I - A'A = [[24.5, -24], [-24, 24.5]]
  const double r11 = std::sqrt(24.5);
  const double r12 = -24 / r11;
  const std::vector<double> factor{r11, 0, r12, std::sqrt(24.5 - r12 * r12)};
  const Upper bound = bound_with_factor(a, 49.5, factor, pool);
  CHECK(bound.value() >= std::sqrt(49.5) * (1 - 1e-15));
  CHECK(bound.value() <= std::sqrt(49.5) * (1 + 1e-13));
}

TEST_CASE("dense norm: Gram iteration, the fallback, bounds and converges") {
  WorkerPool pool(1);
  Normal normal(61);
  for (const std::array<std::size_t, 2> shape : {std::array<std::size_t, 2>{1, 1}, {5, 9}, {30, 20}, {64, 64}}) {
    for (const double scale : {1.0, 1e-30, 1e30, 1e-200, 1e200}) {
      const EnclosedMatrix a = matrix(shape[0], shape[1], [&](std::size_t, std::size_t) { return scale * normal(); });
      const Real below = independent_lower(a);
      double last = std::numeric_limits<double>::infinity();
      for (const unsigned steps : {0U, 1U, 4U, 12U}) {
        const Upper bound = gram_iteration_bound(a, pool, steps);
        CHECK(Real(bound.value()) >= below);
        CHECK(bound.value() <= last);
        last = bound.value();
      }
      CHECK(Real(last) <= below * Real(1.002));
    }
  }
  // Weak where all singular values are equal: 1.00025 for the identity of order 64 after 12 steps, 1.0005 after 11.
  const Upper identity = gram_iteration_bound(matrix(64, 64, [](std::size_t i, std::size_t j) { return i == j ? 1.0 : 0.0; }), pool, 12);
  CHECK(identity.value() > 1.0002);
  CHECK(identity.value() < 1.0003);
}

TEST_CASE("dense norm: enclosed matrices") {
  WorkerPool pool(1);
  Normal normal(71);
  for (int round = 0; round < 40; ++round) {
    const std::size_t rows = 1 + normal.engine()() % 20;
    const std::size_t columns = 1 + normal.engine()() % 20;
    EnclosedMatrix a = matrix(rows, columns, [&](std::size_t, std::size_t) { return normal(); });
    const double size = std::pow(10, -2.0 * (round % 8));
    Real radius = 0;
    for (std::size_t k = 0; k < a.centre.size(); ++k) {
      a.radius.push_back(size * std::fabs(normal()));
      radius += Real(a.radius[k]) * Real(a.radius[k]);
    }
    radius = sqrt(radius);
    const NormBound bound = bound_norm(a, pool, 1);
    // Any matrix inside: the corners with the signs of the top singular vectors' product are the worst ones for the sign pattern of the centre.
    for (int sample = 0; sample < 5; ++sample) {
      EnclosedMatrix inside = a;
      inside.radius.clear();
      for (std::size_t k = 0; k < a.centre.size(); ++k) {
        const double t = sample == 0 ? (a.centre[k] > 0 ? 1 : -1) : (sample == 1 ? (a.centre[k] > 0 ? -1 : 1) : (normal() > 0 ? 1 : -1));
        inside.centre[k] += t * a.radius[k] * (1 - 1e-10);
      }
      const Real truth = independent_lower(inside);
      CHECK(Real(bound.proved.value()) >= truth);
      CHECK(Real(bound.lower) <= truth * Real(1 + 1e-14));
    }
    // A checker that knows the same centre and radius accepts; so does one whose centre is elsewhere inside a radius of the same size.
    CHECK(checker_model::refusal(a, radius, bound.gram, bound.upper).empty());
  }
  // A radius around zero: a bound, no lower end.
  EnclosedMatrix around_zero = matrix(2, 3, [](std::size_t, std::size_t) { return 0.0; });
  around_zero.radius.assign(6, 1e-20);
  const NormBound bound = bound_norm(around_zero, pool, 1);
  CHECK(!bound.zero);
  CHECK(bound.upper >= std::sqrt(6.0) * 1e-20);
  CHECK(bound.upper <= 20 * std::sqrt(6.0) * 1e-20);
  CHECK(bound.lower == 0);
  CHECK(checker_model::refusal(around_zero, Real(std::sqrt(6.0)) * Real(1e-20), bound.gram, bound.upper).empty());
}

TEST_CASE("dense norm: the model of the checker refuses what is too small") {
  // Otherwise its acceptance would mean nothing.
  WorkerPool pool(1);
  Normal normal(81);
  const EnclosedMatrix a = matrix(30, 20, [&](std::size_t, std::size_t) { return normal.single(); });
  const NormBound bound = bound_norm(a, pool, 1);
  const Real below = independent_lower(a);
  CHECK(checker_model::refusal(a, 0, bound.gram, bound.upper).empty());
  CHECK(!checker_model::refusal(a, 0, bound.gram, below.convert_to<double>() * (1 - 1e-15)).empty());
  GramEvidence other = bound.gram;
  other.C2 = "1" + std::string(other.C2.size(), '0');  // ten times too large: proves less than is claimed
  CHECK(!checker_model::refusal(a, 0, other, bound.upper).empty());
  other = bound.gram;
  other.C2.pop_back();  // ten times too small
  CHECK(!checker_model::refusal(a, 0, other, bound.upper).empty());
  other = bound.gram;
  other.sA += 3;
  CHECK(!checker_model::refusal(a, 0, other, bound.upper).empty());
}
