// Outward operations and bulk sums; the probe of the floating-point environment. See rounding.hpp for the sources.

#include "certify/numbers/rounding.hpp"

#include <cblas.h>

#include <algorithm>
#include <array>

#include "formats/encoding/error.hpp"

namespace lipcert {
namespace {

constexpr double infinity = std::numeric_limits<double>::infinity();

// Residuals of products, quotients and roots are doubles when the operands' bits stay clear of 2^-1074: a product p of two 53-bit numbers
// has its last bit at or above p * 2^-106, so p >= 2^-960 is safe with room.
constexpr double residual_is_exact_from = 0x1p-960;

// Sign of the exact a + b - fl(a + b), by Knuth's two-sum; it cannot underflow.
double sum_residual(double a, double b, double sum) {
  const double b_part = sum - a;
  return (a - (sum - b_part)) + (b - b_part);
}

}  // namespace

Upper Upper::exact(double value) { return Upper(std::isnan(value) ? infinity : std::fabs(value)); }

Lower Lower::exact(double value) { return Lower(std::isnan(value) ? 0 : std::fabs(value)); }

Upper operator+(Upper a, Upper b) {
  const double sum = a.value_ + b.value_;
  if (!(sum < infinity)) {
    return Upper(infinity);
  }
  return Upper(sum_residual(a.value_, b.value_, sum) > 0 ? next_up(sum) : sum);
}

Lower operator+(Lower a, Lower b) {
  const double sum = a.value_ + b.value_;
  if (!(sum < infinity)) {
    return Lower(std::numeric_limits<double>::max());
  }
  return Lower(sum_residual(a.value_, b.value_, sum) < 0 ? next_down(sum) : sum);
}

Upper operator*(Upper a, Upper b) {
  if (a.value_ == 0 || b.value_ == 0) {
    return Upper(0);  // one quantity is exactly zero, whatever the other is
  }
  const double product = a.value_ * b.value_;
  if (!(product < infinity)) {
    return Upper(infinity);
  }
  if (product < residual_is_exact_from) {
    return Upper(next_up(product));
  }
  return Upper(std::fma(a.value_, b.value_, -product) > 0 ? next_up(product) : product);
}

Lower operator*(Lower a, Lower b) {
  const double product = a.value_ * b.value_;
  if (!(product < infinity)) {
    // Infinity times zero is not reachable: a lower end is finite unless it was given as infinite.
    return Lower(product > 0 ? std::numeric_limits<double>::max() : 0);
  }
  if (product < residual_is_exact_from) {
    return Lower(next_down(product));
  }
  return Lower(std::fma(a.value_, b.value_, -product) < 0 ? next_down(product) : product);
}

Upper operator/(Upper a, Lower b) {
  if (a.value() == 0) {
    return Upper(0);
  }
  const double quotient = a.value() / b.value();
  if (!(quotient < infinity)) {
    return Upper(infinity);
  }
  if (quotient < residual_is_exact_from || a.value() < residual_is_exact_from || b.value() > 1 / residual_is_exact_from) {
    return Upper(next_up(quotient));
  }
  // quotient * b < a: the true quotient lies above.
  return Upper(std::fma(quotient, b.value(), -a.value()) < 0 ? next_up(quotient) : quotient);
}

Lower operator/(Lower a, Upper b) {
  if (!(a.value() > 0) || !b.finite()) {
    return Lower(0);
  }
  if (b.value() == 0) {
    return Lower(0);
  }
  const double quotient = a.value() / b.value();
  if (!(quotient < infinity)) {
    return Lower(std::numeric_limits<double>::max());
  }
  if (quotient < residual_is_exact_from || a.value() < residual_is_exact_from || b.value() > 1 / residual_is_exact_from) {
    return Lower(next_down(quotient));
  }
  return Lower(std::fma(quotient, b.value(), -a.value()) > 0 ? next_down(quotient) : quotient);
}

Upper minus(Upper a, Lower b) {
  const double difference = a.value() - b.value();
  if (!a.finite()) {
    return Upper(infinity);
  }
  if (!(difference > 0)) {
    return Upper(0);
  }
  return Upper(sum_residual(a.value(), -b.value(), difference) > 0 ? next_up(difference) : difference);
}

Lower minus(Lower a, Upper b) {
  const double difference = a.value() - b.value();
  if (!(difference > 0)) {
    return Lower(0);
  }
  return Lower(sum_residual(a.value(), -b.value(), difference) < 0 ? next_down(difference) : difference);
}

Upper sqrt(Upper a) {
  const double root = std::sqrt(a.value_);
  if (a.value_ == 0 || !a.finite()) {
    return Upper(root);
  }
  if (a.value_ < residual_is_exact_from) {
    return Upper(next_up(root));
  }
  return Upper(std::fma(root, root, -a.value_) < 0 ? next_up(root) : root);
}

Lower sqrt(Lower a) {
  const double root = std::sqrt(a.value_);
  if (!(a.value_ > 0)) {
    return Lower(0);
  }
  if (a.value_ < residual_is_exact_from) {
    return Lower(next_down(root));
  }
  return Lower(std::fma(root, root, -a.value_) > 0 ? next_down(root) : root);
}

Upper Upper::scaled(int e) const {
  const double scaled = std::ldexp(value_, e);
  // ldexp rounds only where the result is subnormal; undoing it shows whether it did.
  return Upper(std::isfinite(scaled) && std::ldexp(scaled, -e) != value_ ? next_up(scaled) : scaled);
}

Lower Lower::scaled(int e) const {
  const double scaled = std::ldexp(value_, e);
  if (!(scaled < infinity)) {
    return Lower(std::numeric_limits<double>::max());
  }
  return Lower(std::ldexp(scaled, -e) != value_ ? next_down(scaled) : scaled);
}

Upper gamma(std::uint64_t k) {
  const double ku = static_cast<double>(k) * unit_roundoff;                // exact for k < 2^53
  return Upper::exact(ku) / Lower::exact(1 - ku);                          // 1 - k 2^-53 is a double for k < 2^53
}

namespace {

// Eight independent partial sums: the compiler may vectorise them, the order of the additions stays fixed.
template <class Term>
double partial_sums(const double* x, std::size_t n, Term term) {
  std::array<double, 8> s{};
  std::size_t i = 0;
  for (; i + 8 <= n; i += 8) {
    for (std::size_t j = 0; j < 8; ++j) {
      s[j] += term(x[i + j]);
    }
  }
  for (; i < n; ++i) {
    s[i % 8] += term(x[i]);
  }
  return ((s[0] + s[4]) + (s[1] + s[5])) + ((s[2] + s[6]) + (s[3] + s[7]));
}

}  // namespace

// n terms: each passes through at most n/8 + 4 additions and, if squared, one more rounding; gamma_{n+8} is generous for every n. A square
// that underflows loses at most 2^-1074.
Upper sum_of_squares(const double* x, std::size_t n) {
  const Upper sum = Upper::exact(partial_sums(x, n, [](double v) { return v * v; }));
  return (sum + Upper::exact(static_cast<double>(n) * 0x1p-1074)) * (Upper::exact(1) + gamma(n + 8));
}

Upper sum_of_magnitudes(const double* x, std::size_t n) {
  return Upper::exact(partial_sums(x, n, [](double v) { return std::fabs(v); })) * (Upper::exact(1) + gamma(n + 8));
}

namespace {

/// Sum of (x 2^-e)^2.
double scaled_squares(const double* x, std::size_t n, int e) {
  const double first = std::ldexp(1.0, -(e / 2));
  const double second = std::ldexp(1.0, -(e - e / 2));
  return partial_sums(x, n, [first, second](double v) {
    const double t = v * first * second;
    return t * t;
  });
}

/// Largest exponent e with 2^(e-1) <= max|x| < 2^e; false when all are zero or one is not finite (`finite` says which).
bool largest_exponent(const double* x, std::size_t n, int& e, bool& finite) {
  double largest = 0;
  finite = true;
  for (std::size_t i = 0; i < n; ++i) {
    finite = finite && std::isfinite(x[i]);
    largest = std::max(largest, std::fabs(x[i]));
  }
  static_cast<void>(std::frexp(largest, &e));
  return finite && largest > 0;
}

}  // namespace

// Scaled entries are below 1. The two factors 2^-(e/2), 2^-(e - e/2) are always doubles, and multiplying by them is exact except where it makes
// a number subnormal: it then moves it by at most 2^-1074 in all. The norm of all these errors is at most n 2^-1074; the squares that underflow
// in turn lose at most 2^-1074 each.
Upper norm_above(const double* x, std::size_t n) {
  int e = 0;
  bool finite = true;
  if (!largest_exponent(x, n, e, finite)) {
    return Upper::exact(finite ? 0 : infinity);
  }
  const Upper lost = Upper::exact(static_cast<double>(n) * 0x1p-1074);
  const Upper squares = Upper::exact(scaled_squares(x, n, e));
  return (sqrt((squares + lost) * (Upper::exact(1) + gamma(n + 8))) + lost).scaled(e);
}

Lower norm_below(const double* x, std::size_t n) {
  int e = 0;
  bool finite = true;
  if (!largest_exponent(x, n, e, finite)) {
    return {};
  }
  const Upper lost = Upper::exact(static_cast<double>(n) * 0x1p-1074);
  const double squares = scaled_squares(x, n, e);
  const Lower reduced = minus(minus(Lower::exact(squares), Upper::exact(squares) * gamma(n + 8)), lost);
  return minus(sqrt(reduced), lost).scaled(e);
}

void require_sound_floating_point() {
  const auto refuse = [](const char* what) {
    throw Error(ExitCode::internal, std::string("This process computes with ") + what +
                                        ", so that no bound could be trusted; a library built with -ffast-math does this: remove it "
                                        "(LD_PRELOAD, plug-ins) and try again.");
  };
  // volatile: the compiler's own constant folding always rounds to nearest.
  volatile double one = 1;
  volatile double half_ulp = unit_roundoff;
  volatile double more_than_half_ulp = 0x1.8p-53;
  const bool nearest = one + half_ulp == 1 && one + more_than_half_ulp == 1 + 0x1p-52 && -one - half_ulp == -1 &&
                       -one - more_than_half_ulp == -1 - 0x1p-52;
  volatile double smallest_normal = std::numeric_limits<double>::min();
  volatile double smallest = std::numeric_limits<double>::denorm_min();
  volatile double huge = 0x1p1000;
  const bool subnormals = smallest_normal * 0.5 == 0x1p-1023 && smallest * huge == 0x1p-74;
  if (!nearest) {
    refuse("a rounding mode other than to nearest");
  }
  if (!subnormals) {
    refuse("subnormal numbers switched off");
  }
  // The same questions to a matrix product: 64 x 64, so that the blocked kernel answers. Row i of the left factor is (1, x_i, 0, ...) with the
  // column (1, 1, 0, ...) repeated on the right: every entry is one rounded sum of two terms.
  constexpr int n = 64;
  std::array<double, n * n> left{};
  std::array<double, n * n> right{};
  std::array<double, n * n> product{};
  for (std::size_t i = 0; i < n; ++i) {
    const bool tiny = i % 4 == 3;
    left[i] = tiny ? 0 : (i % 4 == 2 ? -1 : 1);
    left[n + i] = tiny ? smallest : (i % 4 == 0 ? half_ulp : (i % 4 == 1 ? more_than_half_ulp : -more_than_half_ulp));
    right[i] = 1;
    right[n + i] = 1;
  }
  // Column-major: left is n x n with columns x_0, x_1; right' holds rows.
  cblas_dgemm(CblasColMajor, CblasNoTrans, CblasTrans, n, n, n, 1, left.data(), n, right.data(), n, 0, product.data(), n);
  const std::array<double, 4> expected{1, 1 + 0x1p-52, -1 - 0x1p-52, smallest};
  for (std::size_t j = 0; j < n; ++j) {
    for (std::size_t i = 0; i < n; ++i) {
      if (product[j * n + i] != expected[i % 4]) {
        refuse(i % 4 == 3 ? "a BLAS that switches subnormal numbers off" : "a BLAS that does not round to nearest");
      }
    }
  }
}

}  // namespace lipcert
