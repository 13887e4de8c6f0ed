// See gram_evidence.hpp.

#include "certify/norms/gram_evidence.hpp"

#include <gmp.h>
#include <mpfr.h>

#include <algorithm>
#include <cmath>

namespace lipcert {

int ceiling_exponent(double x) {
  int e = 0;
  const double f = std::frexp(x, &e);
  return f == 0.5 ? e - 1 : e;
}

Upper grid_residual(const std::vector<double>& a, int sA) {
  std::vector<double> rest(std::min<std::size_t>(a.size(), 4096));
  Upper squares;
  Upper lost;
  std::size_t filled = 0;
  for (const double entry : a) {
    // |a 2^sA| < 2^52: the fractional part is a double. An entry that underflows in the scaled units loses at most 2^-1074 of one.
    const double x = std::ldexp(entry, sA);
    rest[filled++] = x - std::nearbyint(x);
    if (filled == rest.size()) {
      squares = squares + sum_of_squares(rest.data(), filled);
      filled = 0;
    }
    if (std::fabs(x) < 0x1p-1000 && entry != 0) {
      lost = lost + Upper::exact(0x1p-1000);
    }
  }
  squares = squares + sum_of_squares(rest.data(), filled);
  return (sqrt(squares) + lost).scaled(-sA);
}

Upper slack_of_order(std::size_t m) {
  const Upper n = Upper::exact(static_cast<double>(m));
  return Upper::exact(0x1p-52) * n * n + Upper::exact(0x1p-38);
}

// |A| 2^sA <= 2^51 keeps every |Ah| below 2^52; a column below 2^59 in length has a sum of squares below 2^118, 2^119 with the rounding to the grid.
// |R| <= c because R'R is nearly c^2 I - A'A, and c is a little above what was proved: below 2^51 for Rh.
void choose_grids(GramEvidence& gram, double norm, double longest_column, double largest_entry) {
  gram.sA = 59 - ceiling_exponent(std::max(norm, longest_column));
  if (largest_entry > 0) {
    gram.sA = std::min(gram.sA, 51 - ceiling_exponent(largest_entry));
  }
  gram.sR = std::min(gram.sA, 50 - ceiling_exponent(norm));
}

std::string reduced_square(double upper, double residual, int sA, double slack) {
  mpfr_t x;
  mpfr_t factor;
  mpz_t integer;
  mpfr_init2(x, 320);
  mpfr_init2(factor, 320);
  mpz_init(integer);
  mpfr_set_d(x, upper, MPFR_RNDN);
  mpfr_set_d(factor, residual, MPFR_RNDN);
  mpfr_sub(x, x, factor, MPFR_RNDD);
  mpfr_mul_2si(x, x, sA, MPFR_RNDN);
  mpfr_sqr(x, x, MPFR_RNDD);
  mpfr_set_d(factor, slack, MPFR_RNDN);
  mpfr_ui_sub(factor, 1, factor, MPFR_RNDD);
  mpfr_mul(x, x, factor, MPFR_RNDD);
  mpfr_get_z(integer, x, MPFR_RNDD);
  std::vector<char> text(mpz_sizeinbase(integer, 10) + 2);
  mpz_get_str(text.data(), 10, integer);
  mpz_clear(integer);
  mpfr_clear(factor);
  mpfr_clear(x);
  return text.data();
}

}  // namespace lipcert
