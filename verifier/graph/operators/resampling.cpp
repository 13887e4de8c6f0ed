// Resize and Upsample, nearest and linear (formats/onnx.md, section 5). Entry x of an axis of the result is (1 - w) * (entry `first`) + w * (entry
// first + 1) of the data; several axes: the product of the weights. Positions are fractions of 128-bit integers: lengths are at most 2^20 on axes
// that change and scales are m 2^e with m < 2^24 and |e| <= 52, so that numerators and denominators stay below 2^75.
#include <algorithm>
#include <bit>
#include <numeric>
#include <utility>

#include "verifier/base/bytes.hpp"
#include "verifier/graph/functions.hpp"
#include "verifier/graph/operators/family.hpp"

namespace lipverify {

namespace {

constexpr std::int64_t kLength = std::int64_t{1} << 20;

struct Place {
  std::uint64_t first = 0;
  Interval weight, rest;  // 1 - w and w; 0 exactly: there is no second entry
};

struct Resampled {
  std::uint64_t input = 1, output = 1;
  std::vector<Place> places;  // of the result's entries; none: the axis stays as it is
};

/// An axis of length `input`, made top / bottom times as long.
struct Scale {
  Int128 top = 1, bottom = 1;
  std::int64_t input = 1, output = 1;
  bool held = true;  // the quotient is a binary32 number
};

Int128 floored(Int128 a, Int128 b) { return a / b - (a % b < 0 ? 1 : 0); }

Scale scale_of(const NodeRules& at, std::int64_t input, const Dyadic& s) {
  Scale out;
  out.input = out.output = input;
  Int128 top = s.mantissa;
  std::int64_t exponent = s.exponent;
  for (; top > 0 && top % 2 == 0; ++exponent) top /= 2;
  if (top <= 0 || exponent < -52 || exponent > 28) at.fail("a scale is not between 2^-28 and 2^28");
  (exponent >= 0 ? top : out.bottom) *= Int128{1} << (exponent >= 0 ? exponent : -exponent);
  if (top * (Int128{1} << 28) < out.bottom || top > out.bottom * (Int128{1} << 28)) at.fail("a scale is not between 2^-28 and 2^28");
  out.top = top;
  if (out.top == out.bottom) return out;
  const Int128 length = floored(input * out.top, out.bottom);
  if (length < 1 || length > kLength) at.fail("it leaves nothing of an axis, or makes it longer than 2^20");
  out.output = static_cast<std::int64_t>(length);
  if (((length + 1) * out.bottom - input * out.top) * (Int128{1} << 23) <= input * out.top) at.fail("the length of its result depends on rounding");
  return out;
}

Scale size_of(const NodeRules& at, std::int64_t input, std::int64_t size) {
  Scale out{size, input, input, size, true};
  if (size == input) return out;
  if (size < 1 || size > kLength) at.fail("it leaves nothing of an axis, or makes it longer than 2^20");
  out.held = std::has_single_bit(static_cast<std::uint64_t>(input / std::gcd(input, size)));
  return out;
}

/// A known list in an input; null when it is absent or empty.
const Tensor* list_of(const NodeRules& at, std::size_t i, std::uint32_t type) {
  if (!at.has_input(i) || at.in(i).shape == Shape{0}) return nullptr;
  if (at.in(i).known == nullptr || at.in(i).type != type || at.in(i).shape.size() != 1) at.fail("its scales or sizes are not a known list of the right type");
  return at.in(i).known;
}

std::vector<Scale> scales_of(const NodeRules& at) {
  const Shape& shape = at.in(0).shape;
  const bool modern = at.node().op == Op::resize && !at.before(11);
  const Attribute* attribute = at.find("scales");
  const Tensor* scales = attribute != nullptr ? &attribute->tensor : list_of(at, modern ? 2 : 1, kFloat32);
  const Tensor* sizes = modern ? list_of(at, 3, kInt64) : nullptr;
  if ((scales == nullptr) == (sizes == nullptr)) at.fail("it needs scales or sizes, and not both");
  std::vector<std::uint64_t> axes(shape.size());
  std::iota(axes.begin(), axes.end(), std::uint64_t{0});
  if (const Attribute* named = at.find("axes"); named != nullptr) axes = at.axes(named->integers, shape.size(), true);
  if (element_count((scales != nullptr ? scales : sizes)->shape) != axes.size()) at.fail("it does not have one scale or size for each axis");
  std::vector<Scale> out;
  for (const std::uint64_t n : shape) out.push_back({1, 1, static_cast<std::int64_t>(n), static_cast<std::int64_t>(n), true});
  for (std::size_t k = 0; k < axes.size(); ++k) {
    Scale& axis = out[axes[k]];
    axis = scales != nullptr ? scale_of(at, axis.input, scales->real(k)) : size_of(at, axis.input, sizes->integer(k));
    if (!modern && axis.top < axis.bottom) at.fail("before opset 11 no axis may become smaller");
  }
  return out;
}

enum class From { asymmetric, half_pixel, pytorch_half_pixel, align_corners, tf_half_pixel };
enum class Nearest { floor, ceil, prefer_floor, prefer_ceil };

struct Way {
  bool linear = false;
  From from = From::asymmetric;
  Nearest nearest = Nearest::floor;
};

Way way_of(const NodeRules& at) {
  Way out;
  const std::string& mode = at.find("mode")->text;
  out.linear = mode == "linear";
  if (!out.linear && mode != "nearest") at.fail("mode '" + printable(mode) + "' is not supported");
  if (at.node().op == Op::upsample || at.before(11)) return out;
  const std::string& from = at.find("coordinate_transformation_mode")->text;
  const std::string& nearest = at.find("nearest_mode")->text;
  const bool up = nearest == "ceil" || nearest == "round_prefer_ceil";
  if (from == "half_pixel") out.from = From::half_pixel;
  else if (from == "pytorch_half_pixel") out.from = From::pytorch_half_pixel;
  else if (from == "align_corners") out.from = From::align_corners;
  else if (from == "tf_half_pixel_for_nn" && at.before(13) && !out.linear && !up) out.from = From::tf_half_pixel;
  else if (from != "asymmetric") at.fail("coordinate_transformation_mode '" + printable(from) + "' is not supported here");
  if (nearest == "ceil") out.nearest = Nearest::ceil;
  else if (nearest == "round_prefer_floor") out.nearest = Nearest::prefer_floor;
  else if (nearest == "round_prefer_ceil") out.nearest = Nearest::prefer_ceil;
  else if (nearest != "floor") at.fail("nearest_mode '" + printable(nearest) + "' is not known");
  if (at.flag("exclude_outside") || at.flag("antialias")) at.fail("exclude_outside and antialias must be 0");
  if (const Attribute* policy = at.find("keep_aspect_ratio_policy"); policy != nullptr && policy->text != "stretch") at.fail("keep_aspect_ratio_policy must be stretch");
  return out;
}

/// The position a / b of the data where entry x of the result stands.
void position_of(const Scale& s, From from, Int128 x, Int128& a, Int128& b) {
  a = 0;
  b = 1;
  if (from == From::align_corners) {
    if (s.output > 1) a = x * (s.input - 1), b = s.output - 1;
  } else if (from == From::asymmetric) {
    a = x * s.bottom, b = s.top;
  } else if (from == From::tf_half_pixel) {
    a = (2 * x + 1) * s.bottom, b = 2 * s.top;
  } else if (from == From::half_pixel || s.output > 1) {
    a = (2 * x + 1) * s.bottom - s.top, b = 2 * s.top;
  }
}

std::int64_t nearest_to(Int128 a, Int128 b, Nearest rule, std::int64_t input) {
  const Int128 k = rule == Nearest::floor          ? floored(a, b)
                   : rule == Nearest::ceil         ? -floored(-a, b)
                   : rule == Nearest::prefer_floor ? -floored(b - 2 * a, 2 * b)
                                                   : floored(2 * a + b, 2 * b);
  return static_cast<std::int64_t>(std::clamp<Int128>(k, 0, input - 1));
}

Place place_of(const NodeRules& at, const Way& way, const Scale& s, std::int64_t x) {
  Int128 a = 0, b = 1;
  position_of(s, way.from, x, a, b);
  if (way.linear) {
    a = std::clamp<Int128>(a, 0, b * (s.input - 1));
    const Int128 rest = a % b;
    Int128 common = b;
    for (Int128 y = rest; y != 0;) common = std::exchange(y, common % y);
    const Interval under = integer(static_cast<std::int64_t>(b / common));
    const auto share = [&](Int128 over) { return over == 0 ? Interval() : quotient(integer(static_cast<std::int64_t>(over / common)), under); };
    return {static_cast<std::uint64_t>(a / b), share(b - rest), share(rest)};
  }
  // Within (|u| + 1) 2^-20 a runtime may be on the other side of a boundary; on it, where its quotient is exact, it is not.
  const Int128 fine = Int128{1} << 20;
  const Int128 room = (a < 0 ? -a : a) + b;
  const bool halves = way.nearest == Nearest::prefer_floor || way.nearest == Nearest::prefer_ceil;
  const bool on_boundary = 2 * a % b == 0 && (2 * a / b % 2 != 0) == halves;
  const bool held = way.from == From::align_corners ? (s.input - 1) * (s.output - 1) < std::int64_t{1} << 24 : s.held;
  if (!(on_boundary && held) && nearest_to(a * fine - room, b * fine, way.nearest, s.input) != nearest_to(a * fine + room, b * fine, way.nearest, s.input))
    at.fail("which entry is the nearest depends on rounding");
  return {static_cast<std::uint64_t>(nearest_to(a, b, way.nearest, s.input)), integer(1), Interval()};
}

std::vector<Resampled> axes_of(const NodeRules& at) {
  const Way way = way_of(at);
  std::vector<Resampled> out;
  for (const Scale& s : scales_of(at)) {
    out.push_back({static_cast<std::uint64_t>(s.input), static_cast<std::uint64_t>(s.output), {}});
    for (std::int64_t x = 0; x < s.output && s.top != s.bottom; ++x) out.back().places.push_back(place_of(at, way, s, x));
  }
  return out;
}

/// Calls visit(index of the data, weight) for each term of entry r of the result.
template <typename Visit>
void for_each_term(const std::vector<Resampled>& axes, std::uint64_t r, const Visit& visit) {
  std::vector<std::pair<std::uint64_t, Interval>> terms = {{0, integer(1)}};
  std::uint64_t stride = 1;
  for (std::size_t k = axes.size(); k-- > 0;) {
    const Resampled& axis = axes[k];
    const std::uint64_t x = r % axis.output;
    r /= axis.output;
    const std::size_t count = terms.size();
    for (std::size_t t = 0; t < count; ++t) {
      if (axis.places.empty()) {
        terms[t].first += x * stride;
        continue;
      }
      const Place& place = axis.places[x];
      terms[t].first += place.first * stride;
      if (place.rest.is_zero()) continue;
      terms.emplace_back(terms[t].first + stride, terms[t].second * place.rest);
      terms[t].second = terms[t].second * place.weight;
    }
    stride *= axis.input;
  }
  for (const auto& [index, weight] : terms) visit(index, weight);
}

}  // namespace

Shape resampling::shape(const NodeRules& at, Value&) {
  const bool resize = at.node().op == Op::resize;
  if (resize) at.since(10);
  if (!resize && !at.before(10)) at.fail("Upsample does not exist in this version of the operator set");
  if (resize)
    at.count_inputs(at.before(11) ? 2 : 1, at.before(11) ? 2 : 4);
  else
    at.count_inputs(at.before(9) ? 1 : 2, at.before(9) ? 1 : 2);
  at.floating();
  if (resize && !at.before(11) && at.has_input(1) && !at.in(1).constant) at.fail("its region of interest depends on the input");
  Shape out;
  std::uint64_t elements = 1;
  for (const Scale& s : scales_of(at)) {
    out.push_back(static_cast<std::uint64_t>(s.output));
    if (out.back() > kElements || (elements *= out.back()) > kElements) at.fail("the result has more than 2^28 elements");
  }
  (void)axes_of(at);  // refuses what depends on rounding
  return out;
}

Operand resampling::value(const NodeInputs& inputs, std::size_t, const Shape& shape, bool) {
  const std::vector<Resampled> axes = axes_of(NodeRules(inputs.graph, inputs.index));
  check_size(element_count(shape));
  return entrywise(shape, inputs.threads, [&](std::size_t e) {
    Interval sum;
    for_each_term(axes, e, [&](std::uint64_t index, const Interval& weight) { sum = sum + weight * inputs.in[0]->at(index); });
    return sum;
  });
}

void resampling::rows(const Rows& at, std::size_t, const Shape&) {
  at.only(0);
  const auto axes = std::make_shared<const std::vector<Resampled>>(axes_of(NodeRules(at.graph, at.index)));
  at.out.row = [axes](std::uint64_t r, std::vector<Term>& terms) {
    for_each_term(*axes, r, [&](std::uint64_t index, const Interval& weight) { terms.push_back({0, static_cast<std::uint32_t>(index), coefficient_of(weight)}); });
  };
}

}  // namespace lipverify
