// Resize and Upsample, nearest and linear: linear maps, axis by axis (formats/onnx.md, section 5).
//
// Entry x of an axis of the result stands at position u of the data, a rational number that is computed exactly from the lengths and the
// scale. Runtimes compute it in single precision. Where that may lead to another entry (nearest) or another length, the node is refused.
// Lengths are at most 2^20 where they change, and scales between 2^-28 and 2^28, so that no expression here leaves 128 bits.
#include <algorithm>
#include <cmath>

#include "formats/operators/rules.hpp"

namespace lipcert {

namespace {

__extension__ using Wide = __int128;

constexpr std::uint64_t longest_axis = std::uint64_t{1} << 20;  // that changes: its entries are looked at one by one

struct Fraction {
  Wide numerator = 0;
  Wide denominator = 1;  // positive
};

Wide floor_of(const Fraction& x) {
  const Wide quotient = x.numerator / x.denominator;
  return x.numerator % x.denominator < 0 ? quotient - 1 : quotient;
}

enum class Coordinates { half_pixel, pytorch_half_pixel, asymmetric, align_corners, tf_half_pixel };
enum class Rounding { floor, ceil, prefer_floor, prefer_ceil };

struct Manner {
  bool linear = false;
  Coordinates coordinates = Coordinates::asymmetric;  // before opset 11
  Rounding rounding = Rounding::floor;
};

Manner manner_of(const NodeView& node) {
  Manner manner;
  const std::string& mode = text_attribute(node, "mode");
  manner.linear = mode == "linear";
  if (!manner.linear && mode != "nearest")
    throw Unsupported{"Its mode is '" + mode + "'; nearest and linear are bounded: export the model with one of them."};
  if (node.op == Operator::upsample || node.opset < 11) return manner;
  const std::string& coordinates = text_attribute(node, "coordinate_transformation_mode");
  if (coordinates == "half_pixel") {
    manner.coordinates = Coordinates::half_pixel;
  } else if (coordinates == "pytorch_half_pixel") {
    manner.coordinates = Coordinates::pytorch_half_pixel;
  } else if (coordinates == "align_corners") {
    manner.coordinates = Coordinates::align_corners;
  } else if (coordinates == "tf_half_pixel_for_nn" && node.opset < 13 && !manner.linear) {
    manner.coordinates = Coordinates::tf_half_pixel;
  } else if (coordinates != "asymmetric") {
    throw Unsupported{"Its coordinate_transformation_mode is '" + coordinates +
                      "'; half_pixel, pytorch_half_pixel, asymmetric and align_corners are read, and tf_half_pixel_for_nn for nearest "
                      "before opset 13."};
  }
  const std::string& rounding = text_attribute(node, "nearest_mode");
  if (rounding == "ceil") {
    manner.rounding = Rounding::ceil;
  } else if (rounding == "round_prefer_floor") {
    manner.rounding = Rounding::prefer_floor;
  } else if (rounding == "round_prefer_ceil") {
    manner.rounding = Rounding::prefer_ceil;
  } else if (rounding != "floor") {
    throw Unsupported{"Its nearest_mode is '" + rounding + "', which ONNX does not have."};
  }
  if (manner.coordinates == Coordinates::tf_half_pixel && (manner.rounding == Rounding::ceil || manner.rounding == Rounding::prefer_ceil))
    throw Unsupported{"It rounds up positions of tf_half_pixel_for_nn, where runtimes disagree on axes that keep their length."};
  if (flag_of(node, "exclude_outside"))
    throw Unsupported{"It leaves out entries outside of the image (exclude_outside), which only cubic interpolation does."};
  if (node.opset >= 18 && flag_of(node, "antialias"))
    throw Unsupported{"It smoothes while it reduces (antialias), where runtimes differ; export the model without it."};
  if (node.opset >= 18 && text_attribute(node, "keep_aspect_ratio_policy") != "stretch")
    throw Unsupported{"It keeps the aspect ratio (keep_aspect_ratio_policy); give the sizes of the result themselves."};
  return manner;
}

/// A positive finite number as a fraction.
Fraction fraction_of(double x) {
  if (!(x >= 0x1p-28 && x <= 0x1p28))
    throw Unsupported{"It has the scale " + std::to_string(x) + "; scales from 2^-28 to 2^28 are read."};
  int exponent = 0;
  const double mantissa = std::frexp(x, &exponent);
  Fraction f{static_cast<Wide>(std::ldexp(mantissa, 24)), 1};  // a float: 24 bits
  exponent -= 24;
  while (f.numerator % 2 == 0) {
    f.numerator /= 2;
    ++exponent;
  }
  (exponent >= 0 ? f.numerator : f.denominator) <<= exponent >= 0 ? exponent : -exponent;
  return f;
}

/// An axis to be resampled: the result is `scale` times as long as the data, more or less.
struct Scaled {
  std::uint64_t input = 0;
  std::uint64_t output = 0;
  Fraction scale;
  bool representable = true;  // the scale is a number that runtimes hold exactly

  [[nodiscard]] bool unchanged() const { return scale.numerator == scale.denominator; }
};

std::uint64_t checked_length(Wide length) {
  if (length < 1 || length > static_cast<Wide>(longest_axis))
    throw Unsupported{"Its scales or sizes leave nothing of an axis, or make it longer than 2^20."};
  return static_cast<std::uint64_t>(length);
}

Scaled by_scale(std::uint64_t input, double scale) {
  if (scale == 1) return {input, input, {1, 1}, true};
  Scaled axis{input, 0, fraction_of(scale), true};
  const Fraction length{static_cast<Wide>(input) * axis.scale.numerator, axis.scale.denominator};
  axis.output = checked_length(floor_of(length));
  // The product in single precision errs by at most 2^-24 of itself: where that may reach the next whole number, runtimes differ.
  const Wide missing = (static_cast<Wide>(axis.output) + 1) * length.denominator - length.numerator;  // over the denominator
  if (missing <= (length.numerator >> 23))
    throw Unsupported{"Its scale " + std::to_string(scale) + " makes an axis of length " + std::to_string(input) + " a hair shorter than " +
                      std::to_string(axis.output + 1) + ", where runtimes round; give the sizes of the result."};
  return axis;
}

Scaled by_size(std::uint64_t input, std::int64_t size) {
  if (static_cast<Wide>(size) == static_cast<Wide>(input)) return {input, input, {1, 1}, true};
  Scaled axis{input, checked_length(size), {size, static_cast<Wide>(input)}, true};
  std::uint64_t a = input;
  for (std::uint64_t b = axis.output; b != 0;) {  // the greatest common divisor
    a %= b;
    std::swap(a, b);
  }
  const std::uint64_t below = input / a;
  axis.representable = (below & (below - 1)) == 0 && axis.output / a < (std::uint64_t{1} << 24);
  return axis;
}

/// What an input (or an attribute) gives for each axis; nothing when it is absent or an empty list.
const Tensor* given(const NodeView& node, std::size_t input, const char* what, bool floating) {
  if (!node.has(input) || node.operands[input].shape == Shape{0}) return nullptr;
  const Operand& operand = node.operands[input];
  if (operand.shape.size() != 1 || operand.known == nullptr ||
      (floating ? operand.type != ElementType::float32 : operand.type != ElementType::int64))
    throw Unsupported{std::string("Its ") + what + " are not a list of " + (floating ? "FLOAT" : "INT64") +
                      " numbers that follows from constants and shapes; export the model for a fixed input shape."};
  return operand.known;
}

/// All axes; those that stay as they are have scale 1.
std::vector<Scaled> scaled_axes(const NodeView& node) {
  const Shape& shape = node.operands[0].shape;
  const bool modern = node.op == Operator::resize && node.opset >= 11;
  const Tensor* scales = node.op == Operator::upsample && node.opset < 9 ? &std::get<Tensor>(node.attributes.at("scales"))
                                                                        : given(node, modern ? 2 : 1, "scales", true);
  const Tensor* sizes = modern ? given(node, 3, "sizes", false) : nullptr;
  if ((scales == nullptr) == (sizes == nullptr))
    throw Unsupported{"It needs either scales or sizes, and has " + std::string(scales == nullptr ? "neither." : "both.")};
  std::vector<std::uint64_t> axes = all_axes(shape.size());
  if (has_attribute(node, "axes")) axes = resolve_axes(integers_attribute(node, "axes"), shape.size(), true, shape);
  const Tensor& list = scales != nullptr ? *scales : *sizes;
  if (list.size() != axes.size())
    throw Unsupported{"It has " + std::to_string(list.size()) + " scales or sizes for " + std::to_string(axes.size()) + " axes."};
  std::vector<Scaled> result;
  for (const std::uint64_t length : shape) result.push_back({length, length, {1, 1}, true});
  for (std::size_t k = 0; k < axes.size(); ++k) {
    const auto axis = static_cast<std::size_t>(axes[k]);
    if (scales != nullptr && modern == false && (scales->real(k) < 1))
      throw Unsupported{"It makes an axis smaller in opset " + std::to_string(node.opset) +
                        ", where runtimes disagree on which entries stay; export the model with opset 11 or later."};
    result[axis] = scales != nullptr ? by_scale(shape[axis], list.real(k)) : by_size(shape[axis], list.integer(k));
  }
  return result;
}

/// Where entry x of the result stands on the axis of the data.
Fraction position(const Scaled& axis, Coordinates coordinates, std::uint64_t x) {
  const Wide p = axis.scale.numerator;
  const Wide q = axis.scale.denominator;
  const auto at = static_cast<Wide>(x);
  switch (coordinates) {
    case Coordinates::align_corners:
      return axis.output == 1 ? Fraction{} : Fraction{at * static_cast<Wide>(axis.input - 1), static_cast<Wide>(axis.output - 1)};
    case Coordinates::asymmetric:
      return {at * q, p};
    case Coordinates::pytorch_half_pixel:
      if (axis.output == 1) return {};
      break;
    case Coordinates::tf_half_pixel:
      return {(2 * at + 1) * q, 2 * p};
    case Coordinates::half_pixel:
      break;
  }
  return {(2 * at + 1) * q - p, 2 * p};
}

/// The entry that is nearest to u.
std::uint32_t nearest(const Fraction& u, Rounding rounding, std::uint64_t input) {
  Wide k = 0;
  switch (rounding) {
    case Rounding::floor:
      k = floor_of(u);
      break;
    case Rounding::ceil:
      k = -floor_of({-u.numerator, u.denominator});
      break;
    case Rounding::prefer_floor:
      k = -floor_of({u.denominator - 2 * u.numerator, 2 * u.denominator});
      break;
    case Rounding::prefer_ceil:
      k = floor_of({2 * u.numerator + u.denominator, 2 * u.denominator});
      break;
  }
  return static_cast<std::uint32_t>(std::clamp<Wide>(k, 0, static_cast<Wide>(input) - 1));
}

ResampledEntry nearest_entry(const Scaled& axis, const Manner& manner, const Fraction& u) {
  const std::uint32_t entry = nearest(u, manner.rounding, axis.input);
  // A few roundings in single precision: less than (|u| + 1) 2^-20. Where u is a boundary itself and the scale is held exactly, the quotient
  // comes out exactly, because it is representable.
  constexpr Wide finer = Wide{1} << 20;
  const Wide room = (u.numerator < 0 ? -u.numerator : u.numerator) + u.denominator;
  const std::uint32_t below = nearest({u.numerator * finer - room, u.denominator * finer}, manner.rounding, axis.input);
  const std::uint32_t above = nearest({u.numerator * finer + room, u.denominator * finer}, manner.rounding, axis.input);
  const Wide twice = 2 * u.numerator;
  const bool whole = manner.rounding == Rounding::floor || manner.rounding == Rounding::ceil;
  const bool boundary = twice % u.denominator == 0 && (twice / u.denominator % 2 == 0) == whole;
  const bool exactly = manner.coordinates == Coordinates::align_corners
                           ? (axis.input - 1) * (axis.output - 1) < (std::uint64_t{1} << 24)
                           : axis.representable;
  if (below != above && !(boundary && exactly))
    throw Unsupported{"The nearest entry of an axis of length " + std::to_string(axis.input) + " that becomes " + std::to_string(axis.output) +
                      " depends on how the runtime rounds; resize by a factor that is a whole number."};
  return {entry, 0, 1};
}

ResampledEntry linear_entry(const Scaled& axis, const Fraction& u) {
  if (u.numerator <= 0) return {};
  const auto last = static_cast<Wide>(axis.input) - 1;
  if (u.numerator >= last * u.denominator) return {static_cast<std::uint32_t>(last), 0, 1};
  const Wide first = floor_of(u);
  Wide numerator = u.numerator - first * u.denominator;
  Wide denominator = u.denominator;
  Wide divisor = denominator;
  for (Wide b = numerator; b != 0;) {
    divisor %= b;
    std::swap(divisor, b);
  }
  return {static_cast<std::uint32_t>(first), static_cast<std::int64_t>(numerator / divisor), static_cast<std::int64_t>(denominator / divisor)};
}

}  // namespace

std::vector<ResampledAxis> resampled_axes(const NodeView& node) {
  const Manner manner = manner_of(node);
  std::vector<ResampledAxis> axes;
  for (const Scaled& axis : scaled_axes(node)) {
    ResampledAxis result{axis.input, axis.output, {}};
    for (std::uint64_t x = 0; x < axis.output && !axis.unchanged(); ++x) {
      const Fraction u = position(axis, manner.coordinates, x);
      result.entries.push_back(manner.linear ? linear_entry(axis, u) : nearest_entry(axis, manner, u));
    }
    axes.push_back(std::move(result));
  }
  return axes;
}

void fill_in_resampling(Attributes& attributes, const NodeView& node) {
  fill_in(attributes, node, "axes", counting(node.operands[0].shape.size()));
}

std::vector<Result> infer_resampling(const NodeView& node) {
  if (node.op == Operator::upsample && node.opset >= 10)
    throw Unsupported{"ONNX has no Upsample from opset 10 on; its successor is Resize."};
  require_floating(node.operands, 1);
  if (node.op == Operator::resize && node.opset >= 11 && node.has(1) && !node.operands[1].constant)
    throw Unsupported{"Its region of interest depends on the input."};
  Shape shape;
  for (const Scaled& axis : scaled_axes(node)) shape.push_back(axis.output);
  if (bounded_count(shape)) static_cast<void>(resampled_axes(node));  // a larger one is refused by whoever asked
  return {{node.operands[0].type, shape}};
}

}  // namespace lipcert
