// `lipcert attack`: samples in, the smallest flips found out, and whether they refute a certificate.

#include "certify/commands/print.hpp"
#include "certify/commands/command_attack.hpp"

#include <fmt/format.h>

#include <bit>
#include <chrono>
#include <cmath>

#include "certify/commands/progress.hpp"
#include "certify/lipcert.hpp"

namespace lipcert {
namespace {

/// `count` numbers of a few digits; for people only.
std::string short_number(double value) {
  return std::isfinite(value) ? fmt::format("{:.6g}", value) : "infinite";
}

/// The flips that are listed as NPY, version 1: float64 of shape (flips, channels, rows, columns) of an image, else (flips, entries).
std::string npy_of(const attack::AttackReport& report) {
  const SampleShape& shape = report.shape;
  std::string header = fmt::format("{{'descr': '<f8', 'fortran_order': False, 'shape': ({}, {}), }}", report.shown.size(),
                                   shape.image ? fmt::format("{}, {}, {}", shape.channels, shape.rows, shape.columns) : fmt::format("{}", shape.entries()));
  constexpr std::size_t before = 10;  // magic, version, length of the header
  header += std::string(63 - (before + header.size()) % 64, ' ') + "\n";
  std::string bytes = "\x93NUMPY";
  for (const std::size_t byte : {std::size_t{1}, std::size_t{0}, header.size() % 256, header.size() / 256}) bytes += static_cast<char>(byte);
  bytes += header;
  for (const attack::Finding& finding : report.shown) {
    for (const double value : finding.values) {
      const auto bits = std::bit_cast<std::uint64_t>(value);
      for (unsigned k = 0; k < 8; ++k) bytes += static_cast<char>(bits >> (8 * k) & 0xFF);
    }
  }
  return bytes;
}

}  // namespace

int attack_command(const AttackOptions& options) {
  const auto start = std::chrono::steady_clock::now();
  attack::AttackJob job;
  job.scaling = options.data.scaling();
  if (!options.certificate.empty()) {
    DataOptions blank;
    blank.data = options.data.data;
    blank.format = options.data.format;
    blank.limit = options.data.limit;
    if (!(options.data == blank))
      throw Error(ExitCode::usage,
                  "With --certificate the labels, the scaling and the layout are the certificate's; leave those options out.");
  }
  job.model = options.model;
  job.allow_external_data = options.allow_external_data;
  job.function = options.function.choice();
  job.source = options.data.source();
  job.limit = options.data.limit;
  job.certificate = options.certificate;
  job.unit = unit_of(options.unit);
  if (!options.input_range.empty()) {
    if (!options.certificate.empty())
      throw Error(ExitCode::usage, "With --certificate the range of inputs is the certificate's; leave --input-range out.");
    SampleOptions texts;
    texts.input_range = options.input_range;
    job.range = texts.range();
  }
  job.steps = options.steps;
  job.seed = options.seed;
  job.threads = options.threads;
  job.list = options.list;
  job.keep_inputs = !options.flips.empty();
  attack::AttackReport report;
  {
    ProgressBar bar(true);
    report = attack::attack_samples(job, [&](double done) { bar.show(done, "attacked"); });
  }
  const std::string array = options.flips.empty() ? "" : npy_of(report);
  if (!options.flips.empty()) write_file(options.flips, array, Overwrite::no);
  const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  if (options.json) {
    Json list = Json::array();
    for (const attack::Finding& f : report.shown) {
      Json item = {{"index", f.index}, {"from", f.from}, {"to", f.to}, {"distance", f.distance}};
      if (report.against_certificate) {
        item["radius"] = std::isfinite(f.radius) ? Json(f.radius) : Json("infinity");
        item["ratio"] = std::isfinite(f.ratio()) ? Json(f.ratio()) : Json("infinity");
      }
      list.push_back(item);
    }
    Json out = {{"attacked", report.attacked}, {"flipped", report.flipped}, {"unit", name_of(report.unit)}};
    if (report.range) out["inputRange"] = {{"low", report.range->low}, {"high", report.range->high}};
    if (std::isfinite(report.smallest)) out["smallestFlip"] = report.smallest;
    if (report.against_certificate) {
      out["certified"] = report.certified;
      out["refuted"] = report.refuted;
      out["largestRatio"] = std::isfinite(report.largest_ratio) ? Json(report.largest_ratio) : Json("infinity");
      out["medianRatio"] = std::isfinite(report.median_ratio) ? Json(report.median_ratio) : Json("infinity");
    }
    out["flips"] = list;
    if (!options.flips.empty()) out["inputs"] = {{"file", file_name_of(options.flips)}, {"sha256", sha256_hex(array)}};
    out["seconds"] = seconds;
    print_json_line(out);
  } else {
    print("attacked     {} samples, {} flipped\n", report.attacked, report.flipped);
    print("unit         distances and radii in {}\n", unit_text(report.unit));
    if (report.range) print("inputs       only those with {} <= v * scale <= {} in every entry\n", report.range->low, report.range->high);
    if (std::isfinite(report.smallest)) print("nearest      a flip at distance {}\n", short_number(report.smallest));
    if (report.against_certificate) {
      print("certified    {} samples, {} flipped inside their radius\n", report.certified, report.refuted);
      print("ratio        certified radius / smallest flip: median {}, largest {}\n", short_number(report.median_ratio), short_number(report.largest_ratio));
    }
    if (!report.shown.empty()) {
      print("\n{:>9}  {:>6}  {:>6}  {:>12}{}\n", "sample", "class", "flip", "distance",
                 report.against_certificate ? fmt::format("  {:>12}  {:>8}", "certified", "ratio") : "");
      for (const attack::Finding& f : report.shown) {
        print("{:>9}  {:>6}  {:>6}  {:>12}", f.index, f.from, f.to, short_number(f.distance));
        if (report.against_certificate) print("  {:>12}  {:>8}{}", short_number(f.radius), short_number(f.ratio()), f.refutes ? "  REFUTED" : "");
        print("\n");
      }
      print("\n");
    }
    print("time         {:.2f} s\n", seconds);
  }
  return report.refuted > 0 ? static_cast<int>(ExitCode::rejected) : 0;
}

}  // namespace lipcert
