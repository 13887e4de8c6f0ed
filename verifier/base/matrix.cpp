// See matrix.hpp.
#include "verifier/base/matrix.hpp"

#include <algorithm>
#include <bit>

#include "verifier/base/failure.hpp"

namespace lipverify {

namespace mp = boost::multiprecision;

void SquareSum::add_squared(Integer value, std::int64_t exponent) {
  if (value == 0) return;
  if (sum_ == 0) {
    sum_ = std::move(value);
    exponent_ = exponent;
  } else {
    // Both on the smaller exponent, unless that would make very long integers: then the smaller part is rounded up.
    const std::int64_t low = std::max(std::min(exponent, exponent_), std::max(exponent, exponent_) - 1000);
    const auto align = [&](Integer& x, std::int64_t e) {
      if (e >= low) {
        x <<= static_cast<std::size_t>(e - low);
      } else {
        x = ((x - 1) >> static_cast<std::size_t>(low - e)) + 1;  // ceiling of a positive number
      }
    };
    align(sum_, exponent_);
    align(value, exponent);
    sum_ += value;
    exponent_ = low;
  }
  const std::size_t bits = mp::msb(sum_);
  if (bits > 2000) {
    sum_ = ((sum_ - 1) >> (bits - 500)) + 1;
    exponent_ += static_cast<std::int64_t>(bits) - 500;
  }
}

void SquareSum::add(const Integer& mantissa, std::int64_t exponent) { add_squared(mantissa * mantissa, 2 * exponent); }

void SquareSum::add(const Rational& value) {
  if (value == 0) return;
  const Rational squared = value * value;  // n/d <= (floor(n 2^128 / d) + 1) / 2^128, relative to the size of n/d
  const auto bits = static_cast<std::int64_t>(mp::msb(mp::numerator(squared))) - static_cast<std::int64_t>(mp::msb(mp::denominator(squared)));
  const std::int64_t shift = 128 - bits;
  Integer n = mp::numerator(squared);
  Integer d = mp::denominator(squared);
  if (shift >= 0)
    n <<= static_cast<std::size_t>(shift);
  else
    d <<= static_cast<std::size_t>(-shift);
  Integer quotient = n / d;
  if (quotient * d != n) quotient += 1;
  add_squared(quotient, -shift);
}

Rational SquareSum::root() const { return sqrt_above(scaled(sum_, exponent_)); }

namespace {

constexpr int kFiner = 30;  // the residual is rounded up on a grid 2^30 times finer

/// value * 2^scale to the nearest integer, and the distance in units of 2^-30, rounded up. False when the integer is not below 2^52.
bool round_entry(const Dyadic& value, int scale, std::int64_t& nearest, std::uint64_t& distance) {
  nearest = 0;
  distance = 0;
  if (value.mantissa == 0) return true;
  const std::int64_t e = static_cast<std::int64_t>(value.exponent) + scale;
  const auto magnitude = static_cast<UInt128>(value.mantissa < 0 ? -static_cast<Int128>(value.mantissa) : static_cast<Int128>(value.mantissa));
  UInt128 rounded = 0;
  if (e >= 0) {
    if (e > 52 || magnitude >= static_cast<UInt128>(kEntryLimit)) return false;
    rounded = magnitude << e;
  } else {
    const std::int64_t r = -e;  // magnitude / 2^r, magnitude <= 2^63
    UInt128 remainder = magnitude;
    if (r <= 64) {
      rounded = magnitude >> r;
      remainder = magnitude - (rounded << r);
      const UInt128 half = static_cast<UInt128>(1) << (r - 1);
      if (remainder > half || (remainder == half && rounded % 2 == 1)) {
        rounded += 1;
        remainder = (static_cast<UInt128>(1) << r) - remainder;
      }
    }
    if (remainder != 0) {
      const std::int64_t drop = r - kFiner;
      if (drop <= 0)
        distance = static_cast<std::uint64_t>(remainder << -drop);
      else
        distance = drop >= 64 ? 1 : static_cast<std::uint64_t>(((remainder - 1) >> drop) + 1);
    }
  }
  if (rounded >= static_cast<UInt128>(kEntryLimit)) return false;
  nearest = value.mantissa < 0 ? -static_cast<std::int64_t>(rounded) : static_cast<std::int64_t>(rounded);
  return true;
}

}  // namespace

bool round_to_grid(const std::vector<Dyadic>& centre, int scale, GridMatrix& grid) {
  grid.entries.resize(centre.size());
  UInt128 squares = 0;  // distances are at most 2^29: 2^58 each, far below 2^128 for any matrix that fits in memory
  for (std::size_t i = 0; i < centre.size(); ++i) {
    std::uint64_t distance = 0;
    if (!round_entry(centre[i], scale, grid.entries[i], distance)) return false;
    squares += static_cast<UInt128>(distance) * distance;
  }
  Integer sum = static_cast<std::uint64_t>(squares >> 64);
  sum <<= 64;
  sum += static_cast<std::uint64_t>(squares);
  grid.residual = scaled(sqrt_ceiling(sum), -static_cast<std::int64_t>(scale) - kFiner);
  return true;
}

int finest_scale(const std::vector<Dyadic>& centre) {
  bool any = false;
  std::int64_t top = 0;  // all magnitudes are below 2^top
  for (const Dyadic& value : centre) {
    if (value.mantissa == 0) continue;
    const auto magnitude = static_cast<std::uint64_t>(value.mantissa < 0 ? -static_cast<Int128>(value.mantissa) : static_cast<Int128>(value.mantissa));
    const std::int64_t bits = static_cast<std::int64_t>(std::bit_width(magnitude)) + value.exponent;
    top = any ? std::max(top, bits) : bits;
    any = true;
  }
  return any ? static_cast<int>(51 - top) : 0;  // rounded magnitudes are at most 2^51
}

Rational frobenius_above(const EnclosedMatrix& matrix) {
  SquareSum sum;
  for (const Dyadic& value : matrix.centre)
    if (value.mantissa != 0) sum.add(Integer(value.mantissa), value.exponent);
  return sum.root();
}

EnclosedMatrix product(const EnclosedMatrix& b, const EnclosedMatrix& a, const Engine& engine) {
  if (b.columns != a.rows) exhausted("a product of matrices that do not fit: a fault of the checker");
  const int scale_b = finest_scale(b.centre);
  const int scale_a = finest_scale(a.centre);
  GridMatrix grid_b;
  GridMatrix grid_a;
  const IntegerView x{nullptr, b.columns, b.rows, 1, b.columns, false};  // X = B', so that X'Y = B A
  const IntegerView y{nullptr, a.rows, a.columns, a.columns, 1, false};
  IntegerView view_b = x;
  IntegerView view_a = y;
  if (!round_to_grid(b.centre, scale_b, grid_b) || !round_to_grid(a.centre, scale_a, grid_a))
    exhausted("a matrix does not fit its own grid: a fault of the checker");
  view_b.data = grid_b.entries.data();
  view_a.data = grid_a.entries.data();
  if (!gram_fits(view_b, 0) || !gram_fits(view_a, 0)) exhausted("the inner length of a folded product exceeds the limit of this checker");
  const std::vector<Int128> exact = multiply(view_b, view_a, engine);

  // B = Bg + Rb, A = Ag + Ra: ||B A - Bg Ag||_F <= ||Bg|| ||Ra||_F + ||Rb||_F (||Ag|| + ||Ra||_F), with Frobenius norms on the right.
  const Rational radius_b = b.radius + grid_b.residual;
  const Rational radius_a = a.radius + grid_a.residual;
  SquareSum norm_b;
  SquareSum norm_a;
  for (const std::int64_t g : grid_b.entries) norm_b.add(Integer(g), -scale_b);
  for (const std::int64_t g : grid_a.entries) norm_a.add(Integer(g), -scale_a);
  EnclosedMatrix result{b.rows, a.columns, std::vector<Dyadic>(exact.size()), Rational(0)};
  SquareSum rounding;
  const int exponent = -scale_b - scale_a;
  if (exponent < -1000000 || exponent > 1000000) reject("the entries of a product of matrices are out of range");  // of a long chain of large ones
  for (std::size_t i = 0; i < exact.size(); ++i) {
    const Int128 value = exact[i];
    const UInt128 size = magnitude(value);
    const int drop = std::max(0, bit_length(size) - 62);  // kept: the 62 leading bits, cut towards zero
    const auto kept = static_cast<std::int64_t>(static_cast<std::uint64_t>(size >> drop));
    const UInt128 rest = size - (static_cast<UInt128>(static_cast<std::uint64_t>(kept)) << drop);
    result.centre[i] = {value < 0 ? -kept : kept, exponent + drop};
    if (rest != 0) rounding.add(Integer(1), exponent + drop);  // less than one unit of the last bit kept
  }
  result.radius = norm_b.root() * radius_a + radius_b * (norm_a.root() + radius_a) + rounding.root();
  return result;
}

}  // namespace lipverify
