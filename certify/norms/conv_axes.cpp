// The axes of a convolution: which theorem's kind each of them is, and which finite grids of frequencies prove a bound on it
// (formats/SPEC.md section 5; mathematics: Sedghi et al. 2019 for the circulant; the embedding of zero padding below).
//
// y[i] = sum_j W[j] x[s i + dil j - p] on one axis. Put entry xi of the input at xi + p: output i reads the places s i + dil j. In the
// circulant of period P = s N the same taps read those places modulo P. The operator is the submatrix of outputs 0 .. n_out - 1 and places
// p .. n + p - 1 when no place that is read and no place that holds an entry fall together modulo P without being equal. Places read lie in
// [0, s (n_out - 1) + dil (k - 1)], entries in [p, n + p - 1]: their differences lie between -(n + p - 1) and s (n_out - 1) + dil (k - 1) -
// p, all of magnitude below P exactly when
//   s N >= n + p and s N >= s (n_out - 1) + dil (k - 1) - p + 1.
// (Entries at negative places are cropped: nobody reads them, their columns are zero. Rows that read only padding are zero; the others, and
// the columns that are read, are then distinct modulo P.) N = n is not enough for zero padding. Writing place = s beta + r splits the input
// into s phases, and the circulant into the Fourier blocks Z(z) at the N-th roots of unity.
//
// Any other N equally spaced points do as well. Multiply output i by e^(-i phi i) and the entry at place s beta + r by e^(i phi beta),
// unitary diagonal matrices on both sides that keep the norm. Where output i reads that place through tap j, s i + dil j = s beta + r, so
// beta - i = floor(dil j / s) = t, the power of that tap, and W[j] becomes W[j] e^(i phi t): of each of the taps that meet at one entry
// (several axes: of all their products, with phi . t). That is again a convolution, with complex taps and the symbol Z(e^(i phi) z), and
// the embedding above, which asks nothing of the taps, bounds it by the largest ||Z|| over z^N = e^(i N phi), with a phi for each axis. For
// W real, the grids that are closed under conjugation, so that half of them suffices, are z^N = 1 (shift 0) and z^N = -1 (phi = pi / N, shift 1). A low-pass kernel has its largest ||Z|| at z = 1, where no vector
// of finite length is: the shifted grid comes down to the norm of such vectors. A circular axis is a circulant already, and its wrap-around
// entries get another factor than the rest unless e^(i N phi) = 1: its shift is 0. `copies`: as for zero padding, on the padded axis.

#include <algorithm>

#include "certify/norms/conv_parts.hpp"

namespace lipcert {
namespace {

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

}  // namespace

const char* name_of(ConvolutionAxis::Kind kind) {
  return kind == ConvolutionAxis::Kind::zero ? "zero" : (kind == ConvolutionAxis::Kind::circular ? "circular" : "copies");
}

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

}  // namespace lipcert
