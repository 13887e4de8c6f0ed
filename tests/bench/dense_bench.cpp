// The norm of a dense matrix: gap and time, beside LAPACK's float64 singular values (all cores, values only) and, at n = 256, Arb's ball
// arithmetic (arb_mat_mul and arb_mat_cho with 64 bits: the Gram matrix and the proof that c^2 I - A'A is positive definite).
//
//   bench_dense            sizes 256, 1024, 4096 (a few minutes, most of them LAPACK's)
//   bench_dense 256 1024   these sizes
//
// "gap" is the claimed bound (slack included) over LAPACK's largest singular value, minus 1; "allowed" is 4e-16 n^2 + 5e-12. LAPACK's value is
// right to about 1e-15 sqrt(n) and is not a bound. Exit code 1 when a figure is missed.
#include <arb_mat.h>
#include <cblas.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "certify/norms/dense_norm.hpp"

extern "C" {
void openblas_set_num_threads(int threads);
void dgesdd_(const char* job, const int* m, const int* n, double* a, const int* lda, double* s, double* u, const int* ldu, double* vt,
             const int* ldvt, double* work, const int* lwork, int* iwork, int* info);
void dgeqrf_(const int* m, const int* n, double* a, const int* lda, double* tau, double* work, const int* lwork, int* info);
void dorgqr_(const int* m, const int* n, const int* k, double* a, const int* lda, const double* tau, double* work, const int* lwork, int* info);
}

using lipcert::bound_norm;
using lipcert::EnclosedMatrix;
using lipcert::NormBound;
using lipcert::WorkerPool;

namespace {

double now() { return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count(); }

/// Float32 weights of one kind, column-major and row-major at once up to transposition.
EnclosedMatrix weights(const std::string& kind, std::size_t n) {
  std::mt19937_64 random(7);
  std::normal_distribution<double> normal;
  const auto order = static_cast<int>(n);
  std::vector<double> a(n * n);
  const double scale = 1 / std::sqrt(static_cast<double>(n));
  for (double& x : a) {
    x = normal(random) * scale * (kind == "low rank" ? 0.01 : 1);
  }
  if (kind == "orthogonal") {
    std::vector<double> tau(n);
    std::vector<double> work(n * 64);
    const auto size = static_cast<int>(work.size());
    int info = 0;
    dgeqrf_(&order, &order, a.data(), &order, tau.data(), work.data(), &size, &info);
    dorgqr_(&order, &order, &order, a.data(), &order, tau.data(), work.data(), &size, &info);
  }
  if (kind == "low rank") {
    constexpr int rank = 8;
    std::vector<double> left(n * rank);
    std::vector<double> right(n * rank);
    for (std::size_t i = 0; i < n * rank; ++i) {
      left[i] = normal(random) * scale;
      right[i] = normal(random) * scale;
    }
    cblas_dgemm(CblasColMajor, CblasNoTrans, CblasTrans, order, order, rank, 1, left.data(), order, right.data(), order, 1, a.data(), order);
  }
  EnclosedMatrix m{n, n, {}, {}};
  for (const double x : a) {
    m.centre.push_back(static_cast<double>(static_cast<float>(x)));
  }
  return m;
}

struct Timed {
  double seconds = 0;
  double value = 0;
};

Timed lapack(const EnclosedMatrix& m, int repeats) {
  const auto n = static_cast<int>(m.rows);
  Timed best{1e300, 0};
  for (int r = 0; r < repeats; ++r) {
    std::vector<double> a = m.centre;
    std::vector<double> s(m.rows);
    std::vector<int> integers(8 * m.rows);
    const int one = 1;
    int info = 0;
    int size = -1;
    double wanted = 0;
    double unused = 0;
    dgesdd_("N", &n, &n, a.data(), &n, s.data(), &unused, &one, &unused, &one, &wanted, &size, integers.data(), &info);
    size = static_cast<int>(wanted) + 8;
    std::vector<double> work(static_cast<std::size_t>(size));
    const double start = now();
    dgesdd_("N", &n, &n, a.data(), &n, s.data(), &unused, &one, &unused, &one, work.data(), &size, integers.data(), &info);
    best.seconds = std::min(best.seconds, now() - start);
    best.value = s[0];
  }
  return best;
}

/// Arb: A'A and the Cholesky factorisation of c^2 I - A'A, both with 64 bits. Seconds, or a negative number when the proof fails.
double arb(const EnclosedMatrix& m, double c) {
  const auto n = static_cast<slong>(m.rows);
  arb_mat_t a;
  arb_mat_t t;
  arb_mat_t g;
  arb_mat_init(a, n, n);
  arb_mat_init(t, n, n);
  arb_mat_init(g, n, n);
  for (slong i = 0; i < n; ++i) {
    for (slong j = 0; j < n; ++j) {
      arb_set_d(arb_mat_entry(a, i, j), m.centre[static_cast<std::size_t>(i * n + j)]);
    }
  }
  const double start = now();
  arb_mat_transpose(t, a);
  arb_mat_mul(g, t, a, 64);
  arb_mat_neg(g, g);
  for (slong i = 0; i < n; ++i) {
    arb_t square;
    arb_init(square);
    arb_set_d(square, c);
    arb_mul(square, square, square, 64);
    arb_add(arb_mat_entry(g, i, i), arb_mat_entry(g, i, i), square, 64);
    arb_clear(square);
  }
  const int positive = arb_mat_cho(t, g, 64);
  const double seconds = now() - start;
  arb_mat_clear(a);
  arb_mat_clear(t);
  arb_mat_clear(g);
  return positive != 0 ? seconds : -1;
}

}  // namespace

int main(int argc, char** argv) {
  std::vector<std::size_t> sizes;
  for (int i = 1; i < argc; ++i) {
    sizes.push_back(std::strtoul(argv[i], nullptr, 10));
  }
  if (sizes.empty()) {
    sizes = {256, 1024, 4096};
  }
  const auto cores = static_cast<int>(std::max(1U, std::thread::hardware_concurrency()));
  WorkerPool pool(0);
  bool all = true;
  std::printf("%5s  %-10s  %10s  %10s  %6s  %9s  %9s  %7s  %8s  %9s  %s\n", "n", "kind", "claim gap", "allowed", "lower", "ours s", "LAPACK s", "ratio",
              "DGEMMs", "Arb s", "Arb ratio");
  for (const std::size_t n : sizes) {
    for (const char* kind : {"gauss", "orthogonal", "low rank"}) {
      openblas_set_num_threads(cores);
      const EnclosedMatrix m = weights(kind, n);
      const int repeats = n <= 256 ? 9 : (n <= 1024 ? 3 : 1);
      const Timed svd = lapack(m, repeats);
      double gemm = 1e300;
      std::vector<double> product(n * n);
      for (int r = 0; r <= repeats; ++r) {
        const double start = now();
        cblas_dgemm(CblasColMajor, CblasTrans, CblasNoTrans, static_cast<int>(n), static_cast<int>(n), static_cast<int>(n), 1, m.centre.data(),
                    static_cast<int>(n), m.centre.data(), static_cast<int>(n), 0, product.data(), static_cast<int>(n));
        gemm = std::min(gemm, now() - start);
      }
      openblas_set_num_threads(1);
      double ours = 1e300;
      NormBound bound;
      for (int r = 0; r < repeats; ++r) {
        const double start = now();
        bound = bound_norm(m, pool, 1);
        ours = std::min(ours, now() - start);
      }
      const double size = static_cast<double>(n);
      const double gap = bound.upper / svd.value - 1;
      const double allowed = 4e-16 * size * size + 5e-12;
      bool good = gap <= allowed && ours <= svd.seconds;
      std::printf("%5zu  %-10s  %10.2e  %10.2e  %6.0e  %9.4f  %9.4f  %7.2f  %8.2f", n, kind, gap, allowed, 1 - bound.lower / svd.value, ours, svd.seconds,
                  svd.seconds / ours, ours / gemm);
      if (n == 256) {
        // Arb proves c = LAPACK's value times 1 + 1e-9: easier than what we claim.
        const double seconds = arb(m, svd.value * (1 + 1e-9));
        std::printf("  %9.4f  %9.1f", seconds, seconds / ours);
        good = good && seconds > 0 && seconds >= 100 * ours;
      }
      std::printf("%s\n", good ? "" : "   MISSED");
      all = all && good;
    }
  }
  return all ? 0 : 1;
}
