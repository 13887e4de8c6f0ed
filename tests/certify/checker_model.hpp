// A small model of the integer checker (formats/SPEC.md, theorem dense-gram-psd; section 2 of the mathematics), written from the page alone:
// plain loops over 128-bit integers, a textbook Cholesky factorisation for the hint, and 600-bit numbers for the last comparison.
#pragma once

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "certify/bounds/analysis.hpp"
#include "certify/numbers/enclosed.hpp"
#include "tests/certify/exact.hpp"

namespace checker_model {

__extension__ using Int128 = __int128;

inline double to_double(Int128 x) { return static_cast<double>(x); }

inline Int128 parse(const std::string& text) {
  Int128 value = 0;
  for (const char c : text) {
    value = value * 10 + (c - '0');
  }
  return value;
}

/// x * 2^e to the nearest integer, ties to even, exactly.
inline exact::Integer round_to_grid(double x, int e) {
  exact::Rational scaled = exact::rational(x);
  const exact::Integer power = exact::Integer(1) << static_cast<unsigned>(std::abs(e));
  scaled = e >= 0 ? exact::Rational(scaled * power) : exact::Rational(scaled / power);
  const exact::Integer n = numerator(scaled);
  const exact::Integer d = denominator(scaled);
  exact::Integer floor = n / d;
  if (floor * d > n) {
    floor -= 1;
  }
  const exact::Rational rest = scaled - exact::Rational(floor);
  const exact::Rational half(1, 2);
  if (rest > half || (rest == half && floor % 2 != 0)) {
    floor += 1;
  }
  return floor;
}

/// Empty when the checker accepts `upper` for the matrix, otherwise why it refuses. `radius` bounds ||A - centre||_F. Sparse matrices may use the larger
/// Gram matrix (`either_side`): it can have the narrower band.
inline std::string refusal(const lipcert::EnclosedMatrix& a, const exact::Real& radius, const lipcert::GramEvidence& gram, double upper,
                           bool either_side = false) {
  const Int128 limit = static_cast<Int128>(1) << 122;
  if (gram.sA < gram.sR) {
    return "sA < sR";
  }
  const std::size_t n = gram.at_a ? a.columns : a.rows;
  const std::size_t m = gram.at_a ? a.rows : a.columns;
  const auto entry = [&](std::size_t k, std::size_t j) { return gram.at_a ? a.centre[k * a.columns + j] : a.centre[j * a.columns + k]; };
  if (!either_side && n != std::min(a.rows, a.columns)) {
    return "the larger Gram matrix";
  }

  // Ah and its residual.
  std::vector<std::int64_t> ah(m * n);
  exact::Real residual = 0;
  for (std::size_t k = 0; k < m; ++k) {
    for (std::size_t j = 0; j < n; ++j) {
      const double x = entry(k, j);
      std::int64_t h = 0;
      const double scaled = std::ldexp(x, gram.sA);
      if (std::fabs(scaled) < 0x1p52 && std::fabs(scaled) > 0x1p-900) {
        h = static_cast<std::int64_t>(std::nearbyint(scaled));
        const exact::Real rest = exact::Real(scaled) - exact::Real(static_cast<double>(h));
        residual += rest * rest;
      } else {
        const exact::Integer big = round_to_grid(x, gram.sA);
        if (boost::multiprecision::abs(big) >= (exact::Integer(1) << 52)) {
          return "an entry beyond 2^52";
        }
        h = big.convert_to<std::int64_t>();
        const exact::Real rest = ldexp(exact::Real(x), gram.sA) - exact::Real(static_cast<double>(h));
        residual += rest * rest;
      }
      if (h >= (std::int64_t{1} << 52) || h <= -(std::int64_t{1} << 52)) {
        return "an entry beyond 2^52";
      }
      ah[k * n + j] = h;
    }
  }
  residual = ldexp(exact::Real(sqrt(residual)), -gram.sA) * (1 + exact::Real(1e-170)) + radius;

  // C2 I - Ah'Ah
  if (gram.C2.size() > 38) {
    return "C2 beyond 2^126";
  }
  const Int128 c2 = parse(gram.C2);
  if (c2 >= 8 * limit) {
    return "C2 beyond 2^125";
  }
  std::vector<Int128> e(n * n);
  for (std::size_t i = 0; i < n; ++i) {
    for (std::size_t j = i; j < n; ++j) {
      Int128 sum = 0;
      for (std::size_t k = 0; k < m; ++k) {
        sum += static_cast<Int128>(ah[k * n + i]) * ah[k * n + j];
        if (i == j && sum >= limit) {
          return "a column of Ah beyond 2^122";
        }
      }
      e[i * n + j] = (i == j ? c2 : 0) - sum;
    }
  }

  // Hint: textbook Cholesky, row by row; a pivot that is not positive gives a zero row.
  std::vector<double> r(n * n, 0.0);
  for (std::size_t i = 0; i < n; ++i) {
    double pivot = to_double(e[i * n + i]);
    for (std::size_t k = 0; k < i; ++k) {
      pivot -= r[k * n + i] * r[k * n + i];
    }
    if (!(pivot > 0)) {
      continue;
    }
    r[i * n + i] = std::sqrt(pivot);
    for (std::size_t j = i + 1; j < n; ++j) {
      double sum = to_double(e[i * n + j]);
      for (std::size_t k = 0; k < i; ++k) {
        sum -= r[k * n + i] * r[k * n + j];
      }
      r[i * n + j] = sum / r[i * n + i];
    }
  }
  std::vector<std::int64_t> rh(n * n);
  for (std::size_t i = 0; i < n * n; ++i) {
    const double scaled = std::nearbyint(std::ldexp(r[i], gram.sR - gram.sA));
    if (!(std::fabs(scaled) < 0x1p52)) {
      return "an entry of R beyond 2^52";
    }
    rh[i] = static_cast<std::int64_t>(scaled);
  }
  const int shift = 2 * (gram.sA - gram.sR);
  if (shift > 120) {
    return "a shift beyond 120";
  }
  for (std::size_t i = 0; i < n; ++i) {
    for (std::size_t j = i; j < n; ++j) {
      Int128 sum = 0;
      for (std::size_t k = 0; k <= i; ++k) {
        sum += static_cast<Int128>(rh[k * n + i]) * rh[k * n + j];
        if (i == j && sum >= (limit >> shift)) {
          return "a column of Rh beyond 2^122";
        }
      }
      e[i * n + j] -= sum << shift;
    }
  }

  // V = C2 + max(0, max_i (sum_{j != i} |E_ij| - E_ii))
  Int128 worst = 0;
  for (std::size_t i = 0; i < n; ++i) {
    Int128 sum = -e[i * n + i];
    for (std::size_t j = 0; j < n; ++j) {
      if (j != i) {
        const Int128 x = i < j ? e[i * n + j] : e[j * n + i];
        sum += x < 0 ? -x : x;
        if (sum >= 8 * limit) {
          return "a row sum beyond 2^125";
        }
      }
    }
    worst = sum > worst ? sum : worst;
  }
  const Int128 v = c2 + worst;
  exact::Integer v_big = static_cast<std::uint64_t>(v >> 64);
  v_big = (v_big << 64) + static_cast<std::uint64_t>(v & ~std::uint64_t{0});
  const exact::Real bound = ldexp(exact::Real(sqrt(exact::Real(v_big))), -gram.sA) * (1 + exact::Real(1e-170)) + residual;
  if (bound > exact::Real(upper)) {
    return "the recomputed bound exceeds the claim by a factor 1 + " + exact::Real(bound / exact::Real(upper) - 1).str(3);
  }
  return "";
}

}  // namespace checker_model
