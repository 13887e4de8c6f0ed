// See interval.hpp. Each function states which end of which operand gives which end of the result.

#include "certify/numbers/interval.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <utility>

#include "formats/encoding/error.hpp"

namespace lipcert {
namespace {

constexpr mpfr_prec_t precision = 192;

[[noreturn]] void misuse(const char* what) {
  throw Error(ExitCode::internal, std::string("Interval arithmetic was asked for ") + what + "; please report this.");
}

}  // namespace

MpfrNumber::MpfrNumber() {
  mpfr_init2(value_, precision);
  mpfr_set_zero(value_, 1);
}

MpfrNumber::MpfrNumber(const MpfrNumber& other) {
  mpfr_init2(value_, precision);
  mpfr_set(value_, other.value_, MPFR_RNDN);  // same precision: exact
}

MpfrNumber::MpfrNumber(MpfrNumber&& other) noexcept : MpfrNumber() { mpfr_swap(value_, other.value_); }

MpfrNumber& MpfrNumber::operator=(const MpfrNumber& other) {
  if (this != &other) {
    mpfr_set(value_, other.value_, MPFR_RNDN);
  }
  return *this;
}

MpfrNumber& MpfrNumber::operator=(MpfrNumber&& other) noexcept {
  mpfr_swap(value_, other.value_);
  return *this;
}

MpfrNumber::~MpfrNumber() { mpfr_clear(value_); }

Interval Interval::exact(double value) { return between(value, value); }

Interval Interval::between(double lower, double upper) {
  if (!std::isfinite(lower) || !std::isfinite(upper) || lower > upper) {
    misuse("an interval with ends that are not finite or not ordered");
  }
  Interval result;
  mpfr_set_d(result.lower_.get(), lower, MPFR_RNDD);  // 53 bits into 192: exact
  mpfr_set_d(result.upper_.get(), upper, MPFR_RNDU);
  return result;
}

double Interval::lower() const { return mpfr_get_d(lower_.get(), MPFR_RNDD); }
double Interval::upper() const { return mpfr_get_d(upper_.get(), MPFR_RNDU); }

bool Interval::contains_zero() const { return mpfr_sgn(lower_.get()) <= 0 && mpfr_sgn(upper_.get()) >= 0; }

Interval operator+(const Interval& a, const Interval& b) {
  Interval result;
  mpfr_add(result.lower_.get(), a.lower_.get(), b.lower_.get(), MPFR_RNDD);
  mpfr_add(result.upper_.get(), a.upper_.get(), b.upper_.get(), MPFR_RNDU);
  return result;
}

Interval operator-(const Interval& a, const Interval& b) {
  Interval result;
  mpfr_sub(result.lower_.get(), a.lower_.get(), b.upper_.get(), MPFR_RNDD);
  mpfr_sub(result.upper_.get(), a.upper_.get(), b.lower_.get(), MPFR_RNDU);
  return result;
}

namespace {

// The extreme values of an operation that is monotone in each operand are among the four corners.
template <class Operation>
void corners(const std::array<mpfr_srcptr, 2>& a, const std::array<mpfr_srcptr, 2>& b, mpfr_ptr lower, mpfr_ptr upper, Operation operation) {
  MpfrNumber corner;
  bool first = true;
  for (mpfr_srcptr x : a) {
    for (mpfr_srcptr y : b) {
      operation(corner.get(), x, y, MPFR_RNDD);
      if (first || mpfr_less_p(corner.get(), lower)) {
        mpfr_set(lower, corner.get(), MPFR_RNDD);
      }
      operation(corner.get(), x, y, MPFR_RNDU);
      if (first || mpfr_greater_p(corner.get(), upper)) {
        mpfr_set(upper, corner.get(), MPFR_RNDU);
      }
      first = false;
    }
  }
}

}  // namespace

Interval operator*(const Interval& a, const Interval& b) {
  Interval result;
  corners({a.lower_.get(), a.upper_.get()}, {b.lower_.get(), b.upper_.get()}, result.lower_.get(), result.upper_.get(), mpfr_mul);
  return result;
}

Interval operator/(const Interval& a, const Interval& b) {
  if (b.contains_zero()) {
    misuse("a division by an interval around zero");
  }
  Interval result;
  corners({a.lower_.get(), a.upper_.get()}, {b.lower_.get(), b.upper_.get()}, result.lower_.get(), result.upper_.get(), mpfr_div);
  return result;
}

Interval sqrt(const Interval& a) {
  if (mpfr_sgn(a.upper_.get()) < 0) {
    misuse("the root of a negative number");
  }
  Interval result;
  if (mpfr_sgn(a.lower_.get()) > 0) {
    mpfr_sqrt(result.lower_.get(), a.lower_.get(), MPFR_RNDD);
  }
  mpfr_sqrt(result.upper_.get(), a.upper_.get(), MPFR_RNDU);
  return result;
}

Interval sigmoid(const Interval& x) {
  // 1 / (1 + e^-x): e^-x rounded up and the sum rounded up make the quotient, rounded down, a lower end; and the other way round.
  Interval result;
  MpfrNumber t;
  mpfr_neg(t.get(), x.lower_.get(), MPFR_RNDU);
  mpfr_exp(t.get(), t.get(), MPFR_RNDU);
  mpfr_add_ui(t.get(), t.get(), 1, MPFR_RNDU);
  mpfr_ui_div(result.lower_.get(), 1, t.get(), MPFR_RNDD);
  mpfr_neg(t.get(), x.upper_.get(), MPFR_RNDD);
  mpfr_exp(t.get(), t.get(), MPFR_RNDD);
  mpfr_add_ui(t.get(), t.get(), 1, MPFR_RNDD);
  mpfr_ui_div(result.upper_.get(), 1, t.get(), MPFR_RNDU);
  return result;
}

Interval tanh(const Interval& x) {
  Interval result;
  mpfr_tanh(result.lower_.get(), x.lower_.get(), MPFR_RNDD);
  mpfr_tanh(result.upper_.get(), x.upper_.get(), MPFR_RNDU);
  return result;
}

Interval tanh_slope(const Interval& x) {
  // sech^2 decreases with |x|: its least value is at the larger end in magnitude, its largest at the smaller one, or at 0.
  const bool lower_is_larger = mpfr_cmpabs(x.lower_.get(), x.upper_.get()) > 0;
  mpfr_srcptr far = lower_is_larger ? x.lower_.get() : x.upper_.get();
  mpfr_srcptr near = lower_is_larger ? x.upper_.get() : x.lower_.get();
  Interval result;
  mpfr_sech(result.lower_.get(), far, MPFR_RNDD);
  mpfr_sqr(result.lower_.get(), result.lower_.get(), MPFR_RNDD);
  if (x.contains_zero()) {
    mpfr_set_ui(result.upper_.get(), 1, MPFR_RNDU);
  } else {
    mpfr_sech(result.upper_.get(), near, MPFR_RNDU);
    mpfr_sqr(result.upper_.get(), result.upper_.get(), MPFR_RNDU);
  }
  return result;
}

Interval sigmoid_slope(const Interval& x) {
  // sigmoid(x) = (1 + tanh(x/2)) / 2, so its slope is sech(x/2)^2 / 4; halving and quartering are exact.
  Interval half = x;
  mpfr_div_2ui(half.lower_.get(), half.lower_.get(), 1, MPFR_RNDD);
  mpfr_div_2ui(half.upper_.get(), half.upper_.get(), 1, MPFR_RNDU);
  Interval result = tanh_slope(half);
  mpfr_div_2ui(result.lower_.get(), result.lower_.get(), 2, MPFR_RNDD);
  mpfr_div_2ui(result.upper_.get(), result.upper_.get(), 2, MPFR_RNDU);
  return result;
}

Interval exp(const Interval& x) {
  Interval result;
  mpfr_exp(result.lower_.get(), x.lower_.get(), MPFR_RNDD);
  mpfr_exp(result.upper_.get(), x.upper_.get(), MPFR_RNDU);
  return result;
}

Interval log(const Interval& x) {
  if (mpfr_sgn(x.lower_.get()) <= 0) {
    misuse("the logarithm of a number that is not positive");
  }
  Interval result;
  mpfr_log(result.lower_.get(), x.lower_.get(), MPFR_RNDD);
  mpfr_log(result.upper_.get(), x.upper_.get(), MPFR_RNDU);
  return result;
}

Interval softplus(const Interval& x) {
  Interval result;
  mpfr_exp(result.lower_.get(), x.lower_.get(), MPFR_RNDD);
  mpfr_log1p(result.lower_.get(), result.lower_.get(), MPFR_RNDD);
  mpfr_exp(result.upper_.get(), x.upper_.get(), MPFR_RNDU);
  mpfr_log1p(result.upper_.get(), result.upper_.get(), MPFR_RNDU);
  return result;
}

Interval erf(const Interval& x) {
  Interval result;
  mpfr_erf(result.lower_.get(), x.lower_.get(), MPFR_RNDD);
  mpfr_erf(result.upper_.get(), x.upper_.get(), MPFR_RNDU);
  return result;
}

namespace {

// |sin'|, |cos'| <= 1: at a distance of at most r from the midpoint the value is within r of the midpoint's.
void around_midpoint(mpfr_srcptr low, mpfr_srcptr high, int (*function)(mpfr_ptr, mpfr_srcptr, mpfr_rnd_t), mpfr_ptr lower, mpfr_ptr upper) {
  MpfrNumber middle;
  MpfrNumber radius;
  MpfrNumber other;
  mpfr_add(middle.get(), low, high, MPFR_RNDN);
  mpfr_div_2ui(middle.get(), middle.get(), 1, MPFR_RNDN);
  mpfr_sub(radius.get(), high, middle.get(), MPFR_RNDU);
  mpfr_sub(other.get(), middle.get(), low, MPFR_RNDU);
  mpfr_max(radius.get(), radius.get(), other.get(), MPFR_RNDU);
  function(lower, middle.get(), MPFR_RNDD);
  mpfr_sub(lower, lower, radius.get(), MPFR_RNDD);
  function(upper, middle.get(), MPFR_RNDU);
  mpfr_add(upper, upper, radius.get(), MPFR_RNDU);
  if (mpfr_cmp_si(lower, -1) < 0) {
    mpfr_set_si(lower, -1, MPFR_RNDD);
  }
  if (mpfr_cmp_si(upper, 1) > 0) {
    mpfr_set_si(upper, 1, MPFR_RNDU);
  }
}

}  // namespace

Interval sin(const Interval& x) {
  Interval result;
  around_midpoint(x.lower_.get(), x.upper_.get(), mpfr_sin, result.lower_.get(), result.upper_.get());
  return result;
}

Interval cos(const Interval& x) {
  Interval result;
  around_midpoint(x.lower_.get(), x.upper_.get(), mpfr_cos, result.lower_.get(), result.upper_.get());
  return result;
}

Interval square(const Interval& x) {
  const bool lower_is_larger = mpfr_cmpabs(x.lower_.get(), x.upper_.get()) > 0;
  Interval result;
  mpfr_sqr(result.upper_.get(), lower_is_larger ? x.lower_.get() : x.upper_.get(), MPFR_RNDU);
  if (!x.contains_zero()) {
    mpfr_sqr(result.lower_.get(), lower_is_larger ? x.upper_.get() : x.lower_.get(), MPFR_RNDD);
  }
  return result;
}

Interval pi() {
  Interval result;
  mpfr_const_pi(result.lower_.get(), MPFR_RNDD);
  mpfr_const_pi(result.upper_.get(), MPFR_RNDU);
  return result;
}

}  // namespace lipcert
