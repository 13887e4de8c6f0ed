// See attack_samples.hpp.
#include "certify/attack/attack_samples.hpp"

#include <algorithm>
#include <cmath>
#include <thread>

#include "certify/attack/certified.hpp"
#include "certify/attack/search.hpp"
#include "certify/graph/model.hpp"
#include "formats/encoding/error.hpp"

namespace lipcert::attack {
namespace {

void require_same_data(const CertifiedSamples& certified, const DataDescription& description, const std::string& path) {
  const std::string role = description.format == DataFormat::png_folder ? "folder" : "samples";
  const auto digest = [&](const auto& files) {
    for (const auto& file : files) {
      if (file.at("role") == role) return file.at("sha256").template get<std::string>();
    }
    return std::string();
  };
  if (digest(certified.data.at("files")) != description.files.front().sha256 || certified.data.at("samples") != description.samples)
    throw input_error(path + ": is not the data that the certificate is about (another SHA-256); give that file.");
}

/// The length of a flip in scaled pixels, rounded up: entry i counts |std| of its channel times.
double in_pixels(const Scaling& scaling, const Target& target, const Flip& flip) {
  long double square = 0;
  long double largest = 0;
  for (std::size_t i = 0; i < flip.y.size(); ++i) {
    const long double std = scaling.pixels_per_unit(i);
    const long double change = std * (static_cast<long double>(flip.y[i]) - static_cast<long double>(target.x[i]));
    square += change * change;
    largest = std::max(largest, std);
  }
  const long double length = std::sqrt(square) * (1 + 0x1p-40L) + largest * static_cast<long double>(target.x_error) * (1 + 0x1p-40L);
  return std::nextafter(static_cast<double>(length), std::numeric_limits<double>::infinity());
}

}  // namespace

AttackReport attack_samples(const AttackJob& job, const std::function<void(double)>& progress) {
  std::optional<CertifiedSamples> certified;
  ScalingTexts scaling = job.scaling;
  DataSource source = job.source;
  if (!job.certificate.empty()) {
    certified = read_certified_samples(job.certificate);
    scaling = certified->scaling;
    source.label_column = certified->label_column;
  }
  const Model model = read_model(job.model, job.allow_external_data, job.function);
  refuse_unsupported(job.model, model.network.refusals);
  if (certified && certified->model_sha256 != model.file.sha256)
    throw input_error(job.model + ": is not the model that " + job.certificate + " is about (another SHA-256); give that model.");
  const PlainNetwork network(model.network);
  const DataDescription description = scan_data(source);
  const Shape& input = model.network.values[model.network.input].shape;
  if (!certified) scaling = fitted(scaling, description, input, source.samples);
  const Scaling scaled(scaling, description.shape, input, source.samples);
  const Unit unit = job.unit.value_or(certified ? certified->eps_unit : usual_unit(scaling));
  const bool pixels = unit == Unit::scaled_pixel;
  const Rational smallest = smallest_std(scaling);
  SampleRange range = {0, description.samples};
  if (certified) {
    require_same_data(*certified, description, source.samples);
    range = certified->selection;
    if (range.first > description.samples || range.count > description.samples - range.first)
      throw input_error(job.certificate + ": selects samples that the data does not have.");
  }
  range.count = std::min(range.count, job.limit.value_or(range.count));

  SampleReader reader(source);
  if (!reader.skip(range.first)) throw input_error(source.samples + ": the data changed while it was read; leave it alone until the end.");
  constexpr std::uint64_t batch = 64;
  const auto batches = static_cast<std::size_t>((range.count + batch - 1) / batch);
  AttackReport report;
  report.against_certificate = certified.has_value();
  report.unit = unit;
  report.shape = description.shape;
  std::vector<float> ratios;  // of certified samples that were flipped
  std::vector<std::vector<double>> radii(batches);
  Sample sample;
  std::vector<EntryBounds> entries;
  std::uint64_t position = 0;
  const auto load = [&](std::size_t b) {
    std::vector<Target> targets;
    for (std::uint64_t k = 0; k < batch && position < range.count; ++k, ++position) {
      if (!reader.next(sample)) throw input_error(source.samples + ": the data changed while it was read; leave it alone until the end.");
      Target target;
      target.index = sample.index;
      double radius = 0;
      if (certified) {
        const SampleRecord record = decode_record(certified->records.data() + position * record_bytes(certified->theorem), certified->theorem, job.certificate);
        if (record.index != sample.index) throw input_error(job.certificate + ": has its records out of order.");
        if (record.predicted == no_class) continue;
        if (record.predicted >= std::max<std::size_t>(network.outputs(), 2))
          throw input_error(job.certificate + ": names a class that the model does not have.");
        target.predicted = record.predicted;
        target.radius = record.radius;
        radius = record.radius;
      }
      scaled.enclose(sample, entries);
      long double gap = 0;
      for (const EntryBounds& entry : entries) {
        target.x.push_back(entry.lower);
        const long double width = static_cast<long double>(entry.upper) - static_cast<long double>(entry.lower);
        gap += width * width;
      }
      target.x_error = static_cast<double>(std::sqrt(gap) * 1.0001L);
      radii[b].push_back(radius);
      targets.push_back(std::move(target));
    }
    return targets;
  };
  const auto done = [&](std::size_t b, const std::vector<Target>& targets, const std::vector<Flip>& flips) {
    for (std::size_t i = 0; i < targets.size(); ++i) {
      ++report.attacked;
      const double radius = radii[b][i];
      report.certified += radius > 0 ? 1U : 0U;
      if (!flips[i].found) continue;
      Finding finding = {targets[i].index, flips[i].from, flips[i].to, flips[i].distance, radius, flips[i].distance < radius, {}};
      if (job.keep_inputs) finding.values = scaled.unscaled(flips[i].y);
      if (pixels) {
        finding.distance = in_pixels(scaled, targets[i], flips[i]);
        if (std::isfinite(radius)) finding.radius = (Rational::exact(radius) * smallest).rounded_down();
      }
      ++report.flipped;
      report.smallest = std::min(report.smallest, finding.distance);
      if (radius > 0) ratios.push_back(static_cast<float>(finding.ratio()));
      report.refuted += finding.refutes ? 1U : 0U;
      report.shown.push_back(finding);
    }
    const auto before = [&](const Finding& a, const Finding& c) {
      if (certified && a.ratio() != c.ratio()) return a.ratio() > c.ratio();
      return a.distance != c.distance ? a.distance < c.distance : a.index < c.index;
    };
    std::sort(report.shown.begin(), report.shown.end(), before);
    if (report.shown.size() > job.list) report.shown.resize(job.list);
    std::vector<double>().swap(radii[b]);
    if (progress) progress(static_cast<double>(b + 1) / static_cast<double>(batches));
  };
  const unsigned threads = job.threads != 0 ? job.threads : std::max(1U, std::thread::hardware_concurrency());
  SearchSettings settings;
  settings.seed = job.seed;
  settings.steps = job.steps;
  const std::optional<StatedRange> stated = certified ? certified->range : job.range;
  report.range = stated;
  if (stated) {  // rounded inward, so that what counts lies inside exactly
    const Rational low = Rational::parse(stated->low, "--input-range");
    const Rational high = Rational::parse(stated->high, "--input-range");
    for (std::size_t i = 0; i < scaled.entries(); ++i) {
      const Rational first = scaled.input_of(low, i);
      const Rational second = scaled.input_of(high, i);
      settings.low.push_back((first < second ? first : second).rounded_up());
      settings.high.push_back((first < second ? second : first).rounded_down());
      if (settings.low.back() > settings.high.back())
        throw Error(ExitCode::usage, "--input-range " + stated->low + "," + stated->high + " holds no number of binary64 in entry " + std::to_string(i) + "; widen it.");
    }
  }
  attack_all(network, batches, threads, settings, load, done);
  std::sort(ratios.begin(), ratios.end());
  report.largest_ratio = ratios.empty() ? 0 : static_cast<double>(ratios.back());
  report.median_ratio = ratios.empty() ? 0 : static_cast<double>(ratios[ratios.size() / 2]);
  return report;
}

}  // namespace lipcert::attack
