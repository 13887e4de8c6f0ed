// The largest norm of the symbol Z(z) = sum_j W_j z^t over the points z^N = 1 or z^N = -1 of each axis, in complex arithmetic.
//
// Lemma P for a Hermitian M: lambda_min(M) >= min_i (E_ii - sum_{j != i} |E_ij|), E = M - R^H R, because R^H R is positive semidefinite. Each frequency is
// dense_norm.cpp once more with complex numbers; |x|_1 = |Re x| + |Im x| takes the place of |x|, because the real and imaginary parts of a product
// together have the magnitudes |x|_1 |y|_1, and |x| <= |x|_1. W is real, so that z and its conjugate give the same norm: one of each pair is looked at.
// Point k is exp(2 pi i k / N), or exp(2 pi i (2 k + 1) / (2 N)) on a shifted axis; its conjugate is point N - k, or N - k - 1, modulo N.
// The frequencies are independent tasks that share one c^2, the largest estimate; one that needs more takes more. The result does not depend on the
// number of threads.
// Cost of one frequency, n x m with n <= m: 4 n^2 m + 8 n^3 / 3 flops, and at most 24 products (120 where the norm is near the largest); the 24 for each
// of the grids to choose from.

#include <cblas.h>
#include <mpfr.h>

#include <algorithm>
#include <cmath>
#include <complex>
#include <limits>
#include <optional>

#include "certify/norms/conv_parts.hpp"
#include "certify/norms/lanczos.hpp"
#include "certify/numbers/lapack.hpp"
#include "certify/numbers/tiles.hpp"

namespace lipcert {
namespace {

constexpr double infinity = std::numeric_limits<double>::infinity();
using Complex = std::complex<double>;

/// exp(2 pi i a / n), a = 0, ..., n - 1: real and imaginary parts within 2^-54 of the truth. They are numbers of magnitude at most 1, rounded to
/// nearest from values with 200 bits, so that half a unit in the last place is at most 2^-54; the error of the 200-bit values is hidden in 2^-53 below.
std::vector<Complex> roots_of_unity(std::uint64_t n) {
  std::vector<Complex> roots(n);
  mpfr_t angle;
  mpfr_t sine;
  mpfr_t cosine;
  mpfr_init2(angle, 200);
  mpfr_init2(sine, 200);
  mpfr_init2(cosine, 200);
  for (std::uint64_t a = 0; a < n; ++a) {
    mpfr_const_pi(angle, MPFR_RNDN);
    mpfr_mul_ui(angle, angle, 2 * a, MPFR_RNDN);
    mpfr_div_ui(angle, angle, n, MPFR_RNDN);
    mpfr_sin_cos(sine, cosine, angle, MPFR_RNDN);
    roots[a] = {mpfr_get_d(cosine, MPFR_RNDN), mpfr_get_d(sine, MPFR_RNDN)};
  }
  mpfr_clear(cosine);
  mpfr_clear(sine);
  mpfr_clear(angle);
  return roots;
}

// The product of up to three such roots, as computed, against the exact one. Each factor is within u = 2^-53 (sqrt 2 times 2^-54, and a little),
// hence at most 1 + u in magnitude; a complex product of numbers near 1 adds at most 2 sqrt 2 u (each part: two products and a sum of magnitude at most
// 1, three roundings of at most u/2 .. u; fused or not). e_1 = u, e_2 < u + u + 2.9 u < 5 u, e_3 < 5 u + u + 2.9 u < 9 u < 2^-49.
constexpr double root_error = 0x1p-49;

/// The kernel of one group, tap by tap, so that B (below) is a sum of taps times roots.
struct Taps {
  std::size_t rows = 0;     // of B: the longer side of Z
  std::size_t columns = 0;  // of B: the order of the Gram matrix
  std::size_t inputs = 0;
  std::size_t outputs = 0;
  bool at_a = true;         // B = Z; otherwise B = Z' (the transpose, whose norm is the same)
  std::vector<std::size_t> phase;                  // of each tap
  std::vector<std::array<std::uint64_t, 3>> power;  // t of each tap
  std::vector<std::vector<double>> weights;        // [group]: tap by tap, inputs x outputs or outputs x inputs
};

/// The phases dil j mod s that have taps, ascending. The other columns of Z are zero and are left out.
std::vector<std::size_t> phases_of(const ConvolutionAxis& axis) {
  std::vector<std::size_t> phases;
  for (std::uint64_t j = 0; j < std::min(axis.kernel, axis.stride); ++j) {
    phases.push_back(axis.dilation * j % axis.stride);
  }
  std::sort(phases.begin(), phases.end());
  phases.erase(std::unique(phases.begin(), phases.end()), phases.end());
  return phases;
}

Taps taps_of(const Convolution& c, int exponent) {
  Taps taps;
  const auto [outputs, inputs] = symbol_shape(c);
  taps.at_a = inputs <= outputs;
  taps.rows = std::max(inputs, outputs);
  taps.columns = std::min(inputs, outputs);
  taps.inputs = c.inputs;
  taps.outputs = c.outputs;
  std::size_t count = 1;
  std::vector<std::vector<std::size_t>> place_of_phase;  // of each axis; phases without taps have no place
  for (const ConvolutionAxis& axis : c.axes) {
    count *= axis.kernel;
    place_of_phase.push_back(phases_of(axis));
  }
  for (std::size_t tap = 0; tap < count; ++tap) {
    std::size_t rest = tap;
    std::size_t phase = 0;
    std::size_t scale = 1;
    std::array<std::uint64_t, 3> power{};
    for (std::size_t l = c.axes.size(); l-- > 0;) {
      const ConvolutionAxis& axis = c.axes[l];
      const std::uint64_t j = rest % axis.kernel;
      rest /= axis.kernel;
      const std::vector<std::size_t>& places = place_of_phase[l];
      phase += scale * static_cast<std::size_t>(std::lower_bound(places.begin(), places.end(), axis.dilation * j % axis.stride) - places.begin());
      scale *= places.size();
      power[l] = axis.dilation * j / axis.stride;
    }
    taps.phase.push_back(phase);
    taps.power.push_back(power);
  }
  taps.weights.resize(c.groups);
  for (std::size_t g = 0; g < c.groups; ++g) {
    taps.weights[g].resize(count * c.inputs * c.outputs);
    for (std::size_t o = 0; o < c.outputs; ++o) {
      for (std::size_t i = 0; i < c.inputs; ++i) {
        for (std::size_t tap = 0; tap < count; ++tap) {
          const std::size_t place = taps.at_a ? i * c.outputs + o : o * c.inputs + i;
          taps.weights[g][tap * c.inputs * c.outputs + place] = std::ldexp(c.kernel.centre[((g * c.outputs + o) * c.inputs + i) * count + tap], -exponent);
        }
      }
    }
  }
  return taps;
}

/// B at the frequency with these roots, column-major. The columns of Z are ordered phase by phase (an order changes no norm).
void symbol(const Taps& taps, std::size_t group, const std::vector<Complex>& root_of_tap, std::vector<Complex>& b) {
  b.assign(taps.rows * taps.columns, Complex());
  for (std::size_t tap = 0; tap < root_of_tap.size(); ++tap) {
    const double re = root_of_tap[tap].real();
    const double im = root_of_tap[tap].imag();
    const double* weight = &taps.weights[group][tap * taps.inputs * taps.outputs];
    // at_a: columns are (phase, input), rows outputs. Otherwise columns are outputs, rows (phase, input).
    const std::size_t columns = taps.at_a ? taps.inputs : taps.outputs;
    const std::size_t rows = taps.at_a ? taps.outputs : taps.inputs;
    for (std::size_t k = 0; k < columns; ++k) {
      const std::size_t at = taps.at_a ? (taps.phase[tap] * taps.inputs + k) * taps.rows : k * taps.rows + taps.phase[tap] * taps.inputs;
      auto* entry = reinterpret_cast<double*>(&b[at]);
      for (std::size_t r = 0; r < rows; ++r) {
        entry[2 * r] += weight[k * rows + r] * re;
        entry[2 * r + 1] += weight[k * rows + r] * im;
      }
    }
  }
}

double magnitude(Complex x) { return std::fabs(x.real()) + std::fabs(x.imag()); }

/// || |X|_1' |X|_1 ||_2 from above for a column-major X (upper triangular: only that part is read): at most the largest row sum of that symmetric
/// nonnegative matrix, and at most the squared Frobenius norm of |X|_1. Infinity when an entry is not finite.
Upper magnitude_product(const std::vector<Complex>& x, std::size_t rows, std::size_t columns, bool upper_triangular) {
  std::vector<double> by_row(rows, 0.0);
  double squares = 0;
  for (std::size_t j = 0; j < columns; ++j) {
    for (std::size_t i = 0; i < (upper_triangular ? j + 1 : rows); ++i) {
      const double m = magnitude(x[j * rows + i]);
      by_row[i] += m;
      squares += m * m;
    }
  }
  double largest = 0;
  for (std::size_t j = 0; j < columns; ++j) {
    double sum = 0;
    for (std::size_t i = 0; i < (upper_triangular ? j + 1 : rows); ++i) {
      sum += magnitude(x[j * rows + i]) * by_row[i];
    }
    largest = std::isnan(sum) ? infinity : std::max(largest, sum);
  }
  // One rounding in each |.|_1, at most `columns` additions in by_row and `rows` in sum, one product; rows * columns additions of squares.
  const Upper one = Upper::exact(1);
  const Upper product = Upper::exact(largest) * (one + gamma(rows + columns + 8));
  return product.finite() ? min(product, Upper::exact(squares) * (one + gamma(rows * columns + 8))) : product;
}

/// Largest eigenvalue of B^H B (an estimate), by products with B.
RitzPair estimate(const std::vector<Complex>& b, std::size_t rows, std::size_t columns, std::size_t steps, std::uint64_t seed) {
  std::vector<Complex> image(rows);
  const Complex one = 1;
  const Complex zero = 0;
  // In R^2n the Hermitian matrix is a symmetric one with the same eigenvalues.
  return lanczos(2 * columns, std::min(steps, 2 * columns), seed, [&](const double* x, double* y) {
    cblas_zgemv(CblasColMajor, CblasNoTrans, blas_int(rows), blas_int(columns), &one, b.data(), blas_int(rows), x, 1, &zero, image.data(), 1);
    cblas_zgemv(CblasColMajor, CblasConjTrans, blas_int(rows), blas_int(columns), &one, b.data(), blas_int(rows), image.data(), 1, &zero, y, 1);
  });
}

/// M = fl(c2 I - G) into the upper triangle of `out`; off the diagonal exact, on it one rounding. Columns [from, to).
void load_shifted(const std::vector<Complex>& g, std::size_t n, double c2, std::vector<Complex>& out) {
  out.resize(n * n);
  for (std::size_t j = 0; j < n; ++j) {
    for (std::size_t i = 0; i < j; ++i) {
      out[j * n + i] = -g[j * n + i];
    }
    out[j * n + j] = c2 - g[j * n + j].real();
    std::fill(out.begin() + static_cast<std::ptrdiff_t>(j * n + j + 1), out.begin() + static_cast<std::ptrdiff_t>((j + 1) * n), Complex());
  }
}

/// ||B||^2 from above with this c2; infinity when the factorisation fails. `work`: R, then E.
Upper prove(const std::vector<Complex>& g, std::size_t n, double c2, Upper gram_error, std::vector<Complex>& r, std::vector<Complex>& e) {
  if (!std::isfinite(c2)) {
    return Upper::exact(infinity);
  }
  load_shifted(g, n, c2, r);
  const int order = blas_int(n);
  int info = 0;
  zpotrf_("U", &order, r.data(), &order, &info);
  if (info != 0) {
    return Upper::exact(infinity);
  }
  const Upper x = magnitude_product(r, n, n, true);
  load_shifted(g, n, c2, e);
  const Complex minus_one = -1;
  const Complex one = 1;
  const std::size_t tile = tile_size(n);
  std::vector<double> sums(n, 0.0);
  double diagonal = 0;
  for (std::size_t j = 0; j < n; ++j) {
    diagonal = std::max(diagonal, std::fabs(e[j * n + j].real()));
  }
  for (std::size_t j = 0; j < n; j += tile) {
    const int columns = blas_int(std::min(tile, n - j));
    for (std::size_t i = 0; i <= j; i += tile) {
      const std::size_t rows = std::min(tile, n - i);
      const int inner = blas_int(i + rows);  // R is zero below
      if (i == j) {
        cblas_zherk(CblasColMajor, CblasUpper, CblasConjTrans, columns, inner, -1, &r[j * n], order, 1, &e[j * n + j], order);
      } else {
        cblas_zgemm(CblasColMajor, CblasConjTrans, CblasNoTrans, blas_int(rows), columns, inner, &minus_one, &r[i * n], order, &r[j * n], order, &one,
                    &e[j * n + i], order);
      }
    }
  }
  for (std::size_t j = 0; j < n; ++j) {
    for (std::size_t i = 0; i < j; ++i) {
      const double m = magnitude(e[j * n + i]);
      sums[i] += m;
      sums[j] += m;
    }
    sums[j] += magnitude(e[j * n + j]);
  }
  double largest = 0;
  for (const double sum : sums) {
    largest = std::isnan(sum) ? infinity : std::max(largest, sum);
  }
  if (!x.finite() || !(largest < infinity)) {
    return Upper::exact(infinity);
  }
  // As in dense_norm.cpp. Real and imaginary part of an entry of Eh = fl(M - R^H R) sum at most 2n + 1 real terms each, and the magnitudes of all of
  // them together are at most (|M|_1 + |R|_1'|R|_1)_ij: |Eh - Ec|_1 <= gamma_{2n+1} (|M|_1 + |R|_1'|R|_1), with |M|_1 <= |R|_1'|R|_1 + |Eh|_1 +
  // |Eh - Ec|_1, so || |Eh - Ec|_1 ||_2 <= gamma_{2n+5} (2.1 X + 2 ||Eh||). Four more roundings are allowed for the multiplication by the complex
  // number -1. ||Eh||_2 is at most the largest row sum of |Eh|_1, summed in n additions and one for each |.|_1.
  const Upper eh = Upper::exact(largest) * (Upper::exact(1) + gamma(n + 8));
  return Upper::exact(c2) + eh + gamma(2 * n + 9) * (Upper::exact(2.125) * x + Upper::exact(2) * eh) + Upper::exact(2 * unit_roundoff) * Upper::exact(diagonal) +
         gram_error + Upper::exact(0x1p-800);
}

/// ||B||^2 from above; c2: where to begin.
Upper bound_frequency(const std::vector<Complex>& b, const Taps& taps, double c2, double excess, std::uint64_t seed) {
  const std::size_t n = taps.columns;
  const std::size_t m = taps.rows;
  const auto* parts = reinterpret_cast<const double*>(b.data());
  const Upper frobenius = sum_of_squares(parts, 2 * b.size()) + Upper::exact(0x1p-800);
  if (n == 1) {
    return frobenius;  // a single row or column: its length
  }
  std::vector<Complex> g(n * n);
  cblas_zherk(CblasColMajor, CblasUpper, CblasConjTrans, blas_int(n), blas_int(m), 1, b.data(), blas_int(m), 0, g.data(), blas_int(n));
  // |G - B^H B|_1 <= gamma_{2m} |B|_1'|B|_1 as for the residual; four more roundings for the multiplication by 1.
  const Upper eg = gamma(2 * m + 4) * magnitude_product(b, m, n, false);
  std::vector<Complex> r;
  std::vector<Complex> e;
  Upper squared = prove(g, n, c2, eg, r, e);
  if (!squared.finite()) {
    // The common c2 is too small here: the first look at this frequency was wrong.
    const double theta = std::max(c2, estimate(b, m, n, 120, seed).value);
    for (int attempt = 0; attempt < 40 && !squared.finite(); ++attempt, excess *= 4) {
      squared = prove(g, n, theta * (1 + excess), eg, r, e);
    }
  }
  return squared.finite() ? min(squared, frobenius) : frobenius;
}

/// Flat numbers of the frequencies of which one of each conjugate pair is kept.
std::vector<std::uint64_t> half_of(const std::vector<std::uint64_t>& grid, const std::vector<std::uint64_t>& shift) {
  std::uint64_t count = 1;
  for (const std::uint64_t n : grid) {
    count *= n;
  }
  std::vector<std::uint64_t> kept;
  for (std::uint64_t f = 0; f < count; ++f) {
    std::uint64_t rest = f;
    std::uint64_t conjugate = 0;
    std::uint64_t scale = 1;
    for (std::size_t l = grid.size(); l-- > 0;) {
      conjugate += scale * ((2 * grid[l] - rest % grid[l] - shift[l]) % grid[l]);
      scale *= grid[l];
      rest /= grid[l];
    }
    if (f <= conjugate) {
      kept.push_back(f);
    }
  }
  return kept;
}

/// z^t of each tap at frequency f; `table`: the roots of unity of order 2 N of each axis.
std::vector<Complex> roots_of_taps(const Taps& taps, const std::vector<std::uint64_t>& grid, const std::vector<std::uint64_t>& shift,
                                   const std::vector<std::vector<Complex>>& table, std::uint64_t f) {
  std::array<std::uint64_t, 3> frequency{};  // in units of pi / N
  for (std::size_t l = grid.size(); l-- > 0;) {
    frequency[l] = 2 * (f % grid[l]) + shift[l];
    f /= grid[l];
  }
  std::vector<Complex> roots;
  roots.reserve(taps.power.size());
  for (const std::array<std::uint64_t, 3>& power : taps.power) {
    Complex root = table[0][frequency[0] * power[0] % (2 * grid[0])];
    for (std::size_t l = 1; l < grid.size(); ++l) {
      const Complex other = table[l][frequency[l] * power[l] % (2 * grid[l])];
      root = {root.real() * other.real() - root.imag() * other.imag(), root.real() * other.imag() + root.imag() * other.real()};
    }
    roots.push_back(root);
  }
  return roots;
}

/// One of each conjugate pair of a grid.
struct Points {
  std::vector<std::uint64_t> shift;
  std::vector<std::uint64_t> frequencies;
};

/// What a short look at every frequency and group says: ||B||^2 at about theta, within `uncertain`; the largest part of an entry of B.
struct Guesses {
  Points points;
  std::vector<double> theta;
  std::vector<double> uncertain;
  std::vector<double> largest;
  double highest = 0;
};

/// Flops at one frequency: of a guess, and of the proof.
struct FrequencyFlops {
  double look = 0;
  double proof = 0;
};

FrequencyFlops flops_of_frequency(const Convolution& c) {
  const auto [outputs, inputs] = symbol_shape(c);
  const double n = static_cast<double>(std::min(outputs, inputs));
  const double m = static_cast<double>(std::max(outputs, inputs));
  double taps = 1;
  for (const ConvolutionAxis& axis : c.axes) {
    taps *= static_cast<double>(axis.kernel);
  }
  const double symbol = 4 * taps * static_cast<double>(c.inputs * c.outputs);
  return {symbol + 16 * n * m * std::min(24.0, 2 * n) + 1000, symbol + 4 * n * n * m + 8.0 / 3 * n * n * n + 1000};
}

}  // namespace

std::array<std::size_t, 2> symbol_shape(const Convolution& c) {
  std::size_t inputs = c.inputs;
  for (const ConvolutionAxis& axis : c.axes) {
    inputs *= phases_of(axis).size();
  }
  return {c.outputs, inputs};
}

double symbol_flops(const Convolution& c, const std::vector<std::uint64_t>& grid, std::size_t shifts) {
  double frequencies = 1;
  for (const std::uint64_t n : grid) {
    frequencies *= static_cast<double>(n);
  }
  const FrequencyFlops flops = flops_of_frequency(c);
  return std::ceil((frequencies + 1) / 2) * static_cast<double>(c.groups) * (static_cast<double>(shifts) * flops.look + flops.proof);
}

SymbolBound bound_symbol(const Convolution& c, const std::vector<std::uint64_t>& grid, const std::vector<std::vector<std::uint64_t>>& shifts, WorkerPool& pool,
                         std::uint64_t seed) {
  double largest_weight = 0;
  for (const double w : c.kernel.centre) {
    largest_weight = std::max(largest_weight, std::fabs(w));
  }
  int exponent = 0;
  static_cast<void>(std::frexp(largest_weight, &exponent));
  const Taps taps = taps_of(c, exponent);
  std::vector<std::vector<Complex>> table;
  for (const std::uint64_t n : grid) {
    table.push_back(roots_of_unity(2 * n));
  }
  const FrequencyFlops flops = flops_of_frequency(c);
  const std::size_t chunk = static_cast<std::size_t>(std::clamp(2e6 / (flops.look + flops.proof), 1.0, 4096.0));
  const auto for_each_item = [&](const Points& points, double flops_of_item, const std::function<void(std::size_t item, const std::vector<Complex>& b)>& work) {
    const std::size_t items = points.frequencies.size() * c.groups;
    for_each(pool, (items + chunk - 1) / chunk, flops_of_item * static_cast<double>(items), [&](std::size_t number) {
      std::vector<Complex> b;
      for (std::size_t item = number * chunk; item < std::min(items, (number + 1) * chunk); ++item) {
        symbol(taps, item % c.groups, roots_of_taps(taps, grid, points.shift, table, points.frequencies[item / c.groups]), b);
        work(item, b);
      }
    });
  };

  // Guesses: a short look at every frequency of every grid, then a long one, on the grid where the largest is least, where that came near the largest.
  std::optional<Guesses> best;
  for (const std::vector<std::uint64_t>& shift : shifts) {
    Guesses guesses{{shift, half_of(grid, shift)}, {}, {}, {}, 0};
    const std::size_t items = guesses.points.frequencies.size() * c.groups;
    guesses.theta.resize(items, 0.0);
    guesses.uncertain.resize(items, 0.0);
    guesses.largest.resize(items, 0.0);
    for_each_item(guesses.points, flops.look, [&](std::size_t item, const std::vector<Complex>& b) {
      double squares = 0;
      for (const Complex& entry : b) {
        guesses.largest[item] = std::max({guesses.largest[item], std::fabs(entry.real()), std::fabs(entry.imag())});
        squares += std::norm(entry);
      }
      if (taps.columns > 1) {
        const RitzPair ritz = estimate(b, taps.rows, taps.columns, 24, seed);
        guesses.theta[item] = std::isfinite(ritz.value) ? ritz.value : 0;
        guesses.uncertain[item] = std::isfinite(ritz.residual) ? ritz.residual : 0;
      } else {
        guesses.theta[item] = squares;
      }
    });
    guesses.highest = *std::max_element(guesses.theta.begin(), guesses.theta.end());
    if (!best || guesses.highest < best->highest) {
      best = std::move(guesses);
    }
  }
  const Guesses& chosen = *best;
  const std::size_t items = chosen.theta.size();
  std::vector<double> refined(items, 0.0);
  for_each_item(chosen.points, flops.look, [&](std::size_t item, const std::vector<Complex>& b) {
    if (taps.columns > 1 && chosen.uncertain[item] > 0x1p-43 * chosen.theta[item] && chosen.theta[item] + chosen.uncertain[item] >= chosen.highest) {
      const double value = estimate(b, taps.rows, taps.columns, 120, seed).value;
      refined[item] = std::isfinite(value) ? value : 0;
    }
  });
  const double common = std::max(chosen.highest, *std::max_element(refined.begin(), refined.end()));
  const double order = 2 * static_cast<double>(taps.columns);
  const double excess = 0x1p-42 + order * order * 0x1p-58;
  std::vector<Upper> squared(items);
  for_each_item(chosen.points, flops.proof,
                [&](std::size_t item, const std::vector<Complex>& b) { squared[item] = bound_frequency(b, taps, common * (1 + excess), excess, seed); });

  SymbolBound result;
  result.shift = chosen.points.shift;
  Upper most;
  for (std::size_t item = 0; item < items; ++item) {
    most = max(most, squared[item]);
    result.largest = std::max(result.largest, chosen.largest[item]);
  }
  for (std::size_t g = 0; g < c.groups; ++g) {
    Upper sum;
    const std::size_t size = c.inputs * c.outputs;
    for (std::size_t tap = 0; tap < taps.power.size(); ++tap) {
      sum = sum + norm_above(&taps.weights[g][tap * size], size);
    }
    result.tap_norms = max(result.tap_norms, sum);
  }
  // Z against what was computed of it: the roots are off by root_error each (triangle inequality, tap by tap), and the sum of at most `taps` rounded
  // products in each part is off by gamma_taps sum |W_j| (|Re z| + |Im z|) <= 1.5 gamma_taps sum |W_j|.
  const Upper error = (Upper::exact(root_error) + Upper::exact(1.5) * gamma(taps.power.size() + 2)) * result.tap_norms + Upper::exact(0x1p-900);
  result.norm = (sqrt(most) + error).scaled(exponent);
  result.tap_norms = result.tap_norms.scaled(exponent);
  result.largest = std::ldexp(result.largest, exponent);
  return result;
}

}  // namespace lipcert
