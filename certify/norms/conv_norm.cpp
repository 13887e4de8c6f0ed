// Which theorem bounds a convolution, and what is claimed of it (formats/SPEC.md section 5; mathematics: Sedghi et al. 2019 for the circulant; the
// embedding of zero padding below; Singla and Feizi, ICLR 2021 for the reshapes).
//
// y[i] = sum_j W[j] x[s i + dil j - p] on one axis. Put entry xi of the input at xi + p: output i reads the places s i + dil j. In the circulant of period
// P = s N the same taps read those places modulo P. The operator is the submatrix of outputs 0 .. n_out - 1 and places p .. n + p - 1 when no place that is
// read and no place that holds an entry fall together modulo P without being equal. Places read lie in [0, s (n_out - 1) + dil (k - 1)], entries in
// [p, n + p - 1]: their differences lie between -(n + p - 1) and s (n_out - 1) + dil (k - 1) - p, all of magnitude below P exactly when
//   s N >= n + p and s N >= s (n_out - 1) + dil (k - 1) - p + 1.
// (Entries at negative places are cropped: nobody reads them, their columns are zero. Rows that read only padding are zero; the others, and the columns
// that are read, are then distinct modulo P.) N = n is not enough for zero padding.
// Writing place = s beta + r splits the input into s phases, and the circulant into the Fourier blocks Z(z) at the N-th roots of unity.
//
// Any other N equally spaced points do as well. Multiply output i by e^(-i phi i) and the entry at place s beta + r by e^(i phi beta), unitary diagonal
// matrices on both sides that keep the norm. Where output i reads that place through tap j, s i + dil j = s beta + r, so beta - i = floor(dil j / s) = t, the
// power of that tap, and W[j] becomes W[j] e^(i phi t): of each of the taps that meet at one entry (several axes: of all their products, with phi . t). That
// is again a convolution, with complex taps and the symbol Z(e^(i phi) z), and the embedding above, which asks nothing of the taps, bounds it by the largest
// ||Z|| over z^N = e^(i N phi), with a phi for each axis. For W real, the grids that are closed under conjugation, so that half of them suffices, are
// z^N = 1 (shift 0) and z^N = -1 (phi = pi / N, shift 1). A low-pass kernel has its largest ||Z|| at z = 1, where no vector of finite length is: the
// shifted grid comes down to the norm of such vectors. A circular axis is a circulant already, and its wrap-around entries get another factor than the rest
// unless e^(i N phi) = 1: its shift is 0. `copies`: as for zero padding, on the padded axis.

#include "certify/norms/conv_norm.hpp"

#include <cblas.h>
#include <mpfr.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "certify/norms/conv_parts.hpp"
#include "certify/norms/dense_norm.hpp"
#include "certify/norms/gram_evidence.hpp"
#include "certify/norms/lanczos.hpp"
#include "certify/numbers/tiles.hpp"
#include "formats/encoding/error.hpp"

namespace lipcert {
namespace {

constexpr double infinity = std::numeric_limits<double>::infinity();

// The flop model. The explicit matrix is tight and is taken while it is cheap; the exact grid up to a limit; beyond it a coarser grid with
// Bernstein's factor, finer than the limit allows only to keep that factor below 1.02.
constexpr double explicit_flops_limit = 0x1p37;
constexpr double explicit_entries_limit = 0x1p25;   // of the band
constexpr double explicit_nonzeros_limit = 0x1p24;
constexpr double grid_flops_limit = 0x1p39;
constexpr double bernstein_flops_limit = 0x1p42;
constexpr double bernstein_factor_wanted = 1.02;

void require_consistent(const Convolution& c) {
  std::uint64_t size = c.groups * c.outputs * c.inputs;
  bool good = !c.axes.empty() && c.axes.size() <= 3 && size > 0;
  for (const ConvolutionAxis& axis : c.axes) {
    size *= axis.kernel;
    good = good && axis.stride > 0 && axis.dilation > 0 && axis.kernel > 0 && (axis.source.empty() ? axis.padded == axis.input : axis.source.size() == axis.padded);
    for (const std::int64_t s : axis.source) {
      good = good && s >= -1 && s < static_cast<std::int64_t>(axis.input);
    }
  }
  if (!good || c.kernel.centre.size() != size || !(c.kernel.radius.empty() || c.kernel.radius.size() == size)) {
    throw Error(ExitCode::internal, "A convolution with inconsistent sizes reached the norm computation; please report this.");
  }
  if (first_unbounded(c.kernel.centre, c.kernel.radius) != c.kernel.centre.size()) {
    throw Error(ExitCode::internal, "A kernel with entries that are not finite reached the norm computation; please report this.");
  }
}

/// l with source(i) = i - l inside the input and nothing outside, if there is one.
bool shift_of(const ConvolutionAxis& axis, std::int64_t& l) {
  l = 0;
  if (axis.source.empty()) {
    return true;
  }
  const auto first = std::find_if(axis.source.begin(), axis.source.end(), [](std::int64_t s) { return s >= 0; });
  if (first != axis.source.end()) {
    l = (first - axis.source.begin()) - *first;
  }
  for (std::size_t i = 0; i < axis.source.size(); ++i) {
    const std::int64_t s = static_cast<std::int64_t>(i) - l;
    const bool inside = s >= 0 && s < static_cast<std::int64_t>(axis.input);
    if (axis.source[i] != (inside ? s : -1)) {
      return false;
    }
  }
  return true;
}

/// Does the axis wrap around: source(i) = (i - l) mod n, the Conv reads nothing outside, the stride divides n and there are n / s outputs?
bool wraps(const ConvolutionAxis& axis) {
  if (axis.source.empty() || axis.begin != 0 || axis.input % axis.stride != 0 || axis.output * axis.stride != axis.input ||
      axis.stride * (axis.output - 1) + axis.dilation * (axis.kernel - 1) + 1 > axis.padded) {
    return false;
  }
  for (std::size_t i = 0; i < axis.source.size(); ++i) {
    if (axis.source[i] < 0 || (i > 0 && axis.source[i] != (axis.source[i - 1] + 1) % static_cast<std::int64_t>(axis.input))) {
      return false;
    }
  }
  return true;
}

std::uint64_t exact_grid_of(const ConvolutionAxis& axis, std::uint64_t n, std::int64_t p) {
  const std::int64_t span = static_cast<std::int64_t>(axis.stride * (axis.output - 1) + axis.dilation * (axis.kernel - 1));
  const std::int64_t period = std::max<std::int64_t>({static_cast<std::int64_t>(n) + p, span - p + 1, 1});
  const auto s = static_cast<std::int64_t>(axis.stride);
  return static_cast<std::uint64_t>((period + s - 1) / s);
}

const char* name_of(ConvolutionAxis::Kind kind) {
  return kind == ConvolutionAxis::Kind::zero ? "zero" : (kind == ConvolutionAxis::Kind::circular ? "circular" : "copies");
}

/// cos(pi (taps - 1) / (2 grid)) from below.
Lower cosine(std::uint64_t taps, std::uint64_t grid) {
  mpfr_t x;
  mpfr_init2(x, 128);
  mpfr_const_pi(x, MPFR_RNDU);
  mpfr_mul_ui(x, x, taps - 1, MPFR_RNDU);
  mpfr_div_ui(x, x, 2 * grid, MPFR_RNDU);
  mpfr_cos(x, x, MPFR_RNDD);  // decreasing on [0, pi/2)
  const double value = mpfr_get_d(x, MPFR_RNDD);
  mpfr_clear(x);
  return value > 0 ? Lower::exact(value) : Lower();
}

/// 1 / prod cos (Bernstein and Szego: a trigonometric polynomial of degree T that is at most 1 on a grid of spacing h, T h < pi, is at most
/// 1 / cos(T h / 2) everywhere; here T = (K - 1) / 2 after the central shift, h = 2 pi / N, one axis after the other).
Upper bernstein_factor(const std::vector<PlannedAxis>& axes, const std::vector<std::uint64_t>& grid) {
  Upper factor = Upper::exact(1);
  for (std::size_t l = 0; l < axes.size(); ++l) {
    factor = factor / cosine(axes[l].taps, grid[l]);
  }
  return factor;
}

/// Root of the product of the copies.
Upper copies_factor(const std::vector<PlannedAxis>& axes) {
  Upper product = Upper::exact(1);
  for (const PlannedAxis& axis : axes) {
    product = product * Upper::exact(static_cast<double>(axis.copies));
  }
  return sqrt(product);
}

/// What is charged for a kernel that is not exact: ||A - A'|| <= sqrt(copies) * this for kernels within the radius, sum_j ||rad_j||_F <=
/// sqrt(taps) ||rad||_F by Cauchy-Schwarz (the second form is what a checker with one number for the radius charges).
Upper kernel_radius(const Convolution& c) {
  double taps = 1;
  for (const ConvolutionAxis& axis : c.axes) {
    taps *= static_cast<double>(axis.kernel);
  }
  return sqrt(Upper::exact(taps)) * norm_above(c.kernel.radius.data(), c.kernel.radius.size());
}

enum class Way { zero, explicit_gram, grid, bernstein, reshape };

struct Choice {
  Way way = Way::zero;
  std::vector<PlannedAxis> axes;
  std::vector<std::uint64_t> grid;
  double flops = 0;
  SparseMatrix matrix;  // explicit_gram
};

/// Entries and flops of the explicit matrix, without building it: rows of positions one after the other, the longest axis outermost.
bool explicit_may_be_cheap(const Convolution& c, double& nonzeros) {
  nonzeros = static_cast<double>(c.groups * c.outputs * c.inputs);
  double inputs = 1;
  double outputs = 1;
  for (const ConvolutionAxis& axis : c.axes) {
    nonzeros *= static_cast<double>(reads_of(axis));
    inputs *= static_cast<double>(axis.input);
    outputs *= static_cast<double>(axis.output);
  }
  if (nonzeros > explicit_nonzeros_limit) {
    return false;
  }
  // Half bandwidth: the reach along an axis times what stands inside one step of it.
  double across_inputs = 1;
  double across_outputs = 1;
  double w_inputs = 1;
  double w_outputs = 1;
  std::vector<ConvolutionAxis> axes = c.axes;
  std::stable_sort(axes.begin(), axes.end(), [](const ConvolutionAxis& a, const ConvolutionAxis& b) { return a.input < b.input; });
  for (const ConvolutionAxis& axis : axes) {
    const double reach = static_cast<double>(axis.dilation * (axis.kernel - 1));
    w_inputs += across_inputs * std::min(reach, static_cast<double>(axis.input - 1));
    w_outputs += across_outputs * std::min(std::floor(reach / static_cast<double>(axis.stride)), static_cast<double>(axis.output - 1));
    across_inputs *= static_cast<double>(axis.input);
    across_outputs *= static_cast<double>(axis.output);
  }
  w_inputs *= static_cast<double>(c.inputs);
  w_outputs *= static_cast<double>(c.outputs);
  const double groups = static_cast<double>(c.groups);
  const double flops = 2 * groups * std::min(inputs * static_cast<double>(c.inputs) * w_inputs * w_inputs, outputs * static_cast<double>(c.outputs) * w_outputs * w_outputs);
  return flops <= 4 * explicit_flops_limit;
}

/// The coarsest grid is K, the finest the exact one; between them the same fraction of the way on every axis. Sets the finest that fits.
bool coarser_grid(const Convolution& c, const std::vector<PlannedAxis>& axes, double limit, std::vector<std::uint64_t>& grid) {
  const std::size_t shifts = shifts_of(axes).size();
  std::uint64_t longest = 1;
  for (const PlannedAxis& axis : axes) {
    longest = std::max(longest, axis.exact_grid);
  }
  const auto clipped = [&](std::uint64_t n) {
    std::vector<std::uint64_t> result;
    for (const PlannedAxis& axis : axes) {
      // One tap: the symbol does not depend on this axis, and one frequency says all.
      result.push_back(axis.taps == 1 ? 1 : std::max(axis.taps, std::min(axis.exact_grid, n)));
    }
    return result;
  };
  if (symbol_flops(c, clipped(1), shifts) > limit) {
    return false;
  }
  std::uint64_t low = 1;
  std::uint64_t high = longest;
  while (low < high) {
    const std::uint64_t middle = low + (high - low + 1) / 2;
    if (symbol_flops(c, clipped(middle), shifts) <= limit) {
      low = middle;
    } else {
      high = middle - 1;
    }
  }
  grid = clipped(low);
  return true;
}

double reshape_flops(const Convolution& c) {
  double worst = 0;
  for (std::size_t set = 0; set < (std::size_t{1} << c.axes.size()); ++set) {
    std::size_t rows = c.outputs;
    std::size_t columns = c.inputs;
    for (std::size_t l = 0; l < c.axes.size(); ++l) {
      ((set >> l) % 2 == 1 ? rows : columns) *= c.axes[l].kernel;
    }
    worst = std::max(worst, bounding_flops(rows, columns) + 160.0 * static_cast<double>(rows) * static_cast<double>(columns));
  }
  return worst * static_cast<double>(c.groups);
}

/// Reshapes know no circular axes: padding that wraps around copies.
void choose_reshape(const Convolution& c, Choice& choice) {
  choice.way = Way::reshape;
  choice.flops = reshape_flops(c);
  for (std::size_t l = 0; l < c.axes.size(); ++l) {
    if (choice.axes[l].kind == ConvolutionAxis::Kind::circular) {
      choice.axes[l] = as_copies(c.axes[l]);
    }
  }
}

Choice choose(const Convolution& c) {
  require_consistent(c);
  Choice choice;
  bool all_circular = true;
  for (const ConvolutionAxis& axis : c.axes) {
    if (axis.output == 0 || axis.input == 0) {
      return choice;
    }
    choice.axes.push_back(classified(axis));
    all_circular = all_circular && choice.axes.back().kind == ConvolutionAxis::Kind::circular;
  }
  const bool zero = std::all_of(c.kernel.centre.begin(), c.kernel.centre.end(), [](double w) { return w == 0; }) &&
                    std::all_of(c.kernel.radius.begin(), c.kernel.radius.end(), [](double r) { return r == 0; });
  double nonzeros = 0;
  const bool may_be_cheap = explicit_may_be_cheap(c, nonzeros);
  if (zero || nonzeros == 0) {
    return choice;
  }
  std::vector<std::uint64_t> exact;
  for (const PlannedAxis& axis : choice.axes) {
    exact.push_back(axis.exact_grid);
  }
  const std::size_t shifts = shifts_of(choice.axes).size();
  const double exact_flops = symbol_flops(c, exact, shifts);
  // Where every axis wraps around, the grid is the norm itself and cheaper.
  if (may_be_cheap && !(all_circular && exact_flops <= grid_flops_limit)) {
    SparseMatrix matrix = explicit_matrix(c);
    const SparseCost cost = sparse_cost(matrix);
    if (cost.flops <= explicit_flops_limit && cost.entries <= explicit_entries_limit) {
      choice.way = Way::explicit_gram;
      choice.flops = cost.flops;
      choice.matrix = std::move(matrix);
      return choice;
    }
  }
  const bool one_tap = std::all_of(choice.axes.begin(), choice.axes.end(), [](const PlannedAxis& axis) { return axis.taps == 1; });
  if (!one_tap && exact_flops <= grid_flops_limit) {
    choice.way = Way::grid;
    choice.grid = exact;
    choice.flops = exact_flops;
    return choice;
  }
  // One tap per phase: the factor is 1, one frequency proves it.
  for (double limit = grid_flops_limit; limit <= bernstein_flops_limit; limit *= 2) {
    if (!coarser_grid(c, choice.axes, limit, choice.grid)) {
      continue;
    }
    if (bernstein_factor(choice.axes, choice.grid).value() <= bernstein_factor_wanted || 2 * limit > bernstein_flops_limit) {
      choice.way = choice.grid == exact ? Way::grid : Way::bernstein;
      choice.flops = symbol_flops(c, choice.grid, shifts);
      return choice;
    }
  }
  choose_reshape(c, choice);
  return choice;
}

/// What a certificate says of a bound `proved` on the centre's symbol or matrix, of which the norm of the block is `factor` times as much.
struct Claim {
  Upper proved;           // on the centre
  double longest = 0;     // root of the largest diagonal entry of a Gram matrix, at most
  double largest = 0;     // largest entry
  std::size_t order = 0;  // of the real Gram matrix
  Upper factor;
  Upper kernel_radius;
  Upper reserve;          // what the checker may add besides twice the radius and the grid
  double grid_entries = 0;             // entries that are rounded to the checker's grid
  const Convolution* exact_on = nullptr;  // conv-reshape, exact kernel: its own entries are rounded, and that is known
};

void write_claim(LinearBound& result, const Claim& claim) {
  const Upper proved = claim.proved + claim.kernel_radius;
  if (!proved.finite()) {
    result.upper = infinity;
    return;
  }
  choose_grids(result.gram, proved.value(), std::max(claim.longest, proved.value()), claim.largest);
  const Upper slack = slack_of_order(claim.order);
  // Half a unit in the real and in the imaginary part of each entry, 0.71 in all: one.
  const Upper grid = (claim.exact_on != nullptr ? grid_residual(claim.exact_on->kernel.centre, result.gram.sA)
                                                : sqrt(Upper::exact(claim.grid_entries)).scaled(-result.gram.sA)) +
                     claim.kernel_radius + claim.kernel_radius + claim.reserve;
  const Upper base = (proved + grid + grid) * (Upper::exact(1) + slack);
  // The factor is irrational: a checker's own upper end of it may be a little larger.
  result.upper = (base * claim.factor * (Upper::exact(1) + Upper::exact(0x1p-45))).value();
  if (std::isfinite(result.upper)) {
    result.gram.C2 = reduced_square(base.value(), grid.value(), result.gram.sA, slack.value());
  }
}

void bound_on_grid(const Convolution& c, const Choice& choice, LinearBound& result, WorkerPool& pool, std::uint64_t seed, Upper reserve) {
  result.theorem = choice.way == Way::grid ? "conv-frequency-grid" : "conv-bernstein";
  result.grid = choice.grid;
  const auto [outputs, inputs] = symbol_shape(c);
  result.gram.at_a = inputs <= outputs;
  Claim claim;
  SymbolBound symbol;
  if (std::any_of(c.kernel.centre.begin(), c.kernel.centre.end(), [](double w) { return w != 0; })) {
    symbol = bound_symbol(c, choice.grid, shifts_of(choice.axes), pool, seed);
  } else {
    symbol.shift.assign(choice.axes.size(), 0);
  }
  result.shift = symbol.shift;
  claim.proved = symbol.norm;
  claim.longest = symbol.norm.value();
  claim.largest = std::max(symbol.largest, symbol.norm.value() * 0x1p-8);  // the checker's own symbol differs by its roots
  claim.order = 2 * std::min(outputs, inputs);
  claim.factor = copies_factor(choice.axes);
  if (choice.way == Way::bernstein) {
    claim.factor = claim.factor * bernstein_factor(choice.axes, choice.grid);
  }
  claim.kernel_radius = kernel_radius(c);
  // A checker's table of roots: 2^-46 is far above what sixty bits give. Its grid for the kernel itself: 52 bits below the largest entry.
  double largest = 0;
  for (const double w : c.kernel.centre) {
    largest = std::max(largest, std::fabs(w));
  }
  double taps = 1;
  for (const ConvolutionAxis& axis : c.axes) {
    taps *= static_cast<double>(axis.kernel);
  }
  const Upper kernel_grid = sqrt(Upper::exact(taps) * Upper::exact(static_cast<double>(c.kernel.centre.size()))) * Upper::exact(largest).scaled(-51);
  claim.reserve = Upper::exact(0x1p-46) * symbol.tap_norms + kernel_grid + reserve;
  claim.grid_entries = static_cast<double>(outputs) * static_cast<double>(inputs);
  write_claim(result, claim);
}

/// The matrix of one group with rows (o, j_l for l in the set) and columns (c, the other j_l).
EnclosedMatrix reshaped(const Convolution& c, std::size_t group, std::size_t set) {
  const std::size_t d = c.axes.size();
  std::vector<std::size_t> row_step(d, 0);
  std::vector<std::size_t> column_step(d, 0);
  std::size_t rows = 1;
  std::size_t columns = 1;
  std::size_t taps = 1;
  for (std::size_t l = d; l-- > 0;) {
    std::size_t& size = (set >> l) % 2 == 1 ? rows : columns;
    ((set >> l) % 2 == 1 ? row_step : column_step)[l] = size;
    size *= c.axes[l].kernel;
    taps *= c.axes[l].kernel;
  }
  EnclosedMatrix m;
  m.rows = rows * c.outputs;
  m.columns = columns * c.inputs;
  m.centre.resize(m.rows * m.columns);
  for (std::size_t o = 0; o < c.outputs; ++o) {
    for (std::size_t i = 0; i < c.inputs; ++i) {
      for (std::size_t tap = 0; tap < taps; ++tap) {
        std::size_t rest = tap;
        std::size_t row = o * rows;
        std::size_t column = i * columns;
        for (std::size_t l = d; l-- > 0;) {
          const std::size_t j = rest % c.axes[l].kernel;
          rest /= c.axes[l].kernel;
          row += j * row_step[l];
          column += j * column_step[l];
        }
        m.centre[row * m.columns + column] = c.kernel.centre[((group * c.outputs + o) * c.inputs + i) * taps + tap];
      }
    }
  }
  return m;
}

double estimated_norm(const EnclosedMatrix& m, std::uint64_t seed) {
  double largest = 0;
  for (const double x : m.centre) {
    largest = std::max(largest, std::fabs(x));
  }
  if (largest == 0) {
    return 0;
  }
  std::vector<double> image(m.rows);
  const int rows = blas_int(m.rows);
  const int columns = blas_int(m.columns);
  return largest * std::sqrt(lanczos(m.columns, 40, seed, [&](const double* x, double* y) {
                               cblas_dgemv(CblasRowMajor, CblasNoTrans, rows, columns, 1 / largest, m.centre.data(), columns, x, 1, 0, image.data(), 1);
                               cblas_dgemv(CblasRowMajor, CblasTrans, rows, columns, 1 / largest, m.centre.data(), columns, image.data(), 1, 0, y, 1);
                             }).value);
}

void bound_by_reshape(const Convolution& c, const Choice& choice, LinearBound& result, WorkerPool& pool, std::uint64_t seed, Upper reserve) {
  result.theorem = "conv-reshape";
  std::size_t best_set = 0;
  double least = infinity;
  for (std::size_t set = 0; set < (std::size_t{1} << c.axes.size()); ++set) {
    double most = 0;
    for (std::size_t g = 0; g < c.groups; ++g) {
      most = std::max(most, estimated_norm(reshaped(c, g, set), seed));
    }
    if (most < least) {
      least = most;
      best_set = set;
    }
  }
  Claim claim;
  double taps = 1;
  for (std::size_t l = 0; l < c.axes.size(); ++l) {
    taps *= static_cast<double>(c.axes[l].kernel);
    if ((best_set >> l) % 2 == 1) {
      result.rows.push_back(l);
    }
  }
  for (std::size_t g = 0; g < c.groups; ++g) {
    const EnclosedMatrix m = reshaped(c, g, best_set);
    result.gram.at_a = m.columns <= m.rows;
    claim.order = std::min(m.rows, m.columns);
    claim.grid_entries = static_cast<double>(m.rows) * static_cast<double>(m.columns);
    claim.proved = max(claim.proved, bound_norm(m, pool, seed).proved);
    claim.longest = std::max(claim.longest, norm_above(m.centre.data(), m.centre.size()).value());
    for (const double x : m.centre) {
      claim.largest = std::max(claim.largest, std::fabs(x));
    }
  }
  claim.factor = copies_factor(choice.axes) * sqrt(Upper::exact(taps));
  claim.kernel_radius = norm_above(c.kernel.radius.data(), c.kernel.radius.size());
  claim.reserve = reserve;
  claim.exact_on = c.kernel.exact() ? &c : nullptr;
  write_claim(result, claim);
}

LinearBound bound_as_chosen(const Convolution& c, const Choice& choice, WorkerPool& pool, std::uint64_t seed, Upper reserve) {
  LinearBound result;
  if (choice.way == Way::zero) {
    result.theorem = "zero-operator";
    return result;
  }
  if (choice.way == Way::explicit_gram) {
    return bound_sparse(choice.matrix, pool, seed, reserve);
  }
  if (choice.way == Way::reshape) {
    bound_by_reshape(c, choice, result, pool, seed, reserve);
  } else {
    bound_on_grid(c, choice, result, pool, seed, reserve);
  }
  for (const PlannedAxis& axis : choice.axes) {
    result.axes.emplace_back(name_of(axis.kind));
  }
  if (!std::isfinite(result.upper) || std::all_of(c.kernel.centre.begin(), c.kernel.centre.end(), [](double w) { return w == 0; })) {
    return result;
  }
  OperatorWitness witness = search_witness(c, pool, seed);
  // The same margin as above: a checker with a radius of its own for the kernel.
  const Upper radius = copies_factor(choice.axes) * kernel_radius(c);
  const Upper room = c.kernel.exact() ? Upper() : radius + radius + radius + reserve;
  result.lower = (minus(witness.norm, room) * Lower::exact(1 - 0x1p-38)).value();
  if (result.lower > 0) {
    result.witness = std::move(witness.vector);
  } else {
    result.lower = 0;
  }
  return result;
}

}  // namespace

std::vector<std::vector<std::uint64_t>> shifts_of(const std::vector<PlannedAxis>& axes) {
  std::vector<std::vector<std::uint64_t>> shifts{std::vector<std::uint64_t>(axes.size(), 0)};
  for (std::size_t l = 0; l < axes.size(); ++l) {
    if (axes[l].kind == ConvolutionAxis::Kind::circular || axes[l].taps == 1) {
      continue;
    }
    const std::size_t count = shifts.size();
    for (std::size_t k = 0; k < count; ++k) {
      shifts.push_back(shifts[k]);
      shifts.back()[l] = 1;
    }
  }
  return shifts;
}

PlannedAxis as_copies(const ConvolutionAxis& axis) {
  PlannedAxis plan;
  plan.kind = ConvolutionAxis::Kind::copies;
  plan.n = axis.padded;
  plan.p = axis.begin;
  std::vector<std::uint64_t> count(axis.input, 0);
  for (std::size_t i = 0; i < axis.padded; ++i) {
    const std::int64_t s = axis.source.empty() ? static_cast<std::int64_t>(i) : axis.source[i];
    if (s >= 0) {
      plan.copies = std::max(plan.copies, ++count[static_cast<std::size_t>(s)]);
    }
  }
  plan.taps = axis.dilation * (axis.kernel - 1) / axis.stride + 1;
  plan.exact_grid = exact_grid_of(axis, plan.n, plan.p);
  return plan;
}

PlannedAxis classified(const ConvolutionAxis& axis) {
  PlannedAxis plan = as_copies(axis);
  std::int64_t l = 0;
  if (shift_of(axis, l)) {
    plan.kind = ConvolutionAxis::Kind::zero;
    plan.n = axis.input;
    plan.p = axis.begin + l;
    plan.copies = 1;
    plan.exact_grid = exact_grid_of(axis, plan.n, plan.p);
  } else if (wraps(axis)) {
    plan.kind = ConvolutionAxis::Kind::circular;
    plan.n = axis.input;
    plan.p = 0;
    plan.copies = 1;
    plan.exact_grid = axis.input / axis.stride;
  }
  return plan;
}

double convolution_flops(const Convolution& c) { return choose(c).flops; }

LinearBound bound_convolution(const Convolution& c, WorkerPool& pool, std::uint64_t seed, Upper reserve) {
  return bound_as_chosen(c, choose(c), pool, seed, reserve);
}

LinearBound bound_convolution_by(ConvolutionTheorem theorem, const Convolution& c, WorkerPool& pool, std::uint64_t seed, const std::vector<std::uint64_t>& grid) {
  Choice choice = choose(c);
  if (choice.way == Way::zero) {
    return bound_as_chosen(c, choice, pool, seed, {});
  }
  switch (theorem) {
    case ConvolutionTheorem::explicit_gram:
      choice.way = Way::explicit_gram;
      choice.matrix = explicit_matrix(c);
      break;
    case ConvolutionTheorem::grid:
      choice.way = Way::grid;
      choice.grid.clear();
      for (const PlannedAxis& axis : choice.axes) {
        choice.grid.push_back(axis.exact_grid);
      }
      break;
    case ConvolutionTheorem::bernstein:
      choice.way = Way::bernstein;
      choice.grid = grid;
      break;
    case ConvolutionTheorem::reshape:
      choose_reshape(c, choice);
      break;
  }
  return bound_as_chosen(c, choice, pool, seed, {});
}

}  // namespace lipcert
