// The checker's figure: rechecking one dense block of an n x n matrix, hint included, against one DGEMM of the same size in the same run.
//
//   checker_bench [n...]            default: 256 1024 4096
//
// Evidence comes from the generator, so the bound that is checked is one that a certificate would hold. Prints, for Gaussian, orthogonal and low-rank
// matrices: DGEMM (single-threaded), the check with AVX2 and one thread and its ratio to the DGEMM, the same with the best kernel and with two
// threads (wall time there, processor time elsewhere), the part of the hint, and how far the recomputed bound lies above the proved lower end. Fails when a check is not accepted or, for
// Gaussian matrices, the AVX2 ratio exceeds 16.
#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <random>
#include <string>
#include <vector>

#include "certify/norms/dense_norm.hpp"
#include "verifier/hint/cholesky.hpp"
#include "verifier/theorems/spectral.hpp"

extern "C" {
void dgemm_(const char*, const char*, const int*, const int*, const int*, const double*, const double*, const int*, const double*, const int*, const double*,
            double*, const int*);
void dgeqrf_(const int*, const int*, double*, const int*, double*, double*, const int*, int*);
void dorgqr_(const int*, const int*, const int*, double*, const int*, const double*, double*, const int*, int*);
}

namespace {

/// Processor time of the whole process: what one thread took, however busy the machine is. For two threads: wall time.
double seconds(bool wall = false) {
  if (wall) return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
  std::timespec now{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + 1e-9 * static_cast<double>(now.tv_nsec);
}

/// The median of a few runs.
template <typename Work>
double median_time(int runs, bool wall, const Work& work) {
  std::vector<double> times;
  for (int k = 0; k < runs; ++k) {
    const double start = seconds(wall);
    work();
    times.push_back(seconds(wall) - start);
  }
  std::sort(times.begin(), times.end());
  return times[times.size() / 2];
}

/// float32 entries, as double. Kinds: gaussian; orthogonal; low rank (n / 16, plus small noise).
std::vector<double> matrix(const std::string& kind, int n) {
  std::mt19937_64 random(7);
  std::normal_distribution<double> normal;
  const auto size = static_cast<std::size_t>(n) * static_cast<std::size_t>(n);
  std::vector<double> a(size);
  for (double& x : a) x = normal(random) / std::sqrt(n);
  if (kind == "orthogonal") {
    std::vector<double> tau(static_cast<std::size_t>(n));
    std::vector<double> work(static_cast<std::size_t>(n) * 64);
    const int length = n * 64;
    int info = 0;
    dgeqrf_(&n, &n, a.data(), &n, tau.data(), work.data(), &length, &info);
    dorgqr_(&n, &n, &n, a.data(), &n, tau.data(), work.data(), &length, &info);
  } else if (kind == "low rank") {
    const int rank = std::max(1, n / 16);
    std::vector<double> b(a);
    const double one = 1;
    const double zero = 0;
    dgemm_("N", "N", &n, &n, &rank, &one, a.data(), &n, a.data(), &n, &zero, b.data(), &n);
    for (std::size_t i = 0; i < size; ++i) a[i] = b[i] + 1e-4 * a[i];
  }
  for (double& x : a) x = static_cast<double>(static_cast<float>(x));
  return a;
}

}  // namespace

int main(int argc, char** argv) {
  using namespace lipverify;
  std::vector<int> sizes;
  for (int k = 1; k < argc; ++k) sizes.push_back(std::atoi(argv[k]));
  if (sizes.empty()) sizes = {256, 1024, 4096};
  lipcert::WorkerPool pool(0);  // also makes BLAS single-threaded
  bool good = true;
  std::printf("%-6s %-11s %9s %12s %7s %12s %12s %9s %11s %11s\n", "n", "matrix", "dgemm s", "avx2 1 thr s", "ratio", "best 1 thr s", "best 2 thr s", "hint s",
              "gap", "claim gap");
  for (const int n : sizes) {
    const int runs = n <= 512 ? 9 : n <= 2048 ? 3 : 1;
    for (const std::string kind : {"gaussian", "orthogonal", "low rank"}) {
      const std::vector<double> a = matrix(kind, n);
      std::vector<double> c(a.size());
      const double one = 1;
      const double zero = 0;
      const double gemm =
          median_time(runs + 2, false, [&] { dgemm_("N", "T", &n, &n, &n, &one, a.data(), &n, a.data(), &n, &zero, c.data(), &n); });
      const auto order = static_cast<std::size_t>(n);
      const lipcert::NormBound bound = lipcert::bound_norm({order, order, a, {}}, pool, 1);
      EnclosedMatrix exact{order, order, {}, Rational(0)};
      for (const double x : a) {
        int exponent = 0;
        const double mantissa = std::frexp(x, &exponent);
        exact.centre.push_back(x == 0 ? Dyadic{} : Dyadic{static_cast<std::int64_t>(std::ldexp(mantissa, 53)), exponent - 53});
      }
      const GramEvidence evidence{bound.gram.at_a, bound.gram.sA, bound.gram.sR, Integer(bound.gram.C2)};
      const auto rational = [](double x) {
        int exponent = 0;
        const double mantissa = std::frexp(x, &exponent);
        return scaled(Integer(static_cast<std::int64_t>(std::ldexp(mantissa, 53))), exponent - 53);
      };
      double hint = 0;
      Rational recomputed = 0;
      const auto check = [&](Kernel kernel, unsigned threads) {
        return median_time(runs, threads > 1, [&] {
          recomputed = gram_psd_bound(
              exact, evidence,
              [&](const SymmetricSum& m, unsigned drop, unsigned workers) {
                const double start = seconds();
                std::vector<std::int64_t> r = cholesky_hint_with(kernel, m, drop, workers);
                hint = seconds() - start;
                return r;
              },
              {kernel, threads});
        });
      };
      const double avx2 = check(available(Kernel::avx2) ? Kernel::avx2 : Kernel::portable, 1);
      const double hint_time = hint;
      const double best = check(best_kernel(), 1);
      const double two = check(best_kernel(), 2);
      const bool accepted = recomputed <= rational(bound.upper);
      const double gap = static_cast<double>(recomputed / rational(bound.lower)) - 1;
      const double claim_gap = bound.upper / bound.lower - 1;
      std::printf("%-6d %-11s %9.4f %12.4f %7.2f %12.4f %12.4f %9.4f %11.2e %11.2e%s\n", n, kind.c_str(), gemm, avx2, avx2 / gemm, best, two, hint_time, gap,
                  claim_gap, accepted ? "" : "  NOT ACCEPTED");
      std::fflush(stdout);
      good = good && accepted && (kind != "gaussian" || avx2 / gemm <= 16);
    }
  }
  if (!good) std::printf("a figure is missed\n");
  return good ? 0 : 1;
}
