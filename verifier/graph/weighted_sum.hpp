// Many sums y_o = sum_t w_t x_t over one pair of tensors: matrix products, convolutions, averages.
//
// Fast path: the weights are integers below 2^62 on one power of two (exactly: binary32 weights of ordinary range), the data integers of at most
// 160 bits on another one, rounded outward, 2^-160 of the largest entry. Products are summed without rounding in 256 bits: below 2^(62 + 160 + 28).
// Cost: a few nanoseconds for each product. Data that are integers below 2^62 on one power of two as well (the entries of a witness vector) take a
// multiplication in 128 bits each: `ShortSum`. Otherwise the general sum of interval.hpp.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <optional>
#include <vector>

#include "verifier/base/parallel.hpp"
#include "verifier/graph/evaluate.hpp"

namespace lipverify {

/// Exact weights as integers on one grid; nothing when they do not fit.
struct IntegerWeights {
  std::vector<std::int64_t> entries;
  std::int64_t exponent = 0;
};
[[nodiscard]] std::optional<IntegerWeights> integer_weights(const Operand& weights);

/// Two's complement, 256 bits.
using Words = std::array<std::uint64_t, 4>;

struct IntegerData {
  std::vector<Words> low, high;  // `high` is empty when every entry is exact
  std::int64_t exponent = 0;
};
/// Nothing when all entries are exact, but not on this grid: then the general sum is tighter.
[[nodiscard]] std::optional<IntegerData> integer_data(const Operand& data);

class WordSum {
 public:
  explicit WordSum(const IntegerData& data) : data_(data), exact_(data.high.empty()) {}
  void add(std::int64_t weight, std::uint64_t index) {
    if (weight == 0) return;
    const bool negative = weight < 0;
    const auto size = static_cast<std::uint64_t>(negative ? -weight : weight);
    multiply_add(sums_[negative ? 1 : 0], data_.low[index], size);
    if (!exact_) multiply_add(sums_[negative ? 3 : 2], data_.high[index], size);
  }
  [[nodiscard]] Interval result(std::int64_t exponent) const;

 private:
  static void multiply_add(Words& sum, const Words& x, std::uint64_t w) {
    UInt128 carry = 0;
    for (std::size_t k = 0; k < 4; ++k) {
      const UInt128 t = static_cast<UInt128>(x[k]) * w + sum[k] + carry;
      sum[k] = static_cast<std::uint64_t>(t);
      carry = t >> 64;
    }
  }
  const IntegerData& data_;
  bool exact_;
  std::array<Words, 4> sums_{};  // positive and negative weights with low ends, the same with high ends
};

/// A sum of products of integers below 2^`weight_bits` and below 2^`data_bits`: in 128 bits, emptied before that could leave them.
class ShortSum {
 public:
  /// At most 62 bits each: 2^2 products below 2^124 stay below 2^126.
  ShortSum(unsigned weight_bits, unsigned data_bits) : most_(std::uint64_t{1} << std::min(32U, 126 - weight_bits - data_bits)) {}
  void add(std::int64_t weight, std::int64_t x) {
    sum_ += static_cast<Int128>(weight) * x;
    if (++terms_ == most_) empty();
  }
  [[nodiscard]] Interval result(std::int64_t exponent);

 private:
  void empty();
  std::uint64_t most_;
  std::uint64_t terms_ = 0;
  Int128 sum_ = 0;
  Wide rest_ = 0;
};

/// Bits of the largest magnitude.
[[nodiscard]] unsigned bits_of(const std::vector<std::int64_t>& entries);

/// `taps(o, visit)` calls visit(weight index, data index) for every term of sum o. Entries o of the result for all o below `count`.
template <typename Taps>
[[nodiscard]] IntervalTensor weighted_sums(const Operand& weights, const Operand& data, std::uint64_t count, unsigned threads, const Taps& taps) {
  IntervalTensor out(count);
  const std::optional<IntegerWeights> w = integer_weights(weights);
  const std::optional<IntegerWeights> narrow = w ? integer_weights(data) : std::nullopt;
  const std::optional<IntegerData> x = w && !narrow ? integer_data(data) : std::nullopt;
  const unsigned weight_bits = w ? bits_of(w->entries) : 0;
  const unsigned data_bits = narrow ? bits_of(narrow->entries) : 0;
  parallel_for(count, threads, [&](std::size_t o) {
    if (narrow) {
      ShortSum sum(weight_bits, data_bits);
      taps(o, [&](std::uint64_t i, std::uint64_t j) { sum.add(w->entries[i], narrow->entries[j]); });
      out[o] = sum.result(w->exponent + narrow->exponent);
      return;
    }
    if (w && x) {
      WordSum sum(*x);
      taps(o, [&](std::uint64_t i, std::uint64_t j) { sum.add(w->entries[i], j); });
      out[o] = sum.result(w->exponent + x->exponent);
      return;
    }
    DotProduct sum;
    taps(o, [&](std::uint64_t i, std::uint64_t j) { sum.announce(weights.at(i), data.at(j)); });
    taps(o, [&](std::uint64_t i, std::uint64_t j) { sum.add(weights.at(i), data.at(j)); });
    out[o] = sum.result();
  });
  return out;
}

}  // namespace lipverify
