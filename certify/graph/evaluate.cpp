// See evaluate.hpp.

#include "certify/graph/evaluate.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <functional>
#include <optional>
#include <utility>

#include "certify/numbers/interval.hpp"
#include "formats/encoding/error.hpp"

namespace lipcert {
namespace {

/// One vector on its way through the graph. `magnitude` bounds (up to rounding) the sum of the magnitudes of the terms that made an entry.
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

/// Inner products of rows of constants with selected entries of a vector of balls.
///
/// The centre is a sum of n rounded products: |fl - sum| <= gamma_n sum |a_k x_k|, and the computed sum of magnitudes is at least (1 -
/// gamma_n) times the true one. The data's radius adds sum |a_k| r_k, the matrix's adds sum ra_k (|x_k| + r_k): sums of nonnegative terms,
/// inflated by gamma. An underflowing product loses at most 2^-1074; where every product has a factor that is zero, nothing is lost and
/// zero stays exact.
class RowProduct {
 public:
  /// At most n terms in a row.
  RowProduct(std::size_t n, const State& in)
      : in_(in),
        data_exact_(std::all_of(in.radius.begin(), in.radius.end(), [](double r) { return r == 0; })),
        g_(gamma(n + 8)),
        underflow_(Upper::exact(static_cast<double>(n) * 0x1p-1074)),
        gathered_(2 * n) {}

  /// The vector is x[first], x[first + stride], ..., n entries.
  void select(std::size_t first, std::size_t stride, std::size_t n) {
    x_ = in_.centre.data() + first;
    r_ = in_.radius.data() + first;
    n_ = n;
    if (stride != 1) {
      begin_gathering();
      for (std::size_t k = 0; k < n; ++k) {
        gather(first + k * stride);
      }
    }
  }

  /// The vector is what the next calls of `gather` name.
  void begin_gathering() {
    n_ = 0;
    x_ = gathered_.data();
    r_ = gathered_.data() + gathered_.size() / 2;
  }
  void gather(std::size_t index) {
    gathered_[n_] = in_.centre[index];
    gathered_[gathered_.size() / 2 + n_++] = in_.radius[index];
  }
  void gather_zero() {
    gathered_[n_] = 0;
    gathered_[gathered_.size() / 2 + n_++] = 0;
  }

  /// `ra` may be null: the row is exact.
  void apply(const double* a, const double* ra, State& out, std::size_t at) const {
    const std::size_t n = n_;
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
    if (ra != nullptr) {
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
      for (std::size_t k = 0; k < n_ && zero; ++k) {
        zero = !nonzero(k);
      }
      if (zero) {
        return {};
      }
    }
    return (Upper::exact(sum) + underflow_) * (Upper::exact(1) + g_);
  }

  const State& in_;
  bool data_exact_;
  Upper g_;
  Upper underflow_;
  std::size_t n_ = 0;
  const double* x_ = nullptr;
  const double* r_ = nullptr;
  std::vector<double> gathered_;
};

const double* row_of(const std::vector<double>& radius, std::size_t at) {
  return radius.empty() ? nullptr : &radius[at];
}

void dense(const Step& step, const State& in, State& out) {
  const EnclosedMatrix& m = step.matrix;
  RowProduct product(m.columns, in);
  const bool right = step.kind == Step::Kind::right;
  for (std::size_t copy = 0; copy < step.copies; ++copy) {
    product.select(right ? copy * m.columns : copy, right ? 1 : step.copies, m.columns);
    for (std::size_t i = 0; i < m.rows; ++i) {
      product.apply(&m.centre[i * m.columns], row_of(m.radius, i * m.columns), out, right ? copy * m.rows + i : i * step.copies + copy);
    }
  }
}

void sparse(const SparseMatrix& m, const State& in, State& out) {
  std::size_t longest = 0;
  for (std::size_t i = 0; i < m.rows; ++i) {
    longest = std::max(longest, m.start[i + 1] - m.start[i]);
  }
  RowProduct product(longest, in);
  for (std::size_t i = 0; i < m.rows; ++i) {
    product.begin_gathering();
    for (std::size_t k = m.start[i]; k < m.start[i + 1]; ++k) {
      product.gather(m.column[k]);
    }
    product.apply(m.centre.data() + m.start[i], m.radius.empty() ? nullptr : m.radius.data() + m.start[i], out, i);
  }
}

void convolve(const ConvolutionMap& c, const State& in, State& out) {
  RowProduct product(c.kernel.columns, in);
  for (std::size_t g = 0; g < c.groups; ++g) {
    for (std::size_t p = 0; p < c.output_positions; ++p) {
      product.begin_gathering();
      for (std::size_t i = 0; i < c.inputs; ++i) {
        for (std::size_t t = 0; t < c.taps; ++t) {
          const std::int32_t from = c.source[t * c.output_positions + p];
          if (from < 0) {
            product.gather_zero();
          } else {
            product.gather((g * c.inputs + i) * c.input_positions + static_cast<std::size_t>(from));
          }
        }
      }
      for (std::size_t o = g * c.outputs; o < (g + 1) * c.outputs; ++o) {
        product.apply(&c.kernel.centre[o * c.kernel.columns], row_of(c.kernel.radius, o * c.kernel.columns), out,
                      o * c.output_positions + p);
      }
    }
  }
}

/// The values that a step reads. The first one may be overwritten.
using Inputs = std::vector<const State*>;

/// The step's linear part, with the bias unless `derivative`.
State affine(const Step& step, State* reusable, const Inputs& inputs, bool derivative) {
  const bool bias = !derivative && !step.bias.empty();
  State out(0);
  if (step.kind == Step::Kind::isometry || step.kind == Step::Kind::diagonal) {
    out = reusable != nullptr ? std::move(*reusable) : *inputs[0];
    for (std::size_t i = 0; i < out.centre.size(); ++i) {
      if (step.kind == Step::Kind::diagonal) {
        const Ball factor = step.factors[step.factors.size() == 1 ? 0 : i];
        out.set(i, multiply(out.at(i), factor));
        out.magnitude[i] *= std::fabs(factor.centre);
      } else if (step.sign < 0) {
        out.centre[i] = -out.centre[i];
      }
    }
  } else {
    out = State(step.output_size);
    switch (step.kind) {
      case Step::Kind::right:
      case Step::Kind::left:
        dense(step, *inputs[0], out);
        break;
      case Step::Kind::sparse:
        sparse(step.weights, *inputs[0], out);
        break;
      case Step::Kind::convolution:
        convolve(step.convolution, *inputs[0], out);
        break;
      case Step::Kind::move:
        for (std::size_t i = 0; i < step.output_size; ++i) {
          const EntryAt& from = step.source[i];
          if (from.input != Step::no_input) {
            out.set(i, inputs[from.input]->at(from.index));
            out.magnitude[i] = inputs[from.input]->magnitude[from.index];
          }
        }
        break;
      default:
        for (std::size_t k = 0; k < inputs.size(); ++k) {  // sum
          for (std::size_t i = 0; i < step.output_size; ++i) {
            const std::size_t from = step.maps[k].empty() ? i : step.maps[k][i];
            const Ball term = inputs[k]->at(from);
            out.set(i, add(out.at(i), {step.signs[k] * term.centre, term.radius}));
            out.magnitude[i] += inputs[k]->magnitude[from];
          }
        }
        break;
    }
  }
  for (std::size_t i = 0; bias && i < out.centre.size(); ++i) {
    out.set(i, add(out.at(i), step.bias[i]));
    out.magnitude[i] += std::fabs(step.bias[i].centre);
  }
  return out;
}

bool bounded(Ball b) {
  return std::isfinite(b.centre) && std::isfinite(b.radius);
}

Ball unbounded() {
  return {0, HUGE_VAL};
}

Interval interval(Ball b) {
  return Interval::between(low_end(b), high_end(b));
}

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

/// |z| is above `margin` of what any other program of ordinary precision may see as zero.
bool is_clear(Ball z, double magnitude) {
  return std::fabs(z.centre) > 0x1p-30 * magnitude + 0x1p10 * z.radius;
}

/// Every number between the two balls.
Ball hull_of(Ball a, Ball b) {
  if (!bounded(a) || !bounded(b)) {
    return unbounded();
  }
  return hull(std::min(low_end(a), low_end(b)), std::max(high_end(a), high_end(b)));
}

/// Slopes of the operators that are linear on both sides of 0.
struct Slopes {
  Ball left{0, 0};
  Ball right{1, 0};
};

Slopes slopes_of(const Step& step, std::size_t i) {
  switch (step.op) {
    case Operator::leaky_relu:
      return {{step.alpha, 0}, {1, 0}};
    case Operator::prelu:
      return {step.slopes[step.slopes.size() == 1 ? 0 : i], {1, 0}};
    case Operator::abs:
      return {{-1, 0}, {1, 0}};
    default:
      return {};
  }
}

/// t -> left t for t < 0, right t for t >= 0, of a ball: the value of such an operator, and its derivative at 0 along t.
Ball two_slopes(Ball t, const Slopes& s) {
  switch (sign_of(t)) {
    case Sign::zero:
      return {0, 0};
    case Sign::positive:
      return multiply(t, s.right);
    case Sign::negative:
      return multiply(t, s.left);
    case Sign::open:
      break;
  }
  if (!bounded(t)) {
    return unbounded();
  }
  // The extreme values are at the ends or at 0.
  const Ball at_low = multiply({low_end(t), 0}, low_end(t) < 0 ? s.left : s.right);
  const Ball at_high = multiply({high_end(t), 0}, high_end(t) < 0 ? s.left : s.right);
  return hull_of(hull_of(at_low, at_high), {0, 0});
}

/// The derivative along t of an operator with a kink at z = 0.
Ball kink_along(Ball z, double magnitude, Ball t, const Slopes& s, bool& clear) {
  Sign sign = sign_of(z);
  if (sign != Sign::zero && !is_clear(z, magnitude)) {
    clear = false;
    sign = Sign::open;  // even where we see the sign: another program may not
  }
  switch (sign) {
    case Sign::zero:
      return two_slopes(t, s);
    case Sign::positive:
      return multiply(t, s.right);
    case Sign::negative:
      return multiply(t, s.left);
    case Sign::open:
      break;
  }
  // Whatever the sign, and at an exact zero whatever the direction, the result is t times a number between the slopes.
  return hull_of(multiply(t, s.left), multiply(t, s.right));
}

/// Value and slope of a smooth function on an interval, both enclosed.
struct Smooth {
  Interval value;
  Interval slope;
};

Smooth smooth_of(const Step& step, const Interval& x) {
  const Interval one = Interval::exact(1);
  const Interval half = Interval::exact(0.5);
  switch (step.op) {
    case Operator::sigmoid:
      if (step.times_argument) {
        return {x * sigmoid(x), sigmoid(x) + x * sigmoid_slope(x)};
      }
      return {sigmoid(x), sigmoid_slope(x)};
    case Operator::softplus:
      return {softplus(x), sigmoid(x)};
    case Operator::mish: {
      const Interval soft = softplus(x);
      return {x * tanh(soft), tanh(soft) + x * tanh_slope(soft) * sigmoid(x)};
    }
    case Operator::gelu: {
      if (step.tanh_form) {
        // x (1 + tanh u) / 2, u = sqrt(2/pi) (x + 0.044715 x^3): the slope is (1 + tanh u) / 2 + x sech(u)^2 u' / 2. The coefficient is a
        // decimal.
        const Interval c = Interval::exact(44715) / Interval::exact(1e6);
        const Interval root = sqrt(Interval::exact(2) / pi());
        const Interval u = root * x * (one + c * square(x));
        const Interval du = root * (one + Interval::exact(3) * c * square(x));
        const Interval share = half * (one + tanh(u));
        return {x * share, share + half * x * tanh_slope(u) * du};
      }
      // x Phi(x): the slope is Phi(x) + x phi(x).
      const Interval root = sqrt(Interval::exact(2));
      const Interval share = half * (one + erf(x / root));
      const Interval density = exp(Interval() - half * square(x)) / sqrt(Interval::exact(2) * pi());
      return {x * share, share + x * density};
    }
    default:
      return {tanh(x), tanh_slope(x)};
  }
}

bool smooth(const Step& step) {
  switch (step.op) {
    case Operator::sigmoid:
    case Operator::tanh:
    case Operator::softplus:
    case Operator::mish:
    case Operator::gelu:
      return true;
    default:
      return false;
  }
}

Ball ball(const Interval& i) {
  const double low = i.lower();
  const double high = i.upper();
  return std::isfinite(low) && std::isfinite(high) ? hull(low, high) : unbounded();
}

/// Elu, Selu: the left piece is smooth; HardSwish: three pieces. Piece k between breaks[k - 1] and breaks[k].
struct Pieces {
  std::vector<double> breaks;
  std::vector<std::function<Smooth(const Interval&)>> pieces;
};

Pieces pieces_of(const Step& step) {
  const Interval one = Interval::exact(1);
  if (step.op == Operator::hard_swish) {
    return {{-3, 3},
            {[](const Interval&) {
               return Smooth{Interval(), Interval()};
             },
             [](const Interval& x) {
               const Interval six = Interval::exact(6);
               return Smooth{x * (x + Interval::exact(3)) / six, (x + x + Interval::exact(3)) / six};
             },
             [one](const Interval& x) {
               return Smooth{x, one};
             }}};
  }
  const Interval gamma = Interval::exact(step.op == Operator::selu ? step.gamma : 1);
  const Interval left = gamma * Interval::exact(step.alpha);
  return {{0},
          {[left, one](const Interval& x) {
             return Smooth{left * (exp(x) - one), left * exp(x)};
           },
           [gamma](const Interval& x) {
             return Smooth{gamma * x, gamma};
           }}};
}

Ball pieces_value(const Pieces& f, Ball z) {
  if (!bounded(z)) {
    return unbounded();
  }
  std::optional<Ball> result;
  for (std::size_t k = 0; k < f.pieces.size(); ++k) {
    const double low = k == 0 ? low_end(z) : std::max(low_end(z), f.breaks[k - 1]);
    const double high = k == f.breaks.size() ? high_end(z) : std::min(high_end(z), f.breaks[k]);
    if (low <= high) {
      const Ball here = ball(f.pieces[k](Interval::between(low, high)).value);
      result = result ? hull_of(*result, here) : here;
    }
  }
  return result.value_or(unbounded());
}

Ball pieces_along(const Pieces& f, Ball z, double magnitude, Ball t, bool& clear) {
  if (!bounded(z)) {
    clear = false;
    return unbounded();
  }
  // A break that another program may not tell apart from z counts as inside.
  double low = low_end(z);
  double high = high_end(z);
  for (std::size_t k = 0; k < f.breaks.size(); ++k) {
    const Ball distance = subtract(z, {f.breaks[k], 0});
    if (sign_of(distance) == Sign::zero) {
      const Interval here = Interval::exact(f.breaks[k]);
      return two_slopes(t, {ball(f.pieces[k](here).slope), ball(f.pieces[k + 1](here).slope)});
    }
    if (!is_clear(distance, magnitude + std::fabs(f.breaks[k]))) {
      clear = false;
      low = std::min(low, f.breaks[k]);
      high = std::max(high, f.breaks[k]);
    }
  }
  std::optional<Ball> slope;
  for (std::size_t k = 0; k < f.pieces.size(); ++k) {
    const double from = k == 0 ? low : std::max(low, f.breaks[k - 1]);
    const double to = k == f.breaks.size() ? high : std::min(high, f.breaks[k]);
    if (from <= to) {
      const Ball here = ball(f.pieces[k](Interval::between(from, to)).slope);
      slope = slope ? hull_of(*slope, here) : here;
    }
  }
  return multiply(slope.value_or(unbounded()), t);
}

// The larger (smaller) of two numbers moves no further than the one of them that moves more.
Ball larger(Ball a, Ball b) {
  return {std::max(a.centre, b.centre), std::max(a.radius, b.radius)};
}
Ball smaller(Ball a, Ball b) {
  return {std::min(a.centre, b.centre), std::max(a.radius, b.radius)};
}

const Ball* limit_at(const std::vector<Ball>& limits, std::size_t i) {
  return limits.empty() ? nullptr : &limits[limits.size() == 1 ? 0 : i];
}

/// min(max(z, low), high), and with `along` its derivative.
Ball clamp(Ball z, double magnitude, const Ball* low, const Ball* high, Ball* along, bool& clear) {
  if (low != nullptr) {
    if (along != nullptr) {
      *along = kink_along(subtract(z, *low), magnitude + std::fabs(low->centre), *along, {{0, 0}, {1, 0}}, clear);
    }
    z = larger(z, *low);
    magnitude = std::max(magnitude, std::fabs(low->centre));
  }
  if (high != nullptr) {
    if (along != nullptr) {
      *along = kink_along(subtract(z, *high), magnitude + std::fabs(high->centre), *along, {{1, 0}, {0, 0}}, clear);
    }
    z = smaller(z, *high);
  }
  return z;
}

Ball clamped(const Step& step, std::size_t i, Ball z, double magnitude, Ball* along, bool& clear) {
  if (step.op == Operator::hard_sigmoid) {
    const Ball alpha{step.alpha, 0};
    const Ball zero{0, 0};
    const Ball one{1, 0};
    if (along != nullptr) {
      *along = multiply(*along, alpha);
    }
    return clamp(add(multiply(z, alpha), {step.gamma, 0}), magnitude * std::fabs(step.alpha) + std::fabs(step.gamma), &zero, &one, along,
                 clear);
  }
  return clamp(z, magnitude, limit_at(step.low, i), limit_at(step.high, i), along, clear);
}

bool clamps(const Step& step) {
  return step.op == Operator::clip || step.op == Operator::hard_sigmoid;
}
bool has_pieces(const Step& step) {
  return step.op == Operator::elu || step.op == Operator::selu || step.op == Operator::hard_swish;
}

/// Value of an activation; the magnitude starts anew.
State activate(const Step& step, const State& z) {
  State out(z.centre.size());
  const Pieces pieces = has_pieces(step) ? pieces_of(step) : Pieces{};
  bool ignored = true;
  for (std::size_t i = 0; i < z.centre.size(); ++i) {
    Ball y;
    if (smooth(step)) {
      y = bounded(z.at(i)) ? ball(smooth_of(step, interval(z.at(i))).value) : unbounded();
    } else if (!pieces.pieces.empty()) {
      y = pieces_value(pieces, z.at(i));
    } else if (clamps(step)) {
      y = clamped(step, i, z.at(i), z.magnitude[i], nullptr, ignored);
    } else {
      y = two_slopes(z.at(i), slopes_of(step, i));
    }
    out.set(i, y);
    out.magnitude[i] = std::fabs(y.centre) + y.radius;
  }
  return out;
}

/// Derivative of an activation at z along t.
State activate_along(const Step& step, const State& z, const State& t, bool& clear) {
  State out(z.centre.size());
  const Pieces pieces = has_pieces(step) ? pieces_of(step) : Pieces{};
  for (std::size_t i = 0; i < z.centre.size(); ++i) {
    if (smooth(step)) {
      out.set(i, bounded(z.at(i)) ? multiply(ball(smooth_of(step, interval(z.at(i))).slope), t.at(i)) : unbounded());
    } else if (!pieces.pieces.empty()) {
      out.set(i, pieces_along(pieces, z.at(i), z.magnitude[i], t.at(i), clear));
    } else if (clamps(step)) {
      Ball along = t.at(i);
      static_cast<void>(clamped(step, i, z.at(i), z.magnitude[i], &along, clear));
      out.set(i, along);
    } else {
      out.set(i, kink_along(z.at(i), z.magnitude[i], t.at(i), slopes_of(step, i), clear));
    }
  }
  return out;
}

/// The entries of the inputs, one input after the other.
class Entries {
 public:
  explicit Entries(const Inputs& inputs) : inputs_(inputs) {
    for (const State* input : inputs) {
      ends_.push_back((ends_.empty() ? 0 : ends_.back()) + input->centre.size());
    }
  }
  [[nodiscard]] Ball at(std::size_t i) const {
    const std::size_t k = which(i);
    return inputs_[k]->at(i - (k == 0 ? 0 : ends_[k - 1]));
  }
  [[nodiscard]] double magnitude(std::size_t i) const {
    const std::size_t k = which(i);
    return inputs_[k]->magnitude[i - (k == 0 ? 0 : ends_[k - 1])];
  }

 private:
  [[nodiscard]] std::size_t which(std::size_t i) const {
    std::size_t k = 0;
    while (i >= ends_[k]) {
      ++k;
    }
    return k;
  }
  const Inputs& inputs_;
  std::vector<std::size_t> ends_;
};

/// Order statistics. The (r + 1)-th smallest number lies between the (r + 1)-th smallest lower and upper ends; its derivative is that of an
/// entry that may be it.
State ordered(const Step& step, const Inputs& z, const Inputs* t, State* along, bool& clear) {
  State out(step.output_size);
  const Entries entries(z);
  const Entries tangents(t != nullptr ? *t : z);
  std::vector<double> low;
  std::vector<double> high;
  std::vector<double> sorted;
  std::uint32_t at = Step::no_input;  // the set that low and high belong to
  const auto order_statistic = [&](const std::vector<double>& ends, std::size_t r) {
    if (r == 0) {
      return *std::min_element(ends.begin(), ends.end());
    }
    if (r + 1 == ends.size()) {
      return *std::max_element(ends.begin(), ends.end());
    }
    sorted = ends;
    std::nth_element(sorted.begin(), sorted.begin() + static_cast<std::ptrdiff_t>(r), sorted.end());
    return sorted[r];
  };
  for (std::size_t o = 0; o < step.output_size; ++o) {
    const std::size_t begin = step.set_start[step.set[o]];
    const std::size_t n = step.set_start[step.set[o] + 1] - begin;
    if (at != step.set[o]) {
      at = step.set[o];
      low.resize(n);
      high.resize(n);
      for (std::size_t k = 0; k < n; ++k) {
        const Ball b = entries.at(step.set_entry[begin + k]);
        low[k] = bounded(b) ? low_end(b) : -HUGE_VAL;
        high[k] = bounded(b) ? high_end(b) : HUGE_VAL;
      }
    }
    const double least = order_statistic(low, step.rank[o]);
    const double most = order_statistic(high, step.rank[o]);
    const Ball y = std::isfinite(least) && std::isfinite(most) ? hull(least, most) : unbounded();
    out.set(o, y);
    out.magnitude[o] = std::fabs(y.centre) + y.radius;
    if (along == nullptr) {
      continue;
    }
    std::optional<Ball> slope;
    bool differ = false;
    for (std::size_t k = 0; k < n; ++k) {
      const std::uint32_t e = step.set_entry[begin + k];
      const Ball distance = subtract(entries.at(e), y);
      const bool may_be = low[k] <= most && high[k] >= least;
      // Another program may see an entry that is this close as the one.
      const bool near = sign_of(distance) != Sign::zero && !is_clear(distance, std::max(entries.magnitude(e), out.magnitude[o]));
      if (!may_be && !near) {
        continue;
      }
      const Ball v = tangents.at(e);
      differ = differ || (slope && (v.centre != slope->centre || v.radius != slope->radius));
      slope = slope ? hull_of(*slope, v) : v;
    }
    clear = clear && !differ;
    along->set(o, slope.value_or(unbounded()));
  }
  return out;
}

/// p_i = e_i / sum e_j, e_j = exp(x_j - m) for any number m; along t: p_i (t_i - sum p_j t_j).
State soft(const Step& step, const State& z, const State* t, State* along) {
  State out(step.output_size);
  for (std::size_t s = 0; s + 1 < step.set_start.size(); ++s) {
    const std::size_t begin = step.set_start[s];
    const std::size_t n = step.set_start[s + 1] - begin;
    const auto entry = [&](std::size_t k) { return std::size_t{step.set_entry[begin + k]}; };
    double largest = -HUGE_VAL;
    bool all_bounded = true;
    for (std::size_t k = 0; k < n; ++k) {
      largest = std::max(largest, z.centre[entry(k)]);
      all_bounded = all_bounded && bounded(z.at(entry(k)));
    }
    std::vector<Interval> e;
    Interval sum;
    for (std::size_t k = 0; k < n && all_bounded; ++k) {
      e.push_back(exp(interval(z.at(entry(k))) - Interval::exact(largest)));
      sum = sum + e.back();
    }
    Interval mean;
    bool tangents_bounded = all_bounded;
    for (std::size_t k = 0; k < n; ++k) {
      const std::size_t i = entry(k);
      const Ball p = all_bounded ? ball(e[k] / sum) : unbounded();
      out.set(i, p);
      out.magnitude[i] = std::fabs(p.centre) + p.radius;
      if (t != nullptr && tangents_bounded) {
        tangents_bounded = bounded(t->at(i));
        mean = tangents_bounded ? mean + e[k] / sum * interval(t->at(i)) : mean;
      }
    }
    for (std::size_t k = 0; t != nullptr && k < n; ++k) {
      const std::size_t i = entry(k);
      along->set(i, tangents_bounded ? ball(e[k] / sum * (interval(t->at(i)) - mean)) : unbounded());
    }
  }
  return out;
}

/// y = sqrt(sum a x^2); along t: sum a x t / y, at x = 0: sqrt(sum a t^2), which bounds it everywhere (Cauchy and Schwarz).
State root_of_squares(const Step& step, const State& z, const State* t, State* along, bool& clear) {
  State out(step.output_size);
  const SparseMatrix& a = step.weights;
  for (std::size_t o = 0; o < a.rows; ++o) {
    Ball squares{0, 0};
    Ball products{0, 0};
    Ball directions{0, 0};
    double magnitude = 0;
    for (std::size_t k = a.start[o]; k < a.start[o + 1]; ++k) {
      const std::size_t i = a.column[k];
      const Ball weight{a.centre[k], a.radius.empty() ? 0 : a.radius[k]};
      squares = add(squares, multiply(weight, multiply(z.at(i), z.at(i))));
      magnitude += weight.centre * z.magnitude[i] * z.magnitude[i];
      if (t != nullptr) {
        products = add(products, multiply(weight, multiply(z.at(i), t->at(i))));
        directions = add(directions, multiply(weight, multiply(t->at(i), t->at(i))));
      }
    }
    const auto root = [](Ball b) {
      return bounded(b) ? ball(sqrt(Interval::between(std::max(0.0, low_end(b)), std::max(0.0, high_end(b))))) : unbounded();
    };
    const Ball y = root(squares);
    out.set(o, y);
    out.magnitude[o] = std::fabs(y.centre) + y.radius;
    if (t == nullptr) {
      continue;
    }
    if (squares.centre == 0 && squares.radius == 0) {
      along->set(o, root(directions));
    } else if (is_clear(y, std::sqrt(magnitude)) && low_end(y) > 0) {
      along->set(o, divide(products, y));
    } else {
      clear = false;
      const Ball most = root(directions);
      along->set(o, bounded(most) ? hull(-high_end(most), high_end(most)) : unbounded());
    }
  }
  return out;
}

/// Walks through the graph with the values, and with derivatives if `v` is given. A value is dropped after its last reader.
struct Walk {
  State value{0};
  State along{0};
  bool clear = true;
};

Walk walk(const StepGraph& graph, const std::vector<double>& x, const std::vector<double>* v) {
  std::vector<std::size_t> left = graph.readers();
  std::vector<State> values(graph.steps.size() + 1, State(0));
  std::vector<State> alongs(v != nullptr ? graph.steps.size() + 1 : 0, State(0));
  values[0] = State{std::vector<double>(x)};
  if (v != nullptr) {
    alongs[0] = State{std::vector<double>(*v)};
  }
  Walk result;
  Inputs z;
  Inputs t;
  for (std::size_t s = 0; s < graph.steps.size(); ++s) {
    const Step& step = graph.steps[s];
    z.clear();
    t.clear();
    for (const std::size_t input : step.inputs) {
      z.push_back(&values[input]);
      if (v != nullptr) {
        t.push_back(&alongs[input]);
      }
    }
    const std::size_t first = step.inputs[0];
    const bool last_reader = step.inputs.size() == 1 && left[first] == 1;
    State& out = values[s + 1];
    State* const along = v != nullptr ? &alongs[s + 1] : nullptr;
    switch (step.kind) {
      case Step::Kind::activation:
        if (along != nullptr) {
          *along = activate_along(step, *z[0], *t[0], result.clear);
        }
        out = activate(step, *z[0]);
        break;
      case Step::Kind::order:
      case Step::Kind::softmax:
      case Step::Kind::pool_l2: {
        State derivative(along != nullptr ? step.output_size : 0);
        State* const d = along != nullptr ? &derivative : nullptr;
        out = step.kind == Step::Kind::order     ? ordered(step, z, along != nullptr ? &t : nullptr, d, result.clear)
              : step.kind == Step::Kind::softmax ? soft(step, *z[0], along != nullptr ? t[0] : nullptr, d)
                                                 : root_of_squares(step, *z[0], along != nullptr ? t[0] : nullptr, d, result.clear);
        if (along != nullptr) {
          *along = std::move(derivative);
        }
        break;
      }
      default:
        if (along != nullptr) {
          *along = affine(step, last_reader ? &alongs[first] : nullptr, t, true);
        }
        out = affine(step, last_reader ? &values[first] : nullptr, z, false);
        break;
    }
    for (const std::size_t input : step.inputs) {
      if (--left[input] == 0) {
        values[input] = State(0);
        if (v != nullptr) {
          alongs[input] = State(0);
        }
      }
    }
  }
  result.value = std::move(values[graph.output]);
  if (v != nullptr) {
    result.along = std::move(alongs[graph.output]);
  }
  return result;
}

}  // namespace

BallVector evaluate(const StepGraph& graph, const std::vector<double>& x) {
  Walk result = walk(graph, x, nullptr);
  return {std::move(result.value.centre), std::move(result.value.radius)};
}

DirectionalDerivative differentiate(const StepGraph& graph, const std::vector<double>& x, const std::vector<double>& v) {
  Walk walked = walk(graph, x, &v);
  DirectionalDerivative result;
  result.value = {std::move(walked.value.centre), std::move(walked.value.radius)};
  result.derivative = {std::move(walked.along.centre), std::move(walked.along.radius)};
  result.clear = walked.clear;
  return result;
}

BallVector evaluate(const Network& network, const std::vector<double>& x) {
  WorkerPool pool(1);
  const StepGraph graph = build_steps(network, pool);
  if (!graph.refusals.empty()) {
    throw input_error("Node " + graph.refusals.front().node + " " + graph.refusals.front().reason);
  }
  if (x.size() != graph.input_size) {
    throw input_error("A point with " + std::to_string(x.size()) + " entries was given to a network whose input has " +
                      std::to_string(graph.input_size) + ".");
  }
  return evaluate(graph, x);
}

}  // namespace lipcert
