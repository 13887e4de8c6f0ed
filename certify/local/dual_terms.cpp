// Terms of F (dual.hpp): open entries, balls, the input.

#include <algorithm>
#include <cmath>

#include "certify/local/dual.hpp"

namespace lipcert::local {
namespace {

/// One entry by its pieces; for a second bend, which is rare.
struct Minimum {
  double value = 0;
  double t = 0;
  double moved = 0;
};

Minimum with_two_bends(const Opening& open, std::size_t i, double c, double g, double lambda) {
  const double w = open.width[i];
  const double bends[] = {-w, std::clamp(open.bend[i], -w, w), std::clamp(open.bend2[i], -w, w), w};
  const double slope[] = {open.left[i], open.right[i], open.third[i]};
  double at[4] = {0, 0, 0, 0};  // the function at the bends, then less its value at 0
  double zero = 0;
  for (std::size_t k = 0; k < 3; ++k) {
    at[k + 1] = at[k] + slope[k] * (bends[k + 1] - bends[k]);
    if (bends[k] <= 0 && 0 <= bends[k + 1]) {
      zero = at[k] - slope[k] * bends[k];
    }
  }
  Minimum least{HUGE_VAL, 0, 0};
  for (std::size_t k = 0; k < 3; ++k) {
    const double t = std::clamp(-(c * slope[k] - g) / lambda, bends[k], bends[k + 1]);
    const double moved = at[k] - zero + slope[k] * (t - bends[k]);
    const double value = c * moved - g * t + lambda / 2 * t * t;
    if (value < least.value) {
      least = {value, t, moved};
    }
  }
  return least;
}

/// A multiplier that is not zero, so that nothing is divided by zero.
constexpr double least_lambda = 1e-200;

}  // namespace

void Dual::minimise(const Opening& open, std::size_t j, const double* slope, double& lambda, Work& work) {
  const std::size_t m = open.position.size();
  const double* const c = work.c.data() + j * m;
  double* const tau = work.tau.data() + j * m;
  double* const moved = work.moved.data() + j * m;
  // Closed entries whose slope is the fixed one are left out: their terms are zero, but they count neither here nor there.
  double widths = 0;
  double squares = 0;
  double all = 0;
  for (std::size_t i = 0; i < m; ++i) {
    if (open.straight[i] == 0 || slope[i] != open.fixed[i]) {
      widths += open.width[i] * open.width[i];
      squares += c[i] * c[i];
    }
    all += c[i] * c[i];
  }
  work.squared.resize(batch_);
  const double squared = std::min(open.rho * open.rho, widths);
  work.squared[j] = squared;
  if (lambda == by_rule) {
    // Where everything is left out the multiplier has no effect; a search begins with what it would be if nothing were.
    lambda = widths > 0 ? std::sqrt(squares / squared) / 4 : m > 0 ? std::sqrt(all) / (4 * open.rho) : 0;
  }
  const double inverse = 1 / std::max(lambda, least_lambda);
  const double half = lambda / 2;
  const double* const width = open.width.data();
  const double* const bend = open.bend.data();
  double sum = 0;
  double magnitude = 0;
  for (std::size_t i = 0; i < m; ++i) {
    const double w = width[i];
    const double b = bend[i];
    const double ci = c[i];
    const double g = slope[i] * ci;
    const bool swap = open.curved && ci > 0;
    const double left = swap ? open.right[i] : open.left[i];
    const double right = swap ? open.left[i] : open.right[i];
    const double jump = (left - right) * b;  // of the offsets
    const double offset1 = b > 0 ? 0.0 : -jump;
    const double offset2 = b > 0 ? jump : 0.0;
    const double a1 = ci * left - g;
    const double a2 = ci * right - g;
    const double t1 = std::min(std::max(-a1 * inverse, -w), b);
    const double t2 = std::min(std::max(-a2 * inverse, b), w);
    const double v1 = a1 * t1 + ci * offset1 + half * t1 * t1;
    const double v2 = a2 * t2 + ci * offset2 + half * t2 * t2;
    const bool first = v1 < v2;
    const double t = first ? t1 : t2;
    const double f = first ? left * t1 + offset1 : right * t2 + offset2;
    tau[i] = t;
    moved[i] = f;
    sum += first ? v1 : v2;
    magnitude += std::fabs(ci * f) + std::fabs(g * t) + half * t * t;
  }
  if (!open.bend2.empty()) {
    sum = 0;
    for (std::size_t i = 0; i < m; ++i) {
      const Minimum least = with_two_bends(open, i, c[i], slope[i] * c[i], std::max(lambda, least_lambda));
      tau[i] = least.t;
      moved[i] = least.moved;
      sum += least.value;
    }
  }
  const double paid = half * squared;
  bounds[j].value += sum - paid;
  bounds[j].magnitude += magnitude + paid;
}

void Dual::charge_ball(std::size_t j, const std::vector<Place>* places, std::size_t value, double rho) {
  double sum = 0;
  if (places != nullptr) {
    for (const Place& place : *places) {
      const double c = *row(c_, place, j);
      sum += c * c;
    }
  } else {
    const std::size_t n = plan_.sizes[value];
    for (std::size_t i = 0; i < n; ++i) {
      sum += c_[value][j * n + i] * c_[value][j * n + i];
    }
  }
  const double paid = sum > 0 ? std::sqrt(sum) * rho : 0;
  bounds[j].value -= paid;
  bounds[j].magnitude += paid;
}

void Dual::charge_input(Parameters& parameters) {
  const std::size_t n = plan_.sizes[0];
  const double r = open_.r;
  const std::vector<double>& x = centre_[0];
  p_[0].assign(batch_ * n, 0.0);
  for (std::size_t j = 0; j < batch_; ++j) {
    const double* const c = &c_[0][j * n];
    double* const p = &p_[0][j * n];
    double squares = 0;
    for (std::size_t i = 0; i < n; ++i) {
      squares += c[i] * c[i];
    }
    const double length = std::sqrt(squares);
    if (low_.empty()) {
      bounds[j].value -= r * length;
      bounds[j].magnitude += r * length;
      const double factor = length > 0 ? -r / length : 0;
      for (std::size_t i = 0; i < n; ++i) {
        p[i] = factor * c[i];
      }
      continue;
    }
    double& lambda = parameters.input_lambda[j];
    const auto minimiser = [&](double at, std::size_t i) { return std::min(std::max(-c[i] / at, low_[i] - x[i]), high_[i] - x[i]); };
    if (lambda == best && length > 0) {
      // The distance of the minimisers falls with lambda; the best lambda makes it r. Without a range it is ||c|| / r, which is the upper
      // end here.
      double above = length / r;
      double below = above * 1e-4;
      for (int step = 0; step < 24; ++step) {
        const double middle = std::sqrt(below * above);
        double distance = 0;
        for (std::size_t i = 0; i < n; ++i) {
          distance += minimiser(middle, i) * minimiser(middle, i);
        }
        (distance > r * r ? below : above) = middle;
      }
      lambda = above;
    } else if (lambda == by_rule || lambda == best) {
      lambda = length / r;
    }
    const double at = std::max(lambda, least_lambda);
    double sum = 0;
    double magnitude = 0;
    for (std::size_t i = 0; i < n; ++i) {
      p[i] = minimiser(at, i);
      sum += c[i] * p[i] + at / 2 * p[i] * p[i];
      magnitude += std::fabs(c[i] * p[i]) + at / 2 * p[i] * p[i];
    }
    bounds[j].value += sum - at * r * r / 2;
    bounds[j].magnitude += magnitude + at * r * r / 2;
  }
}

}  // namespace lipcert::local
