// See evaluate.hpp.

#include "certify/evaluate.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <utility>

#include "certify/interval.hpp"
#include "formats/error.hpp"

namespace lipcert {
namespace {

/// One vector on its way through the chain. `magnitude` bounds (up to rounding) the sum of the magnitudes of the terms that made an entry.
struct State {
  std::vector<double> centre;
  std::vector<double> radius;
  std::vector<double> magnitude;

  explicit State(std::vector<double> x) : centre(std::move(x)), radius(centre.size(), 0.0), magnitude(centre.size()) {
    for (std::size_t i = 0; i < centre.size(); ++i) {
      magnitude[i] = std::fabs(centre[i]);
    }
  }
  explicit State(std::size_t n) : centre(n), radius(n), magnitude(n) {}

  void set(std::size_t i, Ball ball) {
    centre[i] = ball.centre;
    radius[i] = ball.radius;
  }
  [[nodiscard]] Ball at(std::size_t i) const { return {centre[i], radius[i]}; }
};

/// Four partial sums of n terms: fixed order, and the compiler may vectorise them.
template <class Term>
double sum_of(std::size_t n, Term term) {
  std::array<double, 4> s{};
  std::size_t k = 0;
  for (; k + 4 <= n; k += 4) {
    for (std::size_t l = 0; l < 4; ++l) {
      s[l] += term(k + l);
    }
  }
  for (; k < n; ++k) {
    s[0] += term(k);
  }
  return (s[0] + s[1]) + (s[2] + s[3]);
}

/// Rows of a matrix times a vector of balls.
///
/// The centre is a sum of n rounded products: |fl - sum| <= gamma_n sum |a_k x_k|, and the computed sum of magnitudes is at least (1 - gamma_n)
/// times the true one. The data's radius adds sum |a_k| r_k, the matrix's adds sum ra_k (|x_k| + r_k): sums of nonnegative terms, inflated by
/// gamma. An underflowing product loses at most 2^-1074; where every product has a factor that is zero, nothing is lost and zero stays exact.
class RowProduct {
 public:
  RowProduct(const EnclosedMatrix& matrix, const State& in)
      : matrix_(matrix),
        in_(in),
        data_exact_(std::all_of(in.radius.begin(), in.radius.end(), [](double r) { return r == 0; })),
        g_(gamma(matrix.columns + 8)),
        underflow_(Upper::exact(static_cast<double>(matrix.columns) * 0x1p-1074)) {}

  /// The vector is x[first], x[first + stride], ...
  void select(std::size_t first, std::size_t stride) {
    x_ = in_.centre.data() + first;
    r_ = in_.radius.data() + first;
    if (stride != 1) {
      const std::size_t n = matrix_.columns;
      gathered_.resize(2 * n);
      for (std::size_t k = 0; k < n; ++k) {
        gathered_[k] = x_[k * stride];
        gathered_[n + k] = r_[k * stride];
      }
      x_ = gathered_.data();
      r_ = gathered_.data() + n;
    }
  }

  void apply(std::size_t row, State& out, std::size_t at) const {
    const std::size_t n = matrix_.columns;
    const double* a = &matrix_.centre[row * n];
    const double* x = x_;
    const double* r = r_;
    const double centre = sum_of(n, [&](std::size_t k) { return a[k] * x[k]; });
    const double magnitude = sum_of(n, [&](std::size_t k) { return std::fabs(a[k] * x[k]); });
    Upper radius = charged(magnitude, [&](std::size_t k) { return a[k] != 0 && x[k] != 0; }) * g_;
    if (radius.value() > 0) {
      radius = radius + underflow_;
    }
    if (!data_exact_) {
      const double spread = sum_of(n, [&](std::size_t k) { return std::fabs(a[k]) * r[k]; });
      radius = radius + charged(spread, [&](std::size_t k) { return a[k] != 0 && r[k] != 0; });
    }
    if (!matrix_.exact()) {
      const double* ra = &matrix_.radius[row * n];
      const double spread = sum_of(n, [&](std::size_t k) { return ra[k] * (std::fabs(x[k]) + r[k]); });
      radius = radius + charged(spread, [&](std::size_t k) { return ra[k] != 0 && (x[k] != 0 || r[k] != 0); });
    }
    out.set(at, {centre, radius.value()});
    out.magnitude[at] = magnitude;
  }

 private:
  /// The true value of a sum of nonnegative products from the computed one. A computed zero is true only if no product has two factors that
  /// are not zero.
  template <class Nonzero>
  [[nodiscard]] Upper charged(double sum, Nonzero nonzero) const {
    if (sum == 0) {
      bool zero = true;
      for (std::size_t k = 0; k < matrix_.columns && zero; ++k) {
        zero = !nonzero(k);
      }
      if (zero) {
        return {};
      }
    }
    return (Upper::exact(sum) + underflow_) * (Upper::exact(1) + g_);
  }

  const EnclosedMatrix& matrix_;
  const State& in_;
  bool data_exact_;
  Upper g_;
  Upper underflow_;
  const double* x_ = nullptr;
  const double* r_ = nullptr;
  std::vector<double> gathered_;
};

/// The step's linear part, with the bias unless `derivative`.
State affine(const Step& step, State in, bool derivative) {
  const bool bias = !derivative && !step.bias.empty();
  if (step.kind == Step::Kind::isometry || step.kind == Step::Kind::diagonal) {
    for (std::size_t i = 0; i < in.centre.size(); ++i) {
      if (step.kind == Step::Kind::diagonal) {
        const Ball factor = step.factors[step.factors.size() == 1 ? 0 : i];
        in.set(i, multiply(in.at(i), factor));
        in.magnitude[i] *= std::fabs(factor.centre);
      } else if (step.sign < 0) {
        in.centre[i] = -in.centre[i];
      }
      if (bias) {
        in.set(i, add(in.at(i), step.bias[i]));
        in.magnitude[i] += std::fabs(step.bias[i].centre);
      }
    }
    return in;
  }
  State out(step.output_size);
  RowProduct product(step.matrix, in);
  const std::size_t rows = step.matrix.rows;
  const bool right = step.kind == Step::Kind::right;
  for (std::size_t copy = 0; copy < step.copies; ++copy) {
    product.select(right ? copy * step.matrix.columns : copy, right ? 1 : step.copies);
    for (std::size_t i = 0; i < rows; ++i) {
      product.apply(i, out, right ? copy * rows + i : i * step.copies + copy);
    }
  }
  if (bias) {
    for (std::size_t i = 0; i < out.centre.size(); ++i) {
      out.set(i, add(out.at(i), step.bias[i]));
      out.magnitude[i] += std::fabs(step.bias[i].centre);
    }
  }
  return out;
}

/// Centre and radius of the interval [low, high] of doubles.
Ball hull(double low, double high) {
  const double centre = low + (high - low) / 2;
  // |true - centre| <= max(high - centre, centre - low), each difference rounded up.
  const Ball above = subtract({high, 0}, {centre, 0});
  const Ball below = subtract({centre, 0}, {low, 0});
  const Upper a = Upper::exact(above.centre) + Upper::exact(above.radius);
  const Upper b = Upper::exact(below.centre) + Upper::exact(below.radius);
  return {centre, max(a, b).value()};
}

/// Ends of a ball as doubles, rounded outward.
double low_end(Ball b) {
  const Ball end = subtract({b.centre, 0}, {b.radius, 0});
  return end.radius == 0 ? end.centre : std::nextafter(end.centre, -HUGE_VAL);
}
double high_end(Ball b) {
  const Ball end = add({b.centre, 0}, {b.radius, 0});
  return end.radius == 0 ? end.centre : std::nextafter(end.centre, HUGE_VAL);
}

bool bounded(Ball b) { return std::isfinite(b.centre) && std::isfinite(b.radius); }

Ball unbounded() { return {0, HUGE_VAL}; }

Interval interval(Ball b) { return Interval::between(low_end(b), high_end(b)); }

enum class Sign { negative, zero, positive, open };

Sign sign_of(Ball z) {
  if (z.centre == 0 && z.radius == 0) {
    return Sign::zero;
  }
  if (z.centre > z.radius) {
    return Sign::positive;
  }
  return -z.centre > z.radius ? Sign::negative : Sign::open;
}

/// Slopes of the operators that are linear on both sides of 0.
struct Slopes {
  double left = 0;
  double right = 1;
};

Slopes slopes_of(const Step& step) {
  switch (step.op) {
    case Operator::leaky_relu:
      return {step.alpha, 1};
    case Operator::abs:
      return {-1, 1};
    default:
      return {0, 1};
  }
}

/// t -> left t for t < 0, right t for t >= 0, of a ball: the value of such an operator, and its derivative at 0 along t.
Ball two_slopes(Ball t, Slopes s) {
  switch (sign_of(t)) {
    case Sign::zero:
      return {0, 0};
    case Sign::positive:
      return multiply(t, {s.right, 0});
    case Sign::negative:
      return multiply(t, {s.left, 0});
    case Sign::open:
      break;
  }
  if (!bounded(t)) {
    return unbounded();
  }
  // The extreme values are at the ends or at 0.
  const Ball at_low = multiply({low_end(t), 0}, {low_end(t) < 0 ? s.left : s.right, 0});
  const Ball at_high = multiply({high_end(t), 0}, {high_end(t) < 0 ? s.left : s.right, 0});
  return hull(std::min({0.0, low_end(at_low), low_end(at_high)}), std::max({0.0, high_end(at_low), high_end(at_high)}));
}

Ball smooth_value(Operator op, Ball z) {
  if (!bounded(z)) {
    return unbounded();
  }
  const Interval y = op == Operator::sigmoid ? sigmoid(interval(z)) : tanh(interval(z));
  return hull(y.lower(), y.upper());
}

Ball smooth_slope(Operator op, Ball z) {
  if (!bounded(z)) {
    return unbounded();
  }
  const Interval y = op == Operator::sigmoid ? sigmoid_slope(interval(z)) : tanh_slope(interval(z));
  return hull(y.lower(), y.upper());
}

bool smooth(Operator op) { return op == Operator::sigmoid || op == Operator::tanh; }

/// Value of an activation; the magnitude starts anew.
State activate(const Step& step, const State& z) {
  State out(z.centre.size());
  for (std::size_t i = 0; i < z.centre.size(); ++i) {
    const Ball y = smooth(step.op) ? smooth_value(step.op, z.at(i)) : two_slopes(z.at(i), slopes_of(step));
    out.set(i, y);
    out.magnitude[i] = std::fabs(y.centre) + y.radius;
  }
  return out;
}

/// Derivative of an activation at z along t.
State activate_along(const Step& step, const State& z, const State& t, bool& clear) {
  State out(z.centre.size());
  for (std::size_t i = 0; i < z.centre.size(); ++i) {
    if (smooth(step.op)) {
      out.set(i, multiply(smooth_slope(step.op, z.at(i)), t.at(i)));
      continue;
    }
    const Slopes s = slopes_of(step);
    const Ball ball = z.at(i);
    Sign sign = sign_of(ball);
    if (sign != Sign::zero && !(std::fabs(ball.centre) > 0x1p-30 * z.magnitude[i] + 0x1p10 * ball.radius)) {
      clear = false;
      sign = Sign::open;  // even where we see the sign: another program may not
    }
    switch (sign) {
      case Sign::zero:
        out.set(i, two_slopes(t.at(i), s));
        break;
      case Sign::positive:
        out.set(i, multiply(t.at(i), {s.right, 0}));
        break;
      case Sign::negative:
        out.set(i, multiply(t.at(i), {s.left, 0}));
        break;
      case Sign::open: {
        // Whatever the sign, and at an exact zero whatever the direction, the result is t times a number between the slopes.
        if (!bounded(t.at(i))) {
          out.set(i, unbounded());
          break;
        }
        const Ball left = multiply(t.at(i), {s.left, 0});
        const Ball right = multiply(t.at(i), {s.right, 0});
        out.set(i, hull(std::min(low_end(left), low_end(right)), std::max(high_end(left), high_end(right))));
        break;
      }
    }
  }
  return out;
}

}  // namespace

BallVector evaluate(const Chain& chain, const std::vector<double>& x) {
  State state{std::vector<double>(x)};
  for (const Step& step : chain.steps) {
    state = step.kind == Step::Kind::activation ? activate(step, state) : affine(step, std::move(state), false);
  }
  return {std::move(state.centre), std::move(state.radius)};
}

DirectionalDerivative differentiate(const Chain& chain, const std::vector<double>& x, const std::vector<double>& v) {
  DirectionalDerivative result;
  State state{std::vector<double>(x)};
  State along{std::vector<double>(v)};
  for (const Step& step : chain.steps) {
    if (step.kind == Step::Kind::activation) {
      along = activate_along(step, state, along, result.clear);
      state = activate(step, state);
    } else {
      state = affine(step, std::move(state), false);
      along = affine(step, std::move(along), true);
    }
  }
  result.value = {std::move(state.centre), std::move(state.radius)};
  result.derivative = {std::move(along.centre), std::move(along.radius)};
  return result;
}

BallVector evaluate(const Network& network, const std::vector<double>& x) {
  WorkerPool pool(1);
  const Chain chain = build_chain(network, pool);
  if (!chain.refusals.empty()) {
    throw input_error("Node " + chain.refusals.front().node + " " + chain.refusals.front().reason);
  }
  if (x.size() != chain.input_size) {
    throw input_error("A point with " + std::to_string(x.size()) + " entries was given to a network whose input has " +
                      std::to_string(chain.input_size) + ".");
  }
  return evaluate(chain, x);
}

}  // namespace lipcert
