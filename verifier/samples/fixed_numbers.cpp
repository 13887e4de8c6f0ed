// See fixed_numbers.hpp.
#include "verifier/samples/fixed_numbers.hpp"

#include <algorithm>
#include <bit>

namespace lipverify {

namespace mp = boost::multiprecision;

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

namespace {

constexpr int kBits = FixedTensor::kBits;

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

}  // namespace

Grid to_grid(const IntervalTensor& values, int bits) {
  std::int64_t top = -kFar;
  for (const Interval& x : values)
    if (!x.is_zero()) top = std::max(top, x.exponent + std::max(bit_length(x.low), bit_length(x.high)));
  Grid grid;
  grid.exponent = top == -kFar ? 0 : top - (bits - 1);
  if (grid.exponent < -kFar / 2 || grid.exponent > kFar / 2) throw Unavailable{};
  for (const Interval& x : values) {
    const std::int64_t shift = x.exponent - grid.exponent;
    const std::int64_t low = floor_shifted(x.low, shift);
    const std::int64_t above = -floor_shifted(-x.high, shift);  // ceiling
    grid.mantissas.push_back(low);
    grid.errors.push_back(above - low);
  }
  return grid;
}

Integer root_of_squares(const std::vector<std::int64_t>& errors, std::size_t times) {
  Integer squares = 0;
  for (const std::int64_t error : errors)
    if (error != 0) squares += Integer(error) * error;
  return sqrt_ceiling(squares * times);
}

std::size_t overlap(const std::vector<std::vector<std::uint32_t>>& sets) {
  std::vector<std::size_t> count;
  std::size_t out = 0;
  for (const auto& set : sets)
    for (const std::uint32_t i : set) {
      if (i >= count.size()) count.resize(std::size_t{i} + 1, 0);
      out = std::max(out, ++count[i]);
    }
  return out;
}

FixedTensor checked(FixedTensor x) {
  if (x.distance >= (Integer(1) << kBits) || x.exponent <= -kFar || x.exponent >= kFar) throw Unavailable{};
  return x;
}

FixedTensor rounded(const std::vector<Int128>& sums, std::int64_t unit, const Integer& distance) {
  UInt128 largest = 0;
  for (const Int128 sum : sums) largest = std::max(largest, magnitude(sum));
  const int shift = std::max(0, bit_length(largest) - (kBits - 1));  // a floor may reach 2^(kBits - 1)
  FixedTensor out;
  out.centre.resize(sums.size());
  for (std::size_t i = 0; i < sums.size(); ++i) out.centre[i] = static_cast<std::int64_t>(sums[i] >> shift);
  out.exponent = unit + shift;
  out.distance = shift > 0 ? Integer(ceil_scaled(distance, -shift) + sqrt_ceiling(Integer(sums.size()))) : distance;
  return checked(std::move(out));
}

UpperBound::UpperBound(const Rational& x) {
  if (x == 0) return;
  exponent = static_cast<std::int64_t>(mp::msb(mp::numerator(x))) - static_cast<std::int64_t>(mp::msb(mp::denominator(x))) - 40;
  mantissa = ceil_of(x * scaled(Integer(1), -exponent));
}

Integer UpperBound::times(const Integer& distance, std::int64_t from, std::int64_t to) const {
  const std::int64_t shift = from + exponent - to;
  if (shift > kFar) throw Unavailable{};
  return ceil_scaled(mantissa * distance, shift);
}

}  // namespace lipverify
