// See weighted_sum.hpp.
#include "verifier/graph/weighted_sum.hpp"

#include <algorithm>
#include <bit>

namespace lipverify {

namespace mp = boost::multiprecision;

namespace {

constexpr std::int64_t kWeightBits = 62;
constexpr std::int64_t kDataBits = 160;

/// floor(x 2^shift) for |x 2^shift| <= 2^160, as words.
Words floor_words(const Wide& x, std::int64_t shift) {
  const bool negative = x < 0;
  Wide size = negative ? Wide(-x) : x;
  if (shift >= 0) {
    size <<= static_cast<std::size_t>(shift);
  } else {
    const bool inexact = size != 0 && static_cast<std::int64_t>(mp::lsb(size)) < -shift;
    size = -shift > 600 ? Wide(0) : Wide(size >> static_cast<std::size_t>(-shift));
    if (negative && inexact) size += 1;
  }
  static const Wide mask = (Wide(1) << 64) - 1;
  Words out{};
  for (std::size_t k = 0; k < 3; ++k) out[k] = static_cast<std::uint64_t>((size >> (64 * k)) & mask);
  if (negative) {
    std::uint64_t carry = 1;
    for (std::uint64_t& word : out) {
      word = ~word + carry;
      carry = carry != 0 && word == 0 ? 1 : 0;
    }
  }
  return out;
}

Words difference(const Words& a, const Words& b) {
  Words out{};
  std::uint64_t borrow = 0;
  for (std::size_t k = 0; k < 4; ++k) {
    const UInt128 t = static_cast<UInt128>(a[k]) - b[k] - borrow;
    out[k] = static_cast<std::uint64_t>(t);
    borrow = static_cast<std::uint64_t>(t >> 64) != 0 ? 1 : 0;
  }
  return out;
}

Words negated(const Words& a) { return difference(Words{}, a); }

Wide wide_of(Words words) {
  const bool negative = words[3] >> 63 != 0;
  if (negative) words = negated(words);
  Wide out = words[3];
  for (std::size_t k = 3; k-- > 0;) out = (out << 64) | words[k];
  return negative ? Wide(-out) : out;
}

}  // namespace

std::optional<IntegerWeights> integer_weights(const Operand& weights) {
  const std::uint64_t count = weights.size();
  std::vector<Dyadic> exact(count);
  bool any = false;
  std::int64_t fine = 0;
  std::int64_t top = 0;
  for (std::uint64_t i = 0; i < count; ++i) {
    Dyadic& w = exact[i];
    if (weights.raw != nullptr) {
      w = weights.raw->real(i);
    } else {
      const Interval& x = (*weights.computed)[i];
      if (!x.exact() || bit_length(x.low) > kWeightBits || x.exponent < -1000000 || x.exponent > 1000000) return std::nullopt;
      w = {static_cast<std::int64_t>(x.low), static_cast<std::int32_t>(x.exponent)};
    }
    if (w.mantissa == 0) continue;
    const int zeros = std::countr_zero(static_cast<std::uint64_t>(w.mantissa));
    w = {w.mantissa / (std::int64_t{1} << zeros), w.exponent + zeros};
    const auto bits = static_cast<std::int64_t>(std::bit_width(static_cast<std::uint64_t>(w.mantissa < 0 ? -w.mantissa : w.mantissa)));
    fine = any ? std::min<std::int64_t>(fine, w.exponent) : w.exponent;
    top = any ? std::max(top, w.exponent + bits) : w.exponent + bits;
    any = true;
  }
  if (top - fine > kWeightBits) return std::nullopt;
  IntegerWeights out;
  out.exponent = fine;
  out.entries.reserve(count);
  for (const Dyadic& w : exact) out.entries.push_back(w.mantissa == 0 ? 0 : w.mantissa * (std::int64_t{1} << (w.exponent - fine)));
  return out;
}

std::optional<IntegerData> integer_data(const Operand& data) {
  const std::uint64_t count = data.size();
  bool any = false;
  bool exact = true;
  std::int64_t fine = 0;
  std::int64_t top = 0;
  for (std::uint64_t i = 0; i < count; ++i) {
    const Interval x = data.at(i);
    if (x.is_zero()) continue;
    exact = exact && x.exact();
    const std::int64_t t = x.exponent + std::max(bit_length(x.low), bit_length(x.high));
    fine = any ? std::min(fine, x.exponent) : x.exponent;
    top = any ? std::max(top, t) : t;
    any = true;
  }
  IntegerData out;
  out.exponent = std::max(fine, top - kDataBits);
  if (exact && out.exponent != fine) return std::nullopt;
  out.low.resize(count);
  if (!exact) out.high.resize(count);
  for (std::uint64_t i = 0; i < count; ++i) {
    const Interval x = data.at(i);
    if (x.is_zero()) continue;
    out.low[i] = floor_words(x.low, x.exponent - out.exponent);
    if (!exact) out.high[i] = negated(floor_words(-x.high, x.exponent - out.exponent));
  }
  return out;
}

unsigned bits_of(const std::vector<std::int64_t>& entries) {
  std::uint64_t all = 0;
  for (const std::int64_t x : entries) all |= static_cast<std::uint64_t>(x < 0 ? -x : x);
  return static_cast<unsigned>(std::bit_width(all));
}

void ShortSum::empty() {
  rest_ += wide_of({static_cast<std::uint64_t>(static_cast<UInt128>(sum_)), static_cast<std::uint64_t>(static_cast<UInt128>(sum_) >> 64),
                    sum_ < 0 ? ~std::uint64_t{0} : 0, sum_ < 0 ? ~std::uint64_t{0} : 0});
  sum_ = 0;
  terms_ = 0;
}

Interval ShortSum::result(std::int64_t exponent) {
  empty();
  return {rest_, rest_, exponent};
}

Interval WordSum::result(std::int64_t exponent) const {
  if (exact_) {
    const Wide value = wide_of(difference(sums_[0], sums_[1]));
    return {value, value, exponent};
  }
  return {wide_of(difference(sums_[0], sums_[3])), wide_of(difference(sums_[2], sums_[1])), exponent};
}

}  // namespace lipverify
