// See amounts.hpp.
#include "verifier/local/amounts.hpp"

#include <algorithm>

namespace lipverify::local {

namespace mp = boost::multiprecision;

namespace {

constexpr int kMantissa = 60;
constexpr std::int64_t kDepth = 20000;  // binary digits between the terms of a sum

std::int64_t bits_of(const Integer& x) { return x == 0 ? 0 : static_cast<std::int64_t>(mp::msb(x < 0 ? Integer(-x) : x)) + 1; }

}  // namespace

Above::Above(const Integer& mantissa, std::int64_t exponent) {
  if (mantissa < 0) throw Unavailable{};
  if (mantissa == 0) return;
  const std::int64_t drop = std::max<std::int64_t>(0, bits_of(mantissa) - (kMantissa - 1));  // the ceiling may reach 2^(kMantissa - 1)
  mantissa_ = static_cast<std::int64_t>(ceil_scaled(mantissa, -drop));
  exponent_ = exponent + drop;
  if (exponent_ < -kFar || exponent_ > kFar) throw Unavailable{};
}

Above::Above(const Rational& x) : Above(UpperBound(x)) {}

Int128 Above::units(std::int64_t unit, int limit) const {
  if (mantissa_ == 0) return 0;
  const std::int64_t shift = exponent_ - unit;
  if (shift <= -kMantissa) return 1;
  if (shift > limit || bit_length(static_cast<UInt128>(mantissa_)) + shift > limit) throw Unavailable{};
  if (shift >= 0) return static_cast<Int128>(mantissa_) << shift;
  return ((static_cast<Int128>(mantissa_) - 1) >> -shift) + 1;
}

bool Above::below(const Above& other) const {
  if (mantissa_ == 0 || other.mantissa_ == 0) return mantissa_ == 0 && other.mantissa_ != 0;
  const std::int64_t shift = exponent_ - other.exponent_;
  if (shift >= kMantissa) return false;
  if (shift <= -kMantissa) return true;
  return shift >= 0 ? static_cast<Int128>(mantissa_) << shift < other.mantissa_ : mantissa_ < static_cast<Int128>(other.mantissa_) << -shift;
}

Above operator+(const Above& a, const Above& b) {
  if (a.zero()) return b;
  if (b.zero()) return a;
  const Above& high = a.exponent_ >= b.exponent_ ? a : b;
  const Above& low = a.exponent_ >= b.exponent_ ? b : a;
  const std::int64_t up = std::min<std::int64_t>(high.exponent_ - low.exponent_, kMantissa);
  const std::int64_t unit = high.exponent_ - up;
  return {integer_of((static_cast<Int128>(high.mantissa_) << up) + low.units(unit, 120)), unit};
}

Above operator*(const Above& a, const Above& b) {
  return {integer_of(static_cast<Int128>(a.mantissa_) * b.mantissa_), a.exponent_ + b.exponent_};
}

Above root(const Above& x) {
  const std::int64_t odd = x.exponent() & 1;
  const std::int64_t more = 60;
  return {sqrt_ceiling(Integer(x.mantissa()) << static_cast<std::size_t>(more + odd)), (x.exponent() - odd - more) / 2};
}

Above length(const std::vector<std::int64_t>& x, std::int64_t exponent) {
  Integer squares = 0;
  UInt128 part = 0;
  for (const std::int64_t v : x) {
    const UInt128 size = magnitude(v);
    const UInt128 square = size * size;  // below 2^126 + 1
    if (part + square < part || (part + square) >> 126 != 0) {
      squares += Integer(part);
      part = 0;
    }
    part += square;
  }
  squares += Integer(part);
  return root(Above(squares, 2 * exponent));
}

void Total::add(const Integer& x, std::int64_t exponent) {
  if (x == 0) return;
  if (exponent < -kFar || exponent > kFar) throw Unavailable{};
  if (sum_ == 0) {
    sum_ = x;
    exponent_ = exponent;
    return;
  }
  // Digits far below the sum are not followed: the term is replaced by a lower one.
  if (exponent < exponent_ - kDepth) {
    if (x < 0) sum_ -= 1;
    if (x < 0 && bits_of(x) + exponent > exponent_) throw Unavailable{};
    return;
  }
  if (exponent > exponent_ + kDepth) throw Unavailable{};
  if (exponent < exponent_) {
    sum_ <<= static_cast<std::size_t>(exponent_ - exponent);
    exponent_ = exponent;
  }
  sum_ += x << static_cast<std::size_t>(exponent - exponent_);
}

Multiplier quotient_near(const Above& length, std::uint64_t divisor, const Above& radius) {
  if (length.zero() || radius.zero()) return {};
  const Integer below = Integer(radius.mantissa()) * divisor;
  Integer top = Integer(length.mantissa()) << 90;
  top /= below;
  if (top == 0) return {};
  const std::int64_t drop = std::max<std::int64_t>(0, bits_of(top) - 16);
  return {static_cast<std::int64_t>(top >> static_cast<std::size_t>(drop)), length.exponent() - radius.exponent() - 90 + drop};
}

Int128 floor_shift(Int128 x, std::int64_t shift, int cap) {
  if (x == 0) return 0;
  if (shift <= 0) return x >> std::min<std::int64_t>(-shift, 127);
  if (bit_length(magnitude(x)) + shift <= cap) return x * (Int128{1} << shift);
  if (x < 0) throw Unavailable{};
  return Int128{1} << cap;
}

}  // namespace lipverify::local
