#include "certify/samples/radius_rule.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "certify/numbers/rounding.hpp"
#include "formats/encoding/error.hpp"

namespace lipcert {

namespace {

/// (1 - 2^-30) x, rounded down.
Lower with_relative_slack(Lower x) {
  return x * Lower::exact(1 - 0x1p-30);
}

/// A nonnegative lower bound of high - low, two doubles of any sign, less `error`; zero says that nothing is known.
Lower difference(double high, double low, Upper error) {
  if (!(high > low)) return {};
  Lower gap;
  if (high >= 0 && low < 0)
    gap = Lower::exact(high) + Lower::exact(low);
  else if (high >= 0)
    gap = minus(Lower::exact(high), Upper::exact(low));
  else
    gap = minus(Lower::exact(low), Upper::exact(high));
  return minus(gap, error);
}

/// Zero L: the difference is constant, so a positive margin stays whatever the distance.
double reach(Lower margin, double lipschitz) {
  return lipschitz == 0 ? std::numeric_limits<double>::infinity() : (margin / Upper::exact(lipschitz)).value();
}

}  // namespace

RadiusRule::RadiusRule(const Analysis& analysis, const Shape& output)
    : outputs_(element_count(output)), upper_(analysis.upper), pairs_(analysis.pairs) {
  if (outputs_ != 1 && (analysis.classes != outputs_ || pairs_.size() != outputs_ * (outputs_ - 1) / 2))
    throw input_error("The model has " + std::to_string(outputs_) +
                      " outputs without a bound for every pair of them, so samples have no radius; certified radii need one output or 2 to "
                      "1024 classes.");
}

double RadiusRule::pair(std::size_t i, std::size_t j) const {
  if (i > j) std::swap(i, j);
  const std::size_t c = outputs_;
  return pairs_[i * c - i * (i + 1) / 2 + (j - i - 1)];
}

std::optional<std::uint32_t> RadiusRule::label(std::int64_t label) const {
  if (outputs_ == 1)
    return label == 1 ? std::optional<std::uint32_t>(1) : label == 0 || label == -1 ? std::optional<std::uint32_t>(0) : std::nullopt;
  if (label < 0 || static_cast<std::uint64_t>(label) >= outputs_) return std::nullopt;
  return static_cast<std::uint32_t>(label);
}

bool RadiusRule::fits(const SampleRecord& record) const {
  const std::uint64_t classes = std::max<std::uint64_t>(outputs_, 2);
  if (record.label != no_class && record.label >= classes) return false;
  if (record.predicted == no_class) return record.margin == 0 && record.radius == 0;
  if (record.predicted >= classes || !(record.margin > 0) || !std::isfinite(record.margin)) return false;
  double smallest = upper_;
  double largest = upper_;
  if (outputs_ != 1) {
    smallest = std::numeric_limits<double>::infinity();
    largest = 0;
    for (std::size_t j = 0; j < outputs_; ++j) {
      if (j == record.predicted) continue;
      smallest = std::min(smallest, pair(record.predicted, j));
      largest = std::max(largest, pair(record.predicted, j));
    }
  }
  // Rounding down is monotone, so the ends need no tolerance: the radius is the least quotient of a gap of at least the margin.
  const Lower margin = Lower::exact(record.margin);
  return record.radius >= reach(margin, largest) && (record.rule == 1 || record.radius <= reach(margin, smallest));
}

void RadiusRule::apply(const BallVector& f, Upper distance, SampleRecord& record, std::vector<double>* against) const {
  if (against != nullptr) against->assign(outputs_, 0);
  record.predicted = no_class;
  record.margin = 0;
  record.radius = 0;
  const Upper moved = Upper::exact(upper_) * distance;
  const Upper slack = Upper::exact(33);  // the error itself, and 32 times it for the checker
  const auto error = [&](std::size_t j) { return Upper::exact(f.radius[j]) + moved; };
  for (std::size_t j = 0; j < outputs_; ++j) {
    if (!std::isfinite(f.centre[j]) || !std::isfinite(f.radius[j])) return;
  }
  if (outputs_ == 1) {
    const Lower margin = with_relative_slack(minus(Lower::exact(f.centre[0]), slack * error(0)));
    if (!(margin.value() > 0)) return;
    record.predicted = f.centre[0] > 0 ? 1 : 0;
    record.margin = margin.value();
    record.radius = reach(margin, upper_);
    if (against != nullptr) (*against)[0] = record.radius;
    return;
  }
  const auto c = static_cast<std::size_t>(std::max_element(f.centre.begin(), f.centre.end()) - f.centre.begin());
  const double infinite = std::numeric_limits<double>::infinity();
  double margin = infinite;
  double radius = infinite;
  for (std::size_t j = 0; j < outputs_; ++j) {
    if (j == c) continue;
    const Lower gap = with_relative_slack(difference(f.centre[c], f.centre[j], slack * (error(c) + error(j))));
    if (!(gap.value() > 0) || !std::isfinite(gap.value())) return;
    margin = std::min(margin, gap.value());
    const double alone = reach(gap, pair(c, j));
    if (against != nullptr) (*against)[j] = alone;
    radius = std::min(radius, alone);
  }
  record.predicted = static_cast<std::uint32_t>(c);
  record.margin = margin;
  record.radius = radius;
}

}  // namespace lipcert
