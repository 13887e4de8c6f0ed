// See fixed_chain.hpp.
#include "verifier/samples/fixed_chain.hpp"

#include <algorithm>
#include <bit>

#include "verifier/trusted/failure.hpp"

namespace lipverify {

namespace mp = boost::multiprecision;

namespace {

constexpr int kSumBits = 125;          // every sum of products is at most 2^124
constexpr std::int64_t kFar = 100000;  // exponents beyond this are not followed

/// ceil(x * 2^shift) for x >= 0.
Integer ceil_scaled(const Integer& x, std::int64_t shift) {
  if (x == 0) return x;
  if (shift >= 0) return x << static_cast<std::size_t>(shift);
  if (-shift > static_cast<std::int64_t>(mp::msb(x))) return 1;
  return ((x - 1) >> static_cast<std::size_t>(-shift)) + 1;
}

Integer ceil_of(const Rational& x) {  // x >= 0
  const Integer& n = mp::numerator(x);
  const Integer& d = mp::denominator(x);
  return (n + d - 1) / d;
}

Rational power_of_two(std::int64_t exponent) {
  return scaled(Integer(1), exponent);
}

int bit_length(UInt128 value) {
  const auto high = static_cast<std::uint64_t>(value >> 64);
  return high != 0 ? 64 + static_cast<int>(std::bit_width(high)) : static_cast<int>(std::bit_width(static_cast<std::uint64_t>(value)));
}
UInt128 magnitude(Int128 value) {
  return value < 0 ? -static_cast<UInt128>(value) : static_cast<UInt128>(value);
}

std::int64_t bit_length(const Wide& x) {
  return x == 0 ? 0 : static_cast<std::int64_t>(mp::msb(x < 0 ? Wide(-x) : x)) + 1;
}

/// floor(x * 2^shift) for numbers that fit.
std::int64_t floor_shifted(const Wide& x, std::int64_t shift) {
  const bool negative = x < 0;
  Wide size = negative ? Wide(-x) : x;
  if (shift >= 0) {
    size <<= static_cast<std::size_t>(shift);
  } else {
    const bool inexact = size != 0 && static_cast<std::int64_t>(mp::lsb(size)) < -shift;
    size = -shift > 600 ? Wide(0) : Wide(size >> static_cast<std::size_t>(-shift));
    if (negative && inexact) size += 1;
  }
  return static_cast<std::int64_t>(negative ? Wide(-size) : size);
}

/// Enclosures on one grid: |m_i| < 2^bits in units 2^exponent, and at least the distance of every one of them to its number, in units.
/// False when the numbers are out of range.
bool to_grid(const IntervalTensor& values, int bits, std::vector<std::int64_t>& mantissas, std::int64_t& exponent,
             std::vector<Integer>& errors) {
  std::int64_t top = -kFar;
  for (const Interval& x : values)
    if (!x.is_zero()) top = std::max(top, x.exponent + std::max(bit_length(x.low), bit_length(x.high)));
  exponent = top == -kFar ? 0 : top - (bits - 1);
  if (exponent < -kFar / 2 || exponent > kFar / 2) return false;
  mantissas.clear();
  errors.clear();
  for (const Interval& x : values) {
    const std::int64_t shift = x.exponent - exponent;
    const std::int64_t low = floor_shifted(x.low, shift);
    const std::int64_t above = -floor_shifted(-x.high, shift);  // ceiling
    mantissas.push_back(low);
    errors.emplace_back(above - low);
  }
  return true;
}

}  // namespace

struct FixedChain::State {
  std::vector<std::int64_t> centre;
  std::int64_t exponent = 0;
  Integer distance = 0;      // units 2^exponent
  std::vector<Int128> sums;  // workspace
  bool usable = true;

  /// Takes `sums`, |sums_i| < 2^126 in units 2^unit, as the new centre; adds what the rounding costs. `distance` is in units 2^unit.
  void take_sums(std::int64_t unit) {
    UInt128 largest = 0;
    for (const Int128 sum : sums) largest = std::max(largest, magnitude(sum));
    const int shift = std::max(0, bit_length(largest) - (kBits - 1));  // a floor may reach 2^(kBits - 1)
    centre.resize(sums.size());
    for (std::size_t i = 0; i < sums.size(); ++i) centre[i] = static_cast<std::int64_t>(sums[i] >> shift);
    exponent = unit + shift;
    if (shift > 0) distance = ceil_scaled(distance, -shift) + sqrt_ceiling(Integer(sums.size()));
    usable = distance < (Integer(1) << kBits) && exponent > -kFar && exponent < kFar;
  }
};

void FixedChain::set_norm(Step& step, const Rational& norm) {
  if (norm == 0) return;
  step.norm_exponent =
      static_cast<std::int64_t>(mp::msb(mp::numerator(norm))) - static_cast<std::int64_t>(mp::msb(mp::denominator(norm))) - 40;
  step.norm = ceil_of(norm * power_of_two(-step.norm_exponent));
}

bool FixedChain::set_offset(Step& step, const IntervalTensor& offset) {
  std::vector<Integer> errors;
  if (!to_grid(offset, 60, step.offset, step.offset_exponent, errors)) return false;
  Integer squares = 0;
  for (const Integer& error : errors) squares += error * error;
  step.offset_error = sqrt_ceiling(squares);
  return true;
}

bool FixedChain::add_dense(const EnclosedMatrix& a, std::uint64_t left, std::uint64_t right, const IntervalTensor& offset,
                           const Rational& norm) {
  Step step;
  step.kind = Step::Kind::dense;
  step.rows = a.rows;
  step.columns = a.columns;
  step.left = static_cast<std::size_t>(left);
  step.right = static_cast<std::size_t>(right);
  const int bits = std::min(62, kSumBits - kBits - static_cast<int>(std::bit_width(a.columns)));
  if (bits < 24) return false;
  // Units 2^exponent such that |weights| <= 2^bits, rounded to nearest: each entry leaves out at most half a unit.
  std::int64_t top = -kFar;
  for (const Dyadic& w : a.centre)
    if (w.mantissa != 0) top = std::max(top, w.exponent + std::int64_t{bit_length(magnitude(w.mantissa))});
  step.exponent = top == -kFar ? 0 : top - bits;
  Integer rounded = 0;
  for (const Dyadic& w : a.centre) {
    const std::int64_t shift = w.exponent - step.exponent;
    if (w.mantissa == 0 || shift >= 0) {
      step.weights.push_back(w.mantissa == 0 ? 0 : w.mantissa * (std::int64_t{1} << shift));
      continue;
    }
    const Int128 half = shift < -64 ? Int128{0} : Int128{1} << (-shift - 1);
    const std::int64_t value = shift < -64 ? 0 : static_cast<std::int64_t>((static_cast<Int128>(w.mantissa) + half) >> -shift);
    if (shift < -64 || (static_cast<Int128>(value) << -shift) != w.mantissa) ++rounded;
    step.weights.push_back(value);
  }
  step.weight_error = sqrt_ceiling(rounded) / 2 + 1 + ceil_of(a.radius * power_of_two(-step.exponent));
  if (rounded == 0 && a.radius == 0) step.weight_error = 0;
  set_norm(step, norm);
  if (!set_offset(step, offset)) return false;
  steps_.push_back(std::move(step));
  return true;
}

bool FixedChain::add_diagonal(const IntervalTensor& d, const IntervalTensor& offset, const Rational& norm) {
  Step step;
  step.kind = Step::Kind::diagonal;
  std::vector<Integer> errors;
  if (!to_grid(d, 62, step.weights, step.exponent, errors)) return false;
  step.weight_error = *std::max_element(errors.begin(), errors.end());
  set_norm(step, norm);
  if (!set_offset(step, offset)) return false;
  steps_.push_back(std::move(step));
  return true;
}

bool FixedChain::add_activation(const Node& node, const Rational& norm) {
  Step step;
  switch (node.op) {
    case Op::relu:
      step.kind = Step::Kind::relu;
      break;
    case Op::abs:
      step.kind = Step::Kind::abs;
      break;
    case Op::sigmoid:
      step.kind = Step::Kind::sigmoid;
      break;
    case Op::tanh:
      step.kind = Step::Kind::tanh;
      break;
    case Op::leaky_relu:
      step.kind = Step::Kind::leaky_relu;
      step.slope = dyadic_of_binary32(node.attributes.at("alpha").real);
      if (step.slope.exponent < -60 || step.slope.exponent > 30) return false;
      break;
    default:
      return false;
  }
  set_norm(step, norm);
  steps_.push_back(std::move(step));
  return true;
}

void FixedChain::apply_affine(const Step& step, State& state) {
  std::uint64_t largest = 0;
  for (const std::int64_t c : state.centre) largest = std::max(largest, static_cast<std::uint64_t>(c < 0 ? -c : c));
  const Integer length = sqrt_ceiling(Integer(state.centre.size())) * Integer(largest);  // at least ||c||_2
  std::vector<Int128>& sums = state.sums;
  if (step.kind == Step::Kind::diagonal) {
    sums.resize(state.centre.size());
    for (std::size_t i = 0; i < sums.size(); ++i) sums[i] = static_cast<Int128>(step.weights[i]) * state.centre[i];
  } else {
    // Entry ((l rows + i) right + q) of the result: row i of A with the entries ((l columns + k) right + q) of the input.
    sums.resize(step.left * step.rows * step.right);
    std::vector<std::int64_t> gathered(step.columns);
    for (std::size_t l = 0; l < step.left; ++l)
      for (std::size_t q = 0; q < step.right; ++q) {
        const std::int64_t* x = state.centre.data() + l * step.columns;
        if (step.right != 1) {
          for (std::size_t k = 0; k < step.columns; ++k) gathered[k] = state.centre[(l * step.columns + k) * step.right + q];
          x = gathered.data();
        }
        for (std::size_t i = 0; i < step.rows; ++i) {
          const std::int64_t* w = step.weights.data() + i * step.columns;
          Int128 sum = 0;
          for (std::size_t k = 0; k < step.columns; ++k) sum += static_cast<Int128>(w[k]) * x[k];
          sums[(l * step.rows + i) * step.right + q] = sum;
        }
      }
  }
  const std::int64_t before = state.exponent;
  std::int64_t unit = before + step.exponent;
  const Integer weight_cost = step.weight_error * length;  // units 2^unit
  const Integer norm_cost = step.norm * state.distance;    // units 2^(before + step.norm_exponent)
  const Integer root = sqrt_ceiling(Integer(sums.size()));
  Integer rounding = 0;
  const std::int64_t fine = unit;
  std::int64_t lift = step.offset_exponent - unit;  // the offset in units 2^unit is offset * 2^lift
  if (lift > 62) {                                  // the products are so small that some of their digits go
    const std::int64_t drop = lift - 62;
    for (Int128& sum : sums) sum = drop > 127 ? (sum < 0 ? Int128{-1} : Int128{0}) : sum >> drop;
    unit += drop;
    lift = 62;
    rounding += root;
  }
  for (std::size_t i = 0; i < sums.size(); ++i) {
    const Int128 offset = step.offset[i];
    sums[i] += lift >= 0 ? offset * (Int128{1} << lift) : lift < -127 ? (offset < 0 ? Int128{-1} : Int128{0}) : offset >> -lift;
  }
  if (lift < 0) rounding += root;
  state.distance = ceil_scaled(norm_cost, before + step.norm_exponent - unit) + ceil_scaled(weight_cost, fine - unit) +
                   ceil_scaled(step.offset_error, step.offset_exponent - unit) + rounding;
  state.take_sums(unit);
}

void FixedChain::apply_leaky_relu(const Step& step, State& state) {
  // On the grid that is finer by the digits of the slope: exact, then rounded once.
  const std::int64_t finer = std::max<std::int64_t>(0, -step.slope.exponent);
  const std::int64_t coarser = std::max<std::int64_t>(0, step.slope.exponent);
  state.sums.resize(state.centre.size());
  for (std::size_t i = 0; i < state.sums.size(); ++i) {
    const Int128 c = state.centre[i];
    state.sums[i] = c >= 0 ? c << finer : c * step.slope.mantissa * (Int128{1} << coarser);
  }
  state.distance = ceil_scaled(step.norm * state.distance, finer + step.norm_exponent);
  state.take_sums(state.exponent - finer);
}

void FixedChain::apply_smooth(const Step& step, State& state) {
  for (std::int64_t& c : state.centre) {
    const Wide at = c;
    const Interval z(at, at, state.exponent);
    const Interval value = step.kind == Step::Kind::sigmoid ? sigmoid(z) : hyperbolic_tangent(z);
    c = floor_shifted(value.low, value.exponent + kBits - 2);
    const std::int64_t above = -floor_shifted(-value.high, value.exponent + kBits - 2);
    if (above - c > 2) exhausted("an activation was enclosed too widely: a fault of the checker");
  }
  state.distance = ceil_scaled(step.norm * state.distance, state.exponent + step.norm_exponent + kBits - 2) +
                   2 * sqrt_ceiling(Integer(state.centre.size()));
  state.exponent = -(kBits - 2);
  state.usable = state.distance < (Integer(1) << kBits);
}

std::optional<EnclosedOutput> FixedChain::evaluate(const GridPoint& input) const {
  State state;
  state.exponent = input.exponent;
  state.centre = input.lower;
  state.distance = sqrt_ceiling(Integer(input.inexact));
  for (const Step& step : steps_) {
    switch (step.kind) {
      case Step::Kind::dense:
      case Step::Kind::diagonal:
        apply_affine(step, state);
        break;
      case Step::Kind::relu:
        for (std::int64_t& c : state.centre) c = std::max<std::int64_t>(c, 0);
        break;
      case Step::Kind::abs:
        for (std::int64_t& c : state.centre) c = c < 0 ? -c : c;
        break;
      case Step::Kind::leaky_relu:
        apply_leaky_relu(step, state);
        break;
      default:
        apply_smooth(step, state);
    }
    if (!state.usable) return std::nullopt;
  }
  EnclosedOutput output;
  output.exponent = state.exponent;
  for (const std::int64_t c : state.centre) {
    output.lower.push_back(Integer(c) - state.distance);
    output.upper.push_back(Integer(c) + state.distance);
  }
  return output;
}

}  // namespace lipverify
