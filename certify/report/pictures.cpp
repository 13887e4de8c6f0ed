#include "certify/report/pictures.hpp"

#include <algorithm>
#include <cmath>
#include <functional>
#include <map>
#include <numeric>
#include <set>

#include "certify/report/plain_text.hpp"
#include "formats/encoding/error.hpp"

namespace lipcert::report {
namespace {

constexpr std::uint64_t largest_side = 96;  // of a picture; a larger image is thinned out

/// Entry (channel, row, column) of a sample as a grey value: pixels as they are, other numbers between the least and the largest of the sample.
class Brightness {
 public:
  explicit Brightness(const Sample& sample) : sample_(sample) {
    if (!sample.pixels.empty()) high_ = 255;
    for (std::size_t i = 0; sample.pixels.empty() && i < sample.entries(); ++i) {
      const double v = value(i);
      low_ = i == 0 ? v : std::min(low_, v);
      high_ = i == 0 ? v : std::max(high_, v);
    }
  }
  [[nodiscard]] std::uint8_t at(std::size_t i) const {
    if (!sample_.pixels.empty()) return sample_.pixels[i];
    return grey(value(i));
  }
  /// Of a number on this sample's scale; what lies beyond is black or white.
  [[nodiscard]] std::uint8_t grey(double v) const {
    return high_ > low_ ? static_cast<std::uint8_t>(std::lround(255 * std::clamp((v - low_) / (high_ - low_), 0.0, 1.0))) : std::uint8_t{0};
  }

 private:
  [[nodiscard]] double value(std::size_t i) const {
    if (!sample_.reals.empty()) return sample_.reals[i];
    Rational exact;
    return Rational::read_decimal(sample_.decimals[i], exact) ? exact.rounded_down() : 0;
  }

  const Sample& sample_;
  double low_ = 0;
  double high_ = 0;
};

/// `grey(i)`: the brightness of entry i, in the order of the file.
Picture picture_of(const SampleShape& shape, bool channels_last, const std::function<std::uint8_t(std::size_t)>& grey) {
  const std::uint64_t step = (std::max(shape.rows, shape.columns) + largest_side - 1) / largest_side;
  Picture out;
  out.rows = static_cast<std::uint32_t>((shape.rows + step - 1) / step);
  out.columns = static_cast<std::uint32_t>((shape.columns + step - 1) / step);
  out.channels = static_cast<std::uint32_t>(shape.channels);
  for (std::uint64_t r = 0; r < shape.rows; r += step) {
    for (std::uint64_t c = 0; c < shape.columns; c += step) {
      for (std::uint64_t k = 0; k < shape.channels; ++k)
        out.pixels.push_back(grey(channels_last ? (r * shape.columns + c) * shape.channels + k : (k * shape.rows + r) * shape.columns + c));
    }
  }
  return out;
}

/// Rows of the file of flipped inputs, by row. Throws `Error` (input) when it is not the file that the attack names, or of another form.
std::map<std::size_t, std::vector<double>> flipped_inputs(const AttackResult& attack, const std::set<std::size_t>& rows, std::uint64_t entries) {
  const auto wrong = [&](const std::string& what) { return input_error(printable(attack.inputs) + ": " + what + "; keep it as `lipcert attack --flips` has written it, beside the attack's result."); };
  std::map<std::size_t, std::vector<double>> out;
  SampleReader reader(DataSource{attack.inputs, "", DataFormat::npy, std::nullopt});
  Sample sample;
  for (std::size_t row = 0; reader.next(sample); ++row) {
    if (sample.reals.size() != entries) throw wrong("does not hold inputs like those of the data");
    if (rows.count(row) > 0) out[row] = sample.reals;
  }
  const DataDescription description = reader.finish();
  if (description.files.front().sha256 != attack.inputs_sha256) throw wrong("is not the file that the attack's result names");
  if (description.samples != attack.flips.size() || out.size() != rows.size()) throw wrong("does not hold the flips that the attack's result lists");
  return out;
}

/// Channels, rows, columns as an image, or no image. The shape of `description` counts an NPY array with its channels last as it lies.
SampleShape image_shape(const DataDescription& description, const ScalingTexts& scaling, bool channels_last) {
  SampleShape shape = description.shape;
  if (scaling.image_shape) {
    const auto& [channels, rows, columns] = *scaling.image_shape;
    shape = {channels, rows, columns, true};
  } else if (channels_last && shape.image) {
    shape = {shape.columns, shape.channels, shape.rows, true};
  }
  const bool shown = shape.image && (shape.channels == 1 || shape.channels == 3) && shape.rows > 1 && shape.columns > 1 &&
                     shape.entries() == description.shape.entries();
  if (!shown) shape.image = false;
  return shape;
}

}  // namespace

Selection choose(const Facts& facts, std::size_t each) {
  const SampleView& samples = *facts.samples;
  std::vector<std::size_t> order(samples.records.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  const auto radius = [&](std::size_t k) { return samples.records[k].radius; };
  std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) { return radius(a) > radius(b); });
  Selection out;
  for (const std::size_t k : order) {
    if (out.largest.size() < each && radius(k) > 0) out.largest.push_back(k);
  }
  for (auto k = order.rbegin(); k != order.rend() && out.smallest.size() < each; ++k) {
    if (radius(*k) > 0) out.smallest.push_back(*k);
  }
  const double below = samples.eps.empty() ? 0 : SampleCounts({samples.eps[0]}, samples.unit, samples.smallest_std).eps[0].below;
  std::vector<std::size_t> other;
  for (auto k = order.rbegin(); k != order.rend(); ++k) {
    const SampleRecord& record = samples.records[*k];
    const bool wrong = record.label != no_class && record.predicted != record.label;
    if (!(radius(*k) > below)) (wrong ? out.uncertified : other).push_back(*k);
  }
  out.uncertified.insert(out.uncertified.end(), other.begin(), other.end());
  if (out.uncertified.size() > each) out.uncertified.resize(each);
  if (facts.attack) {
    std::vector<Flip> flips;
    for (const auto& [index, flip] : facts.attack->flips) flips.push_back(flip);
    std::stable_sort(flips.begin(), flips.end(), [](const Flip& a, const Flip& b) { return a.distance < b.distance; });
    const std::uint64_t first = samples.claim.at("selection").at("first").get<std::uint64_t>();
    for (std::size_t k = 0; k < std::min(each, flips.size()); ++k) out.flipped.push_back(flips[k].index - first);
  }
  return out;
}

void load_pictures(Facts& facts, const DataSource& source) {
  const SampleView& samples = *facts.samples;
  const Selection chosen = choose(facts);
  std::set<std::uint64_t> wanted;
  for (const auto* list : {&chosen.largest, &chosen.smallest, &chosen.uncertified, &chosen.flipped}) {
    for (const std::size_t k : *list) wanted.insert(samples.records[k].index);
  }
  SampleReader reader(source);
  std::vector<Sample> kept;
  std::uint64_t at = 0;
  for (const std::uint64_t index : wanted) {
    Sample sample;
    if (!reader.skip(index - at) || !reader.next(sample))
      throw input_error(printable(source.samples) + ": has fewer samples than the certificate names.");
    at = index + 1;
    kept.push_back(std::move(sample));
  }
  const DataDescription description = reader.finish();
  const Json& files = samples.claim.at("data").at("files");
  bool same = files.size() == description.files.size();
  for (std::size_t i = 0; same && i < files.size(); ++i) same = files[i].at("sha256") == description.files[i].sha256;
  if (!same)
    throw input_error(printable(source.samples) +
                      ": is no longer the data that were rechecked; leave the files alone while a report is made.");
  const bool channels_last = samples.scaling.array_layout == Layout::nhwc;
  const SampleShape shape = image_shape(description, samples.scaling, channels_last);
  facts.pictures = shape.image;
  if (!shape.image) return;
  std::map<std::size_t, std::vector<double>> inputs;
  if (facts.attack && !facts.attack->inputs.empty()) {
    std::set<std::size_t> rows;
    for (const std::size_t k : chosen.flipped) rows.insert(facts.attack->flips.at(samples.records[k].index).row);
    inputs = flipped_inputs(*facts.attack, rows, shape.entries());
  }
  for (const Sample& sample : kept) {
    const Brightness brightness(sample);
    GalleryPicture picture{sample.index, picture_of(shape, channels_last, [&](std::size_t i) { return brightness.at(i); }), std::nullopt};
    if (facts.attack) {
      const auto flip = facts.attack->flips.find(sample.index);
      const auto input = flip == facts.attack->flips.end() ? inputs.end() : inputs.find(flip->second.row);
      if (input != inputs.end()) picture.flipped = picture_of(shape, channels_last, [&](std::size_t i) { return brightness.grey(input->second[i]); });
    }
    facts.gallery.push_back(std::move(picture));
  }
}

}  // namespace lipcert::report
