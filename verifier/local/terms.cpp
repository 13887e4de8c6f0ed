// See terms.hpp.
#include "verifier/local/terms.hpp"

#include <algorithm>

namespace lipverify::local {

namespace {

constexpr int kCap = 104;  // a value above 2^kCap is taken as 2^kCap: that is less

/// ceil(x 2^shift) for x >= 0, or nothing where that has more than kCap bits.
std::optional<Int128> ceil_shift(Int128 x, std::int64_t shift) {
  if (x == 0) return x;
  if (shift <= 0) return -((-x) >> std::min<std::int64_t>(-shift, 127));
  if (bit_length(magnitude(x)) + shift > kCap) return std::nullopt;
  return x << shift;
}

/// At most the least of a d + (lambda / 2) d^2 over low <= d <= high: a in units 2^A, d in units 2^D, the result in units 2^(A + D), lambda = m 2^e.
/// t = e + D - A. |a| <= 2^63, |d| <= 2^42.
Int128 parabola(Int128 a, Int128 low, Int128 high, std::int64_t m, std::int64_t t) {
  const auto line = [&] { return std::min(a * low, a * high); };
  if (m == 0) return line();
  // The sign of the slope a + lambda d at an end, in units 2^A; beyond 2^66 its size does not matter.
  const std::int64_t up = std::min<std::int64_t>(t, 66);
  const auto at = [&](Int128 d) {
    const Int128 x = m * d;
    return up >= 0 ? x * (Int128{1} << up) : x >> std::min<std::int64_t>(-up, 127);  // floor
  };
  if (a + at(low) >= 0) return a * low + floor_shift(m * low * low, t - 1, kCap);
  if (a - at(-high) <= 0) return a * high + floor_shift(m * high * high, t - 1, kCap);  // -floor(-x) = ceil(x)
  // -a^2 / (2 lambda) is the least value over all d.
  const std::optional<Int128> depth = ceil_shift((a * a + 2 * m - 1) / (2 * m), -t);
  return depth ? std::max(line(), -*depth) : line();
}

}  // namespace

Int128 least_on(std::int64_t c, std::int64_t low, std::int64_t high, const Multiplier& lambda, std::int64_t finer) {
  return parabola(c, low, high, lambda.m, lambda.e + finer);
}

Int128 least_value(const Entry& entry, const Grids& grids, std::int64_t c, std::int64_t sigma, std::int64_t c_exponent, const Multiplier& lambda) {
  const std::int64_t t = lambda.e + grids.box - (c_exponent - grids.bits);
  const Pieces& p = entry.pieces;
  const Int128 g = static_cast<Int128>(c) * sigma;
  if (entry.cone) {  // c phi is at least the lower one of the two lines through the centre
    const Int128 first = static_cast<Int128>(c) * p.slope[0] - g, second = static_cast<Int128>(c) * p.slope[1] - g;
    return std::min(parabola(std::max(first, second), -Int128{entry.e}, 0, lambda.m, t), parabola(std::min(first, second), 0, entry.e, lambda.m, t));
  }
  const std::int64_t coarser = grids.box - grids.fine;
  std::optional<Int128> least;
  // c K of a piece from its neighbour nearer to the centre, from below; each in units 2^(c_exponent - bits + fine).
  const auto jump = [&](int kink, std::int64_t nearer, std::int64_t farther) {
    const Int128 factor = static_cast<Int128>(c) * (nearer - farther);
    const auto k = static_cast<std::size_t>(kink);
    return std::min(factor * p.low[k], factor * p.high[k]);
  };
  const auto piece = [&](int i, Int128 offset) {
    Int128 low = -Int128{entry.e}, high = entry.e;
    if (i > 0) low = std::max(low, floor_shift(p.low[static_cast<std::size_t>(i - 1)], -coarser, kCap));
    if (i < p.kinks) high = std::min(high, -floor_shift(-p.high[static_cast<std::size_t>(i)], -coarser, kCap));
    if (low > high) return;
    const Int128 value = floor_shift(offset, -coarser, 120) + parabola(static_cast<Int128>(c) * p.slope[static_cast<std::size_t>(i)] - g, low, high, lambda.m, t);
    least = least ? std::min(*least, value) : value;
  };
  Int128 offset = 0;
  piece(p.home, 0);
  for (int i = p.home + 1; i <= p.kinks; ++i) {
    offset += jump(i - 1, p.slope[static_cast<std::size_t>(i - 1)], p.slope[static_cast<std::size_t>(i)]);
    piece(i, offset);
  }
  offset = 0;
  for (int i = p.home - 1; i >= 0; --i) {
    offset += jump(i, p.slope[static_cast<std::size_t>(i + 1)], p.slope[static_cast<std::size_t>(i)]);
    piece(i, offset);
  }
  if (!least || magnitude(*least) >> 106 != 0) throw Unavailable{};
  return *least;
}

}  // namespace lipverify::local
