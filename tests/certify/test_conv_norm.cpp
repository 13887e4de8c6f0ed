// The norm of a convolution: every theorem on thousands of random convolutions against the operator written out from its definition, the model of
// the checker, and the cases that others get wrong.
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <complex>
#include <limits>
#include <string>

#include "certify/norms/conv_norm.hpp"
#include "certify/norms/conv_parts.hpp"
#include "formats/encoding/error.hpp"
#include "tests/certify/checker_model.hpp"
#include "tests/certify/norm_support.hpp"
#include "tests/support/decompositions.hpp"

using namespace lipcert;
using exact::Real;
using norm_support::independent_lower;
using norm_support::Normal;
using norm_support::ratio;

namespace {

std::size_t kernel_size(const Convolution& c) {
  std::size_t size = c.groups * c.outputs * c.inputs;
  for (const ConvolutionAxis& axis : c.axes) {
    size *= axis.kernel;
  }
  return size;
}

/// The block's matrix from the definition y[o, i] = sum_{c, j} W[o, c, j] x~[c, s i + dil j - p], x~ the padded input, as dense loops over everything.
EnclosedMatrix operator_of(const Convolution& c, const std::vector<double>& kernel) {
  std::size_t inputs = 1;
  std::size_t outputs = 1;
  std::size_t taps = 1;
  for (const ConvolutionAxis& axis : c.axes) {
    inputs *= axis.input;
    outputs *= axis.output;
    taps *= axis.kernel;
  }
  EnclosedMatrix a = norm_support::matrix(c.groups * c.outputs * outputs, c.groups * c.inputs * inputs);
  for (std::size_t o = 0; o < c.groups * c.outputs; ++o) {
    for (std::size_t in = 0; in < c.inputs; ++in) {
      for (std::size_t i = 0; i < outputs; ++i) {
        for (std::size_t j = 0; j < taps; ++j) {
          std::size_t rest_i = i;
          std::size_t rest_j = j;
          std::size_t position = 0;
          std::size_t step = 1;
          bool inside = true;
          for (std::size_t l = c.axes.size(); l-- > 0;) {
            const ConvolutionAxis& axis = c.axes[l];
            const auto place = static_cast<std::int64_t>(axis.stride * (rest_i % axis.output) + axis.dilation * (rest_j % axis.kernel)) - axis.begin;
            rest_i /= axis.output;
            rest_j /= axis.kernel;
            std::int64_t source = -1;
            if (place >= 0 && place < static_cast<std::int64_t>(axis.padded)) {
              source = axis.source.empty() ? place : axis.source[static_cast<std::size_t>(place)];
            }
            inside = inside && source >= 0;
            position += step * static_cast<std::size_t>(std::max<std::int64_t>(source, 0));
            step *= axis.input;
          }
          if (inside) {
            a.centre[(o * outputs + i) * a.columns + ((o / c.outputs) * c.inputs + in) * inputs + position] += kernel[(o * c.inputs + in) * taps + j];
          }
        }
      }
    }
  }
  return c.transposed ? transposed(a) : a;
}

ConvolutionAxis zero_axis(std::uint64_t n, std::uint64_t k, std::uint64_t s, std::uint64_t dil, std::int64_t p, std::int64_t q) {
  ConvolutionAxis axis;
  axis.input = axis.padded = n;
  axis.kernel = k;
  axis.stride = s;
  axis.dilation = dil;
  axis.begin = p;
  axis.output = (static_cast<std::uint64_t>(static_cast<std::int64_t>(n) + p + q) - dil * (k - 1) - 1) / s + 1;
  return axis;
}

enum class Padding { wrap, reflect, edge, zero, crop };

/// A padding node before the convolution, `before` and `after` entries (cropped where the kind is crop).
ConvolutionAxis padded_axis(std::uint64_t n, std::uint64_t k, std::uint64_t s, std::uint64_t dil, Padding padding, std::int64_t before, std::int64_t after) {
  ConvolutionAxis axis = zero_axis(n, k, s, dil, 0, padding == Padding::crop ? -before - after : before + after);
  const auto length = static_cast<std::int64_t>(n);
  const std::int64_t left = padding == Padding::crop ? -before : before;
  const std::int64_t right = padding == Padding::crop ? -after : after;
  for (std::int64_t i = -left; i < length + right; ++i) {
    std::int64_t source = i;
    if (padding == Padding::wrap) {
      source = (i % length + length) % length;
    } else if (padding == Padding::edge) {
      source = std::clamp<std::int64_t>(i, 0, length - 1);
    } else if (padding == Padding::reflect) {
      source = i < 0 ? -i : (i >= length ? 2 * (length - 1) - i : i);
    } else if (i < 0 || i >= length) {
      source = -1;
    }
    axis.source.push_back(source);
  }
  axis.padded = axis.source.size();
  return axis;
}

void fill(Convolution& c, const std::function<double()>& weight) {
  c.kernel.centre.resize(kernel_size(c));
  for (double& w : c.kernel.centre) {
    w = weight();
  }
}

/// A random axis, with at most `longest` entries.
ConvolutionAxis random_axis(Normal& normal, std::uint64_t longest) {
  while (true) {
    const std::uint64_t n = 1 + normal.below(longest);
    const std::uint64_t k = 1 + normal.below(4);
    const std::uint64_t s = 1 + normal.below(3);
    const std::uint64_t dil = 1 + normal.below(2);
    const auto reach = static_cast<std::int64_t>(dil * (k - 1));
    const auto before = static_cast<std::int64_t>(normal.below(static_cast<std::uint64_t>(reach) + 3));
    const auto after = static_cast<std::int64_t>(normal.below(static_cast<std::uint64_t>(reach) + 3));
    const auto length = static_cast<std::int64_t>(n);
    const auto kind = normal.below(8);
    if (kind < 3 && length + before + after > reach) {
      return zero_axis(n, k, s, dil, before, after);
    }
    if (kind == 3 && length - before - after > reach) {
      return padded_axis(n, k, s, dil, Padding::crop, before, after);
    }
    if (kind == 4 && before < length && after < length && length + before + after > reach) {
      return padded_axis(n, k, s, dil, Padding::reflect, before, after);
    }
    if (kind == 5 && length + before + after > reach) {
      return padded_axis(n, k, s, dil, Padding::edge, before, after);
    }
    if (kind == 6 && n % s == 0) {
      // As exporters write circular padding: dil (k - 1) entries in all, so that n / s outputs come out.
      const auto left = static_cast<std::int64_t>(normal.below(static_cast<std::uint64_t>(reach) + 1));
      return padded_axis(n, k, s, dil, Padding::wrap, left, reach - left);
    }
    if (kind == 7 && length + before + after > reach) {
      return padded_axis(n, k, s, dil, normal.below(2) == 0 ? Padding::wrap : Padding::zero, before, after);
    }
  }
}

Convolution random_convolution(Normal& normal) {
  Convolution c;
  const std::uint64_t d = 1 + normal.below(8) / 3;
  for (std::uint64_t l = 0; l < d; ++l) {
    c.axes.push_back(random_axis(normal, d == 1 ? 14 : (d == 2 ? 6 : 3)));
  }
  c.groups = 1 + normal.below(3) / 2;
  c.inputs = 1 + normal.below(3);
  c.outputs = 1 + normal.below(3);
  c.transposed = normal.below(3) == 0;
  const auto kind = normal.below(3);
  fill(c, [&] { return kind == 0 ? normal.single() : (kind == 1 ? std::fabs(normal.single()) : static_cast<double>(normal.below(5)) - 2); });
  return c;
}

std::vector<std::uint64_t> grid_for_bernstein(const Convolution& c, std::uint64_t more) {
  std::vector<std::uint64_t> grid;
  for (const ConvolutionAxis& axis : c.axes) {
    grid.push_back(classified(axis).taps + more);
  }
  return grid;
}

/// Claims against the operator. `truth` is a lower end of its norm; the witness is evaluated with 600 bits.
void check_claims(const LinearBound& bound, const EnclosedMatrix& a, const Real& truth, const std::string& name) {
  CHECK_MESSAGE(Real(bound.upper) >= truth, name << ": " << bound.upper << " below " << truth.convert_to<double>());
  CHECK(bound.lower <= bound.upper);
  if (bound.theorem != "diagonal-gram" && bound.lower > 0) {
    REQUIRE(bound.witness.mantissas.size() == a.columns);
    CHECK(Real(bound.lower) <= ratio(a, {bound.witness.mantissas.begin(), bound.witness.mantissas.end()}));
  }
}

/// The model of the checker on one frequency after the other, in its real form.
void check_grid_evidence(const Convolution& c, const LinearBound& bound) {
  REQUIRE(bound.shift.size() == c.axes.size());
  for (std::size_t l = 0; l < c.axes.size(); ++l) {
    CHECK(bound.shift[l] <= (bound.axes[l] == "circular" ? 0U : 1U));
  }
  const std::size_t outputs = c.outputs;
  std::size_t inputs = c.inputs;  // all phases, also those without taps
  std::size_t frequencies = 1;
  std::size_t taps = 1;
  Real factor = 1;
  for (std::size_t l = 0; l < c.axes.size(); ++l) {
    inputs *= c.axes[l].stride;
    frequencies *= bound.grid[l];
    taps *= c.axes[l].kernel;
    const PlannedAxis axis = classified(c.axes[l]);
    factor *= sqrt(Real(static_cast<double>(axis.copies)));
    if (bound.theorem == "conv-bernstein") {
      factor /= Real(std::cos(std::acos(-1.0) * static_cast<double>(axis.taps - 1) / (2 * static_cast<double>(bound.grid[l])))) * Real(1 - 1e-15);
    }
  }
  const double base = Real(Real(bound.upper) / factor).convert_to<double>() * (1 - 1e-16);
  for (std::size_t g = 0; g < c.groups; ++g) {
    for (std::size_t f = 0; f < frequencies; ++f) {
      EnclosedMatrix real = norm_support::matrix(2 * outputs, 2 * inputs);
      for (std::size_t j = 0; j < taps; ++j) {
        std::size_t rest_f = f;
        std::size_t rest_j = j;
        std::size_t phase = 0;
        std::size_t step = 1;
        long double angle = 0;
        for (std::size_t l = c.axes.size(); l-- > 0;) {
          const std::uint64_t at = c.axes[l].dilation * (rest_j % c.axes[l].kernel);
          rest_j /= c.axes[l].kernel;
          angle += static_cast<long double>((2 * (rest_f % bound.grid[l]) + bound.shift[l]) * (at / c.axes[l].stride)) / static_cast<long double>(2 * bound.grid[l]);
          rest_f /= bound.grid[l];
          phase += step * (at % c.axes[l].stride);
          step *= c.axes[l].stride;
        }
        angle *= 2 * std::acos(-1.0L);
        for (std::size_t o = 0; o < outputs; ++o) {
          for (std::size_t i = 0; i < c.inputs; ++i) {
            const double w = c.kernel.centre[((g * c.outputs + o) * c.inputs + i) * taps + j];
            const auto re = static_cast<double>(w * std::cos(angle));
            const auto im = static_cast<double>(w * std::sin(angle));
            const std::size_t column = i * step + phase;
            real.centre[o * real.columns + column] += re;
            real.centre[(outputs + o) * real.columns + inputs + column] += re;
            real.centre[o * real.columns + inputs + column] -= im;
            real.centre[(outputs + o) * real.columns + column] += im;
          }
        }
      }
      const std::string why = checker_model::refusal(real, Real(1e-15) * Real(base), bound.gram, base, true);
      CHECK_MESSAGE(why.empty(), bound.theorem << " frequency " << f << ": " << why);
    }
  }
}

}  // namespace

TEST_CASE("convolution norm: explicit matrices are those of the definition") {
  Normal normal(3);
  for (int round = 0; round < 1500; ++round) {
    const Convolution c = random_convolution(normal);
    const EnclosedMatrix expected = operator_of(c, c.kernel.centre);
    const SparseMatrix a = explicit_matrix(c);
    REQUIRE(a.rows == expected.rows);
    REQUIRE(a.columns == expected.columns);
    std::vector<double> dense(a.rows * a.columns, 0.0);
    for (std::size_t i = 0; i < a.rows; ++i) {
      for (std::size_t k = a.start[i]; k < a.start[i + 1]; ++k) {
        CHECK((k == a.start[i] || a.column[k - 1] < a.column[k]));
        dense[i * a.columns + a.column[k]] = a.centre[k];
      }
    }
    for (std::size_t k = 0; k < dense.size(); ++k) {
      // Sums of a few floats where the padding copies, in another order: rounded, with a radius.
      CHECK(std::fabs(dense[k] - expected.centre[k]) <= (a.radius.empty() ? 0 : 1e-14));
    }
  }
}

TEST_CASE("convolution norm: every theorem on thousands of random convolutions") {
  WorkerPool pool(2);
  Normal normal(17);
  std::array<int, 4> used{};
  std::array<double, 4> worst{};
  for (int round = 0; round < 2500; ++round) {
    const Convolution c = random_convolution(normal);
    const EnclosedMatrix a = operator_of(c, c.kernel.centre);
    const Real truth = independent_lower(a);
    CAPTURE(round);
    const auto note = [&](std::size_t which, const LinearBound& bound) {
      ++used[which];
      worst[which] = std::max(worst[which], Real(Real(bound.upper) / truth).convert_to<double>());
    };
    const LinearBound tight = bound_convolution_by(ConvolutionTheorem::explicit_gram, c, pool, 1);
    check_claims(tight, a, truth, "explicit");
    if (truth == 0) {
      continue;
    }
    CHECK(Real(tight.upper) <= truth * Real(1 + 1e-8));
    CHECK(Real(tight.lower) >= truth * Real(1 - 1e-6));
    note(0, tight);
    const LinearBound grid = bound_convolution_by(ConvolutionTheorem::grid, c, pool, 1);
    check_claims(grid, a, truth, "grid");
    note(1, grid);
    bool all_circular = true;
    for (const std::string& axis : grid.axes) {
      all_circular = all_circular && axis == "circular";
    }
    if (all_circular) {
      CHECK(Real(grid.upper) <= truth * Real(1 + 1e-8));  // the grid is the spectrum
    }
    const LinearBound bernstein = bound_convolution_by(ConvolutionTheorem::bernstein, c, pool, 1, grid_for_bernstein(c, normal.below(4)));
    check_claims(bernstein, a, truth, "bernstein");
    note(2, bernstein);
    const LinearBound reshape = bound_convolution_by(ConvolutionTheorem::reshape, c, pool, 1);
    check_claims(reshape, a, truth, "reshape");
    note(3, reshape);
    const LinearBound chosen = bound_convolution(c, pool, 1);
    check_claims(chosen, a, truth, "chosen");
    if (round % 10 == 0) {
      check_grid_evidence(c, grid);
      check_grid_evidence(c, bernstein);
    }
  }
  for (const int count : used) {
    CHECK(count > 2000);
  }
  MESSAGE("largest bound / norm: explicit ", worst[0], ", grid ", worst[1], ", bernstein ", worst[2], ", reshape ", worst[3]);
}

TEST_CASE("convolution norm: kinds of axes") {
  using Kind = ConvolutionAxis::Kind;
  CHECK(classified(zero_axis(8, 3, 1, 1, 1, 1)).kind == Kind::zero);
  CHECK(classified(zero_axis(8, 3, 1, 1, 1, 1)).exact_grid == 9);
  CHECK(classified(zero_axis(8, 3, 2, 1, 1, 1)).exact_grid == 5);
  CHECK(classified(zero_axis(8, 3, 1, 1, 0, 0)).exact_grid == 8);
  PlannedAxis axis = classified(padded_axis(8, 3, 1, 1, Padding::zero, 2, 1));
  CHECK(axis.kind == Kind::zero);
  CHECK(axis.p == 2);
  CHECK(axis.n == 8);
  axis = classified(padded_axis(8, 3, 1, 1, Padding::crop, 2, 1));
  CHECK(axis.kind == Kind::zero);
  CHECK(axis.p == -2);
  axis = classified(padded_axis(8, 3, 1, 1, Padding::wrap, 1, 1));
  CHECK(axis.kind == Kind::circular);
  CHECK(axis.exact_grid == 8);
  axis = classified(padded_axis(8, 3, 2, 1, Padding::wrap, 1, 1));
  CHECK(axis.kind == Kind::circular);
  CHECK(axis.exact_grid == 4);
  axis = classified(padded_axis(9, 3, 2, 1, Padding::wrap, 1, 1));  // 2 does not divide 9
  CHECK(axis.kind == Kind::copies);
  CHECK(axis.copies == 2);
  axis = classified(padded_axis(8, 3, 1, 1, Padding::wrap, 2, 2));  // ten outputs
  CHECK(axis.kind == Kind::copies);
  axis = classified(padded_axis(8, 3, 1, 1, Padding::reflect, 1, 1));
  CHECK(axis.kind == Kind::copies);
  CHECK(axis.copies == 2);
  CHECK(classified(padded_axis(3, 3, 1, 1, Padding::reflect, 2, 2)).copies == 3);
  CHECK(classified(padded_axis(8, 3, 1, 1, Padding::edge, 3, 1)).copies == 4);
  CHECK(classified(padded_axis(1, 3, 1, 1, Padding::edge, 3, 1)).copies == 5);
  ConvolutionAxis moved = padded_axis(8, 3, 1, 1, Padding::wrap, 1, 1);
  moved.source[3] = 3;
  CHECK(classified(moved).kind == Kind::copies);
  moved = padded_axis(8, 3, 1, 1, Padding::wrap, 1, 1);
  moved.begin = 1;  // zeros beside the wrapped entries
  CHECK(classified(moved).kind == Kind::copies);
}

TEST_CASE("convolution norm: what others get wrong") {
  WorkerPool pool(2);
  Convolution c;
  // All ones, 3 x 3, 28 x 28, zero padding: (1 + 2 cos(pi / 29))^2 = 8.930; the factor of deel-lip claims 8.786.
  c.axes = {zero_axis(28, 3, 1, 1, 1, 1), zero_axis(28, 3, 1, 1, 1, 1)};
  c.kernel.centre.assign(9, 1.0);
  const double truth = std::pow(1 + 2 * std::cos(std::acos(-1.0) / 29), 2);
  LinearBound bound = bound_convolution(c, pool, 1);
  CHECK(bound.theorem == "explicit-gram-psd");
  CHECK(bound.upper >= truth);
  CHECK(bound.upper <= truth * (1 + 1e-8));
  CHECK(bound.lower >= truth * (1 - 1e-8));
  CHECK(bound.lower > 8.786);
  bound = bound_convolution_by(ConvolutionTheorem::grid, c, pool, 1);
  CHECK(bound.shift == std::vector<std::uint64_t>{1, 1});
  CHECK(bound.upper >= truth);
  CHECK(bound.upper <= truth * (1 + 1e-8));
  CHECK(bound_symbol(c, {29, 29}, {{0, 0}}, pool, 1).norm.value() >= 9);
  // Circular padding, stride 2, nine entries: claimed sqrt 2, sqrt 3 in truth.
  c.axes = {padded_axis(9, 1, 2, 1, Padding::wrap, 1, 1)};
  c.kernel.centre.assign(1, 1.0);
  CHECK(independent_lower(operator_of(c, c.kernel.centre)) <= bound_convolution(c, pool, 1).upper);
  c.axes = {padded_axis(3, 1, 2, 1, Padding::wrap, 1, 5)};  // entry 2, 1, 0, 2, 1
  CHECK(bound_convolution(c, pool, 1).upper >= std::sqrt(2.0));
  for (const ConvolutionTheorem theorem : {ConvolutionTheorem::grid, ConvolutionTheorem::reshape}) {
    CHECK(Real(bound_convolution_by(theorem, c, pool, 1).upper) >= independent_lower(operator_of(c, c.kernel.centre)));
  }
  // Reflect padding: larger than the convolution itself.
  c.axes = {padded_axis(4, 3, 1, 1, Padding::reflect, 1, 1)};
  c.kernel.centre.assign(3, 1.0);
  bound = bound_convolution(c, pool, 1);
  const Real reflect = independent_lower(operator_of(c, c.kernel.centre));
  CHECK(reflect > 3);
  CHECK(Real(bound.upper) >= reflect);
  CHECK(Real(bound.upper) <= reflect * Real(1 + 1e-8));
  // Average pooling of 4 x 4 with a ragged edge of windows: weights 1/4 as a convolution.
  c.axes = {zero_axis(5, 2, 2, 1, 0, 1), zero_axis(5, 2, 2, 1, 0, 1)};
  c.kernel.centre.assign(4, 0.25);
  CHECK(Real(bound_convolution(c, pool, 1).upper) >= independent_lower(operator_of(c, c.kernel.centre)));
}

TEST_CASE("convolution norm: N = n is below the truth for zero padding, the condition is not, and one less is") {
  WorkerPool pool(1);
  Normal normal(23);
  int circular_below = 0;
  int one_less_below = 0;
  int one_less_shifted_below = 0;
  double factor = 1;
  for (int round = 0; round < 1500; ++round) {
    Convolution c;
    const std::uint64_t k = 2 + normal.below(3);
    const auto pad = static_cast<std::int64_t>(normal.below(k));
    const auto other = static_cast<std::int64_t>(normal.below(k));
    const std::uint64_t n = 2 + normal.below(6);
    const std::uint64_t s = 1 + normal.below(2);
    if (static_cast<std::int64_t>(n) + pad + other < static_cast<std::int64_t>(k)) {
      continue;
    }
    c.axes = {zero_axis(n, k, s, 1, pad, other)};
    fill(c, [&] { return normal.single(); });
    const Real truth = independent_lower(operator_of(c, c.kernel.centre));
    const std::uint64_t exact = classified(c.axes[0]).exact_grid;
    for (const std::uint64_t shift : {0U, 1U}) {
      CHECK(Real(bound_symbol(c, {exact}, {{shift}}, pool, 1).norm.value()) >= truth);
    }
    if (s == 1) {
      const double circular = bound_symbol(c, {n}, {{0}}, pool, 1).norm.value();
      circular_below += Real(circular) < truth * Real(1 - 1e-10) ? 1 : 0;
      factor = std::max(factor, truth.convert_to<double>() / circular);
    }
    if (exact > 1) {
      one_less_below += Real(bound_symbol(c, {exact - 1}, {{0}}, pool, 1).norm.value()) < truth * Real(1 - 1e-10) ? 1 : 0;
      one_less_shifted_below += Real(bound_symbol(c, {exact - 1}, {{1}}, pool, 1).norm.value()) < truth * Real(1 - 1e-10) ? 1 : 0;
    }
  }
  CHECK(circular_below > 50);
  CHECK(one_less_below > 20);
  CHECK(one_less_shifted_below > 20);
  CHECK(factor > 1.1);
}

TEST_CASE("convolution norm: every shift of the grid bounds the norm, and the least bound is taken") {
  WorkerPool pool(2);
  Normal normal(27);
  std::array<int, 2> taken{};
  for (int round = 0; round < 1200; ++round) {
    Convolution c = random_convolution(normal);
    const Real truth = independent_lower(operator_of(c, c.kernel.centre));
    if (truth == 0) {
      continue;
    }
    std::vector<PlannedAxis> axes;
    std::vector<std::uint64_t> grid;
    Real factor = 1;
    for (const ConvolutionAxis& axis : c.axes) {
      axes.push_back(classified(axis));
      grid.push_back(axes.back().exact_grid + (axes.back().kind == ConvolutionAxis::Kind::circular ? 0 : normal.below(2)));
      factor *= sqrt(Real(static_cast<double>(axes.back().copies)));
    }
    const std::vector<std::vector<std::uint64_t>> shifts = shifts_of(axes);
    double least = std::numeric_limits<double>::infinity();
    for (const std::vector<std::uint64_t>& shift : shifts) {
      for (std::size_t l = 0; l < axes.size(); ++l) {
        CHECK((shift[l] == 0 || axes[l].kind != ConvolutionAxis::Kind::circular));
      }
      const SymbolBound bound = bound_symbol(c, grid, {shift}, pool, 1);
      CHECK(bound.shift == shift);
      CHECK(factor * Real(bound.norm.value()) >= truth);
      least = std::min(least, bound.norm.value());
    }
    const SymbolBound best = bound_symbol(c, grid, shifts, pool, 1);
    CHECK(best.norm.value() <= least * (1 + 1e-9));
    ++taken[std::count(best.shift.begin(), best.shift.end(), 1U) > 0 ? 1 : 0];
  }
  CHECK(taken[0] > 100);
  CHECK(taken[1] > 100);
  // On a circular axis the shifted grid is below the norm: a constant meets the sum of neighbours with 2.
  Convolution c;
  c.axes = {padded_axis(9, 2, 1, 1, Padding::wrap, 0, 1)};
  c.kernel.centre.assign(2, 1.0);
  CHECK(bound_convolution_by(ConvolutionTheorem::grid, c, pool, 1).shift == std::vector<std::uint64_t>{0});
  CHECK(bound_symbol(c, {9}, {{1}}, pool, 1).norm.value() < 1.99);
}

TEST_CASE("convolution norm: Bernstein's factor is needed") {
  WorkerPool pool(1);
  Normal normal(29);
  int below = 0;
  for (int round = 0; round < 300; ++round) {
    Convolution c;
    c.axes = {zero_axis(60, 2 + normal.below(3), 1, 1, 1, 1)};
    fill(c, [&] { return normal.single(); });
    const Real truth = independent_lower(operator_of(c, c.kernel.centre));
    const std::vector<std::uint64_t> grid = grid_for_bernstein(c, 1);
    below += Real(bound_symbol(c, grid, {{normal.below(2)}}, pool, 1).norm.value()) < truth ? 1 : 0;
    const LinearBound bound = bound_convolution_by(ConvolutionTheorem::bernstein, c, pool, 1, grid);
    CHECK(Real(bound.upper) >= truth);
  }
  CHECK(below > 50);
}

TEST_CASE("convolution norm: kernels of every size of number, and kernels that are enclosed") {
  WorkerPool pool(1);
  Normal normal(37);
  for (int round = 0; round < 300; ++round) {
    Convolution c = random_convolution(normal);
    const int exponent = static_cast<int>(normal.below(1800)) - 900;
    const bool enclosed = round % 2 == 0;
    const double size = std::pow(10, -2.0 * static_cast<double>(normal.below(8)));
    std::vector<double> inside = c.kernel.centre;
    if (enclosed) {
      for (std::size_t k = 0; k < inside.size(); ++k) {
        c.kernel.radius.push_back(size * std::fabs(normal()));
        inside[k] += (c.kernel.centre[k] > 0 ? 1 : -1) * c.kernel.radius[k] * (1 - 1e-10);
      }
    } else {
      for (std::size_t k = 0; k < inside.size(); ++k) {
        c.kernel.centre[k] = inside[k] = std::ldexp(inside[k], exponent);
      }
    }
    const EnclosedMatrix a = operator_of(c, inside);
    const Real truth = independent_lower(a);
    for (const ConvolutionTheorem theorem :
         {ConvolutionTheorem::explicit_gram, ConvolutionTheorem::grid, ConvolutionTheorem::bernstein, ConvolutionTheorem::reshape}) {
      const LinearBound bound = bound_convolution_by(theorem, c, pool, 1, grid_for_bernstein(c, 2));
      CHECK(Real(bound.upper) >= truth);
      CHECK(Real(bound.lower) <= truth * Real(1 + 1e-13));
      if (!enclosed && theorem == ConvolutionTheorem::explicit_gram && truth > 0) {
        CHECK(Real(bound.upper) <= truth * Real(1 + 1e-8));
      }
    }
  }
}

TEST_CASE("convolution norm: larger convolutions, each theorem against the explicit one") {
  WorkerPool pool(2);
  Normal normal(41);
  const auto compare = [&](const Convolution& c, double ratio_allowed) {
    const LinearBound tight = bound_convolution_by(ConvolutionTheorem::explicit_gram, c, pool, 1);
    CHECK(tight.lower >= tight.upper * (1 - 1e-7));
    const LinearBound grid = bound_convolution_by(ConvolutionTheorem::grid, c, pool, 1);
    CHECK(grid.upper >= tight.lower);
    CHECK(grid.upper <= tight.upper * ratio_allowed);
    CHECK(grid.lower >= tight.lower * (1 - 1e-4));
    CHECK(grid.lower <= tight.upper);
    std::vector<std::uint64_t> coarse;
    for (const ConvolutionAxis& axis : c.axes) {
      coarse.push_back(std::max<std::uint64_t>(classified(axis).taps, 8));
    }
    CHECK(bound_convolution_by(ConvolutionTheorem::bernstein, c, pool, 1, coarse).upper >= tight.lower);
    CHECK(bound_convolution_by(ConvolutionTheorem::reshape, c, pool, 1).upper >= tight.lower);
  };
  Convolution c;
  c.axes = {zero_axis(14, 3, 1, 1, 1, 1), zero_axis(14, 3, 1, 1, 1, 1)};
  c.inputs = c.outputs = 16;
  fill(c, [&] { return normal.single(); });
  compare(c, 1.03);
  c.axes = {zero_axis(15, 3, 2, 1, 1, 1), zero_axis(13, 3, 2, 1, 1, 1)};
  fill(c, [&] { return std::fabs(normal.single()); });
  compare(c, 1.1);
  c.transposed = true;
  compare(c, 1.1);
  c.transposed = false;
  c.groups = 4;
  c.inputs = 3;
  c.outputs = 5;
  c.axes = {zero_axis(20, 5, 1, 2, 2, 2)};
  fill(c, [&] { return normal.single(); });
  compare(c, 1.3);
  c.groups = 1;
  c.axes = {zero_axis(6, 3, 1, 1, 1, 1), zero_axis(5, 3, 1, 1, 1, 1), zero_axis(7, 3, 2, 1, 1, 1)};
  fill(c, [&] { return normal.single(); });
  compare(c, 1.3);
  c.axes = {padded_axis(12, 3, 1, 1, Padding::wrap, 1, 1), padded_axis(10, 3, 2, 1, Padding::wrap, 0, 2)};
  fill(c, [&] { return normal.single(); });
  compare(c, 1 + 1e-8);
}

TEST_CASE("convolution norm: one frequency says all of a kernel whose taps do not overlap, where some output reads the whole of it") {
  WorkerPool pool(2);
  Normal normal(43);
  Convolution c;
  c.inputs = c.outputs = 64;
  const auto norm_of_taps = [&](std::size_t first, std::size_t last) {  // of the matrix outputs x (inputs, taps [first, last))
    const std::size_t taps = kernel_size(c) / (c.inputs * c.outputs);
    Eigen::MatrixXd m(static_cast<Eigen::Index>(c.outputs), static_cast<Eigen::Index>(c.inputs * (last - first)));
    for (std::size_t row = 0; row < c.outputs; ++row) {
      for (std::size_t in = 0; in < c.inputs; ++in) {
        for (std::size_t tap = first; tap < last; ++tap) {
          m(static_cast<Eigen::Index>(row), static_cast<Eigen::Index>(in * (last - first) + tap - first)) = c.kernel.centre[(row * c.inputs + in) * taps + tap];
        }
      }
    }
    return decompositions::largest_singular_value(m);
  };
  for (const std::uint64_t side : {1U, 2U}) {  // a projection shortcut, patches; the edge of the axis cuts the last patch
    c.axes = {zero_axis(35, side, 2, 1, 0, 1), zero_axis(34, side, 2, 1, 0, 0)};
    fill(c, [&] { return normal.single(); });
    const LinearBound bound = bound_convolution(c, pool, 1);
    CHECK(bound.theorem.starts_with("conv-"));
    CHECK(bound.grid == std::vector<std::uint64_t>{1, 1});
    const double exact = norm_of_taps(0, side * side);
    CHECK(bound.upper >= exact * (1 - 1e-13));
    CHECK(bound.upper <= exact * (1 + 1e-9));
  }
  // The only position on the first axis reads the second tap, the padding the first: the norm is that of one tap.
  c.axes = {zero_axis(1, 2, 2, 1, 1, 0), zero_axis(300, 1, 1, 1, 0, 0)};
  fill(c, [&] { return normal.single(); });
  const double second = norm_of_taps(1, 2);
  const LinearBound bound = bound_convolution(c, pool, 1);
  CHECK(bound.upper >= second * (1 - 1e-13));
  CHECK(bound.upper <= second * (1 + 1e-9));
}

TEST_CASE("convolution norm: zero operators, inconsistent sizes, numbers that are not finite") {
  WorkerPool pool(1);
  Convolution c;
  c.axes = {zero_axis(8, 3, 1, 1, 1, 1)};
  c.kernel.centre.assign(3, 0.0);
  LinearBound bound = bound_convolution(c, pool, 1);
  CHECK(bound.theorem == "zero-operator");
  CHECK(bound.upper == 0);
  c.kernel.centre.assign(3, 1.0);
  c.axes[0].begin = -100;  // reads nothing
  CHECK(bound_convolution(c, pool, 1).theorem == "zero-operator");
  c.axes[0].begin = 1;
  c.kernel.centre[1] = std::nan("");
  CHECK_THROWS_AS(static_cast<void>(bound_convolution(c, pool, 1)), Error);
  c.kernel.centre.resize(2);
  CHECK_THROWS_AS(static_cast<void>(bound_convolution(c, pool, 1)), Error);
}

TEST_CASE("convolution norm: every number of threads gives the same bits") {
  Normal normal(43);
  Convolution c;
  c.axes = {zero_axis(9, 3, 1, 1, 1, 1), zero_axis(10, 3, 1, 1, 1, 1)};
  c.inputs = 20;
  c.outputs = 30;
  fill(c, [&] { return normal.single(); });
  WorkerPool one(1);
  for (const ConvolutionTheorem theorem : {ConvolutionTheorem::explicit_gram, ConvolutionTheorem::grid, ConvolutionTheorem::reshape}) {
    const LinearBound first = bound_convolution_by(theorem, c, one, 1);
    for (const unsigned threads : {2U, 5U}) {
      WorkerPool pool(threads);
      const LinearBound other = bound_convolution_by(theorem, c, pool, 1);
      CHECK(other.upper == first.upper);
      CHECK(other.lower == first.lower);
      CHECK(other.gram.C2 == first.gram.C2);
      CHECK(other.witness.mantissas == first.witness.mantissas);
    }
  }
}
