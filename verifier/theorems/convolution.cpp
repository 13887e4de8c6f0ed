// See convolution.hpp.
//
// Setting. y[o,i] = sum_{c,j} W[o,c,j] x~[c, s i + dil j - p], i in [0, n_out), x~ = x on [0, n) and 0 outside, axis by axis. Put q = s i +
// dil j: x[s'], s' = q - p, stands at q in S = [p, p + n). Tap j has phase r = dil j mod s and power t = floor(dil j / s), so q = s (i + t)
// + r.
//
// Theorem conv-frequency-grid. Let M = s N, and sigma a number of modulus 1 for each axis. C maps the sequences X on the whole line with
// X[q + M] = sigma X[q] to y[i] = sum W_j X[s i + dil j], for which y[i + N] = sigma y[i]. Norms are taken over a period, M places or N
// outputs; where it begins does not matter, since |sigma| = 1. X is a sum over the N solutions of z^N = sigma of X_z[s b + r] = z^b u_z[r],
// and C X_z is z^i Z(z) u_z. The z^b of two solutions are orthogonal over a period, because their quotient is an N-th root of unity other
// than 1. Hence ||C|| = max ||Z(z)|| over z^N = sigma. Several axes: the same for each, z^N = sigma axis by axis.
// zero (and copies, for x~ in the place of x): let M >= n + p and M >= max Q - p + 1, Q = [0, s (n_out - 1) + dil (k - 1)] the places that
// the taps of the outputs visit. For q' in Q and q in S
//     q - q' <= n + p - 1 < M,    q' - q <= max Q - p < M,
// so that q' = q mod M only if q' = q. Entries of x outside Q are not read; let x be zero there. S and Q have in common at most the n + p
// <= M places [0, n + p): X[q] = sum over m of sigma^m x[q - m M] is well defined and has the norm of x over a period. On Q it is x, since
// q' - m M is in S for m = 0 only; therefore C X is A x at the outputs. An output that is not always zero visits S: p - dil (k - 1) <= s i
// <= s (n_out - 1), and two of these are at most max Q - p < M apart in s i, hence fewer than N in i: they lie in one period. So ||A x|| <=
// ||C X|| <= ||C|| ||x||. Several axes: q' - (m_l M_l)_l must be in S on every axis. sigma is free: here 1 (shift 0) or -1 (shift 1).
// circular: s | n, n_out = n / s and no other padding: the input, rotated, is n-periodic as it stands, and the operator is C with M = n and
// sigma = 1. No other sigma will do.
//
// Theorem conv-bernstein. For unit vectors u, v the function u* Z(z) v of one z_l has degree at most K - 1, K = floor(dil (k - 1) / s) + 1.
// Times z^(-T), T = (K - 1) / 2, it is a trigonometric polynomial of degree T; where its modulus is largest, at theta with value m, its
// part in the direction of that value is at least m cos(T (theta' - theta)) for |theta' - theta| <= pi / T (Bernstein and Szego), and some
// point of the grid has |theta' - theta| <= pi / N, as the N solutions of z^N = 1 or of z^N = -1 are equally spaced. So m <= max over the
// grid / cos(T pi / N) if T pi / N < pi / 2; one axis after the other. sup ||Z|| bounds every size, and circular axes as above.
//
// Theorem conv-reshape. M has rows (o, j_l for l in R) and columns (c, the other j_l). Let X[m_R, i] = (x~[c, m_R, s i + dil j - p])_(c,
// j): an entry of x occurs in X at most once for each j, ||X||^2 <= prod_(not R) k ||x||^2. V = M X. y[o,i] is the sum of V[s i_R + dil j_R
// - p_R, i][o, j_R] over j_R, prod_R k terms, and an entry of V belongs to one y: ||y||^2 <= prod_R k ||V||^2. So ||A|| <= sqrt(prod k)
// ||M||.
//
// copies: x -> x~ has norm at most sqrt(c), c the largest number of copies of one entry, for each axis.
//
// Errors. The kernel is rounded to a grid: W = Wg + D, ||D||_F <= residual + radius. The power z^t is replaced by f, |f - z^t| <= eps: with
// e the error of the roots, |ab - fg| <= |a - f| |g| + |a| |b - g| <= e_f (1 + e_g) + e_g for each product, and at most 2^-60 for its
// rounding (half a unit in each part). An entry of Z is a sum of at most T terms (T taps have the same phase), so by Cauchy and Schwarz the
// Frobenius norm of the error of Z is at most eps sqrt(T) ||Wg||_F + sqrt(T) (residual + radius). The sum of Wg f is exact in 128 bits:
// |Wg| <= 2^51 and |f| < 2^60 + 2^31 (from eps < 2^-30, checked), at most 2^14 terms: below 2^126. It is rounded once, to the grid 2^-sA:
// half a unit in each part.
// ||A|| does not exceed 2^-sA ||Ah|| plus these.
// W is real, so that Z at the conjugate point is the conjugate matrix, with the same norm: one of the two suffices. With zeta the primitive root of the table, of order N (shift 0) or 2 N (shift 1), the points are
// zeta^k or zeta^(2 k + 1), 0 <= k < N, because zeta^N = -1 for the second; the conjugate of point k is point -k, or -k - 1, mod N.
//
// Cost for each of about prod N / 2 frequencies, m x n: 2 m n^2 and 2 n^3 / 3 multiplications in three slices (verifier/theorems/spectral.cpp).
#include "verifier/theorems/convolution.hpp"

#include <algorithm>
#include <map>
#include <mutex>
#include <optional>

#include "verifier/base/failure.hpp"
#include "verifier/base/parallel.hpp"
#include "verifier/theorems/roots.hpp"

namespace lipverify {

namespace {

constexpr std::uint64_t kLength = std::uint64_t{1} << 31;       // of an axis, a stride, a grid
constexpr std::uint64_t kPerFrequency = std::uint64_t{1} << 19;  // multiplications: about 0.1 ms
constexpr std::uint64_t kFrequencies = std::uint64_t{1} << 26;  // of a grid
constexpr std::uint64_t kTerms = std::uint64_t{1} << 14;        // taps of one phase
constexpr std::uint64_t kBytes = std::uint64_t{8} << 30;        // of all threads together

const char* name_of(ConvAxis::Kind kind) {
  return kind == ConvAxis::Kind::zero ? "zero" : kind == ConvAxis::Kind::circular ? "circular" : "copies";
}

std::uint64_t taps_of(const ConvKernel& kernel) {
  std::uint64_t taps = 1;
  for (const ConvAxis& axis : kernel.axes) taps *= axis.kernel;
  return taps;
}

void check_structure(const ConvKernel& kernel) {
  const auto fits = [](std::uint64_t value) { return value >= 1 && value < kLength; };
  bool ok = !kernel.axes.empty() && kernel.axes.size() <= 3 && fits(kernel.groups) && fits(kernel.outputs) && fits(kernel.inputs);
  std::uint64_t taps = 1;
  for (const ConvAxis& axis : kernel.axes) {
    ok = ok && fits(axis.input) && fits(axis.padded) && fits(axis.output) && fits(axis.kernel) && fits(axis.stride) &&
         fits(axis.dilation) && fits(axis.copies) && axis.pad > -static_cast<std::int64_t>(kLength) &&
         axis.pad < static_cast<std::int64_t>(kLength) && axis.kernel * axis.dilation < kLength;
    if (ok) taps *= axis.kernel;
    ok = ok && taps < kLength;
  }
  ok = ok && kernel.taps.rows == kernel.groups * kernel.outputs && kernel.taps.columns == kernel.inputs * taps &&
       kernel.taps.centre.size() == kernel.taps.rows * kernel.taps.columns && kernel.taps.radius >= 0;
  if (!ok) exhausted("a convolution with lengths that do not fit together, or beyond the limits of this checker");
}

std::string place(std::size_t axis) {
  return "axis " + std::to_string(axis) + ": ";
}

void check_kinds(const ConvKernel& kernel, const ConvEvidence& evidence) {
  if (evidence.axes.size() != kernel.axes.size()) reject("the evidence must name the kind of each axis of the convolution");
  for (std::size_t l = 0; l < kernel.axes.size(); ++l)
    if (evidence.axes[l] != name_of(kernel.axes[l].kind))
      reject(place(l) + "the evidence calls it '" + evidence.axes[l] + "', but it is treated as '" + name_of(kernel.axes[l].kind) + "'");
}

/// Conditions on one axis of conv-frequency-grid and conv-bernstein.
void check_axis(const ConvAxis& axis, std::uint64_t N, std::uint64_t shift, bool bernstein, std::size_t l) {
  const auto s = static_cast<std::int64_t>(axis.stride);
  const auto reach = static_cast<std::int64_t>(axis.dilation * (axis.kernel - 1));
  const auto last = s * (static_cast<std::int64_t>(axis.output) - 1) + reach;  // max Q; below 2^63
  if (N == 0 || N >= kLength) reject(place(l) + "a grid of " + std::to_string(N) + " points is out of range");
  if (shift > 1) reject(place(l) + "a grid is shifted by 0 or 1");
  if (axis.kind == ConvAxis::Kind::circular) {
    if (shift != 0) reject(place(l) + "the grid of a circular axis is not shifted");
    if (axis.pad != 0 || last >= static_cast<std::int64_t>(axis.padded)) reject(place(l) + "the convolution pads a circular axis itself");
    if (axis.input % axis.stride != 0 || axis.output != axis.input / axis.stride)
      reject(place(l) + "a circular axis needs a length that the stride divides, and as many outputs as the quotient");
  }
  if (bernstein) {
    if (N <= static_cast<std::uint64_t>(reach / s))
      reject(place(l) + "a grid of " + std::to_string(N) + " points is too coarse for the kernel");
  } else if (axis.kind == ConvAxis::Kind::circular) {
    if (N != axis.input / axis.stride) reject(place(l) + "the grid of a circular axis must have as many points as the axis has outputs");
  } else {
    const auto n = static_cast<std::int64_t>(axis.kind == ConvAxis::Kind::copies ? axis.padded : axis.input);
    const std::int64_t needed = std::max(n + axis.pad, last - axis.pad + 1);
    if (s * static_cast<std::int64_t>(N) < needed)
      reject(place(l) + "a grid of " + std::to_string(N) + " points with stride " + std::to_string(s) +
             " is too short: " + std::to_string(needed) + " positions are needed");
  }
}

/// At least the product of sqrt(copies).
Rational copies_factor(const ConvKernel& kernel) {
  Integer copies = 1;
  for (const ConvAxis& axis : kernel.axes)
    if (axis.kind == ConvAxis::Kind::copies) copies *= axis.copies;
  return copies == 1 ? Rational(1) : sqrt_above(Rational(copies));
}

/// At most cos(pi (K - 1) / (2 N)): the cosine falls on [0, pi], and its Taylor polynomial that ends with a negative term lies below it.
Rational cosine_below(std::uint64_t taps, std::uint64_t N) {
  static const Rational pi_above(Integer("31415926535897932384626433832795028842"), boost::multiprecision::pow(Integer(10), 37));
  const Rational angle = pi_above * static_cast<std::int64_t>(taps - 1) / static_cast<std::int64_t>(2 * N);
  const Rational squared = angle * angle;
  // Rounded up on a grid of 2^-256, so that the numbers of the polynomial stay short.
  const Integer numerator = (boost::multiprecision::numerator(squared) << 256) / boost::multiprecision::denominator(squared) + 1;
  const Rational y = scaled(numerator, -256);
  Rational sum = 0;  // Horner's scheme for sum_{m <= 21} (-y)^m / (2 m)!
  for (std::int64_t m = 21; m >= 1; --m) sum = (1 - sum) * y / (2 * m * (2 * m - 1));
  return 1 - sum;
}

/// One tap: its power of z on each axis, its column of Z within the columns of one input channel.
struct Tap {
  std::vector<std::uint64_t> power;
  std::size_t phase = 0;
};

struct Phases {
  std::vector<Tap> taps;
  std::size_t count = 0;  // phases that have taps: the others are columns of zeros
  std::size_t terms = 0;  // taps of one phase, at most
};

Phases phases_of(const ConvKernel& kernel) {
  Phases out;
  const std::uint64_t taps = taps_of(kernel);
  std::map<Integer, std::size_t> names;
  std::vector<std::size_t> terms;
  for (std::uint64_t j = 0; j < taps; ++j) {
    Tap tap;
    tap.power.resize(kernel.axes.size());
    std::uint64_t rest = j;
    Integer name = 0;
    for (std::size_t l = kernel.axes.size(); l-- > 0;) {
      const ConvAxis& axis = kernel.axes[l];
      const std::uint64_t q = axis.dilation * (rest % axis.kernel);
      rest /= axis.kernel;
      tap.power[l] = q / axis.stride;
      name = name * axis.stride + q % axis.stride;
    }
    tap.phase = names.try_emplace(name, names.size()).first->second;
    terms.resize(names.size());
    ++terms[tap.phase];
    out.taps.push_back(std::move(tap));
  }
  out.count = names.size();
  out.terms = *std::max_element(terms.begin(), terms.end());
  return out;
}

/// |f - true value| <= error for every f of this kind, in units of 1.
struct Factor {
  std::int64_t re = 0;
  std::int64_t im = 0;
};

std::int64_t rounded(Int128 value, unsigned shift) {  // to nearest; shift >= 1; the result fits
  const Int128 half = static_cast<Int128>(1) << (shift - 1);
  return static_cast<std::int64_t>((value + half) >> shift);
}

/// What the frequencies have in common.
struct Symbol {
  const ConvKernel& kernel;
  const GramEvidence& gram;
  Phases phases;
  std::vector<std::int64_t> taps;  // on the grid 2^-scale
  int scale = 0;
  std::vector<std::vector<Factor>> roots;  // of each axis: all powers of a root of order N, or 2 N on a shifted grid
  std::vector<std::uint64_t> shift;

  [[nodiscard]] std::size_t rows() const { return kernel.outputs; }
  [[nodiscard]] std::size_t columns() const { return kernel.inputs * phases.count; }
};

/// z^t for every tap, z point number `frequency` of the grid.
std::vector<Factor> factors_at(const Symbol& symbol, const std::vector<std::uint64_t>& frequency) {
  std::vector<Factor> factors;
  for (const Tap& tap : symbol.phases.taps) {
    std::optional<Factor> product;
    for (std::size_t l = 0; l < tap.power.size(); ++l) {
      const std::uint64_t order = symbol.roots[l].size();
      const std::uint64_t exponent = symbol.shift[l] == 1 ? 2 * frequency[l] + 1 : frequency[l];
      const Factor& z = symbol.roots[l][(tap.power[l] % order) * exponent % order];
      if (!product) {
        product = z;
        continue;
      }
      const Factor f = *product;
      product = Factor{rounded(static_cast<Int128>(f.re) * z.re - static_cast<Int128>(f.im) * z.im, 60),
                       rounded(static_cast<Int128>(f.re) * z.im + static_cast<Int128>(f.im) * z.re, 60)};
    }
    factors.push_back(*product);
  }
  return factors;
}

/// value * 2^-shift to the nearest integer; false when it is not below 2^52.
bool to_grid(Int128 value, std::int64_t shift, std::int64_t& out) {
  if (shift <= 0) {
    if (value == 0) {
      out = 0;
      return true;
    }
    if (shift < -52 || value <= -static_cast<Int128>(kEntryLimit) || value >= static_cast<Int128>(kEntryLimit)) return false;
    value *= static_cast<Int128>(1) << -shift;
  } else if (shift >= 127) {
    value = 0;  // |value| < 2^126
  } else {
    value = (value + (static_cast<Int128>(1) << (shift - 1))) >> shift;
  }
  if (value <= -static_cast<Int128>(kEntryLimit) || value >= static_cast<Int128>(kEntryLimit)) return false;
  out = static_cast<std::int64_t>(value);
  return true;
}

/// V for one group at one frequency.
Integer symbol_value(const Symbol& symbol, std::uint64_t group, const std::vector<std::uint64_t>& frequency, const Hints& hints,
                     const Engine& engine) {
  const std::vector<Factor> factors = factors_at(symbol, frequency);
  const std::size_t rows = symbol.rows();
  const std::size_t columns = symbol.columns();
  const std::size_t taps = factors.size();
  const std::int64_t shift = static_cast<std::int64_t>(symbol.scale) + 60 - symbol.gram.sA;
  std::vector<std::int64_t> real(rows * columns);
  std::vector<std::int64_t> imaginary(rows * columns);
  std::vector<Int128> re(symbol.phases.count);
  std::vector<Int128> im(symbol.phases.count);
  bool is_real = true;
  const std::int64_t* entry = symbol.taps.data() + group * rows * symbol.kernel.inputs * taps;
  for (std::size_t k = 0; k < rows * symbol.kernel.inputs; ++k, entry += taps) {
    std::fill(re.begin(), re.end(), 0);
    std::fill(im.begin(), im.end(), 0);
    for (std::size_t j = 0; j < taps; ++j) {
      const std::size_t phase = symbol.phases.taps[j].phase;
      re[phase] += static_cast<Int128>(entry[j]) * factors[j].re;
      im[phase] += static_cast<Int128>(entry[j]) * factors[j].im;
    }
    for (std::size_t r = 0; r < symbol.phases.count; ++r) {
      const std::size_t place_of = k * symbol.phases.count + r;  // row o, column (c, r)
      if (!to_grid(re[r], shift, real[place_of]) || !to_grid(im[r], shift, imaginary[place_of]))
        reject("an entry of the symbol does not fit in 52 bits on the grid 2^-sA of the evidence");
      is_real = is_real && imaginary[place_of] == 0;
    }
  }
  const bool at_a = symbol.gram.at_a;
  if ((at_a ? columns : rows) == 1) {
    // E is the number C2 - ||Ah||^2 with Rh = 0, so V is the larger one of C2 and ||Ah||^2.
    Integer sum = 0;
    for (std::size_t k = 0; k < real.size(); ++k)
      sum += integer_of(static_cast<Int128>(real[k]) * real[k] + static_cast<Int128>(imaginary[k]) * imaginary[k]);
    return std::max(sum, symbol.gram.C2);
  }
  const auto view = [&](const std::vector<std::int64_t>& part) {
    return IntegerView{part.data(), at_a ? rows : columns, at_a ? columns : rows, at_a ? columns : 1, at_a ? 1 : columns, false};
  };
  if (is_real) return gram_psd_value(view(real), symbol.gram, hints.factor, engine);
  return hermitian_psd_value(view(real), view(imaginary), symbol.gram, hints.hermitian, engine);
}

/// The largest of count values, on as many threads as the memory of Gram matrices of this order allows; the work left over is shared
/// inside.
template <typename Value>
Integer largest_of(std::size_t count, std::uint64_t order, const Engine& engine, const Value& value) {
  const std::uint64_t bytes = order * order * 120 + (std::uint64_t{1} << 16);
  const auto outer = static_cast<unsigned>(std::clamp<std::uint64_t>(kBytes / bytes, 1, std::max(1U, engine.threads)));
  Engine inner = engine;
  inner.threads = count < engine.threads ? std::max(1U, engine.threads / static_cast<unsigned>(std::max<std::size_t>(count, 1))) : 1;
  if (outer == 1) inner.threads = engine.threads;
  Integer largest = 0;
  std::mutex guard;
  parallel_for(count, outer, [&](std::size_t i) {
    const Integer v = value(i, inner);
    const std::lock_guard<std::mutex> lock(guard);
    if (v > largest) largest = v;
  });
  return largest;
}

Rational frequency_bound(const ConvKernel& kernel, bool bernstein, const ConvEvidence& evidence, const Hints& hints, const Engine& engine) {
  const std::size_t d = kernel.axes.size();
  if (evidence.grid.size() != d) reject("the evidence must give the length of the grid on each axis of the convolution");
  if (evidence.shift.size() != d) reject("the evidence must give the shift of the grid on each axis of the convolution");
  (void)checked_drop(evidence.gram);
  std::uint64_t points = 1;
  for (std::size_t l = 0; l < d; ++l) {
    check_axis(kernel.axes[l], evidence.grid[l], evidence.shift[l], bernstein, l);
    points *= evidence.grid[l];
    if (points > kFrequencies)
      reject("a grid of more than " + std::to_string(kFrequencies) + " frequencies is beyond the limit of this checker");
  }

  Symbol symbol{kernel, evidence.gram, phases_of(kernel), {}, finest_scale(kernel.taps.centre), {}, evidence.shift};
  if (symbol.phases.terms > kTerms)
    reject("a kernel with more than " + std::to_string(kTerms) + " taps of one phase is beyond the limit of this checker");
  // A few numbers in a certificate ask for any number of frequencies: counted before the first, with an overhead for each.
  const Integer rows = symbol.rows(), columns = symbol.columns();
  const Integer cost = Integer(points) * kernel.groups * (Integer(rows * columns * std::min(rows, columns)) / 2 + kPerFrequency);
  if (cost > Integer(engine.work))
    exhausted("a grid of " + std::to_string(points) + " frequencies would cost about " + Integer((cost >> 30) + 1).str() +
              " * 2^30 multiplications, more than the " + std::to_string(engine.work >> 30) + " of --max-work; allow that many if the certificate is worth it");
  GridMatrix grid;
  if (!round_to_grid(kernel.taps.centre, symbol.scale, grid)) exhausted("a kernel does not fit its own grid: a fault of the checker");
  symbol.taps = std::move(grid.entries);

  Rational eps = 0;
  for (std::size_t l = 0; l < d; ++l) {
    const RootTable table = verified_roots(evidence.grid[l] << evidence.shift[l], hints.roots);
    std::vector<Factor> roots;
    for (const Root& root : table.z) roots.push_back({root.re, root.im});
    symbol.roots.push_back(std::move(roots));
    eps = l == 0 ? table.error : Rational(eps * (1 + table.error) + table.error + scaled(Integer(1), -60));
  }
  if (eps >= scaled(Integer(1), -30)) exhausted("the roots of unity are not precise enough: a fault of the checker's hint");

  // One frequency of each conjugate pair.
  std::vector<std::uint32_t> representatives;
  const auto split = [&](std::uint64_t index) {
    std::vector<std::uint64_t> frequency(d);
    for (std::size_t l = d; l-- > 0; index /= evidence.grid[l]) frequency[l] = index % evidence.grid[l];
    return frequency;
  };
  for (std::uint64_t index = 0; index < points; ++index) {
    const std::vector<std::uint64_t> frequency = split(index);
    std::uint64_t conjugate = 0;
    for (std::size_t l = 0; l < d; ++l)
      conjugate = conjugate * evidence.grid[l] + (2 * evidence.grid[l] - frequency[l] - evidence.shift[l]) % evidence.grid[l];
    if (index <= conjugate) representatives.push_back(static_cast<std::uint32_t>(index));
  }

  const std::size_t order = evidence.gram.at_a ? symbol.columns() : symbol.rows();
  const Integer v = largest_of(representatives.size() * kernel.groups, order, engine, [&](std::size_t job, const Engine& inner) {
    return symbol_value(symbol, job % kernel.groups, split(representatives[job / kernel.groups]), hints, inner);
  });

  Rational norm = root_on_grid(v, evidence.gram.sA);
  if (static_cast<std::int64_t>(symbol.scale) + 60 > evidence.gram.sA)  // half a unit in each of 2 rows() columns() parts
    norm += sqrt_above(Rational(Integer(symbol.rows()) * symbol.columns(), Integer(2))) * scaled(Integer(1), -evidence.gram.sA);
  SquareSum taps;
  const std::size_t group = symbol.taps.size() / kernel.groups;
  Rational frobenius = 0;  // of the kernel of one group, at most
  for (std::uint64_t g = 0; g < kernel.groups; ++g) {
    Integer sum = 0;
    UInt128 part = 0;  // 2^20 squares of at most 2^102 at a time
    for (std::size_t k = 0; k < group; ++k) {
      const std::int64_t tap = symbol.taps[g * group + k];
      const auto magnitude = static_cast<std::uint64_t>(tap < 0 ? -tap : tap);
      part += static_cast<UInt128>(magnitude) * magnitude;
      if ((k & 0xFFFFF) == 0xFFFFF || k + 1 == group) {
        sum += integer_of(static_cast<Int128>(part));
        part = 0;
      }
    }
    frobenius = std::max(frobenius, scaled(sqrt_ceiling(sum), -static_cast<std::int64_t>(symbol.scale)));
  }
  norm += sqrt_above(Rational(symbol.phases.terms)) * (eps * frobenius + grid.residual + kernel.taps.radius);
  if (bernstein)
    for (std::size_t l = 0; l < d; ++l) {
      const ConvAxis& axis = kernel.axes[l];
      const Rational cosine = cosine_below(axis.dilation * (axis.kernel - 1) / axis.stride + 1, evidence.grid[l]);
      if (cosine <= 0) reject(place(l) + "a grid of " + std::to_string(evidence.grid[l]) + " points is too coarse for the kernel");
      norm /= cosine;
    }
  return norm;
}

Rational reshape_bound(const ConvKernel& kernel, const ConvEvidence& evidence, const Hints& hints, const Engine& engine) {
  const std::size_t d = kernel.axes.size();
  std::vector<bool> in_rows(d);
  for (std::size_t k = 0; k < evidence.rows.size(); ++k) {
    if (evidence.rows[k] >= d || (k > 0 && evidence.rows[k] <= evidence.rows[k - 1]))
      reject("the axes in the rows of the reshaped kernel must be ascending axes of the convolution");
    in_rows[evidence.rows[k]] = true;
  }
  for (std::size_t l = 0; l < d; ++l)
    if (kernel.axes[l].kind == ConvAxis::Kind::circular) reject(place(l) + "the reshaped kernel bounds axes of kind zero and copies only");

  const std::uint64_t taps = taps_of(kernel);
  std::uint64_t row_taps = 1;
  for (std::size_t l = 0; l < d; ++l)
    if (in_rows[l]) row_taps *= kernel.axes[l].kernel;
  const std::uint64_t column_taps = taps / row_taps;
  std::vector<std::pair<std::uint64_t, std::uint64_t>> split(taps);  // the part of tap j in the row, and in the column
  for (std::uint64_t j = 0; j < taps; ++j) {
    std::uint64_t rest = j;
    std::uint64_t row_unit = 1;
    std::uint64_t column_unit = 1;
    for (std::size_t l = d; l-- > 0; rest /= kernel.axes[l].kernel) {
      std::uint64_t& unit = in_rows[l] ? row_unit : column_unit;
      (in_rows[l] ? split[j].first : split[j].second) += rest % kernel.axes[l].kernel * unit;
      unit *= kernel.axes[l].kernel;
    }
  }
  Rational norm = 0;
  std::mutex guard;
  Engine inner = engine;
  if (kernel.groups > 1) inner.threads = 1;
  parallel_for(kernel.groups, engine.threads, [&](std::size_t g) {
    EnclosedMatrix m{kernel.outputs * row_taps, kernel.inputs * column_taps, {}, kernel.taps.radius};
    m.centre.resize(m.rows * m.columns);
    const Dyadic* entry = kernel.taps.centre.data() + g * kernel.outputs * kernel.inputs * taps;
    for (std::uint64_t o = 0; o < kernel.outputs; ++o)
      for (std::uint64_t c = 0; c < kernel.inputs; ++c)
        for (std::uint64_t j = 0; j < taps; ++j, ++entry)
          m.centre[(o * row_taps + split[j].first) * m.columns + c * column_taps + split[j].second] = *entry;
    const Rational bound = gram_psd_bound(m, evidence.gram, hints.factor, inner);
    const std::lock_guard<std::mutex> lock(guard);
    if (bound > norm) norm = bound;
  });
  return norm * sqrt_above(Rational(taps));
}

}  // namespace

Rational convolution_bound(const ConvKernel& kernel, const std::string& theorem, const ConvEvidence& evidence, const Hints& hints,
                           const Engine& engine) {
  check_structure(kernel);
  check_kinds(kernel, evidence);
  if (theorem == "conv-reshape") return reshape_bound(kernel, evidence, hints, engine) * copies_factor(kernel);
  if (theorem != "conv-frequency-grid" && theorem != "conv-bernstein")
    reject("this version of the checker does not know the theorem '" + theorem + "'");
  return frequency_bound(kernel, theorem == "conv-bernstein", evidence, hints, engine) * copies_factor(kernel);
}

}  // namespace lipverify
