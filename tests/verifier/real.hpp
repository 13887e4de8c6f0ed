// Reference numbers of the checker's tests: MPFR with 300 bits.
#pragma once

#include <mpfr.h>

#include <cstring>

#include "verifier/base/numbers.hpp"

namespace verifier_test {

class Real {  // 300 bits, rounded to nearest
 public:
  Real() { mpfr_init2(x_, 300); mpfr_set_zero(x_, 1); }
  explicit Real(const lipverify::Rational& v) : Real() {
    Real bottom;
    mpfr_set_str(x_, boost::multiprecision::numerator(v).str().c_str(), 10, MPFR_RNDN);
    mpfr_set_str(bottom.x_, boost::multiprecision::denominator(v).str().c_str(), 10, MPFR_RNDN);
    mpfr_div(x_, x_, bottom.x_, MPFR_RNDN);
  }
  Real(const Real& other) : Real() { mpfr_set(x_, other.x_, MPFR_RNDN); }
  Real& operator=(const Real& other) {
    mpfr_set(x_, other.x_, MPFR_RNDN);
    return *this;
  }
  ~Real() { mpfr_clear(x_); }
  friend Real operator+(const Real& a, const Real& b) { Real r; mpfr_add(r.x_, a.x_, b.x_, MPFR_RNDN); return r; }
  friend Real operator-(const Real& a, const Real& b) { Real r; mpfr_sub(r.x_, a.x_, b.x_, MPFR_RNDN); return r; }
  friend Real operator*(const Real& a, const Real& b) { Real r; mpfr_mul(r.x_, a.x_, b.x_, MPFR_RNDN); return r; }
  friend Real operator/(const Real& a, const Real& b) { Real r; mpfr_div(r.x_, a.x_, b.x_, MPFR_RNDN); return r; }
  template <typename F>
  [[nodiscard]] Real apply(F f) const { Real r; f(r.x_, x_, MPFR_RNDN); return r; }
  friend bool operator<(const Real& a, const Real& b) { return mpfr_less_p(a.x_, b.x_) != 0; }
  static Real pi() { Real r; mpfr_const_pi(r.x_, MPFR_RNDN); return r; }
  [[nodiscard]] lipverify::Rational exact() const {
    mpz_t z;
    mpz_init(z);
    const mpfr_exp_t e = mpfr_zero_p(x_) != 0 ? 0 : mpfr_get_z_2exp(z, x_);
    char* text = mpz_get_str(nullptr, 10, z);
    const lipverify::Rational out = lipverify::scaled(lipverify::Integer(text), e);
    void (*release)(void*, std::size_t) = nullptr;
    mp_get_memory_functions(nullptr, nullptr, &release);
    release(text, std::strlen(text) + 1);
    mpz_clear(z);
    return out;
  }

 private:
  mpfr_t x_;
};

inline Real number(int n) { return Real(lipverify::Rational(n)); }
inline Real exp_of(const Real& x) { return x.apply(mpfr_exp); }
inline Real sigmoid_of(const Real& x) { return number(1) / (number(1) + exp_of(number(0) - x)); }
inline Real softplus_of(const Real& x) { return exp_of(x).apply(mpfr_log1p); }

}  // namespace verifier_test
