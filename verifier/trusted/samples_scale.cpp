// See samples_scale.hpp.
#include "verifier/trusted/samples_scale.hpp"

#include <algorithm>
#include <array>

#include "verifier/trusted/failure.hpp"

namespace lipverify {

namespace mp = boost::multiprecision;

namespace {

/// x = numerator / denominator, denominator > 0; not reduced.
struct Fraction {
  Integer numerator, denominator;
};

/// floor(x * 2^-exponent), and whether that is exact.
Int128 floor_on_grid(const Fraction& x, int exponent, bool& exact) {
  Integer n = x.numerator, d = x.denominator;
  if (exponent < 0)
    n <<= static_cast<unsigned>(-exponent);
  else
    d <<= static_cast<unsigned>(exponent);
  Integer quotient, remainder;
  mp::divide_qr(n, d, quotient, remainder);  // towards zero
  exact = remainder == 0;
  if (remainder < 0) quotient -= 1;
  return static_cast<Int128>(quotient);
}

/// b with |x| < 2^b, at most 2 too large.
int bits_above(const Fraction& x) {
  if (x.numerator == 0) return -4000;
  return static_cast<int>(mp::msb(x.numerator < 0 ? Integer(-x.numerator) : x.numerator)) - static_cast<int>(mp::msb(x.denominator)) + 1;
}

}  // namespace

Scaling::Scaling(const SampleShape& shape, Layout layout, const Rational& scale, const std::vector<Rational>& means, const std::vector<Rational>& deviations)
    : plane_(static_cast<std::size_t>(shape.rows * shape.columns)) {
  const std::size_t count = std::max(means.size(), deviations.size());
  for (const std::size_t size : {means.size(), deviations.size()})
    if (size != 1 && size != shape.channels)
      reject("the claim about samples has " + std::to_string(size) + " means or deviations, the data has " + std::to_string(shape.channels) + (shape.image ? " channels" : " entries"));
  if (layout != Layout::nchw && !shape.image) reject("the claim about samples names a layout of images, the data has rows of numbers");
  for (std::size_t c = 0; c < count; ++c) {
    const Rational& deviation = deviations[deviations.size() == 1 ? 0 : c];
    if (deviation == 0) reject("the claim about samples divides by zero: a deviation (std) is 0");
    const Rational a = scale / deviation, b = means[means.size() == 1 ? 0 : c] / deviation;
    channels_.push_back({mp::numerator(a) * mp::denominator(b), mp::numerator(b) * mp::denominator(a), mp::denominator(a) * mp::denominator(b)});
  }
  target_.resize(static_cast<std::size_t>(shape.entries()));
  const std::size_t C = static_cast<std::size_t>(shape.channels), H = static_cast<std::size_t>(shape.rows), W = static_cast<std::size_t>(shape.columns);
  for (std::size_t c = 0, i = 0; c < C; ++c)
    for (std::size_t h = 0; h < H; ++h)
      for (std::size_t w = 0; w < W; ++w, ++i)
        target_[i] = static_cast<std::uint32_t>(layout == Layout::nchw ? i : layout == Layout::nhwc ? (h * W + w) * C + c : (c * W + w) * H + h);
}

namespace {

/// (v * factor - offset) / denominator for v = mantissa * 2^two * 10^ten.
Fraction affine(const Number& v, const Integer& factor, const Integer& offset, const Integer& denominator) {
  Integer up = 1, down = 1;
  if (v.ten > 0) up = mp::pow(Integer(10), static_cast<unsigned>(v.ten));
  if (v.ten < 0) down = mp::pow(Integer(10), static_cast<unsigned>(-v.ten));
  if (v.two > 0) up <<= static_cast<unsigned>(v.two);
  if (v.two < 0) down <<= static_cast<unsigned>(-v.two);
  return {v.mantissa * up * factor - offset * down, denominator * down};
}

}  // namespace

Rational Scaling::exact(const Sample& sample, std::size_t i) const {
  const Affine& map = channel(i);
  const Number value = sample.pixels.empty() ? sample.numbers[i] : Number{Integer(sample.pixels[i]), 0, 0};
  const Fraction x = affine(value, map.factor, map.offset, map.denominator);
  return Rational(x.numerator, x.denominator);
}

void Scaling::enclose(const Sample& sample, int bits, GridPoint& point) const {
  const std::size_t size = target_.size();
  point.lower.resize(size);
  point.exact.resize(size);
  std::vector<Fraction> values;
  int largest = -4000;
  bool exact = false;
  if (!sample.pixels.empty()) {
    // At most 256 values in each channel: computed once for every sample.
    std::vector<std::array<std::pair<Int128, bool>, 256>> table(channels_.size());
    for (const Affine& map : channels_)
      for (int v = 0; v < 256; ++v) {
        values.push_back({Integer(v) * map.factor - map.offset, map.denominator});
        largest = std::max(largest, bits_above(values.back()));
      }
    point.exponent = largest - bits;
    for (std::size_t k = 0; k < values.size(); ++k) {
      table[k / 256][k % 256].first = floor_on_grid(values[k], point.exponent, exact);
      table[k / 256][k % 256].second = exact;
    }
    for (std::size_t i = 0; i < size; ++i) {
      const auto& entry = table[channels_.size() == 1 ? 0 : i / plane_][sample.pixels[i]];
      point.lower[target_[i]] = entry.first;
      point.exact[target_[i]] = entry.second ? 1 : 0;
    }
    return;
  }
  for (std::size_t i = 0; i < size; ++i) {
    const Affine& map = channel(i);
    values.push_back(affine(sample.numbers[i], map.factor, map.offset, map.denominator));
    largest = std::max(largest, bits_above(values.back()));
  }
  point.exponent = largest - bits;
  for (std::size_t i = 0; i < size; ++i) {
    point.lower[target_[i]] = floor_on_grid(values[i], point.exponent, exact);
    point.exact[target_[i]] = exact ? 1 : 0;
  }
}

}  // namespace lipverify
