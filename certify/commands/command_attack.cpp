// `lipcert attack`: samples in, the smallest flips found out, and whether they refute a certificate.

#include "certify/commands/command_attack.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <limits>
#include <thread>

#include "certify/attack/certified.hpp"
#include "certify/attack/search.hpp"
#include "certify/commands/loaded_model.hpp"
#include "certify/commands/progress.hpp"
#include "formats/encoding/error.hpp"

namespace lipcert {
namespace {

struct Finding {
  std::uint64_t index = 0;
  std::uint32_t from = 0;
  std::uint32_t to = 0;
  double distance = 0;
  double radius = 0;  // certified; 0 without a certificate or when undecided

  [[nodiscard]] double ratio() const {
    return distance > 0 ? radius / distance : radius > 0 ? std::numeric_limits<double>::infinity() : 0.0;
  }
  [[nodiscard]] bool refutes() const { return distance < radius; }
};

struct Totals {
  std::uint64_t attacked = 0;
  std::uint64_t flipped = 0;
  std::uint64_t refuted = 0;
  std::uint64_t certified = 0;  // attacked samples with a positive certified radius
  std::vector<Finding> shown;   // best `list` by ratio with a certificate, by distance without
  std::vector<float> ratios;    // of certified samples that were flipped
  double smallest = std::numeric_limits<double>::infinity();
};

void require_same_data(const attack::CertifiedSamples& certified, const DataDescription& description, const std::string& path) {
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

/// `count` numbers of a few digits; for people only.
std::string short_number(double value) {
  return std::isfinite(value) ? fmt::format("{:.6g}", value) : "infinite";
}

}  // namespace

int attack_command(const AttackOptions& options) {
  const auto start = std::chrono::steady_clock::now();
  DataOptions data = options.data;
  std::optional<attack::CertifiedSamples> certified;
  ScalingTexts scaling = data.scaling();
  if (!options.certificate.empty()) {
    DataOptions blank;
    blank.data = data.data;
    blank.format = data.format;
    blank.limit = data.limit;
    if (!(data == blank))
      throw Error(ExitCode::usage,
                  "With --certificate the labels, the scaling and the layout are the certificate's; leave those options out.");
    certified = attack::read_certified_samples(options.certificate);
    scaling = certified->scaling;
    data.label_column = certified->label_column;
  }
  const LoadedModel model = load_model(options.model, options.allow_external_data);
  refuse_unsupported(options.model, model.network.refusals);
  if (certified && certified->model_sha256 != model.file.sha256)
    throw input_error(options.model + ": is not the model that " + options.certificate + " is about (another SHA-256); give that model.");
  const attack::PlainNetwork network(model.network);
  const DataSource source = data.source();
  const DataDescription description = scan_data(source);
  const Scaling scaled(scaling, description.shape, model.network.values[model.network.input].shape, source.samples);
  SampleRange range = {0, description.samples};
  if (certified) {
    require_same_data(*certified, description, source.samples);
    range = certified->selection;
    if (range.first > description.samples || range.count > description.samples - range.first)
      throw input_error(options.certificate + ": selects samples that the data does not have.");
  }
  range.count = std::min(range.count, data.limit.value_or(range.count));

  SampleReader reader(source);
  if (!reader.skip(range.first)) throw input_error(source.samples + ": the data changed while it was read; leave it alone until the end.");
  constexpr std::uint64_t batch = 64;
  const auto batches = static_cast<std::size_t>((range.count + batch - 1) / batch);
  Totals totals;
  ProgressBar bar(true);
  std::vector<std::vector<double>> radii(batches);
  Sample sample;
  std::vector<EntryBounds> entries;
  std::uint64_t position = 0;
  const auto load = [&](std::size_t b) {
    std::vector<attack::Target> targets;
    for (std::uint64_t k = 0; k < batch && position < range.count; ++k, ++position) {
      if (!reader.next(sample)) throw input_error(source.samples + ": the data changed while it was read; leave it alone until the end.");
      attack::Target target;
      target.index = sample.index;
      double radius = 0;
      if (certified) {
        const SampleRecord record = decode_record(certified->records.data() + position * record_bytes, options.certificate);
        if (record.index != sample.index) throw input_error(options.certificate + ": has its records out of order.");
        if (record.predicted == no_class) continue;
        if (record.predicted >= std::max<std::size_t>(network.outputs(), 2))
          throw input_error(options.certificate + ": names a class that the model does not have.");
        target.predicted = record.predicted;
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
  const auto done = [&](std::size_t b, const std::vector<attack::Target>& targets, const std::vector<attack::Flip>& flips) {
    for (std::size_t i = 0; i < targets.size(); ++i) {
      ++totals.attacked;
      const double radius = radii[b][i];
      totals.certified += radius > 0 ? 1U : 0U;
      if (!flips[i].found) continue;
      const Finding finding = {targets[i].index, flips[i].from, flips[i].to, flips[i].distance, radius};
      ++totals.flipped;
      totals.smallest = std::min(totals.smallest, finding.distance);
      if (radius > 0) totals.ratios.push_back(static_cast<float>(finding.ratio()));
      totals.refuted += finding.refutes() ? 1U : 0U;
      totals.shown.push_back(finding);
    }
    const auto before = [&](const Finding& a, const Finding& c) {
      if (certified && a.ratio() != c.ratio()) return a.ratio() > c.ratio();
      return a.distance != c.distance ? a.distance < c.distance : a.index < c.index;
    };
    std::sort(totals.shown.begin(), totals.shown.end(), before);
    if (totals.shown.size() > options.list) totals.shown.resize(options.list);
    std::vector<double>().swap(radii[b]);
    bar.show(static_cast<double>(b + 1) / static_cast<double>(batches), "attacked");
  };
  const unsigned threads = options.threads != 0 ? options.threads : std::max(1U, std::thread::hardware_concurrency());
  attack::attack_all(network, batches, threads, {options.seed, options.steps}, load, done);
  const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();

  std::sort(totals.ratios.begin(), totals.ratios.end());
  const double largest = totals.ratios.empty() ? 0 : static_cast<double>(totals.ratios.back());
  const double median = totals.ratios.empty() ? 0 : static_cast<double>(totals.ratios[totals.ratios.size() / 2]);
  if (options.json) {
    Json list = Json::array();
    for (const Finding& f : totals.shown) {
      Json item = {{"index", f.index}, {"from", f.from}, {"to", f.to}, {"distance", f.distance}};
      if (certified) {
        item["radius"] = std::isfinite(f.radius) ? Json(f.radius) : Json("infinity");
        item["ratio"] = std::isfinite(f.ratio()) ? Json(f.ratio()) : Json("infinity");
      }
      list.push_back(item);
    }
    Json out = {{"attacked", totals.attacked}, {"flipped", totals.flipped}};
    if (std::isfinite(totals.smallest)) out["smallestFlip"] = totals.smallest;
    if (certified) {
      out["certified"] = totals.certified;
      out["refuted"] = totals.refuted;
      out["largestRatio"] = std::isfinite(largest) ? Json(largest) : Json("infinity");
      out["medianRatio"] = std::isfinite(median) ? Json(median) : Json("infinity");
    }
    out["flips"] = list;
    out["seconds"] = seconds;
    fmt::print("{}\n", out.dump());
  } else {
    fmt::print("attacked     {} samples, {} flipped\n", totals.attacked, totals.flipped);
    if (std::isfinite(totals.smallest)) fmt::print("nearest      a flip at distance {}\n", short_number(totals.smallest));
    if (certified) {
      fmt::print("certified    {} samples, {} flipped inside their radius\n", totals.certified, totals.refuted);
      fmt::print("ratio        certified radius / smallest flip: median {}, largest {}\n", short_number(median), short_number(largest));
    }
    if (!totals.shown.empty()) {
      fmt::print("\n{:>9}  {:>6}  {:>6}  {:>12}{}\n", "sample", "class", "flip", "distance",
                 certified ? fmt::format("  {:>12}  {:>8}", "certified", "ratio") : "");
      for (const Finding& f : totals.shown) {
        fmt::print("{:>9}  {:>6}  {:>6}  {:>12}", f.index, f.from, f.to, short_number(f.distance));
        if (certified) fmt::print("  {:>12}  {:>8}{}", short_number(f.radius), short_number(f.ratio()), f.refutes() ? "  REFUTED" : "");
        fmt::print("\n");
      }
      fmt::print("\n");
    }
    fmt::print("time         {:.2f} s\n", seconds);
  }
  return totals.refuted > 0 ? static_cast<int>(ExitCode::rejected) : 0;
}

}  // namespace lipcert
