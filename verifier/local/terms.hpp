// h of the theorem `layer-dual` (formats/SPEC.md, section 9) for functions of one variable, from below, in integers.
//
// For an entry with centre z^, d = z - z^ and |d| <= e: the least of c (phi(z^ + d) - phi(z^)) - g d + (lambda / 2) d^2, with g = sigma c and
// phi piecewise linear. On a piece with slope s the function is c (s - sigma) d + c K + (lambda / 2) d^2, with K the jump between the lines of this piece
// and of that of z^. The pieces may be taken longer than they are, and d any real number within them: both only make the least smaller.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <vector>

#include "verifier/local/amounts.hpp"

namespace lipverify::local {

/// A piecewise linear function around its centre: pieces 0 ... kinks with slopes; kink i at d in [low[i], high[i]] * 2^fine, ascending; the centre
/// lies in piece `home` (at a kink: in any of the two).
struct Pieces {
  int kinks = 0;
  int home = 0;
  std::array<std::int64_t, 3> slope{};  // units 2^-bits of the node
  std::array<Int128, 2> low{}, high{};
};

/// An entry that is not left out, for all rivals alike.
struct Entry {
  std::uint32_t position = 0;  // of the evidence
  std::uint32_t from = 0;      // entry of the tensor that receives g; of pairs: o
  std::uint32_t other = 0;     // of pairs: m, which receives -g
  std::uint32_t weight = 0;    // entry of c_t that is its coefficient
  std::uint32_t minus = 0;     // of pairs with two results: c_max - c_min, with this one the second
  std::int64_t e = 0;          // units 2^box
  std::int64_t fixed = 0;      // sigma of the fixed rule, units 2^-bits
  bool closed = false;         // phi has one slope on the box: takes part only with a slope of the evidence
  bool cone = false;           // instead of pieces: any function with slopes in [slope[0], slope[1]] that is 0 at the centre
  Pieces pieces;
};

/// The grids of a node.
struct Grids {
  int bits = 0;            // of slopes: units 2^-bits, |slope| < 2^30
  std::int64_t fine = 0;   // of kinks
  std::int64_t box = 0;    // of e: below 2^42
};

/// At most the least value over |d| <= e, in units 2^(c_exponent - bits + box); |c| <= 2^31, |sigma| <= 2^31. Unavailable where it does not fit.
[[nodiscard]] Int128 least_value(const Entry& entry, const Grids& grids, std::int64_t c, std::int64_t sigma, std::int64_t c_exponent,
                                 const Multiplier& lambda);

/// At most the least value of c d + (lambda / 2) d^2 over low <= d <= high, in units 2^(c's + d's); `finer`: the exponent of d less that of c. |c| <= 2^31.
[[nodiscard]] Int128 least_on(std::int64_t c, std::int64_t low, std::int64_t high, const Multiplier& lambda, std::int64_t finer);

}  // namespace lipverify::local
