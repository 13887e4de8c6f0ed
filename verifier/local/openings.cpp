// The entries of nonlinear steps in the ball around a sample: which of them are open, and their functions there. See boxes.hpp.
#include <algorithm>

#include "verifier/local/boxes.hpp"

namespace lipverify::local {

namespace {

using Kind = StepForm::Kind;

constexpr int kFixedBits = 14;  // of sigma of the fixed rule
constexpr int kKinkBits = 64;   // of the place of a kink

/// An Int128 in units 2^from as one in units 2^to, from above or below; what is larger than 2^100 units is cut there.
Int128 units_below(Int128 x, std::int64_t from, std::int64_t to) {
  const std::int64_t shift = from - to;
  if (shift <= 0) return x >> std::min<std::int64_t>(-shift, 127);
  if (bit_length(magnitude(x)) + shift > 100) return x < 0 ? -(Int128{1} << 100) : x == 0 ? Int128{0} : Int128{1} << 100;
  return x * (Int128{1} << shift);
}

/// l >= 0 or u <= 0 for the box z -+ e, exactly: z in units 2^fine, e in units 2^box. +1: at or above 0; -1: at or below; 0: open.
int side(Int128 z, std::int64_t fine, std::int64_t e, std::int64_t box) {
  const Int128 size = z < 0 ? -z : z;
  // |z| >= e: floor(|z| in units of the box) >= e.
  if (e != 0 && units_below(size, fine, box) < e) return 0;
  return z >= 0 ? 1 : -1;
}

/// sigma at a kink at 0 between the slopes a and b (units 2^-bits): any number will do.
std::int64_t kink_rule(std::int64_t a, std::int64_t b, Int128 z, std::int64_t fine, std::int64_t e, std::int64_t box, int bits) {
  const Int128 u = std::clamp<Int128>(units_below(z, fine, box) + e, 0, 2 * static_cast<Int128>(e));
  const Int128 share = (u << 20) / (2 * static_cast<Int128>(e)) + (z > 0 ? Int128{1} << 20 : Int128{0});  // in units 2^-21 of b - a
  const Int128 sigma = a + ((static_cast<Int128>(b - a) * share) >> 21);
  if (bits <= kFixedBits) return static_cast<std::int64_t>(sigma);
  const int drop = bits - kFixedBits;
  return static_cast<std::int64_t>(((sigma + (Int128{1} << (drop - 1))) >> drop) * (Int128{1} << drop));
}

/// floor(x 2^bits) of a dyadic below 2^30 units.
std::int64_t slope_units(const Dyadic& x, int bits, bool& exact) {
  const std::int64_t shift = x.exponent + std::int64_t{bits};
  const Int128 out = units_below(x.mantissa, x.exponent, -std::int64_t{bits});
  exact = shift >= 0 || out * (Int128{1} << std::min<std::int64_t>(-shift, 60)) == x.mantissa;
  return static_cast<std::int64_t>(out);
}

Entry entry_at(std::size_t i, std::int64_t e) {
  Entry entry;
  entry.position = entry.from = entry.weight = static_cast<std::uint32_t>(i);
  entry.e = e;
  return entry;
}

void open_kinks(const Step& step, const Around& in, Opening& out) {
  const Dyadic left = step.form.left;
  const int size = left.mantissa == 0 ? 0 : bit_length(magnitude(left.mantissa)) + left.exponent;
  if (size > 28) throw Unavailable{};
  out.grids.bits = std::min(24, 29 - std::max(1, size));
  bool exact = true;
  const std::int64_t a = slope_units(left, out.grids.bits, exact), b = std::int64_t{1} << out.grids.bits;
  if (!exact) out.inexact = Above(Integer(1), -out.grids.bits);
  for (std::size_t i = 0; i < in.e.size(); ++i) {
    const std::int64_t z = in.value.centre[i], e = in.e[i];
    const int where = side(z, in.value.exponent, e, in.box);
    Entry entry = entry_at(i, e);
    entry.closed = where != 0 || a == b;
    out.closed[i] = where >= 0 ? b : a;
    if (e == 0) continue;
    if (entry.closed) {
      entry.pieces.slope[0] = out.closed[i];
    } else {
      entry.pieces.kinks = 1;
      entry.pieces.home = z >= 0 ? 1 : 0;
      entry.pieces.slope = {a, b, 0};
      entry.pieces.low[0] = entry.pieces.high[0] = -Int128{z};
      entry.fixed = kink_rule(a, b, z, in.value.exponent, e, in.box, out.grids.bits);
    }
    out.entries.push_back(entry);
  }
}

void open_slopes(const Step& step, const Around& in, Opening& out) {
  SlopeBounds slopes = step.placed->step->slopes(in.value, in.e, in.box);
  std::int64_t largest = 1;
  for (std::size_t i = 0; i < in.e.size(); ++i) largest = std::max({largest, slopes.high[i], -slopes.low[i]});
  const int drop = std::max(0, bit_length(static_cast<UInt128>(largest)) - 29);
  out.grids.bits = kSlopeBits - drop;
  for (std::size_t i = 0; i < in.e.size(); ++i) {
    const std::int64_t low = slopes.low[i] >> drop, high = -((-slopes.high[i]) >> drop);
    out.closed[i] = low;
    if (in.e[i] == 0) continue;
    Entry entry = entry_at(i, in.e[i]);
    entry.closed = slopes.one[i];
    if (entry.closed && low != high) out.inexact = Above(Integer(1), -out.grids.bits);
    entry.cone = true;
    entry.pieces.slope = {low, high, 0};
    entry.fixed = low + (high - low) / 2;
    out.entries.push_back(entry);
  }
}

}  // namespace

Opening open_activation(const Step& step, const Around& in) {
  Opening out;
  out.closed.assign(in.e.size(), 0);
  out.grids.fine = in.value.exponent;
  out.grids.box = in.box;
  out.rho = in.rho;
  if (step.form.kind == Kind::kink)
    open_kinks(step, in, out);
  else
    open_slopes(step, in, out);
  return out;
}

namespace {

/// Members of the sets on one grid of centres, exactly, and one of boxes.
struct Members {
  Members(const std::vector<const Around*>& in, const Sets& sets) {
    fine = in[0]->value.exponent;
    std::int64_t coarse = fine;
    for (const Around* t : in) {
      fine = std::min(fine, t->value.exponent);
      coarse = std::max(coarse, t->value.exponent);
      box = std::max(box, t->box);
    }
    if (coarse - fine > 60) throw Unavailable{};
    for (const Member& member : sets.members) {
      const Around& t = *in[member.slot];
      z.push_back(static_cast<Int128>(t.value.centre[member.index]) * (Int128{1} << (t.value.exponent - fine)));
      const std::int64_t drop = std::min<std::int64_t>(box - t.box, 60);
      e.push_back((t.e[member.index] + (std::int64_t{1} << drop) - 1) >> drop);
    }
  }
  std::int64_t fine = 0, box = -kFar;
  std::vector<Int128> z;
  std::vector<std::int64_t> e;
};

/// Sorts of larger sets: results whose rank is the same in the whole box are passed.
void pass_ranks(const Sets& sets, const Members& at, const std::vector<std::int64_t>& e_out, std::int64_t box_out, const Above& rho, Opening& out) {
  std::vector<std::int64_t> others;
  for (std::size_t i = 0; i < sets.line.size(); ++i) {
    const std::size_t begin = sets.start[sets.line[i]], end = sets.start[sets.line[i] + 1];
    std::uint32_t found = kNoEntry;
    for (std::size_t k = begin; k < end && found == kNoEntry; ++k) {
      std::size_t above = 0, below = 0;
      for (std::size_t l = begin; l < end; ++l) {
        if (l == k) continue;
        const Int128 d = at.z[l] - at.z[k];
        const std::int64_t e = at.e[l] + at.e[k];
        if (d == 0 || side(d, at.fine, e, at.box) == 0) continue;
        ++(d > 0 ? above : below);
      }
      if (above == sets.ranks[i] && above + below + 1 == end - begin) found = static_cast<std::uint32_t>(k);
    }
    out.passed.push_back(found);
    if (found == kNoEntry) others.push_back(e_out[i]);
  }
  out.ball = least(rho, length(others, box_out));
}

}  // namespace

Opening open_sets(const Step& step, const std::vector<const Around*>& in, const Ball& ball) {
  const Sets& sets = *step.sets;
  const Members at(in, sets);
  Opening out;
  out.grids = {24, at.fine, at.box};
  if (sets.sorted) {
    std::vector<std::int64_t> e;
    for (const std::uint32_t line : sets.line) {
      std::int64_t most = 0;
      for (std::size_t k = sets.start[line]; k < sets.start[line + 1]; ++k) most = std::max(most, at.e[k]);
      e.push_back(most);
    }
    Above rho;
    for (const Around* t : in) rho = rho + t->rho;
    pass_ranks(sets, at, e, at.box, rho, out);
    return out;
  }
  Above drift, squares;
  for (const ValueId id : sets.passed) drift = drift + ball.tensors.at(id).rounding;
  std::vector<Above> shorter;  // sqrt(2) rho of each origin
  for (const ValueId id : sets.tensors) {
    const Above& rho = ball.tensors.at(id).rho;
    squares = squares + rho * rho;
    shorter.push_back(root(Above(Integer(2), 0) * rho * rho) + drift + drift);
  }
  const std::int64_t one = std::int64_t{1} << out.grids.bits;
  std::uint64_t most_rivals = 1;
  for (std::size_t s = 0; s + 1 < sets.start.size(); ++s) {
    const std::size_t begin = sets.start[s], end = sets.start[s + 1];
    const bool pair = end - begin <= 2, reversed = !pair && sets.smallest[s] != kNoEntry;
    const auto value = [&](std::size_t k) { return reversed ? -at.z[k] : at.z[k]; };
    std::size_t m = begin;
    for (std::size_t k = begin + 1; k < end; ++k)
      if (value(k) > value(m)) m = k;
    out.leader.push_back(static_cast<std::uint32_t>(m));
    out.second.push_back(static_cast<std::uint32_t>(end - begin == 2 ? begin + (m == begin ? 1 : 0) : m));
    std::uint64_t rivals = 0;
    for (std::size_t k = begin; k < end; ++k) {
      if (k == m) continue;
      const Int128 d = value(k) - value(m);  // at most 0
      Above width(Integer(at.e[k]) + at.e[m], at.box);
      if (sets.origin[k] == sets.origin[m]) width = least(width, shorter[sets.origin[k]]);
      if (sets.differences[s]) {
        const Sets::Difference& by = *sets.differences[s];
        const Above& own = ball.tensors.at(by.product).rounding;
        width = least(width, by.norm * ball.tensors.at(by.reads).rho + own + own + drift + drift);
      }
      Entry entry;
      entry.position = entry.from = static_cast<std::uint32_t>(k);
      entry.other = static_cast<std::uint32_t>(m);
      entry.weight = static_cast<std::uint32_t>(s);
      entry.e = static_cast<std::int64_t>(width.units(at.box, 44));
      entry.closed = side(d, at.fine, entry.e, at.box) != 0;
      if (entry.closed && (!pair || entry.e == 0)) continue;
      if (!entry.closed) {
        ++rivals;
        entry.pieces.kinks = 1;
        entry.pieces.slope = {0, one, 0};
        entry.pieces.low[0] = entry.pieces.high[0] = -d;
        entry.fixed = kink_rule(0, one, d, at.fine, entry.e, at.box, out.grids.bits);
      }
      out.entries.push_back(entry);
    }
    most_rivals = std::max(most_rivals, rivals);
  }
  // Differences of tensors on very different grids are long: their products with coefficients of 56 bits must fit into an Int128.
  int widest = 0;
  for (const Entry& entry : out.entries) widest = std::max(widest, bit_length(magnitude(entry.pieces.low[0])));
  if (const int drop = widest - kKinkBits; drop > 0) {
    for (Entry& entry : out.entries) {
      entry.pieces.low[0] >>= drop;
      entry.pieces.high[0] = -((-entry.pieces.high[0]) >> drop);
    }
    out.grids.fine += drop;
  }
  out.rho = root(Above(Integer(1 + most_rivals) * sets.compared, 0)) * (root(squares) + drift);
  return out;
}

}  // namespace lipverify::local
