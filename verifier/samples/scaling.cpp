// See scaling.hpp.
#include "verifier/samples/scaling.hpp"

#include <algorithm>
#include <array>

#include "verifier/base/failure.hpp"

namespace lipverify {

namespace mp = boost::multiprecision;

namespace {

/// x = numerator / denominator, denominator > 0; not reduced.
struct Fraction {
  Integer numerator, denominator;
};

/// floor(x * 2^-exponent), and whether that is exact.
std::int64_t floor_on_grid(const Fraction& x, std::int64_t exponent, bool& exact) {
  Integer n = x.numerator, d = x.denominator;
  if (exponent < 0)
    n <<= static_cast<std::size_t>(-exponent);
  else
    d <<= static_cast<std::size_t>(exponent);
  Integer quotient, remainder;
  mp::divide_qr(n, d, quotient, remainder);  // towards zero
  exact = remainder == 0;
  if (remainder < 0) quotient -= 1;
  return static_cast<std::int64_t>(quotient);
}

/// b with |x| < 2^b, at most 2 too large.
int bits_above(const Fraction& x) {
  if (x.numerator == 0) return -4000;
  return static_cast<int>(mp::msb(x.numerator < 0 ? Integer(-x.numerator) : x.numerator)) - static_cast<int>(mp::msb(x.denominator)) + 1;
}

/// (v * factor - offset) / denominator for v = mantissa * 2^two * 10^ten.
Fraction affine(const DataNumber& v, const Integer& factor, const Integer& offset, const Integer& denominator) {
  Integer up = 1, down = 1;
  if (v.ten > 0) up = mp::pow(Integer(10), static_cast<unsigned>(v.ten));
  if (v.ten < 0) down = mp::pow(Integer(10), static_cast<unsigned>(-v.ten));
  if (v.two > 0) up <<= static_cast<unsigned>(v.two);
  if (v.two < 0) down <<= static_cast<unsigned>(-v.two);
  return {v.mantissa * up * factor - offset * down, denominator * down};
}

/// The exponent of the finest grid on which all of them are at most 2^kGridBits.
std::int64_t finest_exponent(const std::vector<Fraction>& values) {
  int largest = -4000;
  for (const Fraction& x : values) largest = std::max(largest, bits_above(x));
  return largest - kGridBits;
}

}  // namespace

SampleShape arranged(const SampleShape& stored, const Arrangement& how, const Shape& input) {
  const std::string claim = "the claim about samples ";
  SampleShape image = stored;
  if (how.row_image) {
    const auto [c, h, w] = *how.row_image;
    if (stored.image) reject(claim + "names the shape of an image for rows, the data has images");
    if (Integer(c) * h * w != stored.entries()) reject(claim + "names an image that has not the entries of a row");
    image = {true, c, h, w};
  } else if (how.channels_last) {
    if (!stored.image) reject(claim + "names a layout of images, the data has rows of numbers");
    image = {true, stored.columns, stored.channels, stored.rows};
  }
  const auto plain = [](Shape shape) {  // without its ones
    shape.erase(std::remove(shape.begin(), shape.end(), 1U), shape.end());
    return shape;
  };
  if (!image.image || plain(input).size() <= 1) return image;  // no shape to compare
  const Shape read = how.layout == Layout::nchw   ? Shape{image.channels, image.rows, image.columns}
                     : how.layout == Layout::nhwc ? Shape{image.rows, image.columns, image.channels}
                                                  : Shape{image.channels, image.columns, image.rows};
  Shape given = input;
  while (given.size() > 3 && given[0] == 1) given.erase(given.begin());
  if (image.channels == 1 ? plain(read) != plain(given) : read != given)
    reject(claim + "is about images of " + std::to_string(image.channels) + " x " + std::to_string(image.rows) + " x " +
           std::to_string(image.columns) + " (channels, rows, columns), and the input of the network has another shape");
  return image;
}

Scaling::Scaling(const SampleShape& shape, Layout layout, const Rational& scale, const std::vector<Rational>& means,
                 const std::vector<Rational>& deviations, bool channels_last)
    : means_(means), deviations_(deviations), plane_(static_cast<std::size_t>(shape.rows * shape.columns)), last_(channels_last) {
  const std::size_t count = std::max(means.size(), deviations.size());
  for (const std::size_t size : {means.size(), deviations.size()})
    if (size != 1 && size != shape.channels)
      reject("the claim about samples has " + std::to_string(size) + " means or deviations, the data has " +
             std::to_string(shape.channels) + (shape.image ? " channels" : " entries"));
  if (layout != Layout::nchw && !shape.image) reject("the claim about samples names a layout of images, the data has rows of numbers");
  for (std::size_t c = 0; c < count; ++c) {
    const Rational& deviation = deviations[deviations.size() == 1 ? 0 : c];
    if (deviation == 0) reject("the claim about samples divides by zero: a deviation (std) is 0");
    const Rational a = scale / deviation, b = means[means.size() == 1 ? 0 : c] / deviation;
    channels_.push_back(
        {mp::numerator(a) * mp::denominator(b), mp::numerator(b) * mp::denominator(a), mp::denominator(a) * mp::denominator(b)});
  }
  target_.resize(static_cast<std::size_t>(shape.entries()));
  const std::size_t C = static_cast<std::size_t>(shape.channels), H = static_cast<std::size_t>(shape.rows),
                    W = static_cast<std::size_t>(shape.columns);
  for (std::size_t c = 0; c < C; ++c)
    for (std::size_t h = 0; h < H; ++h)
      for (std::size_t w = 0; w < W; ++w) {
        const std::size_t by_channel = (c * H + h) * W + w, by_pixel = (h * W + w) * C + c;
        target_[last_ ? by_pixel : by_channel] = static_cast<std::uint32_t>(layout == Layout::nchw   ? by_channel
                                                                            : layout == Layout::nhwc ? by_pixel
                                                                                                     : (c * W + w) * H + h);
      }
  if (channels_.size() > 16) return;
  std::vector<Fraction> values;
  for (const Affine& map : channels_)
    for (int v = 0; v < 256; ++v) values.push_back(affine({Integer(v), 0, 0}, map.factor, map.offset, map.denominator));
  table_.exponent = finest_exponent(values);
  for (const Fraction& x : values) {
    bool exact = false;
    table_.lower.push_back(floor_on_grid(x, table_.exponent, exact));
    table_inexact_.push_back(exact ? 0 : 1);
  }
}

std::vector<Rational> Scaling::exact(const Sample& sample) const {
  std::vector<Rational> point(target_.size());
  for (std::size_t i = 0; i < target_.size(); ++i) {
    const Affine& map = channels_[channel(i)];
    const DataNumber value = sample.pixels.empty() ? sample.numbers[i] : DataNumber{Integer(sample.pixels[i]), 0, 0};
    const Fraction x = affine(value, map.factor, map.offset, map.denominator);
    point[target_[i]] = Rational(x.numerator, x.denominator);
  }
  return point;
}

InputBox Scaling::box(const Rational& low, const Rational& high) const {
  InputBox out{std::vector<Rational>(target_.size()), std::vector<Rational>(target_.size())};
  for (std::size_t i = 0; i < target_.size(); ++i) {
    const std::size_t c = channel(i);
    const Rational& mean = means_[means_.size() == 1 ? 0 : c];
    const Rational& deviation = deviations_[deviations_.size() == 1 ? 0 : c];
    const Rational first = (low - mean) / deviation, second = (high - mean) / deviation;
    out.low[target_[i]] = std::min(first, second);  // a negative deviation turns the range round
    out.high[target_[i]] = std::max(first, second);
  }
  return out;
}

GridPoint Scaling::enclose(const Sample& sample) const {
  const std::size_t size = target_.size();
  GridPoint point;
  point.lower.resize(size);
  if (!sample.pixels.empty() && !table_.lower.empty()) {
    point.exponent = table_.exponent;
    for (std::size_t i = 0; i < size; ++i) {
      const std::size_t at = channel(i) * 256 + sample.pixels[i];
      point.lower[target_[i]] = table_.lower[at];
      point.inexact += table_inexact_[at];
    }
    return point;
  }
  std::vector<Fraction> values;
  for (std::size_t i = 0; i < size; ++i) {
    const Affine& map = channels_[channel(i)];
    const DataNumber value = sample.pixels.empty() ? sample.numbers[i] : DataNumber{Integer(sample.pixels[i]), 0, 0};
    values.push_back(affine(value, map.factor, map.offset, map.denominator));
  }
  point.exponent = finest_exponent(values);
  for (std::size_t i = 0; i < size; ++i) {
    bool exact = false;
    point.lower[target_[i]] = floor_on_grid(values[i], point.exponent, exact);
    if (!exact) ++point.inexact;
  }
  return point;
}

}  // namespace lipverify
